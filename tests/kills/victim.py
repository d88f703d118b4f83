"""The process that dies: `python -m tests.kills.victim` serves one command a line, each in a fork.

A warm parent forks a child for every command. The child serves it through the real application,
over its own connections, and kills itself at the place it was told. What it acknowledged before it
died is in the report. The parent holds no connection and no thread when it forks.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from dataclasses import asdict
from typing import Any

from flask import Flask

from shop import create_app
from shop.cli import periodic
from shop.config import Config
from shop.core import jobs
from shop.core.db import db
from shop.payments.stripe_gateway import StripeGateway
from tests.kills import points, sabotage
from tests.kills.serving import Json, answered


class House:
    """The application twice: as the web server's role runs it, and as the worker's."""

    def __init__(self, settings: Json) -> None:
        given = {**settings, "stripe_webhook_secrets": tuple(settings["stripe_webhook_secrets"])}
        given.pop("idle", None)
        self.config = Config(**given)
        self.web = self._application(self.config.database_url)
        self.worker = self._application(self.config.worker_database_url)

    def _application(self, database_url: str) -> Flask:
        gateway = StripeGateway(
            self.config.stripe_secret_key,
            self.config.stripe_webhook_secrets,
            api_base=self.config.stripe_api_base,
        )
        settings = asdict(self.config) | {"database_url": database_url}
        return create_app(Config(**settings), gateway=points.Watched(gateway))

    def serve(self, command: Json, acknowledge: Any) -> None:
        """One request, or the worker until nothing is due."""
        if command["do"] == "ask":
            acknowledge(answered(self.web, command))
        elif command["do"] == "work":
            jobs.drain(self.worker, self.config.worker_database_url)

    def let_go(self) -> None:
        """Hold no connection: what is opened from here on is a child's own."""
        for app in (self.web, self.worker):
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
        gc.freeze()  # a child's collector would touch, and so copy, every page


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    points.listen()
    house = House(settings)
    periodic()  # imported: the worker knows its jobs
    told("ready")
    stopped: dict[int, int] = {}
    for line in sys.stdin:
        command = json.loads(line)
        if command.get("warm"):  # here: compiled statements and templates are inherited by forks
            said: list[Json] = []
            house.serve(command, said.append)
            house.let_go()
            told({"signal": 0} | ({"answer": said[0]} if said else {}))
        elif command["do"] == "resume":
            pid = command["pid"]
            os.kill(pid, signal.SIGCONT)
            told(report(pid, stopped.pop(pid)))
        else:
            pid, pipe = forked(house, command)
            _, how = os.waitpid(pid, os.WUNTRACED) if command.get("stop") else (0, 0)
            if command.get("stop") and os.WIFSTOPPED(how):
                stopped[pid] = pipe
                told({"stopped": pid})
            else:
                told(report(pid, pipe, how if command.get("stop") else None))


def forked(house: House, command: Json) -> tuple[int, int]:
    """A child that serves the command; its words come through the pipe."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    gc.disable()
    out = os.fdopen(writing, "w")

    def say(**words: Any) -> None:
        out.write(json.dumps(words) + "\n")
        out.flush()

    try:
        for name in command.get("sabotage", ()):
            sabotage.PLANTED[name](lambda answer: say(answer=answer))
        counted = points.arm(
            command.get("kill_at"),
            how=signal.SIGSTOP if command.get("stop") else signal.SIGKILL,
            both_sides=command.get("both_sides", False),
        )
        house.serve(command, lambda answer: say(answer=answer))
        say(passed=counted.passed)
    except BaseException:  # noqa: BLE001 - told to the test, which fails
        say(error=traceback.format_exc())
    finally:
        out.flush()
        os._exit(0)
    return 0, 0


def report(pid: int, pipe: int, ended: int | None = None) -> Json:
    """Everything the child said, and the signal it died of (0 if it came to its end)."""
    said: Json = {}
    with os.fdopen(pipe) as words:
        for line in words:
            if line.endswith("\n"):
                said |= json.loads(line)
    if ended is None:
        _, ended = os.waitpid(pid, 0)
    return said | {"signal": os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else 0}


def told(words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
