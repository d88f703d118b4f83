"""Rules, made by the people and verbs that make them; saved, not committed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import (
    IngredientName,
    LegalClass,
    LegalClassRule,
    Product,
    ProductIngredient,
    Variant,
    Visibility,
    VisibilityRule,
)
from shop.core import ruling
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import Grade
from shop.core.ruling import AnyRule
from tests.builders import a_product, a_variant
from tests.people import dr_chen, mona


def today() -> date:
    return now().date()


def a_draft_rule(
    kind: type[AnyRule], says: Mapping[str, Any], *, by: Person | None = None, **given: Any
) -> AnyRule:
    """Mona writes it down; it would hold everywhere since last year."""
    fields: dict[str, Any] = {
        "jurisdiction": "US",
        "valid_from": today() - timedelta(days=365),
        "source": "21 CFR 333.310",
        "grade": Grade.B,
        "review_by": today() + timedelta(days=365),
    }
    return ruling.draft(kind, says, **(fields | given), by=by or mona(), at=now())


def activated(rule: AnyRule) -> AnyRule:
    """Dr Chen checks it, and lets it hold."""
    chen = dr_chen()
    ruling.review(rule, by=chen, at=now())
    ruling.activate(rule, by=chen, at=now())
    return rule


def a_ruling(
    active: str = "TRETINOIN", legal_class: LegalClass = LegalClass.RX, **given: Any
) -> LegalClassRule:
    """What an active makes of a product, in force: `percents`, `route`, … or a rule's own fields."""
    own = ("percents", "route", "dosage_form", "except_with")
    says = {"active": active, "legal_class": legal_class}
    says |= {name: given.pop(name) for name in own if name in given}
    rule = activated(a_draft_rule(LegalClassRule, says, **given))
    assert isinstance(rule, LegalClassRule)
    return rule


def a_policy(legal_class: LegalClass, visibility: Visibility, **given: Any) -> VisibilityRule:
    """Who sees a class, in force."""
    says = {"legal_class": legal_class, "visibility": visibility}
    rule = activated(a_draft_rule(VisibilityRule, says, **given))
    assert isinstance(rule, VisibilityRule)
    return rule


def holding(product: Product, **actives: str | None) -> Product:
    """The product with these actives: `SALICYLIC_ACID="2"` is 2 %, None a strength nobody knows."""
    for name, percent in actives.items():
        _holds(product, name.replace("_", " "), percent)
    db.session.flush()
    return product


def _holds(product: Product, name: str, percent: str | None) -> None:
    found = db.session.scalar(sa.select(IngredientName).where(IngredientName.name == name))
    named = found or IngredientName(id=uuid.uuid4(), name=name)
    db.session.flush()
    product.ingredients.append(
        ProductIngredient(
            position=len(product.ingredients),
            named=named,
            active=True,
            raw=name,
            percent=percent,
        )
    )


def a_serum(percent: str | None = "2", active: str = "SALICYLIC ACID", **given: Any) -> Variant:
    """A pack, sold freely, with one active in some strength."""
    product = a_product(**given)
    _holds(product, active, percent)
    db.session.flush()
    return a_variant(product)
