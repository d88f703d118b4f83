"""Tell a client when a refill will be charged, and how much, before it is."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders import checkout
from shop.orders.pricing import Totals
from shop.replenishment.models import AutoRefill, RefillCycle, RefillNotice
from shop.replenishment.states import CycleStatus
from shop.replenishment.timing import Agreed, Told, announced_for, stands


def quoted(refill: AutoRefill, *, at: datetime) -> Totals:
    """What it would cost now. Raises NotForSale, StateNotServed, UnknownShippingMethod."""
    consent = refill.consent
    offer = checkout.offer(refill.variant, consent.quantity, at)
    return checkout.quote(
        [offer], shipping_method=consent.shipping_method, state=consent.state, at=at
    )


def agreed_cents(refill: AutoRefill) -> int:
    """The most that she agreed to last, or was told of since and paid last."""
    consent = refill.consent
    paid = [
        one.order.total_cents
        for one in refill.cycles
        if one.status is CycleStatus.CHARGED
        and one.order
        and one.order.placed_at > consent.consented_at
    ]
    return max([consent.total_cents, *paid[-1:]])


def tell(
    cycle: RefillCycle, *, due: date, total_cents: int, today: date, at: datetime
) -> RefillNotice:
    """Announce the charge of a cycle that is ahead; a letter follows.

    Where it costs more than she agreed to, she is told so, and it waits longer.
    """
    refill = cycle.auto_refill
    rises = total_cents > agreed_cents(refill)
    notice = RefillNotice(
        id=uuid.uuid4(),
        cycle_id=cycle.id,
        charge_on=announced_for(due, today, rises=rises),
        total_cents=total_cents,
        rises=rises,
    )
    cycle.act_on = notice.charge_on
    if cycle.status is CycleStatus.BLOCKED:
        cycle.obstacle, cycle.reasons_sealed = None, None
        cycle.status = CycleStatus.NOTICED
    cycle.notices.append(notice)
    db.session.flush()  # the database numbers it
    events.record(
        Kind.REFILL_NOTICED,
        cycle,
        charge_on=notice.charge_on.isoformat(),
        cents=total_cents,
        rises=rises,
    )
    return notice


def may_charge(cycle: RefillCycle, *, total_cents: int, today: date) -> bool:
    """Whether what she was told, and agreed to since, lets it be charged today."""
    notice, consent = cycle.notice, cycle.auto_refill.consent
    told = Told(notice.charge_on, notice.total_cents) if notice else None
    since = None
    if notice and consent.consented_at > notice.told_at:
        since = Agreed(consent.consented_at.astimezone(UTC).date(), consent.total_cents)
    return stands(told, agreed_since=since, total_cents=total_cents, today=today)
