"""A manager writes down that no discount touches a class somewhere, or that it may again."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.core.rules import JURISDICTIONS, LAW
from shop.discounts import queries
from shop.discounts.errors import BarLifted, BarThere, DiscountRefused
from shop.discounts.models import TOUCHABLE, DiscountBar


def bar(
    kind: LegalClass, jurisdiction: str, *, source: str, by: Person, at: datetime
) -> DiscountBar:
    """No discount touches this class there ("US": everywhere), as `source` says.

    Whoever places an order at this moment is waited for. Raises DiscountRefused, BarThere.
    """
    _hold_the_law()
    wrong: dict[str, list[str]] = {}
    if kind not in TOUCHABLE:
        wrong["legal_class"] = ["Prescription goods are never discounted anyway."]
    if jurisdiction not in JURISDICTIONS:
        wrong["jurisdiction"] = ["Must be US or a two-letter US state, such as CA."]
    if not source.strip():
        wrong["source"] = ["Name the law, or say that it is a rule of the house."]
    if wrong:
        raise DiscountRefused("This cannot be barred so.", fields=wrong)
    if any(
        each.legal_class is kind and each.jurisdiction == jurisdiction for each in queries.bars()
    ):
        raise BarThere(
            "It is barred there already.",
            fields={"jurisdiction": ["It is barred there already."]},
        )
    made = DiscountBar(
        id=uuid.uuid4(),
        legal_class=kind,
        jurisdiction=jurisdiction,
        source=source.strip(),
        barred_by_id=by.id,
    )
    db.session.add(made)
    db.session.flush()  # the event is about a row
    events.record(Kind.DISCOUNT_BARRED, made, legal_class=kind.value, jurisdiction=jurisdiction)
    return made


def lift(one: DiscountBar, *, by: Person, at: datetime) -> None:
    """Discounts may touch it there from now on. It comes locked. Raises BarLifted."""
    if one.lifted_by_id is not None:
        raise BarLifted("This has been lifted already.")
    one.lifted_by_id = by.id
    db.session.flush()  # the database stamps when
    db.session.refresh(one)
    events.record(
        Kind.DISCOUNT_BAR_LIFTED,
        one,
        legal_class=one.legal_class.value,
        jurisdiction=one.jurisdiction,
    )


def _hold_the_law() -> None:
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LAW)))
