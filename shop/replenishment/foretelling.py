"""What taking a prescription back would do to everything that rests on it, told before it is done.

Orders and what has left are `orders.revoking`'s to say; here come the refills that find no
authority any more, the steps of home care that end, and who is written to. Changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.core.db import db
from shop.orders import queries as orders
from shop.orders import revoking
from shop.orders.revoking import Consequences
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.models import Prescription
from shop.replenishment.models import AutoRefill
from shop.replenishment.states import AHEAD, RefillStatus
from shop.treatments import queries as treatments
from shop.treatments import regimens
from shop.treatments.models import Plan


@dataclass(frozen=True)
class RefillStops:
    """An auto-refill that is not charged any more; `asked_on`: the day on which it finds out."""

    number: str
    asked_on: date | None


@dataclass(frozen=True)
class StepStops:
    """A step of home care of a running plan for which nothing can be ordered any more."""

    plan: str
    product: str
    frequency: str


@dataclass(frozen=True)
class Letters:
    """Who is written to at once: of each cancelled order, and of each that is newly held."""

    cancelled: Sequence[str]
    held: Sequence[str]


@dataclass(frozen=True)
class Foretold:
    """All of it. No other prescription gives this pack: a newer one takes the place of all."""

    orders: Consequences
    refills: Sequence[RefillStops]
    steps: Sequence[StepStops]
    letters: Letters

    @property
    def fingerprint(self) -> str:
        """The same for the same consequences: who confirms has read these, and no others."""
        left = [(one.order, one.name, one.quantity) for one in self.orders.left]
        refills = [(one.number, str(one.asked_on)) for one in self.refills]
        steps = [(one.plan, one.product, one.frequency) for one in self.steps]
        told = [self.orders.cancelled, self.orders.held, left, refills, steps]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def revocation(prescription: Prescription) -> Foretold:
    """What revoking it now would do. Locks nothing. Raises sealed.NotOpened."""
    ids = revoking.with_them([prescription])
    return Foretold(
        orders=revoking.consequences(prescription),
        refills=_refills(prescription),
        steps=_steps(prescription),
        letters=_letters(ids),
    )


def _refills(prescription: Prescription) -> Sequence[RefillStops]:
    query = (
        sa.select(AutoRefill)
        .where(
            AutoRefill.client_id == prescription.client_id,
            AutoRefill.variant_id == prescription.variant_id,
            AutoRefill.status == RefillStatus.ACTIVE,
        )
        .options(selectinload(AutoRefill.cycles))
        .order_by(AutoRefill.number)
    )
    return [
        RefillStops(
            one.number,
            min((cycle.act_on for cycle in one.cycles if cycle.status in AHEAD), default=None),
        )
        for one in db.session.scalars(query)
    ]


def _steps(prescription: Prescription) -> Sequence[StepStops]:
    versions = list(treatments.running([prescription.client_id]))
    if not versions:
        return ()
    ids = [version.plan_id for _, version in versions]
    rows = db.session.execute(sa.select(Plan.id, Plan.number).where(Plan.id.in_(ids)))
    numbers = {row.id: row.number for row in rows}
    return [
        StepStops(numbers[version.plan_id], step.product, step.frequency)
        for _, version in versions
        for step in regimens.read(version.content)
        if step.sku == prescription.variant.sku
    ]


def _letters(ids: Collection[UUID]) -> Letters:
    """As `orders.revoking` records it, and `reactions` writes of it."""
    promised = orders.promised_under(ids)
    unpaid = {row.number for row in promised if row.status is OrderStatus.AWAITING_PAYMENT}
    newly = {
        row.number
        for row in promised
        if row.number not in unpaid and row.line_status in (LineStatus.READY, LineStatus.PACKED)
    }
    return Letters(sorted(unpaid), sorted(newly))
