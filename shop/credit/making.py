"""Gift cards: sold at the desk, or given; a large one by two people.

They never expire, and no fee is taken of them. The law asks for less: no expiry within five years
and no fee for not using one within a year (CARD Act of 2009, 15 U.S.C. 1693l-1; 12 CFR 1005.20).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from shop.accounts.models import Person
from shop.core import numbers
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.core.money import dollars
from shop.credit import codes
from shop.credit.errors import GiftCardMade, GiftCardRefused, SecondPersonNeeded
from shop.credit.limits import LEAST_CARD_CENTS, LONGEST_NOTE, MOST_CARD_CENTS
from shop.credit.models import GiftCard, Origin
from shop.credit.states import CardStatus


class Made(NamedTuple):
    """A card, and its code, which is told this once; None while a second person has to agree."""

    card: GiftCard
    code: str | None


def make(
    cents: int,
    *,
    origin: Origin,
    note: str,
    by: Person,
    at: datetime,
    card_id: uuid.UUID | None = None,
) -> Made:
    """A gift card of so much; what one person makes within a day counts together.

    `note` names the receipt of what was sold, or says why it is given. `card_id` is the form's, so
    that a double click makes one card. Raises GiftCardRefused, GiftCardMade.
    """
    _refuse(cents, note)
    key = card_id or uuid.uuid4()
    if (known := db.session.get(GiftCard, key)) is not None:
        raise GiftCardMade(
            f"This form has made {known.number} already. Open the page anew for another card.",
            number=known.number,
        )
    card = GiftCard(
        id=key,
        number=numbers.fresh("G"),
        cents=cents,
        origin=origin,
        note=note.strip(),
        status=CardStatus.PROPOSED,
        proposed_by_id=by.id,
    )
    db.session.add(card)
    record(Kind.GIFT_CARD_PROPOSED, card, cents=cents, origin=origin)
    db.session.flush()  # the database says whether it is large
    db.session.refresh(card, ["large", "proposed_at"])
    return Made(card, None if card.large else _issue(card))


def confirm(card: GiftCard, *, by: Person, at: datetime) -> Made:
    """The second person agrees: the (locked) card gets its code. Raises WrongState and
    SecondPersonNeeded.
    """
    _decide(card, by)
    card.decided_by = by
    return Made(card, _issue(card))


def decline(card: GiftCard, *, by: Person, at: datetime) -> None:
    """The second person does not agree. Raises WrongState, SecondPersonNeeded."""
    _decide(card, by)
    card.status, card.decided_by = CardStatus.DECLINED, by
    record(Kind.GIFT_CARD_DECLINED, card)
    db.session.flush()


def _refuse(cents: int, note: str) -> None:
    if not LEAST_CARD_CENTS <= cents <= MOST_CARD_CENTS:
        least, most = dollars(LEAST_CARD_CENTS), dollars(MOST_CARD_CENTS)
        text = f"A gift card is of {least} to {most}."
        raise GiftCardRefused(text, fields={"cents": [text]})
    if not 1 <= len(note.strip()) <= LONGEST_NOTE:
        text = f"Name the receipt, or say why it is given, in up to {LONGEST_NOTE} characters."
        raise GiftCardRefused(text, fields={"note": [text]})


def _decide(card: GiftCard, by: Person) -> None:
    if card.status is not CardStatus.PROPOSED:
        raise WrongState(f"This gift card is {card.status} already.", status=card.status)
    if by.id == card.proposed_by_id:
        raise SecondPersonNeeded("Somebody else decides what you proposed.")


def _issue(card: GiftCard) -> str:
    code = codes.fresh()
    card.status = CardStatus.ISSUED
    card.code_hash, card.last4 = codes.hashed(code), codes.last4(code)
    record(Kind.GIFT_CARD_ISSUED, card, cents=card.cents)
    db.session.flush()
    db.session.refresh(card, ["issued_at", "state_seq"])
    return code
