"""What each unit of a line gives back of what was paid for it. Pure, integer cents.

The first k of n units give together what is due for k of them, rounded half up, so all n give what
was paid. The database says the same (`unit_cents`).
"""

from __future__ import annotations

from collections.abc import Collection


def due(paid_cents: int, quantity: int, units: int) -> int:
    """What the first `units` of `quantity` give together."""
    return (2 * paid_cents * units + quantity) // (2 * quantity)


def unit_cents(paid_cents: int, quantity: int, unit: int) -> int:
    """What the `unit`-th of them gives, counted from 1."""
    return due(paid_cents, quantity, unit) - due(paid_cents, quantity, unit - 1)


def free(quantity: int, taken: Collection[int], units: int) -> list[int]:
    """The first `units` numbers that are not taken; fewer where there are no more."""
    return [unit for unit in range(1, quantity + 1) if unit not in taken][:units]
