"""A report as a table: columns with their units, rows, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shop.core.money import dollars

Cell = str | int | None
UNKNOWN = "not known"


class Unit(StrEnum):
    """What a column's numbers count."""

    TEXT = "text"
    COUNT = "count"  # packs, orders, movements
    CENTS = "cents"
    PERCENT = "percent"
    MINUTES = "minutes"
    DAY = "day"  # an ISO date
    WEEK = "week"  # the ISO date of its Monday
    MONTH = "month"  # the ISO date of its first day

    @property
    def counts(self) -> bool:
        """Cells are numbers, and stand to the right."""
        return self not in (Unit.TEXT, Unit.DAY, Unit.WEEK, Unit.MONTH)


@dataclass(frozen=True)
class Column:
    """`name` is the API's and the file's; `title` the page's."""

    name: str
    title: Any  # a lazy string
    unit: Unit = Unit.TEXT

    def said(self, cell: Cell) -> str:
        """A cell as a person reads it."""
        if cell is None:
            return UNKNOWN
        if self.unit is Unit.CENTS and isinstance(cell, int):
            return dollars(cell)
        if self.unit is Unit.MINUTES and isinstance(cell, int):
            return lasting(cell)
        return f"{cell} %" if self.unit is Unit.PERCENT else str(cell)


@dataclass(frozen=True)
class Figures:
    """The rows stand in the order of their columns. `drawn` names the column of the chart's bars;
    the first column names them. `over` names columns drawn over time instead, side by side.
    """

    columns: Sequence[Column]
    rows: Sequence[tuple[Cell, ...]]
    drawn: str
    notes: Sequence[Any] = ()  # lazy strings
    over: Sequence[str] = ()

    def bars(self) -> list[tuple[str, int]]:
        """What the chart shows: name and value; what is not known has no bar."""
        place = [column.name for column in self.columns].index(self.drawn)
        values = ((str(row[0]), row[place]) for row in self.rows)
        return [(name, value) for name, value in values if isinstance(value, int)]

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)

    def series(self, name: str) -> list[int | None]:
        """A column's numbers, in the order of the rows; what is not known is None."""
        place = [column.name for column in self.columns].index(name)
        return [cell if isinstance(cell := row[place], int) else None for row in self.rows]

    def records(self) -> list[dict[str, Cell]]:
        """The rows with the columns' names."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def lasting(minutes: int) -> str:
    """ "2 d 3 h", "3 h 20 min", "45 min": two units at most."""
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {left} min" if left else f"{hours} h"
    return f"{left} min"


def share(part: int, whole: int) -> int | None:
    """In whole percent; None of nothing."""
    return round(100 * part / whole) if whole else None
