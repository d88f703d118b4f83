"""Read an object at the provider again, and apply what it says.

A webhook, a returning client and the reconciler only hint at what to read. No call may be made
inside a transaction, so this module commits: what was read before the call, and what was learnt.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.payments import disputing, queries, refunding, removing, saving, settling, warned
from shop.payments import models as rows
from shop.payments.gateway import (
    Card,
    CheckoutSession,
    Dispute,
    FraudWarning,
    Gateway,
    Intent,
    IntentState,
    NotThere,
    Refund,
    SetupPage,
)
from shop.payments.models import Payment
from shop.payments.saving import CardTold

Fact = CheckoutSession | Intent | Refund | SetupPage | CardTold | Card | Dispute | FraudWarning

log = structlog.get_logger()


def session(session_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a page of either kind and what was made on it, and apply it. Raises GatewayError."""
    _outside()
    page = gateway.page(session_id)
    if isinstance(page, SetupPage):
        return _applied(_read_setup_page(page, gateway))
    return _applied(_read_page(page, gateway))


def intent(intent_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read an intent and apply it; an unknown one is looked for on the pages of its order."""
    _outside()
    return _applied(_read_intent(intent_id, gateway))


def _read_intent(intent_id: str, gateway: Gateway) -> list[Fact]:
    told = gateway.intent(intent_id)
    facts: list[Fact] = []
    if told.payment_ref is None and queries.payment_of_intent(intent_id) is None:
        pages = queries.sessions_without_intent(told.order_ref)
        _outside()
        facts = [gateway.session(page) for page in pages]
    return [*facts, told, *_kept_card(told, gateway)]


def method(method_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a saved card, which may have been detached. Raises GatewayError."""
    if queries.card_of_method(method_id) is None:  # one that is being saved, or none of ours
        return set()
    _outside()
    return _applied([gateway.card(method_id)])


def refund(refund_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a refund and apply it. Raises GatewayError."""
    _outside()
    return _applied([gateway.refund_state(refund_id)])


def dispute(dispute_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read a dispute and the money it is about, and apply both. Raises GatewayError."""
    _outside()
    told = gateway.dispute(dispute_id)
    return _applied([*_its_money(told.intent_id, gateway), told])


def warning(warning_id: str, gateway: Gateway) -> set[uuid.UUID]:
    """Read an early fraud warning and the money it is about. Raises GatewayError."""
    _outside()
    told = gateway.fraud_warning(warning_id)
    return _applied([*_its_money(told.intent_id, gateway), told])


def _its_money(intent_id: str | None, gateway: Gateway) -> list[Fact]:
    """The intent that something is about: that may be told before its payment is."""
    if intent_id is None or queries.is_booked(intent_id):
        return []
    _outside()
    return _read_intent(intent_id, gateway)


def payment(payment_id: uuid.UUID, gateway: Gateway) -> set[uuid.UUID]:
    """Read whatever the provider knows of a payment and its refunds. Raises GatewayError."""
    known = queries.payment(payment_id)
    session_id, intent_id = known.provider_session_id, known.provider_intent_id
    facts = read_payment(session_id, intent_id, gateway)
    if intent_id is not None:
        _outside()
        facts += gateway.refunds_of(intent_id)
    return _applied(facts)


def read_payment(session_id: str | None, intent_id: str | None, gateway: Gateway) -> list[Fact]:
    """A payment's page and intent, or its intent alone where a saved card is charged."""
    if session_id is not None:
        return read_session(session_id, gateway)
    _outside()
    return [] if intent_id is None else [gateway.intent(intent_id)]


def read_session(session_id: str, gateway: Gateway) -> list[Fact]:
    """A page as it is now, its intent if a card was tried, and the card if it is to be kept."""
    _outside()
    return _read_page(gateway.session(session_id), gateway)


def _read_page(page: CheckoutSession, gateway: Gateway) -> list[Fact]:
    if page.intent_id is None:
        return [page]
    intent = gateway.intent(page.intent_id)
    return [page, intent, *_kept_card(intent, gateway)]


def _kept_card(intent: Intent, gateway: Gateway) -> list[Fact]:
    """The card that paid, where the client had it saved."""
    if intent.state is not IntentState.SUCCEEDED or None in {intent.setup_ref, intent.method_id}:
        return []
    _outside()
    assert intent.method_id is not None
    return [CardTold(intent.setup_ref, gateway.card(intent.method_id))]


def read_setup(session_id: str, gateway: Gateway) -> list[Fact]:
    """A page to save a card on as it is now, and the card once it was typed."""
    _outside()
    page = gateway.page(session_id)
    return _read_setup_page(page, gateway) if isinstance(page, SetupPage) else []


def _read_setup_page(page: SetupPage, gateway: Gateway) -> list[Fact]:
    method_id = None if page.saved_by is None else gateway.method_saved(page.saved_by)
    if method_id is None:
        return [page]
    return [page, CardTold(page.setup_ref, gateway.card(method_id))]


def apply(facts: Sequence[Fact], *, of: uuid.UUID | None = None) -> set[uuid.UUID]:
    """Apply facts in the transaction under way; tells the orders they were about.

    `of` is the payment, refund or setup that was asked about, where one was.
    """
    at = now()
    orders = set()
    for fact in facts:
        about = _apply_one(fact, at=at, of=of)
        db.session.flush()  # the next fact finds what this one taught
        if about is not None:
            orders.add(about.order_id)
    return orders


def _apply_one(fact: Fact, *, at: datetime, of: uuid.UUID | None) -> Payment | None:
    match fact:
        case CheckoutSession():
            return settling.apply_session(fact, at=at, payment_id=of)
        case Intent():
            return settling.apply_intent(fact, at=at)
        case Refund():
            return _payment_of(refunding.apply(fact, at=at, refund_id=of))
        case Dispute():
            return _payment_of(disputing.apply(fact, at=at))
        case FraudWarning():
            return _payment_of(warned.apply(fact))
        case SetupPage() | CardTold() | Card():
            _apply_card(fact, at=at, of=of)
    return None


def _apply_card(fact: SetupPage | CardTold | Card, *, at: datetime, of: uuid.UUID | None) -> None:
    match fact:
        case SetupPage():
            saving.apply_page(fact, setup_id=of)
        case CardTold():
            saving.apply_card(fact)
        case Card():
            removing.apply(fact, at=at)


def _payment_of(row: rows.Refund | rows.Dispute | rows.FraudWarning | None) -> Payment | None:
    return None if row is None else row.payment


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


FOLLOWED = {
    "checkout.session": session,
    "payment_intent": intent,
    "refund": refund,
    "payment_method": method,
    "dispute": dispute,
    "radar.early_fraud_warning": warning,
}


def _applied(facts: Sequence[Fact]) -> set[uuid.UUID]:
    """Apply facts and commit. What follows from them is planned, and is yours to send."""
    orders = apply(facts)
    db.session.commit()
    return orders


def _outside() -> None:
    """End the transaction that reading began: a call takes as long as the network does."""
    db.session.commit()
    assert not db.session().in_transaction()
