"""Asking a physician: the questionnaire, consent, and who may ask for what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound, WrongState
from shop.prescriptions import expiring, queries, requesting, reviewing
from shop.prescriptions.errors import (
    AlreadyAsked,
    AnswersRefused,
    ConsentMissing,
    NotDoctorOnly,
    NotForSale,
    TooYoung,
)
from shop.prescriptions.intake import composing, questioning
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus
from tests.builders import a_cream, a_variant
from tests.people import alice, bob, dr_chen, eva, mona, sam
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
)

pytestmark = pytest.mark.usefixtures("app")


def test_a_request_is_handed_in_with_consent_and_frozen_answers() -> None:
    request = a_request(alice())
    db.session.commit()

    assert request.status is RequestStatus.QUEUED
    assert request.answers == ANSWERS
    assert bytes(request.answers_hash or b"") == requesting.frozen_hash(request, ANSWERS)
    assert request.consented_at == request.submitted_at
    assert b"breakouts" not in bytes(request.answers_sealed or b"")
    assert [event.kind for event in events.of(request.id)] == [
        "request_started",
        "request_answered",
        "request_submitted",
    ]


def test_the_hash_tells_every_material_fact_apart() -> None:
    client = alice()
    request = a_draft(client, quantity=2)
    hashes = {requesting.frozen_hash(request, ANSWERS)}
    hashes.add(requesting.frozen_hash(request, ANSWERS | {"goal": "Another."}))
    request.quantity = 3
    hashes.add(requesting.frozen_hash(request, ANSWERS))
    request.ship_to_state = "NV"
    hashes.add(requesting.frozen_hash(request, ANSWERS))

    assert len(hashes) == 4


WRONG_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "a question nobody asked": ({"horoscope": "aries"}, "answers.horoscope"),
    "a word for yes": ({"has_allergies": "yes"}, "answers.has_allergies"),
    "an option nobody offered": ({"pregnancy": "maybe"}, "answers.pregnancy"),
    "a list where one is asked": ({"pregnancy": ["none"]}, "answers.pregnancy"),
    "one where a list is asked": ({"skin_conditions": "none"}, "answers.skin_conditions"),
    "none and something": (
        {"skin_conditions": ["none", "eczema"]},
        "answers.skin_conditions",
    ),
    "the same twice": ({"skin_conditions": ["eczema", "eczema"]}, "answers.skin_conditions"),
    "a dictionary in a list": ({"skin_conditions": [{}]}, "answers.skin_conditions"),
    "words too long": ({"goal": "x" * 2_001}, "answers.goal"),
    "words that are blank": ({"goal": "  "}, "answers.goal"),
    "a number in place of words": ({"goal": 7}, "answers.goal"),
    "a NUL": ({"goal": "a\x00b"}, "answers.goal"),
    "a lone surrogate": ({"goal": "a\ud800b"}, "answers.goal"),
    "a number out of range": ({"weeks_of_use": 500}, "answers.weeks_of_use"),
    "a number that is none": ({"weeks_of_use": float("nan")}, "answers.weeks_of_use"),
    "true in place of a number": ({"weeks_of_use": True}, "answers.weeks_of_use"),
    "a day that is none": (
        {"pregnancy": "pregnant", "due_date": "2026-02-30"},
        "answers.due_date",
    ),
    "an answer to what is not asked": ({"due_date": "2026-02-20"}, "answers.due_date"),
    "something required left out": ({"goal": None}, "answers.goal"),
    "a branch left out": ({"has_allergies": True, "allergens": ["fish"]}, "answers.allergies"),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_what_is_no_answer_is_named(case: str) -> None:
    given, field = WRONG_ANSWERS[case]
    form = questioning.questionnaire(composing.version_of({Family.OTHER}))

    with pytest.raises(AnswersRefused) as refused:
        questioning.check(form, ANSWERS | given, complete=True, today=date(2026, 1, 15))

    assert list(refused.value.fields) == [field]


def test_a_draft_may_be_incomplete_and_a_submission_not() -> None:
    request = a_draft(alice())
    requesting.answer(request, {"pregnancy": "none", "goal": ""}, by=request.client, at=now())
    assert request.answers == {"pregnancy": "none"}

    with pytest.raises(AnswersRefused) as refused:
        requesting.submit(request, consent=True, by=request.client, at=now())

    assert len(refused.value.fields) == 7
    assert request.status is RequestStatus.DRAFT


def test_without_consent_nothing_is_handed_in() -> None:
    request = a_draft(alice())
    requesting.answer(request, ANSWERS, by=request.client, at=now())

    with pytest.raises(ConsentMissing):
        requesting.submit(request, consent=False, by=request.client, at=now())

    assert request.status is RequestStatus.DRAFT


def test_answers_are_frozen_once_handed_in() -> None:
    request = a_request(alice())
    with pytest.raises(WrongState):
        requesting.answer(request, ANSWERS, by=request.client, at=now())


def test_nobody_answers_for_another() -> None:
    proposed = a_draft(alice(), by=eva())

    for somebody in (proposed.requested_by, bob()):
        with pytest.raises(NotAllowed):
            requesting.answer(proposed, ANSWERS, by=somebody, at=now())

    requesting.answer(proposed, ANSWERS, by=proposed.client, at=now())
    assert proposed.requested_by.role == "esthetician"


def test_what_anybody_may_buy_needs_no_request() -> None:
    with pytest.raises(NotDoctorOnly):
        a_draft(alice(), a_variant())


def test_what_is_not_sold_cannot_be_asked_for() -> None:
    with pytest.raises(NotForSale):
        a_draft(alice(), a_cream(for_sale=False))


def test_a_minor_cannot_ask() -> None:
    today = now().date()
    born = date(today.year - 17, today.month, 1)
    with pytest.raises(TooYoung):
        a_draft(alice(birth_date=born))


def test_one_open_request_for_a_pack() -> None:
    client, cream = alice(), a_cream()
    first = a_draft(client, cream)

    with pytest.raises(AlreadyAsked) as refused:
        a_draft(client, cream)
    assert refused.value.facts == {"request": first.number, "status": "draft"}

    requesting.withdraw(first, by=client, at=now())
    assert a_draft(client, cream).number != first.number


def test_a_request_in_review_is_withdrawn_only_when_the_claim_ran_out() -> None:
    request = a_claimed_request(alice())
    assert request.claimed_until is not None

    with pytest.raises(WrongState):
        requesting.withdraw(request, by=request.client, at=now())
    requesting.withdraw(request, by=request.client, at=request.claimed_until)

    assert request.status is RequestStatus.WITHDRAWN


def test_drafts_end_after_thirty_days() -> None:
    request, handed_in = a_draft(alice()), a_request(bob())

    assert expiring.expire(at=now() + timedelta(days=29)) == 0
    assert expiring.expire(at=now() + timedelta(days=31)) == 1
    db.session.commit()

    assert request.status is RequestStatus.EXPIRED
    assert handed_in.status is RequestStatus.QUEUED


def _seen(query: sa.Select[Any]) -> set[str]:
    return {row.number for row in db.session.scalars(query)}


def test_a_client_sees_her_own() -> None:
    client, other = alice(), bob()
    mine, theirs = a_draft(client), a_draft(other)

    assert _seen(queries.requests(client, at=now())) == {mine.number}
    with pytest.raises(NotFound):
        queries.request_for(client, theirs.number, at=now())


def test_a_physician_sees_what_was_handed_in_where_she_is_licensed() -> None:
    chen, texan = dr_chen(), dr_chen(states=("TX",))
    waiting, far = a_request(alice()), a_request(bob())
    a_draft(alice())
    abroad = a_request(alice(), ship_to_state="TX")

    assert _seen(queries.queue(chen, at=now())) == {waiting.number}
    assert _seen(queries.queue(texan, at=now())) == {far.number}
    with pytest.raises(NotFound):
        queries.request_for(chen, abroad.number, at=now())


def test_the_queue_shows_what_another_holds_too() -> None:
    chen, other = dr_chen(), dr_chen()
    request = a_claimed_request(alice(), by=chen)

    assert _seen(queries.queue(chen, at=now())) == {request.number}
    assert _seen(queries.queue(other, at=now())) == {request.number}


def test_a_decision_stays_in_sight_of_who_took_it() -> None:
    chen = dr_chen()
    signed = a_prescription(alice(), by=chen)
    refused = a_claimed_request(alice(), by=chen)
    reviewing.refuse(
        refused, reason=reviewing.RefusalReason.MINOR, message="No.", by=chen, at=now()
    )
    for licence in chen.licences:
        licence.ended_on, licence.ended_by_id = now().date(), chen.id
    db.session.flush()

    assert _seen(queries.requests(chen, at=now())) == {signed.request.number, refused.number}
    assert _seen(queries.prescriptions(chen)) == {signed.number}
    assert _seen(queries.prescriptions(dr_chen())) == set()


def test_staff_and_managers_see_nothing() -> None:
    signed = a_prescription(alice())

    for reader in (sam(), mona(), eva()):
        assert _seen(queries.requests(reader, at=now())) == set()
        with pytest.raises(NotFound):
            queries.prescription_for(reader, signed.number)


def test_requests_are_numbered_by_chance() -> None:
    numbers = {a_draft(alice()).number for _ in range(3)}
    assert len(numbers) == 3
    assert all(number.startswith("Q-") for number in numbers)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApprovalRequest)) == 3
