"""A plan is started with its signatures: all of it, or nothing, whatever happens meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import plan_starting, requesting
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.plan_starting import Ticked
from shop.treatments import queries as treatments
from shop.treatments.models import Plan
from shop.treatments.states import PlanStatus
from tests.at_once import Act
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_request, the_terms
from tests.races.acts import against_two, either_first
from tests.races.race import FEW, Race
from tests.races.test_health_news import says
from tests.regime import RACE_THREADS
from tests.treatments.builders import a_proposal

HALF = RACE_THREADS // 2
MANY = 2  # requests of the plan


@dataclass(frozen=True)
class Scene:
    """A proposed plan with its requests handed in, and two physicians who may start it."""

    plan: str
    client: UUID
    requests: tuple[str, ...]
    physicians: tuple[tuple[UUID, UUID], ...]  # each with her fresh sign-in


def a_scene() -> Scene:
    plan = a_proposal(alice())
    asked = [a_request(plan.client, plan=plan) for _ in range(MANY)]
    both = (dr_chen(), dr_chen())
    return Scene(
        plan.number,
        plan.client_id,
        tuple(one.number for one in asked),
        tuple((one.id, a_fresh_sign_in(one).id) for one in both),
    )


def starts(scene: Scene, which: int = 0) -> Act:
    """One of the physicians starts the plan and signs all of it."""
    who, proof = scene.physicians[which]

    def act() -> str:
        by = db.session.get_one(Person, who)
        terms = the_terms()
        plan = treatments.plan_for(by, scene.plan, at=now(), lock=True)
        plan_starting.start(
            plan,
            [Ticked(number, terms) for number in scene.requests],
            version=1,
            by=by,
            proof=db.session.get_one(AuthEvent, proof),
            at=now(),
        )
        return "started"

    return act


def withdraws(scene: Scene) -> Act:
    """The client takes the last of its requests back."""

    def act() -> str:
        by = db.session.get_one(Person, scene.client)
        asked = prescriptions.request_for(by, scene.requests[-1], at=now(), lock=True)
        requesting.withdraw(asked, by=by, at=now())
        return "withdrawn"

    return act


def signed(race: Race, scene: Scene) -> list[str | None]:
    """What holds each of its prescriptions; that all or nothing is there is judged here."""
    with race.app.app_context():
        status = db.session.scalars(sa.select(Plan.status).where(Plan.number == scene.plan)).one()
        query = (
            sa.select(Prescription.held_for)
            .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
            .where(ApprovalRequest.number.in_(scene.requests))
        )
        found = list(db.session.scalars(query))
        assert len(found) == (MANY if status is PlanStatus.ACTIVE else 0)
        return found


def test_no_guard_locks_a_plan_against_who_points_at_it(race: Race) -> None:
    """A request that is updated twice in one transaction looks at its plan, FOR KEY SHARE."""
    text = "SELECT proname FROM pg_proc WHERE prosrc ~ 'FROM plans [^;]*FOR UPDATE'"
    with race.database.as_role() as connection:
        assert connection.execute(text).fetchall() == []
        planned = "SELECT proname FROM pg_proc WHERE prosrc ~ 'FROM plans [^;]*FOR NO KEY UPDATE'"
        assert len(connection.execute(planned).fetchall()) == 2


def test_two_physicians_start_one_plan(race: Race) -> None:
    def one_round() -> None:
        scene = race.made(a_scene)
        met = race.met(either_first(starts(scene), starts(scene, 1)))
        assert met["started"] == 1, met
        assert len(signed(race, scene)) == MANY

    race.rounds("two starts of a plan", one_round, rounds=FEW)


def test_start_against_health_news(race: Race) -> None:
    """News is in what is signed, or holds all that was signed."""

    def one_round() -> None:
        scene = race.made(a_scene)
        met = race.met(either_first(starts(scene), says(scene.client)))
        assert met["said"] == HALF
        assert met["started"] in (0, 1)
        assert signed(race, scene) == ["health_news"] * MANY * met["started"]

    race.rounds("start against health news", one_round, rounds=FEW, tell=["started"])


def test_start_against_a_request_taken_back(race: Race) -> None:
    """Either everything was signed, or the plan is not started."""

    def one_round() -> None:
        scene = race.made(a_scene)
        met = race.met(against_two(starts(scene), withdraws(scene)))
        assert met["started"] + met["withdrawn"] == 1
        assert len(signed(race, scene)) == MANY * met["started"]

    race.rounds("start against a withdrawal", one_round, rounds=FEW, tell=["started"])
