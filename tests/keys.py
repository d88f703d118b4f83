"""The clinic's signing key in tests: its private half is known to all, its range is all of time."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from shop.core.signatures import public_key_of, written

PRIVATE = bytes(range(32, 64))
PUBLIC = public_key_of(PRIVATE)
KEY_ID = uuid.UUID(int=25)
SIGNING_KEYS = written([PRIVATE])


def recorded(connection: psycopg.Connection[Any]) -> None:
    """Write the key down, as a superuser past the rule that a key begins now: clocks are moved."""
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        "INSERT INTO signing_keys (id, public_key, valid_from, valid_until)"
        " VALUES (%s, %s, '2000-01-01Z', '2200-01-01Z')",
        [KEY_ID, PUBLIC],
    )
    connection.execute("RESET session_replication_role")
    connection.execute("SELECT set_config('app.actor', 'system:test', true)")
    connection.execute(
        "INSERT INTO events (subject_id, kind, to_state, facts)"
        " VALUES (%s, 'signing_key_recorded', '', jsonb_build_object('public_key', %s::text))",
        [KEY_ID, PUBLIC.hex()],
    )
