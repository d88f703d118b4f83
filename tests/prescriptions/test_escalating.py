"""What waits too long is brought before somebody more: each step once, and only while it waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app, reactions
from shop.accounts import delegating, duties, employing, licences
from shop.accounts.models import Duty, Person
from shop.core import events, jobs
from shop.core.clock import now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.core.errors import NotFound
from shop.core.events import Event, Kind
from shop.notifications import letters
from shop.notifications.models import Letter
from shop.prescriptions import escalating, inquiring, queries, referring, requesting, reviewing
from shop.prescriptions import jobs as prescribing
from shop.prescriptions.clocks import POLICY
from shop.prescriptions.errors import NotLicensed
from shop.prescriptions.models import ApprovalRequest, Escalation
from shop.prescriptions.states import RequestStatus
from tests.conftest import Database, config_for
from tests.people import alice, dr_chen, mona
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_desk import laid

MOMENT = timedelta(microseconds=1)


def second(request: ApprovalRequest) -> datetime:
    assert request.due_at is not None
    return request.due_at + POLICY.second_physician


def last(request: ApprovalRequest) -> datetime:
    assert request.due_at is not None
    return request.due_at + POLICY.medical_director


def steps(request: ApprovalRequest) -> list[tuple[int, object]]:
    rows = db.session.scalars(
        sa.select(Escalation).where(Escalation.request_id == request.id).order_by(Escalation.step)
    )
    return [(one.step, one.called_id) for one in rows]


def run(at: datetime) -> int:
    """What the job does at this moment; how many steps it took."""
    taken = 0
    for request_id in escalating.due(at=at):
        taken += len(escalating.escalate(request_id, at=at))
        db.session.commit()
    return taken


def a_director(**given: object) -> Person:
    director = dr_chen(**given)  # type: ignore[arg-type]
    duties.grant(
        director,
        Duty.MEDICAL_DIRECTOR,
        valid_from=now().date() - timedelta(days=9),
        valid_until=None,
        by=mona(),
    )
    return director


# --- when ----------------------------------------------------------------------------------------


def test_first_a_second_physician_then_the_director(app: Flask) -> None:
    director, chen = a_director(states=()), dr_chen()
    request = laid(alice())

    assert run(second(request) - MOMENT) == 0
    assert run(second(request)) == 1
    assert steps(request) == [(1, chen.id)]
    assert run(last(request) - MOMENT) == 0
    assert run(last(request)) == 1
    assert run(last(request) + timedelta(days=3)) == 0

    assert steps(request) == [(1, chen.id), (2, director.id)]
    assert request.status is RequestStatus.QUEUED
    told = [event for event in events.of(request.id) if event.kind == "request_escalated"]
    assert [(event.facts, event.to_state) for event in told] == [
        ({"step": 1, "called": str(chen.id)}, "queued"),
        ({"step": 2, "called": str(director.id)}, "queued"),
    ]
    assert list(events.verify()) == []


def test_a_worker_that_slept_takes_both_steps_in_order(app: Flask) -> None:
    request = laid(alice(), due_at=now() - timedelta(hours=1))
    assert run(now()) == 2
    assert steps(request) == [(1, None), (2, None)]
    kinds = [event.facts.get("step") for event in events.of(request.id)]
    assert kinds[-2:] == [1, 2]


NOT_WAITING = (
    RequestStatus.INFO_REQUESTED,
    RequestStatus.REFERRED,
    RequestStatus.DECLINED,
)


@pytest.mark.parametrize("status", NOT_WAITING)
def test_what_does_not_lie_on_the_desk_is_left_alone(app: Flask, status: RequestStatus) -> None:
    chen = dr_chen()
    request = laid(alice())
    when = last(request)
    reviewing.claim(request, by=chen, at=now())
    if status is RequestStatus.DECLINED:
        reason = reviewing.RefusalReason.MINOR
        reviewing.refuse(request, reason=reason, message="No.", by=chen, at=now())
    elif status is RequestStatus.REFERRED:
        visit = referring.ReferralReason.EXAM_REQUIRED
        referring.refer(request, reason=visit, message="Come in.", by=chen, at=now())
    else:
        inquiring.inquire(request, "Since when?", by=chen, at=now())
    db.session.commit()

    assert run(when) == 0
    assert escalating.escalate(request.id, at=when) == []


def test_who_holds_it_is_left_in_peace_until_her_lease_ends(app: Flask) -> None:
    chen = dr_chen()
    request = laid(alice(), due_at=now() - timedelta(hours=1))
    reviewing.claim(request, by=chen, at=now())
    db.session.commit()
    assert request.claimed_until is not None
    lease = request.claimed_until

    assert run(lease - MOMENT) == 0
    assert run(lease) == 2
    assert request.status is RequestStatus.QUEUED
    kinds = [event.kind for event in events.of(request.id)]
    assert kinds[-3:] == ["request_released", "request_escalated", "request_escalated"]


def test_what_was_taken_back_is_not_escalated(app: Flask) -> None:
    request = laid(alice())
    requesting.withdraw(request, by=request.client, at=now())
    db.session.commit()
    assert run(last(request)) == 0


# --- who -----------------------------------------------------------------------------------------


def test_the_second_is_licensed_and_not_whose_it_was_anyway(app: Flask) -> None:
    client, hers = alice(), dr_chen()
    a_prescription(client, by=hers)
    dr_chen(states=("TX",))
    gone = dr_chen()
    employing.disable(gone, by=mona(), at=now())
    request = laid(client)
    request_of_hers = _assigned(client, hers)

    run(last(request) + timedelta(hours=1))

    assert steps(request)[0] == (1, hers.id)
    assert steps(request_of_hers)[0] == (1, None)


def _assigned(client: Person, physician: Person) -> ApprovalRequest:
    from tests.prescriptions.builders import a_request

    request = a_request(client)
    assert request.assigned_to is physician
    return request


def test_nobody_is_called_who_is_away_while_another_is_there(app: Flask) -> None:
    away, there = sorted((dr_chen(), dr_chen()), key=lambda one: one.id)
    today = now().date()
    delegating.delegate(
        away, there, starts_on=today, ends_on=today + timedelta(days=3), today=today
    )
    requests = [laid(alice()) for _ in range(3)]
    run(second(requests[-1]))
    assert [steps(one) for one in requests] == [[(1, there.id)]] * 3


def test_of_several_who_was_called_least(app: Flask) -> None:
    people = [dr_chen() for _ in range(3)]
    requests = [laid(alice()) for _ in range(6)]
    run(second(requests[-1]))
    called = [steps(one)[0][1] for one in requests]
    assert sorted(map(str, called)) == sorted(str(one.id) for one in people * 2)


def test_the_director_sees_it_and_cannot_sign_it_without_a_licence(app: Flask) -> None:
    director = a_director(states=("TX",))
    request = laid(alice())
    with pytest.raises(NotFound):
        queries.request_for(director, request.number, at=now())

    run(last(request))

    assert queries.request_for(director, request.number, at=now()) is request
    with pytest.raises(NotLicensed):
        reviewing.claim(request, by=director, at=now())
    requesting.withdraw(request, by=request.client, at=now())
    db.session.commit()
    with pytest.raises(NotFound):
        queries.request_for(director, request.number, at=now())


def test_a_licensed_director_is_preferred(app: Flask) -> None:
    a_director(states=())
    licensed = a_director()
    request = laid(alice())
    run(last(request))
    assert steps(request)[1] == (2, licensed.id)


# --- letters -------------------------------------------------------------------------------------


def react(request: ApprovalRequest) -> None:
    for event in events.of(request.id):
        if event.kind == Kind.REQUEST_ESCALATED:
            for follow in reactions.REACTIONS[Kind.REQUEST_ESCALATED]:
                follow(event)


def _written() -> list[tuple[object, str]]:
    rows = db.session.scalars(sa.select(Letter).order_by(Letter.queued_at))
    return [(one.recipient_id, one.template.value) for one in rows]


def test_who_is_called_is_written_to_once_and_nothing_is_given_away(app: Flask) -> None:
    chen, director = dr_chen(email="chen@example.test"), a_director(states=())
    client = alice(name="Alice Moreno")
    request = laid(client)
    run(last(request))

    react(request)
    react(request)

    assert sorted(map(str, _written())) == sorted(
        str((who.id, "request_escalated")) for who in (chen, director)
    )
    letter = db.session.scalars(sa.select(Letter).where(Letter.recipient_id == chen.id)).one()
    message = letters.compose(letter, at=now())
    assert message["Subject"] == f"Request {request.number} has waited too long"
    assert message["To"] == "chen@example.test"
    said = message.as_string().lower()
    assert "/review" in said
    for word in ("alice", "moreno", "tretinoin", "prescription", "risk"):
        assert word not in said


def test_where_nobody_was_found_nobody_is_written_to(app: Flask) -> None:
    request = laid(alice())
    run(last(request))
    react(request)
    assert _written() == []


def test_who_stands_in_for_the_director_is_written_to(app: Flask) -> None:
    director, chen = a_director(states=()), dr_chen()
    today = now().date()
    delegating.delegate(
        director, chen, starts_on=today, ends_on=today + timedelta(days=9), today=today
    )
    request = laid(alice(), due_at=now() - timedelta(hours=1))
    licences.end(chen.licences[0], on=today, by=mona())  # so that nobody is the second
    run(now())
    assert steps(request) == [(1, None), (2, director.id)]
    react(request)
    assert _written() == [(chen.id, "request_escalated")]


# --- the job -------------------------------------------------------------------------------------


def test_the_worker_does_it_by_itself(live: Database, live_app: Flask) -> None:
    """As its own role, with real commits, the letter included."""
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        request = laid(alice(), due_at=now() - timedelta(minutes=5))
        waits = laid(alice())
        db.session.commit()
        assert prescribing.PERIODIC["escalate_requests"] == "*/5 * * * *"
        worker = create_app(config_for(live, database_url=live.url(WORKER)))
        for _ in range(2):
            jobs.defer("escalate_requests")
        db.session.commit()

        jobs.drain(worker, live.url(WORKER))

        db.session.expire_all()
        assert [step for step, _ in steps(request)] == [1, 2]
        assert steps(waits) == []
        actors = db.session.scalars(
            sa.select(Event.actor).where(Event.kind == "request_escalated")
        ).all()
        assert actors == ["system:worker"] * 2
        called = [one for one in _written() if one[1] == "request_escalated"]
        assert called == [(chen.id, "request_escalated")]
