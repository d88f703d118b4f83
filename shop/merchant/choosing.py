"""On which routes may what is in a cart or an order be paid, and why not on the others?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from shop.catalog.models import LegalClass
from shop.merchant import queries
from shop.merchant.errors import RouteClosed
from shop.merchant.routes import ROUTES, Route

CALLED = {
    LegalClass.COSMETIC: "cosmetics",
    LegalClass.OTC_DRUG: "over-the-counter drugs",
    LegalClass.RX: "prescription products",
    LegalClass.RX_UNAPPROVED: "prescription products without FDA approval",
    LegalClass.CLINIC_USE: "what only the clinic uses",
}


@dataclass(frozen=True)
class Choice:
    """A route, and the classes among those asked of that may not be paid on it."""

    route: Route
    barred: tuple[LegalClass, ...] = ()

    @property
    def open(self) -> bool:
        return not self.barred

    @property
    def why(self) -> str:
        """In words for the client."""
        terms = ROUTES[self.route]
        if self.barred:
            named = " and ".join(CALLED[each] for each in self.barred)
            return (
                f"The card networks do not let us take online payment for {named} at the moment."
                " Order it and pay at the clinic's desk."
            )
        if self.route is Route.DESK:
            days = terms.time_to_pay.days
            return f"Cash, card or cheque at the clinic, within {days} days. We keep it for you."
        return "On our payment provider's page, at once."


def choices(classes: Collection[LegalClass], *, at: datetime) -> tuple[Choice, ...]:
    """Every route, with what may not be paid on it. One query a route that needs permission."""
    return tuple(choice(route, classes, at=at) for route in Route)


def choice(route: Route, classes: Collection[LegalClass], *, at: datetime) -> Choice:
    """A route, with what may not be paid on it."""
    return Choice(route, _barred(route, classes, at))


def insist(route: Route, classes: Collection[LegalClass], *, at: datetime) -> None:
    """Everything of these classes may be paid on the route at this moment. Raises RouteClosed."""
    asked = choice(route, classes, at=at)
    if not asked.open:
        raise RouteClosed(
            asked.why,
            fields={"payment_route": [asked.why]},
            route=route.value,
            classes=[each.value for each in asked.barred],
            open=[each.route.value for each in choices(classes, at=at) if each.open],
        )


def _barred(route: Route, classes: Collection[LegalClass], at: datetime) -> tuple[LegalClass, ...]:
    if not ROUTES[route].needs_permission or not classes:
        return ()
    return tuple(sorted(set(classes) - queries.permitted(route, classes, at=at)))
