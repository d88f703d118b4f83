"""Buying over HTTP and on pages: who may, what is answered, what is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.core.db import db
from shop.inventory.models import Lot
from shop.purchasing.models import PurchaseOrder, Supplier
from shop.purchasing.states import PurchaseStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import today
from tests.inventory.test_scanning import typed
from tests.people import a_browser, mona, sam
from tests.purchasing.builders import a_purchase

GTIN = "00036000291452"


def label(sku: str, **given: Any) -> dict[str, Any]:
    expires_on = str(today() + timedelta(days=400))
    return {"sku": sku, "lot_number": "B7", "expires_on": expires_on, "quantity": 4} | given


def test_from_supplier_to_shelf_over_the_api(app: Flask) -> None:
    sku = a_variant().sku
    staff, manager = Browser(app, somebody(sam)), Browser(app, somebody(mona))
    new = {"name": "Derma Supply", "lead_days": 7}
    assert staff.post("/suppliers", new).status_code == 403
    supplier = manager.post("/suppliers", new).json["number"]
    assert manager.post("/suppliers", new).json["code"] == "supplier_taken"
    line = {"sku": sku, "quantity": 10, "unit_cost_cents": 1250}

    drafted = staff.post("/purchase-orders", {"supplier": supplier, "lines": [line]})
    assert (drafted.status_code, drafted.json["total_cents"]) == (201, 12500)
    path = f"/purchase-orders/{drafted.json['number']}"
    assert staff.post(f"{path}/sending").status_code == 403
    assert manager.post(f"{path}/sending").json["status"] == "sent"
    body = {
        "lines": [label(sku)],
        "damaged": [{"sku": sku, "quantity": 2, "damage": "Crushed"}],
        "delivery_note": "D-9",
    }
    wrong = staff.post(f"{path}/receipts", body | {"lines": [label(sku, lot_number="A B")]})
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["lines.0.lot_number"])
    booked = staff.post(f"{path}/receipts", body).json

    (line,) = booked["lines"]
    assert (line["received"], line["damaged"], line["short"], line["over"]) == (4, 2, 6, 0)
    (receipt,) = booked["receipts"]
    assert {(one["quantity"], one["lot_number"], one["damage"]) for one in receipt["arrivals"]} == {
        (4, "B7", None),
        (2, None, "Crushed"),
    }
    closed = staff.post(f"{path}/closure", {"reason": "Sold out"})
    assert closed.json["status"] == "closed"
    assert staff.post(f"{path}/receipts", body).json["code"] == "wrong_state"
    assert [one["number"] for one in staff.get("/purchase-orders?status=closed").json["items"]] == [
        drafted.json["number"]
    ]
    assert db.session.scalar(sa.select(sa.func.sum(Lot.on_hand))) == 4


def test_an_order_is_written_and_sent_on_pages(app: Flask) -> None:
    sku, other = a_variant().sku, a_variant().sku
    db.session.commit()
    staff, manager = a_browser(app, sam()), a_browser(app, mona())
    added = {"name": "Derma Supply", "lead_days": "7", "email": "d@example.test"}
    post(manager, "/suppliers", "/suppliers", added)
    (supplier,) = db.session.scalars(sa.select(Supplier))

    page = post(staff, "/purchases", "/purchases", {"supplier": supplier.number})
    path = f"/purchases/{db.session.scalars(sa.select(PurchaseOrder.number)).one()}"
    wrong = {
        "lines.0.sku": "NOT-OURS",
        "lines.0.quantity": "3",
        "lines.0.unit_cost": "12.5",
        "note": "Ring first.",
    }
    refused = staff.post(path, data=typed(page) | wrong)
    assert (refused.status_code, "Ring first." in refused.text) == (422, True)
    assert "Row 1: unit cost: This is missing." in refused.text
    row = {"lines.0.sku": sku, "lines.0.unit_cost": "$12.50"}
    second = {"lines.1.sku": other, "lines.1.quantity": "1", "lines.1.unit_cost": "0"}
    kept = staff.post(path, data=typed(page) | wrong | row | second, follow_redirects=True)
    assert "It is kept." in kept.text
    assert "The manager sends it." in kept.text
    sent = post(manager, path, f"{path}/sending")

    assert "$37.50" in sent
    assert "Receive a delivery" in sent
    assert staff.post(path, data=typed(page) | wrong | row).status_code == 409


def test_a_delivery_for_an_order_is_scanned_and_booked_on_the_page(app: Flask) -> None:
    soap, cream = a_variant(gtin=GTIN), a_cream()
    order = a_purchase({soap: 5, cream: 2})
    db.session.commit()
    path, staff = f"/purchases/{order.number}/receive", a_browser(app, sam())
    page = staff.get(path).text
    owed = typed(page)
    assert (owed["lines.0.sku"], owed["lines.0.quantity"]) == (soap.sku, "5")
    assert owed["lines.1.unit_cost"] == "12.00"
    expires = today() + timedelta(days=300)
    only_soap = {name: "" if name.startswith("lines.") else value for name, value in owed.items()}
    code = f"01{GTIN}17{expires:%y%m%d}10AB1"

    page = staff.post(path, data=only_soap | {"scan": code, "scanned": "1"}).text
    damaged = {"lines.1.sku": cream.sku, "lines.1.damaged": "2"}
    refused = staff.post(path, data=typed(page) | damaged)
    assert (refused.status_code, "say what is wrong" in refused.text) == (422, True)
    assert 'id="e-lines.1.damage"' in refused.text
    said = typed(refused.text) | {"lines.1.damage": "Leaks"}
    booked = staff.post(path, data=said, follow_redirects=True).text

    assert "The delivery is booked." in booked
    assert "4 short" in booked
    assert "damaged: Leaks" in booked
    (lot,) = db.session.scalars(sa.select(Lot))
    assert (lot.lot_number, lot.expires_on, lot.on_hand) == ("AB1", expires, 1)
    status = db.session.scalar(sa.select(PurchaseOrder.status))
    assert status is PurchaseStatus.PARTLY_RECEIVED


def post(browser: FlaskClient, shown: str, path: str, data: dict[str, str] | None = None) -> str:
    """What the form of a page does; the page that follows."""
    token = re.search(r'name="csrf_token" value="([^"]*)"', browser.get(shown).text)
    assert token
    answer = browser.post(path, data={"csrf_token": token[1]} | (data or {}), follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text
