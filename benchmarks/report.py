"""The figures as a page for docs/performance.md, and whole as JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.accounting import Cpu
from benchmarks.profile import Profile

SERVING = ("server", "worker", "postgres")


@dataclass(frozen=True)
class Round:
    """One operation, once: how often, how long, and who used what meanwhile."""

    count: int
    seconds: float
    latencies: list[float]
    cpu: Cpu
    generator: float  # seconds of CPU
    statements: dict[str, float] = field(default_factory=dict)  # for one operation, by role

    def each(self, program: str) -> float:
        """Milliseconds of CPU of a program, for one operation."""
        return self.cpu.programs[program] / self.count * 1000

    @property
    def others(self) -> float:
        """How many CPUs the rest of the machine kept busy."""
        known = sum(self.cpu.programs.values()) + self.generator
        return max(0.0, self.cpu.machine - known) / self.seconds

    def latency(self, share: float) -> float:
        """Milliseconds within which that share of the visits ended."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


@dataclass
class Measured:
    """All rounds of an operation: of the shop, of pgbench and of the bare view."""

    name: str
    shop: list[Round] = field(default_factory=list)
    pgbench: list[Round] = field(default_factory=list)
    bare: list[Round] = field(default_factory=list)

    def cpu(self, program: str) -> float:
        return median(one.each(program) for one in self.shop)

    @property
    def whole(self) -> float:
        """Server, worker and PostgreSQL together, in ms of CPU an operation."""
        return median(sum(one.each(name) for name in SERVING) for one in self.shop)

    @property
    def floor_of_postgres(self) -> float | None:
        if not self.pgbench:
            return None
        return median(one.each("postgres") for one in self.pgbench)

    @property
    def floor_of_flask(self) -> float:
        return median(one.each("bare") for one in self.bare)


def heading(seed: int, products: int, clients: int, rounds: int) -> str:
    """Where, when and of what the figures are."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    ).stdout.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d} · commit {commit} · {_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()} · Python {platform.python_version()} · seed {seed} · "
        f"{products:,} products, {clients} clients, medians of {rounds} rounds"
    )


HEAD = (
    "Operation",
    "server + worker + PostgreSQL, ms of CPU",
    "together",
    "a second",
    "p50 / p95, ms",
    "statements",
    "floors: PostgreSQL + Flask",
    "times the floors",
    "other programs, CPUs",
)


def table(found: list[Measured]) -> str:
    """A row an operation: what one costs, and how that stands to both floors together."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(one) for one in found)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(one: Measured) -> tuple[str, ...]:
    database, flask = one.floor_of_postgres, one.floor_of_flask
    p50, p95 = (median(turn.latency(share) for turn in one.shop) for share in (0.5, 0.95))
    return (
        one.name,
        " + ".join(f"{one.cpu(name):.2f}" for name in SERVING),
        f"**{one.whole:.2f}**",
        f"{median(turn.count / turn.seconds for turn in one.shop):.1f}",
        f"{p50:.0f} / {p95:.0f}",
        " + ".join(
            f"{median(turn.statements[role] for turn in one.shop):.0f}"
            for role in one.shop[0].statements
        ),
        f"{'-' if database is None else f'{database:.2f}'} + {flask:.2f}",
        "-" if database is None else f"{one.whole / (database + flask):.1f}",
        f"{median(turn.others for turn in one.shop):.2f}",
    )


def profile_of(name: str, profile: Profile, *, functions: int = 15) -> str:
    """Shares of the CPU time of the application, in process."""
    whole = profile.samples or 1

    def listed(counted: Any, most: int) -> str:
        return "\n".join(
            f"| {100 * count / whole:.1f} % | {what} |" for what, count in counted.most_common(most)
        )

    return (
        f"### {name}: {profile.cpu / profile.visits * 1000:.1f} ms in process, "
        f"{profile.samples} samples\n\n"
        f"| Share | Layer |\n|---|---|\n{listed(profile.layers, 12)}\n\n"
        f"| Share | Own time of |\n|---|---|\n{listed(profile.own, functions)}\n\n"
        f"| Share | Within (ours) |\n|---|---|\n{listed(profile.within, 2 * functions)}\n\n"
        f"{_in_postgres(profile, functions)}"
    )


def _in_postgres(profile: Profile, most: int) -> str:
    """What a visit led to there, that of the worker included."""
    executed, planned = (
        sum(getattr(one, name) for one in profile.statements) / profile.visits
        for name in ("ms", "planning")
    )
    statements = "\n".join(
        f"| {one.ms / profile.visits:.3f} | {one.planning / profile.visits:.3f} "
        f"| {one.calls / profile.visits:.1f} "
        f"| {one.role.removeprefix('aftercare_')}: {' '.join(one.text.split())[:160]} |"
        for one in profile.statements[:most]
    )
    functions = "\n".join(
        f"| {one.own_ms / profile.visits:.3f} | {one.calls / profile.visits:.1f} | {one.name} |"
        for one in profile.functions[:most]
    )
    return (
        f"PostgreSQL: {executed:.2f} ms executing, {planned:.2f} ms planning.\n\n"
        f"| ms | planned, ms | Calls | Statement |\n|---|---|---|---|\n{statements}\n\n"
        f"| Own ms | Calls | Function in PostgreSQL |\n|---|---|---|\n{functions}\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
