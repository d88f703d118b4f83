"""How pages say days, moments and browsers: "Sat 12 Dec", in the clinic's time zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import format_date

DAY = "EEE d MMM y"  # CLDR patterns
SHORT_DAY, MONTH = "EEE d MMM", "MMM y"
# What a User-Agent header holds, the most telling first: Edge also says Chrome, all say Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def day(value: date | datetime | None) -> str:
    """ "Sat 12 Dec 2026"; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(_zone()).date()
    return str(format_date(value, DAY))


def moment(value: datetime | None) -> str:
    """ "Sat 12 Dec 2026, 14:05"; nothing for None."""
    if value is None:
        return ""
    local = value.astimezone(_zone())
    return f"{day(local.date())}, {local:%H:%M}"


def short_day(value: date | datetime | None, *, beside: date | None = None) -> str:
    """ "Sat 12 Dec", with the year where it is another than that of `beside`; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(_zone()).date()
    another = beside is not None and beside.year != value.year
    return format_date(value, DAY if another else SHORT_DAY)


def month(value: date) -> str:
    """ "Dec 2026"."""
    return format_date(value, MONTH)


def browser(agent: str) -> str:
    """ "Firefox on Windows", from a User-Agent header; its beginning where it is none we know."""
    name = next((name for mark, name in BROWSERS if mark in agent), None)
    if name is None:
        return agent[:40] or "Unknown"
    system = next((name for mark, name in SYSTEMS if mark in agent), None)
    return f"{name} on {system}" if system else name


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["SHOP"].clinic_time_zone)
