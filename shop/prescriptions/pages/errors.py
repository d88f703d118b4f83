"""Pages: a prescription that should never have been is reported, and a second person decides."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.orders import revoking
from shop.prescriptions import erring, queries, schemas
from shop.prescriptions.models import ErrorReport
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.web.paging import page

DECIDERS = (Role.PHYSICIAN, Role.MANAGER)


@bp.get("/error-reports")
@allow(*DECIDERS)
def error_reports() -> Response:
    shown = page(
        queries.error_reports(actor(), at=now()),
        (ErrorReport.reported_at, ErrorReport.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered("errors.html", shown=shown)


@bp.get("/prescriptions/<number>/error")
@allow(*DECIDERS)
def show_error(number: str) -> Response:
    return _error(number)


@bp.post("/prescriptions/<number>/error")
@allow(Role.PHYSICIAN)
def report_error(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.WhyIn)
        one = queries.prescription_in_question(actor(), number, at=now(), lock=True)
        erring.report(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash("It is reported. Nothing changes until a second person agrees.")
        return to(f"/prescriptions/{number}/error")

    return or_again(act, lambda **why: _error(number, typed=request.form, **why))


@bp.post("/prescriptions/<number>/error/confirmation")
@allow(*DECIDERS)
def confirm_error(number: str) -> Response:
    def act() -> Response:
        said = queries.error_report_on(actor(), number, at=now())
        revoking.enter_in_error(said, by=actor(), at=now())
        db.session.commit()
        flash("It is entered in error, with all that was promised under it.")
        return to(f"/prescriptions/{number}/error")

    return or_again(act, lambda **why: _error(number, **why))


@bp.post("/prescriptions/<number>/error/dismissal")
@allow(*DECIDERS)
def dismiss_error(number: str) -> Response:
    def act() -> Response:
        at = now()
        queries.prescription_in_question(actor(), number, at=at, lock=True)
        said = erring.locked_report(queries.error_report_on(actor(), number, at=at))
        erring.dismiss(said, by=actor(), at=at)
        db.session.commit()
        flash("It is no error.")
        return to("/error-reports")

    return or_again(act, lambda **why: _error(number, **why))


def _error(number: str, **context: Any) -> Response:
    one = queries.prescription_in_question(actor(), number, at=now())
    reading.open_record(
        actor(), one.client, record=f"prescription {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    said = queries.live_report(one)
    return rendered(
        "error.html",
        one=one,
        said=said,
        own=said is not None and said.reported_by_id == actor().id,
        consequences=revoking.consequences(one),
        at=now(),
        **context,
    )
