"""What is ordered, what arrives of it, and what is short, over or damaged."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory.errors import BadReceipt
from shop.inventory.models import Lot, ReceiptLine
from shop.inventory.states import LotStatus
from shop.purchasing import drafting, queries, sending, supplying
from shop.purchasing.arriving import Damaged
from shop.purchasing.drafting import Wanted
from shop.purchasing.errors import NothingOrdered, PurchaseRefused, SupplierTaken
from shop.purchasing.models import Arrival, PurchaseLine, PurchaseOrder, Receipt
from shop.purchasing.states import PurchaseStatus
from tests.builders import a_cream, a_variant
from tests.people import mona, sam
from tests.purchasing.builders import a_draft, a_purchase, a_supplier, arrive, good


def count(kind: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


# Suppliers


def test_two_suppliers_have_two_names(app: Flask) -> None:
    a_supplier(name="Derma Supply")
    other = a_supplier()

    with pytest.raises(SupplierTaken):
        a_supplier(name=" DERMA supply")
    with pytest.raises(SupplierTaken):
        supplying.change(other, {"name": "derma supply"}, by=mona(), at=now())

    supplying.change(other, {"name": other.name, "lead_days": 9}, by=mona(), at=now())
    assert events.of(other.id)[-1].facts == {"fields": ["lead_days"]}


def test_who_takes_no_orders_gets_none(app: Flask) -> None:
    gone = a_supplier()
    supplying.change(gone, {"active": False}, by=mona(), at=now())

    with pytest.raises(PurchaseRefused):
        a_draft({}, supplier=gone)

    assert count(PurchaseOrder) == 0


# Orders


def test_a_draft_is_written_anew_until_it_is_sent(app: Flask) -> None:
    soap, balm = a_variant(), a_variant()
    order = a_draft({soap: 3, balm: 4})

    wanted = [Wanted(balm.sku, 5, 900), Wanted(soap.sku, 2, 100)]
    drafting.change(order, wanted, expected_on=None, note="Ring first.", by=sam(), at=now())
    sending.send(order, by=mona(), at=now())
    db.session.commit()

    assert [(line.variant.sku, line.units) for line in order.lines] == [
        (balm.sku, 5),
        (soap.sku, 2),
    ]
    assert order.total_cents == 4700
    assert events.of(order.id)[-1].facts == {"total_cents": 4700}
    with pytest.raises(WrongState):
        drafting.change(order, [], expected_on=None, note="", by=sam(), at=now())
    assert count(PurchaseLine) == 2


def test_what_cannot_be_ordered_is_named_by_its_row(app: Flask) -> None:
    soap = a_variant()
    wanted = [Wanted(soap.sku, 1, 0), Wanted("NOT-OURS", 0, 0), Wanted(soap.sku, 2, 0)]

    with pytest.raises(PurchaseRefused) as refused:
        drafting.draft(a_supplier(), wanted, by=sam(), at=now())

    assert set(refused.value.fields) == {"lines.1.sku", "lines.1.quantity", "lines.2.sku"}
    assert "stands in row 1" in refused.value.fields["lines.2.sku"][0]
    assert count(PurchaseOrder) == 0


def test_an_empty_order_is_not_sent(app: Flask) -> None:
    order = a_draft({})

    with pytest.raises(NothingOrdered):
        sending.send(order, by=mona(), at=now())

    assert order.status is PurchaseStatus.DRAFT


# Deliveries


def test_a_whole_delivery_closes_the_order_and_keeps_its_cost(app: Flask) -> None:
    soap, cream = a_variant(), a_cream()
    order = a_purchase({soap: 10, cream: 4})

    receipt = arrive(
        order, good(soap, 10, unit_cost_cents=1100), good(cream, 4), delivery_note="D-7"
    )
    db.session.commit()

    assert order.status is PurchaseStatus.CLOSED
    kinds = [event.kind for event in events.of(order.id)]
    assert kinds == ["purchase_drafted", "purchase_sent", "purchase_received", "purchase_closed"]
    booked = {line.lot_id: line for line in db.session.scalars(sa.select(ReceiptLine))}
    by_sku = {each.variant.sku: booked[each.lot_id] for each in receipt.arrivals if each.lot_id}
    assert by_sku[soap.sku].unit_cost_cents == 1100
    assert by_sku[cream.sku].unit_cost_cents == 1200  # as agreed
    lots = {lot.variant_id: lot.status for lot in db.session.scalars(sa.select(Lot))}
    assert lots == {soap.id: LotStatus.AVAILABLE, cream.id: LotStatus.QUARANTINE}


def test_short_over_and_damaged_are_told_line_by_line(app: Flask) -> None:
    soap, balm = a_variant(), a_variant()
    order = a_purchase({soap: 10, balm: 5})

    arrive(order, good(soap, 6), good(balm, 7), damaged=[Damaged(soap.sku, 3, "Crushed")])
    db.session.commit()

    of_soap, of_balm = order.lines
    assert (of_soap.received, of_soap.damaged, of_soap.short, of_soap.over) == (6, 3, 4, 0)
    assert (of_balm.received, of_balm.damaged, of_balm.short, of_balm.over) == (7, 0, 0, 2)
    assert order.status is PurchaseStatus.PARTLY_RECEIVED
    assert events.of(order.id)[-1].facts == {
        "delivery_note": "",
        "short": 4,
        "over": 2,
        "damaged": 3,
    }
    assert db.session.scalar(sa.select(sa.func.sum(Lot.on_hand))) == 13  # nothing that is damaged
    assert queries.awaited([soap.id, balm.id]) == {soap.id: 4, balm.id: 0}

    arrive(order, good(soap, 4, lot_number="C1"))
    assert (order.status, queries.awaited([soap.id])) == (PurchaseStatus.CLOSED, {})


def test_what_is_short_is_waited_for_until_somebody_says_otherwise(app: Flask) -> None:
    soap = a_variant()
    order = a_purchase({soap: 10})
    with pytest.raises(WrongState):
        sending.close(order, reason="Sold out", by=sam(), at=now())
    arrive(order, good(soap, 6))

    sending.close(order, reason="Sold out", by=sam(), at=now())
    db.session.commit()

    assert events.of(order.id)[-1].facts == {"reason": "Sold out", "short": {soap.sku: 4}}
    with pytest.raises(WrongState):
        arrive(order, good(soap, 4))
    assert db.session.scalars(sa.select(Lot)).one().on_hand == 6


def test_a_delivery_is_booked_once(app: Flask) -> None:
    soap = a_variant()
    order, receipt_id = a_purchase({soap: 10}), uuid.uuid4()

    once = arrive(order, good(soap, 6), receipt_id=receipt_id)
    again = arrive(order, good(soap, 6), receipt_id=receipt_id)

    assert once is again
    assert order.lines[0].received == 6


def test_a_mistake_anywhere_books_nothing(app: Flask) -> None:
    soap, stranger = a_variant(), a_variant()
    order = a_purchase({soap: 10})
    broken = [Damaged(soap.sku, 0, " "), Damaged(stranger.sku, 1, "Wet")]

    with pytest.raises(BadReceipt) as refused:
        arrive(order, good(soap, 1), good(stranger, 1), damaged=broken)
    assert set(refused.value.fields) == {
        "lines.1.sku",
        "damaged.0.quantity",
        "damaged.0.damage",
        "damaged.1.sku",
    }
    with pytest.raises(BadReceipt) as refused:
        arrive(order, good(soap, 1, lot_number="A B"), damaged=[Damaged(soap.sku, 1, "Wet")])
    assert set(refused.value.fields) == {"lines.0.lot_number"}
    with pytest.raises(BadReceipt):
        arrive(order)

    assert (count(Receipt), count(Arrival), count(ReceiptLine)) == (0, 0, 0)
    assert order.status is PurchaseStatus.SENT


def test_nothing_arrives_of_what_was_not_sent(app: Flask) -> None:
    soap = a_variant()
    draft, cancelled = a_draft({soap: 1}), a_purchase({soap: 1})
    sending.cancel(cancelled, reason="Too dear", by=mona(), at=now())

    for order in (draft, cancelled):
        with pytest.raises(WrongState):
            arrive(order, good(soap, 1))

    assert count(ReceiptLine) == 0


def test_planning_sees_from_whom_a_variant_was_bought_last(app: Flask) -> None:
    soap = a_variant()
    first, then = a_supplier(), a_supplier()
    for supplier in (first, then):
        a_purchase({soap: 5}, supplier=supplier)
        db.session.commit()
    a_draft({soap: 9})

    assert queries.last_bought([soap.id])[soap.id].order.supplier is then
    assert queries.awaited([soap.id]) == {soap.id: 10}
