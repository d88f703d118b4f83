"""Every call to the provider, every way it can fail: one effect there, and everything ends.

Many orders walk abreast. Each has one fault, at one call of its own; then time passes for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import requests

from shop.payments import planning, stripe_gateway
from shop.payments.sandbox.calls import FAULTS
from shop.payments.sandbox.cards import DECLINED
from shop.payments.stripe_gateway import StripeGateway
from tests.invariants import broken, unfinished
from tests.kills import history, judging
from tests.kills.history import ADDRESS, CARD, Asked
from tests.kills.line import Line, line_to
from tests.kills.world import World
from tests.payments.conftest import SECRET_KEY, WEBHOOK_SECRET
from tests.ports import a_free_port
from tests.regime import SEED, SOAK, counted

CALLS = {  # call → method and path at the provider
    "open": ("POST", "/v1/checkout/sessions"),
    "read session": ("GET", "/v1/checkout/sessions/"),
    "read intent": ("GET", "/v1/payment_intents/"),
    "expire": ("POST", "/v1/checkout/sessions/"),
    "refund": ("POST", "/v1/refunds"),
}
LINE = ("refused", "timeout before", "timeout after")
# The provider's own time-outs would wait as long as the shop does; the line has them shorter.
ANSWERS = tuple(fault for fault in FAULTS if not fault.startswith("timeout"))
PAGES = ("declined, then paid", "declined, then left", "left")
IN_THE_GATE = 16
IMPATIENT = 0.5  # seconds a test's gateway waits for an answer
TURNS = planning.TRIES + 2  # of the worker: until a call is looked at, two minutes each


@dataclass
class Road:
    """An order, the one thing that goes wrong on its way, and how it must end."""

    call: str
    fault: str
    client: str = ""
    acts: dict[str, Asked] = field(default_factory=dict)

    @property
    def number(self) -> str:
        number: str = (self.acts["place"].acknowledged or {})["number"]
        return number

    @property
    def page(self) -> str:
        url: str = (self.acts["begin"].acknowledged or {})["url"]
        return url

    @property
    def never_opened(self) -> bool:
        """The provider remembers its own error under the key: nobody may open the page by machine."""
        return (self.call, self.fault) == ("open", "500_before")

    @property
    def pays(self) -> bool:
        left = self.call == "expire" or self.fault in ("left", "declined, then left")
        return not left and not self.never_opened

    @property
    def ends(self) -> str:
        if self.call in ("expire", "refund"):
            return "cancelled"
        return "closed" if self.pays else "expired"


def roads() -> list[Road]:
    """Every call with every fault, but the refund whose error stays: it has a test of its own.

    The gate walks as many of them as SEED draws.
    """
    pairs = [(call, fault) for call in CALLS for fault in (*ANSWERS, *LINE)]
    pairs.remove(("refund", "500_before"))
    if not SOAK:
        pairs = Random(SEED).sample(pairs, IN_THE_GATE)
    return [Road(*pair) for pair in pairs] + [Road("page", fault) for fault in PAGES]


@pytest.fixture(scope="module")
def line(world: World) -> Iterator[Line]:
    with line_to(world.bank_url) as line:
        yield line


@contextmanager
def failing(world: World, line: Line, road: Road, call: str) -> Iterator[None]:
    """If this road's fault is at this call, it happens now."""
    if road.call != call:
        yield
        return
    method, path = CALLS[call]
    if road.fault in FAULTS:
        world.control("faults", mode=road.fault, method=method, path=path)
        yield
        return
    base = line.url
    if road.fault == "refused":
        base = f"http://127.0.0.1:{a_free_port()}"
    else:
        line.swallows = (method, path, road.fault == "timeout after")
    honest = world.app.extensions["gateway"]
    gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), api_base=base)
    for app in (world.app, world.worker):
        app.extensions["gateway"] = gateway
    before = line.swallowed
    yield
    assert line.swallowed - before == (0 if road.fault == "refused" else 1), road
    for app in (world.app, world.worker):
        app.extensions["gateway"] = honest


