"""The review desk: by risk, then deadline; whose a request is; and what its page says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts import delegating, licences
from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions import desk, escalating, reviewing
from shop.prescriptions.clocks import POLICY
from shop.prescriptions.desk import Show
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening.risk import Risk
from shop.prescriptions.states import RequestStatus
from shop.web.paging import BadCursor, page
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import alice, bob, dr_chen, mona
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
    an_examination,
)
from tests.prescriptions.test_checking import a_formula, asked, hydroquinone, tretinoin
from tests.prescriptions.test_pages import Reader

pytestmark = pytest.mark.usefixtures("app")


def laid(
    client: Person, *, risk: Risk = Risk.ROUTINE, due_at: datetime | None = None, **given: Any
) -> ApprovalRequest:
    """A request on the desk that weighs so much and is due then."""
    request = a_draft(client, **given)
    at = now()
    request.answers_hash, request.consented_at = bytes(32), at
    request.due_at = due_at or at + POLICY.answered_within
    request.risk, request.status = int(risk), RequestStatus.QUEUED
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_SUBMITTED, request)
    return request


def walk(
    reader: Person, *, show: Show = Show.ALL, limit: int = 50, at: datetime | None = None
) -> list[str]:
    """The numbers of every page of the desk, in order."""
    at = at or now()
    found = desk.of(reader, show=show, at=at, day=at.date())
    numbers: list[str] = []
    after = None
    while True:
        shown = page(found.query, found.keys, limit=limit, after=after)
        assert len(shown["items"]) <= limit
        numbers += [one.number for one in shown["items"]]
        after = shown["next"]
        if after is None:
            return numbers


def numbers(*requests: ApprovalRequest) -> list[str]:
    return [request.number for request in requests]


# --- the order -----------------------------------------------------------------------------------


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    things=st.lists(st.tuples(st.sampled_from(Risk), st.integers(0, 2)), max_size=7),
    limit=st.integers(1, 4),
)
def test_by_risk_then_deadline_over_all_pages(
    things: Sequence[tuple[Risk, int]], limit: int
) -> None:
    with db.session.begin_nested() as undone:
        client, chen = alice(), dr_chen()
        at = now()
        requests = [
            laid(client, risk=risk, due_at=at + timedelta(hours=hours)) for risk, hours in things
        ]
        ordered = sorted(requests, key=lambda one: (one.risk, one.due_at, one.id))

        assert walk(chen, limit=limit) == numbers(*ordered)
        undone.rollback()


def test_what_nobody_has_weighed_comes_first() -> None:
    """As after the migration: the column's own default."""
    client, chen = alice(), dr_chen()
    weighed = laid(client, due_at=now() + timedelta(hours=1))
    draft = a_draft(client)
    assert db.session.scalar(
        sa.select(ApprovalRequest.risk).where(ApprovalRequest.id == draft.id)
    ) == int(Risk.HIGH)
    unweighed = laid(client, risk=Risk.HIGH)
    assert walk(chen) == numbers(unweighed, weighed)


def test_all_mine_and_late() -> None:
    client, chen = alice(), dr_chen()
    at = now()
    a_prescription(client, by=chen)
    mine = a_request(client)
    other = laid(bob(state="CA"))
    late = laid(alice(), due_at=at - timedelta(minutes=1))

    assert set(walk(chen)) == set(numbers(mine, other, late))
    assert walk(chen, show=Show.MINE) == numbers(mine)
    assert walk(chen, show=Show.LATE, at=at) == numbers(late)

    reviewing.claim(other, by=chen, at=now())
    assert set(walk(chen, show=Show.MINE)) == set(numbers(mine, other))


def test_a_cursor_of_another_order_is_refused() -> None:
    """A delegation began between two pages."""
    chen, away = dr_chen(), dr_chen()
    for _ in range(2):
        laid(alice())
    at = now()
    before = desk.of(chen, show=Show.ALL, at=at, day=at.date())
    cursor = page(before.query, before.keys, limit=1, after=None)["next"]
    delegating.delegate(away, chen, starts_on=at.date(), ends_on=at.date(), today=at.date())

    after = desk.of(chen, show=Show.ALL, at=at, day=at.date())
    with pytest.raises(BadCursor):
        page(after.query, after.keys, limit=1, after=cursor)


# --- what it weighs ------------------------------------------------------------------------------


def test_a_request_is_weighed_when_it_is_handed_in() -> None:
    client = alice()
    routine = a_request(client)
    first = asked(client, a_formula(tretinoin()))
    isotretinoin = asked(client, a_formula(hydroquinone()), isotretinoin="now")

    assert [Risk(one.risk) for one in (routine, first, isotretinoin)] == [
        Risk.ROUTINE,
        Risk.RAISED,
        Risk.HIGH,
    ]


