"""Examinations: recorded, voided, waited for, and asked for by each state before a signature."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.prescriptions import (
    examining,
    grounds,
    referring,
    requesting,
    reviewing,
    signing,
    verifying,
)
from shop.prescriptions.clocks import POLICY
from shop.prescriptions.errors import (
    ClaimLost,
    ExaminationNeeded,
    ExaminationVoided,
    SelfPrescription,
    TermsRefused,
)
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription
from shop.prescriptions.practice.rules import Mode
from shop.prescriptions.referring import ReferralReason
from shop.prescriptions.states import RequestStatus
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, a_licence, alice, bob, dr_chen, mona
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    a_prescription,
    an_examination,
    answers_to,
    the_terms,
)
from tests.prescriptions.test_checking import a_formula, hydroquinone, tretinoin

pytestmark = pytest.mark.usefixtures("app")

IN_TEXAS = ("TX",)


def ago(days: int) -> date:
    return now().date() - timedelta(days=days)


def handed_in(client: Any, variant: Any = None, **given: Any) -> ApprovalRequest:
    """Answered and sent, by somebody nobody has examined."""
    draft = a_draft(client, variant, **given)
    requesting.answer(draft, answers_to(draft.questionnaire_version), by=client, at=now())
    requesting.submit(draft, consent=True, by=client, at=now())
    return draft


def kinds(subject: Any) -> list[str]:
    return [event.kind for event in events.of(subject.id)]


def sign(request: ApprovalRequest, by: Any, **terms: Any) -> Prescription:
    proof = a_fresh_sign_in(by)
    return signing.sign(request, the_terms(**terms), by=by, proof=proof, at=now())


def prescriptions() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Prescription)) or 0


# Handing in


def test_where_answers_will_do_a_request_waits_for_a_physician() -> None:
    asked = handed_in(alice())
    assert asked.status is RequestStatus.QUEUED
    assert asked.due_at is not None


def test_where_a_visit_is_asked_for_a_request_waits_for_that() -> None:
    asked = handed_in(bob())
    db.session.commit()

    assert (asked.status, asked.due_at) == (RequestStatus.REFERRED, None)
    assert asked.submitted_at is not None
    assert kinds(asked)[-2:] == ["request_submitted", "request_referred"]
    assert events.of(asked.id)[-1].facts == {"rules": ["EX-TX"]}


def test_where_it_is_sent_counts_as_well_as_where_she_lives() -> None:
    assert handed_in(alice(), ship_to_state="NV").status is RequestStatus.REFERRED


def test_who_was_seen_is_not_sent_to_a_visit() -> None:
    client = bob()
    an_examination(client)
    assert handed_in(client).status is RequestStatus.QUEUED


NOT_ENOUGH: dict[str, dict[str, Any]] = {
    "written answers only": {"mode": Mode.ASYNCHRONOUS},
    "of something else": {"scope": ["steroid"]},
}


@pytest.mark.parametrize("case", NOT_ENOUGH)
def test_an_examination_that_does_not_suffice_is_none(case: str) -> None:
    client = bob()
    an_examination(client, **NOT_ENOUGH[case])
    assert handed_in(client).status is RequestStatus.REFERRED


def test_a_voided_examination_is_none() -> None:
    client, texan = bob(), dr_chen(states=IN_TEXAS)
    seen = an_examination(client, by=texan)
    examining.void(seen, reason="It was his brother.", by=texan, at=now())
    assert handed_in(client).status is RequestStatus.REFERRED


# Recording


def test_the_visit_sends_what_waited_for_it_to_the_physicians() -> None:
    client = bob()
    first, second = handed_in(client), handed_in(client, a_cream())
    another = handed_in(bob())

    seen = an_examination(client, findings="Comedones on the forehead.")
    db.session.commit()

    for request in (first, second):
        assert request.status is RequestStatus.QUEUED
        assert kinds(request)[-1] == "request_examined"
        assert request.due_at is not None
        assert request.due_at - now() <= POLICY.answered_within
    assert another.status is RequestStatus.REFERRED
    assert kinds(seen) == ["examination_recorded"]
    assert seen.findings == "Comedones on the forehead."
    assert b"Comedones" not in bytes(seen.findings_sealed or b"")
    assert seen.valid_until == seen.examined_on + timedelta(days=365)


def test_what_it_does_not_cover_goes_on_waiting() -> None:
    client = bob()
    cream = handed_in(client, a_formula(tretinoin()))
    bleach = handed_in(client, a_formula(hydroquinone()))

    an_examination(client, scope=["retinoid"])

    assert cream.status is RequestStatus.QUEUED
    assert bleach.status is RequestStatus.REFERRED


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "tomorrow": ({"on": -1}, "date"),
    "more than a year ago": ({"on": 365}, "date"),
    "before she had a licence": ({"on": 200}, "date"),
    "of nothing": ({"scope": []}, "scope"),
    "of horoscopes": ({"scope": ["horoscope"]}, "scope"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_examination_that_cannot_be_is_not_recorded(case: str) -> None:
    given, field = WRONG[case]
    given = {name: ago(value) if name == "on" else value for name, value in given.items()}
    with pytest.raises(TermsRefused) as refused:
        an_examination(bob(), by=dr_chen(states=IN_TEXAS), **given)
    assert list(refused.value.fields) == [field]
    assert db.session.scalars(sa.select(Examination)).all() == []


def test_who_is_not_licensed_where_the_client_lives_examines_nobody() -> None:
    for by in (dr_chen(), mona()):
        with pytest.raises(TermsRefused, match="cannot be used"):
            an_examination(bob(), by=by)


def test_nobody_examines_herself() -> None:
    with pytest.raises(SelfPrescription):
        examining.record(client := alice(), mode=Mode.VIDEO, on=now().date(), by=client, at=now())


def test_an_examination_is_voided_once_with_a_reason_by_a_physician() -> None:
    client, texan = bob(), dr_chen(states=IN_TEXAS)
    seen = an_examination(client, by=texan)
    for by in (client, mona()):
        with pytest.raises(NotAllowed):
            examining.void(seen, reason="No.", by=by, at=now())
    with pytest.raises(TermsRefused):
        examining.void(seen, reason=" ", by=texan, at=now())
    assert seen.voided_at is None

    examining.void(seen, reason="It was his brother.", by=texan, at=now())
    db.session.commit()

    assert seen.voided_at is not None
    assert seen.void_reason == "It was his brother."
    assert kinds(seen) == ["examination_recorded", "examination_voided"]
    with pytest.raises(ExaminationVoided):
        examining.void(seen, reason="Again.", by=texan, at=now())


def test_what_is_in_force_depends_on_the_state_and_the_day() -> None:
    client, chen = alice(), dr_chen()
    written = an_examination(client, by=chen, mode=Mode.ASYNCHRONOUS)
    seen = an_examination(client, by=chen, on=ago(100))
    in_a_year = now() + timedelta(days=300)

    assert examining.in_force(client, "CA", now()) == [written, seen]
    assert examining.in_force(client, "TX", now()) == [seen]
    assert examining.in_force(client, "GU", now()) == []
    assert examining.in_force(client, "TX", in_a_year) == []


def test_the_page_offers_the_newest_visit_that_counts_where_it_goes() -> None:
    client, chen = alice(), dr_chen()
    request = a_claimed_request(client, by=chen, ship_to_state="NV")
    for given in (
        {"on": ago(100), "mode": Mode.IN_PERSON},
        {"on": ago(50), "scope": ["steroid"]},
        {"on": ago(20), "mode": Mode.ASYNCHRONOUS},
    ):
        an_examination(client, by=chen, **given)
    voided = an_examination(client, by=chen, on=ago(1))
    examining.void(voided, reason="It was her sister.", by=chen, at=now())
    today = now().date()
    for one in request.examinations:
        if one.examined_on == today:  # how it was handed in
            examining.void(one, reason="A test.", by=chen, at=now())
    db.session.refresh(request, ["examinations"])

    offered = examining.newest(request, day=today)

    assert offered is not None
    assert offered.examined_on == ago(100)
    assert examining.newest(request, day=today + timedelta(days=265)) is None


# Referring


def refer(request: ApprovalRequest, **given: Any) -> Any:
    how: dict[str, Any] = {
        "reason": ReferralReason.EXAM_REQUIRED,
        "message": "Please let me look at the spot on your cheek.",
        "by": request.claimed_by,
        "at": now(),
    }
    return referring.refer(request, **(how | given))


def test_a_physician_refers_to_a_visit_with_words() -> None:
    request = a_claimed_request(alice())
    referral = refer(request, note="A mole?", fence=request.claim_count)
    db.session.commit()

    assert (request.status, request.due_at, request.claimed_by) == (
        RequestStatus.REFERRED,
        None,
        None,
    )
    assert referral.message == "Please let me look at the spot on your cheek."
    assert b"cheek" not in bytes(referral.message_sealed)
    assert events.of(request.id)[-1].facts == {"reason": "exam_required"}
    with pytest.raises(WrongState):
        reviewing.claim(request, by=dr_chen(), at=now())


def test_a_referral_needs_words_and_the_claim() -> None:
    request = a_claimed_request(alice())
    with pytest.raises(TermsRefused) as refused:
        refer(request, message="  ")
    assert list(refused.value.fields) == ["message"]
    for given in ({"by": dr_chen()}, {"fence": request.claim_count + 1}):
        with pytest.raises(ClaimLost):
            refer(request, **given)
    with pytest.raises(SelfPrescription):
        refer(request, by=request.client)
    assert request.status is RequestStatus.IN_REVIEW
    assert request.referrals == []


def test_who_was_referred_by_a_physician_is_seen_before_she_waits_again() -> None:
    client, chen = alice(), dr_chen()
    an_examination(client, by=chen)  # long known, and not what the physician asked for
    request = a_claimed_request(client, by=chen)
    refer(request)

    an_examination(client, by=chen, mode=Mode.ASYNCHRONOUS)
    assert request.status is RequestStatus.REFERRED
    an_examination(client, by=chen, mode=Mode.IN_PERSON)
    db.session.commit()
    assert request.status is RequestStatus.QUEUED


def test_who_is_referred_may_take_the_request_back() -> None:
    asked = handed_in(bob())
    requesting.withdraw(asked, by=asked.client, at=now())
    assert asked.status is RequestStatus.WITHDRAWN


# Signing


def test_the_examination_of_the_terms_is_recorded_with_the_signature() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)

    signed = sign(request, chen)
    db.session.commit()

    (seen,) = request.examinations
    assert (seen.mode, seen.examined_on) == (Mode.ASYNCHRONOUS, now().date())
    assert (seen.examiner_id, seen.scope) == (chen.id, ["other"])
    assert (signed.examination_id, signed.examiner_name) == (seen.id, "Dr Wei Chen")
    (covered,) = signed.states
    assert (covered.examination_rule, covered.examination_rule_version) == ("EX-CA", 1)
    assert covered.examination_id == seen.id
    assert "CA: rule EX-CA version 1, met from her written answers" in (signed.statement or "")


def test_an_examination_on_record_is_not_recorded_again() -> None:
    client, chen = alice(), dr_chen()
    other = dr_chen(name="Dr Ana Ruiz")
    seen = an_examination(client, by=other, on=ago(20))
    request = a_claimed_request(client, by=chen)

    signed = sign(request, chen, examination_mode="video", examined_on=ago(20))
    db.session.commit()

    assert signed.examination_id == seen.id
    assert signed.examiner_name == "Dr Ana Ruiz"
    assert db.session.scalars(sa.select(Examination)).all() == [seen]
    text = signed.statement or ""
    assert f"Dr Ana Ruiz examined this person by video on {ago(20).isoformat()}, and I read" in text
    assert list(verifying.verify()) == []


def test_an_earlier_visit_lets_written_answers_do_where_a_state_asks_for_one() -> None:
    client, chen = bob(), dr_chen(states=IN_TEXAS)
    visit = an_examination(client, by=chen, mode=Mode.IN_PERSON, on=ago(60))
    request = a_claimed_request(client, by=chen)

    signed = sign(request, chen)
    db.session.commit()

    assert signed.examination_mode == "asynchronous"
    assert signed.states[0].examination_id == visit.id
    assert "TX: rule EX-TX version 1, met in person" in (signed.statement or "")
    assert list(verifying.verify()) == []


def test_a_state_that_asks_for_a_visit_lets_nobody_sign_without() -> None:
    client, chen = bob(), dr_chen(states=IN_TEXAS)
    visit = an_examination(client, by=chen)
    request = a_claimed_request(client, by=chen)
    examining.void(visit, reason="It was his brother.", by=chen, at=now())

    with pytest.raises(ExaminationNeeded) as refused:
        sign(request, chen)

    assert "in person or by video (TX)" in refused.value.text
    assert "refer the client to a visit" in refused.value.fields["examination.mode"][0]
    assert "EX-TX version 1" in refused.value.fields["examination.mode"][0]
    assert refused.value.facts["states"] == ["TX"]
    assert prescriptions() == 0
    assert sign(request, chen, examination_mode="video").examination_mode == "video"


def test_a_mode_that_both_states_accept_is_needed() -> None:
    client, chen = alice(), dr_chen()
    visit = an_examination(client, by=chen)
    request = a_claimed_request(client, by=chen, ship_to_state="NV")
    examining.void(visit, reason="It was her sister.", by=chen, at=now())

    with pytest.raises(ExaminationNeeded) as refused:
        sign(request, chen)
    assert refused.value.facts["states"] == ["NV"]

    signed = sign(request, chen, examination_mode="video")
    rules = {one.state: one.examination_rule for one in signed.states}
    assert rules == {"CA": "EX-CA", "NV": "EX-NV"}


def test_nobody_says_that_she_examined_before_she_had_a_licence() -> None:
    chen = dr_chen()
    with pytest.raises(TermsRefused) as refused:
        sign(a_claimed_request(alice(), by=chen), chen, examined_on=ago(200))
    assert "no licence in CA" in refused.value.fields["examination.date"][0]
    assert prescriptions() == 0


def an_old_hand(state: str) -> Any:
    """Licensed for years."""
    physician = dr_chen(states=())
    a_licence(physician, state=state, valid_from=ago(900))
    return physician


def test_a_prescription_ends_with_the_examination_where_the_rule_says_so() -> None:
    client, chen = bob(), an_old_hand("TX")
    an_examination(client, by=chen, on=ago(300))
    request = a_claimed_request(client, by=chen)
    terms = {"examination_mode": "video", "examined_on": ago(300)}
    last = ago(300) + timedelta(days=364)

    with pytest.raises(TermsRefused) as refused:
        sign(request, chen, **terms, valid_until=last + timedelta(days=1))
    assert last.isoformat() in refused.value.fields["valid_until"][0]
    assert prescriptions() == 0

    signed = sign(request, chen, **terms)
    db.session.commit()
    assert (signed.valid_until - timedelta(days=1)).date() == last


def test_where_no_rule_says_so_a_prescription_outlives_the_examination() -> None:
    client, chen = alice(), an_old_hand("CA")
    request = a_claimed_request(client, by=chen)
    signed = sign(request, chen, examination_mode="video", examined_on=ago(300))
    db.session.commit()
    assert (signed.valid_until - timedelta(days=1)).date() == now().date() + timedelta(days=364)


def test_the_database_knows_of_an_examination_that_was_voided_meanwhile() -> None:
    """The second judge, where the code did not look."""
    client, chen = alice(), dr_chen()
    seen = an_examination(client, by=chen)
    request = a_claimed_request(client, by=chen)
    terms = the_terms(examination_mode="video")
    draft = signing.prepare(request, terms, by=chen, at=now())
    examining.void(seen, reason="It was her sister.", by=chen, at=now())
    proof = a_fresh_sign_in(chen)
    written = signing._written(request, terms, draft, by=chen, proof=proof, at=now())
    grounds.copy(written, seen)

    db.session.add(written)

    with pytest.raises(sa.exc.IntegrityError, match="examination_is_not_voided"):
        db.session.flush()


def test_what_was_signed_stays_when_the_examination_is_voided() -> None:
    chen = dr_chen()
    signed = a_prescription(alice(), by=chen)
    (seen,) = signed.request.examinations
    examining.void(seen, reason="A slip.", by=chen, at=now())
    db.session.commit()
    assert signed.status == "active"
    assert list(verifying.verify()) == []


def test_an_altered_examination_is_found() -> None:
    signed = a_prescription(alice(), by=dr_chen())
    db.session.commit()
    signed.states[0].examination_rule_version = 2
    with db.session.no_autoflush:
        found = [one.why for one in verifying.verify()]
    assert found == [
        "the prescription does not say what was signed",
        "the document says otherwise than the rows: states",
    ]
    db.session.rollback()
