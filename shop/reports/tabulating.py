"""A report as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from shop.catalog.listing import guarded
from shop.reports.figures import Cell, Figures


def written(figures: Figures) -> Iterator[str]:
    """Line by line; the first names the columns. What is not known is an empty cell."""
    yield _line([column.name for column in figures.columns])
    for row in figures.rows:
        yield _line([_cell(cell) for cell in row])


def _cell(cell: Cell) -> str:
    """Numbers as they are; of text a spreadsheet runs nothing."""
    if cell is None:
        return ""
    return str(cell) if isinstance(cell, int) else guarded(cell)


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
