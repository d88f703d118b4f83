"""How an amount that goes back is split between the payment and store credit."""

from __future__ import annotations

from dataclasses import dataclass

from shop.payments.models import Payment


@dataclass(frozen=True)
class Split:
    """Both in cents; together what goes back."""

    payment_cents: int
    credit_cents: int


def split(payment: Payment, cents: int) -> Split:
    """All of it to the card it came from: only to the original payment goes money back."""
    return Split(payment_cents=cents, credit_cents=0)
