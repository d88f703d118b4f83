"""The pages of this feature: importing this connects all routes."""

from __future__ import annotations

from shop.prescriptions.pages import (
    asking,
    beside,
    desk,
    directions,
    errors,
    explaining,
    health_news,
    inquiries,
    kits,
    papers,
    plans,
    prescriptions,
    records,
    renewals,
    review,
    supervisions,
    visits,
)
from shop.prescriptions.pages.blueprint import bp

__all__ = [
    "asking",
    "beside",
    "bp",
    "desk",
    "directions",
    "errors",
    "explaining",
    "health_news",
    "inquiries",
    "kits",
    "papers",
    "plans",
    "prescriptions",
    "records",
    "renewals",
    "review",
    "supervisions",
    "visits",
]
