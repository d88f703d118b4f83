"""Reads of payments. Whoever shows one to a person has fetched the order through that person."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.orders.models import Order
from shop.payments.errors import ProviderAway
from shop.payments.models import (
    CardSetup,
    Dispute,
    FraudWarning,
    Payment,
    Refund,
    RefundUnit,
    SavedCard,
)
from shop.payments.states import (
    CONTESTED,
    LIVE,
    PAID_TWICE,
    DisputeStatus,
    PaymentStatus,
    RefundStatus,
)


def locked_order(order_id: uuid.UUID) -> Order:
    """The order, locked: its lock guards its payments, refunds and calls."""
    return db.session.execute(locked(sa.select(Order).where(Order.id == order_id))).scalar_one()


def payment(payment_id: uuid.UUID) -> Payment:
    """A payment as the database has it now."""
    return _afresh(sa.select(Payment).where(Payment.id == payment_id))[0]


def payment_with_page(payment_id: uuid.UUID) -> Payment:
    """A payment the client can go on with. Raises ProviderAway."""
    found = payment(payment_id)
    if found.url is None:
        raise ProviderAway(
            "The payment page could not be opened. Nothing was charged. Try again in a minute.",
            retry_after=60,
        )
    return found


def payments_of(order_id: uuid.UUID) -> list[Payment]:
    """Every attempt to pay an order, oldest first, as the database has them now."""
    return _afresh(
        sa.select(Payment)
        .where(Payment.order_id == order_id)
        .order_by(Payment.created_at, Payment.id)
    )


def live_payment(order_id: uuid.UUID) -> Payment | None:
    """The one attempt under way."""
    found = _afresh(
        sa.select(Payment).where(Payment.order_id == order_id, Payment.status.in_(LIVE))
    )
    return found[0] if found else None


def payment_to_show(order_id: uuid.UUID) -> Payment | None:
    """The payment a person asks about: the one that paid, else the latest."""
    found = payments_of(order_id)
    return next((one for one in found if one.captured_cents), found[-1] if found else None)


def payment_that_paid(order_id: uuid.UUID) -> Payment | None:
    """The payment whose money an order keeps; None where store credit paid it whole.

    A second payment that came for an order already paid goes back as a whole, by its own key.
    """
    twice = sa.exists().where(Refund.payment_id == Payment.id, Refund.request_key == PAID_TWICE)
    query = (
        sa.select(Payment)
        .where(Payment.order_id == order_id, Payment.status == PaymentStatus.SUCCEEDED, ~twice)
        .order_by(Payment.created_at, Payment.id)
        .limit(1)
    )
    found = _afresh(query)
    return found[0] if found else None


def why_given_up(payment: Payment) -> str | None:
    """Why no money comes of a payment any more, in a word of ours or the bank's."""
    if payment.status is not PaymentStatus.CANCELLED:
        return None
    why: str | None = events.of(payment.id)[-1].facts.get("why")
    return why


def payment_of_session(session_id: str) -> Payment | None:
    return db.session.scalar(sa.select(Payment).where(Payment.provider_session_id == session_id))


def payment_of_intent(intent_id: str) -> Payment | None:
    return db.session.scalar(sa.select(Payment).where(Payment.provider_intent_id == intent_id))


def is_booked(intent_id: str) -> bool:
    """Whether the money of an intent is known here."""
    found = payment_of_intent(intent_id)
    return found is not None and found.captured_cents > 0


def charge_named(payment_ref: str | None) -> Payment | None:
    """The charge of a saved card that an intent says it belongs to."""
    key = _uuid(payment_ref)
    if key is None:
        return None
    return db.session.scalar(
        sa.select(Payment).where(
            Payment.id == key,
            Payment.card_id.is_not(None),
            Payment.provider_intent_id.is_(None),
        )
    )


def cards_of(client: Person) -> list[SavedCard]:
    """The cards a client has saved and not removed, oldest first."""
    query = (
        sa.select(SavedCard)
        .where(SavedCard.client_id == client.id, SavedCard.removed_at.is_(None))
        .order_by(SavedCard.saved_at, SavedCard.id)
    )
    return list(db.session.scalars(query))


def card_for(reader: Person, card_id: uuid.UUID, *, lock: bool = False) -> SavedCard:
    """A card of the reader's own, also a removed one. Raises NotFound."""
    query = sa.select(SavedCard).where(SavedCard.id == card_id, SavedCard.client_id == reader.id)
    found = db.session.scalar(locked(query) if lock else query)
    if found is None:
        raise NotFound("You have no such card.")
    return found


