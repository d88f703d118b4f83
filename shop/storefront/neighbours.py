"""What is shown beside a product, and instead of one that is no longer sold."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice, pairwise

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.catalog.models import Brand, CatalogueVersion, Product, ProductSearch, RelatedProduct
from shop.core.db import db
from shop.storefront import index as indexes
from shop.storefront.index import Index, in_natural_order
from shop.storefront.searching import stocked_on, visible
from shop.storefront.visibility import View

MOST = 4
BATCHES = (16, 128, 1024)  # candidates looked at, until MOST of them can be had


def beside(product: Product, *, view: View, at: datetime, today: date) -> list[Product]:
    """What a manager set beside it, in order; else those nearest to it.

    Nearest is what shares most of its actives, then its category, then its brand. Only what the
    reader sees and can have today. Two statements; more where the nearest are out of stock.
    """
    version, chosen, actives, category, brand = db.session.execute(
        _ASKED, {"product": product.id}
    ).one()
    found: list[Product] = []
    candidates = iter(chosen)
    if not chosen:
        index = indexes.standing(version, at=at, today=today)
        candidates = _nearest(index, product.id, actives or (), category, brand)
    for size in BATCHES:
        batch = list(islice(candidates, size))
        found += _to_be_had(batch, view, today) if batch else []
        if len(found) >= MOST or len(batch) < size:
            break
    return found[:MOST]


# The version is of the same moment as the rest.
_ASKED = (
    sa.select(
        CatalogueVersion.version,
        sa.func.array(
            sa.select(RelatedProduct.related_id)
            .where(RelatedProduct.product_id == Product.id)
            .order_by(RelatedProduct.position)
            .correlate(Product)
            .scalar_subquery()
        ),
        ProductSearch.actives,
        Product.category,
        Brand.slug,
    )
    .select_from(Product)
    .join(Brand, Brand.id == Product.brand_id)
    .join(CatalogueVersion, sa.true())
    .outerjoin(ProductSearch, ProductSearch.product_id == Product.id)
    .where(Product.id == sa.bindparam("product", type_=sa.Uuid()))
)


def _nearest(
    index: Index, product: uuid.UUID, actives: Sequence[str], category: str, brand: str
) -> Iterator[uuid.UUID]:
    """The products that have something in common with it, the nearest first."""
    others = index.everything & ~(1 << index.by_id.get(str(product), len(index.natural)))
    of_category = index.choices["category"].get(category, 0)
    of_brand = index.choices["brand"].get(brand, 0)
    alike = (of_category & of_brand, of_category & ~of_brand, of_brand & ~of_category)
    unlike = ~(of_category | of_brand)
    *sharing, none = _by_shared(index, actives)
    ranks = [some & members for some in sharing for members in (*alike, unlike)]
    for rank in (*ranks, *(none & members for members in alike)):
        for key in in_natural_order(others & rank, index.natural, None):
            yield uuid.UUID(key[-1])


def _by_shared(index: Index, actives: Sequence[str]) -> list[int]:
    """The products that hold all of the actives, all but one, …, none of them."""
    least = [index.everything]  # in place n: those that hold at least n of the actives so far
    for active in dict.fromkeys(actives):
        holding = index.choices["active"].get(active, 0)
        more = (more | fewer & holding for fewer, more in pairwise([*least, 0]))
        least = [index.everything, *more]
    return [some & ~more for some, more in pairwise([*least, 0])][::-1]


def _to_be_had(ids: list[uuid.UUID], view: View, today: date) -> list[Product]:
    """Those of the products that the reader sees and can have, in the same order."""
    query = (
        sa.select(Product)
        .where(
            Product.id == sa.any_(sa.literal(ids, sa.ARRAY(sa.Uuid()))),
            visible(today),
            view.seen,
            stocked_on(today),
        )
        .options(joinedload(Product.brand))
    )
    place = {one: number for number, one in enumerate(ids)}
    return sorted(db.session.scalars(query), key=lambda one: place[one.id])
