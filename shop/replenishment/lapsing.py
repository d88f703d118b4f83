"""A cycle is over, nothing charged or kept: she bought it herself, cancelled, or did not pay."""

from __future__ import annotations

from datetime import datetime

from shop.core import events
from shop.core.events import Kind
from shop.replenishment.models import RefillCycle
from shop.replenishment.states import CycleStatus


def lapse(cycle: RefillCycle, *, why: str, at: datetime) -> None:
    """End a (locked) cycle. Raises WrongState."""
    cycle.status = CycleStatus.LAPSED
    cycle.obstacle, cycle.reasons_sealed = None, None
    events.record(Kind.REFILL_LAPSED, cycle, why=why)
