"""Explain an order and a cart, line by line: what the gate says now, and what held when placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shop.catalog.models import LegalClassRule
from shop.orders import cart as carts
from shop.orders import judging
from shop.orders.models import Cart, Order, OrderLine
from shop.orders.rejudging import HERE
from shop.orders.states import OrderStatus
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.explaining import laws_behind
from shop.prescriptions.gate import Explained


@dataclass(frozen=True)
class LineExplained:
    """`gate` is None for what has left or was cancelled: the gate is not asked about it again."""

    line: OrderLine
    gate: Explained | None

    @property
    def law_changed(self) -> bool:
        """Another rule of law is over it now than when it was placed."""
        return self.gate is not None and self.gate.decision.rule_id != self.line.rule_id


@dataclass(frozen=True)
class OrderExplained:
    """An order's lines, and the rules of law that any of them speaks of, by id."""

    order: Order
    lines: list[LineExplained]
    laws: Mapping[UUID, LegalClassRule]


@dataclass(frozen=True)
class CartExplained:
    gates: list[Explained]
    laws: Mapping[UUID, LegalClassRule]


def of_order(order: Order, *, at: datetime) -> OrderExplained:
    """What the gate says of what is still here, beside the rules each line was placed under."""
    here = [line for line in order.lines if line.status in HERE]
    stage = Stage.PAY if order.status is OrderStatus.AWAITING_PAYMENT else Stage.SHIP
    answers = asking.explain(
        order.client,
        judging.wishes(here),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=stage,
    )
    by_line = {line.id: answer for line, answer in zip(here, answers, strict=True)}
    laws = laws_behind(answers, also=[line.rule_id for line in order.lines])
    lines = [LineExplained(line, by_line.get(line.id)) for line in order.lines]
    return OrderExplained(order, lines, laws)


def of_cart(cart: Cart, *, at: datetime) -> CartExplained:
    """What the gate says of each wish, in the client's own state."""
    answers = carts.explained(cart, at=at)
    return CartExplained(answers, laws_behind(answers))
