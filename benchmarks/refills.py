"""`python -m benchmarks.refills`: what a day's run takes for 10,000 clients with auto-refills.

A PostgreSQL of its own. One client is made by the shop's own verbs (a tretinoin cream under a
prescription, handed out, refilled by itself) and copied by SQL, with every row that hangs on her;
the copies were handed their packs on 26 days in turn, so that each day 1/26 of them is charged and
as many are told. As many clients again, a fifth, have no auto-refill and are reminded. A third of
all have a peel planned in three weeks. The run is done in its shares by two workers
(`--workers`); the provider is in their processes and answers at once. Told
are the seconds of the day's run, and of the same run again, which finds nothing to do; with
`--worst`, of a run that announces everything at once, and of one that charges everything.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from psycopg import sql

from benchmarks.importing import DATABASE, fixed_loop, shop
from shop import create_app
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.config import from_environment
from shop.core.clock import day_in, now
from shop.core.db import act_as, db
from shop.core.embedded_postgres import Cluster
from shop.replenishment import jobs
from shop.replenishment.jobs import Done
from shop.replenishment.queries import Share
from tests import keys, permissions
from tests.inventory.lots import a_lot
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, tretinoin
from tests.replenishment.bank import Bank
from tests.replenishment.builders import ZONE, an_auto_refill, handed_out, peel_rules
from tests.treatments.builders import a_step, an_active_plan, in_days

AGES = 26  # days since a pack was handed out: 0 to 25, and on the last of them it is charged
TOLD = 18  # from this age on a charge was announced
ALLOWED = 60.0  # seconds

# Table → which of its rows are hers, and which text columns must differ from copy to copy.
HERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "people": ("id = %(client)s", ("email",)),
    "approval_requests": ("client_id = %(client)s", ("number",)),
    "prescriptions": ("client_id = %(client)s", ("number",)),
    "prescription_states": (
        "prescription_id IN (SELECT id FROM prescriptions WHERE client_id = %(client)s)",
        (),
    ),
    "leaflet_acknowledgements": ("client_id = %(client)s", ()),
    "fills": ("client_id = %(client)s", ()),
    "orders": ("client_id = %(client)s", ("number",)),
    "order_lines": ("client_id = %(client)s", ()),
    "card_setups": ("client_id = %(client)s", ()),
    "saved_cards": ("client_id = %(client)s", ("provider_method_id", "provider_customer_id")),
    "auto_refills": ("client_id = %(client)s", ("number",)),
    "refill_consents": ("client_id = %(client)s", ()),
    "plans": ("client_id = %(client)s", ("number",)),
    "sessions": ("client_id = %(client)s", ()),
}
IDS = """
CREATE TABLE hers AS
SELECT id FROM people WHERE id = %(client)s
UNION SELECT id FROM approval_requests WHERE client_id = %(client)s
UNION SELECT id FROM prescriptions WHERE client_id = %(client)s
UNION SELECT id FROM fills WHERE client_id = %(client)s
UNION SELECT id FROM orders WHERE client_id = %(client)s
UNION SELECT id FROM order_lines WHERE client_id = %(client)s
UNION SELECT reservation_id FROM order_lines WHERE client_id = %(client)s
UNION SELECT id FROM card_setups WHERE client_id = %(client)s
UNION SELECT id FROM saved_cards WHERE client_id = %(client)s
UNION SELECT id FROM auto_refills WHERE client_id = %(client)s
UNION SELECT id FROM refill_consents WHERE client_id = %(client)s
UNION SELECT id FROM leaflet_acknowledgements WHERE client_id = %(client)s
UNION SELECT id FROM plans WHERE client_id = %(client)s
UNION SELECT id FROM sessions WHERE client_id = %(client)s
"""
AGED = """
UPDATE order_lines l SET shipped_at = shop_now() - make_interval(days => c.age)
    FROM copies c WHERE l.client_id = c.client_id;
