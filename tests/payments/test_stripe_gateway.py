"""The gateway over the real library: every answer of Stripe becomes one of our words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import stripe

from shop.payments.gateway import (
    BadEvent,
    BadSignature,
    CheckoutSession,
    Declined,
    Gateway,
    GatewayError,
    IntentState,
    Misconfigured,
    NotExecuted,
    NotThere,
    ProviderRefused,
    Remembered,
    SessionState,
    Unknown,
)
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.stripe_gateway import StripeGateway

from .conftest import SECRET_KEY, WEBHOOK_SECRET, Control, open_session, paid_intent

FIXTURES = Path(__file__).parent / "stripe_fixtures"
PUBLISHED = json.loads((FIXTURES / "fixtures3_2026-07.json").read_text())["resources"]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Canned(stripe.HTTPClient):
    """A network that gives one answer, or breaks, and remembers what was asked."""

    name = "canned"

    def __init__(self, answer: tuple[int, object] | Exception) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[str, str, Mapping[str, str], object]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_more: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        self.asked.append((method, url, headers or {}, post_data))
        if isinstance(self.answer, Exception):
            raise self.answer
        status, body = self.answer
        raw = body if isinstance(body, str) else json.dumps(body)
        return raw, status, {"request-id": "req_1"}


def gateway_answered(
    answer: tuple[int, object] | Exception, *, key: str = "sk_test_1"
) -> StripeGateway:
    return StripeGateway(key, (WEBHOOK_SECRET,), transport=Canned(answer))


def an_error(type: str = "invalid_request_error", **more: object) -> dict[str, object]:
    return {"error": {"type": type, "message": "No.", **more}}


def an_intent(**given: object) -> dict[str, Any]:
    return {**PUBLISHED["payment_intent"], "metadata": {"order_ref": "A-1"}, **given}


def test_it_is_a_gateway(gateway: StripeGateway) -> None:
    wanted: Gateway = gateway
    assert {name for name in vars(Gateway) if not name.startswith("_")} <= set(dir(wanted))


ANSWERS: dict[str, tuple[tuple[int, object] | Exception, type[GatewayError], str]] = {
    "card": (
        (402, an_error("card_error", code="card_declined", decline_code="lost_card")),
        Declined,
        "card_declined",
    ),
    "moved by somebody else": (
        (400, an_error(code="payment_intent_unexpected_state")),
        ProviderRefused,
        "payment_intent_unexpected_state",
    ),
    "key with other parameters": (
        (400, an_error("idempotency_error")),
        ProviderRefused,
        "idempotency_error",
    ),
    "wrong key": ((401, an_error()), Misconfigured, "invalid_request_error"),
    "no right": ((403, an_error()), Misconfigured, "invalid_request_error"),
    "not there": ((404, an_error(code="resource_missing")), NotThere, "resource_missing"),
    "lock": ((409, an_error(code="lock_timeout")), NotExecuted, "lock_timeout"),
    "too many": ((429, an_error(code="rate_limit")), NotExecuted, "rate_limit"),
    "too many, the old way": ((400, an_error(code="rate_limit")), NotExecuted, "rate_limit"),
    "broken inside": ((500, an_error("api_error")), Remembered, "api_error"),
    "bad gateway": ((502, "<html>"), Unknown, "unknown_outcome"),
    "unavailable": ((503, an_error("api_error")), Unknown, "api_error"),
    "gateway time-out": ((504, ""), Unknown, "unknown_outcome"),
    "a page instead of JSON": ((200, "<html>"), Unknown, "unknown_outcome"),
    "a list instead of an object": ((200, []), Remembered, "unreadable_answer"),
    "an object without members": ((200, {"id": "pi_1"}), Remembered, "unreadable_answer"),
    "a status to come": (
        (200, an_intent(status="pondering")),
        Remembered,
        "unreadable_answer",
    ),
    "a negative amount": ((200, an_intent(amount=-1)), Remembered, "unreadable_answer"),
    "the other mode": ((200, an_intent(livemode=True)), Misconfigured, "wrong_mode"),
    "lost line": (
        stripe.APIConnectionError("lost"),  # type: ignore[no-untyped-call]
        Unknown,
        "unknown_outcome",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_has_one_meaning(case: str) -> None:
    answer, error, code = ANSWERS[case]

    with pytest.raises(GatewayError) as raised:
        gateway_answered(answer).intent("pi_1")

    assert (type(raised.value), raised.value.code) == (error, code)


NETWORK: dict[str, Exception] = {
    "slow": requests.ReadTimeout(),
    "unreachable": requests.ConnectTimeout(),
    "refused": requests.ConnectionError(),
    "cut in the middle": requests.exceptions.ChunkedEncodingError(),
    "bad certificate": requests.exceptions.SSLError(),
}


@pytest.mark.parametrize("case", NETWORK)
def test_a_broken_network_leaves_the_outcome_unknown_and_is_not_tried_again(case: str) -> None:
    tried = []

    class Broken(requests.adapters.BaseAdapter):
        def send(self, *args: Any, **more: Any) -> requests.Response:
            tried.append(args)
            raise NETWORK[case]

        def close(self) -> None:
            """Nothing is open."""

    session = requests.Session()
    session.mount("https://", Broken())
    gateway = StripeGateway("sk_test_1", (), transport=stripe.RequestsClient(session=session))

    with pytest.raises(Unknown):
        gateway.intent("pi_1")

    assert len(tried) == 1


@pytest.mark.parametrize("status", [409, 500, 503])
def test_the_library_does_not_try_again_by_itself(status: int) -> None:
    network = Canned((status, an_error("api_error")))
    gateway = StripeGateway("sk_test_1", (), transport=network)

    with pytest.raises(GatewayError):
        gateway.refund(intent_id="pi_1", amount_cents=1, order_ref="A-1", key="refund:1")

    assert [asked[2]["Idempotency-Key"] for asked in network.asked] == ["refund:1"]


def test_a_decline_carries_the_intent_as_the_try_left_it() -> None:
    left = an_intent(last_payment_error={"code": "card_declined", "decline_code": "lost_card"})
    answer = an_error("card_error", code="card_declined", payment_intent=left)

    with pytest.raises(Declined) as raised:
        gateway_answered((402, answer)).intent("pi_1")

    assert raised.value.intent is not None
    assert raised.value.intent.state is IntentState.REQUIRES_PAYMENT_METHOD
    assert raised.value.intent.failure_code == "lost_card"
    assert raised.value.facts["request_id"] == "req_1"


def test_stripe_learns_order_and_amount_and_nothing_else() -> None:
    network = Canned((500, an_error("api_error")))
    gateway = StripeGateway("sk_test_1", (), transport=network)

    with pytest.raises(Unknown):
        gateway.open_session(
            order_ref="A-1",
            amount_cents=4800,
            success_url="https://shop.test/done",
            cancel_url="https://shop.test/cart",
            expires_at=NOW,
            key="open:1",
        )

    [(method, url, headers, body)] = network.asked
    assert (method, url) == ("post", "https://api.stripe.com/v1/checkout/sessions")
    assert headers["Stripe-Version"] == "2026-10-28.endive"
    assert "X-Stripe-Client-Telemetry" not in headers
    assert "platform" not in json.loads(headers["X-Stripe-Client-User-Agent"])
    assert dict(parse_qsl(str(body))) == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "4800",
        "line_items[0][price_data][product_data][name]": "Order A-1",
        "allowed_payment_method_types[0]": "card",
        "success_url": "https://shop.test/done",
        "cancel_url": "https://shop.test/cart",
        "expires_at": str(int(NOW.timestamp())),
        "client_reference_id": "A-1",
        "metadata[order_ref]": "A-1",
        "payment_intent_data[metadata][order_ref]": "A-1",
    }


WRONG_SETTINGS: dict[str, Callable[[], StripeGateway]] = {
    "no key": lambda: StripeGateway("", ()),
    "publishable key": lambda: StripeGateway("pk_test_1", ()),
    "key with a line end": lambda: StripeGateway("sk_test_1\n", ()),
    "empty secret": lambda: StripeGateway("sk_test_1", (" ",)),
    "plain http": lambda: StripeGateway("sk_test_1", (), api_base="http://stripe.example"),
    "live key elsewhere": lambda: StripeGateway("sk_live_1", (), api_base="http://127.0.0.1:1"),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_settings_are_refused_at_once(case: str) -> None:
    with pytest.raises(Misconfigured):
        WRONG_SETTINGS[case]()


def test_a_live_key_does_not_believe_a_test_object() -> None:
    live = gateway_answered((200, an_intent(livemode=False)), key="sk_live_1")

    with pytest.raises(Misconfigured):
        live.intent("pi_1")


def test_an_expanded_intent_is_still_only_an_id() -> None:
    session = {
        **PUBLISHED["checkout.session"],
        "payment_intent": an_intent(),
        "amount_total": 100,
        "currency": "usd",
    }

    read = gateway_answered((200, session)).session("cs_1")

    assert read.intent_id == PUBLISHED["payment_intent"]["id"]
    assert (read.state, read.order_ref) == (SessionState.OPEN, None)


def test_expiring_twice_or_after_payment_tells_how_it_stands(
    gateway: StripeGateway, visitor: Visitor
) -> None:
    closed = open_session(gateway, key="open:1")
    paid = open_session(gateway, key="open:2")
    assert paid.url is not None
    visitor.pay(paid.url)

    assert gateway.expire_session(closed.id, key="expire:1").state is SessionState.EXPIRED
    assert gateway.expire_session(closed.id, key="expire:2").state is SessionState.EXPIRED
    still = gateway.expire_session(paid.id, key="expire:3")
    assert (still.state, still.paid) == (SessionState.COMPLETE, True)
    with pytest.raises(NotThere):
        gateway.expire_session("cs_test_none", key="expire:4")


def test_the_same_key_opens_the_same_session(gateway: StripeGateway) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)

    def opened(cents: int) -> CheckoutSession:
        return gateway.open_session(
            order_ref="A-1",
            amount_cents=cents,
            success_url="https://shop.test/done",
            cancel_url="https://shop.test/cart",
            expires_at=until,
            key="open:1",
        )

    assert opened(4800) == opened(4800)
    with pytest.raises(ProviderRefused) as raised:
        opened(4900)
    assert raised.value.code == "idempotency_error"


def test_lists_tell_what_happened_since(
    gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    intent_id = paid_intent(gateway, visitor)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    hour_ahead = datetime.now(UTC) + timedelta(hours=1)

    assert [intent.id for intent in gateway.intents_since(hour_ago)] == [intent_id]
    assert [session.intent_id for session in gateway.sessions_since(hour_ago)] == [intent_id]
    assert list(gateway.intents_since(hour_ahead)) == []
    control.post("faults", mode="500_before", method="GET")
    with pytest.raises(Unknown):
        list(gateway.intents_since(hour_ago))


def test_a_failed_try_names_the_issuers_reason(gateway: StripeGateway, visitor: Visitor) -> None:
    session = open_session(gateway)
    assert session.url is not None
    visitor.pay(session.url, number=cards.NO_FUNDS)
    intent_id = gateway.session(session.id).intent_id
    assert intent_id is not None

    assert gateway.intent(intent_id).failure_code == "insufficient_funds"


VECTORS = json.loads((FIXTURES / "webhook_signature_vectors.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_published_scheme_decides_who_signed(vector: dict[str, Any]) -> None:
    gateway = StripeGateway("sk_test_1", (vector["secret"],))
    at = datetime.fromtimestamp(vector["now"], UTC)

    # The vectors' bodies are bare, so whoever signed is believed and then found to say too little.
    expected = BadEvent if vector["expect"] == "accept" else BadSignature
    with pytest.raises(expected):
        gateway.read_event(vector["payload"].encode(), vector["header"], at=at)


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, at: datetime = NOW) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret, int(at.timestamp())
    )
    return header


EVENTS = sorted((FIXTURES / "events").glob("*.json"))


@pytest.mark.parametrize("path", EVENTS, ids=[path.stem for path in EVENTS])
def test_published_events_are_read(path: Path) -> None:
    body = path.read_bytes()
    told = json.loads(body)

    event = gateway_answered((500, {})).read_event(body, signed(body), at=NOW)

    about = told["data"]["object"]
    assert (event.id, event.type) == (told["id"], told["type"])
    assert (event.object_type, event.object_id) == (about["object"], about["id"])
    assert event.created == datetime.fromtimestamp(told["created"], UTC)


def an_event(**given: object) -> bytes:
    told = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(NOW.timestamp()),
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        **given,
    }
    return json.dumps(told).encode()


OFFSETS = {-301: False, -300: True, 0: True, 300: True, 301: False, 10**9: False}


@pytest.mark.parametrize("seconds", OFFSETS)
def test_a_signature_must_be_of_now_on_both_sides(seconds: int) -> None:
    body = an_event()
    header = signed(body, at=NOW + timedelta(seconds=seconds))
    gateway = gateway_answered((500, {}))

    if OFFSETS[seconds]:
        assert gateway.read_event(body, header, at=NOW).id == "evt_1"
    else:
        with pytest.raises(BadSignature):
            gateway.read_event(body, header, at=NOW)


def test_every_configured_secret_is_tried() -> None:
    body = an_event()
    gateway = StripeGateway("sk_test_1", ("whsec_new", "whsec_old"))

    for secret in ("whsec_new", "whsec_old"):
        assert gateway.read_event(body, signed(body, secret=secret), at=NOW).id == "evt_1"
    with pytest.raises(BadSignature):
        gateway.read_event(body, signed(body, secret="whsec_other"), at=NOW)


def test_without_a_secret_nothing_is_believed() -> None:
    body = an_event()
    with pytest.raises(Misconfigured):
        StripeGateway("sk_test_1", ()).read_event(body, signed(body), at=NOW)


FORGERIES = {
    "nothing": "",
    "rubbish": "rubbish",
    "no time": "v1=" + "0" * 64,
    "no signature": "t=1795435200",
    "wrong signature": "t=1795435200,v1=" + "0" * 64,
    "not ASCII": "t=1795435200,v1=é",
    "endless time": "t=" + "9" * 5000 + ",v1=" + "0" * 64,
    "two times": "t=1795435200,t=1,v1=" + "0" * 64,
}


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_header_is_refused(case: str) -> None:
    with pytest.raises(BadSignature):
        gateway_answered((500, {})).read_event(an_event(), FORGERIES[case], at=NOW)


def test_the_bytes_are_signed_not_their_meaning() -> None:
    body = an_event()
    reserialised = json.dumps(json.loads(body), indent=1).encode()
    gateway = gateway_answered((500, {}))

    for other in (reserialised, body[:-1], body + b" ", b"\xff" + body):
        with pytest.raises(BadSignature):
            gateway.read_event(other, signed(body), at=NOW)


BAD_EVENTS = {
    "not JSON": b"hello",
    "empty": b"",
    "too deep": b"[" * 100_000,
    "a list": b"[]",
    "another object": b'{"object": "charge"}',
    "thin event": an_event(object="v2.core.event"),
    "live": an_event(livemode=True),
    "mode unknown": an_event(livemode=None),
    "no data": an_event(data=None),
    "object is a text": an_event(data={"object": "pi_1"}),
    "no type": an_event(type=None),
    "id with NUL": an_event(id="evt_\0"),
    "object id too long": an_event(data={"object": {"object": "payment_intent", "id": "p" * 300}}),
    "time without end": an_event(created=10**30),
    "time as text": an_event(created="now"),
}


@pytest.mark.parametrize("case", BAD_EVENTS)
def test_a_signed_body_that_is_no_event_for_us_is_refused(case: str) -> None:
    body = BAD_EVENTS[case]
    with pytest.raises(BadEvent):
        gateway_answered((500, {})).read_event(body, signed(body), at=NOW)


def test_an_event_of_an_unknown_kind_or_without_an_id_is_read() -> None:
    body = an_event(type="balance.available", data={"object": {"object": "balance"}})

    event = gateway_answered((500, {})).read_event(body, signed(body), at=NOW)

    assert (event.type, event.object_id) == ("balance.available", None)


def test_a_key_never_shows_in_what_a_gateway_prints(gateway: StripeGateway) -> None:
    assert SECRET_KEY not in repr(gateway)
    assert WEBHOOK_SECRET not in repr(gateway)
