"""What a client's treatments ask of her home care, read from the rows and reckoned.

Sessions that are ahead count under an active plan; one that was performed counts whatever became
of its plan, because the skin does not know. Two statements at most however many clients, and a
third where a rule asks for something of a chart, a fourth where one asks what primes skin (a
fifth to name it); one where nobody has such a session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts import queries as charts
from shop.charts.queries import Chart
from shop.core.db import db
from shop.core.rules import ACTIVATED, EVERYWHERE
from shop.treatments import knowing, priming, windows
from shop.treatments.models import Performance, Plan, Session, WindowRuleRow
from shop.treatments.states import AHEAD, PlanStatus, SessionStatus
from shop.treatments.windows import Facts, Interval, When, WindowRule, wording
from shop.treatments.windows.rules import FURTHEST

REACH = timedelta(days=FURTHEST + 1)  # no window of an earlier session holds any more


@dataclass(frozen=True)
class Asked:
    """What is asked of one client, in the order in which it begins, and by which sessions."""

    intervals: tuple[Interval, ...] = ()
    sessions: tuple[windows.Session, ...] = ()

    def sentence(self, interval: Interval) -> str:
        """The one sentence that all pages and papers share."""
        return wording.sentence(interval, self.sessions)

    def titled(self, interval: Interval) -> str:
        """The same, with what it is about before it."""
        return wording.titled(interval, self.sessions)


NOTHING = Asked()


def of_each(
    asked: Sequence[tuple[Person, datetime]],
    *,
    subjects: Collection[str],
    charted: Sequence[Chart] | None = None,
    since: datetime | None = None,
) -> list[Asked]:
    """What is asked of each of these clients at her moment about `subjects`, in their order.

    `charted`: their charts, where the caller has read them already. `since`: also what was asked
    from then on. Raises sealed.NotOpened where a key of a chart that is needed is missing.
    """
    if not asked or not subjects:
        return [NOTHING for _ in asked]
    first = min([at for _, at in asked] + [since or asked[0][1]])
    planned = _sessions({client.id for client, _ in asked}, first)
    rules = _rules(planned, subjects) if planned else ()
    if not rules:
        return [NOTHING for _ in asked]
    known = _charts(asked, planned, rules) if charted is None else _by_client(asked, charted)
    primed = priming.of_each(planned.keys()) if priming.matters(rules) else {}
    return [
        _reckoned(
            planned.get(client.id, ()),
            rules,
            known.get((client.id, at)),
            client,
            primed.get(client.id, priming.NONE),
        )
        for client, at in asked
    ]


def either_way(
    session: Session, *, before: datetime, after: datetime, at: datetime
) -> tuple[windows.Calendar, windows.Calendar]:
    """All that her treatments in this clinic's zone ask, with the session at `before`, at `after`.

    Everything else as it stands at `at`. Five statements at most. Raises sealed.NotOpened.
    """
    client, plan = session.plan.client, session.plan
    rows = _sessions({client.id}, at).get(client.id, [])
    rules = _rules({client.id: rows}, windows.SUBJECTS) if rows else ()
    chart = _charts([(client, at)], {client.id: rows}, rules).get((client.id, at))
    primed = priming.of_each([client.id]).get(client.id, priming.NONE)
    facts, zone = _facts(rows, chart, client, primed), ZoneInfo(plan.zone)
    there = [_session(row) for row in rows if row.zone == plan.zone]

    def reckoned(starts: datetime) -> windows.Calendar:
        moved = [_at(one, starts) if one.key == str(session.id) else one for one in there]
        return windows.calendar(moved, rules, facts=facts, zone=zone)

    return reckoned(before), reckoned(after)


def _at(one: windows.Session, starts: datetime) -> windows.Session:
    return replace(one, starts=starts, ends=starts + (one.ends - one.starts))


def any_of(clients: Collection[UUID], at: datetime) -> sa.ColumnElement[bool]:
    """Whether one of them has a session that counts at `at`: a condition for other queries."""
    hers = Plan.client_id.in_(clients)
    return sa.exists().where(hers, Session.plan_id == Plan.id, _counts(at))


def _counts(at: datetime) -> sa.ColumnElement[bool]:
    ahead = sa.and_(Plan.status == PlanStatus.ACTIVE, Session.status.in_(AHEAD))
    done = Session.status == SessionStatus.PERFORMED
    return sa.and_(Session.starts_at > at - REACH, sa.or_(ahead, done))


def _sessions(clients: Collection[UUID], at: datetime) -> dict[UUID, list[Any]]:
    rows = db.session.execute(
        sa.select(
            Plan.client_id,
            Plan.state,
            Plan.zone,
            Session.id,
            Session.procedure,
            Session.starts_at,
            Session.ends_at,
            Performance.performed_at,
        )
        .join(Session, Session.plan_id == Plan.id)
        .outerjoin(Performance, Performance.session_id == Session.id)
        .where(Plan.client_id.in_(clients), _counts(at))
    )
    planned: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        planned[row.client_id].append(row)
    return planned


def _rules(
    planned: Mapping[UUID, Sequence[Any]], subjects: Collection[str]
) -> tuple[WindowRule, ...]:
    """All that were ever activated: which of them holds is asked of each session's day."""
    rows = [row for each in planned.values() for row in each]
    query = (
        sa.select(WindowRuleRow)
        .where(
            WindowRuleRow.status.in_(ACTIVATED),
            WindowRuleRow.procedure.in_({row.procedure for row in rows}),
            WindowRuleRow.subject.in_(set(subjects)),
        )
        .order_by(WindowRuleRow.number, WindowRuleRow.version)
    )
    return tuple(row.as_rule() for row in db.session.scalars(query))


