"""I20: every answer the provider can give, to every call the shop makes.

Each cell is one call and what comes back of its first sending. All of them walk abreast; then time
passes, a minute at a turn, for the shop and the provider. Each call ends within 15 minutes, the
provider did each thing at most once, and how each ended is pinned. The same harness sees a shop
that takes a fresh key for a second try, and one that sends an old key again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from shop import create_app
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import queries as orders
from shop.payments import calls, evidencing, following, operations, planning, queries, removing
from shop.payments import settling as paying_pages
from shop.payments.gateway import Gateway, SetupPage
from shop.payments.models import Payment, ProviderCall
from shop.payments.planning import Lease, Operation
from shop.payments.proposing import Wanted
from shop.payments.sandbox import cards
from shop.payments.sandbox.calls import FAULTS
from shop.payments.sandbox.in_process import Visitor
from shop.payments.saving import STATEMENT_VERSION
from shop.payments.saving import begin as begin_saving
from shop.payments.states import CallStatus
from tests.conftest import Database, config_for
from tests.payments.conftest import SECRET_KEY, Control
from tests.payments.money_back import propose
from tests.payments.orders_to_pay import OutsideTransactions, an_order, begun, opened
from tests.payments.refill_orders import planned
from tests.payments.saved_cards import a_card_at_the_bank
from tests.people import alice, sam
from tests.regime import SEED, SOAK, counted

WITHIN = 15  # simulated minutes
IN_THE_GATE = 45  # cells, as SEED draws them
STARTED = datetime.now(UTC) - timedelta(hours=1)
DAY = timedelta(hours=24)
LATE = 10 * 60  # seconds after which a page would be open for too short a time


@dataclass
class World:
    """The shop on a database of its own, and the bank; their clocks go together."""

    database: Database
    gateway: OutsideTransactions
    visitor: Visitor
    control: Control
    browser: FlaskClient

    def travel(self, on: timedelta) -> None:
        db.session.commit()
        self.control.post("clock", advance=int(on.total_seconds()))
        with self.database.as_role("aftercare_owner") as connection:
            connection.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [on])

    def by_hand(self, path: str, *, key: str = "", **form: Any) -> None:
        """Somebody does something at the bank past the shop."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        if key:
            headers["Idempotency-Key"] = key
        answer = self.browser.post(path, data=form, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)

    def told(self, kind: str, object_id: str) -> int:
        """How often the bank's events say that this happened to that."""
        return len(
            [
                one
                for one in self.control.events()
                if (one["type"], one["object_id"]) == (kind, object_id)
            ]
        )


@pytest.fixture
def world(
    live: Database,
    gateway: Gateway,
    visitor: Visitor,
    control: Control,
    browser: FlaskClient,
) -> Iterator[World]:
    app = create_app(config_for(live), gateway=gateway)
    with app.app_context():
        act_as("system:test")
        # What another test left is not walked along.
        db.session.execute(sa.text("UPDATE provider_calls SET lease_until = 'infinity'"))
        db.session.commit()
        yield World(live, OutsideTransactions(gateway), visitor, control, browser)
        db.session.remove()
        db.engine.dispose()
    with live.as_role("aftercare_owner") as connection:
        connection.execute("UPDATE shop_clock SET time_offset = '0'")


@dataclass
class Cell:
    """A call that waits to be sent for the first time, and what the provider then has of it."""

    operation: Operation
    answer: str
    call_id: UUID
    effects: Callable[[], int]
    minutes: int | None = None  # after how many it had ended

    @property
    def name(self) -> str:
        return f"{self.operation}: {self.answer}"

    @property
    def call(self) -> ProviderCall:
        return db.session.get_one(ProviderCall, self.call_id, populate_existing=True)


# One scene for each call: what it is about, and how often it was done there.
Scene = tuple[UUID, Callable[[], int]]


def open_session(world: World) -> Scene:
    order = an_order()
    payment = begun(order)
    number = order.number

    def pages() -> int:
        found = world.gateway.bank.sessions_since(STARTED)
        return len([one for one in found if one.order_ref == number])

    return call_about(payment.id, Operation.OPEN_SESSION), pages


