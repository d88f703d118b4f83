"""A routine decision is read and signed, in three steps and without typing any medicine."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.orders import revoking
from shop.prescriptions import erring, examining, queries
from shop.prescriptions.models import ApprovalRequest, Prescription
from tests.accounts.test_api import WORD, somebody
from tests.people import alice, dr_chen, mona
from tests.prescriptions.builders import a_prescription, a_request, an_examination
from tests.prescriptions.test_batching import a_renewal, calm_cream
from tests.prescriptions.test_pages import Reader


class _Form(HTMLParser):
    """What a browser would send of the form that goes to `action`, if nobody touched it."""

    def __init__(self, action: str, page: str) -> None:
        super().__init__()
        self.action = action
        self.fields: dict[str, str] = {}
        self._inside = False
        self._named = ""  # the select or textarea whose contents come
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("action") == self.action
        elif self._inside and tag == "option":
            if "selected" in given or self._named not in self.fields:
                self.fields[self._named] = given["value"]
        elif self._inside and tag in ("select", "textarea"):
            self._named = given["name"]
            if tag == "textarea":
                self.fields[self._named] = ""
        elif self._inside and tag == "input" and _sent(given):
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag in ("select", "textarea"):
            self._named = ""

    def handle_data(self, data: str) -> None:
        if self._inside and self.lasttag == "textarea" and self._named:
            self.fields[self._named] += data


def _sent(given: dict[str, str]) -> bool:
    return given.get("type") not in ("checkbox", "radio") or "checked" in given


class Clicker(Reader):
    """Types nothing but her password; counts what she sends."""

    sent = 0

    def click(self, action: str, **typed: str) -> str:
        self.sent += 1
        return self.send(action, **(_Form(action, self.text).fields | typed))

    def decide(self, number: str) -> str:
        self.get(f"/review/{number}")
        self.click(f"/review/{number}/claim")
        self.click(f"/review/{number}/statement")
        return self.click(f"/review/{number}/signature", password=WORD)


@pytest.fixture
def chen(app: Flask) -> Person:
    return somebody(dr_chen)


def signed_for(number: str) -> Prescription:
    query = (
        sa.select(Prescription)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .where(ApprovalRequest.number == number)
    )
    return db.session.scalars(query).one()


def decided(app: Flask, chen: Person, number: str) -> Prescription:
    reader = Clicker(app, chen)
    text = reader.decide(number)
    assert reader.path.startswith("/prescriptions/RX-"), text
    assert reader.sent == 3
    return signed_for(number)


def test_a_first_request_of_what_she_prescribed_before(app: Flask, chen: Person) -> None:
    pack = calm_cream()
    a_prescription(
        alice(), pack, by=chen, directions='Twice a day, "thin".', fills=2, interval_days=21
    )
    number = a_request(alice(), pack).number
    db.session.commit()

    signed = decided(app, chen, number)

    assert (signed.directions, signed.indication) == ('Twice a day, "thin".', "Acne vulgaris")
    assert (signed.fills_allowed, signed.days_supply, signed.interval_days) == (2, 30, 21)
    assert signed.examination_mode == "asynchronous"


def test_a_renewal(app: Flask, chen: Person) -> None:
    number = a_renewal(calm_cream(), chen, directions="As before.").number
    db.session.commit()
    assert decided(app, chen, number).directions == "As before."


def test_after_a_visit_that_visit_is_named(app: Flask, chen: Person) -> None:
    pack, client = calm_cream(), alice()
    a_prescription(alice(), pack, by=chen)
    an_examination(client, by=chen)
    number = a_request(client, pack).number
    db.session.commit()
    assert decided(app, chen, number).examination_mode == "video"


def test_the_words_are_hers_and_shown_once_the_case_is_hers(app: Flask, chen: Person) -> None:
    pack = calm_cream()
    a_prescription(alice(), pack, by=somebody(dr_chen), directions="Another's words.")
    number = a_request(alice(), pack).number
    db.session.commit()
    reader = Clicker(app, chen)
    reader.get(f"/review/{number}")
    assert "Directions" not in reader.text
    reader.click(f"/review/{number}/claim")
    assert "Another&#39;s words." not in reader.text

    reader.click(f"/review/{number}/statement")

    assert reader.status == 422
    assert 'href="#f-directions"' in reader.text


def test_where_a_state_asks_for_a_visit_no_mode_is_proposed(app: Flask, chen: Person) -> None:
    """She was seen when she handed in; the record of it was voided since."""
    client = alice(state="TX")
    tex = somebody(dr_chen, states=("TX",))
    number = a_request(client, calm_cream()).number
    (seen,) = queries.request_for(tex, number, at=now()).examinations
    examining.void(seen, reason="Somebody else.", by=tex, at=now())
    db.session.commit()
    reader = Clicker(app, tex)
    reader.get(f"/review/{number}")
    reader.click(f"/review/{number}/claim")
    proposed = _Form(f"/review/{number}/statement", reader.text).fields
    assert proposed["examination.mode"] == ""


def test_her_last_words_of_a_product_are_of_no_error(chen: Person) -> None:
    pack = calm_cream()
    assert queries.last_words(chen, pack.product_id) is None
    first = a_prescription(alice(), pack, by=chen)
    assert queries.last_words(chen, pack.product_id) is first
    said = erring.report(first, reason="For somebody else.", by=chen, at=now())
    revoking.enter_in_error(said, by=mona(), at=now())
    assert queries.last_words(chen, pack.product_id) is None
