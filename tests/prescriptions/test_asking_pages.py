"""One question a page: every answer kept at once, what no longer applies let go, all checked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import requesting
from shop.prescriptions.errors import AnswersRefused
from shop.prescriptions.intake import carrying
from shop.prescriptions.intake.walking import Walk
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import somebody
from tests.builders import a_cream
from tests.people import alice, bob
from tests.prescriptions.builders import a_draft, a_request, answers_to
from tests.prescriptions.test_pages import Reader

HEADING = re.compile(r"<h1[^>]*>(?:<label[^>]*>)?(.*?)</", re.DOTALL)


@pytest.fixture
def client(app: Flask) -> Person:
    return somebody(alice)


def kept(number: str) -> ApprovalRequest:
    db.session.expire_all()
    return db.session.scalars(
        sa.select(ApprovalRequest).where(ApprovalRequest.number == number)
    ).one()


def walk_of(asked: ApprovalRequest) -> Walk:
    own = dict(asked.answers or {})
    return Walk(carrying.sheet(asked, own, today=now().date()), frozenset(own))


def give(asked: ApprovalRequest, question: str, said: Any) -> None:
    requesting.answer_one(asked, question, said, by=asked.client, at=now())


def typed(said: Any) -> Any:
    return {True: "true", False: "false"}[said] if isinstance(said, bool) else said


# The verb.


def test_one_answer_is_kept_and_the_others_stay(client: Person) -> None:
    asked = a_draft(client)
    give(asked, "pregnancy", "none")
    give(asked, "has_allergies", False)

    assert asked.answers == {"pregnancy": "none", "has_allergies": False}
    assert set(asked.answered_on or {}) == {"pregnancy", "has_allergies"}


def test_what_hangs_on_a_changed_answer_goes_with_it(client: Person) -> None:
    asked = a_draft(client)
    give(asked, "has_allergies", True)
    give(asked, "allergens", ["fish"])
    give(asked, "allergies", "Fish; hives.")

    give(asked, "has_allergies", False)

    assert asked.answers == {"has_allergies": False}


@pytest.mark.parametrize(
    ("question", "said", "why"),
    [
        ("pregnancy", "", "Please answer this."),
        ("pregnancy", "perhaps", "Choose one of"),
        ("allergies", "Fish.", "not asked of you"),
        ("shoe_size", "42", "not asked of you"),
        ("weeks_of_use", "many", "Give a number."),
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_kept(
    client: Person, question: str, said: Any, why: str
) -> None:
    asked = a_draft(client)
    give(asked, "has_allergies", False)

    with pytest.raises(AnswersRefused) as refused:
        give(asked, question, said)

    assert why in refused.value.fields[f"answers.{question}"][0]
    assert asked.answers == {"has_allergies": False}


def test_the_walk_asks_only_what_applies_and_ends(client: Person) -> None:
    """Answering each page as it comes leads through every question once, and then nowhere."""
    asked = a_draft(client)
    full, seen = answers_to(asked.questionnaire_version), []
    ahead = walk_of(asked).where()
    while ahead and len(seen) < 50:
        seen.append(ahead.id)
        give(asked, ahead.id, full.get(ahead.id, ""))  # what may be left open is left open
        ahead = walk_of(asked).after(ahead.id)

    assert seen == list(dict.fromkeys(seen))
    assert set(full) <= set(seen)
    assert not {"due_date", "allergens", "isotretinoin_ended"} & set(seen)
    assert walk_of(asked).where() is None
    requesting.submit(asked, consent=True, by=client, at=now())
    assert asked.status is RequestStatus.QUEUED


# The pages.


def test_a_client_is_led_from_the_first_question_to_sending(app: Flask, client: Person) -> None:
    sku = a_cream().sku
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/requests/new?sku={sku}")
    reader.send("/requests", quantity="1", ship_to_state="CA")
    number = reader.path.split("/")[2]
    full = answers_to(kept(number).questionnaire_version)
    pages = 0
    while "/questions/" in reader.path and pages < 50:
        question = reader.path.rsplit("/", 1)[1]
        assert "Question " in reader.text
        said = {question: full[question]} if question in full else {}  # the rest is left open
        reader.send(reader.path, **{f"answers.{name}": typed(each) for name, each in said.items()})
        assert reader.status == 200
        pages += 1

    assert reader.path == f"/requests/{number}"
    assert "Check your answers" in reader.text
    assert pages >= len(full)  # and what may be left open
    reader.send(f"/requests/{number}/submission")
    assert reader.status == 422
    assert "Agree to this first." in reader.text
    reader.send(f"/requests/{number}/submission", consent="yes")
    assert "With our physicians" in reader.text
    assert kept(number).answers == full


def test_she_stops_and_goes_on_where_she_was(app: Flask, client: Person) -> None:
    number = a_draft(client).number
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/requests/{number}/next")
    assert reader.path.endswith("/questions/pregnancy")
    reader.send(reader.path, **{"answers.pregnancy": "none"})
    reader.send(reader.path, **{"answers.has_allergies": "true"})

    again = Reader(app, client)
    text = again.get("/requests")
    assert f'href="/requests/{number}/next"' in text
    again.get(f"/requests/{number}/next")
    assert again.path.endswith("/questions/allergens")
    text = again.get(f"/requests/{number}")
    assert "Your answers so far" in text
    assert "Go on with the questions" in text
    assert "submission" not in text


def test_a_change_opens_what_it_asks_for_and_returns(app: Flask, client: Person) -> None:
    asked = a_draft(client)
    requesting.answer(asked, answers_to(asked.questionnaire_version), by=client, at=now())
    number = asked.number
    db.session.commit()
    reader = Reader(app, client)
    road = f"/requests/{number}/questions"

    reader.get(f"{road}/goal?change=yes")
    reader.send(f"{road}/goal", **{"answers.goal": "Calm."})
    assert reader.path == f"/requests/{number}"
    reader.get(f"{road}/takes_medicines?change=yes")
    reader.send(f"{road}/takes_medicines", **{"answers.takes_medicines": "true"})
    assert reader.path == f"{road}/medicines"
    assert "Check your answers" not in reader.get(f"/requests/{number}")


def test_what_is_wrong_is_said_at_the_question(app: Flask, client: Person) -> None:
    number = a_draft(client).number
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/requests/{number}/questions/pregnancy")

    text = reader.send(reader.path)

    assert reader.status == 422
    assert 'href="#f-answers.pregnancy"' in text
    assert 'id="e-answers.pregnancy"' in text
    assert kept(number).answers in (None, {})


def test_earlier_answers_are_not_asked_again_but_shown(app: Flask, client: Person) -> None:
    a_request(client)
    number = requesting.start(
        client, a_cream(sku="TRE-2").product.variants[0], quantity=1, ship_to_state="CA",
        by=client, at=now(),
    ).number  # fmt: skip
    db.session.commit()
    reader = Reader(app, client)

    reader.get(f"/requests/{number}/next")
    assert reader.path.endswith("/questions/used_before")
    text = reader.get(f"/requests/{number}")
    assert "as you said on" in text
    text = reader.get(f"/requests/{number}/questions/sunburns?change=yes")
    assert "You said on" in text
    assert re.search(r'value="sometimes_burns" checked', text)


def test_who_asks_twice_is_led_to_the_request_that_is_open(app: Flask, client: Person) -> None:
    asked = a_draft(client)
    number, sku = asked.number, asked.variant.sku
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/requests/new?sku={sku}")

    reader.send("/requests", quantity="1", ship_to_state="CA")

    assert reader.path == f"/requests/{number}/questions/pregnancy"


def test_nobody_reads_or_answers_another_clients_questions(app: Flask, client: Person) -> None:
    number = a_draft(client).number
    other = somebody(bob)
    db.session.commit()
    reader = Reader(app, other)

    for path in ("", "/next", "/form", "/questions/pregnancy"):
        reader.get(f"/requests/{number}{path}")
        assert reader.status == 404, path
    reader.get("/account")
    token = re.search(r'name="csrf_token" value="([^"]+)"', reader.text)
    assert token
    sent = {"csrf_token": token[1], "answers.pregnancy": "none"}
    for path in ("questions/pregnancy", "submission"):
        assert reader.client.post(f"/requests/{number}/{path}", data=sent).status_code == 404
    assert kept(number).answers in (None, {})


def test_a_question_that_is_none_is_not_found_and_one_that_is_over_leads_back(
    app: Flask, client: Person
) -> None:
    number, sent = a_draft(client).number, a_request(somebody(bob))
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/requests/{number}/questions/shoe_size")
    assert reader.status == 404
    reader.get(f"/requests/{number}/questions/allergies")
    assert reader.path.endswith("/questions/pregnancy")

    reader = Reader(app, sent.client)
    reader.get(f"/requests/{sent.number}/questions/pregnancy")
    assert reader.path == f"/requests/{sent.number}"
