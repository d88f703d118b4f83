"""What the hot roads cannot cost less than: PostgreSQL alone, and Flask alone.

PostgreSQL alone: the very statements of real requests, with their values, sent by pgbench. A
request that only reads is captured once and repeated. One that writes is captured for every buyer
and undone, so that pgbench does each buyer's whole transaction once, for the first time.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from flask import Flask
from psycopg import sql

from benchmarks.inprocess import InProcess
from benchmarks.load import Asking, Operation, WrongAnswer
from benchmarks.world import World
from shop.core.db import db
from shop.core.embedded_postgres import binaries

# A statement as the driver sends it, and its values. "BEGIN", "COMMIT" and "ROLLBACK" are ours.
Sent = tuple[str, dict[str, Any]]
SETTINGS = "-csearch_path=public,jobs -ctimezone=UTC"
_VALUE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Script:
    """What pgbench runs: files that are drawn at random, or one for as many rows as there are."""

    files: tuple[Path, ...]
    rows: int | None = None  # each client takes its share of them, one after another


@dataclass(frozen=True)
class Repeated:
    """What a run of pgbench came to."""

    count: int
    seconds: float


class Captured(BaseException):
    """Raised in place of a COMMIT, past whoever handles errors: what was captured is undone."""


def reading(app: Flask, operation: Operation, requests: int, home: Path) -> Script:
    """One file for each of the first requests of an operation that only reads."""
    client = InProcess(app)
    with _listening(app) as sent:
        transactions = [_sent_by(sent, operation, client, n) for n in range(requests)]
    files = []
    for number, statements in enumerate(transactions):
        files.append(home / f"{number}.sql")
        files[-1].write_text("\n".join(_line(text, values) for text, values in statements))
    return Script(tuple(files))


def writing(
    app: Flask, operation: Operation, count: int, world: World, table: str, *, undone: bool = False
) -> Script:
    """One file for all visits; what differs between them comes from rows of `table`, made here.

    With `undone` nothing of the visits stays, so that pgbench does what they would have done.
    """
    client = InProcess(app)
    with _listening(app, undone=undone) as sent:
        transactions = [_sent_by(sent, operation, client, n, undone=undone) for n in range(count)]
    first = transactions[0]
    if any([text for text, _ in one] != [text for text, _ in first] for one in transactions):
        raise WrongAnswer("Two visits did not send the same statements.")
    columns = _differing(transactions)
    with world.admin() as admin:
        _tabulate(admin, table, columns, transactions)
    names = ", ".join(f"v{place}" for place in range(len(columns)))
    lines = [
        r"\set row :client_id * :share + :turn",
        r"\set turn :turn + 1",
        rf"SELECT {names} FROM {table} WHERE row = :row \gset",
        *(_line(text, values, columns, place) for place, (text, values) in enumerate(first)),
    ]
    path = world.home / f"{table}.sql"
    path.write_text("\n".join(lines))
    return Script((path,), rows=len(transactions))


def repeat(script: Script, url: str, *, clients: int, seconds: float) -> Repeated:
    """Let pgbench run it, prepared, for so long or until the rows are used up."""
    command = [
        str(binaries() / "pgbench"),
        *("--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={min(2, clients)}"),
        *(f"--file={path}" for path in script.files),
    ]
    if script.rows is None and seconds < 1:  # pgbench counts whole seconds
        command.append("--transactions=10")
    elif script.rows is None:
        command.append(f"--time={round(seconds)}")
    else:
        share = script.rows // clients
        command += [f"--transactions={share}", f"--define=share={share}", "--define=turn=0"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, url], env={"PGOPTIONS": SETTINGS}, capture_output=True, text=True, check=False
    )
    counted = re.search(r"actually processed: (\d+)", done.stdout)
    if done.returncode or counted is None or "failed transactions: 0" not in done.stdout:
        raise WrongAnswer(f"pgbench: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return Repeated(int(counted[1]), time.perf_counter() - began)


def bare(app: Flask, operation: Operation, name: str, home: Path) -> tuple[str, ...]:
    """Keep the answers of the operation's first visit for the bare view; tells their names."""
    kept = _Keeping(InProcess(app), name, home)
    operation.visit(kept, 0)
    return tuple(kept.names)


