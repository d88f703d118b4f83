"""How much of a variant will be asked for, when to order it again, and what will not sell. Pure.

Each source of demand is counted once: what left of itself, refills, and what clients have asked a
physician for and nobody has decided yet (docs/decisions/0035).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil

LOOK_BACK = 90  # days whose leavings say what is usual
COVER = 30  # days that an order is to last beyond the reorder point
FEWEST_DECIDED = 10  # requests; of fewer the share that is approved says little


@dataclass(frozen=True)
class Policy:
    """How long a delivery takes, and for how many days more there should be some, in days."""

    lead_days: int = 14
    safety_days: int = 7

    @property
    def horizon(self) -> int:
        """Days from now until an order of today is on the shelf, and then some."""
        return self.lead_days + self.safety_days


@dataclass(frozen=True)
class Demand:
    """What is asked of a variant, in units.

    `left`: in the last LOOK_BACK days, refills apart. `refilled`: by refills in the same days.
    `due`: of refills that are announced within the policy's horizon. `asked`: in requests that
    wait for a decision, of which the share `approval` will be approved. `owed`: paid, and waiting
    for units since what they were promised is gone.
    """

    left: int = 0
    refilled: int = 0
    due: int = 0
    asked: int = 0
    approval: Fraction = Fraction(1)
    owed: int = 0

    @property
    def daily(self) -> Fraction:
        """Units a day as usual, refills included."""
        return Fraction(self.left + self.refilled, LOOK_BACK)

    def over(self, days: int) -> Fraction:
        """Units that `days`, at least the policy's horizon, will ask for."""
        usual = Fraction(self.left * days, LOOK_BACK)
        refills = max(Fraction(self.due), Fraction(self.refilled * days, LOOK_BACK))
        return usual + refills + self.asked * self.approval + self.owed


@dataclass(frozen=True)
class Need:
    """Where a variant stands. `free` may be promised today: sellable, less what is promised."""

    free: int
    on_order: int
    reorder_point: int
    suggested: int  # units to order now; 0 where there are enough

    @property
    def low(self) -> bool:
        return self.free + self.on_order < self.reorder_point


def need(demand: Demand, *, free: int, on_order: int, policy: Policy) -> Need:
    """When to order and how much: to the reorder point, and COVER days beyond it."""
    point = ceil(demand.over(policy.horizon))
    goal = ceil(demand.over(policy.horizon + COVER))
    there = free + on_order
    return Need(free, on_order, point, goal - there if there < point else 0)


def approval_rate(approved: int, decided: int, *, elsewhere: Fraction | None) -> Fraction:
    """The share of a variant's requests that ends in a prescription.

    Of too few decided requests, `elsewhere`: the share over all variants; where that is not known
    either, all: better a pack too many than a client who waits.
    """
    if decided >= FEWEST_DECIDED:
        return Fraction(approved, decided)
    return Fraction(1) if elsewhere is None else elsewhere


@dataclass(frozen=True)
class Batch:
    """Units of a lot that may be sold through `last`, the last day."""

    units: int
    last: date


def unsold(batches: Sequence[Batch], daily: Fraction, *, today: date) -> list[int]:
    """Of each batch the units that will still be there when its last day is over.

    The batches stand in the order in which they are sold; `daily` units leave a day, today's
    among them, and each leaves the first batch that may be sold then.
    """
    left: list[int] = []
    sold = Fraction(0)
    for batch in batches:
        days = max((batch.last - today).days + 1, 0)
        taken = min(Fraction(batch.units), max(daily * days - sold, Fraction(0)))
        sold += taken
        left.append(batch.units - int(taken))
    return left


def total(parts: Iterable[int | None]) -> int | None:
    """Their sum; None where one of them is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
