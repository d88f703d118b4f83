"""Why units that are in the house cannot be sold: each unit of a lot has one reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shop.inventory.models import Holding, LocationKind, Lot
from shop.inventory.states import LotStatus


class Why(StrEnum):
    """What stands against selling a unit; the gravest where there are several."""

    SELLABLE = "sellable"  # nothing does
    RECALLED = "recalled"
    EXPIRED = "expired"
    QUARANTINE = "quarantine"
    ON_HOLD = "on_hold"
    GONE = "gone"  # returned to the vendor or destroyed, as far as the lot says
    TESTER = "tester"
    RETURNS = "returns"
    IN_TRANSIT = "in_transit"
    BACK_BAR = "back_bar"
    ELSEWHERE = "elsewhere"  # on the shelf of a clinic that fills no orders
    TOO_SOON = "expires_too_soon"
    RESERVED = "reserved"


OF_STATUS = {
    LotStatus.RECALLED: Why.RECALLED,
    LotStatus.QUARANTINE: Why.QUARANTINE,
    LotStatus.ON_HOLD: Why.ON_HOLD,
    LotStatus.EXPIRED: Why.EXPIRED,
    LotStatus.RETURNED: Why.GONE,
    LotStatus.DESTROYED: Why.GONE,
}
OF_PLACE = {
    LocationKind.BACK_BAR: Why.BACK_BAR,
    LocationKind.QUARANTINE: Why.QUARANTINE,
    LocationKind.RETURNS: Why.RETURNS,
    LocationKind.TESTER: Why.TESTER,
    LocationKind.IN_TRANSIT: Why.IN_TRANSIT,
    LocationKind.RETAIL: Why.ELSEWHERE,
}


@dataclass(frozen=True)
class Reason:
    """So many units of a lot, and why they cannot be sold; `place`: the name of where they lie."""

    why: Why
    units: int
    place: str | None = None
    until: date | None = None  # the last day on which it could be sold, where that is the reason

    @property
    def sellable(self) -> bool:
        return self.why is Why.SELLABLE


def explain(lot: Lot, held: Iterable[Holding], *, today: date) -> list[Reason]:
    """Why the units of a lot can or cannot be promised today; together they are what is on hand.

    `held` is what lies where. What holds for the whole lot comes first (recalled, expired,
    quarantine, hold), then where units lie, then the days that are left, then promises.
    """
    there = [each for each in held if each.on_hand]
    if whole := _of_the_lot(lot, today):
        return [Reason(whole, each.on_hand, each.location.name) for each in there]
    apart = [
        Reason(OF_PLACE[each.location.kind], each.on_hand, each.location.name)
        for each in there
        if not each.location.sells
    ]
    on_shelf = sum(each.on_hand for each in there if each.location.sells)
    return [*_on_the_shelf(lot, on_shelf, today), *apart]


def _of_the_lot(lot: Lot, today: date) -> Why | None:
    if lot.status is LotStatus.RECALLED:
        return Why.RECALLED
    return Why.EXPIRED if lot.expires_on < today else OF_STATUS.get(lot.status)


def _on_the_shelf(lot: Lot, units: int, today: date) -> list[Reason]:
    reserved = min(lot.reserved, units)
    free = units - reserved
    if not lot.sellable(today):
        shares = [Reason(Why.TOO_SOON, free, until=lot.sellable_until)]
    else:
        shares = [Reason(Why.SELLABLE, free)]
    return [each for each in (*shares, Reason(Why.RESERVED, reserved)) if each.units]


def summed(reasons: Iterable[Reason]) -> dict[Why, int]:
    """Units by reason, in the order of `Why`: what a variant's lots come to."""
    counted: dict[Why, int] = {}
    for each in reasons:
        counted[each.why] = counted.get(each.why, 0) + each.units
    return {why: counted[why] for why in Why if why in counted}
