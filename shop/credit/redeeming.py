"""A gift card becomes the credit of whom redeems it: whole, and once."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa

from shop.accounts import throttling
from shop.accounts.models import Person
from shop.core.db import db, locked
from shop.core.events import Kind, record
from shop.credit import codes, ledger
from shop.credit.errors import CodeRefused
from shop.credit.models import CreditEntry, EntryKind, GiftCard
from shop.credit.states import CardStatus


def redeem(code: str, *, address: str, by: Person, at: datetime) -> CreditEntry:
    """Book the card with this code into the account of `by`; again, it is the same entry.

    Slowed like guesses of a password, by account and by network `address`. A code that nobody has,
    that another used or that was voided is refused with the same words. Raises TooMany, and
    CodeRefused, whose failure the caller commits.
    """
    who = _key("client", str(by.id)), _key("address", address)
    throttling.refuse_too_many(*who, at=at)
    query = sa.select(GiftCard).where(GiftCard.code_hash == codes.hashed(code))
    card = db.session.scalar(locked(query, GiftCard))
    if card is not None and card.redeemed_by_id == by.id:
        return _entry(card)
    if card is None or card.status is not CardStatus.ISSUED:
        throttling.count_failure(*who)
        text = "No gift card that can be redeemed has this code. Look at it again, or ask us."
        raise CodeRefused(text, fields={"code": ["Not the code of a card that can be redeemed."]})
    account = ledger.opened(by.id)
    card.status, card.redeemed_by = CardStatus.REDEEMED, by
    record(Kind.GIFT_CARD_REDEEMED, card, cents=card.cents)
    db.session.flush()  # the entry points at whose it is
    db.session.refresh(card, ["ended_at"])
    return ledger.book(account.client_id, EntryKind.REDEEMED, card.cents, card_id=card.id)


def _entry(card: GiftCard) -> CreditEntry:
    return db.session.execute(
        sa.select(CreditEntry).where(CreditEntry.card_id == card.id)
    ).scalar_one()


def _key(what: str, who: str) -> bytes:
    """How tries are counted. An address as sign-in has it, and apart from it."""
    name = throttling.address_key(who) if what == "address" else who.encode()
    return hashlib.sha256(b"gift-card:" + what.encode() + b":" + name).digest()
