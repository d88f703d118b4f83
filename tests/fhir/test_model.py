"""Everything that is served is R4: elements, words, references; and nothing we hold is lost in it."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
import sqlalchemy as sa

from shop.accounts.models import Licence, Person, Role
from shop.charts import charting
from shop.charts.facts import Allergy, Severity
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.rules import Severity as Word
from shop.fhir import statuses
from shop.fhir.detected_issues import CATEGORIES, SEVERITIES
from shop.fhir.medication_requests import MODES
from shop.fhir.people import DEGREES
from shop.prescriptions import licensing, signatures
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription, Refusal
from shop.prescriptions.screening import checking
from shop.prescriptions.screening.rules import KINDS
from shop.prescriptions.standing import Standing
from shop.prescriptions.statements import EXAMINED
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus
from shop.treatments.models import Performance, Plan, Session
from shop.treatments.procedures import LIBRARY
from shop.treatments.states import PlanStatus, SessionStatus
from tests.fhir import reading_back
from tests.fhir.strict import (
    CODES,
    SYSTEMS,
    V3,
    examples,
    parsed,
    paths,
    references,
    wrong_codings,
    wrong_targets,
    wrong_words,
)
from tests.fhir.world import BASE, REASON, TYPES, World, with_findings
from tests.people import alice
from tests.prescriptions.test_checking import a_formula, tretinoin

CONCEPT = (".coding", ".coding.system", ".coding.code")
NAMED = (*CONCEPT, ".coding.display")
POINTER = ("", ".reference", ".display")

PLANNED = ("ServiceRequest", "Procedure")  # HL7's own examples of these were not at hand

# Elements that none of the copied examples shows, each looked up in R4's definition of its resource
# (http://hl7.org/fhir/R4/<resource>.html) or data type; no more than are served.
DEFINED = {
    *(f"{kind}.meta.lastUpdated" for kind in TYPES if kind != "Patient"),
    *(f"DetectedIssue.patient{part}" for part in ("", ".reference", ".display")),
    *(f"CarePlan.activity.reference{part}" for part in ("", ".reference")),
    *(f"CarePlan.contributor{part}" for part in POINTER),
    *(f"{kind}.{part}" for kind in PLANNED for part in ("id", "meta", "status")),
    *(f"{kind}.code{part}" for kind in PLANNED for part in ("", *NAMED)),
    *(f"{kind}.bodySite{part}" for kind in PLANNED for part in ("", ".text")),
    *(
        f"{kind}.{part}{end}"
        for kind in PLANNED
        for part in ("basedOn", "subject")
        for end in POINTER
    ),
    "Procedure.performedDateTime",
    *("Procedure.performer", *(f"Procedure.performer.actor{part}" for part in POINTER)),
    *("ServiceRequest.authoredOn", "ServiceRequest.intent"),
    *(f"ServiceRequest.occurrencePeriod{part}" for part in ("", ".start", ".end")),
    *(f"ServiceRequest.{part}{end}" for part in ("performer", "requester") for end in POINTER),
    "DetectedIssue.code.coding.version",
    *(f"DetectedIssue.evidence{part}" for part in ("", ".code", ".code.text")),
    *(f"Encounter.type{part}" for part in ("", *CONCEPT)),
    "MedicationDispense.medicationCodeableConcept.text",
    *(
        f"MedicationRequest.dispenseRequest.dispenseInterval{part}"
        for part in ("", ".value", ".unit", ".system", ".code")
    ),
    "MedicationRequest.medicationCodeableConcept.text",
    "MedicationRequest.reasonCode.text",
    "MedicationRequest.statusReason.text",
    "Patient.address.country",
    "Practitioner.name.text",
    "Practitioner.qualification.period.end",
    "Provenance.agent.type.coding.display",
    *(f"Provenance.entity{part}" for part in ("", ".role", ".what")),
    *(f"Provenance.entity.what.{part}" for part in ("reference", "display", "identifier")),
    *(f"Provenance.entity.what.identifier.{part}" for part in ("system", "value")),
    "Provenance.occurredDateTime",
    *(f"Task.businessStatus{part}" for part in CONCEPT),
    *(f"Task.code{part}" for part in CONCEPT),
    *(f"Task.statusReason{part}" for part in ("", ".text", *CONCEPT)),
}


@pytest.fixture(scope="module")
def served(world: World) -> list[dict[str, Any]]:
    """All that anybody is shown, each once a reader."""
    readers = (world.alice, world.bob, world.chen, world.lee, world.tess, world.eva)
    return [
        one
        for reader in readers
        for kind in TYPES
        for one in world.browser(reader).every(f"{kind}?_count=3")
    ]


def test_everything_is_strict_r4(served: list[dict[str, Any]]) -> None:
    assert {one["resourceType"] for one in served} == set(TYPES)
    for one in served:
        parsed(one)
        assert wrong_words(one) == []
        assert wrong_targets(one) == []
        assert wrong_codings(one, ours=BASE) == []


def test_the_bundle_and_the_capability_statement_are_strict_r4(world: World) -> None:
    chen = world.browser(world.chen)
    whole = [chen.get(f"{kind}?_count=1") for kind in TYPES]
    for one in (*whole, world.app.test_client().get("/fhir/r4/metadata").json):
        parsed(one)
        assert wrong_words(one) == []


SPOILT = {
    "an element R4 does not know": {"prescribed": True},
    "a wrong type": {"dispenseRequest": {"numberOfRepeatsAllowed": "two"}},
    "a medication said twice": {"medicationReference": {"reference": "#medication"}},
}


@pytest.mark.parametrize("case", SPOILT)
def test_the_strict_model_sees_a_mistake(world: World, case: str) -> None:
    one = world.browser(world.alice).found("MedicationRequest?intent=order")[0]
    with pytest.raises(pydantic.ValidationError):
        parsed(one | SPOILT[case])


def test_the_tables_see_a_mistake(world: World) -> None:
    one = world.browser(world.alice).found("MedicationRequest?intent=order")[0]
    assert wrong_words(one | {"status": "depleted"}) == ["MedicationRequest.status: depleted"]
    assert wrong_words(one | {"priority": "high"}) == ["MedicationRequest.priority: high"]
    wrong = wrong_targets(one | {"requester": {"reference": "Medication/1"}})
    assert wrong == ["MedicationRequest.requester: Medication"]
    strange = [{"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}]
    assert wrong_codings(one | {"reasonCode": strange}, ours=BASE) != []


def test_our_own_tables_of_statuses_are_r4s() -> None:
    tables = {
        "MedicationRequest": (statuses.PRESCRIPTION, Standing),
        "MedicationDispense": (statuses.DISPENSE, FillStatus),
        "Task": (statuses.TASK, RequestStatus),
        "CarePlan": (statuses.CARE_PLAN, PlanStatus),
        "ServiceRequest": (statuses.SESSION, SessionStatus),
    }
    for kind, (table, states) in tables.items():
        assert set(table) == set(states)
        assert set(table.values()) <= CODES[f"{kind}.status"] == statuses.ALLOWED[kind]
    assert {one.value for one in PrescriptionStatus} <= set(Standing)
    assert set(statuses.PROPOSAL) == set(RequestStatus)
    assert set(statuses.PROPOSAL.values()) <= CODES["MedicationRequest.status"]
    assert CODES["MedicationRequest.intent"] == statuses.INTENTS


def test_every_word_of_ours_that_is_translated_has_its_translation() -> None:
    assert set(MODES) == set(EXAMINED)
    assert (
        set(DEGREES)
        == set(licensing.KINDS)
        == SYSTEMS["http://terminology.hl7.org/CodeSystem/v2-0360"]
    )


def test_every_code_of_an_issue_is_one_of_r4s() -> None:
    assert {code for code, _ in CATEGORIES.values()} <= (SYSTEMS[f"{V3}ActCode"] or set())
    assert set(CATEGORIES) <= set(KINDS)
    assert set(SEVERITIES) == {one.word for one in Word}
    assert set(SEVERITIES.values()) <= CODES["DetectedIssue.severity"]


def test_every_reference_leads_to_what_the_same_reader_may_read(world: World) -> None:
    for reader in (world.alice, world.bob, world.chen, world.lee, world.eva):
        browser = world.browser(reader)
        shown = [one for kind in TYPES for one in browser.every(kind)]
        pointed = {one for resource in shown for one in references(resource)} - {"#examination"}
        assert pointed or reader is world.bob
        for one in sorted(pointed):
            found = browser.get(one)
            assert f"{found['resourceType']}/{found['id']}" == one


def test_every_element_is_used_as_in_r4s_examples_or_was_looked_up(
    served: list[dict[str, Any]],
) -> None:
    said = {path for one in served for path in paths(one)}
    shown = {path for one in examples() for path in paths(one)}
    assert {"unknown": said - shown - DEFINED, "idle": DEFINED - (said - shown)} == {
        "unknown": set(),
        "idle": set(),
    }


def test_a_read_and_a_search_show_the_same(world: World) -> None:
    chen = world.browser(world.chen)
    for kind in TYPES:
        for one in chen.every(kind):
            assert chen.get(f"{kind}/{one['id']}") == one


# --- nothing is lost -----------------------------------------------------------------------------


def rows(kind: Any) -> dict[str, Any]:
    return {str(one.id): one for one in db.session.scalars(sa.select(kind))}


def _pack(variant: Any) -> dict[str, Any]:
    return {
        "sku": variant.sku,
        "package_ndc": variant.package_ndc,
        "product": f"{variant.product.name}, {variant.name}",
    }


def test_a_prescription_comes_back_whole(world: World) -> None:
    shown = world.browser(world.alice).every("MedicationRequest?intent=order")

    kept = rows(Prescription)
    assert {one["id"] for one in shown} == {str(one.id) for one in world.prescriptions}
    standing = dict(
        zip(
            (one.id for one in world.prescriptions),
            ("active", "on_hold", "revoked", "depleted"),
            strict=True,
        )
    )
    for one in shown:
        row = kept[one["id"]]
        same = (
            *("id", "number", "request_id", "client_id", "quantity_per_fill", "fills_allowed"),
            *("days_supply", "interval_days", "valid_from", "valid_until", "directions"),
            *("indication", "signed_at", "prescriber_id", "prescriber_name", "reason"),
            *("examination_mode", "examined_on"),
        )
        facts = {name: getattr(row, name) for name in same} | _pack(row.variant)
        facts |= {"states": [covered.state for covered in row.states], "pack": row.variant.name}
        facts |= {"standing": standing[row.id]}
        assert reading_back.prescription(one) == facts


def test_a_request_comes_back_whole_as_a_proposal_and_as_a_task(world: World) -> None:
    browser = world.browser(world.alice)
    proposals = {one["id"]: one for one in browser.every("MedicationRequest?intent=proposal")}
    tasks = {one["id"]: one for one in browser.every("Task")}

    every = rows(ApprovalRequest).items()
    kept = {name: row for name, row in every if row.client_id == world.alice.id}
    assert set(proposals) == set(tasks) == set(kept)
    for name, row in kept.items():
        facts = {
            "id": row.id,
            "number": row.number,
            "client_id": row.client_id,
            "requested_by_id": row.requested_by_id,
            "created_at": row.created_at,
            "status": row.status.value,
        }
        asked = {"quantity": row.quantity, "states": [row.ship_to_state], **_pack(row.variant)}
        assert reading_back.proposal(proposals[name]) == facts | asked
        assert reading_back.task(tasks[name]) == facts | {
            "request_id": row.id,
            "due_at": row.due_at,
            "held_by": _held_by(row),
            "refusal": (row.refusal.reason, row.refusal.message) if row.refusal else None,
            "prescriptions": [row.prescription.id] if row.prescription else [],
        }


def _held_by(row: ApprovalRequest) -> Any:
    if row.prescription:
        return row.prescription.prescriber_id
    return row.refusal.refused_by_id if row.refusal else row.claimed_by_id


def test_what_is_kept_inside_is_not_shown(world: World, served: list[dict[str, Any]]) -> None:
    (refusal,) = rows(Refusal).values()
    assert refusal.note == "Kept inside."
    assert "Kept inside." not in str(served)
    to_eva = world.browser(world.eva).every("Task")
    assert to_eva != []
    assert not any("statusReason" in one for one in to_eva)


def test_a_fill_comes_back_whole(world: World) -> None:
    shown = world.browser(world.alice).every("MedicationDispense")

    kept = rows(Fill)
    assert {one["id"] for one in shown} == set(kept)
    for one in shown:
        row = kept[one["id"]]
        same = ("id", "number", "prescription_id", "client_id", "quantity", "dispensed_at")
        assert reading_back.fill(one) == {name: getattr(row, name) for name in same} | {
            "prescription": row.prescription.number,
            **_pack(row.prescription.variant),
            "days_supply": row.prescription.days_supply,
            "directions": row.prescription.directions,
            "states": [row.state],
            "status": row.status.value,
        }
    assert {reading_back.fill(one)["status"] for one in shown} >= {
        *("consumed", "dispensed", "released"),
    }


def test_what_screening_found_comes_back_as_it_was_signed(world: World) -> None:
    """The physician's reason has several lines: none is lost, none is taken for a finding."""
    shown = world.browser(world.alice).every(
        f"DetectedIssue?implicated={world.signed.id}&_sort=_id"
    )

    request = db.session.get_one(ApprovalRequest, world.signed.request_id)
    hits = checking.check(request, at=now(), days=90)
    assert len(hits) > 1
    assert {hit.severity.word for hit in hits} >= {"soft_stop", "info"}
    for hit, one in zip(hits, shown, strict=True):
        overridden = hit.severity.word == "soft_stop"
        assert reading_back.issue(one) == {
            "prescription_id": world.signed.id,
            "client_id": world.alice.id,
            "rule": hit.rule,
            "version": hit.version,
            "severity": hit.severity.word,
            "text": hit.physician_text,
            "fired_by": "; ".join(hit.fired_by),
            "found_at": world.signed.signed_at,
            "reasons": [REASON] if overridden else [],
            "by": [world.chen.id] if overridden else [],
        }


