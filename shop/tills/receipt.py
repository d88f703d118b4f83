"""The receipt of what was paid at the desk: a plain one, printed for the client.

It names the order and the money, and neither packs nor anything medical: it is left lying about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Table, TableStyle

from shop.core.money import dollars
from shop.orders.models import Order
from shop.payments.states import Tender
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.sheet import HAIRLINE, QUIET, line, pages, said, style
from shop.tills.models import DrawerMove

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 90.0, 60.0
TENDERS = {
    Tender.CASH: "Cash",
    Tender.TERMINAL: "Card, on the terminal",
    Tender.CHEQUE: "Cheque",
}


@dataclass(frozen=True)
class Receipt:
    """All that is printed. `rows` are what each amount is, and the amount in dollars."""

    clinic: Clinic
    order: str
    taken_at: str
    taken_by: str
    drawer: str
    rows: tuple[tuple[str, str], ...]


def of(order: Order, move: DrawerMove, *, clinic: Clinic, zone: str) -> Receipt:
    """The receipt of an order that was paid by this entry of a drawer."""
    return Receipt(
        clinic=clinic,
        order=order.number,
        taken_at=_moment(move.moved_at, zone),
        taken_by=move.by.name,
        drawer=move.drawer.number,
        rows=tuple(_rows(order, move)),
    )


def _rows(order: Order, move: DrawerMove) -> Iterator[tuple[str, str]]:
    yield "Goods", dollars(order.subtotal_cents)
    if order.discount_cents:
        yield "Discount", dollars(-order.discount_cents)
    yield "Shipping", dollars(order.shipping_cents)
    yield "Tax", dollars(order.tax_cents)
    if order.credit_cents:
        yield "Paid by store credit", dollars(-order.credit_cents)
    yield "Paid at the desk", dollars(move.cents)
    how = TENDERS[move.tender]
    if move.tendered_cents is None:
        yield how, f"number {move.reference}"
        return
    yield how, dollars(move.tendered_cents)
    yield "Change", dollars(move.change_cents)


def draw(receipt: Receipt) -> bytes:
    """Letter paper; the same receipt is the same bytes."""

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 44, receipt.clinic.name, 11, bold=True)
        canvas.setFillColor(QUIET)
        about = f"{receipt.clinic.address} · {receipt.clinic.phone}"
        line(canvas, MARGIN, HEIGHT - 57, about, 8.5)
        line(canvas, MARGIN, FOOT - 28, f"Drawer {receipt.drawer} · page {number}", 8)

    made, _ = pages(
        list(_story(receipt)),
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=f"Receipt {receipt.order}",
        decorate=decorate,
    )
    return made


def _story(receipt: Receipt) -> Iterator[Flowable]:
    yield said(f"Receipt, order {receipt.order}", style(18, bold=True, spaceAfter=4))
    yield said(f"{receipt.taken_at} · taken by {receipt.taken_by}", style(10, spaceAfter=12))
    plain = style(10)
    rows = [[said(what, plain), said(amount, plain)] for what, amount in receipt.rows]
    room = WIDTH - 2 * MARGIN
    table = Table(rows, colWidths=[0.7 * room, 0.3 * room])
    rule = ("LINEBELOW", (0, 0), (-1, -1), 0.5, HAIRLINE)
    table.setStyle(TableStyle([rule, ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    yield table
    yield said("Thank you. Keep this for a refund.", style(10, spaceBefore=16))


def _moment(at: datetime, zone: str) -> str:
    here = at.astimezone(ZoneInfo(zone))
    return f"{here:%B} {here.day}, {here.year}, {here:%H:%M}"
