"""What a request weighs, and why: pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shop.prescriptions.screening.facts import Facts, Taking
from shop.prescriptions.screening.judging import screen
from shop.prescriptions.screening.risk import Risk, Weighed, weigh
from shop.prescriptions.screening.rules import rules
from tests.prescriptions.screening_cases import (
    DAY,
    a_product,
    aged,
    status,
    supplies,
    the_facts,
    took,
)
from tests.prescriptions.screening_cases import C as CLASS


def weighed(facts: Facts, **given: Any) -> Weighed:
    return weigh(screen(facts, rules(), on=DAY), facts, on=DAY, **given)


SPF = a_product("ZINC OXIDE")
HAD = supplies((30, 200), active_class=CLASS.RETINOID)
CASES: dict[str, tuple[Facts, Risk, list[str]]] = {
    "nothing the matter": (the_facts("AZELAIC ACID"), Risk.ROUTINE, []),
    "only to know": (
        the_facts("AZELAIC ACID", beside=(a_product("NIACINAMIDE"),)),
        Risk.ROUTINE,
        [],
    ),
    "the first retinoid": (
        the_facts("ADAPALENE", beside=(SPF,)),
        Risk.RAISED,
        ["The first retinoid that we know of."],
    ),
    "a retinoid she has had": (the_facts("ADAPALENE", beside=(SPF,), **HAD), Risk.ROUTINE, []),
    "the first hydroquinone": (
        the_facts("HYDROQUINONE", beside=(SPF,)),
        Risk.RAISED,
        ["The first hydroquinone that we know of."],
    ),
    "hydroquinone that she has had is no retinoid": (
        the_facts("ADAPALENE", beside=(SPF,), **supplies((10, 300))),
        Risk.RAISED,
        ["The first retinoid that we know of."],
    ),
    "what needs a reason": (
        the_facts("ADAPALENE", beside=(SPF,), **HAD, **status("pregnant")),
        Risk.RAISED,
        ["Screening found what needs a reason."],
    ),
    "what cannot be signed": (
        the_facts("TAZAROTENE", beside=(SPF,), **HAD, **status("pregnant")),
        Risk.HIGH,
        ["Screening found what cannot be signed."],
    ),
    "isotretinoin now": (
        the_facts("AZELAIC ACID", **took(Taking.NOW)),
        Risk.HIGH,
        ["Isotretinoin is being taken."],
    ),
    "isotretinoin long ago": (
        the_facts("AZELAIC ACID", **took(Taking.PAST, DAY - timedelta(days=900))),
        Risk.ROUTINE,
        [],
    ),
    "a minor": (the_facts("AZELAIC ACID", **aged(17)), Risk.HIGH, ["A minor, 17 years old."]),
    "of age": (the_facts("AZELAIC ACID", **aged(18)), Risk.ROUTINE, []),
    "nobody knows the age": (
        the_facts("AZELAIC ACID", birth_date=None),
        Risk.HIGH,
        ["The age is not known."],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_case_weighs_so_much_and_says_why(case: str) -> None:
    facts, risk, reasons = CASES[case]
    found = weighed(facts)
    assert (found.risk, [reason.text for reason in found.reasons]) == (risk, reasons)


def test_the_gravest_reason_decides_and_comes_first() -> None:
    found = weighed(the_facts("ADAPALENE", **took(Taking.NOW)))
    assert found.risk is Risk.HIGH
    assert [reason.risk for reason in found.reasons] == sorted(
        reason.risk for reason in found.reasons
    )
    assert len(found.reasons) >= 3


def test_who_a_rule_declined_lately_is_looked_at_first() -> None:
    found = weighed(the_facts("AZELAIC ACID"), declined_lately=True)
    assert found.risk is Risk.HIGH
    assert "declined" in found.reasons[0].text


def test_high_comes_first() -> None:
    assert sorted(Risk) == [Risk.HIGH, Risk.RAISED, Risk.ROUTINE]
