"""On which day a refill may be charged, and what the client has to be told before. Pure.

Days are the clinic's. 15 U.S.C. 8403 (ROSCA) asks for clear terms and express consent before any
charge; a higher price is told 7 to 30 days before it is taken (Cal. Bus. & Prof. Code § 17602, as
amended by AB 2863 of 2024). Decision 0027 says how the numbers were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

LEAD = timedelta(days=5)  # charged so long before the pack runs out, so that the next is there
NOTICE = timedelta(days=7)  # told so long before it is charged
PRICE_NOTICE = timedelta(days=14)  # the same, where it costs more than she agreed to
STANDS = timedelta(days=14)  # a notice is good for so long after the day it named


@dataclass(frozen=True)
class Told:
    """What a notice said: on which day at the earliest, and how much at most."""

    charge_on: date
    total_cents: int


@dataclass(frozen=True)
class Agreed:
    """What she agreed to after she was told: on which day, and how much at most."""

    on: date
    total_cents: int


def due_on(runs_out_on: date) -> date:
    """The day on which the next pack is to be charged."""
    return runs_out_on - LEAD


def to_tell(due: date, today: date) -> bool:
    """Whether a charge that is due then has to be announced by now."""
    return today >= due - NOTICE


def announced_for(due: date, today: date, *, rises: bool) -> date:
    """The day that a notice of today names. `rises`: it costs more than she agreed to."""
    return max(due, today + (PRICE_NOTICE if rises else NOTICE))


def stands(
    told: Told | None, *, agreed_since: Agreed | None, total_cents: int, today: date
) -> bool:
    """Whether it may be charged today on what she was told, and agreed to since.

    Who agreed after the notice need not wait for the day that it named. Neither is good for ever.
    """
    if told is None:
        return False
    if agreed_since is not None and total_cents <= agreed_since.total_cents:
        return today <= max(told.charge_on, agreed_since.on) + STANDS
    in_time = told.charge_on <= today <= told.charge_on + STANDS
    return in_time and total_cents <= told.total_cents
