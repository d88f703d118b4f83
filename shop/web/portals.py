"""Where each kind of person finds what: the navigation, in groups, one icon a road.

A road is a path, its name and the icon of the sprite (`static/icons.svg`) that stands before it.
The first group of the clients is their header; who works here has a side bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Road:
    """A place of a portal."""

    path: str
    name: Any  # a lazy string
    icon: str

    def leads_to(self, here: str) -> bool:
        """Whether the page at `here` lies on it."""
        return here == self.path or (self.path != "/" and here.startswith(f"{self.path}/"))


@dataclass(frozen=True)
class Group:
    """Roads that belong together; without a name they need none."""

    name: Any
    roads: tuple[Road, ...]


SHOP = Road("/", _("Shop"), "store")
REVIEW = Road("/review", _("Review"), "clipboard-check")
STUDIO = Road("/studio", _("Studio"), "calendar-days")
REACTIONS = Road("/reactions", _("Reactions"), "activity")
RECALLS = Road("/stock/recalls", _("Recalls"), "siren")
RULES = Road("/manage/rules", _("Rules"), "scale")
OUTBOX = Road("/manage/letters/outbox", _("Outbox"), "send")
WORK = Road("/work", _("Work in progress"), "activity")
ERRORS = Road("/error-reports", _("Errors"), "flag")
PACKING = Road("/packing", _("Packing"), "package-check")
ORDERS = Road("/orders", _("Orders"), "package")
DESK = Road("/desk", _("Desk"), "banknote")
REFUNDS = Road("/refunds", _("Refunds"), "undo-2")
CREDIT = Road("/credit", _("Credit"), "gift")
STOCK = Road("/stock", _("Stock"), "boxes")
PURCHASES = Road("/purchases", _("Purchases"), "truck")
PLANNING = Road("/stock/planning", _("Planning"), "hourglass")
NAMES = Road("/manage/ingredient-names", _("Names"), "flask-conical")

SELLING = Group(_("Orders and money"), (PACKING, ORDERS, DESK, REFUNDS, CREDIT))
SHELF = Group(_("Shelf"), (STOCK, PURCHASES, PLANNING, RECALLS))

PORTALS: dict[str, tuple[Group, ...]] = {
    "client": (
        Group(
            "",
            (
                SHOP,
                Road("/plan", _("My plan"), "calendar-days"),
                Road("/prescriptions", _("Prescriptions"), "pill"),
                ORDERS,
            ),
        ),
        Group(
            _("Your account"),
            (
                Road("/account/health", _("Your health"), "heart-pulse"),
                Road("/requests", _("Requests"), "clipboard-list"),
                Road("/account/repeats", _("Refills"), "repeat"),
                Road("/account/cards", _("Cards"), "credit-card"),
                Road("/account/credit", _("Credit"), "gift"),
                Road("/account", _("Account"), "user"),
            ),
        ),
    ),
    "physician": (
        Group(
            _("Decide"),
            (
                REVIEW,
                Road("/review/renewals", _("Renewals"), "repeat"),
                Road("/review/health-news", _("Health news"), "heart-pulse"),
                Road("/review/visits", _("Visits"), "stethoscope"),
                Road("/prescriptions", _("Signed"), "badge-check"),
            ),
        ),
        Group(
            _("Care"),
            (STUDIO, Road("/studio/reports", _("Reports"), "camera"), REACTIONS, RECALLS),
        ),
        Group(
            _("Standards"),
            (
                RULES,
                Road("/review/templates", _("Templates"), "file-text"),
                Road("/review/overrides", _("Overrides"), "shield-alert"),
                ERRORS,
                Road("/review/away", _("Away"), "sun"),
            ),
        ),
    ),
    "esthetician": (
        Group(
            _("Care"),
            (
                STUDIO,
                Road("/studio/scope", _("May I do this?"), "scale"),
                Road("/studio/readiness", _("Readiness"), "calendar-check"),
                Road("/studio/reports", _("Reports"), "camera"),
            ),
        ),
    ),
    "staff": (
        SELLING,
        SHELF,
        Group(_("Care"), (REACTIONS, Road("/refills", _("Refills"), "repeat"), NAMES)),
        Group(_("House"), (OUTBOX, WORK)),
    ),
    "manager": (
        Group("", (Road("/manage", _("Today"), "house"),)),
        Group(
            _("Catalogue"),
            (
                Road("/manage/products", _("Products"), "tags"),
                Road("/manage/prices", _("Prices"), "tag"),
                Road("/manage/imports", _("Imports"), "upload"),
                Road("/manage/discounts", _("Discounts"), "percent"),
                NAMES,
                RULES,
            ),
        ),
        SELLING,
        Group(
            _("Books"),
            (
                Road("/reports", _("Reports"), "chart-column"),
                Road("/papers", _("Papers"), "receipt"),
                Road("/disputes", _("Disputes"), "landmark"),
                Road("/manage/payment-permissions", _("Permissions"), "file-check"),
            ),
        ),
        SHELF,
        Group(
            _("Clinic"),
            (
                Road("/people", _("People"), "users"),
                REACTIONS,
                ERRORS,
                Road("/manage/privacy-requests", _("Privacy"), "lock"),
                Road("/manage/letters", _("Letters"), "mail"),
                OUTBOX,
                WORK,
                Road("/manage/events", _("Events"), "history"),
                Road("/manage/access-log", _("Access log"), "eye"),
                Road("/manage/clinic", _("Look"), "palette"),
            ),
        ),
    ),
}


def portal(role: str) -> tuple[Group, ...]:
    """The groups of somebody's portal; a visitor has the shop alone."""
    return PORTALS.get(role, (Group("", (SHOP,)),))


def current(groups: tuple[Group, ...], here: str) -> Road | None:
    """The road on which a page lies: of several the longest."""
    fitting = [road for group in groups for road in group.roads if road.leads_to(here)]
    return max(fitting, key=lambda road: len(road.path), default=None)
