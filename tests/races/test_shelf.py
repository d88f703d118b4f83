"""The last unit is sold once; what comes and goes at once adds up."""

from __future__ import annotations

import functools
import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import receiving, stock, using
from shop.inventory.models import Lot, Reservation
from shop.inventory.receiving import ReceiptLineIn
from shop.orders.models import Cart, CartLine
from shop.treatments.models import Performance, Session
from tests.at_once import Act
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import alice, sam
from tests.races.acts import place
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS
from tests.treatments.builders import a_booked_session, a_step, an_active_plan

OTHERS = RACE_THREADS - 1


def test_the_last_unit_is_promised_once(race: Race) -> None:
    """I9: what placing does to the shelf."""
    product = race.made(a_product)

    def one_round() -> None:
        lot = race.made(lambda: a_lot(a_variant(product), 1))
        met = race.met([reserve(lot)] * RACE_THREADS)
        assert met == {"reserved": 1, "not_enough_stock": OTHERS}
        assert heads(race, lot) == (1, 1)

    race.rounds("last unit", one_round)


def test_the_last_unit_is_sold_once(race: Race) -> None:
    """F17: the whole road, twenty clients place an order for it."""
    want = a_crowd(race)

    def one_round() -> None:
        lot, acts = want()
        assert race.met(acts) == {"placed": 1, "not_enough_stock": OTHERS}
        assert heads(race, lot) == (1, 1)
        assert race.count(sa.select(CartLine)) == OTHERS  # theirs are as they were

    race.rounds("last unit, by placing", one_round, rounds=FEW)


def test_without_the_lock_the_database_still_sells_it_once(race: Race) -> None:
    lot, acts = a_crowd(race)()

    met = race.carelessly(acts, before="INSERT INTO reservations")

    assert met == {"placed": 1, "reserved_units_are_on_the_shelf": OTHERS}
    assert heads(race, lot) == (1, 1)
    assert race.wrongs() == []


def test_without_lock_and_check_it_is_oversold(unguarded: Callable[..., Race]) -> None:
    race = unguarded("ALTER TABLE lots DROP CONSTRAINT reserved_units_are_on_the_shelf")
    lot, acts = a_crowd(race)()

    met = race.carelessly(acts, before="INSERT INTO reservations")

    assert met == {"placed": RACE_THREADS}
    assert heads(race, lot) == (1, RACE_THREADS)
    wrongs = race.wrongs()
    assert [wrong for wrong in wrongs if wrong.startswith("I9 heads of a lot")]
    assert [
        wrong for wrong in wrongs if wrong.endswith(f"{RACE_THREADS} promised, but only 1 there")
    ]


def a_crowd(race: Race) -> Callable[[], tuple[Lot, list[Act]]]:
    """Twenty clients who, at every call, all have the same last unit in their carts."""
    product = race.made(a_product)
    carts = race.made(lambda: [_a_cart_of(alice()) for _ in range(RACE_THREADS)])
    acts = [place(cart.client_id) for cart in carts]

    def want() -> tuple[Lot, list[Act]]:
        def make() -> Lot:
            variant = a_variant(product)
            db.session.execute(sa.delete(CartLine))
            wishes = [
                {"cart_id": cart.id, "variant_id": variant.id, "quantity": 1} for cart in carts
            ]
            db.session.execute(sa.insert(CartLine), wishes)
            return a_lot(variant, 1)

        return race.made(make), acts

    return want


def _a_cart_of(client: Person) -> Cart:
    cart = Cart(id=uuid.uuid4(), client_id=client.id)
    db.session.add(cart)
    db.session.flush()  # lines point at it
    return cart


def test_the_last_pack_is_opened_for_one_session(race: Race) -> None:
    """Of four that are performed at once; who does not get it has performed nothing."""
    lot, acts = openings(race, 4)

    assert race.met(acts) == {"used": 1, "not_enough_stock": 3}

    assert heads(race, lot) == (0, 0)
    assert race.count(sa.select(Performance)) == 1
    assert race.wrongs() == []


def test_without_the_lock_the_database_still_opens_it_once(race: Race) -> None:
    lot, acts = openings(race, 4)

    met = race.carelessly(acts, before="INSERT INTO movements")

    assert met == {"used": 1, "holding_is_never_negative": 3}
    assert heads(race, lot) == (0, 0)
    assert race.wrongs() == []


