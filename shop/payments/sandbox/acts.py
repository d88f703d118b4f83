"""What can be done at Stripe: open and expire sessions, pay, refund, and tell of it by events.

Each act is given a `Ledger` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

import stripe

from shop.payments.sandbox import objects
from shop.payments.sandbox.cards import NOT_AUTHENTICATED, Card, Decline, Fate
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import (
    BadParameter,
    Params,
    Refusal,
    needed,
    no_such,
)
from shop.payments.sandbox.store import Kept, Ledger

MIN_LIFE, MAX_LIFE = 30 * 60, 24 * 60 * 60
# Stripe's bounds for a charge in US dollars: https://docs.stripe.com/currencies
MIN_AMOUNT, MAX_AMOUNT = 50, 99_999_999
API_VERSION = str(stripe.api_version)
LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Desk:
    """One call at work: the ledger it writes, and who asked."""

    ledger: Ledger
    public_url: str
    request_id: str | None = None
    key: str | None = None

    def tell(self, type: str, about: Body) -> None:
        """Write down an event, for the list of events and for the webhook."""
        event = self.ledger.add(
            objects.event(
                new_id("evt"),
                type=type,
                created=self.ledger.now(),
                about=about,
                api_version=API_VERSION,
                request={"id": self.request_id, "idempotency_key": self.key},
            )
        )
        self.ledger.expect_delivery(event)


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{random_letters(length)}"


def random_letters(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def create_customer(desk: Desk, given: Params) -> Body:
    body = objects.customer(new_id("cus", 14), created=desk.ledger.now(), given=given)
    desk.ledger.add(body)
    desk.tell("customer.created", body)
    return body


def open_session(desk: Desk, given: Params) -> Body:
    _check_session(desk, given)
    now = desk.ledger.now()
    amount, currency = _total(given)
    id = new_id("cs_test", 58)
    body = objects.checkout_session(
        id,
        created=now,
        amount=amount,
        currency=currency,
        expires_at=_expiry(given, now),
        url=page_url(desk.public_url, id),
        given=given,
    )
    hidden = {
        "intent_metadata": given.get("payment_intent_data", {}).get("metadata", {}),
        "line": given["line_items"][0]["price_data"]["product_data"]["name"],
    }
    desk.ledger.add(body, hidden)
    return body


def page_url(public_url: str, session_id: str) -> str:
    return f"{public_url}/c/pay/{session_id}"


def _check_session(desk: Desk, given: Params) -> None:
    if needed(given, "mode") != "payment":
        raise BadParameter("The sandbox knows mode=payment only.", param="mode")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise BadParameter("The sandbox knows ui_mode=hosted_page only.", param="ui_mode")
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise BadParameter("The sandbox knows cards only.", param="allowed_payment_method_types")
    needed(given, "success_url")
    customer = given.get("customer")
    if customer is not None and desk.ledger.find("customer", customer) is None:
        raise no_such("customer", customer, param="customer", status=400)


def _total(given: Params) -> tuple[int, str]:
    """The sum of all lines, in cents, and their one currency."""
    lines = needed(given, "line_items")
    if not lines:
        raise BadParameter("At least one line is needed.", param="line_items")
    total = sum(_line_total(line, f"line_items[{i}]") for i, line in enumerate(lines))
    currencies = {line["price_data"]["currency"] for line in lines}
    if currencies != {"usd"}:
        raise BadParameter("The sandbox knows currency usd only.", param="line_items")
    if total < MIN_AMOUNT:
        raise BadParameter(
            "The Checkout Session's total amount due must add up to at least $0.50 usd",
            param="line_items",
            code="amount_too_small",
        )
    if total > MAX_AMOUNT:
        raise BadParameter(
            "The Checkout Session's total amount must be no more than $999,999.99",
            param="line_items",
            code="amount_too_large",
        )
    return total, "usd"


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
    if intent is not None:
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


def cancel_intent(desk: Desk, intent_id: str) -> Body:
    """Always refused: every intent here belongs to a session, and none waits for capture."""
    intent = the(desk.ledger, "payment_intent", intent_id)
    status = intent.body["status"]
    raise Refusal(
        400,
        f"You cannot cancel this PaymentIntent because it has a status of {status} and was"
        " created by a Checkout Session. Expire the Checkout Session instead.",
        code="payment_intent_unexpected_state",
        payment_intent=intent.body,
    )


def try_card(desk: Desk, session: Kept, card: Card) -> Body:
    """Try to pay an open session with a card; answers with the intent as the try left it."""
    ledger = desk.ledger
    intent = intent_of(ledger, session) or _new_intent(desk, session)
    kept_card = objects.payment_method_card(card)
    method = new_id("pm")
    if card.fate is Fate.AUTHENTICATION:
        return _ask_to_authenticate(desk, session, intent, kept_card)
    if card.fate is Fate.DECLINED:
        return _decline(desk, intent, method, kept_card, card.decline)
    return _succeed(desk, session, intent, method, kept_card)


def _new_intent(desk: Desk, session: Kept) -> Kept:
    """Stripe makes the intent when a card is first tried, not when the session is opened."""
    intent = desk.ledger.add(
        objects.payment_intent(
            new_id("pi"),
            created=desk.ledger.now(),
            secret=random_letters(25),
            session=session.body,
            metadata=session.hidden["intent_metadata"],
        )
    )
    desk.ledger.change(session, payment_intent=intent.id)
    desk.tell("payment_intent.created", intent.body)
    return intent


def _ask_to_authenticate(desk: Desk, session: Kept, intent: Kept, card: Body) -> Body:
    url = f"{page_url(desk.public_url, session.id)}/authenticate"
    asking = desk.ledger.change(
        intent,
        status="requires_action",
        next_action=objects.authentication(url, page_url(desk.public_url, session.id)),
        payment_method=new_id("pm"),
        last_payment_error=None,
    )
    desk.ledger.hide(session, card=card)
    desk.tell("payment_intent.requires_action", asking.body)
    return asking.body


def answer_authentication(desk: Desk, session: Kept, *, authorised: bool) -> Body:
    """What the client said to the issuer. Raises Refusal when nothing was asked."""
    intent = intent_of(desk.ledger, session)
    if intent is None or intent.body["status"] != "requires_action":
        raise Refusal(400, "Nothing waits for authentication here.")
    method = intent.body["payment_method"]
    if authorised:
        return _succeed(desk, session, intent, method, session.hidden["card"])
    failed = desk.ledger.change(
        intent,
        status="requires_payment_method",
        next_action=None,
        payment_method=None,
        last_payment_error=objects.payment_error(NOT_AUTHENTICATED, charge=None),
    )
    desk.tell("payment_intent.payment_failed", failed.body)
    return failed.body


def _decline(desk: Desk, intent: Kept, method: str, card: Body, decline: Decline) -> Body:
    charge = _charge(desk, intent, method, card, decline)
    failed = desk.ledger.change(
        intent,
        status="requires_payment_method",
        next_action=None,
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error=objects.payment_error(decline, charge=charge["id"]),
    )
    desk.tell("charge.failed", charge)
    desk.tell("payment_intent.payment_failed", failed.body)
    return failed.body


def _succeed(desk: Desk, session: Kept, intent: Kept, method: str, card: Body) -> Body:
    charge = _charge(desk, intent, method, card, None)
    paid = desk.ledger.change(
        intent,
        status="succeeded",
        amount_received=intent.body["amount"],
        next_action=None,
        payment_method=method,
        latest_charge=charge["id"],
        last_payment_error=None,
    )
    complete = desk.ledger.change(
        the(desk.ledger, "checkout.session", session.id),
        status="complete",
        payment_status="paid",
        url=None,
        customer_details=objects.buyer(card["name"], session.body["customer_email"]),
    )
    desk.tell("charge.succeeded", charge)
    desk.tell("payment_intent.succeeded", paid.body)
    desk.tell("checkout.session.completed", complete.body)
    return paid.body


def _charge(desk: Desk, intent: Kept, method: str, card: Body, decline: Decline | None) -> Body:
    return desk.ledger.add(
        objects.charge(
            new_id("ch"),
            created=desk.ledger.now(),
            intent=intent.body,
            payment_method=method,
            card=card,
            decline=decline,
        ),
        {"refund_status": card["refund_status"]},
    ).body


def create_refund(desk: Desk, given: Params) -> Body:
    charge = _charge_to_refund(desk.ledger, given)
    left = charge.body["amount"] - refunded(desk.ledger, charge.id)
    amount = given.get("amount", left)
    if left == 0:
        raise Refusal(
            400,
            f"Charge {charge.id} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge"
            f" (${left / 100:.2f})",
            param="amount",
        )
    refund = desk.ledger.add(
        objects.refund(
            new_id("re"),
            created=desk.ledger.now(),
            charge=charge.body,
            amount=amount,
            status=charge.hidden["refund_status"],
            given=given,
        )
    )
    desk.tell("refund.created", refund.body)
    desk.tell("charge.refunded", _count_refunds(desk.ledger, charge))
    return refund.body


def _charge_to_refund(ledger: Ledger, given: Params) -> Kept:
    if "payment_intent" not in given and "charge" not in given:
        raise BadParameter(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            param=None,
            code="parameter_missing",
        )
    charge_id = given.get("charge")
    if "payment_intent" in given:
        intent = ledger.find("payment_intent", given["payment_intent"])
        if intent is None:
            raise no_such("payment_intent", given["payment_intent"], param="payment_intent")
        charge_id = intent.body["latest_charge"]
    charge = ledger.find("charge", charge_id) if charge_id else None
    if charge is None and "charge" in given:
        raise no_such("charge", given["charge"], param="charge")
    if charge is None or not charge.body["paid"]:
        raise Refusal(
            400,
            "This PaymentIntent does not have a successful charge to refund.",
            code="charge_not_refundable",
        )
    return charge


def refunded(ledger: Ledger, charge_id: str) -> int:
    """Cents that are back or on their way; a refund that failed gives its cents free again."""
    return sum(
        refund.body["amount"]
        for refund in ledger.refunds_of(charge_id)
        if refund.body["status"] not in {"failed", "canceled"}
    )


def settle_refund(desk: Desk, refund_id: str, status: str) -> Body:
    """Let the bank's later answer to a refund arrive. Raises Refusal for a final one."""
    refund = the(desk.ledger, "refund", refund_id)
    if (refund.body["status"], status) not in {
        ("pending", "succeeded"),
        ("pending", "failed"),
        ("succeeded", "failed"),
        ("pending", "requires_action"),
        ("requires_action", "canceled"),
    }:
        raise Refusal(400, f"A refund that is {refund.body['status']} cannot become {status}.")
    settled = {name: value for name, value in refund.body.items() if name != "pending_reason"}
    if status == "failed":
        settled["failure_reason"] = "lost_or_stolen_card"
    changed = desk.ledger.replace(refund, {**settled, "status": status})
    _count_refunds(desk.ledger, the(desk.ledger, "charge", changed.body["charge"]))
    desk.tell("refund.updated", changed.body)
    if status == "failed":
        desk.tell("refund.failed", changed.body)
    return changed.body


def _count_refunds(ledger: Ledger, charge: Kept) -> Body:
    total = refunded(ledger, charge.id)
    return ledger.change(
        charge, amount_refunded=total, refunded=total == charge.body["amount"]
    ).body


def intent_of(ledger: Ledger, session: Kept) -> Kept | None:
    """The session's intent, once a card was tried."""
    fresh = the(ledger, "checkout.session", session.id)
    intent_id = fresh.body["payment_intent"]
    return None if intent_id is None else ledger.find("payment_intent", intent_id)


def the(ledger: Ledger, kind: str, id: str) -> Kept:
    found = ledger.find(kind, id)
    if found is None:
        raise no_such(kind, id)
    return found
