"""The road from a wish to a prescription, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions.models import ApprovalRequest, Prescription
from tests.accounts.test_api import API, WORD, Browser, somebody
from tests.builders import a_cream, a_variant
from tests.people import alice, bob, dr_chen, eva, sam
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
)

SIGNATURE: dict[str, Any] = {
    "quantity_per_fill": 1,
    "fills": 2,
    "days_supply": 30,
    "directions": "A pea-sized amount at night.",
    "indication": "Acne vulgaris",
}


def the_signature(**given: Any) -> dict[str, Any]:
    today = now().date().isoformat()
    return SIGNATURE | {"examination": {"mode": "video", "date": today}} | given


def fresh(browser: Browser) -> Browser:
    """The same browser after `POST /session/fresh`."""
    assert browser.post("/session/fresh", {"password": WORD}).status_code == 200
    return browser


def put(browser: Browser, path: str, body: Any) -> Any:
    return browser.client.put(API + path, json=body, headers={"X-CSRFToken": browser.csrf})


def accesses() -> list[str]:
    return list(db.session.scalars(sa.select(Access.record).order_by(Access.at)))


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "chen": somebody(dr_chen),
        "eva": somebody(eva),
        "sam": somebody(sam),
    }


def test_a_client_asks_and_a_physician_signs(app: Flask, cast: dict[str, Person]) -> None:
    sku = a_cream().sku
    db.session.commit()
    client, physician = Browser(app, cast["alice"]), Browser(app, cast["chen"])

    begun = client.post("/approval-requests", {"sku": sku, "quantity": 1, "ship_to_state": "CA"})
    assert (begun.status_code, begun.json["status"]) == (201, "draft")
    number = begun.json["number"]
    asked = {question["id"] for question in begun.json["questionnaire"]["questions"]}
    assert set(ANSWERS) <= asked
    kept = put(client, f"/approval-requests/{number}/answers", {"answers": ANSWERS})
    assert kept.status_code == 200
    sent = client.post(f"/approval-requests/{number}/submission", {"consent": True})
    assert (sent.status_code, sent.json["status"]) == (201, "queued")

    queue = physician.get("/approval-requests?status=queued&sort=due").json
    assert [one["number"] for one in queue["items"]] == [number]
    read = physician.get(f"/approval-requests/{number}").json
    assert read["answers"] == ANSWERS
    claimed = physician.post(f"/approval-requests/{number}/claim").json
    assert (claimed["status"], claimed["claim"]["by"]) == ("in_review", "Dr Wei Chen")
    stale = physician.post(f"/approval-requests/{number}/signature", the_signature())
    assert (stale.status_code, stale.json["code"]) == (403, "stale_sign_in")
    signed = fresh(physician).post(f"/approval-requests/{number}/signature", the_signature())
    assert signed.status_code == 201
    assert (signed.json["fills"], signed.json["fills_left"]) == (2, 2)

    mine = client.get(f"/prescriptions/{signed.json['number']}").json
    assert (mine["directions"], mine["states"]) == (SIGNATURE["directions"], ["CA"])
    assert client.get(f"/approval-requests/{number}").json["prescription"] == mine["number"]
    assert accesses() == [f"approval_request {number}"]


def test_a_physician_refuses_with_words_for_the_client(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    physician, client = Browser(app, cast["chen"]), Browser(app, cast["alice"])

    said = {"reason": "contraindicated", "message": "Not with your answers.", "note": "See her."}
    answer = physician.post(f"/approval-requests/{number}/refusal", said)
    assert (answer.status_code, answer.json["status"]) == (201, "declined")

    read = client.get(f"/approval-requests/{number}").json["refusal"]
    assert (read["reason"], read["message"]) == (said["reason"], said["message"])
    assert read["note"] is None
    assert physician.get(f"/approval-requests/{number}").json["refusal"]["note"] == "See her."


def test_a_claim_is_given_back(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    physician = Browser(app, cast["chen"])

    assert physician.delete(f"/approval-requests/{number}/claim").status_code == 204
    assert physician.get(f"/approval-requests/{number}").json["status"] == "queued"
    again = physician.delete(f"/approval-requests/{number}/claim")
    assert (again.status_code, again.json["code"]) == (409, "claim_lost")


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "an unknown field": ({"colour": "red"}, 422, "colour"),
    "a state that is none": ({"ship_to_state": "XX"}, 422, "ship_to_state"),
    "no units": ({"quantity": 0}, 422, "quantity"),
    "half a unit": ({"quantity": 1.5}, 422, "quantity"),
    "a NUL": ({"sku": "a\x00"}, 422, "sku"),
    "somebody else": ({"client": "00000000-0000-0000-0000-000000000000"}, 404, "client"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_wish_names_its_field(app: Flask, cast: dict[str, Person], case: str) -> None:
    given, status, field = WRONG[case]
    sku = a_cream().sku
    db.session.commit()

    answer = Browser(app, cast["alice"]).post("/approval-requests", {"sku": sku} | given)

    assert answer.status_code == status
    assert field in answer.json["errors"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ApprovalRequest)) == 0


def test_what_anybody_may_buy_is_not_asked_for(app: Flask, cast: dict[str, Person]) -> None:
    soap = a_variant().sku
    db.session.commit()
    browser = Browser(app, cast["alice"])

    answer = browser.post("/approval-requests", {"sku": soap})
    assert (answer.status_code, answer.json["code"]) == (422, "not_doctor_only")
    assert browser.post("/approval-requests", {"sku": "NO-SUCH"}).status_code == 404


def test_wrong_answers_name_their_questions(app: Flask, cast: dict[str, Person]) -> None:
    number = a_draft(cast["alice"]).number
    db.session.commit()
    browser = Browser(app, cast["alice"])

    answer = put(
        browser, f"/approval-requests/{number}/answers", {"answers": {"pregnancy": "x", "?": 1}}
    )
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"answers.pregnancy", "answers.?"}
    early = browser.post(f"/approval-requests/{number}/submission", {"consent": True})
    assert (early.status_code, early.json["code"]) == (422, "answers_refused")
    silent = browser.post(f"/approval-requests/{number}/submission", {"consent": False})
    assert silent.json["code"] == "consent_missing"


def test_an_esthetician_asks_for_a_client_and_reads_no_answers(
    app: Flask, cast: dict[str, Person]
) -> None:
    sku, client_id = a_cream().sku, str(cast["alice"].id)
    db.session.commit()
    proposer, client = Browser(app, cast["eva"]), Browser(app, cast["alice"])

    number = proposer.post("/approval-requests", {"sku": sku, "client": client_id}).json["number"]
    put(client, f"/approval-requests/{number}/answers", {"answers": ANSWERS})

    assert client.get(f"/approval-requests/{number}").json["answers"] == ANSWERS
    assert proposer.get(f"/approval-requests/{number}").json["answers"] == {}
    refused = put(proposer, f"/approval-requests/{number}/answers", {"answers": ANSWERS})
    assert refused.status_code == 403


def test_what_is_not_yours_is_not_there(app: Flask, cast: dict[str, Person]) -> None:
    number = a_request(cast["alice"]).number
    signed = a_prescription(cast["alice"], by=cast["chen"]).number
    other = somebody(lambda **given: dr_chen(states=("TX",), **given))
    bob_s, texan, staff = (Browser(app, one) for one in (cast["bob"], other, cast["sam"]))

    for browser in (bob_s, texan):
        assert browser.get(f"/approval-requests/{number}").status_code == 404
        assert browser.get(f"/prescriptions/{signed}").status_code == 404
    assert texan.post(f"/approval-requests/{number}/claim").status_code == 404
    assert bob_s.post(f"/approval-requests/{number}/claim").status_code == 403
    assert staff.get("/prescriptions").status_code == 403
    assert Browser(app).get("/prescriptions").status_code == 401
    assert bob_s.get("/prescriptions").json == {"items": [], "next": None}


def test_a_prescription_is_held_resumed_and_revoked(app: Flask, cast: dict[str, Person]) -> None:
    number = a_prescription(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    physician = Browser(app, cast["chen"])

    held = physician.post(f"/prescriptions/{number}/hold", {"reason": "A rash."})
    assert (held.status_code, held.json["status"]) == (201, "on_hold")
    assert physician.delete(f"/prescriptions/{number}/hold").status_code == 204
    revoked = physician.post(f"/prescriptions/{number}/revocation", {"reason": "An allergy."})
    assert (revoked.status_code, revoked.json["status"]) == (201, "revoked")
    again = physician.post(f"/prescriptions/{number}/revocation", {"reason": "Again."})
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")

    read = Browser(app, cast["alice"]).get(f"/prescriptions/{number}").json
    assert (read["status"], read["reason"]) == ("revoked", "An allergy.")
    assert [one["kind"] for one in read["history"]] == [
        "prescription_signed",
        "prescription_held",
        "prescription_resumed",
        "prescription_revoked",
    ]


def test_the_same_key_signs_once(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    physician = fresh(Browser(app, cast["chen"]))

    answers = [
        physician.post(
            f"/approval-requests/{number}/signature",
            the_signature(),
            **{"Idempotency-Key": "once"},
        )
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert "pea-sized" not in answers[0].text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Prescription)) == 1


def test_opening_a_record_is_written_down_even_when_nothing_else_is(
    app: Flask, cast: dict[str, Person]
) -> None:
    request = a_request(cast["alice"])
    signed = a_prescription(cast["alice"], by=cast["chen"])
    numbers = request.number, signed.number
    db.session.commit()
    physician = Browser(app, cast["chen"])

    physician.get(f"/approval-requests/{numbers[0]}")
    physician.get(f"/prescriptions/{numbers[1]}")
    act_as("system:test")

    assert accesses() == [f"approval_request {numbers[0]}", f"prescription {numbers[1]}"]
