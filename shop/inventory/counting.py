"""A count: planned, counted blind, looked into, approved, posted.

What differs is judged against the ledger at the moment it was counted, so that what is sold
meanwhile is no variance. Who calls a verb has locked the count; lots are locked after it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import numbers
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.inventory import correcting
from shop.inventory.errors import (
    CountOvertaken,
    CountRefused,
    NotAllCounted,
    SecondPersonNeeded,
)
from shop.inventory.models import (
    Count,
    CountCause,
    CountEntry,
    CountLine,
    Holding,
    Location,
    Lot,
    Movement,
    MovementKind,
    Reason,
)
from shop.inventory.models.adjustments import ADDS, LONGEST_NOTE, TAKES
from shop.inventory.models.counts import MOST_COUNTED
from shop.inventory.states import CountStatus

MOST_LINES = 500
# What takes away the same units that a count found lacking, or brings those it found too many.
CORRECTS = (
    MovementKind.COUNT_ADJUST,
    MovementKind.DAMAGE,
    MovementKind.EXPIRE,
    MovementKind.QUARANTINE,
)


def plan(
    location: Location,
    lots: Collection[Lot] | None = None,
    *,
    cause: CountCause = CountCause.ASKED,
    by: Person,
    at: datetime,
) -> Count:
    """Plan to count these lots in a location; everything that lies there where none are named.

    Raises CountRefused for an empty or too long sheet.
    """
    chosen = _held(location) if lots is None else list(lots)
    if not 1 <= len(chosen) <= MOST_LINES:
        raise CountRefused(
            f"A count has 1 to {MOST_LINES} lots; here are {len(chosen)}.",
            fields={"lots": ["Choose other lots, or another location."]},
        )
    count = Count(
        id=uuid.uuid4(),
        number=numbers.fresh("C"),
        location=location,
        cause=cause,
        status=CountStatus.PLANNED,
        planned_by_id=by.id,
    )
    count.lines = [CountLine(id=uuid.uuid4(), lot=lot) for lot in chosen]
    db.session.add(count)
    record(Kind.COUNT_PLANNED, count, location=location.code, lots=len(chosen), cause=cause)
    db.session.flush()  # the database stamps it
    db.session.refresh(count, ["planned_at"])
    return count


def ask(lot: Lot, location: Location, *, cause: CountCause, by: Person, at: datetime) -> Count:
    """See to it that a lot is counted in a location: the count that will do so, or a new one."""
    waiting = (
        sa.select(Count)
        .join(CountLine)
        .where(
            Count.location_id == location.id,
            Count.status.in_((CountStatus.PLANNED, CountStatus.COUNTING)),
            CountLine.lot_id == lot.id,
            ~CountLine.entries.any(),
        )
        .order_by(Count.planned_at)
    )
    found = db.session.scalars(waiting).first()
    return found or plan(location, [lot], cause=cause, by=by, at=at)


def begin(count: Count, *, by: Person, at: datetime) -> None:
    """Start to count. Raises WrongState."""
    if count.status is not CountStatus.PLANNED:
        raise _not_now(count, "started")
    count.status = CountStatus.COUNTING
    record(Kind.COUNT_BEGUN, count)


def enter(count: Count, found: Sequence[tuple[Lot, int]], *, by: Person, at: datetime) -> None:
    """Write down how many units of lots lie there; a lot that was not on the sheet is put on it.

    A lot that is entered again was counted again: the last time holds, the others are kept.
    Raises WrongState, CountRefused; then nothing is written.
    """
    if count.status is not CountStatus.COUNTING:
        raise _not_now(count, "filled in")
    for lot, units in found:
        if not 0 <= units <= MOST_COUNTED:
            raise CountRefused(
                f"Lot {lot.lot_number}: {units} units cannot be.",
                fields={lot.number: [f"Enter 0 to {MOST_COUNTED:,} units."]},
            )
    _lock([lot for lot, _ in found])
    lines = {line.lot_id: line for line in count.lines}
    for lot, units in found:
        line = lines.get(lot.id) or _put_on(count, lot)
        lines[lot.id] = line
        entry = CountEntry(id=uuid.uuid4(), line=line, units=units, counted_by_id=by.id)
        db.session.add(entry)
        db.session.flush()  # what should be there is read from the ledger now
        db.session.refresh(entry)
    record(Kind.COUNT_ENTERED, count, lots=len(found))


def finish(count: Count, *, by: Person, at: datetime) -> None:
    """All is counted: what differs is shown, and looked into.

    Raises WrongState, NotAllCounted.
    """
    missing = [line.lot.lot_number for line in count.sheet if line.last is None]
    if missing:
        raise NotAllCounted(f"Not counted yet: {', '.join(missing[:10])}.", lots=missing)
    if count.status is not CountStatus.COUNTING:
        raise _not_now(count, "finished")
    count.status = CountStatus.INVESTIGATING
    record(Kind.COUNT_FINISHED, count, varying=len(count.varying))
    db.session.flush()


def explain(line: CountLine, *, reason: Reason, note: str, by: Person, at: datetime) -> None:
    """Say why a lot differs. Raises WrongState, CountRefused."""
    if line.count.status is not CountStatus.INVESTIGATING:
        raise _not_now(line.count, "explained")
    fits = ADDS if line.variance > 0 else TAKES
    if not line.variance or reason not in fits:
        raise _wrong(line, "reason", "Choose a reason that fits what differs.")
    if not 1 <= len(note.strip()) <= LONGEST_NOTE:
        raise _wrong(line, "note", f"Say in up to {LONGEST_NOTE} characters what was found out.")
    line.reason, line.note = reason, note.strip()
    db.session.flush()
    record(Kind.COUNT_EXPLAINED, line.count, lot=line.lot.number, reason=reason)


def again(count: Count, *, by: Person, at: datetime) -> None:
    """Count once more, blind as before. Raises WrongState."""
    if count.status not in (CountStatus.INVESTIGATING, CountStatus.APPROVED):
        raise _not_now(count, "counted again")
    count.status, count.approved_by = CountStatus.COUNTING, None
    record(Kind.COUNT_REOPENED, count)


def approve(count: Count, *, by: Person, at: datetime) -> None:
    """Accept what was found. Above the limit by somebody who has not counted.

    Raises WrongState, NotAllCounted (a variance without a reason), SecondPersonNeeded.
    """
    if count.status is not CountStatus.INVESTIGATING:
        raise _not_now(count, "approved")
    unexplained = [line.lot.lot_number for line in count.varying if not line.explained]
    if unexplained:
        raise NotAllCounted(f"Say why it differs: {', '.join(unexplained[:10])}.", lots=unexplained)
    counters = {entry.counted_by_id for line in count.lines for entry in line.entries}
    if by.id in counters and large(count):
        raise SecondPersonNeeded("So much differs that somebody who has not counted approves it.")
    count.status, count.approved_by = CountStatus.APPROVED, by
    record(Kind.COUNT_APPROVED, count, role=by.role.value)
    db.session.flush()


def large(count: Count) -> bool:
    """Whether what differs takes a second person; the database's own judgement."""
    return bool(db.session.scalar(sa.select(sa.func.count_is_large(count.id))))


