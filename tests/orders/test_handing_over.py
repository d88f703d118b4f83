"""Over the desk: to the client who says her name and day of birth, and to nobody else."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from flask import Flask
from pypdf import PdfReader

from shop.core.clock import now
from shop.core.db import db
from shop.orders import shipping, slip
from shop.orders.errors import BadTracking, NotTheClient
from shop.orders.handing_over import Met
from shop.orders.models import Order
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import CLINIC, PARCEL, leave, packed, paid
from tests.people import a_browser, alice, sam

BORN = date(1990, 5, 4)


def to_fetch() -> Order:
    soap = a_variant()
    a_lot(soap, lot_number="L1")
    order = paid(alice(name="Zoë  Moreno", birth_date=BORN), {soap: 1}, shipping_method="pickup")
    packed(order)
    db.session.commit()
    return order


WRONG = {
    "another name": Met("Zoe Morena", BORN),
    "another day": Met("Zoë Moreno", date(1990, 4, 5)),
    "half a name": Met("Moreno", BORN),
    "nobody asked": None,
}


@pytest.mark.parametrize("case", WRONG)
def test_it_goes_to_nobody_else(app: Flask, case: str) -> None:
    order = to_fetch()
    with pytest.raises(NotTheClient) as refused:
        shipping.ship(order, skus=None, met=WRONG[case], by=sam(), at=now())
    db.session.rollback()
    assert "1990" not in refused.value.text
    assert not order.shipments


def test_it_goes_to_the_client_however_her_name_is_typed(app: Flask) -> None:
    order, packer = to_fetch(), sam()

    parcel = shipping.ship(order, skus=None, met=Met("ZOE moreno", BORN), by=packer, at=now())
    db.session.commit()

    assert (parcel.carrier, parcel.tracking) == ("Desk", "")
    assert (parcel.handed_to, parcel.identified_by) == (order.client.name, "birth_date")
    assert parcel.shipped_by_id == packer.id
    shown = a_browser(app, order.client).get(f"/orders/{order.number}").text
    assert "at the clinic" in shown


def test_what_is_sent_is_not_handed_over(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap)
    order = paid(alice(), {soap: 1})
    packed(order)
    met = Met(order.client.name, BORN)
    with pytest.raises(BadTracking):
        shipping.ship(order, skus=None, met=met, by=sam(), at=now())


def test_the_page_asks_who_she_is_and_the_api_takes_it(app: Flask) -> None:
    by_page, by_api = to_fetch(), to_fetch()
    browser = a_browser(app, sam())
    path = f"/packing/{by_page.number}"
    shown = browser.get(path).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert token
    assert "Hand it over" in shown
    assert "Tracking number" not in shown
    typed = {"lines": by_page.lines[0].sku, "name": "Zoe Moreno", "birth_date": "1990-05-05"}
    typed["csrf_token"] = token[1]
    refused = browser.post(f"{path}/shipments", data=typed)
    assert (refused.status_code, "Nothing was handed over" in refused.text) == (422, True)
    done = browser.post(f"{path}/shipments", data=typed | {"birth_date": "1990-05-04"})
    assert (done.status_code, done.location) == (303, "/packing")

    staff = Browser(app, somebody(sam))
    said = {"handed_to": {"name": "Zoë Moreno", "birth_date": "1990-05-04"}}
    shipped = staff.post(f"/orders/{by_api.number}/shipments", said)
    assert (shipped.status_code, shipped.json["handed_to"]) == (201, by_api.client.name)
    assert shipped.json["tracking_url"] is None


def test_the_slip_tells_what_is_in_the_box_and_what_follows(app: Flask) -> None:
    soap, tonic = a_variant(name="200 ml", cents=2400), a_variant(name="100 ml")
    a_lot(soap, lot_number="L1"), a_lot(tonic)
    order = paid(alice(), {soap: 2, tonic: 1})
    parcel = leave(order, skus=[soap.sku])
    db.session.commit()

    told = slip.of(order, parcel, clinic=CLINIC, zone="America/Los_Angeles")
    made = slip.draw(told)

    assert [(item.units, item.sku, item.lots) for item in told.items] == [(2, soap.sku, ("L1",))]
    assert [(item.units, item.sku) for item in told.follow] == [(1, tonic.sku)]
    assert slip.draw(told) == made
    (page,) = PdfReader(io.BytesIO(made)).pages
    text = " ".join(page.extract_text().split())
    for words in (order.number, parcel.number, "12 Grove St", PARCEL["tracking"], "To follow"):
        assert words in text
    assert "$" not in text
    staff, client = Browser(app, somebody(sam)), Browser(app, somebody(alice))
    path = f"/orders/{order.number}/shipments/{parcel.number}/slip"
    assert staff.get(path).content_type == "application/pdf"
    assert staff.get(f"/orders/{order.number}/shipments/S-NONE/slip").status_code == 404
    assert client.get(path).status_code == 403
