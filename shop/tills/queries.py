"""What the desk looks up: drawers, who waits to pay, who waits for money."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.merchant.routes import Route
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments.models import Payment, Refund
from shop.payments.states import RefundStatus
from shop.tills import money
from shop.tills.errors import NoOpenDrawer, NoReceipt
from shop.tills.models import Drawer, DrawerMove, Register
from shop.tills.money import Sums
from shop.tills.states import DrawerStatus

SHOWN = 50
_DRAWER = (
    joinedload(Drawer.register),
    joinedload(Drawer.opened_by),
    joinedload(Drawer.counted_by),
    joinedload(Drawer.signed_by),
)


def registers() -> Sequence[Register]:
    return db.session.scalars(sa.select(Register).order_by(sa.func.lower(Register.name))).all()


def register_named(name: str) -> Register:
    """Raises NotFound."""
    same = sa.func.lower(Register.name) == " ".join(name.split()).lower()
    found = db.session.scalars(sa.select(Register).where(same)).one_or_none()
    if found is None:
        raise NotFound("There is no such register.")
    return found


def drawers() -> sa.Select[Drawer]:
    """All of them, for a list."""
    return sa.select(Drawer).options(*_DRAWER)


def unfinished() -> Sequence[Drawer]:
    """Drawers that are open, or counted and not closed; the oldest first."""
    query = drawers().where(Drawer.status != DrawerStatus.CLOSED)
    return db.session.scalars(query.order_by(Drawer.opened_at, Drawer.id)).all()


def drawer_with(number: str, *, lock: bool = False) -> Drawer:
    """With its ledger and its counts; locked where it is changed. Raises NotFound."""
    query = (
        drawers()
        .where(Drawer.number == number)
        .options(selectinload(Drawer.moves).joinedload(DrawerMove.by), selectinload(Drawer.pieces))
    )
    found = db.session.scalars(locked(query, Drawer) if lock else query).unique().one_or_none()
    if found is None:
        raise NotFound("There is no such drawer.")
    return found


def open_drawer_of(person: Person) -> Drawer | None:
    query = drawers().where(Drawer.opened_by_id == person.id, Drawer.status == DrawerStatus.OPEN)
    return db.session.scalars(query).one_or_none()


def open_drawer_at(register: Register) -> Drawer | None:
    query = drawers().where(Drawer.register_id == register.id, Drawer.status == DrawerStatus.OPEN)
    return db.session.scalars(query).one_or_none()


def drawer_to_use(person: Person) -> Drawer:
    """The drawer a person has open, locked. Raises NoOpenDrawer."""
    query = locked(
        sa.select(Drawer).where(
            Drawer.opened_by_id == person.id, Drawer.status == DrawerStatus.OPEN
        ),
        Drawer,
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NoOpenDrawer("Open a drawer first: count what lies in it.")
    return found


def balances(drawer: Drawer) -> Sums:
    """What the ledger of a drawer adds up to. Shown to nobody while it is open."""
    query = (
        sa.select(DrawerMove.tender, sa.func.sum(DrawerMove.cents))
        .where(DrawerMove.drawer_id == drawer.id)
        .group_by(DrawerMove.tender)
    )
    return money.added((tender, int(cents)) for tender, cents in db.session.execute(query))


def orders_at_the_desk(reader: Person, *, sought: str = "") -> Sequence[Order]:
    """Orders that wait for their money: those of the desk's route, or what was sought.

    By a part of the order's number, or of the client's name; then also those placed for online
    payment.
    """
    query = orders.orders_for(reader, status=OrderStatus.AWAITING_PAYMENT)
    words = " ".join(sought.split())
    if words:
        query = query.join(Person, Person.id == Order.client_id).where(
            sa.or_(
                Order.number.icontains(words, autoescape=True),
                Person.name.icontains(words, autoescape=True),
            )
        )
    else:
        query = query.where(Order.payment_route == Route.DESK)
    return db.session.scalars(query.order_by(Order.pay_by, Order.id).limit(SHOWN)).unique().all()


def refunds_at_the_desk() -> Sequence[Refund]:
    """Money that waits to be paid out, the oldest first."""
    query = (
        sa.select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.tender.is_not(None), Refund.status == RefundStatus.PLANNED)
        .options(joinedload(Refund.payment).joinedload(Payment.order).joinedload(Order.client))
        .order_by(Refund.planned_at, Refund.id)
        .limit(SHOWN)
    )
    return db.session.scalars(query).all()


def refund_to_pay_out(refund_id: uuid.UUID) -> Refund:
    """A refund of a tender: its order is locked first, then itself. Raises NotFound."""
    query = (
        sa.select(Payment.order_id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.id == refund_id, Payment.tender.is_not(None))
    )
    order_id = db.session.scalar(query)
    if order_id is None:
        raise NotFound("No such refund waits at the desk.")
    db.session.execute(locked(sa.select(Order.id).where(Order.id == order_id)))
    return db.session.scalars(locked(sa.select(Refund).where(Refund.id == refund_id), Refund)).one()


def tender_of(order: Order) -> DrawerMove:
    """The entry by which an order was paid at the desk. Raises NoReceipt."""
    query = (
        sa.select(DrawerMove)
        .join(Payment, Payment.id == DrawerMove.payment_id)
        .where(Payment.order_id == order.id)
        .options(joinedload(DrawerMove.by), joinedload(DrawerMove.drawer))
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NoReceipt("This order was not paid at the desk.")
    return found


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a day at the clinic, and the first of the next."""
    begin = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
    return begin, end


def moves_between(begin: datetime, end: datetime) -> Sequence[DrawerMove]:
    """Entries of all drawers from a moment until, not including, another."""
    query = (
        sa.select(DrawerMove)
        .where(DrawerMove.moved_at >= begin, DrawerMove.moved_at < end)
        .options(joinedload(DrawerMove.drawer))
        .order_by(DrawerMove.moved_at, DrawerMove.id)
    )
    return db.session.scalars(query).all()


def drawers_between(begin: datetime, end: datetime) -> Sequence[Drawer]:
    """Drawers that were open at some time from a moment until, not including, another."""
    query = (
        drawers()
        .where(
            Drawer.opened_at < end,
            sa.or_(Drawer.counted_at.is_(None), Drawer.counted_at >= begin),
        )
        .order_by(Drawer.opened_at, Drawer.id)
    )
    return db.session.scalars(query).all()
