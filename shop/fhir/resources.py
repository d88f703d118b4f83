"""What the façade serves: each type with what it can be searched by, where its rows are, and how
one is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.fhir import loading, queries
from shop.fhir.errors import NoSuchType
from shop.fhir.loading import Asked, Loaded, Moments
from shop.fhir.parameters import Kind, Parameter
from shop.fhir.statuses import ALLOWED, INTENTS
from shop.prescriptions.states import RequestStatus


@dataclass(frozen=True)
class Resource:
    """A type. `sorts` maps a parameter of `_sort` to the column it orders by (never null)."""

    type: str
    says: str  # for the CapabilityStatement
    parameters: Mapping[str, Parameter]
    sorts: Mapping[str, str]
    listing: Callable[[Person, datetime], sa.Subquery]
    load: Callable[[Sequence[UUID], Moments, Asked], Loaded]


def resource(type: str) -> Resource:
    """Raises NoSuchType."""
    try:
        return RESOURCES[type]
    except KeyError:
        raise NoSuchType(f"{type[:80]} is not served here. See /metadata.") from None


def _patient(*names: str) -> list[Parameter]:
    says = "Whose it is: Patient/<id>, or the id"
    return [Parameter(name, Kind.REFERENCE, "client_id", says, of="Patient") for name in names]


def _status(type: str) -> Parameter:
    return Parameter("status", Kind.CODE, "status", "FHIR's word", words=ALLOWED[type])


def _dated(name: str, says: str) -> Parameter:
    return Parameter(name, Kind.DATE, "dated", says)


def _number(says: str) -> Parameter:
    return Parameter("identifier", Kind.IDENTIFIER, "number", says)


def _prescription(name: str) -> Parameter:
    says = "The prescription it is about: MedicationRequest/<id>, or the id"
    return Parameter(name, Kind.REFERENCE, "prescription_id", says, of="MedicationRequest")


def _made(
    type: str,
    says: str,
    own: Sequence[Parameter],
    listing: Callable[[Person, datetime], sa.Subquery],
    load: Callable[[Sequence[UUID], Moments, Asked], Loaded],
    *,
    sort: str = "",
) -> Resource:
    """`sort` is the parameter for the moment it was made, where there is one."""
    always = [
        Parameter("_id", Kind.ID, "id", "Its id"),
        Parameter("_lastUpdated", Kind.DATE, "updated", "When it last changed"),
    ]
    sorts = {"_id": "id", "_lastUpdated": "updated"} | ({sort: "made"} if sort else {})
    known = {one.name: one for one in (*always, *own)}
    return Resource(type, says, known, sorts, listing, load)


def _plan(name: str) -> Parameter:
    says = "The plan it belongs to: CarePlan/<id>, or the id"
    return Parameter(name, Kind.REFERENCE, "plan_id", says, of="CarePlan")


_ALL = (
    _made(
        "MedicationRequest",
        "Prescriptions (intent order), with their state at this moment, and approval requests "
        "(intent proposal).",
        [
            *_patient("patient", "subject"),
            _status("MedicationRequest"),
            Parameter("intent", Kind.CODE, "intent", "order or proposal", words=INTENTS),
            _number("The number of a prescription or of a request"),
            _dated("authoredon", "When it was signed, or the request begun"),
        ],
        queries.medication_requests,
        loading.medication_requests_of,
        sort="authoredon",
    ),
    _made(
        "MedicationDispense",
        "Fills: one use of a prescription by one order line.",
        [
            *_patient("patient", "subject"),
            _status("MedicationDispense"),
            _number("<number of the prescription>/<number of the fill>"),
            _prescription("prescription"),
            _dated("whenhandedover", "When the parcel left"),
        ],
        queries.medication_dispenses,
        loading.dispenses_of,
    ),
    _made(
        "Task",
        "Approval requests as a physician's work; our own word is the businessStatus.",
        [
            *_patient("patient", "subject"),
            _status("Task"),
            Parameter(
                "business-status",
                Kind.CODE,
                "business_status",
                "Our own word",
                words=frozenset(RequestStatus),
            ),
            _number("The request's number"),
            _dated("authored-on", "When it was begun"),
            Parameter("modified", Kind.DATE, "updated", "When it last changed"),
        ],
        queries.tasks,
        loading.tasks_of,
        sort="authored-on",
    ),
    _made(
        "DetectedIssue",
        "What screening found when a prescription was signed; the reason to sign all the same is "
        "the mitigation.",
        [
            *_patient("patient"),
            _prescription("implicated"),
            _dated("identified", "When the prescription was signed"),
        ],
        queries.signatures,
        loading.detected_issues_of,
        sort="identified",
    ),
    _made(
        "Provenance",
        "The signature of a prescription: who, when, over which statement (its SHA-256).",
        [
            *_patient("patient"),
            _prescription("target"),
            _dated("recorded", "When it was signed"),
        ],
        queries.signatures,
        loading.provenances_of,
        sort="recorded",
    ),
    _made(
        "Patient",
        "Clients.",
        [_dated("birthdate", "Her date of birth")],
        queries.patients,
        loading.patients_of,
    ),
    _made(
        "Practitioner",
        "Physicians and estheticians, with their licences.",
        [_number("The NPI")],
        queries.practitioners,
        loading.practitioners_of,
    ),
    _made(
        "CarePlan",
        "Treatment plans: a proposal until a physician has started them.",
        [
            *_patient("patient", "subject"),
            _status("CarePlan"),
            _number("The plan's number"),
            _dated("date", "When a physician started it"),
        ],
        queries.care_plans,
        loading.care_plans_of,
    ),
    _made(
        "ServiceRequest",
        "The sessions of a plan, as what is to be done.",
        [
            *_patient("patient", "subject"),
            _status("ServiceRequest"),
            _plan("based-on"),
            Parameter("authored", Kind.DATE, "made", "When it was added to its plan"),
            _dated("occurrence", "When it begins"),
        ],
        queries.service_requests,
        loading.service_requests_of,
        sort="authored",
    ),
    _made(
        "Procedure",
        "Sessions that were done.",
        [
            *_patient("patient", "subject"),
            _status("Procedure"),
            _plan("based-on"),
            _dated("date", "When it was done"),
        ],
        queries.procedures,
        loading.procedures_of,
    ),
)

RESOURCES: Mapping[str, Resource] = {one.type: one for one in _ALL}
