"""The main road over HTTP, on the real catalogue: ask, sign, place, pay, ship, refill, refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from shop.catalog import importing
from shop.catalog.models import Product
from shop.core.db import db
from shop.demo.story import ANSWERS, FILES
from tests import people
from tests.journeys import roads
from tests.journeys.conftest import Clinic

ALICE, CHEN, SAM, MONA = (
    "alice@example.test",
    "dr.chen@example.test",
    "sam@example.test",
    "mona@example.test",
)
DATA = Path(importing.__file__).parent / "data"
CREAM, CLEANSER = "0378-8082-20", "49967-138-01"
MEDICAL = ("tretinoin", "acne", "cerave", "salicylic", "pregnan", "prescri", "approved")
ADDRESS = {
    "name": "Alice Moreno",
    "line1": "12 Alder Street",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
    "country": "US",
}


def ok(answer: Any, status: int | None = None) -> Any:
    """The body of an answer that went through, with exactly `status` where it matters."""
    assert 200 <= answer.status_code < 300, answer.text
    assert status in (None, answer.status_code)
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
    she_reads_the_leaflet(clinic, cream)
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
    assert [pick["lot_number"] for line in listed["lines"] for pick in line["lots"]] == [soon]
    shipped = ship(clinic, order["number"])
    assert [line["lot_number"] for line in shipped["lines"]] == [soon]
    assert on_hand(clinic, cream) == {late: 6}  # the lot that expired first is empty

    # The second order uses fill 2; the third is refused.
    second = buy_again(clinic, cream)
    assert second["lines"][0]["fill"] == 2
    pay(clinic, second["number"])
    ship(clinic, second["number"])
    assert on_hand(clinic, cream) == {late: 5}
    ok(clinic.call(ALICE, "PUT", f"/cart/lines/{cream}", json={"quantity": 1}))
    third = place(clinic, lines=[cream])
    assert (third.status_code, third.json["code"]) == (422, "no_prescription")
    assert on_hand(clinic, cream) == {late: 5}

    the_letters_say_nothing_medical(clinic)
    everything_verifies(clinic)


def a_stocked_shop(clinic: Clinic) -> tuple[str, str]:
    """The real catalogue; a tretinoin cream and an acne cleanser with prices and lots.

    The manager and staff do it over HTTP, as they would.
    """
    for source, name in FILES:
        with (DATA / name).open("rb") as file:
            boundary, body = encode_multipart(
                {"file": FileStorage(file, filename=name), "source": source}
            )
        form = f"multipart/form-data; boundary={boundary}"
        answer = clinic.call(MONA, "POST", "/imports", data=body, content_type=form)
        report = ok(answer)
        if answer.status_code == 202:  # a large file is the worker's
            clinic.work()
            report = ok(clinic.call(MONA, "GET", f"/imports/{report['id']}"))
            assert (report["status"], report["rows_done"]) == ("done", report["rows_total"])
        rows = report["rows_total"] if answer.status_code == 202 else len(report["rows"])
        assert sum(report["counts"].values()) == rows
        assert report["counts"]["quarantined"] == 0
    for sku, cents in ((CREAM, 6_200), (CLEANSER, 1_650)):
        ok(clinic.call(MONA, "PATCH", f"/variants/{sku}", json={"for_sale": True}))
        ok(clinic.call(MONA, "PUT", f"/variants/{sku}/price", json={"cents": cents}))
    for query in ("tretinoin 0378-8082", "CeraVe Acne Control Cleanser"):
        ok(clinic.call(MONA, "POST", f"/products/{slug_of(clinic, query)}/publication"))
    today = datetime.now(UTC).date()
    lots = [
        {"sku": sku, "lot_number": lot, "expires_on": str(today + days), "quantity": units}
        for sku, lot, days, units in (
            (CREAM, "LATE1", timedelta(days=400), 6),
            (CREAM, "SOON1", timedelta(days=90), 1),
            (CLEANSER, "C1", timedelta(days=300), 40),
        )
    ]
    received = ok(clinic.call(SAM, "POST", "/receipts", json={"lines": lots}), 201)
    for lot in received["lots"]:
        if lot["status"] == "quarantine":  # prescription-only units are checked, then released
            ok(clinic.call(SAM, "POST", f"/lots/{lot['number']}/check", json={}))
            ok(clinic.call(MONA, "POST", f"/lots/{lot['number']}/release"))
    return CREAM, CLEANSER


def slug_of(clinic: Clinic, query: str) -> str:
    with clinic.app.app_context():
        key = {"tretinoin 0378-8082": "0378-8082"}.get(query, "49967-138")
        product = db.session.scalars(sa.select(Product).where(Product.source_key == key)).one()
        return product.slug


def the_lots_of(clinic: Clinic, sku: str) -> tuple[str, str]:
    """The makers' numbers of its two lots, soonest expiry first."""
    stock = ok(clinic.call(SAM, "GET", f"/stock?sku={sku}"))
    lots = sorted(stock["items"][0]["lots"], key=lambda lot: lot["expires_on"])
    soon, late = lots
    return soon["lot_number"], late["lot_number"]


