"""Labels: only of what the gate lets go, of the lots that would be taken, and a copy says so."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.inventory import releasing
from shop.inventory.models import Lot
from shop.orders import labelling, queries, revoking
from shop.orders.errors import LabelOutdated, LineBlocked, LineNotReady, NoFill, NotInOrder, NotPaid
from shop.orders.models import Order
from shop.prescriptions import holding
from shop.prescriptions.errors import NoPrescription
from shop.prescriptions.models import DocumentIssued, Prescription
from shop.prescriptions.paper.clinic import Clinic
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid, placed, shelf
from tests.people import a_browser, alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription

PRINTER: dict[str, Any] = {
    "clinic": Clinic("Luminescence", "1400 Grand Avenue, Oakland", "+1 510 555 0142"),
    "zone": "America/Los_Angeles",
}


def text(made: bytes) -> list[str]:
    pages = PdfReader(io.BytesIO(made)).pages
    return [" ".join(page.extract_text().split()) for page in pages]


def printed(order: Order, sku: str) -> list[str]:
    locked = queries.locked_order(order.id)
    made = labelling.print_label(locked, sku, by=sam(), at=now(), **PRINTER)
    db.session.commit()
    return text(made)


def prints() -> int:
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(DocumentIssued)) or 0)


def an_order(quantity: int = 1) -> tuple[Order, Prescription, str, str]:
    """Paid: a cream under a prescription and a soap; with their SKUs."""
    client, chen, cream, soap = alice(), dr_chen(), a_cream(), a_variant()
    a_lot(cream, 1, days=90, lot_number="SOON1")
    a_lot(cream, 20, days=900, lot_number="LATE1")
    a_lot(soap)
    signed = a_prescription(client, cream, by=chen, quantity=quantity)
    return paid(client, {cream: quantity, soap: 1}), signed, cream.sku, soap.sku


def test_a_label_names_the_lots_that_would_be_taken(app: Flask) -> None:
    order, signed, cream, _soap = an_order(quantity=2)

    first, second = printed(order, cream)

    assert "SOON1" in first
    assert "LATE1" in second
    for page in (first, second):
        assert f"{signed.number} · fill 1 of 3 · 2 refills left" in page
        assert "Alice Moreno 12 Grove St, Oakland, CA 94607" in page
        assert "A pea-sized amount at night." in page
        assert "Use only as directed." in page  # the leaflet's cautions
        assert "packed by SO" in page
        assert "COPY" not in page
    shipment = leave(order)
    shipped = {line.lot.lot_number for line in shipment.lines if line.fill_id}
    assert shipped == {"SOON1", "LATE1"}


def test_the_second_print_is_a_copy_and_another_lot_is_a_new_label(app: Flask) -> None:
    order, _signed, cream, _soap = an_order()
    assert "COPY" not in printed(order, cream)[0]
    (again,) = printed(order, cream)
    assert "COPY 2 · first printed" in again
    assert "SOON1" in again

    line = next(line for line in order.lines if line.sku == cream)
    soon = next(part.lot_id for part in line.reservation.parts)
    releasing.quarantine(db.session.get_one(Lot, soon), reason="Leaks.", by=mona(), at=now())
    db.session.commit()
    (other,) = printed(order, cream)
    assert "LATE1" in other
    assert "REPLACES the print of" in other
    assert "COPY" not in other
    assert "COPY 4" in printed(order, cream)[0]
    leave(order, skus=[cream])
    assert prints() == 4


def test_nothing_leaves_under_a_label_of_another_lot(app: Flask) -> None:
    order, _signed, cream, _soap = an_order()
    printed(order, cream)
    soon = next(
        part.lot for line in order.lines if line.sku == cream for part in line.reservation.parts
    )
    releasing.quarantine(soon, reason="Leaks.", by=mona(), at=now())
    db.session.commit()
    before = shelf(soon)

    with pytest.raises(LabelOutdated, match="names lot SOON1, and lot LATE1 would leave"):
        leave(order, skus=[cream])
    db.session.rollback()

    assert shelf(soon) == before
    assert not queries.locked_order(order.id).shipments


def test_there_is_no_label_without_a_prescription_that_stands(app: Flask) -> None:
    order, signed, cream, _soap = an_order()
    holding.hold(signed, reason="A rash.", by=signed.prescriber, at=now())
    db.session.commit()

    with pytest.raises(LineBlocked, match="has put this on hold"):
        printed(order, cream)
    db.session.rollback()
    assert prints() == 0


def test_there_is_no_label_once_it_has_run_out(app: Flask) -> None:
    order, signed, cream, _soap = an_order()
    locked = queries.locked_order(order.id)

    with pytest.raises(NoPrescription, match="ended on"):
        labelling.print_label(
            locked, cream, by=sam(), at=signed.valid_until + timedelta(seconds=1), **PRINTER
        )
    assert prints() == 0


def test_what_is_not_about_to_be_packed_has_no_label(app: Flask) -> None:
    order, signed, cream, soap = an_order()
    with pytest.raises(NoFill):
        printed(order, soap)
    with pytest.raises(NotInOrder):
        printed(order, "NOTHING")
    revoking.revoke(signed, reason="No.", by=signed.prescriber, at=now())
    db.session.commit()
    with pytest.raises(LineNotReady):
        printed(order, cream)
    client, other = alice(), a_variant()
    a_lot(other)
    with pytest.raises(NotPaid):
        printed(placed(client, {other: 1}), other.sku)
    assert issubclass(NotInOrder, NotFound)
    assert prints() == 0


def test_staff_print_it_over_http_and_that_is_written_down(app: Flask) -> None:
    order, signed, cream, _soap = an_order()
    path = f"/orders/{order.number}/lines/{cream}/label"
    staff, client = Browser(app, somebody(sam)), Browser(app, somebody(alice))

    answer = staff.get(path)

    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    assert signed.number in text(answer.data)[0]
    assert db.session.scalars(sa.select(Access.record)).all() == [
        f"label of order {order.number}, {cream}"
    ]
    assert client.get(path).status_code == 403
    missing = staff.get(f"/orders/{order.number}/lines/{'x' * 10_000}/label")
    assert (missing.status_code, missing.content_type) == (404, "application/problem+json")
    assert prints() == 1


def test_the_packing_page_leads_to_it(app: Flask) -> None:
    order, _signed, cream, soap = an_order()
    page = a_browser(app, sam()).get(f"/packing/{order.number}").text

    assert f"/api/v1/orders/{order.number}/lines/{cream}/label" in page
    assert f"/lines/{soap}/label" not in page