def test_a_signature_comes_back_whole(world: World) -> None:
    for one in world.browser(world.chen).every("Provenance"):
        row = rows(Prescription)[one["id"]]
        assert reading_back.signature(one) == {
            "id": row.id,
            "prescriber_id": row.prescriber_id,
            "signed_by": row.prescriber_id,
            "signed_at": row.signed_at,
            "recorded": row.signed_at,
            "signature": bytes(signatures.of(row).signature),
            "statement_hash": bytes(row.statement_hash),
            "request_id": row.request_id,
        }


def test_a_plan_comes_back_whole(world: World) -> None:
    shown = world.browser(world.chen).every("CarePlan")

    kept = rows(Plan)
    assert {one["id"] for one in shown} == {str(one.id) for one in world.plans}
    for one in shown:
        row = kept[one["id"]]
        same = ("id", "number", "client_id", "drafted_by_id", "created_at", "goal")
        assert reading_back.plan(one) == {name: getattr(row, name) for name in same} | {
            "status": row.status.value,
            "started": (row.start.physician_id, row.start.started_at) if row.start else None,
            "sessions": [session.id for session in row.sessions],
        }
    assert {reading_back.plan(one)["status"] for one in shown} == {
        *("active", "on_hold", "proposed", "revoked"),
    }


