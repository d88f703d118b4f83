"""From a yes to a charge: announced first, at the price that was told, once, and only if nothing is
against it.
"""

from __future__ import annotations

from datetime import timedelta

from shop.core.clock import now
from shop.core.db import db
from shop.orders.states import OrderStatus
from shop.replenishment.states import CycleStatus, RefillStatus
from tests.replenishment.builders import a_client_with_a_cream, an_auto_refill, cycles_of
from tests.replenishment.conftest import Clinic


def test_a_refill_is_announced_then_charged_once_and_the_next_follows(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    refill = clinic.made(lambda: an_auto_refill(client, cream))
    begun = clinic.today
    clinic.days(17)
    assert cycles_of(refill) == []

    clinic.days(1)

    (cycle,) = cycles_of(refill)
    assert cycle.notice is not None
    assert (cycle.status, cycle.act_on) == (CycleStatus.NOTICED, begun + timedelta(days=25))
    assert (cycle.notice.charge_on, cycle.notice.rises) == (cycle.act_on, False)
    clinic.days(6)
    assert cycles_of(refill)[0].status is CycleStatus.NOTICED

    clinic.days(3)

    (cycle,) = cycles_of(refill)
    assert cycle.status is CycleStatus.CHARGED
    assert cycle.order is not None
    assert cycle.order.status is OrderStatus.PAID
    assert clinic.bank.took(cycle.order.number) == cycle.order.total_cents
    assert len(clinic.bank.intents) == 1
    assert refill.status is RefillStatus.ACTIVE
    assert now() and db.session
