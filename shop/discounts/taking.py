"""An order takes a use of a discount, a numbered one, and gives it back when it ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.catalog.models import LegalClass
from shop.core.db import db
from shop.discounts import queries
from shop.discounts.errors import (
    DiscountNotYet,
    DiscountOver,
    DiscountUnknown,
    DiscountUsedByClient,
    DiscountUsedUp,
)
from shop.discounts.making import spelled
from shop.discounts.models import Discount, DiscountUse
from shop.discounts.terms import FIELD, LEAVE_OUT, Terms


@dataclass(frozen=True)
class Offered:
    """A discount that a client may use now, with its terms at one address. Nothing is taken yet."""

    discount: Discount
    terms: Terms


def offered(code: str, *, client_id: uuid.UUID, state: str, at: datetime) -> Offered:
    """The discount behind a code, for this client and an order to this state.

    A code that nobody has and one that was withdrawn are the same to whoever tries: the same
    statement is asked, the same words are said. Raises DiscountUnknown, DiscountNotYet,
    DiscountOver, DiscountUsedUp, DiscountUsedByClient.
    """
    discount = _in_force(queries.of_code(spelled(code)), at)
    _free(discount, client_id)
    return Offered(discount, _terms(discount, queries.barred(state)))


def take(
    what: Offered, *, order_id: uuid.UUID, client_id: uuid.UUID, cents: int, at: datetime
) -> DiscountUse:
    """The lowest number that is free, for an order that was just written.

    The discount is locked from here on, after all else that an order takes, and asked again: others
    who want the last number wait, and are refused then. Raises what `offered` raises.
    """
    discount = _in_force(queries.of_code(what.discount.code, lock=True), at)
    if discount.id != what.discount.id:
        raise _unknown()  # it was ended, and its code given anew, since it was offered
    number, client_number = _free(discount, client_id)
    use = DiscountUse(
        id=uuid.uuid4(),
        discount_id=discount.id,
        client_id=client_id,
        order_id=order_id,
        number=number,
        client_number=client_number,
        cents=cents,
    )
    db.session.add(use)
    db.session.flush()  # what the database refuses is refused here, with the verb on the stack
    return use


def give_back(order_id: uuid.UUID) -> None:
    """The use of an order that ended, if it had one: its numbers are free for another.

    Locks no discount: who takes a number meanwhile finds this one taken, or free.
    """
    db.session.execute(
        sa.update(DiscountUse)
        .where(DiscountUse.order_id == order_id, sa.not_(DiscountUse.returned))
        .values(returned=True)
    )


def _in_force(discount: Discount | None, at: datetime) -> Discount:
    if discount is None:
        raise _unknown()
    if at < discount.valid_from:
        raise DiscountNotYet(
            "This code does not hold yet.",
            fields={FIELD: [f"Use it later. {LEAVE_OUT}"]},
            valid_from=discount.valid_from,
        )
    if discount.valid_until is not None and discount.valid_until <= at:
        raise DiscountOver(
            "This code does not hold any more.",
            fields={FIELD: [f"Its time is over. {LEAVE_OUT}"]},
            valid_until=discount.valid_until,
        )
    return discount


def _free(discount: Discount, client_id: uuid.UUID) -> tuple[int, int]:
    """The lowest free number, and the client's. Raises DiscountUsedByClient, DiscountUsedUp."""
    standing = queries.standing(discount)
    hers = standing.where(DiscountUse.client_id == client_id)
    client_number = _lowest(hers.with_only_columns(DiscountUse.client_number))
    if client_number > discount.most_per_client:
        times = "once" if discount.most_per_client == 1 else f"{discount.most_per_client} times"
        raise DiscountUsedByClient(
            f"This code holds {times} for each client, and you have used it.",
            fields={FIELD: [f"You have used it. {LEAVE_OUT}"]},
            most=discount.most_per_client,
        )
    number = _lowest(standing.with_only_columns(DiscountUse.number))
    if number > discount.most_uses:
        raise DiscountUsedUp(
            "This code has been used as often as it may be.",
            fields={FIELD: [f"It is used up. {LEAVE_OUT}"]},
        )
    return number, client_number


def _lowest(numbers: sa.Select[int]) -> int:
    """The lowest number from one on that is not among these: one statement."""
    taken = numbers.subquery().c[0]
    above = sa.select((taken + 1).label("next")).where((taken + 1).not_in(numbers))
    first = sa.select(sa.literal(1).label("next")).where(sa.literal(1).not_in(numbers))
    candidates = sa.union_all(first, above).subquery()
    return int(db.session.scalar(sa.select(sa.func.min(candidates.c.next))) or 1)


def _terms(discount: Discount, barred: frozenset[LegalClass]) -> Terms:
    return Terms(
        percent=discount.percent,
        cents=discount.cents,
        classes=frozenset(map(LegalClass, discount.classes)) - barred,
        least_cents=discount.least_cents,
    )


def _unknown() -> DiscountUnknown:
    return DiscountUnknown(
        "No discount has this code.",
        fields={FIELD: [f"Check how it is spelled. {LEAVE_OUT}"]},
    )
