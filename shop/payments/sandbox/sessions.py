"""Opening and closing the hosted page of a payment; and the customers it may name.

Each act is given a `Desk` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

from shop.payments.sandbox import objects, setting_up
from shop.payments.sandbox.desk import Desk, intent_of, new_id, page_url, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import (
    BadParameter,
    Params,
    Refusal,
    needed,
    no_such,
)
from shop.payments.sandbox.store import Kept

MIN_LIFE, MAX_LIFE = 30 * 60, 24 * 60 * 60
# Stripe's bounds for a charge in US dollars: https://docs.stripe.com/currencies
MIN_AMOUNT, MAX_AMOUNT = 50, 99_999_999


def create_customer(desk: Desk, given: Params) -> Body:
    body = objects.customer(new_id("cus", 14), created=desk.ledger.now(), given=given)
    desk.ledger.add(body)
    desk.tell("customer.created", body)
    return body


def open_session(desk: Desk, given: Params) -> Body:
    _check_session(desk, given)
    return _open_setup(desk, given) if given["mode"] == "setup" else _open_payment(desk, given)


def _open_payment(desk: Desk, given: Params) -> Body:
    now = desk.ledger.now()
    amount, currency = _total(given)
    session_id = new_id("cs_test", 58)
    body = objects.checkout_session(
        session_id,
        created=now,
        amount=amount,
        currency=currency,
        expires_at=_expiry(given, now),
        url=page_url(desk.public_url, session_id),
        given=given,
    )
    intent = given.get("payment_intent_data", {})
    hidden = {
        "intent_metadata": intent.get("metadata", {}),
        "setup_future_usage": intent.get("setup_future_usage"),
        "line": given["line_items"][0]["price_data"]["product_data"]["name"],
    }
    desk.ledger.add(body, hidden)
    return body


def _open_setup(desk: Desk, given: Params) -> Body:
    now = desk.ledger.now()
    expires_at = _expiry(given, now)
    session_id = new_id("cs_test", 58)
    body = objects.setup_session(
        session_id,
        created=now,
        expires_at=expires_at,
        url=page_url(desk.public_url, session_id),
        setup_intent=setting_up.new_setup_intent(desk, given).id,
        given=given,
    )
    desk.ledger.add(body, {"line": "Save a card"})
    return body


def _check_session(desk: Desk, given: Params) -> None:
    mode = needed(given, "mode")
    if mode not in NOT_IN_MODE:
        raise BadParameter("The sandbox knows mode=payment and mode=setup only.", param="mode")
    for name in NOT_IN_MODE[mode]:
        if name in given:
            raise BadParameter(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise BadParameter("The sandbox knows ui_mode=hosted_page only.", param="ui_mode")
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise BadParameter("The sandbox knows cards only.", param="allowed_payment_method_types")
    needed(given, "success_url")
    customer = given.get("customer")
    if customer is not None and desk.ledger.find("customer", customer) is None:
        raise no_such("customer", customer, param="customer", status=400)
    _check_keeping(given)


def _check_keeping(given: Params) -> None:
    """A card is kept with a customer, and in US dollars, like all that is paid here."""
    usage = given.get("payment_intent_data", {}).get("setup_future_usage")
    if usage not in {None, "off_session"}:
        raise BadParameter(
            "The sandbox knows setup_future_usage=off_session only.",
            param="payment_intent_data[setup_future_usage]",
        )
    if "customer" not in given and (usage is not None or given["mode"] == "setup"):
        raise BadParameter("The sandbox keeps cards with a customer only.", param="customer")
    if given.get("currency", "usd") != "usd":
        raise BadParameter("The sandbox knows currency usd only.", param="currency")


# What belongs to the other mode, in Stripe's own words.
NOT_IN_MODE = {
    "payment": ("setup_intent_data",),
    "setup": ("line_items", "payment_intent_data", "submit_type"),
}


def _total(given: Params) -> tuple[int, str]:
    """The sum of all lines, in cents, and their one currency."""
    lines = needed(given, "line_items")
    if not lines:
        raise BadParameter("At least one line is needed.", param="line_items")
    total = sum(_line_total(line, f"line_items[{i}]") for i, line in enumerate(lines))
    currencies = {line["price_data"]["currency"] for line in lines}
    if currencies != {"usd"}:
        raise BadParameter("The sandbox knows currency usd only.", param="line_items")
    check_amount(total, param="line_items")
    return total, "usd"


def check_amount(total: int, *, param: str) -> None:
    """Raises BadParameter for what cannot be charged in US dollars."""
    if total < MIN_AMOUNT:
        raise BadParameter(
            "The total amount due must add up to at least $0.50 usd",
            param=param,
            code="amount_too_small",
        )
    if total > MAX_AMOUNT:
        raise BadParameter(
            "The total amount must be no more than $999,999.99",
            param=param,
            code="amount_too_large",
        )


def _line_total(line: Params, within: str) -> int:
    price = needed(line, "price_data", within=within)
    needed(price, "currency", within=f"{within}[price_data]")
    product = needed(price, "product_data", within=f"{within}[price_data]")
    needed(product, "name", within=f"{within}[price_data][product_data]")
    unit = needed(price, "unit_amount", within=f"{within}[price_data]")
    quantity = needed(line, "quantity", within=within)
    if unit < 0:
        raise BadParameter("Invalid non-negative integer", param=f"{within}[price_data]")
    return int(unit * quantity)


def _expiry(given: Params, now: int) -> int:
    expires_at = int(given.get("expires_at", now + MAX_LIFE))
    if expires_at < now + MIN_LIFE:
        raise BadParameter(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session"
            " creation.",
            param="expires_at",
        )
    if expires_at > now + MAX_LIFE:
        raise BadParameter(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at


def expire_session(desk: Desk, session_id: str) -> Body:
    session = the(desk.ledger, "checkout.session", session_id)
    if session.body["status"] != "open":
        raise Refusal(
            400,
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {session.body['status']}",
        )
    return _expire(desk, session)


def expire_overdue(desk: Desk) -> None:
    """Close the sessions whose time is over, as the clock does at Stripe."""
    for session in desk.ledger.sessions_past(desk.ledger.now()):
        _expire(desk, session)


def _expire(desk: Desk, session: Kept) -> Body:
    expired = desk.ledger.change(session, status="expired", url=None)
    intent = intent_of(desk.ledger, session)
    if intent is not None and intent.body["object"] == "setup_intent":
        canceled = desk.ledger.change(
            intent, status="canceled", cancellation_reason="abandoned", next_action=None
        )
        desk.tell("setup_intent.canceled", canceled.body)
    elif intent is not None:
        canceled = desk.ledger.change(
            intent,
            status="canceled",
            canceled_at=desk.ledger.now(),
            cancellation_reason="expired",
            next_action=None,
        )
        desk.tell("payment_intent.canceled", canceled.body)
    desk.tell("checkout.session.expired", expired.body)
    return expired.body