UPDATE fills f SET consumed_at = shop_now() - make_interval(days => c.age),
    dispensed_at = shop_now() - make_interval(days => c.age)
    FROM copies c WHERE f.client_id = c.client_id;
UPDATE refill_consents r SET consented_at = shop_now() - make_interval(days => c.age)
    FROM copies c WHERE r.client_id = c.client_id;
INSERT INTO refill_cycles (id, auto_refill_id, client_id, number, after_line_id, act_on, status,
    created_at)
SELECT gen_random_uuid(), a.id, a.client_id, 1, l.id, %(today)s + 25 - c.age, 'noticed',
    shop_now() - make_interval(days => c.age - 18)
FROM copies c JOIN auto_refills a ON a.client_id = c.client_id
JOIN order_lines l ON l.client_id = c.client_id WHERE c.age > %(told)s;
INSERT INTO refill_notices (id, cycle_id, number, charge_on, total_cents, rises, told_at)
SELECT gen_random_uuid(), y.id, 1, y.act_on, r.total_cents, false, y.created_at
FROM refill_cycles y JOIN refill_consents r ON r.auto_refill_id = y.auto_refill_id;
INSERT INTO events (subject_id, machine, kind, to_state, seq, from_state, actor, at, facts,
    request_id, previous_hash, hash)
SELECT id, 'refill_cycle', 'refill_noticed', 'noticed', 1, '', 'system:benchmark', created_at, '{}',
    '', decode(repeat('00', 32), 'hex'), sha256(id::text::bytea) FROM refill_cycles;
INSERT INTO refill_reminders (id, line_id, client_id, runs_out_on, moved_days, told_at)
SELECT gen_random_uuid(), l.id, l.client_id, %(today)s, 0, shop_now()
FROM copies c JOIN order_lines l ON l.client_id = c.client_id WHERE c.age > 23
"""


def main(arguments: list[str] | None = None) -> int:
    """0 when the day's run is within what is allowed, and charged as many as were due."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.refills", description=__doc__)
    reader.add_argument("--clients", type=int, default=10_000)
    reader.add_argument("--workers", type=int, default=2)
    reader.add_argument("--worst", action="store_true", help="Everything is due at once, too.")
    given = reader.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="aftercare-refills-") as place,
        shop(Path(place)) as (cluster, environment),
        _app(environment | {"SIGNING_KEYS": keys.SIGNING_KEYS}) as app,
    ):
        with psycopg.connect(cluster.url(DATABASE)) as superuser:
            keys.recorded(superuser)
            permissions.recorded(superuser)
        due = _filled(app, cluster, given.clients)
        as_worker = environment | {"DATABASE_URL": environment["WORKER_DATABASE_URL"]}
        print(
            f"{given.clients} clients, {given.workers} workers;"
            f" a fixed loop before: {fixed_loop():.0f} ms",
            flush=True,
        )
        with get_context("spawn").Pool(
            given.workers,
            initializer=_started,
            initargs=(as_worker | {"SIGNING_KEYS": keys.SIGNING_KEYS},),
        ) as workers:
            workers.map(time.sleep, [1] * given.workers, chunksize=1)  # each has started
            day, done = _measured("the day", workers)
            _measured("again", workers)
            if given.worst:
                _travelled(cluster, AGES)
                _measured("all announced at once", workers)
                _travelled(cluster, 7)
                _measured("all charged at once", workers)
        print(f"a fixed loop after: {fixed_loop():.0f} ms")
        return 0 if day <= ALLOWED and done.charged == due else 1


@contextmanager
def _app(environment: dict[str, str]) -> Iterator[Flask]:
    app = create_app(from_environment(environment))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _measured(title: str, workers: Pool) -> tuple[float, Done]:
    """All shares of a run, by as many workers as were started."""
    began = time.perf_counter()
    parts = workers.map(_share, range(jobs.SHARES), chunksize=1)
    taken = time.perf_counter() - began
    counts = (dataclasses.asdict(part).values() for part in parts)
    done = Done(*(sum(each) for each in zip(*counts, strict=True)))
    print(f"{title}: {taken:.1f} s, {done}", flush=True)
    return taken, done


