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
    loading,
    mending,
    prices,
    profiles,
    publishing,
    queries,
    report,
    schemas,
)
from shop.catalog.mapping import BadMapping, from_text
from shop.catalog.models import ImportRow
from shop.core.clock import now
from shop.core.db import db
from shop.web import idempotency, paging
from shop.web.api import Blueprint, committed

bp = Blueprint("catalog", __name__, url_prefix="/api/v1", description="Keeping the catalogue")

LARGEST_FILE = 20 * 1024 * 1024  # over HTTP; larger ones go in by the command line
LARGEST_BODY = LARGEST_FILE + 64 * 1024  # the file, and the parts around it
AT_ONCE = 1_000  # rows; more are taken in by the worker


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
@bp.alt_response(202, schema=schemas.ImportOut)
def import_file(terms: dict[str, Any], files: dict[str, Any]) -> Response:
    """Import a register or an export of our own; every row is accounted for.

    At most 20 MB. A file that cannot be read is refused whole; with `dry_run` nothing is written.
    Up to 1,000 rows are answered at once with the whole report; more are taken in by the worker
    (202), and `GET /imports/{id}` tells how far it is. A supplier's sheet (source "csv") comes with
    a `mapping` of our columns to theirs, as JSON, or with the `profile` it was kept as.
    """
    dry_run = terms["dry_run"]
    with files["file"].stream as stream:  # a large upload lies on disk until it is closed
        name = files["file"].filename or ""
        file = importing.checked(
            stream,
            terms["source"],
            name=name,
            mapping=_mapping(terms["mapping"], terms["profile"]),
            most_bytes=LARGEST_FILE,
        )
        if file.rows > AT_ONCE:
            record = loading.queue(file, by=actor(), dry_run=dry_run)
            return committed(schemas.ImportOut, record, 202)
        told = importing.take_whole(file, by=actor(), at=now(), dry_run=dry_run)
    if told.dry_run:
        db.session.rollback()
        dumped = current_app.json.dumps(schemas.ImportReport().dump(told.as_json()))
        return idempotency.answer(200, dumped.encode())
    return committed(schemas.ImportReport, told.as_json())


def _mapping(said: str, profile: str) -> object:
    if said and profile:
        text = "Send a mapping or a profile, not both."
        raise BadMapping(text, fields={"mapping": [text]})
    if profile:
        return profiles.mapping_of(profile)
    return from_text(said) if said else None


@bp.get("/imports/profiles/<name>")
@allow(Role.MANAGER)
@bp.response(200, schemas.ProfileOut)
def show_profile(name: str) -> dict[str, Any]:
    """How a supplier's sheet is read."""
    return {"name": name, "mapping": profiles.mapping_of(name)}


@bp.put("/imports/profiles/<name>")
@allow(Role.MANAGER)
@bp.arguments(schemas.ProfileIn)
@bp.response(200, schemas.ProfileOut)
def keep_profile(said: dict[str, Any], name: str) -> Response:
    """Keep how a supplier's sheet is read, under a name."""
    return committed(schemas.ProfileOut, profiles.keep(name, said))


@bp.get("/imports/<uuid:import_id>")
@allow(Role.MANAGER)
@bp.response(200, schemas.ImportOut)
def show_import(import_id: uuid.UUID) -> dict[str, Any]:
    """How far an import is: rows done, counts, and about how long it will take."""
    record = queries.import_of(import_id)
    return schemas.ImportOut.of(record, now())


@bp.post("/imports/<uuid:import_id>/cancellation")
@allow(Role.MANAGER)
@bp.response(200, schemas.ImportOut)
def stop_import(import_id: uuid.UUID) -> Response:
    """Let an import go no further. What is taken in stays; the file handed in again goes on."""
    record = loading.stop(queries.import_of(import_id, lock=True))
    return committed(schemas.ImportOut, record)


@bp.get("/imports/<uuid:import_id>/rows")
@allow(Role.MANAGER)
@bp.arguments(schemas.ImportRowsQuery, location="query")
@bp.response(200, schemas.ImportRows)
def import_rows(query: dict[str, Any], import_id: uuid.UUID) -> dict[str, Any]:
    """What became of its rows, in the order of the file; those of one outcome, if asked."""
    record = queries.import_of(import_id)
    page = paging.page(
        queries.rows_of(record.id, query["outcome"]),
        [ImportRow.number],
        limit=query["limit"],
        after=query["after"],
    )
    return page | {"items": [report.of(row).as_json() for row in page["items"]]}


@bp.get("/imports/<uuid:import_id>/rows.csv")
@allow(Role.MANAGER)
@bp.response(200, content_type="text/csv")
def quarantined_rows(import_id: uuid.UUID) -> Response:
    """What was set aside, with the reasons: to be mended and imported again."""
    record = queries.import_of(import_id)
    lines = stream_with_context(mending.written(record))
    headers = {"Content-Disposition": 'attachment; filename="quarantined.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


@bp.get("/exports/products.csv")
@allow(Role.MANAGER)
@bp.response(200, content_type="text/csv")
def export_products() -> Response:
    """The whole catalogue as CSV; `POST /imports` with source "csv" takes it back."""
    lines = stream_with_context(listing.written(queries.everything(), now()))
    headers = {"Content-Disposition": 'attachment; filename="products.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)
