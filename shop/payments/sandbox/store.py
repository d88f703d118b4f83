"""Where the sandbox remembers: a few tables in the schema `stripe_sandbox`.

Writing transactions come one after the other (one advisory lock), so that every act may read,
decide and write without thinking of its neighbours. A stand-in needs no more speed than that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

SCHEMA = "stripe_sandbox"
WRITER_LOCK = 0x57_21_9E
LOST = "never sent"  # what became of an event that the network swallowed

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL,
    created bigint NOT NULL,
    body jsonb NOT NULL,
    hidden jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS objects_newest_first ON objects (kind, seq DESC);
CREATE INDEX IF NOT EXISTS objects_open_sessions ON objects (((body->>'expires_at')::bigint))
    WHERE kind = 'checkout.session' AND body->>'status' = 'open';
CREATE INDEX IF NOT EXISTS objects_not_paid_out ON objects (seq)
    WHERE kind = 'balance_transaction' AND hidden->>'payout' IS NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    event_id text PRIMARY KEY REFERENCES objects (id),
    seq bigint NOT NULL UNIQUE,
    attempts integer NOT NULL DEFAULT 0,
    next_at bigint,
    delivered_at bigint,
    last_answer text
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS answers (
    key text PRIMARY KEY,
    endpoint text NOT NULL,
    params jsonb NOT NULL,
    status integer NOT NULL,
    body jsonb NOT NULL,
    request_id text NOT NULL,
    created bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode text NOT NULL,
    method text,
    path text,
    times integer NOT NULL CHECK (times >= 0)
);
CREATE TABLE IF NOT EXISTS losses (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type text,
    times integer NOT NULL CHECK (times >= 0)
);
CREATE TABLE IF NOT EXISTS switches (name text PRIMARY KEY, value bigint NOT NULL);
"""


@dataclass(frozen=True)
class Kept:
    """An object as Stripe shows it, and beside it what Stripe knows but does not show."""

    id: str
    seq: int
    body: Row
    hidden: Row


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted; `where` compares members of the objects' bodies."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] | None = None
    where: Mapping[str, str] | None = None
    types: tuple[str, ...] = ()
    hidden: Mapping[str, str] | None = None  # what Stripe filters by and does not show


