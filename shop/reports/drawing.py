"""Charts of reports: bars of names, columns over time. Pure; a table beside says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, ROW, LABEL, VALUE = 640, 28, 200, 90  # of the viewBox
MOST = 20  # bars; the table has the rest
LONGEST = 28  # characters of a label


@dataclass(frozen=True)
class Bar:
    """From the left edge of the bars; below zero it is drawn as a loss."""

    label: str
    value: int
    y: int
    width: float

    @property
    def loss(self) -> bool:
        return self.value < 0


@dataclass(frozen=True)
class Drawing:
    bars: tuple[Bar, ...]
    height: int
    left_out: int  # bars that found no room


def draw(values: Sequence[tuple[str, int]]) -> Drawing | None:
    """The first MOST of them, in their order, as long as their share of the largest."""
    shown = values[:MOST]
    largest = max((abs(value) for _name, value in shown), default=0)
    if not largest:
        return None
    room = WIDTH - LABEL - VALUE
    bars = tuple(
        Bar(_short(name), value, place * ROW, round(abs(value) / largest * room, 1))
        for place, (name, value) in enumerate(shown)
    )
    return Drawing(bars, len(bars) * ROW, len(values) - len(shown))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


# Columns over time: the viewBox, and the room around the plot for what the axes say.
BROAD, HIGH, LEFT, TOP, BELOW = 720, 280, 76, 12, 30
STEPS = (1, 2, 2.5, 5, 10)
LINES = 4  # of the grid, about
WIDEST = 40  # of a column
NAMED = 9  # periods with a name beneath, at most


@dataclass(frozen=True)
class Column:
    """One bar that stands on the axis. `series` counts from 0."""

    place: int  # of its period
    series: int
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """Columns over time: bars, lines of the grid with their values, and the places of names."""

    columns: tuple[Column, ...]
    grid: tuple[tuple[int, float], ...]  # value, y
    names: tuple[tuple[int, float], ...]  # place of a period, x of its middle
    floor: float
    width: int = BROAD
    height: int = HIGH
    left: int = LEFT


def plot(series: Sequence[Sequence[int | None]], *, step: int = 1) -> Plot | None:
    """Series side by side, one value a period; what is not known has no column.

    The grid stands at round multiples of `step`. None where there is nothing to see.
    """
    largest = max((value or 0 for one in series for value in one), default=0)
    if largest <= 0:
        return None
    ticks = _ticks(largest, step)
    floor = HIGH - BELOW
    scale = (floor - TOP) / ticks[-1]
    periods = max(len(one) for one in series)
    room = (BROAD - LEFT) / periods
    width = min(WIDEST, room * 0.72 / len(series))
    found: list[Column] = []
    for number, one in enumerate(series):
        for place, value in enumerate(one):
            if value is None:
                continue
            middle = LEFT + room * (place + 0.5)
            x = middle + width * (number - len(series) / 2)
            height = max(0, value) * scale
            found.append(
                Column(
                    place,
                    number,
                    value,
                    round(x, 1),
                    round(floor - height, 1),
                    round(max(1.0, width - 1), 1),
                    round(height, 1),
                )
            )
    every = -(-periods // NAMED)
    return Plot(
        columns=tuple(found),
        grid=tuple((tick, round(floor - tick * scale, 1)) for tick in ticks),
        names=tuple(
            (place, round(LEFT + room * (place + 0.5), 1)) for place in range(0, periods, every)
        ),
        floor=floor,
    )


def _ticks(largest: int, step: int) -> list[int]:
    """From 0 to the first round multiple of `step` that is not below the largest."""
    wanted = largest / step / LINES
    size = 10 ** max(0, math.floor(math.log10(wanted))) if wanted > 1 else 1
    each = next(one * size for one in STEPS if one * size >= wanted and (one * size) % 1 == 0)
    apart = int(each * step)
    return list(range(0, largest + apart, apart))
