"""The judges of this package see what they are there to see: bugs planted in a victim, rows bent."""

from __future__ import annotations

from tests.invariants import broken, unfinished
from tests.kills import judging
from tests.kills.history import Asked, Json
from tests.kills.test_points import asked
from tests.kills.world import Case, World
from tests.regime import counted


def a_case(world: World) -> Case:
    """A client with a prescription."""
    [case] = world.cases(1)
    world.sign_in_afresh()
    world.insist(asked(world, case, "sign"))
    return case


def a_placed_case(world: World) -> Case:
    case = a_case(world)
    world.insist(asked(world, case, "place"))
    return case


def place_of(world: World, act: Asked, words: str, bug: str, *, which: int = -1) -> int:
    """The number of a place of these words in an act, of the last one; the act is done."""
    passed: list[str] = world.ask(act, sabotage=[bug])["passed"]
    return [number for number, place in enumerate(passed, 1) if place == words][which]


def killed(world: World, act: Asked, number: int, **how: object) -> Json:
    report = world.ask(act, kill_at=number, **how)
    assert report["signal"] == 9, report
    return report


def test_an_answer_before_the_commit_is_seen(world: World) -> None:
    bug = "answers_before_it_commits"
    number = place_of(world, asked(world, a_case(world), "place"), "before COMMIT", bug)
    honest, planted = (asked(world, a_case(world), "place") for _ in range(2))

    killed(world, honest, number)
    killed(world, planted, number, sabotage=[bug])

    with world.shop() as shop:
        assert judging.lost(shop, [honest]) == []
        assert honest.acknowledged is None
        [loss] = judging.lost(shop, [planted])
    assert planted.key in loss
    counted("kills: planted bugs", planted=1, seen=1)


def test_an_answer_kept_apart_from_its_effect_is_seen(world: World) -> None:
    bug = "keeps_the_answer_apart"
    tried = asked(world, a_case(world), "place")
    number = place_of(world, tried, "after COMMIT", bug, which=-2)
    honest, planted = (asked(world, a_case(world), "place") for _ in range(2))

    killed(world, honest, number)
    killed(world, planted, number, sabotage=[bug])
    for act in (honest, planted):
        world.ask(act)

    with world.shop() as shop:
        assert honest.acknowledged is not None
        assert planted.refused is not None
        [made] = judging.unasked(shop, world.history)
    assert made.startswith("place ")
    counted("kills: planted bugs", planted=1, seen=1)


def test_a_fresh_key_at_each_try_is_seen(world: World) -> None:
    bug = "sends_a_fresh_key_each_time"
    first = asked(world, a_placed_case(world), "begin")
    number = place_of(world, first, "after provider open_session", bug)
    honest, planted = (a_placed_case(world) for _ in range(2))

    killed(world, asked(world, honest, "begin"), number)
    killed(world, asked(world, planted, "begin"), number, sabotage=[bug])
    world.minutes_pass()

    with world.shop() as shop, world.bank() as bank:
        found = judging.at_the_provider(shop, bank)
    assert found == [f"{planted.order}: 2 pages for 1 attempts"]
    counted("kills: planted bugs", planted=1, seen=1)


BENT = {
    "an order removed": "DELETE FROM orders WHERE number = %s",
    "a sum changed": (
        "UPDATE payments SET refunded_cents = refunded_cents + 1 WHERE order_id ="
        " (SELECT id FROM orders WHERE number = %s)"
    ),
    "an order left in between": "UPDATE orders SET status = 'awaiting_payment' WHERE number = %s",
}


def test_bent_rows_are_seen(world: World) -> None:
    case = a_placed_case(world)
    world.insist(asked(world, case, "begin"))
    world.pay(case)
    for event in world.events_about(case.order):
        world.deliver(event)
    world.work()
    told = asked(world, case, "place")
    seen = 0
    with world.shop() as shop, world.bank() as bank:
        for statement in BENT.values():
            with shop.transaction(force_rollback=True):
                shop.execute("SET LOCAL session_replication_role = replica")
                before = verdicts(shop, bank, told)
                assert shop.execute(statement, [case.order]).rowcount == 1
                seen += verdicts(shop, bank, told) != before
    assert seen == len(BENT)
    counted("kills: planted bugs", planted=len(BENT), seen=seen)


def verdicts(shop: judging.Rows, bank: judging.Rows, told: Asked) -> list[str]:
    return [
        *broken(shop),
        *unfinished(shop),
        *judging.lost(shop, [told]),
        *judging.at_the_provider(shop, bank),
    ]
