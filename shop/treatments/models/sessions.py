"""Sessions of plans, how they moved, and how they were done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.treatments.models.checks import is_sealed
from shop.treatments.models.plans import Plan
from shop.treatments.states import SESSION_ARROWS, SessionStatus

if TYPE_CHECKING:
    from shop.treatments.models.reports import SessionReport


class Session(Stateful, Base):
    """One procedure of a plan, planned for a time or done (FHIR ServiceRequest, Procedure)."""

    machine = "session"
    __tablename__ = "sessions"
    __table_args__ = (
        state_key("session"),
        sa.ForeignKeyConstraint(
            ["plan_id", "client_id"],
            ["plans.id", "plans.client_id"],
            name="session_is_of_its_plans_client",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version"],
            ["plan_versions.plan_id", "plan_versions.number"],
            name="session_is_in_a_version",
        ),
        sa.UniqueConstraint("id", "client_id", name="sessions_client_key"),
        sa.CheckConstraint("procedure ~ '^[a-z][a-z0-9_]*$'", name="session_names_a_procedure"),
        sa.CheckConstraint(
            "starts_at < ends_at AND ends_at <= starts_at + interval '12 hours'",
            name="session_ends_the_same_day",
        ),
        sa.CheckConstraint(
            "status NOT IN ('booked', 'performed') OR performer_id IS NOT NULL",
            name="booked_session_has_a_performer",
        ),
        sa.CheckConstraint(
            "(status = 'cancelled') = (reason_sealed IS NOT NULL)",
            name="cancelled_session_says_why",
        ),
        sa.CheckConstraint(is_sealed("reason_sealed"), name="session_reason_is_sealed"),
        ExcludeConstraint(
            ("client_id", "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            where=sa.text("status = 'booked'"),
            name="client_is_in_one_session_at_a_time",
        ),
        ExcludeConstraint(
            ("performer_id", "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            where=sa.text("status = 'booked'"),
            name="performer_is_in_one_session_at_a_time",
        ),
        sa.Index("sessions_plan_idx", "plan_id", "starts_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    plan_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    version: Mapped[int]  # of the plan: by which it was added
    procedure: Mapped[str]  # its code in the library
    area: Mapped[str]
    # Written once; from then on only a move moves them.
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    performer_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    status: Mapped[SessionStatus] = mapped_column(Word(SessionStatus))
    reason_sealed: Mapped[bytes | None] = mapped_column(server_default=sa.FetchedValue())
    created_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())

    reason = Sealed("reason_sealed")  # why it was cancelled

    plan: Mapped[Plan] = relationship(
        primaryjoin="foreign(Session.plan_id) == Plan.id", back_populates="sessions"
    )
    performer: Mapped[Person | None] = relationship(foreign_keys=[performer_id])
    moves: Mapped[list[SessionMove]] = relationship(order_by="SessionMove.number")
    performance: Mapped[Performance | None] = relationship(
        primaryjoin="Session.id == foreign(Performance.session_id)", viewonly=True
    )
    reports: Mapped[list[SessionReport]] = relationship(
        primaryjoin="Session.id == foreign(SessionReport.session_id)",
        order_by="[SessionReport.on_day, SessionReport.number]",
        viewonly=True,
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: SessionStatus) -> SessionStatus:
        if new not in SESSION_ARROWS[self.status]:
            raise WrongState(
                f"A session that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def performed_at(self) -> datetime | None:
        """When it was done; None where it was not."""
        return self.performance.performed_at if self.performance else None

    @property
    def rescheduled(self) -> bool:
        """It was planned for another time before."""
        return bool(self.moves)


class SessionMove(Base):
    """A session was moved: from when, to when, by whom, why. Kept; only this moves a session."""

    __tablename__ = "session_moves"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "number", name="session_moves_number_key"),
        sa.CheckConstraint(is_sealed("reason_sealed"), name="move_reason_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    session_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sessions.id"))
    number: Mapped[int] = stamped()
    from_starts_at: Mapped[datetime] = stamped()
    from_ends_at: Mapped[datetime] = stamped()
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason_sealed: Mapped[bytes | None]
    moved_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    moved_at: Mapped[datetime] = stamped()

    reason = Sealed("reason_sealed")

    moved_by: Mapped[Person] = relationship(foreign_keys=[moved_by_id])


class Performance(Base):
    """A session was done: by whom, when, where on the body, with what note. Never changed."""

    __tablename__ = "performances"
    __table_args__ = (
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="performance_is_of_its_sessions_client",
        ),
        sa.UniqueConstraint("session_id", name="sessions_are_performed_once"),
        sa.CheckConstraint("performer_id <> client_id", name="nobody_treats_themselves"),
        sa.CheckConstraint("performed_at <= recorded_at", name="nothing_is_performed_ahead"),
        sa.CheckConstraint(is_sealed("note_sealed"), name="performance_note_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    session_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    performer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    performed_at: Mapped[datetime]
    area: Mapped[str]
    note_sealed: Mapped[bytes | None]
    recorded_at: Mapped[datetime] = stamped()

    note = Sealed("note_sealed")

    performer: Mapped[Person] = relationship(foreign_keys=[performer_id])
