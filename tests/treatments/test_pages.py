"""Pages: a client's plan, the studio, and a plan from draft to done, without JavaScript."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import missing, moving
from shop.treatments.models import Plan
from shop.treatments.states import PlanStatus, SessionStatus
from tests.accounts.test_api import WORD, somebody
from tests.people import alice, bob, dr_chen
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    a_booked_session,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
    ruled,
    start,
)
from tests.treatments.rules import a_window

LA = ZoneInfo("America/Los_Angeles")


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    ruled("superficial_peel", "microneedling")
    return {
        "alice": somebody(alice),
        "chen": somebody(dr_chen),
        "eva": somebody(licensed_eva),
    }


def the_plan() -> Plan:
    db.session.expire_all()
    return db.session.scalars(sa.select(Plan)).one()


def a_day(days: int) -> str:
    """Ten in the morning of a day, as the browser's field sends it."""
    return f"{(now().astimezone(LA) + timedelta(days=days)).date()}T10:00"


def test_an_esthetician_drafts_from_a_template_and_proposes(
    app: Flask, cast: dict[str, Person]
) -> None:
    reader = Reader(app, cast["eva"])
    reader.get("/studio")
    reader.send("/studio", email=cast["alice"].email, template="acne_peels", starts=a_day(14))
    plan = the_plan()
    assert reader.path == f"/plans/{plan.number}"
    first = plan.sessions[0].starts_at.astimezone(LA)
    assert f"{first:%H:%M}" == "10:00"
    assert "It is a draft" in reader.text

    reader.send(f"/plans/{plan.number}/proposal")

    assert "our physicians can read it now" in reader.text
    assert the_plan().status is PlanStatus.PROPOSED
    assert plan.number in reader.get("/studio")


def test_what_was_typed_comes_back_with_what_was_wrong(app: Flask, cast: dict[str, Person]) -> None:
    reader = Reader(app, cast["eva"])
    for typed, said in (
        ({"email": "nobody@example.test", "goal": "x"}, "There is no such client."),
        (
            {"email": cast["alice"].email, "template": "acne_peels", "starts": "soon"},
            "day and time",
        ),
        ({"email": cast["alice"].email}, "what it is for"),
        ({"email": cast["alice"].email, "template": "acne_peels", "starts": a_day(2)}, "7 days"),
    ):
        reader.get("/studio")
        shown = reader.send("/studio", **typed)
        assert said in shown
        assert typed["email"] in shown
        assert reader.status in (404, 422)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Plan)) == 0


