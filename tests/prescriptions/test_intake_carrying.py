"""What a client need not say again: what is carried over, for how long, and how it is frozen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from shop.accounts.models import Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions import requesting, verifying
from shop.prescriptions.errors import AnswersRefused
from shop.prescriptions.intake import carrying, composing, questioning
from shop.prescriptions.intake.carrying import Said, Sheet
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.people import alice, bob, dr_chen, eva
from tests.prescriptions.builders import ANSWERS, a_draft, a_request, answers_to
from tests.prescriptions.test_api import put
from tests.prescriptions.test_pages import Reader
from tests.regime import SOAK

OTHER = composing.version_of({Family.OTHER})
RETINOID = composing.version_of({Family.RETINOID})
SAID_ON = date(2026, 3, 10)
EVERY_TIME = {"used_before", "used_before_result", "goal"}
LEFT_OUT = {"weeks_of_use", "where_used", "other_products"}  # optional, and about this wish


def said(version: str = OTHER, on: date = SAID_ON, **answers: Any) -> dict[str, Said]:
    """What was handed in on a day."""
    form = questioning.questionnaire(version)
    all_of_it = questioning.given(answers_to(version) | answers)
    return {
        name: Said(form.by_id[name], answer, on, all_of_it) for name, answer in all_of_it.items()
    }


def the_sheet(
    before: Mapping[str, Said], *, after: int = 1, version: str = OTHER, **answers: Any
) -> Sheet:
    """The sheet of a draft, so many days later, with these answers of its own."""
    form = questioning.questionnaire(version)
    return carrying.lay_out(form, answers, before, today=SAID_ON + timedelta(days=after))


# How long.


LAST_DAYS = {
    "pregnancy": 30,
    "takes_medicines": 90,
    "isotretinoin": 90,
    "skin_conditions": 180,
    "has_allergies": 365,
}


@pytest.mark.parametrize("name", LAST_DAYS)
def test_an_answer_holds_on_its_last_day_and_not_on_the_next(name: str) -> None:
    last = LAST_DAYS[name]

    assert the_sheet(said(), after=last).carried[name].on == SAID_ON
    stale = the_sheet(said(), after=last + 1)
    assert name not in stale.carried
    assert name in stale.asked


def test_what_never_goes_stale_is_never_asked_again() -> None:
    much_later = the_sheet(said(), after=20_000)
    assert set(much_later.carried) == {"sunburns"}


def test_what_is_about_this_wish_is_asked_every_time() -> None:
    again = the_sheet(said(), after=0)
    assert set(again.asked) >= EVERY_TIME
    assert not EVERY_TIME & set(again.carried)


def test_only_what_is_stale_or_about_this_wish_is_asked() -> None:
    again = the_sheet(said(), after=31)

    assert set(again.asked) == {"pregnancy", "due_date"} | EVERY_TIME | LEFT_OUT
    assert set(again.carried) == {
        "has_allergies", "skin_conditions", "takes_medicines", "isotretinoin", "sunburns",
    }  # fmt: skip


# What hangs on what.


ALLERGIC: dict[str, Any] = {
    "has_allergies": True,
    "allergens": ["fish"],
    "allergies": "Fish; hives.",
}


def test_a_branch_is_carried_with_what_it_hangs_on() -> None:
    again = the_sheet(said(**ALLERGIC))
    assert {name: again.carried[name].answer for name in ALLERGIC} == ALLERGIC
    assert {name: again.answers[name] for name in ALLERGIC} == ALLERGIC


def test_a_branch_that_is_hidden_is_neither_asked_nor_carried() -> None:
    again = the_sheet(said(**ALLERGIC), has_allergies=False)
    assert not {"allergens", "allergies"} & (set(again.asked) | set(again.carried))
    assert "allergies" not in again.answers


def test_a_branch_that_was_never_asked_before_is_asked() -> None:
    again = the_sheet(said(), has_allergies=True)
    assert {"allergens", "allergies"} <= set(again.asked)


ENDED = {"isotretinoin": "earlier", "isotretinoin_ended": "2019-05-01"}


def test_a_day_in_the_past_waits_for_the_stale_question_it_hangs_on() -> None:
    """Not asked again: shown as it was, and part of the answers once the other is as it was."""
    waiting = the_sheet(said(**ENDED), after=91)
    assert "isotretinoin" in waiting.asked
    assert "isotretinoin_ended" in waiting.carried
    assert "isotretinoin_ended" not in waiting.answers

    as_before = the_sheet(said(**ENDED), after=91, isotretinoin="earlier")
    assert as_before.answers["isotretinoin_ended"] == "2019-05-01"


def test_a_branch_is_asked_anew_where_what_it_hangs_on_was_answered_otherwise() -> None:
    otherwise = the_sheet(said(**ENDED), isotretinoin="past_six_months")
    assert "isotretinoin_ended" in otherwise.asked
    assert "isotretinoin_ended" not in otherwise.carried


def test_an_answer_of_hers_now_replaces_what_was_carried() -> None:
    again = the_sheet(said(), sunburns="always_burns")
    assert again.answers["sunburns"] == "always_burns"
    assert "sunburns" in again.asked
    assert "sunburns" not in again.carried


# The same question.


def test_a_question_in_other_words_is_asked_again() -> None:
    before = said()
    other = replace(before["sunburns"].question, text="How do you tan?")
    before["sunburns"] = replace(before["sunburns"], question=other)
    assert "sunburns" in the_sheet(before).asked


def test_a_question_with_other_options_is_asked_again() -> None:
    before = said()
    fewer = replace(before["skin_conditions"].question, options=(("none", "None of these"),))
    before["skin_conditions"] = replace(before["skin_conditions"], question=fewer)
    assert "skin_conditions" in the_sheet(before).asked


def test_an_answer_that_would_be_refused_now_is_asked_again() -> None:
    long_ago = said(**(ENDED | {"isotretinoin_ended": "1950-01-01"}))
    assert "isotretinoin_ended" in the_sheet(long_ago).asked


def test_the_same_question_of_another_version_is_carried() -> None:
    form = questioning.questionnaire("general-2026-1")
    before = {name: Said(form.by_id[name], one, SAID_ON, ANSWERS) for name, one in ANSWERS.items()}
    assert "skin_conditions" in the_sheet(before, version=RETINOID).carried


EVERYTHING = composing.version_of(set(Family))
FORM = questioning.questionnaire(EVERYTHING)
VALUES: dict[str, list[Any]] = {
    "boolean": [True, False],
    "date": ["2025-12-01", "2026-03-01"],
    "number": [1, 12],
    "text": ["Some words."],
}


def _values(name: str) -> list[Any]:
    question = FORM.by_id[name]
    options = [value for value, _ in question.options]
    if question.type == "choices":
        return [[one] for one in options]
    return options or VALUES[question.type]


SOME_ANSWERS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(_values(name)) for name in FORM.by_id}
)


@settings(max_examples=1_500 if SOAK else 150, deadline=None)
@given(SOME_ANSWERS, SOME_ANSWERS, st.integers(min_value=0, max_value=400))
def test_what_is_carried_holds_and_nothing_is_both_asked_and_carried(
    before: dict[str, Any], own: dict[str, Any], after: int
) -> None:
    earlier = {name: Said(FORM.by_id[name], one, SAID_ON, before) for name, one in before.items()}
    laid = the_sheet(earlier, after=after, version=EVERYTHING, **own)

    assert not set(laid.asked) & set(laid.carried)
    assert set(own) <= set(laid.asked)
    assert set(laid.answers) - set(own) <= set(laid.carried)
    for name, one in laid.carried.items():
        days = FORM.by_id[name].stale_after_days
        assert days is None or 0 < days >= after
        assert laid.answers.get(name, one.answer) == one.answer == before[name]
    for question in FORM.questions:
        if question.shown(laid.answers) and question.id not in laid.answers:
            assert question.id in laid.asked  # nothing that is shown is forgotten


# Handed in, with the days.


@pytest.fixture
def client(app: Flask) -> Person:
    return alice()


def again(client: Person) -> ApprovalRequest:
    """Another draft of hers, for another cream."""
    return a_draft(client, a_cream())


REST = {name: ANSWERS[name] for name in EVERY_TIME}


def handed_in(request: ApprovalRequest, at: datetime, **answers: Any) -> ApprovalRequest:
    """Answered with what is asked every time, and handed in."""
    requesting.answer(request, REST | answers, by=request.client, at=at)
    requesting.submit(request, consent=True, by=request.client, at=at)
    return request


def in_days(count: int) -> datetime:
    return now() + timedelta(days=count)


def the_day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def test_a_second_request_asks_the_rest_and_freezes_when_all_was_said(client: Person) -> None:
    a_request(client)
    today, later = the_day(now()), in_days(20)

    second = handed_in(again(client), later, pregnancy="trying")

    assert second.answers == ANSWERS | {"pregnancy": "trying"}
    said_now = {*EVERY_TIME, "pregnancy"}
    assert second.answered_on == dict.fromkeys(ANSWERS, today) | dict.fromkeys(
        said_now, the_day(later)
    )
    assert list(verifying.verify()) == []


def test_what_went_stale_must_be_said_again(client: Person) -> None:
    a_request(client)
    second = again(client)
    requesting.answer(second, REST, by=client, at=in_days(31))

    with pytest.raises(AnswersRefused) as refused:
        requesting.submit(second, consent=True, by=client, at=in_days(31))

    assert list(refused.value.fields) == ["answers.pregnancy"]
    assert (second.status, second.answers) == ("draft", REST)
    assert second.answers_hash is None


def test_what_went_stale_while_a_draft_lay_must_be_said_again(client: Person) -> None:
    a_request(client)
    second = again(client)
    requesting.answer(second, REST, by=client, at=in_days(30))

    with pytest.raises(AnswersRefused) as refused:
        requesting.submit(second, consent=True, by=client, at=in_days(31))

    assert list(refused.value.fields) == ["answers.pregnancy"]


def test_a_carried_answer_keeps_its_first_day_through_all_requests(client: Person) -> None:
    a_request(client)
    first = the_day(now())
    handed_in(again(client), in_days(20))

    third = again(client)
    requesting.answer(third, REST, by=client, at=in_days(40))
    with pytest.raises(AnswersRefused) as refused:  # said 40 days ago, though handed in since
        requesting.submit(third, consent=True, by=client, at=in_days(40))
    assert list(refused.value.fields) == ["answers.pregnancy"]
    handed_in(third, in_days(40), pregnancy="none")

    assert third.answered_on is not None
    assert third.answered_on["sunburns"] == first
    assert third.answered_on["pregnancy"] == the_day(in_days(40))


def test_the_latest_word_counts(client: Person) -> None:
    a_request(client)
    handed_in(again(client), now(), **ALLERGIC)

    carried = carrying.sheet(again(client), {}, today=now().date()).carried

    assert {name: carried[name].answer for name in ALLERGIC} == ALLERGIC


def test_drafts_and_other_peoples_answers_are_not_carried(client: Person) -> None:
    a_request(bob())
    requesting.answer(again(client), ANSWERS, by=client, at=now())

    assert carrying.sheet(again(client), {}, today=now().date()).carried == {}


def test_only_a_part_of_a_branch_may_be_changed(client: Person) -> None:
    """She says what an allergy did, without saying again that there is one."""
    handed_in(again(client), now(), **(ANSWERS | ALLERGIC))

    second = handed_in(again(client), now(), allergies="Fish; trouble to breathe.")

    assert second.answers == ANSWERS | ALLERGIC | {"allergies": "Fish; trouble to breathe."}


def test_an_answer_to_what_is_hidden_is_refused_and_nothing_is_kept(client: Person) -> None:
    a_request(client)
    second = again(client)

    with pytest.raises(AnswersRefused) as refused:
        requesting.answer(second, {"allergies": "Fish."}, by=client, at=now())

    assert list(refused.value.fields) == ["answers.allergies"]
    assert (second.answers, second.answered_on) == (None, None)


def test_answers_that_cannot_be_opened_are_asked_again(client: Person) -> None:
    first, second = a_request(client), again(client)
    with db.session.no_autoflush:
        first.answers_sealed = b"\x01" + bytes(80)
        carried = carrying.sheet(second, {}, today=now().date()).carried
    db.session.expire(first)

    assert carried == {}
    assert "sunburns" in carrying.sheet(second, {}, today=now().date()).carried


# The hash.


def test_the_hash_covers_answers_days_and_versions(client: Person) -> None:
    request = a_request(client)
    assert request.answers is not None
    assert request.answered_on is not None
    frozen = bytes(request.answers_hash or b"")
    answers, days = request.answers, request.answered_on
    assert requesting.frozen_hash(request, answers) == frozen

    hashes = {frozen, requesting.frozen_hash(request, answers | {"goal": "Another."})}
    with db.session.no_autoflush:
        for other in (
            days | {"goal": "2020-01-01"},
            {name: day for name, day in days.items() if name != "goal"},
            None,
        ):
            request.answered_on = other
            hashes.add(requesting.frozen_hash(request, answers))
        request.answered_on = days
        request.questionnaire_version = RETINOID
        hashes.add(requesting.frozen_hash(request, answers))
        request.quantity = 2
        hashes.add(requesting.frozen_hash(request, answers))
    db.session.expire(request)

    assert len(hashes) == 7


def as_it_was_before(client: Person) -> ApprovalRequest:
    """A request of before: one general part, no days."""
    request = a_draft(client)
    request.questionnaire_version = "general-2026-1"
    request.answers = ANSWERS
    request.answers_hash = requesting.frozen_hash(request, ANSWERS)
    request.consented_at = now()
    request.status = RequestStatus.QUEUED
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_SUBMITTED, request)
    db.session.flush()
    db.session.refresh(request)
    return request


# The hash of such a request, computed apart from the code that freezes.
BEFORE = (
    '{{"answers":{{"goal":"Fewer breakouts.","has_allergies":false,"isotretinoin":"never",'
    '"pregnancy":"none","skin_conditions":["none"],"sunburns":"sometimes_burns",'
    '"takes_medicines":false,"used_before":true,'
    '"used_before_result":"Some peeling in the first week."}},"quantity":1,'
    '"questionnaire":"general-2026-1","request":"{number}","ship_to_state":"CA","sku":"{sku}"}}'
)


def test_a_request_of_before_verifies_and_is_carried_from(client: Person) -> None:
    old = as_it_was_before(client)
    text = BEFORE.format(number=old.number, sku=old.variant.sku)

    assert bytes(old.answers_hash or b"") == hashlib.sha256(text.encode()).digest()
    assert list(verifying.verify()) == []
    assert old.submitted_at is not None
    handed = old.submitted_at.astimezone(UTC).date()
    carried = carrying.sheet(again(client), {}, today=handed + timedelta(days=30)).carried
    assert carried["pregnancy"].on == handed
    assert carrying.said_earlier(old) == {}


def test_a_draft_of_before_is_handed_in(client: Person) -> None:
    draft = a_draft(client)
    draft.questionnaire_version = "general-2026-1"
    draft.answers = ANSWERS
    db.session.flush()

    requesting.submit(draft, consent=True, by=client, at=now())

    assert draft.answered_on == dict.fromkeys(ANSWERS, the_day(now()))
    assert list(verifying.verify()) == []


@pytest.mark.parametrize("column", ["answers_sealed", "answered_on_sealed", "answers_hash"])
def test_sql_cannot_change_what_was_handed_in(client: Person, column: str) -> None:
    request = a_request(client)
    kept = getattr(request, column)
    one = sa.update(ApprovalRequest).where(ApprovalRequest.id == request.id)

    with pytest.raises(IntegrityError, match="frozen"), db.session.begin_nested():
        db.session.execute(one.values({column: b"x"}))

    db.session.refresh(request)
    assert getattr(request, column) == kept


@pytest.mark.parametrize("column", ["answers_sealed", "answered_on_sealed"])
def test_sealed_bytes_of_another_request_are_seen(client: Person, column: str) -> None:
    """Whoever goes past the triggers and copies what another request holds does not get far."""
    request, other = a_request(client), a_request(client, a_cream())
    with db.session.no_autoflush:
        setattr(request, column, getattr(other, column))
        broken = [(one.subject_id, one.why) for one in verifying.verify()]
    db.session.expire(request)

    assert broken == [(request.id, "the answers that were handed in cannot be opened")]


def test_nothing_of_the_days_can_be_read_in_the_database(client: Person) -> None:
    sealed = bytes(a_request(client).answered_on_sealed or b"")
    assert sealed
    assert b"pregnancy" not in sealed
    assert the_day(now()).encode() not in sealed


# Over HTTP.


def test_the_api_says_what_to_ask_and_what_is_carried(app: Flask) -> None:
    client = somebody(alice)
    a_request(client)
    number = again(client).number
    db.session.commit()
    browser, road = Browser(app, client), f"/approval-requests/{number}"
    today = the_day(now())

    read = browser.get(road).json

    assert read["answers"] == read["answered_on"] == {}
    carried = {one["question"]: one for one in read["carried"]}
    assert carried["sunburns"] == {
        "question": "sunburns",
        "answer": "sometimes_burns",
        "said_on": today,
    }
    assert set(read["asked"]) == EVERY_TIME | LEFT_OUT
    known = {question["id"]: question for question in read["questionnaire"]["questions"]}
    assert known["pregnancy"]["stale_after_days"] == 30
    assert set(carried) | set(read["asked"]) <= set(known)

    assert put(browser, f"{road}/answers", {"answers": REST}).status_code == 200
    assert browser.post(f"{road}/submission", {"consent": True}).status_code == 201
    whole = browser.get(road).json
    assert whole["answers"] == ANSWERS
    assert whole["answered_on"] == dict.fromkeys(ANSWERS, today)
    assert (whole["asked"], whole["carried"]) == ([], [])


def test_nobody_but_the_client_sees_what_is_carried(app: Flask) -> None:
    client, esthetician, chen = somebody(alice), somebody(eva), somebody(dr_chen)
    handed = a_request(client).number
    proposed = a_draft(client, a_cream(), by=esthetician).number
    db.session.commit()

    seen = Browser(app, esthetician).get(f"/approval-requests/{proposed}").json
    assert [seen[name] for name in ("answers", "answered_on")] == [{}, {}]
    assert [seen[name] for name in ("asked", "carried")] == [[], []]
    read = Browser(app, chen).get(f"/approval-requests/{handed}").json
    assert read["answered_on"] == dict.fromkeys(ANSWERS, the_day(now()))
    assert (read["asked"], read["carried"]) == ([], [])


def inputs(text: str) -> set[str]:
    """The questions that the page has a field for, outside of what may be changed."""
    asked = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    return set(re.findall(r'name="answers\.(\w+)"', asked))


def test_the_page_asks_what_is_to_be_asked_and_lets_the_rest_be_changed(app: Flask) -> None:
    client, chen = somebody(alice), somebody(dr_chen)
    a_request(client)
    number = again(client).number
    db.session.commit()
    reader, road = Reader(app, client), f"/requests/{number}"

    text = reader.get(f"{road}/form")
    assert inputs(text) == EVERY_TIME | LEFT_OUT
    assert "Sometimes burns, tans evenly</strong>, as you said on" in text
    assert 'name="answers.sunburns"' in text  # may be changed
    assert 'name="answers.allergies"' not in text  # hangs on what was answered with no

    reader.send(f"{road}/answers", save="yes", **{"answers.has_allergies": "true"})
    text = reader.get(f"{road}/form")
    assert {"has_allergies", "allergens", "allergies"} <= inputs(text)

    typed = {
        "used_before": "true",
        "used_before_result": "Well.",
        "goal": "Fewer breakouts.",
        "has_allergies": "true",
        "allergens": "fish",
    }
    rest = {f"answers.{name}": text for name, text in typed.items()}
    text = reader.send(f"{road}/answers", submit="yes", consent="yes", **rest)
    assert reader.status == 422
    assert 'href="#f-answers.allergies"' in text
    assert "Sometimes burns, tans evenly</strong>, as you said on" in text

    rest |= {"answers.allergies": "Fish; hives."}
    text = reader.send(f"{road}/answers", submit="yes", consent="yes", **rest)
    assert reader.status == 200
    assert "With our physicians" in text
    kept = sa.select(ApprovalRequest).where(ApprovalRequest.number == number)
    assert db.session.scalars(kept).one().answers == ANSWERS | ALLERGIC | {
        "used_before_result": "Well."
    }
    assert "Fish; hives." in Reader(app, chen).get(f"/review/{number}")


def test_the_page_shows_what_hangs_on_a_question_that_is_asked_again(app: Flask) -> None:
    client = somebody(alice)
    first = a_draft(client)
    long_ago = now() - timedelta(days=100)
    answers = {**ANSWERS, **ENDED}
    requesting.answer(first, answers, by=client, at=long_ago)
    requesting.submit(first, consent=True, by=client, at=now())
    number = again(client).number
    db.session.commit()

    text = Reader(app, client).get(f"/requests/{number}/form")

    assert "isotretinoin" in inputs(text)
    assert "isotretinoin_ended" not in inputs(text)
    assert "2019-05-01</strong>, as you said on" in text


def test_the_physician_sees_when_an_answer_was_first_said(app: Flask) -> None:
    client, chen = somebody(alice), somebody(dr_chen)
    request = a_draft(client)
    requesting.answer(request, ANSWERS, by=client, at=now() - timedelta(days=1))
    requesting.submit(request, consent=True, by=client, at=now())
    number = request.number
    db.session.commit()

    assert "(first said on" in Reader(app, chen).get(f"/review/{number}")
    assert "(first said on" in Reader(app, client).get(f"/requests/{number}")


def test_a_draft_that_was_taken_back_is_still_readable(app: Flask) -> None:
    client = somebody(alice)
    request = a_draft(client)
    requesting.answer(request, {"goal": "Less."}, by=client, at=now())
    requesting.withdraw(request, by=client, at=now())
    number = request.number
    db.session.commit()

    assert "Less." in Reader(app, client).get(f"/requests/{number}")
    assert Browser(app, client).get(f"/approval-requests/{number}").json["answered_on"] == {
        "goal": the_day(now())
    }
