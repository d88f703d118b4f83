"""Auto-refills: what a client agreed to, what she was told before each charge, and each charge."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.orders.models import MAX_QUANTITY, Order, OrderLine
from shop.payments.models import SavedCard
from shop.replenishment.states import (
    CYCLE_ARROWS,
    REFILL_ARROWS,
    CycleStatus,
    Obstacle,
    RefillStatus,
)

SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"
LIVE = "status <> 'cancelled'"


class AutoRefill(Stateful, Base):
    """A client has a pack sent again when it runs out. On which terms: its latest consent."""

    machine = "auto_refill"
    __tablename__ = "auto_refills"
    __table_args__ = (
        state_key("auto_refill"),
        sa.UniqueConstraint("id", "client_id", name="auto_refills_client_key"),
        sa.Index(
            "auto_refills_one_of_a_pack",
            "client_id",
            "variant_id",
            unique=True,
            postgresql_where=sa.text(LIVE),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    status: Mapped[RefillStatus] = mapped_column(Word(RefillStatus))
    created_at: Mapped[datetime] = stamped()

    client: Mapped[Person] = relationship()
    variant: Mapped[Variant] = relationship()
    consents: Mapped[list[RefillConsent]] = relationship(
        order_by="RefillConsent.number", back_populates="auto_refill"
    )
    cycles: Mapped[list[RefillCycle]] = relationship(
        order_by="RefillCycle.number", back_populates="auto_refill"
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RefillStatus) -> RefillStatus:
        if new not in REFILL_ARROWS[self.status]:
            raise WrongState(
                f"An auto-refill that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def consent(self) -> RefillConsent:
        """What she agreed to last."""
        return self.consents[-1]

    @property
    def cycle(self) -> RefillCycle | None:
        """The one that is not over."""
        over = (CycleStatus.CHARGED, CycleStatus.LAPSED)
        return next((one for one in self.cycles if one.status not in over), None)


class RefillConsent(Base):
    """A client said yes to these terms, word for word. Never changed: other terms are a new one."""

    __tablename__ = "refill_consents"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["auto_refill_id", "client_id"],
            ["auto_refills.id", "auto_refills.client_id"],
            name="consent_is_of_its_refills_client",
        ),
        sa.UniqueConstraint("auto_refill_id", "number", name="refill_consents_number_key"),
        sa.CheckConstraint(
            f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="refill_quantity_is_sane"
        ),
        sa.CheckConstraint(
            "unit_cents >= 0 AND total_cents >= quantity * unit_cents",
            name="refill_price_is_told_whole",
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="refill_state_is_a_usps_code"),
        sa.CheckConstraint(
            "length(statement) BETWEEN 50 AND 4000 AND statement_version <> ''",
            name="refill_consent_says_what_was_agreed_to",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    auto_refill_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    number: Mapped[int] = stamped()
    quantity: Mapped[int]
    unit_cents: Mapped[int]
    total_cents: Mapped[int]  # with shipping and tax, as the order would have cost that day
    shipping_method: Mapped[str]
    name: Mapped[str]
    line1: Mapped[str]
    line2: Mapped[str] = mapped_column(server_default="", default="")
    city: Mapped[str]
    state: Mapped[str]
    postal_code: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="", default="")
    saved_card_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("saved_cards.id"))
    statement: Mapped[str]
    statement_version: Mapped[str]
    consented_at: Mapped[datetime] = stamped()

    auto_refill: Mapped[AutoRefill] = relationship(back_populates="consents")
    card: Mapped[SavedCard] = relationship()


class RefillCycle(Stateful, Base):
    """One time round: from a pack that was handed out to the charge for the next.

    `after_line_id`: the order line of that pack, which no second cycle follows. `act_on` is the
    clinic's day on which it is looked at next: to be charged, or asked again.
    """

    machine = "refill_cycle"
    __tablename__ = "refill_cycles"
    __table_args__ = (
        state_key("refill_cycle"),
        sa.ForeignKeyConstraint(
            ["auto_refill_id", "client_id"],
            ["auto_refills.id", "auto_refills.client_id"],
            name="cycle_is_of_its_refills_client",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="cycles_order_is_the_clients",
        ),
        sa.UniqueConstraint("auto_refill_id", "number", name="refill_cycles_number_key"),
        sa.UniqueConstraint("order_id", name="refill_order_is_of_one_cycle"),
        sa.Index(
            "pack_is_refilled_once",
            "after_line_id",
            unique=True,
            postgresql_where=sa.text("status <> 'lapsed'"),
        ),
        sa.Index(
            "refill_cycles_to_do_idx",
            "act_on",
            postgresql_where=sa.text("status IN ('noticed', 'blocked')"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('charging', 'failed', 'charged') OR order_id IS NOT NULL",
            name="charged_cycle_has_its_order",
        ),
        sa.CheckConstraint(
            "status NOT IN ('noticed', 'blocked') OR order_id IS NULL",
            name="cycle_ahead_has_no_order",
        ),
        sa.CheckConstraint(
            "(status = 'blocked') = (obstacle IS NOT NULL)"
            " AND (status = 'blocked') = (reasons_sealed IS NOT NULL)",
            name="blocked_cycle_says_why",
        ),
        sa.CheckConstraint(one_of("obstacle", Obstacle), name="obstacle_is_known"),
        sa.CheckConstraint(SEALED.format("reasons_sealed"), name="cycle_reasons_are_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    auto_refill_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    number: Mapped[int] = stamped()
    after_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    act_on: Mapped[date]
    status: Mapped[CycleStatus] = mapped_column(Word(CycleStatus))
    obstacle: Mapped[Obstacle | None] = mapped_column(Word(Obstacle))
    reasons_sealed: Mapped[bytes | None]
    order_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime] = stamped()

    reasons = Sealed("reasons_sealed")  # sentences for the client, in the gate's own words

    auto_refill: Mapped[AutoRefill] = relationship(back_populates="cycles")
    after: Mapped[OrderLine] = relationship(foreign_keys=[after_line_id])
    order: Mapped[Order | None] = relationship(
        foreign_keys="RefillCycle.order_id", primaryjoin="Order.id == RefillCycle.order_id"
    )
    notices: Mapped[list[RefillNotice]] = relationship(
        order_by="RefillNotice.number", back_populates="cycle"
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: CycleStatus) -> CycleStatus:
        if new not in CYCLE_ARROWS[self.status]:
            raise WrongState(
                f"A cycle that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def waits_for(self) -> Obstacle | None:
        """What is against it, for who works here: that her skin is looked at is not theirs."""
        return Obstacle.NOT_ALLOWED if self.obstacle is Obstacle.REPORT else self.obstacle

    @property
    def notice(self) -> RefillNotice | None:
        """What she was told last."""
        return self.notices[-1] if self.notices else None


class RefillNotice(Base):
    """The client was told when a cycle will be charged at the earliest, and how much. Kept."""

    __tablename__ = "refill_notices"
    __table_args__ = (
        sa.UniqueConstraint("cycle_id", "number", name="refill_notices_number_key"),
        sa.CheckConstraint("total_cents >= 50", name="notice_says_how_much"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    cycle_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("refill_cycles.id"))
    number: Mapped[int] = stamped()
    charge_on: Mapped[date]
    total_cents: Mapped[int]
    rises: Mapped[bool]  # it costs more than she agreed to
    told_at: Mapped[datetime] = stamped()

    cycle: Mapped[RefillCycle] = relationship(back_populates="notices")


class RefillReminder(Base):
    """The client was reminded, once, that what one order line brought runs out. Kept."""

    __tablename__ = "refill_reminders"
    __table_args__ = (
        sa.UniqueConstraint("line_id", name="pack_is_reminded_of_once"),
        sa.CheckConstraint("moved_days >= 0", name="run_out_only_moves_on"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    runs_out_on: Mapped[date]
    moved_days: Mapped[int]
    told_at: Mapped[datetime] = stamped()


class ReminderChoice(Base):
    """A client wants reminders, or none. Kept: her last word counts; without one, she does."""

    __tablename__ = "reminder_choices"
    __table_args__ = (
        sa.UniqueConstraint("client_id", "number", name="reminder_choices_number_key"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    number: Mapped[int] = stamped()
    wanted: Mapped[bool]
    chosen_at: Mapped[datetime] = stamped()


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"auto_refill": REFILL_ARROWS, "refill_cycle": CYCLE_ARROWS}
