"""Reports of rows set down in a file: a rehearsal of a large import holds none of them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from shop.catalog.report import Outcome, RowReport


class Spool:
    """Reports of rows, told again in the order of the file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)
        self._places: list[tuple[int, int]] = []  # row, and where its report begins
        self._counted: Counter[Outcome] = Counter()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *how: object) -> None:
        self._file.close()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome."""
        return {outcome.value: self._counted[outcome] for outcome in Outcome}

    def add(self, reports: Iterable[RowReport]) -> None:
        """Set these down."""
        for one in reports:
            self._places.append((one.row, self._file.seek(0, 2)))
            said = [one.row, one.key, one.outcome.value, one.reasons, one.raw]
            self._file.write(json.dumps(said).encode() + b"\n")
            self._counted[one.outcome] += 1

    def __iter__(self) -> Iterator[RowReport]:
        for _, place in sorted(self._places):
            self._file.seek(place)
            row, key, outcome, reasons, raw = json.loads(self._file.readline())
            yield RowReport(row, key, Outcome(outcome), reasons, raw)

    def in_pieces(self, at_once: int) -> Iterator[list[RowReport]]:
        """The same, some at a time."""
        reports = iter(self)
        while some := list(islice(reports, at_once)):
            yield some
