"""Ask the gate about the lines of a cart or an order, and insist on a yes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.errors import Refused
from shop.orders.errors import LineBlocked, MoneyGone, NeedsClientAction, NotPaid, TooSoon
from shop.orders.models import Order, OrderLine
from shop.orders.states import OrderStatus
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import NoPrescription
from shop.prescriptions.gate import Answer, Decision, Wish

# In the order in which they are told, where several lines are closed for different reasons.
REFUSALS: dict[Answer, type[Refused]] = {
    Answer.NEEDS_REQUEST: NoPrescription,
    Answer.BLOCKED: LineBlocked,
    Answer.NEEDS_CLIENT_ACTION: NeedsClientAction,
    Answer.HOLD_UNTIL: TooSoon,
}


def insist_paid(order: Order) -> None:
    """The order is paid, and its money is still here. Raises NotPaid, MoneyGone.

    The function `money_kept` of the database tells, to us and to the guard of parcels; what costs
    nothing is paid for.
    """
    if order.status is not OrderStatus.PAID:
        raise NotPaid(f"An order that is {order.status} is not shipped.", status=order.status)
    kept = sa.select(sa.func.money_kept(order.id) > 0)
    if order.total_cents and not db.session.scalar(kept):
        raise MoneyGone(
            "The money for this order went back. Nothing of it is packed or shipped.",
            status=order.status,
        )


def insist(
    client: Person, wishes: Sequence[Wish], *, ship_to_state: str, at: datetime, stage: Stage
) -> list[Decision]:
    """The gate's yes to every wish, with the prescriptions locked so that it holds.

    Raises NoPrescription, LineBlocked, NeedsClientAction or TooSoon; the facts name every closed
    line with the gate's reasons.
    """
    decisions = asking.ask(
        client, wishes, ship_to_state=ship_to_state, at=at, stage=stage, lock=True
    )
    closed = [decision for decision in decisions if decision.answer is not Answer.OPEN]
    for answer, refusal in REFUSALS.items():
        first = next((decision for decision in closed if decision.answer is answer), None)
        if first is not None:
            raise refusal(
                first.sentence, sku=first.wish.sku, lines=[told(decision) for decision in closed]
            )
    return decisions


def of_lines(
    order: Order, lines: Iterable[OrderLine], *, at: datetime, stage: Stage
) -> list[Decision]:
    """The gate's answer to lines of a (locked) order, each with the fill it holds.

    The prescriptions stay locked.
    """
    return asking.ask(
        order.client,
        wishes(lines),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=stage,
        lock=True,
    )


def wishes(lines: Iterable[OrderLine]) -> list[Wish]:
    """What the gate is asked about lines that were placed."""
    return [
        Wish(line.variant_id, line.sku, line.quantity, line.fill_id, placed=True) for line in lines
    ]


def told(decision: Decision) -> dict[str, object]:
    """A closed line as the facts of a refusal."""
    return {
        "sku": decision.wish.sku,
        "decision": decision.answer.value,
        "until": decision.until,
        "reasons": [
            {
                "code": reason.code,
                "text": reason.text,
                "remedy": reason.remedy,
                "facts": dict(reason.facts),
            }
            for reason in decision.reasons
        ],
    }


def day(at: datetime) -> date:
    """The day by which lots are judged: UTC, never behind the day in any US state."""
    return at.astimezone(UTC).date()
