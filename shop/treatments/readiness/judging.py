"""From what is known of a client to what speaks against each of her sessions. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from shop.catalog.models import ActiveClass
from shop.core.rules import Severity
from shop.treatments import windows
from shop.treatments.course import Course
from shop.treatments.readiness.facts import Booked, Care, Known, Reported, Waived
from shop.treatments.readiness.findings import (
    WAIVABLE,
    Code,
    Finding,
    Judged,
    Readiness,
    ordered,
)
from shop.treatments.windows import (
    Action,
    Calendar,
    Conduct,
    Facts,
    Interval,
    Option,
    Outlook,
    Reason,
    Way,
    wording,
)
from shop.treatments.windows.days import day_of

# Days for which a pack counts as at home. No publication says it: ours, half a year.
LASTS = timedelta(days=183)
DAY = timedelta(days=1)
HELD_AS = {Conduct.SPF.value: ActiveClass.UV_FILTER.value}  # a conduct that a pack serves
ASKS = (Action.REQUIRE, Action.PRIME)
Stops = Mapping[str, list[tuple[date, date]]]  # by subject, in order: [first, until)


def judge(known: Known, *, at: datetime) -> dict[str, Judged]:
    """Every session of `known.booked`, by its key; the order of what is known does not matter."""
    calendar = windows.calendar(known.sessions, known.rules, facts=_facts(known), zone=known.zone)
    today, stops = day_of(at, known.zone), _stops(calendar)
    return {
        outlook.key: _One(known, calendar, stops, outlook, today).judged()
        for outlook in calendar.sessions
        if outlook.key in known.booked
    }


def _facts(known: Known) -> Facts:
    """With what she uses and was given. Where no home care was said, nobody knows what she uses."""
    given: dict[str, date] = {}
    for one in known.given:
        for subject in one.classes:
            given[subject] = max(one.on, given.get(subject, one.on))
    said = frozenset(subject for one in known.care for subject in one.classes)
    return replace(
        known.facts,
        uses=said | given.keys() if known.care else None,
        last_used=given,
        priming={
            subject: tuple(
                (one.since, one.until)
                for one in known.care
                if one.primes and subject in one.classes
            )
            for subject in said
        },
    )


def _which(reason: Reason) -> str:
    """Which of several: another session that is near, or so many days of use."""
    if reason.code is windows.Code.TOO_NEAR:
        return reason.subject
    return str(reason.short or "") if reason.code is windows.Code.USED else ""


def _stops(calendar: Calendar) -> Stops:
    stops: defaultdict[str, list[tuple[date, date]]] = defaultdict(list)
    for one in calendar.intervals:
        if one.action is Action.STOP:
            stops[one.subject].append((one.begins.date(), one.until.date()))
    return stops


@dataclass(frozen=True)
class _One:
    """One session beside everything that bears on it."""

    known: Known
    calendar: Calendar
    stops: Stops
    outlook: Outlook
    today: date

    @property
    def day(self) -> date:
        return self.outlook.day

    @property
    def booked(self) -> Booked:
        return self.known.booked[self.outlook.key]

    @cached_property
    def session(self) -> windows.Session:
        return next(one for one in self.known.sessions if one.key == self.outlook.key)

    def judged(self) -> Judged:
        found = (
            *self._windows(),
            *self._asked_for(),
            *self._home_care(),
            *self._planned_use(),
            *self._reports(),
            *self._plan(),
        )
        findings = ordered(self._waived(one) for one in found)
        readiness = max((one.bears for one in findings), default=Readiness.READY)
        return Judged(readiness, findings, tuple(self._options(findings)))

    # What windows say --------------------------------------------------------------------------

    def _windows(self) -> Iterator[Finding]:
        year = self.day.year
        for reason in self.outlook.reasons:
            near = reason.code is windows.Code.TOO_NEAR
            yield Finding(
                code=Code(reason.code.value),
                subject=Conduct.OTHER_PROCEDURE.value if near else reason.subject,
                severity=reason.severity,
                text=self._against(reason, year),
                todo=_todo(reason),
                by=reason.since,
                of=_which(reason),
            )

    def _against(self, reason: Reason, year: int) -> str:
        """As windows say it; what she was given is not known to be used."""
        given = [one.on for one in self.known.given if reason.subject in one.classes]
        if reason.code is windows.Code.USED and given and reason.since:
            name, on = wording.name(reason.subject), wording.day(max(given), year)
            since = wording.day(reason.since, year)
            return f"{name}: given to her on {on}, in the days that ask for none, from {since}"
        return wording.against(reason, year)

    def _asked_for(self) -> Iterator[Finding]:
        """What rules ask her to have before the session, and she has not received."""
        for interval in self._before(ASKS):
            name = wording.name(interval.subject)
            if self._has(interval.subject) or self._in_steps(interval.subject):
                continue
            by = interval.begins.date()
            told = wording.day(by, self.day.year)
            primes = interval.action is Action.PRIME
            yield Finding(
                code=Code.NOT_DISPENSED,
                subject=interval.subject,
                severity=Severity.SOFT_STOP if primes else interval.severity,
                text=f"{name}: needed from {told}, and nothing says that she has it",
                todo=f"You need {name} from {told}. Ask us how you get it.",
                by=by,
            )

    def _has(self, subject: str) -> bool:
        held = HELD_AS.get(subject, subject)
        given = (one for one in self.known.given if held in one.classes)
        return subject in self.known.taken or any(self._counts(one.on) for one in given)

    def _in_steps(self, subject: str) -> bool:
        """Her plan has a step of it, which is judged by itself."""
        return any(subject in one.classes for one in self._due)

    def _before(self, actions: Iterable[Action]) -> Iterator[Interval]:
        """The intervals of this session that begin before its day."""
        for one in self.calendar.intervals:
            asks = one.action in actions and self.outlook.key in one.sessions
            if asks and one.begins.date() < self.day:
                yield one

    # What her home care says -------------------------------------------------------------------

    def _home_care(self) -> Iterator[Finding]:
        """Steps of the plan that are due before the session, and that she has not received.

        What anybody may buy she may have from next door: it is told, and holds nothing up.
        """
        for step in self._due:
            if self._received(step):
                continue
            prescribed = step.prescribed or not step.doctor_only
            yield Finding(
                code=Code.NOT_DISPENSED if prescribed else Code.NOT_PRESCRIBED,
                subject=step.sku,
                severity=Severity.SOFT_STOP if step.doctor_only else Severity.WARN,
                text=f"{step.called}: {_shortcoming(step)}",
                todo=_errand(step),
                by=step.since,
            )

    @cached_property
    def _due(self) -> list[Care]:
        return [one for one in self.known.care if one.plan == self.booked.plan and self._now(one)]

    def _now(self, step: Care) -> bool:
        """There is a day from today to the session on which she is to use it."""
        day = max(self.today, step.since or self.today)
        for first, until in sorted(
            stop for one in step.classes for stop in self.stops.get(one, ())
        ):
            if first <= day < until:
                day = until
        return day < min(self.day, step.until or self.day)

    def _received(self, step: Care) -> bool:
        """Within the last months; what was given while it was stopped was not for these days."""
        return any(
            one.product == step.product
            and self._counts(one.on)
            and not self._stopped(step.classes, one.on)
            for one in self.known.given
        )

    def _counts(self, on: date) -> bool:
        return self.today - LASTS <= on

    def _stopped(self, classes: Iterable[str], day: date) -> bool:
        stops = (stop for subject in classes for stop in self.stops.get(subject, ()))
        return any(first <= day < until for first, until in stops)

    def _planned_use(self) -> Iterator[Finding]:
        """Home care that begins or ends in days before the session that ask for none.

        A step that merely goes on rests by itself: the calendar says so wherever it is shown, and
        who treats asks whether she did.
        """
        for interval in self._before([Action.STOP]):
            first = interval.begins.date()
            for step in self.known.care:
                if interval.subject in step.classes and _overlaps(step, first, self.day):
                    yield self._rests(step, interval, first)

    def _rests(self, step: Care, interval: Interval, first: date) -> Finding:
        told = wording.day(first, self.day.year)
        meant = _within(step.since, first, self.day) or _within(
            step.until, first + DAY, self.day + DAY
        )
        said = "is planned for days that ask for none" if meant else "rests; ask whether it does"
        return Finding(
            code=Code.PLANNED_USE,
            subject=interval.subject,
            severity=interval.severity if meant else min(interval.severity, Severity.WARN),
            text=f"{step.called} {said}, from {told}",
            todo=f"Leave off {step.called} from {told}, until we say.",
            by=first,
            of=step.sku,
        )

    # Her reports, and the plan -----------------------------------------------------------------

    def _reports(self) -> Iterator[Finding]:
        for one in self.known.reports:
            if one.waits:
                grave = one.course is Course.OUT_OF_COURSE
                yield self._report(
                    Code.REPORT_WAITS if grave else Code.REPORT_WATCHED,
                    one,
                    "is out of course, and no physician has answered"
                    if grave
                    else "is more than expected, and nobody has answered",
                )
        last = max(
            (one for one in self.known.reports if one.stands and self._counts(one.on)),
            key=lambda one: (one.on, one.number, one.key),
            default=None,
        )
        if last and last.course is Course.OUT_OF_COURSE and not last.waits:
            yield self._report(Code.REPORT_BAD, last, "is out of course, and is her last word")

    def _report(self, code: Code, one: Reported, why: str) -> Finding:
        on = wording.day(one.on, self.day.year)
        todo = (
            "Tell us how your skin does now."
            if code is Code.REPORT_BAD
            else f"We have your report of {on}, and write to you. Call us if it gets worse."
        )
        return Finding(code, one.key, Severity.SOFT_STOP, f"Her report of {on} {why}", todo=todo)

    def _plan(self) -> Iterator[Finding]:
        if self.booked.waits:
            yield Finding(Code.PLAN_WAITS, self.booked.plan, Severity.SOFT_STOP, self.booked.waits)

    # Waivers, and ways out ---------------------------------------------------------------------

    def _waived(self, one: Finding) -> Finding:
        may = one.code in WAIVABLE and one.severity < Severity.HARD_STOP
        if not may or one.subject in self._hard:
            return replace(one, waivable=False)
        return replace(one, waived=self._waiver(one.name))

    @cached_property
    def _hard(self) -> frozenset[str]:
        """What a hard stop speaks of or asks for, whether or not it is known to hold: nobody waives
        it.
        """
        others = {session.procedure for session in self.known.sessions}
        return frozenset(
            named
            for rule in self.known.rules
            for named in (
                rule.subject,
                *rule.when.answers(self.known.facts, rule.subject, self.day),
            )
            if rule.severity is Severity.HARD_STOP
            and rule.in_force(self.day, self.known.facts.states)
            and (
                rule.procedure == self.session.procedure
                or (rule.subject == Conduct.OTHER_PROCEDURE and rule.procedure in others)
            )
        )

    def _waiver(self, name: str) -> Waived | None:
        """The last that names it for the time the session has, given since it was moved there."""
        moved = self.booked.moved_at
        good = [
            one
            for one in self.booked.waivers
            if name in one.names
            and one.starts == self.session.starts
            and (moved is None or moved <= one.at)
        ]
        return max(good, key=lambda one: one.at, default=None)

    def _options(self, findings: Iterable[Finding]) -> Iterator[Option]:
        """Those of the windows; a waiver where a physician can waive all that is left."""
        bearing = [one for one in findings if one.bears]
        if not bearing:
            return
        others = (one for one in self.outlook.options if one.way is not Way.WAIVE)
        yield from dict.fromkeys(others)  # two reasons may have one way out
        if all(one.waivable for one in bearing):
            yield Option(Way.WAIVE)


def _todo(reason: Reason) -> str:
    """What she can do herself about what windows say."""
    name = wording.name(reason.subject)
    if reason.code is windows.Code.NOT_KNOWN:
        return f"Tell us about {OF_HERS.get(reason.subject, name)}."
    if reason.code in (windows.Code.TOLD_LATE, windows.Code.USED):
        if reason.subject in wording.MEDICINES:
            return f"Call us about {name} before you come."
        return f"Leave off {name} from now on, and tell us when you last used any."
    return ""


OF_HERS = {
    "fitzpatrick": "how your skin answers to the sun",
    "cold_sores": "cold sores, if you ever had any",
    "melasma": "melasma, if you ever had it",
    "isotretinoin": "isotretinoin, if you ever took it",
}


def _shortcoming(step: Care) -> str:
    if step.doctor_only and not step.prescribed:
        return "part of her home care, and no prescription stands for it"
    return "part of her home care, and she has not received it here"


def _errand(step: Care) -> str:
    if not step.doctor_only:
        return f"Have {step.called} at home."
    if step.prescribed:
        return f"Order {step.called}: your prescription stands."
    return f"Ask our physician for {step.called}."


def _overlaps(step: Care, first: date, until: date) -> bool:
    return (step.since or first) < until and first < (step.until or until)


def _within(day: date | None, first: date, until: date) -> bool:
    return day is not None and first <= day < until
