"""What a discount takes off: integer cents, of what it may touch and of nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shop.catalog.models import LegalClass
from shop.core.money import dollars, share
from shop.discounts.errors import BelowMinimum, NothingToDiscount

FIELD = "discount_code"
LEAVE_OUT = "Leave it out, or use another."
NEVER = "What needs a physician's approval is never discounted."


@dataclass(frozen=True)
class Terms:
    """A discount as it holds at one address: `percent`, or `cents` off, never both.

    `classes` are those it may touch there, what is barred left out. `least_cents`: so much of
    these has to be in the order, before anything is taken off.
    """

    percent: int | None
    cents: int | None
    classes: frozenset[LegalClass]
    least_cents: int = 0

    def touches(self, kind: LegalClass, *, prescribed: bool) -> bool:
        """Whether a line may bear a part of it; what a physician approved never does."""
        return kind in self.classes and not kind.prescription_only and not prescribed

    def off(self, goods_cents: int) -> int:
        """What it takes off goods that it may touch, in cents: never more than they cost.

        A percentage is rounded half up to the cent, once over all of them. Raises
        NothingToDiscount, BelowMinimum.
        """
        if goods_cents < self.least_cents:
            least, lacks = dollars(self.least_cents), dollars(self.least_cents - goods_cents)
            raise BelowMinimum(
                f"This code needs {least} of what it applies to; here are {dollars(goods_cents)}.",
                fields={FIELD: [f"Order for {lacks} more of what it applies to. {LEAVE_OUT}"]},
                least_cents=self.least_cents,
                cents=goods_cents,
            )
        if self.percent is not None:
            given = share(goods_cents, Decimal(self.percent) / 100)
        else:
            given = min(self.cents or 0, goods_cents)
        if given == 0:
            raise NothingToDiscount(
                "This code takes nothing off this order.",
                fields={FIELD: [f"It applies to nothing here. {NEVER} {LEAVE_OUT}"]},
            )
        return given
