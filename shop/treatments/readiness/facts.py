"""What readiness is judged from. Pure: one client, in one clinic's zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shop.treatments.course import Course
from shop.treatments.windows import Facts, Session, WindowRule


@dataclass(frozen=True)
class Given:
    """A pack that left the shop for her: shipped, or handed over at the desk, on a clinic's day."""

    product: str  # the key of its product
    classes: frozenset[str]  # of active
    on: date


@dataclass(frozen=True)
class Care:
    """A step of a plan's home care. `until` is the first day after it.

    `prescribed`: a prescription of hers stands for it, with a fill left. `primes`: a physician
    ordered it so, in a plan that runs.
    """

    plan: str
    sku: str
    called: str
    product: str
    classes: frozenset[str] = frozenset()
    doctor_only: bool = False
    prescribed: bool = False
    primes: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Reported:
    """A report of hers after some session; one that she has corrected stands no more."""

    key: str
    on: date
    number: int
    course: Course
    waits: bool
    stands: bool = True


@dataclass(frozen=True)
class Waived:
    """What a physician waived: the names of findings, for the time the session had then."""

    names: frozenset[str]
    starts: datetime
    by: str
    at: datetime
    why: str = ""


@dataclass(frozen=True)
class Booked:
    """A session that is judged. `waits` says in words why nothing of its plan is performed."""

    plan: str
    waits: str = ""
    moved_at: datetime | None = None
    waivers: tuple[Waived, ...] = ()


@dataclass(frozen=True)
class Known:
    """Everything, of one client.

    `sessions` are all that windows are reckoned from, `booked` those of them that are judged, by
    key. `facts` are the chart's: what she uses and was given is read off `care` and `given` here.
    `taken`: what the chart says that she takes, by the word of conduct that rules use.
    """

    zone: ZoneInfo
    sessions: tuple[Session, ...]
    booked: Mapping[str, Booked]
    rules: tuple[WindowRule, ...] = ()
    facts: Facts = field(default_factory=Facts)
    care: tuple[Care, ...] = ()
    given: tuple[Given, ...] = ()
    taken: frozenset[str] = frozenset()
    reports: tuple[Reported, ...] = ()
