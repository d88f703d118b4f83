"""The shop over HTTP: find products, look at one, ask what one may do with it."""

from __future__ import annotations

from typing import Any

from flask import current_app

from shop.accounts.access import actor, allow, visitor
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.prescriptions.gate import Answer
from shop.storefront import queries, schemas, searching
from shop.storefront.searching import Wanted
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
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    wanted = Wanted(**asked)
    found = searching.search(wanted, at=at, today=today)
    paged = page(
        queries.with_brands(found.query),
        found.keys,
        limit=limit,
        after=after,
        descending=found.descending,
    )
    return {
        "items": queries.shown(paged["items"], at=at, today=today),
        "next": paged["next"],
        "facets": searching.facets(wanted, at=at, today=today),
    }


@bp.get("/products/<slug>")
@allow()
@bp.response(200, schemas.WholeProductOut)
def product(slug: str) -> queries.Shown:
    """A product with its packs, prices, stock, ingredients, warnings, and what is close to it."""
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    return queries.whole_for(visitor(), slug, at=at, today=today)


@bp.get("/bundles")
@allow()
@bp.response(200, schemas.BundlesOut)
def bundles() -> dict[str, Any]:
    """Packs that go together, with what they cost now. At most 100."""
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    return {"items": queries.bundles(at=at, today=today)}


@bp.get("/bundles/<slug>")
@allow()
@bp.response(200, schemas.BundleOut)
def bundle(slug: str) -> queries.ShownBundle:
    """A bundle with its items."""
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    return queries.bundle_for(slug, at=at, today=today)


@bp.get("/products/<slug>/gate")
@allow(*Role)
@bp.arguments(schemas.GateQuery, location="query")
@bp.response(200, schemas.ProductGateOut)
def gate(asked: dict[str, Any], slug: str) -> dict[str, Any]:
    """What you may do with this product today, and why."""
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    shown = queries.product_for(actor(), slug, at=at, today=today)
    decisions = queries.answers(actor(), shown, at=at, **asked)
    furthest = min(decisions, key=lambda decision: list(Answer).index(decision.answer))
    return vars(furthest) | {
        "sentence": furthest.sentence,
        "slug": slug,
        "variants": decisions,
    }
