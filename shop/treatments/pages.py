"""Pages: a client's plan; who treats drafts one, proposes it, and sees to its sessions; a physician
starts it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    request,
)

from shop.accounts.access import actor, allow, failures_counted, fresh_proof, sign_in_afresh
from shop.accounts.models import Role
from shop.charts import reading
from shop.core import events
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.treatments import (
    answering,
    booking,
    cancelling,
    completing,
    course,
    drafting,
    drawing,
    holding,
    instructing,
    missing,
    moving,
    performing,
    permitting,
    planning,
    proposing,
    queries,
    regimens,
    reporting,
    revoking,
    schemas,
    starting,
    subscribing,
)
from shop.treatments.drawing import Drawing
from shop.treatments.errors import PlanChanged, PlanRefused
from shop.treatments.models import Plan, Session, SessionReport
from shop.treatments.procedures import library
from shop.treatments.templates import template_of, templates
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("plan_pages", __name__)

CLINICIANS = (Role.ESTHETICIAN, Role.PHYSICIAN)
SHOWN = 50  # rows of a list on one page
STOP = "Thank you. Stop all active products until your clinic has written."


@bp.get("/plan")
@allow(Role.CLIENT)
def mine() -> Response:
    """A client's plans: what is done when, how it stands, and how her skin did."""
    return _mine()


@bp.post("/plan/calendar")
@allow(Role.CLIENT)
def subscribe() -> Response:
    """A new address for her calendar program; this page shows it, once."""

    def act() -> Response:
        given = _form(schemas.FeedIn)
        _, secret = subscribing.make(actor(), words=given["words"], at=now())
        db.session.commit()
        return _mine(address=schemas.feed_address(secret))

    return or_again(act, _mine)


@bp.post("/plan/calendar/end")
@allow(Role.CLIENT)
def unsubscribe() -> Response:
    subscribing.end(actor(), at=now())
    db.session.commit()
    flash("Nothing is at that address any more.")
    return to("/plan")


@bp.get("/calendar/<secret>.ics")
@allow()
def calendar(secret: str) -> Response:
    """Her calendar, for whatever program holds its address. Nobody signs in."""
    at = now()
    with failures_counted(NotFound):
        feed = subscribing.opened(secret, address=request.remote_addr or "", at=at)
    response = Response(
        subscribing.stream(feed, at=at), content_type="text/calendar; charset=utf-8"
    )
    response.headers["Cache-Control"] = "private, no-cache"  # asked again, with the tag
    response.headers["X-Robots-Tag"] = "noindex"
    response.add_etag()
    response.make_conditional(request)
    return response


@bp.post("/plan/<number>/sessions/<uuid:session_id>/reports")
@allow(Role.CLIENT)
def report(number: str, session_id: uuid.UUID) -> Response:
    """How her skin does on a day after a session."""

    def act() -> Response:
        alarms = request.form.getlist("alarms")
        given = _form(schemas.ReportIn, numbers=("comfort",), alarms=alarms)
        plan = queries.plan_for(actor(), number, at=now(), lock=True)
        session = queries.session_of(plan, session_id)
        reporting.report(session, **given, by=actor(), at=now())
        held = plan.held_for_report
        db.session.commit()
        flash(STOP if held else "Thank you. It is written down.")
        return to("/plan")

    return or_again(
        act, lambda **why: _mine(typed=request.form, reported_of=str(session_id), **why)
    )


@bp.get("/studio")
@allow(*CLINICIANS)
def studio() -> Response:
    return _studio()


@bp.get("/studio/reports")
@allow(*CLINICIANS)
def reports() -> Response:
    """The reports that wait for an answer of who looks."""
    query = queries.reports_waiting(actor(), at=now())
    keys = (SessionReport.reported_at, SessionReport.id)
    return _rendered(
        "reports.html", shown=page(query, keys, limit=SHOWN, after=request.args.get("after"))
    )


@bp.post("/studio")
@allow(*CLINICIANS)
def draft() -> Response:
    """Begin a plan from a template, or from a goal alone."""

    def act() -> Response:
        given = _form(schemas.DraftIn)
        client = queries.client_to_plan_for(email=given["email"])
        clinic = current_app.config["SHOP"]
        common: dict[str, Any] = {
            "state": clinic.clinic_state,
            "zone": clinic.clinic_time_zone,
            "by": actor(),
            "at": now(),
        }
        if given["template"] is None:
            plan = drafting.draft(client, goal=given["goal"] or "", **common)
        else:
            first = _moment("starts", clinic.clinic_time_zone)
            template = template_of(given["template"])
            plan = drafting.from_template(
                client, template, first=first, goal=given["goal"], **common
            )
        return _done(plan.number, "It is a draft: nobody else sees it yet.")

    return or_again(act, lambda **why: _studio(typed=request.form, **why))


