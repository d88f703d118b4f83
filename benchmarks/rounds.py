"""Rounds of every case, of its floors beside it, in an order that turns from round to round."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from benchmarks import accounting, floors
from benchmarks.cases import Case
from benchmarks.load import Generator
from benchmarks.operations import Bare
from benchmarks.report import Measured, Round
from benchmarks.world import World
from shop.core.cluster import APP, WORKER


@dataclass(frozen=True)
class Size:
    """How much is measured. `warm_up` rounds come first and do not count."""

    rounds: int
    seconds: float
    clients: int
    warm_up: int = 1


def run(
    world: World, app: Flask, wanted: list[Case], size: Size, say: Callable[[str], None]
) -> list[Measured]:
    """Measure every case and its floors."""
    found = {case.name: Measured(case.name) for case in wanted}
    answers = {case.name: _answers(world, app, case) for case in wanted}
    generator = Generator()
    try:
        for number in range(-size.warm_up, size.rounds):
            turned = wanted[number % len(wanted) :] + wanted[: number % len(wanted)]
            for case in turned:
                measured = found[case.name]
                turn = _of_shop(world, generator, case, size)
                floor = _of_pgbench(world, case, size)
                bare = _of_bare(world, generator, answers[case.name], size)
                say(f"round {number + 1}, {case.name}: {turn.count} in {turn.seconds:.1f} s")
                if number >= 0:
                    measured.shop.append(turn)
                    measured.pgbench += [floor] if floor else []
                    measured.bare.append(bare)
    finally:
        generator.close()
    return list(found.values())


def _answers(world: World, app: Flask, case: Case) -> tuple[str, ...]:
    """The bytes of the answers of one visit, kept for the bare view."""
    case.before()
    name = case.name.replace(" ", "-").replace(",", "")
    names = floors.bare(app, case.operation, name, world.home / "bare")
    case.after()
    return names


def _of_shop(world: World, generator: Generator, case: Case, size: Size) -> Round:
    case.before()
    with world.admin() as admin:
        accounting.forget(admin)
    before, began = accounting.cpu(world.programs), time.perf_counter()
    ran = generator.run(case.operation, port=world.port, clients=size.clients, seconds=size.seconds)
    case.after()
    seconds = time.perf_counter() - began
    used = accounting.cpu(world.programs).since(before)
    with world.admin() as admin:
        sent = accounting.statements(admin)
    statements = {role: accounting.sent(sent, role)[0] / ran.count for role in (APP, WORKER)}
    return Round(ran.count, seconds, ran.latencies, used, ran.cpu, statements)


def _of_pgbench(world: World, case: Case, size: Size) -> Round | None:
    if case.floor is None:
        return None
    script = case.floor()
    before = accounting.cpu(world.programs)
    repeated = floors.repeat(script, world.url(APP), clients=size.clients, seconds=size.seconds / 2)
    used = accounting.cpu(world.programs).since(before)
    return Round(repeated.count, repeated.seconds, [], used, 0.0)


def _of_bare(world: World, generator: Generator, names: tuple[str, ...], size: Size) -> Round:
    before = accounting.cpu(world.programs)
    ran = generator.run(
        Bare(names), port=world.bare_port, clients=size.clients, seconds=size.seconds / 4
    )
    used = accounting.cpu(world.programs).since(before)
    return Round(ran.count, ran.seconds, ran.latencies, used, ran.cpu)
