"""A client asks to send units of her order back, and may think better of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from shop.accounts.models import Person
from shop.core import numbers
from shop.core.clock import day_in
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind, record
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE
from shop.returns import policy, queries
from shop.returns.errors import ReturnRefused, TooLateToReturn
from shop.returns.models import LONGEST_NOTE, ReturnReason, ReturnRequest, ReturnRequestLine
from shop.returns.states import RequestStatus


def ask(
    order: Order,
    units: Mapping[str, int],
    *,
    reason: ReturnReason,
    words: str,
    zone: str,
    by: Person,
    at: datetime,
) -> ReturnRequest:
    """Ask for a return of units, by SKU, of a (locked) order. `zone` is the clinic's.

    Raises NotAllowed, ReturnRefused, TooLateToReturn.
    """
    if by.id != order.client_id:
        raise NotAllowed("Only the client asks to send something back.")
    if len(words) > LONGEST_NOTE:
        raise ReturnRefused("Say less.", fields={"words": [f"Up to {LONGEST_NOTE} characters."]})
    wanted = _lines(order, units)
    for line in wanted:
        last = policy.current().last_day(line, reason, zone=zone)
        if day_in(zone, at) > last:
            text = f"It could be sent back until {last:%B} {last.day}, {last.year}. Call us."
            raise TooLateToReturn(text, fields={f"lines.{line.sku}": [text]}, last_day=str(last))
    made = ReturnRequest(
        id=uuid.uuid4(),
        number=numbers.fresh("RR"),
        order_id=order.id,
        client_id=order.client_id,
        reason=reason,
        status=RequestStatus.REQUESTED,
    )
    made.words = words.strip() or None
    db.session.add(made)
    record(Kind.RETURN_ASKED, made, order=order.number, reason=reason)
    db.session.flush()  # its lines point at it
    for line, count in wanted.items():
        db.session.add(ReturnRequestLine(request_id=made.id, order_line_id=line.id, units=count))
    db.session.flush()
    db.session.refresh(made)
    return made


def withdraw(request: ReturnRequest, *, by: Person, at: datetime) -> None:
    """Take a (locked) request back before anything came. Raises NotAllowed, WrongState."""
    if by.id != request.client_id:
        raise NotAllowed("Only the client takes it back.")
    request.status = RequestStatus.WITHDRAWN
    record(Kind.RETURN_WITHDRAWN, request, order=request.order.number)
    db.session.flush()


def _lines(order: Order, units: Mapping[str, int]) -> dict[OrderLine, int]:
    known = {line.sku: line for line in order.lines}
    left = queries.returnable(order)
    found: dict[OrderLine, int] = {}
    for sku, count in units.items():
        line = known.get(sku)
        if line is None or line.status not in GONE:
            raise _wrong(f"lines.{sku}", "This did not leave with this order.")
        if not 1 <= count <= left[line.id]:
            raise _wrong(f"lines.{sku}", f"At most {left[line.id]} can be sent back.")
        found[line] = count
    if not found:
        raise _wrong("lines", "Say what you want to send back.")
    return found


def _wrong(name: str, text: str) -> ReturnRefused:
    return ReturnRefused(text, fields={name: [text]})
