"""Bring the catalogue in line with filings: what is new, what changed, what must not change.

Everything a batch of filings needs is loaded first, so that the work per filing is comparing. The
register decides what was filed; texts that a manager rewrote stay until the register's own change;
nothing here puts anything on sale.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.catalog import dictionary
from shop.catalog.filings import (
    IMPLAUSIBLE,
    LONGEST_NAME,
    MOST_INGREDIENTS,
    FiledIngredient,
    FiledPack,
    Filing,
    Unfit,
    brand_slug,
    slug,
)
from shop.catalog.models import (
    Brand,
    Ingredient,
    IngredientName,
    LegalClass,
    Price,
    Product,
    ProductIngredient,
    Variant,
)
from shop.catalog.plausible import PRESCRIPTION_ONLY, implausible
from shop.catalog.report import Outcome
from shop.catalog.states import ShopStatus
from shop.core import events
from shop.core.db import db, insert_many, rows_of
from shop.core.events import Kind

PACKAGE_NOT_FILED = "package_not_filed"
_LOCK = 5_020_001  # whoever holds shelves holds them alone, until the transaction ends
_STRICTNESS = {
    LegalClass.COSMETIC: 0,
    LegalClass.OTC_DRUG: 1,
    LegalClass.RX: 2,
    LegalClass.RX_UNAPPROVED: 2,
    LegalClass.CLINIC_USE: 3,
}
_COLUMNS = (
    "legal_class",
    "finished",
    "dosage_form",
    "route",
    "marketing_category",
    "application_number",
    "strength_text",
    "marketing_ends_on",
    "listing_expires_on",
)
_PACK_COLUMNS = ("package_ndc", "package_ndc11", "net_content", "net_unit")


class Shelves:
    """The part of the catalogue that a batch of filings touches."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = {(product.source, product.source_key): product for product in products}
        self._brands: dict[str, Brand] = {}
        self._names: dict[str, str] = {}  # those that the filings use, and their ids
        self._meant: dict[str, str | None] = {}  # name → the substance's INCI name
        self._variants: dict[str, Variant] = {}
        self._slugs: set[str] = set()
        self._filed: dict[uuid.UUID, list[_Line]] = {}
        self._new_names: dict[str, dict[str, Any]] = {}  # those that no line has yet
        # To be written. A new product and what is made of it are no business of the session's: its
        # unit of work costs more than everything else about a large file.
        self._new: dict[uuid.UUID, Product] = {}
        self._named: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []

    @classmethod
    def holding(
        cls,
        filings: Iterable[Filing],
        *,
        keys: Iterable[tuple[str, str]] = (),
        packs: Iterable[FiledPack] = (),
    ) -> Shelves:
        """The shelves with whatever these filings may touch, in a handful of queries.

        `keys` are products that are needed although nothing is filed of them, only of their
        `packs`.
        """
        alone()
        filings = list(filings)
        shelves = cls(_products({(one.source, one.source_key) for one in filings} | set(keys)))
        filed = [pack for one in filings for pack in one.packs]
        shelves._load_variants({code for pack in [*filed, *packs] for code in _codes(pack)})
        shelves._filed = _lines_of(shelves._products.values())
        brands = {one.brand for one in filings}
        slugs = {_address(one) for one in filings}
        slugged = {brand_slug(one) for one in brands}
        shelves._brands = {one.slug: one for one in _among(Brand, Brand.slug, slugged)}
        shelves._brands |= {one.name: one for one in _among(Brand, Brand.name, brands)}
        shelves._load_names({item.name for one in filings for item in one.ingredients})
        shelves._slugs = {one.slug for one in _among(Product, Product.slug, slugs)}
        return shelves

    @classmethod
    def of(cls, products: Iterable[Product], codes: set[str]) -> Shelves:
        """The shelves of these products, for filing packs with these numbers."""
        alone()
        shelves = cls(products)
        shelves._load_variants(codes)
        return shelves

    def product(self, source: str, source_key: str) -> Product | None:
        """A product that stands on these shelves."""
        return self._products.get((source, source_key))

    def bring_in_line(self, filing: Filing) -> tuple[Outcome, list[str]]:
        """Create or change the filing's product; says what became of it, with remarks.

        Raises Unfit, having changed nothing, where the filing would weaken the product's class or
        claims what another product has.
        """
        self._refuse_unfit(filing)
        product = self._products.get((filing.source, filing.source_key))
        self._refuse_foreign_packs(product, filing)
        if product is None:
            return self._create(filing), self._flags(filing)
        _refuse_weaker(product, filing)
        changed = self._change(product, filing)
        changed += self._packs(product, filing.packs)
        if not changed:
            return Outcome.UNCHANGED, self._flags(filing)
        events.record(Kind.PRODUCT_CHANGED, product, fields=changed[:50], source=filing.source)
        return Outcome.CHANGED, [f"changed: {', '.join(changed[:50])}", *self._flags(filing)]

    def pack(self, product: Product, pack: FiledPack) -> Outcome:
        """Create or change one pack of a product. Raises Unfit where another product has it."""
        self.refuse_foreign(product, pack)
        variant = self._variants.get(pack.sku)
        if variant is None:
            variant = self._new_pack(product, pack)
            events.record(Kind.VARIANT_ADDED, variant, sku=pack.sku)
            return Outcome.CREATED
        changed = _change_pack(variant, pack)
        if not changed:
            return Outcome.UNCHANGED
        events.record(Kind.VARIANT_CHANGED, variant, sku=pack.sku, fields=changed)
        return Outcome.CHANGED

    def refuse_foreign(self, product: Product | None, pack: FiledPack) -> None:
        """Raises Unfit where the pack is of another product than this (None: a new one)."""
        variant = self._variants.get(pack.sku)
        if variant is not None and (product is None or variant.product_id != product.id):
            raise Unfit(f"package_ndc: {pack.sku} is a package of another product")

    def write(self) -> None:
        """Send what waits to the database: what others point at comes first.

        What was created is in the database then, but not in the session.
        """
        events.tell()  # a row of a state machine carries the number of its event
        db.session.flush()
        products = list(self._new.values())
        variants = [variant for product in products for variant in product.variants]
        prices = [price for variant in variants for price in variant.prices]
        for model, rows in (
            (Product, rows_of(products)),
            (Variant, rows_of(variants)),
            (Price, rows_of(prices)),
            (IngredientName, self._named),
            (ProductIngredient, self._lines),
        ):
            if rows:
                db.session.execute(insert_many(model.__table__, rows))
        self._new, self._named, self._lines = {}, [], []

    def variant(self, sku: str) -> Variant | None:
        """A pack that stands on these shelves."""
        return self._variants.get(sku)

    def _create(self, filing: Filing) -> Outcome:
        brand = self._brand(filing.brand)
        product = Product(
            id=uuid.uuid4(),
            slug=self._free_address(filing),
            source=filing.source,
            source_key=filing.source_key,
            status=ShopStatus.DRAFT,
            brand=brand,
            brand_id=brand.id,
            doctor_only=filing.doctor_only or filing.legal_class.prescription_only,
            flags=self._flags(filing),
            filed=filing.filed,
            **filing.texts,
            **filing.uses,
            **{column: getattr(filing, column) for column in _COLUMNS},
        )
        self._products[filing.source, filing.source_key] = self._new[product.id] = product
        self._consist(product, filing.ingredients)
        for pack in filing.packs:
            self._new_pack(product, pack)
        events.record(Kind.PRODUCT_CREATED, product, source=filing.source, key=filing.source_key)
        return Outcome.CREATED

    def _change(self, product: Product, filing: Filing) -> list[str]:
        """Set what differs; the names of what did."""
        said = {} if filing.by_hand else product.filed.get("texts", {})
        wanted: dict[str, Any] = {column: getattr(filing, column) for column in _COLUMNS}
        wanted |= {name: text for name, text in filing.texts.items() if said.get(name) != text}
        # What a manager set stays: only a listing of our own says otherwise.
        said_uses = {"concerns": filing.concerns, "skin_types": filing.skin_types}
        wanted |= {name: list(words) for name, words in said_uses.items() if words is not None}
        wanted["brand"] = self._brand(filing.brand)
        wanted["flags"] = [*self._flags(filing), *_missing_packs(product, filing)]
        wanted["filed"] = filing.filed
        wanted["doctor_only"] = (
            product.doctor_only or filing.doctor_only or filing.legal_class.prescription_only
        )
        changed = [name for name, value in wanted.items() if getattr(product, name) != value]
        if "legal_class" in changed or "finished" in changed:
            _take_off_sale(product, filing)
        for name in changed:
            setattr(product, name, wanted[name])
        if self._filed.get(product.id, []) != [_line(item) for item in filing.ingredients]:
            db.session.execute(
                sa.delete(ProductIngredient).where(ProductIngredient.product_id == product.id)
            )
            self._filed[product.id] = [_line(item) for item in filing.ingredients]
            db.session.expire(product, ["ingredients"])
            self._consist(product, filing.ingredients)
            changed.append("ingredients")
        return changed

    def _packs(self, product: Product, packs: Iterable[FiledPack]) -> list[str]:
        changed = []
        for pack in packs:
            known = self._variants.get(pack.sku)
            if known is None:
                self._new_pack(product, pack)
                changed.append(f"package {pack.sku}")
            elif _change_pack(known, pack):
                changed.append(f"package {pack.sku}")
        return changed

    def _new_pack(self, product: Product, pack: FiledPack) -> Variant:
        variant = Variant(
            id=uuid.uuid4(),
            product=product,
            product_id=product.id,
            legal_class=product.legal_class,
            doctor_only=product.doctor_only,
            sku=pack.sku,
            name=pack.name,
            gtin=pack.gtin,
            weight_grams=pack.weight_grams,
            for_sale=False,
            filed=pack.filed,
            **{column: getattr(pack, column) for column in _PACK_COLUMNS},
        )
        if product.id not in self._new:
            db.session.add(variant)
        self._variants[pack.sku] = variant
        return variant

    def _consist(self, product: Product, ingredients: Iterable[FiledIngredient]) -> None:
        product_id = str(product.id)  # once, not for every line
        for position, item in enumerate(ingredients):
            self._lines.append(
                {
                    "product_id": product_id,
                    "position": position,
                    "name_id": self._name(item.name),
                    "active": item.active,
                    "raw": item.raw,
                    "strength_text": item.strength_text,
                    "percent": item.percent,
                }
            )

    def _brand(self, company: str) -> Brand:
        key = company if company in self._brands else brand_slug(company)
        if key not in self._brands:
            self._brands[key] = Brand(id=uuid.uuid4(), name=company, slug=key)
            db.session.add(self._brands[key])
        return self._brands[key]

    def _load_names(self, names: set[str]) -> None:
        """The names that are known, and what they mean; those that are new are matched."""
        wanted = sa.literal(sorted(names), sa.ARRAY(sa.Text()))
        found = db.session.execute(
            sa.select(IngredientName.name, IngredientName.id, Ingredient.inci_name)
            .outerjoin(IngredientName.ingredient)
            .where(IngredientName.name == sa.any_(wanted))
        )
        for name, name_id, inci_name in found:
            self._names[name], self._meant[name] = str(name_id), inci_name
        new = sorted(names - self._names.keys())
        lexicon = dictionary.lexicon() if new else None
        for name in new:
            assert lexicon is not None
            match, ingredient_id = lexicon.match(name)
            self._meant[name] = match.substance
            self._names[name] = str(uuid.uuid4())
            self._new_names[name] = {
                "id": self._names[name],
                "name": name,
                "ingredient_id": ingredient_id,
                "way": match.way,
                "confidence": match.confidence,
            }

    def _name(self, name: str) -> str:
        """The name's id; a new name is written with the first line that has it."""
        if name in self._new_names:
            self._named.append(self._new_names.pop(name))
        return self._names[name]

    def _refuse_unfit(self, filing: Filing) -> None:
        reasons = [
            f"{name}: longer than {LONGEST_NAME} characters"
            for name in ("name", "brand", "dosage_form", "route", "marketing_category")
            if len(getattr(filing, name)) > LONGEST_NAME
        ]
        if len(filing.ingredients) > MOST_INGREDIENTS:
            reasons.append(f"ingredients: more than {MOST_INGREDIENTS}")
        if filing.legal_class in (LegalClass.COSMETIC, LegalClass.OTC_DRUG):
            reasons += [
                f"legal_class: {item.name} is sold by prescription only, "
                f"not as {filing.legal_class}"
                for item in filing.ingredients
                if item.active and {item.name, self._meant[item.name]} & PRESCRIPTION_ONLY
            ]
        if reasons:
            raise Unfit(*reasons)

    def _flags(self, filing: Filing) -> list[str]:
        """What the filing's reader found odd, and what is odd once a name is known to mean more."""
        odd = [
            f"{IMPLAUSIBLE}: {item.raw} is {said}"
            for item in filing.ingredients
            if item.active and item.percent is not None
            if (said := implausible(self._meant[item.name] or item.name, item.percent))
        ]
        return [*filing.flags, *(flag for flag in odd if flag not in filing.flags)]

    def _free_address(self, filing: Filing) -> str:
        address = _address(filing)
        if address in self._slugs:
            key = f"{filing.source} {filing.source_key}"
            address = f"{address}-{filing.source}-{sha256(key.encode()).hexdigest()[:6]}"
        self._slugs.add(address)
        return address

    def _load_variants(self, codes: set[str]) -> None:
        """Packs by SKU: those of these products, and any other that has one of the codes."""
        ids = [product.id for product in self._products.values()]
        found = db.session.scalars(
            sa.select(Variant).where(
                sa.or_(
                    Variant.product_id == sa.any_(sa.literal(ids, sa.ARRAY(sa.Uuid()))),
                    Variant.sku == sa.any_(sa.literal(sorted(codes), sa.ARRAY(sa.Text()))),
                    Variant.package_ndc == sa.any_(sa.literal(sorted(codes), sa.ARRAY(sa.Text()))),
                )
            )
        )
        for variant in found:
            self._variants[variant.sku] = variant
            if variant.package_ndc:
                self._variants[variant.package_ndc] = variant

    def _refuse_foreign_packs(self, product: Product | None, filing: Filing) -> None:
        for pack in filing.packs:
            known = self._variants.get(pack.sku)
            if known is not None and (product is None or known.product_id != product.id):
                raise Unfit(f"package_ndcs: {pack.sku} is a package of another product")


