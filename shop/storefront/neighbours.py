"""What is shown beside a product, and instead of one that is no longer sold."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import aliased, joinedload

from shop.catalog.models import IngredientName, Product, ProductIngredient, RelatedProduct
from shop.core.db import db
from shop.storefront.searching import stocked_on, visible
from shop.storefront.visibility import View

MOST = 4
ACTIVE, CATEGORY, BRAND = 4, 2, 1  # what each thing in common counts


def beside(product: Product, *, view: View, today: date) -> list[Product]:
    """What a manager set beside it, in order; else those nearest to it by actives, category, brand.

    Only what visitors see and can have today. One statement.
    """
    mine = RelatedProduct.product_id == product.id
    chosen, shared = aliased(RelatedProduct), _sharing_actives(product)
    nearness = (
        ACTIVE * sa.func.coalesce(shared.c.number, 0)
        + CATEGORY * _counts(sa.and_(Product.category == product.category, Product.category != ""))
        + BRAND * _counts(Product.brand_id == product.brand_id)
    )
    query = (
        sa.select(Product)
        .outerjoin(shared, shared.c.product_id == Product.id)
        .outerjoin(
            RelatedProduct,
            sa.and_(mine, RelatedProduct.related_id == Product.id),
        )
        .where(
            Product.id != product.id,
            sa.or_(
                RelatedProduct.position.is_not(None),
                sa.and_(~sa.exists().where(chosen.product_id == product.id), nearness > 0),
            ),
            visible(today),
            view.seen,
            stocked_on(today),
        )
        .order_by(RelatedProduct.position, nearness.desc(), Product.name, Product.id)
        .options(joinedload(Product.brand))
        .limit(MOST)
    )
    return list(db.session.scalars(query))


def _sharing_actives(product: Product) -> sa.Subquery:
    """Products with how many of this one's actives each holds."""
    substance = sa.func.coalesce(IngredientName.ingredient_id, IngredientName.id)
    active = (
        sa.select(ProductIngredient)
        .join(IngredientName, IngredientName.id == ProductIngredient.name_id)
        .where(ProductIngredient.active)
    )
    mine = active.with_only_columns(substance).where(ProductIngredient.product_id == product.id)
    return (
        active.with_only_columns(ProductIngredient.product_id, sa.func.count().label("number"))
        .where(substance.in_(mine.correlate(None)))
        .group_by(ProductIngredient.product_id)
        .subquery("shared")
    )


def _counts(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((condition, 1), else_=0)
