"""Charge a refill on its day: the order is placed and the card asked, if the whole gate says yes.

Everything happens in the transaction that holds the auto-refill's lock, so that two workers cannot
both; what the gate refuses leaves no order behind.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shop.core import events
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.events import Kind
from shop.orders import checkout
from shop.orders.checkout import Address
from shop.orders.models import Order
from shop.payments import charging
from shop.prescriptions.gate import Wish
from shop.replenishment import agreeing, blocking, lapsing, noticing, queries
from shop.replenishment.errors import OnItsWay, ReportWaits, RunOutUnknown
from shop.replenishment.models import AutoRefill, RefillConsent, RefillCycle
from shop.replenishment.states import AHEAD, CycleStatus, RefillStatus
from shop.replenishment.supplying import Supply
from shop.treatments import queries as treatments

TIME_TO_ASK = timedelta(days=1)  # nobody waits at a page, and a worker may be down for hours


def refill(auto: AutoRefill, supply: Supply | None, *, today: date, at: datetime) -> Order | None:
    """Charge the cycle of a (locked) auto-refill that is due; the order, where one was placed.

    The caller commits and has the planned call sent. Where something is against it, the cycle says
    so, and nothing was placed. Where it costs more than she was told, she is told first. Without
    its supply (what she has could not be reckoned) it waits. Safe to repeat. Raises StartAgain.
    """
    cycle = auto.cycle
    if auto.status is not RefillStatus.ACTIVE or cycle is None or cycle.status not in AHEAD:
        return None
    if today < cycle.act_on:
        return None
    if queries.last_line(auto.client_id, auto.variant_id) != cycle.after_line_id:
        lapsing.lapse(cycle, why="bought", at=at)
        return None
    if supply is None:
        return None
    try:
        return _charged(auto, cycle, supply, today, at)
    except Refusal as refusal:
        blocking.block(cycle, refusal, today=today, at=at)
        return None


def _charged(
    refill: AutoRefill, cycle: RefillCycle, supply: Supply, today: date, at: datetime
) -> Order | None:
    """Raises what is against it; then nothing was placed."""
    _require_nothing_against(refill, supply, today)
    total = noticing.quoted(refill, at=at).total_cents
    if not noticing.may_charge(cycle, total_cents=total, today=today):
        noticing.tell(cycle, due=today, total_cents=total, today=today, at=at)
        return None
    with db.session.begin_nested():  # a no takes order, fill and reservation back with it
        order = _placed(refill, total, at)
        charging.charge(order, refill.consent.card, at=at)
    cycle.order_id, cycle.order = order.id, order
    cycle.obstacle, cycle.reasons_sealed = None, None
    cycle.status = CycleStatus.CHARGING
    events.record(Kind.REFILL_CHARGING, cycle, order=order.number, cents=order.total_cents)
    db.session.flush()  # the database has its say while it can be told where
    return order


def _require_nothing_against(refill: AutoRefill, supply: Supply, today: date) -> None:
    """What is asked before the gate. Raises RunOutUnknown, ReportWaits, OnItsWay, CardGone."""
    if supply.run_out is None:
        raise RunOutUnknown(f"When this runs out is not known. {supply.why}", sku=supply.sku)
    if supply.active and treatments.held_for_report(refill.client_id):
        raise ReportWaits("Your clinic looks at what you told it of your skin first.")
    number = queries.on_their_way([refill.client_id]).get((refill.client_id, refill.variant_id))
    if number is not None:
        raise OnItsWay(f"Your order {number} holds it already.", order=number)
    agreeing.require_usable(refill.consent.card, today)


def _placed(refill: AutoRefill, total_cents: int, at: datetime) -> Order:
    consent = refill.consent
    order = checkout.promise(
        refill.client,
        [Wish(refill.variant_id, refill.variant.sku, consent.quantity)],
        address=_address(consent),
        shipping_method=consent.shipping_method,
        expect_total_cents=total_cents,
        by=None,
        at=at,
    )
    order.pay_by = max(order.pay_by, at + TIME_TO_ASK)
    return order


def _address(consent: RefillConsent) -> Address:
    return Address(
        name=consent.name,
        line1=consent.line1,
        line2=consent.line2,
        city=consent.city,
        state=consent.state,
        postal_code=consent.postal_code,
        phone=consent.phone,
    )
