"""What attacks of several packages do: a row as values, the owner's hand, the clock moved on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from tests.attacks.attack import OWNER, Sql

__all__ = ["NeedsTheOwner", "as_owner", "insert", "later", "row", "update"]


def insert(attacker: Sql, table: str, values: Mapping[str, Any]) -> None:
    """Insert one row of these columns and no others."""
    attacker.connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )


def update(attacker: Sql, table: str, key: Any, **values: Any) -> None:
    """Change these columns of the row with this id."""
    attacker.connection.execute(
        sql.SQL("UPDATE {} SET {} WHERE id = %s").format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values),
        ),
        [*values.values(), key],
    )


def row(attacker: Sql, table: str, key: Any) -> dict[str, Any]:
    """The row with this id."""
    found: dict[str, Any] = attacker.run(f"SELECT * FROM {table} WHERE id = %(key)s", key=key)
    return found


class NeedsTheOwner(Exception):
    """A login of the shop's own cannot be the owner for a moment: somebody else has to play it."""


def as_owner(attacker: Sql, statement: str, **more: Any) -> None:
    """Prepare the ground with a statement that only the owner may run, then be oneself again.

    Raises NeedsTheOwner where the connection is a login of the attack's own role.
    """
    who = attacker.run("SELECT current_user AS role, session_user AS login")
    if who["role"] == who["login"] != OWNER:
        raise NeedsTheOwner
    set_role = sql.SQL("SET LOCAL ROLE {}")
    attacker.connection.execute(set_role.format(sql.Identifier(OWNER)))
    attacker.run(statement, **more)
    attacker.connection.execute(set_role.format(sql.Identifier(who["role"])))


def later(attacker: Sql, interval: str) -> None:
    """Move the shop's clock on, for this attack only."""
    as_owner(attacker, "UPDATE shop_clock SET time_offset = %(by)s::interval", by=interval)