def weaker(now: LegalClass, then: LegalClass) -> bool:
    """Whether a product of class `then` would be easier to sell than one of class `now`."""
    return _STRICTNESS[then] < _STRICTNESS[now]


def alone() -> None:
    """Nobody else brings the catalogue in line until this transaction ends.

    And the commit may take its time: it reads all that was touched.
    """
    patiently = [
        sa.func.set_config(name, "10min", sa.true())
        for name in ("statement_timeout", "idle_in_transaction_session_timeout")
    ]
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK), *patiently))


def _products(keys: set[tuple[str, str]]) -> Iterable[Product]:
    found: list[Product] = []
    for source in sorted({source for source, _ in keys}):
        wanted = sorted(key for of, key in keys if of == source)
        found += db.session.scalars(
            sa.select(Product)
            .where(
                Product.source == source,
                Product.source_key == sa.any_(sa.literal(wanted, sa.ARRAY(sa.Text()))),
            )
            .options(
                selectinload(Product.variants).selectinload(Variant.prices),
                selectinload(Product.brand),
            )
            .execution_options(populate_existing=True)
        )
    return found


def _among(model: Any, column: Any, values: set[str]) -> Iterable[Any]:
    wanted = sa.literal(sorted(values), sa.ARRAY(sa.Text()))
    return db.session.scalars(sa.select(model).where(column == sa.any_(wanted)))


