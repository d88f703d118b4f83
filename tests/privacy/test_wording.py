"""Who opened a record, in sentences: no raw word of ours is left, whatever part was opened."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

import shop
from shop.accounts.models import Person, Role
from shop.charts.models import Access
from shop.privacy import wording

SHOP = Path(shop.__file__).parent
AT = datetime(2026, 12, 12, 20, 5, tzinfo=UTC)


def written() -> Iterator[str]:
    """Every record that some module writes down as opened, with X-1 where a number stands."""
    for path in SHOP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield from filter(None, map(_plain, _records(node)))


def _records(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        yield from (one.value for one in node.keywords if one.arg == "record")
        if name in ("opened", "_opened", "_open") and len(node.args) == 2:
            yield node.args[1]
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "record":
        yield node.value


def _plain(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "X-1" for part in node.values
        )
    return ""


def test_every_part_that_is_opened_has_its_words(app: Flask) -> None:
    records = set(written())
    assert {"chart", "approval_request X-1", "lot X-1"} <= records

    with app.test_request_context():
        unsaid = {one for one in records if wording.record(one) == "a part of your record"}

    assert unsaid == set()


@pytest.mark.parametrize("purpose", wording.Purpose)
def test_every_purpose_has_its_words(purpose: wording.Purpose) -> None:
    assert purpose in wording.PURPOSES
    assert purpose in wording.NAMES
    assert purpose in wording.MEANINGS


def test_no_purpose_is_forgotten() -> None:
    (check,) = [
        one for one in Access.__table__.constraints if one.name == "access_purpose_is_known"
    ]
    known = str(check.sqltext).split("'")[1::2]  # type: ignore[attr-defined]
    assert set(known) == set(wording.Purpose)


def an_access(record: str, *, minutes: int = 0, reader: Person | None = None) -> Access:
    who = reader or Person(id=uuid.uuid4(), name="Dr Wei Chen", role=Role.PHYSICIAN)
    return Access(
        id=uuid.uuid4(),
        reader=who,
        reader_id=who.id,
        record=record,
        purpose="treatment",
        at=AT - timedelta(minutes=minutes),
    )


def test_an_opening_is_a_sentence(app: Flask) -> None:
    with app.test_request_context():
        assert wording.sentence(an_access("approval_request Q-7K2QM4XD")) == (
            "Dr Wei Chen (physician) opened your request Q-7K2QM4XD, to treat you."
        )


def test_openings_stand_under_the_clinics_days_and_the_same_at_once_is_said_once(
    app: Flask,
) -> None:
    chen = Person(id=uuid.uuid4(), name="Dr Wei Chen", role=Role.PHYSICIAN)
    found = [
        an_access("chart", reader=chen),
        an_access("chart", minutes=1, reader=chen),
        an_access("plan P-1", minutes=2, reader=chen),
        an_access("chart", minutes=13 * 60, reader=chen),  # the day before in California
    ]

    with app.test_request_context():
        days = wording.by_day(found, zone="America/Los_Angeles")

    assert [(day.isoformat(), [one.times for one in said]) for day, said in days] == [
        ("2026-12-12", [2, 1]),
        ("2026-12-11", [1]),
    ]
