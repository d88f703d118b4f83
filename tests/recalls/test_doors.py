"""Recalls over HTTP and on the pages: who sees what, what is written down, what a client answers."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.db import db
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.orders.models import Order
from shop.recalls.models import Recall, RecallAnswer
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import paid
from tests.people import alice, bob, dr_chen, eva, mona, sam
from tests.prescriptions.test_pages import Reader
from tests.recalls.builders import a_notified_recall, bought, listed, treated_with

TERMS = {
    "source": "maker",
    "hazard_class": "I",
    "reference": "M-17",
    "reason": "A canary grew in it.",
    "instructions": "Bring it back.",
}


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "bob": bob, "chen": dr_chen, "sam": sam, "mona": mona, "eva": eva}
    return {name: somebody(make) for name, make in made.items()}


def count(kind: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


def a_sold_lot(client: Person, units: int = 2) -> Lot:
    soap = a_variant()
    lot = a_lot(soap, 10)
    bought(client, soap, units)
    db.session.commit()
    return lot


def test_from_the_first_word_to_the_last_unit(app: Flask, cast: dict[str, Person]) -> None:
    lot = a_sold_lot(cast["alice"])
    treated_with(cast["bob"], lot)
    db.session.commit()
    staff, manager = Browser(app, cast["sam"]), Browser(app, cast["mona"])
    client = Browser(app, cast["alice"])

    made = staff.post("/recalls", TERMS | {"lots": [lot.number]})
    assert (made.status_code, made.json["status"]) == (201, "locked")
    path = f"/recalls/{made.json['number']}"
    assert staff.post(f"{path}/list").json["status"] == "listed"
    assert staff.post(f"{path}/notification").status_code == 403
    assert client.get("/me/recalls").json["items"] == []  # she was not written to yet
    assert manager.post(f"{path}/notification").json["told"]["silent"] == 1

    assert count(Access) == 0
    seen = manager.get(f"{path}/clients").json["items"]
    assert {(one["client"], one["retail_units"], one["treatment_units"]) for one in seen} == {
        (cast["alice"].name, 2, 0),
        (cast["bob"].name, 0, 1),
    }
    assert {access.record for access in db.session.scalars(sa.select(Access))} == {
        f"recall {made.json['number']}"
    }
    assert count(Access) == 2
    (shown,) = staff.get(f"{path}/clients?silent=true").json["items"]
    assert (shown["client"], shown["treatment_units"]) == (cast["alice"].name, None)

    (notice,) = client.get("/me/recalls").json["items"]
    assert (notice["urgent"], notice["packs"], notice["got"][0]["lot_number"]) == (
        True,
        2,
        lot.lot_number,
    )
    short = client.post(f"/me{path}/answers", {"has": 1})
    assert (short.status_code, short.json["code"]) == (422, "recall_refused")
    assert client.post(f"/me{path}/answers", {"has": 1, "used_up": 1}).status_code == 201
    late = f"{path}/clients/{shown['id']}/answers"
    assert staff.post(late, {"returned": 2, "channel": "page"}).status_code == 422
    assert staff.post(late, {"returned": 2, "channel": "phone"}).json["number"] == 2

    assert manager.post(f"{path}/reconciliation").json["status"] == "reconciled"
    assert manager.post(f"{path}/closure").json["code"] == "not_accounted_for"
    assert staff.post(f"{path}/collections", {"lot": lot.number}).status_code == 201
    terms = {"lot": lot.number, "outcome": "destroy", "reference": "Burned"}
    planned = staff.post(f"{path}/dispositions", terms).json
    witness = f"{path}/dispositions/{planned['id']}/witness"
    assert staff.post(witness).json["code"] == "witness_needed"
    assert manager.post(witness).json["witnessed_by"] == cast["mona"].name
    closed = manager.post(f"{path}/closure").json
    assert (closed["status"], closed["accounts"][0]["destroyed"]) == ("closed", 7)
    assert client.post(f"/me{path}/answers", {"has": 2}).status_code == 409
    assert [one["number"] for one in staff.get("/recalls?status=closed").json["items"]] == [
        made.json["number"]
    ]


def test_others_find_no_recall(app: Flask, cast: dict[str, Person]) -> None:
    lot = a_sold_lot(cast["alice"])
    recall = a_notified_recall(lot)
    number, row = recall.number, listed(recall, cast["alice"]).id
    db.session.commit()
    for name in ("alice", "eva"):
        browser = Browser(app, cast[name])
        assert browser.get("/recalls").status_code == 403
        assert browser.get(f"/recalls/{number}/clients").status_code == 403
        assert browser.post("/recalls", TERMS | {"lots": [lot.number]}).status_code == 403
    other = Browser(app, cast["bob"])
    assert other.post(f"/me/recalls/{number}/answers", {"has": 2}).status_code == 404
    chen = Browser(app, cast["chen"])
    assert chen.get(f"/recalls/{number}").status_code == 200
    assert chen.post(f"/recalls/{number}/clients/{row}/answers", {}).status_code == 403
    assert (count(Recall), count(RecallAnswer)) == (1, 0)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"lots": ["L-NONE"]}, 404),
        ({"lots": []}, 422),
        ({"sku": "no-such"}, 404),
        ({"product": "no-such"}, 404),
        ({"source": "a bird"}, 422),
        ({"hazard_class": "IV"}, 422),
        ({"reason": ""}, 422),
        ({"instructions": " "}, 422),
        ({"drill": "yes"}, 422),
    ],
)
def test_a_bad_field_recalls_nothing(
    app: Flask, cast: dict[str, Person], given: dict[str, Any], status: int
) -> None:
    lot = a_lot(a_variant())
    db.session.commit()
    answer = Browser(app, cast["sam"]).post("/recalls", TERMS | {"lots": [lot.number]} | given)
    assert answer.status_code == status, answer.json
    assert count(Recall) == 0
    assert db.session.get_one(Lot, lot.id).status is LotStatus.AVAILABLE


def test_all_lots_of_a_product_are_recalled_at_once(app: Flask, cast: dict[str, Person]) -> None:
    soap = a_variant()
    lots, other = {a_lot(soap).number, a_lot(soap, 0).number}, a_lot(a_variant())
    slug, sku = soap.product.slug, soap.sku
    db.session.commit()
    staff = Browser(app, cast["sam"])
    drill = staff.post("/recalls", TERMS | {"sku": sku, "drill": True}).json
    real = staff.post("/recalls", TERMS | {"product": slug}).json
    for made in (drill, real):
        assert {one["lot"] for one in made["lots"]} == lots
    again = staff.post("/recalls", TERMS | {"product": slug})
    assert (again.status_code, "not recalled already" in again.json["detail"]) == (404, True)
    assert db.session.get_one(Lot, other.id).status is LotStatus.AVAILABLE


def test_on_the_pages(app: Flask, cast: dict[str, Person]) -> None:
    lot = a_sold_lot(cast["alice"])
    number = lot.number
    staff, manager = Reader(app, cast["sam"]), Reader(app, cast["mona"])
    staff.get("/stock/recalls")
    shown = staff.send("/stock/recalls", **(TERMS | {"lots": "L-NONE"}))
    assert (staff.status, "A canary grew in it." in shown) == (404, True)
    staff.send("/stock/recalls", **(TERMS | {"lots": number}))
    path = staff.path
    assert "Its lots are locked." in staff.text
    staff.send(f"{path}/list")
    assert "1 client got units of its lots." in staff.text
    assert "Write to everybody" not in staff.text  # a manager does
    manager.get(path)
    manager.send(f"{path}/notification")

    client = Reader(app, cast["alice"])
    mine = f"/recalls/{path.rsplit('/', 1)[1]}"
    assert "we wait for your answer" in client.get("/recalls")
    assert lot.lot_number in client.get(mine)
    client.send(f"{mine}/answers", has="1")
    assert (client.status, "it is 2 packs" in client.text) == (422, True)
    client.send(f"{mine}/answers", has="2")
    assert "Your answer: 2 still there" in client.text

    row = listed(db.session.scalars(sa.select(Recall)).one(), cast["alice"]).id
    staff.get(f"{path}/clients")
    staff.send(f"{path}/clients/{row}/answers", has="3", channel="phone")
    assert staff.status == 422
    staff.get(f"{path}/clients")
    staff.send(f"{path}/clients/{row}/answers", returned="2", channel="phone")
    assert "2 brought back (by telephone" in staff.text
    manager.get(path)
    manager.send(f"{path}/reconciliation")
    staff.get(path)
    staff.send(f"{path}/collections")
    staff.send(f"{path}/dispositions", outcome="return_to_vendor", reference="RMA 5")
    assert "Somebody else has to see them leave." in staff.text
    manager.get(path)
    (witness,) = {part for part in manager.text.split('"') if part.endswith("/witness")}
    manager.send(witness)
    manager.send(f"{path}/closure")
    assert "It is closed." in manager.text
    assert path in manager.get(f"/stock/lots/{number}")


def test_a_stopped_order_says_so(app: Flask, cast: dict[str, Person]) -> None:
    from tests.recalls.builders import a_recall
    from tests.recalls.test_recalling import follow

    soap = a_variant()
    lot = a_lot(soap, 5)
    order: Order = paid(cast["alice"], {soap: 2})
    number = order.number
    follow(a_recall(lot))
    db.session.commit()
    staff = Reader(app, cast["sam"])
    assert "Stopped by a recall" in staff.get("/packing")
    assert number in staff.text
    assert "stopped by a recall" in staff.get(f"/packing/{number}")
    assert "stopped by a recall" in staff.get(f"/orders/{number}")
