"""Refills over HTTP: terms first, then a yes; seen, paused and cancelled; nobody else's; no reasons for staff."""

from __future__ import annotations

import re
import uuid
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.replenishment import following
from shop.replenishment.models import AutoRefill, RefillConsent, RefillCycle, ReminderChoice
from shop.replenishment.states import Obstacle, RefillStatus
from tests.payments.saved_cards import a_saved_card
from tests.people import a_browser, bob, sam
from tests.replenishment.builders import (
    a_blocked_refill,
    a_charged_refill,
    a_charging_refill,
    a_client_with_a_cream,
    a_noticed_refill,
    an_announced_cream,
)

HOME = {
    "name": "Alice Moreno",
    "line1": "12 Grove St",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}


def asked(sku: str, card: Any, **more: Any) -> dict[str, Any]:
    """What is typed for a pack."""
    typed = {"sku": sku, "quantity": 1, "shipping_method": "standard", "card": str(card)}
    return typed | more


def refills_of(client_id: Any) -> list[AutoRefill]:
    query = sa.select(AutoRefill).where(AutoRefill.client_id == client_id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def test_a_client_reads_the_terms_says_yes_and_cancels_with_one_click(app: Flask) -> None:
    client, cream = a_client_with_a_cream()
    sku, client_id, card = cream.sku, client.id, a_saved_card(client).id
    browser = a_browser(app, client)
    assert "Runs out on" in browser.get("/account/repeats").text
    form = browser.get(f"/account/repeats/terms?sku={sku}")
    assert "Read the terms" in form.text
    typed = asked(sku, card, **HOME, line2="", phone="")

    shown = post(browser, "/terms", **typed)

    assert shown.status_code == 200
    assert "It goes on until you cancel." in shown.text
    assert refills_of(client_id) == []
    total = shown.text.split('name="expect_total_cents" value="')[1].split('"')[0]
    yes = typed | {"statement_version": "2026-1", "expect_total_cents": total}
    wrong = post(browser, "/terms", **(typed | {"line1": "", "quantity": 2}))
    assert "#f-line1" in wrong.text  # where the field is
    never = post(browser, "/terms", **(typed | {"quantity": 2}))
    assert (never.status_code, "Must be 1." in never.text) == (422, True)
    refused = post(browser, "", **yes)
    assert (refused.status_code, refills_of(client_id)) == (422, [])
    assert post(browser, "", **yes, agreed="yes").status_code == 303
    (made,) = refills_of(client_id)
    number = made.number
    page = browser.get("/account/repeats").text
    assert "sent by itself" in page
    assert "Cancel it" in page
    post(browser, f"/{number}/pause")
    assert refills_of(client_id)[0].status is RefillStatus.PAUSED
    assert post(browser, "", **yes, agreed="yes").status_code == 303
    assert "It is still paused: press Go on." in browser.get("/account/repeats").text
    post(browser, f"/{number}/resumption")
    post(browser, f"/{number}/cancellation")
    assert refills_of(client_id)[0].status is RefillStatus.CANCELLED
    assert "nothing more is charged for it" in browser.get("/account/repeats").text


def test_programs_do_the_same(app: Flask) -> None:
    client, cream = a_client_with_a_cream()
    sku, client_id, card = cream.sku, client.id, a_saved_card(client).id
    browser = a_browser(app, client)
    wanted = asked(sku, card, shipping_address=HOME)
    terms = api(browser, "POST", "/terms", wanted).json
    assert terms["total_cents"] == terms["unit_price_cents"] + 695 + terms["tax_cents"]
    yes = {
        "agreed": True,
        "statement_version": terms["statement_version"],
        "expect_total_cents": terms["total_cents"],
    }
    assert api(browser, "POST", "", wanted | yes | {"agreed": False}).status_code == 422
    made = api(browser, "POST", "", wanted | yes)
    assert (made.status_code, made.json["statement"]) == (201, terms["statement"])
    again = {name: value for name, value in (wanted | yes).items() if name != "sku"}
    other = api(browser, "POST", f"/{made.json['number']}/consents", again)
    assert other.status_code == 201
    assert db.session.query(RefillConsent).filter_by(client_id=client_id).count() == 2
    seen = api(browser, "GET", "").json
    assert [one["sku"] for one in seen["supplies"]] == [sku]
    assert (seen["auto_refills"][0]["status"], seen["reminders"]) == ("active", True)
    assert api(browser, "PUT", "/reminders", {"wanted": False}).json == {"wanted": False}
    assert api(browser, "GET", "").json["reminders"] is False
    assert db.session.query(ReminderChoice).filter_by(client_id=client_id).count() == 1
    number = made.json["number"]
    stranger = a_browser(app, bob())
    assert api(stranger, "POST", f"/{number}/cancellation", {}).status_code == 404
    assert api(browser, "POST", f"/{number}/pause", {}).json["status"] == "paused"
    assert api(browser, "POST", f"/{number}/resumption", {}).json["status"] == "active"
    assert api(browser, "POST", f"/{number}/cancellation", {}).json["status"] == "cancelled"
    assert api(browser, "POST", f"/{number}/resumption", {}).status_code == 409


def test_staff_see_what_waits_and_not_why(app: Flask) -> None:
    blocked = a_blocked_refill()
    number, client = blocked.number, blocked.client
    words = blocked.cycles[-1].reasons[0]["text"]
    hers, staff = a_browser(app, client), a_browser(app, sam())
    assert words in hers.get("/account/repeats").text
    for path in ("/refills", "/api/v1/refills/stuck"):
        shown = staff.get(path).text
        assert number in shown
        assert words not in shown
    assert a_browser(app, bob()).get("/refills").status_code == 403
    assert RefillCycle(obstacle=Obstacle.REPORT).waits_for is Obstacle.NOT_ALLOWED
    post(hers, f"/{number}/pause")
    assert number not in staff.get("/refills").text  # nobody asks again while it is paused


def test_an_order_that_was_placed_is_not_said_to_cost_nothing(app: Flask) -> None:
    refill = a_charging_refill()
    browser, number = a_browser(app, refill.client), refill.number
    order = refill.cycle.order  # type: ignore[union-attr]
    link = f'<a href="/orders/{order.number}">'  # type: ignore[union-attr]
    for act in ("pause", "cancellation"):
        post(browser, f"/{number}/{act}")
        page = browser.get("/account/repeats").text
        assert f"Order {order.number} was placed already: cancel it there." in page  # type: ignore[union-attr]
        assert link in page
        assert "othing more is charged" not in page


def test_an_order_that_nobody_paid_says_why_it_is_paused(app: Flask) -> None:
    refill = a_charging_refill()
    order = refill.cycle.order  # type: ignore[union-attr]
    cancelling.cancel(order, reason="changed_mind", by=refill.client, at=now())  # type: ignore[arg-type]
    following.follow(refill, at=now())
    db.session.commit()
    paid = a_charged_refill()
    hers, other = a_browser(app, refill.client), a_browser(app, paid.client)
    page = hers.get("/account/repeats").text
    assert "is paid and will be sent" in other.get("/account/repeats").text
    assert "was not paid. Nothing is charged until you go on." in page


def token(browser: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/account/repeats").text)
    assert found is not None
    return found[1]


def post(browser: FlaskClient, path: str, **form: Any) -> Any:
    return browser.post(f"/account/repeats{path}", data=form | {"csrf_token": token(browser)})


def api(browser: FlaskClient, method: str, path: str, body: Any = None) -> Any:
    headers = {"Idempotency-Key": uuid.uuid4().hex, "X-CSRFToken": token(browser)}
    return browser.open(f"/api/v1/refills{path}", method=method, json=body, headers=headers)


def test_a_noticed_refill_says_when_and_how_much(app: Flask) -> None:
    refill, unknown = an_announced_cream(), a_noticed_refill()
    number = refill.number
    browser, other = a_browser(app, refill.client), a_browser(app, unknown.client)
    assert "will be charged on" in browser.get("/account/repeats").text
    post(browser, f"/{number}/pause")
    paused = browser.get("/account/repeats").text
    assert "will be charged on" not in paused
    assert "Nothing is charged while it is paused." in paused
    waiting = other.get("/account/repeats").text
    assert "Nothing is sent until it is known when this runs out." in waiting
