"""Packs go from one clinic to another. On the way they lie in transit, in the lots they are of."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.inventory import locations, moving, places
from shop.inventory.errors import LotNotUsable, OwnLoss, TransferRefused, WrongPlace
from shop.inventory.models import (
    Location,
    LocationKind,
    Lot,
    MovementKind,
    Site,
    Transfer,
    TransferArrival,
    TransferLine,
)
from shop.inventory.states import TransferStatus

MAX_LINES = 100
SHELVES = (LocationKind.RETAIL, LocationKind.BACK_BAR)


@dataclass(frozen=True)
class Packed:
    """So many units of a lot, taken from this place."""

    lot: Lot
    units: int
    origin: Location


def send(packed: Sequence[Packed], *, to: Site, by: Person, at: datetime, today: date) -> Transfer:
    """Let packs leave for another clinic, all of them or none.

    They are of one clinic, on sale and not expired, and promised to no order. Raises
    TransferRefused, LotNotUsable, NotEnoughStock and WrongPlace.
    """
    origin = _refuse_packing(packed, to)
    _locked(each.lot for each in packed)
    transit = locations.home(LocationKind.IN_TRANSIT)
    transfer = Transfer(
        id=uuid.uuid4(),
        number=numbers.fresh("T"),
        from_site_id=origin.id,
        to_site_id=to.id,
        status=TransferStatus.SENT,
        sent_by_id=by.id,
        lines=[_line(each) for each in packed],
    )
    for each in packed:
        _refuse_pack(each, today)
    db.session.add(transfer)
    events.record(
        Kind.TRANSFER_SENT, transfer, to=to.code, units=sum(each.units for each in packed)
    )
    db.session.flush()  # movements point at the lines
    for line, each in zip(transfer.lines, packed, strict=True):
        moving.move(
            each.lot,
            each.units,
            kind=MovementKind.TRANSFER,
            from_=each.origin,
            to=transit,
            reference_id=line.id,
        )
    return transfer


def arrive(
    transfer: Transfer,
    counted: Mapping[uuid.UUID, int],
    *,
    into: Location,
    by: Person,
    at: datetime,
) -> None:
    """Put on a shelf of the clinic what has come of a (locked) transfer, by line id.

    What is missing may arrive later. Raises TransferRefused and WrongPlace.
    """
    arrived = {line_id: units for line_id, units in counted.items() if units}
    if not arrived and counted:
        raise TransferRefused(
            "Nothing has come. Count what is there, or give up what is missing.",
            fields={"lines": ["Count at least one pack."]},
        )
    if into.site_id != transfer.to_site_id or into.kind not in SHELVES:
        raise TransferRefused(
            f"{into.name} is no shelf of {transfer.to_site.name}.",
            fields={"into": [f"Choose a shelf of {transfer.to_site.name}."]},
        )
    _account(transfer, arrived, into=into, by=by)
    events.record(Kind.TRANSFER_ARRIVED, transfer, units=sum(arrived.values()))


def give_up(transfer: Transfer, *, reason: str, by: Person, at: datetime) -> None:
    """Write off what is missing of a (locked) transfer, by somebody else than who sent it.

    Raises OwnLoss, TransferRefused.
    """
    if by.id == transfer.sent_by_id:
        raise OwnLoss("Who sent the packs does not write them off. Ask a colleague.")
    missing = {line.id: line.missing for line in transfer.lines if line.missing}
    _account(transfer, missing, into=None, by=by)
    events.record(Kind.TRANSFER_GIVEN_UP, transfer, units=sum(missing.values()), reason=reason)


def _refuse_packing(packed: Sequence[Packed], to: Site) -> Site:
    if not 1 <= len(packed) <= MAX_LINES:
        raise TransferRefused(f"A transfer has 1 to {MAX_LINES} lines.", fields={"lines": []})
    sites = {each.origin.site for each in packed}
    if len(sites) > 1 or to in sites:
        raise TransferRefused(
            "A transfer goes from one clinic to another.",
            fields={"to": ["Choose another clinic than the one the packs are in."]},
        )
    if to.closed_at is not None:
        raise TransferRefused(
            f"{to.name} is closed.", fields={"to": ["Choose a clinic that is open."]}
        )
    if len({(each.lot.id, each.origin.id) for each in packed}) < len(packed):
        raise TransferRefused(
            "Name each lot once for a place.", fields={"lines": ["A lot stands here twice."]}
        )
    return packed[0].origin.site


def _refuse_pack(packed: Packed, today: date) -> None:
    lot, origin = packed.lot, packed.origin
    if origin.kind not in SHELVES:
        raise WrongPlace(f"Nothing is sent from {origin.name}: it is no shelf.", place=origin.code)
    if not lot.usable(today):
        raise LotNotUsable(
            f"Lot {lot.lot_number} is not on sale or has expired: it does not travel.",
            lot=lot.number,
        )


def _line(packed: Packed) -> TransferLine:
    return TransferLine(
        id=uuid.uuid4(), lot_id=packed.lot.id, from_id=packed.origin.id, units=packed.units
    )


def _account(
    transfer: Transfer, units: Mapping[uuid.UUID, int], *, into: Location | None, by: Person
) -> None:
    """Book what became of these units, and what the transfer is now."""
    lines = {line.id: line for line in transfer.lines}
    if strange := units.keys() - lines.keys():
        raise TransferRefused("This line is of another transfer.", line=str(min(strange)))
    if not units:
        raise TransferRefused("Nothing of this transfer is missing.", status=transfer.status)
    for line_id, counted in units.items():
        _refuse_more(lines[line_id], counted)
    _locked(lines[line_id].lot for line_id in units)
    for line_id, counted in units.items():
        arrival = TransferArrival(
            id=uuid.uuid4(),
            to_id=into.id if into else None,
            units=counted,
            by_id=by.id,
        )
        lines[line_id].arrivals.append(arrival)
        db.session.flush()  # the movement points at it
        moving.move(
            lines[line_id].lot,
            counted,
            kind=MovementKind.TRANSFER if into else MovementKind.DESTROY,
            from_=places.reached(line_id),
            to=into,
            reference_id=arrival.id,
        )
    status = TransferStatus.SHORT if transfer.missing else TransferStatus.RECEIVED
    if status is not transfer.status:
        transfer.status = status


def _refuse_more(line: TransferLine, counted: int) -> None:
    if not 1 <= counted <= line.missing:
        text = f"Of lot {line.lot.lot_number} {line.missing} are on the way. Count again."
        raise TransferRefused(text, fields={f"lines.{line.id}": [text]})


def _locked(lots: Iterable[Lot]) -> list[Lot]:
    """The lots, locked in id order."""
    ids = {lot.id for lot in lots}
    query = sa.select(Lot).where(Lot.id.in_(ids)).order_by(Lot.id)
    return list(db.session.scalars(locked(query, Lot)))
