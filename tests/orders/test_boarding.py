"""The packing board: what comes next for every order, what waits and why; shipped in a few scans."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.core.clock import now
from shop.core.db import db
from shop.inventory.models import Lot
from shop.orders import boarding, picking
from shop.orders.boarding import Step, Why
from shop.orders.errors import NothingWaitsForIt
from shop.orders.models import Order, Picked, Shipment
from shop.orders.scanning import Scanned
from shop.orders.states import OrderStatus
from tests.builders import a_cream, a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import labelled, packed, paid
from tests.people import a_browser, alice, bob, sam
from tests.prescriptions.builders import a_prescription
from tests.recalls.builders import a_recall
from tests.recalls.test_recalling import follow

GTIN = "09506000134352"
USPS = "9400111201080805483016"


def board() -> boarding.Board:
    return boarding.board(sam(), at=now())


def sent(browser: FlaskClient, path: str, **form: str) -> Any:
    """A form of the packing board, sent."""
    page = browser.get("/packing").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    return browser.post(path, data=form | {"csrf_token": token[1]})


def code_of(lot: Lot) -> str:
    return f"]d201{GTIN}17{lot.expires_on:%y%m%d}10{lot.lot_number}"


def a_step_of(order: Order) -> tuple[Step, int, int]:
    (row,) = [row for row in board().rows if row.order.number == order.number]
    return row.step, row.picked, row.units


def test_an_order_goes_from_step_to_step(app: Flask) -> None:
    client = alice()
    soap, cream = a_variant(), a_cream()
    bar, tube = a_lot(soap, 9), a_lot(cream, 9)
    a_prescription(client, cream)
    plain = paid(client, {soap: 2})
    doctor_only = paid(client, {cream: 1})
    fetched = paid(client, {soap: 1}, shipping_method="pickup")

    assert [a_step_of(one) for one in (plain, doctor_only, fetched)] == [
        (Step.PICK, 0, 2),
        (Step.PICK, 0, 1),
        (Step.PICK, 0, 1),
    ]
    assert [row.order.id for row in board().rows] == [plain.id, doctor_only.id, fetched.id]
    picking.pick(plain, Scanned(soap.sku, bar.lot_number), units=1, by=sam(), at=now())
    assert a_step_of(plain) == (Step.PICK, 1, 2)
    packed(plain)
    packed(fetched)
    picking.pick(doctor_only, Scanned(cream.sku, tube.lot_number), units=1, by=sam(), at=now())
    assert a_step_of(plain) == (Step.SHIP, 2, 2)
    assert a_step_of(fetched) == (Step.HAND_OVER, 1, 1)
    assert a_step_of(doctor_only) == (Step.LABEL, 1, 1)
    labelled(doctor_only, doctor_only.lines[0], by=sam())
    assert a_step_of(doctor_only) == (Step.SHIP, 1, 1)


def test_what_waits_says_why_and_leaves_the_list_of_what_can_go(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 5)
    order = paid(alice(), {soap: 2})
    follow(a_recall(lot))
    db.session.commit()

    found = board()
    assert found.rows == []
    (held,) = found.held
    assert held.order.id == order.id
    assert [why for _line, why in held.lines] == [Why.RECALLED]
    assert "stopped by a recall" in a_browser(app, sam()).get("/packing").text


def test_the_board_takes_as_many_statements_for_many_orders_as_for_few(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap, 50)

    def statements() -> int:
        seen = []
        db.session.expire_all()
        listener = lambda *told: seen.append(told[2])  # noqa: E731
        sa.event.listen(db.engine, "before_cursor_execute", listener)
        try:
            board()
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", listener)
        return len(seen)

    client, packer = alice(), sam()
    assert packer
    for _ in range(2):
        paid(client, {soap: 1})
    few = statements()
    for _ in range(6):
        paid(client, {soap: 1})
    assert statements() <= few + 2  # a batch more of what is loaded by ids, at most


def test_a_pack_is_for_the_order_that_has_waited_longest_for_its_lot(app: Flask) -> None:
    soap, other = a_variant(), a_variant()
    lot = a_lot(soap, 5)
    a_lot(other, 5)
    first, second = paid(alice(), {soap: 1}), paid(bob(), {soap: 1})
    scanned = Scanned(soap.sku, lot.lot_number)

    assert boarding.waiting_for(sam(), scanned, at=now()).id == first.id
    picking.pick(first, scanned, units=1, by=sam(), at=now())
    assert boarding.waiting_for(sam(), scanned, at=now()).id == second.id
    for nothing in (Scanned(other.sku, "X"), Scanned(soap.sku, "ANOTHER"), Scanned("?", "")):
        with pytest.raises(NothingWaitsForIt):
            boarding.waiting_for(sam(), nothing, at=now())
    picking.pick(second, scanned, units=1, by=sam(), at=now())
    with pytest.raises(NothingWaitsForIt):
        boarding.waiting_for(sam(), scanned, at=now())


def test_a_routine_order_is_shipped_in_two_scans_from_the_board(app: Flask) -> None:
    """The pack, which picks it and opens its order; the carrier's label, which ships it."""
    soap = a_variant(a_product(name="Calm Soap"), gtin=GTIN)
    lot = a_lot(soap, 5, days=300)
    order = paid(alice(), {soap: 1})
    number, code = order.number, code_of(lot)
    browser = a_browser(app, sam())

    opened = sent(browser, "/packing/scans", code=code)
    assert (opened.status_code, opened.location) == (303, f"/packing/{number}")
    page = browser.get(opened.location).text
    assert "Ready to leave" in page
    (sku,) = re.findall(r'<input type="hidden" name="lines" value="([^"]+)"', page)
    assert re.search(r'<input id="f-tracking"[^>]*autofocus', page)
    barcode = f"42094607{USPS}"  # as the label has it, with the ZIP code before it
    left = sent(browser, f"/packing/{number}/shipments", lines=sku, tracking=barcode, carrier="")

    assert (left.status_code, left.location) == (303, "/packing")
    parcel = db.session.scalars(sa.select(Shipment)).one()
    assert (parcel.carrier, parcel.tracking) == ("USPS", USPS)
    assert db.session.scalar(sa.select(Order.status)) is OrderStatus.CLOSED


