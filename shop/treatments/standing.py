"""How a session stands at a moment, read off its state, its dates and what is lacking. Pure.

What somebody did is stored (`states.py`). That a client is ready or not, that her skin is in
downtime or has recovered, nobody does: it follows, and would be wrong the moment a job forgot to
write it (docs/decisions/0023).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shop.core.clock import day_in
from shop.treatments.states import SessionStatus


class Standing(StrEnum):
    PROPOSED = "proposed"
    BOOKED = "booked"  # nobody has asked yet what is lacking
    READY = "ready"
    NOT_READY = "not_ready"
    DOWNTIME = "downtime"
    RECOVERED = "recovered"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Treatment(Protocol):
    """What is asked about: a `Session`."""

    @property
    def status(self) -> SessionStatus: ...
    @property
    def performed_at(self) -> datetime | None: ...


def standing(
    one: Treatment,
    at: datetime,
    *,
    zone: str,
    downtime_days: int,
    lacking: Collection[str] | None = None,
) -> Standing:
    """How it stands at `at`.

    `downtime_days` is the longest that its procedure publishes; `lacking` names what speaks against
    doing it (windows, dispenses, reports), None where nobody looked.
    """
    if one.status is SessionStatus.BOOKED and lacking is not None:
        return Standing.NOT_READY if lacking else Standing.READY
    if one.performed_at is None:
        return Standing(one.status.value)
    over = recovered_on(one.performed_at, zone=zone, downtime_days=downtime_days)
    return Standing.DOWNTIME if day_in(zone, at) < over else Standing.RECOVERED


def recovered_on(performed_at: datetime, *, zone: str, downtime_days: int) -> date:
    """The first day in the clinic after the longest downtime; that day where there is none."""
    return day_in(zone, performed_at) + timedelta(days=downtime_days)
