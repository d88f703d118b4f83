"""Every ordered pair of states of every life cycle, and every verb in every state.

A legal arrow is walked, by its verb or by truthful SQL; an illegal one is refused by PostgreSQL, by
name, to the application's own role, with an event and without. The tables of `tables.py` hold a row
for every state that `states.py` draws: a new state without one fails here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg import sql

from shop.core.cluster import APP
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from tests import regime
from tests.conftest import Database
from tests.model.stages import STAGES
from tests.model.stages import TABLES as ROWS
from tests.model.tables import cells
from tests.model.verbs import ARROWS, BY_SQL, NOT_YET, PASSED_THROUGH, VERBS, Verb

MACHINES = list(ARROWS)
Subjects = dict[tuple[str, str], tuple[type, uuid.UUID]]


@pytest.fixture(scope="module")
def subjects(live_app: Flask) -> Subjects:
    """One subject in each state of each life cycle, committed."""
    found: Subjects = {}
    with live_app.app_context():
        act_as("system:test")
        for machine, stages in STAGES.items():
            # Drafts expire all at once: that comes before the draft that is to stay one.
            for state, build in reversed(stages.items()):
                subject = build()
                db.session.commit()
                found[machine, state] = (type(subject), subject.id)
        db.session.remove()
    return found


def tried(app: Flask, subject: tuple[type, uuid.UUID], verb: Verb) -> str:
    """What comes of a verb, judged as at a commit: ">state", a refusal's code, or who refused it.

    It is always undone.
    """
    with app.app_context():
        act_as("system:test")
        row: Any = db.session.get_one(subject[0], subject[1])
        try:
            verb(row)
            db.session.flush()
            db.session.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
            state = sa.select(subject[0].status).where(subject[0].id == subject[1])  # type: ignore[attr-defined]
            return f">{db.session.execute(state).scalar_one()}"
        except Refusal as refusal:
            return refusal.code
        except sa.exc.IntegrityError as error:
            return str(error.orig.diag.constraint_name)  # type: ignore[union-attr]
        finally:
            db.session.rollback()
            db.session.remove()


def drawn(machine: str) -> set[tuple[str, str]]:
    """The arrows of a life cycle, from state to state."""
    return {
        (str(before), str(after))
        for before, afters in ARROWS[machine].items()
        if before is not None
        for after in afters
    }


def states(machine: str) -> list[str]:
    return [str(state) for state in ARROWS[machine] if state is not None]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_has_its_stage_and_its_row(machine: str, subjects: Subjects) -> None:
    assert set(STAGES[machine]) == set(cells(machine)) == set(states(machine))
    assert all(set(row) == set(VERBS[machine]) for row in cells(machine).values())


@pytest.mark.parametrize("machine", MACHINES)
def test_every_verb_in_every_state(live_app: Flask, machine: str, subjects: Subjects) -> None:
    """Only what the arrows allow goes well; all else is refused by its code and changes nothing."""
    wrong = {}
    table = cells(machine)
    for state, row in table.items():
        for verb, expected in row.items():
            got = tried(live_app, subjects[machine, state], VERBS[machine][verb])
            if got != expected:
                wrong[state, verb] = f"{got}, not {expected}"
    assert wrong == {}
    stays = tried(live_app, subjects[machine, states(machine)[0]], lambda subject: None)
    assert stays == f">{states(machine)[0]}"
    regime.counted("model, verbs in states", pairs=sum(len(row) for row in table.values()))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_arrow_is_walked(live_app: Flask, machine: str, subjects: Subjects) -> None:
    """By a verb, or by direct SQL with its event where there is no verb yet."""
    by_verbs = {
        (state, outcome[1:])
        for state, row in cells(machine).items()
        for outcome in row.values()
        if outcome.startswith(">") and outcome[1:] != state
    } - ends_of_longer_ways(machine)
    by_sql = {arrow[1:]: verb for arrow, verb in BY_SQL.items() if arrow[0] == machine}
    not_yet = {arrow[1:]: how for arrow, how in NOT_YET.items() if arrow[0] == machine}
    inside = {arrow[1:] for arrow in PASSED_THROUGH if arrow[0] == machine}

    assert by_verbs | set(by_sql) | set(not_yet) | inside == drawn(machine)
    for (before, after), verb in by_sql.items():
        assert tried(live_app, subjects[machine, before], verb) == f">{after}", (before, after)
    for (before, _), (verb, refused_by) in not_yet.items():
        assert tried(live_app, subjects[machine, before], verb) == refused_by
    walked = len(drawn(machine)) - len(not_yet)
    regime.counted("model, arrows", walked=walked, not_yet=len(not_yet))


def ends_of_longer_ways(machine: str) -> set[tuple[str, str]]:
    """Where a verb ends that passes through a state: not an arrow by itself."""
    return {
        (start, after) for (of, _, after), (start, _) in PASSED_THROUGH.items() if of == machine
    }


@pytest.fixture(scope="module")
def attacker(live: Database, subjects: Subjects) -> Iterator[psycopg.Connection[Any]]:
    """The application's own role, past all of our code."""
    with live.as_role(APP) as connection:
        connection.execute("SELECT set_config('app.actor', 'person:mallory', false)")
        connection.commit()
        yield connection


