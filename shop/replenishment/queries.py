"""Reads of auto-refills, always through a reader; and what the day's run has to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person, Role
from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LIVE, LineStatus
from shop.prescriptions.models import Prescription
from shop.prescriptions.standing import Standing
from shop.replenishment.models import AutoRefill, RefillConsent, RefillCycle, ReminderChoice
from shop.replenishment.states import AHEAD, ASKED, CycleStatus, RefillStatus

WHOLE = (
    joinedload(AutoRefill.client),
    joinedload(AutoRefill.variant).options(
        joinedload(Variant.product), selectinload(Variant.prices)
    ),
    selectinload(AutoRefill.consents).joinedload(RefillConsent.card),
    selectinload(AutoRefill.cycles).options(
        selectinload(RefillCycle.notices), joinedload(RefillCycle.order)
    ),
)
# What it takes to see whether something is to be done.
AHEAD_OF = (
    selectinload(AutoRefill.consents),
    selectinload(AutoRefill.cycles).selectinload(RefillCycle.notices),
)
STANDING = (Standing.ACTIVE, Standing.ON_HOLD)
WAITING = LIVE - GONE
TO_FOLLOW = sa.or_(
    RefillCycle.status.in_(ASKED),
    sa.and_(RefillCycle.status == CycleStatus.CHARGED, Order.ended_at.is_not(None)),
)


class Share(NamedTuple):
    """A part of all clients, the `number`-th from 0 of `of` that are about equally large."""

    number: int = 0
    of: int = 1

    def holds(self, client_id: sa.SQLColumnExpression[UUID]) -> sa.ColumnElement[bool]:
        """Whether a client is in it: by the last byte of her id, which is random."""
        last = sa.func.get_byte(sa.func.uuid_send(client_id), 15)
        return last % self.of == self.number


ALL = Share()


def auto_refills(reader: Person) -> list[AutoRefill]:
    """A client's own that are not cancelled, and the last that were, newest first."""
    query = sa.select(AutoRefill).where(AutoRefill.client_id == reader.id).options(*WHOLE)
    going_first = (AutoRefill.status == RefillStatus.CANCELLED, AutoRefill.created_at.desc())
    return list(db.session.scalars(query.order_by(*going_first).limit(50)))


def auto_refill_for(reader: Person, number: str, *, lock: bool = False) -> AutoRefill:
    """One of a client's own. `lock`: it guards its consents and cycles. Raises NotFound."""
    query = sa.select(AutoRefill).where(
        AutoRefill.number == number, AutoRefill.client_id == reader.id
    )
    query = locked(query, AutoRefill) if lock else query
    found = db.session.scalars(_whole(query)).one_or_none()
    if found is None:
        raise NotFound("There is no such auto-refill.", number=number)
    return found


