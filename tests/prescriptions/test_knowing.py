"""Answers and chart together are what is known of who asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import (
    Allergy,
    Condition,
    ConditionCode,
    Fact,
    FactKind,
    Fitzpatrick,
    Medicine,
    NoneKnown,
    Phototype,
    Pregnancy,
    PregnancyStatus,
)
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import reviewing, signing
from shop.prescriptions.errors import TermsRefused
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking, knowing
from shop.prescriptions.screening.facts import Client, Taking
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_draft, the_terms
from tests.prescriptions.test_checking import (
    a_formula,
    a_substance,
    asked,
    found,
    hydroquinone,
    sulfite,
    tretinoin,
)

pytestmark = pytest.mark.usefixtures("app")


def noted(client: Person, fact: Fact, *, by: Person | None = None) -> None:
    charting.state(client, fact, by=by or client, at=now())
    db.session.flush()


def known(request: ApprovalRequest) -> Client:
    return knowing.of(request, at=now()).client


def a_request(client: Person, **answers: Any) -> ApprovalRequest:
    return asked(client, a_formula(tretinoin()), **answers)


def test_what_she_said_later_counts_for_pregnancy() -> None:
    client = alice()
    request = a_request(client, pregnancy="none")
    assert known(request).pregnancy is PregnancyStatus.NONE

    noted(client, Pregnancy(PregnancyStatus.PREGNANT))

    assert known(request).pregnancy is PregnancyStatus.PREGNANT
    assert known(request).pregnancy_on == now().date()


def test_an_older_word_in_the_chart_does_not_outlive_a_newer_answer(app: Flask) -> None:
    client = alice()
    noted(client, Pregnancy(PregnancyStatus.TRYING))
    request = a_request(client, pregnancy="none")
    request_day = {"pregnancy": (now().date() + timedelta(days=1)).isoformat()}

    later = knowing._pregnancy(knowing._Answers(request), knowing.charts.chart_of(client, at=now()))
    assert later["pregnancy"] is PregnancyStatus.TRYING  # of one day the graver

    said = knowing._Answers(request)
    said._days = request_day
    newer = knowing._pregnancy(said, knowing.charts.chart_of(client, at=now()))
    assert newer["pregnancy"] is PregnancyStatus.NONE


def test_what_the_physician_noted_is_found_although_she_did_not_say_it() -> None:
    client, physician = alice(), dr_chen()
    noted(client, Condition(ConditionCode.ASTHMA), by=physician)
    noted(client, Medicine("Claravis"), by=physician)
    noted(client, Fitzpatrick(Phototype.V), by=physician)

    told = known(a_request(client, isotretinoin="never", sunburns="always_burns"))

    assert ConditionCode.ASTHMA in told.has
    assert told.isotretinoin is not None
    assert told.isotretinoin.taking is Taking.NOW
    assert told.medicines == ("Claravis",)
    assert told.fitzpatrick == 5


def test_what_neither_knows_is_unknown_and_what_was_asked_is_not() -> None:
    client = alice()
    request = a_draft(client, a_formula(tretinoin()))

    told = known(request)
    assert (told.allergies, told.medicines, told.isotretinoin) == (None, None, None)
    assert (told.has, told.has_not) == (frozenset(), frozenset())
    assert told.pregnancy is None

    for kind in (FactKind.ALLERGY, FactKind.MEDICINE, FactKind.CONDITION):
        noted(client, NoneKnown(kind))
    told = known(request)
    assert (told.allergies, told.medicines) == ((), ())
    assert told.has_not == set(ConditionCode) - {
        ConditionCode.SUNBURN,
        ConditionCode.OPEN_SKIN,
    }


def test_none_known_of_another_day_does_not_say_that_the_skin_is_whole_today() -> None:
    client = alice()
    request = a_draft(client, a_formula(tretinoin()))
    noted(client, NoneKnown(FactKind.CONDITION))

    fired = {hit.rule: hit.unknown for hit in checking.check(request, at=now())}

    assert fired["SC-TRETINOIN-SUNBURN"] == "condition_sunburn"
    assert "SC-TRETINOIN-ECZEMA" not in fired


def test_an_allergy_hidden_behind_a_synonym_in_the_chart_stops_the_signature() -> None:
    client, physician = alice(), dr_chen()
    preserved = a_formula(hydroquinone(), sulfite(), name="Fading Cream")
    noted(client, Allergy("Sodium pyrosulfite"), by=physician)
    request = asked(client, preserved)
    reviewing.claim(request, by=physician, at=now())

    stops = {rule for rule, severity in found(request).items() if severity.endswith("stop")}
    assert stops
    with pytest.raises(TermsRefused) as refused:
        signing.sign(
            request,
            the_terms(),
            by=physician,
            proof=a_fresh_sign_in(physician),
            at=now(),
        )
    assert {f"overrides.SC-{rule}" for rule in stops} <= set(refused.value.fields)
    assert db.session.query(Prescription).count() == 0


def test_a_course_that_she_had_elsewhere_counts() -> None:
    cream = a_formula(hydroquinone(), sulfite())
    short = asked(alice(), cream, hydroquinone_used="never")
    (course,) = knowing.of(
        asked(alice(), cream, hydroquinone_used="now", hydroquinone_months=5), at=now()
    ).courses

    assert knowing.of(short, at=now()).courses == ()
    assert (course.days, course.on) == (150, now().date() - timedelta(days=150))


def test_what_she_says_she_uses_is_beside_what_she_asks_for_unless_it_is_that() -> None:
    request = a_request(
        alice(),
        other_retinoids=["adapalene", "tretinoin", "benzoyl_peroxide"],
        other_retinoids_when="at night",
    )

    beside = {one.key for one in checking.facts(request, at=now()).regimen}

    assert beside == {"said:adapalene", "said:benzoyl_peroxide"}
    assert {"RETINOID-TWICE", "TRETINOIN-BENZOYL-PEROXIDE"} <= set(found(request))


def test_a_substance_in_words_is_read_whatever_stands_around_it() -> None:
    a_substance("LANOLIN", "WOOL WAX")
    request = a_request(
        alice(), has_allergies=True, allergies="Itching from wool wax; nickel", allergens=["fish"]
    )

    told = known(request).allergies

    assert told is not None
    assert {one.text for one in told} == {"Itching from wool wax", "nickel", "fish"}
    assert [one.substances for one in told if "wool" in one.text] == [frozenset({"LANOLIN"})]
