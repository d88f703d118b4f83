"""Sending a purchase order, calling it off, and ending the wait for what is still owed."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.events import Kind
from shop.purchasing.errors import NothingOrdered, PurchaseRefused
from shop.purchasing.models import PurchaseOrder
from shop.purchasing.states import PurchaseStatus


def send(order: PurchaseOrder, *, by: Person, at: datetime) -> None:
    """It is with the supplier: its lines are fixed. `order` is locked.

    Raises NothingOrdered, PurchaseRefused and WrongState.
    """
    if not order.supplier.active:
        raise PurchaseRefused(
            f"{order.supplier.name} takes no orders any more. Order from another supplier."
        )
    if not order.lines:
        raise NothingOrdered("Add what is to be ordered first.")
    order.status = PurchaseStatus.SENT
    events.record(Kind.PURCHASE_SENT, order, total_cents=order.total_cents)


def cancel(order: PurchaseOrder, *, reason: str, by: Person, at: datetime) -> None:
    """Call it off, as long as nothing of it has arrived. `order` is locked. Raises WrongState."""
    order.status = PurchaseStatus.CANCELLED
    events.record(Kind.PURCHASE_CANCELLED, order, reason=reason)


def close(order: PurchaseOrder, *, reason: str, by: Person, at: datetime) -> None:
    """Wait no longer for what is short. `order` is locked. Raises WrongState."""
    order.status = PurchaseStatus.CLOSED
    events.record(Kind.PURCHASE_CLOSED, order, reason=reason, short=_short(order))


def _short(order: PurchaseOrder) -> dict[str, int]:
    return {line.variant.sku: line.short for line in order.lines if line.short}
