"""Schema mutation: take away each object of the schema in turn; an attack must notice.

Attacks alone do not prove a schema: one that another object stops proves nothing of the object it
was written for. So each constraint, index, NOT NULL, trigger, rule and missing privilege is dropped
(or granted) inside a transaction, and the attacks that name it are played again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.attacks.attack import play
from tests.attacks.conftest import Stage
from tests.attacks.generated import pointing_nowhere
from tests.attacks.schema import IMPLIED, Kind, Object, objects
from tests.attacks.stage import Rehearsed, Verdict, scripted, verdicts
from tests.regime import counted

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def connection(stage: Stage) -> Iterator[Connection]:
    """The superuser's: each attack is played as its role, by SET ROLE, in its transaction."""
    with stage.database.as_role() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def known(connection: Connection, stage: Stage) -> Rehearsed:
    return Rehearsed(connection, scripted(connection, stage.facts))


@pytest.fixture(scope="module")
def schema(connection: Connection) -> list[Object]:
    return objects(connection)


def test_every_attack_ends_as_pinned_while_nothing_is_missing(known: Rehearsed) -> None:
    counted("attacks by direct SQL", attacks=known.played, ended_otherwise=len(known.wrong))
    assert not known.wrong, listed(known.wrong)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_missing_is_noticed(
    connection: Connection, known: Rehearsed, schema: list[Object], kind: Kind
) -> None:
    things = [thing for thing in schema if thing.kind is kind]
    found = verdicts(connection, things, known)
    blind = found[Verdict.BLIND]
    counted(
        f"schema mutation: {kind}",
        objects=len(things),
        noticed=len(things) - len(blind),
        an_attack_went_through=len(found[Verdict.WENT_THROUGH]),
    )
    assert things
    assert not blind, listed(blind)


def test_what_is_implied_is_held_by_others(connection: Connection, stage: Stage) -> None:
    """What IMPLIED says of an object is true: without it, the same attacks are refused as well."""
    nowhere = pointing_nowhere(connection)
    for name in IMPLIED:
        (table,) = connection.execute(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [name]
        ).fetchone() or (None,)
        with connection.transaction(force_rollback=True):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            outcomes = [play(connection, attack, {}) for attack in nowhere[name]]
        assert outcomes
        assert all(outcome.by for outcome in outcomes)


PLANTED = {
    "check planted_check": "ALTER TABLE people ADD CONSTRAINT planted_check CHECK (name <> 'Eve')",
    "unique planted_key": "ALTER TABLE tokens ADD CONSTRAINT planted_key UNIQUE (id, name, epoch)",
    "trigger planted_trigger": (
        "CREATE TRIGGER planted_trigger BEFORE UPDATE ON brands FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "rule planted_rule": (
        "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.name = 'Eve' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation',"
        " CONSTRAINT = 'planted_rule'; END IF; RETURN NEW; END $$"
    ),
    "stamp slug": (
        "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.slug := upper(NEW.slug); RETURN NEW; END $$;"
        "CREATE TRIGGER planted BEFORE UPDATE ON brands FOR EACH ROW EXECUTE FUNCTION planted()"
    ),
    "not null people.planted": "ALTER TABLE people ADD planted text NOT NULL DEFAULT ''",
    "privilege DELETE on public.planted": "CREATE TABLE planted ()",
}


@pytest.mark.parametrize("what", PLANTED)
def test_an_object_that_nobody_attacks_is_found(
    connection: Connection, known: Rehearsed, what: str
) -> None:
    """Planted: what was added after the attacks were written is the one thing they are blind to."""
    kind, name = what.rsplit(maxsplit=1) if "privilege" not in what else ("privilege", what[10:])
    with connection.transaction(force_rollback=True):
        connection.execute(PLANTED[what])
        things = [one for one in objects(connection) if one.kind == kind and name in one.name]
        found = verdicts(connection, things, known)
    assert len(found[Verdict.BLIND]) == len(things) > 0


def listed(found: list[str]) -> str:
    return "\n".join([f"{len(found)}:", *found])
