"""The blueprint of these pages, one plan's page, and what all of them use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask import Blueprint, Response, flash, request

from shop.accounts.access import actor, fresh_proof
from shop.accounts.models import Role
from shop.charts import reading
from shop.core import events
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import queries as inventory
from shop.inventory.models import Lot
from shop.orders import readiness
from shop.treatments import (
    answering,
    course,
    drawing,
    permitting,
    photographing,
    picturing,
    proposing,
    queries,
    rescheduled,
    schemas,
)
from shop.treatments.drawing import Drawing
from shop.treatments.errors import PlanRefused
from shop.treatments.models import Plan, Session
from shop.treatments.procedures import library
from shop.treatments.states import SessionStatus
from shop.web import forms
from shop.web.forms import or_again, to

bp = Blueprint("plan_pages", __name__)

CLINICIANS = (Role.ESTHETICIAN, Role.PHYSICIAN)
SHOWN = 50  # rows of a list on one page


def plan_page(number: str, **context: Any) -> Response:
    """One plan, with what may be done to it. Opening it is written down."""
    at = now()
    plan = queries.plan_for(actor(), number, at=at)
    reading.open_record(actor(), plan.client, record=f"plan {number}", purpose=reading.TREATMENT)
    db.session.commit()  # written down for good before it is shown
    return rendered(
        "plan.html",
        plan=plan,
        outside=proposing.outside(plan, by=plan.drafted_by, at=at),
        fresh=fresh_proof() is not None,
        clinicians=queries.clinicians(),
        history=events.of(plan.id),
        judged=readiness.of(plan.sessions, at=at),
        used=inventory.used_in([one.id for one in plan.sessions]),
        rooms=_rooms(plan, at),
        picture=picturing.ribbon_of(plan, at=at),
        **context,
    )


def _rooms(plan: Plan, at: datetime) -> Sequence[tuple[Lot, int]]:
    """The lots to choose from, where a session of today may be written down."""
    due = any(one.status is SessionStatus.BOOKED and _is_due(one, at) for one in plan.sessions)
    return inventory.in_treatment_rooms(today=day_in(plan.zone, at)) if due else ()


def changed(
    number: str, act: Callable[[Plan], str], *, before: Callable[[], None] | None = None
) -> Response:
    """Do it to the plan, locked; where it is refused, show the page with what was wrong."""

    def act_on() -> Response:
        if before:
            before()
        plan = queries.plan_for(actor(), number, at=now(), lock=True)
        return done(number, act(plan))

    return or_again(act_on, lambda **why: plan_page(number, typed=request.form, **why))


def done(number: str, told: str) -> Response:
    db.session.commit()
    flash(told)
    return to(f"/plans/{number}")


def read(schema: type[ma.Schema], *, numbers: tuple[str, ...] = (), **also: Any) -> Any:
    """See `web.forms.form`. Raises PlanRefused."""
    return forms.form(schema, refused=PlanRefused, numbers=numbers, **also)


def moment(name: str, zone: str) -> datetime:
    """What a browser's datetime field sends, in the clinic's time. Raises PlanRefused."""
    try:
        local = datetime.strptime(request.form.get(name, ""), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError:
        raise PlanRefused(
            "Some of what you typed cannot be used.",
            fields={name: ["Write day and time, such as 2026-12-12T14:00."]},
        ) from None
    return local.replace(tzinfo=ZoneInfo(zone))


def rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    at = now()
    told: dict[str, Any] = {
        "at": at,
        "library": library(),
        "name_of": lambda code: permitting.procedure_of(code).name,
        "standing": lambda session: schemas.word(session, at, context.get("judged", {})),
        "ways_out": schemas.ways_out,
        "local": _local,
        "regimen": lambda plan: schemas.regimen(plan, at, inside=actor().role in CLINICIANS),
        "moved_lately": lambda session: (
            rescheduled.told(session, at=at) if rescheduled.is_news(session, at) else None
        ),
        "due": lambda session: _is_due(session, at),
        "drawn": _drawn,
        "expected": lambda session: course.expected(permitting.procedure_of(session.procedure)),
        "may_answer": lambda report: answering.may(report, actor()),
        "today": lambda zone: day_in(zone, at),
        "levels": [(level.word, level.word.capitalize()) for level in course.Level],
        "alarms": list(course.Alarm),
        "photo_statement": photographing.STATEMENTS[photographing.CURRENT],
    }
    return forms.rendered(f"treatments/{template}", **(told | context))


def _drawn(session: Session) -> Drawing | None:
    """The course of what stands of its reports."""
    assert session.performed_at is not None
    return drawing.draw(
        [(one.on_day, one.said) for one in session.reports if one.replaced_by is None],
        performed_on=day_in(session.plan.zone, session.performed_at),
        procedure=permitting.procedure_of(session.procedure),
    )


def _local(session: Session) -> str:
    """When it begins, as a datetime field takes it, in the clinic's time."""
    return session.starts_at.astimezone(ZoneInfo(session.plan.zone)).strftime("%Y-%m-%dT%H:%M")


def _is_due(session: Session, at: datetime) -> bool:
    """Its day in the clinic has come."""
    return day_in(session.plan.zone, session.starts_at) <= day_in(session.plan.zone, at)
