"""Attacks on orders, their lines and their parcels: I1, I5, I6, I12, I13, I22."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import stock
from shop.orders import cancelling
from shop.orders.models import Order
from shop.prescriptions import filling
from tests.attacks.acts import as_owner, insert, later, row, update
from tests.attacks.attack import APP, OWNER, TABLES, WORKER, Attacks, Sql
from tests.builders import a_cream, a_variant
from tests.credit.builders import with_credit
from tests.inventory.lots import a_lot, today
from tests.orders.things import a_cart, leave, packed, paid, placed
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription

__all__ = ["ATTACKS", "begin_payment", "money_comes", "order_moves", "scene"]

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Orders of a soap and a cream: waiting, paid, gone (shipped and closed) and over (cancelled).

    Beside them units and fills that are promised to no line yet, one of each kind that does not fit.
    """
    soap, cream = a_variant(), a_cream()
    facts = {
        "soap_variant": soap.id,
        "cream_variant": cream.id,
        "soap_lot": a_lot(soap, 30).id,
        "soap_lot_2": a_lot(soap, 30, days=400).id,
        "cream_lot": a_lot(cream, 30).id,
        "staff": sam().id,
    }
    for name, make in (("waiting", placed), ("paid", paid), ("gone", paid), ("over", placed)):
        client = alice()
        prescription = a_prescription(client, cream)
        order = make(client, {soap: 1, cream: 1})
        packed(order)
        facts |= _known(name, order) | {f"{name}_prescription": prescription.id}
    facts |= _spare(soap, cream, facts)
    with_credit(50_00, db.session.get_one(Order, facts["waiting"]).client)
    a_cart(db.session.get_one(Order, facts["waiting"]).client, {soap: 3})
    _end(facts["gone"], facts["over"])
    db.session.commit()
    return facts


def _known(name: str, order: Order) -> dict[str, Any]:
    of_soap, of_cream = order.lines
    return {
        name: order.id,
        f"{name}_client": order.client_id,
        f"{name}_soap": of_soap.id,
        f"{name}_cream": of_cream.id,
        f"{name}_fill": of_cream.fill_id,
    }


