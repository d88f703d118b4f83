"""What a client says in a questionnaire is in her chart, once, and never takes anything from it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts import charting, facts, queries
from shop.charts.facts import (
    Allergy,
    Condition,
    ConditionCode,
    Fact,
    FactKind,
    Medicine,
    NoneKnown,
    Pregnancy,
    PregnancyStatus,
    Severity,
)
from shop.charts.models import ChartEntry, Source
from shop.charts.queries import Chart
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import inquiring, requesting, reviewing
from shop.prescriptions.intake import noting
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening import checking, knowing
from tests.builders import a_cream
from tests.people import alice, dr_chen
from tests.prescriptions.builders import ANSWERS, a_draft, completed
from tests.prescriptions.test_checking import (
    a_formula,
    a_substance,
    asked,
    counted,
    hydroquinone,
    sulfite,
    tretinoin,
)

pytestmark = pytest.mark.usefixtures("app")


def handed_in(client: Person, *, days_ago: int = 0, **answers: Any) -> ApprovalRequest:
    """Answered so many days ago, handed in now; for another cream each time."""
    request = a_draft(client, a_cream())
    full = completed(request.questionnaire_version, **answers)
    at = now() - timedelta(days=days_ago)
    requesting.answer(request, full, by=client, at=at)
    requesting.submit(request, consent=True, by=client, at=now())
    return request


def chart(client: Person) -> Chart:
    return queries.standing(client)


def noted(client: Person, fact: Fact, *, by: Person | None = None) -> ChartEntry:
    return charting.state(client, fact, by=by or client, at=now())


def stands(client: Person) -> Counter[str]:
    """How often each thing stands, as it was written."""
    query = queries.entries_of(client).where(ChartEntry.ended_at.is_(None))
    entries = db.session.scalars(query)
    return Counter(f"{entry.kind} {facts.written(entry.fact)}" for entry in entries)


def entries(client: Person) -> int:
    query = sa.select(sa.func.count()).where(ChartEntry.client_id == client.id)
    return db.session.scalar(query) or 0


def texts(said: tuple[Any, ...], name: str) -> list[str]:
    return sorted(str(getattr(one.fact, name)) for one in said)


# What is written.


def test_a_well_client_is_asked_and_knows_of_nothing() -> None:
    client = alice()
    handed_in(client)
    known = chart(client)

    assert known.pregnancy is not None
    assert known.pregnancy.fact == Pregnancy(PregnancyStatus.NONE)
    assert known.pregnancy.source is Source.INTAKE
    assert set(known.none_known) == {FactKind.ALLERGY, FactKind.MEDICINE}
    assert (known.allergies, known.medicines, known.conditions) == ((), (), ())


def test_what_she_says_is_in_her_chart() -> None:
    a_substance("LANOLIN", "WOOL WAX")
    client = alice()
    handed_in(
        client,
        pregnancy="pregnant",
        due_date=(now().date() + timedelta(days=90)).isoformat(),
        has_allergies=True,
        allergens=["fish", "propylene_glycol"],
        allergies="Wool wax",
        skin_conditions=["eczema", "cold_sores"],
        takes_medicines=True,
        medicines="Doxycycline, 100 mg",
        isotretinoin="past_six_months",
        isotretinoin_ended="2026-01-31",
    )
    known = chart(client)

    assert known.pregnancy is not None
    assert known.pregnancy.fact.status is PregnancyStatus.PREGNANT
    assert known.pregnancy.fact.due_on == now().date() + timedelta(days=90)
    assert texts(known.allergies, "substance") == ["Wool wax", "fish", "propylene glycol"]
    assert {one.fact.inci_name for one in known.allergies} == {"LANOLIN", None}
    assert texts(known.conditions, "code") == ["cold_sores", "eczema"]
    assert texts(known.medicines, "name") == ["Doxycycline, 100 mg", "isotretinoin"]
    assert known.isotretinoin is not None
    assert known.isotretinoin.fact.last_taken_on == date(2026, 1, 31)
    assert known.none_known == {}


FAMILIES: dict[str, tuple[dict[str, Any], str]] = {
    "asthma": ({"asthma": True}, "asthma"),
    "sulfites": ({"sulfite_reaction": True}, "sulfites"),
    "ochronosis": (
        {
            "hydroquinone_used": "now",
            "hydroquinone_months": 2,
            "skin_darkened": True,
        },
        "Skin got darker",
    ),
}


@pytest.mark.parametrize("case", FAMILIES)
def test_what_a_family_asks_is_in_her_chart(case: str) -> None:
    answers, word = FAMILIES[case]
    client = alice()
    asked(client, a_formula(hydroquinone(), sulfite()), **answers)
    assert any(word in one for one in stands(client)), stands(client)


def test_how_the_skin_is_today_and_what_is_put_on_it_stay_answers() -> None:
    client = alice()
    asked(
        client,
        a_formula(tretinoin()),
        skin_today=True,
        skin_conditions=["open_skin"],
        other_retinoids=["adapalene"],
        other_retinoids_when="at night",
    )
    known = chart(client)
    assert (known.conditions, known.medicines, known.fitzpatrick) == ((), (), None)
    assert FactKind.CONDITION not in known.none_known  # only some were asked about


def test_words_too_long_for_one_entry_are_kept_whole_in_several() -> None:
    words = " ".join(f"word{number}" for number in range(200))[:1_999]
    client = alice()
    handed_in(client, has_allergies=True, allergens=["none"], allergies=words)

    kept = [one.fact.substance for one in chart(client).allergies]
    assert sorted(" ".join(kept).split()) == sorted(words.split())
    assert all(len(one) <= facts.LONGEST_NAME for one in kept)


def test_isotretinoin_without_a_day_is_not_written() -> None:
    """Without a last day an entry would say that she takes it."""
    client = alice()
    request = a_draft(client)
    request.questionnaire_version = "general-2026-1"
    answers = ANSWERS | {"isotretinoin": "past_six_months"}
    requesting.answer(request, answers, by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    assert chart(client).medicines == ()


# Nothing twice, and nothing less.

ILL: dict[str, Any] = {
    "pregnancy": "trying",
    "has_allergies": True,
    "allergens": ["fish"],
    "allergies": "Nickel: a rash.",
    "skin_conditions": ["rosacea"],
    "takes_medicines": True,
    "medicines": "Zinc",
    "isotretinoin": "now",
}


@pytest.mark.parametrize("answers", [{}, ILL], ids=["well", "ill"])
def test_what_is_said_again_is_not_written_again(answers: dict[str, Any]) -> None:
    client = alice()
    handed_in(client, **answers)
    once, count = stands(client), entries(client)
    handed_in(client, **answers)

    assert (stands(client), entries(client)) == (once, count)
    assert set(once.values()) == {1}


def test_what_stands_in_more_words_is_left_alone() -> None:
    client, chen = alice(), dr_chen()
    said = [
        noted(client, Allergy("Fish", reaction="Hives", severity=Severity.SEVERE)),
        noted(client, Medicine("zinc", dose="20 mg"), by=chen),
        noted(client, Condition(ConditionCode.ROSACEA, "since 2019"), by=chen),
        noted(client, Medicine("Claravis"), by=chen),
        noted(client, Pregnancy(PregnancyStatus.TRYING)),
    ]
    handed_in(client, **ILL | {"allergies": "Nickel"})

    assert all(entry.stands for entry in said)
    known = chart(client)
    assert texts(known.allergies, "substance") == ["Fish", "Nickel"]
    assert texts(known.medicines, "name") == ["Claravis", "zinc"]
    assert len(known.conditions) == 1


def test_saying_no_takes_nothing_away() -> None:
    client = alice()
    handed_in(client, **ILL)
    before = stands(client)
    handed_in(client, pregnancy="trying")
    assert stands(client) == before


def test_something_takes_the_place_of_none_known() -> None:
    client = alice()
    handed_in(client)
    handed_in(client, **ILL)
    known = chart(client)
    assert known.none_known == {}
    assert texts(known.medicines, "name") == ["Zinc", "isotretinoin"]


def test_a_medicine_that_was_over_is_taken_again() -> None:
    client = alice()
    noted(client, Medicine("Zinc", last_taken_on=date(2025, 1, 1)))
    handed_in(client, **ILL)
    assert [one.fact.last_taken_on for one in chart(client).medicines] == [None, None]


def test_isotretinoin_ends_on_a_later_day_and_never_earlier_than_known() -> None:
    client = alice()
    handed_in(client, isotretinoin="past_six_months", isotretinoin_ended="2026-02-01")
    handed_in(client, isotretinoin="earlier", isotretinoin_ended="2020-02-01")
    handed_in(client, isotretinoin="never")
    (one,) = chart(client).medicines
    assert one.fact.last_taken_on == date(2026, 2, 1)

    handed_in(client, isotretinoin="now")
    (one,) = chart(client).medicines
    assert one.fact.last_taken_on is None


# Pregnancy has its day.


@pytest.mark.parametrize(
    ("first", "then", "stays"),
    [
        ("none", "trying", "trying"),
        ("trying", "none", "trying"),  # of one day the graver
        ("pregnant", "none", "pregnant"),
        ("trying", "pregnant", "pregnant"),
        ("none", "none", "none"),
    ],
)
def test_of_one_day_the_graver_word_about_pregnancy_stands(
    first: str, then: str, stays: str
) -> None:
    client = alice()
    noted(client, Pregnancy(PregnancyStatus(first)))
    handed_in(client, pregnancy=then)
    known = chart(client).pregnancy
    assert known is not None
    assert known.fact.status.value == stays


def test_an_answer_of_another_day_keeps_its_day() -> None:
    """Written today, said nine days ago: screening must not take it for a word of today."""
    client = alice()
    request = handed_in(client, days_ago=9)
    then = (now() - timedelta(days=9)).astimezone(UTC).date()

    known = chart(client).pregnancy
    assert known is not None
    assert known.fact.said_on == then
    assert knowing.of(request, at=now()).client.pregnancy_on == then


def test_an_older_answer_does_not_replace_a_newer_word() -> None:
    client = alice()
    noted(client, Pregnancy(PregnancyStatus.PREGNANT))
    handed_in(client, days_ago=3, pregnancy="breastfeeding")
    known = chart(client).pregnancy
    assert known is not None
    assert known.fact.status is PregnancyStatus.PREGNANT


def test_a_newer_answer_replaces_an_older_word() -> None:
    client = alice()
    handed_in(client, days_ago=9, pregnancy="trying")
    handed_in(client, pregnancy="none")
    known = chart(client).pregnancy
    assert known is not None
    assert known.fact == Pregnancy(PregnancyStatus.NONE)


def test_a_due_date_is_added_and_not_lost() -> None:
    client, due = alice(), now().date() + timedelta(days=100)
    handed_in(client, pregnancy="pregnant")
    handed_in(client, pregnancy="pregnant", due_date=due.isoformat())
    handed_in(client, pregnancy="pregnant")
    known = chart(client).pregnancy
    assert known is not None
    assert known.fact.due_on == due


def test_a_due_date_that_cannot_be_is_left_out() -> None:
    client = alice()
    request = a_draft(client)
    request.questionnaire_version = "general-2026-1"  # which has no bounds
    answers = ANSWERS | {"pregnancy": "pregnant", "due_date": "2190-01-01"}
    requesting.answer(request, answers, by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    known = chart(client).pregnancy
    assert known is not None
    assert known.fact == Pregnancy(PregnancyStatus.PREGNANT)


# With the rest.


def test_a_reply_is_charted_too_and_words_alone_are_not() -> None:
    client, chen = alice(), dr_chen()
    request = handed_in(client)
    for words, answers in (("Yes.", {}), ("", {"skin_conditions": ["psoriasis"]})):
        before = entries(client)
        reviewing.claim(request, by=chen, at=now())
        inquiring.inquire(request, "Anything else?", by=chen, at=now())
        inquiring.reply(request, words, answers=answers, by=client, at=now())
        assert entries(client) - before == len(answers)
    assert texts(chart(client).conditions, "code") == ["psoriasis"]


def test_a_request_that_is_refused_writes_nothing() -> None:
    client = alice()
    request = a_draft(client)
    requesting.answer(request, ANSWERS | {"goal": ""}, by=client, at=now())
    with pytest.raises(Exception, match="missing"):
        requesting.submit(request, consent=True, by=client, at=now())
    assert entries(client) == 0


def test_screening_finds_the_same_before_and_after() -> None:
    """What is in the answers and in the chart is one thing, not two."""
    client = alice()
    request = asked(client, a_formula(tretinoin()), **ILL | {"medicines": "Doxycycline"})
    told = knowing.of(request, at=now()).client

    assert told.medicines is not None
    assert Counter(told.medicines)["Doxycycline"] == 1
    assert [one.text for one in told.allergies or ()] == ["Nickel", "a rash", "fish"]
    hits = checking.check(request, at=now())
    assert all(len(set(hit.fired_by)) == len(hit.fired_by) for hit in hits)


def test_a_well_client_is_charted_with_few_statements() -> None:
    client = alice()
    request = handed_in(client)
    with counted() as again:
        noting.note(request, by=client, at=now())
    assert len(again) <= 3  # the lock, the chart; nothing to write


def test_none_known_that_a_physician_noted_gives_way_to_what_she_says() -> None:
    client, chen = alice(), dr_chen()
    noted(client, NoneKnown(FactKind.ALLERGY), by=chen)
    handed_in(client, **ILL)
    assert FactKind.ALLERGY not in chart(client).none_known