def expire_session(world: World) -> Scene:
    payment = opened(an_order(), world.gateway)
    page = payment.provider_session_id or ""
    paying_pages.close_page(payment)
    db.session.commit()
    call = call_about(payment.id, Operation.EXPIRE_SESSION)
    return call, lambda: world.told("checkout.session.expired", page)


def refund(world: World) -> Scene:
    """One of two of the same amount, so that one could be taken for the other."""
    payment = a_paid(world)
    intent_id = payment.provider_intent_id or ""
    other, mine = (propose(payment.order, Wanted(other_cents=100)) for _ in range(2))
    calls.send(call_about(other.id, Operation.REFUND), world.gateway)  # type: ignore[arg-type]
    db.session.commit()

    def sent_back() -> int:
        return len(world.gateway.bank.refunds_of(intent_id)) - 1

    return call_about(mine.id, Operation.REFUND), sent_back


def a_paid(world: World, card_number: str = cards.PAYS) -> Payment:
    payment = opened(an_order(), world.gateway)
    world.visitor.pay(payment.url or "", number=card_number)
    following.payment(payment.id, world.gateway)  # type: ignore[arg-type]
    return queries.payment(payment.id)


def charge_card(world: World) -> Scene:
    return charge_of(world, cards.PAYS)


def charge_of(world: World, card_number: str) -> Scene:
    client = alice()
    order = an_order(client)
    card = a_card_at_the_bank(client, world.gateway, world.visitor, number=card_number)  # type: ignore[arg-type]
    payment, number = planned(order, card), order.number

    def charges() -> int:
        found = world.gateway.bank.intents_since(STARTED)
        return len([one for one in found if one.order_ref == number])

    return call_about(payment.id, Operation.CHARGE_CARD), charges


def open_setup(world: World) -> Scene:
    setup = begin_saving(alice(), consent=STATEMENT_VERSION, at=now(), base_url="http://localhost")
    db.session.commit()
    name = str(setup.id)

    def pages() -> int:
        found = world.gateway.bank.setups_since(STARTED)
        return len([one for one in found if isinstance(one, SetupPage) and one.setup_ref == name])

    return call_about(setup.id, Operation.OPEN_SETUP), pages


def detach_card(world: World) -> Scene:
    client = alice()
    card = a_card_at_the_bank(client, world.gateway, world.visitor)  # type: ignore[arg-type]
    method = card.provider_method_id
    removing.remove(card, by=client, at=now())
    db.session.commit()
    call = call_about(card.id, Operation.DETACH_CARD)
    return call, lambda: world.told("payment_method.detached", method)


def submit_evidence(world: World) -> Scene:
    payment = a_paid(world, cards.DISPUTED)
    told = next(
        one
        for one in world.gateway.bank.disputes_since(STARTED)
        if one.intent_id == payment.provider_intent_id
    )
    db.session.commit()
    following.dispute(told.id, world.gateway)  # type: ignore[arg-type]
    dispute = queries.dispute_named(told.id)
    assert dispute is not None
    order = orders.locked_order(payment.order_id)
    pack = evidencing.pack_of(order, [])
    evidencing.submit(dispute, pack, zone="UTC", by=sam(), at=now())
    db.session.commit()
    call = call_about(dispute.id, Operation.SUBMIT_EVIDENCE)
    return call, lambda: world.told("charge.dispute.updated", told.id)


def call_about(reference_id: UUID, operation: Operation) -> UUID:
    found = db.session.execute(
        sa.select(ProviderCall.id).where(
            ProviderCall.reference_id == reference_id, ProviderCall.operation == operation
        )
    ).scalar_one()
    db.session.commit()
    return found


