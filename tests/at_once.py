"""Many acts at the same moment, each in a thread and a real transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask

from shop.core.db import act_as, db
from shop.core.errors import Refusal, StartAgain

Act = Callable[[], Any]
TRIES = 5
# On a busy machine a thread may wait long for its turn: no race is about how long.
PATIENCE = ("SET LOCAL lock_timeout = '60s'", "SET LOCAL statement_timeout = '60s'")


def at_once(app: Flask, acts: Sequence[Act]) -> list[Any]:
    """What each act answered, or the refusal or the database's error that met it, in their order.

    All start together. An answer is committed; StartAgain is obeyed, as the web layer does. Whatever
    else goes wrong in an act is raised here.
    """
    answers: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(place: int) -> None:
        with app.app_context():
            start.wait(timeout=60)
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


class _Broken:
    """An act ended in a way that no race may."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _tried(act: Act, actor: str) -> Any:
    for _ in range(TRIES):
        act_as(actor)
        for setting in PATIENCE:
            db.session.execute(sa.text(setting))
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
    raise AssertionError("It was told to start again too often.")
