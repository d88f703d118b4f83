"""A prescription ends, and with it everything that was promised under it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shop.accounts.models import Person
from shop.core import events
from shop.core.errors import StartAgain
from shop.core.events import Kind
from shop.inventory import stock
from shop.orders import ending, queries
from shop.orders.models import Order, OrderLine
from shop.orders.queries import Left
from shop.orders.states import GONE, LineStatus, OrderStatus
from shop.prescriptions import erring, revoking, superseding
from shop.prescriptions.models import ErrorReport, Prescription
from shop.prescriptions.states import PrescriptionStatus


@dataclass(frozen=True)
class Revocation:
    """What an end did: orders cancelled, lines on hold, and lines that had already left.

    `prescriptions` are the ids of all that ended.
    """

    prescriptions: list[UUID]
    cancelled: list[Order] = field(default_factory=list)
    held: list[OrderLine] = field(default_factory=list)
    gone: list[OrderLine] = field(default_factory=list)


@dataclass(frozen=True)
class Consequences:
    """What an end means: orders that are cancelled, lines that are held, what has already left.

    `cancelled` are numbers of orders, `held` an order's number and a sku.
    """

    cancelled: list[str]
    held: list[tuple[str, str]]
    left: list[Left]


def consequences(prescription: Prescription) -> Consequences:
    """What revoking it now would do. Changes and locks nothing."""
    ids = _with_it(prescription)
    promised = queries.promised_under(ids)
    unpaid = {row.number for row in promised if row.status is OrderStatus.AWAITING_PAYMENT}
    return Consequences(
        cancelled=sorted(unpaid),
        held=[(row.number, row.sku) for row in promised if row.number not in unpaid],
        left=queries.left_under(ids),
    )


def done(what: Revocation) -> Consequences:
    """What an end has done, told as it was foretold."""
    return Consequences(
        cancelled=sorted(order.number for order in what.cancelled),
        held=[(line.order.number, line.sku) for line in what.held],
        left=queries.left_under(what.prescriptions),
    )


def revoke(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> Revocation:
    """Revoke, in one transaction with what follows: nothing more is paid or shipped under it.

    Unpaid orders with a line under it are cancelled, paid lines that are still here go on hold (or
    stay there) and give their units back, what has left is listed. So it is with what is still
    under way of the earlier ones that it has replaced. The caller must not hold the prescription's
    lock, for the orders come first. Raises NotAllowed, WrongState, and StartAgain where an order
    was placed while this one waited: roll back and run it again.
    """
    return _end(
        lambda: _with_it(prescription),
        lambda: revoking.revoke(prescription, reason=reason, by=by, at=at),
        reason="prescription_revoked",
        at=at,
    )


def revoke_each(
    prescriptions: Sequence[Prescription], *, reason: str, by: Person, at: datetime
) -> Revocation:
    """The same for several at once: all their orders are locked before the first of them ends."""

    def act() -> None:
        for one in prescriptions:
            if one.status is not PrescriptionStatus.REVOKED:  # it ended with its successor
                revoking.revoke(one, reason=reason, by=by, at=at)

    return _end(lambda: with_them(prescriptions), act, reason="prescription_revoked", at=at)


def with_them(prescriptions: Iterable[Prescription]) -> list[UUID]:
    """They, and what is still under way of the earlier ones; each once."""
    return list(dict.fromkeys(each for one in prescriptions for each in _with_it(one)))


def enter_in_error(said: ErrorReport, *, by: Person, at: datetime) -> Revocation:
    """Confirm that a prescription was an error; orders under it fare as when it is revoked.

    What is under way of those it had replaced was right, and goes on. The caller holds no lock.
    Raises NotAllowed, SecondPersonNeeded, WrongState, StartAgain.
    """
    return _end(
        lambda: [said.prescription_id],
        lambda: erring.confirm(erring.locked_report(said), by=by, at=at),
        reason="prescription_entered_in_error",
        at=at,
    )


def _end(
    which: Callable[[], list[UUID]], act: Callable[[], object], *, reason: str, at: datetime
) -> Revocation:
    ids = which()
    orders = [queries.locked_order(order_id) for order_id in queries.backed_by(ids)]
    # All that will be given back is locked at once, or the order of locks would not hold.
    lines = [line for order in orders for line in order.lines if line.status not in GONE]
    ending.hold_prescriptions(lines, also=ids)
    if which() != ids or queries.backed_by(ids) != [one.id for one in orders]:
        raise StartAgain
    ending.hold_lots(lines)
    act()
    what = Revocation(ids)
    for order in orders:
        _follow(order, ids, what, reason, at)
    return what


def _with_it(prescription: Prescription) -> list[UUID]:
    """It, and what is still under way of the earlier ones."""
    return [prescription.id, *(one.id for one in superseding.finishing(prescription))]


def _follow(
    order: Order, ids: Collection[UUID], what: Revocation, reason: str, at: datetime
) -> None:
    if order.status is OrderStatus.AWAITING_PAYMENT:
        ending.end(order, OrderStatus.CANCELLED, Kind.ORDER_CANCELLED, at=at, reason=reason)
        what.cancelled.append(order)
        return
    held = False
    for line in order.lines:
        if line.fill is None or line.fill.prescription_id not in ids:
            continue
        if line.status in GONE:
            what.gone.append(line)
        elif line.status in (LineStatus.READY, LineStatus.PACKED, LineStatus.ON_HOLD):
            stock.release([line.reservation], at=at)
            held |= _hold(line, order)
            what.held.append(line)
    if held:
        events.record(Kind.ORDER_HELD, order, reason=reason)  # the client is told


def _hold(line: OrderLine, order: Order) -> bool:
    """Put it on hold; False where something else has."""
    if line.status is LineStatus.ON_HOLD:
        return False
    line.status = LineStatus.ON_HOLD
    events.record(Kind.LINE_HELD, line, order=order.number, position=line.position)
    return True
