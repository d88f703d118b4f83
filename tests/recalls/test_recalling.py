"""From the first word to the last unit: lots locked, everybody listed, all accounted for, closed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import places, stock, verifying
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import LocationKind, Lot
from shop.inventory.states import LotStatus
from shop.orders import cancelling, shipping, stranding
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.recalls import (
    answering,
    closing,
    collecting,
    disposing,
    following,
    listing,
    notifying,
    queries,
)
from shop.recalls.answering import Said
from shop.recalls.errors import (
    AlreadyRecalled,
    NotAccountedFor,
    OnlyADrill,
    RecallRefused,
    StillPromised,
    WitnessNeeded,
)
from shop.recalls.models import Channel, Outcome, Recall, RecallClient
from shop.recalls.states import RecallStatus
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot, today
from tests.orders.things import history, leave, packed, paid, placed, shelf, way
from tests.people import alice, bob, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.recalls.builders import (
    NOTICE,
    a_listed_recall,
    a_notified_recall,
    a_recall,
    answer,
    bought,
    listed,
    listed_all,
    treated_with,
)


def count(kind: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


def follow(recall: Recall) -> None:
    """What the job does, in its order."""
    for lot_id in following.promising(recall):
        following.reallocate(lot_id, today=today())
    list(following.strand(recall, at=now()))
    db.session.commit()


# Locking


def test_a_recall_locks_every_lot_at_once(app: Flask) -> None:
    soap = a_variant()
    lots = [
        a_lot(soap, 5),
        a_lot(soap, 0),
        a_lot(soap, 5, status=LotStatus.QUARANTINE),
        a_lot(soap, 5, days=-9),
    ]

    recall = a_recall(*lots)
    db.session.commit()

    assert {lot.status for lot in lots} == {LotStatus.RECALLED}
    assert recall.status is RecallStatus.LOCKED
    assert history(recall) == ["recall_opened", "recall_lots_locked"]
    assert stock.available([soap.id], today=today()) == {soap.id: 0}
    with pytest.raises(NotEnoughStock):
        stock.reserve([(soap.id, 1)], today=today())


def test_what_cannot_be_recalled_changes_nothing(app: Flask) -> None:
    lot, recalled = a_lot(a_variant()), a_lot(a_variant())
    first = a_recall(recalled)
    too_long = NOTICE.__class__(NOTICE.source, None, "x" * 201, " ", "x" * 2001)

    with pytest.raises(AlreadyRecalled) as again:
        a_recall(lot, recalled)
    assert again.value.facts == {"lot": recalled.number, "recall": first.number}
    with pytest.raises(RecallRefused) as refused:
        a_recall(notice=too_long)
    assert set(refused.value.fields) == {"lots", "reason", "instructions", "reference"}

    assert lot.status is LotStatus.AVAILABLE
    assert count(Recall) == 1


# Orders that were promised units of it


def test_other_lots_keep_what_was_promised(app: Flask) -> None:
    soap = a_variant()
    bad = a_lot(soap, 5, days=200)
    order = paid(alice(), {soap: 3})
    good = a_lot(soap, 3, days=400)

    follow(a_recall(bad))

    assert (shelf(bad), shelf(good)) == ((5, 0), (3, 3))
    leave(order)
    assert shelf(good) == (0, 0)
    assert order.status is OrderStatus.CLOSED


def test_an_order_that_is_packed_is_stopped_before_anything_follows(app: Flask) -> None:
    soap = a_variant()
    order, lot = _ordered(soap)
    packed(order)
    a_recall(lot)
    db.session.commit()

    with pytest.raises(NotEnoughStock):
        shipping.ship(order, skus=None, **way(order), by=sam(), at=now())
    db.session.rollback()

    assert order.shipments == []
    assert shelf(lot) == (5, 2)


def _ordered(soap: Any) -> tuple[Order, Lot]:
    lot = a_lot(soap, 5)
    return paid(alice(), {soap: 2}), lot


def test_where_nothing_else_is_there_paid_lines_wait_and_unpaid_orders_end(app: Flask) -> None:
    soap, cream = a_variant(), a_cream()
    client = alice()
    a_prescription(client, cream)
    bad, good = a_lot(soap, 10), a_lot(cream, 10)
    waits, ends = paid(client, {soap: 2, cream: 1}), placed(bob(), {soap: 1})

    recall = a_recall(bad)
    follow(recall)

    assert [(line.sku, line.status) for line in waits.lines] == [
        (soap.sku, LineStatus.ON_HOLD),
        (cream.sku, LineStatus.READY),
    ]
    assert events.of(waits.lines[0].id)[-1].facts["reason"] == "recalled"
    assert ends.status is OrderStatus.CANCELLED
    assert (shelf(bad), shelf(good)) == ((10, 0), (10, 1))
    assert history(waits)[-1] == "order_held"
    follow(recall)  # once more changes nothing
    assert history(waits).count("order_held") == 1
    assert list(verifying.verify()) == []


def test_a_line_goes_on_with_other_units_once_there_are_some(app: Flask) -> None:
    soap = a_variant()
    bad = a_lot(soap, 5)
    order = paid(alice(), {soap: 2})
    follow(a_recall(bad))
    (line,) = order.lines
    gone = line.reservation_id

    assert stranding.waiting("recalled") == [order.id]
    assert stranding.go_on(order.id, reason="recalled", at=now()) == []  # nothing is there yet
    good = a_lot(soap, 2)
    assert stranding.go_on(order.id, reason="recalled", at=now()) == [line]
    db.session.commit()

    assert (line.status, line.reservation_id == gone) == (LineStatus.READY, False)
    assert shelf(good) == (2, 2)
    assert stranding.waiting("recalled") == []
    leave(order)
    db.session.commit()
    assert (shelf(good), order.status) == ((0, 0), OrderStatus.CLOSED)
    assert list(verifying.verify()) == []


def test_who_will_not_wait_cancels(app: Flask) -> None:
    soap = a_variant()
    bad = a_lot(soap, 5)
    order = paid(alice(), {soap: 2})
    follow(a_recall(bad))

    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    db.session.commit()

    assert order.status is OrderStatus.CANCELLED
    a_lot(soap, 5)
    assert stranding.go_on(order.id, reason="recalled", at=now()) == []


# The list


def test_the_list_names_everybody_who_got_units_and_nobody_else(app: Flask) -> None:
    soap, mask = a_variant(), a_variant()
    soaps, masks = a_lot(soap, 20, days=100), a_lot(mask, 20)
    both, buyer, treated, other = alice(), bob(), alice(), bob()
    bought(both, soap, 2), bought(both, soap, 1), bought(buyer, soap, 4)
    treated_with(both, masks, 2), treated_with(treated, masks, 1)
    a_lot(soap, 5, days=90)
    bought(other, soap, 1)  # of the lot that expires first, which nobody recalls
    paid(other, {mask: 1})  # has not left

    recall = a_listed_recall(soaps, masks)

    assert {
        (one.client_id, one.retail_units, one.treatment_units) for one in listed_all(recall)
    } == {(both.id, 3, 2), (buyer.id, 4, 0), (treated.id, 0, 1)}
    assert recall.took is not None
    assert timedelta() < recall.took < timedelta(minutes=1)
    got = queries.got_by(listed(recall, both))
    assert [(one.lot, one.units, one.order is None) for one in got] == [
        (soaps, 2, False),
        (soaps, 1, False),
        (masks, 2, True),
    ]
    told = queries.told(recall)
    assert (told.clients, told.buyers, told.sold, told.treated, told.open) == (3, 2, 7, 3, 7)


def test_a_lot_that_was_destroyed_is_recalled_for_whoever_got_units_before(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 2)
    client = alice()
    bought(client, soap, 2)
    for status in (LotStatus.QUARANTINE, LotStatus.DESTROYED):
        lot.status = status
        events.record(events.Kind.LOT_DESTROYED, lot)
        db.session.commit()

    recall = a_listed_recall(lot)

    assert lot.status is LotStatus.DESTROYED
    assert [one.client_id for one in listed_all(recall)] == [client.id]


def test_a_drill_lists_and_nothing_else(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 5)
    bought(alice(), soap, 1)
    recall = a_listed_recall(lot, drill=True)
    db.session.commit()

    for act in (
        lambda: notifying.notify(recall, by=mona(), at=now()),
        lambda: collecting.collect(recall, lot, by=sam(), at=now()),
        lambda: disposing.plan(
            recall, lot, outcome=Outcome.DESTROY, reference="x", by=sam(), at=now()
        ),
    ):
        with pytest.raises(OnlyADrill):
            act()
    closing.close(recall, by=mona(), at=now())
    db.session.commit()

    assert (lot.status, shelf(lot)) == (LotStatus.AVAILABLE, (4, 0))
    assert history(recall) == ["recall_opened", "recall_listed", "recall_closed"]
    assert recall.took is not None
    real = a_listed_recall(lot)  # a drill is none
    assert [one.retail_units for one in listed_all(real)] == [1]


# Answers


def test_of_every_pack_one_thing_is_said_and_the_last_word_counts(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 20)
    client, silent, nowhere = alice(), bob(), bob()
    for who, units in ((client, 5), (silent, 2), (nowhere, 3)):
        bought(who, soap, units)
    recall = a_notified_recall(lot)

    answer(recall, client, has=5)
    answer(recall, client, has=1, used_up=2, returned=1, never_got=1)
    gone = Said(unreachable=True)
    answering.answer(listed(recall, nowhere), gone, channel=Channel.PHONE, by=sam(), at=now())

    told = queries.told(recall)
    assert (told.sold, told.answered, told.unreachable, told.open) == (10, 5, 3, 2)
    assert (told.has, told.used_up, told.returned, told.never_got) == (1, 2, 1, 1)
    assert (told.buyers, told.silent) == (3, 1)
    assert [one.number for one in listed(recall, client).answers] == [1, 2]


def test_an_answer_that_does_not_add_up_is_refused(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 20)
    client = alice()
    bought(client, soap, 5)
    recall = a_listed_recall(lot)
    with pytest.raises(WrongState):
        answer(recall, client, has=5)  # nobody was written to yet
    notifying.notify(recall, by=mona(), at=now())

    for said in ({}, {"has": 4}, {"has": 6}, {"has": 6, "used_up": -1}, {"unreachable": True}):
        with pytest.raises(RecallRefused):
            answer(recall, client, **said)
    with pytest.raises(RecallRefused):
        answering.answer(
            listed(recall, client),
            Said(has=5, unreachable=True),
            channel=Channel.PHONE,
            by=sam(),
            at=now(),
        )

    assert listed(recall, client).answers == []


def test_it_is_reconciled_when_everybody_answered_or_was_not_reached(app: Flask) -> None:
    soap, mask = a_variant(), a_variant()
    soaps, masks = a_lot(soap, 20), a_lot(mask, 5)
    client, other = alice(), bob()
    bought(client, soap, 2), bought(other, soap, 1)
    treated_with(bob(), masks)  # has nothing to give back, and may say that she read it
    recall = a_notified_recall(soaps, masks)

    answer(recall, client, used_up=2)
    with pytest.raises(NotAccountedFor) as refused:
        closing.reconcile(recall, by=mona(), at=now())
    assert refused.value.facts == {"clients": 1, "units": 1}
    answer(recall, other, returned=1)
    closing.reconcile(recall, by=mona(), at=now())
    answer(recall, other, has=1)  # a late word is still a fact

    assert recall.status is RecallStatus.RECONCILED
    assert queries.told(recall).has == 1


# Collecting, and the end


def a_reconciled_recall(*lots: Lot) -> Recall:
    recall = a_notified_recall(*lots)
    closing.reconcile(recall, by=mona(), at=now())
    return recall


def test_what_is_here_is_collected_and_leaves_before_a_witness(app: Flask) -> None:
    lot = a_lot(a_variant(), 5)
    recall, staff, other = a_reconciled_recall(lot), sam(), sam()
    terms: dict[str, Any] = {"outcome": Outcome.DESTROY, "reference": "Burned by Stericycle"}
    with pytest.raises(NotAccountedFor) as refused:
        closing.close(recall, by=mona(), at=now())
    assert refused.value.facts == {"units": 5}
    with pytest.raises(RecallRefused):  # not collected
        disposing.plan(recall, lot, **terms, by=staff, at=now())

    collecting.collect(recall, lot, by=staff, at=now())
    with pytest.raises(RecallRefused):
        collecting.collect(recall, lot, by=staff, at=now())
    (account,) = queries.accounts(recall)
    assert (account.here, account.in_quarantine, lot.on_shelf) == (5, 5, 0)
    planned = disposing.plan(recall, lot, **terms, by=staff, at=now())
    assert lot.on_hand == 5
    with pytest.raises(WitnessNeeded):
        disposing.witness(planned, recall, lot, by=staff, at=now())
    disposing.witness(planned, recall, lot, by=other, at=now())
    with pytest.raises(WrongState):
        disposing.witness(planned, recall, lot, by=other, at=now())
    closing.close(recall, by=mona(), at=now())
    db.session.commit()

    assert (lot.on_hand, lot.status) == (0, LotStatus.DESTROYED)
    (account,) = queries.accounts(recall)
    assert (account.received, account.destroyed, account.here) == (5, 5, 0)
    assert recall.status is RecallStatus.CLOSED
    assert list(verifying.verify()) == []


def test_units_go_back_to_the_vendor_under_a_number(app: Flask) -> None:
    lot = a_lot(a_variant(), 5)
    recall, staff, other = a_reconciled_recall(lot), sam(), sam()
    collecting.collect(recall, lot, by=staff, at=now())
    terms: dict[str, Any] = {"outcome": Outcome.RETURN_TO_VENDOR, "by": staff, "at": now()}
    with pytest.raises(RecallRefused):
        disposing.plan(recall, lot, reference=" ", **terms)
    planned = disposing.plan(recall, lot, reference="RMA 1", **terms)
    disposing.witness(planned, recall, lot, by=other, at=now())

    assert (lot.on_hand, lot.status) == (0, LotStatus.RETURNED)


def test_what_orders_still_hold_is_not_collected(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 5)
    paid(alice(), {soap: 2})
    recall = a_recall(lot)

    with pytest.raises(StillPromised) as refused:
        collecting.collect(recall, lot, by=sam(), at=now())
    assert refused.value.facts == {"lot": lot.number, "units": 2}
    follow(recall)
    collecting.collect(recall, lot, by=sam(), at=now())

    assert {one.location.kind for one in places.lying([lot.id])[lot.id]} == {
        LocationKind.QUARANTINE
    }


def test_a_recall_goes_its_way_and_no_other(app: Flask) -> None:
    recall = a_recall(a_lot(a_variant(), 0))
    for act in (closing.reconcile, closing.close, notifying.notify, notifying.remind):
        with pytest.raises(WrongState):
            act(recall, by=mona(), at=now())
    listing.draw_up(recall, by=mona(), at=now())
    for act in (closing.close, closing.reconcile, notifying.remind):
        with pytest.raises(WrongState):
            act(recall, by=mona(), at=now())
    with pytest.raises(WrongState):
        listing.draw_up(recall, by=mona(), at=now())
    notifying.notify(recall, by=mona(), at=now())
    closing.reconcile(recall, by=mona(), at=now())
    closing.close(recall, by=mona(), at=now())
    assert recall.status is RecallStatus.CLOSED


def test_the_list_is_of_the_recall_alone(app: Flask) -> None:
    with pytest.raises(queries.NotFound):
        queries.listed_one(mona(), a_listed_recall(a_lot(a_variant())), uuid.uuid4())
    assert count(RecallClient) == 0
