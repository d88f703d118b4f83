"""The rules of treatments as rows: loaded as drafts, made by two people, asked by state and day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.cli import rules_group
from shop.core import events, ruling
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import LAW, BadRule, RuleOverlaps, RuleStatus, SamePerson
from shop.treatments import rulebook
from shop.treatments.models import ScopeRuleRow, WindowRuleRow
from shop.treatments.reading import BadRow
from shop.treatments.windows import Action, When, WindowRule
from tests.benchmarks.test_statements import sent
from tests.catalog.rules import activated, today
from tests.people import dr_chen, mona
from tests.treatments.rules import (
    A_ROW,
    A_WINDOW_ROW,
    a_file,
    a_scope,
    a_scope_draft,
    a_window,
    a_window_draft,
)

DAY = timedelta(days=1)


def count(kind: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


def test_the_book_of_scope_is_drafted_once(app: Flask) -> None:
    author = mona()

    drafted = rulebook.load_scope(by=author, at=now())
    again = rulebook.load_scope(by=author, at=now())

    db.session.commit()
    assert len(drafted) == count(ScopeRuleRow) > 200
    assert again == []
    assert {rule.status for rule in drafted} == {RuleStatus.DRAFT}
    assert all(rule.source and rule.owner_id == author.id for rule in drafted)
    assert {rule.review_by for rule in drafted} == {now().date() + rulebook.LOOKED_AT_WITHIN}
    assert rulebook.scope_rules("NV", on=today()) == ()  # drafts hold nowhere


def test_every_rule_of_the_book_of_scope_can_hold(app: Flask) -> None:
    chen = dr_chen()
    for rule in rulebook.load_scope(by=mona(), at=now()):
        ruling.review(rule, by=chen, at=now())
        ruling.activate(rule, by=chen, at=now())

    db.session.commit()
    held = rulebook.scope_rules("NV", on=today())
    assert {rule.jurisdiction for rule in held} == {"US", "NV"}


def test_windows_are_loaded_as_drafts(app: Flask, tmp_path: Path) -> None:
    file = a_file(tmp_path, A_WINDOW_ROW, A_WINDOW_ROW | {"number": "WR-2", "subject": "sun"})

    drafted = rulebook.load_windows(by=mona(), at=now(), file=file)

    db.session.commit()
    assert [rule.number for rule in drafted] == ["WR-TEST", "WR-2"]
    assert {rule.status for rule in drafted} == {RuleStatus.DRAFT}
    assert rulebook.window_rules("CA", on=today()) == ()
    assert rulebook.load_windows(by=mona(), at=now(), file=file) == []


def test_a_row_and_its_rule_say_the_same(app: Flask, tmp_path: Path) -> None:
    file = a_file(tmp_path, A_WINDOW_ROW)
    activated(rulebook.load_windows(by=mona(), at=now(), file=file)[0])
    db.session.commit()
    db.session.expunge_all()

    (rule,) = rulebook.window_rules("CA", on=today())

    (seen,) = rulebook.windows.read([A_WINDOW_ROW])
    assert rule == seen
    assert isinstance(rule, WindowRule)
    assert (rule.action, rule.when) == (Action.STOP, When(fitzpatrick_from=4))


BAD_ROWS = {
    "of scope": (
        rulebook.load_scope,
        A_ROW | {"number": "SC-2", "verdict": "perhaps"},
        "SC-2: verdict",
    ),
    "of windows": (
        rulebook.load_windows,
        A_WINDOW_ROW | {"number": "WR-2", "to_day": -9},
        "WR-2: to_day",
    ),
}


@pytest.mark.parametrize(("load", "row", "fault"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_one_bad_row_and_nothing_is_loaded(
    app: Flask, tmp_path: Path, load: Any, row: dict[str, Any], fault: str
) -> None:
    good = A_ROW if load is rulebook.load_scope else A_WINDOW_ROW

    with pytest.raises(BadRow, match=fault):
        load(by=mona(), at=now(), file=a_file(tmp_path, good, row))

    assert count(ScopeRuleRow) == count(WindowRuleRow) == 0


def test_a_later_version_of_a_row_is_the_rules_next(app: Flask, tmp_path: Path) -> None:
    first = activated(rulebook.load_scope(by=mona(), at=now(), file=a_file(tmp_path, A_ROW))[0])
    later = A_ROW | {"version": 2, "valid_from": (today() + DAY).isoformat(), "source": "Newer"}

    (second,) = rulebook.load_scope(by=mona(), at=now(), file=a_file(tmp_path, later))
    activated(second)

    db.session.commit()
    assert (first.status, second.version) == (RuleStatus.SUPERSEDED, 2)
    held = [rulebook.scope_rules("NV", on=day)[0].source for day in (today(), today() + DAY)]
    assert held == ["A statute", "Newer"]


def test_a_version_is_not_left_out(app: Flask, tmp_path: Path) -> None:
    with pytest.raises(BadRow, match="SC-TEST: version: is 3; the next on record would be 1"):
        rulebook.load_scope(by=mona(), at=now(), file=a_file(tmp_path, A_ROW | {"version": 3}))

    assert count(ScopeRuleRow) == 0


def test_rules_of_other_states_and_days_are_not_loaded(app: Flask) -> None:
    here, everywhere = a_scope(jurisdiction="NV"), a_scope(jurisdiction="US")
    a_scope(jurisdiction="TX")
    a_scope(jurisdiction="NV", licence="RN", valid_from=today() + DAY)
    a_scope_draft(jurisdiction="NV", licence="PA")

    found = rulebook.scope_rules("NV", on=today())

    assert {rule.number for rule in found} == {here.number, everywhere.number}


def test_the_rules_of_a_state_take_one_statement(app: Flask) -> None:
    a_scope(jurisdiction="NV"), a_scope(jurisdiction="US"), a_window()
    db.session.commit()

    for ask in (rulebook.scope_rules, rulebook.window_rules):
        with sent(app) as statements:
            assert ask("NV", on=today())
        assert sum("SELECT" in one and "FROM" in one for one in statements) == 1


def test_who_acts_on_an_answer_keeps_the_rules_as_they_are(app: Flask) -> None:
    held = sa.text(
        "SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND objid = :law"
        " AND pid = pg_backend_pid()"
    ).bindparams(law=LAW)

    rulebook.scope_rules("NV", on=today())
    assert list(db.session.scalars(held)) == []
    rulebook.scope_rules("NV", on=today(), lock=True)
    assert list(db.session.scalars(held)) == ["ShareLock"]


def test_nobody_lets_a_scope_hold_alone(app: Flask) -> None:
    author = mona()
    rule = a_scope_draft(by=author)

    with pytest.raises(SamePerson):
        ruling.review(rule, by=author, at=now())

    assert rule.status is RuleStatus.DRAFT
    assert [event.kind for event in events.of(rule.id)] == ["rule_drafted"]


OVERLAPS = {
    "the same": ({}, True),
    "days that it shares": ({"from_day": 6, "to_day": 9}, True),
    "days that follow": ({"from_day": 7, "to_day": 9}, False),
    "another condition": ({"when": {}}, False),
    "the same condition, said otherwise": (
        {"when": {"melasma": True, "fitzpatrick_from": 4}},
        True,
    ),
    "another subject": ({"subject": "sun"}, False),
    "another action": ({"action": "avoid"}, False),
    "the other end of the session": ({"anchor": "end"}, False),
    "another procedure": ({"procedure": "medium_peel"}, False),
    "another state": ({"jurisdiction": "TX"}, False),
}


@pytest.mark.parametrize(("given", "clash"), OVERLAPS.values(), ids=OVERLAPS)
def test_two_windows_never_speak_of_the_same_day(
    app: Flask, given: dict[str, Any], clash: bool
) -> None:
    when = {"fitzpatrick_from": 4, "melasma": True} if "melasma" in str(given) else None
    a_window(**({"when": when} if when else {}))
    rule = a_window_draft(**given)
    ruling.review(rule, by=dr_chen(), at=now())

    if clash:
        with pytest.raises(RuleOverlaps):
            ruling.activate(rule, by=dr_chen(), at=now())
        assert rule.status is RuleStatus.REVIEWED
    else:
        ruling.activate(rule, by=dr_chen(), at=now())
        db.session.commit()  # nor does the database object


def test_two_scopes_of_a_licence_never_hold_together(app: Flask) -> None:
    a_scope()
    rule = a_scope_draft(verdict="forbidden", supervision="")
    ruling.review(rule, by=dr_chen(), at=now())

    with pytest.raises(RuleOverlaps):
        ruling.activate(rule, by=dr_chen(), at=now())


BAD_SCOPE = {
    "no such procedure": ({"procedure": "haircut"}, {"procedure"}),
    "two at once": ({"procedure": "haircut", "verdict": "perhaps"}, {"procedure", "verdict"}),
    "no supervision where it is needed": ({"supervision": ""}, set()),
}


@pytest.mark.parametrize(("given", "named"), BAD_SCOPE.values(), ids=BAD_SCOPE)
def test_what_cannot_be_meant_is_not_drafted(
    app: Flask, given: dict[str, Any], named: set[str]
) -> None:
    with pytest.raises(BadRule) as refused:
        a_scope_draft(**given)

    assert set(refused.value.fields) == named
    assert count(ScopeRuleRow) == 0


BAD_WINDOWS = {
    "no such subject": ({"subject": "mud"}, {"subject"}),
    "ends before it begins": ({"to_day": -9}, set()),
    "too far": ({"from_day": -401}, {"from_day"}),
    "an unknown condition": ({"when": {"moon": "full"}}, {"when"}),
    "no condition at all": ({"when": "never"}, {"when"}),
    "priming that stops": ({"action": "prime"}, set()),
}


@pytest.mark.parametrize(("given", "named"), BAD_WINDOWS.values(), ids=BAD_WINDOWS)
def test_a_window_that_cannot_be_meant_is_not_drafted(
    app: Flask, given: dict[str, Any], named: set[str]
) -> None:
    with pytest.raises(BadRule) as refused:
        a_window_draft(**given)

    assert set(refused.value.fields) == named
    assert count(WindowRuleRow) == 0


def test_a_rule_says_itself_in_a_sentence(app: Flask) -> None:
    said = [rule.sentence for rule in (a_scope_draft(), a_window_draft(when={}))]

    assert said == [
        "microneedling by esthetician: needs_supervision (a physician is within call)",
        "superficial_peel: stop retinoid, -5 to +7 days of its start (soft_stop)",
    ]


def test_every_window_of_the_book_can_hold(app: Flask) -> None:
    drafted = rulebook.load_windows(by=mona(), at=now())
    chen = dr_chen()
    for rule in drafted:
        ruling.review(rule, by=chen, at=now())
        ruling.activate(rule, by=chen, at=now())

    db.session.commit()
    db.session.expunge_all()
    assert rulebook.window_rules("CA", on=today()) == rulebook.windows.seed()
    assert rulebook.load_windows(by=mona(), at=now()) == []


def loaded(app: Flask, *words: object) -> Any:
    """`flask rules load` by a manager, with more words."""
    email = mona().email
    db.session.commit()
    line = ["load", "--by", email, *map(str, words)]
    return app.test_cli_runner().invoke(rules_group, line)


def test_a_clinic_loads_files_of_its_own(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = a_file(tmp_path, A_ROW), a_file(tmp_path / "b", A_WINDOW_ROW)

    ended = loaded(app, "--scope", files[0], "--windows", files[1])

    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.startswith("2 rules drafted.")
    assert (count(ScopeRuleRow), count(WindowRuleRow)) == (1, 1)


BAD_FILES = {
    "a bad row": (
        json.dumps({"rules": [A_ROW | {"grade": "E"}]}),
        "SC-TEST: grade: 'E' is none of",
    ),
    "a row that is none": (json.dumps({"rules": [5]}), "5: is no row"),
    "no rules": (json.dumps({"rows": []}), "rules.json: rules: is missing"),
    "a list": ("[]", "rules.json: rules: is missing"),
    "no JSON": ("{", "rules.json: is no JSON"),
    "nothing": ("", "rules.json: is no JSON"),
}


@pytest.mark.parametrize(("text", "fault"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_said_and_nothing_is_loaded(
    app: Flask, tmp_path: Path, text: str, fault: str
) -> None:
    good = tmp_path / "good"
    good.mkdir()
    file = tmp_path / "rules.json"
    file.write_text(text, encoding="utf-8")

    ended = loaded(app, "--scope", file, "--windows", a_file(good, A_WINDOW_ROW))

    assert ended.exit_code == 1
    assert f"Nothing was loaded. {fault}" in ended.stderr
    assert count(ScopeRuleRow) == count(WindowRuleRow) == 0
