"""A report as a table: columns with their units, rows, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shop.core.money import dollars

Cell = str | int | None
UNKNOWN = "not known"


class Unit(StrEnum):
    """What a column's numbers count."""

    TEXT = "text"
    COUNT = "count"  # packs, orders, movements
    CENTS = "cents"
    PERCENT = "percent"


@dataclass(frozen=True)
class Column:
    """`name` is the API's and the file's; `title` the page's."""

    name: str
    title: str
    unit: Unit = Unit.TEXT

    def said(self, cell: Cell) -> str:
        """A cell as a person reads it."""
        if cell is None:
            return UNKNOWN
        if self.unit is Unit.CENTS and isinstance(cell, int):
            return dollars(cell)
        return f"{cell} %" if self.unit is Unit.PERCENT else str(cell)


@dataclass(frozen=True)
class Figures:
    """The rows stand in the order of their columns. `drawn` names the column of the chart's bars;
    the first column names them.
    """

    columns: Sequence[Column]
    rows: Sequence[tuple[Cell, ...]]
    drawn: str
    notes: Sequence[str] = ()

    def bars(self) -> list[tuple[str, int]]:
        """What the chart shows: name and value; what is not known has no bar."""
        place = [column.name for column in self.columns].index(self.drawn)
        values = ((str(row[0]), row[place]) for row in self.rows)
        return [(name, value) for name, value in values if isinstance(value, int)]

    def records(self) -> list[dict[str, Cell]]:
        """The rows with the columns' names."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def share(part: int, whole: int) -> int | None:
    """In whole percent; None of nothing."""
    return round(100 * part / whole) if whole else None
