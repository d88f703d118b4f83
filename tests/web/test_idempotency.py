"""Idempotency keys over HTTP, with real commits: same answer, one effect."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import tokens
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.models import Order
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.people import alice

ADDRESS = {
    "name": "Alice Moreno",
    "line1": "12 Alder Street",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}
WANTED = {"shipping_address": ADDRESS, "shipping_method": "standard"}


@pytest.fixture
def bearer(live_app: Flask) -> dict[str, str]:
    """Alice, with one thing in her cart."""
    with live_app.app_context():
        act_as("system:test")
        client, variant = alice(), a_variant()
        a_lot(variant)
        _, secret = tokens.issue(client, name="test", scopes=["read", "shop"], at=now())
        db.session.commit()
        sku = variant.sku
    headers = {"Authorization": f"Bearer {secret}"}
    put = live_app.test_client().put(
        f"/api/v1/cart/lines/{sku}", json={"quantity": 1}, headers=headers
    )
    assert put.status_code == 200, put.text
    return headers


def place(app: Flask, headers: dict[str, str], key: str | None, **changed: Any) -> Any:
    sent = headers | ({"Idempotency-Key": key} if key else {})
    return app.test_client().post("/api/v1/orders", json=WANTED | changed, headers=sent)


def orders(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Order)) or 0


def test_a_repeat_gets_the_same_answer_and_no_second_order(
    live_app: Flask, bearer: dict[str, str]
) -> None:
    before = orders(live_app)
    first = place(live_app, bearer, "once")
    again = place(live_app, bearer, "once")
    assert first.status_code == again.status_code == 201
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert orders(live_app) == before + 1


def test_another_body_under_the_same_key_is_refused(
    live_app: Flask, bearer: dict[str, str]
) -> None:
    before = orders(live_app)
    assert place(live_app, bearer, "twice").status_code == 201
    other = place(live_app, bearer, "twice", shipping_method="express")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert orders(live_app) == before + 1


def test_an_order_needs_a_key(live_app: Flask, bearer: dict[str, str]) -> None:
    before = orders(live_app)
    refused = place(live_app, bearer, None)
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_required")
    assert orders(live_app) == before
