"""The sandbox's account: movements, payouts and their sum, to the cent."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from shop.payments.sandbox import cards
from shop.payments.sandbox.balance import DAY, fee_of
from shop.payments.sandbox.in_process import Visitor
from shop.payments.stripe_gateway import StripeGateway

from .conftest import SECRET_KEY, Control, charged, open_session, paid_intent, saved_method

FEES = {50: 31, 100: 33, 1000: 59, 4800: 169, 99_999_999: 2_900_030}


def test_the_fee_is_2_9_percent_and_30_cents() -> None:
    assert {amount: fee_of(amount) for amount in FEES} == FEES


@given(st.integers(50, 99_999_999))
def test_the_fee_is_never_off_by_more_than_half_a_cent(amount: int) -> None:
    assert abs(1000 * (fee_of(amount) - 30) - 29 * amount) <= 500


def asked(browser: FlaskClient, path: str, **query: Any) -> dict[str, Any]:
    answer = browser.get(
        f"/v1/{path}", query_string=query, headers={"Authorization": f"Bearer {SECRET_KEY}"}
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def movements(browser: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(browser, "balance_transactions", **query)["data"]
    return found


def booked(browser: FlaskClient, **query: Any) -> list[tuple[str, int, int, int]]:
    """Type, amount, fee and net of the movements, oldest first."""
    return [
        (one["type"], one["amount"], one["fee"], one["net"])
        for one in reversed(movements(browser, **query))
    ]


def paid_days_on(days: int, gateway: StripeGateway, visitor: Visitor) -> None:
    """48 dollars are paid after the sandbox's clock was moved by so many days."""
    page = open_session(gateway, key=f"day:{days}", minutes=days * 24 * 60 + 60)
    assert visitor.pay(page.url or "").status == 303


def there(browser: FlaskClient) -> tuple[int, int]:
    """Cents that can be paid out, and cents that cannot yet."""
    balance = asked(browser, "balance")
    return balance["available"][0]["amount"], balance["pending"][0]["amount"]


