"""From ids that a reader may see to the resources she is shown, and whose record each belongs to.

A row is one resource, but for a signed prescription's findings: each is a DetectedIssue of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shop.accounts.models import Person, Role
from shop.fhir import (
    care_plans,
    detected_issues,
    dispenses,
    medication_requests,
    people,
    procedures,
    provenances,
    queries,
    service_requests,
)
from shop.fhir import tasks as task_resources
from shop.fhir.elements import Element, Place
from shop.fhir.findings import findings
from shop.prescriptions.models import ApprovalRequest


@dataclass(frozen=True)
class Asked:
    """Who looks, when, and where the façade stands."""

    reader: Person
    at: datetime
    place: Place


@dataclass(frozen=True)
class Shown:
    """A resource, and the client whose record it is part of (None: nobody's)."""

    resource: Element
    client: Person | None


Loaded = dict[UUID, list[Shown]]
Moments = Mapping[UUID, datetime]  # id → when it was last updated


def medication_requests_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    """Orders and proposals."""
    shown: Loaded = {}
    for one in queries.prescriptions_by_id(ids).values():
        resource = medication_requests.order(
            one,
            issues=detected_issues.ids(one, findings(one)),
            updated=updated[one.id],
            at=asked.at,
            place=asked.place,
        )
        shown[one.id] = [Shown(resource, one.client)]
    for request in queries.requests_by_id(ids).values():
        resource = medication_requests.proposal(
            request, updated=updated[request.id], place=asked.place
        )
        shown[request.id] = [Shown(resource, request.client)]
    return shown


def tasks_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [
            Shown(
                task_resources.task(
                    one, _beside(one, asked.reader), updated=updated[one.id], place=asked.place
                ),
                one.client,
            )
        ]
        for one in queries.requests_by_id(ids).values()
    }


def _beside(request: ApprovalRequest, reader: Person) -> task_resources.Shown:
    """What was signed is for its client and its prescriber; a refusal not for an esthetician."""
    signed = request.prescription
    return task_resources.Shown(
        prescription=signed is not None and reader.id in (signed.client_id, signed.prescriber_id),
        refusal=reader.role is not Role.ESTHETICIAN,
    )


def dispenses_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [
            Shown(
                dispenses.dispense(one, updated=updated[one.id], place=asked.place),
                one.prescription.client,
            )
        ]
        for one in queries.fills_by_id(ids).values()
    }


def detected_issues_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    """By prescription, in the order of its statement."""
    shown: Loaded = {}
    for one in queries.prescriptions_by_id(ids).values():
        found = findings(one)
        shown[one.id] = [
            Shown(
                detected_issues.detected_issue(
                    one, finding, id=name, updated=updated[one.id], place=asked.place
                ),
                one.client,
            )
            for name, finding in zip(detected_issues.ids(one, found), found, strict=True)
        ]
    return shown


def provenances_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [
            Shown(
                provenances.provenance(one, updated=updated[one.id], place=asked.place), one.client
            )
        ]
        for one in queries.prescriptions_by_id(ids).values()
    }


def patients_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [Shown(people.patient(one, updated=updated[one.id]), one)]
        for one in queries.people_by_id(ids).values()
    }


def practitioners_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    """Nobody's health: a licence and an NPI are public."""
    return {
        one.id: [Shown(people.practitioner(one, updated=updated[one.id], place=asked.place), None)]
        for one in queries.people_by_id(ids).values()
    }


def care_plans_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [
            Shown(care_plans.care_plan(one, updated=updated[one.id], place=asked.place), one.client)
        ]
        for one in queries.plans_by_id(ids).values()
    }


def service_requests_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    return {
        one.id: [
            Shown(
                service_requests.service_request(one, updated=updated[one.id], place=asked.place),
                one.plan.client,
            )
        ]
        for one in queries.sessions_by_id(ids).values()
    }


def procedures_of(ids: Sequence[UUID], updated: Moments, asked: Asked) -> Loaded:
    """By performance."""
    return {
        name: [
            Shown(
                procedures.procedure(one, updated=updated[name], place=asked.place), one.plan.client
            )
        ]
        for name, one in queries.sessions_by_performance(ids).items()
    }
