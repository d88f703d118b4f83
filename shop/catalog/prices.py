"""What a variant costs from when on. A price is never changed: the next one ends it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.errors import BadPrice
from shop.catalog.models import Price, Variant
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind

HIGHEST_CENTS = 10_000_000
FURTHEST = timedelta(days=730)


def set_price(
    variant: Variant, cents: int, *, valid_from: datetime | None, by: Person | None, at: datetime
) -> Price:
    """The price of `variant`, in cents, from `valid_from` (now, where None) until the next one.

    Safe to repeat: the price already in force then is returned. Raises BadPrice.
    """
    begins = valid_from or at
    _refuse_odd(cents, begins, at)
    if sa.inspect(variant).pending:
        return _first(variant, cents, begins)
    db.session.execute(locked(sa.select(Variant).where(Variant.id == variant.id)))
    last = _last(variant)
    if last is not None and _says_so(last, cents, begins):
        return last
    if last is not None and last.valid_from >= begins:
        raise BadPrice(
            "A price that begins at or after that moment is set already.",
            fields={"from": [f"Choose a moment after {last.valid_from.isoformat()}."]},
            sku=variant.sku,
        )
    _end(last, begins)
    price = Price(id=uuid.uuid4(), variant_id=variant.id, cents=cents, valid_from=begins)
    db.session.add(price)
    events.record(
        Kind.PRICE_SET, variant, sku=variant.sku, cents=cents, valid_from=begins.isoformat()
    )
    db.session.flush()  # the list of prices is read again
    db.session.expire(variant, ["prices"])
    return price


def _first(variant: Variant, cents: int, begins: datetime) -> Price:
    """Of a pack that nobody else has seen yet: there is nothing to lock and no price before it."""
    price = Price(id=uuid.uuid4(), variant=variant, cents=cents, valid_from=begins)
    db.session.add(price)
    events.record(
        Kind.PRICE_SET, variant, sku=variant.sku, cents=cents, valid_from=begins.isoformat()
    )
    return price


def _refuse_odd(cents: int, begins: datetime, at: datetime) -> None:
    if not 0 <= cents <= HIGHEST_CENTS:
        raise BadPrice(
            "A price is between 0 and 10,000,000 cents.", fields={"cents": ["Out of range."]}
        )
    if not at <= begins <= at + FURTHEST:
        raise BadPrice(
            "A price begins now or within two years.",
            fields={"from": ["Choose a moment that is not past and within two years."]},
        )


def _says_so(price: Price, cents: int, begins: datetime) -> bool:
    return price.valid_until is None and price.cents == cents and price.valid_from <= begins


def _last(variant: Variant) -> Price | None:
    return db.session.scalars(
        sa.select(Price)
        .where(Price.variant_id == variant.id)
        .order_by(Price.valid_from.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _end(last: Price | None, begins: datetime) -> None:
    if last is None:
        return
    if last.valid_until is None:
        last.valid_until = begins
        db.session.flush()  # the old price ends before the new one begins
    elif last.valid_until > begins:
        raise BadPrice(
            "The price before ends later than that.",
            fields={"from": [f"Choose {last.valid_until.isoformat()} or later."]},
        )