def test_sessions_are_added_booked_moved_and_performed(app: Flask, cast: dict[str, Person]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    reader, path = Reader(app, cast["eva"]), f"/plans/{plan.number}"
    session = f"{path}/sessions/{plan.sessions[0].id}"

    reader.get(path)
    reader.send(
        f"{path}/sessions", procedure="superficial_peel", area="face", starts=a_day(30), minutes=45
    )
    assert "It is planned." in reader.text
    reader.send(f"{session}/booking", performer=str(cast["eva"].id))
    assert "It is booked." in reader.text
    assert f"{session}/performance" not in reader.text  # its day has not come
    reader.send(f"{session}/move", starts=a_day(0), reason="A wedding.")
    assert "It is moved." in reader.text
    reader.send(f"{session}/performance", note="Light frosting.")
    assert "In downtime" in reader.text
    assert "Light frosting." in reader.text

    plan = the_plan()
    assert [one.status for one in plan.sessions] == [
        SessionStatus.PERFORMED,
        SessionStatus.PROPOSED,
    ]
    assert plan.version.number == 2


def test_what_is_refused_is_said_on_the_plans_page(app: Flask, cast: dict[str, Person]) -> None:
    plan = an_active_plan(cast["alice"], by=cast["eva"], chen=cast["chen"])
    db.session.commit()
    reader, path = Reader(app, cast["eva"]), f"/plans/{plan.number}"
    reader.get(path)
    reader.send(
        f"{path}/sessions", procedure="microneedling", area="face", starts=a_day(9), minutes=60
    )
    assert (reader.status, "A physician adds" in reader.text) == (403, True)
    reader.send(f"{path}/completion")
    assert (reader.status, "nothing is ahead" in reader.text) == (409, True)
    reader.send(
        f"{path}/sessions", procedure="facial", area="face", starts=a_day(9), minutes="many"
    )
    assert reader.status == 422
    assert len(the_plan().sessions) == 1


def test_a_physician_reads_why_it_waits_and_starts_it(app: Flask, cast: dict[str, Person]) -> None:
    plan = a_proposal(cast["alice"], a_step("microneedling"), by=cast["eva"])
    db.session.commit()
    reader, path = Reader(app, cast["chen"]), f"/plans/{plan.number}"

    shown = reader.get(path)
    assert f"Outside the scope of {cast['eva'].name}" in shown
    reader.send(f"{path}/start", password="wrong")
    assert the_plan().status is PlanStatus.AWAITING_PHYSICIAN
    reader.get(path)
    reader.send(f"{path}/start", password=WORD)

    assert "The plan is active." in reader.text
    plan = the_plan()
    assert plan.status is PlanStatus.ACTIVE
    assert plan.start is not None
    assert plan.start.physician_id == cast["chen"].id

    reader.send(f"{path}/hold", reason="A cold sore.")
    assert "A cold sore." in reader.text
    reader.send(f"{path}/resumption")
    reader.send(f"{path}/revocation", reason="She moved away.")
    assert "She moved away." in reader.text
    assert the_plan().status is PlanStatus.REVOKED
    opened = {one.record for one in db.session.scalars(sa.select(Access))}
    assert opened == {f"plan {plan.number}"}


def test_an_esthetician_finds_no_start_on_the_page(app: Flask, cast: dict[str, Person]) -> None:
    plan = a_proposal(cast["alice"], by=cast["eva"])
    db.session.commit()
    reader = Reader(app, cast["eva"])
    assert "Start it" not in reader.get(f"/plans/{plan.number}")
    assert "Put it on hold" not in reader.text


def test_a_client_sees_her_sessions_in_the_clinics_time(
    app: Flask, cast: dict[str, Person]
) -> None:
    when = datetime(2027, 7, 1, 23, 30, tzinfo=LA)
    plan = an_active_plan(
        cast["alice"], a_step(starts=when), a_step(starts=now()), by=cast["eva"], chen=cast["chen"]
    )
    missed, ahead = plan.sessions
    a_booked_session(plan)
    missing.miss(missed, by=cast["eva"], at=now())
    moving.move(ahead, starts=when + timedelta(minutes=15), by=cast["eva"], at=now())
    other = an_active_plan(somebody(bob), by=licensed_eva())
    a_performed_session(other)
    db.session.commit()

    shown = Reader(app, cast["alice"]).get("/plan")

    assert "Clearer skin." in shown
    assert "Thu 1 Jul 2027, 23:45" in shown
    assert "Superficial" in shown
    assert "Missed" in shown
    assert "<small>moved</small>" in shown
    assert f"Started by {cast['chen'].name}" in shown
    assert other.number not in shown


def test_what_a_move_changes_is_seen_before_it_and_told_after(
    app: Flask, cast: dict[str, Person]
) -> None:
    a_window(subject="retinoid", when={})
    plan = a_proposal(cast["alice"], a_step(starts=in_days(20)), by=cast["eva"])
    start(plan, cast["chen"])
    db.session.commit()
    session = f"/plans/{plan.number}/sessions/{plan.sessions[0].id}"
    reader, client = Reader(app, cast["eva"]), Reader(app, cast["alice"])
    page = f"/plans/{plan.number}"

    def post(act: str, **typed: str) -> str:
        """By the button of the form that moves it."""
        reader.get(page)
        token = re.search(r'name="csrf_token" value="([^"]+)"', reader.text)
        assert token is not None
        sent = typed | {"csrf_token": token[1]}
        reader.page = reader.client.post(f"{session}/{act}", data=sent, follow_redirects=True)
        return reader.text

    assert "would change for her" in post("preview", starts=a_day(30))
    assert re.search(r"Retinoids: stop by .*, from .* again \(before: stop by", reader.text)
    assert "Write day and time" in post("preview", starts="soon")
    assert not the_plan().sessions[0].moves
    assert "(before:" not in client.get("/plan")

    post("move", starts=a_day(30), reason="")
    assert len(the_plan().sessions[0].moves) == 1
    assert re.search(r"is on .* now,", client.get("/plan"))
    assert "(before: stop by" in client.text


def test_a_client_without_a_plan_is_told_what_comes_here(app: Flask) -> None:
    assert "your sessions, and how they stand" in Reader(app, somebody(alice)).get("/plan")


def test_a_draft_is_not_on_the_clients_page(app: Flask, cast: dict[str, Person]) -> None:
    reader = Reader(app, cast["eva"])
    reader.get("/studio")
    reader.send("/studio", email=cast["alice"].email, goal="Some day.")
    assert the_plan().status is PlanStatus.DRAFT
    assert "Some day." not in Reader(app, cast["alice"]).get("/plan")
