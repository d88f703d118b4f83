"""What many do to the shelf at once, with the controls that must fail."""

from __future__ import annotations

import functools
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.cluster import APP
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from shop.inventory import receiving, stock, verifying
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Lot, Reservation, ReservationPart
from shop.inventory.picking import pick
from shop.inventory.receiving import ReceiptLineIn
from tests.builders import a_variant
from tests.conftest import Database, config_for
from tests.inventory.lots import a_lot, today
from tests.people import sam

ROUNDS = 10
THREADS = 20
# On a busy machine a thread may wait long for its turn: no race is about how long.
PATIENCE = ("SET LOCAL lock_timeout = '60s'", "SET LOCAL statement_timeout = '60s'")

Act = Callable[[], Any]


def at_once(app: Flask, acts: Sequence[Act]) -> list[Any]:
    """What each act answered, or the refusal or database error it met; all start together."""
    answers: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(index: int) -> None:
        with app.app_context():
            act_as(f"system:thread-{index}")
            start.wait(timeout=60)
            for setting in PATIENCE:
                db.session.execute(sa.text(setting))
            try:
                answers[index] = acts[index]()
                db.session.commit()
            except (Refusal, sa.exc.DBAPIError) as error:
                db.session.rollback()
                answers[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def made(app: Flask, make: Callable[[], Any]) -> Any:
    """Something committed before the race."""
    with app.app_context():
        act_as("system:test")
        thing = make()
        db.session.commit()
        return thing


def heads(app: Flask, lot_id: uuid.UUID) -> tuple[int, int]:
    with app.app_context():
        lot = db.session.get_one(Lot, lot_id)
        return lot.on_hand, lot.reserved


def broken(app: Flask) -> list[verifying.Break]:
    with app.app_context():
        return list(verifying.verify())


def test_the_last_unit_is_promised_once(live_app: Flask) -> None:
    day = made(live_app, today)
    for _ in range(ROUNDS):
        lot = made(live_app, lambda: a_lot(a_variant(), 1))

        answers = at_once(live_app, [_promising([(lot.variant_id, 1)], day)] * THREADS)

        assert Counter(type(answer) for answer in answers) == {list: 1, NotEnoughStock: THREADS - 1}
        assert heads(live_app, lot.id) == (1, 1)
    assert broken(live_app) == []


# The controls: a verb that looks without locking, first stopped by the database alone, then not.
CARELESS = 10  # all hold a connection while they wait for each other


def careless(lot: Lot, looked: threading.Barrier) -> None:
    """Promise a unit as `stock.reserve` does, without the lock."""
    (found,) = db.session.scalars(sa.select(Lot).where(Lot.id == lot.id))
    (chosen,) = pick([found], 1, today=today())
    looked.wait(timeout=60)
    promise = Reservation(id=uuid.uuid4(), variant_id=lot.variant_id, units=1)
    promise.parts = [
        ReservationPart(
            id=uuid.uuid4(), lot_id=chosen.lot.id, variant_id=lot.variant_id, units=chosen.units
        )
    ]
    db.session.add(promise)
    db.session.flush()


def test_without_the_lock_the_database_still_promises_it_once(live_app: Flask) -> None:
    lot = made(live_app, lambda: a_lot(a_variant(), 1))
    looked = threading.Barrier(CARELESS)

    answers = at_once(live_app, [lambda: careless(lot, looked)] * CARELESS)

    assert Counter(_constraint(answer) for answer in answers) == {
        None: 1,
        "reserved_units_are_on_hand": CARELESS - 1,
    }
    assert heads(live_app, lot.id) == (1, 1)


def test_without_lock_and_check_it_is_oversold(scratch: Database, scratch_app: Flask) -> None:
    with scratch.as_role("aftercare_owner") as connection:
        connection.execute("ALTER TABLE lots DROP CONSTRAINT reserved_units_are_on_hand")
    lot = made(scratch_app, lambda: a_lot(a_variant(), 1))
    looked = threading.Barrier(CARELESS)

    at_once(scratch_app, [lambda: careless(lot, looked)] * CARELESS)

    assert heads(scratch_app, lot.id) == (1, CARELESS)
    assert [each.why for each in broken(scratch_app)] == [f"{CARELESS} promised, but only 1 there"]


def test_units_come_and_go_at_once(live_app: Flask) -> None:
    day = made(live_app, today)
    person = made(live_app, sam)
    for _ in range(ROUNDS):
        soap = made(live_app, a_variant)
        lot = made(live_app, functools.partial(a_lot, soap, 10))
        promises = made(live_app, _promising([(soap.id, 1)] * 10, day))
        came = [_receiving(person, soap.sku, lot, 5)] * 5
        left = [_shipping(promise) for promise in promises]

        answers = at_once(live_app, came + left)

        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        assert heads(live_app, lot.id) == (10 + 25 - 10, 0)
    assert broken(live_app) == []


def test_one_order_line_leaves_once(live_app: Flask) -> None:
    lot = made(live_app, lambda: a_lot(a_variant(), 5))
    (promise,) = made(live_app, lambda: stock.reserve([(lot.variant_id, 2)], today=today()))

    answers = at_once(live_app, [_shipping(promise)] * 10)

    assert {tuple((each.seq, each.delta) for each in answer) for answer in answers} == {((2, -2),)}
    assert heads(live_app, lot.id) == (3, 0)


def test_two_deliveries_of_a_new_lot_make_one(live_app: Flask) -> None:
    person, day = made(live_app, sam), made(live_app, today)
    skus = made(live_app, lambda: [a_variant().sku for _ in range(3)])

    def deliver(order: list[str]) -> Act:
        lines = [ReceiptLineIn(sku, "N1", day + timedelta(days=99), 2) for sku in order]
        return lambda: receiving.receive(lines, by=person, at=now(), today=day)

    answers = at_once(live_app, [deliver(skus), deliver(skus[::-1])] * 4)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert len({lot.id for answer in answers for lot in answer}) == 3
    assert {heads(live_app, lot.id) for lot in answers[0]} == {(16, 0)}
    assert broken(live_app) == []


def test_nobody_waits_in_a_circle(live_app: Flask) -> None:
    """Promising, shipping, giving back and receiving over the same lots, in every order."""
    person, day = made(live_app, sam), made(live_app, today)
    chance = random.Random(20260301)
    for _ in range(ROUNDS):
        variants = made(live_app, lambda: [a_variant() for _ in range(3)])
        lots = [
            made(live_app, functools.partial(a_lot, each, 30)) for each in variants for _ in "ab"
        ]
        to_ship = made(live_app, _promising([(each.id, 40) for each in variants], day))
        to_give_back = made(live_app, _promising([(each.id, 10) for each in variants], day))
        acts = [
            _promising([(each.id, 1) for each in chance.sample(variants, 3)], day)
            for _ in range(10)
        ]
        acts += [_shipping(each) for each in to_ship]
        acts += [_giving_back(chance.sample(to_give_back, 3)) for _ in range(4)]
        acts += [
            _receiving(person, variant.sku, lot, 1)
            for variant, lot in zip(variants, lots[::2], strict=True)
        ]

        answers = at_once(live_app, chance.sample(acts, len(acts)))

        assert [answer for answer in answers if isinstance(answer, sa.exc.DBAPIError)] == []
        assert sum(heads(live_app, lot.id)[0] for lot in lots) == 180 - 120 + 3
    assert broken(live_app) == []


def test_locking_lots_in_any_order_would_wait_in_a_circle(live: Database, live_app: Flask) -> None:
    """The control: without the order of ids, the database has to end one of two transactions."""
    one, two = made(live_app, lambda: [a_lot(a_variant(), 1), a_lot(a_variant(), 1)])
    first, answers = threading.Barrier(2), []

    def lock(order: list[uuid.UUID]) -> None:
        with live.as_role(APP) as connection:
            try:
                connection.execute("SELECT 1 FROM lots WHERE id = %s FOR UPDATE", [order[0]])
                first.wait(timeout=60)
                connection.execute("SELECT 1 FROM lots WHERE id = %s FOR UPDATE", [order[1]])
                answers.append("locked")
            except psycopg.errors.DeadlockDetected:
                answers.append("deadlock")
            connection.rollback()

    threads = [
        threading.Thread(target=lock, args=(order,))
        for order in ([one.id, two.id], [two.id, one.id])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["deadlock", "locked"]


@pytest.fixture
def scratch(clone: Any) -> Database:
    """A database to break."""
    return clone()


@pytest.fixture
def scratch_app(scratch: Database) -> Iterator[Flask]:
    app = create_app(config_for(scratch))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _promising(demand: list[tuple[uuid.UUID, int]], day: date) -> Act:
    return lambda: stock.reserve(demand, today=day)


def _giving_back(promises: list[Reservation]) -> Act:
    return lambda: stock.release(promises, at=now())


def _receiving(person: Person, sku: str, lot: Lot, units: int) -> Act:
    lines = [ReceiptLineIn(sku, lot.lot_number, lot.expires_on, units)]
    return lambda: receiving.receive(lines, by=person, at=now(), today=today())


def _shipping(promise: Reservation) -> Act:
    return lambda: stock.ship(promise, reference_id=promise.id, today=today())


def _constraint(answer: Any) -> str | None:
    if answer is None:
        return None
    assert isinstance(answer, sa.exc.IntegrityError), answer
    return answer.orig.diag.constraint_name
