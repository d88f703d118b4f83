"""A card of home care: what is put on when, in which order, and a code that leads to its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.sheet import QUIET, day, line, pages, said, style
from shop.treatments.regimens import Slot, Step, Supply

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 150.0, 60.0
CODE = 84.0  # points a side
HEADINGS = {Slot.MORNING: "Morning", Slot.EVENING: "Evening", Slot.WEEKLY: "In the week"}


@dataclass(frozen=True)
class Card:
    """What is printed. `address` is the page that the code leads to: it asks for a sign-in."""

    client: str
    plan: str
    version: int
    written_on: date
    steps: tuple[Step, ...]
    supplies: Mapping[str, Supply]
    address: str


def draw(card: Card, clinic: Clinic) -> bytes:
    """Letter paper; the same card is the same bytes."""

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 44, clinic.name, 11, bold=True)
        canvas.setFillColor(QUIET)
        line(canvas, MARGIN, HEIGHT - 57, f"{clinic.address} · {clinic.phone}", 8.5)
        about = f"Plan {card.plan}, version {card.version} of {day(card.written_on)}"
        line(canvas, MARGIN, FOOT - 28, f"{about} · page {number}", 8)
        renderPDF.draw(_code(card.address), canvas, WIDTH - MARGIN - CODE, HEIGHT - 36 - CODE)

    made, _ = pages(
        list(_story(card)),
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=f"Home care, plan {card.plan}",
        decorate=decorate,
    )
    return made


def _code(address: str) -> Drawing:
    drawing = Drawing(CODE, CODE)
    drawing.add(QrCodeWidget(address, barLevel="M", barWidth=CODE, barHeight=CODE))
    return drawing


def _story(card: Card) -> Iterator[Flowable]:
    yield said(f"Home care of {card.client}", style(18, bold=True, spaceAfter=4))
    for slot, heading in HEADINGS.items():
        steps = [one for one in card.steps if one.slot is slot]
        if steps:
            yield said(heading, style(13, bold=True, spaceBefore=12, spaceAfter=2, keepWithNext=1))
        for place, one in enumerate(steps, 1):
            yield said(f"{place}. {one.product}", style(11, bold=True, spaceBefore=4))
            yield said(_how(one), style(10))
            supply = card.supplies[one.sku]
            lasts = supply.why if supply.days is None else f"One pack lasts {supply.days} days."
            yield said(lasts, style(8.5, quiet=True))
    if not card.steps:
        yield said("No home care is written down in this version.", style(11))


def _how(one: Step) -> str:
    parts = [one.dose, one.frequency]
    if one.since:
        parts.append(f"from {day(one.since)}")
    if one.until:
        parts.append(f"until {day(one.until - timedelta(days=1))}")
    return " · ".join(filter(None, parts))