def locked_refill(refill_id: UUID, *, whole: bool = True) -> AutoRefill | None:
    """One, locked with all that hangs on it; None where somebody else is at it now.

    Not `whole`: with its cycles alone.
    """
    query = (
        sa.select(AutoRefill)
        .where(AutoRefill.id == refill_id)
        .with_for_update(of=AutoRefill, skip_locked=True)
        .options(*(WHOLE if whole else (selectinload(AutoRefill.cycles),)))
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(query).one_or_none()


def refills_of(clients: Collection[UUID]) -> list[AutoRefill]:
    """The active ones of these clients with their cycles, as they are now."""
    query = sa.select(AutoRefill).where(
        AutoRefill.client_id.in_(clients), AutoRefill.status == RefillStatus.ACTIVE
    )
    afresh = query.options(*AHEAD_OF).execution_options(populate_existing=True)
    return list(db.session.scalars(afresh.order_by(AutoRefill.id)))


def clients_after(client_id: UUID | None, limit: int, share: Share = ALL) -> list[Person]:
    """The next clients, by id, who were handed something out and may still sign in."""
    handed_out = sa.exists().where(
        OrderLine.client_id == Person.id, OrderLine.shipped_at.is_not(None)
    )
    query = sa.select(Person).where(
        Person.role == Role.CLIENT, Person.disabled_at.is_(None), handed_out, share.holds(Person.id)
    )
    if client_id is not None:
        query = query.where(Person.id > client_id)
    return list(db.session.scalars(query.order_by(Person.id).limit(limit)))


def to_charge(today: date, share: Share = ALL) -> Sequence[UUID]:
    """The active auto-refills with a cycle that is to be looked at by now, longest due first."""
    return db.session.scalars(
        sa.select(AutoRefill.id)
        .join(RefillCycle, RefillCycle.auto_refill_id == AutoRefill.id)
        .where(
            AutoRefill.status == RefillStatus.ACTIVE,
            RefillCycle.status.in_(AHEAD),
            RefillCycle.act_on <= today,
            share.holds(AutoRefill.client_id),
        )
        .order_by(RefillCycle.act_on, AutoRefill.id)
    ).all()


def to_follow(order_id: UUID | None = None, share: Share = ALL) -> Sequence[UUID]:
    """The auto-refills with a cycle whose order waits for money, or is over after it was paid: all,
    or the one of an order.
    """
    query = (
        sa.select(RefillCycle.auto_refill_id)
        .join(Order, Order.id == RefillCycle.order_id)
        .where(TO_FOLLOW, share.holds(RefillCycle.client_id))
        .order_by(RefillCycle.auto_refill_id)
    )
    return db.session.scalars(
        query if order_id is None else query.where(RefillCycle.order_id == order_id)
    ).all()


def followed(refill_id: UUID) -> RefillCycle | None:
    """The first cycle of a (locked) auto-refill that is not in step with its order, if any."""
    return db.session.scalars(
        sa.select(RefillCycle)
        .join(Order, Order.id == RefillCycle.order_id)
        .where(RefillCycle.auto_refill_id == refill_id, TO_FOLLOW)
        .order_by(RefillCycle.number)
        .limit(1)
    ).one_or_none()


def on_their_way(clients: Collection[UUID]) -> dict[tuple[UUID, UUID], str]:
    """(client, variant) → the number of an order of hers that holds it and has not left."""
    rows = db.session.execute(
        sa.select(OrderLine.client_id, OrderLine.variant_id, Order.number)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.client_id.in_(clients), OrderLine.status.in_(WAITING))
    )
    return {(row.client_id, row.variant_id): row.number for row in rows}


def last_line(client_id: UUID, variant_id: UUID) -> UUID | None:
    """The order line by which a client was handed out this pack last."""
    return db.session.scalar(
        sa.select(OrderLine.id)
        .where(
            OrderLine.client_id == client_id,
            OrderLine.variant_id == variant_id,
            OrderLine.shipped_at.is_not(None),
            OrderLine.status.in_((LineStatus.SHIPPED, LineStatus.DELIVERED)),
        )
        .order_by(OrderLine.shipped_at.desc(), OrderLine.id)
        .limit(1)
    )


def is_refilled(line_id: UUID) -> bool:
    """A cycle follows this line already."""
    query = sa.select(
        sa.exists().where(
            RefillCycle.after_line_id == line_id, RefillCycle.status != CycleStatus.LAPSED
        )
    )
    return bool(db.session.scalar(query))


def per_fill(client_id: UUID, variant_id: UUID, *, at: datetime) -> set[int]:
    """How many of a pack her standing prescriptions of it are for at a time."""
    signed = sa.select(Prescription).where(
        Prescription.client_id == client_id, Prescription.variant_id == variant_id
    )
    return {
        one.quantity_per_fill for one in db.session.scalars(signed) if one.standing(at) in STANDING
    }


def reminded(clients: Collection[UUID]) -> dict[UUID, bool]:
    """Client → whether she wants reminders, of those who said."""
    rows = db.session.execute(
        sa.select(ReminderChoice.client_id, ReminderChoice.wanted)
        .ext(distinct_on(ReminderChoice.client_id))
        .where(ReminderChoice.client_id.in_(clients))
        .order_by(ReminderChoice.client_id, ReminderChoice.number.desc())
    )
    return {row.client_id: row.wanted for row in rows}


def stuck() -> sa.Select[RefillCycle]:
    """Cycles that are blocked or were not paid, for who works here: without their reasons.

    What is blocked is asked again only while its auto-refill is active.
    """
    refill = selectinload(RefillCycle.auto_refill)
    return (
        sa.select(RefillCycle)
        .join(RefillCycle.auto_refill)
        .where(
            sa.or_(
                RefillCycle.status == CycleStatus.FAILED,
                sa.and_(
                    RefillCycle.status == CycleStatus.BLOCKED,
                    AutoRefill.status == RefillStatus.ACTIVE,
                ),
            )
        )
        .options(
            refill.selectinload(AutoRefill.client),
            refill.selectinload(AutoRefill.variant),
            selectinload(RefillCycle.order),
        )
    )


def _whole(query: sa.Select[AutoRefill]) -> sa.Select[AutoRefill]:
    return query.options(*WHOLE).execution_options(populate_existing=True)