def _charts(
    asked: Sequence[tuple[Person, datetime]],
    planned: Mapping[UUID, Sequence[Any]],
    rules: Iterable[WindowRule],
) -> dict[tuple[UUID, datetime], Chart]:
    """Of those with sessions, where a rule asks for a fact: no chart is opened for nothing."""
    if all(rule.when == When() for rule in rules):
        return {}
    needed = [(client, at) for client, at in asked if client.id in planned]
    return _by_client(needed, charts.charts_of(needed))


def _by_client(
    asked: Sequence[tuple[Person, datetime]], charted: Sequence[Chart]
) -> dict[tuple[UUID, datetime], Chart]:
    return {(client.id, at): chart for (client, at), chart in zip(asked, charted, strict=True)}


def _reckoned(
    rows: Sequence[Any],
    rules: Sequence[WindowRule],
    chart: Chart | None,
    client: Person,
    primed: priming.Spans,
) -> Asked:
    """Zone by zone: a client may be treated in clinics that count their days apart."""
    facts = _facts(rows, chart, client, primed)
    sessions: list[windows.Session] = []
    intervals: list[Interval] = []
    for zone in sorted({row.zone for row in rows}):
        there = [_session(row) for row in rows if row.zone == zone]
        reckoned = windows.calendar(there, rules, facts=facts, zone=ZoneInfo(zone))
        sessions += there
        intervals += reckoned.intervals
    ordered = sorted(intervals, key=lambda one: (one.begins, one.subject))
    return Asked(tuple(ordered), tuple(sessions))


def _facts(
    rows: Sequence[Any], chart: Chart | None, client: Person, primed: priming.Spans
) -> Facts:
    states = frozenset({client.state or EVERYWHERE, *(row.state for row in rows)})
    if chart is None:
        return Facts(states=states, priming=primed)
    return knowing.facts(chart, states=states, priming=primed)


def _session(row: Any) -> windows.Session:
    """As planned, or when it was done."""
    starts = row.performed_at or row.starts_at
    length = row.ends_at - row.starts_at
    return windows.Session(str(row.id), row.procedure, starts, starts + length)
