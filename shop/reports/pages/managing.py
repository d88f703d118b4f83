"""Where a manager's day begins: what waits for her, then every place she looks after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.reports import sales, schemas, waiting
from shop.reports.figures import Figures
from shop.reports.waiting import Waiting
from shop.web.forms import rendered
from shop.web.portals import portal

bp = Blueprint("managing_pages", __name__)

# What one finds on a road, in a line.
ABOUT = {
    "/manage/products": lazy_gettext("Words, pictures, packs, status"),
    "/manage/prices": lazy_gettext("The list of today, and what changes when"),
    "/manage/imports": lazy_gettext("Sheets of suppliers, tried before they count"),
    "/manage/discounts": lazy_gettext("Codes, their terms and what they gave"),
    "/manage/ingredient-names": lazy_gettext("Which substance a filed name means"),
    "/manage/rules": lazy_gettext("Law and policy, with sources; tried on the past"),
    "/packing": lazy_gettext("What leaves today"),
    "/orders": lazy_gettext("Every order, and where it is"),
    "/desk": lazy_gettext("Orders and money at the counter"),
    "/refunds": lazy_gettext("Money that goes back, and who signs it"),
    "/credit": lazy_gettext("Gift cards and what clients have left"),
    "/reports": lazy_gettext("Sales, waits, expiry, refills, recalls"),
    "/papers": lazy_gettext("Invoices, receipts, credit notes"),
    "/disputes": lazy_gettext("What banks ask, and by when"),
    "/manage/payment-permissions": lazy_gettext("What may be paid on which way"),
    "/stock": lazy_gettext("Lots, places, movements"),
    "/purchases": lazy_gettext("What is ordered from whom"),
    "/stock/planning": lazy_gettext("What runs short, what expires"),
    "/stock/recalls": lazy_gettext("From the notice to the last pack"),
    "/people": lazy_gettext("Roles, licenses, duties"),
    "/reactions": lazy_gettext("What clients told, and who was told"),
    "/error-reports": lazy_gettext("Prescriptions said to be wrong"),
    "/manage/events": lazy_gettext("Who did what, when"),
    "/manage/access-log": lazy_gettext("Who opened which record, and why"),
    "/manage/clinic": lazy_gettext("Name, logo, color, words at the door"),
}

WEEK = 7  # days that the figures at the top are of


@bp.get("/manage")
@allow(Role.MANAGER)
def home() -> Response:
    """What waits, how the last week went, and the areas."""
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    today = day_in(zone, at)
    shown = [_led(one) for one in waiting.list_for(actor(), today=today, at=at)]
    areas = [group for group in portal(Role.MANAGER.value) if group.name]
    asked = schemas.asked_for(today - timedelta(days=2 * WEEK - 1), today, zone=zone, at=at)
    sold = sales.by_period(since=asked.since, until=asked.until, zone=zone)
    return rendered(
        "reports/home.html",
        waiting=shown,
        areas=areas,
        about=ABOUT,
        today=today,
        week=_week(sold),
        greeting=_("Good day, %(name)s", name=actor().name.split()[0]),
    )


def _led(one: Waiting) -> tuple[Waiting, str]:
    """With the address, where there is a page at it."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    return one, one.path if one.path in rules else ""


def _week(sold: Figures) -> dict[str, Any]:
    """Orders and money of the last seven days, and of the seven before."""
    orders = [count or 0 for count in sold.series("orders")]
    cents = [count or 0 for count in sold.series("total_cents")]
    return {
        "orders": sum(orders[-WEEK:]),
        "orders_before": sum(orders[:-WEEK]),
        "cents": sum(cents[-WEEK:]),
        "cents_before": sum(cents[:-WEEK]),
    }
