"""A physician prescribes something else than was asked for; it stands once the client takes it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog import prices
from shop.catalog.models import IngredientName, LegalClass, ProductIngredient, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import NotAllowed, WrongState
from shop.prescriptions import (
    asking,
    changing,
    filling,
    gate,
    holding,
    noticing,
    queries,
    renewing,
    requesting,
    revoking,
    signing,
    taking_away,
    verifying,
)
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import (
    AlreadyDecided,
    NewerPrescription,
    NotForSale,
    PriceShownChanged,
    TermsRefused,
)
from shop.prescriptions.models import Acceptance, ApprovalRequest, Prescription
from shop.prescriptions.screening import checking
from shop.prescriptions.states import PrescriptionStatus, RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_product, a_variant
from tests.people import a_fresh_sign_in, alice, bob, dr_chen
from tests.prescriptions.builders import (
    a_claimed_request,
    a_prescription,
    a_request,
    read_the_leaflet,
    the_terms,
)
from tests.prescriptions.test_pages import Reader

pytestmark = pytest.mark.usefixtures("app")


def weaker(than: Variant, *, cents: int = 4100) -> Variant:
    """A pack of another product with the same active, also doctor-only."""
    variant = a_cream(cents=cents)
    variant.product.name = f"Mild {than.product.name}"
    active = next(line.name_id for line in than.product.ingredients if line.active)
    variant.product.ingredients.append(
        ProductIngredient(position=1, name_id=active, active=True, raw="the same")
    )
    db.session.flush()
    return variant


def sign_instead(request: ApprovalRequest, chen: Person, **terms: Any) -> Prescription:
    return signing.sign(request, the_terms(**terms), by=chen, proof=a_fresh_sign_in(chen), at=now())


def ask(client: Person, variant: Variant, quantity: int = 1) -> gate.Decision:
    wish = gate.Wish(variant.id, variant.sku, quantity)
    (decision,) = asking.ask(
        client, [wish], ship_to_state=client.state or "", stage=Stage.CART, at=now()
    )
    return decision


def accept(request: ApprovalRequest, cents: int) -> Acceptance:
    """The client does it herself: the database asks who acts."""
    act_as(f"person:{request.client_id}")
    return changing.accept(request, expect_unit_cents=cents, by=request.client, at=now())


def an_offer(
    *, cents: int = 4100, client: Person | None = None
) -> tuple[ApprovalRequest, Prescription, Variant]:
    chen = dr_chen()
    request = a_claimed_request(client or alice(), by=chen)
    mild = weaker(request.variant, cents=cents)
    signed = sign_instead(request, chen, sku=mild.sku)
    db.session.commit()
    return request, signed, mild


def test_another_pack_waits_for_the_client_and_opens_nothing_before() -> None:
    request, signed, mild = an_offer()

    assert request.status is RequestStatus.PENDING_CLIENT
    assert (signed.variant_id, signed.status) == (mild.id, PrescriptionStatus.ACTIVE)
    assert "She asked for 1 of" in signed.statement
    assert request.variant.sku in signed.statement
    assert "not in force before she accepts it" in signed.statement
    answer = ask(request.client, mild)
    assert answer.answer is gate.Answer.NEEDS_CLIENT_ACTION
    assert [reason.code for reason in answer.reasons] == ["not_accepted"]
    pending = ask(request.client, request.variant)
    told = {reason.code: reason.text for reason in pending.reasons}
    assert "prescribed something else" in told["request_pending"]
    with pytest.raises(sa.exc.IntegrityError, match="prescription_is_accepted"):
        filling.reserve(signed.id, state="CA", quantity=1, at=now())


def test_accepting_puts_it_in_force_at_the_price_that_was_shown() -> None:
    request, signed, mild = an_offer(cents=4100)
    offer = changing.offered(request, at=now())
    assert offer is not None
    assert offer.price is not None
    assert (offer.price.cents, offer.fill_cents) == (4100, 4100)

    acceptance = accept(request, 4100)
    db.session.commit()

    assert request.status is RequestStatus.APPROVED
    assert (acceptance.unit_cents, acceptance.variant_id) == (4100, mild.id)
    read_the_leaflet(request.client, mild)
    assert ask(request.client, mild).answer is gate.Answer.OPEN
    assert ask(request.client, request.variant).answer is gate.Answer.NEEDS_REQUEST
    filling.reserve(signed.id, state="CA", quantity=1, at=now())
    told = [event.kind for event in events.of(request.id)]
    assert told[-2:] == ["request_changes_proposed", "request_changes_accepted"]
    assert [event.kind for event in events.of(signed.id)] == [
        "prescription_signed",
        "prescription_accepted",
    ]
    assert list(verifying.verify()) == []


def test_another_quantity_is_a_change_too() -> None:
    chen, client = dr_chen(), alice()
    request = a_claimed_request(client, by=chen, quantity=2)

    signed = sign_instead(request, chen, quantity_per_fill=1)

    assert request.status is RequestStatus.PENDING_CLIENT
    accept(request, 6200)
    db.session.commit()
    read_the_leaflet(client, request.variant)
    assert ask(client, request.variant, 1).prescription_id == signed.id
    assert ask(client, request.variant, 2).answer is not gate.Answer.OPEN


def test_what_was_asked_for_needs_no_acceptance() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)

    sign_instead(request, chen, sku=request.variant.sku)
    db.session.commit()

    assert request.status is RequestStatus.APPROVED
    with pytest.raises(WrongState):
        accept(request, 6200)


def test_a_changed_price_is_shown_before_it_is_accepted() -> None:
    request, _, mild = an_offer(cents=4100)
    prices.set_price(mild, 5900, valid_from=None, by=None, at=now())
    db.session.flush()

    with pytest.raises(PriceShownChanged) as refused:
        accept(request, 4100)

    assert refused.value.facts == {"expected_cents": 4100, "unit_cents": 5900}
    assert request.status is RequestStatus.PENDING_CLIENT
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Acceptance)) == 0


def test_only_the_client_accepts() -> None:
    request, _, _ = an_offer()

    for other in (bob(), dr_chen()):
        with pytest.raises(NotAllowed):
            changing.accept(request, expect_unit_cents=4100, by=other, at=now())

    assert request.status is RequestStatus.PENDING_CLIENT


def test_taking_the_request_back_revokes_what_was_offered() -> None:
    request, signed, mild = an_offer()

    requesting.withdraw(request, by=request.client, at=now())
    db.session.commit()

    assert request.status is RequestStatus.WITHDRAWN
    assert (signed.status, signed.revoked_by_id) == (PrescriptionStatus.REVOKED, request.client_id)
    assert ask(request.client, mild).answer is gate.Answer.NEEDS_REQUEST
    with pytest.raises(WrongState):
        accept(request, 4100)


def test_what_is_on_hold_waits_and_is_offered_again() -> None:
    request, signed, _ = an_offer()
    holding.hold(signed, reason="Wait.", by=signed.prescriber, at=now())
    assert changing.offered(request, at=now()) is None
    with pytest.raises(WrongState):
        accept(request, 4100)

    holding.resume(signed, by=signed.prescriber, at=now())

    accept(request, 4100)
    db.session.commit()
    assert request.status is RequestStatus.APPROVED


def test_what_is_over_is_not_accepted_and_takes_no_place() -> None:
    client, chen = alice(), dr_chen()
    mild = a_cream(cents=4100)
    standing = a_prescription(client, mild, by=chen)
    request = a_claimed_request(client, by=chen)
    signed = sign_instead(request, chen, sku=mild.sku, valid_until=now().date())
    assert changing.offered(request, at=signed.valid_until) is None

    act_as(f"person:{client.id}")
    with pytest.raises(WrongState):
        changing.accept(request, expect_unit_cents=4100, by=client, at=signed.valid_until)

    assert (request.status, signed.accepted) == (RequestStatus.PENDING_CLIENT, False)
    assert (standing.status, standing.replaced) == (PrescriptionStatus.ACTIVE, False)


def test_what_the_physician_took_back_is_not_accepted_and_the_request_ends() -> None:
    request, signed, _ = an_offer()
    revoking.revoke(signed, reason="No.", by=signed.prescriber, at=now())
    with pytest.raises(WrongState):
        accept(request, 4100)

    requesting.withdraw(request, by=request.client, at=now())
    db.session.commit()

    assert request.status is RequestStatus.WITHDRAWN
    assert signed.revoked_by_id == signed.prescriber_id


def test_what_she_has_not_accepted_is_neither_taken_elsewhere_nor_renewed() -> None:
    request, signed, _ = an_offer()

    with pytest.raises(WrongState):
        taking_away.take_away(signed, by=request.client, at=now())
    reasons = [one.code for one in renewing.eligibility(signed, at=now()).reasons]

    assert reasons == ["not_accepted"]
    assert signed.taken_away is None


def test_nobody_writes_that_what_she_has_not_accepted_may_be_renewed() -> None:
    _, signed, _ = an_offer()

    noticing.notice(at=signed.valid_until)

    assert [event.kind for event in events.of(signed.id)] == ["prescription_signed"]


def test_what_became_older_than_another_prescription_is_not_accepted() -> None:
    request, _, mild = an_offer()
    newer = a_prescription(request.client, mild)
    db.session.commit()

    with pytest.raises(NewerPrescription, match=newer.number):
        accept(request, 4100)

    assert request.status is RequestStatus.PENDING_CLIENT


def test_accepting_takes_the_place_of_an_older_one_for_the_pack() -> None:
    client, chen = alice(), dr_chen()
    asked, mild = a_cream(), a_cream(cents=4100)
    older = a_prescription(client, mild, by=chen)
    request = a_claimed_request(client, asked, by=chen)
    signed = sign_instead(request, chen, sku=mild.sku)
    assert older.status is PrescriptionStatus.ACTIVE

    accept(request, 4100)
    db.session.commit()

    assert older.status is PrescriptionStatus.SUPERSEDED
    assert [one.prescription_id for one in signed.superseded] == [older.id]


def test_the_second_physician_reads_that_it_waits_for_the_client() -> None:
    request, _, _ = an_offer()

    with pytest.raises(AlreadyDecided, match="with changes for the client"):
        signing.prepare(request, the_terms(), by=dr_chen(), at=now())


NOT_TO_BE_PRESCRIBED = {
    "nobody knows it": lambda: "SOMETHING-ELSE",
    "nobody has to approve it": lambda: a_variant(cents=1200).sku,
    "it is not for sale": lambda: a_cream(for_sale=False).sku,
    "it is for the clinic only": lambda: a_variant(a_product(LegalClass.CLINIC_USE)).sku,
}


@pytest.mark.parametrize("why", NOT_TO_BE_PRESCRIBED)
def test_what_the_client_could_not_ask_for_is_not_prescribed_instead(why: str) -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    sku = NOT_TO_BE_PRESCRIBED[why]()

    with pytest.raises(TermsRefused) as refused:
        sign_instead(request, chen, sku=sku)

    assert list(refused.value.fields) == ["sku"]
    assert request.variant.sku in refused.value.fields["sku"][0]
    assert request.status is RequestStatus.IN_REVIEW


def test_what_is_prescribed_is_screened_not_what_was_asked_for() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    unknown = a_variant(a_product(LegalClass.RX, name="Mystery Cream"))
    unknown.product.ingredients.append(
        ProductIngredient(
            position=1, named=IngredientName(name="NEVERHEARDOFINE"), active=True, raw="?"
        )
    )
    db.session.commit()
    assert "SC-ACTIVE-UNKNOWN" not in {hit.rule for hit in checking.check(request, at=now())}

    with pytest.raises(TermsRefused) as refused:
        sign_instead(request, chen, sku=unknown.sku)

    assert list(refused.value.fields) == ["overrides.SC-ACTIVE-UNKNOWN"]


def test_the_packs_to_choose_from_have_its_active_and_need_a_physician() -> None:
    request = a_request(alice())
    (active,) = (line.name_id for line in request.variant.product.ingredients if line.active)
    alike, other = a_cream(), a_cream()
    free = a_variant()
    for one in (alike, free):
        one.product.ingredients.append(
            ProductIngredient(position=1, name_id=active, active=True, raw="the same")
        )
    db.session.commit()

    found = queries.packs_alike(request)

    assert found == [request.variant, alike]
    assert other not in found


def test_an_offer_that_nobody_took_is_no_therapy() -> None:
    request, signed, _ = an_offer()
    another = a_claimed_request(request.client, a_cream(), by=dr_chen())

    known = checking.facts(another, at=now())

    assert str(signed.variant.product_id) not in {one.key for one in known.regimen}


def test_over_http_the_client_sees_both_and_accepts(app: Flask) -> None:
    request, signed, mild = an_offer(cents=4100, client=somebody(alice))
    client = Browser(app, request.client)
    address = f"/approval-requests/{request.number}"

    assert client.get(address).json["offer"] == {
        "prescription": signed.number,
        "sku": mild.sku,
        "product": mild.product.name,
        "pack": mild.name,
        "quantity_per_fill": 1,
        "fills": 3,
        "unit_price_cents": 4100,
        "fill_price_cents": 4100,
        "asked_unit_price_cents": 6200,
    }
    stale = client.post(f"{address}/acceptance", {"expect_unit_cents": 4000})
    assert (stale.status_code, stale.json["code"]) == (409, "price_changed")
    taken = client.post(f"{address}/acceptance", {"expect_unit_cents": 4100})
    assert (taken.status_code, taken.json["status"]) == (201, "approved")
    assert client.get(address).json["offer"] is None
    again = client.post(f"{address}/acceptance", {"expect_unit_cents": 4100})
    assert again.status_code == 409
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Acceptance)) == 1


@pytest.mark.parametrize("body", [{}, {"expect_unit_cents": "41"}, {"expect_unit_cents": -1}])
def test_an_acceptance_without_its_price_is_refused(app: Flask, body: Any) -> None:
    request, _, _ = an_offer(client=somebody(alice))

    answer = Browser(app, request.client).post(
        f"/approval-requests/{request.number}/acceptance", body
    )

    assert answer.status_code == 422
    assert "expect_unit_cents" in answer.json["errors"]


def test_who_is_not_the_client_finds_nothing_to_accept(app: Flask) -> None:
    request, _, _ = an_offer(client=somebody(alice))

    answer = Browser(app, somebody(bob)).post(
        f"/approval-requests/{request.number}/acceptance", {"expect_unit_cents": 4100}
    )

    assert answer.status_code == 404
    assert request.status is RequestStatus.PENDING_CLIENT


def test_on_her_page_the_client_compares_and_accepts(app: Flask) -> None:
    request, _, mild = an_offer(cents=4100, client=somebody(alice))
    number, name, slug = request.number, mild.product.name, mild.product.slug
    sku = mild.sku
    reader = Reader(app, request.client)

    page = reader.get(f"/requests/{number}")
    assert "You asked for" in page
    assert name in page
    assert "$41.00" in page
    page = reader.send(f"/requests/{number}/acceptance")
    assert "It is yours to order now." in page
    assert f"/products/{slug}" in page
    assert f'name="sku" value="{sku}"' in page  # into the cart with one click
    status = sa.select(ApprovalRequest.status).where(ApprovalRequest.number == number)
    assert db.session.scalar(status) is RequestStatus.APPROVED


def test_the_physician_chooses_another_pack_on_the_case(app: Flask) -> None:
    chen = somebody(dr_chen)
    request = a_claimed_request(alice(), by=chen)
    mild = weaker(request.variant)
    db.session.commit()
    reader = Reader(app, chen)

    choice = reader.get(f"/review/{request.number}/packs")
    assert "Prescribe this" in choice
    assert f"sku={mild.sku}" in choice
    case = reader.get(f"/review/{request.number}?sku={mild.sku}")
    assert f"Instead of {request.variant.product.name}" in case
    assert f'value="{mild.sku}"' in case
    reader.get(f"/review/{request.number}?sku=nobody-knows")
    assert reader.status == 200


def test_what_has_no_price_today_cannot_be_accepted() -> None:
    request, _, mild = an_offer()
    with db.session.no_autoflush:
        mild.prices.clear()
        with pytest.raises(NotForSale):
            accept(request, 4100)
    db.session.rollback()
    assert request.status is RequestStatus.PENDING_CLIENT