def _codes(pack: FiledPack) -> set[str]:
    return {code for code in (pack.sku, pack.package_ndc) if code}


def _address(filing: Filing) -> str:
    """Where the product is found: its name, and its key so that no two are alike."""
    return filing.slug or f"{slug(filing.name)}-{slug(filing.source_key, longest=40)}"


def _refuse_weaker(product: Product, filing: Filing) -> None:
    """A register that suddenly makes a product easier to sell is looked at by people first."""
    easier = filing.finished and not product.finished
    if easier or weaker(product.legal_class, filing.legal_class):
        raise Unfit(
            f"legal_class: is {product.legal_class} in the catalogue, {filing.legal_class} in this "
            "row; a weaker class needs a decision of two people: propose a release "
            f"(POST /api/v1/products/{product.slug}/releases), then import again"
        )


def _take_off_sale(product: Product, filing: Filing) -> None:
    """What is filed as unfinished or for the clinic only leaves the shop before it changes."""
    if filing.finished and filing.legal_class is not LegalClass.CLINIC_USE:
        return
    for variant in product.variants:
        variant.for_sale = False
    if product.status is ShopStatus.PUBLISHED:
        product.withdraw()
        events.record(Kind.PRODUCT_WITHDRAWN, product)
    db.session.flush()  # the database lets no such product have anything for sale


