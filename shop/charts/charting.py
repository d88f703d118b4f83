"""Writing a chart: a fact is stated, later stated otherwise or ended, and never lost.

What a physician noted only a physician takes back, what an esthetician noted not the client. The
client may always say anew whether she is pregnant, and add what she knows.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from shop.accounts.models import Person, Role
from shop.catalog import dictionary
from shop.charts import facts
from shop.charts.errors import EntryEnded, FactsStand, SaidByTheClinic, WrongKind
from shop.charts.facts import SINGULAR, Allergy, Fact, FactKind, Medicine, NoneKnown
from shop.charts.models import ChartEntry, Ending, Source
from shop.charts.queries import entries_of, lock_chart
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind

# Each knows at least as much as the one before.
RANKS = (Source.INTAKE, Source.CLIENT, Source.ESTHETICIAN, Source.PHYSICIAN)
SPEAKS_AS = {
    Role.CLIENT: Source.CLIENT,
    Role.ESTHETICIAN: Source.ESTHETICIAN,
    Role.PHYSICIAN: Source.PHYSICIAN,
}


def state(
    client: Person, fact: Fact, *, by: Person, at: datetime, intake: bool = False
) -> ChartEntry:
    """Write down that `by` says this of `client`; with `intake` by a questionnaire of hers.

    It takes the place of what stands about the same thing, and of "none known", so that the latest
    word counts. Raises FactRefused, FactsStand, SaidByTheClinic, NotAllowed.
    """
    source = _speaks_as(client, by, intake=intake)
    facts.check(fact, today=at.astimezone(UTC).date())
    fact = understood(fact)
    lock_chart(client)
    standing = _standing(client, fact.kind)
    _refuse_contradiction(fact, standing)
    return _write(client, fact, _replaced(fact, standing, by), by=by, source=source)


def correct(entry: ChartEntry, fact: Fact, *, by: Person, at: datetime) -> ChartEntry:
    """Say otherwise what stands in `entry`, which is kept as superseded.

    Raises FactRefused, WrongKind, EntryEnded, FactsStand, SaidByTheClinic, NotAllowed.
    """
    source = _speaks_as(entry.client, by)
    facts.check(fact, today=at.astimezone(UTC).date())
    fact = understood(fact)
    lock_chart(entry.client)
    _require_standing(entry)
    if fact.kind is not entry.kind:
        raise WrongKind(
            "End this one and say the other anew.",
            kind=entry.kind.value,
            fields={fact.kind: [f"This entry is of the kind {entry.kind}."]},
        )
    _require_may_end(entry, by)
    others = [one for one in _standing(entry.client, fact.kind) if one.id != entry.id]
    _refuse_contradiction(fact, others)
    return _write(entry.client, fact, entry, by=by, source=source)


def end(entry: ChartEntry, *, ending: Ending, by: Person, at: datetime) -> None:
    """It is true no longer (RESOLVED), or never was (ENTERED_IN_ERROR).

    Raises EntryEnded, SaidByTheClinic, NotAllowed.
    """
    assert ending is not Ending.SUPERSEDED, "correct() supersedes"
    _speaks_as(entry.client, by)
    lock_chart(entry.client)
    _require_standing(entry)
    _require_may_end(entry, by)
    _end(entry, ending, by)


def understood(fact: Fact) -> Fact:
    """The same with the substance that the dictionary knows by what was written, if it is one."""
    if isinstance(fact, Allergy):
        match, ingredient_id = dictionary.lexicon().match(fact.substance)
    elif isinstance(fact, Medicine):
        match, ingredient_id = dictionary.lexicon().match(fact.name)
    else:
        return fact
    return replace(fact, ingredient_id=ingredient_id, inci_name=match.substance, way=match.way)


def _write(
    client: Person, fact: Fact, before: ChartEntry | None, *, by: Person, source: Source
) -> ChartEntry:
    if before is not None:
        _end(before, Ending.SUPERSEDED, by)
    entry = ChartEntry(
        id=uuid.uuid4(),  # its content is sealed for this row
        client=client,
        kind=fact.kind,
        source=source,
        stated_by=by,
        supersedes_id=before.id if before else None,
    )
    entry.content = facts.written(fact)
    db.session.add(entry)
    db.session.flush()  # the row goes before its event
    events.record(Kind.CHART_ENTRY_STATED, entry, source=source.value)
    return entry


def _end(entry: ChartEntry, ending: Ending, by: Person) -> None:
    entry.ended_by, entry.ending = by, ending
    db.session.flush()  # its successor begins where it ended
    events.record(Kind.CHART_ENTRY_ENDED, entry, ending=ending.value)


def _standing(client: Person, kind: FactKind) -> list[ChartEntry]:
    """What stands of this kind, the latest first; read afresh under the chart's lock."""
    query = (
        entries_of(client)
        .where(ChartEntry.kind == kind, ChartEntry.ending.is_(None))
        .order_by(None)
        .order_by(ChartEntry.stated_at.desc(), ChartEntry.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(query))


def _replaced(fact: Fact, standing: list[ChartEntry], by: Person) -> ChartEntry | None:
    """The entry whose place `fact` takes. Raises SaidByTheClinic where only one can stand."""
    for entry in standing:
        said = entry.fact
        same = isinstance(said, NoneKnown) or said.about == fact.about
        if same and _may_end(entry, by):
            return entry
    if fact.kind in SINGULAR and standing:
        _require_may_end(standing[0], by)
    return None


def _refuse_contradiction(fact: Fact, standing: list[ChartEntry]) -> None:
    if isinstance(fact, NoneKnown) and any(
        not isinstance(entry.fact, NoneKnown) for entry in standing
    ):
        raise FactsStand(
            "Something is written here already. End it first.",
            fields={"none_known": ["Something of this kind stands."]},
        )


def _require_standing(entry: ChartEntry) -> None:
    if not entry.stands:
        raise EntryEnded("This was ended before.", ended_at=entry.ended_at)


def _speaks_as(client: Person, by: Person, *, intake: bool = False) -> Source:
    """In what role `by` speaks of `client`. Raises NotAllowed."""
    own = by.id == client.id
    source = SPEAKS_AS.get(by.role)
    treats = not own and source in (Source.ESTHETICIAN, Source.PHYSICIAN) and not intake
    if source is None or client.role is not Role.CLIENT or not (own or treats):
        raise NotAllowed("Only the client and who treats her write in her chart.")
    return Source.INTAKE if intake else source


def _may_end(entry: ChartEntry, by: Person) -> bool:
    own = by.id == entry.client_id
    if own and entry.kind is FactKind.PREGNANCY:
        return True
    return RANKS.index(entry.source) <= RANKS.index(SPEAKS_AS[by.role])


def _require_may_end(entry: ChartEntry, by: Person) -> None:
    if not _may_end(entry, by):
        raise SaidByTheClinic(
            f"{entry.stated_by.name} noted this. Ask at your next visit, or add what you know.",
            source=entry.source.value,
        )
