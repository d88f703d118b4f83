"""What a reconciliation finds: differences, and beside them what a reader should know."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """Something that does not agree: `kind` is stable, `subject` names the row or the object."""

    kind: str
    subject: str
    text: str
    order_id: uuid.UUID | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Noted:
    """What moved at the provider in the time that was compared, in cents; no difference in it."""

    movements: int = 0
    fees_cents: int = 0
    payouts: int = 0
    payouts_cents: int = 0


@dataclass(frozen=True)
class Compared:
    differences: list[Difference]
    noted: Noted
