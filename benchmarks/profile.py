"""Where the time of an operation goes: samples of the application's stack, in this process.

The kernel's profiling timer ticks with the CPU time used, so waiting for PostgreSQL weighs nothing,
and code runs at its own speed between two ticks. Time inside C counts with the Python line that
called it. What PostgreSQL does meanwhile is told by its own counters (accounting.py).
"""

from __future__ import annotations

import contextlib
import signal
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from flask import Flask

from benchmarks import accounting
from benchmarks.accounting import Function, Statement
from benchmarks.cases import Case
from benchmarks.inprocess import InProcess, answered
from benchmarks.world import World
from shop.core.db import db

STATISTICS = 1.2  # seconds until PostgreSQL tells what a session that has come to rest did
FEW = 10  # visits whose figures are not worth waiting for
TICK = 0.001  # seconds of CPU; the kernel rounds it up to its own tick
CHECKOUT = str(Path(__file__).parents[1])
INSTALLED = sysconfig.get_path("purelib")
LAYERS = {
    "sqlalchemy/orm": "SQLAlchemy ORM",
    "sqlalchemy/sql": "SQLAlchemy statements",
    "sqlalchemy": "SQLAlchemy engine",
    "psycopg": "driver (psycopg)",
    "psycopg_binary": "driver (psycopg)",
    "flask_sqlalchemy": "SQLAlchemy engine",
    "marshmallow": "marshmallow, smorest",
    "flask_smorest": "marshmallow, smorest",
    "webargs": "marshmallow, smorest",
    "apispec": "marshmallow, smorest",
    "flask_limiter": "limiter",
    "limits": "limiter",
    "flask_login": "sessions",
    "itsdangerous": "sessions",
    "flask": "Flask, werkzeug",
    "werkzeug": "Flask, werkzeug",
    "jinja2": "templates",
    "stripe": "Stripe's library, requests",
    "requests": "Stripe's library, requests",
    "urllib3": "Stripe's library, requests",
    "procrastinate": "job queue",
}


@dataclass
class Profile:
    """Samples by layer, by the function that was running, and by every function of ours above."""

    visits: int = 0
    cpu: float = 0.0  # seconds, of this thread
    layers: Counter[str] = field(default_factory=Counter)
    own: Counter[str] = field(default_factory=Counter)
    within: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    statements: list[Statement] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


def taken(world: World, app: Flask, case: Case, visits: int) -> Profile:
    """The profile of so many visits; only what runs below `answered` counts."""
    profile, client = Profile(visits), InProcess(app)
    case.before()
    with world.admin() as admin:
        accounting.forget(admin)
    with _sampled(profile):
        for n in range(visits):
            case.operation.visit(client, n)
    case.after()
    with app.app_context():
        db.engine.dispose()  # PostgreSQL tells what a session's functions cost when it ends
    if visits > FEW:
        time.sleep(STATISTICS)  # the worker's goes on
    with world.admin() as admin:
        profile.statements = accounting.statements(admin)
        profile.functions = accounting.functions(admin)
    return profile


@contextlib.contextmanager
def _sampled(profile: Profile) -> Iterator[None]:
    def tick(_signal: int, frame: FrameType | None) -> None:
        _note(profile, frame)

    before = signal.signal(signal.SIGPROF, tick)
    signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
    began = time.thread_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        profile.cpu = time.thread_time() - began


def _note(profile: Profile, frame: FrameType | None) -> None:
    stack = []
    while frame is not None and frame.f_code is not answered.__code__:
        stack.append(frame)
        frame = frame.f_back
    if frame is None or not stack:
        return
    profile.samples += 1
    innermost = stack[0]
    profile.layers[_layer(stack)] += 1
    profile.own[_named(innermost)] += 1
    for name in {_named(one) for one in stack if one.f_code.co_filename.startswith(CHECKOUT)}:
        profile.within[name] += 1


def _layer(stack: list[FrameType]) -> str:
    """Whose code runs; the standard library works for whoever called it."""
    for frame in stack:
        path = frame.f_code.co_filename
        if path.startswith(INSTALLED):  # looked for first: `.venv` lies in the checkout
            parts = Path(path).relative_to(INSTALLED).parts
            inner = "/".join(parts[:2])
            return LAYERS.get(inner) or LAYERS.get(parts[0]) or parts[0]
        if path.startswith(CHECKOUT):
            return "the shop"
    return "Python"


def _named(frame: FrameType) -> str:
    code = frame.f_code
    path = code.co_filename.removeprefix(INSTALLED).removeprefix(CHECKOUT).removeprefix(sys.prefix)
    return f"{path.lstrip('/')}:{code.co_qualname}"
