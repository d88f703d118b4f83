"""Direct SQL as the application's own role: what PostgreSQL itself refuses (I1, I6, I12, I13, I22)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.rows import dict_row

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.inventory import stock
from shop.orders import shipping
from shop.orders.models import Order
from shop.prescriptions import holding
from shop.prescriptions.models import Prescription
from tests.builders import a_cream, a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot, today
from tests.orders.things import a_cart, paid, placed
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription


@dataclass
class Attacker:
    """The application's role, past all of our code."""

    connection: psycopg.Connection[Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, statement: str, **more: Any) -> Any:
        cursor = self.connection.cursor(row_factory=dict_row)
        cursor.execute(statement, self.facts | more)
        return cursor.fetchone() if cursor.description else None

    def tell(self, machine: str, subject: Any, to: str) -> int:
        """Record an event, as anybody who changes a status must."""
        found = self.run(
            "INSERT INTO events (subject_id, machine, kind, to_state)"
            " VALUES (%(subject)s, %(machine)s, 'attack', %(to)s) RETURNING seq",
            subject=subject,
            machine=machine,
            to=to,
        )
        return int(found["seq"])

    def move(self, machine: str, subject: Any, to: str) -> None:
        """Change a status with its event."""
        table = {"order": "orders", "order_line": "order_lines", "fill": "fills"}[machine]
        seq = self.tell(machine, subject, to)
        self.run(
            f"UPDATE {table} SET status = %(to)s, state_seq = %(seq)s WHERE id = %(subject)s",
            subject=subject,
            to=to,
            seq=seq,
        )

    def refused(self, attack: Callable[[], None]) -> str:
        """The name of what refuses the attack, at the statement or at the commit."""
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            self._through(attack)
        self.connection.rollback()
        return refused.value.diag.constraint_name or ""

    def _through(self, attack: Callable[[], None]) -> None:
        attack()
        self.connection.commit()

    def forbidden(self, statement: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            self.run(statement)
        self.connection.rollback()


@pytest.fixture
def attacker(live: Database) -> Iterator[Attacker]:
    with live.as_role("aftercare_app") as connection:
        connection.execute("SELECT set_config('app.actor', 'person:mallory', false)")
        connection.commit()
        yield Attacker(connection)


@pytest.fixture
def waiting(live_app: Flask, attacker: Attacker) -> Attacker:
    """Facts of an order of a soap and a cream that awaits its payment."""
    return _facts(live_app, attacker, placed)


@pytest.fixture
def ready(live_app: Flask, attacker: Attacker) -> Attacker:
    """Facts of the same order, paid."""
    return _facts(live_app, attacker, paid)


def _facts(app: Flask, attacker: Attacker, make: Callable[..., Order]) -> Attacker:
    with app.app_context():
        act_as("system:test")
        client, soap, cream = alice(), a_variant(), a_cream()
        a_lot(soap), a_lot(cream)
        prescription = a_prescription(client, cream)
        order = make(client, {soap: 1, cream: 1})
        a_cart(client, {soap: 3})
        spare, spare_cream = stock.reserve([(soap.id, 1), (cream.id, 1)], today=today())
        db.session.commit()
        of_soap, of_cream = order.lines
        attacker.facts = {
            "order": order.id,
            "soap": of_soap.id,
            "cream": of_cream.id,
            "fill": of_cream.fill_id,
            "prescription": prescription.id,
            "spare": spare.id,
            "spare_cream": spare_cream.id,
            "soap_variant": soap.id,
            "cream_variant": cream.id,
            "client": client.id,
        }
    return attacker


A_LINE = """
INSERT INTO order_lines (id, order_id, position, client_id, ship_to_state, variant_id, sku, name,
    quantity, price_id, unit_price_cents, total_cents, requires_prescription, reservation_id,
    status)
SELECT %(new)s, %(to)s, 9, client_id, ship_to_state, variant_id, sku, name, 1, price_id,
    unit_price_cents, unit_price_cents, false, %(spare)s, 'placed'
FROM order_lines WHERE id = %(like)s
"""
AN_ORDER = """
INSERT INTO orders (id, number, client_id, status, ship_to_state, name, line1, city, postal_code,
    shipping_method, subtotal_cents, discount_cents, shipping_cents, tax_cents, total_cents, pay_by)
SELECT %(new)s, %(number)s, client_id, 'awaiting_payment', ship_to_state, name, line1, city,
    postal_code, shipping_method, %(subtotal)s, 0, 0, 0, %(subtotal)s, pay_by
FROM orders WHERE id = %(order)s
"""


def _an_order(attacker: Attacker, subtotal: int) -> uuid.UUID:
    new = uuid.uuid4()
    attacker.tell("order", new, "awaiting_payment")
    attacker.run(AN_ORDER, new=new, number=f"A-{new.hex[:8]}", subtotal=subtotal)
    return new


def _a_line(attacker: Attacker, to: Any, like: str = "soap") -> None:
    new = uuid.uuid4()
    attacker.tell("order_line", new, "placed")
    attacker.run(A_LINE, new=new, to=to, like=attacker.facts[like])


# Born together, and never changed.


def test_a_line_cannot_be_added_to_an_order_that_was_placed(waiting: Attacker) -> None:
    assert waiting.refused(lambda: _a_line(waiting, waiting.facts["order"])) == (
        "line_is_of_its_order"
    )


def test_an_order_has_a_line(waiting: Attacker) -> None:
    assert waiting.refused(lambda: _an_order(waiting, 2400) and None) == "order_has_a_line"


def test_the_subtotal_is_the_sum_of_the_lines(waiting: Attacker) -> None:
    def attack() -> None:
        _a_line(waiting, _an_order(waiting, 2399))

    assert waiting.refused(attack) == "subtotal_is_the_sum_of_the_lines"


def test_an_honest_order_goes_through(waiting: Attacker) -> None:
    _a_line(waiting, _an_order(waiting, 2400))
    waiting.connection.commit()


def test_a_doctor_only_line_says_that_it_is(waiting: Attacker) -> None:
    waiting.facts["spare"] = waiting.facts["spare_cream"]

    def attack() -> None:
        _a_line(waiting, _an_order(waiting, 6200), like="cream")

    assert waiting.refused(attack) == "doctor_only_line_requires_a_prescription"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("UPDATE variants SET for_sale = false WHERE id = %(soap_variant)s", "line_is_for_sale"),
        (
            "UPDATE prices SET valid_until = shop_now() - interval '2 min' WHERE variant_id = %(soap_variant)s",
            "line_price_is_in_force",
        ),
    ],
)
def test_a_line_is_sold_at_a_price_in_force(waiting: Attacker, change: str, name: str) -> None:
    def attack() -> None:
        waiting.run(change)
        _a_line(waiting, _an_order(waiting, 2400))

    assert waiting.refused(attack) == name


