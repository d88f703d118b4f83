"""An order after it was placed: paid, cancelled, expired, shipped, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound, WrongState
from shop.orders import cancelling, expiring, paying, queries, revoking, shipping
from shop.orders import cart as carts
from shop.orders.errors import (
    AlreadyShipped,
    LineNotReady,
    NeedsClientAction,
    NotDueYet,
    NothingToShip,
    NotInOrder,
    NotPaid,
    TooSoon,
)
from shop.orders.models import Order, Shipment
from shop.orders.paying import Outcome
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import holding
from shop.prescriptions.errors import NoPrescription
from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import FillStatus, PrescriptionStatus
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, history, leave, paid, placed, shelf
from tests.people import alice, bob, mona, sam
from tests.prescriptions.builders import a_prescription


def ship(order: Order, by: Person, skus: list[str] | None = None) -> Shipment:
    shipment = leave(order, skus=skus, by=by)
    db.session.commit()
    return shipment


def prescribed(client: Person, **given: object) -> tuple[Variant, Prescription]:
    """A cream on the shelf and the client's prescription of it."""
    cream = a_cream()
    a_lot(cream, 10)
    return cream, a_prescription(client, cream, **given)


# The gate at the till.


def test_a_doctor_only_line_without_a_prescription_places_nothing(app: Flask) -> None:
    client, soap, cream = alice(), a_variant(), a_cream()
    lots = [a_lot(soap), a_lot(cream)]
    cart = a_cart(client, {soap: 1, cream: 1})
    db.session.commit()

    with pytest.raises(NoPrescription) as refused:
        placed(client, {}, cart=cart)
    db.session.rollback()

    assert refused.value.facts["sku"] == cream.sku
    (line,) = refused.value.facts["lines"]
    assert (line["sku"], line["decision"]) == (cream.sku, "needs_request")
    assert [reason["code"] for reason in line["reasons"]] == ["no_prescription"]
    assert [shelf(lot) for lot in lots] == [(10, 0), (10, 0)]
    assert len(carts.cart_of(client).lines) == 2
    assert placed(client, {}, cart=cart, skus=[soap.sku]).lines[0].sku == soap.sku


def test_a_prescribed_line_takes_the_first_fill(app: Flask) -> None:
    client = alice()
    cream, prescription = prescribed(client)

    (line,) = placed(client, {cream: 1}).lines

    assert line.requires_prescription
    assert line.fill is not None
    assert (line.fill.prescription_id, line.fill.number) == (prescription.id, 1)
    assert line.fill.status is FillStatus.RESERVED


def test_the_prescription_of_another_client_is_no_use(app: Flask) -> None:
    cream, _ = prescribed(alice())
    with pytest.raises(NoPrescription):
        placed(bob(state="CA"), {cream: 1})


def test_another_quantity_or_state_asks_the_client_to_change_it(app: Flask) -> None:
    client = alice()
    cream, _ = prescribed(client)
    cart = a_cart(client, {cream: 2})
    with pytest.raises(NeedsClientAction) as refused:
        placed(client, {}, cart=cart)
    assert refused.value.facts["lines"][0]["reasons"][0]["code"] == "other_quantity"


def test_the_next_fill_waits_for_the_interval_the_physician_set(app: Flask) -> None:
    client = alice()
    cream, _ = prescribed(client, interval_days=23)
    placed(client, {cream: 1})

    with pytest.raises(TooSoon) as refused:
        placed(client, {cream: 1})
    assert refused.value.facts["lines"][0]["until"] is not None


# Paying.


def test_payment_consumes_the_fill_and_makes_every_line_ready(app: Flask) -> None:
    client, soap = alice(), a_variant()
    lot = a_lot(soap)
    cream, _ = prescribed(client)

    order = paid(client, {soap: 1, cream: 1})

    assert order.status is OrderStatus.PAID
    assert order.paid_at is not None
    assert [line.status for line in order.lines] == [LineStatus.READY] * 2
    fill = next(line.fill for line in order.lines if line.fill)
    assert fill.status is FillStatus.CONSUMED
    assert shelf(lot) == (10, 1)
    assert history(order) == ["order_placed", "order_paid"]


def test_money_that_comes_again_changes_nothing(app: Flask) -> None:
    order = paid(*_one_soap())

    assert paying.mark_paid(order, at=now()) is Outcome.ALREADY_PAID
    assert history(order) == ["order_placed", "order_paid"]


def test_money_that_comes_after_the_end_changes_nothing(app: Flask) -> None:
    client, wishes = _one_soap()
    order = placed(client, wishes)
    cancelling.cancel(order, reason="changed_mind", by=client, at=now())

    assert paying.mark_paid(order, at=now()) is Outcome.TOO_LATE
    assert order.status is OrderStatus.CANCELLED


