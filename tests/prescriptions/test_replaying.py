"""Whom a draft rule of screening would have stopped is known from what was signed lately."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event
from shop.core.replays import Outcome, Replay
from shop.core.rules import BadRule
from shop.prescriptions import revoking
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking, replaying, rules
from shop.prescriptions.screening.checking import Case
from tests.accounts.test_api import Browser, somebody
from tests.orders.test_explaining import counted
from tests.orders.test_replaying import JSON
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, hydroquinone, tretinoin

ROW: dict[str, Any] = {
    "number": "SC-DRAFT",
    "version": 1,
    "kind": "age",
    "severity": "hard_stop",
    "unknown": "ask",
    "grade": "D",
    "jurisdiction": "US",
    "valid_from": "2030-01-01",  # a draft is tried whatever its own days
    "valid_until": None,
    "where": {"actives": {"classes": ["retinoid"]}, "years": 99},
    "source": "A draft of the medical director",
    "client": "This is for people over 98.",
    "physician": "Younger than 99.",
}


def a_row(**given: Any) -> dict[str, Any]:
    return deepcopy(ROW) | given


def shipped(number: str, **given: Any) -> dict[str, Any]:
    """A row of today's file."""
    path = rules.FOLDER / f"{rules.PREFIX}{rules.CURRENT}.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    return next(row for row in raw["rules"] if row["number"] == number) | given


def tried(row: dict[str, Any], **given: Any) -> Replay:
    limits = {"days": 90, "most": 1_000} | given
    if "at" not in limits:
        limits["at"] = now()
    return replaying.replay(replaying.drafted(row), **limits)


def named(replay: Replay, outcome: Outcome = Outcome.NEWLY_BLOCKED) -> set[str]:
    return {one.about for one in replay.of(outcome)}


def signed(client: Person | None = None, **given: Any) -> Prescription:
    return a_prescription(
        client or alice(), given.pop("variant", None) or a_formula(tretinoin()), **given
    )


def test_a_draft_names_exactly_those_it_would_stop(app: Flask) -> None:
    retinoids = [signed(), signed()]
    signed(variant=a_formula(hydroquinone()), days_supply=30, fills=1)

    found = tried(a_row())

    assert named(found) == {one.request.number for one in retinoids}
    assert (found.cases, found.complete) == (3, True)
    assert {one.state for one in found.replayed} == {"CA"}


def test_a_rule_that_repeats_todays_blocks_nobody_newly(app: Flask) -> None:
    signed()
    for rule in rules.rules():
        assert tried(shipped(rule.number)).replayed == (), rule.number


def test_a_soft_stop_asks_for_a_reason_and_blocks_nobody(app: Flask) -> None:
    number = signed().request.number

    found = tried(a_row(severity="soft_stop"))

    assert named(found) == set()
    assert named(found, Outcome.NEEDS_REASON) == {number}
    assert tried(a_row(severity="warn")).replayed == ()


def test_a_rule_of_another_state_stops_nobody_here(app: Flask) -> None:
    number = signed().request.number

    assert tried(a_row(jurisdiction="TX")).replayed == ()
    assert named(tried(a_row(jurisdiction="CA"))) == {number}


def test_what_she_said_later_does_not_count_for_the_past(app: Flask) -> None:
    client = alice()
    one = signed(client)
    charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())
    row = shipped("SC-RETINOID-PREGNANCY") | {"number": "SC-DRAFT", "severity": "hard_stop"}

    assert checking.facts(one.request, at=now()).client.pregnancy.value == "pregnant"
    row["where"] = row["where"] | {"statuses": ["pregnant"]}
    assert tried(row).replayed == ()
    row["where"] = row["where"] | {"statuses": ["none"]}
    assert named(tried(row)) == {one.request.number}


def test_facts_are_of_the_day_it_was_signed(app: Flask) -> None:
    """What came after, of prescriptions, their end and their fills, is left out."""
    client = alice()
    first = signed(client)
    second = signed(client, variant=a_formula(tretinoin()), overrides=DUPLICATE)
    revoking_day = now()
    revoking.revoke(first, reason="Too strong.", by=client, at=revoking_day)
    db.session.flush()
    db.session.refresh(first)

    of_first, of_second, of_today = checking.facts_of(
        [
            Case(first.request, first.signed_at, past=True),
            Case(second.request, second.signed_at, past=True),
            Case(second.request, now()),
        ]
    )

    assert of_first.regimen == ()
    assert [one.key for one in of_second.regimen] == [str(first.request.variant.product_id)]
    assert of_today.regimen == ()


DUPLICATE = {"SC-RETINOID-TWICE": "She stops the other one."}


def test_many_cases_say_the_same_as_each_alone(app: Flask) -> None:
    cases = [
        Case(one.request, one.signed_at, 90, past=True)
        for one in (signed(), signed(bob(), by=dr_chen(states=("TX",))), signed())
    ]

    together = checking.facts_of(cases)

    assert together == [checking.facts_of([case])[0] for case in cases]
    assert len({facts.states for facts in together}) == 2


