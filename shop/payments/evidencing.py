"""What speaks for the shop when a bank disputes an order: told in numbers and times only.

No product, no word of health, no name: the bank and the provider learn that an order of so many
packs was paid, left, was fetched or followed, and when the client was written to.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.core.money import dollars
from shop.orders.models import Order, Shipment
from shop.payments import queries
from shop.payments.disputing import waits_for_evidence
from shop.payments.errors import EvidenceRefused
from shop.payments.gateway import Evidence
from shop.payments.models import Dispute, ProviderCall
from shop.payments.planning import Operation, plan
from shop.payments.states import RefundStatus
from shop.prescriptions.models import LeafletAcknowledgement

# The provider's longest text is 20,000 characters; ours is a fraction of it.
MOST_LETTERS = 50


@dataclass(frozen=True)
class Sent:
    """A letter to the client: what it told ("order shipped"), and when it was sent."""

    what: str
    at: datetime


@dataclass(frozen=True)
class Parcel:
    """One that left, or was put into her hands."""

    number: str
    carrier: str
    tracking: str  # empty where she fetched it
    left_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True)
class Pack:
    """All that is told, and nothing else is."""

    order: str
    placed_at: datetime
    paid_at: datetime | None
    paid_cents: int
    refunded_cents: int
    lines: int
    packs: int
    parcels: tuple[Parcel, ...]
    instructed_at: datetime | None  # when she confirmed in writing to have read how to use it
    letters: tuple[Sent, ...]


def pack_of(order: Order, letters: Sequence[Sent]) -> Pack:
    """What speaks for the shop about an order; `letters` are those that were sent about it."""
    refunds = [one for one in queries.refunds_of(order) if one.status is RefundStatus.DONE]
    payment = queries.payment_to_show(order.id)
    return Pack(
        order=order.number,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        paid_cents=payment.captured_cents if payment else 0,
        refunded_cents=sum(one.amount_cents for one in refunds),
        lines=len(order.lines),
        packs=sum(line.quantity for line in order.lines),
        parcels=tuple(_parcel(one) for one in order.shipments),
        instructed_at=_instructed_at(order),
        letters=tuple(sorted(letters, key=lambda one: one.at)[-MOST_LETTERS:]),
    )


def text_of(pack: Pack, *, zone: str) -> str:
    """The pack in words, for the bank."""
    return "\n".join(_said(pack, ZoneInfo(zone)))


def submit(dispute: Dispute, pack: Pack, *, zone: str, by: Person, at: datetime) -> ProviderCall:
    """Plan to send the pack to the bank, once and for good; the dispute is locked.

    Raises EvidenceRefused.
    """
    if not waits_for_evidence(dispute):
        raise EvidenceRefused(
            "The bank waits for no evidence, or was sent it.", status=dispute.status
        )
    dispute.evidence_by_id = by.id
    events.record(Kind.EVIDENCE_PLANNED, dispute, parcels=len(pack.parcels))
    db.session.flush()
    return plan(
        Operation.SUBMIT_EVIDENCE,
        dispute.id,
        order_id=dispute.payment.order_id,
        dispute_id=dispute.provider_dispute_id,
        evidence=asdict(_evidence(pack, zone)),
    )


def _evidence(pack: Pack, zone: str) -> Evidence:
    followed = next((one for one in pack.parcels if one.tracking), None)
    left = followed.left_at.astimezone(ZoneInfo(zone)).date() if followed else None
    return Evidence(
        text=text_of(pack, zone=zone),
        carrier=followed.carrier if followed else "",
        tracking=followed.tracking if followed else "",
        shipped_on=left.isoformat() if left else "",
    )


def _said(pack: Pack, zone: ZoneInfo) -> list[str]:
    def moment(at: datetime | None) -> str:
        return "not known" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"

    told = [
        f"Order {pack.order}: {pack.lines} lines, {pack.packs} packs.",
        f"Placed by the client in her own account: {moment(pack.placed_at)}.",
        f"Paid {dollars(pack.paid_cents)}: {moment(pack.paid_at)}.",
    ]
    if pack.refunded_cents:
        told.append(f"Sent back before: {dollars(pack.refunded_cents)}.")
    for one in pack.parcels:
        if one.tracking:
            told.append(
                f"Parcel {one.number} left with {one.carrier}, tracking number {one.tracking}:"
                f" {moment(one.left_at)}."
            )
        else:
            told.append(
                f"Parcel {one.number} was handed to the client in person, who gave her name and"
                f" day of birth: {moment(one.left_at)}."
            )
        if one.delivered_at is not None:
            told.append(f"Parcel {one.number} was delivered: {moment(one.delivered_at)}.")
    if not pack.parcels:
        told.append("Nothing has left yet.")
    yes = pack.instructed_at is not None
    told.append(
        "Instructions confirmed by the client in writing: "
        + (f"yes, {moment(pack.instructed_at)}." if yes else "no.")
    )
    return [
        *told,
        *(f"Written to the client ({one.what}): {moment(one.at)}." for one in pack.letters),
    ]


def _parcel(shipment: Shipment) -> Parcel:
    lines = [one.order_line_id for one in shipment.lines]
    delivered = db.session.scalar(
        sa.select(sa.func.max(Event.at)).where(
            Event.subject_id.in_(lines), Event.kind == Kind.LINE_DELIVERED
        )
    )
    return Parcel(
        shipment.number, shipment.carrier, shipment.tracking, shipment.shipped_at, delivered
    )


def _instructed_at(order: Order) -> datetime | None:
    """When she had confirmed all that her order's lines ask of her; None where she did not.

    Before what she ordered left: what was confirmed later says nothing of this order.
    """
    asked = [line for line in order.lines if line.requires_prescription]
    query = (
        sa.select(
            LeafletAcknowledgement.product_id, sa.func.max(LeafletAcknowledgement.acknowledged_at)
        )
        .where(
            LeafletAcknowledgement.client_id == order.client_id,
            LeafletAcknowledgement.product_id.in_(
                sa.select(Variant.product_id).where(
                    Variant.id.in_([line.variant_id for line in asked])
                )
            ),
        )
        .group_by(LeafletAcknowledgement.product_id)
    )
    left = min((one.shipped_at for one in order.shipments), default=None)
    if left is not None:
        query = query.where(LeafletAcknowledgement.acknowledged_at <= left)
    confirmed: dict[uuid.UUID, datetime] = dict(db.session.execute(query).all())
    products = {line.variant.product_id for line in asked}
    if not products or products - confirmed.keys():
        return None
    return max(confirmed.values())
