"""An examination is voided while physicians sign on it; a visit is recorded while one hands in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.core.clock import now
from shop.core.db import act_as, db, locked
from shop.prescriptions import examining, requesting, signing
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription, PrescriptionState
from shop.prescriptions.states import RequestStatus
from tests.at_once import Act
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, bob, dr_chen
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    an_examination,
    answers_to,
    the_terms,
)
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS


@dataclass(frozen=True)
class Case:
    """A request of a Texan in review, what its physician rests on, and her fresh sign-in."""

    request: UUID
    chen: UUID
    proof: UUID
    examination: UUID


def cases(many: int) -> list[Case]:
    """As many requests of one client, all resting on one visit."""
    client, chen = bob(), dr_chen(states=("TX",))
    visit = an_examination(client, by=chen)
    return [
        Case(
            a_claimed_request(client, a_cream(), by=chen).id,
            chen.id,
            a_fresh_sign_in(chen).id,
            visit.id,
        )
        for _ in range(many)
    ]


def signs(case: Case) -> Act:
    def act() -> str:
        chen = db.session.get_one(Person, case.chen)
        act_as(chen.actor)
        query = locked(sa.select(ApprovalRequest).where(ApprovalRequest.id == case.request))
        request = db.session.scalars(query).one()
        proof = db.session.get_one(AuthEvent, case.proof)
        terms = the_terms(examination_mode="asynchronous")
        signing.sign(request, terms, by=chen, proof=proof, at=now())
        db.session.commit()
        return "signed"

    return act


def voids(case: Case) -> Act:
    def act() -> str:
        chen = db.session.get_one(Person, case.chen)
        act_as(chen.actor)
        visit = db.session.get_one(Examination, case.examination)
        examining.void(visit, reason="It was his brother.", by=chen, at=now())
        db.session.commit()
        return "voided"

    return act


def signed_after_it_was_voided(race: Race) -> int:
    """Prescriptions whose state rests on an examination that was voided before they were signed."""
    return race.count(
        sa.select(Prescription.id)
        .join(PrescriptionState, PrescriptionState.prescription_id == Prescription.id)
        .join(Examination, Examination.id == PrescriptionState.examination_id)
        .where(Examination.voided_at < Prescription.signed_at)
    )


def test_nobody_signs_on_an_examination_that_was_voided(race: Race) -> None:
    def one_round() -> None:
        made = race.made(lambda: cases(RACE_THREADS - 1))
        met = race.met([*map(signs, made), voids(made[0])])
        assert met["voided"] == 1
        assert met["signed"] + met["examination_needed"] == RACE_THREADS - 1
        assert signed_after_it_was_voided(race) == 0

    race.rounds(
        "an examination voided while signing",
        one_round,
        rounds=FEW,
        tell=["signed", "examination_needed"],
    )


def test_without_the_lock_the_database_lets_nobody_sign_on_it(race: Race) -> None:
    """The physician has read that it counts; then it is voided; then she signs."""
    (case,) = race.made(lambda: cases(1))
    met = race.carelessly(
        [signs(case)],
        before="INSERT INTO prescription_states",
        overtaken_by=voids(case),
    )
    assert met == {"examined_as_the_state_asks": 1}
    assert signed_after_it_was_voided(race) == 0


def test_without_either_somebody_signs_on_it(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP TRIGGER state_under_the_law ON prescription_states")
    (case,) = race.made(lambda: cases(1))
    met = race.carelessly(
        [signs(case)],
        before="INSERT INTO prescription_states",
        overtaken_by=voids(case),
    )
    assert met == {"signed": 1}


def an_answered_draft() -> tuple[UUID, UUID]:
    client = bob()
    draft = a_draft(client)
    requesting.answer(draft, answers_to(draft.questionnaire_version), by=client, at=now())
    return draft.id, dr_chen(states=("TX",)).id


def test_a_visit_recorded_while_she_hands_in_is_not_missed(race: Race) -> None:
    """Whoever comes first, she does not wait for a visit that has been."""

    def one_round() -> None:
        made = race.made(lambda: [an_answered_draft() for _ in range(RACE_THREADS // 2)])
        acts = [act for draft, chen in made for act in (hands_in(draft), examines(draft, chen))]
        met = race.met(acts)
        assert met["handed in"] == met["examined"] == len(made)
        for draft, _chen in made:
            assert race.row(ApprovalRequest, draft).status is RequestStatus.QUEUED

    race.rounds("a visit recorded while handing in", one_round, rounds=FEW)


def hands_in(draft: UUID) -> Act:
    def act() -> str:
        query = locked(sa.select(ApprovalRequest).where(ApprovalRequest.id == draft))
        request = db.session.scalars(query).one()
        requesting.submit(request, consent=True, by=request.client, at=now())
        db.session.commit()
        return "handed in"

    return act


def examines(draft: UUID, chen: UUID) -> Act:
    def act() -> str:
        request = db.session.get_one(ApprovalRequest, draft)
        an_examination(request.client, by=db.session.get_one(Person, chen))
        db.session.commit()
        return "examined"

    return act
