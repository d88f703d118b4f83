"""Whom a draft rule of law would have blocked is known from what was ordered lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, LegalClassRule
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event
from shop.core.replays import Outcome, Replay
from shop.core.rules import BadRule
from shop.orders import replaying
from shop.orders.replaying import Draft
from tests.accounts.test_api import Browser, somebody
from tests.catalog.rules import a_draft_rule, a_ruling, a_serum
from tests.inventory.lots import a_lot
from tests.orders.test_explaining import counted
from tests.orders.things import HOME, paid, placed
from tests.people import a_browser, alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription

ACTIVE = "ZEPHYRINE"
TEXAS = HOME.__class__(**(vars(HOME) | {"state": "TX", "postal_code": "78701", "city": "Austin"}))


def tried(*, jurisdiction: str = "TX", number: str | None = None, **given: Any) -> Replay:
    limits = {name: given.pop(name) for name in ("days", "most", "at") if name in given}
    limits = {"days": 90, "most": 1_000} | limits
    if "at" not in limits:
        limits["at"] = now()
    says = {"active": ACTIVE, "legal_class": LegalClass.RX} | given
    return replaying.replay(Draft(says, jurisdiction, number), **limits)


def named(replay: Replay, outcome: Outcome = Outcome.NEWLY_BLOCKED) -> set[str]:
    return {one.about for one in replay.of(outcome)}


def test_a_draft_that_makes_it_rx_in_texas_names_exactly_those_orders(app: Flask) -> None:
    pack, other = a_serum("2", ACTIVE), a_serum("2", "WATER")
    a_lot(pack, 9), a_lot(other, 9)
    texan = bob()
    first = placed(texan, {pack: 1}, address=TEXAS)
    second = paid(texan, {pack: 2}, address=TEXAS)
    placed(alice(), {pack: 1})  # in California
    placed(texan, {other: 1}, address=TEXAS)  # of something else

    found = tried()

    assert named(found) == {first.number, second.number}
    assert {(one.state, one.product) for one in found.replayed} == {("TX", pack.product.slug)}
    assert (found.cases, found.complete) == (2, True)
    assert len(found.replayed) == 2


def test_a_rule_that_repeats_todays_law_blocks_nobody_newly(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    order = placed(bob(), {pack: 1}, address=TEXAS)
    a_ruling(ACTIVE, jurisdiction="TX")

    found = tried()

    assert named(found) == set()
    assert named(found, Outcome.ALREADY_BLOCKED) == {order.number}


def test_who_had_a_prescription_is_blocked_only_where_it_is_not_sold_at_all(app: Flask) -> None:
    pack = a_serum("2", ACTIVE, doctor_only=True)
    a_lot(pack, 9)
    client = alice()
    a_prescription(client, pack)
    order = placed(client, {pack: 1})

    assert tried(jurisdiction="CA").replayed == ()
    barred = tried(jurisdiction="CA", legal_class=LegalClass.CLINIC_USE)
    assert named(barred) == {order.number}


def test_a_version_that_lets_more_through_newly_allows(app: Flask) -> None:
    weak, strong = a_serum("2", ACTIVE), a_serum("9", ACTIVE)
    a_lot(weak, 9), a_lot(strong, 9)
    texan = bob()
    allowed = placed(texan, {weak: 1}, address=TEXAS)
    blocked = placed(texan, {strong: 1}, address=TEXAS)
    rule = a_ruling(ACTIVE, jurisdiction="TX")

    found = tried(number=rule.number, percents="(5,)")

    assert named(found) == set()
    assert named(found, Outcome.NEWLY_ALLOWED) == {allowed.number}
    assert named(found, Outcome.ALREADY_BLOCKED) == {blocked.number}


def test_a_rule_for_the_country_counts_in_every_state(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    orders = {placed(alice(), {pack: 1}).number, placed(bob(), {pack: 1}, address=TEXAS).number}

    assert named(tried(jurisdiction="US")) == orders


def test_only_the_days_that_are_asked_for_count(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    placed(bob(), {pack: 1}, address=TEXAS)

    assert tried(at=now() + timedelta(days=2), days=1).cases == 0
    assert tried(at=now() + timedelta(days=2), days=3).cases == 1


def test_the_newest_are_tried_first_and_the_rest_is_said(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "BATCH", 2)
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    texan = bob()
    orders = [placed(texan, {pack: 1}, address=TEXAS).number for _ in range(5)]

    everything, some = tried(), tried(most=3)

    assert [one.about for one in everything.replayed] == orders[::-1]
    assert (everything.cases, everything.complete) == (5, True)
    assert [one.about for one in some.replayed] == orders[:1:-1]
    assert (some.cases, some.complete) == (3, False)
    assert tried(most=5).complete


def test_it_takes_three_statements_and_one_for_each_batch(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    texan, at = bob(), now() + timedelta(hours=1)
    placed(texan, {pack: 1}, address=TEXAS)
    tried(at=at)  # opens the transaction
    with counted() as one:
        tried(at=at)
    for _ in range(3):
        placed(texan, {pack: 1}, address=TEXAS)
    tried(at=at)
    with counted() as many:
        assert tried(at=at).cases == 4

    assert len(one) == len(many) == 4


def test_nothing_is_changed(app: Flask) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    placed(bob(), {pack: 1}, address=TEXAS)
    before = _counts()

    tried()

    assert _counts() == before
    assert not db.session.dirty
    assert not db.session.new


def _counts() -> list[int | None]:
    return [
        db.session.scalar(sa.select(sa.func.count()).select_from(kind))
        for kind in (LegalClassRule, Event)
    ]


def test_a_range_of_strengths_that_is_none_is_refused(app: Flask) -> None:
    with pytest.raises(BadRule):
        tried(percents="all")


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "bob": bob, "chen": dr_chen, "sam": sam, "mona": mona}
    return {name: somebody(make) for name, make in made.items()}


@pytest.fixture
def monas(app: Flask, cast: dict[str, Person]) -> Browser:
    """The manager's browser, signed in once."""
    return Browser(app, cast["mona"])


