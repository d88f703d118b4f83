"""From a request to a prescription: what a signature needs, and what it leaves behind."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import AuthEvent
from shop.catalog.models import IngredientName, ProductIngredient
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal, WrongState
from shop.prescriptions import licensing, reviewing, signing
from shop.prescriptions.errors import (
    AlreadyClaimed,
    AlreadyDecided,
    ClaimLost,
    NotLicensed,
    SelfPrescription,
    StaleSignIn,
    StatementChanged,
    TermsRefused,
)
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening import checking
from shop.prescriptions.screening.facts import Active, Product
from shop.prescriptions.states import RequestStatus
from tests.builders import a_cream, a_variant
from tests.people import a_fresh_sign_in, a_licence, alice, bob, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_prescription, a_request, the_terms

pytestmark = pytest.mark.usefixtures("app")


def count_prescriptions() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Prescription)) or 0


def test_a_signature_makes_a_prescription_on_exactly_its_terms() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen, ship_to_state="NV")
    proof = a_fresh_sign_in(chen)

    signed = signing.sign(request, the_terms(fills=2), by=chen, proof=proof, at=now())
    db.session.commit()

    assert request.status is RequestStatus.APPROVED
    assert (signed.fills_allowed, signed.fills_left, signed.days_supply) == (2, 2, 30)
    assert [covered.state for covered in signed.states] == ["CA", "NV"]
    assert (signed.directions, signed.indication) == (
        "A pea-sized amount at night.",
        "Acne vulgaris",
    )
    assert signed.fresh_at == proof.at
    assert [event.kind for event in events.of(request.id)][-1] == "request_approved"
    assert [event.kind for event in events.of(signed.id)] == ["prescription_signed"]


def test_what_was_shown_is_what_is_signed() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    shown = signing.prepare(request, the_terms(), by=chen, at=now()).statement

    signed = signing.sign(
        request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now(), shown=shown.hash
    )

    assert signed.statement == shown.text
    assert bytes(signed.statement_hash) == shown.hash
    assert "Alice Moreno, born 1990-05-04, of CA" in shown.text
    assert "Directions: A pea-sized amount at night." in shown.text


def test_other_terms_than_were_shown_are_not_signed() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    shown = signing.prepare(request, the_terms(), by=chen, at=now()).statement

    with pytest.raises(StatementChanged):
        signing.sign(
            request,
            the_terms(fills=4),
            by=chen,
            proof=a_fresh_sign_in(chen),
            at=now(),
            shown=shown.hash,
        )

    assert count_prescriptions() == 0


def _days(count: int) -> date:
    return (now() + timedelta(days=count)).date()


WRONG_TERMS: dict[str, tuple[dict[str, Any], str]] = {
    "no quantity": ({"quantity_per_fill": 0}, "quantity_per_fill"),
    "a quantity beyond sense": ({"quantity_per_fill": 21}, "quantity_per_fill"),
    "a pack that nobody knows": ({"sku": "SOMETHING-ELSE"}, "sku"),
    "no fills": ({"fills": 0}, "fills"),
    "too many fills": ({"fills": 13}, "fills"),
    "no days": ({"days_supply": 0}, "days_supply"),
    "no directions": ({"directions": " "}, "directions"),
    "no indication": ({"indication": ""}, "indication"),
    "over before it begins": ({"valid_until": -1}, "valid_until"),
    "for more than a year": ({"valid_until": 365}, "valid_until"),
    "examined tomorrow": ({"examined_on": 1}, "examination.date"),
    "examined long ago": ({"examined_on": -366}, "examination.date"),
    "examined by telepathy": ({"examination_mode": "telepathy"}, "examination.mode"),
}


@pytest.mark.parametrize("case", WRONG_TERMS)
def test_terms_that_cannot_be_signed_are_named(case: str) -> None:
    given, field = WRONG_TERMS[case]
    days = ("valid_until", "examined_on")
    terms = {name: _days(value) if name in days else value for name, value in given.items()}
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)

    with pytest.raises(TermsRefused) as refused:
        signing.sign(request, the_terms(**terms), by=chen, proof=a_fresh_sign_in(chen), at=now())

    assert list(refused.value.fields) == [field]
    assert count_prescriptions() == 0


VALIDITY = {
    "TRETINOIN": 180,
    "HYDROQUINONE": 90,
    "BENZOYL PEROXIDE": 365,
    "ADAPALENE": 180,
    "AZELAIC ACID": 365,
}


@pytest.mark.parametrize("active", VALIDITY)
def test_a_prescription_is_valid_by_its_active_ingredient(active: str) -> None:
    cream = a_cream()
    cream.product.ingredients.append(
        ProductIngredient(position=1, named=IngredientName(name=active), active=True, raw=active)
    )
    chen = dr_chen()

    signed = a_prescription(alice(), cream, by=chen)

    last_day = (signed.valid_until - timedelta(seconds=1)).date()
    assert (last_day - now().date()).days == VALIDITY[active] - 1


def _stale(proof: AuthEvent) -> datetime:
    return proof.at + timedelta(minutes=5, seconds=1)


def test_a_sign_in_of_five_minutes_ago_is_fresh_and_a_second_later_it_is_not() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    proof = a_fresh_sign_in(chen)

    with pytest.raises(StaleSignIn):
        signing.sign(request, the_terms(), by=chen, proof=proof, at=_stale(proof))
    assert count_prescriptions() == 0
    just = proof.at + timedelta(minutes=5)
    assert signing.sign(request, the_terms(), by=chen, proof=proof, at=just).fresh_id == proof.id


def test_nobody_signs_without_a_fresh_sign_in_or_with_anothers() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    ordinary = AuthEvent(person_id=chen.id, kind="sign_in", factors=["password"])
    db.session.add(ordinary)
    db.session.flush()
    db.session.refresh(ordinary)

    for proof in (None, ordinary, a_fresh_sign_in(dr_chen())):
        with pytest.raises(StaleSignIn):
            signing.sign(request, the_terms(), by=chen, proof=proof, at=now())

    assert count_prescriptions() == 0


def test_a_licence_in_both_states_is_needed() -> None:
    request = a_request(alice(), ship_to_state="NV")
    for states in (("CA",), ("NV",), ("TX",)):
        with pytest.raises(NotLicensed) as refused:
            reviewing.claim(request, by=dr_chen(states=states), at=now())
        assert refused.value.facts["states"] == sorted({"CA", "NV"} - set(states))
    assert request.status is RequestStatus.QUEUED


def test_a_licence_that_ended_since_the_claim_signs_nothing() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    licence = licensing.require(chen, {"CA"}, at=now())["CA"]
    licence.ended_on, licence.ended_by_id = now().date(), chen.id
    db.session.flush()

    with pytest.raises(NotLicensed):
        signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now())


def test_an_esthetics_licence_prescribes_nothing() -> None:
    physician = dr_chen(states=())
    a_licence(physician, kind="esthetician")

    with pytest.raises(NotLicensed):
        reviewing.claim(a_request(alice()), by=physician, at=now())


def test_nobody_reviews_what_they_asked_for() -> None:
    chen = dr_chen()
    request = a_request(alice(), by=chen)

    with pytest.raises(SelfPrescription):
        reviewing.claim(request, by=chen, at=now())


def test_a_claim_keeps_other_physicians_out_until_it_runs_out() -> None:
    chen, other = dr_chen(), dr_chen()
    request = a_claimed_request(alice(), by=chen)
    run_out = request.claimed_until
    assert run_out is not None

    with pytest.raises(AlreadyClaimed):
        reviewing.claim(request, by=other, at=run_out - timedelta(seconds=1))
    reviewing.claim(request, by=other, at=run_out)

    assert (request.claimed_by, request.claim_count) == (other, 2)
    kinds = [event.kind for event in events.of(request.id)]
    assert kinds[-2:] == ["request_released", "request_claimed"]


def test_a_page_left_open_decides_nothing() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    left_open = request.claim_count
    reviewing.release(request, by=chen, at=now())
    reviewing.claim(request, by=chen, at=now())

    for act in (
        lambda: signing.prepare(request, the_terms(), by=chen, at=now(), fence=left_open),
        lambda: reviewing.refuse(
            request,
            reason=RefusalReason.OUTSIDE_SCOPE,
            message="No.",
            by=chen,
            at=now(),
            fence=left_open,
        ),
    ):
        with pytest.raises(ClaimLost):
            act()

    assert request.status is RequestStatus.IN_REVIEW


def test_nothing_is_decided_once_the_claim_ran_out() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    assert request.claimed_until is not None

    with pytest.raises(ClaimLost):
        signing.sign(
            request,
            the_terms(),
            by=chen,
            proof=a_fresh_sign_in(chen),
            at=request.claimed_until,
        )


def test_a_refusal_says_why_and_is_sealed() -> None:
    chen = dr_chen()
    request = a_claimed_request(bob(state="CA"), by=chen)

    refusal = reviewing.refuse(
        request,
        reason=RefusalReason.CONTRAINDICATED,
        message="Not with your pregnancy.",
        note="Offer azelaic acid.",
        by=chen,
        at=now(),
    )
    db.session.commit()

    assert request.status is RequestStatus.DECLINED
    assert (refusal.message, refusal.note) == ("Not with your pregnancy.", "Offer azelaic acid.")
    assert b"pregnancy" not in bytes(refusal.message_sealed or b"")
    assert events.of(request.id)[-1].facts == {"reason": "contraindicated"}


def _sign(request: ApprovalRequest) -> None:
    chen = dr_chen()
    signing.sign(request, the_terms(), by=chen, proof=a_fresh_sign_in(chen), at=now())


def _claim(request: ApprovalRequest) -> None:
    reviewing.claim(request, by=dr_chen(), at=now())


@pytest.mark.parametrize("act", [_sign, _claim])
def test_a_decided_request_says_who_decided(act: Any) -> None:
    chen = dr_chen()
    signed = a_prescription(alice(), by=chen)

    with pytest.raises(AlreadyDecided) as refused:
        act(signed.request)

    assert refused.value.facts["decision"] == "approved"
    assert refused.value.facts["by"] == "Dr Wei Chen"
    assert count_prescriptions() == 1


def test_a_request_that_was_not_handed_in_is_not_reviewed() -> None:
    request = a_request(alice())
    from shop.prescriptions import requesting

    requesting.withdraw(request, by=request.client, at=now())
    with pytest.raises(WrongState) as refused:
        _claim(request)
    assert isinstance(refused.value, Refusal)
    assert refused.value.facts["status"] == "withdrawn"


def test_products_without_actives_on_file_are_valid_for_a_year(app: Flask) -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), a_variant(a_cream().product), by=chen)
    (product,) = checking.facts(request, at=now()).candidates
    assert signing.default_validity(product) == 365


CALLED = {
    "filed as a salt": (Active("HYDROQUINONE MONOSODIUM", None), 90),
    "filed under another name": (Active("TRETINOIN", None, filed="RETINOIC ACID"), 180),
    "another name in the dictionary": (
        Active("RETINOIC ACID", None, filed="TRETINOIN, MICRO"),
        180,
    ),
    "only begins alike": (Active("TRETINOINATE", None), 365),
}


@pytest.mark.parametrize("case", CALLED)
def test_a_substance_is_known_by_each_of_its_names(case: str) -> None:
    active, days = CALLED[case]
    assert signing.default_validity(Product("key", "Cream", (active,))) == days


def test_the_shortest_lived_active_counts() -> None:
    actives = tuple(Active(name, None) for name in ("AZELAIC ACID", "TRETINOIN", "HYDROQUINONE"))
    assert signing.default_validity(Product("key", "Cream", actives)) == 90
