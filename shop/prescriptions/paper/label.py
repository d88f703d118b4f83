"""The dispensing label of a fill: 4 x 6 inches, one for each package.

It bears the union of what the states ask for: dispenser's name and address, serial number, date,
prescriber, patient, directions and cautions (FDCA 503(b)(2)); drug, manufacturer, strength,
quantity, expiry, number and description (Cal. HSC 111480, B&P 4076); the patient's address and the
day of delivery (N.Y. Educ. 6807); and, by design, lot and discard date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, HRFlowable, PageBreak, Spacer, Table, TableStyle

from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.marking import Mark
from shop.prescriptions.paper.sheet import (
    BLACK,
    BOLD,
    INK,
    TIMES,
    day,
    line,
    pages,
    printable,
    said,
    shortened,
    style,
)

SIZE = (4 * inch, 6 * inch)
MARGIN = 12.0  # points
FOOT = 62.0  # points under the flow: the bar code, the mark, whose label it is
LEAST = 6.0  # points: nothing is set smaller
SCALES = (1.25, 1.12, 1.0, 0.9, 0.8, 0.7, 0.62)  # the largest that fits is taken
KEPT_FOR = 365  # days from dispensing, at most
FEDERAL = (
    "Caution: Federal law prohibits the transfer of this drug to any person other than the"
    " patient for whom it was prescribed."  # the words of 21 CFR 290.5
)


@dataclass(frozen=True)
class Package:
    """One container: the lot it is of, and the last day it may be used by its maker's word."""

    lot_number: str
    expires_on: date

    def discard_after(self, dispensed_on: date) -> date:
        """The earlier of the maker's expiry and a year from dispensing.

        The usual rule of the states' boards for containers as the maker filled them (after
        USP <7>); grade C until counsel confirms it.
        """
        a_year_on = date.fromordinal(dispensed_on.toordinal() + KEPT_FOR)
        return min(self.expires_on, a_year_on)


@dataclass(frozen=True)
class Label:
    """All that is printed but the day and the packer, which are of the first print."""

    clinic: Clinic
    prescription: str  # its number
    prescribed_on: date
    prescriber: str
    patient: str
    patient_address: str
    drug: str
    description: str  # "Cream, topical"
    strength: str
    manufacturer: str
    ndc: str
    pack: str  # "20 g tube"
    quantity: int  # packs of this fill
    directions: str
    cautions: tuple[str, ...]
    fill_number: int  # of the prescription's fills, as the record has it
    fill: int  # this is the n-th that was taken …
    fills: int  # … of so many
    fills_left: int
    packages: tuple[Package, ...]  # one for each pack, in the order they are taken

    @property
    def code(self) -> str:
        """What the bar code says: the fill."""
        return f"{self.prescription}-F{self.fill_number}"


def draw(label: Label, mark: Mark) -> bytes:
    """One page for each package; where directions are too long for one, they go on on the next."""
    longest = max(label.packages, key=lambda one: len(one.lot_number))
    for scale in SCALES:
        _, count = _drawn(replace(label, packages=(longest,)), mark, scale)
        if count == 1:
            break
    made, _ = _drawn(label, mark, scale)
    return made


def _drawn(label: Label, mark: Mark, scale: float) -> tuple[bytes, int]:
    width, height = SIZE
    return pages(
        list(_story(label, mark, scale)),
        size=SIZE,
        frame=(MARGIN, FOOT, width - 2 * MARGIN, height - MARGIN - FOOT),
        title=f"Label {label.code}",
        decorate=lambda canvas, number: _foot(canvas, label, mark, number),
    )


def _story(label: Label, mark: Mark, scale: float) -> Iterator[Flowable]:
    for place, package in enumerate(label.packages, start=1):
        if place > 1:
            yield PageBreak()
        yield from _head(label, scale)
        yield from _body(label, scale)
        yield from _facts(label, mark, package, place, scale)


