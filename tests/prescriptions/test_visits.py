"""Examinations, referrals and supervisions over HTTP and on pages."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import examining, requesting
from shop.prescriptions.models import (
    ApprovalRequest,
    Examination,
    Prescription,
    Referral,
    Supervision,
)
from tests.accounts.test_api import WORD, Browser, somebody
from tests.people import a_licence, alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    an_examination,
    answers_to,
)
from tests.prescriptions.test_pages import TERMS, Reader


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "texan": somebody(lambda **given: dr_chen(states=("TX",), **given)),
        "sam": somebody(sam),
        "mona": somebody(mona),
    }


def an_answered_draft(client: Person) -> ApprovalRequest:
    draft = a_draft(client)
    requesting.answer(draft, answers_to(draft.questionnaire_version), by=client, at=now())
    return draft


def handed_in(client: Person) -> str:
    draft = an_answered_draft(client)
    requesting.submit(draft, consent=True, by=client, at=now())
    number = draft.number
    db.session.commit()
    return number


def today(days: int = 0) -> str:
    return (now().date() + timedelta(days=days)).isoformat()


def status(number: str) -> str:
    asked = sa.select(ApprovalRequest.status).where(ApprovalRequest.number == number)
    return str(db.session.scalar(asked))


# The API


def test_a_client_of_texas_is_seen_before_a_physician_decides(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = an_answered_draft(cast["bob"]).number
    db.session.commit()
    client, physician = Browser(app, cast["bob"]), Browser(app, cast["texan"])
    road = f"/approval-requests/{number}"

    sent = client.post(f"{road}/submission", {"consent": True})
    assert (sent.status_code, sent.json["status"], sent.json["due_at"]) == (201, "referred", None)
    waiting = physician.get("/approval-requests?status=referred").json["items"]
    assert [one["number"] for one in waiting] == [number]
    assert physician.post(f"{road}/claim").status_code == 409

    seen = physician.post(
        f"{road}/examination",
        {"mode": "video", "date": today(), "scope": ["other"], "findings": "Clear skin."},
    )
    assert (seen.status_code, seen.json["by"]) == (201, "Dr Wei Chen")
    assert "findings" not in seen.json
    assert status(number) == "queued"
    read = physician.get(road).json
    assert [one["findings"] for one in read["examinations"]] == ["Clear skin."]
    assert client.get(road).json["examinations"] == []
    assert physician.post(f"{road}/claim").status_code == 201


def test_a_physician_refers_and_the_client_reads_why(app: Flask, cast: dict[str, Person]) -> None:
    asked = a_claimed_request(cast["alice"], by=cast["chen"])
    road, claim = f"/approval-requests/{asked.number}", asked.claim_count
    db.session.commit()
    physician = Browser(app, cast["chen"])
    words = {"reason": "exam_required", "message": "Please come in.", "note": "A mole?"}

    stale = physician.post(f"{road}/referral", words | {"claim": claim + 1})
    assert (stale.status_code, stale.json["code"]) == (409, "claim_lost")
    done = physician.post(f"{road}/referral", words | {"claim": claim})
    assert (done.status_code, done.json["status"]) == (201, "referred")

    told = Browser(app, cast["alice"]).get(road).json["referral"]
    assert (told["message"], told["note"]) == ("Please come in.", None)
    assert physician.get(road).json["referral"]["note"] == "A mole?"


BAD_REFERRALS: dict[str, tuple[dict[str, Any], str]] = {
    "no words": ({"message": ""}, "message"),
    "a reason nobody knows": ({"reason": "curiosity"}, "reason"),
    "a note of a thousand words": ({"note": "x" * 10_000}, "note"),
    "a claim that is a word": ({"claim": "first"}, "claim"),
    "something else": ({"colour": "red"}, "colour"),
}


@pytest.mark.parametrize("case", BAD_REFERRALS)
def test_a_referral_that_cannot_be_used_is_named(
    app: Flask, cast: dict[str, Person], case: str
) -> None:
    given, field = BAD_REFERRALS[case]
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    body = {"reason": "exam_required", "message": "Come."} | given

    answer = Browser(app, cast["chen"]).post(f"/approval-requests/{number}/referral", body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert status(number) == "in_review"
    assert db.session.scalars(sa.select(Referral)).all() == []


BAD_EXAMINATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "by telepathy": ({"mode": "telepathy"}, "mode"),
    "tomorrow": ({"date": 1}, "date"),
    "on a day that is none": ({"date": "2026-02-30"}, "date"),
    "long ago": ({"date": -366}, "date"),
    "of nothing": ({"scope": []}, "scope"),
    "of horoscopes": ({"scope": ["horoscope"]}, "scope.0"),
    "of everything at once": ({"scope": ["other"] * 6}, "scope"),
    "found too much": ({"findings": "x" * 10_000}, "findings"),
    "found a NUL": ({"findings": "a\x00b"}, "findings"),
}


@pytest.mark.parametrize("case", BAD_EXAMINATIONS)
def test_an_examination_that_cannot_be_used_is_named(
    app: Flask, cast: dict[str, Person], case: str
) -> None:
    given, field = BAD_EXAMINATIONS[case]
    number = handed_in(cast["bob"])
    body: dict[str, Any] = {"mode": "video", "date": today()} | given
    if isinstance(body["date"], int):
        body["date"] = today(body["date"])

    answer = Browser(app, cast["texan"]).post(f"/approval-requests/{number}/examination", body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert status(number) == "referred"
    assert db.session.scalars(sa.select(Examination)).all() == []


def test_a_physician_voids_what_she_may_see_and_nothing_else(
    app: Flask, cast: dict[str, Person]
) -> None:
    handed_in(cast["bob"])
    seen = an_examination(cast["bob"], by=cast["texan"]).id
    db.session.commit()
    where = f"/examinations/{seen}/void"

    assert Browser(app, cast["chen"]).post(where, {"reason": "No."}).status_code == 404
    physician = Browser(app, cast["texan"])
    assert physician.post(where, {"reason": ""}).status_code == 422
    voided = physician.post(where, {"reason": "His brother."})
    assert (voided.status_code, voided.json["voided_at"] is not None) == (201, True)
    again = physician.post(where, {"reason": "Again."})
    assert (again.status_code, again.json["code"]) == (409, "examination_voided")


def test_the_manager_enters_and_ends_supervisions(app: Flask, cast: dict[str, Person]) -> None:
    nurse = dr_chen(states=(), name="Nora Vale NP")
    a_licence(nurse, kind="NP")
    db.session.commit()
    manager, road = Browser(app, cast["mona"]), f"/people/{nurse.id}/supervisions"
    terms = {
        "supervisor": str(cast["chen"].id),
        "state": "CA",
        "valid_from": today(),
        "valid_until": today(365),
    }

    made = manager.post(road, terms)
    assert (made.status_code, made.json["supervisor_name"]) == (201, "Dr Wei Chen")
    wrong = manager.post(road, terms | {"state": "TX"})
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["supervisor"])
    nobody = manager.post(road, terms | {"supervisor": str(cast["bob"].id)})
    assert nobody.status_code == 422
    ended = manager.post(f"{road}/{made.json['id']}/end", {"ended_on": today()})
    assert (ended.status_code, ended.json["ended_on"]) == (200, today())
    listed = manager.get(road).json["items"]
    assert [one["id"] for one in listed] == [made.json["id"]]
    elsewhere = f"/people/{cast['chen'].id}/supervisions/{made.json['id']}/end"
    assert manager.post(elsewhere, {"ended_on": today()}).status_code == 404
    assert len(db.session.scalars(sa.select(Supervision)).all()) == 1


# Pages


def test_a_client_reads_what_a_referral_means(app: Flask, cast: dict[str, Person]) -> None:
    number = an_answered_draft(cast["bob"]).number
    db.session.commit()
    reader = Reader(app, cast["bob"])
    reader.get(f"/requests/{number}/form")
    answers = {"answers.has_allergies": "false"}

    reader.send(f"/requests/{number}/answers", save="yes", **answers)
    requesting_again = db.session.scalars(
        sa.select(ApprovalRequest).where(ApprovalRequest.number == number)
    ).one()
    version = requesting_again.questionnaire_version
    bob = requesting_again.client
    requesting.answer(requesting_again, answers_to(version), by=bob, at=now())
    requesting.submit(requesting_again, consent=True, by=bob, at=now())
    db.session.commit()

    text = reader.get(f"/requests/{number}")
    assert "A visit comes first" in text
    assert "in person or by video (TX)" in text
    assert "This is no refusal." in text
    assert "book a visit" in text
    assert "Taken back" in reader.send(f"/requests/{number}/withdrawal")


def test_a_physician_sees_refers_and_rests_on_the_newest_examination(
    app: Flask, cast: dict[str, Person]
) -> None:
    asked = a_claimed_request(cast["alice"], by=cast["chen"])
    number = asked.number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    assert "None is on record." in reader.get(f"/review/{number}")

    reader.send(f"/review/{number}/referral", reason="exam_required", message="Please come in.")
    assert reader.path == "/review"
    assert number in reader.get("/review/visits")
    assert f"/review/{number}/claim" not in reader.get(f"/review/{number}")
    assert "Please come in." in Reader(app, cast["alice"]).get(f"/requests/{number}")

    day = (now().date() - timedelta(days=3)).isoformat()
    wrong = reader.send(f"/review/{number}/examination", mode="in_person", date="soon")
    assert reader.status == 422
    assert 'href="#f-date"' in wrong
    reader.send(
        f"/review/{number}/examination",
        mode="in_person",
        date=day,
        scope=["retinoid", "other"],
        findings="A few comedones.",
    )
    assert "for other home care, retinoids" in reader.text
    assert "A few comedones." in reader.text
    assert number not in reader.get("/review/visits")

    reader.get(f"/review/{number}")
    reader.send(f"/review/{number}/claim")
    assert f'name="examination.date" type="date" value="{day}"' in reader.text
    assert '<option value="in_person" selected>' in reader.text
    rest = {"examination.mode": "in_person", "examination.date": day}
    text = reader.send(f"/review/{number}/statement", **(TERMS | rest))
    assert "CA: rule EX-CA version 1, met in person" in html.unescape(text)
    reader.send(f"/review/{number}/signature", password=WORD)
    assert reader.path.startswith("/prescriptions/RX-")
    signed = db.session.scalars(sa.select(Prescription)).one()
    assert len(db.session.scalars(sa.select(Examination)).all()) == 1
    assert signed.examined_on.isoformat() == day


def test_a_physician_voids_on_the_page(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    seen = an_examination(cast["alice"], by=cast["chen"]).id
    db.session.commit()
    reader = Reader(app, cast["chen"])
    assert '<option value="video" selected>' in reader.get(f"/review/{number}")

    reader.send(f"/review/{number}/examinations/{seen}/void", reason="Her sister.")

    assert "Voided" in reader.text
    assert "Her sister." in reader.text
    assert '<option value="video" selected>' not in reader.text
    assert examining.in_force(cast["alice"], "CA", now()) == []


def test_the_manager_enters_and_ends_a_supervision_on_the_page(
    app: Flask, cast: dict[str, Person]
) -> None:
    nurse = dr_chen(states=(), name="Nora Vale NP")
    a_licence(nurse, kind="NP")
    road, chen = f"/people/{nurse.id}/supervisions", cast["chen"]
    db.session.commit()
    reader = Reader(app, cast["mona"])
    assert road in reader.get(f"/people/{nurse.id}")
    assert "Nobody yet." in reader.get(road)

    days = {"valid_from": today(), "valid_until": today(90)}
    wrong = reader.send(road, supervisor=str(chen.id), state="TX", **days)
    assert reader.status == 422
    assert 'href="#f-supervisor"' in wrong
    reader.send(road, supervisor=str(chen.id), state="CA", **days)
    assert "Dr Wei Chen" in reader.text
    (one,) = db.session.scalars(sa.select(Supervision))
    assert "ended" in reader.send(f"{road}/{one.id}/end")


def test_where_a_visit_is_missing_the_page_says_what_to_do(
    app: Flask, cast: dict[str, Person]
) -> None:
    handed_in(cast["bob"])
    seen = an_examination(cast["bob"], by=cast["texan"])
    number = a_claimed_request(cast["bob"], by=cast["texan"]).number
    examining.void(seen, reason="His brother.", by=cast["texan"], at=now())
    db.session.commit()
    reader = Reader(app, cast["texan"])
    reader.get(f"/review/{number}")

    rest = {"examination.mode": "asynchronous", "examination.date": today()}
    text = reader.send(f"/review/{number}/statement", **(TERMS | rest))

    assert reader.status == 422
    assert "Record an examination in person or by video (TX)" in text
    assert 'href="#f-examination.mode"' in text
