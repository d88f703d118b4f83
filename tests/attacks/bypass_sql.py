"""The same roads past all of our code: what a thief of the application's database role would run.

Each act is the honest one, statement by statement; `lies` are what the thief writes instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.attacks.attack import Sql

A_FILL = """
INSERT INTO fills (id, prescription_id, number, client_id, variant_id, state, quantity,
    fills_allowed, status, state_seq)
VALUES (%(id)s, %(prescription)s, %(number)s, %(client)s, %(variant)s, %(state)s, %(quantity)s,
    %(fills_allowed)s, 'reserved', 1)
"""
AN_ORDER = """
INSERT INTO orders (id, number, client_id, status, ship_to_state, name, line1, city, postal_code,
    shipping_method, subtotal_cents, discount_cents, shipping_cents, tax_cents, total_cents, pay_by)
VALUES (%(id)s, %(number)s, %(client)s, 'awaiting_payment', %(state)s, 'M', '1 St', 'Oakland',
    '94607', 'standard', %(subtotal)s, 0, 0, 0, %(subtotal)s, shop_now() + interval '1 hour')
"""
A_LINE = """
INSERT INTO order_lines (id, order_id, position, client_id, ship_to_state, variant_id, sku, name,
    quantity, price_id, unit_price_cents, total_cents, requires_prescription, fill_id,
    reservation_id, status)
VALUES (%(id)s, %(order)s, %(position)s, %(client)s, %(state)s, %(variant)s, %(sku)s, 'A thing', %(quantity)s,
    %(price)s, %(cents)s, %(subtotal)s, %(requires)s, %(fill)s, %(reservation)s, 'placed')
"""


def place(
    sql: Sql,
    *,
    fill: Mapping[str, Any] | None = None,
    without_fill: bool = False,
    **lies: Any,
) -> None:
    """An order of one line; `fill` are lies of the fill's row, `lies` of the line's."""
    facts = sql.facts
    quantity = lies.get("quantity", facts["quantity"])
    fill_id = None if without_fill else uuid.uuid4()
    if fill_id is not None:
        sql.tell("fill", fill_id, "reserved")
        sql.run(A_FILL, **({"id": fill_id, "number": 1} | dict(fill or {})))
    reservation, order, line = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    _promise(sql, reservation, quantity)
    subtotal = lies.get("subtotal", facts["cents"] * quantity)
    sql.tell("order", order, "awaiting_payment")
    sql.run(
        AN_ORDER,
        id=order,
        number=f"A-{order.hex[:8]}",
        subtotal=facts["cents"] * quantity,
        client=lies.get("client", facts["client"]),
        state=lies.get("state", facts["state"]),
    )
    sql.tell("order_line", line, "placed")
    told = {"requires": fill_id is not None, "fill": fill_id, "subtotal": subtotal} | lies
    for name, lie in lies.items():  # `client` lies of order and line, `line_client` of the line
        if name.startswith("line_"):
            told[name.removeprefix("line_")] = lie
    sql.run(
        A_LINE, **({"id": line, "order": order, "position": 1, "reservation": reservation} | told)
    )


def _promise(sql: Sql, reservation: uuid.UUID, units: int) -> None:
    sql.run(
        "INSERT INTO reservations (id, variant_id, units) VALUES (%(id)s, %(variant)s, %(units)s)",
        id=reservation,
        units=units,
    )
    sql.run(
        "INSERT INTO reservation_parts (id, reservation_id, lot_id, variant_id, units)"
        " SELECT gen_random_uuid(), %(id)s, id, variant_id, %(units)s FROM lots"
        " WHERE variant_id = %(variant)s LIMIT 1",
        id=reservation,
        units=units,
    )


def pay(sql: Sql, **lies: Any) -> None:
    """Begin a payment."""
    payment = uuid.uuid4()
    sql.tell("payment", payment, "created")
    sql.run(
        "INSERT INTO payments (id, order_id, status, amount_cents, page_ends_at)"
        " VALUES (%(id)s, %(order)s, 'created', %(amount)s, shop_now() + interval '35 minutes')",
        id=payment,
        amount=lies.get("amount", sql.facts["total"]),
    )


def settle(sql: Sql) -> None:
    """Say that the money of the payment under way has come, and what follows from it."""
    found = sql.run("SELECT id FROM payments WHERE order_id = %(order)s")
    if sql.facts["fill"] is not None:
        sql.move("fill", sql.facts["fill"], "consumed")
    sql.move("order", sql.facts["order"], "paid")
    sql.move("order_line", sql.facts["line"], "ready")
    seq = sql.tell("payment", found["id"], "succeeded")
    sql.run(
        "UPDATE payments SET status = 'succeeded', state_seq = %(seq)s,"
        " captured_cents = amount_cents WHERE id = %(payment)s",
        seq=seq,
        payment=found["id"],
    )


def pack(sql: Sql) -> None:
    """Put a paid line into its box."""
    sql.move("order_line", sql.facts["line"], "packed")


def ship(sql: Sql) -> None:
    """Let a paid line leave, with its movement, its fill and its parcel."""
    line, reservation = sql.facts["line"], sql.facts["reservation"]
    sql.move("order_line", line, "packed")
    sql.run(
        "UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(reservation)s"
        " AND ended_at IS NULL"
    )
    movement, shipment = uuid.uuid4(), uuid.uuid4()
    sql.run(
        "INSERT INTO movements (id, lot_id, kind, units, from_id, reference_id)"
        " SELECT %(id)s, lot_id, 'ship', part.units, p.id, %(line)s"
        " FROM reservation_parts part JOIN locations p ON p.code = 'SHELF'"
        " WHERE reservation_id = %(reservation)s",
        id=movement,
    )
    sql.run("UPDATE reservations SET shipped_at = now() WHERE id = %(id)s", id=reservation)
    if sql.facts["fill"] is not None:
        sql.move("fill", sql.facts["fill"], "dispensed")
    sql.run(
        "INSERT INTO shipments (id, number, order_id, carrier, tracking, shipped_by_id)"
        " VALUES (%(id)s, %(number)s, %(order)s, 'USPS', '1', %(staff)s)",
        id=shipment,
        number=f"S-{shipment.hex[:8]}",
    )
    sql.run(
        "INSERT INTO shipment_lines (id, shipment_id, order_line_id, lot_id, movement_id, fill_id,"
        " units) SELECT gen_random_uuid(), %(shipment)s, %(line)s, lot_id, id, %(fill)s, -delta"
        " FROM movements WHERE id = %(movement)s",
        shipment=shipment,
        movement=movement,
    )
    sql.move("order_line", line, "shipped")
    sql.move("order", sql.facts["order"], "closed")