def card_of_method(method_id: str) -> SavedCard | None:
    return db.session.scalar(sa.select(SavedCard).where(SavedCard.provider_method_id == method_id))


def is_removed(card: SavedCard) -> bool:
    """Whether a card was removed, as the database has it now."""
    removed_at = db.session.scalar(sa.select(SavedCard.removed_at).where(SavedCard.id == card.id))
    return removed_at is not None


def card_of_setup(setup_id: uuid.UUID) -> SavedCard | None:
    return db.session.scalar(sa.select(SavedCard).where(SavedCard.setup_id == setup_id))


def setup_with_page(setup_id: uuid.UUID) -> CardSetup:
    """A setup whose page the client can type a card on. Raises ProviderAway."""
    found = db.session.get_one(CardSetup, setup_id, populate_existing=True)
    if found.url is None:
        raise ProviderAway(
            "The page to save a card could not be opened. Try again in a minute.", retry_after=60
        )
    return found


def open_setup(client: Person, *, at: datetime) -> CardSetup | None:
    """The client's page to save a card on, if one is open."""
    query = (
        sa.select(CardSetup)
        .where(
            CardSetup.client_id == client.id,
            CardSetup.url.is_not(None),
            CardSetup.page_ends_at > at,
        )
        .order_by(CardSetup.page_ends_at.desc())
        .limit(1)
    )
    return db.session.scalar(query)


def open_setup_pages(client: Person) -> list[str]:
    """The provider's names of the client's pages that are not known to be done with."""
    query = (
        sa.select(CardSetup.provider_session_id)
        .where(CardSetup.client_id == client.id, CardSetup.url.is_not(None))
        .order_by(CardSetup.page_ends_at.desc())
        .limit(5)
    )
    return [found for found in db.session.scalars(query) if found]


def setup_named(setup_ref: str | None) -> CardSetup | None:
    key = _uuid(setup_ref)
    return None if key is None else db.session.get(CardSetup, key)


def locked_setup(setup_ref: str | uuid.UUID | None) -> CardSetup | None:
    """The setup that the provider names, locked: its lock guards the card it saves."""
    key = setup_ref if isinstance(setup_ref, uuid.UUID) else _uuid(setup_ref)
    if key is None:
        return None
    return db.session.scalar(locked(sa.select(CardSetup).where(CardSetup.id == key)))


def _uuid(text: str | None) -> uuid.UUID | None:
    """A reference of ours that came back from the provider, where anybody may have written."""
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        return None


def sessions_without_intent(order_ref: str | None) -> list[str]:
    """The provider's pages of an order whose intent is not known here yet."""
    query = (
        sa.select(Payment.provider_session_id)
        .join(Order, Order.id == Payment.order_id)
        .where(
            Order.number == order_ref,
            Payment.provider_session_id.is_not(None),
            Payment.provider_intent_id.is_(None),
        )
        .order_by(Payment.created_at)
    )
    return [found for found in db.session.scalars(query) if found]


def refund_named(refund_ref: str, intent_id: str) -> Refund | None:
    """The refund of an intent that the provider names, unless it goes by another name there."""
    named = [one for one in refunds_of_intent(intent_id) if str(one.id) == refund_ref]
    return next((one for one in named if one.provider_refund_id is None), None)


def refunds_of_intent(intent_id: str) -> list[Refund]:
    """The refunds planned for an intent, oldest first."""
    query = (
        sa.select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.provider_intent_id == intent_id)
        .order_by(Refund.planned_at, Refund.id)
    )
    return list(db.session.scalars(query))


def payment_to_refund(order: Order) -> Payment | None:
    """The payment that money can go back to: of several that took some, the one with most left."""
    taken = [one for one in payments_of(order.id) if one.captured_cents]
    return max(taken, key=lambda one: one.captured_cents - one.refunded_cents, default=None)


def units_refunded(lines: Iterable[uuid.UUID]) -> dict[uuid.UUID, set[int]]:
    """The numbers of the units that went back or are about to, by the id of their line."""
    found: dict[uuid.UUID, set[int]] = {line: set() for line in lines}
    query = sa.select(RefundUnit.order_line_id, RefundUnit.unit).where(
        RefundUnit.order_line_id.in_(list(found)), RefundUnit.freed_at.is_(None)
    )
    for line_id, unit in db.session.execute(query):
        found[line_id].add(unit)
    return found


_REFUND = (
    joinedload(Refund.payment).joinedload(Payment.order),
    selectinload(Refund.units).joinedload(RefundUnit.line),
    joinedload(Refund.proposed_by),
    joinedload(Refund.decided_by),
)


