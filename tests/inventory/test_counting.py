"""What is really there: counted blind, looked into, approved by another, posted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import counting, limits, locations, stock, verifying
from shop.inventory.errors import (
    CountOvertaken,
    CountRefused,
    NotAllCounted,
    SecondPersonNeeded,
    UnitsArePromised,
)
from shop.inventory.models import CountCause, Lot, Movement, MovementKind, Reason
from shop.inventory.states import CountStatus
from tests.builders import a_variant
from tests.inventory.counts import a_count, adjust, counted, lying, the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam


def corrections(lot: Lot) -> list[int]:
    query = sa.select(Movement.delta).where(
        Movement.lot_id == lot.id, Movement.kind == MovementKind.COUNT_ADJUST
    )
    return list(db.session.scalars(query.order_by(Movement.seq)))


def sold(lot: Lot, units: int) -> None:
    (promise,) = stock.reserve([(lot.variant_id, units)], today=today())
    stock.ship(promise, reference_id=promise.id, today=today())


def test_a_count_corrects_the_ledger_by_what_differs(app: Flask) -> None:
    lacks, fits, more, who = (
        a_lot(a_variant(), 5),
        a_lot(a_variant(), 4),
        a_lot(a_variant(), 3),
        sam(),
    )
    count = a_count(lacks, fits, more, by=who)
    counting.enter(count, [(lacks, 4), (fits, 4), (more, 5)], by=who, at=now())
    counting.finish(count, by=who, at=now())
    assert {line.lot: line.variance for line in count.varying} == {lacks: -1, more: 2}
    for line in count.varying:
        reason = Reason.THEFT_OR_LOSS if line.variance < 0 else Reason.FOUND
        counting.explain(line, reason=reason, note="Looked for it.", by=who, at=now())

    counting.approve(count, by=who, at=now())
    counting.post(count, today=today(), by=who, at=now())
    db.session.commit()

    assert [lying(lot) for lot in (lacks, fits, more)] == [4, 4, 5]
    assert [corrections(lot) for lot in (lacks, fits, more)] == [[-1], [], [2]]
    assert [event.to_state for event in events.of(count.id) if event.to_state != event.from_state] == [
        "planned", "counting", "investigating", "approved", "posted",
    ]  # fmt: skip
    assert list(verifying.verify()) == []


def test_what_is_sold_while_it_is_counted_is_no_variance(app: Flask) -> None:
    lot, who = a_lot(a_variant(), 10), sam()
    count = a_count(lot, by=who)
    sold(lot, 1)  # before it is counted: nine are there
    counting.enter(count, [(lot, 8)], by=who, at=now())
    sold(lot, 3)  # after

    counting.finish(count, by=who, at=now())
    (line,) = count.varying
    assert line.variance == -1
    counting.explain(line, reason=Reason.DATA_ERROR, note="Typed twice.", by=who, at=now())
    counting.approve(count, by=who, at=now())
    sold(lot, 1)
    counting.post(count, today=today(), by=who, at=now())
    db.session.commit()

    assert lying(lot) == 10 - 1 - 3 - 1 - 1


def test_a_large_variance_takes_somebody_who_has_not_counted(app: Flask) -> None:
    """In units, or in what they sell for: either is enough."""
    for lot, found in (
        (a_lot(a_variant(cents=100), 20), 20 - limits.LIMIT_UNITS - 1),
        (a_lot(a_variant(cents=limits.LIMIT_CENTS + 1), 3), 2),
    ):
        who = sam()
        count = counted({lot: found}, by=who, why=Reason.THEFT_OR_LOSS)
        with pytest.raises(SecondPersonNeeded):
            counting.approve(count, by=who, at=now())
        assert (count.status, lying(lot)) == (CountStatus.INVESTIGATING, lot.on_hand)
        counting.approve(count, by=mona(), at=now())
        counting.post(count, today=today(), by=who, at=now())
        db.session.commit()
        assert lying(lot) == found


def test_the_limits_are_the_databases(app: Flask) -> None:
    units, cents = limits.LIMIT_UNITS, limits.LIMIT_CENTS
    for case, two in {
        (units, cents): False,
        (units + 1, 1): True,
        (1, cents + 1): True,
        (1, None): True,  # nobody knows what it is worth
    }.items():
        assert db.session.scalar(sa.select(sa.func.takes_two(*case))) is two, case


def test_nothing_is_posted_that_was_not_counted_explained_and_approved(app: Flask) -> None:
    one, other, who = a_lot(a_variant(), 5), a_lot(a_variant(), 5), sam()
    count = a_count(one, other, by=who)
    counting.enter(count, [(one, 4)], by=who, at=now())
    with pytest.raises(NotAllCounted, match=other.lot_number):
        counting.finish(count, by=who, at=now())
    for found in ([(other, -1)], [(one, 4), (other, 10**9)]):
        with pytest.raises(CountRefused):
            counting.enter(count, found, by=who, at=now())
    counting.enter(count, [(other, 5)], by=who, at=now())
    with pytest.raises(WrongState):
        counting.post(count, today=today(), by=who, at=now())
    counting.finish(count, by=who, at=now())
    with pytest.raises(NotAllCounted, match=one.lot_number):
        counting.approve(count, by=mona(), at=now())
    (line,) = count.varying
    for reason, note in ((Reason.FOUND, "It lacks."), (Reason.THEFT_OR_LOSS, " ")):
        with pytest.raises(CountRefused):
            counting.explain(line, reason=reason, note=note, by=who, at=now())
    with pytest.raises(WrongState):
        counting.post(count, today=today(), by=who, at=now())
    assert corrections(one) == corrections(other) == []


def test_it_is_counted_again_and_the_last_time_holds(app: Flask) -> None:
    lot, who, other = a_lot(a_variant(), 5), sam(), mona()
    count = counted({lot: 3}, by=who)
    counting.again(count, by=who, at=now())
    counting.enter(count, [(lot, 5)], by=other, at=now())
    counting.finish(count, by=other, at=now())
    assert count.varying == []
    (line,) = count.lines
    db.session.refresh(line, ["entries"])
    assert [(entry.number, entry.units, entry.expected) for entry in line.entries] == [
        (1, 3, 5),
        (2, 5, 5),
    ]
    counting.approve(count, by=other, at=now())
    assert counting.post(count, today=today(), by=other, at=now()) == []
    db.session.commit()


def test_what_another_corrected_meanwhile_is_not_corrected_twice(app: Flask) -> None:
    lot, who = a_lot(a_variant(), 5), sam()
    first = counted({lot: 4}, by=who, why=Reason.THEFT_OR_LOSS)
    adjust(lot, -1, Reason.THEFT_OR_LOSS)
    counting.approve(first, by=who, at=now())
    with pytest.raises(CountOvertaken) as refused:
        counting.post(first, today=today(), by=who, at=now())
    assert refused.value.facts["lots"] == [lot.lot_number]
    assert (first.status, lying(lot)) == (CountStatus.APPROVED, 4)

    counting.again(first, by=who, at=now())
    counting.enter(first, [(lot, 4)], by=who, at=now())
    counting.finish(first, by=who, at=now())
    assert first.varying == []


def test_a_lot_that_nobody_expected_is_put_on_the_sheet(app: Flask) -> None:
    here, stray, who = a_lot(a_variant(), 2), a_lot(a_variant(), 0), sam()
    count = a_count(here, by=who)
    counting.enter(count, [(here, 2), (stray, 1)], by=who, at=now())
    counting.finish(count, by=who, at=now())
    assert [(line.lot, line.variance) for line in count.varying] == [(stray, 1)]


def test_promises_move_to_other_lots_and_what_cannot_is_told(app: Flask) -> None:
    cream, who = a_variant(), sam()
    soon = a_lot(cream, 3, days=100)
    stock.reserve([(cream.id, 3)], today=today())
    later = a_lot(cream, 1)
    for found, kept in ((2, True), (1, False)):
        count = counted({soon: found}, by=who, why=Reason.THEFT_OR_LOSS)
        counting.approve(count, by=who, at=now())
        db.session.commit()
        if kept:
            counting.post(count, today=today(), by=who, at=now())
            db.session.commit()
            continue
        with pytest.raises(UnitsArePromised, match="1 of these units"):
            counting.post(count, today=today(), by=who, at=now())
        db.session.rollback()
    assert [(lot.on_hand, lot.reserved) for lot in (soon, later)] == [(2, 2), (1, 1)]
    assert (lying(soon), list(verifying.verify())) == (2, [])


def test_a_short_pick_asks_once_for_a_count(app: Flask) -> None:
    lot, who = a_lot(a_variant(), 5), sam()
    asked = {
        counting.ask(lot, the_shelf(), cause=CountCause.SHORT_PICK, by=who, at=now()) for _ in "ab"
    }
    (count,) = asked
    assert (count.cause, [line.lot for line in count.lines]) == (CountCause.SHORT_PICK, [lot])
    with pytest.raises(CountRefused):
        counting.plan(locations.location("RETURNS"), by=who, at=now())


def test_a_count_given_up_corrects_nothing(app: Flask) -> None:
    lot, who = a_lot(a_variant(), 5), sam()
    count = counted({lot: 1}, by=who)
    with pytest.raises(CountRefused):
        counting.cancel(count, reason=" ", by=who, at=now())
    counting.cancel(count, reason="Wrong shelf.", by=who, at=now())
    db.session.commit()
    with pytest.raises(WrongState):
        counting.again(count, by=who, at=now())
    assert lying(lot) == 5
