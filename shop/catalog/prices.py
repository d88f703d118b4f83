"""What a variant costs from when on: a list of dated prices, each in force until the next begins.

A price that has begun is never changed; only its end moves, while it lies ahead. A price that has
not begun can be withdrawn: the one before then holds until the next.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.errors import BadPrice, NoSuchPrice, PriceHasBegun
from shop.catalog.models import Price, Variant
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind

HIGHEST_CENTS = 10_000_000
FURTHEST = timedelta(days=730)
MOST_AHEAD = 50  # prices of one variant that wait to begin


def set_price(
    variant: Variant, cents: int, *, valid_from: datetime | None, by: Person | None, at: datetime
) -> Price:
    """The price of `variant`, in cents, from `valid_from` (now, where None) until the next one.

    Safe to repeat: the price already in force then is returned. Raises BadPrice.
    """
    begins = valid_from or at
    _refuse_odd(cents, begins, at)
    if not sa.inspect(variant).persistent:
        return _first(variant, cents, begins)
    listed = _locked_list(variant)
    before = [price for price in listed if price.valid_from <= begins]
    last = before[-1] if before else None
    following = next((price for price in listed if price.valid_from > begins), None)
    if last is not None and _says_so(last, cents, begins):
        return last
    _refuse_crowded(listed, last, begins, at)
    if last is not None and last.valid_from < begins:
        _end(last, begins)
    price = Price(
        id=uuid.uuid4(),
        variant_id=variant.id,
        cents=cents,
        valid_from=begins,
        valid_until=following.valid_from if following else None,
    )
    db.session.add(price)
    events.record(
        Kind.PRICE_SET, variant, sku=variant.sku, cents=cents, valid_from=begins.isoformat()
    )
    _read_again(variant)
    return price


def _first(variant: Variant, cents: int, begins: datetime) -> Price:
    """Of a pack that nobody else has seen yet: there is nothing to lock and no price before it.

    It is written with the pack: by the session, or by the shelves.
    """
    price = Price(
        id=uuid.uuid4(), variant=variant, variant_id=variant.id, cents=cents, valid_from=begins
    )
    if variant in db.session:
        db.session.add(price)
    events.record(
        Kind.PRICE_SET, variant, sku=variant.sku, cents=cents, valid_from=begins.isoformat()
    )
    return price


def withdraw(variant: Variant, price_id: uuid.UUID, *, by: Person | None, at: datetime) -> None:
    """Take back a price that has not begun; the one before holds until the next.

    Raises NoSuchPrice, PriceHasBegun.
    """
    listed = _locked_list(variant)
    price = next((one for one in listed if one.id == price_id), None)
    if price is None:
        raise NoSuchPrice("This pack has no such price.", sku=variant.sku)
    if price.valid_from <= at:
        raise PriceHasBegun(
            "This price has begun and stays on record. Set a new one instead.",
            sku=variant.sku,
            begun_at=price.valid_from.isoformat(),
        )
    place = listed.index(price)
    db.session.delete(price)
    db.session.flush()  # the stretch is free before another fills it
    if place and listed[place - 1].valid_until == price.valid_from:
        listed[place - 1].valid_until = price.valid_until
    events.record(
        Kind.PRICE_WITHDRAWN,
        variant,
        sku=variant.sku,
        cents=price.cents,
        valid_from=price.valid_from.isoformat(),
    )
    _read_again(variant)


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


def _refuse_crowded(
    listed: list[Price], last: Price | None, begins: datetime, at: datetime
) -> None:
    if last is not None and last.valid_from == begins:
        raise BadPrice(
            "A price that begins at that moment is set already.",
            fields={"from": ["Withdraw that price first, or choose another moment."]},
        )
    if sum(price.valid_from > at for price in listed) >= MOST_AHEAD:
        raise BadPrice(
            f"At most {MOST_AHEAD} prices of a pack can lie ahead.",
            fields={"from": ["Withdraw some of them first."]},
        )


def _says_so(price: Price, cents: int, begins: datetime) -> bool:
    in_force = price.valid_until is None or begins < price.valid_until
    return in_force and price.cents == cents


def _locked_list(variant: Variant) -> list[Price]:
    """All prices of the variant, earliest first, under its lock."""
    db.session.execute(locked(sa.select(Variant.id).where(Variant.id == variant.id)))
    query = sa.select(Price).where(Price.variant_id == variant.id).order_by(Price.valid_from)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def _end(price: Price, begins: datetime) -> None:
    """End the price where the new one begins, unless it has ended before."""
    if price.valid_until is None or price.valid_until > begins:
        price.valid_until = begins
        db.session.flush()  # the old price ends before the new one begins


def _read_again(variant: Variant) -> None:
    db.session.flush()  # the list of prices is read again
    db.session.expire(variant, ["prices"])
