"""What an account cannot be closed before, and what to do about it.

The function `closure_waits_for` of the database says the same, without the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.credit import queries as credit
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments.models import Dispute, Payment, Refund
from shop.payments.states import DisputeStatus, RefundStatus
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus
from shop.returns.models import ReturnRequest
from shop.returns.states import RequestStatus as AskedBack
from shop.treatments.models import Plan
from shop.treatments.states import ENDED, PlanStatus


class Open(StrEnum):
    """Kinds of what can be open."""

    ORDERS = "orders"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    RETURNS = "returns"
    PLANS = "plans"
    REQUESTS = "requests"
    CREDIT = "credit"


@dataclass(frozen=True)
class Obstacle:
    """Something that is open: its kind, and the numbers of it (of credit, the cents)."""

    kind: Open
    numbers: tuple[str, ...]


WAITING_REQUESTS = (
    RequestStatus.QUEUED,
    RequestStatus.IN_REVIEW,
    RequestStatus.INFO_REQUESTED,
    RequestStatus.REFERRED,
    RequestStatus.PENDING_CLIENT,
)


def of(client: Person) -> list[Obstacle]:
    """What is open of hers; empty where her account can be closed."""
    found = [
        Obstacle(kind, tuple(db.session.scalars(query.where(_is_hers(kind, client)).distinct())))
        for kind, query in QUERIES.items()
    ]
    left = credit.balance(client)
    if left > 0:
        found.append(Obstacle(Open.CREDIT, (str(left),)))
    return [one for one in found if one.numbers]


def _is_hers(kind: Open, client: Person) -> sa.ColumnElement[bool]:
    match kind:
        case Open.RETURNS:
            return ReturnRequest.client_id == client.id
        case Open.PLANS:
            return Plan.client_id == client.id
        case Open.REQUESTS:
            return ApprovalRequest.client_id == client.id
        case _:
            return Order.client_id == client.id


_PAID_FOR = sa.select(Order.number).join(Payment, Payment.order_id == Order.id)
QUERIES: dict[Open, sa.Select[str]] = {
    Open.ORDERS: sa.select(Order.number).where(
        Order.status.in_((OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID))
    ),
    Open.REFUNDS: _PAID_FOR.join(Refund, Refund.payment_id == Payment.id).where(
        Refund.status.in_((RefundStatus.PROPOSED, RefundStatus.PLANNED))
    ),
    Open.DISPUTES: _PAID_FOR.join(Dispute, Dispute.payment_id == Payment.id).where(
        Dispute.status.in_((DisputeStatus.INQUIRY, DisputeStatus.OPEN, DisputeStatus.UNDER_REVIEW))
    ),
    Open.RETURNS: sa.select(ReturnRequest.number).where(
        ReturnRequest.status.in_(
            (AskedBack.REQUESTED, AskedBack.AUTHORISED, AskedBack.RECEIVED, AskedBack.INSPECTED)
        )
    ),
    Open.PLANS: sa.select(Plan.number).where(Plan.status.not_in((*ENDED, PlanStatus.DRAFT))),
    Open.REQUESTS: sa.select(ApprovalRequest.number).where(
        ApprovalRequest.status.in_(WAITING_REQUESTS)
    ),
}
