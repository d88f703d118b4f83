"""Picking: the right pack of the right lot from the right bin, and what was picked is what leaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.inventory import locations, moving, releasing, stock
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Location, LocationKind, Lot, MovementKind
from shop.orders import cancelling, picking, queries, scanning, shipping, shorting, touring
from shop.orders.errors import (
    LabelMissing,
    LineBlocked,
    LineNotReady,
    MoneyGone,
    NoSuchPick,
    NotPaid,
    NotPicked,
    TooMany,
    WrongItem,
    WrongLot,
)
from shop.orders.models import Order, Picked, Shortage
from shop.orders.scanning import Scanned
from shop.payments import queries as payments
from shop.payments.proposing import Wanted
from shop.prescriptions import holding
from shop.prescriptions.errors import NoPrescription
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot, today
from tests.orders.things import PARCEL, history, leave, paid, placed, shelf
from tests.payments.money_back import propose
from tests.people import alice, bob, sam
from tests.prescriptions.builders import a_prescription


def pick(order: Order, item: str, lot: str, units: int = 1) -> Picked:
    one = picking.pick(order, scanning.read(item, lot), units=units, by=sam(), at=now())
    db.session.commit()
    return one


def rows(model: type[Any]) -> int:
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)


def wanted(order: Order) -> list[tuple[str, int, str]]:
    """What is still to be taken: lot, units, place."""
    return [
        (one.lot.lot_number, one.units, one.location.code if one.location else "")
        for each in shipping.picking_list(order, at=now())
        for one in each.picks
    ]


def a_bin(code: str) -> Location:
    """Another bin of the shop shelf."""
    site = locations.home(LocationKind.RETAIL).site_id
    told = {"id": uuid.uuid4(), "site_id": site, "code": code, "name": f"Bin {code}"}
    db.session.execute(sa.insert(Location).values(**told, kind=LocationKind.RETAIL))
    return locations.location(code)


def carried(lot: Lot, units: int, place: Location) -> None:
    home = locations.home(LocationKind.RETAIL)
    moving.move(lot, units, kind=MovementKind.TRANSFER, from_=home, to=place, reference_id=place.id)


def test_a_scan_is_written_down_and_the_list_says_what_is_left(app: Flask) -> None:
    soap = a_variant(gtin="00312345678906")
    a_lot(soap, 2, days=90, lot_number="SOON")
    late = a_lot(soap, 10, days=400, lot_number="LATE")
    carried(late, 10, a_bin("A-1"))
    order = paid(alice(), {soap: 3})
    assert wanted(order) == [("SOON", 2, "SHELF"), ("LATE", 1, "A-1")]

    first = pick(order, "312345678906", "SOON")  # a UPC-A of twelve digits
    assert wanted(order) == [("SOON", 1, "SHELF"), ("LATE", 1, "A-1")]
    pick(order, "]d2010031234567890617301231\x1d10SOON", "")  # the pack's DataMatrix, whole
    pick(order, soap.sku, "LATE")

    (line,) = shipping.picking_list(order, at=now())
    assert (line.picks, line.packed) == ([], True)
    assert history(first) == ["units_picked"]
    shipment = shipping.ship(order, skus=None, **PARCEL, by=sam(), at=now())
    left = sorted((one.lot.lot_number, one.units) for one in shipment.lines)
    assert left == [("LATE", 1), ("SOON", 2)]


WRONG: dict[str, tuple[Callable[[Any, Any], Scanned], int, type[Refusal], str]] = {
    "another pack": (lambda s, t: Scanned(t.sku, "TONIC"), 1, WrongItem, "is not in this order"),
    "no code of ours": (lambda s, t: Scanned("00000000000000", "SOON"), 1, WrongItem, "waits for"),
    "a later lot": (lambda s, t: Scanned(s.sku, "LATE"), 1, WrongLot, "take 2 of lot SOON"),
    "a lot on hold": (lambda s, t: Scanned(s.sku, "HELD"), 1, WrongLot, "keep it apart"),
    "no lot of ours": (lambda s, t: Scanned(s.sku, "soon"), 1, WrongLot, "ever received"),
    "no lot": (lambda s, t: Scanned(s.sku, ""), 1, WrongLot, "type the lot number"),
    "too many": (lambda s, t: Scanned(s.sku, "SOON"), 3, TooMany, "2 of lot SOON from SHELF"),
}


def test_what_is_wrong_is_refused_in_words_and_leaves_nothing(
    app: Flask, subtests: pytest.Subtests
) -> None:
    soap, tonic = a_variant(gtin="00312345678906"), a_variant()
    soon = a_lot(soap, 2, days=90, lot_number="SOON")
    a_lot(soap, 10, days=400, lot_number="LATE")
    held = a_lot(soap, 10, days=50, lot_number="HELD")
    a_lot(tonic, lot_number="TONIC")
    releasing.hold(held, reason="Leaks.", by=sam(), at=now())
    order = paid(alice(), {soap: 2})
    for case, (scan, units, refusal, words) in WRONG.items():
        with subtests.test(case):
            with pytest.raises(refusal, match=words):
                picking.pick(order, scan(soap, tonic), units=units, by=sam(), at=now())
            db.session.rollback()
    assert (rows(Picked), shelf(soon)) == (0, (2, 2))


def test_nothing_is_picked_that_may_not_be_sent(app: Flask) -> None:
    client, cream, soap = alice(), a_cream(), a_variant()
    a_lot(cream, lot_number="C"), a_lot(soap, lot_number="S")
    signed = a_prescription(client, cream)
    order, unpaid = paid(client, {cream: 1, soap: 1}), placed(bob(), {soap: 1})

    with pytest.raises(NotPaid):
        pick(unpaid, soap.sku, "S")
    db.session.rollback()
    holding.hold(signed, reason="A rash.", by=signed.prescriber, at=now())
    db.session.commit()
    with pytest.raises((LineBlocked, NoPrescription, LineNotReady)):
        pick(order, cream.sku, "C")
    db.session.rollback()
    (payment,) = payments.payments_of(order.id)
    propose(order, Wanted(other_cents=payment.captured_cents))
    with pytest.raises(MoneyGone):
        pick(order, soap.sku, "S")
    db.session.rollback()
    assert rows(Picked) == 0


def test_no_parcel_leaves_before_all_of_it_is_picked_and_labelled(app: Flask) -> None:
    client, cream = alice(), a_cream()
    a_lot(cream, lot_number="C")
    a_prescription(client, cream, quantity=2)
    order = paid(client, {cream: 2})
    pick(order, cream.sku, "C")
    for last, refusal in ((False, NotPicked), (True, LabelMissing)):
        if last:
            pick(order, cream.sku, "C")
        with pytest.raises(refusal):
            shipping.ship(order, skus=None, **PARCEL, by=sam(), at=now())
        db.session.rollback()
    assert not queries.locked_order(order.id).shipments
    assert leave(order).lines[0].units == 2


def test_what_is_picked_for_one_order_is_no_other_orders(app: Flask) -> None:
    """The soonest lot came free after both were promised the late one: the first scan takes it."""
    soap = a_variant()
    late = a_lot(soap, 10, days=400, lot_number="LATE")
    first, second = paid(alice(), {soap: 1}), paid(bob(), {soap: 1})
    soon = a_lot(soap, 1, days=90, lot_number="SOON")
    assert (wanted(first), wanted(second)) == ([("SOON", 1, "SHELF")],) * 2

    pick(first, soap.sku, "SOON")

    assert (shelf(soon), shelf(late)) == ((1, 1), (10, 1))
    assert wanted(second) == [("LATE", 1, "SHELF")]
    with pytest.raises(WrongLot):
        pick(second, soap.sku, "SOON")
    db.session.rollback()
    assert stock.available([soap.id], today=today()) == {soap.id: 9}
    assert [one.lot.lot_number for one in leave(first).lines] == ["SOON"]


def test_a_bin_is_told_without_what_was_taken_from_it(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 4, lot_number="L")
    carried(lot, 2, a_bin("A-1"))
    first, second = paid(alice(), {soap: 2}), paid(bob(), {soap: 2})
    assert wanted(first) == wanted(second) == [("L", 2, "A-1")]

    pick(first, soap.sku, "L", 2)

    assert wanted(second) == [("L", 2, "SHELF")]
    leave(second), leave(first)
    assert shelf(lot) == (0, 0)


def test_what_is_put_back_is_taken_anew(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap, lot_number="L")
    order = paid(alice(), {soap: 2})
    one = pick(order, soap.sku, "L", 2)

    picking.put_back(order, one.id, by=sam(), at=now())
    db.session.commit()

    assert wanted(order) == [("L", 2, "SHELF")]
    with pytest.raises(NoSuchPick):
        picking.put_back(order, one.id, by=sam(), at=now())
    db.session.rollback()
    another = paid(bob(), {soap: 1})
    theirs = pick(another, soap.sku, "L")
    with pytest.raises(NoSuchPick):
        picking.put_back(order, theirs.id, by=sam(), at=now())


def test_what_was_picked_for_a_cancelled_order_is_to_be_put_back(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap, lot_number="L")
    order = paid(alice(), {soap: 1})
    one = pick(order, soap.sku, "L")
    cancelling.cancel(order, reason="asked_for", by=order.client, at=now())
    db.session.commit()

    assert [(picked.id, of.id) for picked, of in queries.to_put_back()] == [(one.id, order.id)]
    picking.put_back(order, one.id, by=sam(), at=now())
    db.session.commit()
    assert queries.to_put_back() == []


def test_a_picked_lot_that_is_held_meanwhile_stays(app: Flask) -> None:
    soap = a_variant()
    soon = a_lot(soap, 5, days=90, lot_number="SOON")
    a_lot(soap, 5, days=400, lot_number="LATE")
    order = paid(alice(), {soap: 1})
    one = pick(order, soap.sku, "SOON")
    releasing.hold(soon, reason="Leaks.", by=sam(), at=now())
    db.session.commit()

    with pytest.raises(NotEnoughStock, match="Put them back and pick again"):
        shipping.ship(order, skus=None, **PARCEL, by=sam(), at=now())
    db.session.rollback()
    (listed,) = shipping.picking_list(order, at=now())
    assert ([each.id for each in listed.stopped], listed.packed) == ([one.id], False)

    picking.put_back(order, one.id, by=sam(), at=now())
    assert [one.lot.lot_number for one in leave(order).lines] == ["LATE"]


def short(order: Order, sku: str, units: int, lot: str = "SOON") -> Shortage:
    told = {"lot_number": lot, "place": "SHELF", "units": units}
    said = shorting.report(order, sku, **told, by=sam(), at=now())
    db.session.commit()
    return said


def test_what_is_not_there_is_taken_from_another_lot(app: Flask) -> None:
    soap = a_variant()
    soon = a_lot(soap, 3, days=90, lot_number="SOON")
    late = a_lot(soap, 9, days=400, lot_number="LATE")
    order = paid(alice(), {soap: 3})
    pick(order, soap.sku, "SOON")

    said = short(order, soap.sku, 2)

    assert (shelf(soon), shelf(late)) == ((3, 1), (9, 2))
    assert moving.lies(soon, locations.home(LocationKind.QUARANTINE)) == 2
    assert wanted(order) == [("LATE", 2, "SHELF")]
    assert [one.id for one in queries.shortages(order)] == [said.id]
    assert history(soon)[-1] == "lot_short"
    assert stock.available([soap.id], today=today()) == {soap.id: 7}
    assert sorted(one.units for one in leave(order).lines) == [1, 2]


def test_where_nothing_else_is_there_the_promise_stays_and_the_shortage_is_known(
    app: Flask,
) -> None:
    soap = a_variant()
    soon = a_lot(soap, 2, days=90, lot_number="SOON")
    order = paid(alice(), {soap: 2})

    short(order, soap.sku, 1)

    assert shelf(soon) == (2, 2)
    assert rows(Shortage) == 1
    assert wanted(order) == [("SOON", 2, "SHELF")]


def test_no_more_is_missing_than_should_be_there(app: Flask) -> None:
    soap = a_variant()
    soon = a_lot(soap, 3, days=90, lot_number="SOON")
    order = paid(alice(), {soap: 2})
    pick(order, soap.sku, "SOON", 2)
    before = shelf(soon)
    for lot, units, refusal in (("SOON", 2, NotEnoughStock), ("X", 1, WrongLot)):
        with pytest.raises(refusal):
            short(order, soap.sku, units, lot)
        db.session.rollback()
    assert (shelf(soon), rows(Shortage)) == (before, 0)


def test_one_walk_names_every_place_once_and_no_unit_twice(app: Flask) -> None:
    soap, tonic = a_variant(), a_variant()
    lot = a_lot(soap, 3, days=90, lot_number="SOON")
    a_lot(soap, 9, days=400, lot_number="LATE"), a_lot(tonic, lot_number="T")
    carried(lot, 1, a_bin("A-1"))
    orders = [paid(make(), {soap: 2, tonic: 1}) for make in (alice, bob, alice)]

    tour = touring.tour(orders, at=now())

    first, second, third = (order.number for order in orders)
    assert [stop.location.code for stop in tour.stops] == ["A-1", "SHELF", "SHELF", "SHELF"]
    told = {(stop.location.code, stop.lot.lot_number): stop.wanted for stop in tour.stops}
    assert told == {
        ("A-1", "SOON"): ((first, 1),),
        ("SHELF", "SOON"): ((first, 1), (second, 1)),
        ("SHELF", "LATE"): ((second, 1), (third, 2)),
        ("SHELF", "T"): ((first, 1), (second, 1), (third, 1)),
    }
    for order in orders:  # who walks it finds it so
        for stop in tour.stops:
            for units in [units for number, units in stop.wanted if number == order.number]:
                pick(order, stop.sku, stop.lot.lot_number, units)
    assert touring.tour(orders, at=now()).stops == []
