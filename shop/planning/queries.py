"""What is asked of every variant, and what lies there; a fixed number of statements for all."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload

from shop.catalog.models import Product, Variant
from shop.core.db import db
from shop.inventory import costing, locations
from shop.inventory import queries as inventory
from shop.inventory.models import Lot, Movement, MovementKind, Reservation, sellable_on
from shop.inventory.states import LotStatus
from shop.inventory.transferring import Packed
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus, OrderStatus
from shop.planning import forecasting
from shop.planning.forecasting import LOOK_BACK, Batch, Demand, Need, Policy
from shop.planning.models import StockPolicy
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.states import RequestStatus
from shop.purchasing import queries as purchasing
from shop.purchasing.models import PurchaseLine
from shop.replenishment.models import AutoRefill, RefillConsent, RefillCycle
from shop.replenishment.states import AHEAD, RefillStatus

LEAVING = (MovementKind.SHIP, MovementKind.TREATMENT_USE)
# A client waits for a physician's word, or has it and did not yet agree to another pack.
WAITING = (
    RequestStatus.QUEUED,
    RequestStatus.IN_REVIEW,
    RequestStatus.INFO_REQUESTED,
    RequestStatus.REFERRED,
    RequestStatus.PENDING_CLIENT,
)
ENDED = (
    RequestStatus.APPROVED,
    RequestStatus.DECLINED,
    RequestStatus.WITHDRAWN,
    RequestStatus.EXPIRED,
)
SOON = 90  # days to the last day of sale, where nobody says
STILL = 180  # days without anything leaving, where nobody says
A_YEAR = timedelta(days=365)
NO_POLICY = Policy()
GONE = (LotStatus.RETURNED, LotStatus.DESTROYED)


@dataclass(frozen=True)
class Outlook:
    """A variant: what is there, what is asked of it, and whether to order."""

    variant: Variant
    on_hand: int
    reserved: int
    demand: Demand
    policy: Policy
    need: Need
    last_bought: PurchaseLine | None  # from whom, at which cost

    @property
    def supplier(self) -> str | None:
        """The name of who sold it to us last."""
        return self.last_bought.order.supplier.name if self.last_bought else None

    @property
    def order_cents(self) -> int | None:
        """What the suggested order costs, as it was bought last; None where it never was."""
        last = self.last_bought
        return None if last is None else self.need.suggested * last.unit_cost_cents

    @property
    def days_left(self) -> int | None:
        """For how many days what may be sold lasts as usual; None where nothing leaves."""
        daily = self.demand.daily
        return int(self.need.free / daily) if daily else None


@dataclass(frozen=True)
class AtRisk:
    """Packs of a lot that will not sell in time, and what they cost, where that is known."""

    lot: Lot
    units: int  # on hand, or on the shelf where it may still be sold
    unsold: int
    unit_cost_cents: int | None
    unit_price_cents: int | None

    @property
    def cost_cents(self) -> int | None:
        return None if self.unit_cost_cents is None else self.unsold * self.unit_cost_cents

    @property
    def price_cents(self) -> int | None:
        return None if self.unit_price_cents is None else self.unsold * self.unit_price_cents


@dataclass(frozen=True)
class Dead:
    """A variant that lies there and does not leave."""

    variant: Variant
    on_hand: int
    left_at: datetime | None  # when some of it left last
    received_at: datetime  # the newest delivery


def outlooks(*, today: date, at: datetime) -> list[Outlook]:
    """Every variant that is for sale or lies there, by SKU. Nine statements."""
    variants = _variants()
    ids = [variant.id for variant, _policy in variants]
    on_order, bought = purchasing.awaited(ids), purchasing.last_bought(ids)
    there = _there(today)
    left, refilled = _left(at - timedelta(days=LOOK_BACK))
    due, asked = _due(today), _asked()
    ended, owed = _ended(at - A_YEAR), _owed()
    everywhere = _rate_of_all(ended)
    found = []
    for variant, policy in variants:
        on_hand, reserved, free, unchecked = there.get(variant.id, (0, 0, 0, 0))
        last = bought.get(variant.id)
        rule = policy.policy if policy else _usual(last)
        demand = Demand(
            left=left.get(variant.id, 0),
            refilled=refilled.get(variant.id, 0),
            due=due.get(variant.id, 0),
            asked=asked.get(variant.id, 0),
            approval=forecasting.approval_rate(
                *ended.get(variant.id, (0, 0)), elsewhere=everywhere
            ),
            owed=owed.get(variant.id, 0),
        )
        coming = on_order.get(variant.id, 0) + unchecked
        need = forecasting.need(demand, free=free, on_order=coming, policy=rule)
        found.append(Outlook(variant, on_hand, reserved, demand, rule, need, last))
    return found


def at_risk(*, days: int, today: date, at: datetime) -> list[AtRisk]:
    """Lots whose last day of sale is over or comes within `days`, the soonest first.

    What is usual sells them in the order in which they are picked; what is left then is at risk.
    """
    lots = _shelved()
    daily = _daily(at)
    soon = [lot for lot in lots if lot.sellable_until <= today + timedelta(days=days)]
    by_variant: dict[uuid.UUID, list[Lot]] = defaultdict(list)
    for lot in lots:
        by_variant[lot.variant_id].append(lot)
    unsold: dict[uuid.UUID, int] = {}
    for variant_id in {lot.variant_id for lot in soon}:
        unsold |= _unsold(by_variant[variant_id], daily.get(variant_id, Fraction(0)), today)
    costs = costing.unit_costs([lot.id for lot in soon])
    prices = costing.prices([lot.variant_id for lot in soon], at=at)
    return [
        AtRisk(lot, lot.on_hand, unsold[lot.id], costs.get(lot.id), prices.get(lot.variant_id))
        for lot in soon
    ]


def dead(*, days: int, at: datetime) -> list[Dead]:
    """Variants that lie there, of which nothing left or came in `days`; by SKU."""
    since = at - timedelta(days=days)
    lying = (
        sa.select(
            Lot.variant_id,
            sa.func.sum(Lot.on_hand).label("on_hand"),
            sa.func.max(
                sa.select(sa.func.max(Movement.at))
                .where(Movement.lot_id == Lot.id, Movement.kind == MovementKind.RECEIVE)
                .correlate(Lot)
                .scalar_subquery()
            ).label("received_at"),
        )
        .where(Lot.on_hand > 0)
        .group_by(Lot.variant_id)
        .subquery()
    )
    last = (
        sa.select(sa.func.max(Movement.at))
        .join(Lot, Lot.id == Movement.lot_id)
        .where(Lot.variant_id == Variant.id, Movement.kind.in_(LEAVING))
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(Variant, lying.c.on_hand, last.label("left_at"), lying.c.received_at)
        .join(lying, lying.c.variant_id == Variant.id)
        .join(Variant.product)
        .options(contains_eager(Variant.product).joinedload(Product.brand))
        .where(lying.c.received_at < since, sa.or_(last.is_(None), last < since))
        .order_by(Variant.sku)
    )
    return [Dead(*row) for row in rows]


def packed(lines: Iterable[Mapping[str, Any]]) -> list[Packed]:
    """What is to be sent, as it was named: `lot` and `origin`, `units`. Raises NotFound."""
    return [
        Packed(inventory.lot(line["lot"]), line["units"], locations.location(line["origin"]))
        for line in lines
    ]


def _variants() -> list[tuple[Variant, StockPolicy | None]]:
    has_lot = sa.exists().where(Lot.variant_id == Variant.id, Lot.on_hand > 0)
    rows = db.session.execute(
        sa.select(Variant, StockPolicy)
        .join(Variant.product)
        .outerjoin(StockPolicy, StockPolicy.variant_id == Variant.id)
        .options(contains_eager(Variant.product).joinedload(Product.brand))
        .where(sa.or_(Variant.for_sale, has_lot))
        .order_by(Variant.sku)
    )
    return [(variant, policy) for variant, policy in rows]


def _usual(last: PurchaseLine | None) -> Policy:
    """Where nobody set one: what the supplier it was last bought from says of its deliveries."""
    if last is None:
        return NO_POLICY
    return replace(NO_POLICY, lead_days=max(1, last.order.supplier.lead_days))


def _owed() -> dict[uuid.UUID, int]:
    """Units of paid lines that gave back what they were promised and wait for others."""
    rows = db.session.execute(
        sa.select(OrderLine.variant_id, sa.func.sum(OrderLine.quantity))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Reservation, Reservation.id == OrderLine.reservation_id)
        .where(
            Order.status == OrderStatus.PAID,
            OrderLine.status == LineStatus.ON_HOLD,
            Reservation.released_at.is_not(None),
        )
        .group_by(OrderLine.variant_id)
    )
    return {variant_id: int(units) for variant_id, units in rows}


def _there(today: date) -> dict[uuid.UUID, tuple[int, int, int, int]]:
    """On hand, reserved, free to be promised today, and to be checked first, by variant id."""
    free = sa.func.sum(Lot.on_shelf - Lot.reserved).filter(sellable_on(sa.literal(today)))
    unchecked = sa.func.sum(Lot.on_hand).filter(
        Lot.status == LotStatus.QUARANTINE, Lot.sellable_until >= today
    )
    rows = db.session.execute(
        sa.select(
            Lot.variant_id,
            sa.func.sum(Lot.on_hand),
            sa.func.sum(Lot.reserved),
            sa.func.coalesce(free, 0),
            sa.func.coalesce(unchecked, 0),
        )
        .where(Lot.status.not_in(GONE))
        .group_by(Lot.variant_id)
    )
    return {
        variant_id: (int(all_), int(held), int(free), int(unchecked))
        for variant_id, all_, held, free, unchecked in rows
    }


def _left(since: datetime) -> tuple[dict[uuid.UUID, int], dict[uuid.UUID, int]]:
    """Units that left since, by variant id: of themselves, and by refills."""
    rows = db.session.execute(
        sa.select(
            Lot.variant_id,
            RefillCycle.id.is_not(None).label("refill"),
            sa.func.sum(Movement.units),
        )
        .join(Lot, Lot.id == Movement.lot_id)
        .outerjoin(OrderLine, OrderLine.id == Movement.reference_id)
        .outerjoin(RefillCycle, RefillCycle.order_id == OrderLine.order_id)
        .where(Movement.at >= since, Movement.kind.in_(LEAVING))
        .group_by(Lot.variant_id, sa.text("refill"))
    )
    left: dict[uuid.UUID, int] = {}
    refilled: dict[uuid.UUID, int] = {}
    for variant_id, refill, units in rows:
        (refilled if refill else left)[variant_id] = int(units)
    return left, refilled


def _daily(at: datetime) -> dict[uuid.UUID, Fraction]:
    left, refilled = _left(at - timedelta(days=LOOK_BACK))
    return {
        variant_id: Demand(left.get(variant_id, 0), refilled.get(variant_id, 0)).daily
        for variant_id in left.keys() | refilled.keys()
    }


def _due(today: date) -> dict[uuid.UUID, int]:
    """Units of refills that are to be charged within the horizon of their variant."""
    quantity = (
        sa.select(RefillConsent.quantity)
        .where(RefillConsent.auto_refill_id == AutoRefill.id)
        .order_by(RefillConsent.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    horizon = sa.func.coalesce(StockPolicy.lead_days + StockPolicy.safety_days, NO_POLICY.horizon)
    rows = db.session.execute(
        sa.select(AutoRefill.variant_id, sa.func.sum(quantity))
        .join(RefillCycle, RefillCycle.auto_refill_id == AutoRefill.id)
        .outerjoin(StockPolicy, StockPolicy.variant_id == AutoRefill.variant_id)
        .where(
            AutoRefill.status == RefillStatus.ACTIVE,
            RefillCycle.status.in_(AHEAD),
            RefillCycle.act_on <= sa.literal(today) + horizon,
        )
        .group_by(AutoRefill.variant_id)
    )
    return {variant_id: int(units) for variant_id, units in rows}


def _asked() -> dict[uuid.UUID, int]:
    """Units that clients wait for a physician's word on; of a changed request, what is offered."""
    variant = sa.func.coalesce(Prescription.variant_id, ApprovalRequest.variant_id)
    units = sa.func.coalesce(Prescription.quantity_per_fill, ApprovalRequest.quantity)
    rows = db.session.execute(
        sa.select(variant.label("variant"), sa.func.sum(units))
        .select_from(ApprovalRequest)
        .outerjoin(Prescription, Prescription.request_id == ApprovalRequest.id)
        .where(ApprovalRequest.status.in_(WAITING))
        .group_by(variant)
    )
    return {variant_id: int(units) for variant_id, units in rows}


