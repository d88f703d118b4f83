"""Label a line that waits to be packed: no label without a prescription that stands now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from shop.accounts.models import Person
from shop.core.clock import day_in
from shop.core.db import db
from shop.inventory.models import Lot, Movement
from shop.orders import judging, picking, queries
from shop.orders.errors import LabelMissing, LabelOutdated, NoFill
from shop.orders.models import Order, OrderLine
from shop.prescriptions import acknowledging, following, issuing, writing
from shop.prescriptions.asking import Stage
from shop.prescriptions.models import DocumentKind, Fill
from shop.prescriptions.paper import label, leaflets
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.label import Label, Package


def print_label(
    order: Order, sku: str, *, clinic: Clinic, zone: str, by: Person, at: datetime
) -> bytes:
    """The labels of a line of a (locked) order, one page for each package, written down as issued.

    The lots are those that were picked, or would be now; where they change, the next print replaces
    this one. Raises NotPaid, MoneyGone, NotInOrder, LineNotReady, NoFill, NotEnoughStock, and what
    the gate refuses (NoPrescription, LineBlocked, NeedsClientAction, TooSoon).
    """
    judging.insist_paid(order)
    line = queries.waiting_line(order, sku)
    fill = line.fill
    if fill is None:
        raise NoFill(f"{line.name} needs no prescription, so it has no label.", sku=sku)
    judging.insist(
        order.client,
        judging.wishes([line]),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=Stage.PICK,
    )  # the prescription stays locked: of two prints at once, one is the copy
    facts = label_of(order, line, fill, clinic=clinic, zone=zone, at=at)
    return issuing.issue(
        DocumentKind.DISPENSING_LABEL,
        fill.id,
        facts,
        label.draw,
        by=by,
        on=day_in(zone, at),
        lots=[package.lot_number for package in facts.packages],
    )


def labelled(lines: Iterable[OrderLine]) -> set[UUID]:
    """Which of these lines need no label, or have one: their ids."""
    fills = {line.fill_id: line.id for line in lines if line.fill_id is not None}
    printed = issuing.printed(DocumentKind.DISPENSING_LABEL, [*fills])
    return {line.id for line in lines if line.fill_id is None} | {fills[one] for one in printed}


def refuse_unlabelled(lines: Iterable[OrderLine]) -> None:
    """No pack under a prescription leaves without a label of its own. Raises LabelMissing."""
    done = labelled(lines)
    for line in lines:
        if line.id not in done:
            raise LabelMissing(
                f"{line.sku} has no label yet. Print it, and put it on the pack.", sku=line.sku
            )


def refuse_other_lots(line: OrderLine, movements: Iterable[Movement]) -> None:
    """What leaves is what its label says, where one was printed. Raises LabelOutdated."""
    if line.fill_id is None:
        return
    told = issuing.last_told(DocumentKind.DISPENSING_LABEL, line.fill_id)
    if told is None:
        return
    leaving = [
        db.session.get_one(Lot, movement.lot_id).lot_number
        for movement in movements
        for _ in range(movement.units)
    ]
    if sorted(leaving) != sorted(told["lots"]):
        raise LabelOutdated(
            f"The label of {line.sku} names {_listed(told['lots'])}, and {_listed(leaving)} would"
            " leave. Print it again.",
            sku=line.sku,
            labelled=told["lots"],
            leaving=leaving,
        )


def label_of(
    order: Order, line: OrderLine, fill: Fill, *, clinic: Clinic, zone: str, at: datetime
) -> Label:
    """What is printed. Raises NotEnoughStock."""
    prescription, variant = fill.prescription, line.variant
    leaflet = acknowledging.of_product(order.client_id, variant.product_id)
    asked = following.sentences(order.client, [variant.id], at=at)
    so_far = _so_far(fill)
    left = prescription.fills_allowed - so_far
    picks = picking.of_line(line, at=at)
    return Label(
        clinic=clinic,
        prescription=prescription.number,
        prescribed_on=day_in(zone, prescription.signed_at),
        prescriber=f"{prescription.prescriber_name}, NPI {prescription.prescriber_npi}",
        patient=order.client.name,
        patient_address=queries.address(order),
        drug=variant.product.name,
        description=writing.form(variant.product),
        strength=writing.strength(variant.product),
        manufacturer=variant.product.brand.name,
        ndc=variant.package_ndc or "",
        pack=variant.name,
        quantity=line.quantity,
        directions=prescription.directions or "",
        cautions=(
            *asked.get(variant.id, ()),  # her treatments, before what holds for everybody
            *leaflets.leaflet(leaflet.version).cautions,
        ),
        fill_number=fill.number,
        fill=so_far,
        fills=prescription.fills_allowed,
        fills_left=0 if prescription.taken_away else left,
        packages=tuple(
            Package(pick.lot.lot_number, pick.lot.expires_on)
            for pick in picks
            for _ in range(pick.units)
        ),
    )


def _listed(lots: Iterable[str]) -> str:
    return f"lot {' and '.join(sorted(set(lots)))}"


def _so_far(fill: Fill) -> int:
    """Which use of the prescription this is: live fills up to it. Numbers of given-back fills
    are used again, so the fill's own number does not tell.
    """
    taken = [(one.reserved_at, one.id) for one in fill.prescription.live_fills]
    return sum(one <= (fill.reserved_at, fill.id) for one in taken)