FORBIDDEN = {
    "the total": "UPDATE orders SET total_cents = 50",
    "the tax": "UPDATE orders SET tax_cents = 0",
    "the address": "UPDATE orders SET city = 'Elsewhere'",
    "the state": "UPDATE orders SET ship_to_state = 'TX'",
    "who ordered": "UPDATE orders SET client_id = gen_random_uuid()",
    "when it was paid": "UPDATE orders SET paid_at = now()",
    "when it ended": "UPDATE orders SET ended_at = now()",
    "when it was placed": "UPDATE orders SET placed_at = now()",
    "who placed it": "UPDATE orders SET placed_xid = '1'",
    "the quantity": "UPDATE order_lines SET quantity = 2",
    "the price": "UPDATE order_lines SET unit_price_cents = 1",
    "the fill": "UPDATE order_lines SET fill_id = NULL",
    "the need of a prescription": "UPDATE order_lines SET requires_prescription = false",
    "when it was shipped": "UPDATE order_lines SET shipped_at = now()",
    "when it was held": "UPDATE order_lines SET held_at = NULL",
    "when it was cancelled": "UPDATE order_lines SET cancelled_at = NULL",
    "the line's birth": "INSERT INTO order_lines (placed_xid) VALUES ('1')",
    "the order's birth": "INSERT INTO orders (placed_xid) VALUES ('1')",
    "the time of a parcel": "INSERT INTO shipments (shipped_at) VALUES (now())",
    "a parcel": "UPDATE shipments SET tracking = ''",
    "a parcel's line": "UPDATE shipment_lines SET units = 1",
    "an order, away": "DELETE FROM orders",
    "a line, away": "DELETE FROM order_lines",
    "a parcel, away": "DELETE FROM shipments",
    "a parcel's line, away": "DELETE FROM shipment_lines",
    "whose cart": "UPDATE carts SET client_id = gen_random_uuid()",
    "the judge": "SELECT order_judged(gen_random_uuid())",
}


