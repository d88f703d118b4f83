"""What people and programs do in a race, as acts: each finds its rows afresh and says what it did."""

from __future__ import annotations

import random
import uuid
from typing import Any

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.orders import cancelling, checkout, expiring, revoking, shipping
from shop.orders import cart as carts
from shop.orders.models import Order
from shop.prescriptions.models import Prescription
from tests.at_once import Act
from tests.orders.things import HOME, packed, way
from tests.regime import RACE_THREADS, SEED

LOOKS = 60  # statements, at most: more than any act reads before it locks

chance = random.Random(SEED)


def either_first(one: Act, other: Act) -> list[Act]:
    """As many acts as threads, of the two sides in turn.

    One side, as chance wills, looks around first: who has less to do would always win.
    """
    looks = [0, chance.randrange(LOOKS)]
    chance.shuffle(looks)
    return [_dawdling(one, looks[0]), _dawdling(other, looks[1])] * (RACE_THREADS // 2)


def against_two(one: Act, other: Act) -> list[Act]:
    """As many acts as threads, two of them of the other side, which has far less to do."""
    late = _dawdling(other, chance.randrange(4 * LOOKS))
    return [late, late, *[one] * (RACE_THREADS - 2)]


def _dawdling(act: Act, looks: int) -> Act:
    def later() -> Any:
        connection = db.session.connection()
        for _ in range(looks):
            connection.exec_driver_sql("SELECT 1")
        return act()

    return later


def place(client_id: uuid.UUID, *, discount_code: str | None = None) -> Act:
    """The client places her cart."""

    def act() -> str:
        client = db.session.get_one(Person, client_id)
        checkout.place(
            carts.cart_of(client, lock=True),
            skus=None,
            address=HOME,
            shipping_method="standard",
            expect_total_cents=None,
            discount_code=discount_code,
            by=client,
            at=now(),
        )
        return "placed"

    return act


def cancel(order_id: uuid.UUID) -> Act:
    """The client no longer wants it."""

    def act() -> str:
        order = db.session.get_one(Order, order_id)
        cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
        return "cancelled"

    return act


def expire(order_id: uuid.UUID) -> Act:
    """The time to pay is over."""

    def act() -> str:
        order = db.session.get_one(Order, order_id)
        expiring.expire(order, at=order.pay_by)
        return "expired"

    return act


def boxed(order_id: uuid.UUID) -> None:
    """Packed and labelled, line by line as on the pages, as far as the gate allows."""
    order = db.session.get_one(Order, order_id)
    for sku in [line.sku for line in order.lines]:
        try:
            packed(order, skus=[sku])
        except Refusal:
            db.session.rollback()
        db.session.commit()


def ship(order_id: uuid.UUID, packer_id: uuid.UUID) -> Act:
    """The parcel leaves; `boxed` before."""

    def act() -> str:
        order = db.session.get_one(Order, order_id)
        packer = db.session.get_one(Person, packer_id)
        shipping.ship(order, skus=None, **way(order), by=packer, at=now())
        return "shipped"

    return act


def revoke(prescription_id: uuid.UUID) -> Act:
    """The physician takes her prescription back, with what was promised under it."""

    def act() -> str:
        prescription = db.session.get_one(Prescription, prescription_id)
        revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())
        return "revoked"

    return act
