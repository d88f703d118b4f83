"""The shop's own pages: the list with its search, and a product with what one may do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from shop.accounts.access import allow, visitor
from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.catalog.errors import NoLongerSold
from shop.core.clock import day_in, now
from shop.core.errors import Gone, NotFound
from shop.core.money import dollars
from shop.storefront import bundles, cards, index, queries, schemas, searching, telling
from shop.storefront.searching import Found, Wanted
from shop.storefront.visibility import view_of
from shop.web.paging import BadCursor
from shop.web.problems import STATUS

bp = Blueprint("shop_pages", __name__)

PER_PAGE = 24
CLASSES = {
    "cosmetic": _("Cosmetic"),
    "otc_drug": _("Over the counter"),
    "rx": _("Prescription"),
    "rx_unapproved": _("Prescription, not FDA-approved"),
}
# The facets of the page in their order, with their headings.
HEADINGS = {
    "concern": _("What for"),
    "category": _("Category"),
    "skin_type": _("Skin type"),
    "active_class": _("Kind of active"),
    "active": _("Active ingredient"),
    "strength": _("Strength"),
    "brand": _("Brand"),
    "price": _("Price"),
    "legal_class": _("Kind"),
    "doctor_only": _("Doctor-only"),
    "pregnancy_safe": _("In pregnancy"),
}
FLAGS = {
    "doctor_only": {"true": _("With a physician\u2019s approval only"), "false": _("Without")},
    "pregnancy_safe": {"true": _("Known to be safe"), "false": _("Not, or not known")},
}
CONCERNS = {
    "acne": _("Acne"),
    "post_acne_marks": _("Post-acne marks"),
    "hyperpigmentation": _("Hyperpigmentation"),
    "melasma": _("Melasma"),
    "redness": _("Redness"),
    "rosacea": _("Rosacea"),
    "fine_lines": _("Fine lines"),
    "texture": _("Texture"),
    "dryness": _("Dryness"),
    "dullness": _("Dullness"),
    "oiliness": _("Oiliness"),
    "sensitivity": _("Sensitivity"),
    "sun_protection": _("Sun protection"),
    "post_procedure": _("After a treatment"),
    "dark_circles": _("Dark circles"),
    "scarring": _("Scarring"),
    "eczema": _("Eczema"),
    "sun_damage": _("Sun damage"),
    "infection": _("Infection"),
    "warts": _("Warts"),
    "hair_lash": _("Hair and lashes"),
}
SKIN_TYPES = {
    "dry": _("Dry"),
    "oily": _("Oily"),
    "combination": _("Combination"),
    "normal": _("Normal"),
    "sensitive": _("Sensitive"),
    "acne_prone": _("Acne-prone"),
    "mature": _("Mature"),
}
WORDS = FLAGS | {"legal_class": CLASSES, "concern": CONCERNS, "skin_type": SKIN_TYPES}
# What each part of a leaflet is called on a product's page.
SECTIONS = {
    "what_it_does": _("What it does"),
    "how_to_use": _("How to use it"),
    "do_not_use": _("Do not use it"),
    "pregnancy": _("Pregnancy and breastfeeding"),
    "sun": _("Sun"),
    "side_effects": _("What you may notice"),
}
SORTS = {
    "": _("Best first"),
    "name": _("Name"),
    "price": _("Price, low to high"),
    "-price": _("Price, high to low"),
    "newest": _("Newest"),
}
_DOLLARS = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Chip:
    """Something that was chosen, and the address without it."""

    text: str
    without: str


@bp.get("/")
@allow()
def shop() -> ResponseReturnValue:
    asked, errors = _asked()
    reader = visitor()
    at, version = index.opened()
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    view = view_of(reader, home=config.clinic_state, day=today)
    after = asked.pop("after")
    asked.pop("facets")
    wanted = Wanted.of(asked | {"suitable": asked["suitable"] and _is_client(reader)})
    found = searching.search(wanted, version=version, at=at, today=today, reader=reader, view=view)
    behind = partial(
        cards.page,
        found,
        limit=PER_PAGE,
        at=at,
        today=today,
        reader=reader,
        suitable=wanted.suitable,
    )
    try:
        page = behind(after=schemas.key_of(found, after))
    except BadCursor as refusal:
        errors |= refusal.fields
        page = behind(after=None)
    return render_template(
        "storefront/shop.html",
        wanted=wanted,
        errors=errors,
        found=found,
        matched=found.matched,
        cards=page.cards,
        next_page=_address(after=schemas.cursor_of(found, page.next)) if page.next else None,
        first_page=_address() if after else None,
        chips=list(_chips(wanted, found)),
        only_words="/?" + urlencode({"q": wanted.q}),
        is_client=_is_client(reader),
        classes=CLASSES,
        headings=HEADINGS,
        words=WORDS,
        sorts=SORTS,
        in_dollars=_in_dollars,
        bundles=[] if request.args else bundles.on_offer(view=view, at=at, today=today),
    )


@bp.get("/bundles/<slug>")
@allow()
def bundle(slug: str) -> ResponseReturnValue:
    at = now()
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    reader = visitor()
    view = view_of(reader, home=config.clinic_state, day=today)
    return render_template(
        "storefront/bundle.html",
        shown=bundles.bundle_for(slug, view=view, at=at, today=today),
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
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, at)
    reader = visitor()
    view = view_of(reader, home=config.clinic_state, day=today)
    try:
        shown = queries.whole_for(reader, slug, view=view, at=at, today=today)
    except NoLongerSold as gone:
        slugs = [one["slug"] for one in gone.facts["alternatives"]]  # type: ignore[attr-defined]
        nearest = queries.named(slugs, view=view, at=at, today=today)
        page_of_it = render_template(
            "storefront/retired.html", name=gone.facts["name"], nearest=nearest
        )
        return page_of_it, STATUS[Gone]
    decisions = []
    if reader is not None and _is_client(reader):
        decisions = queries.answers(reader, shown, quantity=1, ship_to_state=None, at=at)
    return render_template(
        "storefront/product.html",
        shown=shown,
        gates={decision.wish.sku: decision for decision in decisions},
        about=telling.about(shown.product),
        concerns=CONCERNS,
        skin_types=SKIN_TYPES,
        sections=SECTIONS,
        classes=CLASSES,
        is_client=_is_client(reader),
    )


def _is_client(reader: Person | None) -> bool:
    return reader is not None and reader.role is Role.CLIENT


def _asked() -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The filters of the address; what cannot be used is named and left out."""
    schema = schemas.ProductsQuery(exclude=["limit"], unknown=ma.EXCLUDE)
    filled = _filled(schema)
    try:
        return schema.load(filled), {}
    except ma.ValidationError as error:
        wrong: dict[str, list[str]] = dict(error.messages_dict)
        usable = {name: value for name, value in filled.items() if name not in wrong}
        return schema.load(usable), wrong