class _Keeping:
    def __init__(self, client: Asking, name: str, home: Path) -> None:
        self.client, self.name, self.home = client, name, home
        self.names: list[str] = []

    def ask(self, method: str, path: str, **given: Any) -> bytes:
        body = self.client.ask(method, path, **given)
        self.names.append(f"{self.name}-{len(self.names)}")
        (self.home / self.names[-1]).write_bytes(body)
        return body


@contextlib.contextmanager
def _listening(app: Flask, *, undone: bool = False) -> Iterator[list[Sent]]:
    """Whatever the application sends; with `undone`, a COMMIT is noted and does not happen."""
    sent: list[Sent] = []
    with app.app_context():  # not around the visits: each has one of its own
        engine = db.engine

    def statement(_c: Any, _cursor: Any, text: str, values: Any, *_more: Any) -> None:
        every = values if isinstance(values, list) else [values]  # one for each row, or one
        sent.extend((text, dict(each or {})) for each in every)

    def commit(connection: sa.Connection) -> None:
        sent.append(("COMMIT", {}))
        if undone:
            connection.connection.rollback()
            raise Captured

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": statement,
        "begin": lambda _connection: sent.append(("BEGIN", {})),
        "rollback": lambda _connection: sent.append(("ROLLBACK", {})),
        "commit": commit,
    }
    for name, listener in listeners.items():
        sa.event.listen(engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listeners.items():
            sa.event.remove(engine, name, listener)


def _sent_by(
    sent: list[Sent], operation: Operation, client: Asking, n: int, *, undone: bool = False
) -> list[Sent]:
    sent.clear()
    with contextlib.suppress(Captured):
        operation.visit(client, n)
        if undone:
            raise WrongAnswer("It committed nothing.")
    return sent[: sent.index(("COMMIT", {})) + 1] if undone else sent.copy()


def _differing(transactions: Sequence[Sequence[Sent]]) -> dict[tuple[int, str], int]:
    """Which values are not the same for all: (statement, name) → number of the column."""
    columns: dict[tuple[int, str], int] = {}
    for place, (_, values) in enumerate(transactions[0]):
        for name, value in values.items():
            if any(one[place][1][name] != value for one in transactions):
                columns[place, name] = len(columns)
    return columns


def _tabulate(
    admin: psycopg.Connection[Any],
    table: str,
    columns: dict[tuple[int, str], int],
    transactions: Sequence[Sequence[Sent]],
) -> None:
    """The differing values as text, a row for each transaction, numbered from 0."""
    named = ", ".join(f"v{place} text" for place in range(len(columns)))
    admin.execute(
        f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (row int PRIMARY KEY, {named})"
    )
    marks = ", ".join(["%s"] * (len(columns) + 1))
    with admin.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} VALUES ({marks})",
            [
                [number, *(_text(one[place][1][name], admin) for place, name in columns)]
                for number, one in enumerate(transactions)
            ],
        )
    admin.execute(f"GRANT SELECT ON {table} TO PUBLIC; ANALYZE {table}")


def _text(value: Any, admin: psycopg.Connection[Any]) -> str:
    """A value as PostgreSQL reads it from text."""
    row = admin.execute(sql.SQL("SELECT {}::text").format(sql.Literal(value))).fetchone()
    assert row is not None
    assert row[0] is not None, "an absent value cannot be a variable of pgbench"
    return str(row[0])


def _line(
    text: str,
    values: dict[str, Any],
    columns: dict[tuple[int, str], int] | None = None,
    place: int = 0,
) -> str:
    """A statement as pgbench takes it: values in their places, or variables that hold them."""

    def written(found: re.Match[str]) -> str:
        column = (columns or {}).get((place, found[1]))
        return f" :v{column}" if column is not None else _literal(values[found[1]])

    return _VALUE.sub(written, text).replace("%%", "%") + ";"


def _literal(value: Any) -> str:
    """As a literal; a colon in it would be a variable to pgbench."""
    literal = sql.Literal(value).as_string().strip()
    body, quote, cast = literal.rpartition("'")
    if not quote or ":" not in body:
        return literal
    escaped = body[2:] if body.startswith("E'") else body[1:].replace("\\", "\\\\")
    without = escaped.replace(":", "\\x3a")
    return f" E'{without}'{cast}"
