"""Money that goes back by line, with shipping, in part; what is large takes two."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import calls, following, limits, proposing, queries, refunding, settling, signing
from shop.payments.errors import (
    RefundedMeanwhile,
    RefundRefused,
    RefundTooLarge,
    SecondPersonNeeded,
    UnitsRefunded,
)
from shop.payments.gateway import Gateway
from shop.payments.proposing import Wanted
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.sharing import due, free, unit_cents
from shop.payments.states import RefundReason, RefundStatus
from tests.payments.conftest import Control
from tests.payments.money_back import bought, on_the_shelf, payment_of, propose, sent, units, went
from tests.payments.orders_to_pay import OutsideTransactions
from tests.people import mona, sam
from tests.regime import WINDOW_EXAMPLES


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    return OutsideTransactions(gateway)


# What a unit gives.

WORKED = {  # paid for how many → what each gives
    (100, 3): [33, 34, 33],  # 33.3, 66.7, 100
    (200, 3): [67, 66, 67],
    (1, 2): [1, 0],  # half a cent is rounded up
    (2, 5): [0, 1, 0, 1, 0],
    (0, 2): [0, 0],
    (1999, 1): [1999],
}


@pytest.mark.parametrize("case", WORKED, ids=str)
def test_units_give_their_cumulative_share(case: tuple[int, int]) -> None:
    paid, quantity = case
    given_ = [unit_cents(paid, quantity, unit) for unit in range(1, quantity + 1)]
    assert given_ == WORKED[case]


@given(
    st.integers(0, 10_000_000),
    st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(n), st.permutations(range(1, n + 1)))),
)
@settings(max_examples=WINDOW_EXAMPLES)
def test_all_units_give_what_was_paid_in_whatever_order(
    paid: int, drawn: tuple[int, list[int]]
) -> None:
    quantity, order = drawn
    cents = [unit_cents(paid, quantity, unit) for unit in order]
    assert sum(cents) == paid
    assert all(paid // quantity <= each <= paid // quantity + 1 for each in cents)
    for k in range(quantity + 1):
        first = sum(unit_cents(paid, quantity, unit) for unit in range(1, k + 1))
        assert first == due(paid, quantity, k)
        assert abs(first * quantity * 2 - 2 * paid * k) <= quantity  # half a cent at most


def test_the_first_free_units_are_taken() -> None:
    assert free(5, {2, 4}, 2) == [1, 3]
    assert free(2, {1, 2}, 1) == []


# By line.


def test_lines_go_back_at_their_shares_and_the_last_unit_gives_the_rest(app: Flask) -> None:
    order = sent({on_the_shelf(999): 3, on_the_shelf(333): 2})
    paid = {line.sku: line.paid_cents for line in order.lines}
    staff = sam()

    first = propose(order, units(order, 1, 2), by=staff)
    second = propose(order, units(order, 2), by=staff)

    assert [(one.line.sku, one.units) for one in first.lines] == [
        (order.lines[0].sku, 1),
        (order.lines[1].sku, 2),
    ]
    assert first.lines[0].cents == due(order.lines[0].paid_cents, 3, 1)
    assert first.lines[1].cents == paid[order.lines[1].sku]
    assert first.lines[0].cents + second.lines[0].cents == paid[order.lines[0].sku]
    payment = payment_of(order)
    assert payment.refunded_cents == sum(paid.values()) == first.amount_cents + second.amount_cents
    with pytest.raises(UnitsRefunded):
        propose(order, units(order, 1), by=staff)


def test_what_failed_gives_its_units_free_at_the_same_cents(app: Flask) -> None:
    order = sent({on_the_shelf(101): 2})
    first, second = propose(order, units(order, 1)), propose(order, units(order, 1))
    refunding.fail(first, why="closed account")
    db.session.commit()

    again = propose(order, units(order, 1))

    assert [one.unit for one in again.units] == [1]
    assert again.amount_cents == first.amount_cents
    assert again.amount_cents + second.amount_cents == order.lines[0].paid_cents
    assert payment_of(order).refunded_cents == order.lines[0].paid_cents


def test_shipping_goes_back_once_and_at_most_as_it_was_paid(app: Flask) -> None:
    order = sent()
    assert order.shipping_cents > 0
    with pytest.raises(RefundRefused, match="Shipping was"):
        propose(order, Wanted(shipping_cents=order.shipping_cents + 1))
    propose(order, Wanted(shipping_cents=order.shipping_cents))
    with pytest.raises(RefundRefused, match="went back"):
        propose(order, Wanted(shipping_cents=1))


def test_everything_left_is_by_line_unless_an_amount_stands_before_it(app: Flask) -> None:
    order, other = sent(), sent()
    whole = propose(order, proposing.everything_left(order))
    propose(other, Wanted(other_cents=5))
    rest = propose(other, proposing.everything_left(other))

    assert (whole.other_cents, whole.shipping_cents) == (0, order.shipping_cents)
    assert whole.lines[0].cents == order.lines[0].paid_cents
    assert (rest.other_cents, rest.lines) == (other.total_cents - 5, [])
    for each in (order, other):
        assert payment_of(each).refunded_cents == each.total_cents


REFUSED: dict[str, tuple[Wanted, type[Exception]]] = {
    "nothing": (Wanted(), RefundTooLarge),
    "more than came": (Wanted(other_cents=10_000_000), RefundTooLarge),
    "a line of another order": (Wanted({"NO-SUCH": 1}), RefundRefused),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_go_back_changes_nothing(app: Flask, case: str) -> None:
    order = sent()
    wanted, refusal = REFUSED[case]
    with pytest.raises(refusal):
        propose(order, wanted)
    db.session.rollback()
    assert queries.refunds_of(order) == []


def test_what_has_not_left_is_cancelled_and_not_refunded(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = bought(gateway, visitor, ships=False)
    with pytest.raises(RefundRefused, match="has not left"):
        propose(order, units(order, 1))


def test_a_page_that_is_old_sends_nothing(app: Flask) -> None:
    order = sent()
    seen = payment_of(order).refunded_cents
    propose(order, Wanted(other_cents=100), expect_refunded_cents=seen)
    with pytest.raises(RefundedMeanwhile):
        propose(order, Wanted(other_cents=100), expect_refunded_cents=seen)
    assert payment_of(order).refunded_cents == 100


def test_the_same_request_is_the_same_refund(app: Flask) -> None:
    order = sent()
    first = propose(order, Wanted(other_cents=100), request_key="once")
    assert propose(order, Wanted(other_cents=100), request_key="once").id == first.id


def test_reasons_of_the_shop_are_nobodys(app: Flask) -> None:
    with pytest.raises(RefundRefused, match="Choose why"):
        propose(sent(), Wanted(other_cents=1), reason=RefundReason.EXPIRED)


@pytest.mark.parametrize("seed", range(6))
def test_random_refunds_agree_to_the_cent(app: Flask, seed: int) -> None:
    """Lines, shipping, amounts, failures: cents of units, refunds and payment agree, within bounds."""
    import random

    draw = random.Random(seed)
    order = sent({on_the_shelf(draw.randint(50, 3_000)): draw.randint(1, 7) for _ in range(3)})
    for _ in range(25):
        wanted = Wanted(
            {line.sku: draw.randint(1, 3) for line in order.lines if draw.random() < 0.4},
            shipping_cents=draw.choice([0, 0, order.shipping_cents, 1]),
            other_cents=draw.choice([0, 0, draw.randint(1, 400)]),
        )
        try:
            refund = propose(order, wanted)
        except (RefundRefused, RefundTooLarge, UnitsRefunded):
            db.session.rollback()
            continue
        if refund.status is RefundStatus.PROPOSED:
            (signing.sign if draw.random() < 0.5 else signing.decline)(refund, by=mona(), at=now())
        elif draw.random() < 0.3:
            refunding.fail(refund, why="a test")
        db.session.commit()
        _agree(order)


def _agree(order: Order) -> None:
    live = [
        one for one in queries.refunds_of(order) if str(one.status) not in {"failed", "declined"}
    ]
    payment = payment_of(order)
    assert payment.refunded_cents == sum(one.amount_cents for one in live)
    assert 0 <= payment.refunded_cents <= payment.captured_cents == order.total_cents
    assert sum(one.shipping_cents for one in live) <= order.shipping_cents
    for line in order.lines:
        taken = [one for each in live for one in each.units if one.order_line_id == line.id]
        assert len({one.unit for one in taken}) == len(taken) <= line.quantity
        cents = sum(one.cents for one in taken)
        assert cents <= line.paid_cents
        if len(taken) == line.quantity:
            assert cents == line.paid_cents
    for one in live:
        parts = sum(each.cents for each in one.units) + one.shipping_cents + one.other_cents
        assert one.amount_cents == parts


# The second person.


def test_what_is_large_waits_for_another_who_signs(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = bought(gateway, visitor, {on_the_shelf(6_000): 3})
    who, other = sam(), mona()
    refund = propose(order, units(order, 2), by=who)
    assert (refund.large, refund.status) == (True, RefundStatus.PROPOSED)
    assert went(order, gateway) == ["proposed"]
    assert gateway.bank.refunds_of(payment_of(order).provider_intent_id) == []
    with pytest.raises(SecondPersonNeeded):
        signing.sign(queries.refund_to_see_to(refund.id, lock=True), by=who, at=now())
    db.session.rollback()

    signing.sign(queries.refund_to_see_to(refund.id, lock=True), by=other, at=now())
    db.session.commit()

    assert went(order, gateway) == ["done"]
    with pytest.raises(WrongState):
        signing.sign(queries.refund_to_see_to(refund.id, lock=True), by=mona(), at=now())
    assert [event.kind for event in events.of(refund.id)] == [
        "refund_proposed",
        "refund_planned",
        "refund_done",
    ]


def test_what_is_declined_gives_its_cents_free(app: Flask) -> None:
    order = sent({on_the_shelf(6_000): 3})
    refund = propose(order, units(order, 2))
    assert payment_of(order).refunded_cents == refund.amount_cents
    signing.decline(queries.refund_to_see_to(refund.id, lock=True), by=mona(), at=now())
    db.session.commit()
    assert payment_of(order).refunded_cents == 0
    assert propose(order, units(order, 2)).units[0].unit == 1


def test_many_small_ones_of_one_person_in_a_day_are_large_together(app: Flask) -> None:
    order, who = sent({on_the_shelf(9_000): 5}), sam()
    each = 9_000
    alone = limits.DAY_CENTS // each
    made = [propose(order, Wanted(other_cents=each), by=who) for _ in range(alone + 1)]
    assert [one.large for one in made] == [False] * alone + [True]
    assert not propose(order, Wanted(other_cents=each), by=sam()).large


def test_the_limit_itself_is_not_large(app: Flask) -> None:
    order = sent({on_the_shelf(20_000): 1})
    at_it = propose(order, Wanted(other_cents=limits.LIMIT_CENTS))
    above = propose(order, Wanted(other_cents=limits.LIMIT_CENTS + 1))
    assert (at_it.large, above.large) == (False, True)


# What the shop owes anyway, and what fails.


def test_an_order_that_ends_takes_what_was_proposed_with_it(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = bought(gateway, visitor, {on_the_shelf(20_000): 1}, ships=False)
    propose(order, Wanted(other_cents=15_000))
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    settling.wind_up(locked_order(order.id), at=now())
    db.session.commit()
    assert went(order, gateway) == ["declined", "done"]
    assert payment_of(order).refunded_cents == order.total_cents


def test_a_refund_that_fails_later_is_free_and_to_be_seen_to(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = bought(gateway, visitor, number=cards.REFUND_FAILS)
    refund = propose(order, units(order, 1))
    assert went(order, gateway) == ["done"]
    name = queries.refund_to_see_to(refund.id).provider_refund_id
    assert name is not None
    control.post(f"refunds/{name}", status="failed")

    following.refund(name, gateway)

    db.session.refresh(payment_of(order))
    assert payment_of(order).refunded_cents == 0
    failed = db.session.scalars(queries.refunds(status=RefundStatus.FAILED)).all()
    assert refund.id in {one.id for one in failed}
    propose(order, units(order, 1))
    assert went(order, gateway) == ["failed", "done"]


def test_two_of_the_same_amount_are_told_apart(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    """An answer that was lost, and a key too old to send again: each is found by its own name."""
    order = bought(gateway, visitor)
    first, second = (propose(order, Wanted(other_cents=100)) for _ in range(2))
    control.post("faults", mode="dropped_after", method="POST", path="/v1/refunds", times=2)
    calls.send_for(order.id, gateway)
    for call in db.session.scalars(_calls_of(first.id, second.id)):
        assert call.status == "in_flight"
        call.lease_until = None
        call.tries = 99  # from now on it is only looked for
    db.session.commit()
    assert went(order, gateway) == ["done", "done"]
    names = {queries.refund_to_see_to(one.id).provider_refund_id for one in (first, second)}
    assert len(names) == 2


def _calls_of(*keys: Any) -> Any:
    import sqlalchemy as sa

    from shop.payments.models import ProviderCall

    return sa.select(ProviderCall).where(ProviderCall.reference_id.in_(keys))
