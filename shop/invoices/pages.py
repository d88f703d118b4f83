"""Pages: a paper to look at or save, and the manager's list of a period."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.invoices import listing, printing, queries, schemas
from shop.invoices.errors import BadPeriod
from shop.invoices.models import Paper, Series
from shop.web.forms import rendered
from shop.web.paging import page
from shop.web.pdf import only_asked, pdf

bp = Blueprint("invoice_pages", __name__)

READERS = (Role.CLIENT, Role.STAFF, Role.MANAGER)
SHOWN = 50


@bp.get("/papers/<number>")
@allow(*READERS)
def show(number: str) -> Response:
    """The PDF. That somebody else than its client opens it is written down first."""
    paper = queries.paper_for(actor(), number)
    if only_asked():
        return pdf(b"", f"{number}.pdf")
    reading.open_record(actor(), paper.client, record=f"paper {number}", purpose=reading.PAYMENT)
    db.session.commit()
    return pdf(printing.draw(paper), f"{number}.pdf")


@bp.get("/papers")
@allow(Role.MANAGER)
def board() -> Response:
    """The papers of a period, what they come to, and the way to the table."""
    try:
        asked, wrong = _asked(), {}
    except BadPeriod as refused:
        asked, wrong = _asked({}), {"detail": refused.text, "errors": refused.fields}
    first, last, series = asked
    found = page(
        queries.papers(series=series, first=first, last=last),
        (Paper.issued_at, Paper.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    told = queries.sums(first, last)
    shown = rendered(
        "invoices/board.html",
        shown=found,
        since=first,
        until=last,
        series=series,
        kinds=[(one.value, printing.TITLES[one]) for one in Series],
        titles=printing.TITLES,
        sums=told,
        sales=queries.sales(told),
        **wrong,
    )
    shown.status_code = 422 if wrong else 200
    return shown


def _asked(given: dict[str, str] | None = None) -> tuple[date, date, Series | None]:
    """The period and the series asked for. Raises BadPeriod."""
    typed = request.args if given is None else given
    filled = {key: text for key, text in typed.items() if text.strip()}
    try:
        asked: dict[str, Any] = schemas.PaperPeriod(unknown=ma.EXCLUDE).load(filled)
    except ma.ValidationError as wrong:
        raise BadPeriod("This period cannot be used.", fields=dict(wrong.messages_dict)) from None
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    first, last = listing.period(asked["since"], asked["until"], today=today)
    return first, last, asked["series"]