def test_it_is_weighed_anew_when_it_is_given_back() -> None:
    client, chen = alice(), dr_chen()
    request = asked(client, a_formula(hydroquinone()))
    assert Risk(request.risk) is Risk.RAISED
    reviewing.claim(request, by=chen, at=now())
    charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())

    reviewing.release(request, by=chen, at=now())
    db.session.commit()

    assert Risk(request.risk) is Risk.HIGH


def test_a_lease_that_ran_out_changes_nothing_of_it() -> None:
    client, chen = alice(), dr_chen()
    request = asked(client, a_formula(hydroquinone()))
    reviewing.claim(request, by=chen, at=now())
    assert request.claimed_until is not None
    charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())

    reviewing.release_if_run_out(request, at=request.claimed_until)
    db.session.commit()

    assert (request.status, Risk(request.risk)) == (RequestStatus.QUEUED, Risk.RAISED)


# --- whose it is ---------------------------------------------------------------------------------


def test_it_is_laid_before_who_signed_last() -> None:
    client, chen, ruiz = alice(), dr_chen(), dr_chen()
    assert a_request(client).assigned_to is None
    a_prescription(client, by=ruiz)
    a_prescription(client, by=chen)
    assert a_request(client).assigned_to is chen
    assert a_request(client, ship_to_state="NV").assigned_to is chen


def test_who_may_not_sign_this_one_is_not_assigned() -> None:
    client, chen, manager = alice(), dr_chen(), mona()
    a_prescription(client, by=chen)
    assert a_request(client, ship_to_state="TX").assigned_to is None
    for licence in chen.licences:
        licences.end(licence, on=now().date(), by=manager)
    db.session.flush()
    assert a_request(client).assigned_to is None


def test_anybody_licensed_may_take_what_is_anothers() -> None:
    client, chen, other = alice(), dr_chen(), dr_chen()
    a_prescription(client, by=chen)
    request = a_request(client)
    reviewing.claim(request, by=other, at=now())
    assert request.claimed_by is other


def stands_in(delegate: Person, absent: Person, *, first: int = 0, last: int = 5) -> None:
    today = now().date()
    delegating.delegate(
        absent,
        delegate,
        starts_on=today + timedelta(days=first),
        ends_on=today + timedelta(days=last),
        today=today,
    )


def test_the_work_of_who_is_away_comes_first() -> None:
    away, delegate, other = dr_chen(), dr_chen(), dr_chen()
    client = alice()
    a_prescription(client, by=away)
    hers = a_request(client)
    urgent = laid(alice(), risk=Risk.HIGH)
    stands_in(delegate, away)

    assert walk(delegate, limit=1) == numbers(hers, urgent)
    assert walk(other) == numbers(urgent, hers)
    assert walk(delegate, show=Show.MINE) == numbers(hers)
    assert walk(away, show=Show.MINE) == numbers(hers)


def test_only_on_the_days_named() -> None:
    away, delegate = dr_chen(), dr_chen()
    client = alice()
    a_prescription(client, by=away)
    hers = a_request(client)
    urgent = laid(alice(), risk=Risk.HIGH)
    stands_in(delegate, away, first=1)
    assert walk(delegate) == numbers(urgent, hers)
    assert walk(delegate, at=now() + timedelta(days=1)) == numbers(hers, urgent)


def test_what_the_absent_was_called_to_comes_first_too() -> None:
    away, delegate = dr_chen(), dr_chen(states=("CA",))
    traveller = alice()
    an_examination(traveller, by=away)  # Nevada asks for a visit
    far = laid(traveller, ship_to_state="NV")
    near = laid(alice(), risk=Risk.HIGH)
    assert far.due_at is not None
    (step,) = escalating.escalate(far.id, at=far.due_at + POLICY.second_physician)
    assert step.called_id == away.id  # the only one licensed in both
    stands_in(delegate, away)

    # A licence is needed all the same: the delegate has none for Nevada, and does not see it.
    assert walk(delegate) == numbers(near)
    licences.record(
        delegate,
        kind="MD",
        state="NV",
        number="N1",
        valid_from=now().date(),
        valid_until=now().date() + timedelta(days=9),
        verified_on=None,
    )
    db.session.flush()
    assert walk(delegate) == numbers(far, near)


def test_the_delegate_signs_as_herself() -> None:
    away, delegate = dr_chen(), dr_chen(name="Dr Ana Ruiz")
    client = alice()
    a_prescription(client, by=away)
    stands_in(delegate, away)

    signed = a_prescription(client, by=delegate)

    assert signed.prescriber is delegate
    assert (signed.prescriber_name, signed.prescriber_npi) == ("Dr Ana Ruiz", delegate.npi)
    assert {state.licence_number for state in signed.states} <= {
        licence.number for licence in delegate.licences
    }


# --- over HTTP -----------------------------------------------------------------------------------


