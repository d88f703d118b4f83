"""Discounts over HTTP, for the manager."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.discounts import barring, ending, making, queries, schemas
from shop.discounts.models import TOUCHABLE, Discount, DiscountUse
from shop.orders import queries as orders
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("discounts", __name__, url_prefix="/api/v1", description="Discount codes")
NEVER = [kind.value for kind in LegalClass if kind not in TOUCHABLE]


@bp.get("/discounts")
@allow(Role.MANAGER)
@bp.arguments(schemas.DiscountsQuery, location="query")
@bp.response(200, schemas.DiscountsOut)
def list_discounts(asked: dict[str, Any]) -> dict[str, Any]:
    """All discounts, the newest first, with what each came to."""
    return page(queries.discounts(), (Discount.made_at, Discount.id), descending=True, **asked)


@bp.post("/discounts")
@allow(Role.MANAGER)
@bp.arguments(schemas.DiscountIn)
@bp.response(201, schemas.DiscountOut)
def make(terms: dict[str, Any]) -> Response:
    """Make a discount. Its terms are never changed: end it, and make another."""
    made = making.make(terms.pop("code"), **terms, by=actor(), at=now())
    return committed(schemas.DiscountOut, made, 201)


@bp.get("/discounts/<number>")
@allow(Role.MANAGER)
@bp.response(200, schemas.DiscountOut)
def show(number: str) -> Discount:
    """One, with what it came to."""
    return queries.discount(number)


@bp.get("/discounts/<number>/uses")
@allow(Role.MANAGER)
@bp.arguments(schemas.DiscountUsesQuery, location="query")
@bp.response(200, schemas.DiscountUsesOut)
def uses(asked: dict[str, Any], number: str) -> dict[str, Any]:
    """The orders that were placed with it, the newest first."""
    query = queries.uses(queries.discount(number))
    found = page(query, (DiscountUse.taken_at, DiscountUse.id), descending=True, **asked)
    named = orders.numbers_of([use.order_id for use in found["items"]])
    items = [{"use": use, "order": named[use.order_id]} for use in found["items"]]
    return found | {"items": items}


@bp.post("/discounts/<number>/ending")
@allow(Role.MANAGER)
@bp.response(200, schemas.DiscountOut)
def end(number: str) -> Response:
    """End it now. What was ordered with it stays as it was placed."""
    one = queries.discount(number, lock=True)
    ending.end(one, by=actor(), at=now())
    return committed(schemas.DiscountOut, one)


@bp.get("/discount-bars")
@allow(Role.MANAGER)
@bp.response(200, schemas.DiscountBarsOut)
def list_bars() -> dict[str, Any]:
    """What no discount touches, where, and who says so."""
    return {"never": NEVER, "items": queries.bars()}


@bp.post("/discount-bars")
@allow(Role.MANAGER)
@bp.arguments(schemas.DiscountBarIn)
@bp.response(201, schemas.DiscountBarOut)
def bar(said: dict[str, Any]) -> Response:
    """No discount touches a class there from now on."""
    kind, where = said["legal_class"], said["jurisdiction"]
    made = barring.bar(kind, where, source=said["source"], by=actor(), at=now())
    return committed(schemas.DiscountBarOut, made, 201)


@bp.post("/discount-bars/<uuid:key>/lifting")
@allow(Role.MANAGER)
@bp.response(200, schemas.DiscountBarOut)
def lift(key: uuid.UUID) -> Response:
    """Discounts may touch it there again."""
    one = queries.bar(key, lock=True)
    barring.lift(one, by=actor(), at=now())
    return committed(schemas.DiscountBarOut, one)
