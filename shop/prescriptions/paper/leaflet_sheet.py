"""A leaflet to print: what the page shows, with the sources and the choice of pharmacy."""

from __future__ import annotations

from collections.abc import Iterator

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, HRFlowable

from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.leaflets import Choice, Leaflet
from shop.prescriptions.paper.sheet import HAIRLINE, QUIET, line, pages, said, style

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 76.0, 60.0


def draw(leaflet: Leaflet, choice: Choice, clinic: Clinic) -> bytes:
    """Letter paper. A leaflet is the same for everybody, so it has no copies."""

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 44, clinic.name, 11, bold=True)
        canvas.setFillColor(QUIET)
        line(canvas, MARGIN, HEIGHT - 57, f"{clinic.address} · {clinic.phone}", 8.5)
        line(canvas, MARGIN, FOOT - 28, f"{leaflet.version} · page {number}", 8)

    made, _ = pages(
        list(_story(leaflet, choice)),
        size=letter,
        frame=(MARGIN, FOOT, WIDTH - 2 * MARGIN, HEIGHT - HEAD - FOOT),
        title=leaflet.title,
        decorate=decorate,
    )
    return made


def _story(leaflet: Leaflet, choice: Choice) -> Iterator[Flowable]:
    for part in leaflet.parts:
        yield from _told(part.title, part.sections)
        yield _sources(part.sources)
    yield HRFlowable(width="100%", thickness=0.5, color=HAIRLINE, spaceBefore=12)
    yield from _told(choice.title, (("", choice.paragraphs),))
    yield _sources(choice.sources)


def _told(title: str, sections: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[Flowable]:
    yield said(title, style(18, bold=True, spaceBefore=10, spaceAfter=2, keepWithNext=1))
    for heading, paragraphs in sections:
        if heading:
            yield said(heading, style(11.5, bold=True, spaceBefore=8, spaceAfter=2, keepWithNext=1))
        for text in paragraphs:
            yield said(text, style(10.5, leading=15, spaceAfter=3))


def _sources(sources: tuple[str, ...]) -> Flowable:
    return said(f"Sources: {' · '.join(sources)}", style(7.5, quiet=True, spaceBefore=8))
