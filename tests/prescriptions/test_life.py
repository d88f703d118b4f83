"""The life of a prescription: how it stands, renewed, replaced, entered in error, told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import licences
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound, WrongState
from shop.core.events import Kind
from shop.orders import cancelling, revoking
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import (
    erring,
    holding,
    noticing,
    queries,
    renewing,
    requesting,
    reviewing,
    signing,
)
from shop.prescriptions import revoking as taking_back
from shop.prescriptions.errors import (
    AlreadyReported,
    NoPrescription,
    PredecessorHeld,
    RenewalRefused,
    RenewedTakenBack,
    SecondPersonNeeded,
)
from shop.prescriptions.gate import Authority
from shop.prescriptions.models import ApprovalRequest, ErrorReport, Prescription, Supersession
from shop.prescriptions.screening import checking
from shop.prescriptions.standing import Standing, next_fill_on, outlook, runs_out_on, standing
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.orders.things import history, leave, paid, pay, placed
from tests.people import a_fresh_sign_in, a_licence, alice, bob, dr_chen, eva, mona, sam
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
    answers_to,
    the_terms,
)
from tests.prescriptions.test_checking import a_formula, hydroquinone

P, S = PrescriptionStatus, Standing
NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


# How it stands: one function for the gate, pages and API.


def a_course(**given: Any) -> Authority:
    fields: dict[str, Any] = {
        "id": None,
        "number": "RX-1",
        "client_id": None,
        "variant_id": None,
        "product_id": None,
        "pack_name": "",
        "quantity": 1,
        "fills_allowed": 3,
        "interval_days": None,
        "valid_from": NOON - 10 * DAY,
        "valid_until": NOON + 10 * DAY,
        "status": P.ACTIVE,
        "client_state": "CA",
        "states": frozenset({"CA"}),
        "prescriber_name": "",
        "licensed_in": frozenset({"CA"}),
    }
    return Authority(**(fields | given))


OVER = {"valid_until": NOON}
STANDINGS: dict[str, tuple[dict[str, Any], Standing]] = {
    "in force": ({}, S.ACTIVE),
    "on its first moment": ({"valid_from": NOON}, S.ACTIVE),
    "not begun": ({"valid_from": NOON + DAY}, S.NOT_YET),
    "over this moment": (OVER, S.EXPIRED),
    "on hold": ({"status": P.ON_HOLD}, S.ON_HOLD),
    "on hold, and over": ({"status": P.ON_HOLD} | OVER, S.EXPIRED),
    "no fill left": ({"fills_allowed": 0}, S.DEPLETED),
    "no fill left, and over": ({"fills_allowed": 0} | OVER, S.EXPIRED),
    "replaced with something under way": ({"replaced": True}, S.SUPERSEDED),
    "replaced, under way, on hold": ({"replaced": True, "status": P.ON_HOLD}, S.ON_HOLD),
    "replaced, under way, over": ({"replaced": True} | OVER, S.EXPIRED),
    "superseded": ({"status": P.SUPERSEDED, "replaced": True}, S.SUPERSEDED),
    "revoked and over": ({"status": P.REVOKED} | OVER, S.REVOKED),
    "an error, whatever else": (
        {"status": P.ENTERED_IN_ERROR, "replaced": True, "fills_allowed": 0} | OVER,
        S.ENTERED_IN_ERROR,
    ),
}


@pytest.mark.parametrize("how", STANDINGS)
def test_a_standing_is_read_off_the_facts(how: str) -> None:
    given, word = STANDINGS[how]
    assert standing(a_course(**given), NOON) is word


def test_the_next_fill_waits_only_where_a_physician_signed_that() -> None:
    """Decision 8: the interval is a term of the prescription, not a habit of the house."""
    taken = [date(2031, 4, 1), date(2031, 5, 1)]
    assert next_fill_on(None, taken) is None
    assert next_fill_on(23, []) is None
    assert next_fill_on(23, taken) == date(2031, 5, 24)


def test_what_was_taken_early_is_used_after_what_was_there() -> None:
    assert runs_out_on([]) is None
    assert runs_out_on([(date(2031, 5, 1), 30)]) == date(2031, 5, 31)
    assert runs_out_on([(date(2031, 5, 21), 30), (date(2031, 5, 1), 30)]) == date(2031, 6, 30)
    assert runs_out_on([(date(2031, 5, 1), 30), (date(2031, 7, 1), 30)]) == date(2031, 7, 31)


def test_an_outlook_says_when_the_next_fill_is_ready_and_until_when_it_lasts() -> None:
    fills = [((NOON - 5 * DAY).date(), 30)]

    seen = outlook(a_course(), NOON, interval_days=8, fills=fills)

    assert (seen.standing, seen.until) == (S.ACTIVE, (NOON + 10 * DAY).date())
    assert (seen.last_fill_on, seen.next_fill_on) == (date(2031, 4, 30), date(2031, 5, 8))
    assert seen.runs_out_on == date(2031, 5, 30)


def test_no_next_fill_is_promised_where_none_can_be_taken() -> None:
    fills = [((NOON - DAY).date(), 30)]
    for given in ({"status": P.ON_HOLD}, {"fills_allowed": 0}, {"replaced": True}, OVER):
        assert outlook(a_course(**given), NOON, interval_days=1, fills=fills).next_fill_on is None
    late = outlook(a_course(), NOON, interval_days=60, fills=fills)
    assert late.next_fill_on is None  # it ends before


# Superseded: the latest of a client's for a pack gives the fills.


@pytest.fixture
def chen(app: Flask) -> Person:
    """Licensed for longer than what she signs."""
    chen = dr_chen(states=())
    for state in ("CA", "NV"):
        a_licence(chen, state=state, valid_until=now().date() + timedelta(days=800))
    return chen


@pytest.fixture
def cream(app: Flask) -> Variant:
    cream = a_cream()
    a_lot(cream, 50)
    return cream


def signed(client: Person, cream: Variant, chen: Person, **given: Any) -> Prescription:
    one = a_prescription(client, cream, by=chen, **given)
    db.session.commit()
    return one


def ship(order: Order) -> None:
    leave(order)
    db.session.commit()


def test_a_new_prescription_takes_the_place_of_the_earlier_in_one_transaction(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    bystander = signed(bob(state="CA"), cream, chen)

    later = signed(client, cream, chen)

    assert (earlier.status, later.status) == (P.SUPERSEDED, P.ACTIVE)
    assert earlier.supersession is not None
    assert earlier.supersession.successor is later
    assert [one.prescription for one in later.superseded] == [earlier]
    assert history(earlier)[-1] == "prescription_superseded"
    assert bystander.status is P.ACTIVE
    (line,) = placed(client, {cream: 1}).lines
    assert line.fill is not None
    assert line.fill.prescription_id == later.id


def test_what_is_expired_or_depleted_is_replaced_too(cream: Variant, chen: Person) -> None:
    client = alice()
    earlier = signed(client, cream, chen, fills=1)
    ship(paid(client, {cream: 1}))

    signed(client, cream, chen)

    db.session.refresh(earlier)
    assert earlier.status is P.SUPERSEDED


def test_what_was_promised_before_is_still_sent_and_then_it_is_over(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    order = paid(client, {cream: 1})

    later = signed(client, cream, chen)

    assert (earlier.status, earlier.standing(now())) == (P.ACTIVE, S.SUPERSEDED)
    (line,) = placed(client, {cream: 1}).lines  # what is new is taken of the later one
    assert line.fill is not None
    assert line.fill.prescription_id == later.id

    ship(order)

    db.session.refresh(earlier)
    assert earlier.status is P.SUPERSEDED
    assert [one.status for one in order.lines] == [LineStatus.SHIPPED]


def test_an_unpaid_order_given_up_ends_what_was_replaced(cream: Variant, chen: Person) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    order = placed(client, {cream: 1})
    signed(client, cream, chen)
    assert earlier.status is P.ACTIVE

    cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    db.session.commit()

    db.session.refresh(earlier)
    assert earlier.status is P.SUPERSEDED


def test_an_unpaid_order_under_what_was_replaced_may_be_paid(cream: Variant, chen: Person) -> None:
    client = alice()
    signed(client, cream, chen)
    order = placed(client, {cream: 1})
    signed(client, cream, chen)

    pay(order)
    db.session.commit()

    assert order.status is OrderStatus.PAID


def test_what_is_on_hold_is_not_replaced(cream: Variant, chen: Person) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    holding.hold(earlier, reason="Wait.", by=chen, at=now())
    request = a_claimed_request(client, cream, by=chen)
    db.session.commit()

    with pytest.raises(PredecessorHeld) as refused:
        signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now())
    assert refused.value.facts["prescription"] == earlier.number
    assert "Resume it or take it back first" in refused.value.text
    db.session.rollback()

    assert (earlier.status, request.status) == (P.ON_HOLD, RequestStatus.IN_REVIEW)
    assert db.session.scalars(sa.select(Supersession)).all() == []
    holding.resume(earlier, by=chen, at=now())
    proof = a_fresh_sign_in(chen)
    signing.sign(request, the_terms(), by=chen, proof=proof, at=now())
    db.session.commit()
    assert earlier.status is P.SUPERSEDED


def test_a_hold_on_what_was_replaced_ends_with_what_it_owes(cream: Variant, chen: Person) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    order = placed(client, {cream: 1})
    signed(client, cream, chen)
    holding.hold(earlier, reason="Wait.", by=chen, at=now())
    cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    db.session.commit()
    assert earlier.status is P.ON_HOLD

    holding.resume(earlier, by=chen, at=now())
    db.session.commit()

    assert earlier.status is P.SUPERSEDED
    assert history(earlier)[-2:] == ["prescription_resumed", "prescription_superseded"]


def test_taking_the_later_one_back_stops_what_is_under_way_of_the_earlier(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    order = paid(client, {cream: 1})
    later = signed(client, cream, chen)

    done = revoking.revoke(later, reason="Pregnant.", by=chen, at=now())
    db.session.commit()

    assert (earlier.status, later.status) == (P.REVOKED, P.REVOKED)
    assert [line.order.number for line in done.held] == [order.number]
    db.session.refresh(order.lines[0])
    assert order.lines[0].status is LineStatus.ON_HOLD


def test_what_was_superseded_is_not_taken_back_and_it_is_said_what_is(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    later = signed(client, cream, chen)

    with pytest.raises(WrongState) as refused:
        revoking.revoke(earlier, reason="No.", by=chen, at=now())

    assert refused.value.facts["successor"] == later.number
    db.session.rollback()
    assert (earlier.status, later.status) == (P.SUPERSEDED, P.ACTIVE)


# Renewal.


def ended(one: Prescription) -> datetime:
    return one.valid_until + DAY


def renewed(one: Prescription, client: Person) -> ApprovalRequest:
    """Asked for and handed in, in one step."""
    news = {"used_before": True, "used_before_result": "Well.", "goal": "More of it."}
    return renewing.renew(one, consent=True, answers=news, by=client, at=now())


def codes(found: renewing.Eligibility) -> list[str]:
    return [reason.code for reason in found.reasons]


FACTS = renewing.Facts(
    number="RX-1",
    standing=S.ACTIVE,
    valid_until=NOON + 20 * DAY,
    lives_in="CA",
    states=frozenset({"CA"}),
    licensed_in=frozenset({"CA", "NV"}),
)
JUDGED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "ends within 30 days": ({}, []),
    "ends on the 31st day": ({"valid_until": NOON + 31 * DAY}, ["too_early"]),
    "ends on the 30th": ({"valid_until": NOON + 30 * DAY}, []),
    "no fill left": ({"standing": S.DEPLETED, "valid_until": NOON + 200 * DAY}, []),
    "ended": ({"standing": S.EXPIRED, "valid_until": NOON - DAY}, []),
    "not begun": ({"standing": S.NOT_YET}, ["not_yet"]),
    "on hold": ({"standing": S.ON_HOLD}, ["on_hold"]),
    "revoked": ({"standing": S.REVOKED, "states": frozenset()}, ["revoked"]),
    "an error": ({"standing": S.ENTERED_IN_ERROR}, ["entered_in_error"]),
    "superseded": ({"standing": S.SUPERSEDED, "successor": "RX-2"}, ["superseded"]),
    "moved": ({"lives_in": "TX"}, ["other_state"]),
    "licence lapsed": ({"licensed_in": frozenset({"NV"})}, ["licence_lapsed"]),
}


@pytest.mark.parametrize("how", JUDGED)
def test_whether_it_may_be_renewed(how: str) -> None:
    given, expected = JUDGED[how]
    found = renewing.judge(replace(FACTS, **given), NOON)
    assert codes(found) == expected
    assert found.eligible is (not expected)
    assert all(reason.text and reason.remedy for reason in found.reasons)


def test_a_renewal_is_one_step_that_asks_only_what_is_news(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=1)
    placed(client, {cream: 1})
    found = renewing.eligibility(one, at=now())
    assert (found.eligible, found.to_ask) == (True, ("used_before", "goal"))

    request = renewed(one, client)
    db.session.commit()

    assert request.status is RequestStatus.QUEUED
    assert (request.renews, request.quantity) == (one, one.quantity_per_fill)
    assert request.consented_at is not None


def test_without_consent_it_is_a_draft(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=1)
    paid(client, {cream: 1})
    request = renewing.renew(one, consent=False, by=client, at=now())
    assert (request.status, request.renews_id) == (RequestStatus.DRAFT, one.id)


def test_stale_answers_are_asked_again_and_may_be_answered_in_the_same_step(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    one = signed(client, cream, chen)
    later = ended(one)
    found = renewing.eligibility(one, at=later)
    assert "pregnancy" in found.to_ask
    answers = answers_to(one.request.questionnaire_version)

    draft = renewing.renew(one, consent=True, by=client, at=later)
    assert draft.status is RequestStatus.DRAFT
    db.session.rollback()

    request = renewing.renew(one, consent=True, answers=answers, by=client, at=later)
    assert request.status is RequestStatus.QUEUED


def test_the_signature_on_a_renewal_supersedes_what_it_renews(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=1)
    ship(paid(client, {cream: 1}))
    request = renewed(one, client)
    reviewing.claim(request, by=chen, at=now())

    later = signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now())
    db.session.commit()

    db.session.refresh(one)
    assert one.status is P.SUPERSEDED
    assert [each.prescription_id for each in later.superseded] == [one.id]


def test_what_was_taken_back_meanwhile_is_not_renewed(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=1)
    ship(paid(client, {cream: 1}))
    request = renewed(one, client)
    reviewing.claim(request, by=chen, at=now())
    db.session.commit()
    revoking.revoke(one, reason="Pregnant.", by=chen, at=now())
    db.session.commit()

    with pytest.raises(RenewedTakenBack):
        signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now())
    db.session.rollback()

    assert request.prescription is None
    assert request.status is RequestStatus.IN_REVIEW


def test_a_renewal_that_may_not_be_asked_for_says_why_and_asks_nothing(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    one = signed(client, cream, chen)

    with pytest.raises(RenewalRefused) as refused:
        renewing.renew(one, consent=True, by=client, at=now())

    (reason,) = refused.value.facts["reasons"]  # type: ignore[misc]
    assert reason["code"] == "too_early"
    begins = date.fromisoformat(str(refused.value.facts["renewable_from"]))
    assert f"{begins:%a} {begins.day} {begins:%b}" in reason["text"]
    assert (
        db.session.scalars(
            sa.select(ApprovalRequest).where(ApprovalRequest.renews_id == one.id)
        ).all()
        == []
    )


def test_every_reason_is_told_at_once(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen)
    a_draft(client, cream)
    licence = next(each for each in chen.licences if each.state == "CA")
    licences.end(licence, on=now().date(), by=mona())
    db.session.flush()
    assert codes(renewing.eligibility(one, at=now())) == [
        "too_early",
        "licence_lapsed",
        "already_asked",
    ]


def test_a_product_no_longer_sold_is_not_renewed(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    cream.for_sale = False
    db.session.flush()
    assert "not_for_sale" in codes(renewing.eligibility(one, at=ended(one)))


def test_a_hard_stop_since_then_is_told_before_anything_is_asked(app: Flask, chen: Person) -> None:
    client, bleach = alice(), a_formula(hydroquinone())
    one = signed(client, bleach, chen, overrides={}, fills=1, days_supply=30)
    assert codes(renewing.eligibility(one, at=ended(one))) == []
    charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())
    db.session.flush()
    assert codes(renewing.eligibility(one, at=ended(one))) == [
        "screening:SC-HYDROQUINONE-PREGNANCY"
    ]


def test_nobody_else_renews_it(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    for somebody in (bob(), chen, eva()):
        with pytest.raises(NotAllowed):
            renewing.renew(one, consent=True, by=somebody, at=ended(one))


# Entered in error, by two people.


def test_two_people_enter_a_prescription_in_error(cream: Variant, chen: Person) -> None:
    client, other = alice(), dr_chen(name="Dr Ana Ruiz")
    one = signed(client, cream, chen)
    unpaid = placed(client, {cream: 1})

    said = erring.report(one, reason="For another client.", by=chen, at=now())
    db.session.commit()
    assert one.status is P.ACTIVE

    done = revoking.enter_in_error(said, by=other, at=now())
    db.session.commit()

    assert (one.status, one.reason) == (P.ENTERED_IN_ERROR, "For another client.")
    assert (said.confirmed, said.decided_by) == (True, other)
    assert done.cancelled == [unpaid]
    assert unpaid.status is OrderStatus.CANCELLED
    assert [fill.status for fill in one.fills] == [FillStatus.RELEASED]
    with pytest.raises(NoPrescription):
        placed(client, {cream: 1})


def test_a_paid_line_under_an_error_is_held_and_its_client_told(
    cream: Variant, chen: Person
) -> None:
    client = alice()
    one = signed(client, cream, chen)
    order = paid(client, {cream: 1})
    said = erring.report(one, reason="Wrong strength.", by=chen, at=now())

    done = revoking.enter_in_error(said, by=mona(), at=now())
    db.session.commit()

    assert [line.status for line in done.held] == [LineStatus.ON_HOLD]
    assert history(order)[-1] == "order_held"


def test_who_reported_it_does_not_confirm_it(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    said = erring.report(one, reason="Wrong.", by=chen, at=now())
    db.session.commit()

    with pytest.raises(SecondPersonNeeded):
        revoking.enter_in_error(said, by=chen, at=now())
    db.session.rollback()

    assert (one.status, said.confirmed) == (P.ACTIVE, None)


def test_only_clinicians_report_and_nobody_reports_twice(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen)
    for somebody in (client, eva(), sam(), mona()):
        with pytest.raises(NotAllowed):
            erring.report(one, reason="Wrong.", by=somebody, at=now())
    said = erring.report(one, reason="Wrong.", by=chen, at=now())
    with pytest.raises(AlreadyReported):
        erring.report(one, reason="Wrong.", by=dr_chen(), at=now())
    for somebody in (client, eva(), sam()):
        with pytest.raises(NotAllowed):
            erring.confirm(said, by=somebody, at=now())
    assert said.confirmed is None


def test_what_was_no_error_goes_on_and_may_be_reported_again(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    said = erring.report(one, reason="Wrong.", by=chen, at=now())
    erring.dismiss(said, by=chen, at=now())  # she takes it back
    db.session.commit()

    with pytest.raises(WrongState):
        erring.confirm(said, by=mona(), at=now())
    db.session.rollback()

    assert one.status is P.ACTIVE
    again = erring.report(one, reason="It is wrong after all.", by=chen, at=now())
    erring.confirm(again, by=mona(), at=now())
    db.session.commit()
    assert one.status is P.ENTERED_IN_ERROR


BEFORE: dict[PrescriptionStatus, Callable[[Prescription, Person], object]] = {
    P.ACTIVE: lambda one, chen: None,
    P.ON_HOLD: lambda one, chen: holding.hold(one, reason="Wait.", by=chen, at=now()),
    P.REVOKED: lambda one, chen: taking_back.revoke(one, reason="No.", by=chen, at=now()),
    P.SUPERSEDED: lambda one, chen: a_prescription(one.client, one.variant, by=chen),
}


@pytest.mark.parametrize("before", BEFORE)
def test_whatever_became_of_it_it_can_be_an_error(
    cream: Variant, chen: Person, before: PrescriptionStatus
) -> None:
    one = signed(alice(), cream, chen)
    BEFORE[before](one, chen)
    db.session.commit()
    assert one.status is before

    said = erring.report(one, reason="Wrong.", by=chen, at=now())
    revoking.enter_in_error(said, by=mona(), at=now())
    db.session.commit()

    assert one.status is P.ENTERED_IN_ERROR
    assert one.revoked_at is None
    assert one.held_at is None
    for verb in (
        lambda: holding.hold(one, reason="x", by=chen, at=now()),
        lambda: holding.resume(one, by=chen, at=now()),
        lambda: taking_back.revoke(one, reason="x", by=chen, at=now()),
    ):
        with pytest.raises(WrongState):
            verb()


def test_an_error_is_no_past_therapy_but_what_left_was_given(app: Flask, chen: Person) -> None:
    client, bleach = alice(), a_formula(hydroquinone())
    a_lot(bleach, 10)
    one = signed(client, bleach, chen, fills=2, days_supply=30)
    request = a_request(client, a_cream())

    def seen() -> tuple[int, int]:
        facts = checking.facts(request, at=now())
        return len(facts.regimen), len(facts.dispensed)

    assert seen()[0] == 1
    order = paid(client, {bleach: 1})
    assert seen() == (1, 1)
    said = erring.report(one, reason="Wrong.", by=chen, at=now())
    revoking.enter_in_error(said, by=mona(), at=now())
    db.session.commit()
    assert seen() == (0, 0)  # paid for, and held: she never had it

    again = signed(client, bleach, chen, fills=2, days_supply=30)
    cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    ship(paid(client, {bleach: 1}))
    said = erring.report(again, reason="Wrong.", by=chen, at=now())
    revoking.enter_in_error(said, by=mona(), at=now())
    db.session.commit()
    assert seen() == (1, 1)  # she may use it, whatever it was meant for


def test_who_may_look_at_what_may_be_an_error(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    colleague, elsewhere, boss = dr_chen(), dr_chen(states=("NV",)), mona()

    def sees(who: Person) -> bool:
        try:
            return queries.prescription_in_question(who, one.number, at=now()) is one
        except NotFound:
            return False

    assert [sees(who) for who in (chen, colleague, elsewhere, boss, alice(), sam())] == [
        *(True, True, False, False, False, False)
    ]
    erring.report(one, reason="Wrong.", by=colleague, at=now())
    assert sees(boss)
    waiting = db.session.scalars(queries.error_reports(boss, at=now())).all()
    assert [said.prescription for said in waiting] == [one]


# What had left.


def test_what_has_left_is_listed_before_and_after(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=5)
    gone, here, unpaid = (
        paid(client, {cream: 1}),
        paid(client, {cream: 1}),
        placed(client, {cream: 1}),
    )
    ship(gone)

    before = revoking.consequences(one)
    done = revoking.revoke(one, reason="No.", by=chen, at=now())
    db.session.commit()
    after = revoking.done(done)

    assert before == after
    assert (before.cancelled, before.held) == ([unpaid.number], [(here.number, cream.sku)])
    (left,) = before.left
    lot = gone.shipments[0].lines[0].lot
    assert (left.order, left.sku, left.quantity) == (gone.number, cream.sku, 1)
    assert (left.tracking, left.lots) == ("1Z999AA10123456784", ((lot.lot_number, 1),))
    assert left.shipped_at == gone.lines[0].shipped_at


# What the clock does is told once.


def kinds(one: Prescription) -> list[str]:
    told = {kind.value for kind in noticing.NOTICES}
    return [event.kind for event in events.of(one.id) if event.kind in told]


def test_an_end_is_told_once_before_and_once_after(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)

    assert noticing.notice(at=one.valid_until - 31 * DAY) == 0
    assert noticing.notice(at=one.valid_until - 30 * DAY) == 1
    assert noticing.notice(at=one.valid_until - 29 * DAY) == 0
    assert noticing.notice(at=one.valid_until) == 1
    assert noticing.notice(at=one.valid_until + DAY) == 0
    db.session.commit()

    assert kinds(one) == ["prescription_ending", "prescription_expired"]
    assert one.status is P.ACTIVE


def test_the_last_fill_is_told_once_it_is_paid_for(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen, fills=1)
    order = placed(client, {cream: 1})
    assert noticing.notice(at=now()) == 0

    pay(order)
    assert noticing.notice(at=now()) == 1
    assert noticing.notice(at=now()) == 0
    assert kinds(one) == ["prescription_depleted"]


def test_nothing_is_told_of_what_cannot_be_renewed(cream: Variant, chen: Person) -> None:
    client = alice()
    held, revoked, asked, replaced = (
        signed(client, a_cream(), chen),
        signed(client, a_cream(), chen),
        signed(client, a_cream(), chen),
        signed(client, cream, chen),
    )
    holding.hold(held, reason="Wait.", by=chen, at=now())
    taking_back.revoke(revoked, reason="No.", by=chen, at=now())
    renewing.renew(asked, consent=False, by=client, at=ended(asked))
    signed(client, cream, chen)
    assert replaced.status is P.SUPERSEDED

    assert noticing.notice(at=ended(held)) == 1  # the one that replaced the other


def test_only_the_first_word_is_a_letter(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    for at in (one.valid_until - DAY, one.valid_until):
        noticing.notice(at=at)
    db.session.commit()
    told = [event for event in events.of(one.id) if Kind(event.kind) in noticing.NOTICES]
    assert [noticing.first_to_say(event) for event in told] == [True, False]


def test_the_database_lets_nothing_be_told_twice(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    events.record(Kind.PRESCRIPTION_ENDING, one)
    with pytest.raises(sa.exc.IntegrityError, match="prescription_notices_once"):
        events.record(Kind.PRESCRIPTION_ENDING, one)
    db.session.rollback()
    assert kinds(one) == []


def test_a_draft_that_renews_keeps_what_it_renews(cream: Variant, chen: Person) -> None:
    one = signed(alice(), cream, chen)
    request = renewing.renew(one, consent=False, by=one.client, at=ended(one))
    requesting.withdraw(request, by=one.client, at=now())
    db.session.commit()
    assert request.renews_id == one.id
    assert db.session.scalars(sa.select(ErrorReport)).all() == []


def test_what_ended_on_hold_is_not_renewed(cream: Variant, chen: Person) -> None:
    client = alice()
    one = signed(client, cream, chen)
    holding.hold(one, reason="Wait.", by=chen, at=now())
    db.session.commit()

    found = renewing.eligibility(one, at=ended(one))

    assert "on_hold" in codes(found)
    with pytest.raises(RenewalRefused):
        renewing.renew(one, consent=False, by=client, at=ended(one))


def test_what_was_replaced_and_ended_says_what_took_its_place(cream: Variant, chen: Person) -> None:
    client = alice()
    earlier = signed(client, cream, chen)
    paid(client, {cream: 1})
    later = signed(client, cream, chen)

    (reason,) = renewing.eligibility(earlier, at=ended(earlier)).reasons

    assert (reason.code, reason.remedy) == ("superseded", f"Look at {later.number}.")
