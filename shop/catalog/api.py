"""The catalogue over HTTP, for managers: products, variants, prices, pictures, bundles, imports,
the export."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, stream_with_context

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import (
    bulk_editing,
    bundling,
    editing,
    importing,
    listing,
    loading,
    mending,
    price_list,
    prices,
    profiles,
    publishing,
    queries,
    relating,
    releasing,
    renditions,
    report,
    resolving,
    schemas,
)
from shop.catalog import picturing as pictures
from shop.catalog.mapping import BadMapping, from_text
from shop.catalog.models import (
    LARGEST_SHEET,
    Bundle,
    ImportRow,
    IngredientName,
    LegalClassRule,
    Product,
    Release,
    Variant,
)
from shop.charts import reading
from shop.core import ruling
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.replays import Outcome, Replay
from shop.core.rules import BadRule, kinds
from shop.orders import replaying, simulating
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening import replaying as screening_replays
from shop.web import editions, idempotency
from shop.web.api import Blueprint, committed
from shop.web.limits import larger_bodies
from shop.web.paging import page
from shop.web.uploads import sent

bp = Blueprint("catalog", __name__, url_prefix="/api/v1", description="Keeping the catalogue")

LARGEST_FILE = LARGEST_SHEET  # over HTTP; larger ones go in by the command line
AROUND = 64 * 1024  # bytes: the parts of a form around its file
LARGEST_BODY = LARGEST_FILE + AROUND
LARGER_BODIES = {
    "catalog.import_file": LARGEST_BODY,
    "catalog.add_picture": renditions.MOST_BYTES + AROUND,
    "catalog.add_bundle_picture": renditions.MOST_BYTES + AROUND,
    "imports_pages.hand_in": LARGEST_BODY,
    "manage_pages.add_picture": renditions.MOST_BYTES + AROUND,
}
AT_ONCE = 1_000  # rows; more are taken in by the worker


bp.record_once(larger_bodies(LARGER_BODIES))


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
    editions.refuse_stale(schemas.KeptProductOut, product)
    editing.change_product(product, changes, by=actor(), at=now())
    return editions.tagged(schemas.KeptProductOut, product)


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
    """Show a product no longer, for now: it is a draft again."""
    product = queries.product(slug, lock=True)
    publishing.withdraw(product, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.post("/products/<slug>/retirement")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptProductOut)
def retire(slug: str) -> Response:
    """Sell a product no longer; its packs leave the sale, what was ordered is delivered."""
    product = queries.product(slug, lock=True)
    publishing.retire(product, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.delete("/products/<slug>/retirement")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptProductOut)
def restore(slug: str) -> Response:
    """Bring a retired product back as a draft."""
    product = queries.product(slug, lock=True)
    publishing.restore(product, by=actor(), at=now())
    return committed(schemas.KeptProductOut, product)


@bp.get("/products/<slug>/record")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptProductOut)
def show_record(slug: str) -> Response:
    """A product as its keeper sees it, with the ETag that changes name in If-Match."""
    return editions.shown(schemas.KeptProductOut, queries.product(slug))


@bp.patch("/products")
@allow(Role.MANAGER)
@bp.arguments(schemas.BulkIn)
@bp.response(200, schemas.BulkOut)
def change_products(terms: dict[str, Any]) -> Response:
    """Change up to 500 products and their packs in one act: all of it or nothing.

    `dry_run` says what would change and changes nothing.
    """
    if "items" in terms:
        edits = [
            bulk_editing.Edit(f"items.{nth}", one["slug"], one["changes"])
            for nth, one in enumerate(terms["items"])
        ]
    else:
        chosen = bulk_editing.Chosen(**terms["where"])
        edits = bulk_editing.edits_where(chosen, terms["changes"])
    edited = bulk_editing.apply(edits, by=actor(), at=now())
    answer = {"dry_run": terms["dry_run"], "items": edited}
    return _dry(schemas.BulkOut, answer) if terms["dry_run"] else committed(schemas.BulkOut, answer)


@bp.get("/products/<slug>/related")
@allow(Role.MANAGER)
@bp.response(200, schemas.RelationsOut)
def show_related(slug: str) -> Response:
    """What was set beside a product, in order, with the ETag that a change names in If-Match."""
    return editions.shown(schemas.RelationsOut, _relations(queries.product(slug)))


@bp.put("/products/<slug>/related")
@allow(Role.MANAGER)
@editions.required
@bp.arguments(schemas.RelatedIn)
@bp.response(200, schemas.RelationsOut)
def set_related(terms: dict[str, Any], slug: str) -> Response:
    """Show these beside a product, in this order, instead of those before; none: the nearest."""
    product = queries.product(slug, lock=True)
    editions.refuse_stale(schemas.RelationsOut, _relations(product))
    relating.relate(product, terms["related"], by=actor())
    return editions.tagged(schemas.RelationsOut, _relations(product))


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
    editions.refuse_stale(schemas.KeptVariantOut, variant)
    editing.change_variant(variant, changes, by=actor(), at=now())
    return editions.tagged(schemas.KeptVariantOut, variant)


@bp.get("/variants/<sku>")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptVariantOut)
def show_variant(sku: str) -> Response:
    """A pack as its keeper sees it, with the ETag that changes name in If-Match."""
    return editions.shown(schemas.KeptVariantOut, queries.variant(sku))


@bp.get("/variants/<sku>/prices")
@allow(Role.MANAGER)
@bp.response(200, schemas.PricesOut)
def show_prices(sku: str) -> dict[str, Any]:
    """Every price of a pack: what it was, is and will be."""
    return _listed(queries.variant(sku), now())


@bp.delete("/variants/<sku>/prices/<uuid:price_id>")
@allow(Role.MANAGER)
@bp.response(200, schemas.PricesOut)
def withdraw_price(sku: str, price_id: uuid.UUID) -> Response:
    """Take back a price that has not begun; the one before holds until the next."""
    variant, at = queries.variant(sku, lock=True), now()
    prices.withdraw(variant, price_id, by=actor(), at=at)
    return committed(schemas.PricesOut, _listed(variant, at))


@bp.get("/price-list.csv")
@allow(Role.MANAGER)
@bp.arguments(schemas.PriceListQuery, location="query")
@bp.response(200, content_type="text/csv")
def show_price_list(asked: dict[str, Any]) -> Response:
    """What every pack costs on a day of the clinic's, as CSV; today without `on`."""
    zone = current_app.config["SHOP"].clinic_time_zone
    day = asked["on"] or day_in(zone, now())
    begins = datetime.combine(day, time(), ZoneInfo(zone))
    ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    lines = stream_with_context(price_list.written(queries.price_list(begins, ends)))
    headers = {"Content-Disposition": f'attachment; filename="prices-{day}.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


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


@bp.post("/products/<slug>/pictures")
@allow(Role.MANAGER)
@bp.arguments(schemas.PictureIn, location="form")
@bp.arguments(schemas.PictureFileIn, location="files")
@bp.response(201, schemas.KeptPictureOut)
def add_picture(terms: dict[str, Any], files: dict[str, Any], slug: str) -> Response:
    """Add a picture: PNG, JPEG or WebP, at most 10 MB, with what it shows in words.

    It is made anew in the shop's own sizes; nothing of the file but its pixels is kept.
    """
    queries.product(slug)  # nothing is made for what is not there
    made = _made()
    product = queries.product(slug, lock=True)
    variant = queries.variant(terms["sku"]) if terms["sku"] else None
    picture = pictures.add(product, made, alt=terms["alt"], variant=variant, by=actor(), at=now())
    return committed(schemas.KeptPictureOut, picture, 201)


@bp.get("/products/<slug>/pictures")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptPicturesOut)
def show_pictures(slug: str) -> Response:
    """The pictures of a product in their order, with the ETag that a new order names."""
    return editions.shown(schemas.KeptPicturesOut, _pictures(queries.product(slug)))


