"""Orders that were paid, and their papers; saved, and committed where they say so."""

from __future__ import annotations

import uuid
from typing import Any

from shop.core import events
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.events import Kind
from shop.invoices import issuing
from shop.invoices.models import Paper, Series
from shop.orders import cancelling, queries
from shop.orders.models import Order
from shop.payments import refunding, settling
from shop.payments.models import Refund
from shop.payments.states import RefundStatus
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import CLINIC, paid
from tests.people import alice

ZONE = "America/Los_Angeles"


def a_paid_order(*quantities: int, client: Any = None, **given: Any) -> Order:
    """An order of so many packs of each of as many variants; paid and committed."""
    packs = {}
    for nth, quantity in enumerate(quantities or (1,)):
        variant = a_variant(cents=2400 + 100 * nth)
        a_lot(variant)
        packs[variant] = quantity
    return paid(client or alice(), packs, **given)


def issued(order: Order | uuid.UUID) -> list[Paper]:
    """Every paper the order is owed now; what is new. Not committed."""
    order_id = order.id if isinstance(order, Order) else order
    at = now()
    return issuing.issue(order_id, clinic=CLINIC, today=day_in(ZONE, at), at=at)


def told(papers: list[Paper]) -> list[tuple[Series, int]]:
    return [(one.series, one.total_cents) for one in papers]


def line_off(order: Order, nth: int = 0, **given: Any) -> None:
    """A line is cancelled and what follows from it is planned; committed."""
    order = queries.locked_order(order.id)
    terms = {"reason": "changed_mind", "by": order.client, "at": now()} | given
    cancelling.cancel_lines(order, [order.lines[nth].sku], **terms)
    db.session.commit()
    follow(order)


def follow(order: Order) -> None:
    """What the worker does after a cancellation, but for the call to the provider."""
    held = queries.locked_order(order.id)
    settling.give_back_lines(held, at=now())
    settling.wind_up(held, at=now())
    db.session.commit()


def refunds_of(order: Order) -> list[Refund]:
    from shop.payments import queries as payments

    return [one for payment in payments.payments_of(order.id) for one in payment.refunds]


def sent_back(order: Order) -> None:
    """The provider has sent every refund that is planned; committed."""
    for refund in refunds_of(order):
        db.session.refresh(refund)
        if refund.status is RefundStatus.PLANNED:
            refund.status = RefundStatus.DONE
            events.record(Kind.REFUND_DONE, refund, cents=refund.amount_cents)
    db.session.commit()


def bounced(order: Order) -> None:
    """The bank sends it back after all; committed."""
    for refund in refunds_of(order):
        refunding.fail(refund, why="account_closed")
    db.session.commit()
