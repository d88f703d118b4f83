"""A plan and what was asked for with it: one act, each prescription by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import ActiveClass
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.orders import plan_ending
from shop.prescriptions import plan_starting, queries, requesting, reviewing, signing
from shop.prescriptions.errors import (
    AlreadyClaimed,
    NotInThisPlan,
    PlanNotOpen,
    StatementChanged,
    TermsRefused,
)
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.plan_starting import Ticked
from shop.prescriptions.screening import checking
from shop.prescriptions.states import PrescriptionStatus, RequestStatus
from shop.treatments import completing, instructing, revoking
from shop.treatments.errors import PlanChanged, StaleSignIn
from shop.treatments.instructing import Wanted
from shop.treatments.models import Plan
from shop.treatments.regimens import Slot
from shop.treatments.states import PlanStatus
from tests.accounts.test_api import WORD, Browser, somebody
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_prescription, a_request, answers_to, the_terms
from tests.prescriptions.test_api import fresh
from tests.prescriptions.test_batching import calm_cream
from tests.prescriptions.test_checking import a_formula, a_substance, tretinoin
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import a_draft as a_drafted_plan
from tests.treatments.builders import a_performed_session, a_proposal, licensed_eva
from tests.treatments.builders import start as start_alone


def a_case(many: int = 2, client: Person | None = None) -> tuple[Plan, list[ApprovalRequest]]:
    """A proposed plan and so many requests of it, each for a cream of its own."""
    plan = a_proposal(client or alice())
    return plan, [a_request(plan.client, calm_cream(), plan=plan) for _ in range(many)]


def ticked(*asked: ApprovalRequest, **given: Any) -> list[Ticked]:
    return [Ticked(one.number, the_terms(**given)) for one in asked]


def start(plan: Plan, signs: list[Ticked], chen: Person, **given: Any) -> list[Prescription]:
    fields: dict[str, Any] = {"version": plan.version.number, "proof": a_fresh_sign_in(chen)}
    return plan_starting.start(plan, signs, by=chen, at=now(), **(fields | given))


def test_one_act_starts_the_plan_and_signs_what_was_ticked(app: Flask) -> None:
    chen = dr_chen()
    plan, (first, second, left) = a_case(3)
    worded = plan_starting.prepare(
        plan, {one.number: the_terms() for one in (first, second)}, by=chen, at=now()
    )
    texts = [one.draft.statement for one in worded if one.draft]

    signed = start(
        plan,
        [
            Ticked(one.request.number, the_terms(), text.hash)
            for one, text in zip(worded, texts, strict=True)
        ],
        chen,
    )
    db.session.commit()

    assert plan.status is PlanStatus.ACTIVE
    assert [one.request for one in signed] == [first, second]
    assert [one.statement for one in signed] == [text.text for text in texts]
    assert len({one.signature.document_hash for one in signed if one.signature}) == 2
    assert [one.plan for one in signed] == [plan, plan]
    assert left.status is RequestStatus.QUEUED
    assert left.prescription is None


def test_what_is_signed_together_is_screened_together(app: Flask) -> None:
    """The second statement says what speaks against the first beside it, before both are signed."""
    chen, plan = dr_chen(), a_proposal(alice())
    gel = a_formula(a_substance("BENZOYL PEROXIDE", active_class=ActiveClass.BENZOYL_PEROXIDE))
    packs = (a_formula(tretinoin()), gel)
    asked = [a_request(plan.client, pack, plan=plan) for pack in packs]
    soft = {hit.rule for one in asked for hit in checking.check(one, at=now()) if hit.severity > 1}
    terms = the_terms(overrides=dict.fromkeys(soft, "She knows."))

    worded = plan_starting.prepare(plan, {one.number: terms for one in asked}, by=chen, at=now())

    assert [one.refusal for one in worded] == [None, None]
    texts = [one.draft.statement for one in worded if one.draft]
    assert ["TRETINOIN-BENZOYL-PEROXIDE" in one.text for one in texts] == [False, True]
    read = zip(asked, texts, strict=True)
    start(plan, [Ticked(one.number, terms, text.hash) for one, text in read], chen)
    assert plan.status is PlanStatus.ACTIVE


def held_by_another(asked: ApprovalRequest) -> dict[str, Any]:
    reviewing.claim(asked, by=dr_chen(), at=now())
    return {}


def taken_back(asked: ApprovalRequest) -> dict[str, Any]:
    requesting.withdraw(asked, by=asked.client, at=now())
    return {}


WRONG: dict[str, tuple[Callable[[ApprovalRequest], dict[str, Any]], type[Refusal], bool]] = {
    "another physician holds it": (held_by_another, AlreadyClaimed, True),
    "taken back": (taken_back, Refusal, True),
    "another statement": (lambda _: {"shown": bytes(32)}, StatementChanged, True),
    "terms": (lambda _: {"terms": the_terms(directions=" ")}, TermsRefused, True),
    "no request of it": (lambda _: {"number": "Q-NONE"}, NotInThisPlan, False),
    "another version": (lambda _: {"version": 2}, PlanChanged, False),
    "no fresh sign-in": (lambda _: {"proof": None}, StaleSignIn, False),
}


@pytest.mark.parametrize("how", WRONG)
def test_one_refusal_names_its_request_and_nothing_happens(app: Flask, how: str) -> None:
    spoil, error, of_request = WRONG[how]
    chen = dr_chen()
    plan, (good, bad) = a_case()
    given = spoil(bad)
    db.session.commit()
    before = bad.status
    one = Ticked(
        given.pop("number", bad.number),
        given.pop("terms", the_terms()),
        given.pop("shown", None),
    )

    with pytest.raises(error) as refused:
        start(plan, [*ticked(good), one], chen, **given)
    db.session.rollback()

    if of_request:
        assert bad.number in refused.value.text
        assert refused.value.facts["request"] == bad.number
        assert all(name.startswith(f"{bad.number}.") for name in refused.value.fields)
    assert plan.status is PlanStatus.PROPOSED
    assert plan.start is None
    assert (good.status, bad.status) == (RequestStatus.QUEUED, before)
    assert db.session.scalars(sa.select(Prescription)).all() == []


def test_what_screening_stops_is_not_signed_with_a_plan_either(app: Flask) -> None:
    chen, plan = dr_chen(), a_proposal(alice())
    asked = a_request(plan.client, a_formula(tretinoin()), plan=plan)
    said = Pregnancy(PregnancyStatus.PREGNANT)
    charting.state(plan.client, said, by=plan.client, at=now())
    db.session.commit()

    with pytest.raises(TermsRefused, match=asked.number):
        start(plan, ticked(asked), chen)
    db.session.rollback()

    assert plan.status is PlanStatus.PROPOSED


def test_a_request_names_an_open_plan_of_its_own_client(app: Flask) -> None:
    client, eva = alice(), licensed_eva()
    revoked = a_proposal(client, by=eva)
    revoking.revoke(revoked, reason="No.", by=eva, at=now())
    for plan in (a_proposal(alice(), by=eva), a_drafted_plan(client, by=eva), revoked):
        with pytest.raises(PlanNotOpen):
            a_request(client, calm_cream(), plan=plan)
    assert db.session.scalars(sa.select(ApprovalRequest)).all() == []


def test_signed_alone_it_is_of_the_plan_unless_that_has_ended(app: Flask) -> None:
    chen = dr_chen()
    plan, (first, second) = a_case()
    before = start_one(first, chen)
    revoking.revoke(plan, reason="No.", by=plan.client, at=now())
    after = start_one(second, chen)
    assert (before.plan_id, after.plan_id) == (plan.id, None)


def start_one(asked: ApprovalRequest, chen: Person) -> Prescription:
    """Sign it by itself."""
    reviewing.claim(asked, by=chen, at=now())
    proof = a_fresh_sign_in(chen)
    one = signing.sign(asked, the_terms(), by=chen, proof=proof, at=now())
    db.session.flush()
    return one


def test_each_is_revoked_alone_and_an_ended_plan_takes_only_what_was_ticked(app: Flask) -> None:
    chen = dr_chen()
    plan, asked = a_case(2)
    kept, ended = start(plan, ticked(*asked), chen)
    foreign = a_prescription(plan.client, by=chen)
    db.session.commit()

    def revoke(plan: Plan) -> None:
        revoking.revoke(plan, reason="She moved.", by=chen, at=now())

    common: dict[str, Any] = {"reason": "She moved.", "by": chen, "at": now()}
    for number in (foreign.number, "RX-NONE"):
        with pytest.raises(NotInThisPlan):
            plan_ending.end(plan.number, revoke, revoked=[ended.number, number], **common)
        db.session.rollback()
        assert (plan.status, ended.status) == (PlanStatus.ACTIVE, PrescriptionStatus.ACTIVE)

    plan_ending.end(plan.number, revoke, revoked=[ended.number], **common)
    db.session.commit()

    assert plan.status is PlanStatus.REVOKED
    assert (ended.status, ended.reason) == (PrescriptionStatus.REVOKED, "She moved.")
    assert (kept.status, kept.plan_id) == (PrescriptionStatus.ACTIVE, plan.id)


def test_a_complete_plan_leaves_its_prescriptions_in_force(app: Flask) -> None:
    chen = dr_chen()
    plan, asked = a_case(1)
    (one,) = start(plan, ticked(*asked), chen)
    a_performed_session(plan)

    def complete(plan: Plan) -> None:
        completing.complete(plan, by=chen, at=now())

    plan_ending.end(plan.number, complete, revoked=[], reason="Done.", by=chen, at=now())

    assert (plan.status, one.status) == (PlanStatus.COMPLETED, PrescriptionStatus.ACTIVE)


# Over HTTP, and on the pages.


def test_over_http(app: Flask) -> None:
    chen, eva, client = somebody(dr_chen), somebody(licensed_eva), somebody(alice)
    plan, cream = a_proposal(client, by=eva), calm_cream()
    db.session.commit()
    number, version = plan.number, plan.version.number
    body = {"sku": cream.sku, "client": str(client.id), "plan": number}
    made = Browser(app, eva).post("/approval-requests", body)
    assert (made.status_code, made.json["plan"]) == (201, number)
    signature = {
        "number": made.json["number"],
        "quantity_per_fill": 1,
        "fills": 2,
        "days_supply": 30,
        "directions": "At night.",
        "indication": "Acne",
        "examination": {"mode": "asynchronous", "date": now().date().isoformat()},
        "statement_hash": "0" * 64,
    }
    start = {"version": version, "sign": [signature]}
    browser = fresh(Browser(app, chen))
    refused = browser.post(f"/plans/{number}/start", start)  # nobody has handed it in
    assert (refused.status_code, refused.json["code"]) == (422, "not_in_this_plan")
    assert refused.json["facts"]["request"] == signature["number"]

    handed_in(signature["number"])
    unread = browser.post(f"/plans/{number}/start", start)
    assert unread.json["code"] == "statement_changed"
    del signature["statement_hash"]
    assert browser.post(f"/plans/{number}/start", start).status_code == 422
    asked = {"sign": [signature]}
    (worded,) = browser.post(f"/plans/{number}/statements", asked).json["items"]
    assert "At night." in worded["statement"]
    assert worded["code"] is None
    signature["statement_hash"] = worded["statement_hash"]
    started = browser.post(f"/plans/{number}/start", start)
    assert (started.status_code, started.json["status"]) == (201, "active")
    (rx,) = started.json["prescriptions"]
    (told,) = browser.get(f"/plans/{number}/prescriptions").json["items"]
    assert (told["prescription"], told["standing"], told["asked_by"]) == (rx, "active", eva.name)
    assert browser.get(f"/prescriptions/{rx}").json["plan"] == number
    bundle = browser.client.get(f"/fhir/r4/MedicationRequest?patient={client.id}").json
    plan_of = [one["resource"].get("basedOn", []) for one in bundle["entry"]]
    assert all({"reference": f"CarePlan/{plan.id}"} in based for based in plan_of)
    assert len(plan_of) == 2

    ended = browser.post(f"/plans/{number}/revocation", {"reason": "No.", "prescriptions": [rx]})
    assert (ended.status_code, ended.json["status"]) == (201, "revoked")
    assert ended.json["prescriptions"] == [rx]
    assert browser.get(f"/prescriptions/{rx}").json["status"] == "revoked"


def handed_in(number: str) -> None:
    """The client has answered and handed in what was proposed for her."""
    query = sa.select(ApprovalRequest).where(ApprovalRequest.number == number)
    asked = db.session.scalars(query).one()
    answers = answers_to(asked.questionnaire_version)
    requesting.answer(asked, answers, by=asked.client, at=now())
    requesting.submit(asked, consent=True, by=asked.client, at=now())
    db.session.commit()


def test_on_the_pages(app: Flask) -> None:
    chen, client = somebody(dr_chen), somebody(alice)
    plan, (first, second) = a_case(client=client)
    db.session.commit()
    plan_id, first_id = plan.id, first.id
    path = f"/plans/{plan.number}/prescriptions"
    reader = Reader(app, chen)
    assert path in reader.get(f"/plans/{plan.number}")
    reader.get(path)
    assert reader.text.count('name="sign"') == 2
    assert "Superficial peel, face" in reader.text
    opened = set(db.session.scalars(sa.select(Access.record)))
    assert {f"approval_request {one.number}" for one in (first, second)} <= opened

    typed = {f"{first.number}.directions": "At night.", f"{first.number}.indication": "Acne"}
    typed |= {
        f"{first.number}.{name}": value
        for name, value in {
            "quantity_per_fill": "1",
            "fills": "3",
            "days_supply": "30",
            "examination.mode": "asynchronous",
            "examination.date": now().date().isoformat(),
        }.items()
    }
    statements = f"/plans/{plan.number}/statements"
    reader.send(statements, sign=[first.number, second.number], **typed)
    assert reader.status == 422
    assert "directions" in reader.text.lower()
    reader.send(statements, sign=[first.number], **typed)
    assert "3 fills, each for 30 days" in reader.text
    reader.send(f"/plans/{plan.number}/signatures", sign=[first.number], password="wrong")
    assert reader.status == 401
    assert db.session.scalars(sa.select(Prescription)).all() == []
    reader.send(f"/plans/{plan.number}/signatures", sign=[first.number], password=WORD)

    assert status_of(plan.number) is PlanStatus.ACTIVE
    signed = db.session.scalars(sa.select(Prescription)).one()
    assert signed.request_id == first_id
    assert signed.plan_id == plan_id
    assert signed.number in reader.text
    assert plan.number in reader.get(f"/prescriptions/{signed.number}")
    hers = Reader(app, client)
    assert path in hers.get("/plan")
    assert signed.number in hers.get(path)
    hers.send(f"/plans/{plan.number}/ending", reason="No more.", prescriptions=[signed.number])
    assert status_of(plan.number) is PlanStatus.REVOKED
    assert db.session.scalars(sa.select(Prescription.status)).one() == "revoked"


def status_of(number: str) -> PlanStatus:
    return db.session.scalars(sa.select(Plan.status).where(Plan.number == number)).one()


def test_an_esthetician_proposes_what_the_home_care_has_of_doctor_only_packs(app: Flask) -> None:
    eva, client = somebody(licensed_eva), somebody(alice)
    plan, cream = a_proposal(client, by=eva), calm_cream()
    steps = [Wanted(cream.sku, slot) for slot in (Slot.MORNING, Slot.EVENING)]
    instructing.instruct(plan, steps, by=eva, at=now())
    db.session.commit()
    path, plan_id, sku = f"/plans/{plan.number}/prescriptions", plan.id, cream.sku
    assert f"/requests/new?sku={sku}&amp;plan={plan.number}" in Reader(app, client).get(path)
    reader = Reader(app, eva)
    reader.get(path)
    reader.send(path.replace("prescriptions", "requests"))
    asked = db.session.scalars(sa.select(ApprovalRequest)).one()
    assert (asked.plan_id, asked.requested_by_id, asked.client_id) == (plan_id, eva.id, client.id)
    assert asked.number in reader.text
    assert "Propose it" not in reader.text


def test_a_stranger_sees_nothing_of_it(app: Flask) -> None:
    plan, (asked,) = a_case(1)
    start_alone(plan, dr_chen())
    elsewhere = dr_chen(states=("NV",))
    assert db.session.scalars(queries.of_plan(elsewhere, plan, at=now())).unique().all() == []
    assert db.session.scalars(queries.of_plan(dr_chen(), plan, at=now())).unique().all() == [asked]
