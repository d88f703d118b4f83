"""Whatever is done to an account, it is what its entries add up to, and never below nought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.money import LEAST_CENTS
from shop.credit import correcting, returning, spending
from shop.orders import cancelling, queries
from shop.orders.models import Order
from tests.builders import a_variant
from tests.credit.builders import a_card, balance, ledger, redeemed
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.people import alice, mona, sam
from tests.regime import SOAK

CENTS = st.integers(1, 90_00)
ACTS = st.one_of(
    st.tuples(st.just("redeem"), st.integers(5_00, 90_00)),
    st.tuples(st.just("give"), CENTS),
    st.tuples(st.just("take back"), CENTS),
    st.tuples(st.just("order"), st.integers(1, 3)),
    st.tuples(st.just("refund"), CENTS),
    st.tuples(st.just("cancel"), st.just(0)),
)


class Shadow:
    """The same account, reckoned by the test: what came, less what went."""

    def __init__(self, client: Person, pack: Variant) -> None:
        self.client, self.pack = client, pack
        self.cents = 0
        self.orders: list[tuple[Order, int]] = []  # with what each still has of the credit

    def redeem(self, cents: int) -> None:
        redeemed(a_card(cents, by=sam()), self.client)
        self.cents += cents

    def give(self, cents: int) -> None:
        correcting.propose(self.client, cents, note="Sorry.", by=sam(), at=now())
        self.cents += cents

    def take_back(self, cents: int) -> None:
        asked = correcting.propose(self.client, -cents, note="Wrong.", by=sam(), at=now())
        correcting.confirm(asked, by=mona(), at=now())
        self.cents -= cents

    def order(self, packs: int) -> None:
        order = placed(self.client, {self.pack: packs}, use_credit=True)
        expected = min(self.cents, order.total_cents)
        if 0 < order.total_cents - expected < LEAST_CENTS:
            expected = order.total_cents - LEAST_CENTS
        assert order.credit_cents == expected
        assert (str(order.status) == "paid") is (expected == order.total_cents)
        self.cents -= expected
        self.orders.append((order, expected))

    def refund(self, cents: int) -> None:
        order, left = self._last()
        returning.give_back(order, cents, reason="refund", by=self.client, at=now())
        assert cents <= left
        self.cents += cents
        self.orders.append((order, left - cents))

    def cancel(self, _: int) -> None:
        order, left = self._last()
        cancelling.cancel(order, reason="asked_for", by=self.client, at=now())
        self.cents += left

    def _last(self) -> tuple[Order, int]:
        if not self.orders:
            raise Refusal("nothing ordered")
        order, left = self.orders[-1]
        locked = queries.locked_order(order.id)
        if locked.ended_at is None:
            self.orders.pop()
        return locked, left


@settings(
    max_examples=100 if SOAK else 15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(ACTS, min_size=3, max_size=8))
def test_a_balance_is_the_sum_and_never_negative(app: Flask, acts: list[tuple[str, Any]]) -> None:
    client, pack = alice(), a_variant(cents=2400)
    a_lot(pack, 1_000)
    db.session.commit()
    shadow = Shadow(client, pack)

    for name, amount in acts:
        act: Callable[[int], None] = getattr(shadow, name.replace(" ", "_"))
        before, orders = shadow.cents, list(shadow.orders)
        try:
            act(amount)
        except Refusal:  # nothing to refund, more than there is: then nothing moved
            db.session.rollback()
            shadow.cents, shadow.orders = before, orders
        db.session.commit()

        told = ledger(client)
        assert balance(client) == shadow.cents == sum(delta for _, delta, _ in told)
        assert [left for _, _, left in told] == [
            sum(delta for _, delta, _ in told[: nth + 1]) for nth in range(len(told))
        ]
        assert all(left >= 0 for _, _, left in told)


@given(total=st.integers(0, 1_000_00), held=st.integers(0, 2_000_00))
@settings(max_examples=200)
def test_credit_pays_as_much_as_it_can(total: int, held: int) -> None:
    used = spending.payable(total, held)
    assert 0 <= used <= min(total, held)
    due = total - used
    assert due == 0 or due >= LEAST_CENTS or total < LEAST_CENTS
    if used < min(total, held):  # a cent more would leave too little for a card
        assert due == LEAST_CENTS or total < LEAST_CENTS
