"""Charging a card that was kept, while its owner is away.

Each act is given a `Desk` inside a writing transaction. A declined card leaves its intent behind.
"""

from __future__ import annotations

from shop.payments.sandbox import objects, paying
from shop.payments.sandbox.cards import ASKED_WHILE_AWAY, DECLINES, DECLINES_LATER, Decline, Fate
from shop.payments.sandbox.desk import Desk, new_id, random_letters, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import (
    BadParameter,
    CardDeclined,
    Params,
    Refusal,
    needed,
    no_such,
)
from shop.payments.sandbox.sessions import check_amount
from shop.payments.sandbox.store import Kept

REFUSED = {
    Fate.DECLINED: DECLINES[DECLINES_LATER],
    Fate.AUTHENTICATION: ASKED_WHILE_AWAY,
}


def create_intent(desk: Desk, given: Params) -> Body:
    """Create an intent and confirm it at once; raises CardDeclined where the bank says no."""
    method = _method(desk, given)
    card = method.hidden["card"]
    intent = desk.ledger.add(
        objects.payment_intent(
            new_id("pi"),
            created=desk.ledger.now(),
            secret=random_letters(25),
            amount=given["amount"],
            currency=given["currency"],
            customer=given["customer"],
            types=given.get("allowed_payment_method_types"),
            metadata=given.get("metadata", {}),
        ),
        {"off_session": True},
    )
    desk.tell("payment_intent.created", intent.body)
    decline = REFUSED.get(Fate(card["charged_later"]))
    if decline is not None:
        raise _declined(desk, intent, method, decline)
    return paying.take(desk, intent, method.id, card)


def _method(desk: Desk, given: Params) -> Kept:
    """The card to charge, if this customer may be charged with it."""
    _check(given)
    if desk.ledger.find("customer", given["customer"]) is None:
        raise no_such("customer", given["customer"], param="customer", status=400)
    method = desk.ledger.find("payment_method", given["payment_method"])
    if method is None:
        raise no_such("PaymentMethod", given["payment_method"], param="payment_method", status=400)
    if method.body["customer"] is None:
        raise Refusal(
            400,
            "The provided PaymentMethod was detached from a Customer. It may not be used again.",
        )
    if method.body["customer"] != given["customer"]:
        raise Refusal(
            400,
            f"The customer does not have a payment method with the ID {method.id}. The payment"
            " method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    return method


def _check(given: Params) -> None:
    for name in ("amount", "currency", "customer", "payment_method"):
        needed(given, name)
    for name in ("off_session", "confirm"):
        if not given.get(name, False):
            raise BadParameter(
                "The sandbox knows intents that are confirmed off session only.", param=name
            )
    if given["currency"] != "usd":
        raise BadParameter("The sandbox knows currency usd only.", param="currency")
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise BadParameter("The sandbox knows cards only.", param="allowed_payment_method_types")
    check_amount(given["amount"], param="amount")


def _declined(desk: Desk, intent: Kept, method: Kept, decline: Decline) -> CardDeclined:
    failed = paying.decline(desk, intent, method.id, method.hidden["card"], decline)
    error = {
        **objects.payment_error(decline, charge=failed["latest_charge"]),
        "payment_method": method.body,
    }
    failed = desk.ledger.change(
        the(desk.ledger, "payment_intent", intent.id), last_payment_error=error
    ).body
    return CardDeclined({**error, "payment_intent": failed})
