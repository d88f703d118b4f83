"""Open Beauty Facts: bar code, name and ingredient text of cosmetics, entered by volunteers.

The Open Database License is share-alike: what is made of it must be as open. So it stays in a table
of its own, becomes no product, and leaves by no export.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts.models import Person
from shop.catalog import codes
from shop.catalog.filings import LONGEST_NAME, MOST_INGREDIENTS, Unfit
from shop.catalog.models import BeautyFact, Outcome
from shop.catalog.reading import Row
from shop.catalog.report import RowReport
from shop.catalog.shelving import alone
from shop.catalog.splitting import split
from shop.core.db import db

SOURCE = "obf"
COLUMNS = ("code", "product_name", "ingredients_text", "looks_like_skin_care")
NOT_SPLIT = "ingredients_text: no separators; kept as one text"


@dataclass(frozen=True)
class Fact:
    """A row as it is kept."""

    code: str
    name: str
    ingredients_text: str
    ingredients: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def kept(self) -> dict[str, Any]:
        """The columns of its row."""
        return {
            "code": self.code,
            "name": self.name,
            "ingredients_text": self.ingredients_text,
            "ingredients": list(self.ingredients),
        }


def read(cells: Mapping[str, str]) -> Fact:
    """A row of the export. Raises Unfit with every reason."""
    code, name = _code(cells["code"]), " ".join(cells["product_name"].split())
    found = split(cells["ingredients_text"])
    wrong = []
    if not code:
        wrong.append(
            f"code: {cells['code'][:40]!r} is not a bar code (8, 12, 13 or 14 digits, the last one "
            "the check digit)"
        )
    if not name:
        wrong.append("product_name: is empty")
    if len(name) > LONGEST_NAME:
        wrong.append(f"product_name: longer than {LONGEST_NAME} characters")
    if not found.parts:
        wrong.append("ingredients_text: is empty")
    if len(found.parts) > MOST_INGREDIENTS:
        wrong.append(f"ingredients_text: more than {MOST_INGREDIENTS} ingredients")
    if wrong:
        raise Unfit(*wrong)
    remarks = (NOT_SPLIT,) if found.whole else ()
    return Fact(code, name, cells["ingredients_text"], found.parts, remarks)


def take(rows: list[tuple[Row, Fact]], by: Person | None, at: datetime) -> list[RowReport]:
    """Keep what is new or changed."""
    alone()
    known = {one.code: one for one in db.session.scalars(_of([fact.code for _, fact in rows]))}
    reports, news = [], []
    for row, fact in rows:
        outcome = _outcome(known.get(fact.code), fact)
        if outcome is not Outcome.UNCHANGED:
            news.append(fact.kept)
        reports.append(RowReport(row.number, fact.code, outcome, list(fact.remarks)))
    if news:
        added = insert(BeautyFact)
        columns = {name: added.excluded[name] for name in ("name", "ingredients_text")}
        columns["ingredients"] = added.excluded.ingredients
        db.session.execute(added.on_conflict_do_update(index_elements=["code"], set_=columns), news)
    return reports


def _of(wanted: list[str]) -> sa.Select[BeautyFact]:
    return (
        sa.select(BeautyFact)
        .where(BeautyFact.code.in_(wanted))
        .execution_options(populate_existing=True)
    )


def _outcome(known: BeautyFact | None, fact: Fact) -> Outcome:
    if known is None:
        return Outcome.CREATED
    same = all(getattr(known, name) == value for name, value in fact.kept.items())
    return Outcome.UNCHANGED if same else Outcome.CHANGED


def _code(text: str) -> str:
    """The bar code; a leading zero that a spreadsheet took is put back. Empty: it is none."""
    code = text.strip()
    if not (code.isascii() and code.isdigit()):
        return ""
    for length in codes.LENGTHS:
        whole = code.zfill(length)
        if length - 2 <= len(code) <= length and int(whole[-1]) == codes.expected(whole):
            return whole
    return ""