class Store:
    """Opens its tables on the first use; `close` gives the connections back."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            database_url,
            min_size=1,
            max_size=8,
            open=False,
            timeout=10,
            kwargs={"row_factory": dict_row, "options": f"-c search_path={SCHEMA}"},
            connection_class=psycopg.Connection[Row],
        )

    def open(self) -> None:
        """Make what is missing of the schema; raises psycopg.Error when it may not or cannot."""
        with psycopg.connect(self._database_url, connect_timeout=10) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER_LOCK,))
            known = connection.execute("SELECT to_regnamespace(%s)", (SCHEMA,)).fetchone()
            if known == (None,):  # IF NOT EXISTS would want the right to create even when it does
                connection.execute(f"CREATE SCHEMA {SCHEMA}")
            connection.execute(f"SET LOCAL search_path = {SCHEMA}")
            connection.execute(TABLES)
        self._pool.open()

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        with self._pool.connection() as connection:
            yield Ledger(connection)

    @contextmanager
    def writing(self, key: str | None = None) -> Iterator[Ledger]:
        """One transaction, alone; rolled back whole when anything is raised inside.

        Raises KeyInUse when another transaction is at work under this idempotency key.
        """
        with self._pool.connection() as connection:
            if key is not None:
                mine = _only(
                    connection.execute(
                        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS it", (key,)
                    )
                )
                if not mine["it"]:
                    raise KeyInUse
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER_LOCK,))
            yield Ledger(connection)


class KeyInUse(Exception):
    """Another call with the same idempotency key is being worked on."""


class Ledger:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def now(self) -> int:
        """Seconds since 1970 on the sandbox's clock, which may have been moved."""
        return int(time.time()) + self.switch("clock_offset")

    def switch(self, name: str) -> int:
        row = self.connection.execute(
            "SELECT value FROM switches WHERE name = %s", (name,)
        ).fetchone()
        return 0 if row is None else int(row["value"])

    def set_switch(self, name: str, value: int) -> None:
        self.connection.execute(
            "INSERT INTO switches VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def add(self, body: Row, hidden: Row | None = None) -> Kept:
        row = _only(
            self.connection.execute(
                "INSERT INTO objects (id, kind, created, body, hidden)"
                " VALUES (%s, %s, %s, %s, %s) RETURNING seq",
                (body["id"], body["object"], body["created"], Jsonb(body), Jsonb(hidden or {})),
            )
        )
        return Kept(body["id"], row["seq"], body, hidden or {})

    def change(self, kept: Kept, **members: object) -> Kept:
        """Replace members of an object, as Stripe shows it."""
        return self.replace(kept, {**kept.body, **members})

    def replace(self, kept: Kept, body: Row) -> Kept:
        """Put another body in the object's place."""
        self.connection.execute(
            "UPDATE objects SET body = %s WHERE id = %s", (Jsonb(body), kept.id)
        )
        return Kept(kept.id, kept.seq, body, kept.hidden)

    def hide(self, kept: Kept, **members: object) -> None:
        """Remember beside an object what Stripe does not show of it."""
        self.connection.execute(
            "UPDATE objects SET hidden = hidden || %s WHERE id = %s", (Jsonb(members), kept.id)
        )

    def find(self, kind: str, id: str) -> Kept | None:
        if "\0" in id:  # no text for PostgreSQL
            return None
        row = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = %s AND id = %s", (kind, id)
        ).fetchone()
        return None if row is None else Kept(**row)

    def page(self, kind: str, page: Page) -> tuple[list[Kept], bool]:
        """A page, newest first, and whether there is more beyond it."""
        conditions, values = _conditions(kind, page)
        backwards = page.ending_before is not None
        rows = self.connection.execute(
            # nothing but the fixed texts of _conditions is put together here
            f"SELECT id, seq, body, hidden FROM objects WHERE {' AND '.join(conditions)}"  # noqa: S608
            f" ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT %s",
            (*values, page.limit + 1),
        ).fetchall()
        found = [Kept(**row) for row in rows[: page.limit]]
        return found[::-1] if backwards else found, len(rows) > page.limit

    def expect_delivery(self, event: Kept, *, lost: bool = False) -> None:
        """An event is to be sent to the webhook, from now on, or never."""
        self.connection.execute(
            "INSERT INTO deliveries (event_id, seq, next_at, last_answer) VALUES (%s, %s, %s, %s)",
            (event.id, event.seq, None if lost else self.now(), LOST if lost else None),
        )

    def lose(self, event_id: str) -> None:
        """An event that waits is never sent by itself."""
        self.connection.execute(
            "UPDATE deliveries SET next_at = NULL, last_answer = %s"
            " WHERE event_id = %s AND delivered_at IS NULL",
            (LOST, event_id),
        )

    def add_loss(self, type: str | None, *, times: int) -> None:
        self.connection.execute("INSERT INTO losses (type, times) VALUES (%s, %s)", (type, times))

    def take_loss(self, type: str) -> bool:
        """Whether an event of this type is one that is never sent; used up by it."""
        taken = self.connection.execute(
            "UPDATE losses SET times = times - 1 WHERE seq = (SELECT seq FROM losses"
            " WHERE times > 0 AND (type IS NULL OR type = %s) ORDER BY seq LIMIT 1) RETURNING seq",
            (type,),
        )
        return taken.fetchone() is not None

    def losses(self) -> list[Row]:
        return self.connection.execute(
            "SELECT type, times FROM losses WHERE times > 0 ORDER BY seq"
        ).fetchall()

    def clear_losses(self) -> None:
        self.connection.execute("DELETE FROM losses")

    def by_id(self, id: str) -> Kept | None:
        """An object of any kind."""
        row = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE id = %s", (id,)
        ).fetchone()
        return None if row is None else Kept(**row)

    def all_of(self, kind: str) -> list[Kept]:
        """Every object of a kind, oldest first."""
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = %s ORDER BY seq", (kind,)
        ).fetchall()
        return [Kept(**row) for row in rows]

    def not_paid_out(self) -> list[Kept]:
        """Movements of the account's money that are part of no payout, oldest first."""
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = 'balance_transaction'"
            " AND hidden->>'payout' IS NULL ORDER BY seq"
        ).fetchall()
        return [Kept(**row) for row in rows]

    def payouts_on_their_way(self, *, until: int) -> list[Kept]:
        """Payouts that the bank has by then, and whose arrival was not told."""
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = 'payout'"
            " AND body->>'status' = 'in_transit' AND (body->>'arrival_date')::bigint <= %s"
            " ORDER BY seq",
            (until,),
        ).fetchall()
        return [Kept(**row) for row in rows]

    def sessions_past(self, moment: int) -> list[Kept]:
        """Open sessions whose time is over."""
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = 'checkout.session'"
            " AND body->>'status' = 'open' AND (body->>'expires_at')::bigint <= %s ORDER BY seq",
            (moment,),
        ).fetchall()
        return [Kept(**row) for row in rows]

    def refunds_of(self, charge_id: str) -> list[Kept]:
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = 'refund'"
            " AND body->>'charge' = %s ORDER BY seq",
            (charge_id,),
        ).fetchall()
        return [Kept(**row) for row in rows]

    def disputes_of(self, charge_id: str) -> list[Kept]:
        rows = self.connection.execute(
            "SELECT id, seq, body, hidden FROM objects WHERE kind = 'dispute'"
            " AND body->>'charge' = %s ORDER BY seq",
            (charge_id,),
        ).fetchall()
        return [Kept(**row) for row in rows]

    def delivery(self, event_id: str) -> Row | None:
        return self.connection.execute(
            "SELECT * FROM deliveries WHERE event_id = %s", (event_id,)
        ).fetchone()

    def deliveries(self, *, pending: bool) -> list[Row]:
        """What is known of each event's way to the webhook, oldest first."""
        return self.connection.execute(
            "SELECT d.*, o.body FROM deliveries d JOIN objects o ON o.id = d.event_id"
            " WHERE NOT %s OR d.delivered_at IS NULL ORDER BY d.seq",
            (pending,),
        ).fetchall()

    def lease_delivery(self, *, seconds: int) -> Row | None:
        """The oldest delivery that is due, put off for a while so that nobody else takes it."""
        return self.connection.execute(
            "UPDATE deliveries SET attempts = attempts + 1, next_at = %s WHERE event_id ="
            " (SELECT event_id FROM deliveries WHERE next_at <= %s ORDER BY seq LIMIT 1)"
            " RETURNING *",
            (self.now() + seconds, self.now()),
        ).fetchone()

    def record_delivery(self, event_id: str, *, answer: str, next_at: int | None) -> None:
        """What came of it. Once delivered stays delivered; `next_at` None ends the trying."""
        self.connection.execute(
            "UPDATE deliveries SET last_answer = %(answer)s,"
            " delivered_at = coalesce(delivered_at,"
            " CASE WHEN %(answer)s::text LIKE '2__' THEN %(now)s::bigint END),"
            " next_at = CASE WHEN delivered_at IS NULL THEN %(next_at)s::bigint END"
            " WHERE event_id = %(event)s",
            {"answer": answer, "now": self.now(), "next_at": next_at, "event": event_id},
        )

    def answer_under(self, key: str) -> Row | None:
        return self.connection.execute("SELECT * FROM answers WHERE key = %s", (key,)).fetchone()

    def keep_answer(self, answer: Row) -> None:
        self.connection.execute(
            "INSERT INTO answers VALUES (%(key)s, %(endpoint)s, %(params)s, %(status)s, %(body)s,"
            " %(request_id)s, %(created)s)",
            {**answer, "params": Jsonb(answer["params"]), "body": Jsonb(answer["body"])},
        )

    def forget_answers(self) -> int:
        """Forget every key at once, as after a day; tells how many there were."""
        return self.connection.execute("DELETE FROM answers").rowcount

    def prune_answers(self, *, older_than: int) -> None:
        self.connection.execute("DELETE FROM answers WHERE created <= %s", (older_than,))

    def add_fault(self, mode: str, *, method: str | None, path: str | None, times: int) -> None:
        self.connection.execute(
            "INSERT INTO faults (mode, method, path, times) VALUES (%s, %s, %s, %s)",
            (mode, method, path, times),
        )

    def take_fault(self, method: str, path: str) -> str | None:
        """The next fault meant for such a call, used up by it."""
        row = self.connection.execute(
            "UPDATE faults SET times = times - 1 WHERE seq = (SELECT seq FROM faults"
            " WHERE times > 0 AND (method IS NULL OR method = %s)"
            " AND (path IS NULL OR starts_with(%s, path)) ORDER BY seq LIMIT 1) RETURNING mode",
            (method, path),
        ).fetchone()
        return None if row is None else str(row["mode"])

    def clear_faults(self) -> None:
        self.connection.execute("DELETE FROM faults")

    def faults(self) -> list[Row]:
        return self.connection.execute(
            "SELECT mode, method, path, times FROM faults WHERE times > 0 ORDER BY seq"
        ).fetchall()


def _conditions(kind: str, page: Page) -> tuple[list[str], list[Any]]:
    conditions, values = ["kind = %s"], [kind]
    for cursor, sign in ((page.starting_after, "<"), (page.ending_before, ">")):
        if cursor is not None:
            conditions.append(f"seq {sign} (SELECT seq FROM objects WHERE id = %s)")  # noqa: S608
            values.append(cursor)
    for bound, limit in (page.created or {}).items():
        conditions.append(f"created {SIGNS[bound]} %s")
        values.append(str(limit))
    for member, wanted in (page.where or {}).items():
        conditions.append("body->>%s = %s")
        values += [member, wanted]
    for member, wanted in (page.hidden or {}).items():
        conditions.append("hidden->>%s = %s")
        values += [member, wanted]
    if page.types:
        conditions.append("body->>'type' = ANY(%s)")
        return conditions, [*values, list(page.types)]
    return conditions, values


SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _only(cursor: psycopg.Cursor[Row]) -> Row:
    row = cursor.fetchone()
    assert row is not None, "this statement always answers with a row"
    return row
