"""The roads on which an order is paid, as data: how long each waits, and whether it is permitted.

Card networks and card processors restrict the sale of prescription products where the card is not
present: Stripe sells to them after a review only, Visa and Mastercard ask for a certification
(LegitScript, NABP). So money for a legal class is taken online under a permission that somebody
wrote down, and at the clinic's desk without one. Source: Stripe, Prohibited and Restricted
Businesses; the certification programmes of LegitScript and NABP for card-not-present pharmacies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Route(StrEnum):
    ONLINE = "online"  # on the provider's page, or by a saved card
    DESK = "desk"  # at the clinic: cash, the card terminal, a cheque


@dataclass(frozen=True)
class Terms:
    """What a route asks for. `time_to_pay` counts from the order; a payment page moves it on."""

    name: str
    time_to_pay: timedelta
    needs_permission: bool


ROUTES: Mapping[Route, Terms] = MappingProxyType(
    {
        # Long enough to open the provider's page and for its 30 minutes to pass.
        Route.ONLINE: Terms("Online, by card", timedelta(minutes=60), needs_permission=True),
        Route.DESK: Terms("At the clinic's desk", timedelta(days=3), needs_permission=False),
    }
)
