"""Cards that are kept at the sandbox, through the real client: saved, charged, detached."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from shop.payments.gateway import Declined, IntentState, ProviderRefused, SetupPage
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.stripe_gateway import StripeGateway

from .conftest import SECRET_KEY, charged, open_session, open_setup, saved_method, started

AUTH = {"Authorization": f"Bearer {SECRET_KEY}"}


def test_a_card_saved_alone_pays_later_and_once_under_its_key(
    gateway: StripeGateway, visitor: Visitor
) -> None:
    card = saved_method(gateway, visitor, number=cards.ASKS_TO_AUTHENTICATE)
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "3155", 12, 2049)

    first, again = charged(gateway, card), charged(gateway, card)

    assert first == again
    assert (first.state, first.received_cents) == (IntentState.SUCCEEDED, 4800)
    assert (first.order_ref, first.payment_ref) == ("A-7K2M9", "payment")


@pytest.mark.parametrize(
    ("number", "code"),
    [(cards.DECLINES_LATER, "card_declined"), (cards.ALWAYS_ASKS, "authentication_required")],
)
def test_a_refused_charge_leaves_its_intent_which_can_be_cancelled(
    number: str, code: str, gateway: StripeGateway, visitor: Visitor, browser: FlaskClient
) -> None:
    card = saved_method(gateway, visitor, number=number)

    with pytest.raises(Declined) as declined:
        charged(gateway, card)
    with pytest.raises(Declined) as replayed:
        charged(gateway, card)

    left = declined.value.intent
    assert left is not None
    assert declined.value.code == code
    assert replayed.value.intent == left
    assert gateway.intent(left.id).state is IntentState.REQUIRES_PAYMENT_METHOD
    assert browser.post(f"/v1/payment_intents/{left.id}/cancel", headers=AUTH).status_code == 200
    assert gateway.intent(left.id).state is IntentState.CANCELED


def test_a_detached_card_is_never_charged_again(gateway: StripeGateway, visitor: Visitor) -> None:
    card = saved_method(gateway, visitor)

    assert gateway.detach(card.id, key="d1").customer_id is None

    with pytest.raises(ProviderRefused):
        charged(gateway, card)
    with pytest.raises(ProviderRefused):
        gateway.detach(card.id, key="d2")


def test_a_card_is_kept_while_paying_only_where_asked_for(
    gateway: StripeGateway, visitor: Visitor, browser: FlaskClient
) -> None:
    plain = open_session(gateway, key="open:1")
    keeping = open_session(gateway, key="open:2", setup_ref="setup-1")
    for page in (plain, keeping):
        assert visitor.pay(page.url or "").status == 303

    listed = browser.get("/v1/payment_methods", headers=AUTH).get_json()["data"]
    paid = gateway.intent(gateway.session(keeping.id).intent_id or "")
    assert [one["id"] for one in listed] == [paid.method_id]
    assert paid.setup_ref == "setup-1"


def test_a_card_the_bank_will_not_have_is_not_saved(
    gateway: StripeGateway, visitor: Visitor
) -> None:
    page = open_setup(gateway, key="setup:1")
    assert "Save card" in visitor.look(page.url or "").page

    assert visitor.pay(page.url or "", number=cards.DECLINED).status == 402
    visitor.pay(page.url or "", number=cards.ALWAYS_ASKS)
    visitor.authenticate(page.url or "", authorise=False)

    assert "Not saved" in visitor.look(page.url or "").page
    shown = gateway.page(page.id)
    assert isinstance(shown, SetupPage)
    assert gateway.method_saved(shown.saved_by or "") is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"off_session": "false"}, "off_session"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"customer": "cus_none"}, "customer"),
        ({"amount": "49"}, "amount"),
    ],
)
def test_what_cannot_be_charged_is_named(
    changed: dict[str, str],
    says: str,
    gateway: StripeGateway,
    visitor: Visitor,
    browser: FlaskClient,
) -> None:
    card = saved_method(gateway, visitor)
    form = {
        "amount": "4800",
        "currency": "usd",
        "customer": card.customer_id,
        "payment_method": card.id,
        "off_session": "true",
        "confirm": "true",
    }
    refused = browser.post("/v1/payment_intents", data=form | changed, headers=AUTH)

    assert (refused.status_code, refused.get_json()["error"]["param"]) == (400, says)
    assert list(gateway.intents_since(started(gateway))) == []
