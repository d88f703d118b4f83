"""Packs that were handed out, and auto-refills of them; saved, not committed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.orders import shipping
from shop.orders.models import OrderLine
from shop.replenishment import agreeing, offering, statements
from shop.replenishment.agreeing import Terms, Yes
from shop.replenishment.models import AutoRefill, RefillCycle
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, paid
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, tretinoin

ZONE = "America/Los_Angeles"


def a_retinoid(**given: Any) -> Variant:
    """A prescription cream of tretinoin, on the shelf."""
    variant = a_formula(tretinoin(), **given)
    a_lot(variant, 40, days=700)
    return variant


def handed_out(client: Person, variant: Variant, quantity: int = 1) -> OrderLine:
    """Bought, paid, and left today."""
    order = paid(client, {variant: quantity})
    shipping.ship(order, skus=None, carrier="UPS", tracking="1Z", by=sam(), at=now())
    db.session.flush()
    return order.lines[0]


def a_client_with_a_cream(**terms: Any) -> tuple[Person, Variant]:
    """She was handed out a tretinoin cream today, for 30 days, under a prescription of six fills."""
    client, cream = alice(), a_retinoid()
    a_prescription(client, cream, **({"fills": 6} | terms))
    handed_out(client, cream)
    return client, cream


def offered(client: Person, variant: Variant, **given: Any) -> Terms:
    """The terms as of today, to her home."""
    fields: dict[str, Any] = {
        "quantity": 1,
        "shipping_address": HOME,
        "shipping_method": "standard",
        "card": given.pop("card", None) or a_saved_card(client).id,
        "zone": ZONE,
        "at": now(),
    }
    return offering.offer(client, variant.sku, **(fields | given))[1]


def yes_to(terms: Terms, **given: Any) -> Yes:
    fields: dict[str, Any] = {
        "agreed": True,
        "statement_version": statements.VERSION,
        "total_cents": terms.totals.total_cents,
    }
    return Yes(**(fields | given))


def an_auto_refill(client: Person, variant: Variant, **given: Any) -> AutoRefill:
    """She read the terms and agreed."""
    terms = offered(client, variant, **given)
    return agreeing.agree(client, variant, terms, yes_to(terms), by=client, at=now())


def cycles_of(refill: AutoRefill) -> list[RefillCycle]:
    """As the database has them now, first to last."""
    query = sa.select(RefillCycle).where(RefillCycle.auto_refill_id == refill.id)
    return list(
        db.session.scalars(
            query.order_by(RefillCycle.number).execution_options(populate_existing=True)
        )
    )


def today() -> Any:
    return day_in(ZONE, now())
