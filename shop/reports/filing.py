"""The file of a report that is too long to be waited for: asked for here, made by the worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from shop.accounts.models import Person
from shop.core import jobs
from shop.reports import tabulating
from shop.reports.errors import TooLong
from shop.reports.figures import Figures
from shop.reports.naming import REPORTS
from shop.work import carrying
from shop.work.models import Work, WorkKind

JOB = "make_report"
AT_ONCE = 2_000  # rows of a file that is waited for
PIECE = 500  # rows between two words of how far it is


def at_once(figures: Figures) -> Figures:
    """The same, where a file of it can be waited for. Raises TooLong."""
    if len(figures.rows) > AT_ONCE:
        raise TooLong(
            f"This file has {len(figures.rows):,} rows. Ask for it, and fetch it when it is made.",
            rows=len(figures.rows),
        )
    return figures


def ask(name: str, first: date, last: date, *, by: Person) -> Work:
    """Queue the file of a report about these days."""
    terms = {"name": name, "since": first.isoformat(), "until": last.isoformat()}
    title = f"{REPORTS[name].title}, {first} to {last}" if REPORTS[name].spans else None
    work = carrying.ask(WorkKind.REPORT, title or REPORTS[name].title, by=by, terms=terms)
    jobs.defer(JOB, work_id=str(work.id))
    return work


def written(figures: Figures, told: Callable[[int], None]) -> bytes:
    """The whole file; `told` hears how many rows are done, now and then and at the end."""
    lines: list[str] = []
    for place, line in enumerate(tabulating.written(figures)):
        lines.append(line)
        if place and place % PIECE == 0:
            told(place)
    told(len(figures.rows))
    return "".join(lines).encode()


def name_of(name: str, first: date, last: date) -> str:
    """What the file is called."""
    return f"{name}-{first}-{last}.csv" if REPORTS[name].spans else f"{name}.csv"
