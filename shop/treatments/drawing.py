"""The course of a client's reports as points of a small chart. Pure; the page draws it as SVG.

All three lines share one height: signs from 0 to 3, comfort from 0 to 10. The page shows the same
as a table, so that nobody needs to see the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shop.treatments.course import COMFORTABLE, Level, Said
from shop.treatments.procedures import Procedure

WIDTH, HEIGHT, MARGIN = 320, 120, 12  # of the viewBox
FEWEST_DAYS = 7  # so that the first days do not fill the whole width


@dataclass(frozen=True)
class Line:
    """One of the three: its name, and where it goes ("x,y x,y …", with its dots)."""

    name: str
    dots: tuple[tuple[float, float], ...]

    @property
    def points(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in self.dots)


@dataclass(frozen=True)
class Drawing:
    """`downtime`: where the longest downtime ends, from the left; `days`: the last day shown."""

    lines: tuple[Line, ...]
    downtime: float
    days: int


def draw(
    told: Iterable[tuple[date, Said]], *, performed_on: date, procedure: Procedure
) -> Drawing | None:
    """A chart of what stands, in its order; of a day the last word counts. None of nothing."""
    of_day = {(on - performed_on).days: said for on, said in told}
    if not of_day:
        return None
    longest = procedure.downtime[1]
    last = max(*of_day, longest, FEWEST_DAYS)
    days = sorted(of_day.items())

    def line(name: str, shares: Sequence[float]) -> Line:
        heights = (round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1) for share in shares)
        places = (_across(day, last) for day, _said in days)
        return Line(name, tuple(zip(places, heights, strict=True)))

    return Drawing(
        lines=(
            line("redness", [said.redness / Level.SEVERE for _day, said in days]),
            line("peeling", [said.peeling / Level.SEVERE for _day, said in days]),
            line("comfort", [said.comfort / COMFORTABLE for _day, said in days]),
        ),
        downtime=_across(longest, last),
        days=last,
    )


def _across(day: int, last: int) -> float:
    return round(MARGIN + day / last * (WIDTH - 2 * MARGIN), 1)
