"""Which questions a product asks: the general ones, and those of the families of its actives."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.models import ActiveClass, Ingredient, IngredientName, ProductIngredient
from shop.core.db import db


class Family(StrEnum):
    """What a product's actives are to the questions; in the order in which they are asked."""

    RETINOID = "retinoid"
    HYDROQUINONE = "hydroquinone"
    ANTIBIOTIC = "antibiotic"
    STEROID = "steroid"
    OTHER = "other"


FAMILIES = {
    ActiveClass.RETINOID: Family.RETINOID,
    ActiveClass.HYDROQUINONE: Family.HYDROQUINONE,
    ActiveClass.ANTIBIOTIC: Family.ANTIBIOTIC,
    ActiveClass.CORTICOSTEROID: Family.STEROID,
}

# The parts that are asked now; what was asked before keeps its own.
GENERAL = "general-2026-2"
PARTS = {
    Family.RETINOID: "retinoid-2026-1",
    Family.HYDROQUINONE: "hydroquinone-2026-1",
    Family.ANTIBIOTIC: "antibiotic-2026-1",
    Family.STEROID: "steroid-2026-1",
    Family.OTHER: "other-2026-1",
}


def version_for(product_id: UUID) -> str:
    """The questionnaire of a request for this product, as a version of `forms.questionnaire`."""
    return version_of(families(product_id))


def version_of(asked: Collection[Family]) -> str:
    """The questionnaire of these families: all their parts, in one order."""
    return "+".join([GENERAL, *(part for family, part in PARTS.items() if family in asked)])


def families(product_id: UUID) -> set[Family]:
    """The families of a product's actives, as the dictionary knows them; never empty."""
    query = (
        sa.select(Ingredient.active_class)
        .join(IngredientName, IngredientName.ingredient_id == Ingredient.id)
        .join(ProductIngredient, ProductIngredient.name_id == IngredientName.id)
        .where(
            ProductIngredient.product_id == product_id,
            ProductIngredient.active,
            Ingredient.active_class.in_(FAMILIES),
        )
        .distinct()
    )
    found = {FAMILIES[known] for known in db.session.scalars(query) if known is not None}
    return found or {Family.OTHER}
