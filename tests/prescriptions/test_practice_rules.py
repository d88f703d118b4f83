"""The rules of the states: each founded and read with care, and PostgreSQL knows the same."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa

from shop.core.db import db
from shop.core.rules import EVERYWHERE, Grade
from shop.core.usps import STATES
from shop.prescriptions.models import KnownExaminationRule, KnownSupervisionRule
from shop.prescriptions.practice.rules import (
    CURRENT,
    FOLDER,
    PREFIX,
    Mode,
    book,
    examination_in,
    read,
    supervision_in,
    versions,
)

# The fingerprint of every file that was ever shipped: a change is a new file.
SHIPPED = {"2026-1": "a675ccc4161909bb31081f4578095b882e1d292ce3961bb7470d67e2112da039"}
DAY = date(2026, 11, 27)


def test_a_file_that_was_shipped_is_never_edited() -> None:
    found = {
        version: sha256((FOLDER / f"{PREFIX}{version}.json").read_bytes()).hexdigest()
        for version in versions()
    }
    assert found == SHIPPED
    assert CURRENT in found


def test_a_version_that_was_never_shipped_is_not_found() -> None:
    with pytest.raises(KeyError):
        book("../models")


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_says_which_examination_it_asks_for(state: str) -> None:
    rule = examination_in(state, DAY)

    assert (rule.jurisdiction, rule.number) == (state, f"EX-{state}")
    assert {Mode.IN_PERSON, Mode.VIDEO} <= set(rule.modes)
    assert rule.lasts_days <= 366
    assert len(rule.source) > 40
    for kind in ("NP", "PA"):
        assert supervision_in(state, kind, DAY) is not None
    for kind in ("MD", "DO"):
        assert supervision_in(state, kind, DAY) is None


def test_a_state_that_no_row_speaks_of_asks_for_the_most() -> None:
    strictest = examination_in("GU", DAY)
    assert (strictest.jurisdiction, strictest.modes) == (EVERYWHERE, (Mode.IN_PERSON,))
    assert strictest.ends_with_it
    assert all(set(strictest.modes) <= set(rule.modes) for rule in book().examinations)


def test_before_the_rows_of_the_states_began_the_strictest_holds() -> None:
    assert examination_in("CA", date(2025, 12, 31)).jurisdiction == EVERYWHERE
    assert examination_in("CA", date(2026, 1, 1)).jurisdiction == "CA"


def test_whoever_asks_less_is_founded_on_the_primary_text() -> None:
    rows = [*book().examinations, *book().supervision]
    loose = [rule for rule in rows if rule.loosens]
    assert {rule.number for rule in loose} == {"EX-CA", "SV-AZ-NP", "SV-WA-NP"}
    assert {rule.grade for rule in loose} <= {Grade.A, Grade.B}


def test_a_nurse_is_supervised_where_no_row_frees_her() -> None:
    needed = {
        (state, kind): rule.needed
        for state in ("CA", "AZ")
        for kind in ("NP", "PA")
        if (rule := supervision_in(state, kind, DAY))
    }
    assert needed == {
        ("CA", "NP"): True,
        ("CA", "PA"): True,
        ("AZ", "NP"): False,
        ("AZ", "PA"): True,
    }


@pytest.mark.usefixtures("app")
def test_the_database_judges_by_the_same_rows() -> None:
    for kind, rows in (
        (KnownExaminationRule, book().examinations),
        (KnownSupervisionRule, book().supervision),
    ):
        known = {one.number: one for one in db.session.scalars(sa.select(kind))}
        assert set(known) == {rule.number for rule in rows}
        for rule in rows:
            for name in rule.__dataclass_fields__:
                said = getattr(rule, name)
                kept = getattr(known[rule.number], name)
                assert kept == (list(said) if name == "modes" else said), (rule.number, name)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("state", ["CA", "TX", "GU"])
def test_the_database_finds_the_same_row(state: str) -> None:
    for day in (date(2025, 12, 31), DAY):
        asked = sa.text("SELECT number FROM examination_rule_in(:state, :day)")
        found = db.session.scalar(asked, {"state": state, "day": day})
        assert found == examination_in(state, day).number
        for kind in ("MD", "NP", "PA", "RN"):
            needed = sa.text("SELECT supervision_needed(:kind, :state, :day)")
            rule = supervision_in(state, kind, day)
            expected = rule.needed if rule else kind not in ("MD", "DO")
            given = {"kind": kind, "state": state, "day": day}
            assert db.session.scalar(needed, given) is expected


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "number": "EX-XX",
        "version": 1,
        "jurisdiction": "NV",
        "valid_from": "2026-01-01",
        "valid_until": None,
        "modes": ["in_person"],
        "lasts_days": 365,
        "ends_with_it": True,
        "source": "A statute",
        "grade": "C",
    }
    return row | changes


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no such mode": ({"modes": ["telepathy"]}, "modes: .*telepathy"),
    "no modes": ({"modes": []}, "modes: .*no list"),
    "modes are a word": ({"modes": "video"}, "modes: .*no list"),
    "no such grade": ({"grade": "Z"}, "grade: .*Z"),
    "no such jurisdiction": ({"jurisdiction": "UK"}, "jurisdiction: 'UK'"),
    "no source": ({"source": " "}, "source: .*no text"),
    "a version that is a word": ({"version": "one"}, "version: .*no count"),
    "lasts no days": ({"lasts_days": 0}, "lasts_days: .*no count"),
    "lasts true days": ({"lasts_days": True}, "lasts_days: .*no count"),
    "a day that is none": ({"valid_from": "2026-02-30"}, "valid_from: .*day"),
    "a last day that is none": ({"valid_until": "soon"}, "valid_until: "),
    "ends with it, perhaps": ({"ends_with_it": "yes"}, "ends_with_it: .*neither"),
    "a column too many": ({"colour": "red"}, "missing, or not a column: colour"),
    "answers will do, says a blog": ({"modes": ["asynchronous"]}, "grade: asks less"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_with_its_fault(case: str) -> None:
    changes, fault = BROKEN[case]
    with pytest.raises(ValueError, match=f"EX-XX: {fault}"):
        read({"examinations": [a_row(**changes)], "supervision": []})


def test_a_missing_column_and_a_number_that_stands_twice_are_named() -> None:
    row = a_row()
    del row["source"]
    with pytest.raises(ValueError, match="EX-XX: missing, or not a column: source"):
        read({"examinations": [row], "supervision": []})
    with pytest.raises(ValueError, match="EX-XX: stands twice"):
        read({"examinations": [a_row(), a_row(version=2)], "supervision": []})


def test_only_who_may_need_a_supervisor_has_a_row() -> None:
    row = {name: a_row()[name] for name in a_row() if name not in ("modes", "lasts_days")}
    del row["ends_with_it"]
    with pytest.raises(ValueError, match="EX-XX: licence_kind: 'MD' is not known"):
        read({"examinations": [], "supervision": [row | {"licence_kind": "MD", "needed": True}]})
