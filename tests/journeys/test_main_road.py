"""The main road over HTTP, on the real catalogue: ask, sign, place, pay, ship, refill, refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shop.catalog import importing
from tests.journeys.conftest import Clinic

ALICE, CHEN, SAM, MONA = (
    "alice@example.test",
    "dr.chen@example.test",
    "sam@example.test",
    "mona@example.test",
)
ADDRESS = {
    "name": "Alice Moreno",
    "line1": "12 Alder Street",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
    "country": "US",
}


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def test_the_main_road(clinic: Clinic) -> None:
    """I1, I2, I4, I9, I12, I14, I16, I19, I22: the whole road, and its refusals."""
    cream, otc = a_stocked_shop(clinic)
    soon, late = the_lots_of(clinic, cream)

    # Alice wants both; the cream needs a physician.
    ok(clinic.call(ALICE, "PUT", f"/cart/lines/{otc}", json={"quantity": 2}))
    cart = ok(clinic.call(ALICE, "PUT", f"/cart/lines/{cream}", json={"quantity": 1}))
    assert gate_of(cart, otc) == "open"
    assert gate_of(cart, cream) == "needs_request"

    # Both at once are refused, and nothing was reserved.
    refused = place(clinic)
    assert (refused.status_code, refused.json["code"]) == (422, "no_prescription")
    assert free_units(clinic, otc) == 40
    assert ok(clinic.call(ALICE, "GET", "/orders"))["items"] == []

    # The over-the-counter line alone goes through.
    ok(place(clinic, lines=[otc]), 201)
    assert free_units(clinic, otc) == 38

    # She asks; Dr Chen signs two fills.
    prescription = a_signed_prescription(clinic, cream, fills=2)
    assert prescription["fills_left"] == 2
    cart = ok(clinic.call(ALICE, "GET", "/cart"))
    assert gate_of(cart, cream) == "open"

    # Placed, paid on the hosted page; the webhooks come twice and in the wrong order.
    order = ok(place(clinic, lines=[cream]), 201)
    pay(clinic, order["number"])
    paid = ok(clinic.call(ALICE, "GET", f"/orders/{order['number']}"))
    assert (paid["status"], paid["payment"]["status"]) == ("paid", "succeeded")
    assert [entry["kind"] for entry in paid["history"]].count("order_paid") == 1

    # Sam ships from the lot that expires first.
    listed = ok(clinic.call(SAM, "GET", f"/orders/{order['number']}/picking-list"))
    assert [pick["lot_number"] for line in listed["lines"] for pick in line["picks"]] == [soon]
    shipped = ship(clinic, order["number"])
    assert [lot["lot_number"] for line in shipped["lines"] for lot in line["lots"]] == [soon]
    assert on_hand(clinic, cream) == {soon: 0, late: 6}

    # The second order uses fill 2; the third is refused.
    second = buy_again(clinic, cream)
    assert second["lines"][0]["fill"] == 2
    pay(clinic, second["number"])
    ship(clinic, second["number"])
    assert on_hand(clinic, cream) == {soon: 0, late: 5}
    ok(clinic.call(ALICE, "PUT", f"/cart/lines/{cream}", json={"quantity": 1}))
    third = place(clinic, lines=[cream])
    assert (third.status_code, third.json["code"]) == (422, "no_prescription")
    assert on_hand(clinic, cream) == {soon: 0, late: 5}

    the_letters_say_nothing_medical(clinic)
    everything_verifies(clinic)


def a_stocked_shop(clinic: Clinic) -> tuple[str, str]:
    """The real catalogue; a tretinoin cream and an acne product with prices and lots."""
    with clinic.app.app_context():
        from shop.core.db import act_as, db

        act_as("system:test")
        for source in importing.shipped():
            importing.run(source)
        db.session.commit()
    found = ok(clinic.call(MONA, "GET", "/products?q=tretinoin&limit=50"))
    assert isinstance(found["items"], list)
    raise AssertionError("filled in when the catalogue lands")


def the_lots_of(clinic: Clinic, sku: str) -> tuple[str, str]:
    stock = ok(clinic.call(SAM, "GET", f"/stock?sku={sku}"))
    lots = sorted(stock["items"][0]["lots"], key=lambda lot: lot["expires_on"])
    return lots[0]["lot_number"], lots[1]["lot_number"]
