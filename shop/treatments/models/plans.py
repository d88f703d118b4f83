"""Plans, what each version of one says, and who started it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.treatments.course import Course
from shop.treatments.models.checks import is_sealed
from shop.treatments.states import (
    OPEN,
    PLAN_ARROWS,
    PlanStatus,
)

if TYPE_CHECKING:
    from shop.treatments.models.sessions import Session

_OPEN = f"status IN ({', '.join(repr(one.value) for one in PlanStatus if one in OPEN)})"


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
        sa.Index("plans_client_idx", "client_id"),  # the gate looks whether she is treated
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
    created_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())

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
        order_by="[Session.starts_at, Session.id]",
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
    def tz(self) -> ZoneInfo:
        """The clinic's zone."""
        return ZoneInfo(self.zone)

    @property
    def version(self) -> PlanVersion:
        """What it says now."""
        return self.versions[-1]

    @property
    def held_for_report(self) -> bool:
        """A report out of course waits for a physician: actives stop until she has written."""
        reports = (one for session in self.sessions for one in session.reports)
        return any(one.waits and one.course is Course.OUT_OF_COURSE for one in reports)

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
