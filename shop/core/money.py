"""Money is integer cents of one currency; people read dollars."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

CURRENCY = "usd"
_TYPED = re.compile(r"\$?([0-9]{1,6})(?:\.([0-9]{2}))?")


def dollars(cents: int) -> str:
    """`4800` as "$48.00", `-50` as "-$0.50"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def cents(typed: str) -> int | None:
    """`24`, `24.00` or `$1,200.50` in cents; None for what is no amount."""
    read = _TYPED.fullmatch(typed.strip().replace(",", ""))
    return None if read is None else int(read[1]) * 100 + int(read[2] or 0)


def share(cents: int, rate: Decimal) -> int:
    """`rate` (0.0725 for 7.25 %) of `cents`, rounded half up to the cent."""
    return int((cents * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
