"""The desk on pages: what is drafted is ticked, reviewed by another and activated, all or none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person
from shop.core import events, ruling
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import RuleStatus
from tests.catalog.rules import a_ruling, activated, today
from tests.catalog.test_pages import TOKEN
from tests.people import a_browser, dr_chen, mona, sam
from tests.treatments.rules import a_scope, a_scope_draft, a_window_draft

SCOPE = "/manage/rules/scope"


@pytest.fixture
def author(app: Flask) -> Person:
    return mona()


@pytest.fixture
def chen(app: Flask) -> FlaskClient:
    physician = dr_chen()
    db.session.commit()
    return a_browser(app, physician)


def sent(browser: FlaskClient, do: str, *rules: Any, path: str = SCOPE) -> tuple[int, str]:
    """Tick these and press a button of the page."""
    db.session.commit()
    token = TOKEN.search(browser.get("/manage/rules/scope?status=draft").text)
    token = token or TOKEN.search(browser.get("/account").text)
    assert token
    ticked = [str(getattr(rule, "id", rule)) for rule in rules]
    answer = browser.post(path, data={"csrf_token": token[1], "do": do, "rule": ticked})
    return answer.status_code, answer.text


def kept(rule: Any) -> Any:
    """The rule as it stands now, whatever this test holds of it."""
    db.session.expire_all()
    return ruling.found(rule.id)


def test_drafts_are_listed_with_what_they_say(author: Person, chen: FlaskClient) -> None:
    rule = a_scope_draft(by=author, jurisdiction="NV")
    held = a_scope(by=author, jurisdiction="TX")
    db.session.commit()

    page = chen.get(SCOPE).text

    assert re.findall(r'<th scope="row">([^<]+)<', page) == [rule.number]
    assert "microneedling by esthetician: needs_supervision" in page
    assert "21 CFR 333.310" in page
    assert f'value="{rule.id}"' in page
    assert held.number in chen.get(f"{SCOPE}?status=active").text
    assert rule.number not in chen.get(f"{SCOPE}?jurisdiction=TX").text
    assert rule.number in chen.get(f"{SCOPE}?status=nonsense").text  # what cannot be used


def test_many_are_reviewed_and_activated_at_once(author: Person, chen: FlaskClient) -> None:
    rules = [a_scope_draft(by=author, jurisdiction=state) for state in ("NV", "TX")]

    assert sent(chen, "review", *rules)[0] == 303
    assert {kept(rule).status for rule in rules} == {RuleStatus.REVIEWED}
    assert "2 rules are reviewed." in chen.get(SCOPE).text
    assert sent(chen, "activate", *rules)[0] == 303

    assert {kept(rule).status for rule in rules} == {RuleStatus.ACTIVE}
    assert all(kept(rule).in_force(today()) for rule in rules)
    kinds = [event.kind for event in events.of(rules[0].id)]
    assert kinds == ["rule_drafted", "rule_reviewed", "rule_activated"]


def test_one_that_cannot_and_none_is_changed(author: Person, chen: FlaskClient) -> None:
    held = a_scope(by=author, jurisdiction="NV")
    good, bad = (a_scope_draft(by=author, jurisdiction=state) for state in ("TX", "NV"))
    for rule in (good, bad):
        ruling.review(rule, by=dr_chen(), at=now())

    status, page = sent(chen, "activate", good, bad)

    assert status == 409
    assert f"{bad.number}: Rule {held.number}, version 1, speaks of the same." in page
    assert "Nothing was changed." in page
    assert {kept(rule).status for rule in (good, bad)} == {RuleStatus.REVIEWED}


def test_who_wrote_it_does_not_review_it(app: Flask, author: Person) -> None:
    rule = a_scope_draft(by=author)
    db.session.commit()
    browser = a_browser(app, author)

    assert f'value="{rule.id}"' not in browser.get(SCOPE).text
    status, page = sent(browser, "review", rule)

    assert status == 403
    assert "by somebody else" in page
    assert kept(rule).status is RuleStatus.DRAFT


def test_windows_and_laws_have_their_pages(author: Person, chen: FlaskClient) -> None:
    window = a_window_draft(by=author)
    law = a_ruling("ZEPHYRINE", by=author)
    db.session.commit()

    assert window.sentence in chen.get("/manage/rules/window").text
    assert f"{law.active} is rx" in chen.get("/manage/rules/legal_class?status=active").text
    assert "No rule of this kind is draft" in chen.get("/manage/rules/visibility").text
    assert chen.get("/manage/rules/weather").status_code == 404


BAD = {
    "nothing ticked": ("review", (), 422),
    "what is no id": ("review", ("x",), 422),
    "a rule that is not there": ("review", ("00000000-0000-0000-0000-000000000000",), 404),
    "too many": ("review", [f"00000000-0000-0000-0000-{n:012d}" for n in range(101)], 422),
    "no button": ("", ("00000000-0000-0000-0000-000000000000",), 422),
    "another button": ("burn", ("00000000-0000-0000-0000-000000000000",), 422),
}


@pytest.mark.parametrize(("do", "ids", "status"), BAD.values(), ids=BAD)
def test_what_cannot_be_sent_is_said(
    author: Person, chen: FlaskClient, do: str, ids: Any, status: int
) -> None:
    a_scope_draft(by=author)

    answered, page = sent(chen, do, *ids)

    assert answered == status
    assert 'role="alert"' in page


def test_a_rule_of_another_kind_is_refused(author: Person, chen: FlaskClient) -> None:
    window = a_window_draft(by=author)
    a_scope_draft(by=author)

    status, page = sent(chen, "review", window)

    assert status == 422
    assert "of another kind" in page
    assert kept(window).status is RuleStatus.DRAFT


def test_staff_have_no_desk(app: Flask, author: Person) -> None:
    rule = activated(a_scope_draft(by=author))
    staff = sam()
    db.session.commit()

    assert a_browser(app, staff).get(SCOPE).status_code == 403
    assert kept(rule).status is RuleStatus.ACTIVE