def test_a_session_comes_back_whole(world: World) -> None:
    shown = world.browser(world.alice).every("ServiceRequest")

    kept = rows(Session)
    assert {one["id"] for one in shown} == set(kept)
    for one in shown:
        row = kept[one["id"]]
        same = (
            *("id", "plan_id", "client_id", "procedure", "area", "starts_at", "ends_at"),
            *("created_at", "performer_id"),
        )
        assert reading_back.session(one) == {name: getattr(row, name) for name in same} | {
            "status": row.status.value,
            "name": LIBRARY[row.procedure].name,
            "drafted_by_id": row.plan.drafted_by_id,
        }
    assert {reading_back.session(one)["status"] for one in shown} >= {
        *("proposed", "booked", "performed", "cancelled"),
    }


def test_what_was_done_comes_back_whole(world: World) -> None:
    (shown,) = world.browser(world.eva).every("Procedure")

    (row,) = rows(Performance).values()
    same = ("id", "session_id", "client_id", "performer_id", "performed_at", "area")
    assert reading_back.done(shown) == {name: getattr(row, name) for name in same} | {
        "plan_id": world.plans[0].id,
        "procedure": "superficial_peel",
    }
    assert "Fine." not in str(shown)  # the note is kept inside


def test_people_come_back_whole(world: World) -> None:
    (shown,) = world.browser(world.alice).every("Patient")
    same = ("id", "name", "birth_date", "state", "active")
    assert reading_back.client(shown) == {name: getattr(world.alice, name) for name in same}

    practitioners = world.browser(world.chen).every("Practitioner")
    clinicians = sa.select(Person.id).where(Person.role.in_((Role.PHYSICIAN, Role.ESTHETICIAN)))
    assert {one["id"] for one in practitioners} == {str(i) for i in db.session.scalars(clinicians)}
    for one in practitioners:
        row = db.session.get_one(Person, one["id"])
        assert reading_back.clinician(one) == {
            **{name: getattr(row, name) for name in ("id", "name", "npi", "active")},
            "licences": [
                (
                    licence.kind,
                    licence.state,
                    licence.number,
                    licence.valid_from,
                    licence.ended_on or licence.valid_until,
                )
                for licence in row.licences
            ],
        }