def _filled(schema: ma.Schema) -> dict[str, Any]:
    """What the form sent, without what was left empty; the price range came in whole dollars."""
    filled: dict[str, Any] = {}
    for name in schema.fields:
        texts = [text for text in request.args.getlist(name) if text.strip()]
        if texts:
            filled[name] = texts if isinstance(schema.fields[name], ma.fields.List) else texts[0]
    for name, cents in (("from", "min_price"), ("to", "max_price")):
        text = request.args.get(name, "").strip()
        if text:
            filled[cents] = f"{text}00" if _DOLLARS.fullmatch(text) else text
    return filled


def _address(*, after: str | None = None, without: tuple[str, str | None] | None = None) -> str:
    """This page's address, without one of its choices, or behind a cursor."""
    names = {*schemas.ProductsQuery().fields, "from", "to"} - {"after", "limit", "facets"}
    kept = [
        (name, text)
        for name, text in request.args.items(multi=True)
        if name in names and text and not _is(name, text, without)
    ]
    kept += [("after", after)] if after else []
    return "/?" + urlencode(kept) if kept else "/"


def _is(name: str, text: str, chosen: tuple[str, str | None] | None) -> bool:
    return chosen is not None and name == chosen[0] and chosen[1] in (None, text)


def _chips(wanted: Wanted, found: Found) -> Iterator[Chip]:
    """What was chosen, each with a way back."""
    if wanted.q.strip():
        yield Chip(f"“{wanted.q.strip()}”", _address(without=("q", None)))
    for facet in HEADINGS:
        for choice in wanted.chosen(facet):
            label = found.index.labels.get(facet, {}).get(choice, choice)
            label = label.capitalize() if facet in ("active", "category") else label
            words = WORDS.get(facet, {})
            sent = next(
                (text for text in request.args.getlist(facet) if _same(text, choice)), choice
            )
            yield Chip(str(words.get(choice, label)), _address(without=(facet, sent)))
    for name, cents, word in (
        ("from", wanted.min_price, "From"),
        ("to", wanted.max_price, "Up to"),
    ):
        if cents is not None:
            in_cents = {"from": "min_price", "to": "max_price"}[name]
            sent = name if request.args.get(name) else in_cents
            yield Chip(f"{word} {dollars(cents)}", _address(without=(sent, None)))
    if wanted.in_stock is not None:
        said = "In stock" if wanted.in_stock else "Out of stock"
        yield Chip(said, _address(without=("in_stock", None)))
    if wanted.suitable:
        yield Chip("Suitable for me today", _address(without=("suitable", None)))


def _same(text: str, choice: str) -> bool:
    return text == choice or text.upper() == choice


def _in_dollars(cents: int | None) -> str:
    """Whole dollars for the form's fields."""
    return "" if cents is None else str(cents // 100)
