"""What clients and the desk look up of credit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.credit.models import CreditAccount, CreditCorrection, CreditEntry, GiftCard
from shop.credit.states import CardStatus, CorrectionStatus

_SHOWN = (
    selectinload(GiftCard.proposed_by),
    selectinload(GiftCard.decided_by),
    selectinload(GiftCard.redeemed_by),
    selectinload(GiftCard.voided_by),
)


def client_named(email: str) -> Person:
    """The client with this mail address, for the desk. Raises NotFound."""
    query = sa.select(Person).where(Person.email == email, Person.role == Role.CLIENT)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("No client has this mail address.")
    return found


def balance(client: Person) -> int:
    """What a client has, in cents; nothing is locked."""
    query = sa.select(CreditAccount.balance_cents).where(CreditAccount.client_id == client.id)
    return db.session.scalar(query) or 0


def entries(client: Person) -> sa.Select[CreditEntry]:
    """The ledger of a client's account."""
    return sa.select(CreditEntry).where(CreditEntry.client_id == client.id)


def account(client_id: uuid.UUID) -> Person:
    """The client whose credit the desk looks at. Raises NotFound."""
    query = sa.select(Person).where(Person.id == client_id, Person.role == Role.CLIENT)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("There is no such client.")
    return found


def last4s(card_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What is shown of the codes of these cards."""
    query = sa.select(GiftCard.id, GiftCard.last4).where(GiftCard.id.in_(list(card_ids)))
    return {row.id: row.last4 for row in db.session.execute(query)}


def cards(*, status: CardStatus | None = None) -> sa.Select[GiftCard]:
    """All gift cards, or those in one state, with all that is shown of them."""
    query = sa.select(GiftCard).options(*_SHOWN)
    return query if status is None else query.where(GiftCard.status == status)


def card(number: str, *, lock: bool = False) -> GiftCard:
    """The card with our number, locked where it is changed. Raises NotFound."""
    query = cards().where(GiftCard.number == number)
    found = db.session.scalars(locked(query, GiftCard) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such gift card.")
    return found


def corrections(
    *, client: Person | None = None, status: CorrectionStatus | None = None
) -> sa.Select[CreditCorrection]:
    """Corrections, with who proposed and decided them."""
    query = sa.select(CreditCorrection).options(
        selectinload(CreditCorrection.client),
        selectinload(CreditCorrection.proposed_by),
        selectinload(CreditCorrection.decided_by),
    )
    if client is not None:
        query = query.where(CreditCorrection.client_id == client.id)
    return query if status is None else query.where(CreditCorrection.status == status)


def correction(number: str, *, lock: bool = False) -> CreditCorrection:
    """The correction with our number, locked where it is decided. Raises NotFound."""
    query = corrections().where(CreditCorrection.number == number)
    found = db.session.scalars(locked(query, CreditCorrection) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such correction.")
    return found
