"""Plans over HTTP: who may, what is shown, what is kept of an answer, and who opened what."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.notifications.letters import compose
from shop.notifications.models import Letter, Template
from shop.treatments import cancelling, moving
from shop.treatments.models import Plan, Session, SessionMove
from shop.treatments.windows import wording
from shop.web.models import KeptAnswer
from tests.accounts.test_api import API, WORD, Browser, somebody
from tests.people import a_licence, alice, bob, dr_chen, eva
from tests.treatments.builders import (
    a_booked_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
    ruled,
    start,
)
from tests.treatments.rules import a_window

GOAL = "Fewer brown spots before the summer."


class Caller(Browser):
    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(API + path, json=body, headers=self._headers({}))

    def sign_in_afresh(self) -> None:
        assert self.post("/session/fresh", {"password": WORD}).status_code in (200, 201)


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    ruled("superficial_peel", "microneedling", "facial")
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "eva": somebody(licensed_eva),
    }


@pytest.fixture
def callers(app: Flask, cast: dict[str, Person]) -> dict[str, Caller]:
    return {name: Caller(app, person) for name, person in cast.items()}


def a_body(client: Person, *procedures: str, **given: Any) -> dict[str, Any]:
    sessions = [
        {"procedure": one, "area": "face", "starts": in_days(3 + n).isoformat(), "minutes": 45}
        for n, one in enumerate(procedures or ("superficial_peel",))
    ]
    return {"client": str(client.id), "goal": GOAL, "sessions": sessions} | given


def accesses() -> list[tuple[str, str]]:
    query = sa.select(Access).order_by(Access.at)
    return [(one.reader.name, one.record) for one in db.session.scalars(query)]


def test_a_plan_from_draft_to_done(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    esthetician, chen, her = callers["eva"], callers["chen"], callers["alice"]
    drafted = esthetician.post("/plans", a_body(cast["alice"]))
    assert drafted.status_code == 201, drafted.json
    number, path = drafted.json["number"], f"/plans/{drafted.json['number']}"
    session = f"{path}/sessions/{drafted.json['sessions'][0]['id']}"
    assert (drafted.json["status"], drafted.json["version"]) == ("draft", 1)
    assert (drafted.json["state"], drafted.json["zone"]) == ("CA", "America/Los_Angeles")
    assert her.get(path).status_code == chen.get(path).status_code == 404

    assert esthetician.post(f"{path}/proposal").json["status"] == "proposed"
    assert her.get(path).json["goal"] == GOAL
    assert [one["number"] for one in her.get("/plans").json["items"]] == [number]
    assert chen.post(f"{path}/start", {"version": 1}).json["code"] == "stale_sign_in"
    chen.sign_in_afresh()
    started = chen.post(f"{path}/start", {"version": 1})
    assert (started.status_code, started.json["status"]) == (201, "active")
    assert started.json["start"]["physician"] == cast["chen"].name

    assert esthetician.post(f"{session}/booking", {}).json["status"] == "booked"
    later = in_days(9).isoformat()
    moved = esthetician.patch(session, {"starts": later, "reason": "A wedding."})
    assert (moved.status_code, moved.json["rescheduled"]) == (200, True)
    done = esthetician.post(f"{session}/performance", {"note": "Light frosting."})
    assert (done.status_code, done.json["standing"]) == (201, "downtime")
    assert esthetician.post(f"{path}/completion").json["status"] == "completed"

    whole = esthetician.get(path).json
    assert whole["sessions"][0]["note"] == "Light frosting."
    assert [event["kind"] for event in whole["history"]] == [
        "plan_drafted",
        "plan_proposed",
        "plan_started",
        "plan_completed",
    ]
    hers = her.get(path).json
    assert hers["sessions"][0]["note"] is None
    assert [one["content"]["goal"] for one in hers["versions"]] == [GOAL]


def test_what_a_move_changes_is_shown_before_and_after(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    """And nothing where the session does not count yet, or nothing is stopped for it."""
    a_window(subject="retinoid", when={})
    plan = a_proposal(cast["alice"], a_step(starts=in_days(20)), by=cast["eva"])
    first = plan.sessions[0].starts_at
    start(plan, cast["chen"])
    db.session.commit()
    session = f"/plans/{plan.number}/sessions/{plan.sessions[0].id}"
    her, eva = callers["alice"], callers["eva"]
    assert her.get(f"{session}/changes").json["changes"] == []

    later = first + timedelta(days=10)
    asked = eva.get(f"{session}/changes?starts={quote(later.isoformat())}").json
    assert asked["changes"] == [f"Retinoids: {stopped(later)} (before: {stopped(first)})."]
    assert eva.patch(session, {"starts": later.isoformat()}).status_code == 200
    assert her.get(f"{session}/changes").json == asked
    assert callers["bob"].get(f"{session}/changes").status_code == 404


def stopped(peel: datetime) -> str:
    """By the rule of `a_window`: five days before, until the seventh after."""
    on = peel.astimezone(ZoneInfo("America/Los_Angeles")).date()
    begins, until = on - timedelta(days=5), on + timedelta(days=7)
    return (
        f"stop by {wording.day(begins, begins.year)}, from {wording.day(until, begins.year)} again"
    )


@pytest.mark.parametrize(
    ("act", "letters"),
    [("booking", 1), ("move", 2), ("cancellation", 2)],
)
def test_the_client_is_told_when_what_is_agreed_changes(
    cast: dict[str, Person], act: str, letters: int
) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    session, by = a_booked_session(plan), cast["eva"]
    if act == "move":
        moving.move(session, starts=in_days(9), by=by, at=now())
    if act == "cancellation":
        cancelling.cancel(session, reason="The laser is broken.", by=by, at=now())
    db.session.commit()
    for one in (*events.of(session.id)[1:], *events.of(plan.id)[1:]):
        reactions.react(subject_id=str(one.subject_id), seq=one.seq)

    found = db.session.scalars(sa.select(Letter).where(Letter.template == Template.SESSION_NEWS))
    told = [str(compose(one, at=now())) for one in found.all() if one.recipient == cast["alice"]]
    assert len(told) == letters
    assert all(f"There is news about {plan.number}" in one for one in told)
    assert not any(re.search("laser|peel|treat|session", one.lower()) for one in told)
    of_the_plan = sa.select(Letter).where(Letter.template == Template.PLAN_NEWS)
    assert len(db.session.scalars(of_the_plan).all()) == 2  # proposed, started


def test_a_plan_from_a_template(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    listed = callers["eva"].get("/plan-templates").json["items"]
    assert [one["code"] for one in listed] == [
        "acne_peels",
        "melasma_primed_peels",
        "scar_microneedling",
    ]
    assert all(one["why"] and one["source"] for one in listed)
    body = {"client": str(cast["alice"].id), "template": "scar_microneedling"}
    body["starts"] = in_days(10).isoformat()

    drafted = callers["eva"].post("/plans", body)

    assert drafted.status_code == 201, drafted.json
    assert [one["procedure"] for one in drafted.json["sessions"]] == ["microneedling"] * 4
    number = drafted.json["number"]
    again = callers["eva"].post("/plans", body)
    assert (again.status_code, again.json["code"]) == (409, "already_planned")
    assert callers["eva"].post(f"/plans/{number}/proposal").json["status"] == "awaiting_physician"


def test_an_esthetician_starts_nothing(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    number = callers["eva"].post("/plans", a_body(cast["alice"], "microneedling")).json["number"]
    callers["eva"].post(f"/plans/{number}/proposal")
    callers["eva"].sign_in_afresh()

    assert callers["eva"].post(f"/plans/{number}/start", {"version": 1}).status_code == 403
    assert callers["eva"].post(f"/plans/{number}/hold", {"reason": "x"}).status_code == 403
    assert callers["eva"].get(f"/plans/{number}").json["status"] == "awaiting_physician"


def test_a_change_is_a_version_that_can_be_read(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    number = callers["eva"].post("/plans", a_body(cast["alice"])).json["number"]

    changed = callers["eva"].patch(f"/plans/{number}", {"goal": "Calm skin."})

    assert (changed.status_code, changed.json["version"]) == (200, 2)
    versions = callers["eva"].get(f"/plans/{number}").json["versions"]
    assert [one["content"]["goal"] for one in versions] == [GOAL, "Calm skin."]
    assert versions[1]["hash"] == changed.json["hash"]


def test_hold_resume_and_revocation(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    path = f"/plans/{plan.number}"

    assert callers["chen"].post(f"{path}/hold", {"reason": "A cold sore."}).status_code == 201
    assert callers["alice"].get(path).json["reason"] == "A cold sore."
    assert callers["chen"].delete(f"{path}/hold").status_code == 204
    refused = callers["eva"].post(f"{path}/revocation", {"reason": "No."})
    assert refused.status_code == 403
    taken = callers["alice"].post(f"{path}/revocation", {"reason": "I am moving."})
    assert (taken.status_code, taken.json["status"]) == (201, "revoked")
    assert [one["status"] for one in taken.json["sessions"]] == ["cancelled"]


def test_cancellation_and_no_show(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    plan = an_active_plan(
        cast["alice"], a_step(starts=now()), a_step(), by=cast["eva"], chen=cast["chen"]
    )
    db.session.commit()
    missed, other = (f"/plans/{plan.number}/sessions/{one.id}" for one in plan.sessions)

    callers["eva"].post(f"{missed}/booking", {"performer": str(cast["chen"].id)})
    assert callers["eva"].post(f"{missed}/no-show").json["status"] == "no_show"
    assert callers["eva"].post(f"{missed}/no-show").status_code == 409
    cancelled = callers["eva"].post(f"{other}/cancellation", {"reason": "Sunburn."})
    assert (cancelled.json["status"], "Sunburn" in cancelled.text) == ("cancelled", False)


# What is not yours is not there


def test_anothers_plan_is_not_there(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    other = an_active_plan(cast["bob"], by=licensed_eva())
    nevadan = somebody(dr_chen, states=("NV",))
    db.session.commit()
    app = callers["bob"].client.application
    strangers = [callers["bob"], Caller(app, nevadan), Caller(app, somebody(licensed_eva))]
    session = plan.sessions[0].id

    for stranger in strangers:
        assert stranger.get(f"/plans/{plan.number}").status_code == 404
        assert stranger.post(f"/plans/{plan.number}/revocation", {"reason": "x"}).status_code in (
            403,
            404,
        )
    assert callers["eva"].get(f"/plans/{other.number}").status_code == 404
    for number, wanted in ((plan.number, uuid.uuid4()), (other.number, session)):
        path = f"/plans/{number}/sessions/{wanted}"
        assert callers["chen"].post(f"{path}/booking", {}).status_code == 404
        assert callers["chen"].patch(path, {"starts": in_days(5).isoformat()}).status_code == 404
    assert callers["alice"].get("/plans").json["items"][0]["number"] == plan.number
    assert callers["alice"].get("/plans/P-NOSUCHONE").status_code == 404
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SessionMove)) == 0


def test_nobody_is_planned_for_who_is_no_client(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    for client in (cast["chen"], cast["eva"], somebody(alice, disabled_at=now())):
        refused = callers["eva"].post("/plans", a_body(client))
        assert (refused.status_code, list(refused.json["errors"])) == (404, ["client"])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Plan)) == 0


def test_opening_anothers_plan_is_written_down_first(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    for name in ("alice", "chen", "eva"):
        callers[name].get(f"/plans/{plan.number}")
        callers[name].get("/plans")

    record = f"plan {plan.number}"
    assert accesses() == [(cast["chen"].name, record), (cast["eva"].name, record)]


def test_who_sees_a_plan_may_open_the_chart(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    chart = f"/clients/{cast['alice'].id}/chart"
    assert callers["chen"].get(chart).status_code == 404
    a_proposal(cast["alice"], by=cast["eva"])
    db.session.commit()

    assert callers["chen"].get(chart).status_code == 200
    assert callers["eva"].get(chart).status_code == 200
    for stranger in (somebody(licensed_eva), somebody(dr_chen, states=("NV",))):
        caller = Caller(callers["eva"].client.application, stranger)
        assert caller.get(chart).status_code == 404


# What is kept of an answer


def test_a_repeat_answers_the_same_and_holds_no_words(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    body = a_body(cast["alice"])
    first = callers["eva"].post("/plans", body, **{"Idempotency-Key": "plan-1"})
    again = callers["eva"].post("/plans", body, **{"Idempotency-Key": "plan-1"})

    assert first.json == again.json
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Plan)) == 1
    kept = [bytes(one.body) for one in db.session.scalars(sa.select(KeptAnswer))]
    assert kept
    assert not any(GOAL.encode() in one for one in kept)


# Input

SESSION: dict[str, Any] = {"procedure": "facial", "area": "face", "starts": "2027-01-05T10:00:00Z"}
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no client": ({"client": None}, "client"),
    "no goal": ({"goal": None}, "goal"),
    "a template that needs a day": ({"template": "acne_peels", "sessions": []}, "starts"),
    "a template and sessions": (
        {"template": "acne_peels", "starts": "2027-01-05T10:00:00Z"},
        "sessions",
    ),
    "no such template": (
        {"template": "magic", "starts": "2027-01-05T10:00:00Z", "sessions": []},
        "template",
    ),
    "a day without a zone": (
        {"sessions": [SESSION | {"starts": "2027-01-05T10:00"}]},
        "sessions.0.starts",
    ),
    "no such procedure": ({"sessions": [SESSION | {"procedure": "magic"}]}, "sessions.0.procedure"),
    "the year 9999": (
        {"sessions": [SESSION | {"starts": "9999-12-31T23:59:59Z"}]},
        "sessions.0.starts",
    ),
    "the year 1": (
        {"sessions": [SESSION | {"starts": "0001-01-01T00:00:00Z"}]},
        "sessions.0.starts",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_names_its_field(
    cast: dict[str, Person], callers: dict[str, Caller], case: str
) -> None:
    given, field = BROKEN[case]
    body = {name: one for name, one in (a_body(cast["alice"]) | given).items() if one is not None}

    refused = callers["eva"].post("/plans", body)

    assert refused.status_code == 422, refused.json
    assert field in refused.json["errors"], refused.json
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Session)) == 0


def test_who_performs_must_treat_here(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    path = f"/plans/{plan.number}/sessions/{plan.sessions[0].id}/booking"
    for performer in (cast["bob"].id, uuid.uuid4()):
        refused = callers["eva"].post(path, {"performer": str(performer)})
        assert (refused.status_code, list(refused.json["errors"])) == (422, ["performer"])


@pytest.mark.parametrize(("state", "kind"), [("TX", "esthetician"), ("NV", "esthetician")])
def test_a_licence_of_another_state_is_none(
    cast: dict[str, Person], callers: dict[str, Caller], state: str, kind: str
) -> None:
    """The clinic is in California: a Texan's or Nevadan's licence carries nothing here."""
    visitor = somebody(eva)
    a_licence(visitor, kind=kind, state=state, valid_until=now().date() + timedelta(days=90))
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    path = f"/plans/{plan.number}/sessions/{plan.sessions[0].id}/booking"

    refused = callers["eva"].post(path, {"performer": str(visitor.id)})

    assert (refused.status_code, refused.json["code"]) == (403, "outside_scope")
