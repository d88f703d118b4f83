"""The shop over HTTP: find products, look at one, ask what one may do with it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow, visitor
from shop.accounts.models import Person, Role
from shop.core.clock import day_in, now
from shop.core.errors import NotAllowed, NotSignedIn
from shop.prescriptions.schemas import GateOut
from shop.storefront import bundles, cards, index, queries, schemas, searching
from shop.storefront.searching import Wanted
from shop.storefront.visibility import View, view_of
from shop.web.api import Blueprint

bp = Blueprint("products", __name__, url_prefix="/api/v1", description="The shop")


@bp.get("/products")
@allow()
@bp.arguments(schemas.ProductsQuery, location="query")
@bp.response(200, schemas.ProductsOut)
def products(asked: dict[str, Any]) -> Response:
    """Products on offer, with how many each choice would leave."""
    limit, after, counted = (asked.pop(name) for name in ("limit", "after", "facets"))
    reader = visitor()
    wanted = Wanted.of(asked)
    if wanted.suitable:
        _require_client(reader)
    at, version = index.opened()
    view, today = _view(reader, at)
    found = searching.search(
        wanted, version=version, at=at, today=today, reader=reader, view=view, counted=counted
    )
    page = cards.page(
        found,
        limit=limit,
        after=schemas.key_of(found, after),
        at=at,
        today=today,
        reader=reader,
        suitable=wanted.suitable,
    )
    match = found.matched
    answer: Response = current_app.json.response(  # type: ignore[assignment]
        {
            "items": [hit(card) for card in page.cards],
            "next": schemas.cursor_of(found, page.next),
            "count": found.count,
            "facets": _facets(found) if counted else None,
            "prices": found.prices if counted else None,
            "mended": [vars(mended) for mended in match.mended] if match else [],
            "unmatched": list(match.unmatched) if match else [],
            "partly": bool(match and match.partly),
            "check_digit_expected": found.misread,
        }
    )
    return answer


def hit(card: cards.Card) -> dict[str, Any]:
    """A `HitOut`, made by hand: a list is asked for all the time, and a schema costs five times."""
    return {
        "slug": card.slug,
        "name": card.name,
        "brand": {"name": card.brand, "slug": card.brand_slug},
        "legal_class": card.legal_class.value,
        "doctor_only": card.doctor_only,
        "category": card.category,
        "dosage_form": card.dosage_form,
        "strength": card.strength,
        "from_price_cents": card.from_cents,
        "currency": "usd",
        "teaser": card.teaser,
        "in_stock": card.in_stock,
        "pictures": [
            {"alt": one.alt, "sku": one.sku, "sizes": [vars(size) for size in one.sizes]}
            for one in card.pictures
        ],
        "picture": f"/static/placeholders/{card.picture}.svg",
        "gate": None if card.gate is None else _GATE.dump(card.gate),
    }


_GATE = GateOut()


def _facets(found: searching.Found) -> dict[str, Any]:
    """In JSON, what is true or false is not text."""
    flags = {
        facet: [choice | {"value": choice["value"] == "true"} for choice in found.facets[facet]]
        for facet in ("doctor_only", "pregnancy_safe")
    }
    return found.facets | flags


def _require_client(reader: Person | None) -> None:
    if reader is None:
        raise NotSignedIn("Sign in to see what suits you.")
    if reader.role is not Role.CLIENT:
        raise NotAllowed("Only clients ask what suits them.", role=reader.role.value)


@bp.get("/products/<slug>")
@allow()
@bp.response(200, schemas.WholeProductOut)
def product(slug: str) -> queries.Shown:
    """A product with its packs, prices, stock, ingredients, warnings, and what is close to it."""
    at = now()
    view, today = _view(visitor(), at)
    return queries.whole_for(visitor(), slug, view=view, at=at, today=today)


@bp.get("/bundles")
@allow()
@bp.response(200, schemas.BundlesOut)
def list_bundles() -> dict[str, Any]:
    """Packs that go together, with what they cost now. At most 100."""
    at = now()
    view, today = _view(visitor(), at)
    return {"items": bundles.on_offer(view=view, at=at, today=today)}


@bp.get("/bundles/<slug>")
@allow()
@bp.response(200, schemas.BundleOut)
def bundle(slug: str) -> bundles.ShownBundle:
    """A bundle with its items."""
    at = now()
    view, today = _view(visitor(), at)
    return bundles.bundle_for(slug, view=view, at=at, today=today)


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
    furthest = cards.furthest(decisions)
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
