"""Bugs planted in a victim, so that the checkers are seen to fail. Each is our own seam, bent."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import shop.orders.api
from shop.core.db import db
from shop.payments import operations
from shop.web import idempotency

Acknowledge = Callable[[dict[str, Any]], None]


def answers_before_it_commits(acknowledge: Acknowledge) -> None:
    """The client is told before the transaction has ended."""
    honest = shop.orders.api.committed

    def committed(schema: Any, thing: Any, status: int = 200) -> Any:
        db.session.flush()
        acknowledge({"status": status, "json": schema().dump(thing)})
        return honest(schema, thing, status)

    shop.orders.api.committed = committed


def keeps_the_answer_apart(_: Acknowledge) -> None:
    """The answer to a key is kept in a transaction of its own, after that of the effect."""
    honest = idempotency.keep

    def keep(status: int, body: bytes) -> None:
        db.session.commit()
        honest(status, body)

    idempotency.keep = keep


def sends_a_fresh_key_each_time(_: Acknowledge) -> None:
    """Every try of a provider call has a key of its own."""
    honest = operations.perform

    def performed(lease: operations.Lease, gateway: Any) -> Any:
        return honest(replace(lease, key=f"{lease.key}:{uuid.uuid4()}"), gateway)

    operations.perform = performed


PLANTED = {
    "answers_before_it_commits": answers_before_it_commits,
    "keeps_the_answer_apart": keeps_the_answer_apart,
    "sends_a_fresh_key_each_time": sends_a_fresh_key_each_time,
}
