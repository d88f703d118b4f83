"""Money is integer cents of one currency; people read dollars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

CURRENCY = "usd"
LEAST_CENTS = 50  # what the card network takes
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


def allocated(cents: int, weights: Sequence[int]) -> list[int]:
    """`cents` (none or more) shared in proportion to weights (none or more), to the last cent.

    Each gets its share rounded down; the cents left over go to those who lost most by it, the
    earlier first (largest remainder). Without any weight there is nothing to share by: raises
    ValueError for cents above nought.
    """
    whole = sum(weights)
    if not whole:
        if cents:
            raise ValueError("Nothing bears these cents.")
        return [0 for _ in weights]
    shares = [cents * weight // whole for weight in weights]
    lost = sorted(range(len(weights)), key=lambda i: -(cents * weights[i] % whole))
    for i in lost[: cents - sum(shares)]:
        shares[i] += 1
    return shares
