"""A plan as it would be with its sessions on other days, or one more: seen before it is saved.

Changes nothing. What it shows is reckoned as the plan's own picture is (`picturing`); what it asks
of home care is told as the difference to the plan as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts.queries import chart_of
from shop.core.clock import day_in
from shop.core.rules import Severity
from shop.treatments import (
    knowing,
    permitting,
    planning,
    priming,
    regimens,
    ribbons,
    rulebook,
    windows,
)
from shop.treatments.models import Plan, Session
from shop.treatments.ribbons import Ribbon, Visit
from shop.treatments.states import AHEAD, SessionStatus
from shop.treatments.templates import Step
from shop.treatments.windows import Calendar, wording

OUT = frozenset({SessionStatus.CANCELLED, SessionStatus.NO_SHOW})
NEW = "new"  # the key of a session that is only thought of


@dataclass(frozen=True)
class Clash:
    """What speaks against one session on its day, gravest first, and the ways out; in words."""

    key: str
    procedure: str
    on: date
    stops: bool  # as things are it would not be ready, or at risk
    against: tuple[str, ...]
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Rehearsal:
    """The picture; what would change at home; what would speak against which session."""

    ribbon: Ribbon | None
    changes: tuple[str, ...]
    clashes: tuple[Clash, ...]
    overlaps: tuple[tuple[str, str], ...]  # sessions that would be at one time, by procedure


@dataclass(frozen=True)
class _Thought:
    """A session as it is thought of."""

    key: str
    procedure: str
    area: str
    starts: datetime
    ends: datetime
    settled: bool
    done: bool

    @property
    def visit(self) -> Visit:
        return Visit(self.key, self.procedure, self.area, self.starts, self.settled, self.done)

    @property
    def asked(self) -> windows.Session:
        return windows.Session(self.key, self.procedure, self.starts, self.ends)


def rehearse(
    plan: Plan, *, moved: Mapping[UUID, datetime], more: Step | None = None, at: datetime
) -> Rehearsal:
    """As it would be with sessions ahead `moved` to these times, and one `more`.

    A fixed number of statements. Raises PlanRefused for what cannot be planned, and
    sealed.NotOpened.
    """
    _check(plan, moved, more, at)
    now = [_as_it_is(one) for one in plan.sessions if one.status not in OUT]
    then = [_as_it_is(one, moved.get(one.id)) for one in plan.sessions if one.status not in OUT]
    if more is not None:
        ends = more.starts + timedelta(minutes=more.minutes)
        then.append(_Thought(NEW, more.procedure, more.area, more.starts, ends, False, False))
    before, after = _calendars(plan, now, then, at=at)
    steps = regimens.read(plan.version.content)
    held = catalog.active_classes(Variant.sku, {step.sku for step in steps})
    classes = {sku: frozenset(one.value for one in found) for sku, found in held.items()}
    changes = windows.changes(before, after, at=at)
    return Rehearsal(
        ribbon=ribbons.draw(
            after,
            [one.visit for one in then],
            steps=steps,
            classes=classes,
            today=day_in(plan.zone, at),
        ),
        changes=tuple(wording.changed(one) for one in changes),
        clashes=_clashes(after, then),
        overlaps=_overlaps(then),
    )


def _check(plan: Plan, moved: Mapping[UUID, datetime], more: Step | None, at: datetime) -> None:
    there = {one.id: one for one in plan.sessions}
    for session_id, starts in moved.items():
        session = there.get(session_id)
        if session is not None and session.status in AHEAD and starts != session.starts_at:
            planning.refuse_time(starts, zone=plan.zone, at=at)
    if more is not None:
        planning.refuse_many(len(plan.sessions) + 1)
        planning.refuse_step(more, zone=plan.zone, at=at)


def _as_it_is(one: Session, starts: datetime | None = None) -> _Thought:
    begins = one.performed_at or one.starts_at
    if starts is not None and one.status in AHEAD:
        begins = starts
    return _Thought(
        key=str(one.id),
        procedure=one.procedure,
        area=one.area,
        starts=begins,
        ends=begins + (one.ends_at - one.starts_at),
        settled=one.status is not SessionStatus.PROPOSED,
        done=one.status is SessionStatus.PERFORMED,
    )


def _calendars(plan: Plan, *arranged: Sequence[_Thought], at: datetime) -> tuple[Calendar, ...]:
    rules = rulebook.window_rules(plan.state, on=at.astimezone(UTC).date())
    facts = knowing.facts(
        chart_of(plan.client, at=at),
        states=frozenset({plan.state, plan.client.state or plan.state}),
        priming=priming.of_each([plan.client_id]).get(plan.client_id, priming.NONE),
    )
    return tuple(
        windows.calendar([one.asked for one in thought], rules, facts=facts, zone=plan.tz)
        for thought in arranged
    )


def _clashes(calendar: Calendar, thought: Sequence[_Thought]) -> tuple[Clash, ...]:
    """Of the sessions that are still ahead, in the order of time."""
    by_key = {one.key: one for one in thought}
    return tuple(
        Clash(
            key=one.key,
            procedure=permitting.procedure_of(by_key[one.key].procedure).name,
            on=one.day,
            stops=any(reason.severity >= Severity.SOFT_STOP for reason in one.reasons),
            against=tuple(
                dict.fromkeys(
                    wording.against(reason, one.day.year)
                    for reason in sorted(one.reasons, key=lambda found: -found.severity)
                )
            ),
            ways=tuple(dict.fromkeys(wording.way(way, one.day.year) for way in one.options)),
        )
        for one in calendar.sessions
        if one.reasons and not by_key[one.key].done
    )


def _overlaps(thought: Sequence[_Thought]) -> tuple[tuple[str, str], ...]:
    ahead = sorted((one for one in thought if not one.done), key=lambda one: (one.starts, one.key))
    return tuple(
        (
            permitting.procedure_of(one.procedure).name,
            permitting.procedure_of(other.procedure).name,
        )
        for place, one in enumerate(ahead)
        for other in ahead[place + 1 :]
        if other.starts < one.ends
    )
