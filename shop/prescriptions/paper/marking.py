"""Which print of a document this is: the first is the original, every later one says COPY."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shop.prescriptions.paper.sheet import day


@dataclass(frozen=True)
class Mark:
    """A print. `first_on` and `first_by` are of the original, `replaces` of one that is void.

    Days are the clinic's.
    """

    number: int  # of this kind of document about this subject, from 1
    original: bool
    first_on: date
    first_by: str
    replaces: date | None = None

    @property
    def text(self) -> str:
        """What is printed across the document; nothing on a plain original."""
        if not self.original:
            return f"COPY {self.number} · first printed {day(self.first_on)}"
        return f"REPLACES the print of {day(self.replaces)}" if self.replaces else ""
