"""What was lost, broken, found, given away or expired: with a reason, and above a limit by two."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import adjusting, expiring, limits, releasing, stock, verifying
from shop.inventory.errors import AdjustmentRefused, SecondPersonNeeded, UnitsArePromised
from shop.inventory.models import Adjustment, Movement, MovementKind, Reason
from shop.inventory.states import AdjustmentStatus
from tests.builders import a_variant
from tests.inventory.counts import adjust, lying
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam

OVER = limits.LIMIT_UNITS + 1


@pytest.mark.parametrize(
    ("reason", "delta", "kind"),
    [
        (Reason.DAMAGED, -1, MovementKind.DAMAGE),
        (Reason.THEFT_OR_LOSS, -1, MovementKind.COUNT_ADJUST),
        (Reason.SAMPLE_GIVEN, -1, MovementKind.COUNT_ADJUST),
        (Reason.FOUND, 1, MovementKind.COUNT_ADJUST),
        (Reason.DATA_ERROR, 1, MovementKind.COUNT_ADJUST),
    ],
)
def test_a_small_one_is_booked_at_once(
    app: Flask, reason: Reason, delta: int, kind: MovementKind
) -> None:
    lot = a_lot(a_variant(), 5)
    made = adjust(lot, delta, reason)
    db.session.commit()

    assert (made.status, made.value_cents, made.large) == (AdjustmentStatus.BOOKED, 2400, False)
    assert lying(lot) == 5 + delta
    moved = db.session.scalars(sa.select(Movement).where(Movement.reference_id == made.id)).one()
    assert moved.kind is kind
    assert [event.to_state for event in events.of(made.id)] == ["proposed", "booked"]
    assert list(verifying.verify()) == []


def test_a_large_one_moves_nothing_until_somebody_else_agrees(app: Flask) -> None:
    lot, who = a_lot(a_variant(cents=1), 20), sam()
    made, other = (adjust(lot, -OVER, Reason.DAMAGED, by=who) for _ in "ab")
    db.session.commit()
    assert (made.status, lying(lot)) == (AdjustmentStatus.PROPOSED, 20)
    with pytest.raises(SecondPersonNeeded):
        adjusting.confirm(made, today=today(), by=who, at=now())
    with pytest.raises(SecondPersonNeeded):
        adjusting.decline(made, by=who, at=now())

    adjusting.confirm(made, today=today(), by=mona(), at=now())
    adjusting.decline(other, by=mona(), at=now())
    db.session.commit()

    assert (other.status, lying(lot)) == (AdjustmentStatus.DECLINED, 20 - OVER)
    for one in (made, other):
        with pytest.raises(WrongState):
            adjusting.confirm(one, today=today(), by=mona(), at=now())


def test_nothing_large_is_done_in_small_steps(app: Flask) -> None:
    """What one person adjusts of a variant within a day counts together; others are others."""
    cream, who = a_variant(cents=1), sam()
    lots = [a_lot(cream, 10), a_lot(cream, 10)]
    for lot in (*lots, *lots, lots[0]):  # five, the limit
        assert not adjust(lot, -1, Reason.DAMAGED, by=who).large
    assert adjust(lots[1], -1, Reason.DAMAGED, by=who).large
    assert not adjust(lots[1], -1, Reason.DAMAGED, by=sam()).large
    dear = a_lot(a_variant(cents=limits.LIMIT_CENTS // 2), 10)
    assert [adjust(dear, -1, Reason.DAMAGED, by=who).large for _ in "abc"] == [False, False, True]


def test_what_expired_always_leaves_by_write_off(app: Flask) -> None:
    """Also where it is marked already, or held."""
    old, marked, held = (a_lot(a_variant(), 2, days=-3) for _ in "abc")
    releasing.hold(held, reason="Broken seal", by=sam(), at=now())
    db.session.flush()
    expiring.expire(today=today())
    for lot in (old, marked, held):
        adjust(lot, -2, Reason.EXPIRED)
        assert lying(lot) == 0
    db.session.commit()
    assert list(verifying.verify()) == []


@pytest.mark.parametrize(
    ("field", "delta", "given"),
    [
        ("units", 0, {}),
        ("units", -11, {}),
        ("units", -(10**6), {}),
        ("reason", 1, {"reason": Reason.DAMAGED}),
        ("reason", -1, {"reason": Reason.FOUND}),
        ("reason", -1, {"reason": Reason.EXPIRED}),
        ("note", -1, {"note": " "}),
        ("note", -1, {"note": "x" * 501}),
    ],
)
def test_what_cannot_be_is_refused_and_names_the_field(
    app: Flask, field: str, delta: int, given: dict[str, object]
) -> None:
    lot = a_lot(a_variant(), 10)
    with pytest.raises(AdjustmentRefused) as refused:
        adjust(lot, delta, **({"reason": Reason.DAMAGED} | given))
    assert list(refused.value.fields) == [field]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Adjustment)) == 0
    assert lying(lot) == 10


def test_its_last_day_is_no_day_to_write_it_off(app: Flask) -> None:
    lot = a_lot(a_variant(), 5, days=-1)
    with pytest.raises(AdjustmentRefused, match="good until"):
        adjust(lot, -1, Reason.EXPIRED, today=today() - timedelta(days=1))
    adjust(lot, -1, Reason.EXPIRED)


def test_promised_units_do_not_vanish_silently(app: Flask) -> None:
    cream = a_variant()
    lot = a_lot(cream, 3)
    stock.reserve([(cream.id, 2)], today=today())
    adjust(lot, -1, Reason.DAMAGED)
    db.session.commit()
    with pytest.raises(UnitsArePromised):
        adjust(lot, -1, Reason.DAMAGED)
    db.session.rollback()
    assert lying(lot) == 2
