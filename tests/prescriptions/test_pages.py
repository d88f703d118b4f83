"""The pages of both roads, as a person without JavaScript uses them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import requesting
from shop.prescriptions.models import Prescription
from shop.prescriptions.pages import review
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import WORD, somebody
from tests.builders import a_cream
from tests.people import alice, dr_chen
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
)
from tests.prescriptions.test_checking import a_formula, claimed, hydroquinone, tretinoin

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Reader:
    """Somebody in a browser: reads pages, fills forms in, follows where they lead."""

    def __init__(self, app: Flask, person: Person) -> None:
        self.client: FlaskClient = app.test_client()
        self.page = self.client.get("/sign-in")
        self.send("/sign-in", email=person.email, password=WORD)

    def get(self, path: str) -> str:
        self.page = self.client.get(path, follow_redirects=True)
        return self.text

    def send(self, action: str, **typed: Any) -> str:
        """Send the form of this page that goes to `action`, with its hidden fields."""
        forms = re.findall(r'<form method="post" action="([^"]+)".*?</form>', self.text, re.DOTALL)
        assert action in forms, (action, forms)
        form = next(
            found.group(0)
            for found in re.finditer(r"<form.*?</form>", self.text, re.DOTALL)
            if f'action="{action}"' in found.group(0)
        )
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(form)}
        self.page = self.client.post(action, data=hidden | typed, follow_redirects=True)
        return self.text

    @property
    def text(self) -> str:
        return self.page.get_data(as_text=True)

    @property
    def status(self) -> int:
        return self.page.status_code

    @property
    def path(self) -> str:
        return self.page.request.path


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {"alice": somebody(alice), "chen": somebody(dr_chen)}


def typed_answers(**given: Any) -> dict[str, Any]:
    words = {True: "true", False: "false"}
    answers = ANSWERS | given
    return {
        f"answers.{name}": words.get(value, value) if isinstance(value, bool) else value
        for name, value in answers.items()
    }


TERMS = {
    "quantity_per_fill": "1",
    "fills": "2",
    "days_supply": "30",
    "directions": "A pea-sized amount at night.",
    "indication": "Acne vulgaris",
    "examination.mode": "video",
}


def test_a_client_asks_answers_and_sends(app: Flask, cast: dict[str, Person]) -> None:
    sku = a_cream().sku
    db.session.commit()
    reader = Reader(app, cast["alice"])

    assert "Tretinoin Cream 0.025 %" in reader.get(f"/requests/new?sku={sku}")
    reader.send("/requests", quantity="1", ship_to_state="CA")
    where = reader.path.removesuffix("/questions/pregnancy")
    assert re.fullmatch("/requests/Q-[0-9A-Z]{8}", where)
    reader.get(f"{where}/form")

    text = reader.send(f"{where}/answers", submit="yes", **typed_answers(goal=""))
    assert reader.status == 422
    assert "Agree to this first." in text
    assert "Some peeling in the first week." in text

    text = reader.send(f"{where}/answers", submit="yes", consent="yes", **typed_answers(goal=""))
    assert reader.status == 422
    assert "Please answer this." in text

    text = reader.send(f"{where}/answers", submit="yes", consent="yes", **typed_answers())
    assert reader.status == 200
    assert "With our physicians" in text
    assert "Fewer breakouts." in text
    assert "Tretinoin Cream" in reader.get("/requests")


def test_a_draft_is_kept_and_taken_back(app: Flask, cast: dict[str, Person]) -> None:
    number = a_draft(cast["alice"]).number
    db.session.commit()
    reader = Reader(app, cast["alice"])
    reader.get(f"/requests/{number}/form")

    text = reader.send(f"/requests/{number}/answers", save="yes", **{"answers.goal": "<b>Less</b>"})
    assert "&lt;b&gt;Less&lt;/b&gt;" in text
    assert "Taken back" in reader.send(f"/requests/{number}/withdrawal")


def test_a_physician_reads_the_statement_and_signs_it(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    assert number in reader.get("/review")
    assert "Fewer breakouts." in reader.get(f"/review/{number}")

    today = re.search(r'name="examination.date" type="date" value="([^"]+)"', reader.text)
    assert today is not None
    text = reader.send(
        f"/review/{number}/statement", **TERMS, **{"examination.date": today.group(1)}
    )
    assert reader.status == 200
    assert "2 fills, each for 30 days" in text

    assert "A signature needs" in reader.send(f"/review/{number}/signature")
    assert reader.status == 403
    assert "do not belong together" in reader.send(f"/review/{number}/signature", password="no")
    text = reader.send(f"/review/{number}/signature", password=WORD)
    assert reader.path.startswith("/prescriptions/RX-")
    assert "In force" in text

    signed = db.session.scalars(sa.select(Prescription)).one()
    assert (signed.statement or "") in html.unescape(text)
    records = set(db.session.scalars(sa.select(Access.record)))
    assert records == {f"approval_request {number}", f"prescription {signed.number}"}


def test_a_statement_that_was_tampered_with_is_not_signed(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    reader.get(f"/review/{number}")
    today = re.search(r'name="examination.date" type="date" value="([^"]+)"', reader.text)
    assert today is not None
    reader.send(f"/review/{number}/statement", **TERMS, **{"examination.date": today.group(1)})

    text = reader.send(f"/review/{number}/signature", password=WORD, fills="9")

    assert reader.status == 409
    assert "The statement has changed since it was shown." in text
    assert "9 fills" in text
    assert db.session.scalars(sa.select(Prescription)).all() == []


def test_wrong_terms_come_back_with_what_was_typed(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    reader.get(f"/review/{number}")

    text = reader.send(
        f"/review/{number}/statement",
        **(TERMS | {"fills": "many", "examination.date": "yesterday"}),
    )

    assert reader.status == 422
    assert "Acne vulgaris" in text
    assert 'href="#f-fills"' in text
    assert 'href="#f-examination.date"' in text


def test_a_physician_claims_gives_back_and_refuses(app: Flask, cast: dict[str, Person]) -> None:
    request = a_claimed_request(cast["alice"], by=cast["chen"])
    number = request.number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    reader.get(f"/review/{number}")

    reader.send(f"/review/{number}/release")
    assert reader.path == "/review"
    reader.get(f"/review/{number}")
    reader.send(f"/review/{number}/claim")
    text = reader.send(f"/review/{number}/refusal", reason="minor", message="")
    assert reader.status == 422
    assert 'href="#f-message"' in text
    assert re.findall(r'<dialog id="(\w+)"[^>]* open>', text) == ["refuse"]
    reader.send(f"/review/{number}/refusal", reason="outside_scope", message="Please see us.")
    assert reader.path == "/review"

    client = Reader(app, cast["alice"])
    assert "Please see us." in client.get(f"/requests/{number}")


def test_a_physician_pauses_and_takes_back(app: Flask, cast: dict[str, Person]) -> None:
    number = a_prescription(cast["alice"], by=cast["chen"]).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    where = f"/prescriptions/{number}"
    assert "Alice Moreno" in reader.get("/prescriptions")
    reader.get(where)

    assert "On hold" in reader.send(f"{where}/hold", reason="A rash.")
    assert "In force" in reader.send(f"{where}/resumption")
    assert f'href="{where}/revocation"' in reader.text
    assert "Nothing is promised under it" in reader.get(f"{where}/revocation")
    assert 'href="#f-reason"' in reader.send(f"{where}/revocation", reason=" ")
    assert "Taken back" in reader.send(f"{where}/revocation", reason="An allergy.")
    assert f"{where}/revocation" not in reader.text
    assert "It has ended already" in reader.get(f"{where}/revocation")

    client = Reader(app, cast["alice"])
    assert "Taken back" in client.get("/prescriptions")
    assert "An allergy." in client.get(where)


def test_a_signed_case_leads_to_its_prescription(app: Flask, cast: dict[str, Person]) -> None:
    signed = a_prescription(cast["alice"], by=cast["chen"])
    numbers = signed.request.number, signed.number
    db.session.commit()
    reader = Reader(app, cast["chen"])

    assert "Approved by Dr Wei Chen" in reader.get(f"/review/{numbers[0]}")
    reader.get(f"/review/{numbers[0]}/signed")
    assert reader.path == f"/prescriptions/{numbers[1]}"


def test_nobody_else_sees_these_pages(app: Flask, cast: dict[str, Person]) -> None:
    request = a_claimed_request(cast["alice"], by=cast["chen"])
    number = request.number
    db.session.commit()

    assert Reader(app, cast["alice"]).get(f"/review/{number}")
    stranger = Reader(app, somebody(alice))
    stranger.get(f"/requests/{number}")
    assert stranger.status == 404
    stranger.get(f"/review/{number}")
    assert stranger.status == 403
    assert app.test_client().get("/requests").status_code in (303, 401)


def test_a_physician_reads_what_was_found_and_says_why_she_signs(
    app: Flask, cast: dict[str, Person]
) -> None:
    trying = {"pregnancy": "trying"}
    number = claimed(cast["alice"], a_formula(tretinoin()), cast["chen"], **trying).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    text = reader.get(f"/review/{number}")
    assert "Needs your reason" in text
    assert "SC-RETINOID-PREGNANCY version 1, evidence B" in text
    today = re.search(r'name="examination.date" type="date" value="([^"]+)"', text)
    assert today is not None
    terms = TERMS | {"examination.date": today.group(1)}

    text = reader.send(f"/review/{number}/statement", **terms)
    assert reader.status == 422
    assert 'href="#f-overrides.SC-RETINOID-PREGNANCY"' in text

    reason = {"overrides.SC-RETINOID-PREGNANCY": "Contraception was discussed."}
    text = reader.send(f"/review/{number}/statement", **terms, **reason)
    assert "Signed all the same: Contraception was discussed." in text
    reader.send(f"/review/{number}/signature", password=WORD)
    assert reader.path.startswith("/prescriptions/RX-")


def test_what_the_terms_set_off_asks_for_its_reason_on_the_page(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = claimed(cast["alice"], a_formula(hydroquinone()), cast["chen"]).number
    db.session.commit()
    reader = Reader(app, cast["chen"])
    text = reader.get(f"/review/{number}")
    assert "SC-HYDROQUINONE-COURSE-CAP" not in text
    today = re.search(r'name="examination.date" type="date" value="([^"]+)"', text)
    assert today is not None

    terms = TERMS | {"examination.date": today.group(1), "fills": "4"}
    text = reader.send(f"/review/{number}/statement", **terms)

    assert reader.status == 422
    assert 'name="overrides.SC-HYDROQUINONE-COURSE-CAP"' in text


def test_a_case_that_another_has_says_who(app: Flask, cast: dict[str, Person]) -> None:
    number = a_claimed_request(cast["alice"], by=dr_chen(name="Dr Ana Ruiz")).number
    db.session.commit()
    text = Reader(app, cast["chen"]).get(f"/review/{number}")
    assert "Dr Ana Ruiz has it until" in text
    assert "Take this case" not in text


def test_a_case_that_another_had_for_too_long_is_free(
    app: Flask, cast: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = a_claimed_request(cast["alice"], by=dr_chen(name="Dr Ana Ruiz")).number
    db.session.commit()
    monkeypatch.setattr(review, "now", lambda: now() + timedelta(minutes=16))
    text = Reader(app, cast["chen"]).get(f"/review/{number}")
    assert "has it until" not in text
    assert "Take this case" in text


def test_a_case_that_the_client_took_back_is_nobodys_to_take(
    app: Flask, cast: dict[str, Person]
) -> None:
    request = a_request(cast["alice"])
    requesting.withdraw(request, by=cast["alice"], at=now())
    db.session.commit()
    text = Reader(app, cast["chen"]).get(f"/review/{request.number}")
    assert "The client has taken it back" in text
    assert "Take this case" not in text


@pytest.mark.parametrize("status", [one for one in RequestStatus if one != RequestStatus.DRAFT])
def test_every_state_of_a_case_has_its_word_for_physicians(
    app: Flask, status: RequestStatus
) -> None:
    with app.test_request_context():
        words: Any = app.jinja_env.get_template("prescriptions/_words.html").module
        assert 'class="pill' in words.case_status(status)


def test_a_question_that_may_have_to_be_answered_is_not_called_optional(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = a_draft(cast["alice"]).number
    db.session.commit()
    text = Reader(app, cast["alice"]).get(f"/requests/{number}/form")
    assert "How did your skin take it?</label>" in text  # asked of who has used it before
    assert "would you like to use it? <small>(optional)</small></label>" in text
