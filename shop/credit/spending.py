"""What store credit pays of an order."""

from __future__ import annotations

import uuid
from typing import Protocol

from shop.core.money import LEAST_CENTS
from shop.credit import ledger
from shop.credit.models import CreditEntry, EntryKind


class Order(Protocol):
    """What credit knows of an order."""

    id: uuid.UUID
    client_id: uuid.UUID
    credit_cents: int


def payable(total_cents: int, held_cents: int) -> int:
    """How much of a total so much credit pays: what leaves nothing, or what a card can pay."""
    used = min(total_cents, held_cents)
    if 0 < total_cents - used < LEAST_CENTS:
        used = max(0, total_cents - LEAST_CENTS)
    return used


def spend(order: Order) -> CreditEntry:
    """Take what the new order says from its client's account, in the order's transaction.

    The account is locked already (`ledger.held`), after the lots. Raises NotEnoughCredit.
    """
    return ledger.book(order.client_id, EntryKind.SPENT, -order.credit_cents, order_id=order.id)
