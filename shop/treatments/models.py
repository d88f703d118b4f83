"""Plans, what each version of one says, who started it; sessions, how they moved and were done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.treatments.states import (
    OPEN,
    PLAN_ARROWS,
    SESSION_ARROWS,
    PlanStatus,
    SessionStatus,
)

_OPEN = f"status IN ({', '.join(repr(one.value) for one in PlanStatus if one in OPEN)})"


def is_sealed(column: str) -> str:
    """The text of a CHECK: version byte, key id, nonce and tag round at least one padded step."""
    return f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97"


class Plan(Stateful, Base):
    """The course of one client's sessions (FHIR CarePlan). What it says is in its versions."""

    machine = "plan"
    __tablename__ = "plans"
    __table_args__ = (
        state_key("plan"),
        sa.UniqueConstraint("id", "client_id", name="plans_client_key"),
        sa.CheckConstraint("drafted_by_id <> client_id", name="nobody_plans_for_themselves"),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="plan_state_is_a_usps_code"),
        sa.CheckConstraint(
            "(template IS NULL) = (template_version IS NULL)", name="plan_names_its_template_whole"
        ),
        sa.CheckConstraint(is_sealed("reason_sealed"), name="plan_reason_is_sealed"),
        sa.Index(
            "plans_one_open_per_template",
            "client_id",
            "template",
            unique=True,
            postgresql_where=sa.text(_OPEN),
        ),
        sa.Index("plans_drafted_by_idx", "drafted_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    drafted_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    state: Mapped[str]  # USPS code of where the clinic is: whose scope of practice counts
    zone: Mapped[str]  # the clinic's: whose days windows and downtime are counted in
    template: Mapped[str | None]
    template_version: Mapped[str | None]
    status: Mapped[PlanStatus] = mapped_column(Word(PlanStatus))
    reason_sealed: Mapped[bytes | None] = mapped_column(server_default=sa.FetchedValue())
    created_at: Mapped[datetime] = stamped()

    reason = Sealed("reason_sealed")  # why it is on hold, or was revoked

    client: Mapped[Person] = relationship(foreign_keys=[client_id])
    drafted_by: Mapped[Person] = relationship(foreign_keys=[drafted_by_id])
    versions: Mapped[list[PlanVersion]] = relationship(
        order_by="PlanVersion.number", back_populates="plan"
    )
    start: Mapped[PlanStart | None] = relationship(
        primaryjoin="Plan.id == foreign(PlanStart.plan_id)", viewonly=True
    )
    sessions: Mapped[list[Session]] = relationship(
        primaryjoin="Plan.id == foreign(Session.plan_id)",
        order_by=lambda: [Session.starts_at, Session.id],
        back_populates="plan",
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: PlanStatus) -> PlanStatus:
        if new not in PLAN_ARROWS[self.status]:
            raise WrongState(
                f"A plan that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def version(self) -> PlanVersion:
        """What it says now."""
        return self.versions[-1]

    @property
    def goal(self) -> str:
        """What it is for, in words for the client. Raises sealed.NotOpened."""
        return str(self.version.content["goal"])


class PlanVersion(Base):
    """What a plan said from one moment on: goal and sessions, as canonical JSON, and its hash.

    Never changed; a change of the plan is the next version. When a session takes place is not part
    of it: that moves (`SessionMove`).
    """

    __tablename__ = "plan_versions"
    __table_args__ = (
        sa.UniqueConstraint("plan_id", "number", name="plan_versions_number_key"),
        sa.UniqueConstraint("plan_id", "number", "content_hash", name="plan_versions_hash_key"),
        sa.CheckConstraint("octet_length(content_hash) = 32", name="plan_version_is_hashed"),
        sa.CheckConstraint(is_sealed("content_sealed"), name="plan_version_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    plan_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("plans.id"))
    number: Mapped[int]
    content_sealed: Mapped[bytes]
    content_hash: Mapped[bytes]  # SHA-256 of the canonical JSON
    written_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    written_at: Mapped[datetime] = stamped()

    content = Sealed("content_sealed")

    plan: Mapped[Plan] = relationship(back_populates="versions")
    written_by: Mapped[Person] = relationship(foreign_keys=[written_by_id])


class PlanStart(Base):
    """A physician started a plan: which version she read, and when she had signed in afresh."""

    __tablename__ = "plan_starts"
    __table_args__ = (
        sa.PrimaryKeyConstraint("plan_id"),
        sa.ForeignKeyConstraint(
            ["plan_id", "client_id"],
            ["plans.id", "plans.client_id"],
            name="start_is_of_its_plans_client",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version", "content_hash"],
            ["plan_versions.plan_id", "plan_versions.number", "plan_versions.content_hash"],
            name="start_is_of_what_was_read",
        ),
        sa.ForeignKeyConstraint(
            ["fresh_id", "physician_id", "fresh_kind", "fresh_at"],
            ["auth_events.id", "auth_events.person_id", "auth_events.kind", "auth_events.at"],
            name="started_after_this_fresh_sign_in",
        ),
        sa.CheckConstraint("physician_id <> client_id", name="nobody_starts_their_own_plan"),
        sa.CheckConstraint("fresh_kind = 'fresh'", name="started_after_a_fresh_sign_in"),
        sa.CheckConstraint(
            "fresh_at <= started_at AND started_at - fresh_at <= interval '5 minutes'",
            name="sign_in_was_fresh_when_started",
        ),
    )

    plan_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    version: Mapped[int]
    content_hash: Mapped[bytes]
    physician_id: Mapped[uuid.UUID]
    fresh_id: Mapped[uuid.UUID]
    fresh_kind: Mapped[str] = mapped_column(server_default="fresh", default="fresh")
    fresh_at: Mapped[datetime]
    started_at: Mapped[datetime] = stamped()

    physician: Mapped[Person] = relationship(
        primaryjoin="foreign(PlanStart.physician_id) == Person.id", viewonly=True
    )


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
    starts_at: Mapped[datetime] = mapped_column(server_onupdate=sa.FetchedValue())
    ends_at: Mapped[datetime] = mapped_column(server_onupdate=sa.FetchedValue())
    performer_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    status: Mapped[SessionStatus] = mapped_column(Word(SessionStatus))
    reason_sealed: Mapped[bytes | None] = mapped_column(server_default=sa.FetchedValue())
    created_at: Mapped[datetime] = stamped()

    reason = Sealed("reason_sealed")  # why it was cancelled

    plan: Mapped[Plan] = relationship(
        primaryjoin="foreign(Session.plan_id) == Plan.id", back_populates="sessions"
    )
    performer: Mapped[Person | None] = relationship(foreign_keys=[performer_id])
    moves: Mapped[list[SessionMove]] = relationship(order_by="SessionMove.number")
    performance: Mapped[Performance | None] = relationship(
        primaryjoin="Session.id == foreign(Performance.session_id)", viewonly=True
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


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"plan": PLAN_ARROWS, "session": SESSION_ARROWS}
