"""An attack: direct SQL, past all of our code, and the name of what in PostgreSQL must stop it.

The modules beside this one hold the attacks, a module a package, each with the `scene()` that it is
played in. `test_attacks.py` plays every one; `test_mutation.py` takes away each object of the schema
in turn and demands that the attack that names it is no longer stopped.

An attack is played in a transaction that is always rolled back. Deferred constraints are judged at
its end as a commit would (`SET CONSTRAINTS ALL IMMEDIATE`), so scenes are built once and shared.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from shop.core.cluster import APP, OWNER, WORKER

__all__ = [
    "APP",
    "OWNER",
    "WORKER",
    "Attack",
    "Attacks",
    "Effect",
    "Outcome",
    "Sql",
    "play",
    "running",
]


class Effect(StrEnum):
    """What PostgreSQL does about it."""

    REFUSED = "refused"  # an error that carries the name
    UNDONE = "undone"  # no error, but the act's last look finds the truth unchanged
    PASSES = "passes"  # the honest neighbour of an attack: it must go through


@dataclass
class Sql:
    """The attacker's hands: a connection in an open transaction, and the facts of the scene."""

    connection: psycopg.Connection[Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, statement: str, **more: Any) -> Any:
        """Run it with the facts (`%(order)s`) and `more`; the first row as a dict, if it has rows."""
        cursor = self.connection.cursor(row_factory=dict_row)
        cursor.execute(statement, self.facts | more)
        return cursor.fetchone() if cursor.description else None

    def tell(self, machine: str, subject: Any, to: str) -> int:
        """Record an event, as anybody who changes a status must; its number."""
        found = self.run(
            "INSERT INTO events (subject_id, machine, kind, to_state)"
            " VALUES (%(subject)s, %(machine)s, 'attack', %(to)s) RETURNING seq",
            subject=subject,
            machine=machine,
            to=to,
        )
        return int(found["seq"])

    def move(self, machine: str, subject: Any, to: str) -> None:
        """Change a status with its event."""
        seq = self.tell(machine, subject, to)
        self.run(
            f"UPDATE {TABLES[machine]} SET status = %(to)s, state_seq = %(seq)s"
            " WHERE id = %(subject)s",
            subject=subject,
            to=to,
            seq=seq,
        )

    def settle(self) -> None:
        """Judge what waits for the commit, now."""
        self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


TABLES = {
    "product": "products",
    "bundle": "bundles",
    "approval_request": "approval_requests",
    "prescription": "prescriptions",
    "fill": "fills",
    "import": "imports",
    "plan": "plans",
    "session": "sessions",
    "reaction": "reactions",
    "purchase_order": "purchase_orders",
    "recall": "recalls",
    "auto_refill": "auto_refills",
    "refill_cycle": "refill_cycles",
    "lot": "lots",
    "count": "counts",
    "adjustment": "adjustments",
    "return": "returns",
    "gift_card": "gift_cards",
    "credit_correction": "credit_corrections",
    "drawer": "drawers",
    "return_request": "return_requests",
    "dispute": "disputes",
    "transfer": "transfers",
    "order": "orders",
    "order_line": "order_lines",
    "payment": "payments",
    "refund": "refunds",
    "legal_class_rule": "legal_class_rules",
    "visibility_rule": "visibility_rules",
    "release": "releases",
    "scope_rule": "scope_rules",
    "window_rule": "window_rules",
    "record_export": "record_exports",
    "account_closure": "account_closures",
}


Act = Callable[[Sql], object]
Decorator = Callable[[Act], Act]


@dataclass(frozen=True)
class Attack:
    """One attack. `by` names what stops it: a constraint, an index, a trigger's rule or a trigger.

    A missing privilege is named as PostgreSQL says it ("permission denied for table orders"), a
    NOT NULL as "table.column".
    """

    title: str
    by: str
    act: Act
    role: str
    effect: Effect

    def ended(self, outcome: Outcome) -> bool:
        """Whether it ended as pinned."""
        if self.effect is Effect.UNDONE:
            return outcome.by == "" and outcome.answer is True
        return outcome.by == ("" if self.effect is Effect.PASSES else self.by)


