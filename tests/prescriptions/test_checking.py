"""A request is checked with what the shop knows, and a signature heeds what was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import (
    ActiveClass,
    Ingredient,
    IngredientName,
    LegalClass,
    Pregnancy,
    ProductIngredient,
    Variant,
    Way,
)
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import filling, requesting, reviewing, signing
from shop.prescriptions.errors import TermsRefused
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking
from shop.prescriptions.screening.facts import Taking
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_product, a_variant
from tests.people import a_fresh_sign_in, alice, bob, dr_chen, eva
from tests.prescriptions.builders import a_draft, a_prescription, completed, the_terms

pytestmark = pytest.mark.usefixtures("app")

C = ActiveClass
REASON = "Discussed with her on the phone."


def a_substance(name: str, *synonyms: str, **given: Any) -> IngredientName:
    """In the dictionary, under its INCI name and others; answers the INCI name."""
    found = db.session.scalars(
        sa.select(IngredientName).where(IngredientName.name == name)
    ).one_or_none()
    if found is not None:
        return found
    substance = Ingredient(**({"inci_name": name, "source": "own"} | given))
    db.session.add(substance)
    db.session.flush()  # its names point at it
    ways = {name: Way.INCI, **dict.fromkeys(synonyms, Way.SYNONYM)}
    names = [
        IngredientName(name=one, ingredient_id=substance.id, way=way, confidence=1, source="own")
        for one, way in ways.items()
    ]
    db.session.add_all(names)
    db.session.flush()  # products point at them
    return names[0]


def tretinoin() -> IngredientName:
    given = {"active_class": C.RETINOID, "pregnancy": Pregnancy.AVOID}
    return a_substance("TRETINOIN", "RETINOIC ACID", **given)


def hydroquinone() -> IngredientName:
    given = {"active_class": C.HYDROQUINONE, "pregnancy": Pregnancy.AVOID}
    return a_substance("HYDROQUINONE", **given)


def sulfite() -> IngredientName:
    return a_substance("SODIUM METABISULFITE", "SODIUM PYROSULFITE", "E223")


def a_formula(
    active: IngredientName, *others: IngredientName, name: str = "Cream", **given: Any
) -> Variant:
    """A prescription product of one active, 4 %, and what else is filed of it."""
    product = a_product(LegalClass.RX, name=name, **given)
    for position, named in enumerate((active, *others)):
        db.session.add(
            ProductIngredient(
                product_id=product.id,
                position=position,
                name_id=named.id,
                active=position == 0,
                raw=named.name,
                percent=4 if position == 0 else None,
            )
        )
    db.session.flush()  # statements read it as columns
    return a_variant(product)


def asked(client: Person, variant: Variant, **answers: Any) -> ApprovalRequest:
    """Answered and handed in."""
    request = a_draft(client, variant)
    full = completed(request.questionnaire_version, **answers)
    requesting.answer(request, full, by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    return request


def claimed(client: Person, variant: Variant, by: Person, **answers: Any) -> ApprovalRequest:
    request = asked(client, variant, **answers)
    reviewing.claim(request, by=by, at=now())
    return request


def found(request: ApprovalRequest, **given: Any) -> dict[str, str]:
    """Rule without its SC- → severity."""
    hits: tuple[Hit, ...] = checking.check(request, at=now(), **given)
    return {hit.rule.removeprefix("SC-"): hit.severity.word for hit in hits}


@contextmanager
def counted() -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


# --- what is known -------------------------------------------------------------------------------


def test_a_well_client_and_a_known_cream_set_off_a_word_about_the_sun() -> None:
    assert found(asked(alice(), a_formula(tretinoin()))) == {"RETINOID-SUNSCREEN": "info"}


def test_answers_become_facts() -> None:
    request = asked(
        alice(),
        a_formula(tretinoin()),
        pregnancy="trying",
        skin_conditions=["open_skin", "cold_sores"],
        takes_medicines=True,
        medicines="Doxycycline",
        isotretinoin="earlier",
        sunburns="rarely_burns",
    )

    client = checking.facts(request, at=now()).client

    today = now().date()
    assert (client.birth_date, client.pregnancy) == (
        request.client.birth_date,
        PregnancyStatus.TRYING,
    )
    assert client.pregnancy_on == today
    assert client.has == {ConditionCode.OPEN_SKIN, ConditionCode.SUNBURN, ConditionCode.COLD_SORES}
    assert client.has_not == {ConditionCode.ECZEMA, ConditionCode.PSORIASIS, ConditionCode.ROSACEA}
    assert (client.medicines, client.allergies, client.fitzpatrick) == (("Doxycycline",), (), 4)
    assert client.isotretinoin is not None
    assert client.isotretinoin.taking is Taking.PAST
    assert client.isotretinoin.last_day == date(2020, 1, 31)


def test_what_was_not_answered_is_not_known() -> None:
    client = checking.facts(a_draft(alice(), a_formula(tretinoin())), at=now()).client

    assert client.pregnancy is None
    assert (client.allergies, client.medicines, client.isotretinoin) == (None, None, None)
    assert (client.has, client.has_not, client.fitzpatrick) == (set(), set(), None)


def test_a_word_of_another_questionnaire_is_not_known() -> None:
    request = a_draft(alice(), a_formula(tretinoin()))
    request.answers = {"pregnancy": "perhaps"}

    assert checking.facts(request, at=now()).client.pregnancy is None


ALLERGIES: dict[str, tuple[str, dict[str, str]]] = {
    "a synonym": ("Sodium pyrosulfite, once", {"ALLERGY": "hard_stop"}),
    "a synonym in a sentence": ("I react to e223 in wine", {"ALLERGY": "hard_stop"}),
    "the family": ("sulphites", {"ALLERGY-SULFITE": "soft_stop", "ALLERGY-TEXT": "soft_stop"}),
    "nothing in it": ("nickel and water", {"ALLERGY-TEXT": "soft_stop"}),
}


@pytest.mark.parametrize("case", ALLERGIES)
def test_an_allergy_is_found_behind_what_she_wrote(case: str) -> None:
    text, expected = ALLERGIES[case]
    a_substance("AQUA", "WATER")
    cream = a_formula(hydroquinone(), sulfite(), a_substance("AQUA"))
    request = asked(alice(), cream, has_allergies=True, allergies=text)

    assert expected.items() <= found(request).items()
    assert ("ALLERGY" in found(request)) is ("ALLERGY" in expected)


def test_a_register_that_lists_actives_only_leaves_the_rest_unknown() -> None:
    listed = a_formula(hydroquinone())
    request = asked(alice(), listed, has_allergies=True, allergies="nickel")

    assert found(request)["ALLERGY"] == "soft_stop"


def test_an_active_that_the_dictionary_does_not_know_is_said() -> None:
    stranger = IngredientName(name="SNAIL DUST")
    db.session.add(stranger)
    db.session.flush()  # the product points at it

    assert found(asked(alice(), a_formula(stranger))) == {"ACTIVE-UNKNOWN": "soft_stop"}


def test_another_brand_of_the_same_class_that_stands_is_a_duplicate() -> None:
    client = alice()
    a_prescription(client, a_formula(tretinoin(), name="Brand A"))

    hits = checking.check(asked(client, a_formula(tretinoin(), name="Brand B")), at=now())

    twice = next(hit for hit in hits if hit.rule == "SC-RETINOID-TWICE")
    assert twice.fired_by == ("TRETINOIN in Brand A", "TRETINOIN in Brand B")


def test_somebody_elses_prescription_is_no_duplicate() -> None:
    a_prescription(bob(state="CA"), a_formula(tretinoin(), name="Brand A"))

    assert "RETINOID-TWICE" not in found(asked(alice(), a_formula(tretinoin(), name="Brand B")))


def test_a_course_counts_over_two_brands() -> None:
    client = alice()
    one = a_prescription(client, a_formula(hydroquinone(), name="Brand A"), days_supply=60, fills=1)
    filling.consume(filling.reserve(one.id, state="CA", quantity=1, at=now()), at=now())
    request = asked(client, a_formula(hydroquinone(), name="Brand B"))

    assert "HYDROQUINONE-COURSE-CAP" not in found(request, days=30)
    assert found(request, days=31)["HYDROQUINONE-COURSE-CAP"] == "soft_stop"


def test_a_fill_that_was_only_reserved_is_not_in_her_hands() -> None:
    client = alice()
    one = a_prescription(client, a_formula(hydroquinone(), name="Brand A"), days_supply=60, fills=1)
    filling.reserve(one.id, state="CA", quantity=1, at=now())

    assert checking.facts(asked(client, a_formula(hydroquinone())), at=now()).dispensed == ()


def test_checking_takes_four_statements_whatever_she_uses() -> None:
    client = alice()
    for name in ("Brand A", "Brand B", "Brand C"):
        a_prescription(client, a_formula(a_substance(f"SUBSTANCE {name.upper()}"), name=name))
    request = asked(client, a_formula(tretinoin()), has_allergies=True, allergies="nickel, latex")
    db.session.flush()  # what is written before is not counted
    db.session.refresh(request)  # as a caller has it
    assert request.client is client
    assert request.variant.product

    at = now()

    with counted() as sent:
        checking.check(request, at=at)

    assert len(sent) == 4


# --- signing -------------------------------------------------------------------------------------


def refused(request: ApprovalRequest, by: Person, **terms: Any) -> dict[str, list[str]]:
    """Why it is not signed; nothing happened."""
    with pytest.raises(TermsRefused) as refusal:
        signing.sign(request, the_terms(**terms), by=by, proof=a_fresh_sign_in(by), at=now())
    assert request.status is RequestStatus.IN_REVIEW
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Prescription)) == 0
    return dict(refusal.value.fields)


def test_a_hard_stop_is_not_signed_whatever_is_said() -> None:
    chen = dr_chen()
    request = claimed(alice(), a_formula(hydroquinone()), chen, pregnancy="pregnant")
    rule = "SC-HYDROQUINONE-PREGNANCY"

    assert list(refused(request, chen)) == [f"overrides.{rule}"]
    assert list(refused(request, chen, overrides={rule: REASON})) == [f"overrides.{rule}"]


def test_a_soft_stop_is_signed_with_a_reason_that_stays_in_the_record() -> None:
    chen = dr_chen()
    request = claimed(alice(), a_formula(tretinoin()), chen, pregnancy="trying")
    rule = "SC-RETINOID-PREGNANCY"
    assert "Say why" in refused(request, chen)[f"overrides.{rule}"][0]
    assert "letters" in refused(request, chen, overrides={rule: "ok"})[f"overrides.{rule}"][0]

    terms = the_terms(overrides={rule: REASON})
    signed = signing.sign(request, terms, by=chen, proof=a_fresh_sign_in(chen), at=now())

    said = signed.statement or ""
    assert "Screened by rules 2026-2:\n  SC-RETINOID-PREGNANCY version 1, soft_stop: " in said
    assert f"pregnancy: trying, said on {now().date()}\n    Signed all the same: {REASON}\n" in said
    assert "  SC-RETINOID-SUNSCREEN version 1, info: " in said


def test_an_override_of_what_did_not_fire_is_refused() -> None:
    chen = dr_chen()
    request = claimed(alice(), a_cream(), chen)

    wrong = refused(request, chen, overrides={"SC-ALLERGY": REASON}, fills=0)

    assert set(wrong) == {"fills", "overrides.SC-ALLERGY"}


def test_terms_that_go_beyond_the_course_are_stopped() -> None:
    chen = dr_chen()
    request = claimed(alice(), a_formula(hydroquinone()), chen)

    assert list(refused(request, chen, days_supply=31, fills=3)) == [
        "overrides.SC-HYDROQUINONE-COURSE-CAP"
    ]


def test_where_nothing_is_found_the_statement_says_so() -> None:
    chen = dr_chen()
    draft = signing.prepare(claimed(alice(), a_cream(), chen), the_terms(), by=chen, at=now())

    assert "Screened by rules 2026-2:\n  nothing found\n" in draft.statement.text


# --- the API -------------------------------------------------------------------------------------

SIGNATURE: dict[str, Any] = {
    "quantity_per_fill": 1,
    "fills": 1,
    "days_supply": 30,
    "directions": "At night.",
    "indication": "Acne",
}


def the_signature(**given: Any) -> dict[str, Any]:
    examination = {"mode": "video", "date": now().date().isoformat()}
    return SIGNATURE | {"examination": examination} | given


def test_the_case_shows_what_was_found_to_the_physician_alone(app: Flask) -> None:
    client, chen, planner = somebody(alice), somebody(dr_chen), somebody(eva)
    number = claimed(client, a_formula(tretinoin()), chen, pregnancy="trying").number
    db.session.commit()
    where = f"/approval-requests/{number}"

    shown = Browser(app, chen).get(where).json["screening"]

    assert [(hit["rule"], hit["severity"]) for hit in shown] == [
        ("SC-RETINOID-PREGNANCY", "soft_stop"),
        ("SC-RETINOID-SUNSCREEN", "info"),
    ]
    assert shown[0]["grade"] == "B"
    assert shown[0]["fired_by"][0] == "TRETINOIN in Cream"
    assert Browser(app, client).get(where).json["screening"] == []
    assert Browser(app, planner).get(where).status_code == 404


BAD_OVERRIDES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "none where one is needed": ([], "overrides.SC-RETINOID-PREGNANCY"),
    "of another rule": (
        [{"rule": "SC-NONSENSE", "reason": REASON}],
        "overrides.SC-NONSENSE",
    ),
    "said twice": ([{"rule": "SC-RETINOID-PREGNANCY", "reason": REASON}] * 2, "overrides"),
    "too many": ([{"rule": f"SC-{n}", "reason": REASON} for n in range(51)], "overrides"),
}


@pytest.mark.parametrize("case", BAD_OVERRIDES)
def test_overrides_that_cannot_be_used_are_named(app: Flask, case: str) -> None:
    overrides, field = BAD_OVERRIDES[case]
    client, chen = somebody(alice), somebody(dr_chen)
    number = claimed(client, a_formula(tretinoin()), chen, pregnancy="trying").number
    db.session.commit()

    answer = Browser(app, chen).post(
        f"/approval-requests/{number}/signature", the_signature(overrides=overrides)
    )

    assert answer.status_code == 422
    assert field in answer.json["errors"]
    assert db.session.scalars(sa.select(Prescription)).all() == []
