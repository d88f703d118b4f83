"""The catalogue over HTTP, for managers: products, variants, prices, imports, the export."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app, request, stream_with_context
from flask.blueprints import BlueprintSetupState

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import (
    editing,
    importing,
    listing,
    prices,
    publishing,
    queries,
    reading,
    resolving,
    schemas,
)
from shop.catalog.models import IngredientName
from shop.core.clock import now
from shop.core.db import db
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("catalog", __name__, url_prefix="/api/v1", description="Keeping the catalogue")

LARGEST_BODY = reading.MOST_BYTES + 64 * 1024  # the file, and the parts around it


@bp.record_once
def _let_files_in(state: BlueprintSetupState) -> None:
    """Imports may be larger than other bodies; said before anything reads the body."""

    def larger_body() -> None:
        if request.endpoint == f"{bp.name}.import_file":
            request.max_content_length = LARGEST_BODY

    state.app.before_request_funcs.setdefault(None, []).insert(0, larger_body)


@bp.post("/products")
@allow(Role.MANAGER)
@bp.arguments(schemas.ProductIn)
@bp.response(201, schemas.KeptProductOut)
def create_product(terms: dict[str, Any]) -> Response:
    """Enter a product by hand. It is not published."""
    lines = [(one["name"], one["active"], one["strength"]) for one in terms.pop("ingredients")]
    product = editing.create(**terms, ingredients=lines, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product, 201)


@bp.patch("/products/<slug>")
@allow(Role.MANAGER)
@bp.arguments(schemas.ProductChanges)
@bp.response(200, schemas.KeptProductOut)
def change_product(changes: dict[str, Any], slug: str) -> Response:
    """Change a product's words, or make its class stricter."""
    product = queries.product(slug, lock=True)
    editing.change_product(product, changes, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.post("/products/<slug>/publication")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptProductOut)
def publish(slug: str) -> Response:
    """Show a product in the shop."""
    product = queries.product(slug, lock=True)
    publishing.publish(product, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.delete("/products/<slug>/publication")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptProductOut)
def withdraw(slug: str) -> Response:
    """Show a product no longer."""
    product = queries.product(slug, lock=True)
    publishing.withdraw(product, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.post("/products/<slug>/variants")
@allow(Role.MANAGER)
@bp.arguments(schemas.VariantIn)
@bp.response(201, schemas.KeptVariantOut)
def add_variant(terms: dict[str, Any], slug: str) -> Response:
    """Add a pack to a product."""
    product = queries.product(slug, lock=True)
    variant = editing.add_variant(product, **terms, by=actor(), at=now())
    return committed(schemas.KeptVariantOut, variant, 201)


@bp.patch("/variants/<sku>")
@allow(Role.MANAGER)
@bp.arguments(schemas.VariantChanges)
@bp.response(200, schemas.KeptVariantOut)
def change_variant(changes: dict[str, Any], sku: str) -> Response:
    """Change a pack: its words, its content, whether it is for sale."""
    variant = queries.variant(sku, lock=True)
    editing.change_variant(variant, changes, by=actor(), at=now())
    return committed(schemas.KeptVariantOut, variant)


@bp.put("/variants/<sku>/price")
@allow(Role.MANAGER)
@bp.arguments(schemas.PriceIn)
@bp.response(200, schemas.PriceOut)
def set_price(terms: dict[str, Any], sku: str) -> Response:
    """Set what a pack costs from now, or from a moment to come."""
    variant = queries.variant(sku, lock=True)
    price = prices.set_price(
        variant, terms["cents"], valid_from=terms["valid_from"], by=actor(), at=now()
    )
    return committed(schemas.PriceOut, price)


@bp.post("/imports")
@allow(Role.MANAGER)
@bp.arguments(schemas.ImportIn, location="form")
@bp.arguments(schemas.ImportFile, location="files")
@bp.response(200, schemas.ImportReport)
def import_file(terms: dict[str, Any], files: dict[str, Any]) -> Response:
    """Import a register or an export of our own; every row is accounted for.

    At most 20 MB. A file that cannot be read is refused whole; with `dry_run` nothing is written.
    """
    with files["file"].stream as stream:  # a large upload lies on disk until it is closed
        report = importing.run(
            stream, terms["source"], by=actor(), at=now(), dry_run=terms["dry_run"]
        )
    if report.dry_run:
        db.session.rollback()
        dumped = current_app.json.dumps(schemas.ImportReport().dump(report.as_json()))
        return idempotency.answer(200, dumped.encode())
    return committed(schemas.ImportReport, report.as_json())


@bp.get("/ingredient-names")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(schemas.NamesQuery, location="query")
@bp.response(200, schemas.IngredientNamesOut)
def ingredient_names(asked: dict[str, Any]) -> dict[str, Any]:
    """Names that products brought, the most frequent first; `matched=false` is the worklist."""
    paged = page(
        queries.filed_names(matched=asked["matched"]),
        (queries.CARRIED, IngredientName.id),
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )
    return {"items": queries.named(paged["items"]), "next": paged["next"]}


@bp.put("/ingredient-names/<uuid:name_id>/resolution")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(schemas.ResolutionIn)
@bp.response(200, schemas.IngredientNameOut)
def resolve_name(terms: dict[str, Any], name_id: uuid.UUID) -> Response:
    """Say which substance a name means, for every product that has it or will have it."""
    name = queries.filed_name(name_id, lock=True)
    ingredient = queries.ingredient(terms["ingredient"]) if terms["ingredient"] else None
    resolving.resolve(name, ingredient, by=actor(), at=now())
    (answer,) = queries.named([name])
    return committed(schemas.IngredientNameOut, answer)


@bp.get("/exports/products.csv")
@allow(Role.MANAGER)
@bp.response(200, content_type="text/csv")
def export_products() -> Response:
    """The whole catalogue as CSV; `POST /imports` with source "csv" takes it back."""
    lines = stream_with_context(listing.written(queries.everything(), now()))
    headers = {"Content-Disposition": 'attachment; filename="products.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)
