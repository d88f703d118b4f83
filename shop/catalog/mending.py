"""The rows an import set aside, as a CSV with their reasons: to be mended and imported again.

Two columns more than the file had. An import knows them and leaves them out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from shop.catalog import queries
from shop.catalog.listing import guarded, unguarded
from shop.catalog.models import Import, Outcome
from shop.catalog.reading import Row

ROW, REASONS = "import_row", "import_reasons"
COLUMNS = (ROW, REASONS)


def written(record: Import) -> Iterator[str]:
    """The file of what was set aside, line by line."""
    aside = queries.columns_set_aside(record.id)
    yield _csv([*COLUMNS, *aside])
    for row in queries.every_row_of(record.id, Outcome.QUARANTINED):
        raw: dict[str, Any] = row.raw or {}
        cells = [str(row.number), "; ".join(row.reasons), *(_cell(raw.get(name)) for name in aside)]
        yield _csv([guarded(cell) for cell in cells])


def taken_back(row: Row) -> Row:
    """A row of that file as it stood in its own: `guarded` undone, without our two columns."""
    cells = {name: unguarded(cell) for name, cell in row.cells.items() if name not in COLUMNS}
    return replace(row, cells=cells)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
