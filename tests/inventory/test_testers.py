"""Opened packs that clients may try: until when they are good, and that they leave for the bin."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import places, testers
from shop.inventory.errors import NotEnoughStock, NoTester
from shop.inventory.models import Lot, ShelfTester
from shop.inventory.states import LotStatus
from tests.builders import a_cream, a_variant
from tests.inventory.clinics import the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import sam

pytestmark = pytest.mark.usefixtures("app")


def opened(lot: Lot, *, months: int = 6, on: date | None = None) -> ShelfTester:
    return testers.open_tester(
        lot, origin=the_shelf(), months=months, by=sam(), at=now(), today=on or today()
    )


def where(lot: Lot) -> dict[str, int]:
    return {one.location.code: one.on_hand for one in places.lying([lot.id]).get(lot.id, [])}


def test_one_pack_leaves_the_shelf_and_is_good_for_the_months_of_its_label() -> None:
    lot = a_lot(a_variant(), 5, days=800)
    tester = opened(lot, months=1, on=date(2026, 1, 31))
    db.session.commit()
    assert where(lot) == {"SHELF": 4, "TESTERS": 1}
    assert (lot.on_hand, lot.on_shelf) == (5, 4)
    assert tester.use_by == date(2026, 2, 28)


def test_it_is_never_good_for_longer_than_its_lot() -> None:
    lot = a_lot(a_variant(), 5, days=40)
    assert opened(lot, months=12).use_by == lot.expires_on


def test_it_is_thrown_away_once_and_the_ledger_says_so() -> None:
    lot = a_lot(a_variant(), 2)
    tester = opened(lot)
    testers.end(places.tester(tester.number), reason="Its time is over.", by=sam(), at=now())
    db.session.commit()
    assert (where(lot), lot.on_hand) == ({"SHELF": 1}, 1)
    assert tester.ended_at is not None
    assert places.testers() == []
    assert [event.kind for event in events.of(tester.id)] == ["tester_opened", "tester_ended"]
    with pytest.raises(WrongState):
        testers.end(tester, reason="Again.", by=sam(), at=now())
    assert lot.on_hand == 1


def test_the_first_to_be_thrown_away_stands_first() -> None:
    late, soon = (opened(a_lot(a_variant(), 1, days=800), months=months) for months in (12, 3))
    assert places.testers() == [soon, late]


def test_nobody_tries_what_is_prescribed_kept_back_expired_or_not_there() -> None:
    for lot, why in (
        (a_lot(a_cream(), 5), NoTester),
        (a_lot(a_variant(), 5, status=LotStatus.QUARANTINE), NoTester),
        (a_lot(a_variant(), 5, days=-2), NoTester),
        (a_lot(a_variant(), 0), NotEnoughStock),
    ):
        with pytest.raises(why), db.session.begin_nested():
            opened(lot)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ShelfTester)) == 0


def test_a_pack_of_a_lot_that_is_not_sold_any_more_may_still_be_tried() -> None:
    lot = a_lot(a_variant(), 1, days=3)  # too near its end to be sent
    assert not lot.sellable(today())
    assert opened(lot).use_by == today() + timedelta(days=3)
