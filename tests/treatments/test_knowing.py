"""What a chart says reaches windows; what it does not say is not known."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from shop.charts.facts import (
    Condition,
    ConditionCode,
    Fact,
    FactKind,
    Fitzpatrick,
    Medicine,
    NoneKnown,
    Phototype,
)
from shop.charts.models import Source
from shop.charts.queries import Chart, Said
from shop.treatments import knowing
from shop.treatments.windows import Facts

HERE = frozenset({"CA"})


def said(fact: Fact) -> Said[Any]:
    return Said(uuid.uuid4(), fact, datetime(2026, 11, 27, tzinfo=UTC), "Alice", Source.CLIENT)


def a_chart(*stated: Fact, none_known: tuple[FactKind, ...] = ()) -> Chart:
    def of(kind: FactKind) -> tuple[Said[Any], ...]:
        return tuple(said(fact) for fact in stated if fact.kind is kind)

    return Chart(
        client_id=uuid.uuid4(),
        birth_date=None,
        allergies=of(FactKind.ALLERGY),
        conditions=of(FactKind.CONDITION),
        medicines=of(FactKind.MEDICINE),
        concerns=of(FactKind.CONCERN),
        guardians=of(FactKind.GUARDIAN),
        pregnancy=None,
        fitzpatrick=next(iter(of(FactKind.FITZPATRICK)), None),
        none_known={kind: said(NoneKnown(kind)) for kind in none_known},
    )


def test_of_an_empty_chart_nothing_is_known() -> None:
    assert knowing.facts(a_chart(), states=HERE) == Facts(states=HERE)


def test_what_she_has_is_known() -> None:
    chart = a_chart(
        Fitzpatrick(Phototype.V),
        Condition(ConditionCode.COLD_SORES),
        Condition(ConditionCode.MELASMA),
        Medicine("Absorica", last_taken_on=date(2026, 6, 1)),
    )
    assert knowing.facts(chart, states=HERE, uses=frozenset({"retinoid"})) == Facts(
        fitzpatrick=5,
        cold_sores=True,
        melasma=True,
        isotretinoin_now=False,
        isotretinoin_last=date(2026, 6, 1),
        uses=frozenset({"retinoid"}),
        states=HERE,
    )


def test_isotretinoin_without_a_last_day_is_taken_now() -> None:
    found = knowing.facts(a_chart(Medicine("isotretinoin 20 mg")), states=HERE)
    assert (found.isotretinoin_now, found.isotretinoin_last) == (True, None)


def test_one_condition_is_no_word_about_another() -> None:
    found = knowing.facts(a_chart(Condition(ConditionCode.ECZEMA)), states=HERE)
    assert (found.cold_sores, found.melasma) == (None, None)


def test_none_known_is_a_no_for_conditions_and_leaves_isotretinoin_open() -> None:
    chart = a_chart(none_known=(FactKind.CONDITION, FactKind.MEDICINE))
    found = knowing.facts(chart, states=HERE)
    assert (found.cold_sores, found.melasma, found.isotretinoin_now) == (False, False, None)