def fields(**given: Any) -> dict[str, Any]:
    return {
        "kind": "legal_class",
        "jurisdiction": "TX",
        "valid_from": "2026-01-01",
        "source": "x",
        "grade": "U",
        "review_by": "2026-01-01",
        "active": ACTIVE,
        "legal_class": "rx",
    } | given


PATH = "/rules/simulation"


def test_a_manager_tries_a_rule_by_its_fields_or_by_its_number(
    app: Flask, cast: dict[str, Person]
) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    order = placed(cast["bob"], {pack: 1}, address=TEXAS).number
    says = {"active": ACTIVE, "legal_class": LegalClass.RX, "percents": "[1,3)"}
    draft = a_draft_rule(LegalClassRule, says, jurisdiction="TX")
    number, slug = draft.number, pack.product.slug
    assert draft.says["percents"] == "[1,3)"
    db.session.commit()
    browser = Browser(app, cast["mona"])

    by_number = browser.post(PATH, {"draft": number, "days": 30})
    by_fields = browser.post(PATH, fields(percents="[1,3)"))

    for told in (by_number, by_fields):
        assert told.status_code == 200, told.json
        past = told.json["past"]
        assert past["newly_blocked"] == {
            "count": 1,
            "clients": 1,
            "first": [{"about": order, "state": "TX", "product": slug}],
        }
        assert past["by_place"] == [
            {
                "state": "TX",
                "product": slug,
                "newly_blocked": 1,
                "already_blocked": 0,
                "newly_allowed": 0,
                "needs_reason": 0,
            }
        ]
        assert past["not_known"]
        assert told.json["products"]["count"] == 1
        assert told.json["orders"]["count"] == 1
    assert by_number.json["rule"] == {"number": number, "version": 1}
    assert by_fields.json["rule"] == {"number": None, "version": None}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a number nobody drafted": ({"draft": "R-NONE"}, "draft"),
    "a draft that is no text": ({"draft": 5}, "draft"),
    "a draft and its fields": ({"draft": "R-1", "active": ACTIVE}, "active"),
    "no days": (fields(days=0), "days"),
    "a year and a day": (fields(days=366), "days"),
    "days as text": (fields(days="90"), "days"),
    "no cases": (fields(limit=0), "limit"),
    "more than are tried": (fields(limit=20_001), "limit"),
    "a state that is none": (fields(jurisdiction="XX"), "jurisdiction"),
    "a policy": (
        {name: value for name, value in fields().items() if name != "active"}
        | {"kind": "visibility", "visibility": "open"},
        "kind",
    ),
    "strengths that are none": (fields(percents="lots"), "percents"),
    "an unknown field": (fields(colour="red"), "colour"),
    "nothing": ({}, "kind"),
    "a row that is no row": ({"screening": []}, "screening"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_tried_names_its_field(
    app: Flask, cast: dict[str, Person], case: str
) -> None:
    body, field = WRONG[case]

    refused = Browser(app, cast["mona"]).post(PATH, body)

    assert (refused.status_code, refused.content_type) == (422, "application/problem+json")
    assert field in refused.json["errors"]


def test_a_rule_in_force_is_no_draft(app: Flask, cast: dict[str, Person]) -> None:
    number = a_ruling(ACTIVE).number
    db.session.commit()

    refused = Browser(app, cast["mona"]).post(PATH, {"draft": number})

    assert refused.status_code == 422
    assert list(refused.json["errors"]) == ["draft"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["draft", "days", "limit", "colour", *fields(percents="", except_with=[])])


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.dictionaries(NAMES, JSON, max_size=4), st.booleans())
def test_whatever_is_sent_is_never_a_failure_of_ours(
    monas: Browser, changes: dict[str, Any], whole: bool
) -> None:
    told = monas.post(PATH, (fields() if whole else {}) | changes)

    assert told.status_code in (200, 400, 422), told.json
    if told.status_code != 200:
        assert told.json["errors"]


