"""Every numbered place in sign, place, pay, settle and ship: who dies there loses nothing.

The roads of many clients are walked abreast, act by act. In an act the process that serves client n
kills itself at place n; then everybody comes back: clients with the same key, the provider with the
same events, the worker with its turns.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import pytest

from tests.invariants import broken, unfinished
from tests.kills import history, judging
from tests.kills.history import ADDRESS, Asked, Json
from tests.kills.world import Case, World
from tests.regime import SEED, SOAK, counted

# Between two statements lies one state; the soak also dies on the other side of it.
SIDES = {"both_sides": SOAK}
# What can differ afterwards is what was committed and what the provider did: the gate dies behind
# each of these and at some of the other places, as SEED says; the soak dies at every place.
TELLING = ("after COMMIT", "before provider", "after provider")
OTHERS = 4  # of the other places of an act, in the gate
MOST = 14  # places of an act, in the gate
SLACK = 3  # a road may be some statements longer than the first one was

Act = Callable[..., Json]


def asked(world: World, case: Case, act: str) -> Asked:
    """The act as this client asks for it, always under one key."""
    if act not in case.acts:
        key = world.key(act)
        match act:
            case "sign":
                case.acts[act] = history.signing(world.physician, key, case.request, world.terms())
            case "place":
                case.acts[act] = history.placing(case.client, key, ADDRESS)
            case "begin":
                case.acts[act] = history.beginning(case.client, key, case.order)
            case "ship":
                world.packed(case.order)
                case.acts[act] = history.shipping(world.packer, key, case.order)
    return case.acts[act]


def the_event(world: World, case: Case) -> Json:
    """What the provider tells of the money."""
    told = world.events_about(case.order)
    return next(one for one in told if one["type"] == "payment_intent.succeeded")


def does(world: World, act: str) -> Callable[..., Json]:
    """How a client's act is done once: (case, kill_at=…) → what became of the process."""

    def once(case: Case, **how: Any) -> Json:
        if act == "webhook":
            return world.deliver(the_event(world, case), **how)
        if act == "work":
            return world.work(**how)
        return world.ask(asked(world, case, act), **how)

    return once


def deadly(passed: Sequence[str]) -> list[int]:
    """The places of an act to die at."""
    if SOAK:
        return list(range(1, len(passed) + 1 + SLACK))
    drawn = random.Random(SEED)
    telling = [n for n, place in enumerate(passed, 1) if place.startswith(TELLING)]
    others = [n for n in range(1, len(passed) + 1) if n not in telling]
    chosen = telling + drawn.sample(others, min(OTHERS, len(others)))
    return sorted(drawn.sample(chosen, min(MOST, len(chosen))))


def dies(act: Act, case: Case, number: int) -> bool:
    """Whether the process died there; one that was turned away before is sent again."""
    while True:
        report = act(case, **SIDES, kill_at=number)
        if report.get("answer", {}).get("status") not in history.PASSING:
            return bool(report["signal"] == signal.SIGKILL)


def killed_everywhere(act: Act, cases: Sequence[Case], passed: Sequence[str]) -> int:
    """The process of each client dies at another place; of who is left, none. Tells how many died."""
    kills = 0
    for case, number in zip_longest(cases, deadly(passed)):
        if number is None:
            act(case)
            continue
        died = dies(act, case, number)
        assert died or number > len(passed) - SLACK, number
        kills += died
    return kills


@pytest.fixture(scope="module")
def places(world: World) -> dict[str, list[str]]:
    """The places of each act, told by an honest run after one that warms the victim."""
    counts = {}
    for how in ({"warm": True}, SIDES):
        [case] = world.cases(1)
        world.sign_in_afresh()
        for act in ("sign", "place", "begin", "webhook", "work", "ship"):
            if act == "webhook":
                world.pay(case)
            if act in ("begin", "ship"):
                world.work()  # letters of what went before
            report = does(world, act)(case, **how)
            counts[act] = report.get("passed", [])
    return counts


def test_who_dies_at_any_place_loses_nothing(world: World, places: dict[str, list[str]]) -> None:
    """I1 to I22: after every kill and what follows, all is whole, told and at its end; L4, F1, F2."""
    cases = world.cases(max(len(deadly(passed)) for passed in places.values()))
    world.work()
    kills = {}
    for act in ("sign", "place", "begin", "webhook", "ship"):
        if act == "sign":
            world.sign_in_afresh()
        if act == "webhook":
            for case in cases:
                world.pay(case)
            kills["webhook"], kills["work"] = killed_while_settling(world, cases, places)
        else:
            kills[act] = killed_everywhere(does(world, act), cases, places[act])
        with world.shop() as shop:
            assert broken(shop) == []  # at once: a violation needs no recovery to be one
        everybody_comes_back(world, cases, act)
    judged(world, [case.request for case in cases])
    for act, died in kills.items():
        counted("kills: every place", kills=died, places=len(places[act]), lost=0, violations=0)


def killed_while_settling(
    world: World, cases: Sequence[Case], places: dict[str, list[str]]
) -> tuple[int, int]:
    """The webhook's process dies for client n, then the worker that follows it up, each at n."""
    heard = worked = 0
    hear, work = does(world, "webhook"), does(world, "work")
    roads = zip_longest(cases, deadly(places["webhook"]), deadly(places["work"]))
    for case, hearing, working in roads:
        if hearing is not None:
            heard += dies(hear, case, hearing)
        assert hear(case)["answer"]["status"] == 200  # the provider comes again
        if working is not None:
            worked += dies(work, case, working)
    return heard, worked


def everybody_comes_back(world: World, cases: Sequence[Case], act: str) -> None:
    """Clients with the same keys, the provider with what else it has to tell, the worker."""
    if act == "begin":
        world.minutes_pass()
    if act == "webhook":
        for case in cases[::10]:
            for event in world.events_about(case.order):
                assert world.deliver(event)["answer"]["status"] == 200
        world.minutes_pass()
    else:
        for case in cases:
            world.insist(asked(world, case, act))
    if act in ("sign", "place", "ship"):
        world.work()


def judged(world: World, requests: Sequence[str]) -> None:
    """Everything a judge can say, when all had its time."""
    for minutes in (2, 20, 180):
        world.minutes_pass(minutes)
    with world.shop() as shop, world.bank() as bank:
        assert broken(shop) == []
        assert unfinished(shop) == []
        assert judging.not_ended(shop) == []
        assert judging.open_acts(world.history) == []
        assert judging.lost(shop, world.history) == []
        assert judging.told_differently(world.history) == []
        assert judging.unasked(shop, world.history) == []
        assert judging.at_the_provider(shop, bank) == []
        signed = shop.execute(
            "SELECT count(*) FROM prescriptions p JOIN approval_requests r ON r.id = p.request_id"
            " WHERE r.number = ANY(%s)",
            [list(requests)],
        ).fetchone()
        assert signed == (len(requests),)
    agreed = world.app.test_cli_runner().invoke(args=["reconcile"])
    assert agreed.exit_code == 0, agreed.output
