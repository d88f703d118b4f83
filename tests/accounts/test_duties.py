"""Duties: who is charged with what, from when until when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import duties, employing
from shop.accounts.errors import DutiesOverlap, DutyEnded, DutyRefused
from shop.accounts.models import Duty, DutyGrant, Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests.accounts.test_api import Browser, somebody
from tests.accounts.test_cli import run
from tests.people import alice, dr_chen, mona, sam

pytestmark = pytest.mark.usefixtures("app")
DIRECTOR = Duty.MEDICAL_DIRECTOR
FIRST = date(2026, 3, 1)


def granted(person: Person, by: Person, **given: Any) -> DutyGrant:
    fields: dict[str, Any] = {"valid_from": FIRST, "valid_until": date(2027, 3, 1)}
    return duties.grant(person, given.pop("duty", DIRECTOR), **(fields | given), by=by)


def holders(day: date) -> list[str]:
    return [person.name for person in duties.held_by(DIRECTOR, day=day)]


def test_a_duty_counts_from_its_first_day_until_its_last() -> None:
    chen = dr_chen()
    duty = granted(chen, mona())
    db.session.commit()

    assert holders(FIRST - timedelta(days=1)) == []
    assert holders(FIRST) == holders(date(2027, 2, 28)) == ["Dr Wei Chen"]
    assert holders(date(2027, 3, 1)) == []
    (told,) = events.of(duty.id)
    assert (told.kind, told.facts["duty"]) == ("duty_granted", "medical_director")


def test_without_a_last_day_it_counts_until_it_is_ended() -> None:
    chen, manager = dr_chen(), mona()
    duty = granted(chen, manager, valid_until=None)
    assert holders(date(2090, 1, 1)) == ["Dr Wei Chen"]

    duties.end(duty, on=date(2026, 6, 1), by=manager)
    db.session.commit()

    assert holders(date(2026, 5, 31)) == ["Dr Wei Chen"]
    assert holders(date(2026, 6, 1)) == []
    with pytest.raises(DutyEnded):
        duties.end(duty, on=date(2026, 7, 1), by=manager)


def test_who_was_let_go_has_no_duty() -> None:
    chen, manager = dr_chen(), mona()
    granted(chen, manager)
    employing.disable(chen, by=manager, at=now())
    db.session.commit()
    assert holders(FIRST) == []


def test_two_may_have_one_duty_and_nobody_the_same_twice() -> None:
    chen, other, manager = dr_chen(), dr_chen(name="Dr Ana Ruiz"), mona()
    granted(chen, manager)
    granted(other, manager, valid_from=date(2026, 4, 1))
    assert holders(date(2026, 5, 1)) == ["Dr Wei Chen", "Dr Ana Ruiz"]

    with pytest.raises(DutiesOverlap):
        granted(chen, manager, valid_from=date(2027, 2, 28), valid_until=None)
    granted(chen, manager, valid_from=date(2027, 3, 1), valid_until=None)
    db.session.commit()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DutyGrant)) == 3


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a director who is no physician": (sam, {}, "duty"),
    "a client": (alice, {"duty": Duty.COUNSEL}, "person"),
    "over before it begins": (dr_chen, {"valid_until": FIRST}, "valid_until"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_given_is_named(case: str) -> None:
    who, given, field = REFUSED[case]
    with pytest.raises(DutyRefused) as refused:
        granted(who(), mona(), **given)
    assert list(refused.value.fields) == [field]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DutyGrant)) == 0


def test_nobody_charges_herself() -> None:
    manager = mona()
    with pytest.raises(DutyRefused):
        granted(manager, manager, duty=Duty.ADMINISTRATOR)


def test_a_manager_gives_and_ends_a_duty_over_http(app: Flask) -> None:
    chen, manager = somebody(dr_chen), somebody(mona)
    browser = Browser(app, manager)
    path = f"/people/{chen.id}/duties"

    given = browser.post(path, {"duty": "medical_director", "valid_from": "2026-03-01"})

    assert given.status_code == 201, given.json
    assert (given.json["name"], given.json["valid_until"]) == (chen.name, None)
    again = browser.post(path, {"duty": "medical_director", "valid_from": "2026-04-01"})
    assert (again.status_code, again.json["code"]) == (409, "duties_overlap")
    late = browser.post(f"{path}/{given.json['id']}/end", {"ended_on": "2026-02-01"})
    assert (late.status_code, list(late.json["errors"])) == (422, ["ended_on"])
    ended = browser.post(f"{path}/{given.json['id']}/end", {"ended_on": "2026-05-01"})
    assert (ended.status_code, ended.json["ended_on"]) == (200, "2026-05-01")
    assert [one["duty"] for one in browser.get("/duties").json["items"]] == ["medical_director"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"duty": "king", "valid_from": "2026-03-01"}, "duty"),
        ({"duty": "counsel"}, "valid_from"),
        ({"duty": "counsel", "valid_from": "2026-02-30"}, "valid_from"),
        ({"duty": "counsel", "valid_from": "2026-03-01", "until": "x"}, "until"),
        ({"duty": "medical_director", "valid_from": "2026-03-01"}, "duty"),
    ],
)
def test_bad_input_names_its_field(app: Flask, body: dict[str, Any], field: str) -> None:
    staff, manager = somebody(sam), somebody(mona)
    answer = Browser(app, manager).post(f"/people/{staff.id}/duties", body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_the_command_line_gives_a_duty(app: Flask) -> None:
    dr_chen(email="chen@example.test")
    mona(email="mona@example.test")
    db.session.commit()
    words = ("duty", "--email", "chen@example.test", "--duty", "medical_director")

    done = run(app, *words, "--from", "2026-03-01", "--by", "mona@example.test")
    assert done.exit_code == 0, done.output
    assert holders(FIRST) == ["Dr Wei Chen"]

    for wrong in ("chen@example.test", "nobody@example.test"):
        assert run(app, *words, "--from", "2028-03-01", "--by", wrong).exit_code == 1