def _spare(soap: Any, cream: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Reservations and fills without a line; the fills are of the client whose order waits."""
    client = db.session.get_one(Order, facts["waiting"]).client
    other_cream = a_cream()
    one_soap, two_soaps, one_cream, two_creams = stock.reserve(
        [(soap.id, 1), (soap.id, 2), (cream.id, 1), (cream.id, 2)], today=today()
    )
    under = {
        "spare_fill": facts["waiting_prescription"],
        "fill_of_another": facts["paid_prescription"],
        "fill_of_another_cream": a_prescription(client, other_cream).id,
    }
    fills = {
        name: filling.reserve(prescription, state="CA", quantity=1, at=now())
        for name, prescription in under.items()
    }
    # Each of the next takes the place of the one before, which keeps what was taken of it.
    for_two = a_prescription(client, cream, quantity=2)
    fills["fill_of_two"] = filling.reserve(for_two.id, state="CA", quantity=2, at=now())
    elsewhere = a_prescription(client, cream, ship_to_state="NV")
    fills["fill_for_nv"] = filling.reserve(elsewhere.id, state="NV", quantity=1, at=now())
    fills["used_fill"] = filling.reserve(elsewhere.id, state="CA", quantity=1, at=now())
    filling.consume(fills["used_fill"], at=now())
    return {name: fill.id for name, fill in fills.items()} | {
        "spare": one_soap.id,
        "spare_two": two_soaps.id,
        "spare_cream": one_cream.id,
        "spare_two_creams": two_creams.id,
    }


def _end(gone: Any, over: Any) -> None:
    leaving = db.session.get_one(Order, gone)
    leave(leaving)
    ending = db.session.get_one(Order, over)
    cancelling.cancel(ending, reason="changed_mind", by=ending.client, at=now())


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.

OF_AN_ORDER = (
    *("client_id", "ship_to_state", "name", "line1", "city", "postal_code", "shipping_method"),
    *("pay_by", "currency", "country"),
)
OF_A_LINE = (
    *("client_id", "ship_to_state", "variant_id", "sku", "name", "price_id", "unit_price_cents"),
    *("requires_prescription", "status"),
)


def _order(attacker: Sql, subtotal: int = 2400, **given: Any) -> Any:
    """An order like the one that waits, without lines."""
    like = row(attacker, "orders", attacker.facts["waiting"])
    key = uuid.uuid4()
    values = {name: like[name] for name in OF_AN_ORDER} | {
        "id": key,
        "number": f"A-{key.hex[:8]}",
        "status": "awaiting_payment",
        "subtotal_cents": subtotal,
        "discount_cents": 0,
        "shipping_cents": 0,
        "tax_cents": 0,
        "total_cents": subtotal,
    }
    values |= given
    attacker.tell("order", values["id"], values["status"])
    insert(attacker, "orders", values)
    return values["id"]


def _line(attacker: Sql, order: Any, **given: Any) -> Any:
    """A line of one soap, on units that are promised to nobody else."""
    return _line_like(attacker, "waiting_soap", order, reservation="spare", **given)


def _cream_line(attacker: Sql, order: Any, fill: str = "spare_fill", **given: Any) -> Any:
    """A line of one cream, on a fill of its client's."""
    values = {"fill_id": attacker.facts[fill]} | given
    return _line_like(attacker, "waiting_cream", order, reservation="spare_cream", **values)


def _line_like(attacker: Sql, like: str, order: Any, reservation: str, **given: Any) -> Any:
    model = row(attacker, "order_lines", attacker.facts[like])
    key = uuid.uuid4()
    values = {name: model[name] for name in OF_A_LINE} | {
        "id": key,
        "order_id": order,
        "position": 9,
        "quantity": 1,
        "status": "placed",
        "reservation_id": attacker.facts[reservation],
    }
    values |= given
    values.setdefault("total_cents", values["unit_price_cents"] * values["quantity"])
    attacker.tell("order_line", values["id"], values["status"])
    insert(attacker, "order_lines", values)
    return values["id"]


def _hold(attacker: Sql, order: str) -> None:
    """The prescription behind an order is put on hold."""
    prescription = row(attacker, "prescriptions", attacker.facts[f"{order}_prescription"])
    update(
        attacker,
        "prescriptions",
        prescription["id"],
        status="on_hold",
        state_seq=attacker.tell("prescription", prescription["id"], "on_hold"),
        held_by_id=prescription["prescriber_id"],
    )


def _lapse(attacker: Sql, order: str) -> None:
    """The licence of the prescriber behind an order is ended."""
    attacker.run(
        "UPDATE licences SET ended_on = (shop_now() AT TIME ZONE 'UTC')::date,"
        " ended_by_id = person_id FROM prescriptions p"
        " WHERE p.id = %(rx)s AND person_id = p.prescriber_id AND licences.state = 'CA'",
        rx=attacker.facts[f"{order}_prescription"],
    )


def _give_units_back(attacker: Sql, line: str, how: str = "released_at") -> None:
    attacker.run(
        "UPDATE reservation_parts SET ended_at = shop_now() FROM order_lines l"
        " WHERE l.id = %(line)s AND reservation_parts.reservation_id = l.reservation_id",
        line=attacker.facts[line],
    )
    attacker.run(
        f"UPDATE reservations SET {how} = shop_now() FROM order_lines l"
        " WHERE l.id = %(line)s AND reservations.id = l.reservation_id",
        line=attacker.facts[line],
    )


def _move(attacker: Sql, machine: str, which: str, *path: str) -> None:
    for status in path:
        attacker.move(machine, attacker.facts[which], status)


def _change(attacker: Sql, machine: str, which: str, status: str, **also: Any) -> None:
    """Change a status with its event, and something else with it."""
    subject = attacker.facts[which]
    seq = attacker.tell(machine, subject, status)
    update(attacker, TABLES[machine], subject, status=status, state_seq=seq, **also)


def _end_order(attacker: Sql, order: str, status: str, **also: Any) -> None:
    """Give everything back and end an order, as the code does."""
    _move(attacker, "fill", f"{order}_fill", "released")
    for thing in ("soap", "cream"):
        _give_units_back(attacker, f"{order}_{thing}")
        _move(attacker, "order_line", f"{order}_{thing}", "cancelled")
    _change(attacker, "order", order, status, **also)


def begin_payment(attacker: Sql, order: Any, **given: Any) -> Any:
    """A payment of an order's total, just begun; its id."""
    key = uuid.uuid4()
    total = row(attacker, "orders", order)["total_cents"]
    values = {
        "id": key,
        "order_id": order,
        "status": "created",
        "amount_cents": total,
        "page_ends_at": attacker.run("SELECT shop_now() + interval '35 min' AS ends")["ends"],
    } | given
    attacker.tell("payment", values["id"], "created")
    insert(attacker, "payments", values)
    return values["id"]


def money_comes(attacker: Sql, payment: Any, **given: Any) -> None:
    """A payment takes its whole amount."""
    cents = row(attacker, "payments", payment)["amount_cents"]
    seq = attacker.tell("payment", payment, "succeeded")
    values = {"status": "succeeded", "state_seq": seq, "captured_cents": cents} | given
    update(attacker, "payments", payment, **values)


def order_moves(attacker: Sql, order: Any, **also: Any) -> None:
    """An order becomes paid: its fills are consumed, its lines are ready."""
    lines = attacker.connection.execute(
        "SELECT id, fill_id FROM order_lines WHERE order_id = %s ORDER BY position", [order]
    ).fetchall()
    for line, fill in lines:
        if fill is not None:
            attacker.move("fill", fill, "consumed")
        attacker.move("order_line", line, "ready")
    seq = attacker.tell("order", order, "paid")
    update(attacker, "orders", order, status="paid", state_seq=seq, **also)


def _leave(attacker: Sql, line: str, lot: str, **also: Any) -> Any:
    """Let a paid line's unit leave from a lot; the movement. Its parcel is still to be written."""
    movement = uuid.uuid4()
    _move(attacker, "order_line", line, "packed")
    _give_units_back(attacker, line, "shipped_at")
    _ship_units(attacker, line, lot, id=movement)
    _change(attacker, "order_line", line, "shipped", **also)
    return movement


def _ship_units(attacker: Sql, line: str, lot: str, **given: Any) -> None:
    facts = attacker.facts
    values = {"id": uuid.uuid4(), "lot_id": facts[lot], "kind": "ship", "units": 1}
    values |= {"from_id": attacker.run("SELECT id FROM locations WHERE code = 'SHELF'")["id"]}
    insert(attacker, "movements", values | {"reference_id": facts[line]} | given)


def _parcel(attacker: Sql, order: str = "paid") -> Any:
    key = uuid.uuid4()
    values = {"id": key, "number": f"S-{key.hex[:8]}", "order_id": attacker.facts[order]}
    values |= {"carrier": "USPS", "tracking": "1", "shipped_by_id": attacker.facts["staff"]}
    insert(attacker, "shipments", values)
    return key


def _put_in(
    attacker: Sql, parcel: Any, line: str, movement: Any, lot: str = "soap_lot", **given: Any
) -> None:
    values = {
        "id": uuid.uuid4(),
        "shipment_id": parcel,
        "order_line_id": attacker.facts[line],
        "lot_id": attacker.facts[lot],
        "movement_id": movement,
        "units": 1,
    }
    insert(attacker, "shipment_lines", values | given)


# The honest ways.


@ATTACKS.passes(APP, WORKER)
def _an_order_of_a_soap(attacker: Sql) -> None:
    _line(attacker, _order(attacker))


@ATTACKS.passes(APP, WORKER)
def _an_order_of_two_soaps(attacker: Sql) -> None:
    two = attacker.facts["spare_two"]
    _line(attacker, _order(attacker, 4800), quantity=2, reservation_id=two)


@ATTACKS.passes(APP, WORKER)
def _an_order_of_a_prescribed_cream(attacker: Sql) -> None:
    _cream_line(attacker, _order(attacker, 6200))


@ATTACKS.passes()
def _an_order_of_two_prescribed_creams(attacker: Sql) -> None:
    two = attacker.facts["spare_two_creams"]
    _cream_line(attacker, _order(attacker, 12400), "fill_of_two", quantity=2, reservation_id=two)


@ATTACKS.passes()
def _an_order_to_the_other_state(attacker: Sql) -> None:
    order = _order(attacker, 6200, ship_to_state="NV")
    _cream_line(attacker, order, "fill_for_nv", ship_to_state="NV")


@ATTACKS.passes()
def _an_order_at_a_price_that_has_just_ended(attacker: Sql) -> None:
    attacker.run(
        "UPDATE prices SET valid_until = shop_now() - interval '30 s'"
        " WHERE variant_id = %(soap_variant)s"
    )
    _line(attacker, _order(attacker))


@ATTACKS.passes(APP, WORKER)
def _an_order_that_is_paid(attacker: Sql) -> None:
    payment = begin_payment(attacker, attacker.facts["waiting"])
    order_moves(attacker, attacker.facts["waiting"])
    money_comes(attacker, payment)


@ATTACKS.passes(APP, WORKER)
def _an_order_that_is_cancelled(attacker: Sql) -> None:
    _end_order(attacker, "waiting", "cancelled")


@ATTACKS.passes(APP, WORKER)
def _a_paid_order_that_is_cancelled(attacker: Sql) -> None:
    _end_order(attacker, "paid", "cancelled")


@ATTACKS.passes(APP, WORKER)
def _an_order_that_expires(attacker: Sql) -> None:
    later(attacker, "3 hours")
    _end_order(attacker, "waiting", "expired")


@ATTACKS.passes(APP, WORKER)
def _a_line_held_and_let_go_on(attacker: Sql) -> None:
    _move(attacker, "order_line", "paid_cream", "on_hold", "ready", "packed")


@ATTACKS.passes(APP, WORKER)
def _a_parcel_of_both_lines(attacker: Sql) -> None:
    _move(attacker, "fill", "paid_fill", "dispensed")
    parcel = _parcel(attacker)
    _put_in(attacker, parcel, "paid_soap", _leave(attacker, "paid_soap", "soap_lot"))
    movement = _leave(attacker, "paid_cream", "cream_lot")
    fill = attacker.facts["paid_fill"]
    _put_in(attacker, parcel, "paid_cream", movement, "cream_lot", fill_id=fill)
    _move(attacker, "order", "paid", "closed")


@ATTACKS.passes(APP, WORKER)
def _one_line_now_and_the_other_cancelled(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_soap", "soap_lot")
    _put_in(attacker, _parcel(attacker), "paid_soap", movement)
    _move(attacker, "fill", "paid_fill", "released")
    _give_units_back(attacker, "paid_cream")
    _move(attacker, "order_line", "paid_cream", "cancelled")
    _move(attacker, "order", "paid", "closed")


@ATTACKS.passes(APP, WORKER)
def _a_cart_emptied_and_the_time_to_pay_moved(attacker: Sql) -> None:
    attacker.run(
        "DELETE FROM cart_lines WHERE cart_id IN"
        " (SELECT id FROM carts WHERE client_id = %(waiting_client)s)"
    )
    attacker.run("DELETE FROM carts WHERE client_id = %(waiting_client)s")
    attacker.run("UPDATE orders SET pay_by = pay_by + interval '5 min' WHERE id = %(waiting)s")


# Born together, of what is for sale at the price that is listed.


def _at_a_price_of_tomorrow(attacker: Sql) -> None:
    as_owner(
        attacker,
        "UPDATE prices SET valid_until = shop_now() + interval '1 day'"
        " WHERE variant_id = %(soap_variant)s",
    )
    as_owner(
        attacker,
        "INSERT INTO prices (id, variant_id, cents, valid_from)"
        " VALUES (%(new)s, %(soap_variant)s, 100, shop_now() + interval '2 days')",
    )
    price = {"price_id": attacker.facts["new"], "unit_price_cents": 100}
    _line(attacker, _order(attacker, 100), **price)


def _when(change: str, act: Callable[[Sql], object]) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        as_owner(attacker, change)
        act(attacker)

    return attack


def _a_cream_as_if_it_were_soap(attacker: Sql) -> None:
    order = _order(attacker, 6200)
    _cream_line(attacker, order, requires_prescription=False, fill_id=None)


def _on_a_fill_under_hold(attacker: Sql) -> None:
    _hold(attacker, "waiting")
    _cream_line(attacker, _order(attacker, 6200))


def _on_units_of_another(attacker: Sql) -> None:
    taken = row(attacker, "order_lines", attacker.facts["waiting_soap"])["reservation_id"]
    _line(attacker, _order(attacker), reservation_id=taken)


def _at_the_price_of_the_cream(attacker: Sql) -> None:
    cream = row(attacker, "order_lines", attacker.facts["waiting_cream"])
    price = {name: cream[name] for name in ("price_id", "unit_price_cents")}
    _line(attacker, _order(attacker, 6200), **price)


def _two_lines_on_one_fill(attacker: Sql) -> None:
    order = _order(attacker, 12400)
    _cream_line(attacker, order)
    spare = attacker.run(
        "INSERT INTO reservations (id, variant_id, units)"
        " VALUES (%(new)s, %(cream_variant)s, 1) RETURNING id"
    )["id"]
    _cream_line(attacker, order, position=10, reservation_id=spare)


def _nothing_due_and_not_paid(attacker: Sql) -> None:
    """Her credit pays all of it, honestly, and the order waits for money."""
    order = _order(attacker, credit_cents=2400)
    _line(attacker, order)
    spent = {"kind": "spent", "delta_cents": -2400, "order_id": order}
    insert(attacker, "credit_entries", {"client_id": attacker.facts["waiting_client"]} | spent)


ATTACKS.each(
    {
        "a line added to an order that was placed": (
            lambda a: _line(a, a.facts["waiting"]),
            "line_is_of_its_order",
        ),
        "a line of another client": (
            lambda a: _line(a, _order(a), client_id=a.facts["paid_client"]),
            "line_is_of_its_order",
        ),
        "a line to another state": (
            lambda a: _line(a, _order(a), ship_to_state="NV"),
            "line_is_of_its_order",
        ),
        "an order without a line": (_order, "order_has_a_line"),
        "a subtotal below the lines": (
            lambda a: _line(a, _order(a, 2399)),
            "subtotal_is_the_sum_of_the_lines",
        ),
        "a discount that no line bears": (
            lambda a: _line(a, _order(a, discount_cents=100, total_cents=2300)),
            "discount_is_the_sum_of_the_lines",
        ),
        "a tax that no line bears": (
            lambda a: _line(a, _order(a, tax_cents=100, total_cents=2500)),
            "tax_is_the_sum_of_the_lines",
        ),
        "a discount of a line that its order does not give": (
            lambda a: _line(a, _order(a), discount_cents=100),
            "discount_is_the_sum_of_the_lines",
        ),
        "a tax of a line that its order does not ask": (
            lambda a: _line(a, _order(a), tax_cents=100),
            "tax_is_the_sum_of_the_lines",
        ),
        "credit that nobody spent": (
            lambda a: _line(a, _order(a, credit_cents=100)),
            "order_spent_its_credit",
        ),
        "nothing due and not paid": (
            _nothing_due_and_not_paid,
            "money_pays_its_order",
        ),
        "a total below its parts": (
            lambda a: _line(a, _order(a, total_cents=50)),
            "total_is_the_sum",
        ),
        "a line total below its parts": (
            lambda a: _line(a, _order(a, 100), total_cents=100),
            "line_total_is_the_product",
        ),
        "a price of one's own": (
            lambda a: _line(a, _order(a, 100), unit_price_cents=100),
            "line_has_the_listed_price",
        ),
        "the price of something else": (
            _at_the_price_of_the_cream,
            "line_has_the_listed_price",
        ),
        "a price that has ended": (
            _when(
                "UPDATE prices SET valid_until = shop_now() - interval '2 min'"
                " WHERE variant_id = %(soap_variant)s",
                lambda a: _line(a, _order(a)),
            ),
            "line_price_is_in_force",
        ),
        "a price yet to come": (_at_a_price_of_tomorrow, "line_price_is_in_force"),
        "something not for sale": (
            _when(
                "UPDATE variants SET for_sale = false WHERE id = %(soap_variant)s",
                lambda a: _line(a, _order(a)),
            ),
            "line_is_for_sale",
        ),
        "a doctor-only line that does not say so": (
            _a_cream_as_if_it_were_soap,
            "doctor_only_line_requires_a_prescription",
        ),
        "a doctor-only line without a fill": (
            lambda a: _cream_line(a, _order(a, 6200), fill_id=None),
            "doctor_only_line_has_a_fill",
        ),
        "a fill of another client": (
            lambda a: _cream_line(a, _order(a, 6200), "fill_of_another"),
            "fill_covers_the_line",
        ),
        "a fill of another cream": (
            lambda a: _cream_line(a, _order(a, 6200), "fill_of_another_cream"),
            "fill_covers_the_line",
        ),
        "a fill of another quantity": (
            lambda a: _cream_line(a, _order(a, 6200), "fill_of_two"),
            "fill_covers_the_line",
        ),
        "a fill for another state": (
            lambda a: _cream_line(a, _order(a, 6200), "fill_for_nv"),
            "fill_covers_the_line",
        ),
        "a fill of another order": (
            lambda a: _cream_line(a, _order(a, 6200), "waiting_fill"),
            "order_lines_one_per_fill",
        ),
        "two lines on one fill": (_two_lines_on_one_fill, "order_lines_one_per_fill"),
        "a fill that was used": (
            lambda a: _cream_line(a, _order(a, 6200), "used_fill"),
            "fill_is_consumed_when_paid",
        ),
        "a fill of a prescription on hold": (
            _on_a_fill_under_hold,
            "line_goes_on_under_a_standing_prescription",
        ),
        "units of something else": (
            lambda a: _line(a, _order(a), reservation_id=a.facts["spare_cream"]),
            "reservation_is_for_the_line",
        ),
        "more units than were promised": (
            lambda a: _line(a, _order(a, 4800), quantity=2),
            "reservation_is_for_the_line",
        ),
        "units of another order": (_on_units_of_another, "order_lines_reservation_key"),
    },
    APP,
    WORKER,
)


def _slipped_in_after_the_judge(attacker: Sql) -> None:
    order = _order(attacker)
    _line(attacker, order)
    attacker.settle()
    _line(attacker, order, position=10, reservation_id=_one_more_soap(attacker))


def _one_more_soap(attacker: Sql) -> Any:
    key = attacker.facts["new"]
    soap = {"variant_id": attacker.facts["soap_variant"], "units": 1}
    insert(attacker, "reservations", {"id": key, **soap})
    part = {"id": uuid.uuid4(), "reservation_id": key, "lot_id": attacker.facts["soap_lot"]}
    insert(attacker, "reservation_parts", part | soap)
    return key


def _line_born_ready(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("order_line", key, "placed")
    _line(attacker, _order(attacker), id=key, status="ready", state_seq=2)


def _order_born_paid(attacker: Sql, **given: Any) -> None:
    """With a history, and its line ready: all of it but the money."""
    order, line = uuid.uuid4(), uuid.uuid4()
    attacker.tell("order", order, "awaiting_payment")
    attacker.tell("order_line", line, "placed")
    _order(attacker, id=order, status="paid", state_seq=2, **given)
    _line(attacker, order, id=line, status="ready", state_seq=2)


ATTACKS.each(
    {
        "a line slipped in after the judge": (
            _slipped_in_after_the_judge,
            "subtotal_is_the_sum_of_the_lines",
        ),
        "a line born ready": (_line_born_ready, "only_a_paid_order_moves_its_lines"),
        "an order born paid": (_order_born_paid, "paid_at_some_time"),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        "an order born paid, with the time": (
            lambda a: _order_born_paid(a, paid_at=LONG_AGO),
            "paid_order_has_its_money",
        ),
    },
    OWNER,
)


# Along the arrows, with an event for each.


def _ahead(machine: str, which: str, to: str, then: str) -> Callable[[Sql], None]:
    """The row stops at one event while its history goes on to another."""

    def attack(attacker: Sql) -> None:
        subject = attacker.facts[which]
        seq = attacker.tell(machine, subject, to)
        attacker.tell(machine, subject, then)
        update(attacker, TABLES[machine], subject, status=to, state_seq=seq)

    return attack


def _expired_before_its_time(attacker: Sql) -> None:
    attacker.run("UPDATE orders SET pay_by = shop_now() + interval '1 h' WHERE id = %(waiting)s")
    _end_order(attacker, "waiting", "expired")


ATTACKS.each(
    {
        "an order cancelled without a word": (
            "UPDATE orders SET status = 'cancelled', state_seq = 2 WHERE id = %(waiting)s",
            "order_status_has_its_event",
        ),
        "a line cancelled without a word": (
            (
                "UPDATE order_lines SET status = 'cancelled', state_seq = 2"
                " WHERE id = %(waiting_soap)s"
            ),
            "order_line_status_has_its_event",
        ),
        "an order closed before it is paid": (
            lambda a: _move(a, "order", "waiting", "closed"),
            "event_is_a_legal_transition",
        ),
        "an order that jumps": (
            "UPDATE orders SET status = 'closed' WHERE id = %(waiting)s",
            "order_goes_along_an_arrow",
        ),
        "an order rewound to an old event": (
            "UPDATE orders SET status = 'awaiting_payment', state_seq = 1 WHERE id = %(paid)s",
            "order_goes_along_an_arrow",
        ),
        "an order that counts from the beginning": (
            "UPDATE orders SET state_seq = 1 WHERE id = %(paid)s",
            "order_goes_along_an_arrow",
        ),
        "a cancelled order brought back": (
            "UPDATE orders SET status = 'awaiting_payment', state_seq = 1 WHERE id = %(over)s",
            "order_goes_along_an_arrow",
        ),
        "a line that jumps": (
            "UPDATE order_lines SET status = 'shipped' WHERE id = %(paid_soap)s",
            "line_goes_along_an_arrow",
        ),
        "a line rewound to an old event": (
            "UPDATE order_lines SET status = 'placed', state_seq = 1 WHERE id = %(paid_soap)s",
            "line_goes_along_an_arrow",
        ),
        "a line that counts from the beginning": (
            "UPDATE order_lines SET state_seq = 1 WHERE id = %(paid_soap)s",
            "line_goes_along_an_arrow",
        ),
        "a shipped line taken back": (
            "UPDATE order_lines SET status = 'ready', state_seq = 2 WHERE id = %(gone_soap)s",
            "line_goes_along_an_arrow",
        ),
        "an order behind its history": (
            _ahead("order", "paid", "paid", "cancelled"),
            "order_is_what_its_last_event_says",
        ),
        "a line behind its history": (
            _ahead("order_line", "paid_soap", "ready", "packed"),
            "line_is_what_its_last_event_says",
        ),
        "an order expired before its time": (
            _expired_before_its_time,
            "expired_after_its_time_to_pay",
        ),
    },
    APP,
    WORKER,
)


# Times of legal weight, which only the owner could even write.


@ATTACKS.undone("order_stamped", OWNER)
def _an_order_paid_long_ago(attacker: Sql) -> bool:
    order = attacker.facts["waiting"]
    money_comes(attacker, begin_payment(attacker, order))
    order_moves(attacker, order, paid_at=LONG_AGO)
    return bool(row(attacker, "orders", order)["paid_at"] > LONG_AGO)


@ATTACKS.undone("order_stamped", OWNER)
def _an_order_cancelled_long_ago(attacker: Sql) -> bool:
    _end_order(attacker, "waiting", "cancelled", ended_at=LONG_AGO)
    return bool(row(attacker, "orders", attacker.facts["waiting"])["ended_at"] > LONG_AGO)


@ATTACKS.undone("order_stamped", OWNER)
def _an_order_expired_by_a_later_clock(attacker: Sql) -> bool:
    later(attacker, "3 hours")
    _end_order(attacker, "waiting", "expired", ended_at=datetime(2100, 1, 1, tzinfo=UTC))
    ended = row(attacker, "orders", attacker.facts["waiting"])["ended_at"]
    return bool(ended < datetime(2100, 1, 1, tzinfo=UTC))


@ATTACKS.undone("order_line_stamped", OWNER)
def _a_line_held_long_ago(attacker: Sql) -> bool:
    _change(attacker, "order_line", "paid_cream", "on_hold", held_at=LONG_AGO)
    return bool(row(attacker, "order_lines", attacker.facts["paid_cream"])["held_at"] > LONG_AGO)


@ATTACKS.undone("order_line_stamped", OWNER)
def _a_line_still_held_that_goes_on(attacker: Sql) -> bool:
    _move(attacker, "order_line", "paid_cream", "on_hold")
    _change(attacker, "order_line", "paid_cream", "ready", held_at=LONG_AGO)
    return row(attacker, "order_lines", attacker.facts["paid_cream"])["held_at"] is None


@ATTACKS.undone("order_line_stamped", OWNER)
def _a_line_shipped_and_another_cancelled_long_ago(attacker: Sql) -> bool:
    movement = _leave(attacker, "paid_soap", "soap_lot", shipped_at=LONG_AGO)
    _put_in(attacker, _parcel(attacker), "paid_soap", movement)
    _move(attacker, "fill", "paid_fill", "released")
    _give_units_back(attacker, "paid_cream")
    _change(attacker, "order_line", "paid_cream", "cancelled", cancelled_at=LONG_AGO)
    _move(attacker, "order", "paid", "closed")
    shipped = row(attacker, "order_lines", attacker.facts["paid_soap"])
    cancelled = row(attacker, "order_lines", attacker.facts["paid_cream"])
    return bool(shipped["shipped_at"] > LONG_AGO and cancelled["cancelled_at"] > LONG_AGO)


# An order, its lines, their fills, units and parcels agree.


def _paid_with_a_line_left_behind(attacker: Sql) -> None:
    money_comes(attacker, begin_payment(attacker, attacker.facts["waiting"]))
    _move(attacker, "fill", "waiting_fill", "consumed")
    _move(attacker, "order_line", "waiting_cream", "ready")
    _move(attacker, "order", "waiting", "paid")


def _cancelled_with_a_line_left_behind(attacker: Sql) -> None:
    _move(attacker, "order", "waiting", "cancelled")


def _expired_with_a_line_left_behind(attacker: Sql) -> None:
    later(attacker, "3 hours")
    _move(attacker, "order", "waiting", "expired")


def _cancelled_when_half_of_it_has_left(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_soap", "soap_lot")
    _put_in(attacker, _parcel(attacker), "paid_soap", movement)
    _move(attacker, "fill", "paid_fill", "released")
    _give_units_back(attacker, "paid_cream")
    _move(attacker, "order_line", "paid_cream", "cancelled")
    _move(attacker, "order", "paid", "cancelled")


def _line_off(attacker: Sql, line: str) -> None:
    """Cancel one line as the code does, whatever becomes of its order."""
    if line.endswith("cream"):
        _move(attacker, "fill", line.replace("cream", "fill"), "released")
    _give_units_back(attacker, line)
    _move(attacker, "order_line", line, "cancelled")


@ATTACKS.passes()
def _one_line_of_a_paid_order_off(attacker: Sql) -> None:
    _line_off(attacker, "paid_cream")


def _closed_with_something_to_ship(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_soap", "soap_lot")
    _put_in(attacker, _parcel(attacker), "paid_soap", movement)
    _move(attacker, "order", "paid", "closed")


def _every_line_off(attacker: Sql) -> None:
    for line in ("paid_soap", "paid_cream"):
        _line_off(attacker, line)


def _closed_with_every_line_off(attacker: Sql) -> None:
    _every_line_off(attacker)
    _move(attacker, "order", "paid", "closed")


def _cancelled_with_its_fill(attacker: Sql) -> None:
    _give_units_back(attacker, "paid_cream")
    _move(attacker, "order_line", "paid_cream", "cancelled")


def _cancelled_with_its_units(attacker: Sql) -> None:
    _move(attacker, "fill", "paid_fill", "released")
    _move(attacker, "order_line", "paid_cream", "cancelled")


def _paid_on_a_fill_that_was_not_consumed(attacker: Sql) -> None:
    money_comes(attacker, begin_payment(attacker, attacker.facts["waiting"]))
    for thing in ("soap", "cream"):
        _move(attacker, "order_line", f"waiting_{thing}", "ready")
    _move(attacker, "order", "waiting", "paid")


def _shipped_with_its_fill_kept(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_cream", "cream_lot")
    fill = attacker.facts["paid_fill"]
    _put_in(attacker, _parcel(attacker), "paid_cream", movement, "cream_lot", fill_id=fill)


def _shipped_with_its_units_here(attacker: Sql) -> None:
    _move(attacker, "order_line", "paid_soap", "packed", "shipped")


def _shipped_with_its_units_given_back(attacker: Sql) -> None:
    _give_units_back(attacker, "paid_soap")
    _move(attacker, "order_line", "paid_soap", "packed", "shipped")


def _in_a_parcel_and_not_shipped(attacker: Sql) -> None:
    _ship_units(attacker, "paid_soap", "soap_lot", id=attacker.facts["new"])
    _put_in(attacker, _parcel(attacker), "paid_soap", attacker.facts["new"])


def _in_a_second_parcel_from_another_lot(attacker: Sql) -> None:
    _ship_units(attacker, "gone_soap", "soap_lot_2", id=attacker.facts["new"])
    new = attacker.facts["new"]
    _put_in(attacker, _parcel(attacker, "gone"), "gone_soap", new, "soap_lot_2")


def _let_go(how: str) -> Callable[[Sql], None]:
    return lambda attacker: _give_units_back(attacker, "paid_soap", how)


ATTACKS.each(
    {
        "a line made ready before its order is paid": (
            lambda a: _move(a, "order_line", "waiting_soap", "ready"),
            "only_a_paid_order_moves_its_lines",
        ),
        "an order cancelled of which half has left": (
            _cancelled_when_half_of_it_has_left,
            "only_a_paid_order_moves_its_lines",
        ),
        "an order paid with a line left behind": (
            _paid_with_a_line_left_behind,
            "placed_line_awaits_payment",
        ),
        "an order cancelled with its lines left behind": (
            _cancelled_with_a_line_left_behind,
            "placed_line_awaits_payment",
        ),
        "an order expired with its lines left behind": (
            _expired_with_a_line_left_behind,
            "placed_line_awaits_payment",
        ),
        "an order closed with something to ship": (
            _closed_with_something_to_ship,
            "closed_order_has_nothing_to_ship",
        ),
        "a paid order of which nothing is left": (
            _every_line_off,
            "paid_order_has_something_to_send",
        ),
        "an order closed of which nothing went": (
            _closed_with_every_line_off,
            "closed_order_sent_something",
        ),
        "a part of what is not paid yet called off": (
            lambda a: _line_off(a, "waiting_cream"),
            "unpaid_order_waits_as_a_whole",
        ),
        "a cancelled line that keeps its fill": (
            _cancelled_with_its_fill,
            "cancelled_line_holds_nothing",
        ),
        "a cancelled line that keeps its units": (
            _cancelled_with_its_units,
            "cancelled_line_holds_nothing",
        ),
        "a cancelled line without a fill that keeps its units": (
            lambda a: _move(a, "order_line", "paid_soap", "cancelled"),
            "cancelled_line_holds_nothing",
        ),
        "a fill given back under a line that waits": (
            lambda a: _move(a, "fill", "waiting_fill", "released"),
            "live_line_keeps_its_fill",
        ),
        "a fill given back under a paid line": (
            lambda a: _move(a, "fill", "paid_fill", "released"),
            "live_line_keeps_its_fill",
        ),
        "an order paid on a fill that was not consumed": (
            _paid_on_a_fill_that_was_not_consumed,
            "fill_is_consumed_when_paid",
        ),
        "a fill consumed before its order is paid": (
            lambda a: _move(a, "fill", "waiting_fill", "consumed"),
            "fill_is_consumed_when_paid",
        ),
        "a fill dispensed that does not leave": (
            lambda a: _move(a, "fill", "paid_fill", "dispensed"),
            "fill_is_dispensed_when_shipped",
        ),
        "a line shipped whose fill stays": (
            _shipped_with_its_fill_kept,
            "fill_is_dispensed_when_shipped",
        ),
        "units of a live line given back": (
            _let_go("released_at"),
            "line_keeps_its_reservation",
        ),
        "units of a line taken that is not shipped": (
            _let_go("shipped_at"),
            "line_keeps_its_reservation",
        ),
        "a line shipped whose units are here": (
            _shipped_with_its_units_here,
            "shipped_line_took_its_reservation",
        ),
        "a line shipped whose units were given back": (
            _shipped_with_its_units_given_back,
            "shipped_line_took_its_reservation",
        ),
        "a line shipped without a parcel": (
            lambda a: _leave(a, "paid_soap", "soap_lot"),
            "parcels_hold_the_whole_line",
        ),
        "a line in a parcel that is not shipped": (
            _in_a_parcel_and_not_shipped,
            "parcels_hold_the_whole_line",
        ),
        "a line in two parcels": (
            _in_a_second_parcel_from_another_lot,
            "what_leaves_was_picked",  # and two parcels of one line hold more than the whole
        ),
    },
    APP,
    WORKER,
)


# Nothing goes on under a prescription that does not stand.


def _paid_under_hold(attacker: Sql) -> None:
    order = attacker.facts["waiting"]
    payment = begin_payment(attacker, order)
    order_moves(attacker, order)
    money_comes(attacker, payment)
    _hold(attacker, "waiting")


def _ready_again_under_hold(attacker: Sql) -> None:
    _move(attacker, "order_line", "paid_cream", "on_hold")
    _hold(attacker, "paid")
    _move(attacker, "order_line", "paid_cream", "ready")


def _packed(stop: Callable[[Sql, str], None]) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        stop(attacker, "paid")
        _move(attacker, "order_line", "paid_cream", "packed")

    return attack


def _shipped_under_hold(attacker: Sql) -> None:
    _move(attacker, "fill", "paid_fill", "dispensed")
    movement = _leave(attacker, "paid_cream", "cream_lot")
    fill = attacker.facts["paid_fill"]
    _put_in(attacker, _parcel(attacker), "paid_cream", movement, "cream_lot", fill_id=fill)
    _hold(attacker, "paid")


ATTACKS.each(
    {
        "a cream paid under a prescription on hold": (
            _paid_under_hold,
            "line_goes_on_under_a_standing_prescription",
        ),
        "a cream made ready under a prescription on hold": (
            _ready_again_under_hold,
            "line_goes_on_under_a_standing_prescription",
        ),
        "a cream packed under a prescription on hold": (
            _packed(_hold),
            "line_goes_on_under_a_standing_prescription",
        ),
        "a cream packed when the licence was ended": (
            _packed(_lapse),
            "line_goes_on_under_a_standing_prescription",
        ),
        "a cream packed when the prescription has run out": (
            _packed(lambda attacker, _order: later(attacker, "367 days")),
            "line_goes_on_under_a_standing_prescription",
        ),
        "a cream shipped under a prescription on hold": (
            _shipped_under_hold,
            "line_goes_on_under_a_standing_prescription",
        ),
    },
    APP,
    WORKER,
)


# What has become doctor-only since it was ordered goes no further without a prescription.


def _soap_becomes_doctor_only(attacker: Sql) -> None:
    attacker.run(
        "UPDATE products SET legal_class = 'rx', doctor_only = true FROM variants v"
        " WHERE v.id = %(soap_variant)s AND products.id = v.product_id"
    )


def _made_ready_since(attacker: Sql) -> None:
    _soap_becomes_doctor_only(attacker)
    _move(attacker, "order_line", "waiting_soap", "ready")


def _packed_since(attacker: Sql) -> None:
    _soap_becomes_doctor_only(attacker)
    _move(attacker, "order_line", "paid_soap", "packed")


def _shipped_since(attacker: Sql) -> None:
    _move(attacker, "order_line", "paid_soap", "packed")
    _soap_becomes_doctor_only(attacker)
    _move(attacker, "order_line", "paid_soap", "shipped")


def _payment_begun_since(attacker: Sql) -> None:
    _soap_becomes_doctor_only(attacker)
    begin_payment(attacker, attacker.facts["waiting"])


ATTACKS.each(
    {
        "a soap made ready that has become doctor-only": (
            _made_ready_since,
            "doctor_only_line_requires_a_prescription",
        ),
        "a soap packed that has become doctor-only": (
            _packed_since,
            "doctor_only_line_requires_a_prescription",
        ),
        "a soap shipped that has become doctor-only": (
            _shipped_since,
            "doctor_only_line_requires_a_prescription",
        ),
        "a payment begun of a soap that has become doctor-only": (
            _payment_begun_since,
            "payment_begins_under_standing_prescriptions",
        ),
    }
)


@ATTACKS.passes()
def _cancel_what_has_become_doctor_only(attacker: Sql) -> None:
    _soap_becomes_doctor_only(attacker)
    _give_units_back(attacker, "paid_soap")
    _move(attacker, "order_line", "paid_soap", "cancelled")


# Parcels tell the truth, and are kept.


def _parcel_of(line: str, lot: str, **given: Any) -> Callable[[Sql], None]:
    """A paid soap leaves, and its parcel says it was something else."""

    def attack(attacker: Sql) -> None:
        movement = _leave(attacker, "paid_soap", "soap_lot")
        told = {name: attacker.facts.get(value, value) for name, value in given.items()}
        _put_in(attacker, _parcel(attacker), line, movement, lot, **told)

    return attack


def _parcel_of_another_order(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_soap", "soap_lot")
    _put_in(attacker, _parcel(attacker, "gone"), "paid_soap", movement)


def _parcel_of_a_delivery(attacker: Sql) -> None:
    _leave(attacker, "paid_soap", "soap_lot")
    came = attacker.run(
        "SELECT id, delta FROM movements WHERE lot_id = %(soap_lot)s AND kind = 'receive'"
    )
    _put_in(attacker, _parcel(attacker), "paid_soap", came["id"], units=came["delta"])


def _parcel_of_what_left_for_another_reason(attacker: Sql) -> None:
    _ship_units(attacker, "paid_soap", "soap_lot", id=attacker.facts["new"], kind="destroy")
    _put_in(attacker, _parcel(attacker), "paid_soap", attacker.facts["new"])


def _parcel_of_what_left_for_another_line(attacker: Sql) -> None:
    _ship_units(attacker, "waiting_soap", "soap_lot", id=attacker.facts["new"])
    _put_in(attacker, _parcel(attacker), "paid_soap", attacker.facts["new"])


def _parcel_from_a_lot_of_something_else(attacker: Sql) -> None:
    _ship_units(attacker, "paid_soap", "cream_lot", id=attacker.facts["new"])
    _put_in(attacker, _parcel(attacker), "paid_soap", attacker.facts["new"], "cream_lot")


def _parcel_judged_by_a_table_of_ones_own(attacker: Sql) -> None:
    """A temporary table stands before the real one, for who does not say which is meant."""
    attacker.run("CREATE TEMPORARY TABLE order_lines AS TABLE public.order_lines")
    attacker.run("UPDATE pg_temp.order_lines SET fill_id = NULL")
    movement = uuid.uuid4()
    _ship_units(attacker, "paid_cream", "cream_lot", id=movement)
    _put_in(attacker, _parcel(attacker), "paid_cream", movement, "cream_lot")


def _parcel_without_the_fill(attacker: Sql) -> None:
    movement = _leave(attacker, "paid_cream", "cream_lot")
    _put_in(attacker, _parcel(attacker), "paid_cream", movement, "cream_lot")


ATTACKS.each(
    {
        "a parcel of more than left": (
            _parcel_of("paid_soap", "soap_lot", units=2),
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel of another line": (
            _parcel_of("paid_cream", "soap_lot", fill_id="paid_fill"),
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel on a fill that the line has not": (
            _parcel_of("paid_soap", "soap_lot", fill_id="paid_fill"),
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel without the fill of the line": (
            _parcel_without_the_fill,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel judged by a table of one's own": (
            _parcel_judged_by_a_table_of_ones_own,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel of another order": (
            _parcel_of_another_order,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel of a delivery": (_parcel_of_a_delivery, "shipment_line_is_what_was_shipped"),
        "a parcel of what left for another reason": (
            _parcel_of_what_left_for_another_reason,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel of what left for another line": (
            _parcel_of_what_left_for_another_line,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel from a lot of something else": (
            _parcel_from_a_lot_of_something_else,
            "shipment_line_is_what_was_shipped",
        ),
        "a parcel that names another lot": (
            _parcel_of("paid_soap", "soap_lot_2"),
            "shipped_by_this_movement",
        ),
        "a parcel of what has left already": (
            (
                "INSERT INTO shipment_lines (id, shipment_id, order_line_id, lot_id, movement_id,"
                " units) SELECT gen_random_uuid(), shipment_id, order_line_id, lot_id,"
                " movement_id, units FROM shipment_lines WHERE order_line_id = %(gone_soap)s"
            ),
            "shipment_lines_movement_key",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"{title} {table}": (statement.format(table), f"{table}_are_kept")
        for table in ("shipments", "shipment_lines")
        for title, statement in {
            "change": "UPDATE {} SET id = id",
            "remove": "DELETE FROM {}",
            "empty": "TRUNCATE {} CASCADE",
        }.items()
    },
    OWNER,
)
