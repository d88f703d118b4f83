"""A client takes a saved card back: it is not charged from then on, and the provider forgets it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.payments import queries
from shop.payments.gateway import Card
from shop.payments.models import SavedCard
from shop.payments.planning import Operation, plan


def remove(card: SavedCard, *, by: Person, at: datetime) -> None:
    """Remove a card, and plan the call that detaches it. Removed before, nothing changes.

    A charge that was not sent yet is given up (`calls`); one that was is settled as it ends.
    """
    if by.id != card.client_id:
        raise NotAllowed("Only its owner removes a card.")
    held = _held(card)
    if held.removed_at is not None:
        return
    _removed(held, at, by="client")
    plan(Operation.DETACH_CARD, held.id, order_id=None, method_id=held.provider_method_id)


def apply(told: Card, *, at: datetime) -> None:
    """The provider says how a card stands there: without its customer it is of no use here."""
    card = queries.card_of_method(told.id)
    if card is None or told.customer_id is not None:
        return
    held = _held(card)
    if held.removed_at is None:
        _removed(held, at, by="provider")


def _held(card: SavedCard) -> SavedCard:
    query = locked(sa.select(SavedCard).where(SavedCard.id == card.id))
    return db.session.execute(query).scalar_one()


def _removed(card: SavedCard, at: datetime, *, by: str) -> None:
    card.removed_at = at
    db.session.flush()
    events.record(Kind.CARD_REMOVED, card, client=str(card.client_id), by=by)
