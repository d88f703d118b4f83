"""What was scanned, part by part: what is right, what is to be looked at, what must not come in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from shop.core.db import db
from shop.inventory import understanding
from shop.inventory.errors import BadScan, IsCase
from shop.inventory.gs1 import FNC1
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.inventory.understanding import Doubt, Kind, Tone, Understood
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import a_browser, sam
from tests.recalls.builders import a_recall

GTIN = "09506000134352"


def heard(code: str) -> Understood:
    return understanding.understand(code, today=today())


def doubts(found: Understood) -> dict[Kind, Doubt]:
    return {part.kind: part.doubt for part in found.parts}


def test_a_code_of_gs1_is_told_in_parts(app: Flask) -> None:
    soap = a_variant(a_product(name="Calm Soap"), gtin=GTIN)
    expires = today() + timedelta(days=300)
    tail = f"01{GTIN}10AB1{FNC1}17{expires:%y%m%d}21X9"

    for code in (tail, f"]d2{tail}", f"]C1{tail}", tail.replace(FNC1, "^]"), f"{FNC1}{tail}"):
        found = heard(code)
        assert (found.variant, found.lot, found.tone) == (soap, None, Tone.OK)
        assert [(part.kind, part.said) for part in found.parts] == [
            (Kind.CODE, GTIN),
            (Kind.PRODUCT, "Calm Soap, 20 g tube"),
            (Kind.LOT, "AB1"),
            (Kind.EXPIRY, expires.isoformat()),
            (Kind.SERIAL, "X9"),
        ]
        assert doubts(found)[Kind.LOT] is Doubt.NEW


def test_a_sku_our_number_and_a_bare_code_are_understood_too(app: Flask) -> None:
    soap = a_variant(gtin=GTIN, sku="SOAP-77")
    lot = a_lot(soap, 5, days=200)

    for code in ("SOAP-77", "soap-77", GTIN, GTIN[1:]):
        found = heard(code)
        assert (found.variant, found.tone) == (soap, Tone.WARN), code
        assert doubts(found)[Kind.LOT] is Doubt.UNREAD
    ours = heard(lot.number.lower())
    assert (ours.variant, ours.lot, ours.tone) == (soap, lot, Tone.OK)
    assert doubts(ours)[Kind.LOT] is Doubt.HERE


@pytest.mark.parametrize("code", ["", " ", "]", "x" * 501, "L-NOTHING", "(01)1", "\x00"])
def test_what_is_nothing_is_refused(app: Flask, code: str) -> None:
    with pytest.raises(BadScan):
        heard(code)


def test_the_code_of_a_case_is_refused(app: Flask) -> None:
    with pytest.raises(IsCase):
        heard("19506000134359")


def on_the_shelf(days: int = 300) -> Lot:
    lot = a_lot(a_variant(gtin=GTIN), 5, days=days)
    db.session.flush()
    return lot


def label(lot: Lot, days: int) -> str:
    return f"01{GTIN}17{today() + timedelta(days=days):%y%m%d}10{lot.lot_number}"


def test_what_must_not_come_in_is_stopped_and_said(app: Flask) -> None:
    lot = on_the_shelf()
    assert heard(label(lot, 300)).comes_in
    stops = {"other": label(lot, 301), "over": f"01{GTIN}17{today():%y%m%d}10NEW"}
    for doubt, code in stops.items():
        found = heard(code)
        assert (found.tone, found.comes_in) == (Tone.STOP, False)
        assert doubts(found)[Kind.EXPIRY] == doubt
    far = heard(f"01{GTIN}17{today() + timedelta(days=17 * 366):%y%m%d}10NEW")
    assert doubts(far)[Kind.EXPIRY] is Doubt.TOO_FAR
    soon = heard(f"01{GTIN}17{today() + timedelta(days=59):%y%m%d}10NEW")
    assert (doubts(soon)[Kind.EXPIRY], soon.comes_in) == (Doubt.SOON, True)


def test_a_recalled_lot_is_stopped_and_not_added(app: Flask) -> None:
    lot = on_the_shelf()
    code = label(lot, 300)
    a_recall(lot)
    db.session.commit()
    found = heard(code)
    assert (found.tone, doubts(found)[Kind.LOT]) == (Tone.STOP, Doubt.RECALLED)

    browser = a_browser(app, sam())
    page = browser.get("/stock/receive").text
    form = {"csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0]}
    told = browser.post("/stock/receive", data=form | {"scan": code, "scanned": "1"}).text
    assert 'data-heard="stop"' in told
    assert "Nothing was added" in told
    assert f'value="{lot.lot_number}"' not in told
    (same,) = db.session.query(Lot).all()
    assert (same.on_hand, same.status) == (5, LotStatus.RECALLED)


def test_the_page_answers_htmx_with_the_part_that_changes(app: Flask) -> None:
    lot = on_the_shelf()
    db.session.commit()
    browser = a_browser(app, sam())
    part = browser.get(f"/stock/scan?code={lot.number}", headers={"HX-Request": "true"}).text
    whole = browser.get(f"/stock/scan?code={lot.number}").text
    assert '<div id="found"' in part
    assert "<html" not in part
    assert all(word in whole for word in ("<html", lot.lot_number, 'data-heard="ok"'))
    assert browser.get("/stock/scan?code=what").status_code == 422
    assert browser.get("/stock/scan").status_code == 200


def test_a_pack_is_taken_out_again(app: Flask) -> None:
    soap = a_variant(gtin=GTIN, sku="SOAP-78")
    db.session.commit()
    assert soap
    browser = a_browser(app, sam())
    page = browser.get("/stock/receive").text
    form = {"csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0]}
    rows = {"lines.0.sku": "SOAP-78", "lines.0.quantity": "2"}
    one = browser.post("/stock/receive", data=form | rows | {"out": "0"}).text
    assert 'name="lines.0.quantity" type="number" value="1"' in one
    none = browser.post(
        "/stock/receive", data=form | rows | {"lines.0.quantity": "1", "out": "0"}
    ).text
    assert "SOAP-78" not in none
    for strange in ("9", "-1", "x", ""):
        kept = browser.post("/stock/receive", data=form | rows | {"out": strange})
        assert (kept.status_code, "SOAP-78" in kept.text) == (200, True)


def test_a_shelf_label_bears_our_number(app: Flask) -> None:
    lot = on_the_shelf()
    db.session.commit()
    browser = a_browser(app, sam())
    page = browser.get(f"/stock/lots/{lot.number}/label?copies=3").text
    assert page.count("<figcaption>") == 3
    assert f"<figcaption>{lot.number}</figcaption>" in page
    for strange in ("0", "x", "-1", "1000"):
        assert browser.get(f"/stock/lots/{lot.number}/label?copies={strange}").status_code == 200
