"""A physician asks before she decides; the client answers; nothing that was handed in is lost."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from shop.accounts.models import Person
from shop.charts.models import ChartEntry
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, Refusal, WrongState
from shop.prescriptions import (
    expiring,
    inquiring,
    jobs,
    requesting,
    reviewing,
    signing,
    verifying,
)
from shop.prescriptions.errors import (
    AnswersRefused,
    ClaimLost,
    QuestionChanged,
    SelfPrescription,
    TermsRefused,
)
from shop.prescriptions.intake import carrying, versions
from shop.prescriptions.intake.versions import Change
from shop.prescriptions.models import ApprovalRequest, Inquiry
from shop.prescriptions.screening import checking
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, bob, dr_chen
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_request,
    the_terms,
)
from tests.prescriptions.test_checking import a_formula, claimed, found, tretinoin
from tests.prescriptions.test_pages import Reader

pytestmark = pytest.mark.usefixtures("app")

QUESTION = "Since when do you have the spots?"
REPLY = "Since May, after the summer."
ALLERGIC: dict[str, Any] = {
    "has_allergies": True,
    "allergens": ["fish"],
    "allergies": "Fish; hives.",
}


def asked_back(client: Person | None = None, **given: Any) -> ApprovalRequest:
    """A request whose client was asked something."""
    request = a_claimed_request(client, **given)
    assert request.claimed_by is not None
    inquiring.inquire(request, QUESTION, by=request.claimed_by, at=now())
    return request


def replied(request: ApprovalRequest, words: str = REPLY, **answers: Any) -> ApprovalRequest:
    inquiring.reply(request, words, answers=answers, by=request.client, at=now())
    db.session.flush()
    return request


def again(request: ApprovalRequest, by: Person) -> ApprovalRequest:
    """Claimed and asked about once more."""
    reviewing.claim(request, by=by, at=now())
    inquiring.inquire(request, "Does it itch?", by=by, at=now())
    return request


def kinds(request: ApprovalRequest) -> list[str]:
    return [event.kind for event in events.of(request.id)][3:]


# The road there and back.


def test_a_question_waits_for_the_client_and_its_answer_for_a_physician() -> None:
    client, chen = alice(), dr_chen()
    request = asked_back(client, by=chen)
    db.session.commit()

    assert request.status is RequestStatus.INFO_REQUESTED
    assert (request.claimed_by, request.claimed_until, request.due_at) == (None, None, None)
    (inquiry,) = request.inquiries
    assert (inquiry.question, inquiry.reply, inquiry.open) == (QUESTION, None, True)
    assert b"spots" not in bytes(inquiry.question_sealed)

    replied(request)
    db.session.commit()

    assert request.status is RequestStatus.QUEUED
    assert (inquiry.reply, inquiry.open) == (REPLY, False)
    assert inquiry.answered_at is not None
    assert request.answers == ANSWERS
    assert kinds(request) == ["request_claimed", "request_questioned", "request_replied"]
    assert list(verifying.verify()) == []


def test_the_physicians_clock_stands_still_while_the_client_thinks() -> None:
    request = a_claimed_request(alice())
    due, chen = request.due_at, request.claimed_by
    assert due is not None
    assert chen is not None
    asked_at = inquiring.inquire(request, QUESTION, by=chen, at=now()).asked_at

    three_days_later = asked_at + timedelta(days=3)
    inquiring.reply(request, REPLY, answers={}, by=request.client, at=three_days_later)

    assert request.due_at == due + timedelta(days=3)


def test_who_was_late_when_she_asked_is_late_when_it_is_answered() -> None:
    request = a_claimed_request(alice())
    request.due_at, chen = now() - timedelta(hours=2), request.claimed_by
    assert chen is not None
    inquiring.inquire(request, QUESTION, by=chen, at=now())
    at = now()
    inquiring.reply(request, REPLY, answers={}, by=request.client, at=at)

    assert request.due_at is not None
    assert at - request.due_at >= timedelta(hours=2)


def test_another_physician_decides_on_the_new_answers() -> None:
    client, chen, other = alice(), dr_chen(), dr_chen()
    request = claimed(client, a_formula(tretinoin()), chen)
    assert "RETINOID-PREGNANCY" not in found(request)
    inquiring.inquire(request, "Are you sure?", by=chen, at=now())
    replied(request, "I am not.", pregnancy="trying")

    reviewing.claim(request, by=other, at=now())
    hits = {hit.rule for hit in checking.check(request, at=now())}
    assert "SC-RETINOID-PREGNANCY" in hits
    with pytest.raises(TermsRefused):
        signing.prepare(request, the_terms(), by=other, at=now())

    reasons = dict.fromkeys(hits, "We talked about it.")
    signed = signing.sign(
        request,
        the_terms(overrides=reasons),
        by=other,
        proof=a_fresh_sign_in(other),
        at=now(),
    )
    db.session.commit()
    assert bytes(request.answers_hash or b"").hex() in (signed.statement or "")
    assert list(verifying.verify()) == []


# New answers, and what was handed in before.


def test_new_answers_make_a_version_and_the_old_one_stays_readable() -> None:
    request = asked_back(alice())
    first = bytes(request.answers_hash or b"")
    replied(request, "I forgot something.", **ALLERGIC)

    assert request.answers == ANSWERS | ALLERGIC
    ((inquiry, changes),) = versions.exchange(request)
    assert inquiry.said["answers"] == ANSWERS
    assert bytes(inquiry.answers_hash) == first != bytes(request.answers_hash or b"")
    assert {(one.question, one.before, one.after) for one in map(_plain, changes)} == {
        ("has_allergies", "False", "True"),
        ("allergens", "None", "['fish']"),
        ("allergies", "None", "Fish; hives."),
    }
    assert list(verifying.verify()) == []


def _plain(change: Change) -> Change:
    return Change(change.question, str(change.before), str(change.after))


def test_three_questions_are_three_versions_each_with_its_hash() -> None:
    client, chen = alice(), dr_chen()
    request = asked_back(client, by=chen)
    replied(request, **ALLERGIC)
    replied(again(request, chen), "No.", goal="Even skin.")
    replied(again(request, chen), "", has_allergies=False)

    said = [one.said["answers"] for one in request.inquiries] + [request.answers]
    assert [len(one) for one in said] == [len(ANSWERS), len(ANSWERS) + 2, len(ANSWERS) + 2, 9]
    assert said[2]["goal"] == said[3]["goal"] == "Even skin."
    hashes = [bytes(one.answers_hash) for one in request.inquiries]
    hashes.append(bytes(request.answers_hash or b""))
    assert len(set(hashes)) == 4
    assert list(verifying.verify()) == []


def test_words_alone_change_the_hash_that_will_be_signed() -> None:
    request = asked_back(alice())
    first = bytes(request.answers_hash or b"")
    replied(request)
    assert bytes(request.answers_hash or b"") != first


def test_what_hung_on_a_changed_answer_is_gone_and_what_it_asks_for_is_needed() -> None:
    client = alice()
    request = a_draft(client)
    requesting.answer(request, ANSWERS | ALLERGIC, by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    chen = dr_chen()
    reviewing.claim(request, by=chen, at=now())
    inquiring.inquire(request, QUESTION, by=chen, at=now())

    with pytest.raises(AnswersRefused) as refused:
        replied(request, takes_medicines=True)
    assert list(refused.value.fields) == ["answers.medicines"]
    assert (request.status, request.inquiries[0].open) == (RequestStatus.INFO_REQUESTED, True)

    replied(request, has_allergies=False)
    assert request.answers == ANSWERS


def test_only_what_is_said_anew_gets_a_new_day() -> None:
    client, chen = alice(), dr_chen()
    request = a_draft(client)
    long_ago = now() - timedelta(days=9)
    requesting.answer(request, ANSWERS, by=client, at=long_ago)
    requesting.submit(request, consent=True, by=client, at=now())
    reviewing.claim(request, by=chen, at=now())
    inquiring.inquire(request, QUESTION, by=chen, at=now())
    replied(request, pregnancy="none", goal="Less.")

    then, today = _day(long_ago), _day(now())
    days = dict(request.answered_on)
    assert {name for name, day in days.items() if day == today} == {"pregnancy", "goal"}
    assert set(days.values()) == {then, today}


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def test_what_a_reply_says_is_carried_rather_than_what_a_later_request_said() -> None:
    client, chen = alice(), dr_chen()
    asked = asked_back(client, by=chen)
    a_request(client, a_cream())  # handed in later, with the old answer
    replied(asked, skin_conditions=["eczema"])

    draft = a_draft(client, a_cream())
    sheet = carrying.sheet(draft, {}, today=now().date())
    assert sheet.carried["skin_conditions"].answer == ["eczema"]


# Refusals, after which nothing has happened.


def untouched(request: ApprovalRequest, before: tuple[Any, ...]) -> None:
    db.session.expire(request)
    assert _state(request) == before


def _state(request: ApprovalRequest) -> tuple[Any, ...]:
    return (
        request.status,
        request.state_seq,
        bytes(request.answers_hash or b""),
        bytes(request.answers_sealed or b""),
        [one.reply for one in request.inquiries],
        request.due_at,
    )


def test_only_who_holds_the_request_asks() -> None:
    request, stranger = a_claimed_request(alice()), dr_chen()
    chen, before = request.claimed_by, _state(request)
    assert chen is not None
    assert request.claimed_until is not None
    with pytest.raises(ClaimLost):
        inquiring.inquire(request, QUESTION, by=stranger, at=now())
    with pytest.raises(ClaimLost):
        inquiring.inquire(request, QUESTION, by=chen, at=request.claimed_until)
    with pytest.raises(ClaimLost):
        inquiring.inquire(request, QUESTION, by=chen, at=now(), fence=request.claim_count + 1)
    with pytest.raises(SelfPrescription):
        inquiring.inquire(request, QUESTION, by=request.client, at=now())
    with pytest.raises(TermsRefused):
        inquiring.inquire(request, "  \n", by=chen, at=now())
    untouched(request, before)


def test_only_the_client_answers_and_only_what_waits() -> None:
    client, chen = alice(), dr_chen()
    request = asked_back(client, by=chen)
    before = _state(request)
    for somebody_else in (chen, bob()):
        with pytest.raises(NotAllowed):
            inquiring.reply(request, REPLY, answers={}, by=somebody_else, at=now())
    with pytest.raises(QuestionChanged):
        inquiring.reply(request, REPLY, answers={}, by=client, at=now(), inquiry_id=uuid.uuid4())
    with pytest.raises(AnswersRefused):
        inquiring.reply(request, " ", answers={"goal": ""}, by=client, at=now())
    untouched(request, before)

    replied(request)
    for act in (
        lambda: inquiring.reply(request, REPLY, answers={}, by=client, at=now()),
        lambda: requesting.answer(request, ANSWERS, by=client, at=now()),
    ):
        with pytest.raises(WrongState):
            act()


def test_nobody_claims_what_waits_for_its_client_and_she_may_take_it_back() -> None:
    request = asked_back(alice())
    with pytest.raises(WrongState):
        reviewing.claim(request, by=dr_chen(), at=now())

    requesting.withdraw(request, by=request.client, at=now())
    db.session.commit()

    assert request.status is RequestStatus.WITHDRAWN
    assert request.inquiries[0].open
    assert list(verifying.verify()) == []
    with pytest.raises(WrongState):
        replied(request)


# Timers.


def test_each_kind_of_waiting_ends_after_its_own_time() -> None:
    draft, queued, asked = a_draft(alice()), a_request(alice()), asked_back(alice())
    day = timedelta(days=1)

    assert expiring.expire(at=now() + 14 * day - timedelta(minutes=1)) == 0
    assert expiring.expire(at=now() + 14 * day) == 1
    assert expiring.expire(at=now() + 30 * day) == 1
    db.session.commit()

    ended = [RequestStatus.EXPIRED, RequestStatus.EXPIRED, RequestStatus.QUEUED]
    assert [one.status for one in (asked, draft, queued)] == ended
    assert list(events.verify()) == []
    with pytest.raises(WrongState):
        replied(asked)


def test_the_time_begins_when_it_began_to_wait_and_again_with_each_question() -> None:
    chen = dr_chen()
    request = asked_back(alice(), by=chen)
    replied(request)
    again(request, chen)
    first, second = request.inquiries[0].asked_at, request.inquiries[1].asked_at

    assert expiring.expire(at=first + timedelta(days=14)) == 0
    assert expiring.expire(at=second + timedelta(days=14, minutes=1)) == 1


def test_how_long_is_data_and_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [a_draft(alice()) for _ in range(3)]
    monkeypatch.setattr(expiring, "BATCH", 2)
    lasts = {RequestStatus.DRAFT: timedelta(days=1)}
    later = now() + timedelta(days=2)

    assert [expiring.expire(at=later, lasts=lasts) for _ in range(3)] == [2, 1, 0]
    assert {one.status for one in requests} == {RequestStatus.EXPIRED}


def test_the_job_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [a_draft(alice()) for _ in range(3)]
    monkeypatch.setattr(expiring, "BATCH", 2)
    monkeypatch.setattr(jobs, "now", lambda: now() + timedelta(days=30))
    jobs.expire_requests()
    assert {one.status for one in requests} == {RequestStatus.EXPIRED}


# Whoever goes past the code.


def _frozen_in(status: str) -> ApprovalRequest:
    request = asked_back(alice())
    if status == "info_requested":
        return request
    if status == "withdrawn":
        requesting.withdraw(request, by=request.client, at=now())
    elif status == "expired":
        expiring.expire(at=now() + timedelta(days=15))
    else:
        replied(request)
        if status == "in_review":
            reviewing.claim(request, by=dr_chen(), at=now())
    return request


@pytest.mark.parametrize(
    "status", ["queued", "in_review", "info_requested", "withdrawn", "expired"]
)
@pytest.mark.parametrize("column", ["answers_sealed", "answered_on_sealed", "answers_hash"])
def test_sql_changes_no_answers_in_any_state(status: str, column: str) -> None:
    request = _frozen_in(status)
    assert request.status.value == status
    one = sa.update(ApprovalRequest).where(ApprovalRequest.id == request.id)

    with pytest.raises(IntegrityError, match="frozen"), db.session.begin_nested():
        db.session.execute(one.values({column: b"x"}))


TAMPERING = {
    "another question": ("question_sealed", "cannot be opened"),
    "other answers before it": ("said_sealed", "cannot be opened"),
    "another reply": ("reply_sealed", "cannot be opened"),
    "another hash": ("answers_hash", "are not those that were handed in"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_with_an_exchange_is_seen(how: str) -> None:
    column, why = TAMPERING[how]
    request = replied(asked_back(alice()), **ALLERGIC)
    with db.session.no_autoflush:
        value = bytearray(getattr(request.inquiries[0], column))
        value[-1] ^= 1
        setattr(request.inquiries[0], column, bytes(value))
        broken = [one.why for one in verifying.verify()]
    db.session.expire_all()

    assert any(one.endswith(why) for one in broken), broken


def test_a_question_that_is_gone_is_missed() -> None:
    open_one, answered = asked_back(alice()), replied(asked_back(bob(state="CA")))
    with db.session.no_autoflush:
        for request in (open_one, answered):
            request.inquiries.clear()
        broken = [(one.subject_id, one.why) for one in verifying.verify()]
    db.session.expunge_all()

    missing = "a question to the client is missing, or was slipped in"
    assert (open_one.id, missing) in broken
    assert (answered.id, missing) in broken


# Over HTTP.


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {"alice": somebody(alice), "bob": somebody(bob), "chen": somebody(dr_chen)}


def test_the_whole_exchange_over_the_api(app: Flask, cast: dict[str, Person]) -> None:
    request = a_claimed_request(cast["alice"], by=cast["chen"])
    road = f"/approval-requests/{request.number}"
    db.session.commit()
    client, physician = Browser(app, cast["alice"]), Browser(app, cast["chen"])

    asked = physician.post(f"{road}/question", {"text": QUESTION, "claim": 1})
    assert (asked.status_code, asked.json["status"], asked.json["due_at"]) == (
        201,
        "info_requested",
        None,
    )
    assert QUESTION not in asked.text
    (waiting,) = client.get(road).json["questions"]
    assert (waiting["question"], waiting["reply"]) == (QUESTION, None)

    answer = {"text": REPLY, "answers": ALLERGIC, "question": waiting["id"]}
    told = client.post(f"{road}/answers", answer)
    assert (told.status_code, told.json["status"]) == (201, "queued")
    assert REPLY not in told.text

    read = physician.get(road).json
    (said,) = read["questions"]
    assert (said["reply"], said["asked_by"], said["answers"]) == (REPLY, "Dr Wei Chen", ANSWERS)
    assert {one["question"] for one in said["changes"]} == set(ALLERGIC)
    assert read["answers"] == ANSWERS | ALLERGIC
    assert read["answers_hash"] != said["answers_hash"]


def test_others_neither_ask_nor_answer(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    waiting = asked_back(cast["alice"], variant=a_cream(), by=cast["chen"]).number
    db.session.commit()
    road = "/approval-requests"
    stranger = Browser(app, cast["bob"])

    assert stranger.post(f"{road}/{waiting}/answers", {"text": "Me."}).status_code == 404
    assert stranger.post(f"{road}/{number}/question", {"text": "Me?"}).status_code == 403
    physician = Browser(app, cast["chen"])
    assert physician.post(f"{road}/{waiting}/answers", {"text": "Me."}).status_code == 403
    assert physician.post(f"{road}/Q-NONE/question", {"text": "Me?"}).status_code == 404


MALFORMED: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "text"),
    "blanks": ({"text": "  ", "answers": {"goal": "", "allergens": []}}, "text"),
    "no words": ({"text": 7}, "text"),
    "too many words": ({"text": "x" * 10_000}, "text"),
    "a NUL": ({"text": "a\x00b"}, "text"),
    "answers that are a list": ({"answers": ["pregnancy"]}, "answers"),
    "a question nobody asked": ({"answers": {"horoscope": "aries"}}, "answers.horoscope"),
    "a question of another family": ({"answers": {"asthma": True}}, "answers.asthma"),
    "an answer of another type": ({"answers": {"pregnancy": {"a": [1]}}}, "answers.pregnancy"),
    "an answer too long": ({"answers": {"goal": "x" * 10_000}}, "answers.goal"),
    "an answer with a NUL": ({"answers": {"goal": "a\x00b"}}, "answers.goal"),
    "a list in a list": ({"answers": {"skin_conditions": [["eczema"]]}}, "answers.skin_conditions"),
    "what is not asked": ({"answers": {"due_date": "2026-12-01"}}, "answers.due_date"),
    "a branch left out": ({"answers": {"takes_medicines": True}}, "answers.medicines"),
    "a question that is no id": ({"text": "Yes.", "question": "Q-1"}, "question"),
    "a field nobody knows": ({"text": "Yes.", "note": "x"}, "note"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_answer_is_named_and_changes_nothing(
    app: Flask, cast: dict[str, Person], case: str
) -> None:
    body, field = MALFORMED[case]
    request = asked_back(cast["alice"], by=cast["chen"])
    number, key = request.number, request.id
    before = _state(request)
    db.session.commit()

    refused = Browser(app, cast["alice"]).post(f"/approval-requests/{number}/answers", body)

    assert refused.status_code == 422, refused.text
    assert any(name.startswith(field) for name in refused.json["errors"]), refused.json
    assert _state(db.session.get_one(ApprovalRequest, key)) == before
    assert db.session.scalars(sa.select(Inquiry.reply_sealed)).all() == [None]


@pytest.mark.parametrize("text", ['"\\ud800"', '"a\\ud800b"'])
def test_half_a_character_is_refused(app: Flask, cast: dict[str, Person], text: str) -> None:
    number = asked_back(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    browser = Browser(app, cast["alice"])
    for body in (f'{{"text": {text}}}', f'{{"answers": {{"goal": {text}}}}}'):
        refused = browser.client.post(
            f"/api/v1/approval-requests/{number}/answers",
            data=body.encode(),
            content_type="application/json",
            headers={"X-CSRFToken": browser.csrf},
        )
        assert refused.status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n "}, "text"),
        ({"text": "x" * 10_000}, "text"),
        ({"text": ["Since when?"]}, "text"),
        ({"text": "Since when?", "claim": "1"}, "claim"),
        ({"text": "Since when?", "claim": 0}, "claim"),
    ],
)
def test_a_malformed_question_is_named_and_changes_nothing(
    app: Flask, cast: dict[str, Person], body: Any, field: str
) -> None:
    request = a_claimed_request(cast["alice"], by=cast["chen"])
    number, key = request.number, request.id
    db.session.commit()

    refused = Browser(app, cast["chen"]).post(f"/approval-requests/{number}/question", body)

    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])
    assert db.session.get_one(ApprovalRequest, key).status is RequestStatus.IN_REVIEW
    assert db.session.scalars(sa.select(Inquiry)).all() == []


def test_a_late_question_is_refused_by_its_fence(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    refused = Browser(app, cast["chen"]).post(
        f"/approval-requests/{number}/question", {"text": QUESTION, "claim": 7}
    )
    assert (refused.status_code, refused.json["code"]) == (409, "claim_lost")


def test_both_sides_on_their_pages(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    physician, client = Reader(app, cast["chen"]), Reader(app, cast["alice"])
    physician.get(f"/review/{number}")

    text = physician.send(f"/review/{number}/question", text=" ")
    assert physician.status == 422
    assert 'href="#f-text"' in text
    physician.send(f"/review/{number}/question", text="<i>Since when?</i>")
    assert physician.path == "/review"
    text = physician.get(f"/review/{number}")
    assert "&lt;i&gt;Since when?&lt;/i&gt;" in text
    assert "Take this case" not in text

    text = client.get(f"/requests/{number}")
    assert "A question for you" in text
    assert "&lt;i&gt;Since when?&lt;/i&gt;" in text
    assert "Take this request back" in text
    text = client.send(f"/requests/{number}/reply", text="", **{"answers.takes_medicines": "true"})
    assert client.status == 422
    assert 'href="#f-answers.medicines"' in text
    changed = {"answers.takes_medicines": "true", "answers.medicines": "Zinc & iron"}
    text = client.send(f"/requests/{number}/reply", text="Since <May>.", **changed)
    assert client.status == 200
    assert "With our physicians" in text
    assert "Since &lt;May&gt;." in text

    text = physician.get(f"/review/{number}")
    assert "Since &lt;May&gt;." in text
    assert text.count("Zinc &amp; iron") == 2  # among the answers, and as a change
    assert "Take this case" in text


def test_a_page_left_open_answers_no_other_question(app: Flask, cast: dict[str, Person]) -> None:
    request = asked_back(cast["alice"], by=cast["chen"])
    number = request.number
    db.session.commit()
    old, other = Reader(app, cast["alice"]), Reader(app, cast["alice"])
    old.get(f"/requests/{number}")
    other.get(f"/requests/{number}")
    other.send(f"/requests/{number}/reply", text="Since May.")
    again(db.session.get_one(ApprovalRequest, request.id), db.session.merge(cast["chen"]))
    db.session.commit()

    text = old.send(f"/requests/{number}/reply", text="Since June.")

    assert old.status == 409
    assert "The physician asks something else by now." in text
    assert "Since June." in text
    assert [
        one.reply for one in db.session.scalars(sa.select(Inquiry).order_by(Inquiry.asked_at))
    ] == [
        "Since May.",
        None,
    ]


def test_a_refusal_in_the_chart_takes_the_reply_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is one transaction: what cannot be charted is not answered."""
    request = asked_back(alice())
    before = _state(request)
    noted = db.session.scalar(sa.select(sa.func.count()).select_from(ChartEntry))
    db.session.commit()

    def broken(*_: Any, **__: Any) -> None:
        raise Refusal("The chart cannot be written.")

    monkeypatch.setattr("shop.prescriptions.inquiring.noting.note", broken)
    with pytest.raises(Refusal), db.session.begin_nested():
        inquiring.reply(request, REPLY, answers=ALLERGIC, by=request.client, at=now())

    untouched(request, before)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ChartEntry)) == noted
