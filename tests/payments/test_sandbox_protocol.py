"""The sandbox keeps Stripe's manners: keys, parameters, errors, lists, refunds, faults."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shop.payments.gateway import Misconfigured, NotExecuted, ProviderRefused, RefundState, Unknown
from shop.payments.sandbox import cards
from shop.payments.sandbox.calls import FAULTS
from shop.payments.sandbox.in_process import Visitor
from shop.payments.stripe_gateway import API_VERSION, StripeGateway

from .conftest import SECRET_KEY, Control, open_session, paid_intent

SESSION = {
    "mode": "payment",
    "success_url": "http://localhost:8000/done",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "4800",
    "line_items[0][price_data][product_data][name]": "Order A-7K2M9",
}


def call(
    browser: FlaskClient, method: str, path: str, data: Any = None, **headers: str
) -> TestResponse:
    given = {
        "Authorization": f"Bearer {SECRET_KEY}",
        "Stripe-Version": API_VERSION,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return browser.open(path, method=method, data=data, headers=given)


def error_of(answer: TestResponse) -> dict[str, Any]:
    error: dict[str, Any] = answer.get_json()["error"]
    return error


def test_the_same_key_and_parameters_are_answered_once(browser: FlaskClient) -> None:
    first = call(browser, "POST", "/v1/checkout/sessions", SESSION, Idempotency_Key="k")
    again = call(browser, "POST", "/v1/checkout/sessions", SESSION, Idempotency_Key="k")

    assert first.status_code == again.status_code == 200
    assert again.get_json() == first.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Request-Id"] == first.headers["Request-Id"]
    listed = call(browser, "GET", "/v1/checkout/sessions").get_json()["data"]
    assert len(listed) == 1


def test_the_same_key_with_other_parameters_is_refused(browser: FlaskClient) -> None:
    call(browser, "POST", "/v1/checkout/sessions", SESSION, Idempotency_Key="k")
    other = {**SESSION, "line_items[0][price_data][unit_amount]": "4900"}

    refused = call(browser, "POST", "/v1/checkout/sessions", other, Idempotency_Key="k")
    elsewhere = call(browser, "POST", "/v1/customers", {}, Idempotency_Key="k")

    assert (refused.status_code, error_of(refused)["type"]) == (400, "idempotency_error")
    assert (elsewhere.status_code, error_of(elsewhere)["type"]) == (400, "idempotency_error")
    assert len(call(browser, "GET", "/v1/checkout/sessions").get_json()["data"]) == 1


def test_a_key_is_forgotten_after_a_day(browser: FlaskClient, control: Control) -> None:
    call(browser, "POST", "/v1/customers", {"name": "A"}, Idempotency_Key="k")
    control.post("clock", advance=24 * 60 * 60)

    again = call(browser, "POST", "/v1/customers", {"name": "A"}, Idempotency_Key="k")

    assert "Idempotent-Replayed" not in again.headers
    assert len(call(browser, "GET", "/v1/customers").get_json()["data"]) == 2


def test_parameters_that_fail_validation_do_not_use_up_the_key(browser: FlaskClient) -> None:
    wrong = {**SESSION, "surprise": "1"}
    refused = call(browser, "POST", "/v1/checkout/sessions", wrong, Idempotency_Key="k")
    done = call(browser, "POST", "/v1/checkout/sessions", SESSION, Idempotency_Key="k")

    assert (refused.status_code, done.status_code) == (400, 200)


def test_one_key_in_many_hands_at_once_has_one_effect(sandbox_app: Flask, control: Control) -> None:
    ready = Barrier(8)

    def hand(_: int) -> int:
        client = sandbox_app.test_client()
        ready.wait(timeout=30)
        return call(client, "POST", "/v1/customers", {"name": "A"}, Idempotency_Key="k").status_code

    with ThreadPoolExecutor(8) as hands:
        statuses = set(hands.map(hand, range(8)))

    assert 200 in statuses
    assert statuses <= {200, 409}
    assert [event["type"] for event in control.events()] == ["customer.created"]


WRONG = {
    "unknown": ({"surprise": "1"}, "surprise", "parameter_unknown"),
    "unknown inside": (
        {"line_items[0][price_data][colour]": "red"},
        "line_items[0][price_data][colour]",
        "parameter_unknown",
    ),
    "no number": (
        {"line_items[0][price_data][unit_amount]": "4.80"},
        "line_items[0][price_data][unit_amount]",
        "parameter_invalid_integer",
    ),
    "no pieces": (
        {"line_items[0][quantity]": "0"},
        "line_items[0][quantity]",
        "parameter_invalid_integer",
    ),
    "too small": (
        {"line_items[0][price_data][unit_amount]": "49"},
        "line_items",
        "amount_too_small",
    ),
    "too large": (
        {"line_items[0][price_data][unit_amount]": "100000000"},
        "line_items",
        "amount_too_large",
    ),
    "no url": ({"success_url": "/done"}, "success_url", "url_invalid"),
    "script url": ({"cancel_url": "javascript:alert(1)"}, "cancel_url", "url_invalid"),
    "sly url": ({"success_url": "http://a;script-src *"}, "success_url", "url_invalid"),
    "too soon": ({"expires_at": "1"}, "expires_at", None),
    "too late": ({"expires_at": "99999999999"}, "expires_at", None),
    "no customer": ({"customer": "cus_none"}, "customer", "resource_missing"),
    "metadata": ({"metadata[a]": "x" * 501}, "metadata[a]", None),
    "nested text": ({"mode[x]": "y", "mode": "payment"}, "mode", None),
    "no list": ({"line_items": "all"}, "line_items", None),
    "other currency": ({"line_items[0][price_data][currency]": "eur"}, "line_items", None),
    "other mode": ({"mode": "subscription"}, "mode", None),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_parameter_is_named_and_nothing_is_opened(case: str, browser: FlaskClient) -> None:
    given, param, code = WRONG[case]

    refused = call(browser, "POST", "/v1/checkout/sessions", {**SESSION, **given})

    assert refused.status_code == 400
    assert (error_of(refused)["param"], error_of(refused).get("code")) == (param, code)
    assert call(browser, "GET", "/v1/checkout/sessions").get_json()["data"] == []


@pytest.mark.parametrize("missing", ["mode", "success_url", "line_items[0][quantity]"])
def test_a_missing_parameter_is_named(missing: str, browser: FlaskClient) -> None:
    given = {name: value for name, value in SESSION.items() if name != missing}

    refused = call(browser, "POST", "/v1/checkout/sessions", given)

    assert refused.status_code == 400
    assert error_of(refused)["code"] == "parameter_missing"
    assert error_of(refused)["param"] == missing


ODD_BODIES = {
    "not UTF-8": b"mode=\xff",
    "escaped not UTF-8": b"mode=%ff",
    "NUL": b"mode=%00",
    "too many": b"&".join(b"a%d=1" % n for n in range(2000)),
    "too deep": b"a" + b"[b]" * 50 + b"=1",
    "brackets": b"a[=1",
    "twice": b"mode=payment&mode=setup",
    "huge number": b"expires_at=" + b"9" * 5000,
    "JSON": b'{"mode": "payment"}',
}


@pytest.mark.parametrize("case", ODD_BODIES)
def test_an_odd_body_is_a_bad_request(case: str, browser: FlaskClient) -> None:
    refused = call(browser, "POST", "/v1/checkout/sessions", ODD_BODIES[case])

    assert (refused.status_code, error_of(refused)["type"]) == (400, "invalid_request_error")


def test_a_body_too_large_is_refused_in_stripes_shape(browser: FlaskClient) -> None:
    refused = call(browser, "POST", "/v1/checkout/sessions", b"a=" + b"x" * 2_000_000)

    assert (refused.status_code, error_of(refused)["type"]) == (413, "invalid_request_error")


def test_half_an_hour_and_a_day_are_the_bounds_of_a_session(
    browser: FlaskClient, control: Control
) -> None:
    now = browser.get("/_sandbox/state").get_json()["now"]

    def opened(seconds: int) -> int:
        given = {**SESSION, "expires_at": str(now + seconds)}
        return call(browser, "POST", "/v1/checkout/sessions", given).status_code

    assert opened(30 * 60 - 5) == 400
    assert opened(30 * 60 + 60) == 200
    assert opened(24 * 60 * 60) == 200
    assert opened(24 * 60 * 60 + 60) == 400


STRANGERS = {
    "no key": ({"Authorization": ""}, 401),
    "another key": ({"Authorization": "Bearer sk_test_other"}, 401),
    "a live key": ({"Authorization": "Bearer sk_live_other"}, 401),
    "another version": ({"Stripe-Version": "2020-08-27"}, 400),
    "a long key": ({"Idempotency-Key": "k" * 256}, 400),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_a_stranger_changes_nothing(case: str, browser: FlaskClient, control: Control) -> None:
    headers, status = STRANGERS[case]

    refused = call(browser, "POST", "/v1/customers", {}, **headers)

    assert refused.status_code == status
    assert control.events() == []


def test_only_this_machine_is_answered(browser: FlaskClient) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    for path in ("/v1/customers", "/_sandbox/state", "/c/pay/cs_test_x"):
        assert browser.get(path, environ_overrides=far).status_code == 403
    assert browser.get("/_sandbox/state", base_url="http://evil.example").status_code == 400


def test_an_unknown_address_or_object_is_not_found(browser: FlaskClient) -> None:
    assert call(browser, "GET", "/v1/invoices").status_code == 404
    assert call(browser, "DELETE", "/v1/customers/cus_1").status_code == 404
    missing = call(browser, "GET", "/v1/payment_intents/pi_none")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "resource_missing")


def test_lists_come_newest_first_and_page_both_ways(browser: FlaskClient) -> None:
    made = [
        call(browser, "POST", "/v1/customers", {"name": f"N{n}"}).get_json()["id"] for n in range(5)
    ]

    def page(**query: str) -> tuple[list[str], bool]:
        answer = browser.get(
            "/v1/customers", query_string=query, headers={"Authorization": f"Bearer {SECRET_KEY}"}
        ).get_json()
        assert (answer["object"], answer["url"]) == ("list", "/v1/customers")
        return [item["id"] for item in answer["data"]], answer["has_more"]

    newest_first = made[::-1]
    assert page(limit="2") == (newest_first[:2], True)
    assert page(limit="2", starting_after=newest_first[1]) == (newest_first[2:4], True)
    assert page(limit="2", starting_after=newest_first[3]) == (newest_first[4:], False)
    assert page(limit="2", ending_before=newest_first[4]) == (newest_first[2:4], True)
    assert page(**{"created[gte]": "9999999999"}) == ([], False)
    assert page(**{"created[lt]": "9999999999"}) == (newest_first, False)
    assert page(**{"expand[]": "data.sources"})[0] == newest_first
    refused = call(browser, "GET", "/v1/customers?limit=101")
    assert (refused.status_code, error_of(refused)["param"]) == (400, "limit")
    assert call(browser, "GET", "/v1/customers?starting_after=cus_none").status_code == 400


def test_the_gateway_walks_through_many_pages(gateway: StripeGateway) -> None:
    opened = [open_session(gateway, key=f"open:{n}").id for n in range(103)]
    before = open_session(gateway, key="open:last").expires_at.replace(year=2020)

    assert [session.id for session in gateway.sessions_since(before)][1:] == opened[::-1]


def test_refunds_never_exceed_what_was_paid(gateway: StripeGateway, visitor: Visitor) -> None:
    intent_id = paid_intent(gateway, visitor)
    part = gateway.refund(intent_id=intent_id, amount_cents=1800, order_ref="A-7K2M9", key="r1")
    again = gateway.refund(intent_id=intent_id, amount_cents=1800, order_ref="A-7K2M9", key="r1")

    with pytest.raises(ProviderRefused):
        gateway.refund(intent_id=intent_id, amount_cents=3001, order_ref="A-7K2M9", key="r2")
    rest = gateway.refund(intent_id=intent_id, amount_cents=3000, order_ref="A-7K2M9", key="r3")
    with pytest.raises(ProviderRefused) as over:
        gateway.refund(intent_id=intent_id, amount_cents=1, order_ref="A-7K2M9", key="r4")

    assert part == again
    assert part.state is RefundState.SUCCEEDED
    assert over.value.code == "charge_already_refunded"
    assert gateway.refunds_of(intent_id) == [rest, part]
    assert gateway.refund_state(part.id) == part


def test_refunds_raced_from_many_hands_stay_below_the_ceiling(
    gateway: StripeGateway, visitor: Visitor
) -> None:
    intent_id = paid_intent(gateway, visitor)
    ready = Barrier(8)

    def hand(n: int) -> int:
        ready.wait(timeout=30)
        try:
            refund = gateway.refund(
                intent_id=intent_id, amount_cents=1000, order_ref="A-7K2M9", key=f"r{n}"
            )
        except ProviderRefused:
            return 0
        return refund.amount_cents

    with ThreadPoolExecutor(8) as hands:
        assert sum(hands.map(hand, range(8))) == 4000


def test_a_refund_may_wait_and_then_fail(
    gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    intent_id = paid_intent(gateway, visitor, number=cards.REFUND_PENDING)
    refund = gateway.refund(intent_id=intent_id, amount_cents=4800, order_ref="A-7K2M9", key="r1")
    assert refund.state is RefundState.PENDING

    control.post(f"refunds/{refund.id}", status="failed")

    failed = gateway.refund_state(refund.id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "lost_or_stolen_card")
    assert [event["type"] for event in control.events()][-2:] == ["refund.updated", "refund.failed"]
    again = gateway.refund(intent_id=intent_id, amount_cents=4800, order_ref="A-7K2M9", key="r2")
    assert again.state is RefundState.PENDING


def test_an_unpaid_intent_cannot_be_refunded(gateway: StripeGateway, visitor: Visitor) -> None:
    session = open_session(gateway)
    assert session.url is not None
    visitor.pay(session.url, number=cards.DECLINED)
    intent_id = gateway.session(session.id).intent_id
    assert intent_id is not None

    with pytest.raises(ProviderRefused):
        gateway.refund(intent_id=intent_id, amount_cents=1, order_ref="A-7K2M9", key="r1")

    assert gateway.refunds_of(intent_id) == []


def test_an_intent_of_a_session_is_not_cancelled_by_hand(
    browser: FlaskClient, gateway: StripeGateway, visitor: Visitor
) -> None:
    intent_id = paid_intent(gateway, visitor)

    refused = call(browser, "POST", f"/v1/payment_intents/{intent_id}/cancel")

    assert refused.status_code == 400
    assert error_of(refused)["code"] == "payment_intent_unexpected_state"


EXPECTED = {
    # fault: (error of the first call, sessions made by it, then the same key works)
    "429": (NotExecuted, 0, True),
    "409": (NotExecuted, 0, True),
    "dropped_before": (Unknown, 0, True),
    "dropped_after": (Unknown, 1, True),
    "timeout_before": (Unknown, 0, True),
    "timeout_after": (Unknown, 1, True),
    "502_before": (Unknown, 0, True),
    "502_after": (Unknown, 1, True),
    "503_before": (Unknown, 0, True),
    "503_after": (Unknown, 1, True),
    "504_before": (Unknown, 0, True),
    "504_after": (Unknown, 1, True),
    "401": (Misconfigured, 0, True),
    "403": (Misconfigured, 0, True),
    "500_before": (Unknown, 0, False),
    "500_after": (Unknown, 1, False),
}


def test_every_fault_has_its_expectation() -> None:
    assert set(EXPECTED) == set(FAULTS)


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_breaks_one_answer_and_never_doubles_an_effect(
    fault: str, gateway: StripeGateway, control: Control
) -> None:
    error, made, mends = EXPECTED[fault]
    since = open_session(gateway, key="before").expires_at.replace(year=2020)
    control.post("faults", mode=fault, method="POST", path="/v1/checkout/sessions")

    with pytest.raises(error):
        open_session(gateway, key="open:1")

    assert len(list(gateway.sessions_since(since))) == 1 + made
    if mends:
        open_session(gateway, key="open:1")
        assert len(list(gateway.sessions_since(since))) == 2
    else:
        with pytest.raises(Unknown):  # Stripe remembers a 500 under its key
            open_session(gateway, key="open:1")
        assert len(list(gateway.sessions_since(since))) == 1 + made


def test_a_key_that_was_forgotten_does_it_again(
    gateway: StripeGateway, control: Control, browser: FlaskClient
) -> None:
    first = open_session(gateway, key="open:1")
    assert open_session(gateway, key="open:1") == first

    assert browser.delete("/_sandbox/keys").get_json() == {"forgotten": 1}

    second = open_session(gateway, key="open:1")
    assert second.id != first.id
    control.post("clock", advance=24 * 60 * 60 - 60)
    assert open_session(gateway, key="open:1").id == second.id
    control.post("clock", advance=60)
    with pytest.raises(ProviderRefused):  # asked afresh, and too late for its page
        open_session(gateway, key="open:1")


def test_a_fault_waits_for_the_call_it_is_meant_for(
    gateway: StripeGateway, control: Control
) -> None:
    control.post("faults", mode="429", method="POST", path="/v1/refunds", times=3)

    session = open_session(gateway)

    assert gateway.session(session.id).id == session.id


BAD_SWITCHES = {
    "mode": ("faults", {"mode": "explode"}),
    "times": ("faults", {"mode": "429", "times": 0}),
    "boolean for number": ("faults", {"mode": "429", "times": True}),
    "unknown": ("clock", {"hours": 1}),
    "too far": ("clock", {"advance": 10**30}),
    "list": ("clock", []),
    "another method": ("faults", {"mode": "429", "method": "BREW"}),
    "a path elsewhere": ("faults", {"mode": "429", "path": "/c/pay"}),
    "a path with NUL": ("faults", {"mode": "429", "path": "/v1/\0"}),
    "half a letter": ("faults", {"mode": "429", "path": "/v1/\ud800"}),
    "no such refund": ("refunds/re_none", {"status": "failed"}),
}


@pytest.mark.parametrize("case", BAD_SWITCHES)
def test_a_switch_used_wrongly_says_so(case: str, browser: FlaskClient) -> None:
    path, body = BAD_SWITCHES[case]
    wrong = browser.post(f"/_sandbox/{path}", json=body)
    assert wrong.status_code == (404 if case == "no such refund" else 400)
    assert wrong.get_json()["error"]["message"]
    assert browser.post(f"/_sandbox/{path}", data={"mode": "429"}).status_code == 415


def test_the_version_spoken_is_the_installed_librarys() -> None:
    assert stripe.api_version == API_VERSION
