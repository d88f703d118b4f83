"""Trying a card on an open session, and asking the client's bank.

Each act is given a `Desk` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

from shop.payments.sandbox import balance, disputes, objects, setting_up
from shop.payments.sandbox.cards import NOT_AUTHENTICATED, Card, Decline, Fate
from shop.payments.sandbox.desk import Desk, intent_of, new_id, page_url, random_letters, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import Params, Refusal
from shop.payments.sandbox.store import Kept


def try_card(desk: Desk, session: Kept, card: Card) -> Body:
    """Try to pay an open session with a card; answers with the intent as the try left it."""
    if session.body["mode"] == "setup":
        return setting_up.try_card(desk, session, card)
    ledger = desk.ledger
    intent = intent_of(ledger, session) or _new_intent(desk, session)
    kept_card = objects.payment_method_card(card)
    method = new_id("pm")
    if card.fate is Fate.AUTHENTICATION:
        return _ask_to_authenticate(desk, session, intent, kept_card)
    if card.fate is Fate.DECLINED:
        return decline(desk, intent, method, kept_card, card.decline)
    return _succeed(desk, session, intent, method, kept_card)


def _new_intent(desk: Desk, session: Kept) -> Kept:
    """Stripe makes the intent when a card is first tried, not when the session is opened."""
    intent = desk.ledger.add(
        objects.payment_intent(
            new_id("pi"),
            created=desk.ledger.now(),
            secret=random_letters(25),
            amount=session.body["amount_total"],
            currency=session.body["currency"],
            customer=session.body["customer"],
            types=session.body["allowed_payment_method_types"],
            metadata=session.hidden["intent_metadata"],
            setup_future_usage=session.hidden.get("setup_future_usage"),
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
    if session.body["mode"] == "setup":
        return setting_up.answer_authentication(desk, session, authorised=authorised)
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


def decline(desk: Desk, intent: Kept, method: str, card: Body, why: Decline) -> Body:
    """The bank says no: a charge that failed, and an intent that waits for another card."""
    charge = _charge(desk, intent, method, card, why)
    failed = desk.ledger.change(
        intent,
        status="requires_payment_method",
        next_action=None,
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error=objects.payment_error(why, charge=charge["id"]),
    )
    desk.tell("charge.failed", charge)
    desk.tell("payment_intent.payment_failed", failed.body)
    return failed.body


def _succeed(desk: Desk, session: Kept, intent: Kept, method: str, card: Body) -> Body:
    if intent.body["setup_future_usage"] is not None:
        setting_up.keep(desk, method, card, customer=intent.body["customer"])
    paid = take(desk, intent, method, card)
    complete = desk.ledger.change(
        the(desk.ledger, "checkout.session", session.id),
        status="complete",
        payment_status="paid",
        url=None,
        customer_details=objects.buyer(card["name"], session.body["customer_email"]),
    )
    desk.tell("checkout.session.completed", complete.body)
    return paid


def take(desk: Desk, intent: Kept, method: str, card: Body) -> Body:
    """The bank says yes: the whole amount is taken."""
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
    desk.tell("charge.succeeded", charge)
    desk.tell("payment_intent.succeeded", paid.body)
    disputes.after(desk, charge, card)
    return paid.body


def _charge(desk: Desk, intent: Kept, method: str, card: Body, decline: Decline | None) -> Body:
    charge = desk.ledger.add(
        objects.charge(
            new_id("ch"),
            created=desk.ledger.now(),
            intent=intent.body,
            payment_method=method,
            card=card,
            decline=decline,
        ),
        {"refund_status": card["refund_status"]},
    )
    return balance.charged(desk, charge).body if decline is None else charge.body


def cancel_intent(desk: Desk, intent_id: str, given: Params) -> Body:
    """Refused where a session owns the intent, and where it does not wait for a card."""
    intent = the(desk.ledger, "payment_intent", intent_id)
    status = intent.body["status"]
    if not intent.hidden.get("off_session"):
        why = " and was created by a Checkout Session. Expire the Checkout Session instead."
    elif status != "requires_payment_method":
        why = ". Only a PaymentIntent that waits for a payment method can be cancelled here."
    else:
        canceled = desk.ledger.change(
            intent,
            status="canceled",
            canceled_at=desk.ledger.now(),
            cancellation_reason=given.get("cancellation_reason"),
        )
        desk.tell("payment_intent.canceled", canceled.body)
        return canceled.body
    raise Refusal(
        400,
        f"You cannot cancel this PaymentIntent because it has a status of {status}{why}",
        code="payment_intent_unexpected_state",
        payment_intent=intent.body,
    )
