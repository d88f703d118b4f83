"""Twenty workers escalate and each step is taken once; two who are away name each other at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa

from shop.accounts import delegating
from shop.accounts.models import Delegation, Person
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import escalating, queries, reviewing
from shop.prescriptions.models import ApprovalRequest, Escalation
from tests.at_once import Act
from tests.people import alice, dr_chen
from tests.prescriptions.test_desk import laid
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS


def late() -> ApprovalRequest:
    return laid(alice(), due_at=now() - timedelta(hours=1))


def escalate(request_id: UUID) -> Act:
    def act() -> int:
        return len(escalating.escalate(request_id, at=now()))

    return act


def claim(who: UUID, number: str) -> Act:
    def act() -> str:
        physician = db.session.get_one(Person, who)
        request = queries.request_for(physician, number, at=now(), lock=True)
        reviewing.claim(request, by=physician, at=now())
        return "claimed"

    return act


def away(absent: UUID, delegate: UUID, day: date) -> Act:
    def act() -> str:
        delegating.delegate(
            db.session.get_one(Person, absent),
            db.session.get_one(Person, delegate),
            starts_on=day,
            ends_on=day,
            today=day,
        )
        return "named"

    return act


def taken(race: Race, request: ApprovalRequest) -> int:
    return race.count(sa.select(Escalation).where(Escalation.request_id == request.id))


def test_of_twenty_workers_one_takes_each_step(race: Race) -> None:
    race.made(dr_chen)

    def one_round() -> None:
        request = race.made(late)
        met = race.met([escalate(request.id)] * RACE_THREADS)
        assert met == {"2": 1, "0": RACE_THREADS - 1}
        assert taken(race, request) == 2

    race.rounds("twenty workers escalate", one_round, rounds=SOME)


def test_without_the_lock_the_database_takes_each_step_once(race: Race) -> None:
    request = race.made(late)
    met = race.carelessly([escalate(request.id)] * RACE_THREADS, before="INSERT INTO escalations")
    assert met == {"2": 1, "escalations_once_per_step": RACE_THREADS - 1}
    assert taken(race, request) == 2


def test_what_is_claimed_meanwhile_is_not_escalated(race: Race) -> None:
    physicians = race.made(lambda: [dr_chen().id for _ in range(RACE_THREADS // 2)])

    def one_round() -> None:
        request = race.made(late)
        acts = [claim(who, request.number) for who in physicians]
        acts += [escalate(request.id)] * (RACE_THREADS - len(acts))
        met = race.met(acts)
        assert (met["claimed"], met["already_claimed"]) == (1, len(physicians) - 1)
        assert taken(race, request) in (0, 2)

    race.rounds("escalate against a claim", one_round, rounds=FEW, tell=["2"])


def test_two_who_name_each_other_at_once_do_not_wait_for_each_other(race: Race) -> None:
    day = race.made(now).date()

    def one_round() -> None:
        one, two, three = race.made(lambda: [dr_chen(states=()).id for _ in range(3)])
        acts = [away(one, two, day), away(two, three, day), away(three, one, day)]
        met = race.met((acts * RACE_THREADS)[:RACE_THREADS])
        assert met["named"] == 2
        assert met["delegation_refused"] + met["delegations_overlap"] == RACE_THREADS - 2

    race.rounds("a circle of delegations", one_round, rounds=FEW)


def test_without_the_lock_the_database_closes_no_circle(race: Race) -> None:
    day = race.made(now).date()
    one, two = race.made(lambda: [dr_chen(states=()).id for _ in range(2)])

    met = race.carelessly(
        [away(one, two, day), away(two, one, day)], before="INSERT INTO delegations"
    )

    assert met == {"named": 1, "nobody_comes_to_stand_in_for_themselves": 1}


def test_without_the_trigger_a_circle_closes(unguarded: Callable[..., Race]) -> None:
    """The control: two that are fine alone."""
    race = unguarded("DROP TRIGGER delegation_made ON delegations")
    day = race.made(now).date()
    one, two = race.made(lambda: [dr_chen(states=()).id for _ in range(2)])

    met = race.carelessly(
        [away(one, two, day), away(two, one, day)], before="INSERT INTO delegations"
    )

    assert met == {"named": 2}
    assert race.count(sa.select(Delegation).where(Delegation.absent_id.in_([one, two]))) == 2