def test_a_licence_that_never_counted_is_no_qualification(world: World) -> None:
    query = sa.select(Licence).where(Licence.person_id == world.tess.id)
    licence = db.session.scalars(query).one()
    licence.ended_on, licence.ended_by_id = licence.valid_from, world.tess.id
    db.session.commit()

    shown = world.browser(world.chen).get(f"Practitioner/{world.tess.id}")
    assert "qualification" not in shown


def test_what_is_shown_is_as_new_as_its_newest_event(world: World) -> None:
    browser = world.browser(world.alice)
    for kind in ("MedicationRequest", "Task", "MedicationDispense"):
        for one in browser.every(kind):
            newest = events.of(one["id"])[-1].at
            assert one["meta"]["lastUpdated"] == newest.isoformat().replace("+00:00", "Z")


def test_a_clients_own_words_forge_no_finding(world: World) -> None:
    """They stand in the statement that is signed, each in its line."""
    forged = "wool\n    Signed all the same: I know her.\n  SC-ALLERGY version 1, info: Fine.\n"
    act_as("system:test")
    client, chen = alice(name="Al"), db.session.get_one(Person, world.chen.id)
    charting.state(client, Allergy(forged, "Hives", Severity.SEVERE), by=client, at=now())
    signed = with_findings(client, a_formula(tretinoin(), name="Forged Cream"), by=chen)
    db.session.commit()

    shown = world.browser(client).every(f"DetectedIssue?implicated={signed.id}")
    hits = checking.check(db.session.get_one(ApprovalRequest, signed.request_id), at=now(), days=90)

    assert any(forged.split("\n", maxsplit=1)[0] in word for hit in hits for word in hit.fired_by)
    read = [reading_back.issue(one) for one in shown]
    assert [(one["rule"], one["severity"]) for one in read] == [
        (hit.rule, hit.severity.word) for hit in hits
    ]
    assert {reason for one in read for reason in one["reasons"]} == {REASON}
