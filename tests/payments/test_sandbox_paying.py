"""A client pays on the sandbox's page: one test per thing that can happen to a card."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.payments.gateway import IntentState, SessionState
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.stripe_gateway import StripeGateway

from .conftest import Control, open_session


def url_of(session: object) -> str:
    url = getattr(session, "url", None)
    assert isinstance(url, str)
    return url


def test_a_good_card_pays_and_leads_back_to_the_shop(
    gateway: StripeGateway, visitor: Visitor
) -> None:
    session = open_session(gateway)

    visit = visitor.pay(url_of(session))

    assert visit.status == 303
    assert visit.location == f"http://localhost:8000/orders/A-7K2M9?session={session.id}"
    paid = gateway.session(session.id)
    assert (paid.state, paid.paid, paid.url) == (SessionState.COMPLETE, True, None)
    assert paid.intent_id is not None
    intent = gateway.intent(paid.intent_id)
    assert (intent.state, intent.received_cents) == (IntentState.SUCCEEDED, 4800)
    assert (intent.currency, intent.order_ref, intent.livemode) == ("usd", "A-7K2M9", False)


def test_there_is_no_intent_before_a_card_is_tried(gateway: StripeGateway) -> None:
    assert open_session(gateway).intent_id is None
    assert list(gateway.intents_since(open_session(gateway, key="open:2").expires_at)) == []


DECLINES = {
    "declined": (cards.DECLINED, "generic_decline", "was declined"),
    "no funds": (cards.NO_FUNDS, "insufficient_funds", "insufficient funds"),
    "expired": (cards.EXPIRED, "expired_card", "has expired"),
}


@pytest.mark.parametrize("case", DECLINES)
def test_a_declined_card_charges_nothing_and_may_be_followed_by_another(
    case: str, gateway: StripeGateway, visitor: Visitor
) -> None:
    number, reason, words = DECLINES[case]
    session = open_session(gateway)

    visit = visitor.pay(url_of(session), number=number)

    assert visit.status == 402
    assert words in visit.page
    assert number not in visit.page
    after = gateway.session(session.id)
    assert (after.state, after.paid) == (SessionState.OPEN, False)
    assert after.intent_id is not None
    intent = gateway.intent(after.intent_id)
    assert intent.state is IntentState.REQUIRES_PAYMENT_METHOD
    assert (intent.received_cents, intent.failure_code) == (0, reason)

    assert visitor.pay(url_of(session)).status == 303
    assert gateway.intent(after.intent_id).state is IntentState.SUCCEEDED
    assert gateway.intent(after.intent_id).failure_code is None


WRONG = {
    "check digit": ({"number": "4242 4242 4242 4241"}, "number", "incorrect_number"),
    "letters": ({"number": "4242x"}, "number", "incorrect_number"),
    "nothing": ({"number": ""}, "number", "incomplete_number"),
    "a real card": ({"number": "4111 1111 1111 1111"}, "number", "test_number_unknown"),
    "past": ({"exp": "01 / 20"}, "exp", "invalid_expiry_year_past"),
    "thirteenth month": ({"exp": "13 / 40"}, "exp", "invalid_expiry_month"),
    "no expiry": ({"exp": "soon"}, "exp", "incomplete_expiry"),
    "short cvc": ({"cvc": "12"}, "cvc", "incomplete_cvc"),
    "name": ({"name": "a\x01b"}, "name", "invalid_name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_typed_wrong_is_told_beside_the_field_and_never_tried(
    case: str, gateway: StripeGateway, visitor: Visitor
) -> None:
    typed, name, code = WRONG[case]
    session = open_session(gateway)

    visit = visitor.pay(url_of(session), **typed)

    assert visit.status == 422
    assert f'id="{name}-error" data-code="{code}"' in visit.page
    assert gateway.session(session.id).intent_id is None


def test_a_bank_that_asks_is_answered_with_yes(gateway: StripeGateway, visitor: Visitor) -> None:
    session = open_session(gateway)

    visit = visitor.pay(url_of(session), number=cards.ASKS_TO_AUTHENTICATE)

    assert (visit.status, visit.location) == (303, f"/c/pay/{session.id}/authenticate")
    intent_id = gateway.session(session.id).intent_id
    assert intent_id is not None
    assert gateway.intent(intent_id).state is IntentState.REQUIRES_ACTION
    assert visitor.authenticate(url_of(session), authorise=True).status == 303
    assert gateway.intent(intent_id).state is IntentState.SUCCEEDED
    assert gateway.session(session.id).paid


def test_a_bank_that_asks_is_answered_with_no(gateway: StripeGateway, visitor: Visitor) -> None:
    session = open_session(gateway)
    visitor.pay(url_of(session), number=cards.ASKS_TO_AUTHENTICATE)

    visit = visitor.authenticate(url_of(session), authorise=False)

    assert (visit.status, visit.location) == (303, f"/c/pay/{session.id}")
    assert "unable to authenticate" in visitor.look(url_of(session)).page
    intent_id = gateway.session(session.id).intent_id
    assert intent_id is not None
    intent = gateway.intent(intent_id)
    assert intent.state is IntentState.REQUIRES_PAYMENT_METHOD
    assert intent.failure_code == "authentication_required"
    assert not gateway.session(session.id).paid


def test_ten_presses_of_the_button_pay_once(
    gateway: StripeGateway, sandbox_app: Flask, control: Control
) -> None:
    session = open_session(gateway)
    ready = Barrier(10)

    def press(_: int) -> int:
        ready.wait(timeout=30)
        return Visitor(sandbox_app).pay(url_of(session)).status

    with ThreadPoolExecutor(10) as hands:
        statuses = list(hands.map(press, range(10)))

    assert statuses == [303] * 10
    assert [e["type"] for e in control.events()].count("charge.succeeded") == 1


def test_the_page_says_what_for_and_that_nothing_is_real(
    gateway: StripeGateway, browser: FlaskClient
) -> None:
    session = open_session(gateway, amount_cents=123456)

    page = browser.get(url_of(session).removeprefix("http://127.0.0.1:4242"))

    text = page.get_data(as_text=True)
    assert "Order A-7K2M9" in text
    assert "$1,234.56" in text
    assert "Never type a real card" in text
    assert 'href="http://localhost:8000/cart"' in text
    assert "<script" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy


def test_an_expired_page_takes_no_card(
    gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    session = open_session(gateway, minutes=40)
    control.post("clock", advance=40 * 60)

    visit = visitor.pay(url_of(session))

    assert visit.status == 410
    assert "payment page has closed" in visit.page
    assert gateway.session(session.id).state is SessionState.EXPIRED
    assert gateway.session(session.id).intent_id is None


def test_an_unknown_page_is_not_found(visitor: Visitor) -> None:
    lost = visitor.look("http://127.0.0.1/c/pay/cs_test_nothing")
    assert lost.status == 404
    assert "no such payment page" in lost.page
    assert visitor.look("http://127.0.0.1/c/pay/%00").status == 404
