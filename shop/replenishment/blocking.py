"""Something is against a refill: nothing is charged, the client is told, it is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from shop.core import events
from shop.core.errors import Refusal
from shop.core.events import Kind
from shop.inventory.errors import NotEnoughStock
from shop.orders.errors import LineBlocked, NeedsClientAction, NotForSale, TooSoon
from shop.payments.errors import CardRemoved
from shop.prescriptions.errors import NoPrescription
from shop.replenishment.errors import CardGone, OnItsWay, ReportWaits
from shop.replenishment.models import RefillCycle
from shop.replenishment.states import CycleStatus, Obstacle

DAY = timedelta(days=1)
OBSTACLES: Mapping[type[Refusal], Obstacle] = {
    TooSoon: Obstacle.TOO_SOON,
    NoPrescription: Obstacle.NEEDS_REQUEST,
    NeedsClientAction: Obstacle.NEEDS_CLIENT,
    LineBlocked: Obstacle.NOT_ALLOWED,
    ReportWaits: Obstacle.REPORT,
    OnItsWay: Obstacle.ON_ITS_WAY,
    NotEnoughStock: Obstacle.OUT_OF_STOCK,
    NotForSale: Obstacle.NOT_FOR_SALE,
    CardGone: Obstacle.CARD,
    CardRemoved: Obstacle.CARD,
}


def block(cycle: RefillCycle, refusal: Refusal, *, today: date, at: datetime) -> None:
    """Say why a (locked) cycle that is ahead is not charged, and when it is asked again.

    On the day the gate names, else tomorrow. She is told once of each obstacle, however often it
    is met again.
    """
    said(cycle, refusal, today=today)
    if cycle.status is not CycleStatus.BLOCKED:
        cycle.status = CycleStatus.BLOCKED
    elif cycle.obstacle is obstacle(refusal):
        return
    cycle.obstacle = obstacle(refusal)
    events.record(Kind.REFILL_BLOCKED, cycle, why=cycle.obstacle.value)


def said(cycle: RefillCycle, refusal: Refusal, *, today: date) -> None:
    """The reasons, in the words of who refused, and the day to ask again."""
    reasons = words(refusal)
    if cycle.reasons_sealed is None or cycle.reasons != reasons:
        cycle.reasons = reasons
    cycle.act_on = max(_until(refusal) or today, today + DAY)


def obstacle(refusal: Refusal) -> Obstacle:
    """What a refusal is, in a word that says nothing of anybody's health."""
    return OBSTACLES.get(type(refusal), Obstacle.OTHER)


def words(refusal: Refusal) -> list[dict[str, str | None]]:
    """The gate's reasons with their remedies; of another refusal, its text."""
    lines: Any = refusal.facts.get("lines")
    told = [
        {"text": reason["text"], "remedy": reason["remedy"]}
        for line in lines or ()
        for reason in line["reasons"]
    ]
    return told or [{"text": refusal.text, "remedy": None}]


def _until(refusal: Refusal) -> date | None:
    lines: Any = refusal.facts.get("lines")
    days = [line["until"] for line in lines or () if line["until"] is not None]
    return max(days, default=None)