def free_units(clinic: Clinic, sku: str) -> int:
    units: int = ok(clinic.call(SAM, "GET", f"/stock?sku={sku}"))["items"][0]["free"]
    return units


def on_hand(clinic: Clinic, sku: str) -> dict[str, int]:
    shelf = ok(clinic.call(SAM, "GET", f"/stock?sku={sku}"))["items"][0]
    return {lot["lot_number"]: lot["on_hand"] for lot in shelf["lots"]}


def gate_of(cart: Any, sku: str) -> str:
    line = next(line for line in cart["lines"] if line["sku"] == sku)
    decision: str = line["gate"]["decision"]
    return decision


def place(clinic: Clinic, *, lines: list[str] | None = None) -> Any:
    wanted: dict[str, Any] = {"shipping_address": ADDRESS, "shipping_method": "standard"}
    if lines is not None:
        wanted["lines"] = lines
    return clinic.call(ALICE, "POST", "/orders", json=wanted)


def a_signed_prescription(clinic: Clinic, sku: str, *, fills: int) -> Any:
    """Alice asks, Dr Chen claims, signs in afresh and signs."""
    asked = ok(
        clinic.call(ALICE, "POST", "/approval-requests", json={"sku": sku, "quantity": 1}), 201
    )
    number = asked["number"]
    assert asked["status"] == "draft"
    questions = {question["id"] for question in asked["questionnaire"]["questions"]}
    answers = {name: said for name, said in ANSWERS.items() if name in questions}
    road = f"/approval-requests/{number}"
    ok(clinic.call(ALICE, "PUT", f"{road}/answers", json={"answers": answers}))
    assert (
        ok(clinic.call(ALICE, "POST", f"{road}/submission", json={"consent": True}))["status"]
        == "queued"
    )

    queue = ok(clinic.call(CHEN, "GET", "/approval-requests?status=queued"))
    assert [item["number"] for item in queue["items"]] == [number]
    ok(clinic.call(CHEN, "POST", f"{road}/claim"))
    terms = {
        "quantity_per_fill": 1,
        "fills": fills,
        "days_supply": 60,
        "directions": "A pea-sized amount in the evening.",
        "indication": "Acne vulgaris",
        "examination": {"mode": "in_person", "date": datetime.now(UTC).date().isoformat()},
        # This clinic has not loaded the dictionary: no rule knows what the cream holds.
        "overrides": [{"rule": "SC-ACTIVE-UNKNOWN", "reason": "I have read the label."}],
    }
    stale = clinic.call(CHEN, "POST", f"{road}/signature", json=terms)
    assert stale.status_code == 403, stale.text  # nobody signs without a fresh sign-in
    ok(clinic.call(CHEN, "POST", "/session/fresh", json={"password": people.PASSWORD}))
    return ok(clinic.call(CHEN, "POST", f"{road}/signature", json=terms), 201)


def she_reads_the_leaflet(clinic: Clinic, sku: str) -> None:
    """Before the first fill, and the gate says which."""
    cart = ok(clinic.call(ALICE, "GET", "/cart"))
    assert gate_of(cart, sku) == "needs_client_action"
    (reason,) = next(line["gate"]["reasons"] for line in cart["lines"] if line["sku"] == sku)
    assert reason["code"] == "leaflet_not_read"
    leaflet = reason["facts"]["leaflet"]
    assert ok(clinic.call(ALICE, "GET", f"/leaflets/{leaflet}"))["version"] == leaflet
    ok(clinic.call(ALICE, "POST", f"/me/leaflets/{leaflet}/acknowledgement"), 201)


def pay(clinic: Clinic, number: str) -> None:
    """On the provider's page; its events come in the wrong order, and each of them twice."""
    payment = ok(clinic.call(ALICE, "POST", f"/orders/{number}/payment"))
    again = ok(clinic.call(ALICE, "POST", f"/orders/{number}/payment"))
    assert again["url"] == payment["url"]
    assert clinic.visitor.pay(payment["url"]).status == 303
    pending = [event["id"] for event in clinic.pending()]
    assert len(pending) >= 2
    for event_id in (*reversed(pending), *pending):
        assert clinic.deliver(event_id) == "200"
    clinic.work()


def ship(clinic: Clinic, number: str) -> Any:
    return ok(roads.ships(clinic, number), 201)


def buy_again(clinic: Clinic, sku: str) -> Any:
    ok(clinic.call(ALICE, "PUT", f"/cart/lines/{sku}", json={"quantity": 1}))
    return ok(place(clinic, lines=[sku]), 201)


def the_letters_say_nothing_medical(clinic: Clinic) -> None:
    subjects = clinic.post.subjects("alice@example.test")
    for words in ("We have your request", "There is news about your request", "is paid", "shipped"):
        assert any(words in subject for subject in subjects), subjects
    for letter in clinic.post.letters:
        text = letter.as_string().lower()
        assert not [word for word in MEDICAL if word in text]


def everything_verifies(clinic: Clinic) -> None:
    """`flask audit verify`, `flask inventory verify` and `flask reconcile` are content."""
    runner = clinic.app.test_cli_runner()
    for command in (["audit", "verify"], ["inventory", "verify"], ["reconcile"]):
        result = runner.invoke(args=command)
        assert result.exit_code == 0, result.output
