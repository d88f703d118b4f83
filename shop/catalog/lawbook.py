"""The rules that the shop comes with: proposals with their sources, drafted and never active."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import (
    LegalClass,
    LegalClassRule,
    Visibility,
    VisibilityRule,
)
from shop.core import ruling
from shop.core.db import db
from shop.core.rules import EVERYWHERE, Grade

AnyRule = LegalClassRule | VisibilityRule

CLASSES = Path(__file__).parent / "data" / "legal_classes_us.csv"
LOOKED_AT_WITHIN = timedelta(days=180)
# Number → class and who sees it: a proposal for what the FDA has not approved.
POLICIES = {"VIS-RX-UNAPPROVED": (LegalClass.RX_UNAPPROVED, Visibility.TEASER)}


def load(*, by: Person, at: datetime) -> list[AnyRule]:
    """Draft every rule of the book that is not known by its number; those it drafted.

    `by` is their author and owner. Safe to repeat: a second time it drafts nothing.
    """
    known = set(db.session.scalars(sa.select(LegalClassRule.number)))
    known |= set(db.session.scalars(sa.select(VisibilityRule.number)))
    review_by = at.date() + LOOKED_AT_WITHIN
    with CLASSES.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["number"] not in known]
    drafted: list[AnyRule] = [_class_rule(row, review_by, by, at) for row in rows]
    for number, (legal_class, seen_by) in POLICIES.items():
        if number not in known:
            says = {"legal_class": legal_class, "visibility": seen_by}
            drafted.append(
                ruling.draft(
                    VisibilityRule,
                    says,
                    number=number,
                    jurisdiction=EVERYWHERE,
                    valid_from=at.date(),
                    source="A proposal of this shop; the clinic decides",
                    grade=Grade.U,
                    review_by=review_by,
                    by=by,
                    at=at,
                )
            )
    return drafted


def _class_rule(row: dict[str, str], review_by: date, by: Person, at: datetime) -> LegalClassRule:
    says = {
        "active": row["active"],
        "percents": row["percents"],
        "route": row["route"],
        "dosage_form": row["dosage_form"],
        "except_with": [name for name in row["except_with"].split("|") if name],
        "legal_class": LegalClass(row["legal_class"]),
    }
    return ruling.draft(
        LegalClassRule,
        says,
        number=row["number"],
        jurisdiction=row["jurisdiction"],
        valid_from=date.fromisoformat(row["valid_from"]),
        source=row["source"],
        grade=Grade(row["grade"]),
        review_by=review_by,
        by=by,
        at=at,
    )
