"""Recalls, their lists and what is known of their units, for who keeps the shelf; and for a client.

Treatments are told to managers and physicians only. Who shows a list writes down whose records
were opened.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from shop.accounts.models import Person, Role
from shop.catalog.models import Product, Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory import locations
from shop.inventory.models import Holding, LocationKind, Lot, Movement, MovementKind
from shop.orders.models import Order, OrderLine, Shipment, ShipmentLine
from shop.recalls.models import (
    Recall,
    RecallAnswer,
    RecallClient,
    RecallDisposition,
    RecallLot,
)
from shop.recalls.states import RecallStatus
from shop.treatments.models import Performance, Session

SHOWN_TO_CLIENTS = (RecallStatus.NOTIFIED, RecallStatus.RECONCILED, RecallStatus.CLOSED)
READ_TREATMENTS = (Role.MANAGER, Role.PHYSICIAN)

_LOTS = (
    selectinload(Recall.named)
    .joinedload(RecallLot.lot)
    .joinedload(Lot.variant)
    .joinedload(Variant.product)
    .joinedload(Product.brand)
)


# Which there are


def recalls(*, status: RecallStatus | None = None) -> sa.Select[Recall]:
    """All, or those in one state, with their lots."""
    query = sa.select(Recall).options(_LOTS, joinedload(Recall.opened_by))
    return query if status is None else query.where(Recall.status == status)


def recall(number: str, *, lock: bool = False) -> Recall:
    """One of them with its lots; `lock` for whoever will change it. Raises NotFound."""
    query = recalls().where(Recall.number == number)
    found = db.session.scalars(locked(query, Recall) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such recall.")
    return found


def of_lot(lot: Lot) -> Recall | None:
    """The recall of a lot, if it is recalled."""
    query = sa.select(Recall).join(RecallLot, RecallLot.recall_id == Recall.id)
    return db.session.scalars(query.where(RecallLot.lot_id == lot.id, ~RecallLot.drill)).first()


def lots_named(*, numbers: Collection[str], sku: str | None, slug: str | None) -> list[Lot]:
    """The lots with these numbers of ours, and all there ever were of a pack or a product.

    Of these, lots that are recalled already are left out. Raises NotFound.
    """
    query = sa.select(Lot).join(Lot.variant).join(Variant.product)
    found = {lot.number: lot for lot in db.session.scalars(query.where(Lot.number.in_(numbers)))}
    recalled = sa.exists().where(RecallLot.lot_id == Lot.id, ~RecallLot.drill)
    if unknown := sorted(set(numbers) - found.keys()):
        raise NotFound(f"There is no lot {', '.join(unknown)}.")
    for what, where in ((sku, Variant.sku == sku), (slug, Product.slug == slug)):
        if what is not None:
            of_it = db.session.scalars(query.where(where, ~recalled))
            if not (more := {lot.number: lot for lot in of_it}):
                raise NotFound(f"No lot of {what} was ever here that is not recalled already.")
            found |= more
    return list(found.values())


def lot_of(recall: Recall, number: str, *, lock: bool = False) -> Lot:
    """A lot of a recall by our number. Raises NotFound."""
    query = (
        sa.select(Lot)
        .join(RecallLot, RecallLot.lot_id == Lot.id)
        .where(RecallLot.recall_id == recall.id, Lot.number == number)
    )
    found = db.session.scalars(locked(query, Lot) if lock else query).one_or_none()
    if found is None:
        raise NotFound("This lot is not part of the recall.")
    return found


def dispositions(recall: Recall) -> list[RecallDisposition]:
    """How its units leave, in the order in which it was written down."""
    query = (
        sa.select(RecallDisposition)
        .where(RecallDisposition.recall_id == recall.id)
        .options(
            joinedload(RecallDisposition.planned_by),
            joinedload(RecallDisposition.witnessed_by),
            joinedload(RecallDisposition.lot),
        )
        .order_by(RecallDisposition.planned_at, RecallDisposition.id)
    )
    return list(db.session.scalars(query))


def disposition(recall: Recall, key: uuid.UUID) -> RecallDisposition:
    """One of them, locked. Raises NotFound."""
    query = sa.select(RecallDisposition).where(
        RecallDisposition.recall_id == recall.id, RecallDisposition.id == key
    )
    found = db.session.scalars(locked(query)).one_or_none()
    if found is None:
        raise NotFound("Nothing like this was written down.")
    return found


# Who got units


def got_of(recall: Recall) -> sa.Select[uuid.UUID, uuid.UUID, int, int]:
    """Recall, client, packs sold to her and packs used in her treatments: everybody, from the rows.

    What the list is made of; parcels and the treatment room are never rewritten. The lots are
    an array: the planner then knows how few they are.
    """
    ids = [each.lot_id for each in recall.named]
    lots = sa.any_(sa.literal(ids, sa.ARRAY(sa.Uuid())))
    none = sa.literal(0, sa.Integer())
    sold = (
        sa.select(OrderLine.client_id, ShipmentLine.units.label("retail"), none.label("treatment"))
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(ShipmentLine.lot_id == lots)
    )
    used = (
        sa.select(Session.client_id, none, -Movement.delta)
        .join(Performance, Performance.id == Movement.reference_id)
        .join(Session, Session.id == Performance.session_id)
        .where(Movement.kind == MovementKind.TREATMENT_USE, Movement.lot_id == lots)
    )
    got = sold.union_all(used).subquery()
    return sa.select(
        sa.literal(recall.id),
        got.c.client_id,
        sa.cast(sa.func.sum(got.c.retail), sa.Integer()),
        sa.cast(sa.func.sum(got.c.treatment), sa.Integer()),
    ).group_by(got.c.client_id)


_PHONE = (
    sa.select(Order.phone)
    .where(Order.client_id == RecallClient.client_id, Order.phone != "")
    .order_by(Order.placed_at.desc())
    .limit(1)
    .correlate(RecallClient)
    .scalar_subquery()
)


def listed(reader: Person, recall: Recall, *, silent: bool = False) -> sa.Select[RecallClient]:
    """Who is on the list, with the answers; staff see who bought something.

    `silent`: only who has packs and has not answered.
    """
    query = (
        sa.select(RecallClient)
        .join(RecallClient.client)
        .where(RecallClient.recall_id == recall.id)
        .options(
            contains_eager(RecallClient.client),
            selectinload(RecallClient.answers).joinedload(RecallAnswer.recorded_by),
        )
    )
    if reader.role not in READ_TREATMENTS:
        query = query.where(RecallClient.retail_units > 0)
    if silent:
        said = sa.exists().where(RecallAnswer.recall_client_id == RecallClient.id)
        query = query.where(RecallClient.retail_units > 0, ~said)
    return query


def phones(those: Sequence[RecallClient]) -> dict[uuid.UUID, str]:
    """The number a client last gave with an order, by client id; "" where she gave none."""
    query = sa.select(RecallClient.client_id, sa.func.coalesce(_PHONE, "")).where(
        RecallClient.id.in_([one.id for one in those])
    )
    return dict(db.session.execute(query).all())


def listed_one(reader: Person, recall: Recall, key: uuid.UUID) -> RecallClient:
    """One of the list. Raises NotFound."""
    query = listed(reader, recall).where(RecallClient.id == key)
    found = db.session.scalars(query).unique().one_or_none()
    if found is None:
        raise NotFound("Nobody like this is on the list.")
    return found


@dataclass(frozen=True)
class Got:
    """Units of a lot that one client got: in a parcel of an order, or (None) in a treatment."""

    lot: Lot
    units: int
    at: datetime
    order: str | None


def got_by(one: RecallClient) -> list[Got]:
    """What a client got of the recall's lots, oldest first."""
    lots = sa.select(RecallLot.lot_id).where(RecallLot.recall_id == one.recall_id)
    sold = (
        sa.select(Lot, ShipmentLine.units, Shipment.shipped_at, Order.number)
        .join(Lot, Lot.id == ShipmentLine.lot_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(OrderLine.client_id == one.client_id, ShipmentLine.lot_id.in_(lots))
    )
    used = (
        sa.select(Lot, -Movement.delta, Performance.performed_at, sa.null())
        .join(Lot, Lot.id == Movement.lot_id)
        .join(Performance, Performance.id == Movement.reference_id)
        .join(Session, Session.id == Performance.session_id)
        .where(
            Session.client_id == one.client_id,
            Movement.kind == MovementKind.TREATMENT_USE,
            Movement.lot_id.in_(lots),
        )
    )
    with_names = joinedload(Lot.variant).joinedload(Variant.product)
    rows = [
        Got(*row) for query in (sold, used) for row in db.session.execute(query.options(with_names))
    ]
    return sorted(rows, key=lambda got: (got.at, got.lot.number))


def notices_for(reader: Person) -> list[RecallClient]:
    """What a client was written to about, newest first."""
    query = _noticed(reader).order_by(Recall.opened_at.desc())
    return list(db.session.scalars(query).unique())


def notice_for(reader: Person, number: str) -> RecallClient:
    """One of them. Raises NotFound."""
    found = db.session.scalars(_noticed(reader).where(Recall.number == number)).unique()
    one = found.one_or_none()
    if one is None:
        raise NotFound("There is no such notice.")
    return one


def _noticed(reader: Person) -> sa.Select[RecallClient]:
    return (
        sa.select(RecallClient)
        .join(RecallClient.recall)
        .where(
            RecallClient.client_id == reader.id,
            ~Recall.drill,
            Recall.status.in_(SHOWN_TO_CLIENTS),
        )
        .options(contains_eager(RecallClient.recall), selectinload(RecallClient.answers))
    )


def to_write_to(recall: Recall, *, silent: bool) -> list[Person]:
    """Who is on the list and may sign in, by id; `silent`: as `listed`."""
    query = (
        sa.select(Person)
        .join(RecallClient, RecallClient.client_id == Person.id)
        .where(RecallClient.recall_id == recall.id, Person.disabled_at.is_(None))
        .order_by(Person.id)
    )
    if silent:
        said = sa.exists().where(RecallAnswer.recall_client_id == RecallClient.id)
        query = query.where(RecallClient.retail_units > 0, ~said)
    return list(db.session.scalars(query))


def unwritten(reader: Person, recall: Recall) -> int:
    """How many on the list get no letter, because they may not sign in any more."""
    query = listed(reader, recall).where(Person.disabled_at.is_not(None))
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


# What became of the units


@dataclass(frozen=True)
class Told:
    """What is known of the packs that were sold: sold = answered + unreachable + open."""

    clients: int  # on the list
    buyers: int  # of them, who bought packs
    silent: int  # of them, who has not answered and was not given up
    sold: int  # units, as all that follow
    treated: int
    has: int
    used_up: int
    returned: int
    never_got: int
    unreachable: int

    @property
    def answered(self) -> int:
        return self.has + self.used_up + self.returned + self.never_got

    @property
    def open(self) -> int:
        return self.sold - self.answered - self.unreachable


def told(recall: Recall) -> Told:
    """Add up the list and the last word of everybody on it. One statement."""
    last = (
        sa.select(RecallAnswer)
        .ext(distinct_on(RecallAnswer.recall_client_id))
        .order_by(RecallAnswer.recall_client_id, RecallAnswer.number.desc())
        .join(RecallClient, RecallClient.id == RecallAnswer.recall_client_id)
        .where(RecallClient.recall_id == recall.id)
        .subquery()
    )
    units = RecallClient.retail_units
    sums: list[Any] = [
        sa.func.sum(units),
        sa.func.sum(RecallClient.treatment_units),
        *(sa.func.sum(last.c[name]) for name in ("has", "used_up", "returned", "never_got")),
        sa.func.sum(units).filter(last.c.unreachable),
    ]
    figures: list[Any] = [
        sa.func.count(),
        sa.func.count().filter(units > 0),
        sa.func.count().filter(units > 0, last.c.id.is_(None)),
        *(sa.cast(sa.func.coalesce(each, 0), sa.Integer()) for each in sums),
    ]
    row = db.session.execute(
        sa.select(*figures)
        .select_from(RecallClient)
        .outerjoin(last, last.c.recall_client_id == RecallClient.id)
        .where(RecallClient.recall_id == recall.id)
    ).one()
    return Told(*row)


@dataclass(frozen=True)
class Account:
    """All units of a lot: received + came back = sold + used + gone + here, but for counts."""

    lot: Lot
    received: int
    came_back: int
    sold: int
    used: int
    sent_back: int  # to the vendor
    destroyed: int
    lost: int  # damaged, expired, or fewer when counted; negative: more were counted
    here: int
    in_quarantine: int  # of those that are here


def accounts(recall: Recall) -> list[Account]:
    """What the ledger says of each of its lots, by number."""
    lots = {each.lot_id: each.lot for each in recall.named}
    moved = db.session.execute(
        sa.select(Movement.lot_id, Movement.kind, sa.func.sum(Movement.delta))
        .where(Movement.lot_id.in_(lots))
        .group_by(Movement.lot_id, Movement.kind)
    )
    units = {(row[0], row[1]): int(row[2]) for row in moved}
    lying = db.session.execute(
        sa.select(Holding.lot_id, sa.func.sum(Holding.on_hand))
        .where(
            Holding.lot_id.in_(lots),
            Holding.location_id == locations.home(LocationKind.QUARANTINE).id,
        )
        .group_by(Holding.lot_id)
    )
    safe = {row[0]: int(row[1]) for row in lying}
    return sorted(
        (_account(lot, units, safe.get(lot.id, 0)) for lot in lots.values()),
        key=lambda one: one.lot.number,
    )


def _account(lot: Lot, units: dict[tuple[uuid.UUID, MovementKind], int], safe: int) -> Account:
    def moved(*kinds: MovementKind) -> int:
        return sum(units.get((lot.id, kind), 0) for kind in kinds)

    kind = MovementKind
    return Account(
        lot=lot,
        received=moved(kind.RECEIVE),
        came_back=moved(kind.RETURN_IN),
        sold=-moved(kind.SHIP),
        used=-moved(kind.TREATMENT_USE),
        sent_back=-moved(kind.RETURN_TO_VENDOR),
        destroyed=-moved(kind.DESTROY),
        lost=-moved(kind.DAMAGE, kind.EXPIRE, kind.COUNT_ADJUST),
        here=moved(*kind),
        in_quarantine=safe,
    )
