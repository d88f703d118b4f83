"""One batch of a variant, and how well its last day is known."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.models import Variant
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.states import LOT_ARROWS, LotStatus

# Days from the last day of sale to the expiry, beside the variant's days of use: 5 for the parcel,
# 2 to spare. The function `sellable_until` of the database says the same.
DAYS_TO_SPARE = 5 + 2


class ExpiryPrecision(StrEnum):
    """What the label says of the last day: itself, its month (GS1: day 00), or nothing."""

    DAY = "day"
    MONTH = "month"
    ASSUMED = "assumed"


class Lot(Stateful, Base):
    """One batch of a variant (GS1 AI 10 and 17).

    `on_hand`, `on_shelf` and `reserved` are heads of the ledger, of the holdings and of the
    reservations: triggers keep them, the application may not.
    """

    machine = "lot"
    __tablename__ = "lots"
    __table_args__ = (
        state_key("lot"),
        sa.UniqueConstraint("variant_id", "lot_number", name="lots_makers_number_key"),
        sa.UniqueConstraint("id", "variant_id", name="lots_variant_key"),
        sa.ForeignKeyConstraint(
            ["id", "ledger_seq", "on_hand"],
            ["movements.lot_id", "movements.seq", "movements.balance"],
            name="lot_head_is_its_last_movement",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND reserved <= on_shelf AND on_shelf <= on_hand",
            name="reserved_units_are_on_the_shelf",
        ),
        sa.CheckConstraint("lot_number ~ '^[!-~]{1,20}$'", name="lot_number_fits_gs1"),
        sa.CheckConstraint(
            one_of("expiry_precision", ExpiryPrecision), name="expiry_precision_is_known"
        ),
        sa.CheckConstraint(
            "expiry_precision <> 'month' OR extract(day FROM expires_on + 1) = 1",
            name="month_expires_on_its_last_day",
        ),
        sa.CheckConstraint(
            "(expiry_precision = 'assumed')"
            " = (length(coalesce(no_expiry_reason, '')) BETWEEN 1 AND 200)",
            name="assumed_expiry_has_a_reason",
        ),
        sa.Index(
            "lots_sellable_idx",
            "variant_id",
            "sellable_until",
            postgresql_where=sa.text("status = 'available'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # ours: "L-…"
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    lot_number: Mapped[str]  # the maker's; at most 20 characters (GS1 AI 10)
    expires_on: Mapped[date]  # the last day it may be used (GS1 AI 17)
    expiry_precision: Mapped[ExpiryPrecision] = mapped_column(
        Word(ExpiryPrecision), server_default="day", default=ExpiryPrecision.DAY
    )
    no_expiry_reason: Mapped[str | None]  # why the label bears none; the shelf life is assumed
    # The last day it may be promised and sent; follows the variant's days of use.
    sellable_until: Mapped[date] = mapped_column(server_default=sa.FetchedValue())
    status: Mapped[LotStatus] = mapped_column(Word(LotStatus))
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    # The triggers keep these four; the application may only read them.
    on_hand: Mapped[int] = mapped_column(server_default=sa.text("0"))  # in all places together
    on_shelf: Mapped[int] = mapped_column(server_default=sa.text("0"))  # where orders are filled
    reserved: Mapped[int] = mapped_column(server_default=sa.text("0"))
    ledger_seq: Mapped[int | None] = mapped_column(server_default=sa.FetchedValue())

    variant: Mapped[Variant] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: LotStatus) -> LotStatus:
        if new not in LOT_ARROWS[self.status]:
            raise WrongState(
                f"A lot that is {self.status} cannot become {new}.", status=self.status, wanted=new
            )
        return new

    @property
    def free(self) -> int:
        """Units where orders are filled that are promised to nobody."""
        return self.on_shelf - self.reserved

    def sellable(self, today: date) -> bool:
        """May be promised and shipped: released, and still good when it will be used up.

        The one predicate for display, cart, reservation, picking and shipping.
        """
        return self.status is LotStatus.AVAILABLE and today <= self.sellable_until

    def usable(self, today: date) -> bool:
        """May be opened in the clinic today: released, and not expired."""
        return self.status is LotStatus.AVAILABLE and today <= self.expires_on


def sellable_on(today: Any) -> sa.ColumnElement[bool]:
    """`Lot.sellable`, for PostgreSQL; `today` is a date or a parameter."""
    return sa.and_(Lot.status == LotStatus.AVAILABLE, Lot.sellable_until >= today)
