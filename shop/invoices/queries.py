"""Reads of papers, always through a reader: clients see their own, staff and managers all."""

from __future__ import annotations

import re
import uuid
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person, Role
from shop.core.db import db
from shop.invoices.errors import NoSuchPaper
from shop.invoices.models import SIGNS, Paper, Series
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments.models import Payment, Refund, SavedCard
from shop.payments.states import PAID_TWICE, RefundStatus

NUMBER = re.compile(r"(INV|RCT|CN|RV)-([0-9]{4})-([0-9]{6,9})")


def papers(
    *, series: Series | None = None, first: date | None = None, last: date | None = None
) -> sa.Select[Paper]:
    """All papers of a series that were issued between two days, both counted, for a list."""
    query = sa.select(Paper).options(
        selectinload(Paper.order), selectinload(Paper.client), selectinload(Paper.invoice)
    )
    if series is not None:
        query = query.where(Paper.series == series)
    if first is not None:
        query = query.where(Paper.issued_on >= first)
    return query if last is None else query.where(Paper.issued_on <= last)


def paper_for(reader: Person, number: str) -> Paper:
    """The paper with this number. Raises NoSuchPaper."""
    read = NUMBER.fullmatch(number)
    found = None
    if read is not None and int(read[3]) < 2**31:
        query = papers(series=Series(read[1])).where(
            Paper.year == int(read[2]), Paper.n == int(read[3]), visible_to(reader)
        )
        found = db.session.scalars(query).one_or_none()
    if found is None or found.number != number:
        raise NoSuchPaper("There is no such paper.", number=number)
    return found


def papers_of(order: Order) -> list[Paper]:
    """The papers of an order that was fetched through its reader, in the order of their writing."""
    query = sa.select(Paper).where(Paper.order_id == order.id)
    return list(db.session.scalars(query.order_by(Paper.issued_at, Paper.series, Paper.n)))


def visible_to(reader: Person) -> sa.ColumnElement[bool]:
    """Which papers a reader may see."""
    if reader.role in (Role.STAFF, Role.MANAGER):
        return sa.true()
    return Paper.client_id == reader.id


def card_of(payment: Payment | None) -> SavedCard | None:
    """The card that a payment was made with, where it is saved here."""
    if payment is None:
        return None
    if payment.card is not None:
        return payment.card
    return None if payment.setup_id is None else payments.card_of_setup(payment.setup_id)


def refunds_to_tell(order: Order) -> list[Refund]:
    """The refunds of the money that paid an order which are done or have failed, oldest first."""
    query = (
        sa.select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.order_id == order.id, *_TOLD)
        .order_by(Refund.planned_at, Refund.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(query))


_TOLD = (
    Refund.request_key != PAID_TWICE,
    Refund.status.in_((RefundStatus.DONE, RefundStatus.FAILED)),
)


def _has(series: Series, *of: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists().where(Paper.series == series, *of)


def owed(limit: int) -> list[uuid.UUID]:
    """Orders that lack a paper: paid and without invoice or receipt, or a refund untold."""
    of_order, of_refund = Paper.order_id == Order.id, Paper.refund_id == Refund.id
    lacks = sa.or_(~_has(Series.INVOICE, of_order), ~_has(Series.RECEIPT, of_order))
    unpapered = sa.select(Order.id).where(Order.paid_at.is_not(None), lacks)
    note = _has(Series.CREDIT_NOTE, of_refund)
    untold = sa.or_(
        sa.and_(Refund.status == RefundStatus.DONE, ~note),
        sa.and_(Refund.status == RefundStatus.FAILED, note, ~_has(Series.REVERSAL, of_refund)),
    )
    refunded = (
        sa.select(Order.id)
        .join(Payment, Payment.order_id == Order.id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Order.paid_at.is_not(None), *_TOLD, untold)
    )
    both = sa.union(unpapered, refunded).subquery()
    return list(db.session.scalars(sa.select(both.c.id).order_by(both.c.id).limit(limit)))


class Sum(NamedTuple):
    """A series in a period: how many papers, and what they come to together."""

    series: Series
    papers: int
    cents: int


def sums(first: date, last: date) -> list[Sum]:
    """What each series comes to between two days, both counted; all of them, in their order."""
    query = (
        sa.select(Paper.series, sa.func.count(), sa.func.sum(Paper.total_cents))
        .where(Paper.issued_on.between(first, last))
        .group_by(Paper.series)
    )
    found = {row[0]: Sum(*row) for row in db.session.execute(query)}
    return [found.get(series, Sum(series, 0, 0)) for series in Series]


def sales(told: list[Sum]) -> int:
    """Invoices less credit notes."""
    return sum(SIGNS[one.series] * one.cents for one in told)
