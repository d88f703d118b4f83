"""Letters as who works here sees them: how they stand, and no address."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.notifications.models import Letter, LetterResend
from shop.notifications.states import LetterStatus as S
from shop.notifications.topics import FOR_STAFF, OF_CARE

NEWEST_FIRST = (Letter.queued_at, Letter.id)

_OPEN = sa.and_(Letter.sent_at.is_(None), Letter.failed_at.is_(None))
STANDING = {
    S.WAITING: sa.and_(_OPEN, Letter.error == ""),
    S.DELAYED: sa.and_(_OPEN, Letter.error != ""),
    S.SENT: Letter.sent_at.is_not(None),
    S.GAVE_UP: sa.and_(Letter.failed_at.is_not(None), Letter.error != "ended"),
    S.ENDED: sa.and_(Letter.failed_at.is_not(None), Letter.error == "ended"),
}


def status_of(letter: Letter) -> S:
    """How it stands."""
    if letter.sent_at is not None:
        return S.SENT
    if letter.failed_at is not None:
        return S.ENDED if letter.error == "ended" else S.GAVE_UP
    return S.DELAYED if letter.error else S.WAITING


def letters(reader: Person, *, status: S | None = None) -> sa.Select[Letter]:
    """Those the reader may see: staff those of orders, returns and recalls; a manager all."""
    query = sa.select(Letter).options(joinedload(Letter.recipient)).where(_seen_by(reader))
    return query if status is None else query.where(STANDING[status])


def counts(reader: Person) -> dict[S, int]:
    """How many stand how."""
    columns = [sa.func.count().filter(rule).label(status) for status, rule in STANDING.items()]
    row = db.session.execute(sa.select(*columns).where(_seen_by(reader))).one()
    return {status: getattr(row, status) for status in STANDING}


def letter_for(reader: Person, letter_id: uuid.UUID) -> Letter:
    """One of them, locked. Raises NotFound."""
    query = locked(sa.select(Letter).where(Letter.id == letter_id, _seen_by(reader)))
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such letter.")
    return found


def resends(letters: list[Letter]) -> dict[uuid.UUID, list[LetterResend]]:
    """Letter → who had it resent, and why it had been given up."""
    query = (
        sa.select(LetterResend)
        .options(joinedload(LetterResend.by))
        .where(LetterResend.letter_id.in_([one.id for one in letters]))
    )
    found: dict[uuid.UUID, list[LetterResend]] = {}
    for one in db.session.scalars(query.order_by(LetterResend.number)):
        found.setdefault(one.letter_id, []).append(one)
    return found


def named(letter: Letter) -> str:
    """To whom it goes; empty where that would say something of a client's health."""
    client = letter.recipient.role is Role.CLIENT
    return "" if client and letter.template in OF_CARE else letter.recipient.name


def _seen_by(reader: Person) -> sa.ColumnElement[bool]:
    if reader.role is Role.MANAGER:
        return sa.true()
    return Letter.template.in_(sorted(FOR_STAFF))