def post(count: Count, *, today: date, by: Person, at: datetime) -> list[Movement]:
    """Correct the ledger by what differs, all of it or nothing.

    Raises WrongState, CountOvertaken, NotEnoughStock, UnitsArePromised.
    """
    if count.status is not CountStatus.APPROVED:
        raise _not_now(count, "posted")
    varying = {line.lot_id: line for line in count.varying}
    for _, line in sorted(varying.items()):
        if line.variance < 0:
            lot, less = line.lot, -line.variance
            correcting.make_room(lot, count.location, less, today=today, avoiding=varying)
    lots = _lock([line.lot for line in varying.values()])
    overtaken = [lot.lot_number for lot in lots if _corrected_since(varying[lot.id])]
    if overtaken:
        raise CountOvertaken(
            f"Corrected by somebody else since: {', '.join(overtaken[:10])}. Count again.",
            lots=overtaken,
        )
    count.status = CountStatus.POSTED
    record(Kind.COUNT_POSTED, count, varying=len(varying))
    db.session.flush()  # the movements are judged by it
    return [
        correcting.correct(
            lot,
            count.location,
            varying[lot.id].variance,
            kind=MovementKind.COUNT_ADJUST,
            reference_id=varying[lot.id].id,
        )
        for lot in lots
    ]


def cancel(count: Count, *, reason: str, by: Person, at: datetime) -> None:
    """Give it up: what was counted corrects nothing. Raises WrongState, CountRefused."""
    if not reason.strip():
        raise CountRefused("Say why.", fields={"reason": ["Say why it is given up."]})
    count.status, count.approved_by = CountStatus.CANCELLED, None
    record(Kind.COUNT_CANCELLED, count, reason=reason.strip())


def _lock(lots: Collection[Lot]) -> list[Lot]:
    """The lots, locked in id order."""
    query = sa.select(Lot).where(Lot.id.in_([lot.id for lot in lots])).order_by(Lot.id)
    return list(db.session.scalars(locked(query, Lot)))


def _held(location: Location) -> list[Lot]:
    query = (
        sa.select(Lot)
        .join(Holding, Holding.lot_id == Lot.id)
        .where(Holding.location_id == location.id, Holding.on_hand > 0)
    )
    return list(db.session.scalars(query))


def _put_on(count: Count, lot: Lot) -> CountLine:
    if len(count.lines) >= MOST_LINES:
        raise CountRefused(f"A count has at most {MOST_LINES} lots. Plan another for the rest.")
    line = CountLine(id=uuid.uuid4(), lot=lot)
    count.lines.append(line)
    db.session.flush()  # entries point at it
    return line


def _corrected_since(line: CountLine) -> bool:
    """Whether another count or adjustment has corrected the same units since they were counted."""
    assert line.last is not None
    place = line.count.location_id
    query = sa.select(Movement.seq).where(
        Movement.lot_id == line.lot_id,
        Movement.seq > line.last.ledger_seq,
        Movement.kind.in_(CORRECTS),
        sa.or_(Movement.from_id == place, Movement.to_id == place),
    )
    return db.session.scalar(sa.select(query.exists())) or False


def _not_now(count: Count, wanted: str) -> WrongState:
    return WrongState(f"A count that is {count.status} is not {wanted}.", status=count.status)


def _wrong(line: CountLine, field: str, text: str) -> CountRefused:
    return CountRefused(f"Lot {line.lot.lot_number}: {text}", fields={field: [text]})
