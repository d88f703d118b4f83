"""The table of everything Stripe's API does here: address, accepted parameters, act."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shop.payments.sandbox import (
    balance,
    charging,
    disputes,
    paying,
    refunding,
    sessions,
    setting_up,
)
from shop.payments.sandbox.desk import Desk, page_url, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import (
    AMOUNT,
    BOOLEAN,
    CREATED,
    INTEGER,
    METADATA,
    TEXT,
    URL,
    BadParameter,
    Params,
    no_such,
)
from shop.payments.sandbox.store import Kept, Page

Act = Callable[[Desk, Params, str], Body]
LARGEST_PAGE = 100

EXPAND: dict[str, Any] = {"expand": [TEXT]}
TURNING: dict[str, Any] = {
    **EXPAND,
    "limit": INTEGER,
    "starting_after": TEXT,
    "ending_before": TEXT,
}
PAGING = {**TURNING, "created": CREATED}
ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), TEXT)
PRODUCT = {"name": TEXT, "description": TEXT, "metadata": METADATA}
PRICE = {"currency": TEXT, "unit_amount": INTEGER, "product_data": PRODUCT}

CREATE_CUSTOMER = {
    **EXPAND,
    "address": ADDRESS,
    "description": TEXT,
    "email": TEXT,
    "metadata": METADATA,
    "name": TEXT,
    "phone": TEXT,
}
CREATE_SESSION = {
    **EXPAND,
    "allowed_payment_method_types": [TEXT],
    "cancel_url": URL,
    "client_reference_id": TEXT,
    "currency": TEXT,
    "customer": TEXT,
    "customer_email": TEXT,
    "expires_at": INTEGER,
    "line_items": [{"quantity": AMOUNT, "price_data": PRICE}],
    "locale": TEXT,
    "metadata": METADATA,
    "mode": TEXT,
    "payment_intent_data": {"metadata": METADATA, "setup_future_usage": TEXT},
    "setup_intent_data": {"metadata": METADATA, "description": TEXT},
    "submit_type": TEXT,
    "success_url": URL,
    "ui_mode": TEXT,
}
CREATE_INTENT = {
    **EXPAND,
    "allowed_payment_method_types": [TEXT],
    "amount": AMOUNT,
    "confirm": BOOLEAN,
    "currency": TEXT,
    "customer": TEXT,
    "metadata": METADATA,
    "off_session": BOOLEAN,
    "payment_method": TEXT,
}
CREATE_REFUND = {
    **EXPAND,
    "amount": AMOUNT,
    "charge": TEXT,
    "metadata": METADATA,
    "payment_intent": TEXT,
    "reason": TEXT,
}


UPDATE_DISPUTE = {
    **EXPAND,
    "evidence": {
        "shipping_carrier": TEXT,
        "shipping_date": TEXT,
        "shipping_tracking_number": TEXT,
        "uncategorized_text": TEXT,
    },
    "metadata": METADATA,
    "submit": BOOLEAN,
}


@dataclass(frozen=True)
class Endpoint:
    """`path` holds `{id}` at most once."""

    method: str
    path: str
    accepts: dict[str, Any]
    act: Act

    def id_in(self, path: str) -> str | None:
        """The object's id in this path, empty where there is none; None if it is not ours."""
        form = re.escape(self.path).replace(r"\{id\}", r"(?P<id>\w+)")
        found = re.fullmatch(form, path, re.ASCII)
        return None if found is None else found.groupdict().get("id", "")


def _retrieve(kind: str) -> Act:
    def retrieve(desk: Desk, _given: Params, id: str) -> Body:
        return shown(desk, the(desk.ledger, kind, id))

    return retrieve


def _list(kind: str, url: str, *filters: str) -> Act:
    def listing(desk: Desk, given: Params, _id: str) -> Body:
        page = _page(desk, kind, given, filters)
        found, has_more = desk.ledger.page(kind, page)
        data = [shown(desk, kept) for kept in found]
        return {"object": "list", "url": url, "has_more": has_more, "data": data}

    return listing


def _list_movements(desk: Desk, given: Params, _id: str) -> Body:
    filters = ("source", "type", "currency")
    page = _page(desk, "balance_transaction", given, filters)
    if "payout" in given:
        the(desk.ledger, "payout", given["payout"])
        page = balance.movements_of(given["payout"], page)
    found, has_more = desk.ledger.page("balance_transaction", page)
    data = [balance.shown(desk, kept) for kept in found]
    if "data.source" in given.get("expand", []):
        data = [balance.expanded(desk, movement) for movement in data]
    return {"object": "list", "url": MOVEMENTS, "has_more": has_more, "data": data}


def _page(desk: Desk, kind: str, given: Params, filters: tuple[str, ...]) -> Page:
    limit = given.get("limit", 10)
    if not 1 <= limit <= LARGEST_PAGE:
        raise BadParameter("Limit must be between 1 and 100.", param="limit")
    for cursor in ("starting_after", "ending_before"):
        if cursor in given and desk.ledger.find(kind, given[cursor]) is None:
            raise no_such(kind, given[cursor], param=cursor, status=400)
    if "starting_after" in given and "ending_before" in given:
        raise BadParameter("Give starting_after or ending_before, not both.", param="ending_before")
    types = given.get("types", [])
    return Page(
        limit=limit,
        starting_after=given.get("starting_after"),
        ending_before=given.get("ending_before"),
        created=given.get("created"),
        where={name: given[name] for name in filters if name in given},
        types=tuple(types),
    )