@pytest.mark.parametrize("role", ["aftercare_app", "aftercare_worker"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_application_may_not_change(live: Database, role: str, what: str) -> None:
    with live.as_role(role) as connection:
        Attacker(connection).forbidden(FORBIDDEN[what])


@pytest.mark.parametrize("table", ["shipments", "shipment_lines"])
def test_parcels_are_kept_even_by_the_owner(live: Database, table: str) -> None:
    with live.as_role("aftercare_owner") as connection:
        attacker = Attacker(connection)
        assert attacker.refused(lambda: attacker.run(f"DELETE FROM {table}")) == f"{table}_are_kept"


# Along the arrows, with an event for each.


def test_no_status_changes_without_its_event(waiting: Attacker) -> None:
    def attack() -> None:
        waiting.run("UPDATE orders SET status = 'cancelled', state_seq = 2 WHERE id = %(order)s")

    assert waiting.refused(attack) == "order_status_has_its_event"


def test_no_line_changes_without_its_event(waiting: Attacker) -> None:
    def attack() -> None:
        waiting.run(
            "UPDATE order_lines SET status = 'cancelled', state_seq = 2 WHERE id = %(soap)s"
        )

    assert waiting.refused(attack) == "order_line_status_has_its_event"


def test_only_along_an_arrow(waiting: Attacker) -> None:
    assert waiting.refused(lambda: waiting.move("order", waiting.facts["order"], "closed")) == (
        "event_is_a_legal_transition"
    )


def test_never_back_to_an_event_that_has_been(ready: Attacker) -> None:
    def order() -> None:
        ready.run(
            "UPDATE orders SET status = 'awaiting_payment', state_seq = 1 WHERE id = %(order)s"
        )

    def line() -> None:
        ready.run("UPDATE order_lines SET status = 'placed', state_seq = 1 WHERE id = %(soap)s")

    assert ready.refused(order) == "order_goes_along_an_arrow"
    assert ready.refused(line) == "line_goes_along_an_arrow"


def test_an_order_is_what_its_last_event_says(ready: Attacker) -> None:
    def order() -> None:
        seq = ready.tell("order", ready.facts["order"], "paid")
        ready.tell("order", ready.facts["order"], "cancelled")
        ready.run(
            "UPDATE orders SET status = status, state_seq = %(seq)s WHERE id = %(order)s", seq=seq
        )

    def line() -> None:
        seq = ready.tell("order_line", ready.facts["soap"], "ready")
        ready.tell("order_line", ready.facts["soap"], "packed")
        ready.run(
            "UPDATE order_lines SET status = status, state_seq = %(seq)s WHERE id = %(soap)s",
            seq=seq,
        )

    assert ready.refused(order) == "order_is_what_its_last_event_says"
    assert ready.refused(line) == "line_is_what_its_last_event_says"


def test_an_order_expires_only_after_its_time(waiting: Attacker) -> None:
    assert waiting.refused(lambda: waiting.move("order", waiting.facts["order"], "expired")) == (
        "expired_after_its_time_to_pay"
    )


# An order and its lines agree.


def test_no_line_is_ready_before_the_order_is_paid(waiting: Attacker) -> None:
    assert waiting.refused(lambda: waiting.move("order_line", waiting.facts["soap"], "ready")) == (
        "only_a_paid_order_moves_its_lines"
    )


@pytest.mark.parametrize("end", ["paid", "cancelled"])
def test_no_line_is_left_behind(waiting: Attacker, end: str) -> None:
    assert waiting.refused(lambda: waiting.move("order", waiting.facts["order"], end)) == (
        "placed_line_awaits_payment"
    )


def test_no_order_is_closed_with_something_to_ship(ready: Attacker) -> None:
    assert ready.refused(lambda: ready.move("order", ready.facts["order"], "closed")) == (
        "closed_order_has_nothing_to_ship"
    )


@pytest.mark.parametrize("line", ["soap", "cream"])
def test_a_cancelled_line_gives_everything_back(ready: Attacker, line: str) -> None:
    assert ready.refused(lambda: ready.move("order_line", ready.facts[line], "cancelled")) == (
        "cancelled_line_holds_nothing"
    )


# The gate.


def test_no_order_is_paid_on_a_fill_that_was_not_consumed(waiting: Attacker) -> None:
    def attack() -> None:
        waiting.move("order", waiting.facts["order"], "paid")
        for line in ("soap", "cream"):
            waiting.move("order_line", waiting.facts[line], "ready")

    assert waiting.refused(attack) == "fill_is_consumed_when_paid"


def test_no_fill_is_consumed_before_the_order_is_paid(waiting: Attacker) -> None:
    assert waiting.refused(lambda: waiting.move("fill", waiting.facts["fill"], "consumed")) == (
        "fill_is_consumed_when_paid"
    )


@pytest.mark.parametrize("scene", ["waiting", "ready"])
def test_no_fill_is_released_under_a_live_line(scene: str, request: pytest.FixtureRequest) -> None:
    attacker: Attacker = request.getfixturevalue(scene)
    assert attacker.refused(lambda: attacker.move("fill", attacker.facts["fill"], "released")) == (
        "live_line_keeps_its_fill"
    )


def test_no_fill_is_dispensed_that_does_not_leave(ready: Attacker) -> None:
    assert ready.refused(lambda: ready.move("fill", ready.facts["fill"], "dispensed")) == (
        "fill_is_dispensed_when_shipped"
    )


def test_nothing_is_packed_under_a_prescription_that_does_not_stand(
    ready: Attacker, live_app: Flask
) -> None:
    _hold(live_app, ready)
    assert ready.refused(lambda: ready.move("order_line", ready.facts["cream"], "packed")) == (
        "line_goes_on_under_a_standing_prescription"
    )


def test_nothing_is_shipped_under_a_prescription_that_does_not_stand(
    ready: Attacker, live_app: Flask
) -> None:
    ready.move("order_line", ready.facts["cream"], "packed")
    ready.connection.commit()
    _hold(live_app, ready)

    def attack() -> None:
        ready.move("order_line", ready.facts["cream"], "shipped")

    assert ready.refused(attack) == "line_goes_on_under_a_standing_prescription"


def _hold(app: Flask, attacker: Attacker) -> None:
    with app.app_context():
        act_as("system:test")
        prescription = db.session.get_one(Prescription, attacker.facts["prescription"])
        holding.hold(prescription, reason="A test.", by=prescription.prescriber, at=now())
        db.session.commit()


# What leaves.


def test_a_live_line_keeps_its_reservation(ready: Attacker) -> None:
    def attack() -> None:
        reservation = "(SELECT reservation_id FROM order_lines WHERE id = %(soap)s)"
        ready.run(
            "UPDATE reservation_parts SET ended_at = now() WHERE ended_at IS NULL"
            f" AND reservation_id = {reservation}"
        )
        ready.run(f"UPDATE reservations SET released_at = now() WHERE id = {reservation}")

    assert ready.refused(attack) == "line_keeps_its_reservation"


def test_no_line_is_shipped_whose_units_are_still_here(ready: Attacker) -> None:
    def attack() -> None:
        ready.move("order_line", ready.facts["soap"], "packed")
        ready.move("order_line", ready.facts["soap"], "shipped")

    assert ready.refused(attack) == "shipped_line_took_its_reservation"


def _ship_the_soap_without_parcels(attacker: Attacker) -> None:
    attacker.move("order_line", attacker.facts["soap"], "packed")
    reservation = "(SELECT reservation_id FROM order_lines WHERE id = %(soap)s)"
    attacker.run(
        "UPDATE reservation_parts SET ended_at = now() WHERE ended_at IS NULL"
        f" AND reservation_id = {reservation}"
    )
    attacker.run(
        "INSERT INTO movements (id, lot_id, kind, delta, reference_id)"
        " SELECT gen_random_uuid(), id, 'ship', -1, %(soap)s FROM lots"
        " WHERE variant_id = %(soap_variant)s LIMIT 1"
    )
    attacker.run(f"UPDATE reservations SET shipped_at = now() WHERE id = {reservation}")
    attacker.move("order_line", attacker.facts["soap"], "shipped")


def test_no_line_is_shipped_without_the_parcels_that_say_from_which_lot(ready: Attacker) -> None:
    assert ready.refused(lambda: _ship_the_soap_without_parcels(ready)) == (
        "parcels_hold_the_whole_line"
    )


@pytest.mark.parametrize(
    ("line", "units", "kind"), [("soap", 2, "ship"), ("cream", 1, "ship"), ("soap", 10, "receive")]
)
def test_a_parcel_tells_the_truth_about_its_movement(
    ready: Attacker, line: str, units: int, kind: str
) -> None:
    def attack() -> None:
        _ship_the_soap_without_parcels(ready)
        shipment = uuid.uuid4()
        ready.run(
            "INSERT INTO shipments (id, number, order_id, carrier, tracking, shipped_by_id)"
            " VALUES (%(shipment)s, %(number)s, %(order)s, 'USPS', '1', %(client)s)",
            shipment=shipment,
            number=f"S-{shipment.hex[:8]}",
        )
        ready.run(
            "INSERT INTO shipment_lines (id, shipment_id, order_line_id, lot_id, movement_id,"
            " units) SELECT gen_random_uuid(), %(shipment)s, %(line)s, m.lot_id, m.id, %(units)s"
            " FROM movements m JOIN lots l ON l.id = m.lot_id"
            " WHERE l.variant_id = %(soap_variant)s AND m.kind = %(kind)s",
            shipment=shipment,
            line=ready.facts[line],
            units=units,
            kind=kind,
        )

    assert ready.refused(attack) == "shipment_line_is_what_was_shipped"


def test_no_parcel_is_made_of_what_has_left_already(ready: Attacker, live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        order = db.session.get_one(Order, ready.facts["order"])
        shipping.ship(order, skus=None, carrier="USPS", tracking="1", by=sam(), at=now())
        db.session.commit()

    def attack() -> None:
        ready.run(
            "INSERT INTO shipment_lines (id, shipment_id, order_line_id, lot_id, movement_id,"
            " units) SELECT gen_random_uuid(), shipment_id, order_line_id, lot_id, movement_id,"
            " units FROM shipment_lines WHERE order_line_id = %(soap)s"
        )

    assert ready.refused(attack) == "shipment_lines_movement_key"


# What the application needs, it may.


def test_carts_may_be_emptied(waiting: Attacker) -> None:
    waiting.run(
        "DELETE FROM cart_lines WHERE cart_id IN"
        " (SELECT id FROM carts WHERE client_id = %(client)s)"
    )
    waiting.run("DELETE FROM carts WHERE client_id = %(client)s")
    waiting.connection.commit()


def test_the_time_to_pay_may_be_moved(waiting: Attacker) -> None:
    waiting.run("UPDATE orders SET pay_by = pay_by + interval '5 min' WHERE id = %(order)s")
    waiting.connection.commit()
