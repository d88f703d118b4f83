"""A plan as a picture: weeks from left to right, sessions, downtime, stops and home care as lanes.

Pure: the geometry only, in units of the viewBox; a page draws it (`treatments/_ribbon.html`) and
says the same as a list of days (`entries`), for who does not see pictures and for small screens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shop.treatments.procedures import LIBRARY
from shop.treatments.regimens import Step
from shop.treatments.windows import Action, Calendar, Interval

WIDTH, LABELS, MARGIN = 960, 200, 10  # of the viewBox; labels stand left of the days
HEAD, VISITS, LANE, GAP = 46, 44, 32, 8  # heights
BEFORE, AFTER = timedelta(days=7), timedelta(days=14)  # days shown around what happens
SHORTEST = timedelta(days=56)
FAR = timedelta(days=60)  # before the first session: what was asked earlier begins at the edge
NAMED_BY_WEEK = timedelta(weeks=18)  # a longer plan shows the names of months only
CARE = "care"
DRAWN = (Action.STOP, Action.AVOID, Action.REQUIRE, Action.PRIME)


@dataclass(frozen=True)
class Visit:
    """A session as the picture shows it. `settled`: it is booked or was done, not only proposed."""

    key: str
    procedure: str
    area: str
    starts: datetime
    settled: bool
    done: bool = False


class Happens(StrEnum):
    """What a day of the list says."""

    VISIT = "visit"
    RECOVERED = "recovered"  # the longest downtime of a visit is over
    STOP = "stop"
    AVOID = "avoid"
    REQUIRE = "require"
    PRIME = "prime"
    AGAIN = "again"  # what was stopped or avoided may be used from here
    CARE_BEGINS = "care_begins"
    CARE_ENDS = "care_ends"


@dataclass(frozen=True)
class Entry:
    """One line of the list. `until` is the first day after; `subjects` what it is about.

    Of a visit `number` is the one in the picture, `downtime` its (fewest, most) days; of home care
    it is the product.
    """

    on: date
    happens: Happens
    subjects: tuple[str, ...]
    until: date | None = None
    number: int | None = None
    area: str = ""
    downtime: tuple[int, int] | None = None
    settled: bool = True
    frequency: str = ""

    @property
    def last(self) -> date | None:
        """The last day on which it holds."""
        return self.until and self.until - timedelta(days=1)


@dataclass(frozen=True)
class Tick:
    """A day on the scale; `named` where its month (or its day) is written."""

    x: float
    on: date
    named: bool = True


@dataclass(frozen=True)
class Mark:
    """A visit: a numbered mark on its day, the longest downtime behind it."""

    x: float
    number: int
    on: date
    name: str
    area: str
    settled: bool
    done: bool
    downtime: tuple[float, float]  # from, width; 0 wide where there is none


@dataclass(frozen=True)
class Piece:
    """A stretch of a lane."""

    x: float
    width: float
    kind: str  # an Action, or CARE
    first: date
    last: date


@dataclass(frozen=True)
class Lane:
    """Subjects of which the same is asked, or one product of home care, used so often."""

    y: float
    subjects: tuple[str, ...]
    pieces: tuple[Piece, ...]
    care: bool = False
    frequency: str = ""


@dataclass(frozen=True)
class Ribbon:
    """The whole picture; `today` is None where it lies outside."""

    first: date
    last: date
    height: float
    months: tuple[Tick, ...]
    weeks: tuple[Tick, ...]
    visits: tuple[Mark, ...]
    lanes: tuple[Lane, ...]
    today: float | None
    on: date
    entries: tuple[Entry, ...] = field(repr=False)
    width: int = WIDTH
    labels: int = LABELS
    head: int = HEAD
    lane: int = LANE

    @property
    def visits_y(self) -> float:
        """Where the marks are."""
        return HEAD + VISITS / 2

    @property
    def kinds(self) -> frozenset[str]:
        """What the legend explains."""
        found = {piece.kind for lane in self.lanes for piece in lane.pieces}
        return frozenset(
            found | ({"downtime"} if any(v.downtime[1] for v in self.visits) else set())
        )

    def ahead(self) -> tuple[Entry, ...]:
        """What is today or later, and what still holds."""
        return tuple(one for one in self.entries if (one.until or one.on) >= self.on)

    def past(self) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if (one.until or one.on) < self.on)


def draw(
    calendar: Calendar,
    visits: Iterable[Visit],
    *,
    steps: Sequence[Step] = (),
    classes: Mapping[str, frozenset[str]] | None = None,
    today: date,
) -> Ribbon | None:
    """The picture of a plan; None of a plan without a session.

    `visits` are those that `calendar` was made of, `steps` the home care and `classes` the kinds of
    active in each of its packs (by SKU), so that a stop is seen on the product that it stops.
    """
    shown = sorted(visits, key=lambda one: (one.starts, one.key))
    if not shown:
        return None
    days = [one.starts.astimezone(calendar.zone).date() for one in shown]
    told = [one for one in calendar.intervals if one.action in DRAWN]
    scale = _Scale.over(shown, days, told, today)
    lanes = list(_lanes(told, steps, classes or {}, scale))
    return Ribbon(
        first=scale.first,
        last=scale.last,
        height=HEAD + VISITS + len(lanes) * (LANE + GAP) + GAP,
        months=tuple(scale.months()),
        weeks=tuple(scale.weeks()),
        visits=tuple(
            _mark(one, day, n, scale)
            for n, (one, day) in enumerate(zip(shown, days, strict=True), 1)
        ),
        lanes=tuple(lanes),
        today=scale.x(today) if scale.first <= today < scale.last else None,
        on=today,
        entries=tuple(_entries(shown, days, told, steps)),
    )


@dataclass(frozen=True)
class _Scale:
    """Days laid out from `first` (a Monday) to `last` (a Monday, no longer shown)."""

    first: date
    last: date

    @classmethod
    def over(
        cls, visits: Sequence[Visit], days: Sequence[date], told: Sequence[Interval], today: date
    ) -> _Scale:
        begins = [one.begins.date() for one in told if one.begins.date() >= days[0] - FAR]
        ends = [one.until.date() for one in told if one.until.date() <= days[-1] + FAR]
        over = [
            day + timedelta(days=_downtime(one)[1]) for one, day in zip(visits, days, strict=True)
        ]
        near = today if days[0] - FAR <= today <= days[-1] + FAR else days[0]
        first = min(days[0] - BEFORE, near, *begins)
        last = max(*over, days[-1] + AFTER, near + BEFORE, first + SHORTEST, *ends)
        return cls(
            first - timedelta(days=first.weekday()), last + timedelta(days=7 - last.weekday())
        )

    @property
    def a_day(self) -> float:
        return (WIDTH - LABELS - MARGIN) / (self.last - self.first).days

    def x(self, day: date) -> float:
        """Where a day begins; what lies outside is laid on the edge."""
        within = min(max(day, self.first), self.last)
        return round(LABELS + (within - self.first).days * self.a_day, 1)

    def weeks(self) -> Iterator[Tick]:
        named = self.last - self.first <= NAMED_BY_WEEK
        for n in range((self.last - self.first).days // 7):
            day = self.first + timedelta(weeks=n)
            yield Tick(self.x(day), day, named)

    def months(self) -> Iterator[Tick]:
        yield Tick(self.x(self.first), self.first, named=self.first.day <= 18)
        day = (self.first.replace(day=1) + timedelta(days=32)).replace(day=1)
        while day < self.last:
            yield Tick(self.x(day), day, named=(self.last - day).days * self.a_day > 40)
            day = (day + timedelta(days=32)).replace(day=1)

    def piece(self, kind: str, first: date, until: date) -> Piece | None:
        """From a day until a day; None where nothing of it is shown."""
        begins, ends = self.x(first), self.x(until)
        if ends <= begins:
            return None
        return Piece(begins, round(ends - begins, 1), kind, first, until - timedelta(days=1))


def _mark(one: Visit, day: date, number: int, scale: _Scale) -> Mark:
    most = _downtime(one)[1]
    begins = scale.x(day)
    return Mark(
        x=round(begins + scale.a_day / 2, 1),
        number=number,
        on=day,
        name=_called(one),
        area=one.area,
        settled=one.settled,
        done=one.done,
        downtime=(begins, round(scale.x(day + timedelta(days=most)) - begins, 1)),
    )


def _lanes(
    told: Sequence[Interval],
    steps: Sequence[Step],
    classes: Mapping[str, frozenset[str]],
    scale: _Scale,
) -> Iterator[Lane]:
    """Subjects first, those of which the same is asked on one lane; then home care."""
    y = float(HEAD + VISITS)
    for subjects, intervals in _alike(told):
        pieces = [
            scale.piece(one.action.value, one.begins.date(), one.until.date()) for one in intervals
        ]
        drawn = tuple(piece for piece in pieces if piece)
        if drawn:
            yield Lane(y, subjects, drawn)
            y += LANE + GAP
    for same in _products(steps):
        held = classes.get(same[0].sku, frozenset())
        pieces = [piece for step in same for piece in _care(step, told, held, scale)]
        yield Lane(
            y,
            (same[0].product,),
            tuple(dict.fromkeys(sorted(pieces, key=lambda one: one.kind != CARE))),
            care=True,
            frequency=", ".join(step.frequency for step in same),
        )
        y += LANE + GAP


def _products(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps with the same pack are one lane."""
    by_sku: dict[str, list[Step]] = {}
    for step in steps:
        by_sku.setdefault(step.sku, []).append(step)
    return list(by_sku.values())