@bp.get("/plans/<number>")
@allow(*CLINICIANS)
def show(number: str) -> Response:
    """One plan, with what may be done to it. Opening it is written down."""
    return _plan(number)


@bp.post("/plans/<number>/sessions")
@allow(*CLINICIANS)
def add(number: str) -> Response:
    def act(plan: Plan) -> str:
        starts = _moment("starts", plan.zone)
        step = _form(schemas.PlannedSessionIn, numbers=("minutes",), starts=starts.isoformat())
        planning.add(plan, step, by=actor(), at=now())
        return "It is planned."

    return _changed(number, act)


@bp.post("/plans/<number>/regimen")
@allow(*CLINICIANS)
def instruct(number: str) -> Response:
    """One step more of home care."""

    def act(plan: Plan) -> str:
        days = [day.strip().lower() for day in request.form.get("days", "").split(",")]
        given = _form(schemas.StepIn, numbers=("every",), days=list(filter(None, days)))
        steps = [instructing.wanted(one) for one in regimens.read(plan.version.content)]
        instructing.instruct(plan, [*steps, given], by=actor(), at=now())
        return "It is part of the home care now."

    return _changed(number, act)


@bp.post("/plans/<number>/regimen/<int:place>/removal")
@allow(*CLINICIANS)
def uninstruct(number: str, place: int) -> Response:
    """The step at this place of the version that was read is left out."""

    def act(plan: Plan) -> str:
        steps = [instructing.wanted(one) for one in regimens.read(plan.version.content)]
        given = _form(schemas.StartIn, numbers=("version",))
        if given["version"] != plan.version.number or place >= len(steps):
            raise PlanChanged("The plan says something else by now. Read it again.")
        instructing.instruct(plan, steps[:place] + steps[place + 1 :], by=actor(), at=now())
        return "It is left out."

    return _changed(number, act)


@bp.post("/plans/<number>/proposal")
@allow(*CLINICIANS)
def propose(number: str) -> Response:
    def act(plan: Plan) -> str:
        proposing.propose(plan, by=actor(), at=now())
        return "The client and our physicians can read it now."

    return _changed(number, act)


@bp.post("/plans/<number>/start")
@allow(Role.PHYSICIAN)
def start(number: str) -> Response:
    def act(plan: Plan) -> str:
        given = _form(schemas.StartIn, numbers=("version",))
        starting.start(plan, **given, by=actor(), proof=fresh_proof(), at=now())
        return "The plan is active."

    return _changed(number, act, before=sign_in_afresh)


@bp.post("/plans/<number>/hold")
@allow(Role.PHYSICIAN)
def hold(number: str) -> Response:
    def act(plan: Plan) -> str:
        holding.hold(plan, **_form(schemas.WhyIn), by=actor(), at=now())
        return "It is on hold."

    return _changed(number, act)


@bp.post("/plans/<number>/resumption")
@allow(Role.PHYSICIAN)
def resume(number: str) -> Response:
    def act(plan: Plan) -> str:
        holding.resume(plan, by=actor(), at=now())
        return "It goes on."

    return _changed(number, act)


@bp.post("/plans/<number>/completion")
@allow(*CLINICIANS)
def complete(number: str) -> Response:
    def act(plan: Plan) -> str:
        completing.complete(plan, by=actor(), at=now())
        return "It is complete."

    return _changed(number, act)


@bp.post("/plans/<number>/revocation")
@allow(*CLINICIANS)
def revoke(number: str) -> Response:
    def act(plan: Plan) -> str:
        revoking.revoke(plan, **_form(schemas.WhyIn), by=actor(), at=now())
        return "It is taken back; what was ahead is cancelled."

    return _changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/booking")