# --- the page ------------------------------------------------------------------------------------


def test_the_page_shows_whom_a_drafted_rule_would_have_blocked(
    app: Flask, cast: dict[str, Person]
) -> None:
    pack = a_serum("2", ACTIVE)
    a_lot(pack, 9)
    order = placed(cast["bob"], {pack: 1}, address=TEXAS).number
    says = {"active": ACTIVE, "legal_class": LegalClass.RX}
    number = a_draft_rule(LegalClassRule, says, jurisdiction="TX").number
    db.session.commit()
    browser = a_browser(app, cast["mona"])

    listed = browser.get("/manage/rules")
    tried_out = browser.get(f"/manage/rules?draft={number}&days=30")

    assert f"{number} version 1: {ACTIVE} in TX is rx" in listed.text
    assert "Would be blocked" not in listed.text
    assert tried_out.status_code == 200
    assert f'<a href="/orders/{order}">{order}</a>' in tried_out.text
    assert ", 1 client</span>" in tried_out.text
    theirs = a_browser(app, cast["chen"]).get(f"/manage/rules?draft={number}")
    assert order in theirs.text
    assert f'href="/orders/{order}"' not in theirs.text


@pytest.mark.parametrize(
    "query", ["draft=R-NONE", "days=0", "days=x&draft=R-1", "draft=" + "x" * 61]
)
def test_the_page_says_what_cannot_be_tried(
    app: Flask, cast: dict[str, Person], query: str
) -> None:
    refused = a_browser(app, cast["mona"]).get(f"/manage/rules?{query}")
    assert refused.status_code == 422
    assert "cannot be used" in refused.text
