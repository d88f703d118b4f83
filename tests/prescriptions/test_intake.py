"""What is taken for an answer, what is asked after what, and what a product asks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.catalog import dictionary
from shop.catalog.models import (
    Ingredient,
    IngredientName,
    LegalClass,
    ProductIngredient,
    Variant,
    Way,
)
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import requesting
from shop.prescriptions.errors import AnswersRefused
from shop.prescriptions.intake import composing, questioning
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.intake.forms import Question, Questionnaire
from tests.builders import a_cream, a_product, a_variant
from tests.catalog.rules import holding
from tests.people import alice
from tests.prescriptions.builders import ANSWERS, a_draft, a_request, answers_to
from tests.regime import SOAK

TODAY = date(2026, 3, 10)
OPTIONS = (("none", "None"), ("one", "One"), ("two", "Two"))


def wrong_with(form: Questionnaire, answers: Any, *, complete: bool = True) -> dict[str, list[str]]:
    """The fields that are refused; empty where nothing is."""
    try:
        questioning.check(form, answers, complete=complete, today=TODAY)
    except AnswersRefused as refused:
        return refused.fields
    return {}


def a_form(*questions: Question) -> Questionnaire:
    return Questionnaire("test-2026-1", "A test", questions, {})


def a_question(kind: str, **given: Any) -> Question:
    options = OPTIONS if kind in ("choice", "choices") else ()
    return Question("it", kind, "What?", required=True, options=options, **given)


def days(count: int) -> str:
    return (TODAY + timedelta(days=count)).isoformat()


# Type, its bounds → what is an answer, and what is none.
KINDS: dict[str, tuple[Question, list[Any], list[Any]]] = {
    "boolean": (a_question("boolean"), [True, False], ["true", 1, 0, 0.0, {}, [True]]),
    "choice": (a_question("choice"), ["one", "none"], ["three", "One", 1, True, ["one"], {}]),
    "choices": (
        a_question("choices"),
        [["one"], ["two", "one"], ["none"]],
        ["one", ["three"], ["one", "one"], ["none", "one"], [["one"]], [None], {"one": True}, 3],
    ),
    "text": (
        a_question("text"),
        ["x", "x" * 2_000, "two\nlines", "žluťoučký 🌿"],
        ["x" * 2_001, "  ", "\n", "a\x00b", "a\x1fb", "a\ud800b", 7, True, ["x"], {}],
    ),
    "text of its own length": (a_question("text", longest=5), ["12345"], ["123456"]),
    "number": (
        a_question("number", least=0.25, most=240),
        [0.25, 1, 240, 239.9],
        [0, 0.2, -1, 241, float("nan"), float("inf"), 10**400, True, "3", [3], {}],
    ),
    "number from zero": (a_question("number"), [0, 1_000_000], [-0.001, 1_000_001]),
    "date": (
        a_question("date"),
        ["2026-02-28", "1900-01-01", "2200-12-31"],
        ["2026-02-30", "20260228", "2026-W10-1", "28.02.2026", "1899-12-31", "2201-01-01",
         "2026-02-28T00:00", " 2026-02-28", "٢٠٢٦-02-28", 20260228, True, ["2026-02-28"], {}],
    ),
    "date not in the future": (
        a_question("date", latest_days=0),
        [days(0), days(-400)],
        [days(1), "2199-01-01"],
    ),
    "date between": (
        a_question("date", earliest_days=-21, latest_days=300),
        [days(-21), days(300)],
        [days(-22), days(301)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_takes_its_answers_and_no_others(kind: str) -> None:
    question, good, bad = KINDS[kind]
    form = a_form(question)

    assert [one for one in good if wrong_with(form, {"it": one})] == []
    assert [one for one in bad if list(wrong_with(form, {"it": one})) != ["answers.it"]] == []


@pytest.mark.parametrize("blank", [None, "", []])
def test_a_blank_is_no_answer(blank: Any) -> None:
    form = a_form(a_question("choices"))
    assert wrong_with(form, {"it": blank}) == {"answers.it": ["Please answer this."]}
    assert wrong_with(form, {"it": blank}, complete=False) == {}


def test_a_day_in_the_future_is_named_as_such() -> None:
    form = a_form(a_question("date", latest_days=0))
    assert wrong_with(form, {"it": days(1)}) == {
        "answers.it": ["Give a day that is not in the future."]
    }


@pytest.mark.parametrize("answers", [None, [], "pregnancy", 7, ["pregnancy"]])
def test_what_is_no_set_of_answers_is_refused(answers: Any) -> None:
    assert list(wrong_with(a_form(a_question("text")), answers)) == ["answers"]


def test_every_wrong_answer_is_named_at_once() -> None:
    form = questioning.questionnaire("general-2026-2")
    wrong = {"pregnancy": "maybe", "sunburns": 3, "goal": "", "horoscope": "aries"}

    assert set(wrong_with(form, ANSWERS | wrong)) == {
        "answers.pregnancy",
        "answers.sunburns",
        "answers.goal",
        "answers.horoscope",
    }


EVERYTHING = questioning.questionnaire(composing.version_of(set(Family)))
NAMES = st.sampled_from(list(EVERYTHING.by_id))
WORDS = st.sampled_from(
    [value for question in EVERYTHING.questions for value, _ in question.options]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=4_000 if SOAK else 400, deadline=None)
@given(st.dictionaries(NAMES | st.text(), JSON, max_size=25) | JSON, st.booleans())
def test_any_json_is_taken_or_named_and_nothing_else_happens(answers: Any, complete: bool) -> None:
    wrong = wrong_with(EVERYTHING, answers, complete=complete)

    for name, texts in wrong.items():
        assert name == "answers" or name.startswith("answers.")
        assert name.encode()  # can be sent
        assert texts


@settings(max_examples=2_000 if SOAK else 200, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=25))
def test_what_is_taken_is_complete_and_only_what_is_shown(answers: dict[str, Any]) -> None:
    """Whatever passes holds no answer to a question that its own answers do not show."""
    taken = questioning.given(answers_to(EVERYTHING.version) | answers)
    if wrong_with(EVERYTHING, taken):
        return
    for question in EVERYTHING.questions:
        shown = question.shown(taken)
        assert shown or question.id not in taken
        assert question.id in taken or not (shown and question.required)


# Branches.


STEROID = composing.version_of({Family.STEROID})
RETINOID = composing.version_of({Family.RETINOID})
CHAIN = {"steroid_lately": True, "steroid_weeks": 3, "steroid_thinning": False}
BRANCHES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "equals": (RETINOID, {"has_allergies": True}, {"allergens", "allergies"}),
    "in": (RETINOID, {"isotretinoin": "earlier"}, {"isotretinoin_ended"}),
    "not in what is meant": (RETINOID, {"isotretinoin": "now"}, set()),
    "not_in": (RETINOID, {"other_retinoids": ["retinol"]}, {"other_retinoids_when"}),
    "not_in meets what is named": (RETINOID, {"other_retinoids": ["none"]}, set()),
    "any, by the first": (STEROID, {"treated_area": ["body", "eyelids"]}, {"eye_pressure"}),
    "any, by the second": (STEROID, {"steroid_conditions": ["glaucoma"]}, {"eye_pressure"}),
    "any, by neither": (STEROID, {"treated_area": ["body"]}, set()),
    "a chain's first link": (STEROID, {"steroid_lately": True}, {"steroid_weeks"}),
    "a chain's second link": (
        STEROID,
        {"steroid_lately": True, "steroid_weeks": 3},
        {"steroid_thinning"},
    ),
    "a whole chain": (STEROID, CHAIN, set()),
}


@pytest.mark.parametrize("case", BRANCHES)
def test_a_branch_is_asked_when_its_condition_holds(case: str) -> None:
    version, said, missing = BRANCHES[case]
    form = questioning.questionnaire(version)
    assert set(wrong_with(form, answers_to(version) | said)) == {
        f"answers.{one}" for one in missing
    }


def test_a_question_is_hidden_with_the_one_it_hangs_on() -> None:
    """A chain falls as a whole: what hangs on a hidden question is hidden itself."""
    form = questioning.questionnaire(STEROID)
    cut = answers_to(STEROID) | CHAIN | {"steroid_lately": False}

    assert set(wrong_with(form, cut)) == {"answers.steroid_weeks", "answers.steroid_thinning"}
    assert "change your answer" in wrong_with(form, cut)["answers.steroid_weeks"][0]


def test_who_cannot_be_asked_is_not_asked() -> None:
    """Birth control is not asked of who is pregnant: the refusal names it where it is answered."""
    form = questioning.questionnaire(RETINOID)
    said = answers_to(RETINOID) | {"pregnancy": "pregnant"}

    assert set(wrong_with(form, said)) == {"answers.contraception"}
    del said["contraception"]
    assert wrong_with(form, said) == {}


# What a product asks.


def known_to_the_dictionary(*actives: str) -> None:
    """The substances, with the class that the shipped dictionary gives them."""
    for active in actives:
        name = active.replace("_", " ")
        known = dictionary.files().substances[name]
        substance = Ingredient(inci_name=name, active_class=known.active_class, source="own")
        db.session.add(IngredientName(name=name, ingredient=substance, way=Way.INCI))
    db.session.flush()


def an_rx(**actives: str) -> Variant:
    """A prescription product with these actives, as the dictionary knows them."""
    product = a_product(LegalClass.RX)
    pack = a_variant(product)
    holding(product, **actives)
    return pack


PRODUCTS: dict[str, tuple[dict[str, str], str]] = {
    "a retinoid": ({"TRETINOIN": "0.05"}, "retinoid-2026-1"),
    "hydroquinone": ({"HYDROQUINONE": "4"}, "hydroquinone-2026-1"),
    "an antibiotic": ({"CLINDAMYCIN": "1"}, "antibiotic-2026-1"),
    "a steroid": ({"FLUOCINOLONE_ACETONIDE": "0.01"}, "steroid-2026-1"),
    "something else": ({"AZELAIC_ACID": "15"}, "other-2026-1"),
    "nothing known": ({}, "other-2026-1"),
    "a retinoid with something else": (
        {"BENZOYL_PEROXIDE": "2.5", "ADAPALENE": "0.1"},
        "retinoid-2026-1",
    ),
    "three families": (
        {"HYDROQUINONE": "4", "TRETINOIN": "0.05", "FLUOCINOLONE_ACETONIDE": "0.01"},
        "retinoid-2026-1+hydroquinone-2026-1+steroid-2026-1",
    ),
}


@pytest.mark.parametrize("case", PRODUCTS)
def test_a_product_asks_what_its_actives_call_for(app: Flask, case: str) -> None:
    actives, parts = PRODUCTS[case]
    known_to_the_dictionary(*actives)

    request = a_draft(alice(), an_rx(**actives))

    assert request.questionnaire_version == f"general-2026-2+{parts}"


def test_what_is_not_active_asks_nothing(app: Flask) -> None:
    known_to_the_dictionary("RETINOL", "TRETINOIN")
    pack = an_rx(TRETINOIN="0.05")
    product = a_product(LegalClass.RX)
    named = db.session.scalars(sa.select(IngredientName).where(IngredientName.name == "RETINOL"))
    product.ingredients.append(
        ProductIngredient(position=0, named=named.one(), active=False, raw="Retinol")
    )
    db.session.flush()

    assert composing.families(product.id) == {Family.OTHER}
    assert composing.families(pack.product_id) == {Family.RETINOID}


@pytest.mark.parametrize("case", PRODUCTS)
def test_answers_to_all_it_asks_are_handed_in(app: Flask, case: str) -> None:
    actives, _ = PRODUCTS[case]
    known_to_the_dictionary(*actives)
    request = a_request(alice(), an_rx(**actives))

    assert request.answers == answers_to(request.questionnaire_version)


def test_answers_of_another_family_are_refused(app: Flask) -> None:
    request = a_draft(alice(), a_cream())

    with pytest.raises(AnswersRefused) as refused:
        requesting.answer(request, ANSWERS | {"asthma": True}, by=request.client, at=now())

    assert list(refused.value.fields) == ["answers.asthma"]
    assert request.answers is None
