"""Credit that comes back to the account that spent it."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.credit import ledger
from shop.credit.errors import CreditNotSpent
from shop.credit.models import CreditEntry, EntryKind
from shop.credit.spending import Order

ORDER_OVER = "order_over"  # asks for all of it, once


def give_back(
    order: Order,
    cents: int,
    *,
    reason: str,
    by: Person | None,
    at: datetime,
    request_key: str | None = None,
) -> CreditEntry:
    """Give `cents` of what the (locked) order spent back to its client's account.

    Asked again with the same `request_key`, it is the same entry; without one, every call gives
    anew. `reason` is a short word in small letters, nothing medical. `by` None: the shop itself.
    The account is locked here, after the order, its lots, its payments and refunds.
    Raises CreditNotSpent.
    """
    ledger.held(order.client_id)
    known = _asked(order, request_key)
    if known is not None:
        return known
    left_cents = left(order.id)
    if not 0 < cents <= left_cents:
        raise CreditNotSpent(
            "That is not what can go back to the account.",
            wanted_cents=cents,
            left_cents=left_cents,
        )
    return ledger.book(
        order.client_id,
        EntryKind.RETURNED,
        cents,
        order_id=order.id,
        reason=reason,
        request_key=request_key or str(uuid.uuid4()),
    )


def give_all_back(order: Order, *, reason: str, at: datetime) -> CreditEntry | None:
    """What is left of what an order spent, because it is over; None where it spent nothing."""
    if not order.credit_cents:
        return None
    ledger.held(order.client_id)
    cents = left(order.id)
    if not cents:
        return _asked(order, ORDER_OVER)
    return give_back(order, cents, reason=reason, by=None, at=at, request_key=ORDER_OVER)


def left(order_id: uuid.UUID) -> int:
    """What an order spent and has not got back, in cents."""
    query = sa.select(-sa.func.coalesce(sa.func.sum(CreditEntry.delta_cents), 0)).where(
        CreditEntry.order_id == order_id
    )
    return int(db.session.execute(query).scalar_one())


def _asked(order: Order, request_key: str | None) -> CreditEntry | None:
    if request_key is None:
        return None
    query = sa.select(CreditEntry).where(
        CreditEntry.order_id == order.id, CreditEntry.request_key == request_key
    )
    return db.session.scalar(query)
