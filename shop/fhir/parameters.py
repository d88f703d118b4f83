"""A query string as a search (R4, search.html): pure, and strict where a slip would widen what is
found.

A name that stands twice means both, a comma either; "\\," is a comma. An unknown name is refused
unless the caller asks for leniency; a value that cannot be read always is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from shop.fhir.errors import bad

COUNT, MOST = 24, 100  # resources on a page
VALUES = 100  # in one search, all parameters together
LONGEST = 400  # characters of one value: a cursor is the longest
RESULT = ("_count", "_sort", "_format", "_page")  # how it is answered, not what is found


class Kind(Enum):
    """How a parameter's values are read."""

    ID = auto()
    CODE = auto()  # of a closed vocabulary
    IDENTIFIER = auto()
    REFERENCE = auto()
    DATE = auto()

    @property
    def word(self) -> str:
        """FHIR's name of the type."""
        return {Kind.REFERENCE: "reference", Kind.DATE: "date"}.get(self, "token")


@dataclass(frozen=True)
class Parameter:
    """`column` is what it looks at; `of` the type that a reference points to."""

    name: str
    kind: Kind
    column: str
    says: str  # for the CapabilityStatement
    of: str = ""
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Span:
    """A date as it was written: from `start` until, not including, `end`, both UTC."""

    prefix: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Numbered:
    """A number with the system that was named; None: any of ours."""

    system: str | None
    value: str


Value = str | UUID | Span | Numbered | None  # None: names nothing that could be there


@dataclass(frozen=True)
class Search:
    """All of `conditions`, of each any of its values; `used` is what the self link repeats."""

    conditions: Sequence[tuple[Parameter, Sequence[Value]]] = ()
    sort: str = ""
    descending: bool = True
    count: int = COUNT
    skip: int = 0
    after: str | None = None
    used: Sequence[tuple[str, str]] = field(default=())


def read(
    sent: Iterable[tuple[str, str]],
    known: Mapping[str, Parameter],
    *,
    sorts: Iterable[str],
    base: str,
    lenient: bool = False,
) -> Search:
    """The search that was sent. Raises BadSearch, which names the parameter."""
    names = {*known, *RESULT}
    sent = list(sent)
    strange = [name for name, _ in sent if name not in names]
    if strange and not lenient:
        raise bad(strange[0], "This is no parameter here. /metadata lists what is searched by.")
    pairs = [(name, text) for name, text in sent if name in names]
    _bound(pairs)
    last = _each_once(pairs)
    sort, descending = _sort(last.get("_sort"), sorts)
    skip, after = _cursor(last.get("_page"))
    return Search(
        conditions=[
            (known[name], [_value(known[name], one, base) for one in _either(text)])
            for name, text in pairs
            if name in known
        ],
        sort=sort,
        descending=descending,
        count=_count(last.get("_count")),
        skip=skip,
        after=after,
        used=[(name, text) for name, text in pairs if name not in ("_page", "_format")],
    )


def _bound(pairs: Sequence[tuple[str, str]]) -> None:
    for name, text in pairs:
        if not text.strip():
            raise bad(name, "Give a value.")
        if len(text) > LONGEST and name != "_id":
            raise bad(name, f"At most {LONGEST} characters.")
    if sum(len(_either(text)) for _, text in pairs) > VALUES:
        raise bad(pairs[-1][0], f"At most {VALUES} values in one search.")


