"""The shelf over HTTP and on pages: who may, what is answered, what is refused."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person, Token
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import releasing, stock
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from tests.builders import a_cream, a_product, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import a_browser, alice, dr_chen, mona, sam


@pytest.fixture
def program(app: Flask) -> FlaskClient:
    """Sam's program, with a token for the stock."""
    return _program(app, sam())


def _program(app: Flask, person: Person) -> FlaskClient:
    secret = secrets.token_urlsafe(32)
    token = Token(
        id=uuid.uuid4(),
        secret_hash=hashlib.sha256(secret.encode()).digest(),
        person_id=person.id,
        epoch=person.session_epoch,
        name="till",
        scopes=["read", "stock", "shop", "manage", "clinic"],
        ends_at=now() + timedelta(hours=1),
    )
    db.session.add(token)
    db.session.commit()
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Sam's browser, signed in."""
    return a_browser(app, sam())


def a_row(sku: str, **given: Any) -> dict[str, Any]:
    expires_on = (datetime.now(UTC).date() + timedelta(days=300)).isoformat()
    return {"sku": sku, "lot_number": "B7", "expires_on": expires_on, "quantity": 12} | given


DOORS = [
    ("GET", "/api/v1/stock"),
    ("POST", "/api/v1/receipts"),
    ("GET", "/api/v1/lots/L-1"),
    ("POST", "/api/v1/lots/L-1/release"),
    ("POST", "/api/v1/lots/L-1/quarantine"),
    ("POST", "/api/v1/lots/L-1/check"),
    ("POST", "/api/v1/scans"),
    ("POST", "/api/v1/scans/matches"),
    ("GET", "/stock"),
    ("GET", "/stock/receive"),
    ("POST", "/stock/receive"),
    ("GET", "/stock/lots/L-1"),
    ("POST", "/stock/lots/L-1/release"),
    ("POST", "/stock/lots/L-1/quarantine"),
]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_clients_and_physicians_do_not_enter(app: Flask, method: str, path: str) -> None:
    for person in (alice(), dr_chen()):
        assert _program(app, person).open(path, method=method).status_code == 403
    assert app.test_client().get(path.replace("POST", "GET")).status_code in (401, 405)


def test_managers_may_look(app: Flask) -> None:
    assert _program(app, mona()).get("/api/v1/stock").status_code == 200


def test_the_board_adds_up(program: FlaskClient) -> None:
    soap = a_variant(a_product(name="Calm Soap"))
    late, soon = a_lot(soap, 9, days=90), a_lot(soap, 4, days=30)
    kept_back = a_lot(soap, 5, days=60, status=LotStatus.QUARANTINE)
    stock.reserve([(soap.id, 3)], today=today())
    db.session.commit()

    answer = program.get(f"/api/v1/stock?sku={soap.sku}")

    assert answer.status_code == 200
    (item,) = answer.json["items"]
    lots = item.pop("lots")
    assert item == {
        "sku": soap.sku,
        "product": "Calm Soap",
        "name": "20 g tube",
        "on_hand": 18,
        "reserved": 3,
        "free": 10,
        "reasons": {"sellable": 10, "quarantine": 5, "reserved": 3},
    }
    assert [(lot["number"], lot["free"], lot["status"]) for lot in lots] == [
        (soon.number, 1, "available"),
        (kept_back.number, 5, "quarantine"),
        (late.number, 9, "available"),
    ]
    assert answer.json["next"] is None


def test_the_board_finds_what_is_low_or_about_to_expire(program: FlaskClient) -> None:
    low, soon, plenty = (a_variant(sku=f"{word}-{uuid.uuid4().hex[:6]}") for word in "ABC")
    a_lot(low, 2)
    a_lot(soon, 50, days=20)
    a_lot(plenty, 50)
    db.session.commit()

    def found(query: str) -> list[str]:
        return [item["sku"] for item in program.get(f"/api/v1/stock?{query}").json["items"]]

    assert found("low=2") == [low.sku]
    assert found("expiring=30") == [soon.sku]
    assert found("low=1") == []
    assert found("limit=100") == [low.sku, soon.sku, plenty.sku]
    first = program.get("/api/v1/stock?limit=2").json
    second = program.get(f"/api/v1/stock?limit=2&after={first['next']}").json
    assert [item["sku"] for item in first["items"] + second["items"]] == found("limit=100")


@pytest.mark.parametrize("query", ["low=-1", "low=x", "expiring=1.5", "colour=red", "limit=101"])
def test_the_board_refuses_what_it_does_not_know(program: FlaskClient, query: str) -> None:
    answer = program.get(f"/api/v1/stock?{query}")

    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [query.partition("=")[0]]