def _head(label: Label, scale: float) -> Iterator[Flowable]:
    yield said(label.clinic.name, _style(10.5, min(scale, 1.0), bold=True))
    yield said(f"{label.clinic.address} · {label.clinic.phone}", _style(7.5, min(scale, 1.0)))
    yield HRFlowable(width="100%", thickness=0.8, color=INK, spaceBefore=3, spaceAfter=3)
    left = f"{label.fills_left} {'refill' if label.fills_left == 1 else 'refills'} left"
    yield said(
        f"{label.prescription} · fill {label.fill} of {label.fills} · {left}",
        _style(9, scale, bold=True),
    )
    yield said(label.patient, _style(13, scale, bold=True, spaceBefore=2))
    if label.patient_address:
        yield said(label.patient_address, _style(7.5, min(scale, 1.0)))


def _body(label: Label, scale: float) -> Iterator[Flowable]:
    yield said(label.drug, _style(12, scale, bold=True, spaceBefore=4))
    about = (label.strength, label.description, f"{label.quantity} {TIMES} {label.pack}")
    yield said(" · ".join(filter(None, about)), _style(8.5, scale))
    yield said(label.directions, _style(11, scale, bold=True, spaceBefore=5, spaceAfter=3))
    for caution in label.cautions:
        yield said(f"• {caution}", _style(7.5, scale, leftIndent=7, firstLineIndent=-7))


def _facts(
    label: Label, mark: Mark, package: Package, place: int, scale: float
) -> Iterator[Flowable]:
    cells = {
        "Dispensed": day(mark.first_on),
        "Lot": package.lot_number,
        "Expires": day(package.expires_on),
        "Discard after": day(package.discard_after(mark.first_on)),
    }
    fits = min(scale, 1.0)  # four cells abreast have no room to grow
    small, plain = _style(6.5, fits), _style(8, fits, bold=True)
    table = Table(
        [[said(name, small) for name in cells], [said(fact, plain) for fact in cells.values()]],
        colWidths=[0.23 * _WIDTH, 0.29 * _WIDTH, 0.23 * _WIDTH, 0.25 * _WIDTH],
    )
    table.setStyle(
        TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.6, INK),
                ("LINEAFTER", (0, 0), (-2, -1), 0.3, INK),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    yield Spacer(1, 4)
    yield table
    made = f"Made by {label.manufacturer}" + (f" · NDC {label.ndc}" if label.ndc else "")
    yield said(made, _style(7, scale, spaceBefore=3))
    yield said(
        f"Prescribed by {label.prescriber} on {day(label.prescribed_on)} ·"
        f" packed by {mark.first_by} · package {place} of {len(label.packages)}",
        _style(7, scale),
    )
    yield said(FEDERAL, _style(6.5, scale, spaceBefore=2))


_WIDTH = SIZE[0] - 2 * MARGIN


def _foot(canvas: Canvas, label: Label, mark: Mark, number: int) -> None:
    """What stands on every page, so that a page that goes on is still whose it is."""
    canvas.setFillColor(BLACK)
    bars = Code128(label.code, barHeight=22, barWidth=0.85, humanReadable=False, quiet=False)
    bars.drawOn(canvas, MARGIN, 28)
    line(canvas, MARGIN, 19, label.code, 7, bold=True)
    room = SIZE[0] - 2 * MARGIN
    whose = f"{label.patient} · page {number}"
    line(canvas, MARGIN, 9, shortened(whose, 6.5, room), 6.5)
    if mark.text:
        _stamp(canvas, mark.text)


def _stamp(canvas: Canvas, text: str) -> None:
    """White on black, so that a copy is not taken for the label of a package."""
    width = canvas.stringWidth(printable(text), BOLD, 6.5) + 8
    x = SIZE[0] - MARGIN - width
    canvas.rect(x, 15, width, 11, stroke=0, fill=1)
    canvas.setFillColorRGB(1, 1, 1)
    line(canvas, x + 4, 18.2, text, 6.5, bold=True)


def _style(size: float, scale: float, **also: Any) -> ParagraphStyle:
    return style(max(size * scale, LEAST), leading=max(size * scale, LEAST) * 1.2, **also)
