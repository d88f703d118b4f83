"""Read an object at the provider again, and apply what it says.

A webhook, a returning client and the reconciler only hint at what to read. No call may be made
inside a transaction, so this module commits: what was read before the call, and what was learnt.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.payments import queries, refunding, settling
from shop.payments.gateway import CheckoutSession, Gateway, Intent, NotThere, Refund
from shop.payments.models import Payment

Fact = CheckoutSession | Intent | Refund

log = structlog.get_logger()


def session(session_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a page and its intent, and apply both. Raises GatewayError."""
    return _applied(read_session(session_id, gateway))


def intent(intent_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read an intent and apply it; an unknown one is looked for on the pages of its order."""
    _outside()
    told = gateway.intent(intent_id)
    facts: list[Fact] = []
    if queries.payment_of_intent(intent_id) is None:
        pages = queries.sessions_without_intent(told.order_ref)
        _outside()
        facts = [gateway.session(page) for page in pages]
    return _applied([*facts, told])


def refund(refund_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a refund and apply it. Raises GatewayError."""
    _outside()
    return _applied([gateway.refund_state(refund_id)])


def payment(payment_id: uuid.UUID, gateway: Gateway) -> set[uuid.UUID]:
    """Read whatever the provider knows of a payment and its refunds. Raises GatewayError."""
    known = queries.payment(payment_id)
    session_id, intent_id = known.provider_session_id, known.provider_intent_id
    facts = read_session(session_id, gateway) if session_id else []
    if intent_id is not None:
        _outside()
        facts += gateway.refunds_of(intent_id)
    return _applied(facts)


def read_session(session_id: str, gateway: Gateway) -> list[Fact]:
    """A page as it is now, and its intent if a card was tried. Raises GatewayError."""
    _outside()
    page = gateway.session(session_id)
    return [page, gateway.intent(page.intent_id)] if page.intent_id else [page]


def apply(facts: Sequence[Fact], *, of: uuid.UUID | None = None) -> set[uuid.UUID]:
    """Apply facts in the transaction under way; tells the orders they were about.

    `of` is the payment or refund that was asked about, where one was.
    """
    at = now()
    orders = set()
    about: Payment | None
    for fact in facts:
        match fact:
            case CheckoutSession():
                about = settling.apply_session(fact, at=at, payment_id=of)
            case Intent():
                about = settling.apply_intent(fact, at=at)
            case Refund():
                refunded = refunding.apply(fact, at=at, refund_id=of)
                about = None if refunded is None else refunded.payment
        db.session.flush()  # the next fact finds what this one taught
        if about is not None:
            orders.add(about.order_id)
    return orders


def event(object_type: str, object_id: str | None, gateway: Gateway) -> set[uuid.UUID]:
    """Follow a webhook's hint; what the shop does not follow is about no order."""
    follow = FOLLOWED.get(object_type)
    if follow is None or object_id is None:
        return set()
    try:
        return follow(object_id, gateway)
    except NotThere:
        log.exception("provider_object_missing", object_type=object_type, object_id=object_id)
        return set()


FOLLOWED = {"checkout.session": session, "payment_intent": intent, "refund": refund}


def _applied(facts: Sequence[Fact]) -> set[uuid.UUID]:
    """Apply facts and commit. What follows from them is planned, and is yours to send."""
    orders = apply(facts)
    db.session.commit()
    return orders


def _outside() -> None:
    """End the transaction that reading began: a call takes as long as the network does."""
    db.session.commit()
    assert not db.session().in_transaction()
