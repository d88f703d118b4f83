"""Refunds in two tabs, a second person twice, a refund against a dispute."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import disputing, proposing, queries, signing
from shop.payments.gateway import Dispute, DisputeMoney, DisputeState
from shop.payments.models import Payment, Refund, RefundUnit
from shop.payments.proposing import Wanted
from shop.payments.states import RefundReason
from tests.at_once import Act
from tests.inventory.lots import a_lot
from tests.payments.money_back import on_the_shelf, propose, sent, units
from tests.people import mona, sam
from tests.races.acts import either_first
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2


def test_refunds_in_two_tabs(race: Race) -> None:
    """I15: twenty tabs ask for the last unit; one of them gets it."""
    soap = a_soap(race)

    def one_round() -> None:
        order = race.made(lambda: sent({_variant(soap): 1}).id)
        met = race.met([one_unit(order)] * RACE_THREADS)
        assert met == {"planned": 1, "units_refunded": OTHERS}
        assert race.count(sa.select(Refund.id).join(Payment).where(Payment.order_id == order)) == 1

    race.rounds("refund in two tabs, by line", one_round, rounds=SOME)


def test_the_same_amount_in_two_tabs(race: Race) -> None:
    """Each tab says what had gone back when it was opened: one amount goes, the others look again."""
    soap = a_soap(race)

    def one_round() -> None:
        order = race.made(lambda: sent({_variant(soap): 1}).id)
        met = race.met([an_amount(order)] * RACE_THREADS)
        assert met == {"planned": 1, "refunded_meanwhile": OTHERS}

    race.rounds("refund in two tabs, an amount", one_round, rounds=FEW)


def test_without_the_lock_the_database_gives_a_unit_once(race: Race) -> None:
    soap = a_soap(race)
    order = race.made(lambda: sent({_variant(soap): 1}).id)
    met = race.carelessly([one_unit(order)] * RACE_THREADS, before="INSERT INTO refunds")
    assert met["planned"] == 1
    assert met["unit_is_refunded_once"] + met["refunds_within_capture"] == OTHERS


def test_without_lock_and_index_a_unit_goes_back_again_and_again(
    unguarded: Callable[..., Race],
) -> None:
    """The planted bug: the judge of the whole database sees it."""
    race = unguarded(
        "DROP INDEX unit_is_refunded_once",
        "ALTER TABLE payments DROP CONSTRAINT refunds_within_capture",
    )
    soap = a_soap(race)
    order = race.made(lambda: sent({_variant(soap): 1}).id)
    met = race.carelessly([one_unit(order)] * 4, before="INSERT INTO refunds")
    assert met == {"planned": 4}
    live = sa.select(RefundUnit.id).where(RefundUnit.freed_at.is_(None))
    assert race.count(live) == 4
    assert any(wrong.startswith("I15") for wrong in race.wrongs())


def test_a_second_person_twice(race: Race) -> None:
    """Signed by many and declined by many at once: decided once."""
    soap = a_soap(race, 30_000)
    one, other = race.made(lambda: (mona().id, mona().id))

    def one_round() -> None:
        refund = race.made(lambda: _waiting(soap))
        met = race.met(either_first(decide(refund, one, "sign"), decide(refund, other, "decline")))
        assert (met["sign"] + met["decline"], met["wrong_state"]) == (1, OTHERS)
        assert str(race.row(Refund, refund).status) == ("planned" if met["sign"] else "declined")

    race.rounds("a second person twice", one_round, rounds=SOME, tell=["sign"])


def test_refund_against_dispute(race: Race) -> None:
    """Whichever is first: no refund is planned of what a bank is deciding about."""
    soap = a_soap(race)

    def one_round() -> None:
        order = race.made(lambda: sent({_variant(soap): 1}).id)
        met = race.met(either_first(one_unit(order), disputed(order)))
        assert met["disputed"] == HALF
        assert met["planned"] in (0, 1)
        assert met["planned"] + met["units_refunded"] + met["payment_disputed"] == HALF
        with race.app.app_context():
            payment = queries.payment_to_refund(db.session.get_one(Order, order))
            assert payment is not None
            assert payment.disputed_cents == 500

    race.rounds("refund against dispute", one_round, rounds=SOME, tell=["planned"])


def a_soap(race: Race, cents: int = 2_400) -> UUID:
    def make() -> UUID:
        soap = on_the_shelf(cents)
        a_lot(soap, 100_000)
        return soap.id

    return race.made(make)


def _variant(key: UUID) -> Variant:
    return db.session.get_one(Variant, key)


def _waiting(soap: UUID) -> UUID:
    order = sent({_variant(soap): 1})
    return propose(order, units(order, 1)).id


def one_unit(order_id: UUID) -> Act:
    return _proposes(order_id, lambda order: Wanted({order.lines[0].sku: 1}), None)


def an_amount(order_id: UUID) -> Act:
    return _proposes(order_id, lambda order: Wanted(other_cents=5), 0)


def _proposes(order_id: UUID, wanted: Callable[[Order], Wanted], expected: int | None) -> Act:
    """Somebody else each time: what one person sends back within a day is large in the end."""

    def act() -> str:
        order = locked_order(order_id)
        refund = proposing.propose(
            order,
            wanted(order),
            reason=RefundReason.GOODWILL,
            request_key=f"race:{uuid4()}",
            expect_refunded_cents=expected,
            by=sam(),
            at=now(),
        )
        return str(refund.status)

    return act


def decide(refund_id: UUID, who: UUID, how: str) -> Act:
    def act() -> str:
        refund = queries.refund_to_see_to(refund_id, lock=True)
        getattr(signing, how)(refund, by=db.session.get_one(Person, who), at=now())
        return how

    return act


def disputed(order_id: UUID) -> Act:
    def act() -> str:
        payment = queries.payments_of(order_id)[0]
        assert payment.provider_intent_id is not None
        told = Dispute(
            id=f"du_{payment.id.hex}",
            intent_id=payment.provider_intent_id,
            state=DisputeState.NEEDS_RESPONSE,
            reason="fraudulent",
            amount_cents=500,
            evidence_due_at=None,
            opened_at=now(),
            evidence_sent=False,
            moved=(DisputeMoney(id=f"txn_{payment.id.hex}", cents=-500, fee_cents=1500),),
        )
        assert disputing.apply(told, at=now()) is not None
        return "disputed"

    return act
