"""The shop's own pages: the list with its search, and a product with what one may do with it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from shop.accounts.access import allow, visitor
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.catalog.errors import NoLongerSold
from shop.core.clock import day_in, now
from shop.core.errors import Gone, NotFound
from shop.storefront import queries, schemas, searching
from shop.storefront.searching import Wanted
from shop.web.paging import BadCursor, page
from shop.web.problems import STATUS

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
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    after = asked.pop("after")
    wanted = Wanted(**asked)
    found = searching.search(wanted, at=at, today=today)
    try:
        paged = _page(found, after)
    except BadCursor as refusal:
        errors |= refusal.fields
        paged = _page(found, None)
    return render_template(
        "storefront/shop.html",
        wanted=wanted,
        errors=errors,
        products=queries.shown(paged["items"], at=at, today=today),
        next_page=_address(paged["next"]) if paged["next"] else None,
        first_page=_address(None) if after else None,
        facets=searching.facets(wanted, at=at, today=today),
        classes=CLASSES,
        sorts=searching.SORTS,
        bundles=[] if request.args else queries.bundles(at=at, today=today),
    )


@bp.get("/bundles/<slug>")
@allow()
def bundle(slug: str) -> ResponseReturnValue:
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    reader = visitor()
    return render_template(
        "storefront/bundle.html",
        shown=queries.bundle_for(slug, at=at, today=today),
        is_client=reader is not None and reader.role is Role.CLIENT,
    )


@bp.get("/pictures/<digest>.webp")
@allow()
def picture(digest: str) -> ResponseReturnValue:
    """A file of a picture that is shown. Its name is its content's, so it never changes."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise NotFound("There is no such picture.")
    response = Response(content_type="image/webp")
    response.set_etag(digest)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    data = catalog.picture_file(bytes.fromhex(digest))
    if data is None:
        raise NotFound("There is no such picture.")
    response.set_data(data)
    response.make_conditional(request)
    return response


@bp.get("/products/<slug>")
@allow()
def product(slug: str) -> ResponseReturnValue:
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    reader = visitor()
    try:
        shown = queries.whole_for(reader, slug, at=at, today=today)
    except NoLongerSold as gone:
        slugs = [one["slug"] for one in gone.facts["alternatives"]]  # type: ignore[attr-defined]
        nearest = queries.named(slugs, at=at, today=today)
        page_of_it = render_template(
            "storefront/retired.html", name=gone.facts["name"], nearest=nearest
        )
        return page_of_it, STATUS[Gone]
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
