"""From how much on another signs a refund; `refund_is_large` of the database says the same."""

from __future__ import annotations

LIMIT_CENTS = 10_000  # a refund
DAY_CENTS = 25_000  # what one person sends back alone within 24 hours, this one included