def refused(connection: psycopg.Connection[Any], *statements: tuple[str, list[Any]]) -> str:
    """Who refuses these, at once or at the commit; "" for nobody. Always undone."""
    try:
        for statement, values in statements:
            connection.execute(statement, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.errors.IntegrityError as error:
        return error.diag.constraint_name or ""
    else:
        return ""
    finally:
        connection.rollback()


EVENT = (
    "INSERT INTO events (subject_id, machine, kind, to_state) VALUES (%s, %s, 'attack', %s)"
    " RETURNING seq"
)


def update(machine: str, what: str) -> str:
    query = sql.SQL("UPDATE {} SET {} WHERE id = %s")
    return query.format(sql.Identifier(ROWS[machine]), sql.SQL(what)).as_string(None)  # type: ignore[arg-type]


ARROW_RULE = {
    machine: f"{name}_goes_along_an_arrow"
    for machine, name in {
        **{machine: machine for machine in MACHINES},
        "approval_request": "request",
        "order_line": "line",
    }.items()
}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_other_pair_is_refused_by_postgresql(
    attacker: psycopg.Connection[Any], machine: str, subjects: Subjects
) -> None:
    """I22: with its event, without one, or with one that has been."""
    wrong, pairs = {}, 0
    for before in states(machine):
        subject = subjects[machine, before][1]
        for after in states(machine):
            if before == after or (before, after) in drawn(machine):
                continue
            pairs += 1
            by = refused(attacker, (EVENT, [subject, machine, after]))
            if by != "event_is_a_legal_transition":
                wrong[before, after, "with its event"] = by
            by = refused(attacker, (update(machine, "status = %s"), [after, subject]))
            if by != ARROW_RULE[machine]:
                wrong[before, after, "without an event"] = by
            back = "status = %s, state_seq = (SELECT max(seq) FROM events WHERE subject_id = %s AND to_state = %s)"
            if been(attacker, subject, after):
                by = refused(attacker, (update(machine, back), [after, subject, after, subject]))
                if by != ARROW_RULE[machine]:
                    wrong[before, after, "with an old event"] = by
    assert wrong == {}
    regime.counted("model, illegal pairs", refused=pairs)


def been(connection: psycopg.Connection[Any], subject: uuid.UUID, state: str) -> bool:
    query = "SELECT count(*) FROM events WHERE subject_id = %s AND to_state = %s"
    found = connection.execute(query, [subject, state]).fetchone()
    connection.rollback()
    return found is not None and found[0] > 0


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_born_in_another_state(attacker: psycopg.Connection[Any], machine: str) -> None:
    first = {str(state) for state in ARROWS[machine][None]}
    for state in states(machine):
        by = refused(attacker, (EVENT, [uuid.uuid4(), machine, state]))
        assert by == ("" if state in first else "event_is_a_legal_transition"), state
    regime.counted("model, births", pairs=len(states(machine)))


@pytest.mark.parametrize("machine", MACHINES)
def test_an_event_may_leave_the_state_as_it_is(
    attacker: psycopg.Connection[Any], machine: str, subjects: Subjects
) -> None:
    """The pairs of a state with itself: told, and nothing else changes."""
    kept = "state_seq = (SELECT max(seq) FROM events WHERE subject_id = %s)"
    for state in states(machine):
        subject = subjects[machine, state][1]
        told = (EVENT, [subject, machine, state])
        assert refused(attacker, told, (update(machine, kept), [subject, subject])) == "", state
    regime.counted("model, kept states", pairs=len(states(machine)))
