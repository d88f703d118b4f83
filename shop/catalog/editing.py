"""Enter and change products and variants by hand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.catalog import codes, publishing, strengths
from shop.catalog.concerns import derived
from shop.catalog.errors import NotForSale, Taken, WeakerClass
from shop.catalog.filings import FiledIngredient, Filing, Unfit, normalised, strength_flags
from shop.catalog.models import LegalClass, Product, ProductIngredient, Variant
from shop.catalog.shelving import Shelves, weaker
from shop.core import events
from shop.core.db import db
from shop.core.errors import Refused
from shop.core.events import Kind

EDITABLE = (
    "name",
    "category",
    "description",
    "dosage_form",
    "route",
    "concerns",
    "skin_types",
)


# Of a variant.
CHANGEABLE = ("name", "gtin", "net_content", "net_unit", "days_of_use", "weight_grams", "for_sale")
LONGEST_USE = 730  # days; `days_of_use_are_sane`


class BadProduct(Refused):
    code = "bad_product"


def create(
    *,
    key: str | None,
    name: str,
    brand: str,
    legal_class: LegalClass,
    by: Person | None,
    at: datetime,
    doctor_only: bool = False,
    ingredients: Sequence[tuple[str, bool, str]] = (),
    category: str = "",
    dosage_form: str = "",
    route: str = "",
    description: str = "",
    concerns: Sequence[str] | None = None,
    skin_types: Sequence[str] | None = None,
) -> Product:
    """A product by hand, not published. `ingredients` are (name, active, strength as labelled).

    Concerns and skin types that are not said are those that actives and name give.

    Raises Taken where the key is in use, BadProduct where law and contents do not fit.
    """
    key = key or uuid.uuid4().hex[:12]
    known = sa.select(Product.id).where(Product.source == "csv", Product.source_key == key)
    if db.session.execute(known).first():
        raise Taken("Another product has this key.", fields={"key": ["Choose another."]}, key=key)
    lines = tuple(_ingredient(*line) for line in ingredients)
    filing = Filing(
        source="csv",
        source_key=key,
        name=name,
        brand=brand,
        legal_class=legal_class,
        raw={},
        kept={},
        by_hand=True,
        doctor_only=doctor_only,
        flags=tuple(strength_flags(lines)),
        strength_text="; ".join(line.raw for line in lines if line.active),
        ingredients=lines,
        category=category,
        dosage_form=dosage_form,
        route=route,
        description=description,
        concerns=None if concerns is None else tuple(concerns),
        skin_types=None if skin_types is None else tuple(skin_types),
    )
    shelves = Shelves.holding([filing])
    try:
        shelves.bring_in_line(filing)
    except Unfit as unfit:
        raise BadProduct("This product cannot be entered.", fields=_fields(unfit)) from unfit
    shelves.write()
    return db.session.scalars(
        sa.select(Product).where(Product.source == "csv", Product.source_key == key)
    ).one()


def change_product(
    product: Product, changes: Mapping[str, Any], *, by: Person | None, at: datetime
) -> Product:
    """Change texts, or make the class or the doctor-only mark stricter.

    Raises WeakerClass for the other direction, NotForSale where packs are on sale that may not be.
    """
    legal_class = changes.get("legal_class", product.legal_class)
    doctor_only = changes.get("doctor_only", product.doctor_only) or legal_class.prescription_only
    if weaker(product.legal_class, legal_class) or (product.doctor_only and not doctor_only):
        raise WeakerClass(
            "A weaker legal class, or no longer doctor-only, is for two people to decide. "
            f"Propose a release: POST /api/v1/products/{product.slug}/releases.",
            fields={"legal_class": ["May only become stricter."]},
            legal_class=product.legal_class.value,
        )
    if changes.get("doctor_only") is False and doctor_only:
        raise WeakerClass(
            "Prescription products are always doctor-only.",
            fields={"doctor_only": ["Always true for this legal class."]},
        )
    if legal_class is LegalClass.CLINIC_USE and any(one.for_sale for one in product.variants):
        raise NotForSale("Take its variants off sale first: clinic-use products are never sold.")
    wanted = {name: changes[name] for name in EDITABLE if name in changes}
    wanted |= {"legal_class": legal_class, "doctor_only": doctor_only}
    changed = [name for name, value in wanted.items() if getattr(product, name) != value]
    for name in changed:
        setattr(product, name, wanted[name])
    if changed:
        db.session.flush()  # the variants' copies of the class follow in the database
        db.session.expire(product, ["variants"])
        events.record(Kind.PRODUCT_CHANGED, product, fields=changed)
    return product


def fill_uses(*, at: datetime) -> int:
    """Derive the uses of every product that has none; how many have some now."""
    silent = sa.select(Product).where(Product.concerns == [], Product.skin_types == [])
    query = silent.options(selectinload(Product.ingredients).joinedload(ProductIngredient.named))
    filled = 0
    for product in db.session.scalars(query):
        actives = (line.name for line in product.ingredients if line.active)
        uses = derived(name=product.name, purposes=product.description, actives=actives)
        if uses.concerns or uses.skin_types:
            change = {"concerns": list(uses.concerns), "skin_types": list(uses.skin_types)}
            change_product(product, change, by=None, at=at)
            filled += 1
    return filled


def add_variant(
    product: Product,
    *,
    sku: str,
    name: str,
    by: Person | None,
    at: datetime,
    gtin: str | None = None,
    package_ndc: str | None = None,
    net_content: Decimal | None = None,
    net_unit: str | None = None,
    days_of_use: int = 0,
    weight_grams: int | None = None,
    for_sale: bool = False,
) -> Variant:
    """A pack of a product. Raises Taken, NotForSale, BadProduct."""
    gtin = _gtin(gtin)
    _refuse_taken(None, sku=sku, gtin=gtin, package_ndc=package_ndc)
    variant = Variant(
        id=uuid.uuid4(),
        product=product,
        legal_class=product.legal_class,
        doctor_only=product.doctor_only,
        sku=sku,
        name=name,
        gtin=gtin,
        package_ndc=package_ndc,
        net_content=net_content,
        net_unit=net_unit,
        days_of_use=days_of_use,
        weight_grams=weight_grams,
        for_sale=False,
        filed={},
    )
    db.session.add(variant)
    if for_sale:
        _offer(variant, at)
    db.session.flush()  # a price or a lot may point at it next
    events.record(Kind.VARIANT_ADDED, variant, sku=sku, product=product.slug)
    return variant


def change_variant(
    variant: Variant, changes: Mapping[str, Any], *, by: Person | None, at: datetime
) -> Variant:
    """Change name, GTIN, content, days of use, weight, or whether it is for sale.

    With the days of use the last day of sale of every lot of it moves (a trigger). Raises
    Taken, NotForSale, BadProduct.
    """
    wanted = {name: changes[name] for name in CHANGEABLE if name in changes}
    if "gtin" in wanted:
        wanted["gtin"] = _gtin(wanted["gtin"])
    _refuse_taken(variant, gtin=wanted.get("gtin"))
    changed = [name for name, value in wanted.items() if getattr(variant, name) != value]
    if "for_sale" in changed and wanted["for_sale"]:
        _offer(variant, at)
    for name in changed:
        setattr(variant, name, wanted[name])
    if changed:
        events.record(Kind.VARIANT_CHANGED, variant, sku=variant.sku, fields=changed)
    return variant


def _offer(variant: Variant, at: datetime) -> None:
    if reason := publishing.barred(variant.product, at.date()):
        raise NotForSale(reason, fields={"for_sale": [reason]}, sku=variant.sku)
    variant.for_sale = True


def _ingredient(name: str, active: bool, strength: str) -> FiledIngredient:  # noqa: FBT001
    return FiledIngredient(
        normalised(name),
        f"{name} {strength}".strip(),
        active=active,
        strength_text=strength,
        percent=strengths.percent(strength),
    )


def _refuse_taken(variant: Variant | None, **unique: str | None) -> None:
    for name, value in unique.items():
        if value is None:
            continue
        same = codes.spellings(value) if name == "gtin" else [value]
        query = sa.select(Variant.id).where(getattr(Variant, name).in_(same)).limit(1)
        holder = db.session.execute(query).scalar_one_or_none()
        if holder is not None and (variant is None or holder != variant.id):
            raise Taken(
                f"Another variant has this {name}.",
                fields={name: ["Another variant has it."]},
                **{name: value},
            )


def _gtin(text: str | None) -> str | None:
    """The GTIN as plain digits; an empty one is none. Raises BadProduct."""
    if text is None or not text.strip():
        return None
    try:
        return codes.gtin(text)
    except codes.BadCode as wrong:
        raise BadProduct("This is not a GTIN.", fields={"gtin": [str(wrong)]}) from wrong


def _fields(unfit: Unfit) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for reason in unfit.reasons:
        name, _, text = reason.partition(": ")
        fields.setdefault(name, []).append(text)
    return fields
