"""A client's plans, read from the rows into the entries of her calendar (`agenda`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.models import ChartEntry
from shop.charts.queries import chart_of
from shop.core.db import db
from shop.core.events import Event
from shop.treatments import agenda, knowing, priming, queries, rulebook, windows
from shop.treatments.agenda import Entry, Planned, Words
from shop.treatments.models import Plan, Session
from shop.treatments.states import SessionStatus
from shop.treatments.windows import WindowRule

# Asked of home care as soon as a time is agreed; a proposed time once a physician started the plan.
AGREED = frozenset({SessionStatus.BOOKED, SessionStatus.PERFORMED})


def entries(client: Person, *, words: Words, at: datetime) -> list[Entry]:
    """What her calendar shows of the plans she may see: appointments, and what they ask at home.

    Windows are those of all her plans together. It is hers to read: no access is written down.
    """
    plans = db.session.scalars(queries.plans(client, at=at)).all()
    clinics: defaultdict[tuple[str, str], list[Plan]] = defaultdict(list)
    for plan in plans:
        clinics[plan.zone, plan.state].append(plan)
    revised = _revised(one for plan in plans for one in plan.sessions)
    told: list[Entry] = []
    for (zone, state), there in sorted(clinics.items()):
        sessions = [one for plan in there for one in plan.sessions]
        shown = {one.id: _planned(one, ZoneInfo(zone), revised[one.id]) for one in sessions}
        told += agenda.appointments(shown.values(), words=words)
        treated = [shown[one.id] for one in sessions if _counts(one)]
        told += _home_care(client, treated, ZoneInfo(zone), state, words=words, at=at)
    return told


def _home_care(
    client: Person,
    treated: Sequence[Planned],
    zone: ZoneInfo,
    state: str,
    *,
    words: Words,
    at: datetime,
) -> Iterable[Entry]:
    rules = rulebook.window_rules(state, on=at.astimezone(UTC).date())
    if not treated or not rules:
        return ()
    calendar = windows.calendar(
        [windows.Session(one.key, one.procedure, one.starts, one.ends) for one in treated],
        rules,
        facts=knowing.facts(
            chart_of(client, at=at),
            states=frozenset({state}),
            priming=priming.of_each([client.id]).get(client.id, priming.NONE),
        ),
        zone=zone,
    )
    revised = _last_said(client, rules)
    return agenda.home_care(calendar, treated, revised=revised, words=words)


def _counts(session: Session) -> bool:
    if session.status is SessionStatus.PROPOSED:
        return session.plan.start is not None
    return session.status in AGREED


def _planned(session: Session, zone: ZoneInfo, revised: datetime) -> Planned:
    """As it is planned, or as it was done. Its last event numbers it."""
    starts = session.performed_at or session.starts_at
    return Planned(
        key=str(session.id),
        procedure=session.procedure,
        area=session.area,
        status=session.status,
        starts=starts.astimezone(zone),
        ends=(starts + (session.ends_at - session.starts_at)).astimezone(zone),
        sequence=session.state_seq - 1,
        revised=revised,
    )


def _revised(sessions: Iterable[Session]) -> dict[UUID, datetime]:
    """When something last happened to each."""
    ids = [one.id for one in sessions]
    query = sa.select(Event.subject_id, sa.func.max(Event.at)).where(Event.subject_id.in_(ids))
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Event.subject_id))}


def _last_said(client: Person, rules: Collection[WindowRule]) -> datetime:
    """When what windows are reckoned from last changed: the rules, or what is known of her."""
    said = sa.func.greatest(ChartEntry.stated_at, ChartEntry.ended_at)
    query = sa.select(sa.func.max(said)).where(ChartEntry.client_id == client.id)
    moments = [datetime.combine(rule.valid_from, time(), UTC) for rule in rules]
    said_at: datetime | None = db.session.scalar(query)
    return max([*moments, said_at] if said_at else moments)
