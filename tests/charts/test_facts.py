"""What can be said in a chart, and what is refused; kept and read back it is the same."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest

from shop.catalog.concerns import Concern
from shop.catalog.models import Way
from shop.charts import facts
from shop.charts.errors import FactRefused
from shop.charts.facts import (
    Allergy,
    Condition,
    ConditionCode,
    Fact,
    FactKind,
    Fitzpatrick,
    Guardian,
    Medicine,
    NoneKnown,
    Phototype,
    Pregnancy,
    PregnancyStatus,
    Relationship,
    Severity,
    SkinConcern,
)

TODAY = date(2026, 11, 27)

GOOD: dict[str, Fact] = {
    "an allergy": Allergy("Wool wax", "Hives", Severity.MODERATE),
    "an allergy the dictionary knows": Allergy(
        "Wool wax", ingredient_id=uuid.uuid4(), inci_name="LANOLIN", way=Way.SYNONYM
    ),
    "a condition": Condition(ConditionCode.ECZEMA),
    "a condition in words": Condition(ConditionCode.OTHER, "Vitiligo, on the hands"),
    "no pregnancy": Pregnancy(PregnancyStatus.NONE),
    "a pregnancy": Pregnancy(PregnancyStatus.PREGNANT, TODAY + timedelta(days=300)),
    "an overdue pregnancy": Pregnancy(PregnancyStatus.PREGNANT, TODAY - timedelta(days=21)),
    "a medicine": Medicine("Doxycycline", "100 mg a day"),
    "a medicine of the past": Medicine("Isotretinoin", last_taken_on=TODAY),
    "a skin": Fitzpatrick(Phototype.IV),
    "a concern": SkinConcern(Concern.MELASMA),
    "a guardian": Guardian("Rosa Moreno", Relationship.MOTHER, "+1 510 555 0100"),
    "no allergy": NoneKnown(FactKind.ALLERGY),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_fact_is_read_as_it_was_written(case: str) -> None:
    fact = GOOD[case]
    facts.check(fact, today=TODAY)
    assert facts.read(fact.kind, facts.written(fact)) == fact


def test_there_is_a_form_for_every_kind() -> None:
    assert set(facts.FORMS) == set(FactKind) == {fact.kind for fact in GOOD.values()}


BAD: dict[str, tuple[Fact, str]] = {
    "no substance": (Allergy(" "), "allergy.substance"),
    "a long substance": (Allergy("x" * 201), "allergy.substance"),
    "a long reaction": (Allergy("Wool", "x" * 501), "allergy.reaction"),
    "another condition without words": (Condition(ConditionCode.OTHER), "condition.text"),
    "a condition in 10,000 letters": (
        Condition(ConditionCode.ECZEMA, "x" * 10_000),
        "condition.text",
    ),
    "a due date without a pregnancy": (
        Pregnancy(PregnancyStatus.TRYING, TODAY + timedelta(days=30)),
        "pregnancy.due_on",
    ),
    "a due date too far": (
        Pregnancy(PregnancyStatus.PREGNANT, TODAY + timedelta(days=301)),
        "pregnancy.due_on",
    ),
    "a due date long gone": (
        Pregnancy(PregnancyStatus.PREGNANT, TODAY - timedelta(days=22)),
        "pregnancy.due_on",
    ),
    "a medicine without a name": (Medicine(""), "medicine.name"),
    "a long dose": (Medicine("Zinc", "x" * 201), "medicine.dose"),
    "a medicine last taken tomorrow": (
        Medicine("Isotretinoin", last_taken_on=TODAY + timedelta(days=1)),
        "medicine.last_taken_on",
    ),
    "a medicine last taken in the year 26": (
        Medicine("Isotretinoin", last_taken_on=date(26, 11, 1)),
        "medicine.last_taken_on",
    ),
    "a guardian without a name": (Guardian("\n", Relationship.OTHER), "guardian.name"),
    "a long telephone number": (
        Guardian("Rosa", Relationship.OTHER, "5" * 41),
        "guardian.phone",
    ),
    "no guardian known": (NoneKnown(FactKind.GUARDIAN), "none_known"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_kept_is_named(case: str) -> None:
    fact, field = BAD[case]
    with pytest.raises(FactRefused) as refused:
        facts.check(fact, today=TODAY)
    assert list(refused.value.fields) == [field]


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(FactRefused) as refused:
        facts.check(Allergy("", "x" * 501), today=TODAY)
    assert sorted(refused.value.fields) == ["allergy.reaction", "allergy.substance"]


ISOTRETINOIN = {
    "Isotretinoin 20 mg": True,
    "accutane": True,
    "ABSORICA-LD, 32 mg": True,
    "Tretinoin": False,
    "Accutanex": False,
}


@pytest.mark.parametrize("name", ISOTRETINOIN)
def test_isotretinoin_is_known_by_its_names(name: str) -> None:
    assert Medicine(name).isotretinoin is ISOTRETINOIN[name]


def test_isotretinoin_is_known_by_its_substance() -> None:
    assert Medicine("13-cis retinoic acid", inci_name="ISOTRETINOIN").isotretinoin


ONE_THING: dict[str, tuple[Fact, Fact, bool]] = {
    "a substance by two names": (
        Allergy("Wool wax", inci_name="LANOLIN", way=Way.SYNONYM),
        Allergy("Lanolin", "Hives", inci_name="LANOLIN", way=Way.INCI),
        True,
    ),
    "a substance and what may be a typing error": (
        Allergy("Lanolium", inci_name="LANOLIN", way=Way.FUZZY),
        Allergy("Lanolin", inci_name="LANOLIN", way=Way.INCI),
        False,
    ),
    "a medicine by two names": (
        Medicine("Retin-A", inci_name="TRETINOIN", way=Way.SYNONYM),
        Medicine("Tretinoin", inci_name="TRETINOIN", way=Way.INCI),
        True,
    ),
    "two words of which nothing is known": (Allergy("Mango"), Allergy("Kiwi"), False),
    "a word in capitals": (Allergy("Mango"), Allergy("MANGO"), True),
    "a condition with other words": (
        Condition(ConditionCode.ECZEMA),
        Condition(ConditionCode.ECZEMA, "on the hands"),
        True,
    ),
    "two others": (
        Condition(ConditionCode.OTHER, "Vitiligo"),
        Condition(ConditionCode.OTHER, "Lupus"),
        False,
    ),
    "two answers to one question": (
        Pregnancy(PregnancyStatus.NONE),
        Pregnancy(PregnancyStatus.PREGNANT),
        True,
    ),
    "two doses": (Medicine("Zinc", "5 mg"), Medicine("zinc", "10 mg"), True),
    "two concerns": (SkinConcern(Concern.ACNE), SkinConcern(Concern.REDNESS), False),
}


@pytest.mark.parametrize("case", ONE_THING)
def test_facts_are_about_one_thing_or_two(case: str) -> None:
    one, other, same = ONE_THING[case]
    assert (one.about == other.about) is same


def test_phototypes_can_be_compared() -> None:
    assert [one.number for one in Phototype] == [1, 2, 3, 4, 5, 6]
