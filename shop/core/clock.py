"""What time it is: the database's clock, so that every decision and every trigger agree.

`shop_now()` is the server's clock plus an offset that only the owner may set: tests and the demo
travel in time by it. Nothing in the domain reads Python's clock.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from shop.core.db import UtcDateTime, db

_NOW = sa.select(sa.func.shop_now(type_=UtcDateTime()))


def now() -> datetime:
    """The moment, in UTC. Read once per request, after the locks, and handed on as `at=`."""
    return db.session.execute(_NOW).scalar_one()


def day_in(zone: str, at: datetime) -> date:
    """The calendar day at `at` in the clinic's time zone, e.g. "America/Los_Angeles"."""
    return at.astimezone(ZoneInfo(zone)).date()