@bp.put("/products/<slug>/pictures/order")
@allow(Role.MANAGER)
@editions.required
@bp.arguments(schemas.PictureOrderIn)
@bp.response(200, schemas.KeptPicturesOut)
def arrange_pictures(terms: dict[str, Any], slug: str) -> Response:
    """Put the pictures of a product in this order."""
    product = queries.product(slug, lock=True)
    editions.refuse_stale(schemas.KeptPicturesOut, _pictures(product))
    pictures.arrange(product, terms["pictures"], by=actor())
    db.session.flush()  # they are read again in their order
    return editions.tagged(schemas.KeptPicturesOut, _pictures(product))


@bp.patch("/products/<slug>/pictures/<uuid:picture_id>")
@allow(Role.MANAGER)
@bp.arguments(schemas.PictureChanges)
@bp.response(200, schemas.KeptPictureOut)
def change_picture(terms: dict[str, Any], slug: str, picture_id: uuid.UUID) -> Response:
    """Say in other words what a picture shows."""
    product = queries.product(slug, lock=True)
    picture = pictures.one_of(product, picture_id)
    pictures.describe(picture, product, terms["alt"], by=actor())
    return committed(schemas.KeptPictureOut, picture)


@bp.delete("/products/<slug>/pictures/<uuid:picture_id>")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptPicturesOut)
def remove_picture(slug: str, picture_id: uuid.UUID) -> Response:
    """Show a picture no longer."""
    product = queries.product(slug, lock=True)
    pictures.remove(pictures.one_of(product, picture_id), product, by=actor(), at=now())
    db.session.flush()  # those left are read again
    return committed(schemas.KeptPicturesOut, _pictures(product))


