"""The evidence of a dispute on paper: what the bank is told, as it is told."""

from __future__ import annotations

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.sheet import line, pages, said, style

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 90.0, 60.0


def pdf(text: str, *, order: str, dispute: str, clinic: Clinic) -> bytes:
    """One sentence a paragraph, under the clinic's own head."""
    story: list[Flowable] = [
        said(f"Evidence on order {order}", style(16, bold=True, spaceAfter=14))
    ]
    story += [said(sentence, style(10.5, spaceAfter=5)) for sentence in text.splitlines()]

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 50, clinic.name, 11, bold=True)
        line(canvas, MARGIN, HEIGHT - 64, f"{clinic.address} · {clinic.phone}", 8.5)
        line(canvas, MARGIN, 36, f"Dispute {dispute} · page {number}", 8.5)

    made, _ = pages(
        story,
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=f"Evidence on order {order}",
        decorate=decorate,
    )
    return made
