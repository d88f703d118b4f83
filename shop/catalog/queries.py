"""Reads of the catalogue for those who keep it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from shop.catalog import dictionary
from shop.catalog.errors import (
    NoSuchBundle,
    NoSuchImport,
    NoSuchName,
    NoSuchProduct,
    NoSuchRelease,
    NoSuchSheet,
    NoSuchVariant,
    UnknownIngredient,
)
from shop.catalog.filings import normalised
from shop.catalog.models import (
    FILED,
    ActiveClass,
    Bundle,
    Import,
    ImportPart,
    ImportProfile,
    ImportRow,
    ImportSheet,
    Ingredient,
    IngredientName,
    LegalClassRule,
    Outcome,
    Picture,
    PictureFile,
    PictureSize,
    Price,
    Product,
    ProductIngredient,
    RelatedProduct,
    Release,
    Variant,
    Way,
)
from shop.catalog.states import ImportStatus, ReleaseStatus, ShopStatus
from shop.core.db import db, locked
from shop.core.rules import BadRule, RuleStatus

Key = TypeVar("Key", str, uuid.UUID)

_AT_ONCE = 200
DRAFTED = (RuleStatus.DRAFT, RuleStatus.REVIEWED)  # a rule that holds nowhere yet


def product(slug: str, *, lock: bool = False) -> Product:
    """Any product, published or not. Raises NoSuchProduct."""
    query = sa.select(Product).where(Product.slug == slug)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchProduct("There is no such product.", slug=slug)
    return found


def variant(sku: str, *, lock: bool = False) -> Variant:
    """Any variant, for sale or not. Raises NoSuchVariant."""
    query = sa.select(Variant).where(Variant.sku == sku)
    query = locked(query) if lock else query.options(joinedload(Variant.product))
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NoSuchVariant("There is no such variant.", sku=sku)
    return found


@dataclass(frozen=True)
class Named:
    """A filed name, how many products carry it, and what it might mean where nobody knows."""

    name: IngredientName
    products: int
    nearest: tuple[str, ...] = ()


# How many products carry a name; an expression, so that pages can be ordered by it.
CARRIED = (
    sa.select(sa.func.count(sa.distinct(ProductIngredient.product_id)))
    .where(ProductIngredient.name_id == IngredientName.id)
    .correlate(IngredientName)
    .scalar_subquery()
)


def filed_names(*, matched: bool | None) -> sa.Select[IngredientName]:
    """Names that products brought, matched or not; what a person decided is no open question."""
    query = (
        sa.select(IngredientName)
        .where(IngredientName.source == FILED)
        .options(joinedload(IngredientName.ingredient))
    )
    if matched is not None:
        query = query.where((IngredientName.way == Way.NONE) != matched)
    return query


def named(names: Iterable[IngredientName]) -> list[Named]:
    """The same names with their products counted, and candidates for those that match nothing."""
    names = list(names)
    line = ProductIngredient
    counted = (
        sa.select(line.name_id, sa.func.count(sa.distinct(line.product_id)))
        .where(line.name_id.in_([name.id for name in names]))
        .group_by(line.name_id)
    )
    products: dict[uuid.UUID, int] = dict(db.session.execute(counted).all())
    lexicon = dictionary.lexicon() if any(name.way is Way.NONE for name in names) else None
    return [
        Named(
            name,
            products.get(name.id, 0),
            tuple(lexicon.nearest(name.name)) if lexicon and name.way is Way.NONE else (),
        )
        for name in names
    ]


def filed_name(name_id: uuid.UUID, *, lock: bool = False) -> IngredientName:
    """A name of an ingredient. Raises NoSuchName."""
    query = sa.select(IngredientName).where(IngredientName.id == name_id)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchName("There is no such name.", name=str(name_id))
    return found


def ingredient(name: str) -> Ingredient:
    """The substance that the dictionary knows by this name. Raises UnknownIngredient."""
    query = (
        sa.select(Ingredient)
        .join(IngredientName, IngredientName.ingredient_id == Ingredient.id)
        .where(IngredientName.name == normalised(name), IngredientName.source != FILED)
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise UnknownIngredient(
            "The dictionary has no such substance.",
            fields={"ingredient": ["Not a name of the dictionary; see `nearest`."]},
        )
    return found


def drafted_laws() -> list[LegalClassRule]:
    """Rules of law that do not hold yet, by number; a hundred at most."""
    query = (
        sa.select(LegalClassRule)
        .where(LegalClassRule.status.in_(DRAFTED))
        .order_by(LegalClassRule.number, LegalClassRule.version.desc())
        .limit(100)
    )
    return list(db.session.scalars(query))


def drafted_law(number: str) -> LegalClassRule:
    """The newest version of a rule of law that does not hold yet. Raises BadRule."""
    query = (
        sa.select(LegalClassRule)
        .where(LegalClassRule.number == number, LegalClassRule.status.in_(DRAFTED))
        .order_by(LegalClassRule.version.desc())
        .limit(1)
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise BadRule(
            "No draft of a rule of law has this number.",
            fields={"draft": ["Give the number of a rule that is drafted or reviewed."]},
        )
    return found


def release(release_id: uuid.UUID, *, lock: bool = False) -> Release:
    """A release, with its product. Raises NoSuchRelease."""
    query = sa.select(Release).where(Release.id == release_id)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchRelease("There is no such release.", release=str(release_id))
    return found


def releases(*, status: ReleaseStatus | None = None) -> sa.Select[Release]:
    """What was proposed, for a list."""
    query = sa.select(Release).options(selectinload(Release.product))
    return query if status is None else query.where(Release.status == status)


def everything() -> Iterator[Product]:
    """Every product with all that belongs to it, by source and key, a few hundred at a time."""
    ids = list(
        db.session.scalars(sa.select(Product.id).order_by(Product.source, Product.source_key))
    )
    for start in range(0, len(ids), _AT_ONCE):
        yield from _whole(ids[start : start + _AT_ONCE])


def _whole(ids: list[uuid.UUID]) -> list[Product]:
    query = (
        sa.select(Product)
        .where(Product.id.in_(ids))
        .order_by(Product.source, Product.source_key)
        .options(
            selectinload(Product.ingredients).joinedload(ProductIngredient.named),
            selectinload(Product.variants).selectinload(Variant.prices),
            selectinload(Product.brand),
        )
    )
    return list(db.session.scalars(query))


def pictures(thing: Product | Bundle) -> list[Picture]:
    """What is shown of a product or a bundle, in order."""
    owner = Picture.product_id if isinstance(thing, Product) else Picture.bundle_id
    return list(db.session.scalars(_pictures_where(owner == thing.id)))


@dataclass(frozen=True)
class Size:
    """A file of a picture; pixels."""

    width: int
    height: int
    url: str


@dataclass(frozen=True)
class Pictured:
    """A picture as it is shown: sizes, smallest first; `sku` where it shows one pack."""

    alt: str
    sku: str | None
    sizes: tuple[Size, ...]

    @property
    def srcset(self) -> str:
        """For an img element: every size with its width."""
        return ", ".join(f"{size.url} {size.width}w" for size in self.sizes)


def pictured(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[Pictured, ...]]:
    """What is shown of these products or bundles, in order, in one statement."""
    wanted = list(ids)
    owner = sa.func.coalesce(Picture.product_id, Picture.bundle_id)
    query = (
        sa.select(
            owner.label("thing_id"),
            Picture.id,
            Picture.alt,
            Variant.sku,
            PictureFile.digest,
            PictureFile.width,
            PictureFile.height,
        )
        .join(PictureSize, PictureSize.picture_id == Picture.id)
        .join(PictureFile, PictureFile.digest == PictureSize.digest)
        .outerjoin(Variant, Variant.id == Picture.variant_id)
        .where(
            sa.or_(Picture.product_id.in_(wanted), Picture.bundle_id.in_(wanted)),
            Picture.ended_at.is_(None),
        )
        .order_by(Picture.position, Picture.added_at, Picture.id, PictureFile.width)
    )
    found: dict[uuid.UUID, list[Pictured]] = {}
    for _picture, group in groupby(db.session.execute(query), key=lambda row: row.id):
        rows = list(group)
        sizes = tuple(Size(row.width, row.height, picture_url(row.digest)) for row in rows)
        shown = Pictured(rows[0].alt, rows[0].sku, sizes)
        found.setdefault(rows[0].thing_id, []).append(shown)
    return {thing_id: tuple(pictures) for thing_id, pictures in found.items()}


def picture_url(digest: bytes) -> str:
    """Where a file of a picture is served."""
    return f"/pictures/{digest.hex()}.webp"


def _pictures_where(condition: sa.ColumnElement[bool]) -> sa.Select[Picture]:
    return (
        sa.select(Picture)
        .where(condition, Picture.ended_at.is_(None))
        .order_by(Picture.position, Picture.added_at, Picture.id)
        .options(selectinload(Picture.sizes))
    )


def picture_file(digest: bytes) -> bytes | None:
    """A file of a picture that is shown, or None."""
    query = (
        sa.select(PictureFile.data)
        .join(PictureSize, PictureSize.digest == PictureFile.digest)
        .join(Picture, Picture.id == PictureSize.picture_id)
        .where(PictureFile.digest == digest, Picture.ended_at.is_(None))
        .limit(1)
    )
    return db.session.execute(query).scalar_one_or_none()


def bundle(slug: str, *, lock: bool = False) -> Bundle:
    """Any bundle, published or not. Raises NoSuchBundle."""
    query = sa.select(Bundle).where(Bundle.slug == slug)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchBundle("There is no such bundle.", slug=slug[:200])
    return found


def related(product: Product) -> list[Product]:
    """What a manager set beside it, in order, whatever became of it since."""
    query = (
        sa.select(Product)
        .join(RelatedProduct, RelatedProduct.related_id == Product.id)
        .where(RelatedProduct.product_id == product.id)
        .order_by(RelatedProduct.position)
    )
    return list(db.session.scalars(query))


def price_list(begins: datetime, ends: datetime) -> Iterator[Price]:
    """Every price in force at some time from `begins` to before `ends`, by SKU, then by date."""
    query = (
        sa.select(Price)
        .join(Price.variant)
        .where(
            Price.valid_from < ends,
            sa.or_(Price.valid_until.is_(None), Price.valid_until > begins),
        )
        .order_by(Variant.sku, Price.valid_from)
        .options(contains_eager(Price.variant).joinedload(Variant.product))
        .execution_options(yield_per=500)
    )
    yield from db.session.scalars(query)


def kept(q: str = "", status: ShopStatus | None = None) -> sa.Select[Product]:
    """Products as their keeper looks for them: by a part of the name, or by key or SKU."""
    query = sa.select(Product).options(
        selectinload(Product.brand), selectinload(Product.variants).selectinload(Variant.prices)
    )
    if status is not None:
        query = query.where(Product.status == status)
    if q := q.strip():
        has_sku = sa.exists().where(
            Variant.product_id == Product.id, sa.func.lower(Variant.sku) == q.lower()
        )
        named = Product.name.icontains(q, autoescape=True)
        query = query.where(sa.or_(named, Product.source_key == q, Product.slug == q, has_sku))
    return query


def import_of(import_id: uuid.UUID, *, lock: bool = False) -> Import:
    """An import, as it stands now. Raises NoSuchImport."""
    query = sa.select(Import).where(Import.id == import_id)
    query = locked(query) if lock else query.execution_options(populate_existing=True)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NoSuchImport("There is no such import.", import_id=str(import_id))
    return found


def unfinished_import(
    sha256: bytes, source: str, mapping: dict[str, Any], *, dry_run: bool
) -> Import | None:
    """The newest import of this very file, read in the same way, if it is not over."""
    return db.session.scalars(
        sa.select(Import)
        .where(
            Import.sha256 == sha256,
            Import.source == source,
            Import.mapping == mapping,
            Import.dry_run == dry_run,
            Import.status != ImportStatus.DONE,
        )
        .order_by(Import.asked_at.desc(), Import.id)
        .limit(1)
    ).one_or_none()


def coming_prices(at: datetime) -> list[Price]:
    """Prices that have not begun, the next first, with their packs and products."""
    query = sa.select(Price).where(Price.valid_from > at)
    seen = joinedload(Price.variant).joinedload(Variant.product)
    return list(db.session.scalars(query.options(seen).order_by(Price.valid_from, Price.id)))


def imports() -> sa.Select[Import]:
    """Every file that was tried or taken in, with who handed it in."""
    return sa.select(Import).options(joinedload(Import.by))


def last_imports() -> sa.Select[Import]:
    """Of every file that was taken in, its last run: a later one makes up for an earlier."""
    last = (
        sa.select(Import.id)
        .where(~Import.dry_run)
        .order_by(Import.sha256, Import.source, Import.asked_at.desc(), Import.id)
        .ext(distinct_on(Import.sha256, Import.source))
    )
    return imports().where(Import.id.in_(last))


def sheet(sheet_id: uuid.UUID) -> ImportSheet:
    """A file that waits to be looked at, without its content. Raises NoSuchSheet."""
    query = sa.select(ImportSheet).where(ImportSheet.id == sheet_id)
    return _sheet(query.options(joinedload(ImportSheet.handed_in_by)))


def sheet_of(record: Import) -> ImportSheet:
    """The file that an import or a trial was made of. Raises NoSuchSheet once it is forgotten."""
    return _sheet(
        sa.select(ImportSheet).where(
            ImportSheet.sha256 == record.sha256, ImportSheet.source == record.source
        )
    )


def _sheet(query: sa.Select[ImportSheet]) -> ImportSheet:
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NoSuchSheet("That file is not kept any more. Hand it in again.")
    return found


def profiles() -> list[ImportProfile]:
    """How suppliers' sheets are read, by name."""
    return list(db.session.scalars(sa.select(ImportProfile).order_by(ImportProfile.name)))


