"""Refunds, disputes and asked returns over HTTP and on the pages."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.payments import disputing, queries, warned
from shop.payments.gateway import Dispute, DisputeMoney, DisputeState, FraudWarning
from shop.payments.models import Dispute as DisputeRow
from tests.accounts.test_api import Browser, somebody
from tests.payments.money_back import on_the_shelf, payment_of, sent
from tests.people import alice, bob, mona, sam
from tests.prescriptions.test_pages import Reader


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def test_refunds_over_http(app: Flask) -> None:
    client, staff, manager = somebody(), somebody(sam), somebody(mona)
    order = sent({on_the_shelf(6_000): 3}, client)
    number, sku = order.number, order.lines[0].sku
    mine, other, hers = Browser(app, staff), Browser(app, manager), Browser(app, client)
    path = f"/orders/{number}/refunds"
    body: dict[str, Any] = {"reason": "damaged", "expect_refunded_cents": 0}

    assert mine.post(path, body).status_code == 422  # no Idempotency-Key
    wrong = mine.post(path, body | {"lines": [{"sku": sku, "units": 4}]}, **key())
    assert (wrong.status_code, wrong.json["code"]) == (422, "units_refunded")
    assert mine.post(path, body | {"reason": "expired"}, **key()).status_code == 422
    assert (
        mine.post(path, body | {"everything": True, "other_cents": 1}, **key()).status_code == 422
    )
    assert hers.post(path, body, **key()).status_code == 403

    again = key()
    first = mine.post(path, body | {"lines": [{"sku": sku, "units": 1}]}, **again)
    assert (first.status_code, first.json["status"]) == (201, "planned")
    assert mine.post(path, body | {"lines": [{"sku": sku, "units": 1}]}, **again).json == first.json
    stale = mine.post(path, body | {"other_cents": 5}, **key())
    assert (stale.status_code, stale.json["code"]) == (409, "refunded_meanwhile")
    so_far = mine.get(path).json["refunded_cents"]
    large = mine.post(
        path,
        body | {"lines": [{"sku": sku, "units": 2}], "expect_refunded_cents": so_far},
        **key(),
    ).json
    assert (large["status"], large["large"], large["lines"][0]["units"]) == ("proposed", True, 2)
    signed = f"/refunds/{large['id']}/signature"
    assert mine.post(signed).json["code"] == "second_person_needed"
    assert other.post(signed).json["decided_by"] == manager.name
    assert other.post(f"/refunds/{large['id']}/refusal").json["code"] == "wrong_state"
    assert len(hers.get(path).json["items"]) == 2
    assert "proposed_by" not in hers.get(path).json["items"][0]
    assert [one["status"] for one in mine.get("/refunds?status=planned").json["items"]] == [
        "planned"
    ] * 2


def test_refunds_on_the_pages(app: Flask) -> None:
    client, staff, manager = somebody(), somebody(sam), somebody(mona)
    order = sent({on_the_shelf(6_000): 3}, client)
    number, sku = order.number, order.lines[0].sku
    mine, other, hers = Reader(app, staff), Reader(app, manager), Reader(app, client)
    path = f"/orders/{number}/refunds"

    mine.get(path)
    mine.send(path, **{f"units.{sku}": "9", "reason": "damaged"})
    assert "can still go back" in mine.text
    mine.send(path, amount="much", reason="damaged")
    assert "Type an amount" in mine.text
    mine.send(path, **{f"units.{sku}": "2", "reason": "damaged"})
    assert "waits for somebody else" in mine.text
    assert "Waits for somebody else" in mine.get("/refunds")
    refund = queries.refunds_of(order)[0]
    other.get("/refunds")
    other.send(f"/refunds/{refund.id}/signature")
    assert "It is signed" in other.text
    assert "On its way" in hers.get(f"/orders/{number}")
    assert "Send money back" in mine.get(f"/orders/{number}")


def test_disputes_and_warnings(app: Flask) -> None:
    staff, manager = somebody(sam), somebody(mona)
    order = sent()
    payment = payment_of(order)
    told = Dispute(
        id="du_doors",
        intent_id=payment.provider_intent_id,
        state=DisputeState.NEEDS_RESPONSE,
        reason="product_not_received",
        amount_cents=900,
        evidence_due_at=now(),
        opened_at=now(),
        evidence_sent=False,
        moved=(DisputeMoney(id="txn_doors", cents=-900, fee_cents=1500),),
    )
    row = disputing.apply(told, at=now())
    assert isinstance(row, DisputeRow)
    warning = warned.apply(
        FraudWarning(id="issfr_doors", intent_id=payment.provider_intent_id, fraud_type="misc")
    )
    assert warning is not None
    db.session.commit()
    dispute_id, warning_id, number = row.id, warning.id, order.number
    mine, boss = Browser(app, staff), Browser(app, manager)
    reader, manager_reader = Reader(app, staff), Reader(app, manager)

    assert mine.get("/disputes?status=open").json["items"][0]["order"] == number
    shown = mine.get(f"/disputes/{dispute_id}").json
    assert shown["movements"][0]["cents"] == -900
    paper = mine.get(f"/disputes/{dispute_id}/evidence")
    assert (paper.mimetype, paper.data[:4]) == ("application/pdf", b"%PDF")
    assert mine.get("/fraud-warnings").status_code == 403
    assert boss.get("/fraud-warnings").json["items"][0]["order"] == number
    assert "deciding about this payment" in reader.get(f"/orders/{number}/refunds")
    assert number in reader.get("/disputes")
    reader.get(f"/disputes/{dispute_id}")
    reader.send(f"/disputes/{dispute_id}/evidence")
    assert "on its way to the bank" in reader.text
    assert mine.post(f"/disputes/{dispute_id}/evidence").json["code"] == "evidence_not_wanted"
    manager_reader.get("/disputes")
    manager_reader.send(f"/disputes/warnings/{warning_id}/review", outcome="kept")
    assert boss.get("/fraud-warnings").json["items"] == []
    again = boss.post(f"/fraud-warnings/{warning_id}/review", {"outcome": "kept"})
    assert again.json["code"] == "already_reviewed"


def test_a_return_is_asked_for_decided_and_paid(app: Flask) -> None:
    client, stranger, staff = somebody(), somebody(bob), somebody(sam)
    order = sent({on_the_shelf(): 3}, client)
    number, sku = order.number, order.lines[0].sku
    lot = order.shipments[0].lines[0].lot.number
    hers, reader, mine = Reader(app, client), Reader(app, staff), Browser(app, staff)
    path = f"/orders/{number}/returns"

    hers.get(f"/orders/{number}")
    hers.get(path)
    assert "within 30 days" in hers.text
    hers.send(path, reason="changed_mind")
    assert "Say how many" in hers.text
    hers.send(path, **{f"units.{sku}": "2", "reason": "changed_mind", "words": "Too big."})
    assert "We have it" in hers.text
    (asked,) = mine.get(f"/orders/{number}/return-requests").json["items"]
    there = f"/stock/return-requests/{asked['number']}"
    assert asked["words"] == "Too big."
    assert Browser(app, stranger).get(f"/return-requests/{asked['number']}").status_code == 404
    assert asked["number"] in reader.get("/stock/return-requests")
    reader.get(there)
    reader.send(f"{there}/authorisation")
    assert asked["number"] in hers.get(f"/orders/{number}")
    back = {"lot": lot, "units": 1, "reason": "changed_mind", "request": asked["number"]}
    made = mine.post(f"/orders/{number}/returns", back).json
    look = {"condition": "unopened", "storage": "as_labelled", "disposition": "restock"}
    mine.post(f"/returns/{made['number']}/inspection", look)
    reader.get(there)
    reader.send(f"{there}/refund")
    assert "It is on its way" in reader.text
    done = mine.get(f"/return-requests/{asked['number']}").json
    assert (done["status"], done["refunded_cents"]) == (
        "inspected",
        queries.refunds_of(order)[0].amount_cents,
    )
    wrong = mine.post(f"/return-requests/{asked['number']}/refusal", {"refusal": "used"})
    assert wrong.status_code == 409


def test_a_return_over_http(app: Flask) -> None:
    client, staff = somebody(alice), somebody(sam)
    order = sent({on_the_shelf(): 2}, client)
    hers, mine = Browser(app, client), Browser(app, staff)
    path = f"/orders/{order.number}/return-requests"
    body = {"lines": [{"sku": order.lines[0].sku, "units": 1}], "reason": "damaged"}
    assert hers.post(path, body | {"lines": []}).status_code == 422
    first, second = hers.post(path, body).json, hers.post(path, body).json
    assert hers.post(path, body).json["code"] == "return_refused"
    refused = mine.post(f"/return-requests/{first['number']}/refusal", {"refusal": "too_late"})
    assert refused.json["refusal"] == "too_late"
    kept = hers.post(f"/return-requests/{second['number']}/withdrawal")
    assert kept.json["status"] == "withdrawn"
    assert len(hers.get("/return-requests").json["items"]) == 2