def test_batches_take_five_statements_each(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        signed()
    at = now()
    tried(a_row(), at=at)
    with counted() as one_batch:
        found = tried(a_row(), at=at)
    monkeypatch.setattr(replaying, "BATCH", 2)
    monkeypatch.setattr(replaying, "_NEWEST", replaying._NEWEST.limit(2))
    with counted() as two_batches:
        assert tried(a_row(), at=at).replayed == found.replayed

    assert found.cases == 4
    assert len(one_batch) <= 5
    assert len(two_batches) == 2 * (len(one_batch)) + 1  # and one that finds no more


def test_the_newest_are_tried_first_and_the_rest_is_said(app: Flask) -> None:
    numbers = [signed().request.number for _ in range(3)]

    some = tried(a_row(), most=2)

    assert [one.about for one in some.replayed] == numbers[:0:-1]
    assert (some.cases, some.complete) == (2, False)
    assert tried(a_row(), most=3).complete
    assert tried(a_row(), at=now() + timedelta(days=2), days=1).cases == 0


def test_nothing_is_changed(app: Flask) -> None:
    signed()
    kinds = (ApprovalRequest, Prescription, Event, Access)
    before = [db.session.scalar(sa.select(sa.func.count()).select_from(kind)) for kind in kinds]

    tried(a_row())

    assert not db.session.dirty
    assert not db.session.new
    after = [db.session.scalar(sa.select(sa.func.count()).select_from(kind)) for kind in kinds]
    assert after == before


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no such kind": ({"kind": "hunch"}, "kind"),
    "a kind that is a list": ({"kind": []}, "kind"),
    "a severity that is a number": ({"severity": 4}, "severity"),
    "no such grade": ({"grade": "Z"}, "grade"),
    "a jurisdiction that is a list": ({"jurisdiction": ["CA"]}, "jurisdiction"),
    "a day that is a number": ({"valid_from": 20260101}, "valid_from"),
    "parameters that are a list": ({"where": [1]}, "where"),
    "parameters that are a text": ({"where": "x"}, "where"),
    "a class that is none": ({"where": {"actives": {"classes": ["magic"]}, "years": 1}}, "where"),
    "a strength that is no number": (
        {"kind": "strength", "where": {"actives": {"classes": ["aha"]}, "percent": "NaN"}},
        "where",
    ),
    "a column too many": ({"colour": "red"}, "colour"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_row_that_is_no_rule_names_its_column(case: str) -> None:
    changes, column = BROKEN[case]
    with pytest.raises(BadRule) as refused:
        replaying.drafted(a_row(**changes))
    assert list(refused.value.fields) == [f"screening.{column}"]


def test_a_row_without_a_column_names_it() -> None:
    row = a_row()
    del row["physician"]
    with pytest.raises(BadRule) as refused:
        replaying.drafted(row)
    assert refused.value.fields == {"screening.physician": ["is missing."]}


# --- over HTTP -----------------------------------------------------------------------------------

PATH = "/rules/simulation"


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "chen": dr_chen, "sam": sam, "mona": mona}
    return {name: somebody(make) for name, make in made.items()}


def test_a_physician_reads_whom_it_would_stop_and_that_is_written_down(
    app: Flask, cast: dict[str, Person]
) -> None:
    one = signed(cast["alice"], by=cast["chen"])
    number, slug = one.request.number, one.request.variant.product.slug
    elsewhere = signed(bob(), by=dr_chen(states=("TX",))).request.number
    db.session.commit()

    told = Browser(app, cast["chen"]).post(PATH, {"screening": a_row()})

    assert told.status_code == 200, told.json
    assert told.json["rule"] == {"number": "SC-DRAFT", "version": 1}
    past = told.json["past"]
    assert (past["newly_blocked"]["count"], past["newly_blocked"]["clients"]) == (2, 2)
    assert past["newly_blocked"]["first"] == [
        {"about": number, "client": str(cast["alice"].id), "state": "CA", "product": slug}
    ]
    assert elsewhere not in told.text
    assert {row["state"] for row in past["by_place"]} == {"CA", "TX"}
    assert "products" not in told.json
    (access,) = db.session.scalars(sa.select(Access)).all()
    assert access.record == f"simulation of a rule on approval_request {number}"


def test_a_manager_reads_counts_that_point_at_nobody(app: Flask, cast: dict[str, Person]) -> None:
    for _ in range(4):
        signed(by=cast["chen"])
    db.session.commit()
    browser = Browser(app, cast["mona"])

    few = browser.post(PATH, {"screening": a_row()}).json["past"]
    signed(by=cast["chen"])
    db.session.commit()
    five = browser.post(PATH, {"screening": a_row()}).json["past"]

    assert few["newly_blocked"] == {"count": None, "clients": None, "first": []}
    assert few["needs_reason"] == {"count": 0, "clients": 0, "first": []}
    assert five["newly_blocked"] == {"count": 5, "clients": 5, "first": []}
    assert (few["by_place"], five["by_place"]) == ([], [])
    assert db.session.scalars(sa.select(Access)).all() == []


def test_nobody_else_tries_rules(app: Flask, cast: dict[str, Person]) -> None:
    for name in ("alice", "sam"):
        refused = Browser(app, cast[name]).post(PATH, {"screening": a_row()})
        assert refused.status_code == 403


@pytest.fixture
def chens(app: Flask, cast: dict[str, Person]) -> Browser:
    """The physician's browser, signed in once; there is one case to try."""
    signed(cast["alice"], by=cast["chen"])
    db.session.commit()
    return Browser(app, cast["chen"])


WHERE = st.sampled_from(sorted(rules.READERS)) | st.text(max_size=5)
WORDS = JSON | st.dictionaries(WHERE, JSON, max_size=3) | st.sampled_from(sorted(rules.KINDS))


@settings(
    max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.dictionaries(st.sampled_from([*sorted(rules.COLUMNS), "colour"]), WORDS, max_size=3))
def test_whatever_row_is_sent_is_never_a_failure_of_ours(
    chens: Browser, changes: dict[str, Any]
) -> None:
    told = chens.post(PATH, {"screening": a_row(**changes)})

    assert told.status_code in (200, 422), told.json
    if told.status_code == 422:
        assert told.json["errors"]


def test_every_row_that_was_shipped_can_be_tried(chens: Browser) -> None:
    for rule in rules.rules():
        told = chens.post(PATH, {"screening": shipped(rule.number)})
        assert told.status_code == 200, (rule.number, told.json)
