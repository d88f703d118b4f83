"""Discounts, the numbered uses of each, and the classes that none may touch somewhere."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core.db import Base, Word, one_of, stamped
from shop.core.rules import EVERYWHERE

MOST_USES = 10_000
MOST_CENTS = 100_000  # off one order
MOST_MINIMUM = 10_000_000
LONGEST_SOURCE = 500
CODE = r"[A-Z0-9][A-Z0-9-]{3,29}"
# House rule (decision 36): what a physician decides about is never sold by a price. It is no row
# that somebody could lift.
TOUCHABLE = (LegalClass.COSMETIC, LegalClass.OTC_DRUG)


class DiscountKind(StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"


class Discount(Base):
    """A code and what it takes off. Its terms are never changed; it is ended, and another made."""

    __tablename__ = "discounts"
    __table_args__ = (
        # A code that was ended may be given again.
        sa.Index(
            "discounts_code_key", "code", unique=True, postgresql_where=sa.text("ended_at IS NULL")
        ),
        sa.CheckConstraint(f"code ~ '^{CODE}$'", name="discount_code_is_typed_easily"),
        sa.CheckConstraint(one_of("kind", DiscountKind), name="discount_kind_is_known"),
        sa.CheckConstraint(
            "CASE kind WHEN 'percent' THEN percent IS NOT NULL AND cents IS NULL"
            " ELSE cents IS NOT NULL AND percent IS NULL END",
            name="discount_is_of_its_kind",
        ),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name="discount_percent_is_sane"),
        sa.CheckConstraint(f"cents BETWEEN 1 AND {MOST_CENTS}", name="discount_cents_are_sane"),
        sa.CheckConstraint(
            "cardinality(classes) > 0 AND classes <@ ARRAY['cosmetic', 'otc_drug']",
            name="discount_never_touches_prescription_goods",
        ),
        sa.CheckConstraint(
            f"least_cents BETWEEN 0 AND {MOST_MINIMUM}", name="discount_minimum_is_sane"
        ),
        sa.CheckConstraint(f"most_uses BETWEEN 1 AND {MOST_USES}", name="discount_limit_is_sane"),
        sa.CheckConstraint(
            "most_per_client BETWEEN 1 AND most_uses", name="discount_limit_of_a_client_is_sane"
        ),
        sa.CheckConstraint("valid_until > valid_from", name="discount_range_is_forward"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name="discount_is_ended_by_someone"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "DC-…"
    code: Mapped[str]
    kind: Mapped[DiscountKind] = mapped_column(Word(DiscountKind))
    percent: Mapped[int | None]
    cents: Mapped[int | None]
    classes: Mapped[list[str]]  # legal classes it may touch
    least_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))  # of what it may touch
    most_uses: Mapped[int]
    most_per_client: Mapped[int]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    made_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    made_at: Mapped[datetime] = stamped()
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    ended_at: Mapped[datetime | None] = stamped()

    made_by: Mapped[Person] = relationship(foreign_keys=[made_by_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])

    def when(self, at: datetime) -> str:
        """Ended, ahead, over, or in force."""
        if self.ended_at is not None:
            return "ended"
        if at < self.valid_from:
            return "ahead"
        return "over" if self.valid_until is not None and self.valid_until <= at else "in_force"


class DiscountUse(Base):
    """An order that was placed at a discount: the n-th use, and the client's n-th.

    A use that was given back leaves its numbers free; who takes them is another row.
    """

    __tablename__ = "discount_uses"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"], ["orders.id", "orders.client_id"], name="use_is_of_an_order"
        ),
        sa.UniqueConstraint("order_id", name="order_has_one_discount"),
        sa.Index(
            "discount_uses_number_key",
            "discount_id",
            "number",
            unique=True,
            postgresql_where=sa.text("NOT returned"),
        ),
        sa.Index(
            "discount_uses_client_number_key",
            "discount_id",
            "client_id",
            "client_number",
            unique=True,
            postgresql_where=sa.text("NOT returned"),
        ),
        sa.CheckConstraint("number > 0 AND client_number > 0", name="uses_are_numbered_from_one"),
        sa.CheckConstraint("cents > 0", name="use_takes_something_off"),
        sa.CheckConstraint(
            "returned = (returned_at IS NOT NULL)", name="use_is_given_back_at_some_time"
        ),
        sa.Index("discount_uses_taken_idx", "discount_id", "taken_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    discount_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("discounts.id"))
    client_id: Mapped[uuid.UUID]
    order_id: Mapped[uuid.UUID]
    number: Mapped[int]
    client_number: Mapped[int]
    cents: Mapped[int]  # taken off the order
    returned: Mapped[bool] = mapped_column(server_default=sa.false())
    taken_at: Mapped[datetime] = stamped()
    returned_at: Mapped[datetime | None] = stamped()

    discount: Mapped[Discount] = relationship()


class DiscountBar(Base):
    """A legal class that no discount touches in a jurisdiction, and where that is said."""

    __tablename__ = "discount_bars"
    __table_args__ = (
        sa.Index(
            "discount_bars_key",
            "legal_class",
            "jurisdiction",
            unique=True,
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        sa.CheckConstraint("legal_class IN ('cosmetic', 'otc_drug')", name="barred_class_is_known"),
        sa.CheckConstraint("jurisdiction ~ '^[A-Z]{2}$'", name="bar_is_of_a_jurisdiction"),
        sa.CheckConstraint(
            f"length(source) BETWEEN 1 AND {LONGEST_SOURCE}", name="bar_has_a_source"
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="bar_is_lifted_by_someone"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    jurisdiction: Mapped[str]  # "US" is everywhere
    source: Mapped[str]
    barred_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    barred_at: Mapped[datetime] = stamped()
    lifted_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    lifted_at: Mapped[datetime | None] = stamped()

    barred_by: Mapped[Person | None] = relationship(foreign_keys=[barred_by_id])

    @property
    def where(self) -> str:
        return "everywhere" if self.jurisdiction == EVERYWHERE else self.jurisdiction
