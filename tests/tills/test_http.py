"""The desk over HTTP: as programs and as people see it. The provider's page is closed first."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.orders import queries as orders
from shop.payments import calls, chasing, following, queries
from shop.payments.gateway import Gateway
from shop.payments.sandbox.in_process import Visitor
from shop.payments.states import Tender
from shop.tills import queries as desk
from tests.payments.conftest import (  # noqa: F401 - fixtures: a provider for what needs one
    Control,
    browser,
    control,
    gateway,
    inbox,
    sandbox,
    sandbox_app,
    visitor,
)
from tests.payments.orders_to_pay import OutsideTransactions, an_order, begun, how, opened
from tests.people import a_browser, alice, mona, sam
from tests.tills.builders import FLOAT_CENTS, a_drawer, a_register, on_paper, take, taken, waiting
from tests.tills.programs import Sheets, a_program

CASH = [{"denomination_cents": 20_00, "pieces": 5}]


def test_a_program_opens_takes_pays_out_and_counts(app: Flask) -> None:
    name = a_register().name
    order = an_order()
    number, cents, order_id = order.number, order.due_cents, order.id
    program = a_program(app, sam())

    opened_drawer = program.post("/api/v1/desk/drawers", {"register": name, "cash": CASH})
    assert (opened_drawer.status_code, opened_drawer.json["float_cents"]) == (201, 100_00)
    assert opened_drawer.json["expected"] is None

    given = {"tender": "cash", "expect_cents": cents, "tendered_cents": cents + 5}
    path = f"/api/v1/desk/orders/{number}/payment"
    move = program.post(path, given, key="one-click")
    again = program.post(path, given, key="one-click")
    other = program.post(path, given)
    assert (move.status_code, move.json["change_cents"]) == (201, 5)
    assert again.json == move.json
    assert (other.status_code, other.json["code"]) == (409, "order_not_payable")

    receipt = program.get(f"/api/v1/desk/orders/{number}/receipt")
    assert (receipt.status_code, receipt.data[:4]) == (200, b"%PDF")
    assert program.post(f"/api/v1/orders/{number}/cancellation", {}).status_code == 200
    chasing.settling.wind_up(orders.locked_order(order_id), at=now())
    db.session.commit()

    (refund,) = program.get("/api/v1/desk/refunds").json["items"]
    assert (refund["order"], refund["tender"], refund["amount_cents"]) == (number, "cash", cents)
    paid_out = program.post(f"/api/v1/desk/refunds/{refund['id']}/pay-out", {})
    assert (paid_out.status_code, paid_out.json["cents"]) == (201, -cents)
    once_more = program.post(f"/api/v1/desk/refunds/{refund['id']}/pay-out", {})
    assert (once_more.status_code, once_more.json["code"]) == (409, "not_paid_out")

    drawer = opened_drawer.json["number"]
    counted = program.post(
        f"/api/v1/desk/drawers/{drawer}/count",
        {"cash": CASH, "terminal_cents": 0, "cheque_cents": 0},
    )
    assert (counted.status_code, counted.json["status"]) == (200, "closed")
    assert counted.json["difference"] == {"cash": 0, "terminal": 0, "cheque": 0}
    manager = a_program(app, mona())
    day = manager.get("/api/v1/desk/day").json
    assert (day["taken"]["cash"], day["paid_out"]["cash"]) == (cents, cents)


BAD: dict[str, tuple[str, Any]] = {
    "no register": ("drawers", {"register": "Nowhere", "cash": CASH}),
    "a coin twice": ("drawers", {"register": "Front", "cash": CASH * 2}),
    "an odd coin": (
        "drawers",
        {"register": "Front", "cash": [{"denomination_cents": 3, "pieces": 1}]},
    ),
    "no order": ("orders/A-NONE/payment", {"tender": "cash", "expect_cents": 1}),
    "no tender": ("orders/A-NONE/payment", {"tender": "gold", "expect_cents": 1}),
    "no refund": ("refunds/00000000-0000-0000-0000-000000000000/pay-out", {}),
    "no drawer": ("drawers/D-NONE/count", {"cash": [], "terminal_cents": 0, "cheque_cents": 0}),
    "no sums": ("drawers/D-NONE/count", {"cash": []}),
    "no words": ("drawers/D-NONE/explanation", {"explanation": ""}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_and_nothing_breaks(app: Flask, case: str) -> None:
    path, body = BAD[case]
    answer = a_program(app, sam()).post(f"/api/v1/desk/{path}", body)
    assert answer.status_code in (404, 422), answer.json


def test_the_pages_of_a_day(app: Flask) -> None:
    by = sam()
    name = a_register().name
    order = an_order()
    number, cents, client = order.number, order.due_cents, order.client.name
    person = Sheets(app, by)

    assert "You have no drawer open" in person.get("/desk")
    assert "Open one first" in person.get(f"/desk/orders/{number}")
    form = {"register": name, "pieces_2000": "5"}
    wrong = person.post("/desk/drawers", **form, pieces_5="many")
    assert (wrong.status_code, "Type how many there are." in wrong.text) == (422, True)
    assert person.post("/desk/drawers", **form).status_code == 303

    assert number in person.get("/desk", sought=client)
    money = {"tender": "cash", "expect_cents": str(cents), "tendered_cents": "0.01"}
    wrong = person.post(f"/desk/orders/{number}/payment", **money)
    assert (wrong.status_code, "is due, in full" in wrong.text) == (422, True)
    money["tendered_cents"] = "1,000.00"
    answer = person.post(f"/desk/orders/{number}/payment", **money)
    assert answer.headers["Location"] == f"/desk/orders/{number}"
    assert "Print the receipt" in person.get(f"/desk/orders/{number}")

    drawer = person.get("/desk").split("/desk/drawers/")[1].split('"')[0]
    shown = person.get(f"/desk/drawers/{drawer}")
    assert "Count it" in shown
    assert f"{(FLOAT_CENTS + cents) / 100:.2f}" not in shown  # blind
    count = {"pieces_2000": "5", "terminal_cents": "0", "cheque_cents": "0.00"}
    person.post(f"/desk/drawers/{drawer}/count", **count)
    assert "Why does it differ?" in person.get(f"/desk/drawers/{drawer}")
    person.post(f"/desk/drawers/{drawer}/explanation", explanation="Left in the bag.")
    assert "Be the second person" not in person.get(f"/desk/drawers/{drawer}")
    second = Sheets(app, mona())
    assert "waits for a second person" in second.get("/desk")
    assert second.post(f"/desk/drawers/{drawer}/signature").status_code == 303
    day = second.get("/desk/day")
    assert "Left in the bag." in day
    assert "signed by" in day


def test_a_client_has_no_desk(app: Flask) -> None:
    client = a_browser(app, alice())
    assert client.get("/desk").status_code == 403


def test_money_that_waits_is_paid_out_on_the_page_and_its_client_was_told(app: Flask) -> None:
    by = sam()
    a_drawer(by)
    refund = waiting(by, on_paper(Tender.CHEQUE))
    key = refund.id
    number = refund.payment.order.number
    client = refund.payment.order.client
    hers = Sheets(app, db.session.merge(client))
    person = Sheets(app, db.session.merge(by))

    assert "wait for you at the clinic" in hers.get(f"/orders/{number}")
    wrong = person.post(f"/desk/refunds/{key}/pay-out")
    assert (wrong.status_code, "Type the number on the cheque." in wrong.text) == (422, True)
    assert person.post(f"/desk/refunds/{key}/pay-out", reference="1001").status_code == 303
    assert number not in person.get("/desk")


# The payment page of an order whose client comes to the desk.


@pytest.fixture
def bank(gateway: Gateway) -> Gateway:  # noqa: F811
    return OutsideTransactions(gateway)  # type: ignore[return-value]


def test_the_page_is_closed_first(app: Flask, bank: Gateway, visitor: Visitor) -> None:  # noqa: F811
    by = sam()
    a_drawer(by)
    order = an_order()
    page = opened(order, bank)

    assert chasing.close_for_desk(order.id, bank)
    taken(by, order=order)

    assert how(order) == ("paid", ["cancelled", "succeeded"])
    assert visitor.pay(page.url or "").status >= 400


def test_a_page_that_was_only_being_opened_is_closed_too(app: Flask, bank: Gateway) -> None:
    order = an_order()
    begun(order)
    assert chasing.close_for_desk(order.id, bank)
    assert how(order) == ("awaiting_payment", ["cancelled"])


def test_who_has_paid_on_the_page_pays_nothing_at_the_desk(
    app: Flask,
    bank: Gateway,
    visitor: Visitor,  # noqa: F811
) -> None:
    """No webhook told: the desk asks."""
    order = an_order()
    page = opened(order, bank)
    visitor.pay(page.url or "")

    assert chasing.close_for_desk(order.id, bank)

    assert how(order) == ("paid", ["succeeded"])


def test_while_the_provider_is_away_nothing_is_taken(
    app: Flask,
    bank: Gateway,
    control: Control,  # noqa: F811
) -> None:
    order = an_order()
    opened(order, bank)
    for method, path in (("POST", "/v1/checkout/sessions/"), ("GET", "/v1/checkout/sessions/")):
        control.post("faults", mode="500_before", method=method, path=path, times=9)

    assert not chasing.close_for_desk(order.id, bank)

    assert how(order) == ("awaiting_payment", ["open"])


def test_late_money_of_a_page_goes_back(app: Flask, bank: Gateway, visitor: Visitor) -> None:  # noqa: F811
    """The page was given up here, and paid there: the desk keeps the order, the card its money."""
    by = sam()
    a_drawer(by)
    order = an_order()
    page = opened(order, bank)
    visitor.pay(page.url or "")
    held = orders.locked_order(order.id)
    chasing.settling.cancel(queries.payment(page.id), why="a test")
    take(held, by)
    db.session.commit()

    following.payment(page.id, bank)
    calls.send_for(order.id, bank)

    late = queries.payment(page.id)
    assert how(order) == ("paid", ["succeeded", "succeeded"])
    assert late.refunded_cents == late.captured_cents
    assert {str(one.status) for one in late.refunds} == {"done"}
    assert not desk.refunds_at_the_desk()
