"""A client pauses an auto-refill, goes on with it, or ends it: one click, at once, for nothing."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.replenishment import lapsing
from shop.replenishment.models import AutoRefill
from shop.replenishment.states import AHEAD, RefillStatus


def pause(refill: AutoRefill, *, by: Person, at: datetime) -> None:
    """Charge nothing until she goes on. The (locked) auto-refill keeps its place. Raises
    WrongState, NotAllowed.
    """
    _require_hers(refill, by)
    refill.status = RefillStatus.PAUSED
    events.record(Kind.AUTO_REFILL_PAUSED, refill, why="client")


def resume(refill: AutoRefill, *, by: Person, at: datetime) -> None:
    """Go on. What was told too long ago is told again first. Raises WrongState, NotAllowed."""
    _require_hers(refill, by)
    refill.status = RefillStatus.ACTIVE
    events.record(Kind.AUTO_REFILL_RESUMED, refill)


def cancel(refill: AutoRefill, *, by: Person, at: datetime) -> None:
    """End it for good. An order that is placed already stands: it is cancelled by itself.

    Raises WrongState, NotAllowed.
    """
    _require_hers(refill, by)
    refill.status = RefillStatus.CANCELLED
    events.record(Kind.AUTO_REFILL_CANCELLED, refill)
    cycle = refill.cycle
    if cycle is not None and cycle.status in AHEAD:
        lapsing.lapse(cycle, why="cancelled", at=at)


def _require_hers(refill: AutoRefill, by: Person) -> None:
    if by.id != refill.client_id:
        raise NotAllowed("Only the client says what is sent to her by itself.")
