"""The session, the base of every model, and the one way to lock a row.

PostgreSQL only (15 to 18). Every transaction carries the actor (`app.actor`), which the triggers
of the events table demand; see docs/transactions.md.
"""

from __future__ import annotations

import json
import select
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVarTuple, cast

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects.postgresql import CITEXT, JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, MappedColumn, Session, mapped_column, registry
from sqlalchemy.pool import Pool
from sqlalchemy.types import TypeDecorator

Columns = TypeVarTuple("Columns")

NAMING = {
    "pk": "%(table_name)s_pkey",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(constraint_name)s",  # a CHECK's name is a sentence about the row
}


def stamped() -> MappedColumn[Any]:
    """A moment that a trigger sets, after the row's lock."""
    return mapped_column(server_default=sa.FetchedValue(), server_onupdate=sa.FetchedValue())


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Refuses a naive datetime, which would mean somebody's local time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("A moment needs its time zone.")
        return value


class Citext(TypeDecorator[str]):
    """Text that compares without regard to case: mail addresses."""

    impl = CITEXT
    cache_ok = True


class Word(TypeDecorator[StrEnum]):
    """A word of a closed vocabulary, kept as text; the column's CHECK or state log closes it."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


def one_of(column: str, words: type[StrEnum]) -> str:
    """The text of a CHECK that closes a vocabulary."""
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class Base(DeclarativeBase):
    """The base of every row. Public ids are UUIDs, made before the insert."""

    registry = registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={
            uuid.UUID: sa.Uuid(),
            str: sa.Text(),
            int: sa.Integer(),
            datetime: UtcDateTime(),
            date: sa.Date(),
            bytes: sa.LargeBinary(),
            dict[str, Any]: JSONB(),
            list[str]: sa.ARRAY(sa.Text()),
        },
    )


db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={"expire_on_commit": False},  # answers are made from plain data after a commit
)


@sa.event.listens_for(Pool, "checkout")
def _still_there(connection: Any, _record: object, _lent: object) -> None:
    """A server that went away has closed its end, and a closed end can be read from.

    As sure as asking it for a 1, and no round trip. Nothing else arrives unasked; if something
    did, a new connection would be made for nothing.
    """
    if connection.closed:
        raise sa.exc.InvalidatePoolError
    end = select.poll()
    end.register(connection.fileno(), select.POLLIN)
    if end.poll(0):
        raise sa.exc.InvalidatePoolError


@sa.event.listens_for(Session, "after_flush")
def _note_the_change(session: Session, _context: object) -> None:
    session.info["changed"] = True


def only_read() -> bool:
    """Whether the session has changed no row so far, nor is about to."""
    session = db.session()
    pending = session.new or session.dirty or session.deleted
    return not pending and not session.info.get("changed")


_ACT_AS = sa.select(sa.func.set_config("app.actor", sa.bindparam("actor"), sa.true()))


@sa.event.listens_for(Session, "after_begin")
def _name_the_actor(session: Session, transaction: Any, connection: sa.Connection) -> None:
    actor = session.info.get("actor")
    if actor and not transaction.nested:
        connection.execute(_ACT_AS, {"actor": actor})


def act_as(actor: str) -> None:
    """From now on the session's writes are this actor's (`person:<id>` or `system:<what>`).

    Holds for the transaction under way and for those that follow in this request or job.
    """
    session = db.session()
    session.info["actor"] = actor
    if session.in_transaction():
        session.execute(_ACT_AS, {"actor": actor})


def insert_many(table: sa.FromClause, rows: Sequence[Mapping[str, Any]]) -> sa.Insert:
    """One statement that inserts `rows`, which name the same columns, in the order given.

    They travel as one JSON text, which PostgreSQL takes apart: far cheaper than parameters, and
    triggers that look at a whole statement run once. Values are what JSON knows, or text; of other
    columns the defaults are the database's own.
    """
    columns = [table.c[name] for name in rows[0]]
    text = json.dumps(rows, ensure_ascii=False, default=str)
    kinds = [sa.column(one.name, one.type) for one in columns]
    given = sa.func.json_to_recordset(sa.cast(sa.literal(text, sa.Text()), JSON)).table_valued(
        *kinds
    )
    named = given.render_derived(with_types=True)
    query = sa.select(*(named.c[one.name] for one in columns))
    return sa.insert(cast("sa.Table", table)).from_select(columns, query, include_defaults=False)


def rows_of(objects: Sequence[DeclarativeBase]) -> list[dict[str, Any]]:
    """Objects of one kind that no session knows, as rows for `insert_many`.

    They name what is set of any of them; who has it not set gets the model's default, as from the
    session.
    """
    if not objects:
        return []
    set_ = set().union(*map(vars, objects))
    columns = [one.columns[0] for one in sa.inspect(type(objects[0])).column_attrs]
    defaults = {
        column.key: column.default.arg if column.default and column.default.is_scalar else None
        for column in columns
        if column.key in set_
    }
    return [
        {name: vars(one).get(name, default) for name, default in defaults.items()}
        for one in objects
    ]


def locked(query: sa.Select[*Columns], *of: Any, key_share: bool = False) -> sa.Select[*Columns]:
    """`query` FOR UPDATE, reading the rows afresh: what the session already held is not trusted.

    Lock in the one order of docs/transactions.md. `of` limits the lock to these entities.
    `key_share`: rows that point at them, and come later in that order, are not held up.
    """
    locking = query.with_for_update(of=of or None, key_share=key_share)
    return locking.execution_options(populate_existing=True)