SCENES: dict[Operation, Callable[[World], Scene]] = {
    Operation.OPEN_SESSION: open_session,
    Operation.EXPIRE_SESSION: expire_session,
    Operation.REFUND: refund,
    Operation.CHARGE_CARD: charge_card,
    Operation.OPEN_SETUP: open_setup,
    Operation.DETACH_CARD: detach_card,
    Operation.SUBMIT_EVIDENCE: submit_evidence,
}
# Where the provider is asked; the fault waits for just that.
PATHS = {
    Operation.OPEN_SESSION: "/v1/checkout/sessions",
    Operation.EXPIRE_SESSION: "/v1/checkout/sessions/",
    Operation.REFUND: "/v1/refunds",
    Operation.CHARGE_CARD: "/v1/payment_intents",
    Operation.OPEN_SETUP: "/v1/checkout/sessions",
    Operation.DETACH_CARD: "/v1/payment_methods/",
    Operation.SUBMIT_EVIDENCE: "/v1/disputes/",
}
OTHER_WORDS = "400 other parameters"  # the key is known to the provider for something else
MOVED = "400 moved by somebody else"
DECLINED = "402"
ANSWERS = ("200", *FAULTS, OTHER_WORDS, MOVED)


def moved_by_hand(world: World, cell: Cell) -> None:
    """At the bank somebody else was first, or the time for it is over."""
    terms = cell.call.parameters
    db.session.commit()
    if cell.operation in {Operation.OPEN_SESSION, Operation.OPEN_SETUP}:
        return  # late: see `first_sent`
    if cell.operation is Operation.EXPIRE_SESSION:
        page = world.gateway.bank.session(terms["session_id"])
        assert world.visitor.pay(page.url or "").status == 303
    elif cell.operation is Operation.SUBMIT_EVIDENCE:
        world.control.post(f"disputes/{terms['dispute_id']}", status="lost")
    elif cell.operation is Operation.REFUND:
        world.by_hand("/v1/refunds", payment_intent=terms["intent_id"])
    else:
        world.by_hand(f"/v1/payment_methods/{terms['method_id']}/detach")


def first_sent(world: World, cell: Cell) -> None:
    """The call is sent, and this is what comes of it."""
    late = cell.answer == MOVED and cell.operation in {
        Operation.OPEN_SESSION,
        Operation.OPEN_SETUP,
    }
    if cell.answer in FAULTS:
        path = PATHS[cell.operation]
        world.control.post("faults", mode=cell.answer, method="POST", path=path)
    elif cell.answer == OTHER_WORDS:
        key = cell.call.idempotency_key
        db.session.commit()
        world.by_hand("/v1/customers", key=key)
    elif cell.answer == MOVED:
        moved_by_hand(world, cell)
    if late:
        world.control.post("clock", advance=LATE)
    calls.send(cell.call_id, world.gateway)  # type: ignore[arg-type]
    if late:
        world.control.post("clock", advance=-LATE)
    assert world.browser.get("/_sandbox/state").get_json()["faults"] == []


def cells(world: World, wanted: list[tuple[Operation, str]]) -> list[Cell]:
    made = []
    for operation, answer in wanted:
        scene = SCENES[operation]
        if answer == DECLINED:
            call_id, effects = charge_of(world, cards.DECLINES_LATER)
        else:
            call_id, effects = scene(world)
        made.append(Cell(operation, answer, call_id, effects))
    return made


def walked(world: World, all_cells: list[Cell]) -> None:
    """First sent, each with its answer; then minute after minute, until every call has ended."""
    for cell in all_cells:
        first_sent(world, cell)
    minutes_pass(world, all_cells)


def minutes_pass(world: World, all_cells: list[Cell]) -> None:
    for minute in range(WITHIN + 1):
        for cell in all_cells:
            if cell.minutes is None and cell.call.status not in planning.PENDING:
                cell.minutes = minute
        world.travel(timedelta(minutes=1))
        calls.send_due(world.gateway)  # type: ignore[arg-type]


def doubled(world: World, all_cells: list[Cell]) -> list[str]:
    """What the provider did more than once for one call."""
    db.session.commit()
    return [f"{cell.name}: {many}" for cell in all_cells if (many := cell.effects()) > 1]