def openings(race: Race, many: int) -> tuple[Lot, list[Act]]:
    """A last pack, and so many sessions that are done with it."""
    lot = race.made(lambda: a_lot(a_variant(), 1))

    def booked() -> list[Session]:
        plans = [an_active_plan(alice(), a_step(starts=now())) for _ in range(many)]
        return [a_booked_session(plan) for plan in plans]

    return lot, [opening(lot, session) for session in race.made(booked)]


def opening(lot: Lot, session: Session) -> Act:
    def act() -> str:
        mine = db.session.get_one(Session, session.id, with_for_update=True)
        who, at = mine.plan.drafted_by, now()
        using.perform(
            mine,
            used=[(lot, 1)],
            performer=who,
            performed_at=at,
            today=today(),
            by=who,
            at=at,
        )
        return "used"

    return act


def test_units_come_and_go_at_once(race: Race) -> None:
    person = race.made(sam)

    def one_round() -> None:
        soap = race.made(a_variant)
        lot = race.made(functools.partial(a_lot, soap, 10))
        promises = race.made(promising(soap, [1] * 10))
        came = [receive(person, soap, lot, 5)] * 10
        left = [ship(promise) for promise in promises]

        assert race.met([*came, *left]) == {"received": 10, "shipped": 10}

        assert heads(race, lot) == (10 + 50 - 10, 0)

    race.rounds("units come and go", one_round, rounds=FEW)


def test_one_order_line_leaves_once(race: Race) -> None:
    """I12: whoever asks again gets the movements of the first time."""

    def one_round() -> None:
        soap = race.made(a_variant)
        lot = race.made(functools.partial(a_lot, soap, 5))
        (promise,) = race.made(promising(soap, [2]))
        left: list[list[tuple[int, int]]] = []

        def again() -> str:
            movements = stock.ship(promise, reference_id=promise.id, today=today())
            left.append([(each.seq, each.delta) for each in movements])
            return "shipped"

        assert race.met([again] * RACE_THREADS) == {"shipped": RACE_THREADS}

        assert left == [[(2, -2)]] * RACE_THREADS
        assert heads(race, lot) == (3, 0)

    race.rounds("one line leaves once", one_round, rounds=FEW)


def test_deliveries_of_a_new_lot_make_one(race: Race) -> None:
    person, day = race.made(sam), race.made(today)

    def one_round() -> None:
        skus = race.made(lambda: [a_variant().sku for _ in range(3)])
        orders = itertools.cycle(itertools.permutations(skus))

        def deliver(order: tuple[str, ...]) -> Act:
            lines = [ReceiptLineIn(sku, "N1", day + timedelta(days=99), 2) for sku in order]
            return lambda: receiving.receive(lines, by=person, at=now(), today=day)

        answers = race.at_once([deliver(next(orders)) for _ in range(RACE_THREADS)])

        lots = {lot.id for answer in answers for lot in answer}
        assert len(lots) == 3
        assert {heads(race, race.row(Lot, key)) for key in lots} == {(2 * RACE_THREADS, 0)}

    race.rounds("deliveries of a new lot", one_round, rounds=FEW)


def heads(race: Race, lot: Lot) -> tuple[int, int]:
    """On hand and reserved, as they are committed."""
    fresh = race.row(Lot, lot.id)
    return fresh.on_hand, fresh.reserved


def reserve(lot: Lot) -> Act:
    def act() -> str:
        stock.reserve([(lot.variant_id, 1)], today=today())
        return "reserved"

    return act


def promising(variant: Variant, shares: list[int]) -> Callable[[], list[Reservation]]:
    demand = [(variant.id, units) for units in shares]
    return lambda: stock.reserve(demand, today=today())


def receive(person: Person, variant: Variant, lot: Lot, units: int) -> Act:
    def act() -> str:
        lines = [ReceiptLineIn(variant.sku, lot.lot_number, lot.expires_on, units)]
        receiving.receive(lines, by=person, at=now(), today=today())
        return "received"

    return act


def ship(promise: Reservation) -> Act:
    def act() -> str:
        stock.ship(promise, reference_id=promise.id, today=today())
        return "shipped"

    return act
