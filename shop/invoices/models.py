"""Papers: invoices, receipts, credit notes and their reversals, numbered without a gap.

Decided in docs/decisions/0040. PostgreSQL gives the number, under the lock of the series' counter;
each paper's number follows another's by a foreign key, so that none can lack.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.orders.models import Order
from shop.payments.models import Refund

GIVEN = sa.FetchedValue()  # the trigger `paper_guard` gives it


class Series(StrEnum):
    """What kind of paper it is; each counts from 1 in each year."""

    INVOICE = "INV"  # what was sold, once for each order that was paid
    RECEIPT = "RCT"  # how that was paid
    CREDIT_NOTE = "CN"  # what went back, once for each refund that is done
    REVERSAL = "RV"  # a credit note that does not hold: the bank sent the money back


class PaperCounter(Base):
    """The last number of a series in a year. Only the trigger counts it up."""

    __tablename__ = "paper_counters"
    __table_args__ = (
        sa.PrimaryKeyConstraint("series", "year"),
        sa.ForeignKeyConstraint(
            ["series", "year", "last"],
            ["papers.series", "papers.year", "papers.n"],
            name="counter_is_the_last_number",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
    )

    series: Mapped[Series] = mapped_column(Word(Series))
    year: Mapped[int]
    last: Mapped[int | None]


class Paper(Base):
    """One paper, as it was issued. Never changed, never removed; printed from `body`."""

    __tablename__ = "papers"
    __table_args__ = (
        sa.UniqueConstraint("series", "year", "n", name="papers_numbered_once"),
        sa.UniqueConstraint("id", "order_id", name="papers_order_key"),
        sa.UniqueConstraint("series", "refund_id", name="papers_one_each_refund"),
        sa.ForeignKeyConstraint(
            ["series", "year", "previous_n"],
            ["papers.series", "papers.year", "papers.n"],
            name="number_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="paper_is_of_its_orders_client",
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id", "order_id"],
            ["papers.id", "papers.order_id"],
            name="paper_is_of_its_orders_invoice",
        ),
        sa.CheckConstraint(one_of("series", Series), name="paper_series_is_known"),
        sa.CheckConstraint("total_cents >= 0", name="paper_amount_is_sane"),
        sa.CheckConstraint("n > 0", name="papers_are_counted_from_one"),
        sa.CheckConstraint(
            "coalesce((body ->> 'total_cents')::bigint, -1) = total_cents",
            name="paper_says_its_total",
        ),
        sa.CheckConstraint(
            "(series = 'INV') = (invoice_id IS NULL)", name="all_but_an_invoice_name_theirs"
        ),
        sa.CheckConstraint(
            "(series IN ('CN', 'RV')) = (refund_id IS NOT NULL)", name="credit_is_of_a_refund"
        ),
        sa.CheckConstraint(
            "series = 'RCT' OR payment_id IS NULL", name="only_a_receipt_is_of_a_payment"
        ),
        sa.Index("papers_order_idx", "order_id"),
        sa.Index("papers_issued_idx", "issued_at"),
        sa.Index(
            "papers_one_each_order",
            "order_id",
            "series",
            unique=True,
            postgresql_where=sa.text("series IN ('INV', 'RCT')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    series: Mapped[Series] = mapped_column(Word(Series))
    year: Mapped[int] = mapped_column(server_default=GIVEN)
    n: Mapped[int] = mapped_column(server_default=GIVEN)
    previous_n: Mapped[int | None] = mapped_column(
        sa.Integer, sa.Computed("nullif(n - 1, 0)", persisted=True)
    )
    issued_on: Mapped[date]  # the clinic's day; the number's year is its year
    issued_at: Mapped[datetime] = stamped()
    order_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    invoice_id: Mapped[uuid.UUID | None]
    refund_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("refunds.id"))
    payment_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("payments.id"))
    total_cents: Mapped[int]
    body: Mapped[dict[str, Any]]  # all that is printed (invoices/content.py)

    order: Mapped[Order] = relationship(
        primaryjoin="foreign(Paper.order_id) == Order.id", viewonly=True
    )
    client: Mapped[Person] = relationship(
        primaryjoin="foreign(Paper.client_id) == Person.id", viewonly=True
    )
    invoice: Mapped[Paper | None] = relationship(
        primaryjoin="foreign(Paper.invoice_id) == remote(Paper.id)", viewonly=True
    )
    refund: Mapped[Refund | None] = relationship(viewonly=True)

    @property
    def number(self) -> str:
        """Such as "INV-2026-000123"."""
        return f"{self.series}-{self.year}-{self.n:06d}"

    @property
    def signed_cents(self) -> int:
        """What it adds to the sales: a credit note takes away, a receipt adds nothing."""
        return SIGNS[self.series] * self.total_cents


SIGNS = {Series.INVOICE: 1, Series.RECEIPT: 0, Series.CREDIT_NOTE: -1, Series.REVERSAL: 1}
