"""A rule declines what is just being handed in, and says so; everything else waits for a physician."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.prescriptions import queueing, requesting, reviewing
from shop.prescriptions.errors import AlreadyDecided
from shop.prescriptions.models import Refusal
from shop.prescriptions.screening import rules as screening_rules
from shop.prescriptions.screening.judging import screen
from shop.prescriptions.screening.risk import Risk
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_draft, completed
from tests.prescriptions.screening_cases import DAY, status, the_facts
from tests.prescriptions.test_checking import (
    C,
    a_formula,
    a_substance,
    asked,
    hydroquinone,
    tretinoin,
)

pytestmark = pytest.mark.usefixtures("app")


def tazarotene() -> Any:
    from shop.catalog.models import Pregnancy as InPregnancy

    return a_substance("TAZAROTENE", active_class=C.RETINOID, pregnancy=InPregnancy.AVOID)


PREGNANT = {"pregnancy": "pregnant"}


def test_tazarotene_in_pregnancy_is_declined_at_once() -> None:
    client = alice()
    request = asked(client, a_formula(tazarotene()), **PREGNANT)
    db.session.commit()

    assert request.status is RequestStatus.DECLINED
    assert request.submitted_at is not None
    refusal = db.session.scalars(sa.select(Refusal)).one()
    assert (refusal.refused_by_id, refusal.reason) == (None, "contraindicated")
    assert refusal.rule == {"number": "SC-TAZAROTENE-PREGNANCY", "version": 2}
    assert refusal.rules_version == "2026-2"
    assert b"TAZAROTENE" not in bytes(refusal.rule_sealed or b"")
    assert refusal.message.startswith("Tazarotene must not be used in pregnancy")
    assert "no physician has read it" in refusal.message
    assert refusal.by == "A safety rule of the clinic"
    *_, told = events.of(request.id)
    assert (told.kind, told.from_state, told.to_state) == ("request_declined", "draft", "declined")
    assert told.facts == {"reason": "contraindicated", "by": "rule"}


WAITS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tazarotene, not pregnant": (tazarotene, {}),
    "tretinoin in pregnancy: a physician weighs it": (tretinoin, PREGNANT),
    "hydroquinone in pregnancy: a hard stop, declined by a person": (hydroquinone, PREGNANT),
}


@pytest.mark.parametrize("case", WAITS)
def test_everything_else_waits_for_a_physician(case: str) -> None:
    active, answers = WAITS[case]
    request = asked(alice(), a_formula(active()), **answers)
    assert request.status is RequestStatus.QUEUED
    assert db.session.scalars(sa.select(Refusal)).all() == []


def test_what_her_chart_says_counts_as_what_she_says() -> None:
    client = alice()
    variant = a_formula(tazarotene())
    charting.state(client, Pregnancy(PregnancyStatus.TRYING), by=client, at=now())
    request = asked(client, variant)
    assert request.status is RequestStatus.DECLINED


def test_what_nobody_knows_declines_nothing() -> None:
    rules = tuple(
        replace(rule, auto_decline=rule.severity is screening_rules.Severity.HARD_STOP)
        for rule in screening_rules.rules()
    )
    for said, declines in (({}, False), (status("pregnant"), True)):
        hits = screen(the_facts("TAZAROTENE", **said), rules, on=DAY)
        assert any(hit.declines for hit in hits) is declines


def test_a_decided_request_says_that_a_rule_decided() -> None:
    chen = dr_chen()
    request = asked(alice(), a_formula(tazarotene()), **PREGNANT)
    with pytest.raises(AlreadyDecided, match="A safety rule of the clinic has decided this"):
        reviewing.claim(request, by=chen, at=now())
    with pytest.raises(WrongState):
        requesting.submit(request, consent=True, by=request.client, at=now())


def test_who_asks_again_with_other_answers_is_looked_at_first() -> None:
    client = alice()
    variant = a_formula(tazarotene())
    asked(client, variant, **PREGNANT)
    again = asked(client, variant)
    assert (again.status, Risk(again.risk)) == (RequestStatus.QUEUED, Risk.HIGH)
    reasons = queueing.judge(again, at=now()).weighed.reasons
    assert "A safety rule declined a request of hers lately." in {one.text for one in reasons}


def test_the_client_reads_it_and_a_physician_too(app: Flask) -> None:
    client, chen = somebody(), somebody(dr_chen)
    draft = a_draft(client, a_formula(tazarotene()))
    answers = completed(draft.questionnaire_version, **PREGNANT)
    requesting.answer(draft, answers, by=client, at=now())
    db.session.commit()
    number = draft.number
    browser = Browser(app, client)

    sent = browser.post(f"/approval-requests/{number}/submission", {"consent": True})

    assert (sent.status_code, sent.json["status"]) == (201, "declined")
    for reader in (browser, Browser(app, chen)):
        refusal = reader.get(f"/approval-requests/{number}").json["refusal"]
        assert refusal["by"] == "A safety rule of the clinic"
        assert refusal["note"] is None
    _pages_show_it(app, client, chen, number)


def _pages_show_it(app: Flask, client: Person, chen: Person, number: str) -> None:
    from tests.prescriptions.test_pages import Reader

    assert "must not be used in pregnancy" in Reader(app, client).get(f"/requests/{number}")
    assert "Refused by a safety rule of the clinic" in Reader(app, chen).get(f"/review/{number}")


def test_only_rules_that_say_so_decline() -> None:
    found = {rule.number for rule in screening_rules.rules() if rule.auto_decline}
    assert found == {"SC-TAZAROTENE-PREGNANCY"}
    assert not any(rule.auto_decline for rule in screening_rules.rules("2026-1"))
