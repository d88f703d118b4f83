"""I21: requests that race under one Idempotency-Key have one effect and get one answer."""

from __future__ import annotations

import threading
import time
from typing import Any

import sqlalchemy as sa
from flask import Flask

from shop.accounts import tokens
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.models import Order
from tests.builders import a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart
from tests.people import alice

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"


def test_twins_get_the_same_order(live: Database, live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, soap = alice(), a_variant(cents=2400)
        a_lot(soap, 50)
        cart = a_cart(client, {soap: 1})
        _, secret = tokens.issue(client, name="test", scopes=None, at=now())
        cart_id, client_id, sku = cart.id, client.id, soap.sku
        db.session.commit()
    body = {
        "lines": [sku],
        "shipping_method": "standard",
        "shipping_address": {name: text for name, text in vars(HOME).items() if text},
    }
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "twins"}
    answers: list[Any] = []

    def place() -> None:
        client = live_app.test_client()
        answers.append(client.post("/api/v1/orders", json=body, headers=headers))

    twins = [threading.Thread(target=place) for _ in range(3)]
    with live.as_role() as gate, live.as_role() as watch:
        watch.autocommit = True
        gate.execute("SELECT FROM carts WHERE id = %s FOR UPDATE", [cart_id])
        for twin in twins:
            twin.start()
        deadline = time.monotonic() + 1.5  # less than a request waits for a lock
        while time.monotonic() < deadline:
            if watch.execute(WAITS, [live.name]).fetchone() == (len(twins),):
                break
    for twin in twins:
        twin.join()

    assert [answer.status_code for answer in answers] == [201] * len(twins)
    assert len({answer.data for answer in answers}) == 1
    with live_app.app_context():
        orders = sa.select(sa.func.count()).where(Order.client_id == client_id)
        assert db.session.scalar(orders) == 1


def test_a_refusal_is_no_answer_to_keep(live_app: Flask) -> None:
    """The same key may be used again once what stood in the way is gone."""
    with live_app.app_context():
        act_as("system:test")
        client, soap = alice(), a_variant(cents=2400)
        _, secret = tokens.issue(client, name="test", scopes=None, at=now())
        sku = soap.sku
        db.session.commit()
    shop = live_app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    body = {
        "lines": [sku],
        "shipping_method": "standard",
        "shipping_address": {name: text for name, text in vars(HOME).items() if text},
    }
    keyed = headers | {"Idempotency-Key": "again"}
    refused: Any = shop.post("/api/v1/orders", json=body, headers=keyed)
    assert (refused.status_code, refused.json["code"]) == (422, "cart_empty")

    with live_app.app_context():
        act_as("system:test")
        a_lot(db.session.merge(soap), 5)
        db.session.commit()
    put: Any = shop.put(f"/api/v1/cart/lines/{sku}", json={"quantity": 1}, headers=headers)
    assert put.status_code == 200, put.text
    assert shop.post("/api/v1/orders", json=body, headers=keyed).status_code == 201
