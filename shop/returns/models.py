"""Returns: units of a parcel's line, by lot, and what became of them."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.models import Lot, MovementKind
from shop.orders.models import OrderLine, ShipmentLine
from shop.returns.states import RETURN_ARROWS, ReturnStatus

LONGEST_NOTE = 500
LATER = sa.FetchedValue()  # filled in when its time has come


class ReturnReason(StrEnum):
    """Why it came back. Nothing of a client's health: that is an adverse reaction."""

    CHANGED_MIND = "changed_mind"
    WRONG_ITEM = "wrong_item"
    DAMAGED = "damaged"
    UNDELIVERABLE = "undeliverable"
    RECALLED = "recalled"
    OTHER = "other"


class Condition(StrEnum):
    UNOPENED = "unopened"  # every seal is whole
    OPENED = "opened"
    DAMAGED = "damaged"


class Storage(StrEnum):
    """How it was kept while it was away. Cold or unknown counts as opened."""

    AS_LABELLED = "as_labelled"
    COLD = "cold"  # it needs the cold, which nobody has watched
    UNKNOWN = "unknown"


class Disposition(StrEnum):
    """What becomes of it."""

    RESTOCK = "restock"
    DESTROY = "destroy"
    RETURN_TO_VENDOR = "return_to_vendor"

    @property
    def kind(self) -> MovementKind:
        """The movement by which it leaves the place of returns."""
        return MovementKind.RELEASE if self is Disposition.RESTOCK else MovementKind(self.value)


class Return(Stateful, Base):
    """Units of one lot that left for an order's line and came back."""

    machine = "return"
    __tablename__ = "returns"
    __table_args__ = (
        state_key("return"),
        sa.ForeignKeyConstraint(
            ["shipment_line_id", "order_line_id", "lot_id"],
            ["shipment_lines.id", "shipment_lines.order_line_id", "shipment_lines.lot_id"],
            name="return_is_of_a_parcel",
        ),
        sa.CheckConstraint("units > 0", name="something_came_back"),
        sa.CheckConstraint(one_of("reason", ReturnReason), name="return_reason_is_known"),
        sa.CheckConstraint(one_of("condition", Condition), name="return_condition_is_known"),
        sa.CheckConstraint(one_of("storage", Storage), name="return_storage_is_known"),
        sa.CheckConstraint(one_of("disposition", Disposition), name="return_disposition_is_known"),
        sa.CheckConstraint(
            "num_nonnulls(inspected_by_id, condition, storage, disposition)"
            " = CASE status WHEN 'received' THEN 0 ELSE 4 END",
            name="inspected_return_says_what_was_found",
        ),
        sa.CheckConstraint(
            f"char_length(note) BETWEEN 1 AND {LONGEST_NOTE}", name="return_note_is_short"
        ),
        sa.CheckConstraint(
            "disposition <> 'restock' OR condition = 'unopened' AND storage = 'as_labelled'",
            name="opened_goods_are_not_restocked",
        ),
        sa.CheckConstraint(
            "(status = 'disposed') = (witness_id IS NOT NULL)", name="disposal_has_a_witness"
        ),
        sa.CheckConstraint("witness_id <> inspected_by_id", name="witness_is_another"),
        sa.Index("returns_parcel_idx", "shipment_line_id"),
        sa.Index("returns_line_idx", "order_line_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    shipment_line_id: Mapped[uuid.UUID]
    order_line_id: Mapped[uuid.UUID]
    lot_id: Mapped[uuid.UUID]
    units: Mapped[int]
    reason: Mapped[ReturnReason] = mapped_column(Word(ReturnReason))
    status: Mapped[ReturnStatus] = mapped_column(Word(ReturnStatus))
    received_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    received_at: Mapped[datetime] = stamped()
    inspected_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    condition: Mapped[Condition | None] = mapped_column(Word(Condition), server_default=LATER)
    storage: Mapped[Storage | None] = mapped_column(Word(Storage), server_default=LATER)
    disposition: Mapped[Disposition | None] = mapped_column(Word(Disposition), server_default=LATER)
    note: Mapped[str | None] = mapped_column(server_default=LATER)  # of the pack
    witness_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )

    parcel: Mapped[ShipmentLine] = relationship(
        primaryjoin="foreign(Return.shipment_line_id) == ShipmentLine.id", viewonly=True
    )
    line: Mapped[OrderLine] = relationship(
        primaryjoin="foreign(Return.order_line_id) == OrderLine.id", viewonly=True
    )
    lot: Mapped[Lot] = relationship(primaryjoin="foreign(Return.lot_id) == Lot.id", viewonly=True)
    received_by: Mapped[Person] = relationship(foreign_keys=[received_by_id])
    inspected_by: Mapped[Person | None] = relationship(foreign_keys=[inspected_by_id])
    witness: Mapped[Person | None] = relationship(foreign_keys=[witness_id])

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ReturnStatus) -> ReturnStatus:
        if new not in RETURN_ARROWS[self.status]:
            raise WrongState(
                f"A return that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"return": RETURN_ARROWS}
