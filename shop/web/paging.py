"""Keyset paging: stable while rows are added, and as fast on page 500 as on page 1."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from shop.core.db import db
from shop.core.errors import Refused

HIGHEST = 2**31 - 1  # of PostgreSQL's integer
LONGEST = 400  # characters of one part of a key


class BadCursor(Refused):
    code = "bad_cursor"


def page(
    query: sa.Select[Any],
    keys: Sequence[Any],
    *,
    limit: int,
    after: str | None,
    descending: bool = False,
) -> dict[str, Any]:
    """One page of scalars of `query`, ordered by `keys`: {"items": […], "next": cursor or None}.

    The last key must be unique; keys must not be null. Raises BadCursor.
    """
    if after is not None:
        values = _read(after, keys)
        row = sa.tuple_(*keys)
        edge = sa.tuple_(
            *(sa.literal(value, key.type) for value, key in zip(values, keys, strict=True))
        )
        query = query.where(row < edge if descending else row > edge)
    order = [sa.desc(key) if descending else sa.asc(key) for key in keys]
    rows = db.session.execute(query.add_columns(*keys).order_by(*order).limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > limit
    return {
        "items": [row[0] for row in shown],
        "next": _write(tuple(shown[-1])[-len(keys) :]) if more else None,
    }


def written(key: Sequence[Any]) -> str:
    """A cursor that holds this key."""
    return _write(key)


def values(cursor: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """The key of a cursor, of these kinds (text or whole numbers). Raises BadCursor."""
    try:
        texts = _texts(cursor)
        return tuple(_plain(text, kind) for text, kind in zip(texts, kinds, strict=True))
    except (ValueError, TypeError, binascii.Error) as error:
        raise bad_cursor() from error


def _plain(text: Any, kind: type) -> Any:
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(text)
    return kind(text)


def _write(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(cursor: str, keys: Sequence[Any]) -> list[Any]:
    try:
        return [_value(text, key.type) for text, key in zip(_texts(cursor), keys, strict=True)]
    except (ValueError, TypeError, ArithmeticError, binascii.Error) as error:
        raise bad_cursor() from error


def _texts(cursor: str) -> list[Any]:
    padded = cursor + "=" * (-len(cursor) % 4)
    return list(json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))


def bad_cursor() -> BadCursor:
    """The refusal of a cursor that none of our pages handed out."""
    return BadCursor(
        "This page does not exist. Start from the first.",
        fields={"after": ["Take it from `next` of the page before."]},
    )


def _value(text: Any, kind: Any) -> Any:
    """What `_write` wrote, as the key's type. Raises ValueError for anything else."""
    kind = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError(text)
    text.encode()  # half characters cannot be asked for
    if kind.python_type is datetime:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment.astimezone(UTC)
    value = kind.python_type(text)
    if isinstance(value, int) and not -HIGHEST <= value <= HIGHEST:
        raise ValueError(text)
    return value
