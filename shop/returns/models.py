"""Returns: units of a parcel's line, by lot, and what became of them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.inventory.models import Lot, MovementKind
from shop.orders.models import Order, OrderLine, ShipmentLine
from shop.payments.models import Refund
from shop.returns.states import REQUEST_ARROWS, RETURN_ARROWS, RequestStatus, ReturnStatus

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


class Refusal(StrEnum):
    """Why something is not taken back."""

    TOO_LATE = "too_late"
    USED = "used"
    NOT_OURS = "not_ours"
    KEEP_IT = "keep_it"  # it need not come back; the money is another matter
    OTHER = "other"


class ReturnRequest(Stateful, Base):
    """A client asks to send units of her order back; staff decide; what comes is linked to it."""

    machine = "return_request"
    __tablename__ = "return_requests"
    __table_args__ = (
        state_key("return_request"),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="return_is_asked_by_the_orders_client",
        ),
        sa.UniqueConstraint("refund_id", name="return_requests_refund_key"),
        sa.CheckConstraint(one_of("reason", ReturnReason), name="asked_return_reason_is_known"),
        sa.CheckConstraint(one_of("refusal", Refusal), name="return_refusal_is_known"),
        sa.CheckConstraint(
            "words_sealed IS NULL OR substring(words_sealed, 1, 1) = '\\x01'"
            " AND octet_length(words_sealed) >= 97",
            name="return_words_are_sealed",
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name="refused_return_says_why"
        ),
        sa.CheckConstraint(
            "(status IN ('requested', 'refused') OR status = 'withdrawn' AND decided_by_id IS NULL)"
            " = (send_by IS NULL)",
            name="authorised_return_has_a_last_day",
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'withdrawn') OR decided_by_id IS NOT NULL",
            name="return_request_is_decided_by_someone",
        ),
        sa.Index("return_requests_order_idx", "order_id"),
        sa.Index("return_requests_status_idx", "status", "asked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    reason: Mapped[ReturnReason] = mapped_column(Word(ReturnReason))
    words_sealed: Mapped[bytes | None]
    status: Mapped[RequestStatus] = mapped_column(Word(RequestStatus))
    asked_at: Mapped[datetime] = stamped()
    # Who authorised or refused it.
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    refusal: Mapped[Refusal | None] = mapped_column(Word(Refusal), server_default=LATER)
    send_by: Mapped[date | None] = mapped_column(server_default=LATER)  # the last day, if it may
    refund_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("refunds.id"), server_default=LATER
    )

    words = Sealed("words_sealed")  # hers, up to LONGEST_NOTE characters

    order: Mapped[Order] = relationship(
        primaryjoin="foreign(ReturnRequest.order_id) == Order.id", viewonly=True
    )
    decided_by: Mapped[Person | None] = relationship()
    refund: Mapped[Refund | None] = relationship()
    lines: Mapped[list[ReturnRequestLine]] = relationship(back_populates="request")
    returns: Mapped[list[Return]] = relationship(back_populates="request")

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RequestStatus) -> RequestStatus:
        if new not in REQUEST_ARROWS[self.status]:
            raise WrongState(
                f"A return that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class ReturnRequestLine(Base):
    """So many units of a line that she wants to send back. Never changed."""

    __tablename__ = "return_request_lines"
    __table_args__ = (
        sa.PrimaryKeyConstraint("request_id", "order_line_id"),
        sa.CheckConstraint("units > 0", name="something_is_asked_back"),
        sa.Index("return_request_lines_line_idx", "order_line_id"),
    )

    request_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("return_requests.id"))
    order_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    units: Mapped[int]

    request: Mapped[ReturnRequest] = relationship(back_populates="lines")
    line: Mapped[OrderLine] = relationship()


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
    request_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("return_requests.id"), index=True
    )  # what the client asked for, where she did
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
    request: Mapped[ReturnRequest | None] = relationship(back_populates="returns")
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
    return {"return": RETURN_ARROWS, "return_request": REQUEST_ARROWS}
