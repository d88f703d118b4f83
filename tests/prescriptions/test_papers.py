"""Papers and leaflets over HTTP: printed and written down, read before the first fill, taken away."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Conflict, NotAllowed, NotFound, Unavailable, WrongState
from shop.prescriptions import (
    acknowledging,
    asking,
    filling,
    holding,
    issuing,
    revoking,
    taking_away,
    writing,
)
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import AlreadyTakenAway, LeafletChanged, NoFillLeft
from shop.prescriptions.gate import Answer, Decision, Wish
from shop.prescriptions.models import (
    DocumentIssued,
    LeafletAcknowledgement,
    Prescription,
    TakenAway,
)
from shop.prescriptions.paper import leaflets, written
from shop.prescriptions.paper.clinic import Clinic
from tests.accounts.test_api import Browser, somebody
from tests.people import alice, bob, dr_chen, sam
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_pages import Reader


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {"alice": somebody(alice), "bob": somebody(bob), "chen": somebody(dr_chen)}


def signed_for(cast: dict[str, Person], **given: Any) -> Prescription:
    signed = a_prescription(cast["alice"], by=cast["chen"], **given)
    db.session.commit()
    return signed


def the_answer(signed: Prescription) -> Decision:
    variant = signed.variant
    wish = Wish(variant.id, variant.sku, signed.quantity_per_fill)
    (decision,) = asking.ask(
        signed.client, [wish], ship_to_state="CA", at=now(), stage=Stage.PLACE, lock=True
    )
    return decision


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)


def rows(of: type[Any]) -> int:
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(of)) or 0)


# The document.


def test_a_record_is_printed_and_later_prints_are_copies(
    app: Flask, cast: dict[str, Person]
) -> None:
    signed = signed_for(cast)
    path = f"/prescriptions/{signed.number}/document"
    client = Browser(app, cast["alice"])

    first = client.get(path)
    second = client.get(path)

    assert "Record of a prescription" in text(first)
    assert "Alice Moreno" in text(first)
    assert signed.number in text(first)
    assert bytes(signed.statement_hash).hex() in text(first)
    assert "COPY" not in text(first)
    assert "COPY 2 · first printed" in text(second)
    prints = db.session.scalars(sa.select(DocumentIssued).order_by(DocumentIssued.number)).all()
    assert [(one.number, one.issued_by_id) for one in prints] == [
        (1, cast["alice"].id),
        (2, cast["alice"].id),
    ]
    assert [bytes(one.sha256) for one in prints] == [
        hashlib.sha256(first.data).digest(),
        hashlib.sha256(second.data).digest(),
    ]
    assert bytes(prints[0].facts_hash) == bytes(prints[1].facts_hash)
    assert [event.kind for event in events.of(prints[0].id)] == ["document_issued"]


def test_a_physician_who_prints_is_written_down_first(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast)

    printed = text(Browser(app, cast["chen"]).get(f"/prescriptions/{signed.number}/document"))

    assert "Dr Wei Chen" in printed
    read = db.session.execute(sa.select(Access.reader_id, Access.record)).all()
    assert read == [(cast["chen"].id, f"prescription {signed.number}, on paper")]


def test_others_prescriptions_are_not_there(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast)
    stranger = somebody(dr_chen)
    for person in (cast["bob"], stranger):
        browser = Browser(app, person)
        assert browser.get(f"/prescriptions/{signed.number}/document").status_code == 404
    assert (
        Browser(app, somebody(sam)).get(f"/prescriptions/{signed.number}/document").status_code
        == 403
    )
    assert (rows(DocumentIssued), rows(Access)) == (0, 0)


def test_to_ask_only_for_the_head_prints_nothing(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast)

    client = Browser(app, cast["alice"]).client
    answer = client.head(f"/api/v1/prescriptions/{signed.number}/document")

    assert answer.status_code == 200
    assert rows(DocumentIssued) == 0


def test_nothing_is_printed_for_a_clinic_without_an_address(app: Flask) -> None:
    config = app.config["SHOP"]
    assert Clinic.of(config).phone

    for missing in ("clinic_address", "clinic_phone"):
        with pytest.raises(Unavailable, match="CLINIC_ADDRESS"):
            Clinic.of(replace(config, **{missing: ""}))


# To another pharmacy.


def test_what_is_taken_away_is_filled_there_and_no_longer_here(
    app: Flask, cast: dict[str, Person]
) -> None:
    signed = signed_for(cast, fills=3)
    here = filling.reserve(signed.id, state="CA", quantity=1, at=now())
    db.session.commit()
    client = Browser(app, cast["alice"])

    taken = client.post(f"/prescriptions/{signed.number}/written")

    assert (taken.status_code, taken.json["fills_left"]) == (201, 0)
    assert taken.json["taken_away_at"]
    printed = text(client.get(f"/prescriptions/{signed.number}/document"))
    assert "1 (2 fills" in printed  # of three, one is used here
    assert "taken out" in printed
    assert "asks for ink" in printed
    assert "COPY 2" in text(client.get(f"/prescriptions/{signed.number}/document"))
    decision = the_answer(db.session.get_one(Prescription, signed.id))
    assert (decision.answer, decision.reasons[0].code) == (Answer.NEEDS_REQUEST, "taken_away")
    # What was ordered before goes on.
    filling.consume(here, at=now())
    filling.dispense(here, at=now())
    db.session.commit()
    kinds = [event.kind for event in events.of(signed.id)]
    assert kinds == ["prescription_signed", "prescription_taken_away"]


def test_a_fill_given_back_afterwards_is_nobodys(cast: dict[str, Person]) -> None:
    signed = signed_for(cast, fills=2)
    here = filling.reserve(signed.id, state="CA", quantity=1, at=now())
    taking_away.take_away(signed, by=cast["alice"], at=now())
    filling.release(here, at=now())
    db.session.commit()

    assert the_answer(signed).reasons[0].code == "taken_away"
    with pytest.raises(sa.exc.IntegrityError, match="prescription_was_not_taken_away"):
        filling.reserve(signed.id, state="CA", quantity=1, at=now())
    db.session.rollback()


def test_only_what_is_in_force_is_taken_away_once_and_by_the_client(
    cast: dict[str, Person],
) -> None:
    her, chen = cast["alice"], cast["chen"]
    held, revoked, used, taken, over = (signed_for(cast, fills=1) for _ in range(5))
    holding.hold(held, reason="Wait.", by=chen, at=now())
    revoking.revoke(revoked, reason="No.", by=chen, at=now())
    filling.reserve(used.id, state="CA", quantity=1, at=now())
    with pytest.raises(NotAllowed):
        taking_away.take_away(taken, by=chen, at=now())
    taking_away.take_away(taken, by=her, at=now())
    db.session.commit()

    for one, refusal in (
        (held, WrongState),
        (revoked, WrongState),
        (used, NoFillLeft),
        (taken, AlreadyTakenAway),
    ):
        with pytest.raises(refusal):
            taking_away.take_away(one, by=her, at=now())
    with pytest.raises(WrongState):
        taking_away.take_away(over, by=her, at=over.valid_until)
    assert rows(TakenAway) == 1


# The leaflet.


def test_the_first_fill_waits_for_the_leaflet(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast, read=False)
    key, product = signed.id, signed.variant.product_id
    decision = the_answer(signed)
    assert decision.answer is Answer.NEEDS_CLIENT_ACTION
    (reason,) = decision.reasons
    assert (reason.code, reason.facts["prescription"]) == ("leaflet_not_read", signed.number)
    with pytest.raises(sa.exc.IntegrityError, match="leaflet_is_read_before_the_first_fill"):
        filling.reserve(signed.id, state="CA", quantity=1, at=now())
    db.session.rollback()
    version = str(reason.facts["leaflet"])

    client = Browser(app, cast["alice"])
    told = client.get(f"/leaflets/{version}").json
    done = client.post(f"/me/leaflets/{version}/acknowledgement")

    assert told["pharmacy_choice"]["version"] == leaflets.CHOICE
    assert (done.status_code, done.json["pharmacy_choice"]) == (201, leaflets.CHOICE)
    assert the_answer(db.session.get_one(Prescription, key)).open
    (row,) = db.session.scalars(sa.select(LeafletAcknowledgement)).all()
    told_of = db.session.get_one(Prescription, key)
    assert (row.client_id, row.product_id) == (told_of.client_id, product)
    assert (row.leaflet_version, row.choice_version) == (version, leaflets.CHOICE)
    assert [event.kind for event in events.of(row.id)] == ["leaflet_acknowledged"]


def test_to_confirm_twice_is_to_confirm_once(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast)
    version = acknowledging.of_product(signed.client_id, signed.variant.product_id).version

    again = Browser(app, cast["alice"]).post(f"/me/leaflets/{version}/acknowledgement")

    assert again.status_code == 201
    assert rows(LeafletAcknowledgement) == 1


def test_nobody_else_confirms_and_nothing_that_was_not_prescribed(
    app: Flask, cast: dict[str, Person]
) -> None:
    signed = signed_for(cast, read=False)
    product = signed.variant.product_id
    version = acknowledging.of_product(signed.client_id, product).version
    with pytest.raises(NotAllowed):
        acknowledging.acknowledge(
            cast["alice"], product, version=version, by=cast["chen"], at=now()
        )
    with pytest.raises(NotFound):
        acknowledging.of_product(signed.client_id, uuid4())
    for person, status in ((cast["bob"], 404), (cast["chen"], 403)):
        answer = Browser(app, person).post(f"/me/leaflets/{version}/acknowledgement")
        assert answer.status_code == status
    odd = Browser(app, cast["alice"]).post("/me/leaflets/retinoid-1999-1/acknowledgement")
    assert odd.status_code == 404
    assert rows(LeafletAcknowledgement) == 0


def test_a_new_version_is_asked_for_before_the_next_first_fill_only(
    cast: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, fresh = signed_for(cast), signed_for(cast)
    old = acknowledging.of_product(begun.client_id, begun.variant.product_id).version
    filling.reserve(begun.id, state="CA", quantity=1, at=now())
    db.session.commit()
    newer = {leaflets.Subject.GENERAL: "azelaic-2026-1"}
    monkeypatch.setattr(leaflets, "CURRENT", leaflets.CURRENT | newer)

    assert the_answer(begun).open
    assert the_answer(fresh).reasons[0].code == "leaflet_not_read"
    with pytest.raises(LeafletChanged) as refused:
        acknowledging.acknowledge(
            fresh.client, fresh.variant.product_id, version=old, by=fresh.client, at=now()
        )
    assert refused.value.facts["leaflet"] == "azelaic-2026-1"
    assert issubclass(LeafletChanged, Conflict)


def test_a_new_disclosure_is_asked_for_as_well(
    cast: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = signed_for(cast)
    assert the_answer(signed).open

    monkeypatch.setattr(leaflets, "CHOICE", "pharmacy-choice-2027-1")

    assert the_answer(signed).reasons[0].code == "leaflet_not_read"


def test_a_leaflet_is_read_and_printed_by_anybody(app: Flask) -> None:
    visitor = app.test_client()
    version = "retinoid-2026-1+hydroquinone-2026-1"

    page = visitor.get(f"/leaflets/{version}")
    printed = visitor.get(f"/api/v1/leaflets/{version}/document")

    assert page.status_code == 200
    assert "Where you have it filled is your choice" in page.text
    assert "Hydroquinone for dark patches" in text(printed)
    for path in ("/leaflets/x", "/api/v1/leaflets/x", "/api/v1/leaflets/x/document"):
        assert visitor.get(path).status_code == 404


# The pages.


def test_she_reads_and_confirms_on_the_page_and_may_take_it_away(
    app: Flask, cast: dict[str, Person]
) -> None:
    signed = signed_for(cast, read=False)
    road = f"/prescriptions/{signed.number}"
    reader = Reader(app, cast["alice"])
    assert "read and confirm" in reader.get(road)
    assert "Where you have it filled is your choice" in reader.text
    assert "Put the next fill in the cart" not in reader.text

    assert "It is ready to order." in reader.send(f"{road}/leaflet")
    assert "Put the next fill in the cart" in reader.text
    assert "Taken to another pharmacy" in reader.send(f"{road}/written")
    assert "Put the next fill in the cart" not in reader.text
    assert f"{road}/written" not in reader.text


def test_a_page_that_was_open_too_long_says_so(app: Flask, cast: dict[str, Person]) -> None:
    signed = signed_for(cast, read=False)
    road = f"/prescriptions/{signed.number}"
    reader = Reader(app, cast["alice"])
    reader.get(road)

    said = reader.send(f"{road}/leaflet", version="steroid-2026-1")

    assert (reader.status, "There is a newer leaflet" in said) == (409, True)
    assert rows(LeafletAcknowledgement) == 0


def test_what_was_printed_can_be_printed_again_to_the_byte(cast: dict[str, Person]) -> None:
    signed = signed_for(cast)
    clinic = Clinic("C", "A", "1")
    told: dict[str, Any] = {"clinic": clinic, "address": "", "zone": "America/Los_Angeles"}
    made = writing.document(signed, by=cast["alice"], at=now(), **told)
    (row,) = db.session.scalars(sa.select(DocumentIssued)).all()

    facts = writing.paper_of(signed, **told)
    mark = issuing.marked(
        row.kind, [], issuing.facts_hash(facts), by=cast["alice"], on=row.issued_on
    )

    assert written.draw(facts, mark) == made
    assert hashlib.sha256(made).digest() == bytes(row.sha256)