def _alike(told: Sequence[Interval]) -> list[tuple[tuple[str, ...], tuple[Interval, ...]]]:
    """Subjects of which exactly the same is asked together; the strictest word goes first."""
    by_subject: defaultdict[str, list[Interval]] = defaultdict(list)
    for one in told:
        by_subject[one.subject].append(one)
    lanes: defaultdict[tuple[tuple[Action, datetime, datetime], ...], list[str]] = defaultdict(list)
    for subject, intervals in by_subject.items():
        lanes[tuple((one.action, one.begins, one.until) for one in intervals)].append(subject)
    in_order = sorted(
        lanes.items(),
        key=lambda lane: (min(DRAWN.index(one[0]) for one in lane[0]), lane[0][0][1:], lane[1]),
    )
    return [(tuple(subjects), tuple(by_subject[subjects[0]])) for _key, subjects in in_order]


def _care(
    step: Step, told: Sequence[Interval], held: frozenset[str], scale: _Scale
) -> Iterator[Piece]:
    """When a product is used, and over it when its actives are stopped."""
    used = scale.piece(CARE, step.since or scale.first, step.until or scale.last)
    if used:
        yield used
    for one in told:
        if one.action is Action.STOP and one.subject in held and not step.priming:
            first = max(one.begins.date(), step.since or scale.first)
            until = min(one.until.date(), step.until or scale.last)
            stopped = scale.piece(Action.STOP.value, first, until) if first < until else None
            if stopped:
                yield stopped


