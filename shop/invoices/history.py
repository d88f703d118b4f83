"""What happened to an order: the events of everything that belongs to it, oldest first, in words.

Of the order and its lines, of what was picked for them, of payments, refunds, disputes, returns and
papers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.invoices import wording
from shop.invoices.models import Paper
from shop.orders.models import Order, OrderLine, Picked
from shop.payments.models import Dispute, FraudWarning, Payment, Refund
from shop.returns.models import Return, ReturnRequest

# What an order shows to whom it belongs as it is, with its facts; of the rest only the words.
OWN = (Order.machine, OrderLine.machine)
NOBODY = "The shop"  # a job, a webhook, the law
CLINIC = "The clinic"
LONGEST = 2_000  # events: a page ends somewhere


@dataclass(frozen=True)
class Happened:
    """One thing: when, what, who, and (for who works here) why. `sku`: of which line, if of one."""

    kind: Kind
    at: datetime
    sku: str | None
    name: str | None  # of the line's pack
    what: str
    who: str
    why: str
    facts: dict[str, Any]


def history(order: Order, reader: Person) -> list[Happened]:
    """Of an order that was fetched through its reader."""
    lines, others = _belonging(order)
    query = (
        sa.select(Event)
        .where(Event.subject_id.in_([order.id, *lines, *others]))
        .order_by(Event.at, Event.subject_id, Event.seq)
        .limit(LONGEST)
    )
    found = list(db.session.scalars(query))
    return list(_told(found, order, lines, reader))


def _told(
    found: list[Event], order: Order, lines: dict[uuid.UUID, OrderLine], reader: Person
) -> Iterator[Happened]:
    inside = reader.id != order.client_id
    names = _names(found) if inside else {}
    for event in found:
        kind = Kind(event.kind)
        what = wording.told(kind, event.facts, inside=inside)
        if not what:
            continue
        line = lines.get(event.subject_id)
        yield Happened(
            kind,
            event.at,
            line.sku if line else None,
            line.name if line else None,
            what,
            names.get(event.actor, NOBODY) if inside else _who(event.actor, order),
            wording.why(event.facts) if inside else "",
            event.facts if inside or event.machine in OWN else {},
        )


def _belonging(order: Order) -> tuple[dict[uuid.UUID, OrderLine], list[uuid.UUID]]:
    """What belongs to an order, in one statement: its lines, by their own ids and by those of what
    was picked for them or came back; and the ids of its payments, refunds, disputes, asked returns
    and papers.
    """
    lines = {line.id: line for line in order.lines}
    paid, none = sa.select(Payment.id).where(Payment.order_id == order.id), sa.null()
    query: sa.CompoundSelect[Any] = sa.union_all(
        *(
            sa.select(kind.id, kind.order_line_id).where(kind.order_line_id.in_(lines))
            for kind in (Picked, Return)
        ),
        sa.select(Payment.id, none).where(Payment.order_id == order.id),
        *(
            sa.select(kind.id, none).where(kind.payment_id.in_(paid))
            for kind in (Refund, Dispute, FraudWarning)
        ),
        sa.select(ReturnRequest.id, none).where(ReturnRequest.order_id == order.id),
        sa.select(Paper.id, none).where(Paper.order_id == order.id),
    )
    rows = list(db.session.execute(query))
    of_lines = {key: lines[line_id] for key, line_id in rows if line_id is not None}
    return lines | of_lines, [key for key, line_id in rows if line_id is None]


def _who(actor: str, order: Order) -> str:
    """For the client: herself, the clinic, or nobody."""
    if actor == f"person:{order.client_id}":
        return "You"
    return CLINIC if actor.startswith("person:") else NOBODY


def _names(found: list[Event]) -> dict[str, str]:
    """For who works here: who it was, and what she is here."""
    actors = {event.actor for event in found if event.actor.startswith("person:")}
    ids = [uuid.UUID(actor.removeprefix("person:")) for actor in actors]
    people = db.session.scalars(sa.select(Person).where(Person.id.in_(ids)))
    return {
        one.actor: one.name if one.role is Role.CLIENT else f"{one.name} ({one.role})"
        for one in people
    }
