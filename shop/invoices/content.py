"""What a paper says, as plain JSON: written once, frozen with the paper, and printed from it. Pure.

Everything is copied that could change later: names, addresses, prices, the clinic's own letterhead.
Amounts are integer cents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.orders.models import Order, OrderLine
from shop.payments.models import Payment, Refund, SavedCard
from shop.prescriptions.paper.clinic import Clinic

EDITION = 1  # of this shape: what was printed before stays readable

CLASSES = {
    LegalClass.COSMETIC: "Cosmetics",
    LegalClass.OTC_DRUG: "Over-the-counter drugs",
    LegalClass.RX: "Prescription drugs",
    LegalClass.RX_UNAPPROVED: "Prescription drugs",
    LegalClass.CLINIC_USE: "For use in the clinic",
}

Body = dict[str, Any]


def invoice(order: Order, client: Person, *, clinic: Clinic) -> Body:
    """What was sold: each line with its shares, tax by class and state, and what was paid of it."""
    return _head(order, client, clinic) | {
        "lines": [_line(line) for line in order.lines],
        "taxes": _taxes(order.lines, order.ship_to_state),
        "subtotal_cents": order.subtotal_cents,
        "discount_cents": order.discount_cents,
        "shipping_cents": order.shipping_cents,
        "tax_cents": order.tax_cents,
        "total_cents": order.total_cents,
        "credit_cents": order.credit_cents,
        "due_cents": order.due_cents,
        "paid_cents": order.due_cents,
    }


def receipt(
    order: Order,
    client: Person,
    payment: Payment | None,
    card: SavedCard | None,
    *,
    of: str,
    clinic: Clinic,
) -> Body:
    """How it was paid; `of` is the invoice's number.

    The card is known where it is saved here; of others the provider alone keeps the digits.
    """
    paid = [] if payment is None else [_tender(payment, card, payment.captured_cents)]
    credit = [_amount("credit", order.credit_cents)] if order.credit_cents else []
    return _head(order, client, clinic) | {
        "invoice": of,
        "tenders": paid + credit,
        "total_cents": order.total_cents,
    }


def credit_note(
    order: Order,
    client: Person,
    refund: Refund,
    card: SavedCard | None,
    *,
    of: str,
    clinic: Clinic,
    undoes: str = "",
) -> Body:
    """What went back, and for which lines where it was for some. `undoes`: the note that does not
    hold, because the bank sent the money back.
    """
    money = [_tender(refund.payment, card, refund.amount_cents)] if refund.amount_cents else []
    credit = [_amount("credit", refund.credit_cents)] if refund.credit_cents else []
    return _head(order, client, clinic) | {
        "invoice": of,
        "undoes": undoes,
        "items": [
            {"name": part.line.name, "quantity": part.units, "sku": part.line.sku}
            for part in refund.lines
        ],
        "tenders": money + credit,
        "total_cents": refund.total_cents,
    }


def _head(order: Order, client: Person, clinic: Clinic) -> Body:
    street = [part for part in (order.line1, order.line2) if part]
    town = f"{order.city}, {order.ship_to_state} {order.postal_code}"
    return {
        "edition": EDITION,
        "clinic": asdict(clinic),
        "client": {"name": client.name, "ship_to": [order.name, *street, town]},
        "order": order.number,
        "state": order.ship_to_state,
        "shipping_method": order.shipping_method,
    }


def _line(line: OrderLine) -> Body:
    return {
        "sku": line.sku,
        "name": line.name,
        "class": line.variant.legal_class.value,
        "quantity": line.quantity,
        "unit_cents": line.unit_price_cents,
        "cents": line.total_cents,
        "discount_cents": line.discount_cents,
        "tax_cents": line.tax_cents,
    }


def _taxes(lines: Iterable[OrderLine], state: str) -> list[Body]:
    """The tax of each legal class on what is paid for it, in the order of the classes."""
    of: dict[LegalClass, list[OrderLine]] = {}
    for line in lines:
        of.setdefault(line.variant.legal_class, []).append(line)
    return [
        {
            "class": kind.value,
            "state": state,
            "base_cents": sum(line.total_cents - line.discount_cents for line in of[kind]),
            "tax_cents": sum(line.tax_cents for line in of[kind]),
        }
        for kind in LegalClass
        if kind in of
    ]


def _tender(payment: Payment, card: SavedCard | None, cents: int) -> Body:
    if payment.tender is not None:
        return _amount(payment.tender.value, cents)
    if card is None:
        return _amount("card", cents)
    return _amount("card", cents) | {"brand": card.brand, "last4": card.last4}


def _amount(how: str, cents: int) -> Body:
    return {"how": how, "brand": "", "last4": "", "cents": cents}
