"""Booking deliveries."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import receiving
from shop.inventory.errors import BadReceipt
from shop.inventory.models import Lot, Movement, ReceiptLine
from shop.inventory.receiving import MAX_LINES, ReceiptLineIn
from shop.inventory.states import LotStatus
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import sam


def a_line(its_sku: str, **given: Any) -> ReceiptLineIn:
    line = ReceiptLineIn(its_sku, "B-204/7", today() + timedelta(days=400), 12)
    return replace(line, **given)


def receive(*lines: ReceiptLineIn, **given: Any) -> list[Lot]:
    made = receiving.receive(lines, by=sam(), at=now(), today=today(), **given)
    db.session.commit()
    return made


def test_units_arrive_in_a_new_lot_that_may_be_sold(app: Flask) -> None:
    soap = a_variant()

    (lot,) = receive(a_line(soap.sku))

    assert (lot.variant_id, lot.lot_number, lot.on_hand, lot.reserved, lot.status) == (
        soap.id,
        "B-204/7",
        12,
        0,
        LotStatus.AVAILABLE,
    )
    assert lot.number.startswith("L-")
    (movement,) = db.session.scalars(sa.select(Movement).where(Movement.lot_id == lot.id))
    (line,) = db.session.scalars(sa.select(ReceiptLine).where(ReceiptLine.lot_id == lot.id))
    assert (movement.seq, movement.delta, movement.balance, movement.reference_id) == (
        1,
        12,
        12,
        line.id,
    )
    assert line.units == 12


def test_prescription_only_units_wait_in_quarantine(app: Flask) -> None:
    (lot,) = receive(a_line(a_cream().sku))

    assert lot.status is LotStatus.QUARANTINE


def test_more_of_a_lot_is_added_to_it(app: Flask) -> None:
    soap = a_variant()

    first, again = receive(a_line(soap.sku, units=5), a_line(soap.sku, units=7))
    (later,) = receive(a_line(soap.sku, units=8))

    assert first is again
    assert first.id == later.id
    assert later.on_hand == 20
    assert [event.kind for event in events.of(first.id)] == ["lot_received"]


def test_more_of_a_prescription_only_lot_is_checked_again(app: Flask) -> None:
    lot = a_lot(a_cream(), 4)

    receive(a_line(lot.variant.sku, lot_number=lot.lot_number, expires_on=lot.expires_on))

    assert (lot.status, lot.on_hand) == (LotStatus.QUARANTINE, 16)


def test_a_delivery_is_booked_once(app: Flask) -> None:
    soap = a_variant()
    receipt_id = uuid.uuid4()

    once = receive(a_line(soap.sku), receipt_id=receipt_id)
    again = receive(a_line(soap.sku), receipt_id=receipt_id)

    assert again == once
    assert once[0].on_hand == 12


MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown SKU": ({"sku": "NOT-OURS"}, "sku", "no variant has this SKU"),
    "empty lot number": ({"lot_number": ""}, "lot_number", "1 to 20 letters"),
    "long lot number": ({"lot_number": "A" * 21}, "lot_number", "1 to 20 letters"),
    "space": ({"lot_number": "A 1"}, "lot_number", "without spaces"),
    "not in the character set": ({"lot_number": "Ä1"}, "lot_number", "1 to 20 letters"),
    "expires today": ({"expires_on": 0}, "expires_on", "after today"),
    "expired": ({"expires_on": -400}, "expires_on", "after today"),
    "good for ever": ({"expires_on": 366 * 16}, "expires_on", "within 15 years"),
    "nothing": ({"units": 0}, "quantity", "1 to 100,000"),
    "less than nothing": ({"units": -3}, "quantity", "1 to 100,000"),
    "a mountain": ({"units": 100_001}, "quantity", "1 to 100,000"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_and_nothing_is_booked(app: Flask, mistake: str) -> None:
    soap = a_variant()
    given, field, words = MISTAKES[mistake]
    if isinstance(days := given.get("expires_on"), int):
        given = {"expires_on": today() + timedelta(days=days)}

    with pytest.raises(BadReceipt) as refused:
        receive(a_line(soap.sku), a_line(soap.sku, **{"lot_number": "B2"} | given))

    assert list(refused.value.fields) == [f"lines.1.{field}"]
    (text,) = refused.value.fields[f"lines.1.{field}"]
    assert text.startswith("Row 2: ")
    assert words in text
    assert not db.session.scalars(sa.select(Lot).where(Lot.variant_id == soap.id)).all()


def test_every_mistake_is_named_at_once(app: Flask) -> None:
    soap = a_variant()

    with pytest.raises(BadReceipt) as refused:
        receive(a_line("X", units=0), a_line(soap.sku), a_line(soap.sku, lot_number="", units=0))

    assert set(refused.value.fields) == {
        "lines.0.sku",
        "lines.0.quantity",
        "lines.2.lot_number",
        "lines.2.quantity",
    }


def test_a_lot_has_one_expiry(app: Flask) -> None:
    lot = a_lot(a_variant(), 4)
    other = lot.expires_on + timedelta(days=1)

    with pytest.raises(BadReceipt) as refused:
        receive(
            a_line(lot.variant.sku, lot_number=lot.lot_number, expires_on=other),
            a_line(lot.variant.sku, lot_number="NEW"),
            a_line(lot.variant.sku, lot_number="NEW", expires_on=other),
        )

    assert set(refused.value.fields) == {"lines.0.expires_on", "lines.2.expires_on"}
    assert lot.expires_on.isoformat() in refused.value.fields["lines.0.expires_on"][0]
    assert "in row 2" in refused.value.fields["lines.2.expires_on"][0]


def test_a_lot_that_is_out_takes_no_more(app: Flask) -> None:
    lot = a_lot(a_variant(), 4)
    lot.status = LotStatus.RECALLED
    events.record(events.Kind.LOT_HELD, lot)

    with pytest.raises(BadReceipt) as refused:
        receive(a_line(lot.variant.sku, lot_number=lot.lot_number, expires_on=lot.expires_on))

    assert "recalled" in refused.value.fields["lines.0.lot_number"][0]


@pytest.mark.parametrize("count", [0, MAX_LINES + 1])
def test_a_delivery_has_lines_and_not_too_many(app: Flask, count: int) -> None:
    soap = a_variant()

    with pytest.raises(BadReceipt) as refused:
        receive(*[a_line(soap.sku, lot_number=f"B{n}") for n in range(count)])

    assert list(refused.value.fields) == ["lines"]


def test_five_hundred_lines_are_one_delivery(app: Flask) -> None:
    soap = a_variant()
    lines = [a_line(soap.sku, lot_number=f"B{n}") for n in range(MAX_LINES)]
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    lots = receive(*lines)

    assert sum(lot.on_hand for lot in lots) == MAX_LINES * 12
    beside_events = [each for each in statements if "INSERT INTO events" not in each]
    assert len(beside_events) < 40  # a fixed number, not one per line
