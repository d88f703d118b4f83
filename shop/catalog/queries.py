"""Reads of the catalogue for those who keep it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.catalog.errors import NoSuchImport, NoSuchProduct, NoSuchVariant
from shop.catalog.models import (
    Import,
    ImportPart,
    ImportRow,
    Outcome,
    Product,
    ProductIngredient,
    Variant,
)
from shop.catalog.states import ImportStatus
from shop.core.db import db, locked

_AT_ONCE = 200


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
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchVariant("There is no such variant.", sku=sku)
    return found


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
            selectinload(Product.ingredients).joinedload(ProductIngredient.ingredient),
            selectinload(Product.variants).selectinload(Variant.prices),
            selectinload(Product.brand),
        )
    )
    return list(db.session.scalars(query))


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
