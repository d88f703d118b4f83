"""The shop over HTTP: find products, look at one, ask what one may do with it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import current_app

from shop.accounts.access import actor, allow, visitor
from shop.accounts.models import Person, Role
from shop.core.clock import day_in, now
from shop.prescriptions.gate import Answer
from shop.storefront import queries, schemas, searching
from shop.storefront.searching import Wanted
from shop.storefront.visibility import View, view_of
from shop.web.api import Blueprint
from shop.web.paging import page

bp = Blueprint("products", __name__, url_prefix="/api/v1", description="The shop")


@bp.get("/products")
@allow()
@bp.arguments(schemas.ProductsQuery, location="query")
@bp.response(200, schemas.ProductsOut)
def products(asked: dict[str, Any]) -> dict[str, Any]:
    """Products on offer, with how many each choice would leave."""
    limit, after = asked.pop("limit"), asked.pop("after")
    at = now()
    view, today = _view(visitor(), at)
    wanted = Wanted(**asked)
    found = searching.search(wanted, view=view, at=at, today=today)
    paged = page(
        queries.with_brands(found.query),
        found.keys,
        limit=limit,
        after=after,
        descending=found.descending,
    )
    return {
        "items": queries.shown(paged["items"], view=view, at=at, today=today),
        "next": paged["next"],
        "facets": searching.facets(wanted, view=view, at=at, today=today),
    }


@bp.get("/products/<slug>")
@allow()
@bp.response(200, schemas.WholeProductOut)
def product(slug: str) -> queries.Shown:
    """A product with its packs, prices, stock, ingredients and warnings."""
    at = now()
    view, today = _view(visitor(), at)
    return queries.product_for(visitor(), slug, view=view, at=at, today=today)


@bp.get("/products/<slug>/gate")
@allow(*Role)
@bp.arguments(schemas.GateQuery, location="query")
@bp.response(200, schemas.ProductGateOut)
def gate(asked: dict[str, Any], slug: str) -> dict[str, Any]:
    """What you may do with this product today, and why."""
    at = now()
    view, today = _view(actor(), at)
    shown = queries.product_for(actor(), slug, view=view, at=at, today=today)
    decisions = queries.answers(actor(), shown, at=at, **asked)
    furthest = min(decisions, key=lambda decision: list(Answer).index(decision.answer))
    return vars(furthest) | {
        "sentence": furthest.sentence,
        "slug": slug,
        "variants": decisions,
    }


def _view(reader: Person | None, at: datetime) -> tuple[View, date]:
    """What the reader sees today, and which day that is in the clinic."""
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    return view_of(reader, home=config.clinic_state, day=today), today
