"""The plan builder: sessions moved earlier and later, one more thought of, seen before it is saved.

All of it stands in the address until it is saved, so it needs no JavaScript, and going back in the
browser takes a change back.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, flash, request
from flask_babel import gettext as _

from shop.accounts.access import actor, allow
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.treatments import moving, planning, queries, rehearsing
from shop.treatments.errors import PlanRefused
from shop.treatments.models import Plan
from shop.treatments.pages.blueprint import CLINICIANS, bp, rendered
from shop.treatments.states import AHEAD
from shop.treatments.templates import Step
from shop.web.forms import or_again, to
from shop.web.problems import status_of as http_status

TYPED = "%Y-%m-%dT%H:%M"  # what a browser's datetime field sends
SHIFTS = {"-7": timedelta(days=-7), "-1": timedelta(days=-1), "+1": timedelta(days=1)}
SHIFTS |= {"+7": timedelta(days=7)}


@bp.get("/plans/<number>/timeline")
@allow(*CLINICIANS)
def timeline(number: str) -> Response:
    """The plan as it stands, or as it is thought of; nothing is saved."""
    return _timeline(number, request.args)


@bp.post("/plans/<number>/timeline")
@allow(*CLINICIANS)
def arrange(number: str) -> Response:
    """Save all of it, or nothing."""

    def act() -> Response:
        at = now()
        plan = queries.plan_for(actor(), number, at=at, lock=True)
        moved, more = _thought(plan, request.form)
        done = 0
        for session in plan.sessions:
            starts = moved.get(session.id)
            if starts is not None and starts != session.starts_at:
                moving.move(session, starts=starts, reason=None, by=actor(), at=at)
                done += 1
        if more is not None:
            planning.add(plan, more, by=actor(), at=at)
            done += 1
        if not done:
            raise PlanRefused("Nothing is changed yet. Move a session, or add one.")
        db.session.commit()
        flash(_("It is saved."))
        return to(f"/plans/{number}")

    return or_again(act, lambda **why: _timeline(number, request.form, **why))


def _timeline(number: str, sent: Any, **context: Any) -> Response:
    at = now()
    plan = queries.plan_for(actor(), number, at=at)
    reading.open_record(actor(), plan.client, record=f"plan {number}", purpose=reading.TREATMENT)
    db.session.commit()  # written down for good before it is shown
    status, wrong = 200, {"detail": "", "errors": {}} | context
    moved: dict[uuid.UUID, datetime] = {}
    more: Step | None = None
    try:
        moved, more = _thought(plan, sent)
        told = rehearsing.rehearse(plan, moved=moved, more=more, at=at)
    except PlanRefused as refusal:
        status = http_status(refusal)
        wrong = _said(refusal) if not context else wrong
        moved, more = {}, None
        told = rehearsing.rehearse(plan, moved={}, at=at)
    page = rendered(
        "timeline.html",
        partial=request.headers.get("HX-Request") == "true",
        plan=plan,
        ahead=[one for one in plan.sessions if one.status in AHEAD],
        starts={
            one.id: moved.get(one.id, one.starts_at).astimezone(ZoneInfo(plan.zone))
            for one in plan.sessions
        },
        moved=moved,
        more=more,
        told=told,
        typed=sent,
        **wrong,
    )
    page.status_code = status
    return page


def _said(refusal: Refusal) -> dict[str, Any]:
    return {"detail": refusal.text, "errors": refusal.fields}


def _thought(plan: Plan, sent: Any) -> tuple[dict[uuid.UUID, datetime], Step | None]:
    """The times of the form, with the button that was pressed; and the session that is added.

    Raises PlanRefused.
    """
    zone = ZoneInfo(plan.zone)
    which, _sep, by = sent.get("shift", "").partition(":")
    moved = {}
    for session in plan.sessions:
        text = sent.get(f"starts.{session.id}", "")
        if session.status not in AHEAD:
            continue
        starts = session.starts_at
        if text and text != session.starts_at.astimezone(zone).strftime(TYPED):
            starts = _moment(f"starts.{session.id}", text, zone)
        if which == str(session.id) and by in SHIFTS:
            # By the clinic's clock: an appointment at ten stays at ten when summer time ends.
            local = starts.astimezone(zone).replace(tzinfo=None) + SHIFTS[by]
            starts = local.replace(tzinfo=zone)
        if starts != session.starts_at:
            moved[session.id] = starts
    return moved, _more(sent, zone)


def _more(sent: Any, zone: ZoneInfo) -> Step | None:
    if not sent.get("procedure"):
        return None
    minutes = sent.get("minutes", "") or "60"
    if not minutes.isdecimal() or len(minutes) > 4:
        raise PlanRefused(
            "This cannot be planned as it is.", fields={"minutes": ["Write a number of minutes."]}
        )
    return Step(
        procedure=sent["procedure"],
        area=sent.get("area", ""),
        starts=_moment("starts", sent.get("starts", ""), zone),
        minutes=int(minutes),
    )


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        local = datetime.strptime(text, TYPED)  # noqa: DTZ007
    except ValueError:
        raise PlanRefused(
            "Some of what you typed cannot be used.",
            fields={name: ["Write day and time, such as 2026-12-12T14:00."]},
        ) from None
    return local.replace(tzinfo=zone)
