"""Every object of the schema that keeps something, and how it is taken away.

Read from PostgreSQL's own catalogue: constraints, unique indexes, NOT NULLs, triggers and each event
that fires one, each rule that a trigger's function names, each column that a trigger stamps, and
each privilege that the application's roles do not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg

from tests.attacks.attack import APP, WORKER


class Kind(StrEnum):
    CHECK = "check"
    FOREIGN_KEY = "foreign key"
    UNIQUE = "unique"
    EXCLUSION = "exclusion"
    NOT_NULL = "not null"
    TRIGGER = "trigger"
    RULE = "rule"
    KEPT_COLUMN = "kept column"
    STAMP = "stamp"
    PRIVILEGE = "privilege"


@dataclass(frozen=True)
class Object:
    """One object: the statements that take it away, and what an attack that knows it names.

    `names` are what such an attack is stopped or undone by, or its title (privileges); `function` is
    what speaks when it stops one (triggers, stamps).
    """

    kind: Kind
    table: str
    name: str
    mutation: str
    names: frozenset[str]
    function: str = ""

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.table}: {self.name}" if self.table else f"{self.kind} {self.name}"
        )


def objects(connection: psycopg.Connection[Any]) -> list[Object]:
    """All of them, but those that are EXEMPT or IMPLIED."""
    found = (
        *_constraints(connection),
        *_unique_indexes(connection),
        *_not_nulls(connection),
        *_triggers(connection),
        *_bodies(connection),
        *(kept.object for kept in kept_columns(connection)),
        *(privilege.object for privilege in privileges(connection)),
    )
    return [one for one in found if one.table not in EXEMPT and one.name not in IMPLIED]


# Tables that are not the shop's. The schema `jobs` is not looked at either, but for its privileges:
# its tables and functions are procrastinate's, as its makers ship and test them.
EXEMPT = {"alembic_version": "Alembic's own; no role of the application may even read it"}

# Objects that no attack can miss, because others imply them (test_mutation.py shows it).
IMPLIED = {
    "order_lines_variant_id_fkey": (
        "line_has_the_listed_price: a listed price is of a variant that exists"
    ),
    "prescriptions_prescriber_id_fkey": (
        "prescriber_has_this_npi: who has the NPI is a person that exists"
    ),
}

CONSTRAINTS = """
SELECT con.contype::text, rel.relname, con.conname,
       ARRAY(SELECT dependent.conname FROM pg_constraint dependent
             WHERE dependent.conindid = con.conindid AND dependent.contype = 'f'
               AND con.contype IN ('u', 'p')),
       EXISTS (SELECT FROM pg_constraint other
               WHERE other.conrelid = con.conrelid AND other.contype IN ('u', 'p')
                 AND con.contype = 'u' AND other.conkey <@ con.conkey AND other.oid <> con.oid)
FROM pg_constraint con JOIN pg_class rel ON rel.oid = con.conrelid
WHERE con.connamespace = 'public'::regnamespace AND con.contype IN ('c', 'f', 'u', 'p', 'x')
ORDER BY 2, 3
"""

KINDS = {
    "c": Kind.CHECK,
    "f": Kind.FOREIGN_KEY,
    "u": Kind.UNIQUE,
    "p": Kind.UNIQUE,
    "x": Kind.EXCLUSION,
}


def _constraints(connection: psycopg.Connection[Any]) -> Iterator[Object]:
    for kind, table, name, dependents, implied in connection.execute(CONSTRAINTS).fetchall():
        # A key that a shorter key implies refuses nothing itself: it is there for the foreign keys
        # that point at it. Taking it away takes them away, and their attacks must notice.
        names = dependents if implied else [name]
        mutation = f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE'
        yield Object(KINDS[kind], table, name, mutation, frozenset(names))


UNIQUE_INDEXES = """
SELECT rel.relname, idx.relname
FROM pg_index i JOIN pg_class rel ON rel.oid = i.indrelid JOIN pg_class idx ON idx.oid = i.indexrelid
WHERE rel.relnamespace = 'public'::regnamespace AND i.indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
ORDER BY 1, 2
"""


def _unique_indexes(connection: psycopg.Connection[Any]) -> Iterator[Object]:
    for table, name in connection.execute(UNIQUE_INDEXES).fetchall():
        yield Object(Kind.UNIQUE, table, name, f"DROP INDEX {name}", frozenset([name]))


NOT_NULLS = """
SELECT rel.relname, a.attname, pk.conname
FROM pg_attribute a JOIN pg_class rel ON rel.oid = a.attrelid
LEFT JOIN pg_constraint pk
    ON pk.conrelid = a.attrelid AND pk.contype = 'p' AND a.attnum = ANY (pk.conkey)
WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attgenerated = ''  -- what is reckoned nobody can write
ORDER BY 1, a.attnum
"""


def _not_nulls(connection: psycopg.Connection[Any]) -> Iterator[Object]:
    for table, column, key in connection.execute(NOT_NULLS).fetchall():
        mutation = f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"
        if key:  # or its column could not be null
            mutation = f"ALTER TABLE {table} DROP CONSTRAINT {key} CASCADE; {mutation}"
        name = f"{table}.{column}"
        yield Object(Kind.NOT_NULL, table, name, mutation, frozenset([name]))


TRIGGERS = """
SELECT rel.relname, t.tgname, p.proname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class rel ON rel.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE rel.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
ORDER BY 1, 2
"""
FIRED_BY = re.compile(r"(?:BEFORE|AFTER) (.+?) ON ")


def _triggers(connection: psycopg.Connection[Any]) -> Iterator[Object]:
    """Each trigger, and each event (or column) of one that is fired by several."""
    for table, name, function, definition in connection.execute(TRIGGERS).fetchall():
        names = frozenset([name])
        drop = f"DROP TRIGGER {name} ON {table}"
        yield Object(Kind.TRIGGER, table, name, drop, names, function)
        fired = FIRED_BY.search(definition)
        assert fired, definition
        for event, rest in _less(fired[1]):
            less = definition[: fired.start(1)] + rest + definition[fired.end(1) :]
            said = f"{name} on {event}"
            yield Object(Kind.TRIGGER, table, said, f"{drop}; {less}", names, function)


def _less(fired_by: str) -> Iterator[tuple[str, str]]:
    """What fires a trigger, one of it taken away: "INSERT OR UPDATE OF a, b" has three."""
    events = fired_by.split(" OR ")
    for nth, event in enumerate(events):
        others = events[:nth], events[nth + 1 :]
        if len(events) > 1:
            yield event, " OR ".join(others[0] + others[1])
        columns = event.removeprefix("UPDATE OF ").split(", ")
        for column in columns if len(columns) > 1 else []:
            kept = "UPDATE OF " + ", ".join(other for other in columns if other != column)
            yield f"UPDATE OF {column}", " OR ".join([*others[0], kept, *others[1]])


FUNCTIONS = """
SELECT p.proname, pg_get_functiondef(p.oid), array_agg(t.tgname) FILTER (WHERE t.tgname IS NOT NULL)
FROM pg_proc p LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
GROUP BY p.oid ORDER BY 1
"""

# How a rule's name gets into an error, and the same without the rule. A RAISE that names no rule of
# its own ("CONSTRAINT = broken", TG_NAME) says what these chose, or stands for its whole trigger.
RAISE = r"RAISE EXCEPTION[^;]*CONSTRAINT = '(?P<rule>[a-z_]+)'[^;]*;"
RULES = (
    (re.compile(r"THEN\s+'(?P<rule>[a-z_]+)'"), "THEN NULL"),
    (re.compile(r"(?P<variable>\w+) := '(?P<rule>[a-z_]+)';"), r"\g<variable> := NULL;"),
    (re.compile(rf"{RAISE}(?=\s+END \$)"), "RETURN NEW;"),  # it was the function's last word
    (re.compile(rf"{RAISE}(?!\s+END \$)"), "NULL;"),
)
STAMPS = re.compile(r"NEW\.(?P<column>\w+) := [^;]*;")


def _bodies(connection: psycopg.Connection[Any]) -> Iterator[Object]:
    """Each rule that a function names, and each column that one stamps."""
    for function, body, triggers in connection.execute(FUNCTIONS).fetchall():
        for pattern, without in RULES:
            for found in pattern.finditer(body):
                rule = found["rule"]
                less = body[: found.start()] + found.expand(without) + body[found.end() :]
                said = f"{rule} in {function}()"
                yield Object(Kind.RULE, "", said, less, frozenset([rule]))
        names = frozenset(triggers or [])
        for nth, found in enumerate(STAMPS.finditer(body), 1):
            less = body[: found.start()] + "NULL;" + body[found.end() :]
            said = f"{found['column']} in {function}(), assignment {nth}"
            yield Object(Kind.STAMP, "", said, less, names, function)


@dataclass(frozen=True)
class KeptColumn:
    """A column that a rule compares before and after, and the function without that comparison."""

    table: str
    column: str
    rule: str
    without: str

    @property
    def title(self) -> str:
        return f"{self.rule}: {self.table}.{self.column}"

    @property
    def object(self) -> Object:
        names = frozenset([self.title])
        return Object(Kind.KEPT_COLUMN, self.table, self.title, self.without, names)


KEEPING = """
SELECT DISTINCT rel.relname, pg_get_functiondef(p.oid) FROM pg_trigger t
JOIN pg_class rel ON rel.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE rel.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal ORDER BY 1, 2
"""
COMPARED = re.compile(
    r"\((?P<new>(?:NEW\.\w+,?\s*){2,})\)\s*(?:=|IS DISTINCT FROM)\s*"
    r"\((?P<old>(?:OLD\.\w+,?\s*){2,})\)"
)
NAMED = re.compile(r"(?::=|CONSTRAINT =) '(?P<rule>[a-z_]+)'")


def kept_columns(connection: psycopg.Connection[Any]) -> Iterator[KeptColumn]:
    """Each column of each "(NEW.a, NEW.b) IS DISTINCT FROM (OLD.a, OLD.b)"."""
    for table, body in connection.execute(KEEPING).fetchall():
        for found in COMPARED.finditer(body):
            rule = NAMED.search(body, found.end())
            assert rule, found
            for column in re.findall(r"NEW\.(\w+)", found["new"]):
                less = re.sub(rf"(NEW|OLD)\.{column}\b,?\s*", "", found.group())
                less = re.sub(r",\s*\)", ")", less)
                without = body[: found.start()] + less + body[found.end() :]
                yield KeptColumn(table, column, rule["rule"], without)


@dataclass(frozen=True)
class Privilege:
    """Something a role may not do: the statement that needs it, and the GRANT that would allow it."""

    role: str
    schema: str
    table: str
    what: str  # "UPDATE (column)", "DELETE", ...
    statement: str
    kind: str = "table"

    @property
    def title(self) -> str:
        return f"{self.what} on {self.schema}.{self.table}"

    @property
    def by(self) -> str:
        return f"permission denied for {self.kind} {self.table}"

    @property
    def object(self) -> Object:
        where = f"{self.schema}.{self.table}" if self.kind == "table" else self.table
        kind = "" if self.kind == "table" else self.kind
        grant = f"GRANT {self.what} ON {kind} {where} TO {self.role}"
        name = f"{self.title} for {self.role}"
        return Object(Kind.PRIVILEGE, "", name, grant, frozenset([f"{self.role}: {self.title}"]))


COLUMNS_NOT_GRANTED = """
SELECT rel.relnamespace::regnamespace::text, rel.relname, a.attname, p.privilege,
       a.attgenerated <> '' OR a.attidentity <> ''