def test_a_delivery_is_booked(program: FlaskClient) -> None:
    cream = a_cream()
    db.session.commit()

    answer = program.post("/api/v1/receipts", json={"lines": [a_row(cream.sku)]})

    assert answer.status_code == 201
    (lot,) = answer.json["lots"]
    assert (lot["sku"], lot["lot_number"], lot["on_hand"], lot["status"]) == (
        cream.sku,
        "B7",
        12,
        "quarantine",
    )
    seen = program.get(f"/api/v1/lots/{lot['number']}").json
    assert [(each["what"], each["units"], each["balance"]) for each in seen["history"]] == [
        ("lot_received", None, None),
        ("receive", 12, 12),
    ]
    assert {each["by"] for each in seen["history"]} != {"system"}


def test_a_repeated_delivery_is_booked_once(program: FlaskClient) -> None:
    soap = a_variant()
    db.session.commit()
    body, key = {"lines": [a_row(soap.sku)]}, {"Idempotency-Key": "delivery-1"}

    once = program.post("/api/v1/receipts", json=body, headers=key)
    again = program.post("/api/v1/receipts", json=body, headers=key)

    assert once.json == again.json
    assert program.get(f"/api/v1/stock?sku={soap.sku}").json["items"][0]["on_hand"] == 12


BAD_BODIES: dict[str, tuple[Any, list[str]]] = {
    "no lines": ({}, ["lines"]),
    "empty": ({"lines": []}, ["lines"]),
    "a word for lines": ({"lines": "x"}, ["lines"]),
    "no such field": ({"lines": [{"gs1": "0100"}]}, ["lines.0.gs1"]),
    "missing fields": (
        {"lines": [{"sku": "X"}]},
        ["lines.0.expires_on", "lines.0.lot_number", "lines.0.quantity"],
    ),
    "a text for a number": ({"lines": [a_row("X", quantity="3")]}, ["lines.0.quantity"]),
    "half a pack": ({"lines": [a_row("X", quantity=1.5)]}, ["lines.0.quantity"]),
    "true": ({"lines": [a_row("X", quantity=True)]}, ["lines.0.quantity"]),
    "no day": ({"lines": [a_row("X", expires_on="2027-02-30")]}, ["lines.0.expires_on"]),
    "NUL": ({"lines": [a_row("X\x00")]}, ["lines.0.sku"]),
    "unknown SKU": ({"lines": [a_row("NOT-OURS")]}, ["lines.0.sku"]),
}


@pytest.mark.parametrize("how", BAD_BODIES)
def test_a_bad_delivery_names_row_and_field(program: FlaskClient, how: str) -> None:
    body, fields = BAD_BODIES[how]

    answer = program.post("/api/v1/receipts", json=body)

    assert answer.status_code == 422, answer.text
    assert set(fields) <= set(answer.json["errors"])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Lot)) == 0


def test_a_lot_is_released_and_kept_back(program: FlaskClient) -> None:
    lot = a_lot(a_cream(), 5, status=LotStatus.QUARANTINE)
    releasing.check(lot, by=mona(), at=now())
    db.session.commit()
    path = f"/api/v1/lots/{lot.number}"

    assert program.post(f"{path}/release").json["status"] == "available"
    again = program.post(f"{path}/release")
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert program.post(f"{path}/quarantine", json={}).status_code == 422
    kept = program.post(f"{path}/quarantine", json={"reason": "Broken seal"})

    assert kept.json["status"] == "quarantine"
    history = program.get(path).json["history"]
    assert (history[-1]["what"], history[-1]["note"]) == ("lot_quarantined", "Broken seal")


def test_an_expired_lot_is_not_put_on_sale(program: FlaskClient) -> None:
    lot = a_lot(a_cream(), 5, days=-3, status=LotStatus.QUARANTINE)
    db.session.commit()

    answer = program.post(f"/api/v1/lots/{lot.number}/release")

    assert (answer.status_code, answer.json["code"]) == (422, "lot_expired")


