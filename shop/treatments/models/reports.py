"""What clients report of their skin after a session, and what the clinic answered."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.sealed import Sealed
from shop.treatments.course import BY_CODE, Alarm, Course, Level, Rule, Said
from shop.treatments.models.checks import is_sealed
from shop.treatments.models.photos import ReportPhoto
from shop.treatments.models.sessions import Session

MOST = 100  # reports of one session


class SessionReport(Base):
    """A client says how her skin does on a day after a session (FHIR Observation). Never changed.

    A correction is a new report that names the one it replaces. What it comes to is judged once,
    by the rules of `rules_version`, and kept beside it.
    """

    __tablename__ = "session_reports"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="report_is_of_its_sessions_client",
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id", "session_id"],
            ["session_reports.id", "session_reports.session_id"],
            name="report_replaces_one_of_its_session",
        ),
        sa.UniqueConstraint("id", "session_id", name="session_reports_session_key"),
        sa.UniqueConstraint("session_id", "number", name="session_reports_number_key"),
        sa.UniqueConstraint("replaces_id", name="report_is_replaced_once"),
        sa.CheckConstraint("replaces_id <> id", name="report_replaces_another"),
        sa.CheckConstraint(f"number BETWEEN 1 AND {MOST}", name=f"session_takes_{MOST}_reports"),
        sa.CheckConstraint(one_of("course", Course), name="report_course_is_known"),
        sa.CheckConstraint("rules_version <> ''", name="report_was_judged_by_rules"),
        sa.CheckConstraint(is_sealed("said_sealed"), name="report_is_sealed"),
        sa.Index(
            "session_reports_to_answer_idx",
            "session_id",
            postgresql_where=sa.text("course <> 'expected'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    session_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    number: Mapped[int] = stamped()
    on_day: Mapped[date]  # in the clinic's zone
    said_sealed: Mapped[bytes]
    course: Mapped[Course] = mapped_column(Word(Course))
    rules_version: Mapped[str]
    replaces_id: Mapped[uuid.UUID | None]
    reported_at: Mapped[datetime] = stamped()

    # {"redness", "peeling": 0-3, "comfort": 0-10, "alarms": [words], "note", "fired": [codes]}
    content = Sealed("said_sealed")

    session: Mapped[Session] = relationship(
        primaryjoin="foreign(SessionReport.session_id) == Session.id", viewonly=True
    )
    replaced_by: Mapped[SessionReport | None] = relationship(
        primaryjoin="SessionReport.id == foreign(remote(SessionReport.replaces_id))", viewonly=True
    )
    answer: Mapped[ReportAnswer | None] = relationship(
        primaryjoin="SessionReport.id == foreign(ReportAnswer.report_id)", viewonly=True
    )

    photos: Mapped[list[ReportPhoto]] = relationship(
        primaryjoin="SessionReport.id == foreign(ReportPhoto.report_id)",
        order_by="ReportPhoto.number",
        viewonly=True,
    )

    @property
    def said(self) -> Said:
        """What she said. Raises sealed.NotOpened."""
        content: dict[str, Any] = self.content
        return Said(
            redness=Level(content["redness"]),
            peeling=Level(content["peeling"]),
            comfort=content["comfort"],
            alarms=frozenset(map(Alarm, content["alarms"])),
        )

    @property
    def note(self) -> str | None:
        """Her own words. Raises sealed.NotOpened."""
        note: str | None = self.content["note"]
        return note

    @property
    def fired(self) -> list[Rule]:
        """The rules that fired when it was judged. Raises sealed.NotOpened."""
        return [BY_CODE[code] for code in self.content["fired"]]

    @property
    def waits(self) -> bool:
        """Somebody who treats has to answer it."""
        return self.course is not Course.EXPECTED and self.answer is None


class ReportAnswer(Base):
    """Somebody who treats looked at a report that was more than expected, and wrote to the client.

    Kept. A physician answers what is out of course; what is only watched, an esthetician may.
    """

    __tablename__ = "report_answers"
    __table_args__ = (
        sa.UniqueConstraint("report_id", name="reports_are_answered_once"),
        sa.CheckConstraint(is_sealed("message_sealed"), name="report_answer_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    report_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("session_reports.id"))
    answered_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    message_sealed: Mapped[bytes]
    answered_at: Mapped[datetime] = stamped()

    message = Sealed("message_sealed")  # for the client

    answered_by: Mapped[Person] = relationship(foreign_keys=[answered_by_id])
