"""What an import did with every row of its file."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.catalog.models import ImportRow, Outcome
from shop.catalog.reading import NO_TEXT, Row

__all__ = ["Outcome", "Report", "RowReport", "set_aside"]

LONGEST_KEY = 60
SHOWN = 300  # characters of a cell in a report


@dataclass(frozen=True)
class RowReport:
    """One row: its line in the file, its key, what became of it, and why or with what remarks."""

    row: int
    key: str
    outcome: Outcome
    reasons: list[str] = field(default_factory=list)
    raw: dict[str, Any] | None = None  # of a quarantined row, so that it can be found and mended

    def as_json(self) -> dict[str, Any]:
        """The row in plain values; of what was set aside only the beginnings."""
        said: dict[str, Any] = {
            "row": self.row,
            "key": self.key,
            "outcome": self.outcome.value,
            "reasons": self.reasons,
        }
        if self.raw is None:
            return said
        return said | {
            "raw": {name[:60]: str(value)[:SHOWN] for name, value in self.raw.items()},
        }


@dataclass(frozen=True)
class Report:
    """Every row of a file, in its order; `counts` add up to them."""

    rows: list[RowReport]
    dry_run: bool = False
    id: uuid.UUID | None = None  # of the import, where it was kept

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome."""
        return counts(self.rows)

    def as_json(self) -> dict[str, Any]:
        """The report in plain values; `raw` only where a row was set aside."""
        rows = [row.as_json() for row in self.rows]
        kept = str(self.id) if self.id else None
        return {"id": kept, "dry_run": self.dry_run, "counts": self.counts, "rows": rows}


def counts(rows: Iterable[RowReport]) -> dict[str, int]:
    """How many of these rows had each outcome."""
    counted = Counter(row.outcome for row in rows)
    return {outcome.value: counted[outcome] for outcome in Outcome}


def of(kept: ImportRow) -> RowReport:
    """A row's report, as it was written down."""
    return RowReport(kept.number, kept.key, kept.outcome, kept.reasons, kept.raw)


def set_aside(row: Row, key: str, reasons: Iterable[str]) -> RowReport:
    """A quarantined row, with all that it held, in characters that can be kept."""
    named = str(row.cells.get(key) or "")[:LONGEST_KEY]
    raw = {_kept(str(name)): _kept(_written(value)) for name, value in row.cells.items()}
    return RowReport(
        row.number, _kept(named), Outcome.QUARANTINED, [_kept(why) for why in reasons], raw
    )


def _written(value: object) -> str:
    if isinstance(value, Mapping | list):
        return _json(value)
    return "" if value is None else str(value)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "…"  # nested deeper than can be written down


def _kept(text: str) -> str:
    return NO_TEXT.sub("\ufffd", text)