@bp.post("/bundles")
@allow(Role.MANAGER)
@bp.arguments(schemas.BundleIn)
@bp.response(201, schemas.KeptBundleOut)
def create_bundle(terms: dict[str, Any]) -> Response:
    """Put a bundle together. It is not published."""
    terms["items"] = _items(terms.get("items", []))
    bundle = bundling.create(**terms, by=actor(), at=now())
    return editions.tagged(schemas.KeptBundleOut, bundle, 201)


@bp.get("/bundles/<slug>/record")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptBundleOut)
def show_bundle_record(slug: str) -> Response:
    """A bundle as its keeper sees it, with the ETag that changes name in If-Match."""
    return editions.shown(schemas.KeptBundleOut, queries.bundle(slug))


@bp.patch("/bundles/<slug>")
@allow(Role.MANAGER)
@bp.arguments(schemas.BundleChanges)
@bp.response(200, schemas.KeptBundleOut)
def change_bundle(changes: dict[str, Any], slug: str) -> Response:
    """Change a bundle's words, or its items as a whole."""
    bundle = queries.bundle(slug, lock=True)
    editions.refuse_stale(schemas.KeptBundleOut, bundle)
    if "items" in changes:
        changes["items"] = _items(changes["items"])
    bundling.change(bundle, changes, by=actor(), at=now())
    return editions.tagged(schemas.KeptBundleOut, bundle)


@bp.post("/bundles/<slug>/publication")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptBundleOut)
def publish_bundle(slug: str) -> Response:
    """Show a bundle in the shop."""
    bundle = queries.bundle(slug, lock=True)
    bundling.publish(bundle, by=actor(), at=now())
    return committed(schemas.KeptBundleOut, bundle)


@bp.delete("/bundles/<slug>/publication")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptBundleOut)
def withdraw_bundle(slug: str) -> Response:
    """Show a bundle no longer, for now: it is a draft again."""
    bundle = queries.bundle(slug, lock=True)
    bundling.withdraw(bundle, by=actor(), at=now())
    return committed(schemas.KeptBundleOut, bundle)


@bp.post("/bundles/<slug>/retirement")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptBundleOut)
def retire_bundle(slug: str) -> Response:
    """Offer a bundle no longer; its packs are sold as before."""
    bundle = queries.bundle(slug, lock=True)
    bundling.retire(bundle, by=actor(), at=now())
    return committed(schemas.KeptBundleOut, bundle)


@bp.delete("/bundles/<slug>/retirement")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptBundleOut)
def restore_bundle(slug: str) -> Response:
    """Bring a retired bundle back as a draft."""
    bundle = queries.bundle(slug, lock=True)
    bundling.restore(bundle, by=actor(), at=now())
    return committed(schemas.KeptBundleOut, bundle)


@bp.post("/bundles/<slug>/pictures")
@allow(Role.MANAGER)
@bp.arguments(schemas.PictureIn(exclude=["sku"]), location="form")
@bp.arguments(schemas.PictureFileIn, location="files")
@bp.response(201, schemas.KeptPictureOut)
def add_bundle_picture(terms: dict[str, Any], files: dict[str, Any], slug: str) -> Response:
    """Add a picture to a bundle, as to a product."""
    queries.bundle(slug)  # nothing is made for what is not there
    made = _made()
    bundle = queries.bundle(slug, lock=True)
    picture = pictures.add(bundle, made, alt=terms["alt"], by=actor(), at=now())
    return committed(schemas.KeptPictureOut, picture, 201)


