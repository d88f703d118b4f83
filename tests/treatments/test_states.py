"""Every pair of states of plans and sessions, in code and in the database; every verb in each state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal, WrongState
from shop.core.events import LegalTransition
from shop.treatments import (
    booking,
    cancelling,
    completing,
    holding,
    missing,
    moving,
    performing,
    planning,
    proposing,
    revoking,
)
from shop.treatments.models import Plan, Session, arrows
from tests.people import alice, dr_chen
from tests.treatments.builders import (
    a_booked_session,
    a_draft,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    start,
)

MACHINES: dict[str, type[Any]] = {"plan": Plan, "session": Session}
KNOWN = {machine: arrows()[machine] for machine in MACHINES}  # rules have their own tests

# Spelled out a second time: what may follow what.
ARROWS = """
plan: -> draft
plan: draft -> proposed revoked
plan: proposed -> awaiting_physician active revoked
plan: awaiting_physician -> active revoked
plan: active -> on_hold completed revoked
plan: on_hold -> active revoked
session: -> proposed
session: proposed -> booked cancelled
session: booked -> performed cancelled no_show
session: no_show -> booked cancelled
"""


def _spelled_out() -> set[tuple[str, str, str]]:
    found = set()
    for line in ARROWS.strip().splitlines():
        machine, _, rest = line.partition(":")
        before, _, after = rest.partition("->")
        found |= {(machine, before.strip(), status) for status in after.split()}
    return found


PAIRS = [
    (machine, before, after)
    for machine, known in KNOWN.items()
    for before in known
    for after in known
    if after is not None and before is not after
]


@pytest.mark.parametrize(("machine", "before", "after"), PAIRS)
def test_a_status_goes_along_an_arrow_or_not_at_all(machine: str, before: Any, after: Any) -> None:
    row = MACHINES[machine]()
    if before is not None:
        row.__dict__["status"] = before  # as if loaded: past the guard
    legal = (machine, before.value if before else "", after.value) in _spelled_out()

    if legal:
        row.status = after
        assert row.status is after
    else:
        with pytest.raises(WrongState) as refused:
            row.status = after
        assert refused.value.facts["wanted"] is after


def test_the_database_knows_the_same_arrows(app: Flask) -> None:
    rows = db.session.scalars(
        sa.select(LegalTransition).where(LegalTransition.machine.in_(MACHINES))
    )
    known = {(row.machine, row.from_state, row.to_state) for row in rows}
    staying = {
        (machine, status.value, status.value)
        for machine, statuses in KNOWN.items()
        for status in statuses
        if status is not None
    }

    assert known == _spelled_out() | staying


# One of each, truthfully built.


def an_awaiting_plan() -> Plan:
    return a_proposal(alice(), a_step("microneedling"))


def a_held_plan() -> Plan:
    plan = an_active_plan(alice())
    holding.hold(plan, reason="Wait.", by=plan.start.physician, at=now())  # type: ignore[union-attr]
    return plan


def a_completed_plan() -> Plan:
    plan = an_active_plan(alice())
    a_performed_session(plan)
    completing.complete(plan, by=plan.drafted_by, at=now())
    return plan


def a_revoked_plan() -> Plan:
    plan = a_proposal(alice())
    revoking.revoke(plan, reason="No.", by=plan.drafted_by, at=now())
    return plan


def a_cancelled_session() -> Session:
    session = an_active_plan(alice()).sessions[0]
    cancelling.cancel(session, reason="Ill.", by=session.plan.drafted_by, at=now())
    return session


def a_begun_session() -> Session:
    """Booked for this very moment."""
    return a_booked_session(an_active_plan(alice(), a_step(starts=now())))


def a_missed_session() -> Session:
    session = a_begun_session()
    missing.miss(session, by=session.plan.drafted_by, at=now())
    return session


STAGES: dict[str, dict[str, Callable[[], Any]]] = {
    "plan": {
        "draft": lambda: a_draft(alice()),
        "proposed": lambda: a_proposal(alice()),
        "awaiting_physician": an_awaiting_plan,
        "active": lambda: an_active_plan(alice()),
        "on_hold": a_held_plan,
        "completed": a_completed_plan,
        "revoked": a_revoked_plan,
    },
    "session": {
        "proposed": lambda: an_active_plan(alice()).sessions[0],
        "booked": a_begun_session,
        "performed": lambda: a_performed_session(an_active_plan(alice())),
        "cancelled": a_cancelled_session,
        "no_show": a_missed_session,
    },
}

# state → verb → what comes of it: ">state", or the code of the refusal.
TABLES = {
    "plan": """
state              propose     start       hold        resume      complete       revoke      add
draft              >proposed   wrong_state wrong_state wrong_state wrong_state    >revoked    >draft
proposed           wrong_state >active     wrong_state wrong_state wrong_state    >revoked    >proposed
awaiting_physician wrong_state >active     wrong_state wrong_state wrong_state    >revoked    >awaiting_physician
active             wrong_state wrong_state >on_hold    wrong_state sessions_ahead >revoked    >active
on_hold            wrong_state wrong_state wrong_state >active     wrong_state    >revoked    >on_hold
completed          plan_refused wrong_state wrong_state wrong_state wrong_state   wrong_state wrong_state
revoked            plan_refused wrong_state wrong_state wrong_state wrong_state   wrong_state wrong_state
""",
    "session": """
