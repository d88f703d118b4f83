"""Numbered places where a process can die: around every SQL statement, COMMIT and provider call.

The product is not touched: psycopg is listened to, below SQLAlchemy and the job queue alike, and
the gateway is wrapped where the application is given it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg


@dataclass
class Points:
    """The places passed so far; at number `deadly` the process sends itself `how`.

    Between two statements lies one state of the database. `both_sides` numbers the moment after
    the first and the one before the second apart.
    """

    deadly: int | None = None
    how: int = signal.SIGKILL
    both_sides: bool = False
    passed: list[str] = field(default_factory=list)

    def at(self, place: str) -> None:
        """Here is a numbered place; nothing after this line may run."""
        self.passed.append(place)
        if len(self.passed) == self.deadly:
            os.kill(os.getpid(), self.how)

    def before(self, what: str) -> None:
        self.at(f"before {what}")

    def after(self, what: str) -> None:
        if self.both_sides or not what.startswith("SQL"):
            self.at(f"after {what}")


points = Points()


def arm(deadly: int | None, *, how: int = signal.SIGKILL, both_sides: bool = False) -> Points:
    """Begin to count anew."""
    points.deadly, points.how, points.both_sides = deadly, how, both_sides
    points.passed.clear()
    return points


def listen() -> None:
    """From now on every statement and COMMIT of this process is a place, whoever sends it."""
    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        for name in ("execute", "executemany"):
            _around(kind, name, _first_words)
    for kind in (psycopg.Connection, psycopg.AsyncConnection):
        _around(kind, "commit", lambda *_: "COMMIT")


def _first_words(_cursor: Any, query: Any, *_: Any) -> str:
    return f"SQL {' '.join(str(query).split())[:60]}"


def _around(kind: Any, name: str, told: Callable[..., str]) -> None:
    inner = getattr(kind, name)

    async def waited(answer: Any, what: str) -> Any:
        points.before(what)
        value = await answer
        points.after(what)
        return value

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        what = told(self, *args)
        if kind.__name__.startswith("Async"):
            return waited(inner(self, *args, **kwargs), what)
        points.before(what)
        value = inner(self, *args, **kwargs)
        points.after(what)
        return value

    setattr(kind, name, called)


class Watched:
    """A gateway whose calls are places: before the request leaves, and when the provider did it."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._gateway, name)
        if name == "read_event":  # reads bytes, calls nobody
            return call

        def watched(*args: Any, **kwargs: Any) -> Any:
            points.before(f"provider {name}")
            answer = call(*args, **kwargs)
            points.after(f"provider {name}")
            return answer

        return watched