def _each_once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters of the answer. Raises BadSearch where one stands twice."""
    once: dict[str, str] = {}
    for name, text in pairs:
        if name in RESULT and once.setdefault(name, text) != text:
            raise bad(name, "Say this once.")
    return once


def _either(text: str) -> list[str]:
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def _count(text: str | None) -> int:
    if text is None:
        return COUNT
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 1:
        raise bad("_count", f"Give a whole number from 1; at most {MOST} come at once.")
    return min(int(text), MOST)


def _sort(text: str | None, sorts: Iterable[str]) -> tuple[str, bool]:
    """The parameter to sort by, and whether the highest comes first. Newest first by default."""
    if text is None:
        return "", True
    name = text.removeprefix("-")
    if name not in sorts:
        raise bad("_sort", f"Sort by one of: {', '.join(sorts)}; a minus before it turns it round.")
    return name, text.startswith("-")


def _cursor(text: str | None) -> tuple[int, str | None]:
    if text is None:
        return 0, None
    found = re.fullmatch(r"([0-9]{1,4})\.([A-Za-z0-9_-]*)", text)
    if found is None:
        raise bad("_page", "This page does not exist. Take the link of the page before.")
    return int(found[1]), found[2] or None


# --- values --------------------------------------------------------------------------------------


def _value(parameter: Parameter, text: str, base: str) -> Value:
    return READERS[parameter.kind](parameter, text, base)


def _code(parameter: Parameter, text: str, base: str) -> str:
    if text not in parameter.words:
        raise bad(parameter.name, f"Choose among {', '.join(sorted(parameter.words))}.")
    return text


def _id(parameter: Parameter, text: str, base: str) -> str:
    return text


def _identifier(parameter: Parameter, text: str, base: str) -> Numbered:
    system, bar, value = text.rpartition("|")
    return Numbered(system if bar and system else None, value)


def _reference(parameter: Parameter, text: str, base: str) -> UUID | None:
    """ "Patient/<id>", the id alone, or our whole address of it; of another type: nobody."""
    kind, _, one = text.removeprefix(f"{base}/").rpartition("/")
    return uuid_of(one) if kind in ("", parameter.of) else None


def uuid_of(text: str) -> UUID | None:
    """An id that we could have given out: a UUID in its one spelling."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[-+ ]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le")
HOW = "Write a date as 2026, 2026-03, 2026-03-31 or 2026-03-31T10:15:00Z"


def _date(parameter: Parameter, text: str, base: str) -> Span:
    """A part of a date means all of it: 2026-03 is the whole of March. Without a zone, UTC."""
    found = DATE.fullmatch(text)
    if found is None:
        raise bad(parameter.name, f"{HOW}, after one of {', '.join(PREFIXES)} or none.")
    if (found["prefix"] or "eq") not in PREFIXES:
        raise bad(parameter.name, f"{found['prefix']} is not known here: {', '.join(PREFIXES)}.")
    try:
        start, end = _span(found)
    except (ValueError, OverflowError):
        raise bad(parameter.name, f"There is no such day or time. {HOW}.") from None
    return Span(found["prefix"] or "eq", start, end)


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    part = {name: int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second")
            if found[name]}  # fmt: skip
    fraction = (found["fraction"] or "")[:6]
    zone = datetime.strptime((found["zone"] or "Z").replace(" ", "+"), "%z").tzinfo
    start = datetime(
        part["year"],
        part.get("month", 1),
        part.get("day", 1),
        part.get("hour", 0),
        part.get("minute", 0),
        part.get("second", 0),
        int(fraction.ljust(6, "0")) if fraction else 0,
        tzinfo=zone,
    )
    return start.astimezone(UTC), _after(start, part, fraction).astimezone(UTC)


def _after(start: datetime, part: Mapping[str, int], fraction: str) -> datetime:
    """Where what was written ends."""
    if fraction:
        return start + timedelta(microseconds=10 ** (6 - len(fraction)))
    if "minute" in part:
        return start + (timedelta(seconds=1) if "second" in part else timedelta(minutes=1))
    if "day" in part:
        return start + timedelta(days=1)
    months = start.year * 12 + start.month + (0 if "month" in part else 11)
    return start.replace(year=months // 12, month=months % 12 + 1)


READERS: Mapping[Kind, Callable[[Parameter, str, str], Value]] = {
    Kind.ID: _id,
    Kind.CODE: _code,
    Kind.IDENTIFIER: _identifier,
    Kind.REFERENCE: _reference,
    Kind.DATE: _date,
}
