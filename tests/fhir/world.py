"""A clinic with something of every kind that the façade serves, and who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.rules import Severity
from shop.prescriptions import filling, holding, requesting, reviewing, revoking, signing
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening import checking
from shop.treatments import booking, cancelling
from shop.treatments import holding as plan_holding
from shop.treatments import revoking as plan_revoking
from shop.treatments.models import Plan
from tests.builders import a_cream
from tests.people import a_browser, a_fresh_sign_in, a_licence, alice, bob, dr_chen, eva
from tests.prescriptions.builders import (
    a_draft,
    a_prescription,
    a_request,
    completed,
    read_the_leaflet,
    the_terms,
)
from tests.prescriptions.test_checking import a_formula, tretinoin
from tests.treatments.builders import (
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
)

BASE = "http://localhost/fhir/r4"
REASON = """Discussed with her on the phone.
She will wait until the skin is calm.

  SC-NONSENSE version 1, hard_stop: This is no finding.
    Fired by: nothing
    Signed all the same: nor is this"""
TYPES = (
    "MedicationRequest",
    "MedicationDispense",
    "Task",
    "DetectedIssue",
    "Provenance",
    "Patient",
    "Practitioner",
    "CarePlan",
    "ServiceRequest",
    "Procedure",
)


@dataclass(frozen=True)
class World:
    """Alice's prescriptions, one of each kind; Bob's are another's, in another state."""

    app: Flask
    alice: Person
    bob: Person
    chen: Person  # licensed where Alice lives
    lee: Person  # the same, who signed nothing of hers
    tess: Person  # licensed where Bob lives
    eva: Person
    signed: Prescription  # with findings, overridden; three fills: one of each state
    prescriptions: tuple[Prescription, ...]  # Alice's
    requests: tuple[ApprovalRequest, ...]  # Alice's, in every state a verb leads to
    draft: ApprovalRequest
    bobs: Prescription
    fills: tuple[Fill, ...]
    plans: tuple[Plan, ...]  # Alice's, drafted by Eva: started, held, with the physicians, ended

    def browser(self, person: Person) -> FhirBrowser:
        """This person's, signed in."""
        act_as("system:test")
        return FhirBrowser(self.app, person)


class FhirBrowser:
    """Somebody's browser, at the façade."""

    def __init__(self, app: Flask, person: Person) -> None:
        self.client: FlaskClient = a_browser(app, person)

    def answer(self, path: str, **headers: str) -> Any:
        """The response of a path, or of a whole address of ours."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path if path.startswith("http") else f"{BASE}/{path}", headers=sent)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.answer(path)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "application/fhir+json"
        body: dict[str, Any] = answer.json
        return body

    def found(self, path: str) -> list[dict[str, Any]]:
        """The resources of the first page."""
        return resources(self.get(path))

    def every(self, path: str) -> list[dict[str, Any]]:
        """The resources of all pages."""
        seen: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            bundle = self.get(following)
            seen += resources(bundle)
            following = link(bundle, "next")
        return seen

    def ids(self, path: str) -> list[str]:
        return [one["id"] for one in self.found(path)]


def resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def a_world(app: Flask) -> World:
    """All of it, committed."""
    client, other = alice(), bob()
    chen, lee, tess = dr_chen(), dr_chen(name="Dr Lee"), dr_chen(states=("TX",), name="Dr Tess")
    a_licence(chen, state="OR", kind="DO", ended_on=now().date(), ended_by_id=chen.id)
    helper = eva()
    signed = with_findings(client, a_formula(tretinoin()), by=chen)
    signed.variant.package_ndc = "0378-8082-20"
    held, revoked = (a_prescription(client, by=chen) for _ in range(2))
    used = a_prescription(client, by=chen, fills=1, interval_days=30)
    holding.hold(held, reason="Waiting for a photograph.", by=chen, at=now())
    revoking.revoke(revoked, reason="Allergic to it.", by=chen, at=now())
    world = World(
        app=app,
        alice=client,
        bob=other,
        chen=chen,
        lee=lee,
        tess=tess,
        eva=helper,
        signed=signed,
        prescriptions=(signed, held, revoked, used),
        requests=_requests(client, chen, helper),
        draft=a_draft(client),
        bobs=a_prescription(other, by=tess),
        fills=(*_fills(signed), *_fills(used)[:1]),
        plans=_plans(client, chen, helper),
    )
    db.session.commit()
    return world


def with_findings(client: Person, variant: Variant, *, by: Person) -> Prescription:
    """Signed although screening found something, each soft stop with a reason of several lines."""
    request = a_draft(client, variant)
    said = completed(
        request.questionnaire_version, skin_conditions=["rosacea", "cold_sores"], pregnancy="trying"
    )
    requesting.answer(request, said, by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    reviewing.claim(request, by=by, at=now())
    hits = checking.check(request, at=now())
    stops = {hit.rule for hit in hits if hit.severity is Severity.SOFT_STOP}
    terms = the_terms(overrides=dict.fromkeys(stops, REASON))
    read_the_leaflet(client, variant)
    return signing.sign(request, terms, by=by, proof=a_fresh_sign_in(by), at=now())


def _requests(client: Person, chen: Person, helper: Person) -> tuple[ApprovalRequest, ...]:
    queued, claimed, declined, withdrawn = (a_request(client) for _ in range(4))
    reviewing.claim(claimed, by=chen, at=now())
    reviewing.claim(declined, by=chen, at=now())
    reviewing.refuse(
        declined,
        reason=RefusalReason.BETTER_ALTERNATIVE,
        message="Azelaic acid suits you better.",
        note="Kept inside.",
        by=chen,
        at=now(),
    )
    requesting.withdraw(withdrawn, by=client, at=now())
    proposed = a_request(client, a_cream(), by=helper)
    return queued, claimed, declined, withdrawn, proposed


def _plans(client: Person, chen: Person, helper: Person) -> tuple[Plan, ...]:
    """A session of each state in the first: done, missed, booked, proposed, cancelled."""
    a_licence(helper, kind="esthetician")
    steps = [a_step(starts=in_days(days)) for days in (1, 30, 60, 90, 120)]
    started = an_active_plan(client, *steps, by=helper, chen=chen)
    a_performed_session(started)
    missed, booked, _proposed, cancelled = started.sessions[1:]
    for session in (missed, booked):
        booking.book(session, performer=helper, by=helper, at=now())
    cancelling.cancel(cancelled, reason="She is away.", by=helper, at=now())
    held = an_active_plan(client, by=helper, chen=chen)
    plan_holding.hold(held, reason="Sunburnt.", by=chen, at=now())
    waiting = a_proposal(client, by=helper)
    ended = a_proposal(client, by=helper)
    plan_revoking.revoke(ended, reason="Another course.", by=helper, at=now())
    db.session.flush()
    return started, held, waiting, ended


def _fills(prescription: Prescription) -> list[Fill]:
    """As many as are allowed: the first is gone, the second paid, the third given back."""
    fills = [
        filling.reserve(
            prescription.id, state="CA", quantity=prescription.quantity_per_fill, at=now()
        )
        for _ in range(prescription.fills_allowed)
    ]
    for fill in fills[:2]:
        filling.consume(fill, at=now())
    filling.dispense(fills[0], at=now())
    for fill in fills[2:]:
        filling.release(fill, at=now())
    db.session.flush()  # the database stamps the times
    for fill in fills:
        db.session.refresh(fill)
    return fills
