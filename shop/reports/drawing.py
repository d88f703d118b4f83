"""Bars of a report's chart. Pure; the page draws them as SVG beside a table that says the same."""

from __future__ import annotations

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
