"""Money is integer cents of one currency; people read dollars."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

CURRENCY = "usd"


def dollars(cents: int) -> str:
    """`4800` as "$48.00", `-50` as "-$0.50"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def share(cents: int, rate: Decimal) -> int:
    """`rate` (0.0725 for 7.25 %) of `cents`, rounded half up to the cent."""
    return int((cents * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
