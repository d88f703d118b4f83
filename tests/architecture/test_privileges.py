"""Privileges: each role may do what privileges.py says, that works, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from shop.core.cluster import APP, WORKER
from tests.architecture.privileges import ALL, GRANTED, JOBS
from tests.conftest import Database

HELD = """
SELECT c.relname, p.privilege, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) AS p (privilege)
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p', 'v')
  AND has_column_privilege(%(role)s, c.oid, a.attname, p.privilege)
UNION ALL
SELECT c.relname, p.privilege, '', ''
FROM pg_class c CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER'))
    AS p (privilege)
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p', 'v')
  AND has_table_privilege(%(role)s, c.oid, p.privilege)
ORDER BY 1, 2, 3
"""

Held = dict[str, dict[str, tuple[str, ...]]]


def held(connection: psycopg.Connection[Any], role: str, schema: str = "public") -> Held:
    """What a role may do: table → privilege → columns, or ALL of them."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = connection.execute(HELD, {"role": role, "schema": schema}).fetchall()
    for table, privilege, column, _type in rows:
        found.setdefault(table, {}).setdefault(privilege, []).append(column)
    return {
        table: {
            privilege: ALL if len(columns) == _width(connection, schema, table) else tuple(columns)
            for privilege, columns in privileges.items()
        }
        for table, privileges in found.items()
    }


def _width(connection: psycopg.Connection[Any], schema: str, table: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped",
        [f"{schema}.{table}"],
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("role", [APP, WORKER])
def test_a_role_may_do_what_the_table_says_and_nothing_else(live: Database, role: str) -> None:
    with live.as_role() as connection:
        found = held(connection, role)

    wrong = {
        f"{table}.{privilege}": (
            GRANTED[role].get(table, {}).get(privilege, "not in the table"),
            found.get(table, {}).get(privilege, "not granted"),
        )
        for table in GRANTED[role].keys() | found.keys()
        for privilege in GRANTED[role].get(table, {}).keys() | found.get(table, {}).keys()
        if GRANTED[role].get(table, {}).get(privilege) != found.get(table, {}).get(privilege)
    }
    assert wrong == {}


@pytest.mark.parametrize("role", [APP, WORKER])
def test_only_the_worker_works_on_the_queue(live: Database, role: str) -> None:
    with live.as_role() as connection:
        found = held(connection, role, "jobs")
    rights = {privilege for privileges in found.values() for privilege in privileges}
    assert rights == JOBS[role]


CASES = [(role, table) for role, tables in GRANTED.items() for table in tables]


@pytest.mark.parametrize(("role", "table"), CASES)
def test_every_privilege_works(live: Database, role: str, table: str) -> None:
    """Each column by a statement that needs this privilege and no other, and changes nothing."""
    with live.as_role() as owner:
        rows = owner.execute(HELD, {"role": role, "schema": "public"}).fetchall()
    wanted = [
        (privilege, column, type_) for name, privilege, column, type_ in rows if name == table
    ]
    assert wanted
    with live.as_role(role) as connection:
        connection.execute("SELECT set_config('app.actor', 'system:test', true)")
        for privilege, column, type_ in wanted:
            connection.execute(_needing(privilege, table, column, type_))
        connection.rollback()


def _needing(privilege: str, table: str, column: str, type_: str) -> sql.Composed:
    names = {
        "table": sql.Identifier("public", table),
        "column": sql.Identifier(column or "-"),
        "type": sql.SQL(type_ or "-"),
    }
    return sql.SQL(STATEMENTS[privilege]).format(**names)


STATEMENTS = {
    "SELECT": "SELECT {column} FROM {table} WHERE false",
    "INSERT": "INSERT INTO {table} ({column}) SELECT NULL::{type} WHERE false",
    "UPDATE": "UPDATE {table} SET {column} = NULL::{type} WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
}

FORBIDDEN = {
    "rewrite an event": "UPDATE events SET kind = 'x'",
    "remove an event": "DELETE FROM events",
    "empty the trail": "TRUNCATE events",
    "forge an event's author": "INSERT INTO events (subject_id, kind, actor)"
    " VALUES (gen_random_uuid(), 'x', 'person:x')",
    "forge an event's time": "INSERT INTO events (subject_id, kind, at)"
    " VALUES (gen_random_uuid(), 'x', now())",
    "draw an arrow": "INSERT INTO legal_transitions VALUES ('order', 'cancelled', 'paid')",
    "move the clock": "UPDATE shop_clock SET time_offset = '1 day'",
    "remove a client": "DELETE FROM people",
    "remove an order": "DELETE FROM orders",
    "remove a prescription": "DELETE FROM prescriptions",
    "remove a movement": "DELETE FROM movements",
    "rewrite a movement": "UPDATE movements SET delta = 1",
    "rewrite a sign-in": "UPDATE auth_events SET at = now()",
    "rewrite what was signed": "UPDATE prescriptions SET fills_allowed = 12",
    "change a price": "UPDATE prices SET cents = 1",
    "set the stock": "UPDATE lots SET on_hand = 1000",
    "switch triggers off": "SET session_replication_role = replica",
    "drop a trigger": "DROP TRIGGER event_chained ON events",
    "disable a trigger": "ALTER TABLE events DISABLE TRIGGER ALL",
    "change a table": "ALTER TABLE events DROP CONSTRAINT event_is_a_legal_transition",
    "replace a function": "CREATE OR REPLACE FUNCTION public.shop_now() RETURNS timestamptz"
    " LANGUAGE sql AS 'SELECT now()'",
    "make a table": "CREATE TABLE public.mine (id int)",
    "become the owner": "SET ROLE aftercare_owner",
    "see the sandbox": "CREATE TABLE stripe_sandbox.mine (id int)",
}


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_else_works(live: Database, role: str, what: str) -> None:
    with live.as_role(role) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(FORBIDDEN[what])


def test_functions_with_the_owners_rights_choose_their_own_search_path(live: Database) -> None:
    with live.as_role() as connection:
        rows = connection.execute(
            "SELECT oid::regprocedure::text, proconfig FROM pg_proc"
            " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        ).fetchall()
    assert [name for name, settings in rows if not _closed(settings or [])] == []


def _closed(settings: list[str]) -> bool:
    return any(
        setting.startswith("search_path=") and setting.endswith("pg_temp") for setting in settings
    )


def test_an_open_search_path_would_be_seen() -> None:
    assert not _closed([])
    assert not _closed(["search_path=pg_temp, public"])
    assert _closed(["search_path=public, pg_temp"])


def lines(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """The table as Python, for privileges.py."""
    yield "GRANTED: Granted = {"
    for role, word in ((APP, "APP"), (WORKER, "WORKER")):
        yield f"    {word}: {{"
        for table, privileges in held(connection, role).items():
            yield f"        {table!r}: {{"
            for privilege, columns in privileges.items():
                yield f"            {privilege!r}: {'ALL' if columns == ALL else columns},"
            yield "        },"
        yield "    },"
    yield "}"
