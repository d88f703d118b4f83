"""How an amount that goes back is split between the payment and store credit."""

from __future__ import annotations

from dataclasses import dataclass

from shop.credit import returning
from shop.payments.models import Payment


@dataclass(frozen=True)
class Split:
    """Both in cents; together what goes back."""

    payment_cents: int
    credit_cents: int


def split(payment: Payment, cents: int) -> Split:
    """Money first, as far as it is still here, the rest to the account of store credit.

    The payment is locked. Only to where it came from goes money back; what is more than both can
    bear is refused by who asked (`refunding.insist_left`).
    """
    money = min(cents, money_left(payment))
    return Split(payment_cents=money, credit_cents=cents - money)


def money_left(payment: Payment) -> int:
    """Cents of the payment that can still go back: less refunds, less what disputes took."""
    return max(0, payment.captured_cents - payment.refunded_cents - max(0, payment.disputed_cents))


def left_of(payment: Payment) -> int:
    """Cents that can still go back of its order, as money and as credit."""
    return money_left(payment) + returning.left(payment.order_id)
