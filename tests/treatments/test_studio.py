"""The studio: the day, what may be done by whom, and a plan arranged before it is saved."""

from __future__ import annotations

import urllib.parse
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.treatments import rehearsing
from shop.treatments.errors import PlanRefused
from shop.treatments.models import Plan
from tests.accounts.test_api import somebody
from tests.people import alice, dr_chen
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    a_booked_session,
    a_draft,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
    ruled,
)
from tests.treatments.rules import a_window

LA = ZoneInfo("America/Los_Angeles")
FIELD = "%Y-%m-%dT%H:%M"


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    act_as("system:test")
    ruled("superficial_peel", "microneedling")
    return {"alice": somebody(alice), "chen": somebody(dr_chen), "eva": somebody(licensed_eva)}


def local(moment: datetime, days: int = 0) -> str:
    """As a browser's field sends it, so many days later by the clinic's clock."""
    return (moment.astimezone(LA).replace(tzinfo=None) + timedelta(days=days)).strftime(FIELD)


def starts_of(plan: Plan) -> list[datetime]:
    db.session.expire_all()
    found = db.session.scalars(sa.select(Plan).where(Plan.number == plan.number)).one()
    return [one.starts_at for one in found.sessions]


def two_peels(cast: dict[str, Person]) -> Plan:
    a_window(subject="retinoid", when={})
    steps = (a_step(starts=in_days(20)), a_step(starts=in_days(50)))
    plan = a_draft(cast["alice"], *steps, by=cast["eva"])
    db.session.commit()
    return plan


