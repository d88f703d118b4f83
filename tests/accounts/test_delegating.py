"""Out of office: who stands in for whom, and never for herself."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts import delegating, employing
from shop.accounts.errors import DelegationRefused, DelegationsOverlap
from shop.accounts.models import Delegation, Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests.accounts.test_api import Browser, somebody
from tests.people import alice, dr_chen, mona

pytestmark = pytest.mark.usefixtures("app")
TODAY = date(2026, 6, 1)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def away(absent: Person, delegate: Person, first: int = 0, last: int = 10) -> Delegation:
    return delegating.delegate(
        absent, delegate, starts_on=day(first), ends_on=day(last), today=TODAY
    )


def count() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Delegation)) or 0


def test_both_days_are_included() -> None:
    chen, ruiz = dr_chen(), dr_chen()
    made = away(chen, ruiz, 2, 4)
    db.session.commit()

    stands = [bool(delegating.stood_in_for(ruiz, day=day(n))) for n in range(1, 6)]
    assert stands == [False, True, True, True, False]
    assert delegating.stood_in_for(ruiz, day=day(3)) == {chen.id}
    assert delegating.stood_in_for(chen, day=day(3)) == set()
    assert [event.kind for event in events.of(made.id)] == ["delegation_made"]


def test_who_stands_in_may_be_away_too() -> None:
    one, two, three = dr_chen(), dr_chen(), dr_chen()
    away(one, two)
    away(two, three, 5, 20)

    assert delegating.stood_in_for(three, day=day(7)) == {one.id, two.id}
    assert delegating.stood_in_for(three, day=day(3)) == set()
    assert delegating.standing_in([one.id, three.id], day=day(7)) == {one.id: three.id}


def test_nobody_comes_to_stand_in_for_herself() -> None:
    one, two, three = dr_chen(), dr_chen(), dr_chen()
    away(one, two)
    away(two, three, 5, 20)

    with pytest.raises(DelegationRefused) as refused:
        away(three, one, 8, 30)  # from 8 to 10 the three would wait for each other
    assert list(refused.value.fields) == ["delegate"]
    away(three, one, 11, 30)  # one is back by then
    db.session.commit()
    assert count() == 3


def test_what_was_taken_back_stands_no_more() -> None:
    chen, ruiz, other = dr_chen(), dr_chen(), dr_chen()
    made = away(chen, ruiz)
    with pytest.raises(DelegationsOverlap):
        away(chen, other, 10, 12)

    delegating.withdraw(made, at=now())
    delegating.withdraw(made, at=now())
    away(chen, other, 10, 12)
    away(ruiz, chen)
    db.session.commit()

    assert delegating.stood_in_for(ruiz, day=day(5)) == set()
    assert [event.kind for event in events.of(made.id)] == [
        "delegation_made",
        "delegation_withdrawn",
    ]


def test_nobody_hands_on_to_who_was_let_go() -> None:
    chen, ruiz = dr_chen(), dr_chen()
    away(chen, ruiz)
    employing.disable(ruiz, by=mona(), at=now())
    db.session.commit()
    assert delegating.standing_in([chen.id], day=day(3)) == {}


def test_what_makes_no_sense_is_named() -> None:
    chen, ruiz, gone = dr_chen(), dr_chen(), dr_chen()
    employing.disable(gone, by=mona(), at=now())
    cases: list[tuple[Person, int, int, str]] = [
        (chen, 0, 1, "delegate"),
        (mona(), 0, 1, "delegate"),
        (gone, 0, 1, "delegate"),
        (ruiz, -1, 1, "starts_on"),
        (ruiz, 3, 2, "ends_on"),
        (ruiz, 0, 366, "ends_on"),
    ]
    for delegate, first, last, field in cases:
        with pytest.raises(DelegationRefused) as refused:
            away(chen, delegate, first, last)
        assert list(refused.value.fields) == [field]
    assert count() == 0
    away(chen, ruiz, 0, 365)


EDGES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 6), st.integers(0, 6)),
    max_size=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edges=EDGES)
def test_on_no_day_does_the_work_come_round(edges: list[tuple[int, int, int, int]]) -> None:
    """Against a plain look at every day: what is refused would have closed a circle, or overlap."""
    with db.session.begin_nested() as undone:
        people = [dr_chen(states=()) for _ in range(4)]
        taken: list[tuple[int, int, int, int]] = []
        for absent, delegate, first, last in edges:
            try:
                with db.session.begin_nested():
                    away(people[absent], people[delegate], first, last)
            except (DelegationRefused, DelegationsOverlap):
                fine = absent != delegate and first <= last
                assert not (fine and _sound([*taken, (absent, delegate, first, last)]))
            else:
                taken.append((absent, delegate, first, last))
        assert _sound(taken)
        undone.rollback()


def _sound(edges: list[tuple[int, int, int, int]]) -> bool:
    for number in range(7):
        onward: dict[int, int] = {}
        for absent, delegate, first, last in edges:
            if first <= number <= last:
                if absent in onward:
                    return False
                onward[absent] = delegate
        for person in onward:
            walked = onward.get(person)
            for _ in range(5):
                if walked == person:
                    return False
                walked = onward.get(walked) if walked is not None else None
    return True


def test_a_physician_names_who_stands_in_over_http(app: Flask) -> None:
    chen, ruiz = somebody(dr_chen), somebody(dr_chen, name="Dr Ana Ruiz")
    today = now().date()
    body = {
        "delegate": str(ruiz.id),
        "starts_on": (today + timedelta(days=2)).isoformat(),
        "ends_on": (today + timedelta(days=9)).isoformat(),
    }
    browser, other = Browser(app, chen), Browser(app, ruiz)

    made = browser.post("/me/delegations", body)

    assert (made.status_code, made.json["delegate"]) == (201, "Dr Ana Ruiz")
    assert browser.post("/me/delegations", body).json["code"] == "delegations_overlap"
    back = {**body, "delegate": str(chen.id)}
    assert list(other.post("/me/delegations", back).json["errors"]) == ["delegate"]
    assert [one["absent"] for one in other.get("/me/delegations").json["items"]] == [chen.name]
    path = f"/me/delegations/{made.json['id']}"
    assert other.delete(path).status_code == 404
    assert browser.delete(path).status_code == 204
    assert browser.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"delegate": "nobody"}, "delegate"),
        ({"delegate": str(uuid.UUID(int=7))}, "delegate"),
        ({"starts_on": "2020-01-01", "ends_on": "2020-01-02"}, "starts_on"),
        ({"starts_on": "tomorrow"}, "starts_on"),
        ({"ends_on": "9999-12-31"}, "ends_on"),
        ({"ends_on": "0001-01-01"}, "ends_on"),
        ({"note": "x"}, "note"),
    ],
)
def test_bad_input_names_its_field(app: Flask, given_: dict[str, Any], field: str) -> None:
    chen, ruiz = somebody(dr_chen), somebody(dr_chen)
    first = (now().date() + timedelta(days=2)).isoformat()
    body = {"delegate": str(ruiz.id), "starts_on": first, "ends_on": first} | given_
    answer = Browser(app, chen).post("/me/delegations", body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert count() == 0


def test_a_client_stands_in_for_nobody(app: Flask) -> None:
    chen, client = somebody(dr_chen), somebody(alice)
    first = (now().date() + timedelta(days=2)).isoformat()
    body = {"delegate": str(client.id), "starts_on": first, "ends_on": first}
    assert list(Browser(app, chen).post("/me/delegations", body).json["errors"]) == ["delegate"]
