"""A plan is drafted, changed, proposed, sent on, started, held, completed, taken back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.canonical import canonical
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound, WrongState
from shop.treatments import (
    completing,
    drafting,
    holding,
    planning,
    proposing,
    queries,
    revoking,
    starting,
)
from shop.treatments.errors import (
    AlreadyPlanned,
    NotLicensedHere,
    OutsideScope,
    OwnPlan,
    PlanChanged,
    PlanRefused,
    StaleSignIn,
)
from shop.treatments.models import Plan, PlanStart, PlanVersion, Session
from shop.treatments.states import PlanStatus, SessionStatus
from shop.treatments.templates import Step, template_of
from tests.people import a_fresh_sign_in, a_licence, alice, bob, dr_chen, eva
from tests.treatments.builders import (
    CLINIC,
    a_booked_session,
    a_draft,
    a_performed_session,
    a_plan_from_a_template,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
    ruled,
    start,
)

LA = ZoneInfo("America/Los_Angeles")


def told(plan: Plan | Session) -> list[tuple[str, str]]:
    return [(event.kind, event.to_state) for event in events.of(plan.id)]


# Drafting


def test_a_draft_says_what_is_planned_and_is_seen_by_who_drafted_it_alone(app: Flask) -> None:
    client, esthetician, chen = alice(), licensed_eva(), dr_chen()

    plan = a_draft(client, a_step(), a_step("facial", starts=in_days(9)), by=esthetician)

    said = plan.version.content
    assert said["goal"] == plan.goal == "Clearer skin."
    assert [one["procedure"] for one in said["sessions"]] == ["superficial_peel", "facial"]
    assert plan.version.content_hash == hashlib.sha256(canonical(said)).digest()
    assert [one.status for one in plan.sessions] == [SessionStatus.PROPOSED] * 2
    assert told(plan) == [("plan_drafted", "draft")]
    assert b"Clearer" not in plan.version.content_sealed
    for reader in (client, chen, licensed_eva(), bob()):
        with pytest.raises(NotFound):
            queries.plan_for(reader, plan.number, at=now())
    assert queries.plan_for(esthetician, plan.number, at=now()) is plan


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such procedure": ({"procedure": "exorcism"}, "procedure"),
    "not done there": ({"area": "legs"}, "area"),
    "too short": ({"minutes": 4}, "minutes"),
    "too long": ({"minutes": 721}, "minutes"),
    "yesterday": ({"days": -1}, "starts"),
    "in four years": ({"days": 4 * 365}, "starts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_planned_is_refused_by_field(app: Flask, case: str) -> None:
    given, field = WRONG[case]
    if "days" in given:
        given = {"starts": in_days(given["days"])}

    with pytest.raises(PlanRefused) as refused:
        a_draft(alice(), a_step(**given))

    assert list(refused.value.fields) == [f"sessions.0.{field}"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Plan)) == 0


def test_a_goal_and_forty_sessions_are_asked_for(app: Flask) -> None:
    for goal in ("", "  ", "x" * 1_001):
        with pytest.raises(PlanRefused) as refused:
            a_draft(alice(), goal=goal)
        assert list(refused.value.fields) == ["goal"]
    steps = [a_step(starts=in_days(day)) for day in range(1, 42)]
    with pytest.raises(PlanRefused) as refused:
        a_draft(alice(), *steps)
    assert list(refused.value.fields) == ["sessions"]


def test_nobody_plans_for_themselves(app: Flask) -> None:
    chen = dr_chen()
    with pytest.raises(OwnPlan):
        a_draft(chen, by=chen)


# Templates


def test_a_template_keeps_its_hour_across_daylight_saving(app: Flask) -> None:
    first = datetime(2027, 3, 8, 9, 30, tzinfo=LA)  # six days before the clocks go forward

    plan = drafting.from_template(
        alice(), template_of("acne_peels"), first=first, by=licensed_eva(), at=now(), **CLINIC
    )

    days = [one.starts_at.astimezone(LA) for one in plan.sessions]
    assert [f"{day:%m-%d %H:%M}" for day in days] == ["03-08 09:30", "03-22 09:30", "04-05 09:30"]
    assert plan.sessions[1].starts_at.astimezone(UTC).hour == 16
    assert (plan.template, plan.template_version) == ("acne_peels", "2026-1")
    assert plan.goal == "Fewer spots and blocked pores."


def test_priming_needs_its_weeks(app: Flask) -> None:
    with pytest.raises(PlanRefused) as refused:
        drafting.from_template(
            alice(),
            template_of("melasma_primed_peels"),
            first=in_days(20),
            by=licensed_eva(),
            at=now(),
            **CLINIC,
        )
    assert list(refused.value.fields) == ["starts"]
    assert "28 days" in refused.value.fields["starts"][0]


def test_of_one_template_a_client_has_one_open_plan(app: Flask) -> None:
    client, esthetician = alice(), licensed_eva()
    first = a_plan_from_a_template(client, by=esthetician)

    with pytest.raises(AlreadyPlanned) as refused:
        a_plan_from_a_template(client, by=licensed_eva())
    assert refused.value.facts["number"] == first.number

    a_plan_from_a_template(client, by=esthetician, code="scar_microneedling")
    a_plan_from_a_template(bob(), by=esthetician)
    revoking.revoke(first, reason="Another time.", by=esthetician, at=now())
    assert a_plan_from_a_template(client, by=esthetician).status is PlanStatus.PROPOSED


# Versions


def test_a_change_is_the_next_version_and_the_old_ones_stay(app: Flask) -> None:
    plan = an_active_plan(alice())
    chen = plan.start.physician  # type: ignore[union-attr]

    planning.add(plan, a_step("facial", starts=in_days(30)), by=chen, at=now())
    planning.change(plan, goal="Calm skin.", by=plan.drafted_by, at=now())

    assert [one.number for one in plan.versions] == [1, 2, 3]
    assert [one.content["goal"] for one in plan.versions] == [
        "Clearer skin.",
        "Clearer skin.",
        "Calm skin.",
    ]
    assert [len(one.content["sessions"]) for one in plan.versions] == [1, 2, 2]
    assert [one.written_by for one in plan.versions] == [plan.drafted_by, chen, plan.drafted_by]
    assert plan.start
    assert plan.start.version == 1
    assert [kind for kind, _ in told(plan)][-2:] == ["plan_changed", "plan_changed"]


def test_what_a_started_plan_does_not_do_yet_a_physician_adds(app: Flask) -> None:
    plan = an_active_plan(alice())

    with pytest.raises(OutsideScope):
        planning.add(plan, a_step("facial"), by=plan.drafted_by, at=now())

    assert (len(plan.versions), len(plan.sessions)) == (1, 1)
    planning.add(plan, a_step(starts=in_days(40)), by=plan.drafted_by, at=now())
    assert len(plan.versions) == 2


# Proposing, and what is outside a scope


def test_what_is_within_her_scope_is_proposed(app: Flask) -> None:
    client, chen = alice(), dr_chen()

    plan = a_proposal(client, a_step(), a_step("facial", starts=in_days(10)))

    assert plan.status is PlanStatus.PROPOSED
    assert queries.plan_for(client, plan.number, at=now()) is plan
    assert queries.plan_for(chen, plan.number, at=now()) is plan


@pytest.mark.parametrize(
    ("procedure", "area"),
    [
        ("microneedling", "face"),
        ("medium_peel", "face"),
        ("deep_peel", "face"),
        ("ipl_bbl", "face"),
        ("laser_hair_removal", "legs"),
        ("botulinum_toxin", "face"),
        ("filler", "lips"),
    ],
)
def test_what_is_outside_it_waits_for_a_physician(app: Flask, procedure: str, area: str) -> None:
    plan = a_proposal(alice(), a_step(), a_step(procedure, area=area, starts=in_days(10)))

    assert plan.status is PlanStatus.AWAITING_PHYSICIAN
    assert list(proposing.outside(plan, by=plan.drafted_by, at=now())) == [procedure]
    assert told(plan) == [
        ("plan_drafted", "draft"),
        ("plan_proposed", "proposed"),
        ("plan_sent_on", "awaiting_physician"),
    ]
    with pytest.raises(NotAllowed):
        start(plan, plan.drafted_by)
    assert plan.status is PlanStatus.AWAITING_PHYSICIAN


def test_what_is_added_to_a_proposal_may_send_it_on(app: Flask) -> None:
    plan = a_proposal(alice())

    planning.add(plan, a_step("microneedling", starts=in_days(20)), by=plan.drafted_by, at=now())

    assert plan.status is PlanStatus.AWAITING_PHYSICIAN


def test_an_esthetician_without_a_licence_here_proposes_nothing_alone(app: Flask) -> None:
    ended = licensed_eva()
    ended.licences[0].ended_on, ended.licences[0].ended_by_id = now().date(), ended.id
    texan = eva()
    a_licence(texan, kind="esthetician", state="TX")
    for somebody in (eva(), ended, texan):
        assert a_proposal(alice(), by=somebody).status is PlanStatus.AWAITING_PHYSICIAN


def test_a_physician_proposes_anything(app: Flask) -> None:
    plan = a_proposal(alice(), a_step("deep_peel"), by=dr_chen())
    assert plan.status is PlanStatus.PROPOSED


@pytest.mark.parametrize(
    ("state", "kind", "verdict", "may_under_a_physician"),
    [
        ("TX", "esthetician", "forbidden", False),
        ("NV", "esthetician", "forbidden", False),
        ("NV", "advanced_esthetician", "needs_supervision", True),
    ],
)
def test_needling_is_asked_of_the_state_where_the_clinic_is(
    app: Flask, state: str, kind: str, verdict: str, may_under_a_physician: bool
) -> None:
    ruled("microneedling", states=(state,), licences=(kind, "MD"))
    somebody, chen = eva(), dr_chen(states=(state,))
    a_licence(somebody, kind=kind, state=state)
    step = Step("microneedling", "face", in_days(3), 45)
    plan = a_draft(alice(), step, by=somebody, state=state)

    proposing.propose(plan, by=somebody, at=now())

    assert plan.status is PlanStatus.AWAITING_PHYSICIAN
    told = proposing.outside(plan, by=somebody, at=now())["microneedling"]
    assert (told.verdict, len(told.rules), state in told.why) == (verdict, 1, True)
    start(plan, chen)
    if may_under_a_physician:
        assert a_booked_session(plan).performer is somebody
    else:
        with pytest.raises(OutsideScope) as refused:
            a_booked_session(plan)
        assert refused.value.facts["verdict"] == verdict


def test_what_nobody_has_ruled_on_waits(app: Flask) -> None:
    step = Step("facial", "face", in_days(3), 45)
    plan = a_proposal(alice(), step)
    assert plan.status is PlanStatus.AWAITING_PHYSICIAN
    assert "Nobody" in proposing.outside(plan, by=plan.drafted_by, at=now())["facial"].why.title()


def test_an_empty_plan_is_not_proposed(app: Flask) -> None:
    esthetician = licensed_eva()
    plan = drafting.draft(alice(), goal="Some day.", by=esthetician, at=now(), **CLINIC)
    with pytest.raises(PlanRefused):
        proposing.propose(plan, by=esthetician, at=now())
    assert plan.status is PlanStatus.DRAFT


# Starting


def test_a_physician_starts_what_she_read(app: Flask) -> None:
    plan, chen = a_proposal(alice()), dr_chen()

    start(plan, chen)

    assert plan.status is PlanStatus.ACTIVE
    assert plan.start is not None
    assert (plan.start.physician, plan.start.version) == (chen, 1)
    assert plan.start.content_hash == plan.version.content_hash
    assert told(plan)[-1] == ("plan_started", "active")


def test_a_plan_that_changed_meanwhile_is_not_started(app: Flask) -> None:
    plan, chen = a_proposal(alice()), dr_chen()
    planning.change(plan, goal="Another.", by=plan.drafted_by, at=now())

    with pytest.raises(PlanChanged):
        starting.start(plan, version=1, by=chen, proof=a_fresh_sign_in(chen), at=now())

    assert plan.status is PlanStatus.PROPOSED
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PlanStart)) == 0


def test_starting_needs_a_fresh_sign_in_of_her_own(app: Flask) -> None:
    plan, chen, other = a_proposal(alice()), dr_chen(), dr_chen()
    proof = a_fresh_sign_in(chen)
    late = now() + timedelta(minutes=6)
    for given, at in ((None, now()), (proof, late), (a_fresh_sign_in(other), now())):
        with pytest.raises(StaleSignIn):
            starting.start(plan, version=1, by=chen, proof=given, at=at)
    assert plan.status is PlanStatus.PROPOSED


def test_who_has_no_licence_where_the_clinic_is_starts_nothing(app: Flask) -> None:
    plan, nevadan = a_proposal(alice()), dr_chen(states=("NV",))
    with pytest.raises(NotLicensedHere):
        start(plan, nevadan)
    with pytest.raises(NotFound):
        queries.plan_for(nevadan, plan.number, at=now())


def test_who_works_under_another_starts_only_what_she_may_do_alone(app: Flask) -> None:
    ruled("microneedling", "superficial_peel", licences=("MD", "NP", "esthetician"))
    nurse, chen = dr_chen(states=()), dr_chen()
    a_licence(nurse, kind="NP")
    plan = a_proposal(alice(), a_step("microneedling"))

    with pytest.raises(OutsideScope) as refused:
        start(plan, nurse)
    assert refused.value.facts["procedures"] == ["microneedling"]
    assert plan.status is PlanStatus.AWAITING_PHYSICIAN

    start(plan, chen)
    with pytest.raises(OutsideScope):
        planning.add(plan, Step("ipl_bbl", "face", in_days(9), 45), by=nurse, at=now())
    assert len(plan.sessions) == 1


# Holding, ending


def test_a_held_plan_says_why_and_goes_on(app: Flask) -> None:
    plan, chen = an_active_plan(alice()), dr_chen()

    holding.hold(plan, reason="A cold sore.", by=chen, at=now())
    assert (plan.status, plan.reason) == (PlanStatus.ON_HOLD, "A cold sore.")
    with pytest.raises(NotAllowed):
        holding.resume(plan, by=plan.drafted_by, at=now())

    holding.resume(plan, by=chen, at=now())
    assert (plan.status, plan.reason) == (PlanStatus.ACTIVE, None)


def test_a_plan_is_complete_once_something_was_done_and_nothing_is_ahead(app: Flask) -> None:
    plan = an_active_plan(alice(), a_step(), a_step(starts=in_days(20)))
    a_performed_session(plan)
    with pytest.raises(completing.SessionsAhead) as refused:
        completing.complete(plan, by=plan.drafted_by, at=now())
    assert refused.value.facts == {"ahead": 1, "performed": 1}

    done = an_active_plan(bob(), by=licensed_eva())
    a_performed_session(done)
    completing.complete(done, by=done.drafted_by, at=now())
    assert done.status is PlanStatus.COMPLETED
    with pytest.raises(WrongState):
        planning.change(done, goal="More.", by=done.drafted_by, at=now())


def test_who_takes_a_plan_back_cancels_what_is_ahead(app: Flask) -> None:
    client = alice()
    plan = an_active_plan(client, a_step(), a_step(starts=in_days(20)))
    done = a_performed_session(plan)

    revoking.revoke(plan, reason="I am moving.", by=client, at=now())

    ahead = next(one for one in plan.sessions if one is not done)
    assert plan.status is PlanStatus.REVOKED
    assert (ahead.status, ahead.reason) == (SessionStatus.CANCELLED, "I am moving.")
    assert done.status is SessionStatus.PERFORMED


def test_an_esthetician_takes_back_only_what_was_not_started(app: Flask) -> None:
    plan = an_active_plan(alice())
    with pytest.raises(NotAllowed):
        revoking.revoke(plan, reason="No.", by=plan.drafted_by, at=now())
    assert plan.status is PlanStatus.ACTIVE
    assert plan.sessions[0].status is SessionStatus.PROPOSED


# Who sees what


def test_plans_are_read_through_the_reader(app: Flask) -> None:
    client, esthetician, chen = alice(), licensed_eva(), dr_chen()
    plan = an_active_plan(client, by=esthetician, chen=chen)
    colleague = licensed_eva()

    for reader in (client, esthetician, chen, dr_chen()):
        assert queries.plan_for(reader, plan.number, at=now()) is plan
    for stranger in (bob(), colleague, dr_chen(states=("NV",))):
        with pytest.raises(NotFound):
            queries.plan_for(stranger, plan.number, at=now())

    a_booked_session(plan, by=colleague)
    assert queries.plan_for(colleague, plan.number, at=now()) is plan


def test_who_started_it_sees_it_after_her_licence_has_ended(app: Flask) -> None:
    chen, other = dr_chen(states=("CA",)), dr_chen(states=("CA",))
    plan = an_active_plan(alice(), chen=chen)
    for person in (chen, other):
        person.licences[0].ended_on = now().date()
        person.licences[0].ended_by_id = person.id
    db.session.flush()

    assert queries.plan_for(chen, plan.number, at=now()) is plan
    with pytest.raises(NotFound):
        queries.plan_for(other, plan.number, at=now())


def test_the_trail_of_a_plans_life_holds(app: Flask) -> None:
    plan = an_active_plan(alice())
    a_performed_session(plan)
    db.session.flush()
    assert list(events.verify()) == []
    assert {type(one) for one in (plan.version, plan.start)} == {PlanVersion, PlanStart}
