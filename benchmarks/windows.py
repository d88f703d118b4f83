"""`python -m benchmarks.windows`: what the calendar of a plan takes, with 20 sessions, 15 steps.

Pure, so nothing is started: the shipped rules, every procedure they speak of in turn, two weeks
apart, and a client of whom everything speaks for more (type V, melasma, cold sores, isotretinoin
last year). 15 subjects are in her home care, and half of the sessions were told late. Then the
tenth session is moved by a week. Printed: milliseconds of CPU, median and 95th percentile, and the
median beside a fixed loop of Python.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from benchmarks.importing import fixed_loop
from shop.treatments.windows import Calendar, Facts, Session, calendar, changes
from shop.treatments.windows.rules import seed

ZONE = ZoneInfo("America/Los_Angeles")
FIRST = datetime(2026, 9, 1, 10, tzinfo=ZONE)  # the clocks change twice within the plan
ALLOWED = 30.0  # milliseconds of CPU: nothing is waited for


def main(arguments: list[str] | None = None) -> int:
    """0 when the 95th percentile of a calendar is within what is allowed."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.windows", description=__doc__)
    reader.add_argument("--sessions", type=int, default=20)
    reader.add_argument("--steps", type=int, default=15)
    reader.add_argument("--times", type=int, default=300)
    given = reader.parse_args(arguments)
    loop = _loop()
    print(f"a fixed loop before: {loop:.0f} ms of CPU")
    began = time.perf_counter()
    rules = seed()
    print(f"{len(rules)} rules, read in {1000 * (time.perf_counter() - began):.1f} ms")
    sessions, facts = plan(given.sessions), known(given.steps)
    moved = [replace(one, **_a_week_later(one)) if one.key == "9" else one for one in sessions]

    def reckoned(asked: list[Session]) -> Calendar:
        return calendar(asked, rules, facts=facts, zone=ZONE)

    before, after = reckoned(sessions), reckoned(moved)
    print(f"{len(sessions)} sessions, {len(before.intervals)} intervals", end=", ")
    print(f"{sum(one.at_risk for one in before.sessions)} sessions at risk", end=", ")
    print(f"{len(changes(before, after, at=FIRST))} changes")
    print("what | median, ms of CPU | p95 | fixed loops | allowed")
    p95 = _row("calendar", lambda: reckoned(sessions), given.times, loop, f"{ALLOWED:.0f}")
    _row("changes", lambda: changes(before, after, at=FIRST), given.times, loop, "-")
    print(f"a fixed loop after: {_loop():.0f} ms of CPU")
    return 0 if p95 <= ALLOWED else 1


def plan(sessions: int) -> list[Session]:
    """The same plan every time."""
    procedures = sorted({rule.procedure for rule in seed()})
    starts = [FIRST + timedelta(days=14 * place) for place in range(sessions)]
    return [
        Session(
            key=str(place),
            procedure=procedures[place % len(procedures)],
            starts=begins,
            ends=begins + timedelta(hours=1),
            told_at=begins - timedelta(days=3) if place % 2 else None,
        )
        for place, begins in enumerate(starts)
    ]


def known(steps: int) -> Facts:
    """Everything is known, and speaks for more."""
    subjects = sorted({rule.subject for rule in seed()})
    return Facts(
        fitzpatrick=5,
        isotretinoin_now=False,
        isotretinoin_last=(FIRST - timedelta(days=120)).date(),
        cold_sores=True,
        melasma=True,
        uses=frozenset(subjects[:steps]),
        last_used={subject: FIRST.date() for subject in subjects[:steps]},
    )


def _a_week_later(one: Session) -> dict[str, datetime]:
    week = timedelta(days=7)
    return {"starts": one.starts + week, "ends": one.ends + week}


def _row(what: str, act: Callable[[], object], times: int, loop: float, allowed: str) -> float:
    """Prints a line; answers the 95th percentile."""
    taken = sorted(_measured(act) for _ in range(times))
    median, p95 = statistics.median(taken), taken[int(len(taken) * 0.95)]
    print(f"{what} | {median:.2f} | {p95:.2f} | {median / loop:.3f} | {allowed}")
    return p95


def _loop() -> float:
    """Milliseconds of CPU of the fixed loop, which runs three times."""
    return _measured(fixed_loop) / 3


def _measured(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    sys.exit(main())