def test_whatever_the_provider_does_each_order_ends_once(
    world: World, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F3 to F6, I14 to I16, I19, I20."""
    monkeypatch.setattr(stripe_gateway, "READ_SECONDS", IMPATIENT)
    all_roads = roads()
    for road, client in zip(all_roads, world.clients(len(all_roads)), strict=True):
        road.client = client
        placed(world, road)
    for road in all_roads:
        begun(world, line, road)
    time_passes(world)
    for road in all_roads:
        if not road.never_opened:
            world.insist(road.acts["begin"])
            at_the_page(world, road)
    for road in all_roads:
        settled(world, line, road)
    time_passes(world)
    for road in all_roads:
        ended(world, line, road)
    time_passes(world)
    for _ in range(3):
        world.minutes_pass(60)
    all_ended(world, all_roads)
    counted("provider faults", roads=len(all_roads), violations=0)


def time_passes(world: World) -> None:
    """Longer than all the pauses between the tries of a call, in turns of the worker."""
    for _ in range(TURNS):
        world.minutes_pass()


def placed(world: World, road: Road) -> None:
    cart = Asked(
        "", road.client, "PUT", f"/api/v1/cart/lines/{world.otc_sku}", "cart", {"quantity": 1}
    )
    assert world.did(cart.command)["answer"]["status"] == 200
    road.acts["place"] = history.placing(road.client, world.key("place"), ADDRESS)
    world.insist(road.acts["place"])


def begun(world: World, line: Line, road: Road) -> None:
    road.acts["begin"] = history.beginning(road.client, world.key("begin"), road.number)
    with failing(world, line, road, "open"):
        world.ask(road.acts["begin"])
    assert bool(road.acts["begin"].acknowledged) == (road.call != "open"), road


def at_the_page(world: World, road: Road) -> None:
    if road.fault.startswith("declined"):
        assert typed(road.page, CARD | {"number": DECLINED}) == 402
    if road.pays:
        assert typed(road.page, CARD) == 303


def typed(page: str, card: dict[str, str]) -> int:
    answer = requests.post(page, data=card, allow_redirects=False, timeout=30, proxies={"http": ""})
    return answer.status_code


def settled(world: World, line: Line, road: Road) -> None:
    """The provider tells of it once; the worker reads it again, or tries to."""
    for event in world.events_about(road.number)[-1:]:
        assert world.deliver(event)["answer"]["status"] == 200
    with failing(world, line, road, "read session"), failing(world, line, road, "read intent"):
        world.work()


def ended(world: World, line: Line, road: Road) -> None:
    """Shipped, or cancelled: then the page closes or the money goes back."""
    if road.ends == "closed":
        world.packed(road.number)
        road.acts["ship"] = history.shipping(world.packer, world.key("ship"), road.number)
        world.insist(road.acts["ship"])
    if road.ends == "cancelled":
        road.acts["cancel"] = history.cancelling(road.client, world.key("cancel"), road.number)
        world.insist(road.acts["cancel"])
        with failing(world, line, road, road.call):
            world.work()


def all_ended(world: World, all_roads: list[Road]) -> None:
    with world.shop() as shop, world.bank() as bank:
        ends = dict(shop.execute("SELECT number, status FROM orders").fetchall())
        assert {road.number: (road.call, road.fault, ends[road.number]) for road in all_roads} == {
            road.number: (road.call, road.fault, road.ends) for road in all_roads
        }
        assert broken(shop) == []
        assert unfinished(shop) == []
        assert judging.at_the_provider(shop, bank) == []
        assert judging.lost(shop, world.history) == []
        to_a_person = shop.execute(
            "SELECT o.number FROM provider_calls c JOIN orders o ON o.id = c.order_id"
            " WHERE c.status = 'human'"
        ).fetchall()
        assert to_a_person == [(road.number,) for road in all_roads if road.never_opened]
        still_open = bank.execute(
            "SELECT body->'metadata'->>'order_ref' FROM stripe_sandbox.objects"
            " WHERE kind = 'checkout.session' AND body->>'status' = 'open'"
        ).fetchall()
        assert still_open == []


def test_a_refund_whose_error_stays_is_a_question_for_a_person(world: World, line: Line) -> None:
    """F4: never a new key by machine; the money is still here and the reconciler says so."""
    road = Road("refund", "500_before", client=world.clients(1)[0])
    placed(world, road)
    begun(world, line, road)
    at_the_page(world, road)
    settled(world, line, road)
    ended(world, line, road)
    time_passes(world)

    with world.shop() as shop, world.bank() as bank:
        stands = shop.execute(
            "SELECT c.status, c.tries, r.status FROM provider_calls c"
            " JOIN refunds r ON r.id = c.reference_id JOIN orders o ON o.id = c.order_id"
            " WHERE o.number = %s",
            [road.number],
        ).fetchall()
        assert stands == [("human", planning.TRIES, "planned")]
        assert judging.at_the_provider(shop, bank) == []
    agreed = world.app.test_cli_runner().invoke(args=["reconcile"])
    assert "call_needs_a_person" in agreed.output


ZOMBIES = ("before provider open_session", "after provider open_session")


@pytest.mark.parametrize("where", ZOMBIES)
def test_a_zombie_is_fenced(where: str, world: World) -> None:
    """F20: stopped past its lease and woken, it changes nothing and the provider did it once."""
    first, second = (Road("", "", client=client) for client in world.clients(2))
    for road in (first, second):
        placed(world, road)
        road.acts["begin"] = history.beginning(road.client, world.key("begin"), road.number)
    passed = world.ask(first.acts["begin"], kill_at=None)["passed"]
    slow = world.ask(second.acts["begin"], kill_at=passed.index(where) + 1, stop=True)
    assert "stopped" in slow
    world.travel(planning.LEASE + timedelta(seconds=1))
    world.minutes_pass()
    before = call_of(world, second.number)
    assert before[:2] == ("done", 2)

    woken = world.victim.do(do="resume", pid=slow["stopped"]) if world.victim else {}

    assert woken["signal"] == 0
    assert woken["answer"]["status"] == 200  # the page that the other one opened
    assert call_of(world, second.number) == before
    with world.shop() as shop, world.bank() as bank:
        assert judging.at_the_provider(shop, bank) == []
    assert "call_taken_over" in world.victim_said()
    counted("zombies", woken=1, fenced=1)


def call_of(world: World, number: str) -> tuple[Any, ...]:
    with world.shop() as shop:
        row = shop.execute(
            "SELECT c.status, c.fence, c.answer, p.url, p.state_seq FROM provider_calls c"
            " JOIN orders o ON o.id = c.order_id JOIN payments p ON p.id = c.reference_id"
            " WHERE o.number = %s",
            [number],
        ).fetchone()
    assert row is not None
    return row
