"""What an import did with every row of its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shop.catalog.reading import Row


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"  # set aside, nothing of it was taken


@dataclass(frozen=True)
class RowReport:
    """One row: its line in the file, its key, what became of it, and why or with what remarks."""

    row: int
    key: str
    outcome: Outcome
    reasons: list[str] = field(default_factory=list)
    raw: dict[str, Any] | None = None  # of a quarantined row, so that it can be found and mended


@dataclass(frozen=True)
class Report:
    """Every row of a file, in its order; `counts` add up to them."""

    rows: list[RowReport]
    dry_run: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome."""
        counted = Counter(row.outcome for row in self.rows)
        return {outcome.value: counted[outcome] for outcome in Outcome}

    def as_json(self) -> dict[str, Any]:
        """The report in plain values; `raw` only where a row was set aside."""
        rows = [
            {
                "row": row.row,
                "key": row.key,
                "outcome": row.outcome.value,
                "reasons": row.reasons,
            }
            | ({"raw": row.raw} if row.raw is not None else {})
            for row in self.rows
        ]
        return {"dry_run": self.dry_run, "counts": self.counts, "rows": rows}


def set_aside(row: Row, key: str, reasons: Iterable[str]) -> RowReport:
    """A quarantined row, with what it held."""
    raw = {str(name)[:60]: str(value)[:300] for name, value in row.cells.items()}
    return RowReport(
        row.number, str(row.cells.get(key, ""))[:60], Outcome.QUARANTINED, list(reasons), raw
    )
