"""Credit over HTTP and on pages: who may, what is answered, what is told once."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from shop.core.db import db
from shop.credit import codes
from shop.orders.models import Order
from shop.web.models import KeptAnswer
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.credit.builders import balance, ledger, with_credit
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart
from tests.people import alice, mona, sam
from tests.prescriptions.test_pages import Reader

CARD = {"cents": 50_00, "origin": "sold", "note": "Receipt 17"}
TO = {
    "name": "Alice Moreno",
    "line1": "12 Grove St",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}
CODE = re.compile(r"<code>([0-9A-Z-]{24})</code>")


def test_a_card_from_the_desk_to_an_account_over_the_api(app: Flask) -> None:
    client, staff = Browser(app, somebody(alice)), Browser(app, somebody(sam))
    assert client.post("/gift-cards", CARD).status_code == 403

    made = staff.post("/gift-cards", CARD, **{"Idempotency-Key": "one"})
    assert (made.status_code, made.json["status"], made.json["large"]) == (201, "issued", False)
    assert made.headers["Cache-Control"] == "no-store"
    assert db.session.query(KeptAnswer).count() == 0
    number, code = made.json["number"], made.json["code"]
    shown = staff.get(f"/gift-cards/{number}").json
    assert (shown["last4"], "code" in shown) == (code[-4:], False)
    assert code not in staff.get("/gift-cards").get_data(as_text=True)

    wrong = client.post("/me/credit/redemptions", {"code": codes.fresh()})
    assert (wrong.status_code, wrong.json["code"]) == (422, "gift_card_code_refused")
    redeemed = client.post("/me/credit/redemptions", {"code": code})
    assert (redeemed.status_code, redeemed.json) == (
        *(201,),
        {"redeemed_cents": 50_00, "balance_cents": 50_00},
    )
    mine = client.get("/me/credit").json
    assert (mine["balance_cents"], [one["text"] for one in mine["items"]]) == (
        *(50_00,),
        [f"Gift card ending in {code[-4:]}"],
    )


def test_tries_are_counted_although_they_are_refused(app: Flask) -> None:
    client = Browser(app, somebody(alice))
    tries = [
        client.post("/me/credit/redemptions", {"code": codes.fresh()}).status_code
        for _ in range(11)
    ]
    assert tries == [422] * 10 + [429]


def test_a_repeated_form_makes_no_second_card(app: Flask) -> None:
    staff = Browser(app, somebody(sam))
    body = CARD | {"id": "6a5b0a5e-2c0e-4b6b-9d8b-111111111111"}
    assert staff.post("/gift-cards", body).status_code == 201
    again = staff.post("/gift-cards", body)
    assert (again.status_code, again.json["code"]) == (409, "gift_card_made_already")


def test_a_large_card_over_the_api(app: Flask) -> None:
    staff, other = Browser(app, somebody(sam)), Browser(app, somebody(mona))
    made = staff.post("/gift-cards", CARD | {"cents": 100_01}).json
    assert (made["code"], made["status"]) == (None, "proposed")
    path = f"/gift-cards/{made['number']}"

    assert staff.post(f"{path}/confirmation").json["code"] == "second_person_needed"
    confirmed = other.post(f"{path}/confirmation").json
    assert (confirmed["status"], len(confirmed["code"])) == ("issued", 24)
    assert staff.post(f"{path}/void", {"reason": "Lost."}).status_code == 403
    voided = other.post(f"{path}/void", {"reason": "Lost."}).json
    assert (voided["status"], voided["void_reason"]) == ("voided", "Lost.")
    declined = staff.post("/gift-cards", CARD | {"cents": 200_00}).json["number"]
    assert other.post(f"/gift-cards/{declined}/refusal").json["status"] == "declined"


def test_corrections_over_the_api(app: Flask) -> None:
    client, staff, other = (
        somebody(alice),
        Browser(app, somebody(sam)),
        Browser(app, somebody(mona)),
    )
    found = staff.post("/credit-accounts/lookup", {"email": client.email}).json
    assert (found["client"], found["balance_cents"]) == (str(client.id), 0)
    path = f"/clients/{client.id}"

    given = staff.post(f"{path}/credit-corrections", {"cents": 25_00, "note": "Late parcel."})
    assert (given.status_code, given.json["status"]) == (201, "booked")
    taken = staff.post(f"{path}/credit-corrections", {"cents": -5_00, "note": "Too much."}).json
    assert taken["status"] == "proposed"
    waiting = other.get("/credit-corrections?status=proposed").json["items"]
    assert [one["number"] for one in waiting] == [taken["number"]]
    confirmed = other.post(f"/credit-corrections/{taken['number']}/confirmation").json
    assert confirmed["status"] == "booked"
    once_more = staff.post(f"{path}/credit-corrections", {"cents": -1, "note": "No."}).json[
        "number"
    ]
    assert other.post(f"/credit-corrections/{once_more}/refusal").json["status"] == "declined"

    shown = staff.get(f"{path}/credit").json
    told = [(one["kind"], one["delta_cents"], one["balance_cents"]) for one in shown["items"]]
    assert told == [("taken_back", -500, 20_00), ("issued", 25_00, 25_00)]
    assert "Late parcel" not in str(shown)


def test_an_order_over_the_api_is_paid_by_credit(app: Flask) -> None:
    client = somebody(alice)
    with_credit(100_00, client)
    soap = a_variant(cents=2400)
    a_lot(soap)
    a_cart(client, {soap: 1})
    db.session.commit()
    body = {"shipping_address": TO, "shipping_method": "standard", "use_credit": True}
    browser = Browser(app, client)

    placed = browser.post("/orders", body, **{"Idempotency-Key": "k"})

    assert placed.status_code == 201, placed.json
    order = placed.json
    assert (order["status"], order["credit_cents"], order["due_cents"]) == ("paid", 3269, 0)
    assert order["payment"]["status"] == "none"
    pay = browser.post(f"/orders/{order['number']}/payment", **{"Idempotency-Key": "p"})
    assert (pay.status_code, pay.json["code"]) == (409, "order_not_payable")
    history = browser.get("/me/credit").json["items"]
    assert (history[0]["order"], history[0]["text"]) == (
        order["number"],
        f"Order {order['number']}",
    )
    gone = browser.post(f"/orders/{order['number']}/cancellation")
    assert gone.json["status"] == "cancelled"
    assert browser.get("/me/credit").json["balance_cents"] == 100_00


def test_the_pages_of_the_desk_and_of_the_client(app: Flask) -> None:
    client, staff, manager = somebody(alice), somebody(sam), somebody(mona)
    desk, boss, hers = Reader(app, staff), Reader(app, manager), Reader(app, client)

    desk.get("/credit")
    typed = {"cents": "49.95", "origin": "given", "note": "A welcome."}
    told = desk.send("/credit/cards", **(typed | {"cents": "lots"}))
    assert desk.status == 422
    assert "Enter an amount" in told
    code = CODE.findall(desk.send("/credit/cards", **typed))[0]
    assert code not in desk.get("/credit")

    hers.get("/account/credit")
    assert "can be redeemed has this code" in hers.send("/account/credit", code="NO")
    assert hers.status == 422
    hers.send("/account/credit", code=code)
    assert "$49.95 of your gift card" in hers.text
    assert f"Gift card ending in {code[-4:]}" in hers.text

    desk.get("/credit")
    desk.send("/credit/cards", **(typed | {"cents": "$300"}))
    path = desk.path
    assert "Somebody else has to confirm it" in desk.text
    boss.get(path)
    second = CODE.findall(boss.send(f"{path}/confirmation"))[0]
    boss.get(path)
    assert second not in boss.text
    assert "lost by post" in boss.send(f"{path}/void", reason="lost by post")

    desk.get("/credit")
    desk.send("/credit/clients", email=client.email)
    assert "$49.95" in desk.text
    desk.send(f"{desk.path}/corrections", cents="9.95", way="take_back", note="By mistake.")
    assert "Somebody else has to confirm it" in desk.text
    number = re.findall(r"CR-\w+", desk.text)[0]
    assert number in boss.get("/credit")
    boss.get(f"/credit/clients/{client.id}")
    assert "$40.00" in boss.send(f"/credit/corrections/{number}/confirmation")
    assert ledger(client)[-1] == ("taken_back", -995, 40_00)


def test_the_checkout_shows_what_credit_pays(app: Flask) -> None:
    client = somebody(alice)
    with_credit(10_00, client)
    soap = a_variant(cents=2400)
    a_lot(soap)
    a_cart(client, {soap: 1})
    db.session.commit()
    hers = Reader(app, client)
    typed: dict[str, Any] = TO | {"shipping_method": "standard", "lines": soap.sku}

    assert "Use my credit of $10.00" in hers.get("/checkout")
    shown = hers.send("/checkout", **typed, use_credit="true", do="review")
    assert "Paid with credit" in shown
    assert "$22.69" in shown
    hers.send("/checkout", **typed, use_credit="true", do="place")

    order = db.session.query(Order).filter_by(client_id=client.id).one()
    assert (order.credit_cents, balance(client)) == (1000, 0)
    assert "Pay $22.69" in hers.text


def test_another_clients_credit_is_nobodys_business(app: Flask) -> None:
    client = somebody(alice)
    other = Browser(app, somebody(alice))
    assert other.get(f"/clients/{client.id}/credit").status_code == 403
    assert other.post("/credit-accounts/lookup", {"email": client.email}).status_code == 403
    staff = Browser(app, somebody(sam))
    assert staff.get(f"/clients/{somebody(mona).id}/credit").status_code == 404