def _ended(since: datetime) -> dict[uuid.UUID, tuple[int, int]]:
    """Of requests made since that are over, by variant id: how many were approved, and how many."""
    approved = sa.func.count().filter(ApprovalRequest.status == RequestStatus.APPROVED)
    rows = db.session.execute(
        sa.select(ApprovalRequest.variant_id, approved, sa.func.count())
        .where(ApprovalRequest.status.in_(ENDED), ApprovalRequest.created_at >= since)
        .group_by(ApprovalRequest.variant_id)
    )
    return {variant_id: (yes, all_) for variant_id, yes, all_ in rows}


def _rate_of_all(ended: Mapping[uuid.UUID, tuple[int, int]]) -> Fraction | None:
    approved, decided = (sum(counts[place] for counts in ended.values()) for place in (0, 1))
    return Fraction(approved, decided) if decided >= forecasting.FEWEST_DECIDED else None


def _shelved() -> list[Lot]:
    """The lots with units that are not gone, in the order in which they are picked."""
    query = (
        sa.select(Lot)
        .where(Lot.on_hand > 0, Lot.status.not_in(GONE))
        .options(joinedload(Lot.variant).joinedload(Variant.product))
        .order_by(Lot.sellable_until, Lot.expires_on, Lot.received_at, Lot.id)
    )
    return list(db.session.scalars(query))


def _unsold(lots: list[Lot], daily: Fraction, today: date) -> dict[uuid.UUID, int]:
    """By lot id the units that will not sell; where a lot is not on sale, all of it."""
    selling = [lot for lot in lots if lot.sellable(today)]
    batches = [Batch(lot.on_hand, lot.sellable_until) for lot in selling]
    left = forecasting.unsold(batches, daily, today=today)
    rest = {lot.id: units for lot, units in zip(selling, left, strict=True)}
    return {lot.id: rest.get(lot.id, lot.on_hand) for lot in lots}
