"""What treatments and health do to a refill: it moves and says why, is held, or is never charged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.core.clock import now
from shop.core.db import db
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.orders import rechecking
from shop.replenishment import choosing, supplying
from shop.replenishment.models import AutoRefill, RefillCycle, RefillReminder
from shop.replenishment.running_out import RunOut
from shop.replenishment.states import CycleStatus, Obstacle
from shop.replenishment.supplying import LOOKED_AT, ON_HOLD
from shop.treatments import answering, booking, moving
from shop.treatments.models import Session, WindowRuleRow
from shop.treatments.windows import wording
from tests.replenishment.builders import (
    ZONE,
    a_client_with_a_cream,
    an_auto_refill,
    cycles_of,
    peel_rules,
)
from tests.replenishment.conftest import Clinic
from tests.treatments.builders import (
    BLISTERS,
    a_performed_session,
    a_report,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)

C = CycleStatus


@pytest.fixture(autouse=True)
def _rules(clinic: Clinic) -> None:
    """What the shop ships of the peel is in force."""
    if db.session.query(WindowRuleRow).count():
        return
    peel_rules()
    db.session.commit()


def sentence(day: date) -> str:
    """Of a peel on a day, as the shipped rules have it: five days before, seven after."""
    said = [
        wording.day(each, day.year)
        for each in (day, day - timedelta(days=5), day + timedelta(days=7))
    ]
    return "Superficial peel on {}: stop by {}, from {} again.".format(*said)


def run_out_of(client: object) -> RunOut:
    (supply,) = supplying.of_client(client, at=now(), zone=ZONE)  # type: ignore[arg-type]
    assert supply.run_out is not None
    return supply.run_out


def a_booked_peel(client: object, days: int) -> Session:
    eva = licensed_eva()
    plan = an_active_plan(client, a_step(starts=in_days(days)), by=eva)  # type: ignore[arg-type]
    session = plan.sessions[0]
    booking.book(session, performer=eva, by=eva, at=now())
    return session


def cycle_of(refill: AutoRefill) -> RefillCycle:
    return cycles_of(refill)[-1]


def after(clinic: Clinic, days: int) -> None:
    clinic.travel(days)
    assert clinic.run().failed == 0


def test_a_peel_in_four_days_moves_the_refill_and_moved_away_it_moves_back(
    clinic: Clinic,
) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    refill, begun = clinic.made(lambda: an_auto_refill(client, cream)), clinic.today
    after(clinic, 21)
    assert cycle_of(refill).act_on == begun + timedelta(days=28)  # told three days late

    peel = clinic.made(lambda: a_booked_peel(client, 4))
    day = clinic.today + timedelta(days=4)
    after(clinic, 1)

    cycle = cycle_of(refill)
    found = run_out_of(client)
    assert found.because == (sentence(day),)
    assert (found.unmoved, found.days) == (begun + timedelta(days=30), 12)
    assert (cycle.status, cycle.act_on) == (C.NOTICED, found.on - timedelta(days=5))
    after(clinic, 6)
    assert not clinic.bank.intents

    clinic.made(
        lambda: moving.move(
            peel, starts=in_days(80), reason="Away.", by=peel.plan.drafted_by, at=now()
        )
    )
    after(clinic, 1)

    assert run_out_of(client) == RunOut(begun + timedelta(days=30), begun + timedelta(days=30))
    assert cycle_of(refill).status is C.CHARGED


def test_a_reminder_is_sent_once_and_says_that_it_moved(clinic: Clinic) -> None:
    client, _ = clinic.made(a_client_with_a_cream)
    other, _ = clinic.made(a_client_with_a_cream)
    clinic.made(lambda: choosing.choose(other, wanted=False, at=now()))
    begun = clinic.today
    clinic.made(lambda: a_booked_peel(client, 10))

    after(clinic, 34)
    assert not db.session.query(RefillReminder).filter_by(client_id=client.id).count()
    clinic.days(2)

    (reminder,) = db.session.query(RefillReminder).filter_by(client_id=client.id)
    assert (reminder.runs_out_on, reminder.moved_days) == (begun + timedelta(days=42), 12)
    assert not db.session.query(RefillReminder).filter_by(client_id=other.id).count()
    letter = Letter(template=Template.REFILL_DUE, subject_id=reminder.id, recipient=client)
    letter.id, letter.queued_at, letter.due_since = reminder.id, now(), now()
    text = letters.compose(letter, at=now()).as_string().lower()
    assert "its day has moved" in text
    assert not [word for word in ("peel", "cream", "tretinoin", "prescri") if word in text]


def test_skin_out_of_course_holds_it_until_a_physician_has_written(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    refill, begun = clinic.made(lambda: an_auto_refill(client, cream)), clinic.today
    plan = clinic.made(lambda: an_active_plan(client, a_step(starts=in_days(1))))
    clinic.travel(1)
    session = clinic.made(lambda: a_performed_session(plan))  # moves it by the eight days of use
    after(clinic, 26)
    assert cycle_of(refill).act_on == begun + timedelta(days=34)
    report = clinic.made(lambda: a_report(session, BLISTERS))
    after(clinic, 2)
    assert run_out_of(client).held
    assert LOOKED_AT in run_out_of(client).because

    after(clinic, 6)

    cycle = cycle_of(refill)
    assert (cycle.status, cycle.obstacle) == (C.BLOCKED, Obstacle.REPORT)
    assert not clinic.bank.intents
    clinic.made(
        lambda: answering.answer(report, message="Go on.", by=plan.start.physician, at=now())
    )
    after(clinic, 1)
    (cycle,) = cycles_of(refill)
    assert not run_out_of(client).held
    assert cycle.act_on == run_out_of(client).on - timedelta(days=5) > clinic.today
    clinic.travel((cycle.act_on - clinic.today).days)
    after(clinic, 0)
    assert cycle_of(refill).status is C.CHARGED


def test_pregnancy_blocks_a_retinoid_and_says_why(clinic: Clinic) -> None:
    client, cream = clinic.made(a_client_with_a_cream)
    refill = clinic.made(lambda: an_auto_refill(client, cream))
    after(clinic, 18)
    clinic.made(lambda: says_she_is_pregnant(client))

    clinic.days(9)

    cycle = cycle_of(refill)
    assert cycle.status is C.BLOCKED
    assert "until Dr Wei Chen has looked at it again" in cycle.reasons[0]["text"]
    assert (clinic.bank.intents, cycle.order_id) == ({}, None)
    assert run_out_of(client).because == (ON_HOLD,)
    clinic.days(3)
    assert not clinic.bank.intents


def says_she_is_pregnant(client: object) -> None:
    with rechecking.following(client, at=now()):  # type: ignore[arg-type]
        charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())  # type: ignore[arg-type]
