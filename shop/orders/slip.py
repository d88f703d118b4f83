"""The packing slip of a parcel: what is in it, and what follows. No prices, nothing medical.

It lies in the box and may be read by whoever opens it, so it names packs as the order does, and
neither prescription nor directions, which are on the labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Table, TableStyle

from shop.core.clock import day_in
from shop.orders.models import Order, Shipment
from shop.orders.states import GONE, LineStatus
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.sheet import HAIRLINE, QUIET, day, line, pages, said, style

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 90.0, 60.0


@dataclass(frozen=True)
class Item:
    """So many packs, of these lots."""

    units: int
    name: str
    sku: str
    lots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slip:
    """All that is printed."""

    clinic: Clinic
    order: str
    parcel: str
    left_on: date
    how: str  # "UPS 1Z…", or to whom it was handed
    address: tuple[str, ...]
    items: tuple[Item, ...]
    follow: tuple[Item, ...]


def of(order: Order, shipment: Shipment, *, clinic: Clinic, zone: str) -> Slip:
    """The slip of a parcel of this order; what follows is as of now."""
    packed: dict[str, list[tuple[int, str]]] = {}
    for part in shipment.lines:
        packed.setdefault(part.line.sku, []).append((part.units, part.lot.lot_number))
    lines = [each for each in order.lines if each.sku in packed]
    waiting = (each for each in order.lines if each.status not in GONE | {LineStatus.CANCELLED})
    street = filter(None, (order.line1, order.line2))
    town = f"{order.city}, {order.ship_to_state} {order.postal_code}"
    handed = shipment.handed_to
    return Slip(
        clinic=clinic,
        order=order.number,
        parcel=shipment.number,
        left_on=day_in(zone, shipment.shipped_at),
        how=f"Handed to {handed}" if handed else f"{shipment.carrier} {shipment.tracking}",
        address=(order.name, *street, town),
        items=tuple(
            Item(
                sum(units for units, _ in packed[each.sku]),
                each.name,
                each.sku,
                tuple(sorted({lot for _, lot in packed[each.sku]})),
            )
            for each in lines
        ),
        follow=tuple(Item(each.quantity, each.name, each.sku) for each in waiting),
    )


def draw(slip: Slip) -> bytes:
    """Letter paper; the same slip is the same bytes."""

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 44, slip.clinic.name, 11, bold=True)
        canvas.setFillColor(QUIET)
        about = f"{slip.clinic.address} · {slip.clinic.phone}"
        line(canvas, MARGIN, HEIGHT - 57, about, 8.5)
        line(canvas, MARGIN, FOOT - 28, f"Parcel {slip.parcel} · page {number}", 8)

    made, _ = pages(
        list(_story(slip)),
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=f"Packing slip {slip.parcel}",
        decorate=decorate,
    )
    return made


def _story(slip: Slip) -> Iterator[Flowable]:
    yield said(f"Packing slip, order {slip.order}", style(18, bold=True, spaceAfter=4))
    yield said(f"Parcel {slip.parcel} · {day(slip.left_on)} · {slip.how}", style(10))
    for place, part in enumerate(slip.address):
        yield said(part, style(10, bold=place == 0, spaceBefore=8 if place == 0 else 0))
    yield said("In this parcel", style(13, bold=True, spaceBefore=14, spaceAfter=4))
    yield _table(slip.items, lots=True)
    if slip.follow:
        yield said("To follow", style(13, bold=True, spaceBefore=14, spaceAfter=4))
        yield _table(slip.follow, lots=False)
    ask = f"Is something missing or damaged? Call us: {slip.clinic.phone}."
    yield said(ask, style(10, spaceBefore=16))


def _table(items: tuple[Item, ...], *, lots: bool) -> Flowable:
    plain, quiet = style(10), style(8.5, quiet=True)
    head = ("Packs", "What", "Number", "Lot" if lots else "")
    rows = [[said(name, quiet) for name in head]]
    for item in items:
        cells = (str(item.units), item.name, item.sku, ", ".join(item.lots))
        rows.append([said(cell, plain) for cell in cells])
    room = WIDTH - 2 * MARGIN
    widths = [part * room for part in (0.1, 0.46, 0.22, 0.22)]
    table = Table(rows, colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, HAIRLINE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table
