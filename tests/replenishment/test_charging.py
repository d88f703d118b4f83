"""From a yes to a charge: announced first, at the price that was told, once, and only if nothing is
against it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Price, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import NotAllowed
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.orders import cancelling
from shop.orders.errors import PriceChanged
from shop.orders.states import OrderStatus
from shop.payments import chasing
from shop.payments import queries as payments
from shop.payments.states import PaymentStatus
from shop.prescriptions import holding
from shop.prescriptions.models import Prescription
from shop.replenishment import agreeing, foreseeing, jobs, stopping
from shop.replenishment.errors import (
    NotAgreed,
    RefillOver,
    RefillRefused,
    RefillThere,
    RunOutUnknown,
)
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.states import CycleStatus, Obstacle, RefillStatus
from shop.replenishment.supplying import NEVER_SAID
from tests.at_once import at_once
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import history, leave
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, bob
from tests.replenishment.bank import Killed
from tests.replenishment.builders import (
    a_charged_refill,
    a_client_with_a_cream,
    a_noticed_refill,
    a_supply,
    agreed_anew,
    an_announced_cream,
    an_auto_refill,
    cycles_of,
    handed_out,
    offered,
    yes_to,
)
from tests.replenishment.conftest import Clinic
from tests.replenishment.test_killed import the_worker_sends_what_was_left

C = CycleStatus


def a_refill(clinic: Clinic) -> AutoRefill:
    """Of a cream that she was handed out today: due in 25 days, announced in 18."""
    client, cream = clinic.made(a_client_with_a_cream)
    return clinic.made(lambda: an_auto_refill(client, cream))


def cycle_of(refill: AutoRefill) -> RefillCycle:
    return cycles_of(refill)[-1]


def afresh(refill: AutoRefill) -> AutoRefill:
    return db.session.get_one(AutoRefill, refill.id, populate_existing=True)


def resumed(refill: AutoRefill) -> None:
    """She goes on with it, as herself: the database asks who."""
    act_as(f"person:{refill.client_id}")
    stopping.resume(afresh(refill), by=refill.client, at=now())


def after(clinic: Clinic, days: int, **bank: object) -> None:
    """So many days later, one run."""
    clinic.travel(days)
    assert clinic.run(**bank).failed == 0


def new_price(refill: AutoRefill, cents: int) -> None:
    at = now()
    (old,) = (one for one in afresh(refill).variant.prices if one.valid_until is None)
    old.valid_until = at
    db.session.flush()
    db.session.add(Price(id=uuid.uuid4(), variant_id=old.variant_id, cents=cents, valid_from=at))
    db.session.flush()
    db.session.expire_all()  # the pack's prices are read again


def test_a_refill_is_announced_then_charged_once(clinic: Clinic) -> None:
    refill, begun = a_refill(clinic), clinic.today
    after(clinic, 17)
    assert cycles_of(refill) == []

    clinic.days(1)

    cycle = cycle_of(refill)
    assert cycle.notice is not None
    assert (cycle.status, cycle.act_on) == (C.NOTICED, begun + timedelta(days=25))
    assert (cycle.notice.charge_on, cycle.notice.rises) == (cycle.act_on, False)
    after(clinic, 6)
    assert cycle_of(refill).status is C.NOTICED

    clinic.days(3)

    (cycle,) = cycles_of(refill)
    assert (cycle.status, afresh(refill).status) == (C.CHARGED, RefillStatus.ACTIVE)
    assert cycle.order is not None
    assert cycle.order.status is OrderStatus.PAID
    assert clinic.bank.took(cycle.order.number) == cycle.order.total_cents
    assert len(clinic.bank.intents) == 1
    kinds = ["refill_begun", "refill_noticed", "refill_charging", "refill_charged"]
    assert history(cycle) == kinds


def test_nothing_is_charged_that_she_did_not_agree_to(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    terms = clinic.made(lambda: offered(client, cream))
    assert "cancel" in terms.statement

    def agree(by: object = client, **said: object) -> AutoRefill:
        return agreeing.agree(client, cream, terms, yes_to(terms, **said), by=by, at=now())  # type: ignore[arg-type]

    for said, refusal in (
        ({"agreed": False}, NotAgreed),
        ({"statement_version": "old"}, NotAgreed),
        ({"total_cents": 1}, PriceChanged),
        ({"by": bob()}, NotAllowed),
    ):
        with pytest.raises(refusal):
            agree(**said)
    assert db.session.query(AutoRefill).filter_by(client_id=client.id).count() == 0
    made = clinic.made(agree)
    assert made.consent.statement == terms.statement
    with pytest.raises(RefillThere):
        agree()


def test_two_clicks_at_once_agree_once(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    card = clinic.made(lambda: a_saved_card(client))
    ids = client.id, cream.id, card.id
    db.session.commit()

    def yes() -> str:
        hers, pack = db.session.get_one(Person, ids[0]), db.session.get_one(Variant, ids[1])
        return an_auto_refill(hers, pack, card=ids[2]).number

    answers = at_once(clinic.app, [yes, yes])

    (there,) = (one for one in answers if isinstance(one, RefillThere))
    assert there.facts["number"] in answers


def test_more_than_was_signed_for_is_not_agreed_to(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    with pytest.raises(RefillRefused) as refused:
        offered(client, cream, quantity=2)
    assert refused.value.fields == {"quantity": ["Must be 1."]}


def test_what_was_never_handed_out_is_not_refilled(clinic: Clinic) -> None:
    with pytest.raises(RunOutUnknown):
        offered(alice(), a_variant())


def test_a_higher_price_waits_two_weeks(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    clinic.made(lambda: new_price(refill, 9_900))

    after(clinic, 7)

    cycle = cycle_of(refill)
    assert cycle.notice is not None
    assert (cycle.status, cycle.notice.rises, cycle.notice.number) == (C.NOTICED, True, 2)
    assert cycle.act_on == clinic.today + timedelta(days=14)
    after(clinic, 13)
    assert not clinic.bank.intents
    after(clinic, 1)
    assert cycle_of(refill).status is C.CHARGED


def test_a_higher_price_that_she_agrees_to_is_charged_at_once(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    clinic.made(lambda: new_price(refill, 9_900))
    terms = clinic.made(
        lambda: offered(refill.client, refill.variant, card=refill.consent.saved_card_id)
    )
    clinic.made(
        lambda: agreeing.agree_anew(
            afresh(refill), terms, yes_to(terms), by=refill.client, at=now()
        )
    )

    after(clinic, 7)

    cycle = cycle_of(refill)
    assert (cycle.status, len(cycle.notices)) == (C.CHARGED, 1)
    assert cycle.order is not None
    assert clinic.bank.took(cycle.order.number) == terms.totals.total_cents


def test_a_card_that_says_no_leaves_an_order_to_pay(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)

    after(clinic, 7, refuses=True)

    cycle = cycle_of(refill)
    assert cycle.status is C.FAILED
    order = cycle.order
    assert order is not None
    (payment,) = payments.payments_of(order.id)
    assert (payment.status, order.status) == (PaymentStatus.CANCELLED, OrderStatus.AWAITING_PAYMENT)
    assert order.pay_by > now() + timedelta(days=6)
    after(clinic, 2)
    assert len(payments.payments_of(order.id)) == 1  # not asked again
    clinic.travel(6)
    assert chasing.overdue_order(order.id, clinic.bank)  # type: ignore[arg-type]
    assert clinic.run().failed == 0
    assert (cycle_of(refill).status, afresh(refill).status) == (C.LAPSED, RefillStatus.PAUSED)


def test_paused_and_cancelled_ones_are_not_charged(clinic: Clinic) -> None:
    paused, cancelled = a_refill(clinic), a_refill(clinic)
    after(clinic, 18)
    clinic.made(lambda: stopping.pause(afresh(paused), by=paused.client, at=now()))
    clinic.made(lambda: stopping.cancel(afresh(cancelled), by=cancelled.client, at=now()))

    after(clinic, 8)

    assert not clinic.bank.intents
    assert cycle_of(cancelled).status is C.LAPSED
    with pytest.raises(RefillOver):
        agreeing.agree_anew(afresh(cancelled), *_terms(cancelled), by=cancelled.client, at=now())
    with pytest.raises(NotAllowed):
        stopping.cancel(afresh(paused), by=cancelled.client, at=now())
    clinic.made(lambda: resumed(paused))
    after(clinic, 1)
    assert cycle_of(paused).status is C.CHARGED


def _terms(refill: AutoRefill) -> tuple[agreeing.Terms, agreeing.Yes]:
    terms = offered(refill.client, refill.variant, card=refill.consent.saved_card_id)
    return terms, yes_to(terms)


def test_what_she_was_told_too_long_ago_she_is_told_again(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    clinic.made(lambda: stopping.pause(afresh(refill), by=refill.client, at=now()))
    clinic.travel(40)
    clinic.made(lambda: resumed(refill))

    assert clinic.run().failed == 0

    cycle = cycle_of(refill)
    assert (len(cycle.notices), cycle.status) == (2, C.NOTICED)
    assert cycle.act_on == clinic.today + timedelta(days=7)
    assert not clinic.bank.intents


def test_who_bought_it_herself_is_not_charged(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 24)
    clinic.made(lambda: handed_out(refill.client, refill.variant))

    after(clinic, 1)

    assert (cycle_of(refill).status, clinic.bank.intents) == (C.LAPSED, {})


def test_an_empty_shelf_blocks_it_until_there_is_more(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    lots = clinic.made(lambda: _recalled(refill))

    after(clinic, 7)

    cycle = cycle_of(refill)
    assert (cycle.status, cycle.obstacle) == (C.BLOCKED, Obstacle.OUT_OF_STOCK)
    assert (len(lots), clinic.bank.intents) == (1, {})
    after(clinic, 1)
    clinic.made(lambda: a_lot(refill.variant, 5, days=700))
    after(clinic, 1)
    assert cycle_of(refill).status is C.CHARGED
    assert history(cycle).count("refill_blocked") == 1


def test_a_paid_order_that_is_cancelled_pauses_it_and_another_follows(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    after(clinic, 7)
    cycle = cycle_of(refill)
    assert (cycle.status, history(cycle)[-1]) == (C.CHARGED, "refill_charged")
    assert cycle.order is not None
    clinic.made(
        lambda: cancelling.cancel(cycle.order, reason="changed_mind", by=refill.client, at=now())  # type: ignore[arg-type]
    )

    after(clinic, 1)

    assert (cycle_of(refill).status, afresh(refill).status) == (C.LAPSED, RefillStatus.PAUSED)
    assert events.of(refill.id)[-1].facts["why"] == "order_cancelled"
    clinic.made(lambda: resumed(refill))
    after(clinic, 1)
    after(clinic, 7)
    assert [one.status for one in cycles_of(refill)] == [C.LAPSED, C.CHARGED]


def test_a_gate_that_closed_while_the_money_came_is_asked_again(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 18)
    clinic.travel(7)
    with pytest.raises(Killed):
        clinic.run(dies=True)
    held = clinic.made(lambda: _prescription(refill))
    clinic.made(lambda: holding.hold(held, reason="A result.", by=held.prescriber, at=now()))

    the_worker_sends_what_was_left(clinic)

    first, second = cycles_of(refill)
    assert events.of(first.id)[-1].facts["why"] == "not_deliverable"
    assert (second.status, afresh(refill).status) == (C.NOTICED, RefillStatus.ACTIVE)
    after(clinic, 7)
    assert cycle_of(refill).status is C.BLOCKED


def _prescription(refill: AutoRefill) -> Prescription:
    query = sa.select(Prescription).where(Prescription.client_id == refill.client_id)
    return db.session.scalars(query).one()


def test_what_she_agreed_to_too_long_ago_she_is_told_again(clinic: Clinic) -> None:
    """It was blocked all the time: the shelf was empty."""
    refill = a_refill(clinic)
    after(clinic, 18)
    clinic.made(
        lambda: agreeing.agree_anew(afresh(refill), *_terms(refill), by=refill.client, at=now())
    )
    clinic.made(lambda: _recalled(refill))
    after(clinic, 7)
    assert cycle_of(refill).status is C.BLOCKED
    clinic.travel(15)
    clinic.made(lambda: a_lot(refill.variant, 5, days=700))

    after(clinic, 0)

    cycle = cycle_of(refill)
    assert (cycle.status, len(cycle.notices), clinic.bank.intents) == (C.NOTICED, 2, {})
    assert cycle.act_on == clinic.today + timedelta(days=7)


def test_nothing_is_charged_while_its_run_out_is_not_known(clinic: Clinic) -> None:
    """How much soap she uses, no plan says any more."""
    refill = clinic.made(a_noticed_refill)

    after(clinic, 7)

    cycle = cycle_of(refill)
    assert (cycle.status, cycle.obstacle) == (C.BLOCKED, Obstacle.OTHER)
    assert cycle.reasons[0]["text"].endswith(NEVER_SAID)
    assert not clinic.bank.intents


def test_what_could_not_be_reckoned_today_waits(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    refill = clinic.made(an_announced_cream)
    clinic.travel(7)
    monkeypatch.setattr(jobs, "_look_ahead", lambda *_given: None)

    assert clinic.run().charged == 0

    assert (cycle_of(refill).status, clinic.bank.intents) == (C.NOTICED, {})


def test_who_lowered_her_terms_is_told_of_a_rise_from_there(clinic: Clinic) -> None:
    refill = clinic.made(a_charged_refill)
    cycle = cycle_of(refill)
    assert cycle.order is not None
    paid = cycle.order.total_cents
    clinic.made(lambda: new_price(refill, 800))
    lower = clinic.made(lambda: agreed_anew(afresh(refill))).consent.total_cents
    clinic.made(lambda: new_price(refill, 1_600))

    def next_one() -> None:
        order = cycle.order
        leave(order)  # type: ignore[arg-type]
        supply = a_supply(order.lines[0])  # type: ignore[union-attr]
        foreseeing.foresee(afresh(refill), supply, today=clinic.today, at=now())

    clinic.made(next_one)

    notice = cycle_of(refill).notice
    assert notice is not None
    assert lower < notice.total_cents < paid
    assert notice.rises


def test_a_rise_that_she_agrees_to_once_told_need_not_wait(clinic: Clinic) -> None:
    refill = a_refill(clinic)
    after(clinic, 17)
    clinic.made(lambda: new_price(refill, 9_900))
    after(clinic, 1)
    notice = cycle_of(refill).notice
    assert notice is not None
    assert (notice.rises, notice.charge_on) == (True, clinic.today + timedelta(days=14))
    clinic.made(
        lambda: agreeing.agree_anew(afresh(refill), *_terms(refill), by=refill.client, at=now())
    )

    after(clinic, 6)
    assert cycle_of(refill).act_on == clinic.today + timedelta(days=1)
    after(clinic, 1)

    assert cycle_of(refill).status is C.CHARGED


def _recalled(refill: AutoRefill) -> list[Lot]:
    query = sa.select(Lot).where(Lot.variant_id == refill.variant_id)
    lots = list(db.session.scalars(query))
    for lot in lots:
        lot.status = LotStatus.ON_HOLD
        events.record(events.Kind.LOT_HELD, lot)
    return lots
