"""What treatments ask of packs, from the rows: whose sessions count, under which rules, how dear."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import ActiveClass, LegalClass, Variant
from shop.charts import charting
from shop.charts.facts import Fitzpatrick, Phototype
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.rules import Severity
from shop.prescriptions import asking, following
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Answer, Decision, Wish
from shop.prescriptions.screening import checking
from shop.treatments import (
    answering,
    asked,
    booking,
    cancelling,
    completing,
    holding,
    instructing,
    missing,
    moving,
    proposing,
    revoking,
)
from shop.treatments.course import LOOKED_AT
from shop.treatments.errors import ReportWaits
from shop.treatments.instructing import Wanted
from shop.treatments.models import Plan
from shop.treatments.regimens import Slot
from shop.treatments.windows import Action
from tests.benchmarks.test_statements import sent
from tests.builders import a_product, a_variant
from tests.catalog.rules import holding as filed
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription, read_the_leaflet
from tests.prescriptions.test_checking import a_formula, a_substance, tretinoin
from tests.prescriptions.test_checking import asked as requested
from tests.treatments.builders import (
    BLISTERS,
    CLINIC,
    a_booked_session,
    a_draft,
    a_performed_session,
    a_proposal,
    a_report,
    a_step,
    an_active_plan,
    in_days,
    start,
)
from tests.treatments.rules import a_window, a_window_draft

SUN = {"subject": "sun", "action": "avoid", "severity": "warn"}


@pytest.fixture(autouse=True)
def _context(app: Flask) -> None:
    """Rows need an application."""


def a_stop(**given: Any) -> Any:
    """Retinoids stop five days before a peel and begin again on the seventh after it."""
    return a_window(**({"when": {}} | given))


def a_refill(client: Person) -> Variant:
    """Tretinoin that she may have a fill of now."""
    pack = a_formula(tretinoin())
    a_prescription(client, pack)
    read_the_leaflet(client, pack)
    return pack


def retinol() -> Variant:
    """Sold to anybody."""
    a_substance("RETINOL", active_class=ActiveClass.RETINOID)
    product = filed(a_product(LegalClass.COSMETIC), RETINOL="0.5")
    db.session.flush()
    return a_variant(product)


def answer(client: Person, pack: Variant) -> Decision:
    wish = Wish(pack.id, pack.sku, 1)
    (decision,) = asking.ask(client, [wish], ship_to_state=None, at=now(), stage=Stage.CART)
    return decision


def held(client: Person, pack: Variant) -> date | None:
    decision = answer(client, pack)
    assert decision.open or decision.reasons[0].code == "treatment_window"
    return decision.until


def day_of(plan: Plan) -> date:
    return day_in(plan.zone, plan.sessions[0].starts_at)


def test_what_a_physician_orders_as_priming_goes_on_to_the_day_itself() -> None:
    """Unless it primes, it stops three days before; afterwards it stops all the same."""
    client = alice()
    a_stop(when={"primed": False})
    pack, plan = a_refill(client), an_active_plan(client)
    assert held(client, pack) is not None
    chen = plan.start.physician if plan.start else dr_chen()

    def say(*steps: Wanted) -> None:
        instructing.instruct(plan, steps, by=chen, at=now())

    say(Wanted(pack.sku, Slot.EVENING, priming=True))
    assert held(client, pack) is None
    say(Wanted(pack.sku, Slot.EVENING))
    assert held(client, pack) is not None
    say(Wanted(pack.sku, Slot.EVENING, priming=True))
    long_ago, over = day_of(plan) - timedelta(days=90), day_of(plan) - timedelta(days=45)
    say(Wanted(pack.sku, Slot.EVENING, priming=True, since=long_ago, until=over))
    assert held(client, pack) is not None  # it was for another peel
    say(Wanted(pack.sku, Slot.EVENING, priming=True))
    holding.hold(plan, reason="She is ill.", by=chen, at=now())
    db.session.flush()
    assert held(client, pack) is None  # nothing of a plan on hold counts


# --- a report out of course ----------------------------------------------------------------------


def test_a_report_out_of_course_holds_the_refill_the_regimen_and_the_next_session() -> None:
    """Until a physician has answered; sunscreen and what anybody may buy stay."""
    client = alice()
    plan = an_active_plan(client, a_step("facial"), a_step("facial", starts=in_days(21)))
    done, refill, free = a_performed_session(plan), a_refill(client), retinol()
    screen = a_formula(a_substance("ZINC OXIDE", active_class=ActiveClass.UV_FILTER))
    ahead = plan.sessions[1]
    packs = [refill.id, free.id, screen.id]
    assert answer(client, refill).open
    assert following.pauses(client, packs, at=now()) == {}

    report = a_report(done, BLISTERS)

    decision = answer(client, refill)
    assert (decision.answer, decision.reasons[0].code) == (Answer.BLOCKED, "report_waits")
    assert answer(client, free).open
    assert answer(client, free).notes == (LOOKED_AT,)
    assert answer(client, screen).notes == ()
    assert following.sentences(client, packs, at=now()).keys() == {refill.id, free.id}
    assert following.pauses(client, packs, at=now()).keys() == {refill.id, free.id}
    with pytest.raises(ReportWaits):
        booking.book(ahead, performer=plan.drafted_by, by=plan.drafted_by, at=now())
    other = alice()
    assert answer(other, a_refill(other)).open

    assert plan.start is not None
    answering.answer(report, message="It heals well.", by=plan.start.physician, at=now())
    assert answer(client, refill).open
    assert following.pauses(client, packs, at=now()) == {}
    booking.book(ahead, performer=plan.drafted_by, by=plan.drafted_by, at=now())


# --- whose sessions count ------------------------------------------------------------------------


def test_a_planned_peel_holds_a_refill_until_it_is_free_again() -> None:
    client = alice()
    rule, pack = a_stop(), a_refill(client)
    assert held(client, pack) is None

    plan = an_active_plan(client)

    decision = answer(client, pack)
    assert decision.until == day_of(plan) + timedelta(days=7)
    assert decision.reasons[0].facts["rules"] == [{"rule": rule.number, "version": 1}]
    other = alice()
    assert held(other, a_refill(other)) is None  # nobody else's


def test_it_moves_with_the_session_and_goes_with_it() -> None:
    client = alice()
    a_stop()
    pack, plan = a_refill(client), an_active_plan(client)
    session, who = plan.sessions[0], plan.drafted_by

    moving.move(session, starts=in_days(4), by=who, at=now())
    assert held(client, pack) == day_of(plan) + timedelta(days=7)
    moving.move(session, starts=in_days(12), by=who, at=now())
    assert held(client, pack) is None
    moving.move(session, starts=in_days(4), by=who, at=now())
    assert held(client, pack) is not None

    cancelling.cancel(session, reason="She is away.", by=who, at=now())
    db.session.flush()
    assert held(client, pack) is None


@pytest.mark.parametrize("plan_of", [a_draft, a_proposal])
def test_a_plan_that_nobody_has_started_holds_nothing(plan_of: Any) -> None:
    client = alice()
    a_stop()
    pack = a_refill(client)
    plan_of(client)
    db.session.flush()
    assert held(client, pack) is None


def test_a_plan_on_hold_holds_nothing_that_is_ahead() -> None:
    client, chen = alice(), dr_chen()
    a_stop()
    pack, plan = a_refill(client), an_active_plan(client, chen=chen)
    holding.hold(plan, reason="She travels.", by=chen, at=now())
    db.session.flush()
    assert held(client, pack) is None


def test_who_did_not_come_is_held_for_nothing() -> None:
    client = alice()
    a_stop()
    pack, plan = a_refill(client), an_active_plan(client, a_step(starts=now()))
    session = a_booked_session(plan)
    missing.miss(session, by=plan.drafted_by, at=now())
    db.session.flush()
    assert held(client, pack) is None


@pytest.mark.parametrize("ended", ["completed", "revoked"])
def test_what_was_done_counts_whatever_became_of_the_plan(ended: str) -> None:
    client, chen = alice(), dr_chen()
    a_stop()
    pack, plan = a_refill(client), an_active_plan(client, chen=chen)
    a_performed_session(plan)
    if ended == "completed":
        completing.complete(plan, by=plan.drafted_by, at=now())
    else:
        revoking.revoke(plan, reason="A rash.", by=chen, at=now())
    db.session.flush()

    today = day_in(CLINIC["zone"], now())  # it was done today, not on the day it was planned for
    assert held(client, pack) == today + timedelta(days=7)


# --- under which rules ---------------------------------------------------------------------------


def test_what_anybody_may_buy_is_told_and_held_by_a_hard_stop_only() -> None:
    client, pack = alice(), retinol()
    a_stop()
    an_active_plan(client)

    decision = answer(client, pack)
    assert decision.answer is Answer.OPEN
    (note,) = decision.notes
    assert note.startswith("Superficial peel on ")
    assert "from " in note

    a_stop(severity="hard_stop", from_day=-4, jurisdiction="CA")
    assert answer(client, pack).answer is Answer.HOLD_UNTIL


def test_a_product_without_an_active_that_is_spoken_of_is_told_nothing() -> None:
    client, soap = alice(), a_variant()
    a_stop(), a_window(when={}, **SUN)
    an_active_plan(client)
    assert (answer(client, soap).answer, answer(client, soap).notes) == (Answer.OPEN, ())


def test_a_rule_of_another_state_asks_nothing() -> None:
    client = alice()
    a_stop(jurisdiction="NV")
    pack = a_refill(client)
    an_active_plan(client)
    assert held(client, pack) is None


def test_a_draft_asks_nothing() -> None:
    client = alice()
    a_window_draft(when={})
    pack = a_refill(client)
    an_active_plan(client)
    assert held(client, pack) is None


@pytest.mark.parametrize(
    ("skin", "holds"), [(Phototype.II, False), (Phototype.V, True), (None, True)]
)
def test_the_chart_answers_what_a_rule_asks_for(skin: Phototype | None, holds: bool) -> None:
    """And where it says nothing, what forbids holds meanwhile."""
    client = alice()
    a_stop(when={"fitzpatrick_from": 4})
    pack = a_refill(client)
    an_active_plan(client)
    if skin is not None:
        charting.state(client, Fitzpatrick(skin), by=client, at=now())
    db.session.flush()
    assert (held(client, pack) is not None) is holds


# --- the same rows for all -----------------------------------------------------------------------


def test_pages_screening_and_gate_say_the_same() -> None:
    client = alice()
    a_stop()
    pack = a_refill(client)
    plan = an_active_plan(client)
    request = requested(client, a_formula(tretinoin(), name="Another"))
    db.session.flush()
    at = now()

    (window,) = following.windows_of(client, [pack.id], at=at)[pack.id]
    (said,) = asked.of_each([(client, at)], subjects=["retinoid"])
    (interval,) = said.intervals
    (screened,) = checking.facts(request, at=at).windows

    assert following.sentences(client, [pack.id], at=at) == {pack.id: (window.text,)}
    assert answer(client, pack).sentence == window.text == said.sentence(interval)
    assert (window.begins, window.until) == (interval.begins, interval.until)
    assert (screened.begins, screened.until) == (interval.begins.date(), interval.until.date())
    assert (screened.active_class, screened.action) == (ActiveClass.RETINOID, Action.STOP)
    stops = [hit for hit in checking.check(request, at=at) if hit.rule == "SC-WINDOW-STOP"]
    assert [hit.severity for hit in stops] == [Severity.SOFT_STOP]
    assert interval.until.date() == day_of(plan) + timedelta(days=7)


def test_a_stop_that_holds_nothing_is_screened_as_what_is_better_avoided() -> None:
    client = alice()
    a_stop(severity="warn")
    an_active_plan(client)
    request = requested(client, a_formula(tretinoin()))
    db.session.flush()
    fired = {hit.rule for hit in checking.check(request, at=now())}
    assert "SC-WINDOW-AVOID" in fired
    assert "SC-WINDOW-STOP" not in fired


def test_the_days_are_those_of_each_plans_clinic() -> None:
    """In California and in New York: a day begins there three hours earlier.

    Between midnight there and midnight here it is another day already: then the later one counts.
    """
    client = alice()
    a_stop()
    pack, near = a_refill(client), an_active_plan(client)
    far = a_draft(client, zone="America/New_York")
    proposing.propose(far, by=far.drafted_by, at=now())
    start(far, dr_chen())
    db.session.flush()

    windows = following.windows_of(client, [pack.id], at=now())[pack.id]

    until = {str(one.begins.tzinfo): one.until for one in windows}
    assert set(until) == {far.zone, near.zone}
    assert {(one.begins.hour, one.until.hour) for one in windows} == {(0, 0)}
    assert until[far.zone].date() == day_of(far) + timedelta(days=7)
    assert until[near.zone].date() == day_of(near) + timedelta(days=7)
    last = max(day_of(near), day_of(far))
    assert answer(client, pack).until == last + timedelta(days=7)


# --- how dear ------------------------------------------------------------------------------------


def statements(app: Flask, client: Person, *packs: Variant) -> list[str]:
    db.session.flush()
    ids, at = [pack.id for pack in packs], now()
    assert client.state  # loaded
    with sent(app) as found:
        following.windows_of(client, ids, at=at)
    return found


def test_who_is_not_treated_costs_one_statement_and_the_gate_none(app: Flask) -> None:
    client = alice()
    pack = a_refill(client)
    assert len(statements(app, client, pack)) == 1

    answer(client, pack)
    with sent(app) as without:
        answer(client, pack)
    a_stop()
    an_active_plan(client)
    answer(client, pack)
    with sent(app) as treated:
        answer(client, pack)
    assert len(treated) == len(without) + 3


def test_as_many_for_many_packs_and_sessions_and_a_chart_only_where_it_is_asked_for(
    app: Flask,
) -> None:
    client = alice()
    packs = [a_refill(client), retinol(), a_variant()]
    a_stop()
    an_active_plan(client, *(a_step(starts=in_days(3 + 20 * n)) for n in range(4)))
    plain = statements(app, client, *packs)
    assert len(plain) == 3
    assert not [one for one in plain if "chart_entries" in one]

    a_stop(when={"fitzpatrick_from": 4}, to_day=14)
    with_facts = statements(app, client, *packs)
    assert len(with_facts) == 4
    assert [one for one in with_facts if "chart_entries" in one]
