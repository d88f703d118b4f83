"""Print a document and write it down: the first print is the original, every later one a copy."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.core import events
from shop.core.canonical import canonical
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.prescriptions.models import DocumentIssued, DocumentKind
from shop.prescriptions.paper.label import Label
from shop.prescriptions.paper.marking import Mark
from shop.prescriptions.paper.written import Written

Facts = TypeVar("Facts", Label, Written)

# A label whose facts have changed (another lot) is a new one, and says which it replaces. A
# prescription on paper never is: there is one original of it.
REPLACED = frozenset({DocumentKind.DISPENSING_LABEL})


def issue(
    kind: DocumentKind,
    subject_id: UUID,
    facts: Facts,
    draw: Callable[[Facts, Mark], bytes],
    *,
    by: Person,
    on: date,
    **told: object,
) -> bytes:
    """The PDF, marked for what it is, with its row. `on` is the clinic's day.

    `told` are further facts of the event, nothing medical. The caller holds the lock of the
    subject, so that two at once are one original and one copy.
    """
    before = _issued(kind, subject_id)
    hashed = facts_hash(facts)
    mark = marked(kind, before, hashed, by=by, on=on)
    made = draw(facts, mark)
    row = DocumentIssued(
        id=uuid.uuid4(),
        kind=kind,
        subject_id=subject_id,
        number=mark.number,
        facts_hash=hashed,
        sha256=hashlib.sha256(made).digest(),
        issued_on=on,
        issued_by_id=by.id,
    )
    db.session.add(row)
    db.session.flush()  # the database numbers in turn, or refuses
    events.record(Kind.DOCUMENT_ISSUED, row, document=kind.value, number=mark.number, **told)
    return made


def marked(
    kind: DocumentKind,
    before: Sequence[DocumentIssued],
    hashed: bytes,
    *,
    by: Person,
    on: date,
) -> Mark:
    """Which print comes after those `before`, oldest first."""
    number = len(before) + 1
    # Only what was printed last may be copied: what it replaced is void.
    start = next(
        (place for place, one in enumerate(before) if not _other(kind, before[place:], hashed)),
        None,
    )
    if start is not None:
        first = before[start]
        return Mark(number, False, first.issued_on, initials(first.issued_by.name))
    void = before[-1].issued_on if before else None
    return Mark(number, True, on, initials(by.name), replaces=void)


def _other(kind: DocumentKind, prints: Sequence[DocumentIssued], hashed: bytes) -> bool:
    """Whether one of these was made of facts that are no longer true, and is void."""
    return kind in REPLACED and any(one.facts_hash != hashed for one in prints)


def facts_hash(facts: Label | Written) -> bytes:
    """SHA-256 of the facts as canonical JSON, days and moments in ISO 8601."""
    plain = json.loads(json.dumps(asdict(facts), default=lambda moment: moment.isoformat()))
    return hashlib.sha256(canonical(plain)).digest()


def initials(name: str) -> str:
    """ "SO" for Sam Okafor."""
    return "".join(word[0] for word in name.split()).upper()[:4]


def last_told(kind: DocumentKind, subject_id: UUID) -> dict[str, Any] | None:
    """What the event of the last print of a document tells; None where it was never printed."""
    query = (
        sa.select(Event.facts)
        .join(DocumentIssued, DocumentIssued.id == Event.subject_id)
        .where(DocumentIssued.kind == kind, DocumentIssued.subject_id == subject_id)
        .order_by(DocumentIssued.number.desc())
        .limit(1)
    )
    return db.session.scalar(query)


def printed(kind: DocumentKind, subject_ids: Collection[UUID]) -> set[UUID]:
    """Of which of these the document was printed at least once."""
    query = sa.select(DocumentIssued.subject_id).where(
        DocumentIssued.kind == kind, DocumentIssued.subject_id.in_(subject_ids)
    )
    return set(db.session.scalars(query))


def _issued(kind: DocumentKind, subject_id: UUID) -> Sequence[DocumentIssued]:
    query = (
        sa.select(DocumentIssued)
        .where(DocumentIssued.kind == kind, DocumentIssued.subject_id == subject_id)
        .options(joinedload(DocumentIssued.issued_by))
        .order_by(DocumentIssued.number)
    )
    return db.session.scalars(query).all()
