"""A physician prescribes another pack or quantity than was asked for; the client takes it or not.

It is signed and written at once, and stands from the moment the client accepts it at its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.accounts.models import Person
from shop.catalog.models import Price, Variant
from shop.charts.queries import lock_chart
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions import superseding
from shop.prescriptions.errors import NewerPrescription, NotForSale, PriceShownChanged
from shop.prescriptions.models import Acceptance, ApprovalRequest, Prescription
from shop.prescriptions.states import PrescriptionStatus, RequestStatus


@dataclass(frozen=True)
class Offer:
    """What was asked for beside what is prescribed; prices in cents of one pack, today."""

    prescription: Prescription
    price: Price | None  # None: it is not priced, so nobody can take it now
    asked_cents: int | None

    @property
    def fill_cents(self) -> int | None:
        """What one fill costs, without tax and shipping."""
        return self.price.cents * self.prescription.quantity_per_fill if self.price else None


def differs(request: ApprovalRequest, variant: Variant, quantity: int) -> bool:
    """Whether this is another pack, or another number of them, than the client asked for."""
    return (variant.id, quantity) != (request.variant_id, request.quantity)


def offered(request: ApprovalRequest, *, at: datetime) -> Offer | None:
    """What waits for the client's word, if anything: not what is taken back, on hold or over."""
    if request.status is not RequestStatus.PENDING_CLIENT:
        return None
    prescribed = request.prescription
    if prescribed is None or prescribed.status is not PrescriptionStatus.ACTIVE:
        return None
    if prescribed.valid_until <= at:
        return None
    asked = request.variant.price_at(at)
    return Offer(prescribed, prescribed.variant.price_at(at), asked.cents if asked else None)


def accept(
    request: ApprovalRequest, *, expect_unit_cents: int, by: Person, at: datetime
) -> Acceptance:
    """Take what the physician prescribed instead; `expect_unit_cents` is the price she was shown.

    Raises NotAllowed, WrongState, NotForSale, PriceShownChanged, PredecessorHeld,
    NewerPrescription.
    """
    if by.id != request.client_id:
        raise NotAllowed("Only the client decides what she takes.")
    offer = offered(request, at=at)
    if offer is None:
        raise WrongState("Nothing waits for your word here.", status=request.status.value)
    lock_chart(request.client)  # what she says meanwhile is looked at before or after
    price = _price(offer, expect_unit_cents)
    prescribed = offer.prescription
    earlier = superseding.predecessors(request, prescribed.variant, at=at, lock=True)
    _refuse_outdated(prescribed, earlier)
    acceptance = Acceptance(
        request_id=request.id,
        client_id=request.client_id,
        prescription_id=prescribed.id,
        variant_id=prescribed.variant_id,
        fills_allowed=prescribed.fills_allowed,
        quantity=prescribed.quantity_per_fill,
        price_id=price.id,
        unit_cents=price.cents,
    )
    db.session.add(acceptance)
    db.session.flush()  # while it is offered
    request.status = RequestStatus.APPROVED
    db.session.flush()  # the row goes before its event
    superseding.supersede(earlier, by=prescribed, at=at)
    events.record(Kind.REQUEST_CHANGES_ACCEPTED, request, prescription=prescribed.number)
    events.record(Kind.PRESCRIPTION_ACCEPTED, prescribed, request=request.number)
    return acceptance


def _refuse_outdated(offered: Prescription, others: Sequence[Prescription]) -> None:
    newer = next((one for one in others if one.signed_at > offered.signed_at), None)
    if newer is not None:
        raise NewerPrescription(
            f"Your prescription {newer.number} for the same pack is newer. Take this request back.",
            prescription=newer.number,
        )


def _price(offer: Offer, expected: int) -> Price:
    if offer.price is None:
        raise NotForSale("This has no price today. Ask the clinic.")
    if offer.price.cents != expected:
        raise PriceShownChanged(
            "The price has changed since you saw it. Look at it and decide again.",
            fields={"expect_unit_cents": [f"It is {offer.price.cents} cents now."]},
            expected_cents=expected,
            unit_cents=offer.price.cents,
        )
    return offer.price