class Attacks:
    """The attacks of one module, gathered by its decorators; `scene` builds what they attack."""

    def __init__(self, scene: Callable[[], Mapping[str, Any]]) -> None:
        self.scene = scene
        self.all: list[Attack] = []

    def refused(self, by: str, *roles: str) -> Decorator:
        """The act must meet the error that carries this name; as the application without `roles`."""
        return self._adding(by, roles, Effect.REFUSED)

    def undone(self, by: str, *roles: str) -> Decorator:
        """The act goes through and changes nothing that counts: it answers True, thanks to `by`."""
        return self._adding(by, roles, Effect.UNDONE)

    def passes(self, *roles: str) -> Decorator:
        """The honest neighbour: it must go through."""
        return self._adding("", roles, Effect.PASSES)

    def each(
        self,
        attacks: Mapping[str, tuple[str | Sequence[str] | Callable[[Sql], object], str]],
        *roles: str,
    ) -> None:
        """Title → (statement, several, or an act; what refuses it)."""
        for title, (what, by) in attacks.items():
            act = what if callable(what) else running(what)
            self._add(title, by, act, roles, Effect.REFUSED)

    def each_passes(self, statements: Mapping[str, str], *roles: str) -> None:
        """Honest neighbours of one statement: title → statement. Each must touch a row."""
        for title, statement in statements.items():
            self._add(title, "", _touching(statement), roles, Effect.PASSES)

    def _adding(self, by: str, roles: tuple[str, ...], effect: Effect) -> Decorator:
        def add(act: Act) -> Act:
            self._add(act.__name__.strip("_").replace("_", " "), by, act, roles, effect)
            return act

        return add

    def _add(
        self,
        title: str,
        by: str,
        act: Act,
        roles: tuple[str, ...],
        effect: Effect,
    ) -> None:
        for role in roles or (APP,):
            self.all.append(Attack(title, by, act, role, effect))


def running(statements: str | Sequence[str]) -> Act:
    """An act of plain statements; it answers what the last of them found."""

    def act(attacker: Sql) -> object:
        for statement in [statements] if isinstance(statements, str) else statements:
            found = attacker.run(statement)
        return found

    return act


def _touching(statement: str) -> Act:
    def act(attacker: Sql) -> None:
        touched = attacker.connection.execute(statement, attacker.facts).rowcount
        assert touched == 1, f"{touched} rows: {statement}"

    return act


@dataclass(frozen=True)
class Outcome:
    """What became of an attack: who stopped it ("" = nobody), and the functions that spoke."""

    by: str
    context: str = ""
    answer: object = None


BEGUN = sql.SQL("SAVEPOINT attack; SET LOCAL ROLE {role}; SET LOCAL app.actor = 'person:mallory'")


def play(connection: psycopg.Connection[Any], attack: Attack, facts: Mapping[str, Any]) -> Outcome:
    """Play an attack as its role in a savepoint of `connection`'s transaction, and undo it.

    `connection` belongs to the superuser or to the role itself; other errors than those that stop
    an attack are raised.
    """
    cursor = connection.cursor()
    cursor.execute(BEGUN.format(role=sql.Identifier(attack.role)))
    attacker = Sql(connection, dict(facts) | {"new": uuid.uuid4()})
    try:
        answer = attack.act(attacker)
        attacker.settle()
    except (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege) as error:
        return Outcome(_named(error), error.diag.context or "")
    else:
        return Outcome("", answer=answer)
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT attack; RELEASE SAVEPOINT attack")


def _named(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return error.diag.message_primary or ""
    if isinstance(error, psycopg.errors.NotNullViolation):
        return f"{error.diag.table_name}.{error.diag.column_name}"
    return error.diag.constraint_name or ""
