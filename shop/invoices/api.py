"""Papers over HTTP: a client's own, and all of them for who works here."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.invoices import listing, printing, queries, schemas
from shop.invoices.models import Paper
from shop.orders import queries as orders
from shop.web.api import Blueprint
from shop.web.paging import page
from shop.web.pdf import PDF, only_asked, pdf

bp = Blueprint(
    "invoices", __name__, url_prefix="/api/v1", description="Invoices, receipts, credit notes"
)

READERS = (Role.CLIENT, Role.STAFF, Role.MANAGER)
CSV = "text/csv"


@bp.get("/orders/<number>/papers")
@allow(*READERS)
@bp.response(200, schemas.OrderPapersOut)
def list_papers_of_order(number: str) -> dict[str, Any]:
    """The papers of an order; its invoice is written within minutes of its payment."""
    return {"items": queries.papers_of(orders.order_for(actor(), number))}


@bp.get("/papers")
@allow(Role.MANAGER)
@bp.arguments(schemas.PapersQuery, location="query")
@bp.response(200, schemas.PapersOut)
def list_papers(asked: dict[str, Any]) -> dict[str, Any]:
    """The papers of a period, oldest first."""
    first, last = _period(asked)
    query = queries.papers(series=asked["series"], first=first, last=last)
    keys = (Paper.issued_at, Paper.id)
    return page(query, keys, limit=asked["limit"], after=asked["after"])


@bp.get("/papers/table.csv")
@allow(Role.MANAGER)
@bp.arguments(schemas.PaperPeriod, location="query")
@bp.response(200, content_type=CSV)
def download(asked: dict[str, Any]) -> Response:
    """The papers of a period as a table for the books."""
    return table(asked)


@bp.get("/papers/<number>")
@allow(*READERS)
@bp.response(200, content_type=PDF)
def show_paper(number: str) -> Response:
    """A paper as PDF. That somebody else than its client opens it is written down first."""
    paper = queries.paper_for(actor(), number)
    if only_asked():
        return pdf(b"", f"{number}.pdf")
    reading.open_record(actor(), paper.client, record=f"paper {number}", purpose=reading.PAYMENT)
    db.session.commit()
    return pdf(printing.draw(paper), f"{number}.pdf")


def table(asked: dict[str, Any]) -> Response:
    """The papers of a period as CSV; its name says no more than its days. Raises BadPeriod."""
    first, last = _period(asked)
    query = queries.papers(series=asked["series"], first=first, last=last)
    found = db.session.scalars(query.order_by(Paper.issued_at, Paper.id)).all()
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="papers-{first}-{last}.csv"',
    }
    return Response(
        list(listing.written(found)), content_type=f"{CSV}; charset=utf-8", headers=headers
    )


def _period(asked: dict[str, Any]) -> Any:
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    return listing.period(asked["since"], asked["until"], today=today)