def test_money_for_what_can_no_longer_be_delivered_cancels_the_order(app: Flask) -> None:
    client, soap = alice(), a_variant()
    lot = a_lot(soap)
    cream, prescription = prescribed(client)
    order = placed(client, {soap: 1, cream: 1})
    holding.hold(prescription, reason="Waiting for a result.", by=prescription.prescriber, at=now())
    db.session.commit()

    assert paying.mark_paid(order, at=now()) is Outcome.NOT_DELIVERABLE
    db.session.commit()

    assert order.status is OrderStatus.CANCELLED
    assert {line.status for line in order.lines} == {LineStatus.CANCELLED}
    assert shelf(lot) == (10, 0)
    assert _fill_statuses(prescription) == [FillStatus.RELEASED]


# Taking it back.


@pytest.mark.parametrize("make", [placed, paid])
def test_cancelling_gives_everything_back(app: Flask, make: object) -> None:
    client, soap = alice(), a_variant()
    lot = a_lot(soap)
    cream, prescription = prescribed(client)
    order = make(client, {soap: 2, cream: 1})  # type: ignore[operator]

    cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    db.session.commit()

    assert order.status is OrderStatus.CANCELLED
    assert order.ended_at is not None
    assert {line.status for line in order.lines} == {LineStatus.CANCELLED}
    assert shelf(lot) == (10, 0)
    assert _fill_statuses(prescription) == [FillStatus.RELEASED]
    assert placed(client, {cream: 1}).lines[0].fill.number == 1  # type: ignore[union-attr]


def test_what_is_over_cannot_be_cancelled_again(app: Flask) -> None:
    client, wishes = _one_soap()
    order = placed(client, wishes)
    cancelling.cancel(order, reason="changed_mind", by=client, at=now())

    with pytest.raises(WrongState) as refused:
        cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    assert refused.value.facts == {"status": "cancelled", "wanted": "cancelled"}


def test_an_order_of_which_something_left_is_not_cancelled(app: Flask) -> None:
    client, soap, balm = alice(), a_variant(), a_variant()
    a_lot(soap), a_lot(balm)
    order = paid(client, {soap: 1, balm: 1})
    ship(order, sam(), [soap.sku])

    with pytest.raises(AlreadyShipped) as refused:
        cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    assert refused.value.facts == {"skus": [soap.sku], "status": "paid"}
    assert order.status is OrderStatus.PAID


def test_an_order_expires_only_after_its_time_to_pay(app: Flask) -> None:
    client, soap = alice(), a_variant()
    lot = a_lot(soap)
    order = placed(client, {soap: 1})

    with pytest.raises(NotDueYet):
        expiring.expire(order, at=now())
    assert order.status is OrderStatus.AWAITING_PAYMENT

    order.pay_by = now() - timedelta(seconds=1)
    db.session.commit()
    expiring.expire(order, at=now())
    db.session.commit()
    assert order.status is OrderStatus.EXPIRED
    assert shelf(lot) == (10, 0)


def test_a_paid_order_does_not_expire(app: Flask) -> None:
    order = paid(*_one_soap())
    with pytest.raises(WrongState):
        expiring.expire(order, at=order.pay_by)
    assert order.status is OrderStatus.PAID


# Shipping.


def test_ships_from_the_lot_that_expires_first_and_closes_the_order(app: Flask) -> None:
    client, soap, packer = alice(), a_variant(), sam()
    late, soon = a_lot(soap, 5, days=200), a_lot(soap, 2, days=100)
    cream, prescription = prescribed(client)
    order = paid(client, {soap: 3, cream: 1})

    listed = shipping.picking_list(order, at=now())
    assert [(pick.lot.id, pick.units) for pick in listed[0].picks] == [(soon.id, 2), (late.id, 1)]
    assert all(line.goes for line in listed)
    shipment = ship(order, packer)

    assert [(part.lot_id, part.units) for part in shipment.lines if part.line.sku == soap.sku] == [
        (soon.id, 2),
        (late.id, 1),
    ]
    assert shelf(soon) == (0, 0)
    assert shelf(late) == (4, 0)
    assert order.status is OrderStatus.CLOSED
    assert {line.status for line in order.lines} == {LineStatus.SHIPPED}
    assert all(line.shipped_at is not None for line in order.lines)
    assert _fill_statuses(prescription) == [FillStatus.DISPENSED]
    assert history(order.lines[0]) == ["line_placed", "line_ready", "line_packed", "line_shipped"]