_worker: list[Flask] = []


def _started(environment: dict[str, str]) -> None:
    """In a process of its own, as a worker is."""
    _worker[:] = [create_app(from_environment(environment))]


def _share(number: int) -> Done:
    with _worker[0].app_context():
        act_as("system:worker")
        done = jobs.run(Bank(), Share(number, jobs.SHARES))  # type: ignore[arg-type]
        db.session.remove()
    return done


def _filled(app: Flask, cluster: Cluster, clients: int) -> int:
    """The clinic; how many are due today."""
    with app.app_context():
        act_as("system:benchmark")
        cream = a_formula(tretinoin())
        a_lot(cream, 3 * clients, days=700)
        chen = dr_chen()
        refilled, treated, reminded = (_template(cream, chen) for _ in range(3))
        an_active_plan(treated, a_step(starts=in_days(21)), chen=chen)
        peel_rules()
        for client in (refilled, treated):
            an_auto_refill(client, cream)
        db.session.commit()
        today = day_in(ZONE, now())
        ids = [one.id for one in (refilled, treated, reminded)]
        db.session.remove()
    with psycopg.connect(cluster.url(DATABASE)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("CREATE TABLE copies (client_id uuid, age integer)")
        shares = (clients - clients // 3, clients // 3, clients // 5)
        for client, many in zip(ids, shares, strict=True):
            _copied(connection, client, many)
        for statement in AGED.split(";\n"):
            connection.execute(statement, {"today": today, "told": TOLD})
        due = connection.execute(
            "SELECT count(*) FROM refill_cycles WHERE act_on <= %s", [today]
        ).fetchone()
        connection.execute("DROP TABLE copies")
    with psycopg.connect(cluster.url(DATABASE), autocommit=True) as connection:
        connection.execute("ANALYZE")
    assert due is not None
    return int(due[0])


def _template(cream: Variant, chen: Person) -> Person:
    client = alice()
    a_prescription(client, cream, by=chen, fills=6)
    handed_out(client, cream)
    return client


def _copied(connection: psycopg.Connection[Any], client: uuid.UUID, many: int) -> None:
    """So many like her: every id that is hers becomes another, the same wherever it stands."""
    facts = {"client": client, "many": many}
    connection.execute(IDS, facts)
    for table, (where, texts) in HERS.items():
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
            [table],
        ).fetchall()
        names = [sql.Identifier(name) for name, _ in columns]
        values = [_value(name, kind, texts) for name, kind in columns]
        statement = sql.SQL(
            "INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS t,"
            " generate_series(1, %(many)s) AS n WHERE " + where
        ).format(
            table=sql.Identifier(table),
            names=sql.SQL(", ").join(names),
            values=sql.SQL(", ").join(values),
        )
        connection.execute(statement, facts)
    connection.execute(
        "INSERT INTO copies SELECT md5(%(client)s::uuid::text || n)::uuid, n %% %(ages)s"
        " FROM generate_series(1, %(many)s) AS n",
        facts | {"ages": AGES},
    )
    connection.execute("DROP TABLE hers")


def _value(name: str, kind: str, texts: tuple[str, ...]) -> sql.Composable:
    column = sql.Identifier("t", name)
    if kind == "uuid":
        other = "CASE WHEN {0} IN (SELECT id FROM hers) THEN md5({0}::text || n)::uuid ELSE {0} END"
        return sql.SQL(other).format(column)
    if name in texts:
        return sql.SQL("n || {}").format(column)
    return column


def _travelled(cluster: Cluster, days: int) -> None:
    with psycopg.connect(cluster.url(DATABASE)) as connection:
        connection.execute(
            "UPDATE shop_clock SET time_offset = time_offset + %s", [timedelta(days=days)]
        )


if __name__ == "__main__":
    sys.exit(main())
