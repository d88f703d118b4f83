"""A fact is stated, later stated otherwise or ended, and never lost."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.concerns import Concern
from shop.catalog.models import Ingredient, IngredientName, Way
from shop.charts import charting, queries
from shop.charts.errors import EntryEnded, FactRefused, FactsStand, SaidByTheClinic, WrongKind
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
from shop.charts.models import ChartEntry, Ending, Source
from shop.charts.queries import Chart
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound
from tests.people import alice, bob, dr_chen, eva, mona, sam

NOT_PREGNANT = Pregnancy(PregnancyStatus.NONE)
PREGNANT = Pregnancy(PregnancyStatus.PREGNANT)
WOOL = Allergy("Wool wax", "Hives", Severity.MODERATE)


@pytest.fixture
def client(app: Flask) -> Person:
    return alice()


def says(client: Person, fact: Fact, *, by: Person | None = None, **given: Any) -> ChartEntry:
    return charting.state(client, fact, by=by or client, at=now(), **given)


def chart(client: Person) -> Chart:
    return queries.chart_of(client, at=now())


def said(found: Sequence[queries.Said[Any]]) -> list[Fact]:
    return [one.fact for one in found]


def everything(client: Person) -> list[ChartEntry]:
    return list(db.session.scalars(queries.entries_of(client)))


def lanolin() -> Ingredient:
    """A dictionary of one substance with two names."""
    substance = Ingredient(id=uuid.uuid4(), inci_name="LANOLIN", source="test")
    db.session.add(substance)
    db.session.flush()  # its names point at it
    for name, way in (("LANOLIN", Way.INCI), ("WOOL WAX", Way.SYNONYM)):
        db.session.add(
            IngredientName(
                name=name, ingredient_id=substance.id, way=way, confidence=1, source="own"
            )
        )
    db.session.flush()  # the lexicon reads them
    return substance


def test_an_empty_chart_says_nothing(client: Person) -> None:
    assert chart(client) == Chart(
        client_id=client.id,
        birth_date=client.birth_date,
        allergies=(),
        conditions=(),
        medicines=(),
        concerns=(),
        guardians=(),
        pregnancy=None,
        fitzpatrick=None,
        none_known={},
    )


def test_the_chart_holds_what_was_said_by_whom_and_when(client: Person) -> None:
    chen, before = dr_chen(), now()
    rosa = Guardian("Rosa Moreno", Relationship.MOTHER)
    for fact in (WOOL, Condition(ConditionCode.ECZEMA), NOT_PREGNANT, rosa):
        says(client, fact)
    says(client, Fitzpatrick(Phototype.III), by=chen)
    says(client, SkinConcern(Concern.MELASMA), intake=True)
    says(client, Medicine("Zinc"), intake=True)

    known = chart(client)

    assert said(known.allergies) == [WOOL]
    assert said(known.conditions) == [Condition(ConditionCode.ECZEMA)]
    assert said(known.medicines) == [Medicine("Zinc")]
    assert said(known.concerns) == [SkinConcern(Concern.MELASMA)]
    assert said(known.guardians) == [rosa]
    assert known.pregnancy is not None
    assert known.fitzpatrick is not None
    assert (known.pregnancy.fact, known.fitzpatrick.fact) == (
        NOT_PREGNANT,
        Fitzpatrick(Phototype.III),
    )
    assert (known.fitzpatrick.stated_by, known.fitzpatrick.source) == (chen.name, Source.PHYSICIAN)
    assert {one.source for one in (*known.concerns, *known.medicines)} == {Source.INTAKE}
    assert before < known.pregnancy.stated_at < now()


def test_the_words_are_ciphertext_in_the_database(client: Person) -> None:
    says(client, WOOL)
    row = db.session.execute(sa.text("SELECT * FROM chart_entries")).one()
    assert "wool" not in repr(row).lower()
    assert "hives" not in repr(row).lower()


def test_a_fact_about_the_same_thing_takes_its_place(client: Person) -> None:
    first = says(client, WOOL)
    second = says(client, replace(WOOL, substance="wool WAX", severity=Severity.SEVERE))
    other = says(client, Allergy("Mango"))

    assert (first.ending, first.ended_at, second.supersedes_id) == (
        Ending.SUPERSEDED,
        second.stated_at,
        first.id,
    )
    assert (first.ended_by, first.fact) == (client, WOOL)
    assert other.supersedes_id is None
    assert said(chart(client).allergies) == [second.fact, Allergy("Mango")]


def test_the_latest_answer_about_pregnancy_counts(client: Person) -> None:
    says(client, NOT_PREGNANT)
    then = now()
    says(client, PREGNANT)

    before, after = queries.chart_of(client, at=then).pregnancy, chart(client).pregnancy
    assert before is not None
    assert after is not None
    assert (before.fact, after.fact) == (NOT_PREGNANT, PREGNANT)


def test_an_answer_given_again_is_dated_anew(client: Person) -> None:
    first = says(client, NOT_PREGNANT)
    second = says(client, NOT_PREGNANT)

    known = chart(client).pregnancy
    assert known is not None
    assert (known.entry_id, known.stated_at) == (second.id, second.stated_at)
    assert second.stated_at > first.stated_at


def test_an_allergy_is_matched_with_its_substance(client: Person) -> None:
    substance = lanolin()

    entry = says(client, WOOL)

    assert entry.fact == replace(
        WOOL, ingredient_id=substance.id, inci_name="LANOLIN", way=Way.SYNONYM
    )
    again = says(client, Allergy("lanolin"))
    assert again.supersedes_id == entry.id
    unknown = says(client, Allergy("Grandmother's soap")).fact
    assert isinstance(unknown, Allergy)
    assert (unknown.substance, unknown.ingredient_id, unknown.way) == (
        "Grandmother's soap",
        None,
        Way.NONE,
    )


def test_the_isotretinoin_taken_last_is_found(client: Person) -> None:
    assert chart(client).isotretinoin is None
    says(client, Medicine("Zinc"))
    says(client, Medicine("Claravis", last_taken_on=date(2024, 3, 1)))
    says(client, Medicine("Accutane", last_taken_on=date(2025, 3, 1)))

    found = chart(client).isotretinoin

    assert found is not None
    assert found.fact.last_taken_on == date(2025, 3, 1)
    says(client, Medicine("Absorica"))
    found = chart(client).isotretinoin
    assert found is not None
    assert found.fact.last_taken_on is None


def test_none_known_is_an_answer_until_something_is_known(client: Person) -> None:
    none = says(client, NoneKnown(FactKind.ALLERGY))
    assert chart(client).none_known[FactKind.ALLERGY].stated_at == none.stated_at
    assert set(chart(client).none_known) == {FactKind.ALLERGY}
    assert chart(client).allergies == ()

    entry = says(client, WOOL)

    assert entry.supersedes_id == none.id
    assert chart(client).none_known == {}


def test_none_known_is_refused_while_something_stands(client: Person) -> None:
    entry = says(client, WOOL)
    with pytest.raises(FactsStand):
        says(client, NoneKnown(FactKind.ALLERGY))
    assert everything(client) == [entry]

    charting.end(entry, ending=Ending.RESOLVED, by=client, at=now())
    says(client, NoneKnown(FactKind.ALLERGY))
    assert set(chart(client).none_known) == {FactKind.ALLERGY}


def test_what_the_physician_knows_of_nothing_the_client_may_know_better(client: Person) -> None:
    says(client, NoneKnown(FactKind.ALLERGY), by=dr_chen())
    says(client, WOOL)
    assert (said(chart(client).allergies), chart(client).none_known) == ([WOOL], {})


def test_a_correction_keeps_what_was_said_before(client: Person) -> None:
    wrong = says(client, Medicine("Zink"))
    right = charting.correct(wrong, Medicine("Zinc"), by=client, at=now())

    assert [entry.fact for entry in everything(client)] == [Medicine("Zink"), Medicine("Zinc")]
    assert right.supersedes_id == wrong.id
    assert said(chart(client).medicines) == [Medicine("Zinc")]


def test_a_correction_stays_of_its_kind(client: Person) -> None:
    entry = says(client, WOOL)
    with pytest.raises(WrongKind):
        charting.correct(entry, Condition(ConditionCode.ECZEMA), by=client, at=now())
    assert everything(client) == [entry]
    assert entry.stands


def test_an_allergy_is_not_corrected_into_none_beside_another(client: Person) -> None:
    entry, other = says(client, WOOL), says(client, Allergy("Mango"))
    with pytest.raises(FactsStand):
        charting.correct(entry, NoneKnown(FactKind.ALLERGY), by=client, at=now())
    assert (entry.stands, other.stands) == (True, True)

    charting.end(other, ending=Ending.ENTERED_IN_ERROR, by=client, at=now())
    charting.correct(entry, NoneKnown(FactKind.ALLERGY), by=client, at=now())
    assert set(chart(client).none_known) == {FactKind.ALLERGY}


def test_an_ended_fact_stands_no_more_and_is_kept(client: Person) -> None:
    entry, then = says(client, WOOL), now()
    charting.end(entry, ending=Ending.RESOLVED, by=client, at=now())

    assert chart(client).allergies == ()
    assert said(queries.chart_of(client, at=then).allergies) == [WOOL]
    assert (entry.ending, entry.ended_by) == (Ending.RESOLVED, client)


def test_what_has_ended_is_not_ended_again(client: Person) -> None:
    entry = says(client, WOOL)
    charting.end(entry, ending=Ending.RESOLVED, by=client, at=now())
    ended_at = entry.ended_at

    with pytest.raises(EntryEnded):
        charting.end(entry, ending=Ending.ENTERED_IN_ERROR, by=client, at=now())
    with pytest.raises(EntryEnded):
        charting.correct(entry, WOOL, by=client, at=now())
    db.session.refresh(entry)
    assert (entry.ended_at, entry.ending) == (ended_at, Ending.RESOLVED)
    assert everything(client) == [entry]


# Who may end what stands, by who said it: (source, fact) → who may.
MAY_END = {
    Source.INTAKE: {"alice", "eva", "chen"},
    Source.CLIENT: {"alice", "eva", "chen"},
    Source.ESTHETICIAN: {"eva", "chen"},
    Source.PHYSICIAN: {"chen"},
}


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize("ender", ["alice", "eva", "chen"])
def test_what_is_known_better_is_not_taken_back(client: Person, source: Source, ender: str) -> None:
    cast = {"alice": client, "eva": eva(), "chen": dr_chen()}
    author = {Source.ESTHETICIAN: cast["eva"], Source.PHYSICIAN: cast["chen"]}.get(source, client)
    entry = says(client, WOOL, by=author, intake=source is Source.INTAKE)
    assert entry.source is source

    if ender in MAY_END[source]:
        charting.end(entry, ending=Ending.RESOLVED, by=cast[ender], at=now())
    else:
        with pytest.raises(SaidByTheClinic):
            charting.end(entry, ending=Ending.RESOLVED, by=cast[ender], at=now())
        with pytest.raises(SaidByTheClinic):
            charting.correct(entry, WOOL, by=cast[ender], at=now())
    assert entry.stands is (ender not in MAY_END[source])


def test_what_the_client_adds_stands_beside_what_the_physician_noted(client: Person) -> None:
    says(client, WOOL, by=dr_chen())
    mild = replace(WOOL, severity=Severity.MILD)
    says(client, mild)
    assert said(chart(client).allergies) == [WOOL, mild]


def test_the_client_says_anew_whether_she_is_pregnant(client: Person) -> None:
    noted = says(client, NOT_PREGNANT, by=dr_chen())
    says(client, PREGNANT)
    assert noted.ending is Ending.SUPERSEDED


def test_the_physicians_phototype_stays(client: Person) -> None:
    noted = says(client, Fitzpatrick(Phototype.IV), by=dr_chen())
    with pytest.raises(SaidByTheClinic):
        says(client, Fitzpatrick(Phototype.II))
    assert everything(client) == [noted]
    assert noted.stands


@pytest.mark.parametrize("who", [bob, sam, mona])
def test_nobody_else_writes_in_a_chart(client: Person, who: Any) -> None:
    stranger = who()
    entry = says(client, WOOL)
    for act in (
        lambda: says(client, WOOL, by=stranger),
        lambda: charting.correct(entry, WOOL, by=stranger, at=now()),
        lambda: charting.end(entry, ending=Ending.RESOLVED, by=stranger, at=now()),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert everything(client) == [entry]
    assert entry.stands


def test_intake_speaks_for_the_client_only(client: Person) -> None:
    with pytest.raises(NotAllowed):
        says(client, WOOL, by=dr_chen(), intake=True)
    assert everything(client) == []


def test_who_works_here_has_no_chart(app: Flask) -> None:
    chen = dr_chen()
    for author in (chen, eva()):
        with pytest.raises(NotAllowed):
            says(chen, WOOL, by=author)
    assert everything(chen) == []


def test_nothing_is_written_of_what_cannot_be(client: Person) -> None:
    tomorrow = now().date() + timedelta(days=2)
    with pytest.raises(FactRefused):
        says(client, Medicine("Accutane", last_taken_on=tomorrow))
    assert everything(client) == []


def test_an_entry_is_found_in_its_own_chart_only(client: Person) -> None:
    entry = says(client, WOOL)
    assert queries.entry_of(client, entry.id) is entry
    with pytest.raises(NotFound):
        queries.entry_of(bob(), entry.id)


def test_a_minor_without_a_guardian_is_told_apart(app: Flask) -> None:
    today = date(2026, 11, 27)
    young = alice(birth_date=date(2008, 11, 28))
    assert chart(young).lacks_guardian(today)
    assert not chart(young).lacks_guardian(today + timedelta(days=1))
    says(young, Guardian("Rosa Moreno", Relationship.MOTHER))
    assert not chart(young).lacks_guardian(today)


def test_the_events_hold_nothing_medical(client: Person) -> None:
    first = says(client, PREGNANT)
    second = says(client, NOT_PREGNANT)
    charting.end(second, ending=Ending.ENTERED_IN_ERROR, by=client, at=now())

    told = [(e.kind, e.facts) for one in (first, second) for e in events.of(one.id)]
    assert told == [
        ("chart_entry_stated", {"source": "client"}),
        ("chart_entry_ended", {"ending": "superseded"}),
        ("chart_entry_stated", {"source": "client"}),
        ("chart_entry_ended", {"ending": "entered_in_error"}),
    ]
