"""Somebody who treats answers a report that was more than expected."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.treatments.course import Course
from shop.treatments.errors import ReportRefused
from shop.treatments.models import ReportAnswer, SessionReport

LONGEST = 2_000  # characters of a message


def answer(report: SessionReport, *, message: str, by: Person, at: datetime) -> ReportAnswer:
    """Write to the client; it waits no more, and what it held goes on.

    A physician, or who treats where it is only watched. Raises NotAllowed, WrongState,
    ReportRefused.
    """
    require_may(report, by)
    if not report.waits:
        told = "was answered" if report.answer else "is as expected: it needs no answer"
        raise WrongState(f"This report {told}.", course=report.course)
    if not message.strip() or len(message) > LONGEST:
        raise ReportRefused(
            "An answer says something.",
            fields={"message": [f"Write to the client, in up to {LONGEST} characters."]},
        )
    made = ReportAnswer(id=uuid.uuid4(), report_id=report.id, answered_by_id=by.id)
    made.message = message
    db.session.add(made)
    db.session.flush()
    db.session.refresh(report, ["answer"])
    events.record(Kind.SKIN_REPORT_ANSWERED, report)
    return made


def may(report: SessionReport, by: Person) -> bool:
    """Whether `by`, who sees the plan, is one who answers it."""
    if by.id == report.client_id:
        return False
    watched = report.course is Course.WATCHED
    return by.role is Role.PHYSICIAN or (watched and by.role is Role.ESTHETICIAN)


def require_may(report: SessionReport, by: Person) -> None:
    if not may(report, by):
        raise NotAllowed("A physician answers this report, and not of her own skin.")
