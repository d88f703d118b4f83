"""The rules that treatments go by: loaded from the shipped files as drafts, and asked of the rows.

What is loaded holds nowhere: the medical director or counsel reviews and activates it, like every
rule (`core.ruling`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import ruling
from shop.core.db import db
from shop.core.rules import EVERYWHERE, LAW, Grade, Rule, in_force_on
from shop.treatments import scope
from shop.treatments.models import ScopeRuleRow, WindowRuleRow
from shop.treatments.reading import BadRow
from shop.treatments.scope import ScopeRule
from shop.treatments.windows import WindowRule
from shop.treatments.windows import rules as windows

FOLDER = Path(__file__).parent / "data"
SCOPE, WINDOWS = FOLDER / "scope_rules_2026-1.json", FOLDER / "window_rules_2026-1.json"
LOOKED_AT_WITHIN = timedelta(days=180)


def load_all(*, by: Person, at: datetime) -> list[Rule]:
    """Draft what the shop comes with and is not on record; those it drafted. See `load`."""
    return [*load_scope(by=by, at=at), *load_windows(by=by, at=at)]


def load_scope(*, by: Person, at: datetime, file: Path = SCOPE) -> list[ScopeRuleRow]:
    """Draft the rules of scope that are not on record; those it drafted. See `load`."""
    return load(ScopeRuleRow, file, scope.read, by=by, at=at)


def load_windows(*, by: Person, at: datetime, file: Path = WINDOWS) -> list[WindowRuleRow]:
    """Draft the rules of windows that are not on record; those it drafted. See `load`."""
    return load(WindowRuleRow, file, windows.read, by=by, at=at)


def load(
    kind: type[ruling.AnyRule],
    file: Path,
    read: Callable[[Any], Iterable[Any]],
    *,
    by: Person,
    at: datetime,
) -> list[ruling.AnyRule]:
    """Draft every rule of a file in a version that is not on record; those it drafted.

    `by` is their author and owner. Safe to repeat: a second time it drafts nothing. Raises BadRow,
    which names row and column, before anything is written.
    """
    raw = _rows(file)
    read(raw)
    newest = sa.func.max(kind.version).label("newest")
    rows = db.session.execute(sa.select(kind.number, newest).group_by(kind.number))
    known = {row.number: row.newest for row in rows}
    new = [row for row in raw if row["version"] > known.get(row["number"], 0)]
    for row in new:
        before = known.get(row["number"], 0)
        if row["version"] != before + 1:
            fault = f"is {row['version']}; the next on record would be {before + 1}."
            raise BadRow(row["number"], "version", fault)
    review_by = at.date() + LOOKED_AT_WITHIN
    return [_drafted(kind, row, review_by=review_by, by=by, at=at) for row in new]


def scope_rules(state: str, *, on: date, lock: bool = False) -> tuple[ScopeRule, ...]:
    """The rules of scope in force in a state on a day (UTC) and in the country. One query.

    With `lock`, nobody activates or ends a rule before this transaction ends: for who acts on
    the answer.
    """
    if lock:
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(LAW)))
    return tuple(row.as_rule() for row in db.session.scalars(_in_force(ScopeRuleRow, state, on)))


def window_rules(state: str, *, on: date) -> tuple[WindowRule, ...]:
    """The rules of windows in force in a state on a day (UTC), likewise."""
    return tuple(row.as_rule() for row in db.session.scalars(_in_force(WindowRuleRow, state, on)))


def _in_force(kind: type[ruling.AnyRule], state: str, on: date) -> sa.Select[Any]:
    return (
        sa.select(kind)
        .where(kind.jurisdiction.in_((state, EVERYWHERE)), in_force_on(kind, on))
        .order_by(kind.number, kind.version)
    )


def _rows(file: Path) -> list[Any]:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadRow(file.name, "", f"is no JSON: {error}") from None
    rows = raw.get("rules") if isinstance(raw, dict) else None
    if not isinstance(rows, list):
        raise BadRow(file.name, "rules", "is missing; it is a list of rows.")
    return rows


COMMON = ("number", "version", "jurisdiction", "valid_from", "valid_until", "source", "grade")


def _drafted(
    kind: type[ruling.AnyRule], row: dict[str, Any], *, review_by: date, by: Person, at: datetime
) -> ruling.AnyRule:
    last = row["valid_until"]
    return ruling.draft(
        kind,
        {name: value for name, value in row.items() if name not in COMMON},
        number=row["number"],
        jurisdiction=row["jurisdiction"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_until=None if last is None else date.fromisoformat(last),
        source=row["source"],
        grade=Grade(row["grade"]),
        review_by=review_by,
        by=by,
        at=at,
    )