def _entries(
    visits: Sequence[Visit], days: Sequence[date], told: Sequence[Interval], steps: Sequence[Step]
) -> list[Entry]:
    """The same, day by day; on one day what happens in the clinic goes first."""
    said: list[Entry] = []
    for number, (one, day) in enumerate(zip(visits, days, strict=True), 1):
        downtime = _downtime(one)
        said.append(
            Entry(
                day,
                Happens.VISIT,
                (_called(one),),
                number=number,
                area=one.area,
                downtime=downtime,
                settled=one.settled,
            )
        )
        if downtime[1]:
            over = day + timedelta(days=downtime[1])
            said.append(Entry(over, Happens.RECOVERED, (_called(one),), number=number))
    said += _windows(told)
    for step in steps:
        if step.since:
            said.append(
                Entry(step.since, Happens.CARE_BEGINS, (step.product,), frequency=step.frequency)
            )
        if step.until:
            said.append(Entry(step.until, Happens.CARE_ENDS, (step.product,)))
    order = list(Happens)
    return sorted(said, key=lambda one: (one.on, order.index(one.happens), one.subjects))


def _windows(told: Sequence[Interval]) -> Iterator[Entry]:
    """What is asked, and what may be used again; of one day and one word it is one line."""
    asked: defaultdict[tuple[date, Happens, date | None], list[str]] = defaultdict(list)
    for one in told:
        first, until = one.begins.date(), one.until.date()
        asked[first, Happens(one.action.value), until].append(one.subject)
        if one.action.forbids and not _goes_on(one, told):
            asked[until, Happens.AGAIN, None].append(one.subject)
    for (on, happens, ends), subjects in asked.items():
        yield Entry(on, happens, tuple(sorted(subjects)), until=ends)


def _goes_on(window: Interval, told: Sequence[Interval]) -> bool:
    """Another stretch forbids the same from the moment on at which this one ends."""
    return any(
        one.subject == window.subject and one.action.forbids and one.begins == window.until
        for one in told
    )


def _downtime(one: Visit) -> tuple[int, int]:
    procedure = LIBRARY.get(one.procedure)
    return procedure.downtime if procedure else (0, 0)


def _called(one: Visit) -> str:
    procedure = LIBRARY.get(one.procedure)
    return procedure.name if procedure else one.procedure.replace("_", " ").capitalize()