def test_what_a_move_would_do_is_seen_and_nothing_is_saved(cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    first = plan.sessions[0]
    then = first.starts_at + timedelta(days=7)
    seen = rehearsing.rehearse(plan, moved={first.id: then}, at=now())
    assert any(text.startswith("Retinoids: stop by") for text in seen.changes)
    assert seen.ribbon is not None
    assert seen.ribbon.visits[0].on == then.astimezone(LA).date()
    as_it_is = rehearsing.rehearse(plan, moved={}, at=now())
    assert as_it_is.changes == ()
    assert first.starts_at != then


def test_one_more_is_seen_beside_the_others(cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    more = a_step(starts=plan.sessions[0].starts_at)
    seen = rehearsing.rehearse(plan, moved={}, more=more, at=now())
    assert seen.ribbon is not None
    assert len(seen.ribbon.visits) == 3
    assert len(seen.overlaps) == 1
    with pytest.raises(PlanRefused):
        rehearsing.rehearse(plan, moved={}, more=a_step(starts=in_days(-3)), at=now())
    with pytest.raises(PlanRefused):
        rehearsing.rehearse(plan, moved={plan.sessions[0].id: in_days(-3)}, at=now())


def test_a_session_is_moved_by_its_buttons_and_saved(app: Flask, cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    first, second = plan.sessions
    was, other = first.starts_at, second.starts_at
    reader = Reader(app, cast["eva"])
    where = f"/plans/{plan.number}/timeline"
    text = reader.get(where)
    assert "Save what you see" not in text
    typed = {f"starts.{one.id}": local(one.starts_at) for one in (first, second)}
    asked = urllib.parse.urlencode(typed | {"shift": f"{first.id}:+7"})
    text = reader.get(f"{where}?{asked}")
    assert "One session moves." in text
    assert f'name="starts.{first.id}" value="{local(was, 7)}"' in text
    assert "What changes at home" in text
    assert starts_of(plan) == [was, other]
    reader.send(where)
    assert reader.path == f"/plans/{plan.number}"
    assert [local(one) for one in starts_of(plan)] == [local(was, 7), local(other)]
    read = db.session.scalars(sa.select(Access).where(Access.reader_id == cast["eva"].id)).all()
    assert read


def test_a_session_is_added_as_it_was_seen(app: Flask, cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    reader = Reader(app, cast["eva"])
    where = f"/plans/{plan.number}/timeline"
    more = {"procedure": "superficial_peel", "area": "face", "starts": local(in_days(80))}
    text = reader.get(f"{where}?{urllib.parse.urlencode(more)}")
    assert "One is added." in text
    assert len(starts_of(plan)) == 2
    reader.send(where)
    assert len(starts_of(plan)) == 3


BAD: dict[str, dict[str, Any]] = {
    "f-area": {"procedure": "superficial_peel", "area": "moon", "starts": "later"},
    "f-starts": {"procedure": "superficial_peel", "area": "face", "starts": "soon"},
    "f-minutes": {
        "procedure": "superficial_peel",
        "area": "face",
        "starts": "later",
        "minutes": "1e3",
    },
    "f-procedure": {"procedure": "nonsense", "area": "face", "starts": "later"},
}


@pytest.mark.parametrize("field", BAD)
def test_what_cannot_be_planned_is_named(app: Flask, cast: dict[str, Person], field: str) -> None:
    plan = two_peels(cast)
    reader = Reader(app, cast["eva"])
    typed = {
        name: local(in_days(80)) if said == "later" else said for name, said in BAD[field].items()
    }
    text = reader.get(f"/plans/{plan.number}/timeline?{urllib.parse.urlencode(typed)}")
    assert reader.status == 422
    assert f'href="#{field}"' in text
    assert len(starts_of(plan)) == 2


def test_a_time_that_is_none_is_named_and_all_or_nothing_is_saved(
    app: Flask, cast: dict[str, Person]
) -> None:
    plan = two_peels(cast)
    first, second = plan.sessions
    before = [one.starts_at for one in plan.sessions]
    reader = Reader(app, cast["eva"])
    where = f"/plans/{plan.number}/timeline"
    reader.get(f"{where}?starts.{first.id}=never")
    assert reader.status == 422
    reader.get(f"{where}?starts.{first.id}={local(before[0], 3)}")
    reader.send(where, **{f"starts.{second.id}": local(in_days(-9))})
    assert reader.status == 422
    assert starts_of(plan) == before


def test_another_esthetician_arranges_nothing(app: Flask, cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    other = Reader(app, somebody(licensed_eva))
    other.get(f"/plans/{plan.number}/timeline")
    assert other.status == 404


def test_a_part_of_the_page_is_all_that_is_swapped(app: Flask, cast: dict[str, Person]) -> None:
    plan = two_peels(cast)
    reader = Reader(app, cast["eva"])
    answer = reader.client.get(f"/plans/{plan.number}/timeline", headers={"HX-Request": "true"})
    text = answer.get_data(as_text=True).strip()
    assert text.startswith('<div id="timeline">')
    assert "<html" not in text


def test_the_day_says_who_comes_and_who_can_mend_what(app: Flask, cast: dict[str, Person]) -> None:
    reader = Reader(app, cast["eva"])
    assert "Nobody is booked today" in reader.get("/studio")
    soon = now() + timedelta(minutes=1)
    plan = an_active_plan(
        cast["alice"], a_step(starts=soon), a_step(starts=in_days(3)), by=cast["eva"]
    )
    a_booked_session(plan)
    db.session.commit()
    text = reader.get("/studio")
    today = text.partition("Treatment plans")[0]
    if soon.astimezone(LA).date() == now().astimezone(LA).date():
        assert "Alice Moreno" in today
        assert today.count("<tr>") == 2
        opened = db.session.scalars(sa.select(Access.record)).all()
        assert "readiness" in opened


def test_may_i_is_answered_with_who_may(app: Flask, cast: dict[str, Person]) -> None:
    text = Reader(app, cast["eva"]).get("/studio/scope?q=microneedling")
    row = text.partition("<tbody>")[2]
    assert "Not you" in row or "Under supervision" in row
    assert "a physician (MD)" in row
    assert "You may" in Reader(app, cast["chen"]).get("/studio/scope?q=microneedling")
    nobody = Reader(app, somebody(dr_chen, states=("TX",)))
    assert "You hold no licence in force in CA" in nobody.get("/studio/scope")
    assert "No treatment of this name" in nobody.get("/studio/scope?q=zzz")


def test_the_plan_is_drawn_on_its_page(app: Flask, cast: dict[str, Person]) -> None:
    plan = a_proposal(cast["alice"], a_step(starts=in_days(9)), by=cast["eva"])
    db.session.commit()
    text = Reader(app, cast["eva"]).get(f"/plans/{plan.number}")
    assert '<figure class="ribbon">' in text
    assert f'href="/plans/{plan.number}/timeline"' in text
