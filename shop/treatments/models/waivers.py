"""What a physician waived before a session, and why."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped
from shop.core.sealed import Sealed
from shop.treatments.models.checks import is_sealed
from shop.treatments.models.sessions import Session

MOST = 40  # findings that one waiver names


class SessionWaiver(Base):
    """A physician goes on with a session in spite of what she names. Never changed.

    It is for the time that it names: once the session is moved, it waives nothing.
    """

    __tablename__ = "session_waivers"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="waiver_is_of_its_sessions_client",
        ),
        sa.CheckConstraint("physician_id <> client_id", name="nobody_waives_for_themselves"),
        sa.CheckConstraint(
            f"cardinality(findings) BETWEEN 1 AND {MOST}", name="waiver_names_its_findings"
        ),
        sa.CheckConstraint(is_sealed("reason_sealed"), name="waiver_reason_is_sealed"),
        sa.Index("session_waivers_session_idx", "session_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    session_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    physician_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    starts_at: Mapped[datetime]  # the session's, as she saw it
    findings: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text))  # `readiness.Finding.name`
    reason_sealed: Mapped[bytes]
    waived_at: Mapped[datetime] = stamped()

    reason = Sealed("reason_sealed")

    physician: Mapped[Person] = relationship(foreign_keys=[physician_id])
    session: Mapped[Session] = relationship(
        primaryjoin="foreign(SessionWaiver.session_id) == Session.id", viewonly=True
    )
