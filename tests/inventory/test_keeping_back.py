"""Releasing, keeping back, and marking what has expired."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import expiring, releasing, stock
from shop.inventory.errors import LotExpired
from shop.inventory.models import arrows
from shop.inventory.states import LotStatus
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.people import sam


def test_a_released_lot_may_be_sold(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 5, status=LotStatus.QUARANTINE)

    releasing.release(lot, by=sam(), at=now())
    db.session.commit()

    assert stock.available([cream.id], today=today()) == {cream.id: 5}
    assert [event.to_state for event in events.of(lot.id)] == ["quarantine", "available"]


def test_an_expired_lot_is_not_released(app: Flask) -> None:
    lot = a_lot(a_variant(), 5, days=-2, status=LotStatus.QUARANTINE)

    with pytest.raises(LotExpired):
        releasing.release(lot, by=sam(), at=now())

    assert lot.status is LotStatus.QUARANTINE


@pytest.mark.parametrize("act", ["quarantine", "hold"])
def test_a_lot_kept_back_keeps_its_promises_and_makes_no_more(app: Flask, act: str) -> None:
    cream = a_variant()
    lot = a_lot(cream, 5)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())

    getattr(releasing, act)(lot, reason="Broken seal", by=sam(), at=now())
    db.session.commit()

    assert stock.available([cream.id], today=today()) == {cream.id: 0}
    assert (lot.reserved, promise.live) == (2, True)
    stock.release([promise], at=now())
    db.session.commit()
    assert lot.reserved == 0


def test_a_promise_from_a_lot_kept_back_is_kept_from_another(app: Flask) -> None:
    cream = a_variant()
    kept_back = a_lot(cream, 5, days=50)
    (promise,) = stock.reserve([(cream.id, 2)], today=today())
    releasing.quarantine(kept_back, reason="Broken seal", by=sam(), at=now())
    other = a_lot(cream, 5, days=90)

    left = stock.ship(promise, reference_id=kept_back.id, today=today())
    db.session.commit()

    assert [(each.lot_id, each.delta) for each in left] == [(other.id, -2)]
    assert (kept_back.on_hand, kept_back.reserved) == (5, 0)


def test_a_lot_on_sale_is_not_released(app: Flask) -> None:
    lot = a_lot(a_variant(), 5)

    with pytest.raises(WrongState):
        releasing.release(lot, by=sam(), at=now())


def test_marks_what_has_expired_once(app: Flask) -> None:
    good, last_day = a_lot(a_variant(), 1, days=1), a_lot(a_variant(), 1, days=0)
    bad = a_lot(a_variant(), 1, days=-1)
    waiting = a_lot(a_variant(), 1, days=-9, status=LotStatus.QUARANTINE)

    marked = expiring.expire(today=today())
    db.session.commit()

    assert {lot.id for lot in marked} == {bad.id, waiting.id}
    assert {lot.status for lot in marked} == {LotStatus.EXPIRED}
    assert {good.status, last_day.status} == {LotStatus.AVAILABLE}
    assert expiring.expire(today=today()) == []
    assert expiring.expire(today=today() + timedelta(days=1)) == [last_day]


def test_the_arrows_are_drawn() -> None:
    drawn = {
        (str(before or ""), str(after))
        for before, nexts in arrows()["lot"].items()
        for after in nexts
    }
    assert drawn == {
        ("", "quarantine"),
        ("", "available"),
        ("quarantine", "available"),
        ("quarantine", "recalled"),
        ("quarantine", "destroyed"),
        ("quarantine", "expired"),
        ("available", "on_hold"),
        ("available", "quarantine"),
        ("available", "recalled"),
        ("available", "expired"),
        ("on_hold", "available"),
        ("on_hold", "recalled"),
        ("on_hold", "expired"),
        ("recalled", "returned"),
        ("recalled", "destroyed"),
        ("expired", "destroyed"),
        ("expired", "recalled"),
    }
