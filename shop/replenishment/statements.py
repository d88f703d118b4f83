"""What a client reads and agrees to before anything is charged by itself. Pure.

The text is kept with her yes, word for word. 15 U.S.C. 8403: all material terms, clearly, before
her billing information is used; her express consent; a simple way to stop.
"""

from __future__ import annotations

from datetime import date

from shop.core.money import dollars
from shop.orders.pricing import SHIPPING_METHODS
from shop.payments.models import SavedCard
from shop.replenishment.timing import NOTICE, PRICE_NOTICE

VERSION = "2026-1"
WORDS = (
    "Each time your {name} runs out, we send you {quantity} more and charge your {card} for it."
    " Today that is {total} in all, with tax and shipping ({shipping}); the next charge is due"
    " about {due}. It goes on until you cancel. We write to you at least {notice} days before each"
    " charge, with its day and its price, and at least {rise} days before where it costs more than"
    " you agreed to. The day moves with your treatments. Nothing is charged while your"
    " prescription, a treatment or the law is against it. You can pause or cancel at any time, at"
    " once, with one click under Refills in your account, and pay nothing for it."
)


def statement(
    *,
    name: str,
    quantity: int,
    total_cents: int,
    shipping_method: str,
    card: SavedCard,
    due: date,
) -> str:
    """The terms in words."""
    return WORDS.format(
        name=name,
        quantity=quantity,
        total=dollars(total_cents),
        shipping=SHIPPING_METHODS[shipping_method].name,
        card=f"{card.brand.replace('_', ' ').capitalize()} card ending in {card.last4}",
        due=f"{due:%B} {due.day}, {due.year}",
        notice=NOTICE.days,
        rise=PRICE_NOTICE.days,
    )