def shown(desk: Desk, kept: Kept) -> Body:
    """An object as it is now: where its page is, and what of it is still on the way."""
    if kept.body["object"] == "checkout.session" and kept.body["status"] == "open":
        return {**kept.body, "url": page_url(desk.public_url, kept.id)}
    if kept.body["object"] == "event":
        delivery = desk.ledger.delivery(kept.id)
        waiting = delivery is not None and delivery["next_at"] is not None
        return {**kept.body, "pending_webhooks": int(waiting)}
    if kept.body["object"] == "balance_transaction":
        return balance.shown(desk, kept)
    return kept.body


MOVEMENTS = "/v1/balance_transactions"
SESSIONS = "/v1/checkout/sessions"
INTENTS = "/v1/payment_intents"
METHODS = "/v1/payment_methods"
DISPUTES = "/v1/disputes"
WARNINGS = "/v1/radar/early_fraud_warnings"

ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/customers",
        CREATE_CUSTOMER,
        lambda desk, given, _: sessions.create_customer(desk, given),
    ),
    Endpoint("GET", "/v1/customers/{id}", EXPAND, _retrieve("customer")),
    Endpoint(
        "GET",
        "/v1/customers",
        {**PAGING, "email": TEXT},
        _list("customer", "/v1/customers", "email"),
    ),
    Endpoint(
        "POST", SESSIONS, CREATE_SESSION, lambda desk, given, _: sessions.open_session(desk, given)
    ),
    Endpoint("GET", f"{SESSIONS}/{{id}}", EXPAND, _retrieve("checkout.session")),
    Endpoint(
        "POST",
        f"{SESSIONS}/{{id}}/expire",
        EXPAND,
        lambda desk, _, session_id: sessions.expire_session(desk, session_id),
    ),
    Endpoint(
        "GET",
        SESSIONS,
        {**PAGING, "payment_intent": TEXT, "customer": TEXT, "status": TEXT},
        _list("checkout.session", SESSIONS, "payment_intent", "customer", "status"),
    ),
    Endpoint("GET", f"{INTENTS}/{{id}}", EXPAND, _retrieve("payment_intent")),
    Endpoint(
        "POST",
        f"{INTENTS}/{{id}}/cancel",
        {**EXPAND, "cancellation_reason": TEXT},
        lambda desk, given, intent_id: paying.cancel_intent(desk, intent_id, given),
    ),
    Endpoint(
        "POST", INTENTS, CREATE_INTENT, lambda desk, given, _: charging.create_intent(desk, given)
    ),
    Endpoint(
        "GET",
        INTENTS,
        {**PAGING, "customer": TEXT},
        _list("payment_intent", INTENTS, "customer"),
    ),
    Endpoint("GET", "/v1/setup_intents/{id}", EXPAND, _retrieve("setup_intent")),
    Endpoint("GET", f"{METHODS}/{{id}}", EXPAND, _retrieve("payment_method")),
    Endpoint(
        "POST",
        f"{METHODS}/{{id}}/detach",
        EXPAND,
        lambda desk, _, method_id: setting_up.detach(desk, method_id),
    ),
    Endpoint(
        "GET",
        METHODS,
        {**TURNING, "customer": TEXT, "type": TEXT},
        _list("payment_method", METHODS, "customer", "type"),
    ),
    Endpoint("GET", "/v1/charges/{id}", EXPAND, _retrieve("charge")),
    Endpoint(
        "POST",
        "/v1/refunds",
        CREATE_REFUND,
        lambda desk, given, _: refunding.create_refund(desk, given),
    ),
    Endpoint("GET", "/v1/refunds/{id}", EXPAND, _retrieve("refund")),
    Endpoint(
        "GET",
        "/v1/refunds",
        {**PAGING, "payment_intent": TEXT, "charge": TEXT},
        _list("refund", "/v1/refunds", "payment_intent", "charge"),
    ),
    Endpoint("GET", "/v1/balance", EXPAND, lambda desk, _given, _id: balance.balance(desk)),
    Endpoint("GET", f"{MOVEMENTS}/{{id}}", EXPAND, _retrieve("balance_transaction")),
    Endpoint(
        "GET",
        MOVEMENTS,
        {**PAGING, "currency": TEXT, "payout": TEXT, "source": TEXT, "type": TEXT},
        _list_movements,
    ),
    Endpoint("GET", "/v1/payouts/{id}", EXPAND, _retrieve("payout")),
    Endpoint(
        "GET",
        "/v1/payouts",
        {**PAGING, "status": TEXT},
        _list("payout", "/v1/payouts", "status"),
    ),
    Endpoint("GET", f"{DISPUTES}/{{id}}", EXPAND, _retrieve("dispute")),
    Endpoint(
        "POST",
        f"{DISPUTES}/{{id}}",
        UPDATE_DISPUTE,
        lambda desk, given, dispute_id: disputes.update(desk, dispute_id, given),
    ),
    Endpoint(
        "GET",
        DISPUTES,
        {**PAGING, "payment_intent": TEXT, "charge": TEXT},
        _list("dispute", DISPUTES, "payment_intent", "charge"),
    ),
    Endpoint("GET", f"{WARNINGS}/{{id}}", EXPAND, _retrieve("radar.early_fraud_warning")),
    Endpoint(
        "GET",
        WARNINGS,
        {**PAGING, "payment_intent": TEXT, "charge": TEXT},
        _list("radar.early_fraud_warning", WARNINGS, "payment_intent", "charge"),
    ),
    Endpoint("GET", "/v1/events/{id}", EXPAND, _retrieve("event")),
    Endpoint(
        "GET",
        "/v1/events",
        {**PAGING, "type": TEXT, "types": [TEXT]},
        _list("event", "/v1/events", "type"),
    ),
)
