"""The staff's page of names that nobody has matched to a substance."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.catalog.models import Way
from shop.core.db import db
from tests import people
from tests.catalog.rows import a_licence, lines_of, take
from tests.catalog.test_dictionary import a_name, meant
from tests.catalog.test_pages import TOKEN

PATH = "/manage/ingredient-names"


@pytest.fixture
def staff(app: Flask, small: None) -> FlaskClient:
    """Sam's browser; two products have foo wax, one has bar gum."""
    take(
        lines_of(
            a_licence(inactives=["Foo wax", "Bar gum", "Salicilic acids of willow"]),
            a_licence(npn="80000002", inactives=["Foo wax", "Glycerol*"]),
        ),
        "lnhpd",
    )
    db.session.commit()
    return people.a_browser(app, people.sam())


def said(staff: FlaskClient, name: str, **form: str) -> tuple[int, str]:
    """Send the form of a name as the page carries it."""
    token = TOKEN.search(staff.get(PATH).text)
    assert token
    name_id = a_name(name).id
    answer = staff.post(f"{PATH}/{name_id}", data={"csrf_token": token[1]} | form)
    db.session.expire_all()
    return answer.status_code, answer.text


def test_the_most_frequent_come_first_with_what_they_may_mean(staff: FlaskClient) -> None:
    page = staff.get(PATH).text

    listed = re.findall(r'<th scope="row">([^<]+)</th>', page)
    assert listed[0] == "FOO WAX"
    assert set(listed) == {"FOO WAX", "BAR GUM", "SALICILIC ACIDS OF WILLOW"}
    assert "Perhaps SALICYLIC ACID" in page


def test_a_name_is_resolved_and_leaves_the_list(staff: FlaskClient) -> None:
    status, _ = said(staff, "FOO WAX", ingredient="glycerol")

    assert status == 303
    assert meant("FOO WAX") == ("GLYCERIN", Way.RESOLVED)
    page = staff.get(PATH).text
    assert "FOO WAX is GLYCERIN." in page
    assert '<th scope="row">FOO WAX</th>' not in page


def test_a_name_that_is_no_substance(staff: FlaskClient) -> None:
    status, _ = said(staff, "BAR GUM", do="none", ingredient="")

    assert status == 303
    assert meant("BAR GUM") == (None, Way.RESOLVED)


@pytest.mark.parametrize("typed", ["", "unobtainium", "x" * 10_000])
def test_what_the_dictionary_does_not_know_is_said_at_its_field_and_changes_nothing(
    staff: FlaskClient, typed: str
) -> None:
    status, page = said(staff, "FOO WAX", ingredient=typed)

    assert status == 422
    assert page.count("The dictionary has no such substance.") == 2
    assert meant("FOO WAX") == (None, Way.NONE)


def test_a_name_that_is_not_there_and_a_cursor_that_is_none(staff: FlaskClient) -> None:
    token = TOKEN.search(staff.get(PATH).text)
    assert token
    gone = staff.post(f"{PATH}/{uuid.uuid4()}", data={"csrf_token": token[1], "do": "none"})
    assert gone.status_code == 404
    assert staff.get(f"{PATH}?after=nonsense").status_code == 422


def test_where_everything_is_resolved_the_page_says_so(staff: FlaskClient) -> None:
    for name in ("FOO WAX", "BAR GUM", "SALICILIC ACIDS OF WILLOW"):
        said(staff, name, do="none")

    assert "Every name that products file is matched or resolved." in staff.get(PATH).text


@pytest.mark.parametrize("who", ["alice", "eva", "dr_chen"])
def test_only_those_who_keep_the_catalogue(app: Flask, who: str) -> None:
    browser = people.a_browser(app, getattr(people, who)())
    assert browser.get(PATH).status_code == 403
