"""A prescription on paper: the record that a client keeps, or the one she takes to a pharmacy.

It says what the states ask of a written prescription: patient with birth date and address;
prescriber with NPI, licences, address and phone; drug, strength, form, quantity, directions,
refills, dates, substitution and indication. The signature is told as FDA 21 CFR 11.50 asks:
printed name, moment, meaning; and by the hash of the statement it was put under.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, HRFlowable, Table, TableStyle

from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.marking import Mark
from shop.prescriptions.paper.sheet import HAIRLINE, QUIET, TIMES, day, line, pages, said, style

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 54.0, 96.0, 64.0  # points; head and foot are outside the flow
QR = 62.0
STAMP = HexColor("#A33A2C")
MEANING = "Approval of this prescription, as its prescriber"
RECORD = (
    "For your records. The clinic fills this prescription: it is not to be filled from this sheet."
)
NO_DEA = "not applicable: not a controlled substance"
SUBSTITUTION = "not restricted by the prescriber; the law of the state applies"


@dataclass(frozen=True)
class Licence:
    """Where the prescriber was licensed on the day of signing."""

    state: str
    kind: str
    number: str


@dataclass(frozen=True)
class Written:
    """What was signed, and of which clinic. `fills` are those that this paper is good for.

    `taken_on` is the day on which the client took it to another pharmacy; None is a record only.
    Days are the clinic's; `signed_at` is the moment, in UTC.
    """

    clinic: Clinic
    number: str
    patient: str
    birth_date: date | None
    patient_address: str  # "" where none is held
    prescriber: str
    npi: str
    licences: tuple[Licence, ...]
    drug: str
    strength: str
    form: str
    pack: str
    quantity: int  # packs of each fill
    fills: int
    days_supply: int
    interval_days: int | None
    directions: str
    indication: str
    issued_on: date
    last_day: date
    signed_at: datetime
    statement_hash: str
    taken_on: date | None = None

    @property
    def title(self) -> str:
        return "Prescription" if self.taken_on else "Record of a prescription"


def draw(paper: Written, mark: Mark) -> bytes:
    """Letter paper; what does not fit on one page goes on on the next."""
    made, _ = pages(
        list(_story(paper)),
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=f"{paper.title} {paper.number}",
        decorate=lambda canvas, number: _decorate(canvas, paper, mark, number),
    )
    return made


def _story(paper: Written) -> Iterator[Flowable]:
    yield said(paper.title, style(20, bold=True, leading=26))
    if paper.taken_on is None:
        yield said(RECORD, style(9.5, textColor=STAMP, spaceBefore=2))
    for name, facts in (
        ("Patient", _patient(paper)),
        ("Prescribed", _prescribed(paper)),
        ("Prescriber", _prescriber(paper)),
        ("Signed electronically", _signature(paper)),
    ):
        yield said(name, style(11, bold=True, spaceBefore=12, spaceAfter=3, keepWithNext=1))
        yield HRFlowable(width="100%", thickness=0.5, color=HAIRLINE, spaceAfter=2)
        yield _table(facts)
    if paper.taken_on is not None:
        yield said(
            "Prescriber's signature, where the law of the state asks for ink:"
            " ______________________________",
            style(9, quiet=True, spaceBefore=26),
        )


def _patient(paper: Written) -> dict[str, str]:
    born = day(paper.birth_date) if paper.birth_date else "not known"
    return {
        "Name": paper.patient,
        "Born": born,
        "Address": paper.patient_address or "not held by the clinic",
    }


def _prescribed(paper: Written) -> dict[str, str]:
    each = f"{paper.quantity} {TIMES} {paper.pack}, for {paper.days_supply} days"
    apart = f"; at least {paper.interval_days} days apart" if paper.interval_days else ""
    refills = paper.fills - 1
    return {
        "Drug": paper.drug,
        "Strength": paper.strength or "as named",
        "Form": paper.form or "as named",
        "Quantity": each,
        "Refills": f"{refills} ({paper.fills} {'fill' if paper.fills == 1 else 'fills'}{apart})",
        "Directions": paper.directions,
        "Indication": paper.indication,
        "Substitution": SUBSTITUTION,
        "Issued": day(paper.issued_on),
        "Valid until": f"{day(paper.last_day)} (last day)",
        "DEA number": NO_DEA,
    }


def _prescriber(paper: Written) -> dict[str, str]:
    held = "; ".join(f"{one.state}: {one.kind} {one.number}" for one in paper.licences)
    return {
        "Name": paper.prescriber,
        "NPI": paper.npi,
        "Licences": held,
        "Practice": f"{paper.clinic.name}, {paper.clinic.address}",
        "Phone": paper.clinic.phone,
    }


def _signature(paper: Written) -> dict[str, str]:
    at = paper.signed_at.astimezone(UTC)
    return {
        "Name": paper.prescriber,
        "Signed at": f"{day(at.date())}, {at:%H:%M:%S} UTC",
        "Meaning": MEANING,
        "Statement": f"SHA-256 {paper.statement_hash}",
    }


def _table(facts: dict[str, str]) -> Table:
    names, plain = style(9.5, quiet=True), style(9.5)
    rows = [[said(name, names), said(fact, plain)] for name, fact in facts.items()]
    table = Table(rows, colWidths=[88, WIDTH - 2 * MARGIN - 88], splitInRow=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        )
    )
    return table


def _decorate(canvas: Canvas, paper: Written, mark: Mark, number: int) -> None:
    top = HEIGHT - 46
    line(canvas, MARGIN, top, paper.clinic.name, 12, bold=True)
    canvas.setFillColor(QUIET)
    line(canvas, MARGIN, top - 14, paper.clinic.address, 8.5)
    line(canvas, MARGIN, top - 25, paper.clinic.phone, 8.5)
    _square(canvas, paper.number, WIDTH - MARGIN - QR, HEIGHT - 28 - QR)
    canvas.setStrokeColor(HAIRLINE)
    canvas.line(MARGIN, FOOT - 14, WIDTH - MARGIN, FOOT - 14)
    taken = f" · taken out {day(paper.taken_on)}" if paper.taken_on else ""
    line(canvas, MARGIN, FOOT - 28, f"{paper.number}{taken} · page {number}", 8.5)
    if mark.text:
        canvas.setFillColor(STAMP)
        line(canvas, MARGIN, FOOT - 42, f"{mark.text} · not valid for dispensing", 10, bold=True)


def _square(canvas: Canvas, text: str, x: float, y: float) -> None:
    """The number of the record as a QR code."""
    code = QrCodeWidget(text, barLevel="M", barBorder=0)
    left, low, right, high = code.getBounds()
    drawing = Drawing(QR, QR, transform=[QR / (right - left), 0, 0, QR / (high - low), 0, 0])
    drawing.add(code)
    renderPDF.draw(drawing, canvas, x, y)