def test_an_orders_number_opens_it_and_what_nothing_waits_for_is_said(app: Flask) -> None:
    soap = a_variant(gtin=GTIN)
    lot = a_lot(soap, 5, days=300)
    order = paid(alice(), {soap: 1})
    number, code, sku = order.number, code_of(lot), soap.sku
    browser = a_browser(app, sam())
    assert sent(browser, "/packing/scans", code=number.lower()).location == f"/packing/{number}"
    bare = sent(browser, "/packing/scans", code=sku)  # no lot: opened, and nothing is picked
    assert (bare.location, db.session.scalars(sa.select(Picked)).all()) == (
        f"/packing/{number}",
        [],
    )
    for nothing in ("A-NOTHING", "]", " ", code.replace(lot.lot_number, "OTHER")):
        refused = sent(browser, "/packing/scans", code=nothing)
        assert (refused.status_code, 'data-heard="stop"' in refused.text) == (422, True), (
            refused.text
        )
    assert db.session.scalars(sa.select(Picked)).all() == []


def test_the_bench_is_swapped_after_a_scan(app: Flask) -> None:
    soap = a_variant(gtin=GTIN)
    lot = a_lot(soap, 5, days=300)
    order = paid(alice(), {soap: 1})
    path, number = f"/packing/{order.number}", lot.number
    browser = a_browser(app, sam())
    htmx = {"HX-Request": "true"}
    assert browser.get(path, headers=htmx).text.strip().startswith('<div id="bench"')
    sent(browser, f"{path}/picks", item=number)  # our own number of the lot, from its shelf label
    part = browser.get(path, headers=htmx).text
    assert 'data-heard="ok"' in part
    assert "data-next" in part
    label = browser.get(f"{path}/parcel-label").text
    assert f"<figcaption>{path.removeprefix('/packing/')}</figcaption>" in label
