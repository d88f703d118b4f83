"""Places, transfers, testers and planning over HTTP and on pages."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import places, receiving
from shop.inventory.models import Lot, Movement, ShelfTester, Transfer
from shop.inventory.receiving import ReceiptLineIn
from shop.planning.models import StockPolicy
from tests.builders import a_product, a_variant
from tests.inventory.clinics import a_clinic, a_transfer
from tests.inventory.lots import a_lot, today
from tests.orders.things import leave, paid
from tests.people import a_browser, alice, bob, mona, sam
from tests.purchasing.builders import a_purchase, a_supplier, arrive, good


@pytest.fixture
def sams(app: Flask) -> FlaskClient:
    return a_browser(app, sam())


@pytest.fixture
def monas(app: Flask) -> FlaskClient:
    return a_browser(app, mona())


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def sent(browser: FlaskClient, page: str, path: str, **form: str) -> Any:
    """A form of a page, sent."""
    form["csrf_token"] = token(browser.get(page).text)
    return browser.post(path, data=form)


def api(browser: FlaskClient, path: str, body: dict[str, Any], method: str = "POST") -> Any:
    """The API by the same sign-in, as our pages call it."""
    headers = {"X-CSRFToken": browser.get("/api/v1/me").json["csrf_token"]}
    return browser.open(f"/api/v1{path}", method=method, json=body, headers=headers)


def where(lot: Lot) -> dict[str, int]:
    return {one.location.code: one.on_hand for one in places.lying([lot.id]).get(lot.id, [])}


def test_packs_go_to_a_new_clinic_and_some_get_lost_on_the_way(
    sams: FlaskClient, monas: FlaskClient
) -> None:
    lot = a_lot(a_variant(a_product(name="Calm Soap")), 10)
    db.session.commit()
    sent(monas, "/stock/places", "/stock/sites", code="NORTH", name="North")
    sent(
        monas,
        "/stock/places",
        "/stock/places",
        site="NORTH",
        code="N-1",
        name="North shelf",
        kind="retail",
    )
    row = {"lines.0.lot": lot.number, "lines.0.origin": "SHELF", "lines.0.units": "4"}
    answer = sent(sams, "/stock/transfers", "/stock/transfers", to="NORTH", **row)
    path = answer.headers["Location"]
    assert answer.status_code == 303
    assert "Calm Soap" in sams.get(path).text
    assert where(lot) == {"SHELF": 6, "TRANSIT": 4}

    (line,) = places.transfer(path.rsplit("/", 1)[1]).lines
    counted = {f"units-{line.id}": "3", "into": "N-1"}
    sent(sams, path, f"{path}/arrivals", **counted)
    assert "1 missing" in sams.get(path).text
    assert "Write off 1" not in sams.get(path).text  # who sent it does not
    assert "Write off 1" in monas.get(path).text
    answer = sent(sams, path, f"{path}/loss", reason="It was open.")
    assert answer.status_code == 403
    assert where(lot) == {"N-1": 3, "SHELF": 6, "TRANSIT": 1}
    sent(monas, path, f"{path}/loss", reason="It was open.")
    assert where(lot) == {"N-1": 3, "SHELF": 6}
    told = monas.get(f"/stock/lots/{lot.number}").text
    assert "3 in a clinic that fills no orders" in told


def test_a_refused_transfer_shows_what_was_typed_and_moves_nothing(sams: FlaskClient) -> None:
    lot, (site, _shelf) = a_lot(a_variant(), 10), a_clinic()
    db.session.commit()
    for units, why in (("11", "10 of lot"), ("0", "Must be"), ("many", "whole number")):
        row = {"lines.0.lot": lot.number, "lines.0.origin": "SHELF", "lines.0.units": units}
        answer = sent(sams, "/stock/transfers", "/stock/transfers", to=site.code, **row)
        assert answer.status_code == 422
        assert why in answer.text
        assert f'value="{lot.number}"' in answer.text
    body = {"to": site.code, "lines": [{"lot": "L-NONE", "origin": "SHELF", "units": 1}]}
    assert api(sams, "/transfers", body).status_code == 404
    assert where(lot) == {"SHELF": 10}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Transfer)) == 0


def test_a_transfer_over_the_api_arrives_once_however_often_it_is_told(sams: FlaskClient) -> None:
    lot, (site, shelf) = a_lot(a_variant(), 10), a_clinic()
    transfer = a_transfer(lot, 4, site)
    db.session.commit()
    path = f"/api/v1/transfers/{transfer.number}/arrivals"
    body = {"into": shelf.code, "lines": [{"line": str(transfer.lines[0].id), "units": 2}]}
    headers = {
        "X-CSRFToken": sams.get("/api/v1/me").json["csrf_token"],
        "Idempotency-Key": uuid.uuid4().hex,
    }
    first, again = (sams.post(path, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert (first.json["status"], first.json["missing"]) == ("short", 2)
    assert where(lot) == {"SHELF": 6, "TRANSIT": 2, shelf.code: 2}
    (listed,) = sams.get("/api/v1/transfers").json["items"]
    assert listed == first.json


def test_a_tester_is_opened_from_its_lot_and_thrown_away_from_the_list(sams: FlaskClient) -> None:
    lot = a_lot(a_variant(), 5)
    db.session.commit()
    page = f"/stock/lots/{lot.number}/places"
    wrong = sent(sams, page, f"/stock/lots/{lot.number}/testers", origin="SHELF", months="99")
    assert wrong.status_code == 422
    assert where(lot) == {"SHELF": 5}
    sent(sams, page, f"/stock/lots/{lot.number}/testers", origin="SHELF", months="6")
    (tester,) = places.testers()
    assert tester.number in sams.get("/stock/testers").text
    path = f"/stock/testers/{tester.number}/end"
    assert sent(sams, "/stock/testers", path, reason=" ").status_code == 422
    assert sent(sams, "/stock/testers", path, reason="Empty.").status_code == 303
    assert where(lot) == {"SHELF": 4}
    again = api(sams, f"/testers/{tester.number}/end", {"reason": "Again."})
    assert again.status_code == 409
    ended = db.session.scalar(sa.select(ShelfTester.reason))
    assert ended == "Empty."


def test_the_same_form_sent_twice_puts_away_once(sams: FlaskClient, monas: FlaskClient) -> None:
    lot = a_lot(a_variant(), 10)
    db.session.commit()
    form = {"site": "MAIN", "code": "A-3", "name": "Bin A-3", "kind": "retail"}
    sent(monas, "/stock/places", "/stock/places", **form)
    page = f"/stock/lots/{lot.number}/places"
    reference = str(uuid.uuid4())
    for _ in range(2):
        sent(sams, page, page, origin="SHELF", to="A-3", units="4", reference=reference)
    assert where(lot) == {"A-3": 4, "SHELF": 6}
    answer = api(sams, f"/lots/{lot.number}/put-away", {"origin": "A-3", "to": "A-9", "units": 1})
    assert answer.status_code == 404
    shown = sams.get(f"/api/v1/lots/{lot.number}").json
    assert [(one["place"], one["units"]) for one in shown["places"]] == [("A-3", 4), ("SHELF", 6)]
    assert shown["reasons"] == [{"why": "sellable", "units": 10, "place": None, "until": None}]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Movement)) == 2


def test_only_the_manager_opens_places_and_sets_policies(
    sams: FlaskClient, monas: FlaskClient
) -> None:
    soap = a_variant()
    a_lot(soap, 1)
    db.session.commit()
    body = {"code": "WEST", "name": "West", "fills_orders": True}
    policy = {"lead_days": 30, "safety_days": 10}
    path = f"/variants/{soap.sku}/stock-policy"
    assert api(sams, "/sites", body).status_code == 403
    assert api(sams, path, policy, "PUT").status_code == 403
    assert api(monas, "/sites", body).status_code == 201
    assert api(monas, "/sites", body).status_code == 422
    assert api(monas, path, policy, "PUT").json["lead_days"] == 30
    assert api(monas, path, policy | {"lead_days": 0}, "PUT").status_code == 422
    assert db.session.get(StockPolicy, soap.id).lead_days == 30  # type: ignore[union-attr]
    (shown,) = monas.get("/api/v1/stock/outlook").json["items"]
    assert (shown["sku"], shown["lead_days"], shown["low"]) == (soap.sku, 30, False)
    assert monas.get("/api/v1/stock/outlook?low=true").json["items"] == []
    text = sams.get("/stock/planning").text
    assert "Everything is above its reorder point." in text
    assert api(monas, "/sites/WEST/closure", {}).status_code == 200
    assert api(monas, "/places/SHELF/closure", {}).status_code == 409


def test_what_expires_and_what_lies_dead_is_listed(sams: FlaskClient) -> None:
    lot = a_lot(a_variant(cents=1_500), 5, days=30)
    db.session.commit()
    (shown,) = sams.get("/api/v1/stock/at-risk?days=30").json["items"]
    assert (shown["lot"], shown["unsold"]) == (lot.number, 5)
    assert (shown["price_cents"], shown["cost_cents"]) == (7_500, None)
    assert sams.get("/api/v1/stock/at-risk?days=0").status_code == 422
    assert sams.get("/api/v1/stock/dead").json == {"items": []}
    assert lot.lot_number in sams.get("/stock/planning").text


def test_clients_see_nothing_of_it(app: Flask) -> None:
    browser = a_browser(app, alice())
    for path in ("/stock/planning", "/stock/places", "/stock/transfers", "/reports"):
        assert browser.get(path).status_code == 403


def test_what_expires_stands_with_what_is_worth_most_first_and_with_what_to_do(
    sams: FlaskClient,
) -> None:
    cheap, dear = a_variant(a_product(name="Calm Soap")), a_variant(a_product(name="Dear Balm"))
    receive = {cheap: 100, dear: 90000}
    lots = [
        receiving.receive(
            [ReceiptLineIn(one.sku, "B1", today() + timedelta(days=40), 5, unit_cost_cents=cents)],
            by=sam(),
            at=now(),
            today=today(),
        )[0]
        for one, cents in receive.items()
    ]
    over = a_lot(a_variant(a_product(name="Old Mask")), 5, days=1)
    far = a_lot(a_variant(a_product(name="Young Mask")), 5, days=300)
    db.session.commit()
    numbers = [lot.number for lot in (*lots, over, far)]

    page = sams.get("/stock/expiring?days=90").text
    assert page.index(numbers[1]) < page.index(numbers[0])
    assert "$4,505.00" in page  # five of each, at cost; nobody knows what the mask cost
    assert f"/stock/lots/{numbers[2]}/quarantine" in page
    assert numbers[3] not in page
    for strange in ("x", "-1", "", "99999999999"):
        assert sams.get(f"/stock/expiring?days={strange}").status_code == 200
    sent(sams, "/stock/expiring", f"/stock/lots/{numbers[2]}/quarantine", reason="Over.")
    assert f"/stock/lots/{numbers[2]}/quarantine" not in sams.get("/stock/expiring").text


def test_what_runs_low_is_ordered_by_one_button_onto_one_draft(sams: FlaskClient) -> None:
    soap, balm = a_variant(a_product(name="Calm Soap")), a_variant(a_product(name="Dear Balm"))
    one = a_supplier()
    for variant, units in ((soap, 2), (balm, 40)):
        arrive(a_purchase({variant: units}, supplier=one), good(variant, units))
        leave(paid(alice(), {variant: units if units < 3 else 20}))
        if units > 2:
            leave(paid(bob(), {variant: 20}))
    db.session.commit()
    skus = (soap.sku, balm.sku)

    page = sams.get("/stock/low").text
    assert page.index(skus[1]) < page.index(skus[0])
    supplier = re.findall(r'name="supplier" value="([^"]+)"', page)
    wanted = dict(
        zip(
            re.findall(r'name="sku" value="([^"]+)"', page),
            re.findall(r'name="quantity" value="(\d+)"', page),
            strict=True,
        )
    )
    assert set(wanted) == set(skus)
    for sku in (*skus, skus[0]):  # twice the same: it stands there once
        done = sent(
            sams,
            "/stock/low",
            "/purchases",
            supplier=supplier[0],
            sku=sku,
            quantity=wanted[sku],
            unit_cost="12.00",
        )
        assert done.status_code == 303
    draft = sams.get(done.location).text
    assert all(f'value="{sku}"' in draft for sku in skus)
    refused = sent(
        sams, "/stock/low", "/purchases", supplier=supplier[0], sku="?", quantity="1", unit_cost="1"
    )
    assert refused.status_code == 422