def test_what_was_paid_less_the_fee_is_there_after_two_midnights(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    control.post("payouts", by_hand=True)
    intent_id = paid_intent(gateway, visitor)

    [movement] = movements(browser)

    charge = asked(browser, f"charges/{movement['source']}")
    assert (charge["payment_intent"], charge["balance_transaction"]) == (intent_id, movement["id"])
    assert (movement["type"], movement["reporting_category"]) == ("charge", "charge")
    assert (movement["amount"], movement["fee"], movement["net"]) == (4800, 169, 4631)
    assert movement["available_on"] % DAY == 0
    assert DAY < movement["available_on"] - movement["created"] <= 2 * DAY
    assert (movement["status"], there(browser)) == ("pending", (0, 4631))
    control.post("clock", advance=2 * DAY)
    assert movements(browser)[0]["status"] == "available"
    assert there(browser) == (4631, 0)


def test_a_declined_card_moves_nothing(
    gateway: StripeGateway, visitor: Visitor, browser: FlaskClient
) -> None:
    visitor.pay(open_session(gateway).url or "", number=cards.DECLINED)

    assert movements(browser) == []


def test_a_saved_card_pays_a_fee_too(
    gateway: StripeGateway, visitor: Visitor, browser: FlaskClient
) -> None:
    charged(gateway, saved_method(gateway, visitor))

    assert booked(browser) == [("charge", 4800, 169, 4631)]


def test_a_refund_takes_its_cents_and_one_that_fails_brings_them_again(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    intent_id = paid_intent(gateway, visitor, number=cards.REFUND_FAILS)
    refund = gateway.refund(intent_id=intent_id, amount_cents=300, order_ref="A-1", key="r1")
    assert booked(browser, source=refund.id) == [("refund", -300, 0, -300)]

    control.post(f"refunds/{refund.id}", status="failed")

    assert booked(browser, source=refund.id) == [
        ("refund", -300, 0, -300),
        ("refund_failure", 300, 0, 300),
    ]
    shown = asked(browser, f"refunds/{refund.id}")
    first, second = reversed(movements(browser, source=refund.id))
    assert (shown["balance_transaction"], shown["failure_balance_transaction"]) == (
        first["id"],
        second["id"],
    )


def test_a_pending_refund_that_is_called_off_brings_its_cents_again(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    intent_id = paid_intent(gateway, visitor, number=cards.REFUND_PENDING)
    refund = gateway.refund(intent_id=intent_id, amount_cents=300, order_ref="A-1", key="r1")
    control.post(f"refunds/{refund.id}", status="requires_action")

    control.post(f"refunds/{refund.id}", status="canceled")

    assert sum(net for *_, net in booked(browser, source=refund.id)) == 0


def test_each_midnight_pays_out_what_is_there(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    """Whatever a payout held adds up to it; its own movement is in its list, too."""
    intent_id = paid_intent(gateway, visitor)
    gateway.refund(intent_id=intent_id, amount_cents=300, order_ref="A-1", key="r1")
    control.post("clock", advance=DAY)
    paid_days_on(1, gateway, visitor)
    control.post("clock", advance=DAY)

    [payout] = asked(browser, "payouts")["data"]

    assert (payout["amount"], payout["status"]) == (4331, "in_transit")
    assert (payout["automatic"], payout["created"] % DAY) == (True, 0)
    assert booked(browser, payout=payout["id"]) == [
        ("charge", 4800, 169, 4631),
        ("refund", -300, 0, -300),
        ("payout", -4331, 0, -4331),
    ]
    assert there(browser) == (0, 4631)
    control.post("clock", advance=5 * DAY)
    later, first = asked(browser, "payouts")["data"]
    assert (later["amount"], first["status"]) == (4631, "paid")
    assert there(browser) == (0, 0)
    assert [event["type"] for event in control.events() if "payout" in event["type"]] == [
        "payout.created",
        "payout.created",
        "payout.paid",
        "payout.paid",
    ]


def test_a_debt_is_not_paid_out_but_kept_for_the_next_time(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    control.post("adjustments", amount=-1000, description="A mistake of a year ago")
    control.post("clock", advance=3 * DAY)
    assert asked(browser, "payouts")["data"] == []
    assert there(browser) == (-1000, 0)

    paid_days_on(3, gateway, visitor)
    control.post("clock", advance=3 * DAY)

    [payout] = asked(browser, "payouts")["data"]
    assert payout["amount"] == 4631 - 1000


def test_a_payout_by_hand_and_one_that_fails(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    control.post("payouts", by_hand=True)
    assert control.post("payouts") == {"payout": None}
    paid_intent(gateway, visitor)
    control.post("clock", advance=3 * DAY)
    assert asked(browser, "payouts")["data"] == []

    payout = control.post("payouts")["payout"]
    assert there(browser) == (0, 0)
    failed = control.post(f"payouts/{payout['id']}", status="failed")

    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert there(browser) == (4631, 0)
    assert booked(browser, source=payout["id"])[-1] == ("payout_failure", 4631, 0, 4631)
    refused = browser.post(f"/_sandbox/payouts/{payout['id']}", json={"status": "paid"})
    assert refused.status_code == 400


def test_movements_are_filtered_and_show_what_they_are_about(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> None:
    intent_id = paid_intent(gateway, visitor)
    gateway.refund(intent_id=intent_id, amount_cents=300, order_ref="A-1", key="r1")
    control.post("adjustments", amount=5)
    at = movements(browser)[0]["created"]

    assert [kind for kind, *_ in booked(browser)] == ["charge", "refund", "adjustment"]
    assert [kind for kind, *_ in booked(browser, type="refund")] == ["refund"]
    assert len(movements(browser, **{"created[gte]": at - 60})) == 3
    assert movements(browser, **{"created[gt]": at + 60}) == []
    shown = movements(browser, **{"expand[]": "data.source"})
    assert [one["source"] and one["source"]["object"] for one in shown] == [
        None,
        "refund",
        "charge",
    ]
    assert {one["source"]["payment_intent"] for one in shown if one["source"]} == {intent_id}
    missing = browser.get(
        "/v1/balance_transactions?payout=po_1", headers={"Authorization": f"Bearer {SECRET_KEY}"}
    )
    assert missing.status_code == 404


WRONG = {
    "nothing": {"amount": 0},
    "no number": {"amount": "5"},
    "a kind that is made otherwise": {"amount": 5, "type": "charge"},
    "too much": {"amount": 10**9},
}


@pytest.mark.parametrize("case", WRONG)
def test_an_adjustment_that_is_none_is_refused(case: str, browser: FlaskClient) -> None:
    assert browser.post("/_sandbox/adjustments", json=WRONG[case]).status_code == 400
    assert movements(browser) == []
