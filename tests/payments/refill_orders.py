"""Orders that a saved card may be charged for: those of refills. And charges of them."""

from __future__ import annotations

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.payments import charging
from shop.payments.models import Payment, SavedCard
from shop.payments.queries import locked_order
from shop.replenishment import agreeing, foreseeing
from shop.replenishment.agreeing import Wanted
from shop.replenishment.models import RefillCycle
from shop.replenishment.states import CycleStatus
from tests.orders.things import HOME
from tests.replenishment.builders import a_supply, agreed_anew, handed_out, today, yes_to


def a_cycle(client: Person, pack: Variant, card: SavedCard) -> RefillCycle:
    """She has had the pack before, agreed to `card`, and was told. Saved, not committed."""
    before = a_supply(handed_out(client, pack))
    terms = agreeing.terms(pack, Wanted(1, HOME, "standard", card), before, today=today(), at=now())
    refill = agreeing.agree(client, pack, terms, yes_to(terms), by=client, at=now())
    foreseeing.foresee(refill, before, today=today(), at=now())
    return agreed_anew(refill).cycles[-1]


def asked(cycle: RefillCycle, order: Order) -> Order:
    """The cycle has placed this order and asks the card. Saved, not committed."""
    cycle.order_id, cycle.status = order.id, CycleStatus.CHARGING
    events.record(events.Kind.REFILL_CHARGING, cycle, order=order.number)
    db.session.flush()
    return order


def of_a_refill(order: Order, card: SavedCard) -> Order:
    """An order of one pack becomes one that her auto-refill placed. Saved, not committed."""
    (line,) = order.lines
    return asked(a_cycle(order.client, line.variant, card), order)


def planned(order: Order, card: SavedCard) -> Payment:
    """A charge that is planned and committed; its call waits to be sent."""
    if db.session.query(RefillCycle).filter_by(order_id=order.id).first() is None:
        of_a_refill(order, card)
    payment = charging.charge(locked_order(order.id), card, at=now())
    db.session.commit()
    return payment
