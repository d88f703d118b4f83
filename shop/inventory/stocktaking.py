"""What staff look up of counts and adjustments."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory import queries
from shop.inventory.errors import CountRefused
from shop.inventory.models import Adjustment, Count, CountEntry, CountLine, Lot
from shop.inventory.states import AdjustmentStatus, CountStatus

_HEAD = (
    selectinload(Count.location),
    selectinload(Count.planned_by),
    selectinload(Count.approved_by),
)
_SHEET = selectinload(Count.lines).options(
    selectinload(CountLine.lot).joinedload(Lot.variant).joinedload(Variant.product),
    selectinload(CountLine.entries).selectinload(CountEntry.counted_by),
)


def counts(*, status: CountStatus | None = None) -> sa.Select[Count]:
    """All, or those in one state, without their sheets."""
    query = sa.select(Count).options(*_HEAD)
    return query if status is None else query.where(Count.status == status)


def count(number: str, *, lock: bool = False) -> Count:
    """The count with our number and its sheet, locked where it is changed. Raises NotFound."""
    query = counts().where(Count.number == number).options(_SHEET)
    found = db.session.scalars(
        locked(query, Count) if lock else query.execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such count.")
    return found


def line(count: Count, lot_number: str) -> CountLine:
    """The line of a lot, by our number of it. Raises CountRefused."""
    for one in count.lines:
        if one.lot.number == lot_number:
            return one
    raise CountRefused("This lot is not counted here.", fields={"lot": ["Not on the sheet."]})


def named(numbers: Iterable[str]) -> dict[str, Lot]:
    """The lots with these numbers of ours. Raises CountRefused, naming those nobody knows."""
    wanted = list(numbers)
    found = queries.lots(wanted)
    unknown = sorted(set(wanted) - found.keys())
    if unknown:
        raise CountRefused(
            f"No lot has the number {', '.join(unknown[:10])}.",
            fields={"lot": ["Take our number of it from its page; receive what is new."]},
        )
    return found


def adjustments(*, status: AdjustmentStatus | None = None) -> sa.Select[Adjustment]:
    """All, or those in one state, with all that is shown of them."""
    query = sa.select(Adjustment).options(
        selectinload(Adjustment.lot).joinedload(Lot.variant),
        selectinload(Adjustment.location),
        selectinload(Adjustment.proposed_by),
        selectinload(Adjustment.decided_by),
    )
    return query if status is None else query.where(Adjustment.status == status)


def adjustment(number: str, *, lock: bool = False) -> Adjustment:
    """The adjustment with our number, locked where it is decided. Raises NotFound."""
    query = adjustments().where(Adjustment.number == number)
    found = db.session.scalars(locked(query, Adjustment) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such adjustment.")
    return found
