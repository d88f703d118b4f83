"""Counts and adjustments, valid by default; saved, not committed."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import adjusting, counting, locations, moving
from shop.inventory.models import Adjustment, Count, Location, LocationKind, Lot, Reason
from tests.inventory.lots import today
from tests.people import sam


def the_shelf() -> Location:
    return locations.home(LocationKind.RETAIL)


def lying(lot: Lot, location: Location | None = None) -> int:
    """Units of a lot in a location, as the database has them."""
    return moving.lies(lot, location or the_shelf())


def a_count(*lots: Lot, by: Person | None = None, **given: Any) -> Count:
    """A count of these lots on the shelf that has begun."""
    who = by or sam()
    count = counting.plan(the_shelf(), lots, by=who, at=now(), **given)
    counting.begin(count, by=who, at=now())
    db.session.flush()
    return count


def counted(found: dict[Lot, int], *, by: Person, why: Reason | None = None) -> Count:
    """A count that found so many, all of it explained by the same reason where one is given."""
    count = a_count(*found, by=by)
    counting.enter(count, list(found.items()), by=by, at=now())
    counting.finish(count, by=by, at=now())
    for line in count.varying if why else []:
        assert why
        counting.explain(line, reason=why, note="Looked for it.", by=by, at=now())
    return count


def adjust(lot: Lot, delta: int, reason: Reason, **given: Any) -> Adjustment:
    """Units come or go on the shelf."""
    fields: dict[str, Any] = {
        "reason": reason,
        "note": "Fell off the shelf.",
        "today": today(),
        "by": given.pop("by", None) or sam(),
        "at": now(),
    }
    return adjusting.adjust(
        lot, given.pop("location", None) or the_shelf(), delta, **fields | given
    )
