"""How an order stands, derived from its lines; and partial shipments end to end."""

from __future__ import annotations

import itertools

import pytest
from flask import Flask

from shop.core.db import db
from shop.orders import queries
from shop.orders.models import Order, OrderLine
from shop.orders.standing import WORDS, Standing, standing
from shop.orders.states import GONE, LineStatus, OrderStatus
from tests.invoices.builders import a_paid_order, line_off
from tests.orders.things import leave
from tests.returns.builders import came_back

READY, HELD, OFF = LineStatus.READY, LineStatus.ON_HOLD, LineStatus.CANCELLED
SHIPPED, HERE, BACK = LineStatus.SHIPPED, LineStatus.DELIVERED, LineStatus.RETURNED
PAID, CLOSED = OrderStatus.PAID, OrderStatus.CLOSED

CASES = [
    (OrderStatus.AWAITING_PAYMENT, [LineStatus.PLACED], Standing.AWAITING_PAYMENT),
    (OrderStatus.EXPIRED, [OFF], Standing.EXPIRED),
    (OrderStatus.CANCELLED, [OFF, OFF], Standing.CANCELLED),
    (PAID, [READY, READY], Standing.TO_PACK),
    (PAID, [READY, OFF], Standing.TO_PACK),
    (PAID, [LineStatus.PACKED, READY], Standing.TO_PACK),
    (PAID, [READY, HELD], Standing.PARTLY_ON_HOLD),
    (PAID, [HELD, HELD], Standing.ON_HOLD),
    (PAID, [HELD, OFF], Standing.ON_HOLD),
    (PAID, [SHIPPED, READY], Standing.PARTLY_SHIPPED),
    (PAID, [BACK, READY], Standing.PARTLY_SHIPPED),
    (PAID, [SHIPPED, HELD], Standing.REST_ON_HOLD),
    (PAID, [SHIPPED, HELD, READY], Standing.REST_ON_HOLD),
    (CLOSED, [SHIPPED, SHIPPED], Standing.SHIPPED),
    (CLOSED, [SHIPPED, OFF], Standing.SHIPPED),
    (CLOSED, [SHIPPED, HERE], Standing.SHIPPED),
    (CLOSED, [HERE, HERE], Standing.DELIVERED),
    (CLOSED, [HERE, OFF], Standing.DELIVERED),
    (CLOSED, [SHIPPED, BACK], Standing.PARTLY_RETURNED),
    (CLOSED, [BACK, BACK], Standing.RETURNED),
    (CLOSED, [BACK, OFF], Standing.RETURNED),
]


def an_order(status: OrderStatus, lines: list[LineStatus]) -> Order:
    """Only in memory, as rows are read: no arrow leads there."""
    order = Order()
    order.__dict__["status"] = status
    order.__dict__["lines"] = []
    for each in lines:
        line = OrderLine()
        line.__dict__["status"] = each
        order.__dict__["lines"].append(line)
    return order


@pytest.mark.parametrize(("status", "lines", "stands"), CASES)
def test_one_word_says_how_it_stands(
    status: OrderStatus, lines: list[LineStatus], stands: Standing
) -> None:
    assert standing(an_order(status, lines)) is stands
    assert standing(an_order(status, lines[::-1])) is stands


def test_every_word_is_met_and_said() -> None:
    assert {stands for _, _, stands in CASES} == set(Standing) == set(WORDS)


@pytest.mark.parametrize("many", [1, 2, 3])
def test_any_lines_of_a_paid_order_have_a_word(many: int) -> None:
    """Whatever PostgreSQL lets a paid or closed order be: none is without a word."""
    for statuses in itertools.product(set(LineStatus) - {LineStatus.PLACED}, repeat=many):
        live = [one for one in statuses if one is not OFF]
        if live:
            status = CLOSED if all(one in GONE for one in live) else PAID
            said = standing(an_order(status, list(statuses)))
            assert (said in (Standing.PARTLY_SHIPPED, Standing.REST_ON_HOLD)) == (
                status is PAID and any(one in GONE for one in live)
            )


def test_an_order_that_leaves_in_two_parcels_and_comes_back(app: Flask) -> None:
    order = a_paid_order(1, 1, 1)
    seen = [standing(order)]
    for nth in (0, 1):
        parcel = leave(order, skus=[order.lines[nth].sku])
        db.session.commit()
        order = queries.locked_order(order.id)
        assert [line.line.sku for line in parcel.lines] == [order.lines[nth].sku]
        seen.append(standing(order))
    line_off(order, 2)
    order = queries.locked_order(order.id)
    seen.append(standing(order))
    came_back(order)
    db.session.commit()
    seen.append(standing(queries.locked_order(order.id)))
    assert seen == [
        Standing.TO_PACK,
        Standing.PARTLY_SHIPPED,
        Standing.PARTLY_SHIPPED,
        Standing.SHIPPED,
        Standing.PARTLY_RETURNED,
    ]
    assert len(order.shipments) == 2
