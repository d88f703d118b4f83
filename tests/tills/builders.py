"""Registers, drawers and money at the desk, valid by default; saved, not committed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments import settling
from shop.payments.models import Refund
from shop.payments.states import Tender
from shop.tills import opening, queries, taking
from shop.tills.models import Drawer, DrawerMove, Register
from shop.tills.taking import Given
from tests.payments.orders_to_pay import an_order
from tests.people import sam

FLOAT = {20_00: 4, 5_00: 3, 1_00: 5}  # 100 dollars
FLOAT_CENTS = 100_00


def a_register(name: str | None = None) -> Register:
    return opening.add_register(name or f"Desk {uuid.uuid4().hex[:8]}", by=None)


def a_drawer(
    by: Person | None = None,
    *,
    register: Register | None = None,
    pieces: Mapping[int, int] = FLOAT,
) -> Drawer:
    """An open drawer, of Sam's where nobody is named."""
    return opening.open_drawer(register or a_register(), pieces, by=by or sam(), at=now())


def cash(order: Order, extra: int = 0) -> Given:
    """What is due of an order in cash, and so much more."""
    return Given(Tender.CASH, tendered_cents=order.due_cents + extra)


def on_paper(tender: Tender, number: str | None = None) -> Given:
    return Given(tender, reference=number or uuid.uuid4().hex[:12])


def take(order: Order, by: Person, given: Given | None = None, **also: Any) -> DrawerMove:
    """The order is paid at the desk, in cash where nothing is said."""
    held = orders.locked_order(order.id)
    fields = {"expect_cents": held.due_cents, "by": by, "at": now()} | also
    return taking.take(held, given or cash(held), **fields)


def taken(by: Person, given: Given | None = None, order: Order | None = None) -> Order:
    """An order that was paid at the desk; committed."""
    order = order or an_order()
    take(order, by, given)
    db.session.commit()
    return order


def waiting(by: Person, given: Given | None = None) -> Refund:
    """Money that waits at the desk, of an order that was paid there and cancelled; committed."""
    order = taken(by, given)
    held = orders.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    settling.wind_up(held, at=now())
    db.session.commit()
    (payment,) = payments.payments_of(order.id)
    (refund,) = payment.refunds
    return refund


def locked(drawer: Drawer) -> Drawer:
    return queries.drawer_with(drawer.number, lock=True)


def fitting(cents: int) -> dict[int, int]:
    """The fewest coins and notes that are worth so much."""
    from shop.tills.money import DENOMINATIONS

    pieces = {}
    for worth in DENOMINATIONS:
        pieces[worth], cents = divmod(cents, worth)
    return pieces