state     book        move        perform     cancel      miss
proposed  >booked     >proposed   wrong_state >cancelled  wrong_state
booked    wrong_state >booked     >performed  >cancelled  >no_show
performed wrong_state wrong_state wrong_state wrong_state wrong_state
cancelled wrong_state wrong_state wrong_state wrong_state wrong_state
no_show   >booked     >booked     wrong_state >cancelled  wrong_state
""",
}


def _treating(session: Session) -> dict[str, Any]:
    return {"by": session.plan.drafted_by, "at": now()}


VERBS: dict[str, dict[str, Callable[[Any], object]]] = {
    "plan": {
        "propose": lambda plan: proposing.propose(plan, by=plan.drafted_by, at=now()),
        "start": lambda plan: start(plan, dr_chen()),
        "hold": lambda plan: holding.hold(plan, reason="Wait.", by=dr_chen(), at=now()),
        "resume": lambda plan: holding.resume(plan, by=dr_chen(), at=now()),
        "complete": lambda plan: completing.complete(plan, by=dr_chen(), at=now()),
        "revoke": lambda plan: revoking.revoke(plan, reason="No.", by=plan.client, at=now()),
        "add": lambda plan: planning.add(plan, a_step(), by=plan.drafted_by, at=now()),
    },
    "session": {
        "book": lambda one: booking.book(one, performer=one.plan.drafted_by, **_treating(one)),
        "move": lambda one: moving.move(one, starts=in_days(9), **_treating(one)),
        "perform": lambda one: performing.perform(
            one, performer=one.plan.drafted_by, performed_at=now(), **_treating(one)
        ),
        "cancel": lambda one: cancelling.cancel(one, reason="Ill.", **_treating(one)),
        "miss": lambda one: missing.miss(one, **_treating(one)),
    },
}


def cells(machine: str) -> list[tuple[str, str, str, str]]:
    head, *rows = [line.split() for line in TABLES[machine].strip().splitlines()]
    return [
        (machine, row[0], verb, outcome)
        for row in rows
        for verb, outcome in zip(head[1:], row[1:], strict=True)
    ]


@pytest.mark.parametrize(
    ("machine", "state", "verb", "expected"), [*cells("plan"), *cells("session")]
)
def test_every_verb_in_every_state(
    app: Flask, machine: str, state: str, verb: str, expected: str
) -> None:
    """Only what the arrows allow goes well; what is refused changes nothing."""
    subject = STAGES[machine][state]()
    db.session.commit()
    before = (subject.status, subject.state_seq)

    if expected.startswith(">"):
        VERBS[machine][verb](subject)
        db.session.commit()
        assert f">{subject.status}" == expected
        return
    with pytest.raises(Refusal) as refused:
        VERBS[machine][verb](subject)
    assert refused.value.code == expected
    db.session.rollback()
    db.session.refresh(subject)
    assert (subject.status, subject.state_seq) == before


def test_every_state_is_tried() -> None:
    for machine, known in KNOWN.items():
        tried = {state for _, state, _, _ in cells(machine)}
        assert tried == set(STAGES[machine]) == {str(one) for one in known if one is not None}


@pytest.mark.parametrize(
    ("machine", "before"), [(machine, state) for machine in STAGES for state in STAGES[machine]]
)
def test_sql_goes_along_an_arrow_or_not_at_all(app: Flask, machine: str, before: str) -> None:
    """By the application's own role, with a truthful event and without any."""
    subject = STAGES[machine][before]()
    db.session.commit()
    legal = {after for of, start, after in _spelled_out() if (of, start) == (machine, before)}
    every = {str(one) for one in KNOWN[machine] if one is not None}

    for after in every - legal - {before}:
        with_event = _refused_by(lambda: _moved(subject, after))  # noqa: B023 - called at once
        assert with_event == "event_is_a_legal_transition"
        without = _refused_by(lambda: _set(subject, after, subject.state_seq))  # noqa: B023
        assert without == f"{machine}_goes_along_an_arrow"
    for after in legal:
        assert _refused_by(lambda: _moved(subject, after)) != f"{machine}_goes_along_an_arrow"  # noqa: B023


def _moved(subject: Any, to: str) -> None:
    told = sa.text(
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (:id, :machine, 'by_sql', :to) RETURNING seq"
    )
    values = {"id": subject.id, "machine": subject.machine, "to": to}
    _set(subject, to, db.session.execute(told, values).scalar_one())


def _set(subject: Any, to: str, seq: int) -> None:
    table = sa.inspect(type(subject)).local_table
    db.session.execute(
        sa.update(table).where(table.c.id == subject.id).values(status=to, state_seq=seq)
    )


def _refused_by(act: Callable[[], None]) -> str:
    """The constraint that refuses it; "" where nothing does. It is undone."""
    with db.session.begin_nested() as savepoint:
        try:
            act()
        except sa.exc.IntegrityError as error:
            return str(error.orig.diag.constraint_name)  # type: ignore[union-attr]
        else:
            return ""
        finally:
            if savepoint.is_active:
                savepoint.rollback()
