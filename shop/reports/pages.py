"""Pages of the manager's reports: a table, the chart beside it, and the file of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.reports import drawing, filing, naming, schemas, tabulating
from shop.reports.errors import BadSpan
from shop.reports.figures import Figures
from shop.reports.naming import REPORTS
from shop.web.forms import rendered, to

bp = Blueprint("report_pages", __name__)


@bp.get("/reports")
@allow(Role.MANAGER)
def list_reports() -> Response:
    """What can be asked."""
    return rendered("reports/reports.html", reports=REPORTS)


@bp.get("/reports/<name>")
@allow(Role.MANAGER)
def show(name: str) -> Response:
    """A report as a table, with its chart."""
    found = naming.report(name)
    try:
        first, last, figures = _made(name)
        wrong: dict[str, Any] = {}
    except BadSpan as refused:
        first, last, figures = _made(name, {})
        wrong = {"detail": refused.text, "errors": refused.fields}
    shown = rendered(
        "reports/report.html",
        name=name,
        report=found,
        figures=figures,
        since=first,
        until=last,
        long=len(figures.rows) > filing.AT_ONCE,
        drawing=drawing.draw(figures.bars()),
        drawn=next(one for one in figures.columns if one.name == figures.drawn),
        **wrong,
    )
    shown.status_code = 422 if wrong else 200
    return shown


@bp.get("/reports/<name>/table.csv")
@allow(Role.MANAGER)
def download(name: str) -> Response:
    """The same as CSV."""
    naming.report(name)
    first, last, figures = _made(name)
    of = filing.name_of(name, first, last)
    return Response(
        tabulating.written(filing.at_once(figures)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{of}"'},
    )


@bp.post("/reports/<name>/files")
@allow(Role.MANAGER)
def ask_for_file(name: str) -> Response:
    """The worker makes the file; its page says how far it is."""
    naming.report(name)
    work = filing.ask(name, *_days(request.form), by=actor())
    db.session.commit()
    return to(f"/work/{work.id}")


def _made(name: str, given: dict[str, str] | None = None) -> tuple[date, date, Figures]:
    """The days asked for, and the report. Raises BadSpan."""
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    first, last = _days(request.args if given is None else given)
    return first, last, REPORTS[name].make(schemas.asked_for(first, last, zone=zone, at=at))


def _days(typed: Mapping[str, str]) -> tuple[date, date]:
    """The first and the last. Raises BadSpan."""
    filled = {key: text for key, text in typed.items() if text.strip()}
    try:
        asked = schemas.FiguresQuery(unknown=ma.EXCLUDE).load(filled)
    except ma.ValidationError as wrong:
        raise BadSpan("These days cannot be used.", fields=dict(wrong.messages_dict)) from None
    return schemas.span(asked, zone=current_app.config["SHOP"].clinic_time_zone, at=now())
