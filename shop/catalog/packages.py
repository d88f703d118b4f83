"""The FDA's package descriptions, outer to inner, read into what one package holds.

"`12 CARTON in 1 CASE (47335-994-94) / 1 TUBE in 1 CARTON (47335-994-40) / 2 g in 1 TUBE`" holds
12 tubes of 2 g: 24 g. A number in brackets names the level whose container it follows, so the
brackets of an inner pack belong to that pack.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from decimal import Decimal

from shop.catalog.strengths import plain

_LEVEL = re.compile(
    r"^(?P<count>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s+(?P<what>\S.*?)\s+in\s+"
    r"(?P<per>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s+(?P<container>\S.*?)"
    r"(?:\s*\((?P<code>[\d-]+)\))?$",
    re.DOTALL,
)
# Units that are a quantity of the product itself, not a container.
_CONTENT = {
    "g": ("g", Decimal(1)),
    "mg": ("g", Decimal("0.001")),
    "kg": ("g", Decimal(1000)),
    "mL": ("mL", Decimal(1)),
    "ml": ("mL", Decimal(1)),
    "L": ("mL", Decimal(1000)),
    "l": ("mL", Decimal(1000)),
}
_LEVELS = re.compile(r"\s+(?:/|>)\s+")  # since 2019 " / ", before that "  > "
MOST_LEVELS = 10


class Unreadable(ValueError):
    """The description is not in the FDA's form; its text says where."""


@dataclass(frozen=True)
class Level:
    """So many of something in one container, which may have a package number of its own."""

    count: Decimal
    what: str
    container: str
    code: str | None


@dataclass(frozen=True)
class Package:
    """A package: its levels, outer to inner, and what it holds in all."""

    levels: tuple[Level, ...]
    net_content: Decimal | None  # in `net_unit`; None where it is counted in pieces
    net_unit: str | None  # "g" or "mL"
    name: str  # for people: "20 g tube", "24 x 0.25 g packet"

    @property
    def inner_codes(self) -> tuple[str, ...]:
        """Package numbers of packs inside this one."""
        return tuple(level.code for level in self.levels[1:] if level.code)


def read(description: str, package_ndc: str) -> Package:
    """Read the description of `package_ndc`. Raises Unreadable."""
    levels = tuple(_level(part) for part in _LEVELS.split(description.strip()))
    if len(levels) > MOST_LEVELS:
        raise Unreadable(f"more than {MOST_LEVELS} levels")
    if levels[0].code != package_ndc:
        raise Unreadable(f"the outer pack is {levels[0].code}, not {package_ndc}")
    for outer, inner in itertools.pairwise(levels):
        if outer.what.upper() != inner.container.upper():
            raise Unreadable(f"{outer.what!r} does not open into {inner.container!r}")
    inner = levels[-1]
    packs = Decimal(1)
    for level in levels[:-1]:
        packs *= level.count
    if inner.what not in _CONTENT:
        return Package(levels, None, None, _pieces(packs * inner.count, inner.what))
    unit, factor = _CONTENT[inner.what]
    each = plain(inner.count * factor)
    if each <= 0 or packs <= 0:
        raise Unreadable("an empty package")
    return Package(levels, plain(each * packs), unit, _name(packs, each, unit, inner.container))


def _level(part: str) -> Level:
    match = _LEVEL.match(part.strip())
    if match is None:
        raise Unreadable(f"cannot read {part.strip()[:80]!r}")
    if Decimal(match["per"]) == 0:
        raise Unreadable("something in 0 containers")
    count = Decimal(match["count"]) / Decimal(match["per"])
    return Level(count, match["what"], match["container"], match["code"])


def _name(packs: Decimal, each: Decimal, unit: str, container: str) -> str:
    noun = _noun(container)
    return f"{each:f} {unit} {noun}" if packs == 1 else f"{plain(packs):f} x {each:f} {unit} {noun}"


def _pieces(pieces: Decimal, what: str) -> str:
    noun = _noun(what)
    return f"1 {noun}" if pieces == 1 else f"{plain(pieces):f} {noun}s"


def _noun(container: str) -> str:
    """ "BOTTLE, PUMP" as "pump bottle"."""
    return " ".join(reversed([word.strip() for word in container.lower().split(",")]))
