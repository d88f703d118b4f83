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
from shop.treatments.windows.facts import Span

Spans = Mapping[str, tuple[Span, ...]]
NONE: Spans = {}


def matters(rules: Iterable[WindowRule]) -> bool:
    """Whether one of them asks what primes skin."""
    return any(rule.when.primed is not None for rule in rules)


def of_each(clients: Collection[UUID]) -> Mapping[UUID, Spans]:
    """By client and class of active, for which days a running plan of hers orders it as priming.

    One statement, and one more where something is ordered. A plan runs only once a physician has
    started it, and only a physician marks a step. Raises sealed.NotOpened.
    """
    ordered = [
        (client_id, step)
        for client_id, version in _versions(clients)
        for step in regimens.read(version.content)
        if step.priming
    ]
    classes = _classes({step.sku for _, step in ordered})
    found: defaultdict[UUID, dict[str, tuple[Span, ...]]] = defaultdict(dict)
    for client_id, step in ordered:
        spans = found[client_id]
        for name in classes.get(step.sku, ()):
            spans[name] = (*spans.get(name, ()), (step.since, step.until))
    return found


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
