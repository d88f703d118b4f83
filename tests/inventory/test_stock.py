"""Promising units, giving them back, letting them leave."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import editing
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import stock, verifying
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Movement, MovementKind, Reservation
from shop.inventory.states import LotStatus
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today


def test_promises_the_units_that_expire_first(app: Flask) -> None:
    cream = a_variant()
    late, soon = a_lot(cream, 5, days=200), a_lot(cream, 2, days=100)

    (promise,) = stock.reserve([(cream.id, 3)], today=today())
    db.session.commit()

    assert {part.lot_id: part.units for part in promise.parts} == {soon.id: 2, late.id: 1}
    assert (soon.on_hand, soon.reserved) == (2, 2)
    assert (late.on_hand, late.reserved) == (5, 1)
    assert stock.available([cream.id], today=today()) == {cream.id: 4}


def test_adds_demand_up_before_it_checks(app: Flask) -> None:
    cream, soap = a_variant(), a_variant()
    lots = [a_lot(cream, 3), a_lot(soap, 3)]
    db.session.commit()

    with pytest.raises(NotEnoughStock) as refused:
        stock.reserve([(cream.id, 2), (soap.id, 1), (cream.id, 2)], today=today())

    assert refused.value.facts == {"sku": cream.sku, "wanted": 4, "available": 3}
    db.session.rollback()
    assert [lot.reserved for lot in lots] == [0, 0]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 0


def test_answers_one_reservation_per_entry_in_order(app: Flask) -> None:
    cream, soap = a_variant(), a_variant()
    first, second, third = a_lot(cream, 2, days=50), a_lot(cream, 9, days=60), a_lot(soap, 9)

    made = stock.reserve([(cream.id, 1), (soap.id, 4), (cream.id, 3)], today=today())
    db.session.commit()

    assert [(each.variant_id, each.units) for each in made] == [
        (cream.id, 1),
        (soap.id, 4),
        (cream.id, 3),
    ]
    assert [{part.lot_id: part.units for part in each.parts} for each in made] == [
        {first.id: 1},
        {third.id: 4},
        {first.id: 1, second.id: 2},
    ]


@pytest.mark.parametrize("status", [LotStatus.QUARANTINE])
def test_never_promises_from_a_lot_that_is_not_available(app: Flask, status: LotStatus) -> None:
    cream = a_variant()
    a_lot(cream, 5, status=status)

    assert stock.available([cream.id], today=today()) == {cream.id: 0}
    with pytest.raises(NotEnoughStock):
        stock.reserve([(cream.id, 1)], today=today())


def test_release_gives_back_once(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 5)
    made = stock.reserve([(cream.id, 3), (cream.id, 2)], today=today())
    db.session.commit()

    for _ in range(2):
        stock.release(made, at=now())
        db.session.commit()

    assert (lot.on_hand, lot.reserved) == (5, 0)
    assert [each.live for each in made] == [False, False]
    assert all(part.ended_at is not None for each in made for part in each.parts)


def test_ships_what_expires_first_now_and_frees_what_was_promised(app: Flask) -> None:
    cream = a_variant()
    old = a_lot(cream, 5, days=200)
    (promise,) = stock.reserve([(cream.id, 3)], today=today())
    fresh = a_lot(cream, 2, days=100)  # came later, expires sooner
    line = uuid.uuid4()

    (told,) = stock.previews([stock.Due(promise)], today=today())
    assert isinstance(told, list)
    assert [(each.lot, each.units) for each in told] == [(fresh, 2), (old, 1)]
    left = stock.ship(promise, reference_id=line, today=today())
    db.session.commit()

    assert [(each.lot_id, each.delta, each.seq, each.balance) for each in left] == [
        (fresh.id, -2, 2, 0),
        (old.id, -1, 2, 4),
    ]
    assert {each.actor for each in left} == {"system:test"}
    assert (old.on_hand, old.reserved, fresh.on_hand, fresh.reserved) == (4, 0, 0, 0)
    assert promise.shipped_at is not None


def test_ships_its_own_units_when_nothing_else_is_free(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3)
    mine, other = stock.reserve([(cream.id, 2), (cream.id, 1)], today=today())

    left = stock.ship(mine, reference_id=uuid.uuid4(), today=today())
    db.session.commit()

    assert [each.delta for each in left] == [-2]
    assert (lot.on_hand, lot.reserved) == (1, 1)
    assert other.live


def test_shipping_again_moves_nothing(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())
    line = uuid.uuid4()

    once = stock.ship(promise, reference_id=line, today=today())
    again = stock.ship(promise, reference_id=line, today=today())
    db.session.commit()

    assert again == once
    assert lot.on_hand == 1
    with pytest.raises(WrongState):
        stock.ship(promise, reference_id=uuid.uuid4(), today=today())


def test_units_given_back_do_not_leave(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())
    stock.release([promise], at=now())

    with pytest.raises(WrongState):
        stock.ship(promise, reference_id=uuid.uuid4(), today=today())

    assert lot.on_hand == 3
    assert not _moved(MovementKind.SHIP)


def test_what_was_shipped_is_not_given_back(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())
    stock.ship(promise, reference_id=uuid.uuid4(), today=today())

    stock.release([promise], at=now())
    db.session.commit()

    assert promise.released_at is None
    assert (lot.on_hand, lot.reserved) == (1, 0)


def test_nothing_leaves_that_would_not_last(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3, days=20)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())
    editing.change_variant(cream, {"days_of_use": 14}, by=None, at=now())
    db.session.flush()

    with pytest.raises(NotEnoughStock) as refused:
        stock.ship(promise, reference_id=uuid.uuid4(), today=today())

    assert refused.value.facts == {"sku": cream.sku, "wanted": 2, "available": 0}
    assert (lot.on_hand, lot.reserved) == (3, 2)
    assert promise.live


def test_the_last_day_of_a_lot_is_the_day_it_ends_everywhere(app: Flask) -> None:
    """The clinic's evening is already tomorrow in UTC: the database must not refuse it today."""
    days = db.session.execute(
        sa.text(
            "SELECT day_at_the_latest(), (shop_now() AT TIME ZONE 'Etc/GMT+12')::date,"
            " (shop_now() AT TIME ZONE 'America/Los_Angeles')::date"
        )
    ).one()
    assert days[0] == days[1] <= days[2]


