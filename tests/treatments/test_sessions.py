"""A session is booked, moved, performed, missed, cancelled; how it stands is read off the dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import booking, cancelling, holding, missing, moving, performing
from shop.treatments.errors import (
    OutsideScope,
    PlanNotRunning,
    PlanRefused,
    SlotTaken,
    TooEarly,
)
from shop.treatments.models import Performance, SessionMove
from shop.treatments.standing import Standing, recovered_on, standing
from shop.treatments.states import SessionStatus
from tests.people import a_licence, alice, bob, dr_chen, eva
from tests.treatments.builders import (
    a_booked_session,
    a_draft,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)

# Booking


def test_a_session_is_booked_with_who_performs_it(app: Flask) -> None:
    plan, colleague = a_proposal(alice()), licensed_eva()

    session = a_booked_session(plan, by=colleague)

    assert (session.status, session.performer) == (SessionStatus.BOOKED, colleague)
    assert [event.kind for event in events.of(session.id)] == ["session_proposed", "session_booked"]


def test_nothing_is_booked_under_a_draft_or_a_plan_on_hold(app: Flask) -> None:
    held = an_active_plan(bob())
    holding.hold(held, reason="Wait.", by=dr_chen(), at=now())
    for plan in (a_draft(alice()), held):
        with pytest.raises(PlanNotRunning):
            a_booked_session(plan)
        assert plan.sessions[0].status is SessionStatus.PROPOSED


def test_it_is_booked_with_somebody_who_may_do_it(app: Flask) -> None:
    plan = an_active_plan(alice(), a_step("microneedling"))
    texan = eva()
    a_licence(texan, kind="esthetician", state="TX")
    for somebody in (plan.drafted_by, texan, dr_chen(states=("NV",))):
        with pytest.raises(OutsideScope) as refused:
            a_booked_session(plan, by=somebody)
        assert refused.value.facts["procedure"] == "microneedling"
    a_booked_session(plan, by=dr_chen())


def test_a_licence_must_still_count_on_that_day(app: Flask) -> None:
    soon = eva()
    a_licence(soon, kind="esthetician", valid_until=now().date() + timedelta(days=2))
    plan = an_active_plan(alice(), a_step(starts=in_days(5)))
    with pytest.raises(OutsideScope):
        a_booked_session(plan, by=soon)


def test_nobody_is_in_two_sessions_at_once(app: Flask) -> None:
    client, esthetician = alice(), licensed_eva()
    when = in_days(3)
    plan = an_active_plan(
        client, a_step(starts=when), a_step(starts=when + timedelta(minutes=30)), by=esthetician
    )
    hers, too_soon = plan.sessions
    booking.book(hers, performer=esthetician, by=esthetician, at=now())
    other = an_active_plan(bob(), a_step(starts=when - timedelta(minutes=30)), by=esthetician)

    with pytest.raises(SlotTaken, match="The client"):
        booking.book(too_soon, performer=licensed_eva(), by=esthetician, at=now())
    with pytest.raises(SlotTaken, match=esthetician.name):
        booking.book(other.sessions[0], performer=esthetician, by=esthetician, at=now())
    assert {too_soon.status, other.sessions[0].status} == {SessionStatus.PROPOSED}

    moving.move(too_soon, starts=when + timedelta(minutes=45), by=esthetician, at=now())
    booking.book(too_soon, performer=esthetician, by=esthetician, at=now())  # it begins as one ends


# Moving


def test_a_move_is_kept_with_from_to_by_and_why(app: Flask) -> None:
    plan = an_active_plan(alice())
    session = a_booked_session(plan)
    first, ended = session.starts_at, session.ends_at
    second, third = in_days(9), in_days(5)

    moving.move(session, starts=second, reason="A wedding.", by=plan.drafted_by, at=now())
    moving.move(session, starts=third, by=plan.drafted_by, at=now())

    assert [(one.number, one.from_starts_at, one.starts_at) for one in session.moves] == [
        (1, first, second),
        (2, second, third),
    ]
    assert [one.reason for one in session.moves] == ["A wedding.", None]
    assert {one.moved_by for one in session.moves} == {plan.drafted_by}
    assert (session.starts_at, session.ends_at - session.starts_at) == (third, ended - first)
    assert session.rescheduled
    assert session.status is SessionStatus.BOOKED
    assert len(plan.versions) == 1


def test_a_booked_session_is_not_moved_onto_another(app: Flask) -> None:
    esthetician = licensed_eva()
    plan = an_active_plan(alice(), a_step(), a_step(starts=in_days(20)), by=esthetician)
    one, other = plan.sessions
    for session in (one, other):
        booking.book(session, performer=esthetician, by=esthetician, at=now())
    with pytest.raises(SlotTaken):
        moving.move(other, starts=one.starts_at, by=esthetician, at=now())
    assert not other.moves


@pytest.mark.parametrize("days", [-1, 4 * 366])
def test_it_is_moved_to_a_day_that_can_be_planned(app: Flask, days: int) -> None:
    plan = an_active_plan(alice())
    with pytest.raises(PlanRefused) as refused:
        moving.move(plan.sessions[0], starts=in_days(days), by=plan.drafted_by, at=now())
    assert list(refused.value.fields) == ["starts"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SessionMove)) == 0


# Performing


def test_what_was_done_is_written_down_whole(app: Flask) -> None:
    plan = an_active_plan(alice())
    session = a_booked_session(plan)
    at = now()

    performing.perform(
        session,
        performer=plan.drafted_by,
        performed_at=at,
        area="neck",
        note="Frosting, level one.",
        by=plan.drafted_by,
        at=at,
    )

    done = session.performance
    assert done is not None
    assert (done.performer, done.performed_at, done.area) == (plan.drafted_by, at, "neck")
    assert done.note == "Frosting, level one."
    assert done.note_sealed
    assert b"Frosting" not in done.note_sealed
    assert session.status is SessionStatus.PERFORMED


def test_nothing_is_performed_ahead_or_before_the_start(app: Flask) -> None:
    plan = an_active_plan(alice())
    session = a_booked_session(plan)
    for performed_at, refusal in (
        (now() + timedelta(minutes=1), TooEarly),
        (now() - timedelta(days=1), PlanRefused),
    ):
        with pytest.raises(refusal) as refused:
            performing.perform(
                session,
                performer=plan.drafted_by,
                performed_at=performed_at,
                by=plan.drafted_by,
                at=now(),
            )
        assert list(refused.value.fields) == ["performed_at"]
    _nothing_happened(session)


def test_nothing_is_performed_without_an_active_plan(app: Flask) -> None:
    held, proposed = an_active_plan(alice()), a_proposal(bob())
    sessions = [a_booked_session(held), a_booked_session(proposed)]
    holding.hold(held, reason="Wait.", by=dr_chen(), at=now())
    for session in sessions:
        who = session.plan.drafted_by
        with pytest.raises(PlanNotRunning):
            performing.perform(session, performer=who, performed_at=now(), by=who, at=now())
        _nothing_happened(session)


def test_who_may_not_do_it_is_not_written_down_as_having_done_it(app: Flask) -> None:
    plan = an_active_plan(alice(), a_step("microneedling"))
    session = a_booked_session(plan, by=dr_chen())
    with pytest.raises(OutsideScope):
        performing.perform(
            session,
            performer=plan.drafted_by,
            performed_at=now(),
            by=plan.drafted_by,
            at=now(),
        )
    _nothing_happened(session)


def test_it_is_done_where_it_can_be_done(app: Flask) -> None:
    plan = an_active_plan(alice())
    session, at = a_booked_session(plan), now()
    who = plan.drafted_by
    with pytest.raises(PlanRefused) as refused:
        performing.perform(session, performer=who, performed_at=at, area="legs", by=who, at=at)
    assert list(refused.value.fields) == ["area"]
    _nothing_happened(session)


def _nothing_happened(session: object) -> None:
    db.session.expire_all()
    assert session.status is SessionStatus.BOOKED  # type: ignore[attr-defined]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Performance)) == 0


# Missing, cancelling


def test_who_did_not_come_is_booked_again_by_a_move(app: Flask) -> None:
    plan = an_active_plan(alice(), a_step(starts=now()))
    session = a_booked_session(plan)

    missing.miss(session, by=plan.drafted_by, at=now())
    assert session.status is SessionStatus.NO_SHOW
    moving.move(session, starts=in_days(7), by=plan.drafted_by, at=now())

    assert session.status is SessionStatus.BOOKED
    assert [event.kind for event in events.of(session.id)][-3:] == [
        "session_missed",
        "session_moved",
        "session_booked",
    ]


def test_nobody_is_missed_before_the_time(app: Flask) -> None:
    session = a_booked_session(an_active_plan(alice()))
    with pytest.raises(TooEarly):
        missing.miss(session, by=session.plan.drafted_by, at=now())
    assert session.status is SessionStatus.BOOKED


def test_a_cancelled_session_says_why_and_frees_its_time(app: Flask) -> None:
    esthetician = licensed_eva()
    plan = an_active_plan(alice(), by=esthetician)
    session = a_booked_session(plan)
    cancelling.cancel(session, reason="Sunburn.", by=esthetician, at=now())
    assert session.reason == "Sunburn."

    other = an_active_plan(bob(), a_step(starts=session.starts_at), by=esthetician)
    a_booked_session(other)


# How it stands

PERFORMED = datetime(2026, 12, 12, 3, 30, tzinfo=UTC)  # 11 Dec, 19:30 in Los Angeles
STANDING = {
    "the same evening": (datetime(2026, 12, 12, 4, tzinfo=UTC), Standing.DOWNTIME),
    "the last night": (datetime(2026, 12, 16, 7, 59, tzinfo=UTC), Standing.DOWNTIME),
    "the first day after": (datetime(2026, 12, 16, 8, tzinfo=UTC), Standing.RECOVERED),
}


class Done:
    status = SessionStatus.PERFORMED
    performed_at = PERFORMED


@pytest.mark.parametrize("case", STANDING)
def test_downtime_is_counted_in_the_clinics_days(case: str) -> None:
    at, expected = STANDING[case]
    assert standing(Done(), at, zone="America/Los_Angeles", downtime_days=5) is expected


def test_without_downtime_she_has_recovered_the_same_day() -> None:
    zone = "America/Los_Angeles"
    assert str(recovered_on(PERFORMED, zone=zone, downtime_days=0)) == "2026-12-11"
    assert standing(Done(), PERFORMED, zone=zone, downtime_days=0) is Standing.RECOVERED


class Ahead:
    performed_at = None

    def __init__(self, status: SessionStatus) -> None:
        self.status = status


@pytest.mark.parametrize(
    ("status", "lacking", "expected"),
    [
        (SessionStatus.PROPOSED, ["tretinoin"], Standing.PROPOSED),
        (SessionStatus.BOOKED, None, Standing.BOOKED),
        (SessionStatus.BOOKED, [], Standing.READY),
        (SessionStatus.BOOKED, ["tretinoin dispensed 3 days ago"], Standing.NOT_READY),
        (SessionStatus.CANCELLED, [], Standing.CANCELLED),
        (SessionStatus.NO_SHOW, None, Standing.NO_SHOW),
    ],
)
def test_ready_is_what_lacks_nothing(
    status: SessionStatus, lacking: list[str] | None, expected: Standing
) -> None:
    one = Ahead(status)
    found = standing(one, PERFORMED, zone="UTC", downtime_days=5, lacking=lacking)
    assert found is expected


def test_a_performed_session_stands_by_its_own_performance(app: Flask) -> None:
    session = a_performed_session(an_active_plan(alice()))
    days = {"zone": session.plan.zone, "downtime_days": 5}
    assert standing(session, now(), **days) is Standing.DOWNTIME  # type: ignore[arg-type]
    assert standing(session, in_days(6), **days) is Standing.RECOVERED  # type: ignore[arg-type]