def parts_of(import_id: uuid.UUID) -> list[int]:
    """The places of the pieces of its file, in order."""
    query = sa.select(ImportPart.place).where(ImportPart.import_id == import_id)
    return list(db.session.scalars(query.order_by(ImportPart.place)))


def part(import_id: uuid.UUID, place: int) -> bytes:
    """One piece of its file."""
    query = sa.select(ImportPart.bytes).where(
        ImportPart.import_id == import_id, ImportPart.place == place
    )
    return db.session.scalars(query).one()


def rows_of(import_id: uuid.UUID, outcome: Outcome | None = None) -> sa.Select[ImportRow]:
    """What became of its rows: all, or those of one outcome."""
    query = sa.select(ImportRow).where(ImportRow.import_id == import_id)
    return query if outcome is None else query.where(ImportRow.outcome == outcome)


def every_row_of(import_id: uuid.UUID, outcome: Outcome | None = None) -> Iterator[ImportRow]:
    """The same one by one, in the order of the file, a few hundred in memory at once."""
    after = 0
    while some := db.session.scalars(
        rows_of(import_id, outcome)
        .where(ImportRow.number > after)
        .order_by(ImportRow.number)
        .limit(_AT_ONCE)
    ).all():
        yield from some
        after = some[-1].number


def columns_set_aside(import_id: uuid.UUID) -> list[str]:
    """Every column that some row set aside has, by name."""
    query = (
        sa.select(sa.func.jsonb_object_keys(ImportRow.raw).label("name"))
        .where(ImportRow.import_id == import_id, ImportRow.outcome == Outcome.QUARANTINED)
        .distinct()
        .order_by("name")
    )
    return list(db.session.scalars(query))


def active_classes(
    by: sa.SQLColumnExpression[Key], among: Collection[Key], *conditions: sa.ColumnElement[bool]
) -> dict[Key, frozenset[ActiveClass]]:
    """The classes of active by a column of `Variant` (its id, SKU or product), of those `among`.

    What holds none is left out. One statement, of which more may be asked by `conditions`.
    """
    if not among:
        return {}
    rows = db.session.execute(
        sa.select(by, Ingredient.active_class)
        .select_from(Variant)
        .join(ProductIngredient, ProductIngredient.product_id == Variant.product_id)
        .join(IngredientName, IngredientName.id == ProductIngredient.name_id)
        .join(Ingredient, Ingredient.id == IngredientName.ingredient_id)
        .where(
            by.in_(set(among)),
            ProductIngredient.active,
            Ingredient.active_class.is_not(None),
            *conditions,
        )
    )
    found: defaultdict[Key, set[ActiveClass]] = defaultdict(set)
    for key, active_class in rows:
        assert active_class is not None  # as it was asked
        found[key].add(active_class)
    return {key: frozenset(classes) for key, classes in found.items()}