FROM pg_class rel
JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('SELECT')) AS p (privilege)
WHERE rel.relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace) AND rel.relkind = 'r'
  AND NOT has_column_privilege(%(role)s, rel.oid, a.attname, p.privilege)
ORDER BY 1, 2, a.attnum, 4
"""
TABLES_NOT_GRANTED = """
SELECT rel.relnamespace::regnamespace::text, rel.relname, p.privilege
FROM pg_class rel CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (privilege)
WHERE rel.relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace) AND rel.relkind = 'r'
  AND NOT has_table_privilege(%(role)s, rel.oid, p.privilege)
ORDER BY 1, 2, 3
"""
SCHEMAS_NOT_GRANTED = """
SELECT n.nspname FROM pg_namespace n
WHERE n.nspname IN ('public', 'jobs', 'stripe_sandbox')
  AND NOT has_schema_privilege(%(role)s, n.oid, 'CREATE')
ORDER BY 1
"""
FUNCTIONS_NOT_GRANTED = """
SELECT p.proname, pg_get_function_identity_arguments(p.oid) FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
  AND NOT has_function_privilege(%(role)s, p.oid, 'EXECUTE')
"""


# Statements that need the privilege and touch nothing: PostgreSQL asks before it looks for rows.
ORDINARY = {
    "INSERT": "INSERT INTO {table} ({column}) SELECT NULL WHERE false",
    "UPDATE": "UPDATE {table} SET {column} = NULL WHERE false",
    "SELECT": "SELECT {column} FROM {table} WHERE false",
}
# For columns that PostgreSQL itself writes.
ALWAYS = ORDINARY | {
    "INSERT": "INSERT INTO {table} ({column}) VALUES (DEFAULT)",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
}
WHOLE = {
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
    "TRIGGER": (
        "CREATE TRIGGER mine BEFORE UPDATE ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
}


def privileges(connection: psycopg.Connection[Any]) -> Iterator[Privilege]:
    """What the application's roles may not do, in the shop's tables and the queue's."""
    for role in (APP, WORKER):
        yield from _of_columns(connection, role)
        yield from _of_tables(connection, role)
        for (schema,) in connection.execute(SCHEMAS_NOT_GRANTED, {"role": role}).fetchall():
            statement = f"CREATE TABLE {schema}.mine ()"
            yield Privilege(role, schema, schema, "CREATE", statement, "schema")
        for name, arguments in connection.execute(FUNCTIONS_NOT_GRANTED, {"role": role}).fetchall():
            nulls = ", ".join(f"NULL::{argument.split()[-1]}" for argument in arguments.split(", "))
            statement = f"SELECT public.{name}({nulls})"
            yield Privilege(role, "public", name, "EXECUTE", statement, "function")


def _of_columns(connection: psycopg.Connection[Any], role: str) -> Iterator[Privilege]:
    missing = connection.execute(COLUMNS_NOT_GRANTED, {"role": role}).fetchall()
    for schema, table, column, word, always in missing:
        needing = ALWAYS[word] if always else ORDINARY[word]
        statement = needing.format(table=f"{schema}.{table}", column=column)
        yield Privilege(role, schema, table, f"{word} ({column})", statement)


def _of_tables(connection: psycopg.Connection[Any], role: str) -> Iterator[Privilege]:
    missing = connection.execute(TABLES_NOT_GRANTED, {"role": role}).fetchall()
    for schema, table, word in missing:
        statement = WHOLE[word].format(table=f"{schema}.{table}")
        yield Privilege(role, schema, table, word, statement)
