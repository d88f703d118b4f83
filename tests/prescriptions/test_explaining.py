"""An explanation is the gate's own trace, with the rules behind it, worded for its reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Variant
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import Severity
from shop.prescriptions import gate, holding, reviewing, signing
from shop.prescriptions.explaining import MEANINGS
from shop.prescriptions.gate import Asked, Client, Facts, Pack, Ruling, Taken, Wish, covering
from shop.prescriptions.models import Prescription
from shop.prescriptions.schemas.explanations import STANDS
from shop.prescriptions.screening import rules
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus
from tests.accounts.test_api import Browser, afresh, somebody
from tests.builders import a_cream
from tests.catalog.rules import a_ruling, a_serum
from tests.people import a_fresh_sign_in, alice, bob, dr_chen, eva, mona
from tests.prescriptions.builders import (
    a_draft,
    a_prescription,
    a_request,
    read_the_leaflet,
    the_terms,
)
from tests.prescriptions.test_checking import a_formula as the_formula
from tests.prescriptions.test_checking import asked, claimed, tretinoin
from tests.prescriptions.test_gate import (
    AT,
    BIG_CREAM,
    CASES,
    CREAM,
    DAY,
    SOAP,
    a_window,
    the_facts,
)
from tests.prescriptions.test_gate import a_prescription as an_authority

# --- the trace is the decision -------------------------------------------------------------------

NAMES = [question.__name__ for question in gate.QUESTIONS]
TESTS = [
    test.__name__.lstrip("_") for test in covering.STANDING + covering.TAKING + covering.HOLDING
]
STATE = st.sampled_from(["CA", "NV", "TX", ""])
SOME_STATES = st.frozensets(st.sampled_from(["CA", "NV", "TX"]), min_size=1)
DAYS = st.integers(-60, 60).map(lambda days: timedelta(days=days))
MOMENTS = st.one_of(DAYS, st.sampled_from([timedelta(0), timedelta(seconds=1)]))
PACKS = (CREAM, BIG_CREAM, SOAP)
HELD_IDS = [uuid4() for _ in range(4)]
RULINGS = st.none() | st.sampled_from(LegalClass).map(
    lambda legal_class: Ruling(uuid4(), "R-1", 1, "CA", legal_class)
)


@st.composite
def packs(draw: st.DrawFn) -> dict[Any, Pack]:
    known = draw(st.lists(st.sampled_from(PACKS), unique_by=lambda pack: pack.name))
    return {
        pack.variant_id: replace(
            pack,
            doctor_only=draw(st.booleans()),
            offered=draw(st.sampled_from([True, True, False])),
            ruling=draw(RULINGS),
        )
        for pack in known
    }


@st.composite
def authorities(draw: st.DrawFn) -> gate.Authority:
    pack = draw(st.sampled_from(PACKS))
    fills = draw(
        st.lists(
            st.builds(
                Taken,
                id=st.sampled_from(HELD_IDS),
                state=st.sampled_from(["CA", "NV"]),
                quantity=st.integers(1, 2),
                status=st.sampled_from(FillStatus),
                on=DAYS.map(lambda days: DAY - abs(days)),
            ),
            max_size=3,
        )
    )
    return an_authority(
        variant_id=pack.variant_id,
        product_id=pack.product_id,
        quantity=draw(st.integers(1, 2)),
        fills_allowed=draw(st.integers(1, 4)),
        interval_days=draw(st.none() | st.integers(1, 60)),
        valid_from=AT - draw(MOMENTS),
        valid_until=AT + draw(MOMENTS),
        status=draw(st.sampled_from([PrescriptionStatus.ACTIVE, *PrescriptionStatus])),
        client_state=draw(st.sampled_from(["CA", "NV"])),
        states=draw(SOME_STATES),
        licensed_in=draw(SOME_STATES | st.just(frozenset())),
        fills=tuple(fills),
    )


def windows() -> st.SearchStrategy[tuple[gate.Window, ...]]:
    """Of a pack, in the order in which they begin, none over."""
    one = st.builds(
        lambda begins, days, severity, stops: a_window(
            begins, begins + days, severity, stops=stops
        ),
        st.integers(-20, 20),
        st.integers(1, 20),
        st.sampled_from(Severity),
        st.booleans(),
    )
    drawn = st.lists(one.filter(lambda window: window.until > AT), max_size=4)
    return drawn.map(lambda each: tuple(sorted(each, key=lambda window: window.begins)))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    wishes = st.builds(
        lambda pack, quantity, fill, placed: Wish(
            pack.variant_id, "SKU", quantity, fill if placed else None, placed
        ),
        st.sampled_from(PACKS),
        st.integers(1, 2),
        st.none() | st.sampled_from(HELD_IDS),
        st.booleans(),
    )
    return the_facts(
        client=Client(
            id=the_facts().client.id,
            active=draw(st.sampled_from([True, True, True, False])),
            age=draw(st.sampled_from([35, 18, 17, None])),
        ),
        wishes=tuple(draw(st.lists(wishes, min_size=1, max_size=3))),
        packs=draw(packs()),
        prescriptions=tuple(draw(st.lists(authorities(), max_size=4))),
        requests={CREAM.variant_id: Asked("Q-1", RequestStatus.QUEUED, DAY)}
        if draw(st.booleans())
        else {},
        ship_to_state=draw(STATE),
        out_of_stock=frozenset({CREAM.variant_id} if draw(st.integers(0, 4)) == 0 else ()),
        windows={pack.variant_id: draw(windows()) for pack in PACKS},
    )


def agrees(one: gate.Explained) -> None:
    """What an explanation says is what was decided."""
    decision, trace = one.decision, one.decision.trace
    asked_in_turn = [step.question for step in trace]
    assert asked_in_turn == NAMES[: len(trace)]
    assert all(step.objection is None for step in trace[:-1])
    if decision.open:
        assert asked_in_turn == NAMES
        assert trace[-1].objection is None
        assert decision.reasons == ()
    else:
        objection, reason = trace[-1].objection, decision.reasons[-1]
        assert objection is not None
        assert (objection.answer, objection.until) == (decision.answer, decision.until)
        assert (objection.code, objection.text) == (reason.code, reason.text)
        assert reason.rule == trace[-1].question


def weighs(one: gate.Explained) -> None:
    """The prescriptions that were weighed say the same as the question about them."""
    decision = one.decision
    covering = {each.authority.id for each in one.weighed if each.covers}
    if decision.open and one.pack is not None and one.pack.needs_prescription:
        assert decision.prescription_id in covering
    codes = {each.objection.code for each in one.weighed if each.objection}
    objected = decision.trace[-1]
    if one.weighed and objected.question == "prescription_covers_it" and objected.objection:
        assert not covering
        assert objected.objection.code in codes
    for each in one.weighed:
        assert each.authority.variant_id == decision.wish.variant_id
        assert all(step.objection is None for step in each.tests[:-1])


@given(facts())
def test_an_explanation_agrees_with_the_decision(known: Facts) -> None:
    decisions = gate.decide(known)
    assert not any(one.reasons and one.reasons[0].code == "not_decided" for one in decisions)

    for one in gate.explain(known, decisions):
        agrees(one)
        weighs(one)


@pytest.mark.parametrize("case", CASES)
def test_it_agrees_in_every_case_of_the_table(case: str) -> None:
    known = the_facts(**CASES[case][0])

    for one in gate.explain(known, gate.decide(known)):
        agrees(one)
        weighs(one)


def test_an_error_is_a_no_whose_trace_ends_before_it() -> None:
    broken = replace(an_authority(), states=None)  # type: ignore[arg-type]
    known = the_facts(prescriptions=(broken,))

    (one,) = gate.explain(known, gate.decide(known))

    assert one.decision.reasons[0].code == "not_decided"
    assert [step.question for step in one.decision.trace] == NAMES[:5]
    assert all(step.objection is None for step in one.decision.trace)
    assert one.weighed == ()


def test_each_prescription_is_told_up_to_its_first_no() -> None:
    ended = an_authority(number="RX-ENDED", valid_until=AT)
    other = an_authority(number="RX-TWO", quantity=2)
    known = the_facts(prescriptions=(ended, other))

    (one,) = gate.explain(known, gate.decide(known))

    ended_tests, other_tests = (each.tests for each in one.weighed)
    assert [step.question for step in ended_tests][-2:] == ["not_accepted", "over"]
    assert ended_tests[-1].objection is not None
    assert ended_tests[-1].objection.code == "expired"
    assert other_tests[-1].question == "other_quantity"
    assert one.decision.reasons[0].code == "other_quantity"


def test_what_is_free_weighs_no_prescription() -> None:
    known = the_facts(wishes=(Wish(SOAP.variant_id, "SOAP", 1),))
    (one,) = gate.explain(known, gate.decide(known))
    assert one.decision.open
    assert one.weighed == ()


# The editions of the gate's questions, as they were shipped: never edited, only added to.
EDITIONS = {
    "2026-1": [
        "client_is_active",
        "pack_is_known",
        "client_is_old_enough",
        "pack_is_offered",
        "pack_is_named_once",
        "prescription_covers_it",
        "leaflet_is_read",
        "it_is_in_stock",
        "in_error",
        "replaced",
        "revoked",
        "not_accepted",
        "over",
        "not_begun",
        "licence_lapsed",
        "held",
        "succeeded",
        "taken_away",
        "used_up",
        "other_quantity",
        "too_soon",
        "other_state",
        "holds_no_live_fill",
    ],
    "2026-2": [
        "client_is_active",
        "pack_is_known",
        "client_is_old_enough",
        "pack_is_offered",
        "pack_is_named_once",
        "prescription_covers_it",
        "leaflet_is_read",
        "treatment_window",
        "it_is_in_stock",
        "in_error",
        "replaced",
        "revoked",
        "not_accepted",
        "over",
        "not_begun",
        "licence_lapsed",
        "held",
        "succeeded",
        "taken_away",
        "used_up",
        "other_quantity",
        "too_soon",
        "other_state",
        "holds_no_live_fill",
    ],
    "2026-3": [
        "client_is_active",
        "pack_is_known",
        "client_is_old_enough",
        "pack_is_offered",
        "pack_is_named_once",
        "prescription_covers_it",
        "leaflet_is_read",
        "skin_is_in_course",
        "treatment_window",
        "it_is_in_stock",
        "in_error",
        "replaced",
        "revoked",
        "not_accepted",
        "over",
        "not_begun",
        "licence_lapsed",
        "held",
        "succeeded",
        "taken_away",
        "used_up",
        "other_quantity",
        "too_soon",
        "other_state",
        "holds_no_live_fill",
    ],
}


def test_an_edition_names_the_questions_it_was_shipped_with() -> None:
    """A question that is added, dropped or moved makes a new edition: explanations name it."""
    assert EDITIONS[gate.EDITION] == NAMES + TESTS


def test_every_question_says_what_it_asks_and_where_it_comes_from() -> None:
    assert set(MEANINGS) == set(NAMES + TESTS)
    assert all(one.asks.endswith("?") and one.source for one in MEANINGS.values())


def test_every_state_of_a_request_has_its_words() -> None:
    assert set(STANDS) == set(RequestStatus)


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    made = {"alice": alice, "bob": bob, "chen": dr_chen, "eva": eva, "mona": mona}
    return {name: somebody(make) for name, make in made.items()}


def accesses() -> list[str]:
    return list(db.session.scalars(sa.select(Access.record).order_by(Access.at)))


def outcomes(steps: list[dict[str, Any]]) -> dict[str, str]:
    return {step["rule"]: step["outcome"] for step in steps}


# She uses another retinoid, which is a soft stop.
USES: dict[str, Any] = {"other_retinoids": ["adapalene"], "other_retinoids_when": "In the evening"}


def retinoid() -> Variant:
    return the_formula(tretinoin())


def a_signature(
    client: Person,
    by: Person,
    variant: Variant,
    *,
    reason: str = "She stops on Sunday.",
    **said: Any,
) -> Prescription:
    """Signed although a soft stop stands: she uses another retinoid."""
    request = claimed(client, variant, by, **(USES | said))
    fired = signing.checking.check(request, at=now(), days=90)
    soft = {hit.rule for hit in fired if hit.severity is rules.Severity.SOFT_STOP}
    assert soft
    signed = signing.sign(
        request,
        the_terms(overrides=dict.fromkeys(soft, reason)),
        by=by,
        proof=a_fresh_sign_in(by),
        at=now(),
    )
    read_the_leaflet(signed.client, signed.variant)
    db.session.commit()
    return signed


def test_a_client_reads_why_her_prescription_gives_a_fill(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = a_signature(cast["alice"], cast["chen"], retinoid()).number

    told = Browser(app, cast["alice"]).get(f"/prescriptions/{number}/explanation")

    assert told.status_code == 200, told.json
    gate_says = told.json["gate"]
    assert gate_says["decision"] == "open"
    assert [step["rule"] for step in gate_says["questions"]] == NAMES
    assert set(outcomes(gate_says["questions"]).values()) == {"passed"}
    (mine,) = gate_says["prescriptions"]
    assert mine["number"] == number
    assert set(outcomes(mine["tests"]).values()) == {"passed"}
    assert (mine["fills"], mine["fills_left"], mine["states"]) == (3, 3, ["CA"])
    assert told.json["licences"][0]["in_force"] is True
    assert accesses() == []


def test_a_client_reads_no_severity_source_or_reason(app: Flask, cast: dict[str, Person]) -> None:
    number = a_signature(cast["alice"], cast["chen"], retinoid()).number

    told = Browser(app, cast["alice"]).get(f"/prescriptions/{number}/explanation")

    findings = told.json["screening"]["findings"]
    assert findings
    assert all(set(one) == {"text"} for one in findings)
    assert "She stops on Sunday." not in told.text
    assert "source" not in told.json["gate"]["questions"][0]


def test_a_physician_reads_rules_versions_sources_and_reasons(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = a_signature(
        cast["alice"], cast["chen"], retinoid(), reason="She stops\non Sunday."
    ).number

    told = Browser(app, cast["chen"]).get(f"/prescriptions/{number}/explanation")

    assert told.json["screening"]["edition"] == rules.CURRENT
    shipped = {rule.number: rule for rule in rules.rules()}
    soft = [one for one in told.json["screening"]["findings"] if one["severity"] == "soft_stop"]
    assert soft
    for one in soft:
        rule = shipped[one["rule"]]
        assert (one["version"], one["source"]) == (rule.version, rule.source)
        assert one["grade"] == rule.grade.value
        assert one["reason"] == "She stops\non Sunday."
        assert one["fired_by"]
    steps = told.json["gate"]["questions"]
    assert all(step["source"] and step["version"] == gate.EDITION for step in steps)
    assert accesses()[-1] == f"explanation of prescription {number}"


def test_what_stops_a_prescription_is_named(app: Flask, cast: dict[str, Person]) -> None:
    one = a_prescription(cast["alice"], by=cast["chen"])
    number = one.number
    holding.hold(one, reason="A rash.", by=cast["chen"], at=now())
    db.session.commit()

    told = Browser(app, cast["alice"]).get(f"/prescriptions/{number}/explanation").json

    assert told["gate"]["decision"] == "blocked"
    last = told["gate"]["questions"][-1]
    assert (last["rule"], last["outcome"], last["code"]) == (
        "prescription_covers_it",
        "objected",
        "on_hold",
    )
    assert outcomes(told["gate"]["prescriptions"][0]["tests"])["held"] == "objected"


def test_a_change_of_the_law_changes_the_explanation(app: Flask, cast: dict[str, Person]) -> None:
    pack = a_serum("2", "ZEPHYRINE", legal_class=LegalClass.RX)
    number = a_prescription(cast["alice"], pack, by=cast["chen"]).number
    db.session.commit()
    path = f"/prescriptions/{number}/explanation"
    before = Browser(app, cast["chen"]).get(path).json["gate"]
    assert (before["decision"], before["law"], before["decided_by"]) == ("open", None, None)

    rule = a_ruling("ZEPHYRINE", LegalClass.CLINIC_USE, jurisdiction="CA")
    named = rule.number
    db.session.commit()

    after = Browser(app, cast["chen"]).get(path).json["gate"]
    assert (after["decision"], after["decided_by"]) == ("blocked", named)
    assert after["law"]["rule"] == named
    assert after["law"]["version"] == 1
    assert after["law"]["source"] == "21 CFR 333.310"
    assert after["law"]["jurisdiction"] == "CA"
    hers = Browser(app, cast["alice"]).get(path).json["gate"]["law"]
    assert hers["rule"] == named
    assert not {"source", "grade", "id"} & set(hers)


def test_a_request_that_waits_tells_a_physician_what_screening_finds(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = asked(cast["alice"], retinoid(), **USES).number
    db.session.commit()
    path = f"/approval-requests/{number}/explanation"

    told = Browser(app, cast["chen"]).get(path).json
    hers = Browser(app, cast["alice"]).get(path).json

    assert told["sentence"] == "It waits for a physician."
    assert any(one["rule"].startswith("SC-") for one in told["screening"]["findings"])
    assert told["gate"]["decision"] == "needs_request"
    assert told["gate"]["reasons"][0]["code"] == "request_pending"
    assert all(set(one) == {"text"} for one in hers["screening"]["findings"])
    assert accesses() == [f"explanation of approval_request {number}"]


def test_a_draft_was_not_screened(app: Flask, cast: dict[str, Person]) -> None:
    number = a_draft(cast["alice"]).number
    db.session.commit()

    told = Browser(app, cast["alice"]).get(f"/approval-requests/{number}/explanation").json

    assert (told["status"], told["screening"], told["decided"]) == ("draft", None, None)


def test_a_refusal_is_told_to_each_in_her_words(app: Flask, cast: dict[str, Person]) -> None:
    request = claimed(cast["alice"], retinoid(), cast["chen"], **USES)
    reviewing.refuse(
        request,
        reason=reviewing.RefusalReason.DUPLICATE_THERAPY,
        message="You use something like it already.",
        note="Seems to share with a sister.",
        by=cast["chen"],
        at=now(),
    )
    number = request.number
    db.session.commit()
    path = f"/approval-requests/{number}/explanation"

    hers = Browser(app, cast["alice"]).get(path)
    told = Browser(app, cast["chen"]).get(path).json

    assert hers.json["decided"]["message"] == "You use something like it already."
    assert "sister" not in hers.text
    assert "duplicate_therapy" not in hers.text
    assert told["decided"]["reason"] == "duplicate_therapy"
    assert told["decided"]["note"] == "Seems to share with a sister."
    assert told["screening"]["findings"]


def test_an_esthetician_reads_how_it_stands_and_nothing_of_health(
    app: Flask, cast: dict[str, Person]
) -> None:
    request = a_draft(cast["alice"], by=cast["eva"])
    number = request.number
    db.session.commit()

    told = Browser(app, cast["eva"]).get(f"/approval-requests/{number}/explanation").json

    assert told["sentence"] == "It has not been sent to the physicians yet."
    assert (told["gate"], told["screening"], told["decided"]) == (None, None, None)


def test_what_is_not_yours_is_not_there(app: Flask, cast: dict[str, Person]) -> None:
    request = a_request(cast["alice"])
    signed = a_prescription(cast["alice"], by=cast["chen"])
    numbers = request.number, signed.number
    other = somebody(dr_chen, states=("TX",), name="Dr Else")
    db.session.commit()

    for person in (cast["bob"], other):
        browser = Browser(app, person)
        assert browser.get(f"/approval-requests/{numbers[0]}/explanation").status_code == 404
        assert browser.get(f"/prescriptions/{numbers[1]}/explanation").status_code == 404
    assert (
        Browser(app, cast["mona"]).get(f"/prescriptions/{numbers[1]}/explanation").status_code
        == 403
    )
    assert accesses() == []


def test_a_physician_reads_of_no_other_prescription_of_the_client(
    app: Flask, cast: dict[str, Person]
) -> None:
    pack = a_cream()
    pack_id = pack.id
    mine = a_prescription(cast["alice"], pack, by=cast["chen"]).number
    theirs = a_prescription(cast["alice"], pack, by=dr_chen(name="Dr Else")).number
    db.session.commit()

    told = Browser(app, cast["chen"]).get(f"/prescriptions/{mine}/explanation").json
    hers = Browser(app, cast["alice"]).get(f"/prescriptions/{mine}/explanation").json

    assert [one["number"] for one in told["gate"]["prescriptions"]] == [mine]
    assert {one["number"] for one in hers["gate"]["prescriptions"]} == {mine, theirs}

    waiting = a_request(afresh(cast["alice"]), db.session.get_one(Variant, pack_id)).number
    db.session.commit()
    case = Browser(app, cast["chen"]).get(f"/approval-requests/{waiting}/explanation").json
    assert case["gate"]["prescriptions"] == []


def test_a_change_of_a_screening_rule_changes_the_explanation(
    app: Flask, cast: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = asked(cast["alice"], retinoid(), **USES).number
    db.session.commit()
    path = f"/approval-requests/{number}/explanation"
    before = Browser(app, cast["chen"]).get(path).json["screening"]["findings"]

    changed = tuple(replace(rule, version=7, source="Another") for rule in rules.rules())
    monkeypatch.setattr("shop.prescriptions.explaining.rules", lambda: changed)

    after = Browser(app, cast["chen"]).get(path).json["screening"]["findings"]
    assert [one["rule"] for one in after] == [one["rule"] for one in before]
    assert {(one["version"], one["source"]) for one in after} == {(7, "Another")}
