"""Plans and sessions at every turn, valid by default; saved, not committed."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.treatments import (
    booking,
    drafting,
    performing,
    photographing,
    proposing,
    reporting,
    rulebook,
    starting,
)
from shop.treatments.course import Alarm, Level, Said
from shop.treatments.models import Plan, ReportPhoto, ScopeRuleRow, Session, SessionReport
from shop.treatments.templates import Step, template_of
from tests.catalog.rules import activated
from tests.people import a_fresh_sign_in, a_licence, dr_chen, eva, mona

CLINIC = {"state": "CA", "zone": "America/Los_Angeles"}


LICENCES = ("MD", "esthetician")


def ruled(*procedures: str, states: tuple[str, ...] = ("CA",), licences: Any = LICENCES) -> None:
    """What the shop ships of scope for these procedures is in force, in the country and `states`."""
    rows = json.loads(rulebook.SCOPE.read_text(encoding="utf-8"))["rules"]
    known = set(db.session.scalars(sa.select(ScopeRuleRow.number)))
    wanted = [
        row
        for row in rows
        if row["procedure"] in procedures
        and row["jurisdiction"] in ("US", *states)
        and row["licence"] in licences
        and row["number"] not in known
    ]
    if wanted:
        author, today = mona(), now().date()
        for row in wanted:
            activated(rulebook._drafted(ScopeRuleRow, row, review_by=today, by=author, at=now()))


def licensed_eva(**given: Any) -> Person:
    """Eva, an esthetician with a licence in California."""
    person = eva(**given)
    a_licence(person, kind="esthetician")
    return person


def a_step(procedure: str = "superficial_peel", **given: Any) -> Step:
    """A peel of the face in three days, for 45 minutes."""
    ruled(procedure)
    fields: dict[str, Any] = {"area": "face", "starts": in_days(3), "minutes": 45}
    return Step(procedure, **(fields | given))


def in_days(days: float) -> datetime:
    return now() + timedelta(days=days)


def a_draft(client: Person, *steps: Step, by: Person | None = None, **given: Any) -> Plan:
    fields: dict[str, Any] = {"goal": "Clearer skin.", "at": now()} | CLINIC
    steps = steps or (a_step(),)
    return drafting.draft(client, steps=steps, by=by or licensed_eva(), **(fields | given))


def a_plan_from_a_template(client: Person, *, by: Person, code: str = "acne_peels") -> Plan:
    """Proposed, its first session in 20 days."""
    template = template_of(code)
    ruled(*{one.procedure for one in template.sessions})
    plan = drafting.from_template(client, template, first=in_days(20), by=by, at=now(), **CLINIC)
    proposing.propose(plan, by=by, at=now())
    return plan


def a_proposal(client: Person, *steps: Step, by: Person | None = None) -> Plan:
    plan = a_draft(client, *steps, by=by)
    proposing.propose(plan, by=plan.drafted_by, at=now())
    return plan


def an_active_plan(
    client: Person, *steps: Step, by: Person | None = None, chen: Person | None = None
) -> Plan:
    """Proposed by Eva, started by Dr Chen."""
    plan = a_proposal(client, *steps, by=by)
    start(plan, chen or dr_chen())
    return plan


def start(plan: Plan, chen: Person) -> None:
    proof = a_fresh_sign_in(chen)
    starting.start(plan, version=plan.version.number, by=chen, proof=proof, at=now())


def a_booked_session(plan: Plan, *, by: Person | None = None) -> Session:
    """The plan's first session, kept for who drafted it."""
    session = plan.sessions[0]
    who = by or plan.drafted_by
    booking.book(session, performer=who, by=who, at=now())
    return session


def a_performed_session(plan: Plan, *, by: Person | None = None) -> Session:
    """The same, done now."""
    session = a_booked_session(plan, by=by)
    who = by or plan.drafted_by
    at = now()
    performing.perform(session, performer=who, performed_at=at, note="Fine.", by=who, at=at)
    db.session.flush()  # others look at it
    return session


def said(
    redness: Level = Level.MILD,
    peeling: Level = Level.NONE,
    comfort: int = 8,
    alarms: tuple[Alarm, ...] = (),
) -> Said:
    """A little red on the day itself: as expected."""
    return Said(redness, peeling, comfort, frozenset(alarms))


BLISTERS = said(alarms=(Alarm.BLISTERING,))  # out of course, whatever was done


def today(session: Session) -> date:
    return day_in(session.plan.zone, now())


def a_report(session: Session, what: Said | None = None, **given: Any) -> SessionReport:
    """The client's own, of today."""
    fields: dict[str, Any] = {"on": today(session), "by": session.plan.client, "at": now()}
    return reporting.report(session, what or said(), **(fields | given))


def a_photo(report: SessionReport) -> ReportPhoto:
    """Any bytes: what is sealed is not looked at again."""
    photo = ReportPhoto(id=uuid.uuid4(), report_id=report.id, statement=photographing.CURRENT)
    photo.picture = b"a canary in pixels"
    db.session.add(photo)
    db.session.flush()
    db.session.expire(report, ["photos"])
    return photo
