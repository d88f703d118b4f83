"""Papers of a period as CSV (RFC 4180), a row each: for whoever keeps the books. Names no product.

Amounts are in cents; `signed_cents` is what a paper adds to the sales, so that its sum over any
period is invoices less credit notes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from shop.catalog.listing import guarded
from shop.invoices.errors import BadPeriod
from shop.invoices.models import Paper, Series

COLUMNS = (
    "number",
    "series",
    "issued_on",
    "order",
    "invoice",
    "client",
    "state",
    "total_cents",
    "signed_cents",
    "tax_cents",
    "shipping_cents",
    "discount_cents",
    "credit_cents",
)
LONGEST = timedelta(days=366)


def period(since: date | None, until: date | None, *, today: date) -> tuple[date, date]:
    """The days asked for, both counted; the month of `today` where none is. Raises BadPeriod."""
    last = until or today
    first = since or last.replace(day=1)
    if last < first:
        text = f"Choose a day from {first} on."
        raise BadPeriod(text, fields={"until": [text]})
    if last - first > LONGEST:
        text = "Choose a year at most."
        raise BadPeriod(text, fields={"since": [text]})
    return first, last


def written(papers: Iterable[Paper]) -> Iterator[str]:
    """Line by line; the first names the columns."""
    yield _line(COLUMNS)
    for paper in papers:
        yield _line(_row(paper))


def _row(paper: Paper) -> list[str]:
    invoiced = paper.series is Series.INVOICE
    of = paper.body
    sums = [str(of[f"{name}_cents"]) if invoiced else "" for name in DETAILS]
    return [
        paper.number,
        paper.series.value,
        paper.issued_on.isoformat(),
        of["order"],
        of.get("invoice", ""),
        guarded(of["client"]["name"]),
        of["state"],
        str(paper.total_cents),
        str(paper.signed_cents),
        *sums,
    ]


DETAILS = ("tax", "shipping", "discount", "credit")


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
