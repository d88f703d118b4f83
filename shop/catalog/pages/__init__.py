"""The pages of those who keep the catalogue.

The manager's: the list, and one product with all that belongs to it. The staff's: names of
ingredients that nobody has matched to a substance yet.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
import sqlalchemy as sa
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from marshmallow import fields

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import (
    editing,
    picturing,
    prices,
    publishing,
    queries,
    relating,
    renditions,
    resolving,
    schemas,
)
from shop.catalog.errors import BadPrice
from shop.catalog.models import (
    MOST_GRAMS,
    USUAL_GRAMS,
    IngredientName,
    LegalClass,
    Product,
    Variant,
)
from shop.catalog.schemas import ProductIn, VariantIn
from shop.catalog.states import SHOP_ARROWS, ShopStatus
from shop.core import ruling
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal, Refused
from shop.core.rules import BadRule, NoSuchRule, Rule, RuleStatus, kind_of, kinds
from shop.inventory import stock
from shop.orders import replaying
from shop.web import editions
from shop.web.api import PageQuery, Schema, Text, WholeQuery
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page
from shop.web.problems import status_of
from shop.web.uploads import sent

bp = Blueprint("manage_pages", __name__, url_prefix="/manage/products")
names = Blueprint("names_pages", __name__, url_prefix="/manage/ingredient-names")
entry = Blueprint("entry_pages", __name__, url_prefix="/manage/new-product")
rules = Blueprint("rules_pages", __name__, url_prefix="/manage/rules")

ACTS: dict[str, tuple[Callable[..., Product], str]] = {
    "publish": (publishing.publish, "It is published."),
    "withdraw": (publishing.withdraw, "It is a draft again; visitors no longer see it."),
    "retire": (publishing.retire, "It is retired; its packs are off sale."),
    "restore": (publishing.restore, "It is a draft again; its packs are still off sale."),
}
# What a button does, and what is said of the rules then; and which status leads to which button.
STEPS: dict[str, tuple[Callable[..., None], str]] = {
    "review": (ruling.review, "reviewed"),
    "activate": (ruling.activate, "active"),
}
NEXT = {RuleStatus.DRAFT: ("review", "Reviewed"), RuleStatus.REVIEWED: ("activate", "Activate")}
MOST_TICKED = 100
TRIED_AT_ONCE = 5_000  # lines, of one draft on its page
_DOLLARS = re.compile(r"\$?([0-9]{1,6})(?:\.([0-9]{2}))?")


class ListQuery(PageQuery):
    q = Text(load_default="", longest=200)
    status = schemas.BulkChanges().fields["status"]


class WordsForm(schemas.ProductChanges):
    class Meta:
        unknown = ma.RAISE
        exclude = ("legal_class", "doctor_only")


class TrialQuery(Schema):
    draft = Text(load_default="", longest=60)
    days = WholeQuery(least=1, most=365, load_default=90)


class KindQuery(PageQuery):
    limit = WholeQuery(least=1, most=MOST_TICKED, load_default=MOST_TICKED)
    status = fields.Enum(RuleStatus, by_value=True, load_default=RuleStatus.DRAFT)
    jurisdiction = schemas.Jurisdiction(load_default=None)


class EntryForm(Schema):
    """A product and its first pack."""

    name = ProductIn().fields["name"]
    brand = ProductIn().fields["brand"]
    legal_class = ProductIn().fields["legal_class"]
    sku = VariantIn().fields["sku"]
    pack = Text(required=True, shortest=1, longest=200)
    gtin = VariantIn().fields["gtin"]


class BadForm(Refused):
    """A form that cannot be used as typed; `fields` says what to change."""

    code = "bad_form"


@bp.get("")
@allow(Role.MANAGER)
def products() -> str:
    """Every product, by name; by words and by state."""
    typed = {name: value for name, value in request.args.items() if value.strip()}
    errors: dict[str, Any] = {}
    try:
        asked = ListQuery().load(typed)
    except ma.ValidationError as wrong:
        errors, asked = dict(wrong.messages_dict), ListQuery().load({})
    keys = (sa.func.lower(Product.name, type_=sa.Text()), Product.id)
    query = queries.kept(asked["q"], asked.get("status"))
    found = page(query, keys, limit=asked["limit"], after=asked["after"])
    more: dict[str, Any] = {**typed, "after": found["next"]}
    return render_template(
        "catalog/products.html",
        products=found["items"],
        pictures=queries.pictured(one.id for one in found["items"]),
        stock=_stock(found["items"]),
        at=now(),
        typed=typed,
        errors=errors,
        statuses=list(ShopStatus),
        next_page=url_for("manage_pages.products", **more) if found["next"] else None,
    )


def _stock(products: Iterable[Product]) -> dict[uuid.UUID, int]:
    """Units of each product that may still be promised, over its packs."""
    packs = {variant.id: product.id for product in products for variant in product.variants}
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    units: Counter[uuid.UUID] = Counter()
    for variant_id, free in stock.available(packs, today=today).items():
        units[packs[variant_id]] += free
    return units


@bp.get("/<slug>")
@allow(Role.MANAGER)
def product(slug: str) -> Response:
    """One product: its words, pictures, packs, prices, and what is shown beside it."""
    return _page(queries.product(slug))


@bp.post("/<slug>")
@allow(Role.MANAGER)
def change(slug: str) -> Response:
    """Change its words, unless somebody else has since the form was filled."""

    def act(product: Product) -> None:
        seen = request.form.get("edition", "")
        editions.refuse_other(seen, schemas.KeptProductOut, product)
        editing.change_product(product, _words(), by=actor(), at=now())

    return _done(slug, act, "The words are kept.")


@bp.post("/<slug>/status")
@allow(Role.MANAGER)
def move(slug: str) -> Response:
    """Publish, withdraw, retire, restore."""
    name = request.form.get("do", "")
    if name not in ACTS:
        raise BadForm("Choose what to do.", fields={"do": ["Choose one of the buttons."]})
    verb, said = ACTS[name]
    return _done(slug, lambda product: verb(product, by=actor(), at=now()), said)


@bp.post("/<slug>/pictures")
@allow(Role.MANAGER)
def add_picture(slug: str) -> Response:
    """Add a picture."""
    queries.product(slug)  # nothing is made for what is not there
    db.session.rollback()  # no transaction waits while it is made
    try:
        made = renditions.of(sent(renditions.MOST_BYTES))
    except Refusal as refusal:
        return _again(slug, refusal)
    alt = request.form.get("alt", "")

    def act(product: Product) -> None:
        picturing.add(product, made, alt=alt, by=actor(), at=now())

    return _done(slug, act, "The picture is added.")


@bp.post("/<slug>/pictures/<uuid:picture_id>")
@allow(Role.MANAGER)
def change_picture(slug: str, picture_id: uuid.UUID) -> Response:
    """Say what it shows, move it up, or remove it."""
    wanted = request.form.get("do", "")

    def act(product: Product) -> None:
        picture = picturing.one_of(product, picture_id)
        if wanted == "remove":
            picturing.remove(picture, product, by=actor(), at=now())
        elif wanted == "first":
            ids = [one.id for one in queries.pictures(product) if one.id != picture_id]
            picturing.arrange(product, [picture_id, *ids], by=actor())
        else:
            picturing.describe(picture, product, request.form.get("alt", ""), by=actor())

    return _done(slug, act, "The pictures are as you wanted.")


@bp.post("/<slug>/related")
@allow(Role.MANAGER)
def relate(slug: str) -> Response:
    """Show these beside it: addresses of products, one a line."""
    slugs = [line.strip().rstrip("/").rpartition("/")[2] for line in _lines("related")]
    return _done(
        slug,
        lambda product: relating.relate(product, slugs, by=actor()),
        "What is shown beside it is kept."
        if slugs
        else "The shop chooses what is shown beside it.",
    )


@bp.post("/<slug>/variants/<sku>")
@allow(Role.MANAGER)
def change_variant(slug: str, sku: str) -> Response:
    """Offer a pack, take it off sale, say for how long it is used, or what it weighs."""
    days, grams = f"days-{sku}", f"grams-{sku}"
    on_sale = request.form.get("for_sale") == "true"

    def act(product: Product) -> None:
        changes: dict[str, object] = {"for_sale": on_sale}
        if days in request.form:
            changes = {"days_of_use": _days(days)}
        elif grams in request.form:
            changes = {"weight_grams": _grams(grams)}
        editing.change_variant(_pack(product, sku), changes, by=actor(), at=now())

    if days in request.form:
        return _done(slug, act, f"The last day of sale of every lot of {sku} follows that.")
    if grams in request.form:
        return _done(slug, act, f"Shipping of {sku} follows that.")
    return _done(slug, act, f"{sku} is {'for sale' if on_sale else 'off sale'}.")


@bp.post("/<slug>/variants/<sku>/prices")
@allow(Role.MANAGER)
def set_price(slug: str, sku: str) -> Response:
    """Set a price from now, or from a moment to come."""

    def act(product: Product) -> None:
        pack, at = _pack(product, sku), now()
        cents, begins = _cents(f"price-{sku}"), _moment(f"from-{sku}")
        try:
            prices.set_price(pack, cents, valid_from=begins, by=actor(), at=at)
        except BadPrice as refusal:
            named = {"cents": f"price-{sku}", "from": f"from-{sku}"}
            refusal.fields = {named.get(name, name): w for name, w in refusal.fields.items()}
            raise

    return _done(slug, act, f"The price of {sku} is set.")


@bp.post("/<slug>/variants/<sku>/prices/<uuid:price_id>/withdrawal")
@allow(Role.MANAGER)
def withdraw_price(slug: str, sku: str, price_id: uuid.UUID) -> Response:
    """Take back a price that has not begun."""

    def act(product: Product) -> None:
        prices.withdraw(_pack(product, sku), price_id, by=actor(), at=now())

    return _done(slug, act, f"That price of {sku} is taken back.")


@entry.get("")
@allow(Role.MANAGER)
def new_product() -> Response:
    """A form for a product and its first pack; `gtin` is what somebody scanned."""
    return _entry(typed={"gtin": request.args.get("gtin", "")})


@entry.post("")
@allow(Role.MANAGER)
def enter() -> Response:
    """A product by hand, not published, with its first pack, not for sale."""

    def act() -> Response:
        made = form(EntryForm, refused=BadForm)
        pack = {"sku": made.pop("sku"), "name": made.pop("pack"), "gtin": made.pop("gtin")}
        product = editing.create(key=None, **made, by=actor(), at=now())
        editing.add_variant(product, **pack, by=actor(), at=now())
        db.session.commit()
        flash("It is in the catalog. Set its price and publish it when it is complete.")
        return to(f"/manage/products/{product.slug}")

    return or_again(act, lambda **why: _entry(typed=request.form, **why))


def _entry(**context: Any) -> Response:
    return rendered("catalog/entry.html", classes=[_worded(one) for one in LegalClass], **context)


def _worded(legal_class: LegalClass) -> tuple[str, str]:
    return legal_class.value, legal_class.value.replace("_", " ")


@names.get("")
@allow(Role.STAFF, Role.MANAGER)
def unmatched() -> Response:
    """Names that products brought and that mean nothing yet, the most frequent first."""
    return _unmatched()


@names.post("/<uuid:name_id>")
@allow(Role.STAFF, Role.MANAGER)
def resolve(name_id: uuid.UUID) -> Response:
    """Say which substance a name means, or that it is none."""
    name = queries.filed_name(name_id, lock=True)
    said = request.form.get("ingredient", "")
    try:
        means = None if request.form.get("do") == "none" else queries.ingredient(said)
        resolving.resolve(name, means, by=actor(), at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _unmatched(wrong=name_id, typed=said, refusal=refusal)
    db.session.commit()
    flash(f"{name.name} is {means.inci_name if means else 'no substance'}.")
    return make_response(redirect(url_for("names_pages.unmatched"), 303))


def _unmatched(
    *, wrong: uuid.UUID | None = None, typed: str = "", refusal: Refusal | None = None
) -> Response:
    """The worklist, from its beginning or from where the reader is."""
    try:
        asked = PageQuery().load(request.args.to_dict())
    except ma.ValidationError:
        asked = PageQuery().load({})
    keys = (queries.CARRIED, IngredientName.id)
    found = page(
        queries.filed_names(matched=False),
        keys,
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )
    response = make_response(
        render_template(
            "catalog/names.html",
            named=queries.named(found["items"]),
            next_page=url_for("names_pages.unmatched", after=found["next"])
            if found["next"]
            else None,
            wrong=wrong,
            typed=typed,
            detail=refusal.text if refusal else "",
        )
    )
    if refusal:
        response.status_code = _status_of(refusal)
    return response


def _days(name: str) -> int:
    """Days typed into the form. Raises BadProduct."""
    typed = request.form[name].strip()
    if not (typed.isascii() and typed.isdigit() and int(typed[:9]) <= editing.LONGEST_USE):
        whole = f"A whole number of days from 0 to {editing.LONGEST_USE}; 0 where nobody knows."
        raise editing.BadProduct("The days of use are not kept.", fields={name: [whole]})
    return int(typed)


def _grams(name: str) -> int | None:
    """Grams typed into the form; nothing where nobody knows. Raises BadProduct."""
    typed = request.form[name].strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= MOST_GRAMS):
        whole = f"Whole grams, 1 to {MOST_GRAMS}; empty where nobody knows."
        raise editing.BadProduct("The weight is not kept.", fields={name: [whole]})
    return int(typed)


def _done(slug: str, act: Callable[[Product], object], said: str) -> Response:
    """Do it to the product under its lock, commit, and show the product; or say what was wrong."""
    product = queries.product(slug, lock=True)
    try:
        act(product)
        db.session.flush()  # a refusal of the database belongs to this act
    except Refusal as refusal:
        return _again(slug, refusal)
    db.session.commit()
    flash(said)
    return make_response(redirect(url_for("manage_pages.product", slug=slug), 303))


def _again(slug: str, refusal: Refusal) -> Response:
    """The same page with what was typed and what was wrong; what was begun is undone."""
    db.session.rollback()
    response = _page(
        queries.product(slug), typed=request.form, detail=refusal.text, errors=refusal.fields
    )
    response.status_code = _status_of(refusal)
    return response


def _status_of(refusal: Refusal) -> int:
    return status_of(refusal)


def _page(
    product: Product,
    *,
    typed: Mapping[str, str] | None = None,
    detail: str = "",
    errors: Mapping[str, list[str]] | None = None,
) -> Response:
    at = now()
    return make_response(
        render_template(
            "catalog/product.html",
            product=product,
            pictures=queries.pictures(product),
            picture_url=queries.picture_url,
            related=queries.related(product),
            edition=editions.tag_of(schemas.KeptProductOut, product),
            may={after.value for after in SHOP_ARROWS[product.status]},
            barred=publishing.barred(product, at.date()),
            at=at,
            typed=typed or {},
            detail=detail,
            errors=errors or {},
            most_pictures=picturing.MOST_PICTURES,
            units=_stock([product])[product.id],
            usual_grams=USUAL_GRAMS,
        )
    )


@rules.get("")
@allow(Role.MANAGER, Role.PHYSICIAN)
def drafted_rules() -> Response:
    """Rules of law that do not hold yet, and whom one of them would have blocked."""
    typed = {name: value for name, value in request.args.items() if value.strip()}
    errors: dict[str, Any] = {}
    tried = None
    try:
        asked = TrialQuery().load(typed)
        if asked["draft"]:
            tried = _tried(asked["draft"], asked["days"])
    except ma.ValidationError as wrong:
        errors = dict(wrong.messages_dict)
    except BadRule as refusal:
        errors = refusal.fields
    shown = render_template(
        "catalog/rules.html",
        kinds=list(kinds()),
        drafts=queries.drafted_laws(),
        tried=tried,
        typed={"days": 90} | typed,
        errors=errors,
        detail="Some of what you typed cannot be used." if errors else "",
    )
    return make_response(shown, 422 if errors else 200)


def _tried(number: str, days: int) -> dict[str, Any]:
    rule = queries.drafted_law(number)
    past = replaying.replay(replaying.drafted(rule), days=days, most=TRIED_AT_ONCE, at=now())
    named = {one.about: None for one in past.replayed}
    return {"rule": rule, "past": schemas.told_replay(past, named=named, whole=True)}


@rules.get("/<kind>")
@allow(Role.MANAGER, Role.PHYSICIAN)
def rules_of_kind(kind: str) -> Response:
    """The rules of a kind in one status, to be ticked and moved on."""
    return _rules(kind)


@rules.post("/<kind>")
@allow(Role.MANAGER, Role.PHYSICIAN)
def move_rules(kind: str) -> Response:
    """Review or activate the rules that were ticked: all of them, or none."""
    number = ""
    try:
        verb, said = _step()
        ticked = _ticked(kind)
        for rule in ticked:
            number = rule.number
            verb(rule, by=actor(), at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _rules(kind, f"{number}: {refusal.text}" if number else refusal.text, refusal)
    db.session.commit()
    flash(f"{len(ticked)} {'rule is' if len(ticked) == 1 else 'rules are'} {said}.")
    return make_response(redirect(url_for("rules_pages.rules_of_kind", kind=kind), 303))


def _step() -> tuple[Callable[..., None], str]:
    step = STEPS.get(request.form.get("do", ""))
    if step is None:
        raise BadForm("Choose what to do.", fields={"do": ["Choose one of the buttons."]})
    return step


def _ticked(kind: str) -> list[Rule]:
    """The rules that were ticked, under their locks, each once. Raises BadForm."""
    try:
        ids = sorted({uuid.UUID(one) for one in request.form.getlist("rule")})
    except ValueError:
        raise BadForm("Tick the rules on the page.") from None
    if not 0 < len(ids) <= MOST_TICKED:
        raise BadForm(f"Tick at least one rule, and at most {MOST_TICKED}.")
    ticked = [ruling.found(one, lock=True) for one in ids]
    if any(kind_of(rule) != kind for rule in ticked):
        raise BadForm("A rule is of another kind. Go to its own page.")
    return ticked


def _rules(kind: str, detail: str = "", refusal: Refusal | None = None) -> Response:
    """The page of a kind; what the address asks for and cannot be used is left out."""
    if kind not in kinds():
        raise NoSuchRule("There is no such kind of rule.", kind=kind)
    try:
        asked = KindQuery().load({name: word for name, word in request.args.items() if word})
    except ma.ValidationError:
        asked = KindQuery().load({})
    table = kinds()[kind]
    query = ruling.listed(table, jurisdiction=asked["jurisdiction"], status=asked["status"])
    keys = (table.number, table.version, table.id)
    found = page(query, keys, limit=asked["limit"], after=asked["after"])
    chosen = {"status": asked["status"].value, "jurisdiction": asked["jurisdiction"]}
    shown = render_template(
        "catalog/rules_of_kind.html",
        kind=kind,
        kinds=list(kinds()),
        statuses=[(one.value, one.value) for one in RuleStatus],
        rules=found["items"],
        chosen=chosen,
        step=NEXT.get(asked["status"]),
        next_page=url_for("rules_pages.rules_of_kind", kind=kind, **chosen, after=found["next"])
        if found["next"]
        else None,
        detail=detail,
    )
    return make_response(shown, _status_of(refusal) if refusal else 200)


def _words() -> dict[str, Any]:
    """The words as typed. Raises BadForm."""
    known = WordsForm().fields
    typed = {name: value for name, value in request.form.items() if name in known}
    try:
        return dict(WordsForm().load(typed))
    except ma.ValidationError as wrong:
        raise BadForm(
            "Some of what you typed cannot be used.", fields=dict(wrong.messages_dict)
        ) from None


def _pack(product: Product, sku: str) -> Variant:
    """A pack of this product, under its lock. Raises NoSuchVariant."""
    variant = queries.variant(sku, lock=True)
    if variant.product_id != product.id:
        raise BadForm("That pack is not of this product.")
    return variant


def _lines(name: str) -> list[str]:
    return [line for line in request.form.get(name, "").splitlines() if line.strip()]


def _cents(name: str) -> int:
    read = _DOLLARS.fullmatch(request.form.get(name, "").strip().replace(",", ""))
    if read is None:
        raise BadForm("This is no price.", fields={name: ["Dollars and cents, such as 24.00."]})
    return int(read[1]) * 100 + int(read[2] or 0)


def _moment(name: str) -> datetime | None:
    """A moment as a form says it, in the clinic's time zone; None where it is empty."""
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        wrong = {name: ["A date and a time, such as 2027-01-31T00:00."]}
        raise BadForm("This is no moment.", fields=wrong) from None
    zone = ZoneInfo(current_app.config["SHOP"].clinic_time_zone)
    return typed if typed.tzinfo else typed.replace(tzinfo=zone)