def test_physicians_get_the_order_of_the_desk_by_default(app: Flask) -> None:
    client, chen = somebody(), somebody(dr_chen)
    routine = laid(client)
    high = laid(client, risk=Risk.HIGH, due_at=now() + timedelta(days=9))
    db.session.commit()
    expected = numbers(high, routine)

    physician, hers = Browser(app, chen), Browser(app, client)
    first = physician.get("/approval-requests?limit=1").json
    rest = physician.get(f"/approval-requests?limit=1&after={first['next']}").json

    shown = [*first["items"], *rest["items"]]
    assert [one["number"] for one in shown] == expected
    assert [one["desk"]["risk"] for one in shown] == ["high", "routine"]
    assert shown[0]["desk"]["escalations"] == []
    assert [one["number"] for one in hers.get("/approval-requests").json["items"]] == expected[::-1]
    assert all("desk" not in one for one in hers.get("/approval-requests").json["items"])
    assert "desk" not in hers.get(f"/approval-requests/{expected[0]}").json
    refused = hers.get("/approval-requests?sort=risk")
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["sort"])
    wrong = physician.get("/approval-requests?sort=name")
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["sort"])


def test_the_page_says_what_counts(app: Flask) -> None:
    client, chen, other = somebody(), somebody(dr_chen), dr_chen(name="Dr Ana Ruiz")
    a_prescription(client, by=chen)
    cream = a_cream()
    a_lot(cream, 1)
    mine = a_request(client, cream, quantity=2)
    held = a_claimed_request(bob(state="CA", name="Bo Held"), by=other)
    late = laid(alice(name="Li Late"), due_at=now() - timedelta(hours=2, minutes=5))
    assert late.due_at is not None
    near = laid(alice(), due_at=now() + timedelta(hours=3, minutes=5))
    escalating.escalate(late.id, at=now())
    (step,) = escalating.escalate(near.id, at=now())
    me = step.called_id == chen.id
    db.session.commit()
    number = mine.number

    reader = Reader(app, chen)
    text = reader.get("/review")

    assert "routine" in text
    assert "due in 23 hours" in text
    assert "2 hours late" in text
    assert "your client" in text
    assert "1 left, enough for 0 of 1 open request" in text
    assert "Dr Ana Ruiz has it until" in text
    assert "due in 3 hours" in text
    called = "you are called" if me else "Dr Ana Ruiz is called"
    assert f"{called} as second physician" in text
    assert "no medical director was found" in text
    mine_only = reader.get("/review?show=mine")
    assert number in mine_only
    assert held.number not in mine_only
    only_late = reader.get("/review?show=late")
    assert late.number in only_late
    assert number not in only_late
    assert reader.client.get("/review?show=yours").status_code == 422


def test_a_page_of_the_desk_takes_a_fixed_number_of_statements(app: Flask) -> None:
    chen = somebody(dr_chen)
    reader = Reader(app, chen)

    def count() -> int:
        statements: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        engine = db.engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            assert reader.client.get("/review").status_code == 200
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return len(statements)

    for _ in range(2):
        laid(alice())
    db.session.commit()
    few = count()
    for _ in range(6):
        laid(alice())
    db.session.commit()
    assert count() == few


def test_the_case_says_why_it_weighs_so_much(app: Flask) -> None:
    client, chen = somebody(), somebody(dr_chen)
    number = asked(client, a_formula(tretinoin())).number
    db.session.commit()
    text = Reader(app, chen).get(f"/review/{number}")
    assert "raised" in text
    assert "The first retinoid that we know of." in text


def test_out_of_office_on_its_page(app: Flask) -> None:
    chen, ruiz = somebody(dr_chen), somebody(dr_chen, name="Dr Ana Ruiz")
    today = now().date()
    reader = Reader(app, chen)
    assert "Dr Ana Ruiz" in reader.get("/review/away")

    typed = {"delegate": str(ruiz.id), "starts_on": (today + timedelta(days=3)).isoformat()}
    text = reader.send("/review/away", **typed, ends_on="2020-01-01")
    assert reader.status == 422
    assert "Must not be before the first day." in text
    text = reader.send("/review/away", **typed, ends_on=(today + timedelta(days=4)).isoformat())
    assert (reader.status, reader.path) == (200, "/review/away")
    assert "Take back" in text

    day_of = today + timedelta(days=3)
    assert delegating.stood_in_for(_again(ruiz), day=day_of) == {chen.id}
    action = next(
        part.split('"')[0]
        for part in text.split('action="')[1:]
        if part.startswith("/review/away/")
    )
    assert "taken back" in reader.send(action)
    assert delegating.stood_in_for(_again(ruiz), day=day_of) == set()


def _again(person: Person) -> Person:
    return db.session.get_one(Person, person.id)


def test_the_days_are_the_clinics() -> None:
    """`desk.of` takes the day: the page gives the clinic's, not UTC's."""
    away, delegate = dr_chen(), dr_chen()
    stands_in(delegate, away, first=1, last=1)
    at = now()
    tomorrow: date = at.date() + timedelta(days=1)
    assert desk.of(delegate, show=Show.ALL, at=at, day=tomorrow).stands_in_for == {away.id}
    assert desk.of(delegate, show=Show.ALL, at=at, day=at.date()).stands_in_for == set()
