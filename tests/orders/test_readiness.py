"""Readiness from the rows: what was signed, sent, reported, waived; where it is shown, to whom."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Medicine
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, Refusal
from shop.core.rules import Severity
from shop.orders import queries, readiness
from shop.treatments import answering, holding, instructing, moving, waiving
from shop.treatments.errors import NotLicensedHere, WaiverRefused
from shop.treatments.instructing import Wanted
from shop.treatments.models import Plan, Session, SessionWaiver
from shop.treatments.readiness import Code, Finding, Judged, Readiness
from shop.treatments.regimens import Slot
from tests.accounts.test_api import Browser, somebody
from tests.benchmarks.test_statements import sent
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid
from tests.people import alice, bob, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, tretinoin
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    BLISTERS,
    a_booked_session,
    a_performed_session,
    a_report,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)
from tests.treatments.rules import a_window

R, A, N = Readiness.READY, Readiness.AT_RISK, Readiness.NOT_READY


@pytest.fixture(autouse=True)
def _context(app: Flask) -> None:
    """Rows need an application."""


def a_booked_peel(client: Person, *, days: float = 12, **given: Any) -> Session:
    """In so many days, under a plan that Dr Chen started."""
    plan = an_active_plan(client, a_step(starts=in_days(days)), **given)
    session = a_booked_session(plan)
    db.session.commit()
    return session


def found(session: Session) -> Judged:
    db.session.flush()
    return readiness.of_one(session, at=now())


def names(session: Session) -> set[str]:
    return {one.name for one in found(session).findings}


def waive(session: Session, by: Person, *findings: str, reason: str = "She asked for it.") -> None:
    judged = found(session)
    waiving.waive(session, findings=findings, judged=judged, reason=reason, by=by, at=now())
    db.session.commit()


def a_late_peel(chen: Person, client: Person | None = None, **given: Any) -> Session:
    """In three days; retinoids had to stop two days ago."""
    a_window(when={})
    return a_booked_peel(client or alice(), days=3, chen=chen, **given)


def test_home_care_is_lacking_until_it_was_prescribed_and_sent() -> None:
    client, chen, cream = alice(), dr_chen(), a_formula(tretinoin())
    a_lot(cream, 5)
    session = a_booked_peel(client, chen=chen)
    steps = [Wanted(cream.sku, Slot.EVENING)]
    instructing.instruct(session.plan, steps, by=chen, at=now())
    assert (found(session).readiness, names(session)) == (N, {f"not_prescribed:{cream.sku}"})

    a_prescription(client, cream, by=chen)
    assert names(session) == {f"not_dispensed:{cream.sku}"}
    order = paid(client, {cream: 1})
    assert found(session).readiness is N  # paid for is not sent
    whole = queries.locked_order(order.id)
    leave(whole)

    assert (found(session).readiness, names(session)) == (R, set())


def test_what_she_was_sent_within_a_stop_puts_the_session_at_risk() -> None:
    client, cream = alice(), a_formula(tretinoin())
    a_lot(cream, 5)
    a_prescription(client, cream)
    order = paid(client, {cream: 1})
    session = a_booked_peel(client, days=4)
    a_window(when={})  # its stop begins five days before
    whole = queries.locked_order(order.id)  # placed before, so it goes on
    leave(whole)

    judged = found(session)

    assert judged.readiness is A
    assert {one.code for one in judged.findings} >= {Code.USED}
    assert "given to her" in next(one.text for one in judged.findings if one.code is Code.USED)


def test_reports_of_another_session_count_until_they_are_answered() -> None:
    client, chen = alice(), dr_chen()
    done = a_performed_session(an_active_plan(client, a_step("facial"), chen=chen))
    session = a_booked_peel(client, chen=chen)
    assert found(session).readiness is R
    bad = a_report(done, BLISTERS)
    assert (found(session).readiness, names(session)) == (N, {f"report_waits:{bad.id}"})

    answering.answer(bad, message="Come in.", by=chen, at=now())

    assert (found(session).readiness, names(session)) == (A, {f"report_bad:{bad.id}"})


def test_the_chart_and_the_plan_are_asked_too() -> None:
    client, chen = alice(), dr_chen()
    antiviral = {"subject": "antiviral", "action": "require", "from_day": -2, "to_day": 5}
    a_window(**antiviral, when={"cold_sores": True})
    session = a_booked_peel(client, chen=chen)
    assert names(session) == {"not_known:cold_sores"}
    a_window(**antiviral | {"to_day": 6}, when={})
    assert "not_dispensed:antiviral" in names(session)

    charting.state(client, Medicine("Valtrex 500 mg"), by=client, at=now())
    assert "not_dispensed:antiviral" not in names(session)

    holding.hold(session.plan, reason="Wait.", by=chen, at=now())
    assert f"plan_waits:{session.plan.number}" in names(session)


# Waivers -----------------------------------------------------------------------------------------


def test_a_physician_waives_and_a_move_ends_it() -> None:
    chen = dr_chen()
    session = a_late_peel(chen)
    before = session.starts_at
    assert found(session).readiness is A

    waive(session, chen, "told_late:retinoid")

    (waived,) = (one.waived for one in found(session).findings)
    assert waived
    assert (waived.by, waived.why) == (chen.name, "She asked for it.")
    assert found(session).readiness is R
    made = db.session.scalars(sa.select(SessionWaiver)).one()
    assert [one.kind for one in events.of(made.id)] == ["session_waived"]
    assert b"asked" not in made.reason_sealed

    moving.move(session, starts=in_days(3.5), by=chen, at=now())
    assert found(session).readiness is A
    moving.move(session, starts=before, by=chen, at=now())  # and back again
    assert found(session).readiness is A


def test_who_may_not_waive_and_what_nobody_waives() -> None:
    chen = dr_chen()
    session = a_late_peel(chen)
    hard = a_window(subject="isotretinoin", severity="hard_stop", when={"isotretinoin_days": 183})
    assert {"told_late:retinoid", f"not_known:{hard.subject}"} == names(session)
    db.session.commit()
    refused: list[tuple[Person, tuple[str, ...], str, type[Refusal]]] = [
        (session.plan.drafted_by, ("told_late:retinoid",), "So.", NotAllowed),
        (session.plan.client, ("told_late:retinoid",), "So.", NotAllowed),
        (dr_chen(states=("NV",)), ("told_late:retinoid",), "So.", NotLicensedHere),
        (chen, ("told_late:retinoid", "not_known:isotretinoin"), "So.", WaiverRefused),
        (chen, ("used:retinoid",), "So.", WaiverRefused),
        (chen, (), "So.", WaiverRefused),
        (chen, ("told_late:retinoid",), " ", WaiverRefused),
    ]
    for by, which, reason, error in refused:
        with pytest.raises(error):
            waive(session, by, *which, reason=reason)
        db.session.rollback()
    assert db.session.scalars(sa.select(SessionWaiver)).all() == []
    assert found(session).readiness is N


def test_postgresql_refuses_a_waiver_over_a_hard_stop_whatever_the_code_lets_through() -> None:
    """The same waiver, with a judge that lies: the second judge looks at the rules itself."""
    chen = dr_chen()
    session = a_late_peel(chen)
    a_window(subject="isotretinoin", severity="hard_stop", when={"isotretinoin_days": 183})
    lie = Finding(Code.NOT_KNOWN, "isotretinoin", Severity.SOFT_STOP, "A lie")
    with pytest.raises(sa.exc.IntegrityError, match="no_waiver_over_a_hard_stop"):
        waiving.waive(
            session,
            findings=[lie.name],
            judged=Judged(N, (lie,)),
            reason="So.",
            by=chen,
            at=now(),
        )


# How dear, and where it is shown -----------------------------------------------------------------


def test_it_takes_as_many_statements_for_many_as_for_one(app: Flask) -> None:
    a_window(when={})
    eva, chen = licensed_eva(), dr_chen()
    sessions = [
        a_booked_peel(client(), days=5 + number, by=eva, chen=chen)
        for number, client in enumerate((alice, bob, alice))
    ]

    def statements(some: list[Session]) -> int:
        db.session.commit()
        keys = [one.id for one in some]
        again = list(db.session.scalars(sa.select(Session).where(Session.id.in_(keys))))
        with sent(app) as told:
            assert len(readiness.of(again, at=now())) == len(some)
        return len(told)

    assert statements(sessions[:1]) == statements(sessions) <= 14


def test_where_it_is_shown(app: Flask) -> None:
    eva, chen, client = somebody(licensed_eva), somebody(dr_chen), somebody(alice)
    session = a_late_peel(chen, client, by=eva)
    plan: Plan = session.plan
    path = f"/plans/{plan.number}/sessions/{session.id}"

    listed = Browser(app, eva).get("/readiness").json["items"]
    assert [(one["plan"], one["readiness"]["readiness"]) for one in listed] == [
        (plan.number, "at_risk")
    ]
    assert listed[0]["readiness"]["options"][0].startswith("move it to")
    hers = Browser(app, client).get(f"/plans/{plan.number}").json["sessions"][0]
    assert (hers["standing"], hers["readiness"]["findings"]) == ("not_ready", [])
    assert "Leave off retinoids" in hers["readiness"]["todos"][0]
    assert "Leave off retinoids" in Reader(app, client).get("/plan")
    assert "told too late" in Reader(app, eva).get("/studio/readiness")
    opened = sa.select(Access.reader_id).where(Access.record == "readiness")
    assert db.session.scalars(opened).all() == [eva.id, eva.id]

    reader = Reader(app, chen)
    assert "At risk" in reader.get(f"/plans/{plan.number}")
    reader.send(f"{path}/waivers", findings="told_late:retinoid", reason="She asked for it.")
    assert f"Waived by {chen.name}" in reader.text
    assert "She asked for it." in reader.text
    again = Browser(app, chen).post(
        f"{path}/waivers", {"findings": ["told_late:retinoid"], "reason": "Again."}
    )
    assert (again.status_code, list(again.json["errors"])) == (422, ["findings"])
    assert Browser(app, eva).post(f"{path}/waivers", {}).status_code == 403
    assert Browser(app, eva).get("/readiness").json["items"][0]["readiness"]["readiness"] == "ready"