# How a call ends, and how often it was done: after any answer that passes, once.
ONCE = (CallStatus.DONE, 1)
NEVER = (CallStatus.HUMAN, 0)
ENDS: dict[tuple[Operation | None, str], tuple[CallStatus, int]] = {
    (None, "500_before"): NEVER,  # the error stays under the key; no new key by machine
    (Operation.EXPIRE_SESSION, "500_before"): (CallStatus.REJECTED, 0),  # it closes by itself
    (None, OTHER_WORDS): NEVER,  # a bug of ours: a person looks
    (Operation.OPEN_SESSION, MOVED): (CallStatus.REJECTED, 0),
    (Operation.OPEN_SETUP, MOVED): (CallStatus.REJECTED, 0),
    (Operation.EXPIRE_SESSION, MOVED): (CallStatus.DONE, 0),  # it stands as it stands: paid
    (Operation.REFUND, MOVED): (CallStatus.REJECTED, 1),  # the one by hand
    (Operation.CHARGE_CARD, MOVED): (CallStatus.REJECTED, 0),
    (Operation.SUBMIT_EVIDENCE, MOVED): (CallStatus.REJECTED, 0),  # it was lost meanwhile
    (Operation.DETACH_CARD, MOVED): (CallStatus.REJECTED, 1),  # the one by hand
    (Operation.CHARGE_CARD, DECLINED): (CallStatus.REJECTED, 1),  # an intent, and no money
}


def expected(cell: Cell) -> tuple[CallStatus, int]:
    alike = ENDS.get((None, cell.answer), ONCE)
    return ENDS.get((cell.operation, cell.answer), alike)


def table() -> list[tuple[Operation, str]]:
    """Every call with every answer, or in the gate as many as SEED draws."""
    every = [(operation, answer) for operation in SCENES for answer in ANSWERS]
    every.append((Operation.CHARGE_CARD, DECLINED))
    return every if SOAK else Random(SEED).sample(every, IN_THE_GATE)


def test_every_call_is_in_the_table() -> None:
    assert set(SCENES) == set(PATHS) == set(Operation)


def test_whatever_is_answered_it_ends_soon_and_was_done_once(world: World) -> None:
    began = time.monotonic()
    all_cells = cells(world, table())

    walked(world, all_cells)

    assert doubled(world, all_cells) == []
    assert [cell.name for cell in all_cells if cell.minutes is None] == []
    ended = {cell.name: (CallStatus(cell.call.status), cell.effects()) for cell in all_cells}
    assert ended == {cell.name: expected(cell) for cell in all_cells}
    counted(
        "answers of calls",
        cells=len(all_cells),
        double_effects=0,
        longest_minutes=max(cell.minutes or 0 for cell in all_cells),
        seconds=round(time.monotonic() - began),
    )


# The answer was lost, and nobody asked again for a day: the provider has forgotten the key.

LOST = [(operation, "dropped_after") for operation in SCENES]


def a_day_later(world: World) -> list[Cell]:
    all_cells = cells(world, LOST)
    for cell in all_cells:
        first_sent(world, cell)
    world.travel(DAY + timedelta(minutes=1))
    minutes_pass(world, all_cells)
    return all_cells


def test_a_key_of_yesterday_is_not_sent_and_what_it_did_is_found(world: World) -> None:
    all_cells = a_day_later(world)

    assert doubled(world, all_cells) == []
    ended = {cell.operation: CallStatus(cell.call.status) for cell in all_cells}
    assert ended == dict.fromkeys(SCENES, CallStatus.DONE)


def test_an_old_key_that_is_sent_again_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a key is good for ever. What has no end of its own is then done twice."""
    monkeypatch.setattr(planning, "KEY_LIFE", 365 * DAY)

    seen = doubled(world, a_day_later(world))

    assert seen == ["refund: dropped_after: 2", "charge_card: dropped_after: 2"]
    counted("answers of calls: planted bugs", planted=1, seen=1)


TWICE = (Operation.OPEN_SESSION, Operation.REFUND, Operation.CHARGE_CARD, Operation.OPEN_SETUP)


def test_a_fresh_key_for_a_second_try_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: each try is a call of its own to the provider."""
    perform = operations.perform

    def afresh(lease: Lease, gateway: Gateway) -> Any:
        return perform(replace(lease, key=f"{lease.key}:{lease.fence}"), gateway)

    monkeypatch.setattr(operations, "perform", afresh)
    answers = ("dropped_after", "timeout_after", "502_after", "500_after")
    all_cells = cells(world, [(operation, answer) for operation in TWICE for answer in answers])
    walked(world, all_cells)

    assert len(doubled(world, all_cells)) == len(all_cells)
    counted("answers of calls: planted bugs", planted=1, seen=1)
