"""What is known of a client at a moment, and who opened her record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.charts.facts import (
    Allergy,
    Condition,
    Fact,
    FactKind,
    Fitzpatrick,
    Guardian,
    Medicine,
    NoneKnown,
    Pregnancy,
    SkinConcern,
)
from shop.charts.models import Access, ChartEntry, Source
from shop.core.db import db
from shop.core.errors import NotFound

F = TypeVar("F", bound=Fact)
OF_AGE = 18  # years; younger clients need a guardian


@dataclass(frozen=True)
class Said(Generic[F]):
    """A fact that stands, and who said it when and in what role."""

    entry_id: UUID
    fact: F
    stated_at: datetime
    stated_by: str
    source: Source


@dataclass(frozen=True)
class Chart:
    """What the clinic knows of a client at a moment. What was not said is empty, never a no.

    `none_known` has the kinds she was asked about and knows of nothing.
    """

    client_id: UUID
    birth_date: date | None
    allergies: tuple[Said[Allergy], ...]
    conditions: tuple[Said[Condition], ...]
    medicines: tuple[Said[Medicine], ...]
    concerns: tuple[Said[SkinConcern], ...]
    guardians: tuple[Said[Guardian], ...]
    pregnancy: Said[Pregnancy] | None
    fitzpatrick: Said[Fitzpatrick] | None
    none_known: Mapping[FactKind, Said[NoneKnown]]

    @property
    def isotretinoin(self) -> Said[Medicine] | None:
        """The isotretinoin she takes or took last; its fact says until when."""
        found = [one for one in self.medicines if one.fact.isotretinoin]
        return max(found, key=lambda one: one.fact.last_taken_on or date.max, default=None)

    def lacks_guardian(self, day: date) -> bool:
        """A minor on `day` of whom no guardian is known."""
        born = self.birth_date
        if born is None or self.guardians:
            return False
        return (day.year - OF_AGE, day.month, day.day) < (born.year, born.month, born.day)


def chart_of(client: Person, *, at: datetime) -> Chart:
    """The facts that stood at `at`, each as it was said then. One query.

    Raises sealed.NotOpened where a key is missing. Who shows it to somebody else than the client
    writes that down first (`reading.open_record`).
    """
    return charts_of([(client, at)])[0]


def charts_of(asked: Sequence[tuple[Person, datetime]]) -> list[Chart]:
    """The chart of each of these clients at her moment, in their order. One query for all."""
    moments = [at for _, at in asked]
    query = _entries(client.id for client, _ in asked).where(
        ChartEntry.stated_at <= max(moments),
        sa.or_(ChartEntry.ended_at.is_(None), ChartEntry.ended_at > min(moments)),
    )
    entries: dict[UUID, list[ChartEntry]] = defaultdict(list)
    for entry in db.session.scalars(query):
        entries[entry.client_id].append(entry)
    return [
        _chart(client, (entry for entry in entries[client.id] if entry.stood(at)))
        for client, at in asked
    ]


def standing(client: Person) -> Chart:
    """The facts that stand, read afresh: for who holds the chart's lock (`lock_chart`)."""
    query = entries_of(client).where(ChartEntry.ended_at.is_(None))
    return _chart(client, db.session.scalars(query.execution_options(populate_existing=True)))


def _chart(client: Person, entries: Iterable[ChartEntry]) -> Chart:
    said = [_said(entry) for entry in entries]
    known = {one.fact.kind for one in said if not isinstance(one.fact, NoneKnown)}
    return Chart(
        client_id=client.id,
        birth_date=client.birth_date,
        allergies=_of(said, Allergy),
        conditions=_of(said, Condition),
        medicines=_of(said, Medicine),
        concerns=_of(said, SkinConcern),
        guardians=_of(said, Guardian),
        pregnancy=next(iter(_of(said, Pregnancy)), None),
        fitzpatrick=next(iter(_of(said, Fitzpatrick)), None),
        none_known={
            one.fact.kind: one for one in _of(said, NoneKnown) if one.fact.kind not in known
        },
    )


def entries_of(client: Person) -> sa.Select[ChartEntry]:
    """Everything that was ever said of this client, oldest first."""
    return _entries([client.id])


def _entries(clients: Iterable[UUID]) -> sa.Select[ChartEntry]:
    return (
        sa.select(ChartEntry)
        .where(ChartEntry.client_id.in_(set(clients)))
        .options(joinedload(ChartEntry.stated_by), joinedload(ChartEntry.ended_by))
        .order_by(ChartEntry.stated_at, ChartEntry.id)
    )


def entry_of(client: Person, entry_id: UUID) -> ChartEntry:
    """One entry of this client's chart, which nobody else changes until the end of the
    transaction. Raises NotFound.
    """
    lock_chart(client)
    query = entries_of(client).where(ChartEntry.id == entry_id)
    found = db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("There is no such entry.")
    return found


def lock_chart(client: Person) -> None:
    """One writer of a chart at a time; rows that point at the client are not held up."""
    db.session.execute(
        sa.select(Person.id).where(Person.id == client.id).with_for_update(key_share=True)
    )


def locked_as_of(client: Person, *, at: datetime) -> datetime:
    """Lock her chart (`lock_chart`); `at`, or when its last word was written where that is later.

    Who waited for the lock decides by what was written meanwhile, too: `at` was read before.
    """
    lock_chart(client)
    written = sa.func.greatest(sa.func.max(ChartEntry.stated_at), sa.func.max(ChartEntry.ended_at))
    last = db.session.scalar(sa.select(written).where(ChartEntry.client_id == client.id))
    return at if last is None else max(at, last)


def accesses_of(client: Person) -> sa.Select[Access]:
    """Every opening of this client's record by somebody else, with the reader."""
    return sa.select(Access).where(Access.client_id == client.id).options(joinedload(Access.reader))


def _said(entry: ChartEntry) -> Said[Fact]:
    return Said(entry.id, entry.fact, entry.stated_at, entry.stated_by.name, entry.source)


def _of(said: list[Said[Fact]], form: type[F]) -> tuple[Said[F], ...]:
    return tuple(
        Said(one.entry_id, one.fact, one.stated_at, one.stated_by, one.source)
        for one in said
        if isinstance(one.fact, form)
    )
