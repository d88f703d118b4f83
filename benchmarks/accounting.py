"""Who used the CPU, the memory and the database: read from /proc and from PostgreSQL's counters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from shop.core.cluster import APP, WORKER

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass(frozen=True)
class Cpu:
    """Seconds of CPU: of each program's process tree, and of the whole machine."""

    programs: dict[str, float]
    machine: float

    def since(self, before: Cpu) -> Cpu:
        return Cpu(
            {name: used - before.programs[name] for name, used in self.programs.items()},
            self.machine - before.machine,
        )


def cpu(programs: Mapping[str, int]) -> Cpu:
    """What was used until now. Children that ended count with who reaped them."""
    children = _children()
    return Cpu(
        {
            name: sum(_used(pid) for pid in tree(root, children)) / TICK
            for name, root in programs.items()
        },
        _busy() / TICK,
    )


def memory(root: int) -> float:
    """Proportional set size of a process tree, in MB."""
    kilobytes = 0
    for pid in tree(root, _children()):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def tree(root: int, children: Mapping[int, list[int]]) -> list[int]:
    """A process and all that descend from it."""
    return [root] + [pid for child in children.get(root, ()) for pid in tree(child, children)]


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            fields = _fields(path)
        except OSError:
            continue  # it ended just now
        found.setdefault(int(fields[1]), []).append(int(path.parent.name))
    return found


def _used(pid: int) -> int:
    """utime, stime and those of reaped children, in ticks (proc_pid_stat(5))."""
    try:
        return sum(int(field) for field in _fields(PROC / str(pid) / "stat")[11:15])
    except OSError:
        return 0


def _fields(path: Path) -> list[str]:
    """What follows the program's name, which may hold anything: state, ppid, …"""
    return path.read_text().rpartition(")")[2].split()


def _busy() -> int:
    user, nice, system, _idle, _wait, irq, softirq = (
        int(field) for field in (PROC / "stat").read_text().split(maxsplit=8)[1:8]
    )
    return user + nice + system + irq + softirq


@dataclass(frozen=True)
class Statement:
    """A statement as PostgreSQL counts it: `text` without its values, ms in all.

    `planning` is counted only under `pg_stat_statements.track_planning`.
    """

    role: str
    text: str
    calls: int
    ms: float
    planning: float


def forget(connection: psycopg.Connection[Any]) -> None:
    """Start counting statements and functions afresh."""
    connection.execute("SELECT pg_stat_statements_reset()")
    connection.execute("SELECT pg_stat_reset()")


def statements(connection: psycopg.Connection[Any]) -> list[Statement]:
    """What the shop sent since: statements of the server and the worker, dearest first."""
    rows = connection.execute(
        """
        SELECT userid::regrole::text, query, sum(calls)::bigint,
               sum(total_exec_time), sum(total_plan_time)
        FROM pg_stat_statements
        WHERE toplevel AND userid = ANY(%s::text[]::regrole[]::oid[])
          AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        GROUP BY userid, query ORDER BY 4 DESC
        """,
        [[APP, WORKER]],
    )
    return [Statement(*row) for row in rows]


def sent(found: list[Statement], role: str) -> tuple[int, int]:
    """How many statements a role ran, and how many of BEGIN, COMMIT and ROLLBACK besides.

    What deferred triggers run at the COMMIT counts as if it had been sent: PostgreSQL says so.
    """
    mine = [one for one in found if one.role == role]
    ends = sum(one.calls for one in mine if one.text.upper().startswith(TRANSACTION))
    return sum(one.calls for one in mine) - ends, ends


@dataclass(frozen=True)
class Function:
    """A function of ours (mostly triggers): own time in ms, without what it called."""

    name: str
    calls: int
    own_ms: float


def functions(connection: psycopg.Connection[Any]) -> list[Function]:
    """The functions that ran since, dearest first; needs `track_functions = all`."""
    rows = connection.execute(
        "SELECT funcname, calls, self_time FROM pg_stat_user_functions"
        " WHERE calls > 0 ORDER BY self_time DESC"
    )
    return [Function(*row) for row in rows]
