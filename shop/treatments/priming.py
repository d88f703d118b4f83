"""What physicians have ordered to prepare skin for a procedure, read off the regimens of plans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from shop.catalog.models import Ingredient, IngredientName, ProductIngredient, Variant
from shop.core.db import db
from shop.treatments import regimens
from shop.treatments.models import Plan, PlanVersion
from shop.treatments.states import PlanStatus
from shop.treatments.windows import WindowRule


def matters(rules: Iterable[WindowRule]) -> bool:
    """Whether one of them asks what primes skin."""
    return any(rule.when.primed is not None for rule in rules)


def of_each(clients: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
    """By client, the classes of active that a running plan of hers orders as priming.

    One statement, and one more where something is ordered. A plan runs only once a physician has
    started it, and only a physician marks a step. Raises sealed.NotOpened.
    """
    ordered: defaultdict[UUID, set[str]] = defaultdict(set)
    for client_id, version in _versions(clients):
        steps = regimens.read(version.content)
        ordered[client_id].update(one.sku for one in steps if one.priming)
    classes = _classes({sku for skus in ordered.values() for sku in skus})
    return {
        client_id: frozenset(name for sku in skus for name in classes.get(sku, ()))
        for client_id, skus in ordered.items()
    }


def _versions(clients: Collection[UUID]) -> Iterable[tuple[UUID, PlanVersion]]:
    """What the running plans of these clients say now."""
    query = (
        sa.select(Plan.client_id, PlanVersion)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .where(Plan.client_id.in_(clients), Plan.status == PlanStatus.ACTIVE)
        .order_by(PlanVersion.plan_id, PlanVersion.number.desc())
        .ext(distinct_on(PlanVersion.plan_id))
    )
    return ((row.client_id, row.PlanVersion) for row in db.session.execute(query))


def _classes(skus: Collection[str]) -> Mapping[str, set[str]]:
    if not skus:
        return {}
    rows = db.session.execute(
        sa.select(Variant.sku, Ingredient.active_class)
        .join(ProductIngredient, ProductIngredient.product_id == Variant.product_id)
        .join(IngredientName, IngredientName.id == ProductIngredient.name_id)
        .join(Ingredient, Ingredient.id == IngredientName.ingredient_id)
        .where(
            Variant.sku.in_(skus),
            ProductIngredient.active,
            Ingredient.active_class.is_not(None),
        )
    )
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        classes[row.sku].add(row.active_class)
    return classes