def _moved(kind: MovementKind) -> list[Movement]:
    return list(db.session.scalars(sa.select(Movement).where(Movement.kind == kind)))


def test_what_expires_before_it_is_used_up_is_not_sold(app: Flask) -> None:
    """Days of use move the last day of sale of every lot there is; sessions may still use it."""
    cream = a_variant()
    lot = a_lot(cream, 5, days=37)
    assert stock.available([cream.id], today=today()) == {cream.id: 5}

    editing.change_variant(cream, {"days_of_use": 31}, by=None, at=now())
    db.session.commit()

    db.session.refresh(lot)
    assert lot.sellable_until == today() - timedelta(days=1)
    assert (lot.sellable(today()), lot.usable(today())) == (False, True)
    assert stock.available([cream.id], today=today()) == {cream.id: 0}
    with pytest.raises(NotEnoughStock):
        stock.reserve([(cream.id, 1)], today=today())


def test_a_promise_moves_to_other_lots_as_far_as_they_reach(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 6, days=30)
    first, second = stock.reserve([(soap.id, 2), (soap.id, 4)], today=today())
    later = a_lot(soap, 3, days=90)
    db.session.commit()

    assert stock.reallocate(lot, 5, today=today()) == 3
    db.session.commit()

    db.session.refresh(later)
    assert (lot.reserved, later.reserved) == (3, 3)
    for promise in (first, second):
        assert sum(part.units for part in promise.parts if part.ended_at is None) == promise.units
    assert list(verifying.verify()) == []
    assert stock.reallocate(lot, 0, today=today()) == 3
