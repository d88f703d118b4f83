"""The law of the ship-to state, as the gate and PostgreSQL know it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, LegalClassRule, Variant
from shop.core import ruling
from shop.core.clock import now
from shop.core.db import db
from shop.orders import paying, queries
from shop.orders.models import OrderLine
from shop.orders.states import OrderStatus
from shop.prescriptions import asking, requesting
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import NoPrescription, NotDoctorOnly, NotForSale
from shop.prescriptions.gate import Answer, Decision, Wish
from tests.catalog.rules import a_draft_rule, a_ruling, a_serum, holding, today
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid, placed
from tests.people import alice, bob, dr_chen
from tests.prescriptions.builders import a_prescription

STRENGTHS = {
    # percent, interval, is the rule about it
    "inside": ("5", "[2.5,10]", True),
    "at the end that counts": ("10", "[2.5,10]", True),
    "at the end that does not": ("0.1", "(0.1,)", False),
    "just above": ("0.11", "(0.1,)", True),
    "below": ("1", "[2.5,10]", False),
    "any": ("0.001", "(,)", True),
    "unknown strength is every strength": (None, "[15,)", True),
}


def the_answer(client: Person, pack: Variant, state: str | None = None) -> Decision:
    wish = Wish(pack.id, pack.sku, 1)
    (answer,) = asking.ask(client, [wish], ship_to_state=state, at=now(), stage=Stage.BROWSE)
    return answer


@pytest.mark.parametrize(("percent", "percents", "ruled"), STRENGTHS.values(), ids=STRENGTHS)
def test_a_rule_is_about_a_range_of_strengths(
    app: Flask, percent: str | None, percents: str, ruled: bool
) -> None:
    pack = a_serum(percent)
    a_ruling("SALICYLIC ACID", percents=percents)

    expected = Answer.NEEDS_REQUEST if ruled else Answer.OPEN
    assert the_answer(alice(), pack).answer is expected


def test_the_answer_names_the_rule_its_version_and_the_state(app: Flask) -> None:
    pack = a_serum()
    rule = a_ruling("SALICYLIC ACID", jurisdiction="CA")

    answer = the_answer(alice(), pack)

    facts = answer.reasons[0].facts
    assert facts["legal_rule"] == rule.number
    assert facts["legal_rule_version"] == 1
    assert facts["legal_rule_id"] == str(rule.id)
    assert facts["state"] == "CA"


def test_a_rule_of_another_state_says_nothing_here(app: Flask) -> None:
    pack = a_serum()
    a_ruling("SALICYLIC ACID", jurisdiction="TX")

    assert the_answer(alice(), pack).open
    assert the_answer(bob(), pack).answer is Answer.NEEDS_REQUEST


@pytest.mark.parametrize("stricter", ["US", "CA"])
def test_of_the_state_and_the_country_the_stricter_counts(app: Flask, stricter: str) -> None:
    pack = a_serum()
    for jurisdiction in ("US", "CA"):
        strict = jurisdiction == stricter
        legal_class = LegalClass.RX if strict else LegalClass.COSMETIC
        a_ruling("SALICYLIC ACID", legal_class, jurisdiction=jurisdiction)

    assert the_answer(alice(), pack).answer is Answer.NEEDS_REQUEST


def test_the_filed_class_stays_where_the_law_would_allow_more(app: Flask) -> None:
    pack = a_serum("0.1", "ADAPALENE", legal_class=LegalClass.RX)
    a_ruling("ADAPALENE", LegalClass.OTC_DRUG, percents="(,0.1]")

    answer = the_answer(alice(), pack)

    assert answer.answer is Answer.NEEDS_REQUEST
    assert "legal_rule" not in answer.reasons[0].facts  # it was not the rule that decided


def test_what_is_for_clinics_in_a_state_is_not_sold_there(app: Flask) -> None:
    pack = a_serum()
    rule = a_ruling("SALICYLIC ACID", LegalClass.CLINIC_USE, jurisdiction="TX")

    answer = the_answer(bob(), pack)

    assert answer.answer is Answer.BLOCKED
    assert answer.reasons[0].code == "not_sold_in_state"
    assert "TX" in answer.sentence
    assert rule.number in answer.sentence
    assert answer.reasons[0].remedy
    assert the_answer(alice(), pack).open


def test_a_prescription_does_not_open_what_is_not_sold_in_the_state(app: Flask) -> None:
    pack = a_serum(legal_class=LegalClass.RX)
    client = alice()
    a_prescription(client, pack)
    assert the_answer(client, pack).open

    a_ruling("SALICYLIC ACID", LegalClass.CLINIC_USE, jurisdiction="CA")

    assert the_answer(client, pack).reasons[0].code == "not_sold_in_state"


DAYS = {
    "from tomorrow": (1, None, False),
    "from today": (0, None, True),
    "until today, exclusively": (-9, 0, False),
    "until tomorrow": (-9, 1, True),
}


@pytest.mark.parametrize(("begins", "ends", "holds"), DAYS.values(), ids=DAYS)
def test_a_rule_holds_between_its_days(
    app: Flask, begins: int, ends: int | None, holds: bool
) -> None:
    pack = a_serum()
    a_ruling(
        "SALICYLIC ACID",
        valid_from=today() + timedelta(days=begins),
        valid_until=None if ends is None else today() + timedelta(days=ends),
    )

    assert the_answer(alice(), pack).open is not holds


def test_a_draft_holds_nowhere(app: Flask) -> None:
    pack = a_serum()
    says = {"active": "SALICYLIC ACID", "legal_class": LegalClass.RX}
    rule = a_draft_rule(LegalClassRule, says)
    assert the_answer(alice(), pack).open

    ruling.review(rule, by=dr_chen(), at=now())
    assert the_answer(alice(), pack).open


def test_a_mixture_of_its_own_is_left_to_other_rules(app: Flask) -> None:
    others = {"TRETINOIN": "0.05", "FLUOCINOLONE_ACETONIDE": "0.01"}
    a_ruling(
        "HYDROQUINONE",
        LegalClass.RX_UNAPPROVED,
        except_with=["tretinoin", "fluocinolone acetonide"],
    )
    alone = a_serum("4", "HYDROQUINONE")
    mixture = a_serum("4", "HYDROQUINONE")
    holding(mixture.product, **others)

    assert the_answer(alice(), alone).answer is Answer.NEEDS_REQUEST
    assert the_answer(alice(), mixture).open  # until the rule about tretinoin
    a_ruling("TRETINOIN")
    assert the_answer(alice(), mixture).answer is Answer.NEEDS_REQUEST


def test_a_rule_about_a_route_or_a_form_is_about_no_other(app: Flask) -> None:
    a_ruling("SALICYLIC ACID", route="topical", dosage_form="cream")
    cases = {
        ("TOPICAL", "CREAM"): Answer.NEEDS_REQUEST,
        ("TOPICAL", "CREAM, AUGMENTED"): Answer.NEEDS_REQUEST,
        ("", ""): Answer.NEEDS_REQUEST,
        ("ORAL", "CREAM"): Answer.OPEN,
        ("TOPICAL", "GEL"): Answer.OPEN,
    }
    for (route, form), expected in cases.items():
        pack = a_serum(route=route, dosage_form=form)
        assert the_answer(alice(), pack).answer is expected, (route, form)


def test_who_needs_a_prescription_by_the_law_of_her_state_may_ask_for_one(app: Flask) -> None:
    pack = a_serum()
    client, texan = alice(), bob()
    with pytest.raises(NotDoctorOnly):
        requesting.start(texan, pack, quantity=1, ship_to_state="TX", by=texan, at=now())

    a_ruling("SALICYLIC ACID", jurisdiction="CA")
    a_prescription(client, pack)

    assert the_answer(client, pack).open
    a_ruling("SALICYLIC ACID", LegalClass.CLINIC_USE, jurisdiction="TX")
    with pytest.raises(NotForSale):
        requesting.start(texan, pack, quantity=1, ship_to_state="TX", by=texan, at=now())


def test_a_line_keeps_the_rule_that_decided(app: Flask) -> None:
    pack, client = a_serum(), alice()
    a_lot(pack, 9)
    rule = a_ruling("SALICYLIC ACID", jurisdiction="CA")
    a_prescription(client, pack)

    (line,) = paid(client, {pack: 1}).lines

    assert line.requires_prescription
    assert line.rule_id == rule.id


def test_no_line_is_placed_without_what_its_state_asks_for(app: Flask) -> None:
    pack = a_serum()
    a_lot(pack, 9)
    a_ruling("SALICYLIC ACID", jurisdiction="CA")

    with pytest.raises(NoPrescription):
        placed(alice(), {pack: 1})

    assert db.session.scalar(sa.select(sa.func.count()).select_from(OrderLine)) == 0


def test_what_came_under_a_rule_since_is_neither_paid_nor_shipped(app: Flask) -> None:
    pack, other, client = a_serum(), a_serum(active="WATER"), alice()
    a_lot(pack, 9), a_lot(other, 9)
    waiting, ready = placed(client, {pack: 1}), paid(client, {pack: 1})
    untouched = paid(client, {other: 1})
    a_ruling("SALICYLIC ACID", jurisdiction="CA")

    assert paying.mark_paid(waiting, at=now()) is paying.Outcome.NOT_DELIVERABLE
    assert queries.locked_order(waiting.id).status is OrderStatus.CANCELLED
    with pytest.raises(Exception, match="does not hold a fill"):
        leave(ready)
    leave(untouched)


def test_the_database_refuses_what_the_code_would_let_through(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = a_serum()
    a_lot(pack, 9)
    a_ruling("SALICYLIC ACID", jurisdiction="CA")
    blind: Any = property(lambda _pack: False)
    monkeypatch.setattr("shop.prescriptions.gate.Pack.needs_prescription", blind)

    with pytest.raises(IntegrityError, match="line_requires_what_its_state_rules"):
        placed(alice(), {pack: 1})


def test_the_mark_of_the_shop_needs_no_rule(app: Flask) -> None:
    pack = a_serum(doctor_only=True)
    answer = the_answer(alice(), pack)

    assert answer.answer is Answer.NEEDS_REQUEST
    assert "legal_rule" not in answer.reasons[0].facts
