"""The whole run: make a world, measure every case in it, profile it, print the page."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks import accounting, cases, catalogue, profile, report, rounds, world
from benchmarks.cases import Case
from benchmarks.rounds import Size
from benchmarks.world import World
from shop import create_app
from shop.config import from_environment
from shop.web.limits import limiter

SEED = 20261123
OUTPUT = world.CHECKOUT / ".test"


def main(arguments: list[str] | None = None) -> int:
    """0 when everything that was asked for was measured."""
    given = _read(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is ended in order
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:6.1f} s] {text}\n")

    home = Path(tempfile.mkdtemp(prefix="aftercare-bench-"))
    try:
        with world.made(home) as made:
            say("databases and programs run")
            print(_measured(made, given, say))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _measured(made: World, given: argparse.Namespace, say: Any) -> str:
    app = create_app(from_environment(made.environment))
    logging.getLogger("shop").setLevel(logging.CRITICAL)
    limiter.enabled = False
    with app.app_context(), made.admin() as admin:
        catalogue.fill(admin, given.products)
        say(f"{given.products} products are on sale")
        who = cases.cast(given.buyers)
    say(f"3 x {given.buyers} buyers have prescriptions")
    wanted = [
        case for case in cases.all_of(made, app, who, seed=given.seed) if _asked(case, given.only)
    ]
    size = Size(given.rounds, given.seconds, given.clients, warm_up=0 if given.smoke else 1)
    found = rounds.run(made, app, wanted, size, say)
    memory = {name: accounting.memory(made.programs[name]) for name in ("server", "worker")}
    profiles = {} if given.no_profile else _profiled(made, app, wanted, given.profiled, say)
    _keep(given, found, memory)
    return "\n\n".join(
        [
            report.heading(given.seed, given.products, given.clients, given.rounds),
            report.table(found),
            "Memory (PSS): " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in memory.items()),
            *(report.profile_of(name, one) for name, one in profiles.items()),
        ]
    )


def _profiled(
    made: World, app: Flask, wanted: list[Case], visits: int, say: Any
) -> dict[str, profile.Profile]:
    """Where the time goes, of each case; PostgreSQL counts what runs inside its functions too."""
    with made.admin() as admin:
        admin.execute("ALTER SYSTEM SET track_functions = 'all'")
        admin.execute("ALTER SYSTEM SET pg_stat_statements.track_planning = on")
        admin.execute("SELECT pg_reload_conf()")
    found = {}
    for case in wanted:
        most = min(visits, case.operation.most or visits)
        found[case.name] = profile.taken(made, app, case, most)
        say(f"profile of {case.name}")
    return found


def _keep(
    given: argparse.Namespace, found: list[report.Measured], memory: dict[str, float]
) -> None:
    """Everything that was counted, for who wants to count again."""
    given.output.mkdir(parents=True, exist_ok=True)
    path = given.output / f"benchmark-{time.strftime('%Y%m%d-%H%M%S')}.json"
    whole = {
        "heading": report.heading(given.seed, given.products, given.clients, given.rounds),
        "memory_mb": memory,
        "cases": [asdict(one) for one in found],
    }
    path.write_text(json.dumps(whole, indent=1))
    sys.stderr.write(f"All figures: {path}\n")


def _asked(case: Case, only: list[str]) -> bool:
    return not only or any(word in case.name for word in only)


def _read(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What the hot roads cost."
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="that count; one more comes first, to warm up")
    add("--seconds", type=float, default=5.0, help="of a round of an operation that reads")
    add("--buyers", type=int, default=160, help="who place an order in a round")
    add("--clients", type=int, default=8, help="at once")
    add("--products", type=int, default=2_000, help="on sale, 100 to 20,000")
    add("--only", action="append", default=[], metavar="WORDS", help="cases with these words")
    add("--profiled", type=int, default=150, help="visits of each case in its profile")
    add("--no-profile", action="store_true", help="the table only")
    add("--seed", type=int, default=SEED, help="chooses the products that are looked at")
    add("--output", type=Path, default=OUTPUT, help="where all figures go as JSON")
    add("--smoke", action="store_true", help="as little as possible of everything")
    given = parser.parse_args(arguments)
    if given.smoke:
        given.rounds, given.seconds, given.buyers, given.clients = 1, 0.2, 4, 2
        given.products, given.profiled = 100, 2
    return given
