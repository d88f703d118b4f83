"""How a client's skin did after a session: what she reports of it, and her photos."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.treatments import photographing, queries, reporting, schemas
from shop.treatments.models import Session
from shop.treatments.pages.blueprint import bp, read, rendered
from shop.web.forms import or_again, to

STOP = "Thank you. Stop all active products until your clinic has written."


@bp.get("/plan/<number>/sessions/<uuid:session_id>/reports")
@allow(Role.CLIENT)
def results(number: str, session_id: uuid.UUID) -> Response:
    """What is expected of her skin after it, what she told so far, and the next report."""
    return _again(number, session_id)


@bp.post("/plan/<number>/sessions/<uuid:session_id>/reports")
@allow(Role.CLIENT)
def report(number: str, session_id: uuid.UUID) -> Response:
    """How her skin does on a day after a session; with a photo where she chose one."""

    def act() -> Response:
        alarms = request.form.getlist("alarms")
        given = read(schemas.ReportIn, numbers=("comfort",), alarms=alarms)
        picture = schemas.chosen_photo()
        plan = queries.plan_for(actor(), number, at=now(), lock=True)
        session = queries.session_of(plan, session_id)
        made = reporting.report(session, **given, by=actor(), at=now())
        if picture:
            photographing.add(made, picture, consent=_agreed(), by=actor(), at=now())
        held = plan.held_for_report
        db.session.commit()
        flash(STOP if held else "Thank you. It is written down.")
        return _back(session)

    return or_again(act, lambda **why: _again(number, session_id, typed=request.form, **why))


@bp.post("/plan/<number>/reports/<uuid:report_id>/photos")
@allow(Role.CLIENT)
def add_photo(number: str, report_id: uuid.UUID) -> Response:
    """A photo to a report that she made, with a consent of its own."""

    def act() -> Response:
        made, picture = schemas.sent_photo(actor(), number, report_id)
        photographing.add(made, picture, consent=_agreed(), by=actor(), at=now())
        db.session.commit()
        flash("Your photo is with your report.")
        return _back(made.session)

    def again(**why: Any) -> Response:
        plan = queries.plan_for(actor(), number, at=now())
        session_id = queries.report_of(plan, report_id).session_id
        return _again(number, session_id, photo_of=report_id, **why)

    return or_again(act, again)


@bp.post("/plan/<number>/reports/<uuid:report_id>/photos/<uuid:photo_id>/erasure")
@allow(Role.CLIENT)
def erase_photo(number: str, report_id: uuid.UUID, photo_id: uuid.UUID) -> Response:
    """The picture is erased for good."""
    plan = queries.plan_for(actor(), number, at=now(), lock=True)
    made = queries.report_of(plan, report_id)
    photographing.erase(made, photographing.photo_of(made, photo_id), by=actor(), at=now())
    db.session.commit()
    flash("The photo is erased.")
    return _back(made.session)


def _agreed() -> bool:
    return request.form.get("consent") == "true"


def _back(session: Session) -> Response:
    return to(f"/plan/{session.plan.number}/sessions/{session.id}/reports")


def _again(number: str, session_id: uuid.UUID, **context: Any) -> Response:
    """The page, with what was typed or refused."""
    plan = queries.plan_for(actor(), number, at=now())
    session = queries.session_of(plan, session_id)
    done = session.performed_at and day_in(plan.zone, session.performed_at)
    return rendered(
        "results.html",
        plan=plan,
        session=session,
        since=lambda day: (day - done).days if done else 0,
        **context,
    )
