"""A person says which substance a filed name means; that is remembered for every product."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from shop.accounts.models import Person
from shop.catalog.errors import NotFiled
from shop.catalog.models import FILED, Ingredient, IngredientName, Way
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind


def resolve(
    name: IngredientName, ingredient: Ingredient | None, *, by: Person, at: datetime
) -> IngredientName:
    """`name` means `ingredient`, or no substance at all (None). May be said again, otherwise.

    Products that carry the name are found under the substance from now on; no dictionary that
    grows takes it back. Raises NotFiled for a name that the dictionary itself gives.
    """
    if name.source != FILED:
        raise NotFiled(
            "This name is the dictionary's own: what it means is not decided here.", name=name.name
        )
    name.way, name.confidence = Way.RESOLVED, Decimal(1)
    name.ingredient, name.resolved_by_id = ingredient, by.id
    db.session.flush()  # the database stamps when, and judges who
    db.session.refresh(name, ["resolved_at"])
    means = ingredient.inci_name if ingredient else None
    events.record(Kind.NAME_RESOLVED, name, name=name.name, ingredient=means)
    return name
