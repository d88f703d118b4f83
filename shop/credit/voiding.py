"""A gift card that nobody has redeemed is worth nothing any more: lost, or paid for by fraud."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.events import Kind, record
from shop.credit.errors import GiftCardRefused
from shop.credit.limits import LONGEST_NOTE
from shop.credit.models import GiftCard
from shop.credit.states import CardStatus


def void(card: GiftCard, *, reason: str, by: Person, at: datetime) -> None:
    """A manager voids a (locked) card. Raises GiftCardRefused, WrongState."""
    if not 1 <= len(reason.strip()) <= LONGEST_NOTE:
        text = f"Say in up to {LONGEST_NOTE} characters why."
        raise GiftCardRefused(text, fields={"reason": [text]})
    card.status = CardStatus.VOIDED
    card.voided_by, card.void_reason = by, reason.strip()
    record(Kind.GIFT_CARD_VOIDED, card, cents=card.cents)
    db.session.flush()
    db.session.refresh(card, ["ended_at"])
