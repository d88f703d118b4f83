"""A manager ends a discount before its time. What was ordered with it stays as it was placed."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.discounts.errors import DiscountEnded
from shop.discounts.models import Discount


def end(discount: Discount, *, by: Person, at: datetime) -> None:
    """Nobody orders with it from now on, and its code is free; it comes locked.

    Raises DiscountEnded.
    """
    if discount.ended_by_id is not None:
        raise DiscountEnded("This discount has been ended already.", number=discount.number)
    discount.ended_by_id = by.id
    db.session.flush()  # the database stamps when
    db.session.refresh(discount)
    events.record(Kind.DISCOUNT_ENDED, discount)
