"""The shop's own pages: the list with its search, and a product with what one may do with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from shop.accounts.access import allow, visitor
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.storefront import queries, schemas, searching
from shop.storefront.searching import Wanted
from shop.storefront.visibility import view_of
from shop.web.paging import BadCursor, page

bp = Blueprint("shop_pages", __name__)

PER_PAGE = 24
CLASSES = {
    "cosmetic": "Cosmetic",
    "otc_drug": "Over the counter",
    "rx": "Prescription",
    "rx_unapproved": "Prescription, not FDA-approved",
}


@bp.get("/")
@allow()
def shop() -> ResponseReturnValue:
    asked, errors = _asked()
    at = now()
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    view = view_of(visitor(), home=config.clinic_state, day=today)
    after = asked.pop("after")
    wanted = Wanted(**asked)
    found = searching.search(wanted, view=view, at=at, today=today)
    try:
        paged = _page(found, after)
    except BadCursor as refusal:
        errors |= refusal.fields
        paged = _page(found, None)
    return render_template(
        "storefront/shop.html",
        wanted=wanted,
        errors=errors,
        products=queries.shown(paged["items"], view=view, at=at, today=today),
        next_page=_address(paged["next"]) if paged["next"] else None,
        first_page=_address(None) if after else None,
        facets=searching.facets(wanted, view=view, at=at, today=today),
        classes=CLASSES,
        sorts=searching.SORTS,
    )


@bp.get("/products/<slug>")
@allow()
def product(slug: str) -> ResponseReturnValue:
    at = now()
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    reader = visitor()
    view = view_of(reader, home=config.clinic_state, day=today)
    shown = queries.product_for(reader, slug, view=view, at=at, today=today)
    decisions = []
    if reader is not None and reader.role is Role.CLIENT:
        decisions = queries.answers(reader, shown, quantity=1, ship_to_state=None, at=at)
    return render_template(
        "storefront/product.html",
        shown=shown,
        gates={decision.wish.sku: decision for decision in decisions},
        classes=CLASSES,
        is_client=reader is not None and reader.role is Role.CLIENT,
    )


def _page(found: searching.Found, after: str | None) -> dict[str, Any]:
    query = queries.with_brands(found.query)
    return page(query, found.keys, limit=PER_PAGE, after=after, descending=found.descending)


def _asked() -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The filters of the address; what cannot be used is named and left out."""
    filled = {name: text for name, text in request.args.items() if text.strip()}
    schema = schemas.ProductsQuery(exclude=["limit"], unknown=ma.EXCLUDE)
    try:
        return schema.load(filled), {}
    except ma.ValidationError as error:
        wrong: dict[str, list[str]] = dict(error.messages_dict)
        usable = {name: text for name, text in filled.items() if name not in wrong}
        return schema.load(usable), wrong


def _address(after: str | None) -> str:
    names = schemas.ProductsQuery().fields
    kept = {name: text for name, text in request.args.items() if name in names and text}
    kept.pop("after", None)
    return "/?" + urlencode(kept | ({"after": after} if after else {}))
