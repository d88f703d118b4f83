"""How pages say days and moments: "Sat 12 Dec", in the clinic's time zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app


def day(value: date | datetime | None) -> str:
    """ "Sat 12 Dec 2026"; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(_zone()).date()
    return f"{value:%a} {value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """ "Sat 12 Dec 2026, 14:05"; nothing for None."""
    if value is None:
        return ""
    local = value.astimezone(_zone())
    return f"{day(local.date())}, {local:%H:%M}"


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["SHOP"].clinic_time_zone)