@bp.delete("/bundles/<slug>/pictures/<uuid:picture_id>")
@allow(Role.MANAGER)
@bp.response(200, schemas.KeptPicturesOut)
def remove_bundle_picture(slug: str, picture_id: uuid.UUID) -> Response:
    """Show a picture of a bundle no longer."""
    bundle = queries.bundle(slug, lock=True)
    pictures.remove(pictures.one_of(bundle, picture_id), bundle, by=actor(), at=now())
    db.session.flush()  # those left are read again
    return committed(schemas.KeptPicturesOut, _pictures(bundle))


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
        return _dry(schemas.ImportReport, told.as_json())
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
    paged = page(
        queries.rows_of(record.id, query["outcome"]),
        [ImportRow.number],
        limit=query["limit"],
        after=query["after"],
    )
    return paged | {"items": [report.of(row).as_json() for row in paged["items"]]}


@bp.get("/imports/<uuid:import_id>/rows.csv")
@allow(Role.MANAGER)
@bp.response(200, content_type="text/csv")
def quarantined_rows(import_id: uuid.UUID) -> Response:
    """What was set aside, with the reasons: to be mended and imported again."""
    record = queries.import_of(import_id)
    lines = stream_with_context(mending.written(record))
    headers = {"Content-Disposition": 'attachment; filename="quarantined.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


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


# The law and the policy, by two people.

DECIDERS = (Role.MANAGER, Role.PHYSICIAN)


@bp.get("/rules")
@allow(*DECIDERS)
@bp.arguments(schemas.RulesQuery, location="query")
@bp.response(200, schemas.RulesOut)
def list_rules(asked: dict[str, Any]) -> dict[str, Any]:
    """The rules of a kind, with every version."""
    kind = kinds()[asked["kind"]]
    query = ruling.listed(kind, jurisdiction=asked["jurisdiction"], status=asked["status"])
    keys = (kind.number, kind.version, kind.id)
    return page(query, keys, limit=asked["limit"], after=asked["after"])


@bp.post("/rules")
@allow(Role.MANAGER)
@bp.arguments(schemas.RuleIn)
@bp.response(201, schemas.RuleOut)
def draft_rule(terms: dict[str, Any]) -> Response:
    """Draft a rule, or with its number the next version of one. It holds nowhere yet."""
    kind, says = kinds()[terms.pop("kind")], terms.pop("says")
    rule = ruling.draft(kind, says, **terms, by=actor(), at=now())
    return committed(schemas.RuleOut, rule, 201)


@bp.post("/rules/simulation")
@allow(*DECIDERS)
@bp.arguments(schemas.SimulationIn)
@bp.response(200, schemas.SimulationOut)
def simulate_rule(asked: dict[str, Any]) -> dict[str, Any]:
    """Whom a draft would block, if it were activated; no rule, order or request is changed.

    A rule of law by its fields, or by the number of its `draft`; or `screening`, a row in the
    format of its files. What a physician is told of a request is written down as an access.
    """
    at, span = now(), {"days": asked["days"], "most": asked["limit"]}
    if "screening" in asked:
        return _screening_tried(asked["screening"], span, at)
    draft, version, valid_from = _drafted(asked)
    found = simulating.simulate(
        draft.says,
        jurisdiction=draft.jurisdiction,
        valid_from=valid_from,
        number=draft.number,
        at=at,
    )
    past = replaying.replay(draft, **span, at=at)
    return {
        "rule": {"number": draft.number, "version": version},
        "products": schemas.told_changes(found.products),
        "carts": schemas.told_changes(found.carts),
        "orders": schemas.told_changes(found.orders),
        "past": schemas.told_replay(
            past, named={one.about: None for one in past.replayed}, whole=True
        ),
    }


def _drafted(asked: dict[str, Any]) -> tuple[replaying.Draft, int | None, date]:
    """A rule of law to be tried, its version if it is written down, and its first day."""
    if "draft" in asked:
        rule = queries.drafted_law(asked["draft"])
        return replaying.drafted(rule), rule.version, rule.valid_from
    if kinds()[asked["kind"]] is not LegalClassRule:
        raise BadRule(
            "Only rules about a legal class change what the gate says.",
            fields={"kind": ["Must be legal_class."]},
        )
    draft = replaying.Draft(asked["says"], asked["jurisdiction"], asked["number"])
    return draft, None, asked["valid_from"]


def _screening_tried(row: dict[str, Any], span: dict[str, int], at: datetime) -> dict[str, Any]:
    """Requests are named to a physician who may see them; others read counts that hide the few."""
    rule = screening_replays.drafted(row)
    past = screening_replays.replay(rule, **span, at=at)
    treats = actor().role is Role.PHYSICIAN
    return {
        "rule": {"number": rule.number, "version": rule.version},
        "past": schemas.told_replay(past, named=_opened(past, at) if treats else {}, whole=treats),
    }


def _opened(past: Replay, at: datetime) -> dict[str, uuid.UUID | None]:
    """The clients of those requests that are told of first, written down before they are."""
    first = {one.about for each in Outcome for one in past.of(each)[: schemas.NAMED]}
    query = prescriptions.requests(actor(), at=at).where(ApprovalRequest.number.in_(first))
    clients: dict[str, uuid.UUID | None] = {}
    for one in db.session.scalars(query):
        record = f"simulation of a rule on approval_request {one.number}"
        reading.open_record(actor(), one.client, record=record, purpose=reading.OPERATIONS)
        clients[one.number] = one.client_id
    db.session.commit()
    return clients


@bp.post("/rules/<uuid:rule_id>/review")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def review_rule(rule_id: uuid.UUID) -> Response:
    """Say that a draft was checked against its source: not by its author."""
    rule = ruling.found(rule_id, lock=True)
    ruling.review(rule, by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/activation")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def activate_rule(rule_id: uuid.UUID) -> Response:
    """Let a reviewed rule hold between its days: not by its author."""
    rule = ruling.found(rule_id, lock=True)
    ruling.activate(rule, by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.RuleEndIn)
@bp.response(200, schemas.RuleOut)
def propose_rules_end(terms: dict[str, Any], rule_id: uuid.UUID) -> Response:
    """Propose a day from which a rule holds no more; it holds on until another person agrees."""
    rule = ruling.found(rule_id, lock=True)
    ruling.propose_end(rule, on=terms["on"], by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/end/approval")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def end_rule(rule_id: uuid.UUID) -> Response:
    """Agree that a rule ends as somebody else proposed."""
    rule = ruling.found(rule_id, lock=True)
    ruling.end(rule, by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.get("/releases")
@allow(*DECIDERS)
@bp.arguments(schemas.ReleasesQuery, location="query")
@bp.response(200, schemas.ReleasesOut)
def list_releases(asked: dict[str, Any]) -> dict[str, Any]:
    """What was proposed to become easier to sell, newest first."""
    query = queries.releases(status=asked["status"])
    keys = (Release.created_at, Release.id)
    return page(query, keys, limit=asked["limit"], after=asked["after"], descending=True)


@bp.post("/products/<slug>/releases")
@allow(Role.MANAGER)
@bp.arguments(schemas.ReleaseIn)
@bp.response(201, schemas.ReleaseOut)
def propose_release(terms: dict[str, Any], slug: str) -> Response:
    """Propose that a product becomes easier to sell; nothing changes until another agrees."""
    product = queries.product(slug, lock=True)
    release = releasing.propose(product, **terms, by=actor(), at=now())
    return committed(schemas.ReleaseOut, release, 201)


@bp.post("/releases/<uuid:release_id>/approval")
@allow(*DECIDERS)
@bp.response(200, schemas.ReleaseOut)
def approve_release(release_id: uuid.UUID) -> Response:
    """Agree to what somebody else proposed; the product is changed at once."""
    release = queries.release(release_id, lock=True)
    releasing.approve(release, by=actor(), at=now())
    return committed(schemas.ReleaseOut, release)


@bp.delete("/releases/<uuid:release_id>")
@allow(Role.MANAGER)
@bp.response(200, schemas.ReleaseOut)
def withdraw_release(release_id: uuid.UUID) -> Response:
    """Drop a proposal that nobody has agreed to."""
    release = queries.release(release_id, lock=True)
    releasing.withdraw(release, by=actor(), at=now())
    return committed(schemas.ReleaseOut, release)


def _listed(variant: Variant, at: datetime) -> dict[str, Any]:
    """The prices of a pack, each with its place in time."""
    items = [schemas.PriceOut().dump(one) | {"when": one.when(at)} for one in variant.prices]
    return {"items": items}


def _relations(product: Product) -> dict[str, Any]:
    return {"items": queries.related(product)}


def _pictures(thing: Product | Bundle) -> dict[str, Any]:
    return {"items": queries.pictures(thing)}


def _items(items: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["sku"], one["quantity"]) for one in items]


def _made() -> list[renditions.Rendition]:
    """The sizes of the picture that was sent, made while no transaction waits."""
    db.session.rollback()
    return renditions.of(sent(renditions.MOST_BYTES))


def _dry(schema: Any, answer: Any) -> Response:
    """What would have been the answer, after undoing what it tells of."""
    dumped = current_app.json.dumps(schema().dump(answer)).encode()
    db.session.rollback()
    return idempotency.answer(200, dumped)
