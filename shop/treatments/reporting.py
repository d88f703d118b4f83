"""A client reports how her skin does after a session; what is more than expected waits for us."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.clock import day_in
from shop.core.db import db
from shop.core.errors import Conflict, NotAllowed, WrongState
from shop.core.events import Kind
from shop.treatments import course, permitting
from shop.treatments.course import Course, Said
from shop.treatments.errors import ReportRefused, TooManyReports
from shop.treatments.models import Session, SessionReport
from shop.treatments.models.reports import MOST

LONGEST_NOTE = 2_000  # characters


def report(
    session: Session,
    said: Said,
    *,
    on: date,
    note: str | None = None,
    replaces: uuid.UUID | None = None,
    by: Person,
    at: datetime,
) -> SessionReport:
    """Write down what she says of the day `on`, and judge it beside the procedure's course.

    `replaces` names the report that this one corrects; what that one asked of us stays asked.
    Raises NotAllowed, WrongState, ReportRefused, TooManyReports, Conflict.
    """
    if by.id != session.client_id:
        raise NotAllowed("A client reports of her own skin.")
    performed_on = _performed_on(session)
    _refuse_said(said, note)
    _refuse_day(on, performed_on, day_in(session.plan.zone, at))
    if len(session.reports) >= MOST:
        raise TooManyReports(f"A session takes {MOST} reports; please call the clinic.")
    _refuse_replaced(session, replaces)
    procedure = permitting.procedure_of(session.procedure)
    fired = course.judge(said, on=on, performed_on=performed_on, procedure=procedure)
    made = SessionReport(
        id=uuid.uuid4(),
        session_id=session.id,
        client_id=session.client_id,
        on_day=on,
        course=course.outcome(fired),
        rules_version=course.VERSION,
        replaces_id=replaces,
    )
    made.content = {
        "redness": said.redness.value,
        "peeling": said.peeling.value,
        "comfort": said.comfort,
        "alarms": sorted(said.alarms),
        "note": note,
        "fired": [rule.code for rule in fired],
    }
    db.session.add(made)
    db.session.flush()
    db.session.expire(session, ["reports"])
    expected = made.course is Course.EXPECTED
    events.record(Kind.SKIN_REPORTED if expected else Kind.SKIN_REPORT_WAITS, made)
    return made


def _performed_on(session: Session) -> date:
    if session.performed_at is None:
        raise WrongState(
            f"A session that is {session.status} has nothing to report of.", status=session.status
        )
    return day_in(session.plan.zone, session.performed_at)


def _refuse_said(said: Said, note: str | None) -> None:
    if not 0 <= said.comfort <= course.COMFORTABLE:
        raise _wrong("comfort", f"Choose a number from 0 to {course.COMFORTABLE}.")
    if note is not None and len(note) > LONGEST_NOTE:
        raise _wrong("note", f"At most {LONGEST_NOTE} characters.")


def _refuse_day(on: date, performed_on: date, today: date) -> None:
    if not performed_on <= on <= today:
        raise _wrong("on", f"Choose a day from {performed_on} to {today}.")


def _refuse_replaced(session: Session, replaces: uuid.UUID | None) -> None:
    if replaces is None:
        return
    old = next((one for one in session.reports if one.id == replaces), None)
    if old is None:
        raise _wrong("replaces", "Name a report of this session.")
    if old.replaced_by is not None:
        raise Conflict("That report was corrected already.", report=str(old.id))


def _wrong(field: str, text: str) -> ReportRefused:
    return ReportRefused("This cannot be reported as it is.", fields={field: [text]})
