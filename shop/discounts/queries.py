"""Reads of discounts. Managers see all of it; a client is only told of a code that she typed."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.catalog.models import LegalClass
from shop.core.db import db, locked
from shop.core.rules import EVERYWHERE
from shop.discounts.errors import NoSuchBar, NoSuchDiscount
from shop.discounts.models import Discount, DiscountBar, DiscountUse


class Given(NamedTuple):
    """What a discount came to: uses that stand, the cents they took off, uses given back."""

    uses: int = 0
    cents: int = 0
    returned: int = 0


def discounts() -> sa.Select[Discount]:
    """All of them."""
    return sa.select(Discount).options(joinedload(Discount.made_by))


def discount(number: str, *, lock: bool = False) -> Discount:
    """One, locked where it is ended. Raises NoSuchDiscount."""
    query = sa.select(Discount).where(Discount.number == number)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchDiscount("There is no such discount.", number=number)
    return found


def of_code(code: str, *, lock: bool = False) -> Discount | None:
    """The discount that has this code and was not ended, whatever its dates."""
    query = sa.select(Discount).where(Discount.code == code, Discount.ended_at.is_(None))
    return db.session.scalars(locked(query) if lock else query).one_or_none()


def given(discount_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Given]:
    """What each of these came to."""
    stands = sa.not_(DiscountUse.returned)
    rows = db.session.execute(
        sa.select(
            DiscountUse.discount_id,
            sa.func.count().filter(stands),
            sa.func.coalesce(sa.func.sum(DiscountUse.cents).filter(stands), 0),
            sa.func.count().filter(DiscountUse.returned),
        )
        .where(DiscountUse.discount_id.in_(discount_ids))
        .group_by(DiscountUse.discount_id)
    )
    came = {key: Given(uses, cents, returned) for key, uses, cents, returned in rows}
    return {key: came.get(key, Given()) for key in discount_ids}


def uses(of: Discount) -> sa.Select[DiscountUse]:
    """Every use of a discount, those that were given back among them."""
    return sa.select(DiscountUse).where(DiscountUse.discount_id == of.id)


def standing(of: Discount) -> sa.Select[DiscountUse]:
    """The uses that count against its limits."""
    return uses(of).where(sa.not_(DiscountUse.returned))


def bars() -> list[DiscountBar]:
    """Those in force, what holds everywhere first."""
    query = (
        sa.select(DiscountBar)
        .where(DiscountBar.lifted_at.is_(None))
        .order_by(DiscountBar.jurisdiction != EVERYWHERE, DiscountBar.jurisdiction)
        .options(joinedload(DiscountBar.barred_by))
    )
    return list(db.session.scalars(query))


def bar(key: uuid.UUID, *, lock: bool = False) -> DiscountBar:
    """One of them. Raises NoSuchBar."""
    query = sa.select(DiscountBar).where(DiscountBar.id == key)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchBar("There is no such bar.")
    return found


def barred(state: str) -> frozenset[LegalClass]:
    """The classes that no discount touches where an order ships to this state."""
    query = sa.select(DiscountBar.legal_class).where(
        DiscountBar.jurisdiction.in_([EVERYWHERE, state]), DiscountBar.lifted_at.is_(None)
    )
    return frozenset(db.session.scalars(query))
