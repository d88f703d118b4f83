"""Take what an order waits for from the shelf, scan by scan, and put it back where it came from.

A pick is of the lot and the place that the list names: first expired, first out. What was picked
is what its line is promised, what its label says and what leaves; PostgreSQL lets nothing else go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import stock
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Lot
from shop.inventory.picking import Pick
from shop.orders import ending, judging, queries
from shop.orders.errors import LineNotReady, NoSuchPick, NotPicked, TooMany, WrongItem, WrongLot
from shop.orders.models import Order, OrderLine, Picked
from shop.orders.scanning import Scanned
from shop.orders.states import LineStatus
from shop.prescriptions.asking import Stage


def pick(order: Order, scanned: Scanned, *, units: int, by: Person, at: datetime) -> Picked:
    """Write down that so many units were taken for the line that waits for this pack.

    Raises NotPaid, MoneyGone, WrongItem, LineNotReady, WrongLot, TooMany, NotEnoughStock, and what
    the gate refuses (NoPrescription, LineBlocked, NeedsClientAction, TooSoon).
    """
    order = queries.locked_order(order.id)
    judging.insist_paid(order)
    line = _line(order, scanned)
    wishes = judging.wishes([line])
    judging.insist(order.client, wishes, ship_to_state=order.ship_to_state, at=at, stage=Stage.PICK)
    ending.hold_lots([line])
    taken, rest = as_planned([line], at=at)[line.id]
    if isinstance(rest, NotEnoughStock):
        raise rest
    _refuse_stopped(taken, at)
    chosen = _right_lot(line, scanned, rest, at)
    if not 1 <= units <= chosen.units:
        raise _too_many(line, units, chosen)
    stock.settle(line.reservation, [*(as_pick(one) for one in taken), *rest])
    assert chosen.location is not None  # what is planned has its place
    picked = Picked(
        id=uuid4(),
        order_line_id=line.id,
        lot=chosen.lot,
        location=chosen.location,
        units=units,
        picked_by_id=by.id,
    )
    db.session.add(picked)
    db.session.flush()  # the database stamps it, or refuses
    events.record(Kind.UNITS_PICKED, picked, order=order.number, sku=line.sku, units=units)
    return picked


def _refuse_stopped(taken: Sequence[Picked], at: datetime) -> None:
    """Nothing is picked to what must not leave: that is put back first."""
    for one in taken:
        if not one.lot.sellable(judging.day(at)):
            raise NotEnoughStock(
                f"Lot {one.lot.lot_number} must not leave. Put back what was picked of it, then"
                " pick again.",
                lot=one.lot.number,
                wanted=one.units,
                available=0,
            )


def put_back(order: Order, pick_id: UUID, *, by: Person, at: datetime) -> Picked:
    """The units lie in their place again. Of a line that was cancelled, too; never of what left.

    Raises NoSuchPick.
    """
    order = queries.locked_order(order.id)
    standing = queries.picked(order.lines)
    found = next((one for one in standing if one.id == pick_id), None)
    if found is None:
        raise NoSuchPick("Nothing that was picked for this order has this number.")
    found.put_back_by_id, found.put_back_at = by.id, at
    db.session.flush()  # the database stamps it, or refuses
    db.session.refresh(found)
    sku = next(line.sku for line in order.lines if line.id == found.order_line_id)
    events.record(Kind.UNITS_PUT_BACK, found, order=order.number, sku=sku, units=found.units)
    return found


Planned = tuple[list[Picked], list[Pick] | NotEnoughStock]


def as_planned(lines: Sequence[OrderLine], *, at: datetime) -> Mapping[UUID, Planned]:
    """By line id: what was picked, and what is still to be taken from where. Changes nothing.

    Of two lines none is told a unit of the other's, in the lines' order.
    """
    taken: dict[UUID, list[Picked]] = {line.id: [] for line in lines}
    for one in queries.picked(lines):
        taken[one.order_line_id].append(one)
    dues = [stock.Due(line.reservation, _by_lot(taken[line.id])) for line in lines]
    aside = queries.aside({line.variant_id for line in lines})
    rest = stock.previews(dues, today=judging.day(at), aside=aside)
    return {line.id: (taken[line.id], left) for line, left in zip(lines, rest, strict=True)}


def of_line(line: OrderLine, *, at: datetime) -> list[Pick]:
    """All that the line takes, picked or not. Raises NotEnoughStock."""
    taken, rest = as_planned([line], at=at)[line.id]
    if isinstance(rest, NotEnoughStock):
        raise rest
    return [*(as_pick(one) for one in taken), *rest]


def whole(lines: Sequence[OrderLine]) -> Mapping[UUID, list[Pick]]:
    """What was picked, by line id, each lot and place once. Raises NotPicked where units lack."""
    standing = queries.picked(lines)
    for line in lines:
        units = sum(one.units for one in standing if one.order_line_id == line.id)
        if units != line.quantity:
            raise NotPicked(
                f"Of {line.sku} {units} of {line.quantity} are picked. Scan the rest first.",
                sku=line.sku,
                picked=units,
                quantity=line.quantity,
            )
    return {
        line.id: _together([one for one in standing if one.order_line_id == line.id])
        for line in lines
    }


def as_pick(one: Picked) -> Pick:
    return Pick(one.lot, one.units, one.location)


def _together(picked: Sequence[Picked]) -> list[Pick]:
    found = {(one.lot_id, one.location_id): one for one in picked}
    units: Counter[tuple[UUID, UUID]] = Counter()
    for one in picked:
        units[one.lot_id, one.location_id] += one.units
    return [Pick(one.lot, units[spot], one.location) for spot, one in found.items()]


def _by_lot(picked: Sequence[Picked]) -> Counter[UUID]:
    units: Counter[UUID] = Counter()
    for one in picked:
        units[one.lot_id] += one.units
    return units


def _line(order: Order, scanned: Scanned) -> OrderLine:
    line = next((line for line in order.lines if scanned.is_of(line.variant)), None)
    if line is None:
        waiting = [line.sku for line in order.lines if line.status is LineStatus.READY]
        said = scanned.item[:40] or "Nothing"
        text = f"{said} is not in this order. It waits for {_named(waiting)}."
        raise WrongItem(text, item=said, fields={"item": [text]})
    if line.status is not LineStatus.READY:
        raise LineNotReady(
            f"{line.sku} is {line.status.replace('_', ' ')}: it is not picked.",
            sku=line.sku,
            status=line.status,
        )
    return line


def _right_lot(line: OrderLine, scanned: Scanned, rest: Sequence[Pick], at: datetime) -> Pick:
    """The place to take this lot from. Another lot is refused, with what to take instead."""
    for each in rest:
        if each.lot.lot_number == scanned.lot_number:
            return each
    take = "nothing more: it is picked" if not rest else " or ".join(map(_told, rest))
    text = f"{_why_not(line, scanned, at)} Of {line.sku} take {take}."
    raise WrongLot(
        text,
        sku=line.sku,
        lot=scanned.lot_number,
        take=[each.lot.lot_number for each in rest],
        fields={"lot_number": [text]},
    )


def _why_not(line: OrderLine, scanned: Scanned, at: datetime) -> str:
    if not scanned.lot_number:
        return "Scan or type the lot number, too."
    lot = db.session.scalar(
        sa.select(Lot).where(
            Lot.variant_id == line.variant_id, Lot.lot_number == scanned.lot_number
        )
    )
    if lot is None:
        return f"No lot {scanned.lot_number} of this pack was ever received."
    if not lot.sellable(judging.day(at)):
        return f"Lot {lot.lot_number} may not be sent: keep it apart."
    return f"Lot {lot.lot_number} is not the one to take."


def _too_many(line: OrderLine, units: int, chosen: Pick) -> TooMany:
    text = f"{_told(chosen)} is what is wanted there of {line.sku}, not {units}."
    return TooMany(text, sku=line.sku, wanted=units, left=chosen.units, fields={"units": [text]})


def _told(each: Pick) -> str:
    place = each.location.code if each.location else "?"
    return f"{each.units} of lot {each.lot.lot_number} from {place}"


def _named(skus: Sequence[str]) -> str:
    return ", ".join(skus) or "nothing"
