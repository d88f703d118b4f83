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

from tests.attacks.conftest import Stage
from tests.attacks.schema import Kind, Object, objects
from tests.attacks.stage import Rehearsed, scripted, unnoticed
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
    assert not known.wrong, listed(known.wrong)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_missing_is_noticed(
    connection: Connection, known: Rehearsed, schema: list[Object], kind: Kind
) -> None:
    things = [thing for thing in schema if thing.kind is kind]
    blind = unnoticed(connection, things, known)
    counted(f"schema mutation: {kind}", objects=len(things), noticed=len(things) - len(blind))
    assert things
    assert not blind, listed(blind)


def listed(found: list[str]) -> str:
    return "\n".join([f"{len(found)}:", *found])
