"""Many acts at the same moment, each in a thread and a real transaction of its own.

`at_once` is the race. `carelessly` is its control: the same acts without a lock, all looking before
any of them writes, so that what the lock prevents happens every time and not by luck.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask

from shop.application import engine_options
from shop.core.db import act_as, db
from shop.core.errors import Refusal, StartAgain, Unavailable

Act = Callable[[], Any]
TRIES = 5
CONNECTIONS = 44  # one for every thread of a race, and some for whoever watches
WAITING = 60  # seconds
# On a busy machine a thread may wait long for its turn: no race is about how long.
PATIENCE = "".join(
    f" -c{name}={WAITING}s"
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
)


def at_once(app: Flask, acts: Sequence[Act]) -> list[Any]:
    """What each act answered, or the refusal or the database's error that met it, in their order.

    All start together. An answer is committed; StartAgain is obeyed, as the web layer does, and is
    Unavailable in the end. Whatever else goes wrong in an act is raised here. From the first race on the application has a connection
    for every thread, and waits long for locks.
    """
    _make_room(app)
    answers: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(place: int) -> None:
        with app.app_context():
            start.wait(timeout=WAITING)
            try:
                answers[place] = _tried(acts[place], f"system:thread-{place}")
            except (Refusal, sa.exc.DBAPIError) as met:
                answers[place] = met
            except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
                answers[place] = _Broken(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        if isinstance(answer, _Broken):
            raise answer.error
    return answers


def carelessly(
    app: Flask, acts: Sequence[Act], *, before: str, overtaken_by: Act | None = None
) -> list[Any]:
    """As `at_once`, but no act takes a lock, and none sends a statement that begins with `before`
    (a pattern) until all have looked.

    `overtaken_by` runs, with its locks, and is committed after all have looked and before any of
    them writes; what it answered is not among the answers, and whatever meets it is raised. Only
    locks that the acts themselves take are left out: the database's triggers keep theirs.
    """
    _make_room(app)
    crowd = _Crowd(len(acts), re.compile(before))
    watched = [crowd.watching(act) for act in acts]
    if overtaken_by is not None:
        watched.append(crowd.overtaking(overtaken_by))
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", crowd.sent, retval=True)
    try:
        answers = at_once(app, watched)
    finally:
        sa.event.remove(engine, "before_cursor_execute", crowd.sent)
    assert crowd.held > 0, f"nothing that begins with {before} was sent"
    if overtaken_by is not None and isinstance(overtaker := answers.pop(), BaseException):
        raise overtaker
    return answers


LOCK = re.compile(r"\s+FOR (?:(?:NO KEY )?UPDATE|SHARE)(?: OF [\w, ]+)?(?: SKIP LOCKED)?\s*$")
NAMED_LOCK = re.compile(r"\bpg_advisory_xact_lock\b")


class _Crowd:
    """Lets nobody write before everybody has looked."""

    def __init__(self, many: int, before: re.Pattern[str]) -> None:
        self.looking = many
        self.overtaking_now = False
        self.held = 0
        self._before = before
        self._moved = threading.Condition()
        self._mine = threading.local()

    def watching(self, act: Act) -> Act:
        def watched() -> Any:
            self._mine.careless = True
            try:
                return act()
            finally:
                self._looked()  # an act that met a refusal has looked, too
                self._mine.careless = False

        return watched

    def overtaking(self, act: Act) -> Act:
        """Runs when all have looked; they go on when it is committed."""
        self.overtaking_now = True

        def overtaker() -> Any:
            with self._moved:
                assert self._moved.wait_for(lambda: self.looking == 0, timeout=WAITING)
            try:
                answer = act()
                db.session.commit()
            finally:
                with self._moved:
                    self.overtaking_now = False
                    self._moved.notify_all()
            return answer

        return overtaker

    def sent(
        self, _conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
    ) -> tuple[str, Any]:
        """Every statement before it is sent: without its lock, and held where it would write."""
        if not getattr(self._mine, "careless", False):
            return statement, parameters
        if self._before.match(statement):
            self.held += 1
            self._looked()
            with self._moved:
                free = self._moved.wait_for(
                    lambda: self.looking == 0 and not self.overtaking_now, timeout=WAITING
                )
            assert free, "somebody never looked"
        return NAMED_LOCK.sub("abs", LOCK.sub("", statement)), parameters

    def _looked(self) -> None:
        """Counts this thread, once."""
        with self._moved:
            if not getattr(self._mine, "looked", False):
                self._mine.looked = True
                self.looking -= 1
                self._moved.notify_all()


class _Broken:
    """An act ended in a way that no race may."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _make_room(app: Flask) -> None:
    engines = db._app_engines[app]
    if engines[None].pool.size() >= CONNECTIONS:  # type: ignore[attr-defined]
        return
    options: dict[str, Any] = engine_options() | {"pool_size": CONNECTIONS}
    options["connect_args"] = {"options": options["connect_args"]["options"] + PATIENCE}
    old, engines[None] = engines[None], sa.create_engine(engines[None].url, **options)
    old.dispose()


def _tried(act: Act, actor: str) -> Any:
    for _ in range(TRIES):
        act_as(actor)
        try:
            answer = act()
            db.session.commit()
        except StartAgain:
            db.session.rollback()
        except BaseException:
            db.session.rollback()
            raise
        else:
            return answer
    raise Unavailable("It was told to start again too often.")
