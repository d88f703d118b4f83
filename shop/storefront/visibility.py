"""Who sees a product at all, and who sees its price: the visibility policy, as SQL.

The policy is rows (`visibility_rules`): per legal class and jurisdiction. A product has its filed
class and every class that a rule gives it in the reader's state; each policy on one of these must
let the reader through. Those who work here see everything. A visitor, who has no state yet, is
looked at as if she lived in the clinic's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.catalog.models import RULINGS, Product, Variant, Visibility, VisibilityRule
from shop.core.rules import EVERYWHERE, in_force_on
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.prescriptions.asking import OPEN_REQUESTS
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.states import PrescriptionStatus

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, eq=False)  # conditions cannot be compared
class View:
    """What one reader sees on one day, as conditions on `Product`.

    `audience` names those who see the same, where the policy alone decides that; None where the
    reader's own orders and prescriptions count, too.
    """

    seen: Condition
    teased: Condition
    audience: str | None


def view_of(reader: Person | None, *, home: str, day: date) -> View:
    """The reader's view; `home` is the clinic's own state."""
    state = state_of(reader, home)
    if _works_here(reader):
        return _EVERYTHING
    if reader is None:
        return _of_visitors(state, day)
    return View(visible_to(reader, state, day), teased_to(reader, state, day), audience=None)


_EVERYTHING = View(sa.true(), sa.false(), audience="the clinic")


@lru_cache(maxsize=16)  # building it costs more than a list may
def _of_visitors(state: str, day: date) -> View:
    return View(
        visible_to(None, state, day), teased_to(None, state, day), audience=f"visitors in {state}"
    )


def visible_to(reader: Person | None, state: str, day: date) -> Condition:
    """Whether the policy lets this reader see a `Product`: one condition, no further statement.

    `state` as `state_of` says. The lists inside are made once per statement, not once per product.
    """
    if _works_here(reader):
        return sa.true()
    hidden = VisibilityRule.visibility == Visibility.HIDDEN
    established = VisibilityRule.visibility == Visibility.ESTABLISHED
    planned = VisibilityRule.visibility == Visibility.PLAN
    if reader is None:
        return ~_of_class(sa.or_(hidden, established, planned), state, day)
    closed = sa.or_(hidden, sa.and_(established, ~_is_established(reader.id)))
    return sa.or_(
        ~_of_class(sa.or_(closed, planned), state, day),
        sa.and_(
            Product.id.in_(_prescribed(reader.id, day).union(_asked_for(reader.id))),
            ~_of_class(closed, state, day),
        ),
    )


def teased_to(reader: Person | None, state: str, day: date) -> Condition:
    """Whether a `Product` shows this reader neither price nor cart: "ask the physician".

    Who holds a standing prescription of it has asked.
    """
    if _works_here(reader):
        return sa.false()
    teased = _of_class(VisibilityRule.visibility == Visibility.TEASER, state, day)
    if reader is None:
        return teased
    return sa.and_(teased, Product.id.not_in(_prescribed(reader.id, day)))


def state_of(reader: Person | None, home: str) -> str:
    """Whose policy holds: a client's own state, for everybody else the clinic's (`home`)."""
    return (reader and reader.state) or home


def _works_here(reader: Person | None) -> bool:
    return reader is not None and reader.role is not Role.CLIENT


def _of_class(policies: Condition, state: str, day: date) -> Condition:
    """The product is filed or ruled to be of a class that one of these policies is about."""
    here = (EVERYWHERE, state)
    classes = (
        sa.select(VisibilityRule.legal_class)
        .where(VisibilityRule.jurisdiction.in_(here), in_force_on(VisibilityRule, day), policies)
        .correlate(None)
    )
    ruled = sa.select(RULINGS.c.product_id).where(
        RULINGS.c.jurisdiction.in_(here),
        RULINGS.c.valid_from <= day,
        sa.or_(RULINGS.c.valid_until.is_(None), RULINGS.c.valid_until > day),
        RULINGS.c.legal_class.in_(classes),
    )
    return sa.or_(Product.legal_class.in_(classes), Product.id.in_(ruled))


def _is_established(client_id: UUID) -> Condition:
    """She has paid an order, or a physician has prescribed her something."""
    paid = sa.exists().where(
        Order.client_id == client_id, Order.status.in_([OrderStatus.PAID, OrderStatus.CLOSED])
    )
    return sa.or_(paid, sa.exists().where(Prescription.client_id == client_id))


def _prescribed(client_id: UUID, day: date) -> sa.Select[UUID]:
    """Products of which she has a prescription that is in force on a day."""
    return (
        sa.select(Variant.product_id)
        .join(Prescription, Prescription.variant_id == Variant.id)
        .where(
            Prescription.client_id == client_id,
            Prescription.status == PrescriptionStatus.ACTIVE,
            sa.cast(Prescription.valid_from, sa.Date()) <= day,
            sa.cast(Prescription.valid_until, sa.Date()) >= day,
        )
    )


def _asked_for(client_id: UUID) -> sa.Select[UUID]:
    """Products that she has asked a physician for, undecided."""
    return (
        sa.select(Variant.product_id)
        .join(ApprovalRequest, ApprovalRequest.variant_id == Variant.id)
        .where(ApprovalRequest.client_id == client_id, ApprovalRequest.status.in_(OPEN_REQUESTS))
    )
