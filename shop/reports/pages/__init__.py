"""Pages of the manager's reports: a table, the chart beside it, and the file of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, request
from flask_babel import format_date
from flask_babel import gettext as _

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.money import dollars
from shop.reports import drawing, filing, naming, schemas, tabulating
from shop.reports.errors import BadSpan
from shop.reports.figures import Cell, Column, Figures, Unit
from shop.reports.naming import REPORTS
from shop.web.forms import rendered, to
from shop.web.words import day

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
        drawing=None if figures.over else drawing.draw(figures.bars()),
        drawn=figures.column(figures.drawn),
        over=[figures.column(name) for name in figures.over],
        plot=_plot(figures),
        said=_said,
        short=_short,
        days_before=lambda days: last - timedelta(days=days - 1),
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


STEPS = {Unit.CENTS: 100, Unit.MINUTES: 60}  # a grid of whole dollars, of whole hours


def _plot(figures: Figures) -> drawing.Plot | None:
    if not figures.over:
        return None
    step = STEPS.get(figures.column(figures.over[0]).unit, 1)
    series = [figures.series(name) for name in figures.over]
    largest = max((value or 0 for one in series for value in one), default=0)
    return drawing.plot(series, step=step if largest > step else 1)


def _said(column: Column, cell: Cell) -> str:
    """A cell as the page's reader writes days."""
    if column.unit in (Unit.DAY, Unit.WEEK, Unit.MONTH) and isinstance(cell, str):
        first = date.fromisoformat(cell)
        return str(format_date(first, "LLLL y")) if column.unit is Unit.MONTH else day(first)
    if cell is None:
        return "\u2013" if column.unit in (Unit.MINUTES, Unit.PERCENT) else str(_("not known"))
    return column.said(cell)


def _short(column: Column, cell: Cell) -> str:
    """The same for the axis of a chart, where there is little room."""
    if column.unit in (Unit.DAY, Unit.WEEK, Unit.MONTH) and isinstance(cell, str):
        first = date.fromisoformat(cell)
        return str(format_date(first, "LLL yy" if column.unit is Unit.MONTH else "d MMM"))
    if column.unit is Unit.CENTS and isinstance(cell, int):
        return dollars(cell).removesuffix(".00")
    return _said(column, cell)


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