def _missing_packs(product: Product, filing: Filing) -> list[str]:
    if filing.by_hand:
        return []
    filed = {pack.sku for pack in filing.packs}
    return [
        f"{PACKAGE_NOT_FILED}: {variant.package_ndc}"
        for variant in product.variants
        if variant.package_ndc and variant.package_ndc not in filed
    ]


def _change_pack(variant: Variant, pack: FiledPack) -> list[str]:
    """Set what differs of a described pack; a bare number changes nothing."""
    if not pack.described:
        return []
    wanted: dict[str, Any] = {column: getattr(pack, column) for column in _PACK_COLUMNS}
    wanted["filed"] = pack.filed
    if pack.kept is not None or variant.filed.get("name") != pack.name:
        wanted["name"] = pack.name
    for name in ("gtin", "weight_grams"):  # one who does not say it does not take it away
        if said := getattr(pack, name):
            wanted[name] = said
    changed = [name for name, value in wanted.items() if getattr(variant, name) != value]
    for name in changed:
        setattr(variant, name, wanted[name])
    return changed


_Line = tuple[str, bool, str, str, Decimal | None]


def _lines_of(products: Iterable[Product]) -> dict[uuid.UUID, list[_Line]]:
    """What products consist of, in plain tuples: a big file has tens of thousands of lines."""
    line = ProductIngredient
    found = db.session.execute(
        sa.select(
            line.product_id,
            IngredientName.name,
            line.active,
            line.raw,
            line.strength_text,
            line.percent,
        )
        .join(line.named)
        .where(
            line.product_id
            == sa.any_(sa.literal([one.id for one in products], sa.ARRAY(sa.Uuid())))
        )
        .order_by(line.product_id, line.position)
    )
    lines: dict[uuid.UUID, list[_Line]] = {}
    for product_id, name, active, raw, strength, percent in found:
        lines.setdefault(product_id, []).append((name, active, raw, strength, percent))
    return lines


def _line(item: FiledIngredient) -> _Line:
    return (item.name, item.active, item.raw, item.strength_text, item.percent)
