"""Packs that were handed out, and auto-refills of them; saved, not committed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.orders import paying, queries
from shop.orders.models import OrderLine
from shop.payments import queries as payments
from shop.payments import removing
from shop.payments.states import PaymentStatus
from shop.replenishment import (
    agreeing,
    following,
    foreseeing,
    offering,
    refilling,
    reminding,
    statements,
)
from shop.replenishment.agreeing import Terms, Wanted, Yes
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.running_out import RunOut
from shop.replenishment.states import CycleStatus
from shop.replenishment.supplying import Supply
from shop.treatments import rulebook
from shop.treatments.models import WindowRuleRow
from tests.builders import a_variant
from tests.catalog.rules import activated
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, leave, paid
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, mona
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, tretinoin

ZONE = "America/Los_Angeles"


def peel_rules() -> None:
    """What the shop ships of the superficial peel is in force."""
    rows = json.loads(rulebook.WINDOWS.read_text(encoding="utf-8"))["rules"]
    author, review_by = mona(), now().date() + timedelta(days=900)
    for row in (one for one in rows if one["procedure"] == "superficial_peel"):
        activated(rulebook._drafted(WindowRuleRow, row, review_by=review_by, by=author, at=now()))


def a_retinoid(**given: Any) -> Variant:
    """A prescription cream of tretinoin, on the shelf."""
    variant = a_formula(tretinoin(), **given)
    a_lot(variant, 40, days=700)
    return variant


def handed_out(client: Person, variant: Variant, quantity: int = 1) -> OrderLine:
    """Bought, paid, and left today."""
    order = paid(client, {variant: quantity})
    leave(order)
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


def today() -> date:
    return day_in(ZONE, now())


def a_supply(line: OrderLine, *, days: int = 10) -> Supply:
    """What a line brought, as if it lasted for so many days."""
    lasts = today() + timedelta(days=days)
    return Supply(
        client_id=line.client_id,
        variant_id=line.variant_id,
        sku=line.sku,
        name=line.name,
        line_id=line.id,
        quantity=line.quantity,
        since=today(),
        active=False,
        run_out=RunOut(lasts, lasts),
    )


def supply_of(refill: AutoRefill) -> Supply:
    """Of the pack that its last cycle follows."""
    return a_supply(db.session.get_one(OrderLine, refill.cycles[-1].after_line_id))


def a_noticed_refill(client: Person | None = None) -> AutoRefill:
    """Of a soap that runs out in ten days: its first charge is announced for a week from today."""
    client, soap = client or alice(), a_variant()
    a_lot(soap, 20)
    line = handed_out(client, soap)
    wanted = Wanted(1, HOME, "standard", a_saved_card(client))
    supply = a_supply(line)
    terms = agreeing.terms(soap, wanted, supply, today=today(), at=now())
    refill = agreeing.agree(client, soap, terms, yes_to(terms), by=client, at=now())
    foreseeing.foresee(refill, supply, today=today(), at=now())
    db.session.flush()
    return refill


def an_announced_cream(cream: Variant | None = None, **terms: Any) -> AutoRefill:
    """The same of a cream that was signed for ten days: when it runs out is known."""
    client, cream = alice(), cream or a_retinoid()
    a_prescription(client, cream, fills=6, days_supply=10, **terms)
    handed_out(client, cream)
    refill = an_auto_refill(client, cream)
    supply = offering.of_pack(client, cream.sku, zone=ZONE, at=now())
    foreseeing.foresee(refill, supply, today=today(), at=now())
    db.session.flush()
    return refill


def agreed_anew(refill: AutoRefill) -> AutoRefill:
    """She said yes once more, after she was told: it need not wait for the day that was named."""
    consent = refill.consent
    wanted = Wanted(consent.quantity, HOME, consent.shipping_method, consent.card)
    terms = agreeing.terms(refill.variant, wanted, supply_of(refill), today=today(), at=now())
    agreeing.agree_anew(refill, terms, yes_to(terms), by=refill.client, at=now())
    db.session.refresh(refill, ["consents"])
    return refill


def a_charging_refill(client: Person | None = None) -> AutoRefill:
    """Its order is placed, and the call to charge her card is planned."""
    refill = agreed_anew(a_noticed_refill(client))
    cycle = refill.cycle
    assert cycle is not None
    order = refilling.refill(refill, supply_of(refill), today=cycle.act_on, at=now())
    assert order is not None, cycle.obstacle
    return refill


def a_charged_refill(client: Person | None = None) -> AutoRefill:
    """The money came."""
    refill = a_charging_refill(client)
    cycle = refill.cycle
    assert cycle is not None
    assert cycle.order is not None
    order = queries.locked_order(cycle.order.id)
    (payment,) = payments.payments_of(order.id)
    assert paying.mark_paid(order, at=now()) is paying.Outcome.PAID
    payment.captured_cents, payment.status = payment.amount_cents, PaymentStatus.SUCCEEDED
    events.record(events.Kind.PAYMENT_SUCCEEDED, payment, cents=payment.amount_cents)
    db.session.flush()
    assert following.follow(refill, at=now()) is CycleStatus.CHARGED
    return refill


def a_blocked_refill(client: Person | None = None) -> AutoRefill:
    """Announced, and then its card was removed."""
    refill = agreed_anew(a_noticed_refill(client))
    removing.remove(refill.consent.card, by=refill.client, at=now())
    cycle = refill.cycle
    assert cycle is not None
    assert refilling.refill(refill, supply_of(refill), today=cycle.act_on, at=now()) is None
    assert cycle.status is CycleStatus.BLOCKED
    return refill


def a_reminder(line: OrderLine) -> None:
    """Written, as the run would."""
    supply = a_supply(line, days=3)
    reminding.remind({line.client_id: [supply]}, refilled=(), days=7, today=today())
