"""Idempotency-Key: the same key and body get the same answer and one effect.

The answer is kept in the transaction of the effect. Two requests at once with one key: the second
waits for the first one's transaction, and finds its answer.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Response, g, request
from sqlalchemy.dialects.postgresql import insert

from shop.core.db import db
from shop.core.errors import Refused, StartAgain
from shop.web.models import KeptAnswer

HEADER = "Idempotency-Key"
LONGEST_KEY = 255


class KeyReused(Refused):
    code = "idempotency_key_reused"


class KeyMissing(Refused):
    code = "idempotency_key_required"


def required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a request that carries no key: its effect must not happen twice."""

    @functools.wraps(view)
    def with_key(*args: Any, **kwargs: Any) -> Any:
        if not _key():
            raise KeyMissing(
                f"Send an {HEADER} header: any text of your own, new for each order or payment.",
                fields={HEADER: ["Missing."]},
            )
        return view(*args, **kwargs)

    return with_key


def kept() -> Response | None:
    """The answer already given to this request, if it is a repeat. Raises KeyReused."""
    key = _key()
    if request.method in ("GET", "HEAD", "OPTIONS") or not key:
        return None
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Refused(
            f"{HEADER} must be 1 to {LONGEST_KEY} printable characters.",
            fields={HEADER: ["Too long or not printable."]},
        )
    g.idempotency_key = key
    _wait_for_the_same(key)
    query = sa.select(KeptAnswer).where(KeptAnswer.actor == _scope(), KeptAnswer.key == key)
    answer_kept = db.session.execute(query).scalar_one_or_none()
    if answer_kept is None:
        return None
    if answer_kept.request_hash != _request_hash():
        raise KeyReused("This key was used for a different request. Use a new one.", key=key)
    response = answer(answer_kept.status, answer_kept.body)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _wait_for_the_same(key: str) -> None:
    """Until the transaction of a request with the same key, if one is under way, has ended."""
    name = sa.func.hashtextextended(f"{_scope()} {key}", 0)
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))


def keep(status: int, body: bytes) -> None:
    """Remember the answer, in the transaction under way. Raises StartAgain where one is there."""
    key = g.get("idempotency_key")
    if key is None:
        return
    first = db.session.execute(
        insert(KeptAnswer)
        .values(actor=_scope(), key=key, request_hash=_request_hash(), status=status, body=body)
        .on_conflict_do_nothing()
        .returning(KeptAnswer.key)
    ).scalar_one_or_none()
    if first is None:
        raise StartAgain


def answer(status: int, body: bytes) -> Response:
    """A JSON answer from ready bytes."""
    return Response(body, status, content_type="application/json")


def _key() -> str | None:
    return request.headers.get(HEADER)


def _scope() -> str:
    """A key belongs to who sent it; a visitor's, to where she came from."""
    actor: str = db.session.info.get("actor", "")
    return actor if actor.startswith("person:") else f"visitor:{request.remote_addr}"


def _request_hash() -> bytes:
    text = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(text + request.get_data(cache=True)).digest()
