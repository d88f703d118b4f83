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
    releasing,
    resolving,
    ruling,
    schemas,
)
from shop.catalog.errors import BadRule
from shop.catalog.models import KINDS, IngredientName, LegalClassRule, Release
from shop.core.clock import now
from shop.core.db import db
from shop.orders import simulating
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


# The law and the policy, by two people.

DECIDERS = (Role.MANAGER, Role.PHYSICIAN)


@bp.get("/rules")
@allow(*DECIDERS)
@bp.arguments(schemas.RulesQuery, location="query")
@bp.response(200, schemas.RulesOut)
def list_rules(asked: dict[str, Any]) -> dict[str, Any]:
    """The rules of a kind, with every version."""
    kind = KINDS[asked["kind"]]
    query = queries.rules(kind, jurisdiction=asked["jurisdiction"], status=asked["status"])
    keys = (kind.number, kind.version, kind.id)
    return page(query, keys, limit=asked["limit"], after=asked["after"])


@bp.post("/rules")
@allow(Role.MANAGER)
@bp.arguments(schemas.RuleIn)
@bp.response(201, schemas.RuleOut)
def draft_rule(terms: dict[str, Any]) -> Response:
    """Draft a rule, or with its number the next version of one. It holds nowhere yet."""
    kind, says = KINDS[terms.pop("kind")], terms.pop("says")
    rule = ruling.draft(kind, says, **terms, by=actor(), at=now())
    return committed(schemas.RuleOut, rule, 201)


@bp.post("/rules/simulation")
@allow(*DECIDERS)
@bp.arguments(schemas.RuleIn)
@bp.response(200, schemas.SimulationOut)
def simulate_rule(terms: dict[str, Any]) -> simulating.Simulation:
    """What a rule about a legal class would change, if it were activated; nothing is written."""
    if KINDS[terms["kind"]] is not LegalClassRule:
        raise BadRule(
            "Only rules about a legal class change what the gate says.",
            fields={"kind": ["Must be legal_class."]},
        )
    return simulating.simulate(
        terms["says"],
        jurisdiction=terms["jurisdiction"],
        valid_from=terms["valid_from"],
        number=terms["number"],
        at=now(),
    )


@bp.post("/rules/<uuid:rule_id>/review")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def review_rule(rule_id: uuid.UUID) -> Response:
    """Say that a draft was checked against its source: not by its author."""
    rule = queries.rule(rule_id, lock=True)
    ruling.review(rule, by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/activation")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def activate_rule(rule_id: uuid.UUID) -> Response:
    """Let a reviewed rule hold between its days: not by its author."""
    rule = queries.rule(rule_id, lock=True)
    ruling.activate(rule, by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.RuleEndIn)
@bp.response(200, schemas.RuleOut)
def propose_rules_end(terms: dict[str, Any], rule_id: uuid.UUID) -> Response:
    """Propose a day from which a rule holds no more; it holds on until another person agrees."""
    rule = queries.rule(rule_id, lock=True)
    ruling.propose_end(rule, on=terms["on"], by=actor(), at=now())
    return committed(schemas.RuleOut, rule)


@bp.post("/rules/<uuid:rule_id>/end/approval")
@allow(*DECIDERS)
@bp.response(200, schemas.RuleOut)
def end_rule(rule_id: uuid.UUID) -> Response:
    """Agree that a rule ends as somebody else proposed."""
    rule = queries.rule(rule_id, lock=True)
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
