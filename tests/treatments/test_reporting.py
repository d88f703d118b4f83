"""Clients report after a session: what is written down, what waits, who answers, who is told."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts import employing
from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Conflict, NotAllowed, WrongState
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.treatments import answering, course, queries, reporting, revoking
from shop.treatments.course import Alarm, Course, Level
from shop.treatments.errors import ReportRefused, TooManyReports
from shop.treatments.models import Plan, ReportAnswer, Session, SessionReport
from shop.treatments.models.reports import MOST
from shop.web.models import KeptAnswer
from tests.accounts.test_api import somebody
from tests.people import alice, bob, dr_chen, mona
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    BLISTERS,
    a_booked_session,
    a_performed_session,
    a_report,
    a_step,
    an_active_plan,
    licensed_eva,
    said,
    today,
)
from tests.treatments.test_api import Caller, accesses

WORDS = "Itches, a canary sang."
# A facial shows only redness, for a day: peeling never, and tomorrow nothing.
FACIAL = "facial"


@pytest.fixture
def done(app: Flask) -> Session:
    return a_performed_session(an_active_plan(alice()))


def watched(session: Session) -> SessionReport:
    """As if it were days later, and her skin still moderately red: nobody waits here for that."""
    late = (course.BY_CODE["moderate_after_downtime"],)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "judge", lambda *_, **__: late)
        return a_report(session, said(Level.MODERATE))


def reports() -> list[SessionReport]:
    return list(db.session.scalars(sa.select(SessionReport).order_by(SessionReport.number)))


def kinds(subject: SessionReport) -> list[str]:
    return [event.kind for event in events.of(subject.id)]


# Reporting


def test_what_she_says_is_sealed_numbered_and_judged_once(done: Session) -> None:
    report = a_report(done, said(Level.MILD, Level.MODERATE, 7), note=WORDS)

    assert (report.number, report.course, report.on_day) == (1, Course.EXPECTED, today(done))
    assert (report.said, report.note) == (said(Level.MILD, Level.MODERATE, 7), WORDS)
    assert (report.fired, report.waits) == ([], False)
    assert not done.plan.held_for_report
    assert kinds(report) == ["skin_reported"]
    kept = db.session.execute(
        sa.text(
            "SELECT r::text || (SELECT string_agg(e::text, '') FROM events e) FROM session_reports r"
        )
    ).scalar_one()
    assert "canary" not in kept
    assert "moderate" not in kept


def test_a_bad_report_waits_for_a_physician_and_stops_actives(done: Session) -> None:
    report = a_report(done, BLISTERS)

    assert (report.course, report.waits) == (Course.OUT_OF_COURSE, True)
    assert [rule.code for rule in report.fired] == ["blistering"]
    assert done.plan.held_for_report
    assert queries.held_for_report(report.client_id)
    assert not queries.held_for_report(bob().id)
    assert kinds(report) == ["skin_report_waits"]

    chen = done.plan.start.physician if done.plan.start else None
    assert chen is not None
    answering.answer(report, message="Come in today.", by=chen, at=now())

    assert not report.waits
    assert not done.plan.held_for_report
    assert not queries.held_for_report(report.client_id)
    assert report.answer is not None
    assert (report.answer.message, report.answer.answered_by) == ("Come in today.", chen)
    assert kinds(report) == ["skin_report_waits", "skin_report_answered"]


def test_a_correction_is_a_new_report_and_takes_no_task_away(done: Session) -> None:
    first = a_report(done, BLISTERS)
    second = a_report(done, said(), replaces=first.id)

    db.session.expire_all()
    assert first.replaced_by is second
    assert first.said == BLISTERS
    assert first.waits
    assert done.plan.held_for_report
    with pytest.raises(Conflict):
        a_report(done, said(), replaces=first.id)
    assert len(reports()) == 2


def test_what_cannot_be_reported_changes_nothing(done: Session) -> None:
    other = a_performed_session(an_active_plan(bob()))
    others = a_report(other)
    ahead = a_booked_session(an_active_plan(alice()))
    tomorrow, yesterday = (today(done) + timedelta(days=n) for n in (1, -1))
    refused: list[tuple[type[Exception], Session, dict[str, Any]]] = [
        (NotAllowed, done, {"by": other.plan.client}),
        (NotAllowed, done, {"by": done.plan.drafted_by}),
        (WrongState, ahead, {}),
        (ReportRefused, done, {"on": tomorrow}),
        (ReportRefused, done, {"on": yesterday}),
        (ReportRefused, done, {"what": said(comfort=11)}),
        (ReportRefused, done, {"what": said(comfort=-1)}),
        (ReportRefused, done, {"note": "x" * (reporting.LONGEST_NOTE + 1)}),
        (ReportRefused, done, {"replaces": others.id}),
        (ReportRefused, done, {"replaces": uuid.uuid4()}),
    ]
    for error, session, given in refused:
        with pytest.raises(error):
            a_report(session, **given)
    assert reports() == [others]


def test_a_session_takes_so_many_reports(done: Session) -> None:
    for _ in range(MOST):
        a_report(done)
    with pytest.raises(TooManyReports):
        a_report(done)
    assert [one.number for one in reports()] == list(range(1, MOST + 1))


def test_she_may_still_report_when_the_plan_has_ended(done: Session) -> None:
    revoking.revoke(done.plan, reason="She moved.", by=dr_chen(), at=now())
    assert a_report(done, BLISTERS).waits


# Answering


def test_who_may_answer(done: Session) -> None:
    grave, mild = a_report(done, BLISTERS), watched(done)
    eva, client = done.plan.drafted_by, done.plan.client
    assert mild.course is Course.WATCHED
    assert not [one for one in (client, mona()) if answering.may(mild, one)]
    for report, person in ((grave, eva), (grave, client), (mild, client), (grave, mona())):
        with pytest.raises(NotAllowed):
            answering.answer(report, message="Fine.", by=person, at=now())
    assert db.session.scalars(sa.select(ReportAnswer)).all() == []

    answering.answer(mild, message="That is slow, but fine.", by=eva, at=now())
    assert not mild.waits
    assert grave.waits


def test_an_answer_is_given_once_says_something_and_only_where_asked(done: Session) -> None:
    chen, grave, fine = dr_chen(), a_report(done, BLISTERS), a_report(done)
    with pytest.raises(WrongState):
        answering.answer(fine, message="Good.", by=chen, at=now())
    for empty in ("", "  ", "x" * (answering.LONGEST + 1)):
        with pytest.raises(ReportRefused):
            answering.answer(grave, message=empty, by=chen, at=now())
    answering.answer(grave, message="Come in.", by=chen, at=now())
    with pytest.raises(WrongState):
        answering.answer(grave, message="Come in again.", by=chen, at=now())
    assert [one.message for one in db.session.scalars(sa.select(ReportAnswer))] == ["Come in."]


def test_what_waits_is_listed_for_who_may_answer_it(done: Session) -> None:
    grave, mild, _fine = a_report(done, BLISTERS), watched(done), a_report(done)
    elsewhere, other_eva = dr_chen(states=("NV",)), licensed_eva()

    def waiting(reader: Person) -> set[uuid.UUID]:
        return {one.id for one in db.session.scalars(queries.reports_waiting(reader, at=now()))}

    chen = dr_chen()
    assert waiting(chen) == {grave.id, mild.id}
    assert waiting(done.plan.drafted_by) == {mild.id}
    assert waiting(elsewhere) == waiting(other_eva) == waiting(done.plan.client) == set()
    answering.answer(grave, message="Come in.", by=chen, at=now())
    assert waiting(chen) == {mild.id}


# Letters


def told(report: SessionReport) -> dict[str, str]:
    """Who is written to once its last event was reacted to, twice: name → the whole letter."""
    db.session.commit()
    for _ in "ab":
        reactions.react(subject_id=str(report.id), seq=len(events.of(report.id)))
    found = db.session.scalars(sa.select(Letter).where(Letter.template == Template.REPORT_NEWS))
    return {
        one.recipient.name: str(letters.compose(one, at=now()))
        for one in found
        if one.subject_id == report.id
    }


MEDICAL = re.compile(
    "skin|report|blister|redness|peel|treat|canary|physician|session", re.IGNORECASE
)


def test_who_treats_is_told_and_then_the_client_without_a_medical_word(done: Session) -> None:
    chen = done.plan.start.physician if done.plan.start else None
    assert chen is not None
    grave = a_report(done, BLISTERS, note=WORDS)
    found = told(grave)
    assert set(found) == {chen.name}

    answering.answer(grave, message="A canary.", by=chen, at=now())
    found = told(grave)
    assert set(found) == {chen.name, done.plan.client.name}
    for letter in found.values():
        assert f"There is news about {done.plan.number}" in letter
        words = re.sub(r"(?m)^[A-Za-z-]+:.*(\n .*)*$", "", letter.replace(chen.name, ""))
        assert not MEDICAL.search(words), words


def test_what_is_watched_is_told_to_who_did_it_too(done: Session) -> None:
    assert done.performance is not None
    assert len(told(watched(done))) == 2
    assert done.performance.performer.name in told(reports()[0])


def test_where_the_physician_has_left_managers_are_told(done: Session) -> None:
    manager = mona()
    assert done.plan.start is not None
    employing.disable(done.plan.start.physician, by=manager, at=now())
    assert set(told(a_report(done, BLISTERS))) == {manager.name}


# Over HTTP


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "eva": somebody(licensed_eva),
    }


@pytest.fixture
def hers(cast: dict[str, Person]) -> Session:
    plan = an_active_plan(cast["alice"], a_step(FACIAL), by=cast["eva"], chen=cast["chen"])
    session = a_performed_session(plan)
    db.session.commit()
    return session


@pytest.fixture
def callers(app: Flask, cast: dict[str, Person]) -> dict[str, Caller]:
    return {name: Caller(app, person) for name, person in cast.items()}


def a_body(session: Session, **given: Any) -> dict[str, Any]:
    fine = {"redness": "mild", "peeling": 0, "comfort": 8, "on": today(session).isoformat()}
    return fine | given


def test_a_report_from_said_to_answered(
    cast: dict[str, Person], hers: Session, callers: dict[str, Caller]
) -> None:
    her, chen, eva = (callers[name] for name in ("alice", "chen", "eva"))
    path = f"/plans/{hers.plan.number}"
    door = f"{path}/sessions/{hers.id}/reports"
    made = her.post(
        door, a_body(hers, alarms=["fever"], note=WORDS), **{"Idempotency-Key": "a" * 20}
    )
    assert (made.status_code, made.json["course"]) == (201, "out_of_course")
    assert made.json["held_for_report"] is True
    assert her.get(path).json["held_for_report"] is True
    assert "canary" not in str(
        [bytes(one.body) for one in db.session.scalars(sa.select(KeptAnswer))]
    )
    assert [one["id"] for one in chen.get("/session-reports").json["items"]] == [made.json["id"]]
    assert eva.get("/session-reports").json["items"] == []
    assert accesses() == []  # nobody has opened what she said

    (shown,) = chen.get(f"{path}/reports").json["sessions"]
    (report,) = shown["reports"]
    assert shown["expected"] == "Facial: redness may show for 0 to 1 days, then fade."
    assert (report["note"], report["alarms"]) == (WORDS, ["fever"])
    assert (report["redness"], report["peeling"], report["comfort"]) == ("mild", "none", 8)
    assert [one["code"] for one in report["fired"]] == ["fever"]
    assert accesses() == [(cast["chen"].name, f"reports of plan {hers.plan.number}")]

    answer = f"{path}/reports/{made.json['id']}/answer"
    assert eva.post(answer, {"message": "Fine."}).status_code == 403
    assert chen.post(answer, {"message": ""}).status_code == 422
    answered = chen.post(answer, {"message": "Come in today."})
    assert (answered.status_code, answered.json["held_for_report"]) == (201, False)
    assert chen.post(answer, {"message": "Again."}).status_code == 409
    (mine,) = her.get(f"{path}/reports").json["sessions"][0]["reports"]
    assert (mine["answer"]["message"], mine["fired"]) == ("Come in today.", [])


def test_others_find_nothing_there(hers: Session, callers: dict[str, Caller]) -> None:
    path = f"/plans/{hers.plan.number}"
    door = f"{path}/sessions/{hers.id}/reports"
    assert callers["bob"].get(f"{path}/reports").status_code == 404
    assert callers["bob"].post(door, a_body(hers)).status_code == 404
    assert callers["chen"].post(door, a_body(hers)).status_code == 403
    assert callers["alice"].post(f"{path}/reports/{uuid.uuid4()}/answer", {}).status_code == 403
    assert reports() == []
    assert accesses() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("redness", wrong) for wrong in (4, -1, True, 1.0, "awful", None, [1])),
        *(("comfort", wrong) for wrong in (11, -1, "8", None)),
        ("alarms", ["hiccups"]),
        ("on", "2999-01-01"),
        ("on", "today"),
        ("note", "x" * 2001),
        ("replaces", str(uuid.UUID(int=1))),
        ("client", "x"),
    ],
)
def test_a_bad_field_is_named(
    hers: Session, callers: dict[str, Caller], field: str, value: Any
) -> None:
    door = f"/plans/{hers.plan.number}/sessions/{hers.id}/reports"
    answer = callers["alice"].post(door, a_body(hers, **{field: value}))
    assert (answer.status_code, field in str(answer.json)) == (422, True)
    assert reports() == []


# Pages


def test_on_the_pages_without_javascript(
    app: Flask, cast: dict[str, Person], hers: Session
) -> None:
    her, chen = Reader(app, cast["alice"]), Reader(app, cast["chen"])
    number = hers.plan.number
    door = f"/plan/{number}/sessions/{hers.id}/reports"
    day = today(hers).isoformat()

    assert f'href="{door}"' in her.get("/plan")
    her.get(door)
    shown = her.send(door, on=day, redness="mild", peeling="none", comfort=40, note=WORDS)
    assert (her.status, "from 0 to 10" in shown, WORDS in shown) == (422, True, True)
    her.send(door, on=day, redness="mild", peeling="none", comfort=7, note=WORDS)
    assert "Thank you. It is written down." in her.text
    assert '<svg class="course"' in her.text
    assert f"{WORDS}" in her.text
    assert "7 of 10" in her.text  # the same without the chart
    her.send(
        door, on=day, redness="severe", peeling="none", comfort=2, alarms=["blistering", "fever"]
    )
    assert "Stop all active products until your clinic has written." in her.text
    assert "Blisters, whatever" not in her.text  # our reasons are for who treats

    chen.get("/studio")
    assert "Report waits" in chen.text
    assert number in chen.get("/studio/reports")
    chen.get(f"/plans/{number}")
    assert "Blisters, whatever was done." in chen.text
    answer = f"/plans/{number}/reports/{reports()[1].id}/answer"
    chen.send(answer, message="Come in today.")
    assert "The client can read it now." in chen.text
    assert "Nothing waits." in chen.get("/studio/reports")
    assert "Your clinic has answered." in her.get("/plan")
    assert "Come in today." in her.get(door)
    assert "Stop all active" not in her.text
    opened = {one.record for one in db.session.scalars(sa.select(Access))}
    assert opened == {f"plan {number}"}


def test_an_esthetician_finds_no_answer_to_a_grave_report(
    app: Flask, cast: dict[str, Person], hers: Session
) -> None:
    a_report(hers, said(alarms=(Alarm.SPREADING,)))
    db.session.commit()
    eva = Reader(app, cast["eva"])
    assert "It spreads beyond" in eva.get(f"/plans/{hers.plan.number}")
    assert "/answer" not in eva.text
    assert "Nothing waits." in eva.get("/studio/reports")


def test_the_plan_of_somebody_else_takes_no_report(
    app: Flask, cast: dict[str, Person], hers: Session
) -> None:
    other = a_performed_session(an_active_plan(cast["bob"], a_step(FACIAL), by=cast["eva"]))
    db.session.commit()
    reader = Reader(app, cast["bob"])
    mine = f"/plan/{other.plan.number}/sessions/{other.id}/reports"
    reader.get(mine)
    text = reader.text.replace(mine, f"/plan/{hers.plan.number}/sessions/{hers.id}/reports")
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    assert token is not None
    answer = reader.client.post(
        f"/plan/{hers.plan.number}/sessions/{hers.id}/reports",
        data={"csrf_token": token.group(1), "on": today(hers).isoformat(), "redness": "none"}
        | {"peeling": "none", "comfort": "5"},
    )
    assert answer.status_code == 404
    assert reports() == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Plan)) == 2