def refunds(*, status: RefundStatus | None = None) -> sa.Select[Refund]:
    """All, or those in one state, with all that is shown of them: for staff."""
    query = sa.select(Refund).options(*_REFUND)
    return query if status is None else query.where(Refund.status == status)


def refunds_of(order: Order) -> list[Refund]:
    """The refunds of an order that was fetched through its reader, oldest first."""
    query = refunds().join(Payment, Payment.id == Refund.payment_id)
    query = query.where(Payment.order_id == order.id).order_by(Refund.planned_at, Refund.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def refund_to_see_to(refund_id: uuid.UUID, *, lock: bool = False) -> Refund:
    """One, its order locked before it where it is decided on. Raises NotFound."""
    order_id = db.session.scalar(
        sa.select(Payment.order_id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.id == refund_id)
    )
    if order_id is None:
        raise NotFound("There is no such refund.")
    if lock:
        locked_order(order_id)
        db.session.execute(locked(sa.select(Payment).where(Payment.order_id == order_id))).all()
        db.session.execute(locked(sa.select(Refund).where(Refund.id == refund_id))).all()
    return db.session.scalars(refunds().where(Refund.id == refund_id)).one()


def disputes(*, status: DisputeStatus | None = None) -> sa.Select[Dispute]:
    """All, or those in one state, with their order and their money: for staff."""
    query = sa.select(Dispute).options(
        joinedload(Dispute.payment).joinedload(Payment.order),
        joinedload(Dispute.evidence_by),
        selectinload(Dispute.movements),
    )
    return query if status is None else query.where(Dispute.status == status)


def disputes_of(payment: Payment, statuses: Collection[DisputeStatus]) -> list[Dispute]:
    query = sa.select(Dispute).where(Dispute.payment_id == payment.id, Dispute.status.in_(statuses))
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def contested(order_id: uuid.UUID) -> bool:
    """Whether a bank is deciding about money of this order now."""
    query = (
        sa.select(Dispute.id)
        .join(Payment, Payment.id == Dispute.payment_id)
        .where(Payment.order_id == order_id, Dispute.status.in_(CONTESTED))
    )
    return db.session.scalar(query.limit(1)) is not None


def dispute_with(dispute_id: uuid.UUID, *, lock: bool = False) -> Dispute:
    """One, its order locked before it where it is acted on. Raises NotFound."""
    found = db.session.scalar(disputes().where(Dispute.id == dispute_id))
    if found is None:
        raise NotFound("There is no such dispute.")
    if not lock:
        return found
    locked_order(found.payment.order_id)
    return db.session.execute(
        locked(sa.select(Dispute).where(Dispute.id == dispute_id))
    ).scalar_one()


def open_disputes() -> list[str]:
    """What disputes that no bank has decided yet are called at the provider."""
    over = (DisputeStatus.WON, DisputeStatus.LOST)
    query = sa.select(Dispute.provider_dispute_id).where(Dispute.status.not_in(over))
    return list(db.session.scalars(query.order_by(Dispute.opened_at, Dispute.id)))


def dispute_named(provider_dispute_id: str) -> Dispute | None:
    return db.session.scalar(
        sa.select(Dispute).where(Dispute.provider_dispute_id == provider_dispute_id)
    )


def warnings_to_see(*, seen: bool | None = None) -> sa.Select[FraudWarning]:
    """Early fraud warnings: all, those that were looked at, or the others."""
    query = sa.select(FraudWarning).options(
        joinedload(FraudWarning.payment).joinedload(Payment.order),
        joinedload(FraudWarning.reviewed_by),
    )
    if seen is None:
        return query
    looked = FraudWarning.reviewed_at.is_not(None)
    return query.where(looked if seen else sa.not_(looked))


def warning_with(warning_id: uuid.UUID, *, lock: bool = False) -> FraudWarning:
    """One. Raises NotFound."""
    query = sa.select(FraudWarning).where(FraudWarning.id == warning_id)
    found = db.session.scalar(locked(query) if lock else query)
    if found is None:
        raise NotFound("There is no such warning.")
    return found


def warning_named(provider_warning_id: str) -> FraudWarning | None:
    return db.session.scalar(
        sa.select(FraudWarning).where(FraudWarning.provider_warning_id == provider_warning_id)
    )


def _afresh(query: sa.Select[Payment]) -> list[Payment]:
    return list(db.session.scalars(query.execution_options(populate_existing=True)))
