"""A scanned code is of a variant and a lot; a code that nobody knew is matched once."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import receiving, scanning
from shop.inventory.errors import BadReceipt, GtinKnown, IsCase
from shop.inventory.models import ExpiryPrecision, Lot
from shop.inventory.receiving import ASSUMED_SHELF_LIFE, ReceiptLineIn
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.people import a_browser, mona, sam

GTIN = "00036000291452"
NDC_GTIN = "00301875160456"  # of 0187-5160-45


def test_a_gtin_is_found_however_it_was_filed(app: Flask) -> None:
    soap = a_variant(gtin="036000291452")
    lot = a_lot(soap, lot_number="AB1")

    found = scanning.find(f"01{GTIN}10AB1")

    assert (found.variant, found.lot) == (soap, lot)
    assert scanning.find("036000291452").variant == soap


def test_a_gtin_that_carries_an_ndc_finds_its_pack(app: Flask) -> None:
    cream = a_variant(package_ndc="0187-5160-45")

    assert scanning.find(f"01{NDC_GTIN}").variant == cream
    a_variant(package_ndc="01875-160-45")  # the same ten digits, cut elsewhere
    assert scanning.find(f"01{NDC_GTIN}").variant is None


def test_an_unknown_code_is_matched_once_and_known_from_then_on(app: Flask) -> None:
    soap, other = a_variant(), a_variant()
    assert scanning.find(GTIN).variant is None

    scanning.match(f"01{GTIN}", soap, by=sam(), at=now())
    db.session.commit()

    assert (soap.gtin, scanning.find("036000291452").variant) == (GTIN, soap)
    told = events.of(soap.id)[-1]
    assert (told.kind, told.facts["fields"]) == ("variant_changed", ["gtin"])
    with pytest.raises(GtinKnown):
        scanning.match(GTIN, other, by=sam(), at=now())
    with pytest.raises(GtinKnown):
        scanning.match("4006381333931", soap, by=sam(), at=now())
    assert (soap.gtin, other.gtin) == (GTIN, None)


def test_the_code_of_a_case_is_no_pack(app: Flask) -> None:
    with pytest.raises(IsCase):
        scanning.find("10036000291459")
    with pytest.raises(IsCase):
        scanning.match("10036000291459", a_variant(), by=sam(), at=now())


# Expiries that labels half say


def received(**given: object) -> Lot:
    soap = a_variant()
    line = ReceiptLineIn(soap.sku, "A1", None, 5, **given)  # type: ignore[arg-type]
    (lot,) = receiving.receive([line], by=sam(), at=now(), today=today())
    return lot


def test_no_expiry_needs_a_reason_and_is_assumed(app: Flask) -> None:
    lot = received(no_expiry_reason="Soap bar, none printed")

    assert lot.expires_on == today() + ASSUMED_SHELF_LIFE
    assert lot.expiry_precision is ExpiryPrecision.ASSUMED
    later = ReceiptLineIn(lot.variant.sku, "A1", None, 2, no_expiry_reason="None printed")
    tomorrow = today() + timedelta(days=1)
    (same,) = receiving.receive([later], by=sam(), at=now(), today=tomorrow)
    assert (same.id, same.on_hand) == (lot.id, 7)
    with pytest.raises(BadReceipt, match="Nothing was booked"):
        received()
    with pytest.raises(BadReceipt):
        received(no_expiry_reason=" ")


def test_a_month_is_good_until_its_last_day(app: Flask) -> None:
    soap = a_variant()
    month = date(today().year + 1, 2, 28)
    line = ReceiptLineIn(soap.sku, "A1", month, 5, precision=ExpiryPrecision.MONTH)
    wrong = ReceiptLineIn(soap.sku, "A2", month.replace(day=27), 5, precision=line.precision)

    with pytest.raises(BadReceipt) as refused:
        receiving.receive([line, wrong], by=sam(), at=now(), today=today())
    assert set(refused.value.fields) == {"lines.1.expires_on"}

    (lot,) = receiving.receive([line], by=sam(), at=now(), today=today())
    assert (lot.expires_on, lot.expiry_precision) == (month, ExpiryPrecision.MONTH)


# On the page, without JavaScript: Enter presses the first button


def typed(page: str) -> dict[str, str]:
    """What the page's form would send, but for its buttons."""
    inputs = re.findall(r"<input ([^>]*)>", page)
    named = [
        (re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs
    ]
    return {name[1]: value[1] if value else "" for name, value in named if name}


def test_each_scan_adds_a_pack_and_the_first_button_is_the_scanners(app: Flask) -> None:
    soap = a_variant(gtin=GTIN)
    expires = (today() + timedelta(days=700)).replace(day=1) - timedelta(days=1)
    code = f"]d201{GTIN}10AB1\u241d17{expires:%y%m}00"
    browser = a_browser(app, sam())
    page = browser.get("/stock/receive").text
    first = re.search(r"<button[^>]*>", page[page.index('id="rows"') :])
    assert first
    assert 'name="scanned"' in first[0]

    for _ in range(2):
        page = browser.post(
            "/stock/receive", data=typed(page) | {"scan": code, "scanned": "1"}
        ).text
    browser.post("/stock/receive", data=typed(page))

    (lot,) = db.session.scalars(sa.select(Lot))
    assert (lot.variant_id, lot.lot_number, lot.on_hand) == (soap.id, "AB1", 2)
    assert (lot.expires_on, lot.expiry_precision) == (expires, ExpiryPrecision.MONTH)


def test_an_unknown_code_is_matched_on_the_page(app: Flask) -> None:
    sku = a_variant().sku
    db.session.commit()
    browser = a_browser(app, sam())
    page = browser.get("/stock/receive").text
    wrong = browser.post("/stock/receive", data=typed(page) | {"scan": "0109", "scanned": "1"})
    assert (wrong.status_code, "(01) GTIN" in wrong.text) == (422, True)

    page = browser.post("/stock/receive", data=typed(page) | {"scan": GTIN, "scanned": "1"}).text
    assert "Nobody has said yet" in page
    lost = typed(page) | {"match_sku": "NOT-OURS", "match": "1"}
    assert browser.post("/stock/receive", data=lost).status_code == 404
    page = browser.post("/stock/receive", data=lost | {"match_sku": sku}).text

    assert typed(page)["lines.0.sku"] == sku
    assert db.session.scalar(sa.select(Variant.gtin).where(Variant.sku == sku)) == GTIN


def test_the_api_reads_and_matches(app: Flask) -> None:
    sku = a_variant().sku
    db.session.commit()
    till = Browser(app, somebody(sam))
    scan = f"01{GTIN}1728022910AB"

    unknown = till.post("/scans", {"scan": scan}).json
    known = till.post("/scans/matches", {"scan": scan, "sku": sku})

    assert (unknown["sku"], unknown["gtin"], unknown["precision"]) == (None, GTIN, "day")
    assert (known.status_code, known.json["sku"], known.json["lot"]) == (201, sku, None)
    refused = till.post("/scans", {"scan": "]"})
    assert (refused.status_code, refused.json["code"]) == (422, "bad_scan")


def test_what_is_in_no_catalog_is_entered_by_the_manager(app: Flask) -> None:
    browser = a_browser(app, mona())
    page = browser.get("/stock/receive").text
    page = browser.post("/stock/receive", data=typed(page) | {"scan": GTIN, "scanned": "1"}).text
    assert f"/manage/new-product?gtin={GTIN}" in page
    form = typed(browser.get(f"/manage/new-product?gtin={GTIN}").text)
    new = {"name": "Calm Soap", "brand": "Olla", "legal_class": "cosmetic", "pack": "100 g bar"}

    refused = browser.post("/manage/new-product", data=form | new | {"sku": "no good"})
    assert (refused.status_code, db.session.scalar(sa.select(Variant.id))) == (422, None)
    entered = browser.post("/manage/new-product", data=form | new | {"sku": "SOAP-1"})

    assert entered.status_code == 303
    variant = scanning.find(f"01{GTIN}").variant
    assert variant is not None
    assert (variant.sku, variant.name, variant.for_sale) == ("SOAP-1", "100 g bar", False)
    assert variant.product.published_at is None
