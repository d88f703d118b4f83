"""Plans and sessions, always through the person who reads them.

A client sees her own once they are proposed; an esthetician those she drafted and those with a
session of hers; a physician those she drafted or started, and what is proposed where she is
licensed. For everybody else there is nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased, selectinload

from shop.accounts.licences import KINDS
from shop.accounts.models import Licence, Person, Role
from shop.core.clock import day_in
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.treatments.course import Course
from shop.treatments.errors import PlanRefused
from shop.treatments.models import (
    Performance,
    Plan,
    PlanStart,
    PlanVersion,
    ReportAnswer,
    Session,
    SessionReport,
)
from shop.treatments.permitting import in_force
from shop.treatments.states import READABLE, PlanStatus, SessionStatus
from shop.treatments.windows.days import begin_of

DAYS_AHEAD = 14  # of the list of readiness, beside today

_SHOWN = (
    selectinload(Plan.client),
    selectinload(Plan.drafted_by),
    selectinload(Plan.versions).selectinload(PlanVersion.written_by),
    selectinload(Plan.start).selectinload(PlanStart.physician),
    selectinload(Plan.sessions).options(
        selectinload(Session.performer),
        selectinload(Session.moves),
        selectinload(Session.performance).selectinload(Performance.performer),
        selectinload(Session.reports).options(
            selectinload(SessionReport.replaced_by),
            selectinload(SessionReport.photos),
            selectinload(SessionReport.answer).selectinload(ReportAnswer.answered_by),
        ),
    ),
)


def plans(
    reader: Person, *, at: datetime, statuses: frozenset[PlanStatus] = frozenset()
) -> sa.Select[Plan]:
    """The plans `reader` may see, with all that is shown of them."""
    query = plans_seen(reader, at=at).options(*_SHOWN)
    return query.where(Plan.status.in_(statuses)) if statuses else query


def plans_seen(reader: Person, *, at: datetime) -> sa.Select[Plan]:
    """The same with nothing loaded: to ask about."""
    return sa.select(Plan).where(_visible(reader, at))


def plan_for(reader: Person, number: str, *, at: datetime, lock: bool = False) -> Plan:
    """One plan, locked where it or its sessions will be changed. Raises NotFound."""
    query = sa.select(Plan).where(Plan.number == number, _visible(reader, at))
    if lock:
        query = locked(query, Plan, key_share=True)  # its requests point at it
    found = db.session.scalars(query.options(*_SHOWN)).one_or_none()
    if found is None:
        raise NotFound("There is no such plan.")
    return found


def session_of(plan: Plan, session_id: UUID) -> Session:
    """One session of a plan that the reader may see. Raises NotFound."""
    for session in plan.sessions:
        if session.id == session_id:
            return session
    raise NotFound("There is no such session.")


def report_of(plan: Plan, report_id: UUID) -> SessionReport:
    """One report of a plan that the reader may see. Raises NotFound."""
    for session in plan.sessions:
        for report in session.reports:
            if report.id == report_id:
                return report
    raise NotFound("There is no such report.")


def booked_ahead(
    reader: Person, *, zone: str, at: datetime, days: int = DAYS_AHEAD
) -> sa.Select[Session]:
    """What is booked from today, in the clinic's days, to so many days after, of the plans that
    `reader` sees; nothing of hers.
    """
    first = day_in(zone, at)
    begins, ends = (
        begin_of(day, ZoneInfo(zone)) for day in (first, first + timedelta(days=days + 1))
    )
    seen = sa.select(Plan.id).where(_visible(reader, at), Plan.client_id != reader.id)
    return (
        sa.select(Session)
        .where(
            Session.status == SessionStatus.BOOKED,
            begins <= Session.starts_at,
            Session.starts_at < ends,
            Session.plan_id.in_(seen),
        )
        .options(selectinload(Session.plan).selectinload(Plan.client))
        .options(selectinload(Session.performer))
    )


def reports_waiting(reader: Person, *, at: datetime) -> sa.Select[SessionReport]:
    """What `reader` may answer and nobody has yet: of the plans she sees, unopened."""
    answered = sa.exists().where(ReportAnswer.report_id == SessionReport.id)
    of = aliased(Session)
    seen = sa.select(Plan.id).where(_visible(reader, at), Plan.client_id != reader.id)
    plan = selectinload(SessionReport.session).selectinload(Session.plan)
    query = (
        sa.select(SessionReport)
        .join(of, of.id == SessionReport.session_id)
        .where(SessionReport.course != Course.EXPECTED, ~answered, of.plan_id.in_(seen))
        .options(
            plan.selectinload(Plan.client),
            plan.selectinload(Plan.sessions)
            .selectinload(Session.reports)
            .selectinload(SessionReport.answer),
        )
    )
    if reader.role is not Role.PHYSICIAN:
        query = query.where(SessionReport.course == Course.WATCHED)
    return query


def held_for_report(client_id: UUID) -> bool:
    """A report of hers, of whichever plan, is out of course and no physician has answered it."""
    return bool(db.session.scalar(sa.select(report_waits(client_id))))


def running(clients: Collection[UUID]) -> Iterable[tuple[UUID, PlanVersion]]:
    """What the running plans of these clients say now, each by its client. One statement."""
    query = (
        sa.select(Plan.client_id, PlanVersion)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .where(Plan.client_id.in_(clients), Plan.status == PlanStatus.ACTIVE)
        .order_by(PlanVersion.plan_id, PlanVersion.number.desc())
        .ext(distinct_on(PlanVersion.plan_id))
    )
    return ((row.client_id, row.PlanVersion) for row in db.session.execute(query))


def report_waits(client_id: UUID) -> sa.Exists:
    """The same as a condition, for other queries."""
    answered = sa.exists().where(ReportAnswer.report_id == SessionReport.id)
    return sa.exists().where(
        SessionReport.client_id == client_id,
        SessionReport.course == Course.OUT_OF_COURSE,
        ~answered,
    )


def client_to_plan_for(client_id: UUID | None = None, *, email: str | None = None) -> Person:
    """A client, by id or mail address, for who treats. Raises NotFound."""
    named = Person.id == client_id if email is None else Person.email == email
    query = sa.select(Person).where(named, Person.role == Role.CLIENT, Person.disabled_at.is_(None))
    found = db.session.scalars(query).one_or_none()
    if found is None:
        field = "client" if email is None else "email"
        raise NotFound("There is no such client.", fields={field: ["Name a client."]})
    return found


def clinicians() -> list[Person]:
    """Everybody who treats here, by name."""
    query = sa.select(Person).where(
        Person.role.in_((Role.ESTHETICIAN, Role.PHYSICIAN)), Person.disabled_at.is_(None)
    )
    return list(db.session.scalars(query.order_by(Person.name, Person.id)))


def performer(person_id: UUID) -> Person:
    """Who is to perform a session. Raises PlanRefused."""
    found = db.session.get(Person, person_id)
    treats = found is not None and found.role in (Role.ESTHETICIAN, Role.PHYSICIAN)
    if found is None or not treats or not found.active:
        raise PlanRefused(
            "Nobody here treats by this id.",
            fields={"performer": ["Name an esthetician or a physician."]},
        )
    return found


def _visible(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    readable = Plan.status.in_(READABLE)
    if reader.role is Role.CLIENT:
        return sa.and_(Plan.client_id == reader.id, readable)
    if reader.role is Role.ESTHETICIAN:
        hers = sa.exists().where(Session.plan_id == Plan.id, Session.performer_id == reader.id)
        return sa.or_(Plan.drafted_by_id == reader.id, hers)
    if reader.role is Role.PHYSICIAN:
        return sa.or_(Plan.drafted_by_id == reader.id, sa.and_(readable, _may_treat(reader, at)))
    return sa.false()


def _may_treat(reader: Person, at: datetime) -> sa.ColumnElement[bool]:
    licensed = sa.exists().where(
        Licence.person_id == reader.id,
        Licence.state == Plan.state,
        Licence.kind.in_(KINDS[Role.PHYSICIAN]),
        *in_force(at.astimezone(UTC).date()),
    )
    started = sa.exists().where(PlanStart.plan_id == Plan.id, PlanStart.physician_id == reader.id)
    return sa.and_(Plan.client_id != reader.id, sa.or_(licensed, started))
