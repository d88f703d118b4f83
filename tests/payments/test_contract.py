"""The sandbox is held against the installed library and Stripe's published examples.

Each checker is first shown a planted bug, so that its silence means something.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from flask.testing import FlaskClient
from stripe import params as parameters
from stripe.params import checkout, radar

from shop.payments.gateway import Declined, Evidence
from shop.payments.sandbox import cards
from shop.payments.sandbox.endpoints import ENDPOINTS
from shop.payments.sandbox.in_process import Visitor
from shop.payments.sandbox.protocol import CREATED, METADATA, TEXT
from shop.payments.stripe_gateway import StripeGateway

from .conftest import (
    SECRET_KEY,
    Control,
    charged,
    open_session,
    open_setup,
    paid_intent,
    saved_method,
)
from .stripe_shapes import class_of, faults_of, missing_from_fixture, unknown_parameters

FIXTURES = Path(__file__).parent / "stripe_fixtures"
PUBLISHED = json.loads((FIXTURES / "fixtures3_2026-07.json").read_text())["resources"]

Json = dict[str, Any]

# In Stripe's example, but sent only when asked for (`expand`) since API version 2022-11-15.
ONLY_WHEN_EXPANDED = {"charge": {"refunds"}}

KINDS = (
    "checkout.session",
    "payment_intent",
    "charge",
    "refund",
    "event",
    "customer",
    "setup_intent",
    "payment_method",
    "balance_transaction",
    "payout",
    "balance",
    "dispute",
    "radar.early_fraud_warning",
)


def fetch(browser: FlaskClient, path: str) -> Json:
    answer = browser.get(path, headers={"Authorization": f"Bearer {SECRET_KEY}"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body: Json = answer.get_json()
    return body


@pytest.fixture
def emitted(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> list[Json]:
    """Every object of a busy day, which is lived once for all the tests that only look at it."""
    if not DAY:
        DAY.extend(_a_busy_day(gateway, visitor, control, browser))
    return DAY


DAY: list[Json] = []


def _a_busy_day(
    gateway: StripeGateway, visitor: Visitor, control: Control, browser: FlaskClient
) -> list[Json]:
    """Open, declined, asked, paid, refunded, failed, expired; cards saved, charged, detached."""
    paid = paid_intent(gateway, visitor)
    gateway.refund(intent_id=paid, amount_cents=100, order_ref="A-7K2M9", key="r1")
    slow = open_session(gateway, key="open:2")
    assert slow.url is not None
    visitor.pay(slow.url, number=cards.ASKS_TO_AUTHENTICATE)
    visitor.authenticate(slow.url, authorise=False)
    visitor.pay(slow.url, number=cards.DECLINED)
    visitor.pay(slow.url, number=cards.REFUND_PENDING)
    slow_intent = gateway.session(slow.id).intent_id
    assert slow_intent is not None
    waiting = gateway.refund(intent_id=slow_intent, amount_cents=1, order_ref="A-7K2M9", key="r2")
    control.post(f"refunds/{waiting.id}", status="failed")
    left = open_session(gateway, key="open:3")
    assert left.url is not None
    visitor.pay(left.url, number=cards.EXPIRED)
    gateway.expire_session(left.id, key="expire:3")
    open_session(gateway, key="open:4")
    made = browser.post(
        "/v1/customers",
        data={"name": "Alice", "metadata[a]": "b"},
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
    )
    assert made.status_code == 200
    _a_day_of_saved_cards(gateway, visitor, browser)
    _a_day_of_disputes(gateway, visitor, control)
    control.post("adjustments", amount=-100, type="stripe_fee", description="A fee")
    control.post("adjustments", amount=7)
    control.post("clock", advance=3 * 24 * 60 * 60)
    [paid_out] = fetch(browser, "/v1/payouts")["data"]
    control.post(f"payouts/{paid_out['id']}", status="failed")
    lists = (
        "balance_transactions",
        "payouts",
        "checkout/sessions",
        "payment_intents",
        "refunds",
        "events",
        "customers",
        "payment_methods",
        "disputes",
        "radar/early_fraud_warnings",
    )
    listed = [item for name in lists for item in fetch(browser, f"/v1/{name}?limit=100")["data"]]
    told = [item["data"]["object"] for item in listed if item["object"] == "event"]
    return [*listed, *told, fetch(browser, "/v1/balance")]


def _a_day_of_disputes(gateway: StripeGateway, visitor: Visitor, control: Control) -> None:
    """Disputed, answered and won; asked only; warned of."""
    for key, number in (("open:7", cards.DISPUTED), ("open:8", cards.WARNED)):
        page = open_session(gateway, key=key)
        assert page.url is not None
        visitor.pay(page.url, number=number)
    (dispute,) = gateway.disputes_since(datetime.now(UTC) - timedelta(hours=1))
    evidence = Evidence(
        text="Order A-7K2M9.", carrier="UPS", tracking="1Z", shipped_on="2026-12-01"
    )
    gateway.submit_evidence(dispute.id, evidence, key="evidence:1")
    control.post(f"disputes/{dispute.id}", status="won")
    control.post("disputes", payment_intent=paid_intent_of(gateway, page.id), inquiry=True)


def paid_intent_of(gateway: StripeGateway, session_id: str) -> str:
    intent_id = gateway.session(session_id).intent_id
    assert intent_id is not None
    return intent_id


def _a_day_of_saved_cards(gateway: StripeGateway, visitor: Visitor, browser: FlaskClient) -> None:
    """Saved alone and while paying, refused, left; charged, declined, asked for; detached."""
    open_session(gateway, key="open:5", setup_ref="while paying")
    visitor.pay(open_session(gateway, key="open:5", setup_ref="while paying").url or "")
    refused = open_setup(gateway, key="setup:1")
    visitor.pay(refused.url or "", number=cards.ASKS_TO_AUTHENTICATE)
    visitor.authenticate(refused.url or "", authorise=False)
    browser.post(
        f"/v1/checkout/sessions/{refused.id}/expire",
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
    )
    for number in (cards.PAYS, cards.DECLINES_LATER, cards.ALWAYS_ASKS):
        saved = saved_method(gateway, visitor, number=number)
        with suppress(Declined):
            charged(gateway, saved)
    gateway.detach(saved.id, key="detach:1")


def test_everything_emitted_has_stripes_shape(emitted: list[Json]) -> None:
    assert {body["object"] for body in emitted} == set(KINDS)
    for body in emitted:
        name = body["object"]
        published = PUBLISHED[name] if name != "event" else {**PUBLISHED[name], "data": {}}
        assert list(faults_of(body, class_of(body), published, f"{name}.")) == []
        absent = missing_from_fixture(body, PUBLISHED[name])
        assert absent <= ONLY_WHEN_EXPANDED.get(name, set()), name


def test_every_event_type_is_one_of_stripes(emitted: list[Json]) -> None:
    known = set(get_args(stripe.Event.__annotations__["type"]))
    types = {body["type"] for body in emitted if body["object"] == "event"}
    assert len(types) >= 10
    assert types <= known


def one(emitted: list[Json], name: str) -> Json:
    return json.loads(json.dumps(next(body for body in emitted if body["object"] == name)))  # type: ignore[no-any-return]


PLANTED: dict[str, tuple[str, Any, str]] = {
    # object: what is planted -> what the checker must say
    "extra member": ("checkout.session", {"colour": "red"}, "colour: no such member"),
    "extra inside": (
        "checkout.session",
        {"total_details": {"amount_discount": 0, "amount_tax": 0, "colour": "red"}},
        "total_details.colour: no such member",
    ),
    "a text for a number": ("payment_intent", {"amount": "4800"}, "amount: '4800' is not"),
    "a boolean for a number": ("payment_intent", {"amount": True}, "amount: True is not"),
    "nothing where something must be": ("charge", {"paid": None}, "paid: None is not"),
    "a status Stripe has not": (
        "payment_intent",
        {"status": "paid"},
        "status: 'paid' is not among",
    ),
    "a text for a list": (
        "checkout.session",
        {"payment_method_types": "card"},
        "payment_method_types: 'card' is not",
    ),
    "a number in a list": (
        "checkout.session",
        {"payment_method_types": [1]},
        "payment_method_types[0]: 1 is not",
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_shape_checker_sees_a_planted_bug(bug: str, emitted: list[Json]) -> None:
    name, planted, complaint = PLANTED[bug]
    body = one(emitted, name)
    assert list(faults_of(body, class_of(body), PUBLISHED[name])) == []

    found = list(faults_of({**body, **planted}, class_of(body), PUBLISHED[name]))

    assert len(found) == 1
    assert found[0].startswith(complaint)


@pytest.mark.parametrize("name", KINDS)
def test_the_shape_checker_sees_what_is_missing(name: str, emitted: list[Json]) -> None:
    body = one(emitted, name)
    member = "pending" if name == "balance" else "id"  # a balance has none
    del body[member]

    assert list(faults_of(body, class_of(body), PUBLISHED[name])) == [f"{member}: missing"]
    assert missing_from_fixture(body, PUBLISHED[name]) >= {member}


PARAMETERS: dict[tuple[str, str], Any] = {
    ("POST", "/v1/customers"): parameters.CustomerCreateParams,
    ("GET", "/v1/customers/{id}"): parameters.CustomerRetrieveParams,
    ("GET", "/v1/customers"): parameters.CustomerListParams,
    ("POST", "/v1/checkout/sessions"): checkout.SessionCreateParams,
    ("GET", "/v1/checkout/sessions/{id}"): checkout.SessionRetrieveParams,
    ("POST", "/v1/checkout/sessions/{id}/expire"): checkout.SessionExpireParams,
    ("GET", "/v1/checkout/sessions"): checkout.SessionListParams,
    ("GET", "/v1/payment_intents/{id}"): parameters.PaymentIntentRetrieveParams,
    ("POST", "/v1/payment_intents/{id}/cancel"): parameters.PaymentIntentCancelParams,
    ("GET", "/v1/payment_intents"): parameters.PaymentIntentListParams,
    ("POST", "/v1/payment_intents"): parameters.PaymentIntentCreateParams,
    ("GET", "/v1/setup_intents/{id}"): parameters.SetupIntentRetrieveParams,
    ("GET", "/v1/payment_methods/{id}"): parameters.PaymentMethodRetrieveParams,
    ("POST", "/v1/payment_methods/{id}/detach"): parameters.PaymentMethodDetachParams,
    ("GET", "/v1/payment_methods"): parameters.PaymentMethodListParams,
    ("GET", "/v1/charges/{id}"): parameters.ChargeRetrieveParams,
    ("POST", "/v1/refunds"): parameters.RefundCreateParams,
    ("GET", "/v1/refunds/{id}"): parameters.RefundRetrieveParams,
    ("GET", "/v1/refunds"): parameters.RefundListParams,
    ("GET", "/v1/balance"): parameters.BalanceRetrieveParams,
    ("GET", "/v1/balance_transactions/{id}"): parameters.BalanceTransactionRetrieveParams,
    ("GET", "/v1/balance_transactions"): parameters.BalanceTransactionListParams,
    ("GET", "/v1/payouts/{id}"): parameters.PayoutRetrieveParams,
    ("GET", "/v1/payouts"): parameters.PayoutListParams,
    ("GET", "/v1/disputes/{id}"): parameters.DisputeRetrieveParams,
    ("POST", "/v1/disputes/{id}"): parameters.DisputeUpdateParams,
    ("GET", "/v1/disputes"): parameters.DisputeListParams,
    ("GET", "/v1/radar/early_fraud_warnings/{id}"): radar.EarlyFraudWarningRetrieveParams,
    ("GET", "/v1/radar/early_fraud_warnings"): radar.EarlyFraudWarningListParams,
    ("GET", "/v1/events/{id}"): parameters.EventRetrieveParams,
    ("GET", "/v1/events"): parameters.EventListParams,
}


def test_every_endpoint_is_held_against_the_library() -> None:
    assert {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} == set(PARAMETERS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_every_accepted_parameter_is_one_of_stripes(endpoint: Any) -> None:
    library = PARAMETERS[endpoint.method, endpoint.path]

    assert list(unknown_parameters(endpoint.accepts, library)) == []


def test_the_parameter_checker_sees_a_planted_bug() -> None:
    planted = {
        "metadata": METADATA,
        "payment_method_types": [TEXT],  # of older versions of the API
        "line_items": [{"price_data": {"colour": TEXT}}],
        "created": CREATED,
    }

    assert list(unknown_parameters(planted, checkout.SessionCreateParams)) == [
        "payment_method_types: no such parameter",
        "line_items.price_data.colour: no such parameter",
        "created: no such parameter",
    ]


def test_errors_have_stripes_members(browser: FlaskClient) -> None:
    answer = browser.get("/v1/refunds/re_1", headers={"Authorization": f"Bearer {SECRET_KEY}"})
    error = answer.get_json()["error"]

    assert answer.get_json().keys() == {"error"}
    assert set(error) <= set(stripe.ErrorObject.__annotations__)
    assert list(faults_of(error, stripe.ErrorObject, {})) == []
    assert answer.headers["Request-Id"].startswith("req_")