def test_a_line_ships_while_another_waits(app: Flask) -> None:
    client, soap, balm = alice(), a_variant(), a_variant()
    a_lot(soap), a_lot(balm)
    order = paid(client, {soap: 1, balm: 1})

    ship(order, sam(), [balm.sku])

    assert order.status is OrderStatus.PAID
    assert {line.sku: line.status for line in order.lines} == {
        soap.sku: LineStatus.READY,
        balm.sku: LineStatus.SHIPPED,
    }
    with pytest.raises(LineNotReady) as refused:
        ship(order, sam(), [balm.sku])
    assert refused.value.facts == {"sku": balm.sku, "status": "shipped"}


def test_only_what_is_paid_ships(app: Flask) -> None:
    order = placed(*_one_soap())
    with pytest.raises(NotPaid) as refused:
        ship(order, sam())
    assert refused.value.facts == {"status": "awaiting_payment"}


def test_only_lines_of_the_order_ship(app: Flask) -> None:
    order = paid(*_one_soap())
    with pytest.raises(NotInOrder) as refused:
        ship(order, sam(), ["SKU-NONE"])
    assert refused.value.facts == {"skus": ["SKU-NONE"]}


def test_nothing_ships_under_a_prescription_on_hold(app: Flask) -> None:
    client, packer = alice(), sam()
    cream, prescription = prescribed(client)
    order = paid(client, {cream: 1})
    holding.hold(prescription, reason="A question.", by=prescription.prescriber, at=now())
    db.session.commit()

    (listed,) = shipping.picking_list(order, at=now())
    assert not listed.goes
    with pytest.raises(Exception, match="on hold") as refused:
        ship(order, packer)
    db.session.rollback()

    assert refused.value.code == "line_blocked"  # type: ignore[attr-defined]
    order = queries.locked_order(order.id)
    assert order.lines[0].status is LineStatus.READY
    assert order.shipments == []


# Revoking.


def test_revoking_cancels_what_is_unpaid_and_holds_what_is_still_here(app: Flask) -> None:
    client, soap = alice(), a_variant()
    lot = a_lot(soap)
    cream, prescription = prescribed(client, fills=3, days_supply=1)
    gone = paid(client, {cream: 1})
    ship(gone, sam())
    kept = paid(client, {cream: 1, soap: 1}, days=1)
    unpaid = placed(client, {cream: 1, soap: 1}, days=2)

    done = revoking.revoke(prescription, reason="Pregnancy.", by=prescription.prescriber, at=now())
    db.session.commit()

    assert [order.number for order in done.cancelled] == [unpaid.number]
    assert [line.order_id for line in done.held] == [kept.id]
    assert [line.order_id for line in done.gone] == [gone.id]
    assert prescription.status is PrescriptionStatus.REVOKED
    assert unpaid.status is OrderStatus.CANCELLED
    assert kept.status is OrderStatus.PAID
    assert {line.sku: line.status for line in kept.lines} == {
        cream.sku: LineStatus.ON_HOLD,
        soap.sku: LineStatus.READY,
    }
    assert next(line for line in kept.lines if line.sku == cream.sku).held_at is not None
    assert shelf(lot) == (10, 1)
    ship(kept, sam())
    assert kept.status is OrderStatus.PAID
    with pytest.raises(NothingToShip):
        ship(kept, sam())


def test_what_is_on_hold_can_be_cancelled(app: Flask) -> None:
    client = alice()
    cream, prescription = prescribed(client)
    order = paid(client, {cream: 1})
    revoking.revoke(prescription, reason="Pregnancy.", by=prescription.prescriber, at=now())

    cancelling.cancel(order, reason="changed_mind", by=client, at=now())
    db.session.commit()

    assert order.status is OrderStatus.CANCELLED
    assert _fill_statuses(prescription) == [FillStatus.RELEASED]


# Who sees what.


def test_an_order_is_found_by_its_client_and_by_staff_only(app: Flask) -> None:
    client, wishes = _one_soap()
    order = placed(client, wishes)

    for reader in (client, sam(), mona()):
        assert queries.order_for(reader, order.number).id == order.id
    for stranger in (bob(), a_prescription().prescriber):
        with pytest.raises(NotFound):
            queries.order_for(stranger, order.number)
    assert list(db.session.scalars(queries.orders_for(bob()))) == []


def _one_soap() -> tuple[Person, dict[Variant, int]]:
    soap = a_variant()
    a_lot(soap)
    return alice(), {soap: 1}


def _fill_statuses(prescription: Prescription) -> list[FillStatus]:
    query = sa.select(Fill.status).where(Fill.prescription_id == prescription.id)
    return list(db.session.scalars(query))