@allow(*CLINICIANS)
def book(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        given = _form(schemas.BookingIn)
        who = queries.performer(given["performer"]) if given["performer"] else actor()
        session = queries.session_of(plan, session_id)
        booking.book(session, performer=who, by=actor(), at=now())
        return "It is booked."

    return _changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/move")
@allow(*CLINICIANS)
def move(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        session = queries.session_of(plan, session_id)
        starts = _moment("starts", plan.zone)
        given = _form(schemas.MoveIn, starts=starts.isoformat())
        moving.move(session, starts=starts, reason=given["reason"], by=actor(), at=now())
        return "It is moved."

    return _changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/performance")
@allow(*CLINICIANS)
def perform(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        at, given = now(), _form(schemas.PerformanceIn)
        performing.perform(
            queries.session_of(plan, session_id),
            performer=actor(),
            performed_at=at,
            note=given["note"],
            by=actor(),
            at=at,
        )
        return "It is written down as done."

    return _changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/cancellation")
@allow(*CLINICIANS)
def cancel(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        session = queries.session_of(plan, session_id)
        cancelling.cancel(session, **_form(schemas.WhyIn), by=actor(), at=now())
        return "It is cancelled."

    return _changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/no-show")
@allow(*CLINICIANS)
def miss(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        missing.miss(queries.session_of(plan, session_id), by=actor(), at=now())
        return "She did not come. Move it to another day, or cancel it."

    return _changed(number, act)


@bp.post("/plans/<number>/reports/<uuid:report_id>/answer")
@allow(*CLINICIANS)
def answer(number: str, report_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        given = _form(schemas.AnswerIn)
        answering.answer(queries.report_of(plan, report_id), **given, by=actor(), at=now())
        return "The client can read it now."

    return _changed(number, act)


def _mine(**context: Any) -> Response:
    found = page(
        queries.plans(actor(), at=now()),
        (Plan.created_at, Plan.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    feed = subscribing.feed_of(actor())
    return _rendered("mine.html", shown=found, feed=feed, **context)


def _studio(**context: Any) -> Response:
    found = page(
        queries.plans(actor(), at=now()),
        (Plan.created_at, Plan.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered("studio.html", shown=found, templates=templates(), **context)


def _plan(number: str, **context: Any) -> Response:
    at = now()
    plan = queries.plan_for(actor(), number, at=at)
    reading.open_record(actor(), plan.client, record=f"plan {number}", purpose=reading.TREATMENT)
    db.session.commit()  # written down for good before it is shown
    return _rendered(
        "plan.html",
        plan=plan,
        outside=proposing.outside(plan, by=plan.drafted_by, at=at),
        fresh=fresh_proof() is not None,
        clinicians=queries.clinicians(),
        history=events.of(plan.id),
        **context,
    )


def _changed(
    number: str, act: Callable[[Plan], str], *, before: Callable[[], None] | None = None
) -> Response:
    """Do it to the plan, locked; where it is refused, show the page with what was wrong."""

    def done() -> Response:
        if before:
            before()
        plan = queries.plan_for(actor(), number, at=now(), lock=True)
        return _done(number, act(plan))

    return or_again(done, lambda **why: _plan(number, typed=request.form, **why))


def _done(number: str, told: str) -> Response:
    db.session.commit()
    flash(told)
    return to(f"/plans/{number}")


def _form(schema: type[ma.Schema], *, numbers: tuple[str, ...] = (), **also: Any) -> Any:
    """See `web.forms.form`. Raises PlanRefused."""
    return form(schema, refused=PlanRefused, numbers=numbers, **also)


def _moment(name: str, zone: str) -> datetime:
    """What a browser's datetime field sends, in the clinic's time. Raises PlanRefused."""
    try:
        local = datetime.strptime(request.form.get(name, ""), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError:
        raise PlanRefused(
            "Some of what you typed cannot be used.",
            fields={name: ["Write day and time, such as 2026-12-12T14:00."]},
        ) from None
    return local.replace(tzinfo=ZoneInfo(zone))


def _rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    at = now()
    told: dict[str, Any] = {
        "at": at,
        "library": library(),
        "name_of": lambda code: permitting.procedure_of(code).name,
        "standing": lambda session: schemas.standing_of(session, at),
        "local": _local,
        "regimen": lambda plan: schemas.regimen(plan, at, inside=actor().role in CLINICIANS),
        "due": lambda session: _is_due(session, at),
        "drawn": _drawn,
        "expected": lambda session: course.expected(permitting.procedure_of(session.procedure)),
        "may_answer": lambda report: answering.may(report, actor()),
        "today": lambda zone: day_in(zone, at),
        "levels": [(level.word, level.word.capitalize()) for level in course.Level],
        "alarms": list(course.Alarm),
    }
    return rendered(f"treatments/{template}", **(told | context))


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
