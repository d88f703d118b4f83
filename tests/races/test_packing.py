"""Who picks, who sends and who stops a lot, at once: a unit lies in one box."""

from __future__ import annotations

import uuid
from collections import Counter

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import releasing
from shop.inventory.models import Lot
from shop.orders import picking, shipping
from shop.orders.models import Order
from shop.orders.scanning import Scanned
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import PARCEL, packed, paid
from tests.people import alice, sam
from tests.races.race import Race

PICKERS = 4


def test_the_last_unit_of_the_soonest_lot_is_picked_for_one(race: Race) -> None:
    """It came free after four orders were promised a later lot, and their lists all name it."""

    def ready() -> tuple[list[uuid.UUID], uuid.UUID, str, Lot]:
        soap = a_variant()
        a_lot(soap, 2 * PICKERS, days=400, lot_number="LATE")
        orders = [paid(alice(), {soap: 1}).id for _ in range(PICKERS)]
        return orders, sam().id, soap.sku, a_lot(soap, 1, days=90, lot_number="SOON")

    orders, packer, sku, soon = race.made(ready)
    met = race.met([pick(order, packer, sku, "SOON") for order in orders])

    assert met == {"picked": 1, "wrong_lot": PICKERS - 1}
    assert (race.row(Lot, soon.id).on_hand, race.row(Lot, soon.id).reserved) == (1, 1)
    assert race.wrongs() == []


def test_a_lot_that_is_stopped_while_its_parcels_leave(race: Race) -> None:
    """Each parcel left before, with its unit, or stays with its pick; the lot adds up."""

    def ready() -> tuple[list[uuid.UUID], uuid.UUID, Lot]:
        soap, packer = a_variant(), sam()
        lot = a_lot(soap, PICKERS)
        orders = [paid(alice(), {soap: 1}) for _ in range(PICKERS)]
        for order in orders:
            packed(order, by=packer)
        return [order.id for order in orders], packer.id, lot

    orders, packer, lot = race.made(ready)
    met = race.met([*(send(order, packer) for order in orders), stop(lot.id, packer)])

    left = met["sent"]
    assert met == Counter(sent=left, not_enough_stock=PICKERS - left, stopped=1)
    assert race.row(Lot, lot.id).on_hand == PICKERS - left
    assert race.row(Lot, lot.id).reserved == PICKERS - left
    assert race.wrongs() == []


def pick(order_id: uuid.UUID, packer_id: uuid.UUID, sku: str, lot: str) -> Act:
    def act() -> str:
        packer = db.session.get_one(Person, packer_id)
        order = db.session.get_one(Order, order_id)
        picking.pick(order, Scanned(sku, lot), units=1, by=packer, at=now())
        return "picked"

    return act


def send(order_id: uuid.UUID, packer_id: uuid.UUID) -> Act:
    def act() -> str:
        packer = db.session.get_one(Person, packer_id)
        order = db.session.get_one(Order, order_id)
        shipping.ship(order, skus=None, **PARCEL, by=packer, at=now())
        return "sent"

    return act


def stop(lot_id: uuid.UUID, packer_id: uuid.UUID) -> Act:
    def act() -> str:
        packer = db.session.get_one(Person, packer_id)
        lot = db.session.get_one(Lot, lot_id, with_for_update=True)
        releasing.hold(lot, reason="Leaks.", by=packer, at=now())
        return "stopped"

    return act
