"""A performer is booked once; a plan starts as it was read; what is complete has nothing ahead.

A calendar has one address at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import (
    booking,
    completing,
    drafting,
    planning,
    queries,
    starting,
    subscribing,
)
from shop.treatments.agenda import Words
from shop.treatments.models import CalendarFeed, Plan, Session
from shop.treatments.states import AHEAD, PlanStatus, SessionStatus
from shop.treatments.templates import template_of
from tests.at_once import Act
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS
from tests.treatments.builders import (
    CLINIC,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2


def acting(who: UUID, act: Callable[[Person], str]) -> Act:
    """As this person, in a transaction of her own."""

    def acted() -> str:
        answer = act(db.session.get_one(Person, who))
        db.session.commit()
        return answer

    return acted


def books(who: UUID, number: str, place: int = 0) -> Act:
    def act(by: Person) -> str:
        plan = queries.plan_for(by, number, at=now(), lock=True)
        booking.book(plan.sessions[place], performer=by, by=by, at=now())
        return "booked"

    return acting(who, act)


def rivals(many: int) -> tuple[UUID, list[str]]:
    """Plans of as many clients, all with a session at the same time and the same esthetician."""
    esthetician, when = licensed_eva(), in_days(3)
    plans = [a_proposal(alice(), a_step(starts=when), by=esthetician) for _ in range(many)]
    return esthetician.id, [plan.number for plan in plans]


def test_one_performer_is_booked_once_at_a_time(race: Race) -> None:
    def one_round() -> None:
        who, numbers = race.made(lambda: rivals(RACE_THREADS))
        met = race.met([books(who, number) for number in numbers])
        assert met == {"booked": 1, "slot_taken": OTHERS}
        assert booked(race, who) == 1

    race.rounds("bookings at once", one_round, rounds=FEW)


def test_without_the_lock_the_database_keeps_her_in_one_room(race: Race) -> None:
    who, numbers = race.made(lambda: rivals(RACE_THREADS))

    met = race.carelessly([books(who, number) for number in numbers], before="UPDATE sessions")

    # Of two that check for each other at the same moment, one is the victim of a deadlock.
    deadlocked = sum(times for answer, times in met.items() if "DeadlockDetected" in answer)
    refused = met["performer_is_in_one_session_at_a_time"]
    assert (met["booked"], refused + deadlocked) == (1, OTHERS), met
    assert booked(race, who) == 1


def test_a_plan_is_started_as_it_was_read_or_not_at_all(race: Race) -> None:
    def one_round() -> None:
        number, hers, chen, proof = race.made(a_case)

        def starts(by: Person) -> str:
            plan = queries.plan_for(by, number, at=now(), lock=True)
            fresh = db.session.get_one(AuthEvent, proof)
            starting.start(plan, version=1, by=by, proof=fresh, at=now())
            return "started"

        def changes(by: Person) -> str:
            plan = queries.plan_for(by, number, at=now(), lock=True)
            planning.change(plan, goal="Another.", by=by, at=now())
            return "changed"

        met = race.met(
            [acting(chen, starts)] * HALF + [acting(hers, changes)] * (RACE_THREADS - HALF)
        )
        assert met["changed"] == RACE_THREADS - HALF
        assert met["started"] <= 1
        assert met["started"] + met["plan_changed"] + met["wrong_state"] == HALF
        with race.app.app_context():
            plan = db.session.scalars(sa.select(Plan).where(Plan.number == number)).one()
            numbers = [one.number for one in plan.versions]
            assert numbers == list(range(1, RACE_THREADS - HALF + 2))
            assert (plan.status is PlanStatus.ACTIVE) == (met["started"] == 1)

    race.rounds("start against change", one_round, rounds=FEW, tell=["started", "plan_changed"])


def a_case() -> tuple[str, UUID, UUID, UUID]:
    chen = dr_chen()
    plan = a_proposal(alice())
    return plan.number, plan.drafted_by_id, chen.id, a_fresh_sign_in(chen).id


def test_what_is_complete_has_nothing_ahead(race: Race) -> None:
    def one_round() -> None:
        number, hers = race.made(an_almost_complete_plan)

        def completes(by: Person) -> str:
            plan = queries.plan_for(by, number, at=now(), lock=True)
            completing.complete(plan, by=by, at=now())
            return "completed"

        def adds(by: Person) -> str:
            plan = queries.plan_for(by, number, at=now(), lock=True)
            planning.add(plan, a_step(starts=in_days(20)), by=by, at=now())
            return "added"

        met = race.met([acting(hers, completes)] * HALF + [acting(hers, adds)] * HALF)
        assert (
            met["completed"] + met["sessions_ahead"] + met["wrong_state"] + met["added"] == 2 * HALF
        )
        assert (met["completed"] == 1) == (met["added"] == 0)
        ahead = (
            sa.select(Session.id)
            .join(Plan, Plan.id == Session.plan_id)
            .where(
                Plan.number == number,
                Plan.status == PlanStatus.COMPLETED,
                Session.status.in_(AHEAD),
            )
        )
        assert race.count(ahead) == 0

    race.rounds("completion against addition", one_round, rounds=FEW, tell=["completed", "added"])


def an_almost_complete_plan() -> tuple[str, UUID]:
    plan = an_active_plan(alice())
    a_performed_session(plan)
    return plan.number, plan.drafted_by_id


def test_of_one_template_one_plan_is_open(race: Race) -> None:
    def one_round() -> None:
        client, hers = race.made(lambda: (alice().id, licensed_eva().id))

        def drafts(by: Person) -> str:
            drafting.from_template(
                db.session.get_one(Person, client),
                template_of("acne_peels"),
                first=in_days(20),
                by=by,
                at=now(),
                **CLINIC,
            )
            return "drafted"

        met = race.met([acting(hers, drafts)] * RACE_THREADS)
        assert met == {"drafted": 1, "already_planned": OTHERS}

    race.rounds("drafts at once", one_round, rounds=FEW)


def booked(race: Race, who: UUID) -> int:
    return race.count(
        sa.select(Session.id).where(
            Session.performer_id == who, Session.status == SessionStatus.BOOKED
        )
    )


def makes_an_address(client: UUID) -> Act:
    def act(by: Person) -> str:
        subscribing.make(by, words=Words.DISCREET, at=now())
        return "made"

    return acting(client, act)


def addresses(race: Race, client: UUID) -> tuple[int, int]:
    """How many she was given, and how many live."""
    query = sa.select(
        sa.func.count(), sa.func.count().filter(CalendarFeed.ended_at.is_(None))
    ).where(CalendarFeed.client_id == client)
    with race.app.app_context():
        made, living = db.session.execute(query).one()
        return made, living


def test_a_calendar_has_one_address_at_a_time(race: Race) -> None:
    def one_round() -> None:
        client = race.made(lambda: alice().id)
        met = race.met([makes_an_address(client)] * RACE_THREADS)
        assert met == {"made": RACE_THREADS}
        assert addresses(race, client) == (RACE_THREADS, 1)

    race.rounds("addresses of one calendar", one_round, rounds=FEW)


def test_without_the_lock_the_database_keeps_one_address(race: Race) -> None:
    client = race.made(lambda: alice().id)
    met = race.carelessly(
        [makes_an_address(client)] * RACE_THREADS, before="INSERT INTO calendar_feeds"
    )
    assert met == {"made": 1, "calendar_feeds_one_at_a_time": OTHERS}
    assert addresses(race, client) == (1, 1)
