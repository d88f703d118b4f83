"""What a rule would change, before anybody activates it: products, carts and open orders.

Nothing is written. The rule is compared with what holds on its first day (today, if that has
passed); the version it would replace is left out of the comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import NUMRANGE
from sqlalchemy.orm import aliased

from shop.accounts.models import Person
from shop.catalog.filings import normalised
from shop.catalog.models import (
    RULINGS,
    IngredientName,
    LegalClass,
    Product,
    ProductIngredient,
    Variant,
    percents,
)
from shop.core.db import db
from shop.core.rules import EVERYWHERE
from shop.orders.models import Cart, CartLine, Order, OrderLine
from shop.orders.rejudging import HERE, OPEN
from shop.prescriptions.gate import Pack, Ruling

NOBODY = UUID(int=0)


class Sold(StrEnum):
    """How a product is sold in a state, before anything is known of the client."""

    FREELY = "freely"
    BY_PRESCRIPTION = "by_prescription"
    NOT = "not"


@dataclass(frozen=True)
class Change:
    """One thing that would be answered differently; `about` is a slug, a SKU or an order."""

    about: str
    state: str
    before: Sold
    after: Sold


@dataclass(frozen=True)
class Simulation:
    products: list[Change]
    carts: list[Change]
    orders: list[Change]


def simulate(
    says: Mapping[str, Any],
    *,
    jurisdiction: str,
    valid_from: date,
    number: str | None,
    at: datetime,
) -> Simulation:
    """What a rule about a legal class would change. Raises BadRule.

    A rule for the whole country is told of "US" (every state without a rule of its own) and of each
    state that has one.
    """
    day = max(valid_from, at.astimezone(UTC).date())
    spoken_of = set(db.session.scalars(products_spoken_of(says)))
    known = _known(spoken_of, number, day)
    concerned = products(spoken_of | set(known))
    world = _World(concerned, known, spoken_of, jurisdiction, number, says["legal_class"])
    return Simulation(
        products=[
            change
            for product in concerned.values()
            for state in world.states
            for change in world.changed(product.slug, product.id, state)
        ],
        carts=_changed(world, _carts(concerned)),
        orders=_changed(world, _orders(concerned)),
    )


@dataclass(frozen=True)
class _World:
    """The products concerned, the rules over them, and what the new one is."""

    products: Mapping[UUID, Any]
    known: Mapping[UUID, list[Any]]
    spoken_of: set[UUID]
    jurisdiction: str
    number: str | None
    legal_class: LegalClass

    @property
    def states(self) -> list[str]:
        if self.jurisdiction != EVERYWHERE:
            return [self.jurisdiction]
        rules = (rule.jurisdiction for rules in self.known.values() for rule in rules)
        return [EVERYWHERE, *sorted(set(rules) - {EVERYWHERE})]

    def changed(self, about: str, product_id: UUID, state: str) -> Iterable[Change]:
        """The change for this product there, if there is one."""
        if self.jurisdiction not in (EVERYWHERE, state):
            return
        rules = [
            rule
            for rule in self.known.get(product_id, [])
            if rule.jurisdiction in (EVERYWHERE, state)
        ]
        before = [rule.legal_class for rule in rules]
        after = [rule.legal_class for rule in rules if rule.rule_number != self.number]
        after += [self.legal_class] if product_id in self.spoken_of else []
        product = self.products[product_id]
        was, becomes = sold(product, before), sold(product, after)
        if was is not becomes:
            yield Change(about, state, was, becomes)


def _changed(world: _World, rows: Iterable[Any]) -> list[Change]:
    return [
        change for row in rows for change in world.changed(row.about, row.product_id, row.state)
    ]


def sold(product: Any, ruled: list[LegalClass]) -> Sold:
    """As the gate would see a pack of it, under the strictest of these classes."""
    strictest = max(ruled, key=list(LegalClass).index, default=None)
    law = None if strictest is None else Ruling(NOBODY, "", 0, "", strictest)
    pack = Pack(
        NOBODY, product.id, "", product.legal_class, product.doctor_only, offered=True, ruling=law
    )
    if pack.barred_by is not None or product.legal_class is LegalClass.CLINIC_USE:
        return Sold.NOT
    return Sold.BY_PRESCRIPTION if pack.needs_prescription else Sold.FREELY


def products_spoken_of(says: Mapping[str, Any]) -> sa.Select[UUID]:
    """Ids of products that a rule would speak of: the view `rulings`, before there is one."""
    strengths = sa.cast(sa.literal(percents(says.get("percents") or "(,)"), NUMRANGE()), NUMRANGE())
    named, said = aliased(IngredientName), aliased(IngredientName)
    query = (
        sa.select(Product.id)
        .join(ProductIngredient, ProductIngredient.product_id == Product.id)
        .join(named, named.id == ProductIngredient.name_id)
        .join(said, _substance(said) == _substance(named))
        .where(
            said.name == normalised(says["active"]),
            ProductIngredient.active,
            sa.or_(
                ProductIngredient.percent.is_(None),
                strengths.op("@>")(ProductIngredient.percent),
            ),
        )
        .distinct()
    )
    for column in (Product.route, Product.dosage_form):
        wanted = says.get(column.key) or ""
        starts = sa.func.starts_with(sa.func.upper(column), wanted.upper())
        query = query.where(sa.or_(column == "", starts))
    if others := [normalised(name) for name in says.get("except_with") or ()]:
        query = query.where(sa.not_(_holds_all(others)))
    return query


def _substance(name: type[IngredientName]) -> sa.ColumnElement[UUID]:
    """What a name means: its substance, or itself where nobody knows."""
    return sa.func.coalesce(name.ingredient_id, name.id)


def _holds_all(names: list[str]) -> sa.ColumnElement[bool]:
    line, named = aliased(ProductIngredient), aliased(IngredientName)
    said = aliased(IngredientName)
    held = (
        sa.select(sa.func.count(sa.distinct(said.name)))
        .join(named, _substance(named) == _substance(said))
        .join(line, line.name_id == named.id)
        .where(line.product_id == Product.id, line.active, said.name.in_(names))
        .scalar_subquery()
    )
    return held == len(set(names))


def _known(product_ids: set[UUID], number: str | None, day: date) -> dict[UUID, list[Any]]:
    """The rules in force on the day over these products and those the version before speaks of."""
    same = sa.select(RULINGS.c.product_id).where(RULINGS.c.rule_number == (number or ""))
    rows = db.session.execute(
        sa.select(RULINGS).where(
            sa.or_(RULINGS.c.product_id.in_(product_ids), RULINGS.c.product_id.in_(same)),
            RULINGS.c.valid_from <= day,
            sa.or_(RULINGS.c.valid_until.is_(None), RULINGS.c.valid_until > day),
        )
    )
    known: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        known[row.product_id].append(row)
    return known


def products(product_ids: set[UUID]) -> dict[UUID, Any]:
    """Slug, filed class and mark of each, by id."""
    rows = db.session.execute(
        sa.select(Product.id, Product.slug, Product.legal_class, Product.doctor_only)
        .where(Product.id.in_(product_ids))
        .order_by(Product.slug)
    )
    return {row.id: row for row in rows}


def _carts(products: Mapping[UUID, Any]) -> Iterable[Any]:
    """Wishes for these products, without a word about whose they are."""
    return db.session.execute(
        sa.select(
            Variant.sku.label("about"),
            Variant.product_id,
            sa.func.coalesce(Person.state, "").label("state"),
        )
        .select_from(CartLine)
        .join(Cart, Cart.id == CartLine.cart_id)
        .join(Person, Person.id == Cart.client_id)
        .join(Variant, Variant.id == CartLine.variant_id)
        .where(Variant.product_id.in_(products))
        .order_by(Variant.sku, Cart.client_id)
    )


def _orders(products: Mapping[UUID, Any]) -> Iterable[Any]:
    return db.session.execute(
        sa.select(
            Order.number.label("about"), Variant.product_id, Order.ship_to_state.label("state")
        )
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .where(Variant.product_id.in_(products), Order.status.in_(OPEN), OrderLine.status.in_(HERE))
        .order_by(Order.number, OrderLine.position)
    )
