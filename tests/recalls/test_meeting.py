"""A recall meets what else happens to a lot: boxes, returns, testers, counts, write-offs."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import counting, expiring, locations, releasing, testers, verifying
from shop.inventory.errors import AdjustmentRefused, CountOvertaken, NotCounted, NotEnoughStock
from shop.inventory.models import Reason
from shop.inventory.states import LotStatus
from shop.orders import picking, queries, shorting, stranding
from shop.orders.states import LineStatus
from shop.recalls import collecting, following
from shop.returns import disposing
from shop.returns.models import Disposition, Return
from tests.builders import a_cream, a_variant
from tests.inventory.counts import a_count, adjust, lying, the_shelf
from tests.inventory.lots import a_lot, today
from tests.orders.test_picking import pick
from tests.orders.things import packed, paid
from tests.people import alice, mona, sam
from tests.recalls.builders import a_listed_recall, a_recall
from tests.recalls.test_recalling import follow
from tests.returns.builders import came_back, inspected, left

pytestmark = pytest.mark.usefixtures("app")


def test_an_order_with_two_stopped_lines_goes_on_with_both() -> None:
    soap, mask = a_variant(), a_variant()
    bad = [a_lot(soap, 5), a_lot(mask, 5)]
    order = paid(alice(), {soap: 2, mask: 1})
    follow(a_recall(*bad))
    for pack in (soap, mask):
        a_lot(pack, 5)

    going = stranding.go_on(order.id, reason="recalled", at=now())
    db.session.commit()

    assert len(going) == 2
    assert {line.status for line in order.lines} == {LineStatus.READY}


def test_a_line_that_waits_already_gives_its_units_back_too() -> None:
    soap = a_variant()
    lot = a_lot(soap, 5)
    order = paid(alice(), {soap: 1})
    (line,) = order.lines
    line.status = LineStatus.ON_HOLD
    events.record(Kind.LINE_HELD, line, order=order.number, position=1, reason="rules_changed")
    db.session.commit()

    follow(a_recall(lot))

    assert order.lines[0].status is LineStatus.ON_HOLD
    assert lot.reserved == 0


def test_what_is_in_a_box_is_not_counted_as_missing() -> None:
    soap, who = a_variant(), sam()
    lot = a_lot(soap, 10)
    packed(paid(alice(), {soap: 3}))
    count = a_count(lot, by=who)

    counting.enter(count, [(lot, 7)], by=who, at=now())
    counting.finish(count, by=who, at=now())

    assert count.varying == []


def test_units_that_a_picker_missed_are_not_lost_twice_and_not_sold() -> None:
    soap, who = a_variant(), sam()
    lot = a_lot(soap, 10)
    order = paid(alice(), {soap: 3})
    count = a_count(lot, by=who)
    counting.enter(count, [(lot, 8)], by=who, at=now())
    counting.finish(count, by=who, at=now())
    counting.explain(count.varying[0], reason=Reason.THEFT_OR_LOSS, note="Gone", by=who, at=now())
    counting.approve(count, by=who, at=now())

    shorting.report(
        order, soap.sku, lot_number=lot.lot_number, place="SHELF", units=2, by=who, at=now()
    )
    with pytest.raises(CountOvertaken):
        counting.post(count, today=today(), by=who, at=now())
    releasing.quarantine(lot, reason="Looks odd", by=who, at=now())
    with pytest.raises(NotCounted, match="Count it first"):
        releasing.release(lot, by=mona(), at=now())

    assert (lying(lot), lying(lot, locations.location("QUARANTINE"))) == (8, 2)


def test_nothing_is_added_to_a_box_that_must_not_leave() -> None:
    soap = a_variant()
    soon, late = a_lot(soap, 2, days=60), a_lot(soap, 5, days=90)
    order = paid(alice(), {soap: 3})
    pick(order, soap.sku, soon.lot_number)
    releasing.hold(soon, reason="Looks odd", by=sam(), at=now())
    db.session.commit()

    with pytest.raises(NotEnoughStock, match="Put back"):
        pick(order, soap.sku, late.lot_number)
    db.session.rollback()


def test_picks_of_a_stopped_line_are_to_be_put_back() -> None:
    soap = a_variant()
    lot = a_lot(soap, 5)
    order = paid(alice(), {soap: 2})
    packed(order)

    follow(a_recall(lot))

    ((one, whose),) = queries.to_put_back()
    assert (one.lot_id, one.units, whose.id) == (lot.id, 2, order.id)
    picking.put_back(order, one.id, by=sam(), at=now())
    db.session.commit()
    assert queries.to_put_back() == []


def test_what_came_back_leaves_by_its_return_and_a_tester_by_itself() -> None:
    order = left()
    lot = order.lines[0].parcels[0].lot
    tester = testers.open_tester(
        lot, origin=the_shelf(), months=6, by=sam(), at=now(), today=today()
    )
    found: Return = came_back(order)
    recall = a_listed_recall(lot)
    following.reallocate(lot.id, today=today())
    who = sam()

    collecting.collect(recall, lot, by=who, at=now())
    inspected(found, Disposition.DESTROY, by=who)
    disposing.witness(found, today=today(), by=mona(), at=now())
    testers.end(tester, reason="Recalled", by=who, at=now())
    db.session.commit()

    assert lot.on_hand == lying(lot, locations.location("QUARANTINE"))
    assert list(verifying.verify()) == []


@pytest.mark.parametrize("reason", [Reason.DAMAGED, Reason.SAMPLE_GIVEN, Reason.EXPIRED])
def test_what_is_recalled_is_not_written_off(reason: Reason) -> None:
    lot = a_lot(a_variant(), 5, days=-3 if reason is Reason.EXPIRED else 300)
    if reason is Reason.EXPIRED:
        expiring.expire(today=today())
    a_recall(lot)

    with pytest.raises(AdjustmentRefused, match="recall"):
        adjust(lot, -1, reason)

    assert (lot.on_hand, lot.status) == (5, LotStatus.RECALLED)


def test_nobody_gives_a_prescription_away(app: Flask) -> None:
    lot = a_lot(a_cream(), 5)

    with pytest.raises(AdjustmentRefused, match="given away"):
        adjust(lot, -1, Reason.SAMPLE_GIVEN)