@pytest.mark.parametrize("path", ["", "/release", "/quarantine"])
def test_an_unknown_lot_is_not_found(program: FlaskClient, path: str) -> None:
    method = "POST" if path else "GET"
    answer = program.open(
        f"/api/v1/lots/L-NONE{path}",
        method=method,
        json={"reason": "x"} if path == "/quarantine" else None,
    )
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_sam_receives_releases_and_keeps_back_on_pages(browser: FlaskClient) -> None:
    cream = a_cream()
    db.session.commit()
    assert "Receive a delivery" in browser.get("/stock").text
    form = _form(browser.get("/stock/receive").text)
    typed = {f"lines.0.{name}": str(value) for name, value in a_row(cream.sku).items()}

    booked = browser.post("/stock/receive", data=form | typed, follow_redirects=True)
    assert "1 line booked. In quarantine until released: B7." in booked.text
    again = browser.post("/stock/receive", data=form | typed, follow_redirects=True)  # double click
    assert again.status_code == 200
    (lot,) = db.session.scalars(sa.select(Lot).where(Lot.variant_id == cream.id))
    assert lot.on_hand == 12

    page = browser.get(f"/stock/lots/{lot.number}")
    assert "Release for sale" in page.text
    assert "+12" in page.text
    token = {"csrf_token": _form(page.text)["csrf_token"]}
    alone = browser.post(f"/stock/lots/{lot.number}/release", data=token)
    assert (alone.status_code, "Somebody checks this lot first" in alone.text) == (422, True)
    manager = a_browser(browser.application, mona())
    path = f"/stock/lots/{lot.number}"
    hers = {"csrf_token": _form(manager.get(path).text)["csrf_token"], "note": "Seals whole"}
    assert (
        "somebody else"
        in manager.post(f"{path}/check", data=hers, follow_redirects=True).text.lower()
    )
    assert "Seals whole" in browser.get(path).text
    released = browser.post(f"/stock/lots/{lot.number}/release", data=token, follow_redirects=True)
    assert "Lot B7 is on sale." in released.text
    assert "Release for sale" not in released.text
    refused = browser.post(f"/stock/lots/{lot.number}/release", data=token)
    assert (refused.status_code, "error-summary" in refused.text) == (409, True)
    unsaid = browser.post(f"/stock/lots/{lot.number}/quarantine", data=token)
    assert unsaid.status_code == 422
    kept = browser.post(
        f"/stock/lots/{lot.number}/quarantine",
        data=token | {"reason": "Broken seal"},
        follow_redirects=True,
    )
    assert "Broken seal" in kept.text
    assert "B7" in browser.get(f"/stock?sku={cream.sku}&low=0").text


def test_a_bad_delivery_is_shown_again_as_typed(browser: FlaskClient) -> None:
    soap = a_variant()
    db.session.commit()
    form = _form(browser.get("/stock/receive").text)
    rows = [
        a_row(soap.sku, quantity="a dozen"),
        a_row("<b>NO</b>", expires_on="soon", lot_number=""),
        a_row(soap.sku),
    ]
    typed = {
        f"lines.{index}.{name}": str(value)
        for index, row in enumerate(rows)
        for name, value in row.items()
    }

    answer = browser.post("/stock/receive", data=form | typed)

    assert answer.status_code == 422
    assert 'value="a dozen"' in answer.text
    assert 'value="&lt;b&gt;NO&lt;/b&gt;"' in answer.text
    assert "Row 1: quantity: Must be a whole number." in answer.text
    assert "Row 2: expires on: Not a valid date." in answer.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Lot)) == 0

    typed |= {"lines.0.quantity": "12", "lines.1.lot_number": "B8"}
    typed |= {"lines.1.expires_on": typed["lines.0.expires_on"]}
    unknown = browser.post("/stock/receive", data=form | typed)
    assert (unknown.status_code, "Row 2: no variant has this SKU" in unknown.text) == (422, True)


def test_more_rows_keep_what_was_typed(browser: FlaskClient) -> None:
    form = _form(browser.get("/stock/receive").text)
    shown = browser.post(
        "/stock/receive", data=form | {"lines.0.sku": "ABC", "lines.7.sku": "?", "more": "1"}
    )
    assert 'value="ABC"' in shown.text
    assert shown.text.count("<legend>") == 6


def test_an_empty_delivery_is_refused(browser: FlaskClient) -> None:
    form = _form(browser.get("/stock/receive").text)
    answer = browser.post("/stock/receive", data=form)
    assert (answer.status_code, "1 to 500 lines" in answer.text) == (422, True)


@pytest.mark.parametrize("query", ["low=x", "expiring=-1"])
def test_the_board_says_which_field_is_wrong(browser: FlaskClient, query: str) -> None:
    answer = browser.get(f"/stock?{query}")
    assert answer.status_code == 200
    assert f'id="e-{query.partition("=")[0]}"' in answer.text


def test_what_cannot_be_kept_is_refused_before_the_board_is_asked(browser: FlaskClient) -> None:
    answer = browser.get("/stock?sku=%00")
    assert answer.status_code == 422
    assert "sku" in answer.text


def _form(page: str) -> dict[str, str]:
    """The hidden fields of the page's last form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page))
