"""What every paper has in common: the font, styles, and a page that is drawn the same each time."""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = "Inter-Regular", "Inter-Bold"
INK, QUIET, HAIRLINE = HexColor("#1D2B2C"), HexColor("#55666A"), HexColor("#C9C0B4")
BLACK = HexColor("#000000")
TIMES = "\N{MULTIPLICATION SIGN}"
UNKNOWN = "\N{WHITE SQUARE}"  # for a character that the font does not have

# reportlab reads a font's glyphs through one cursor of the font's: two threads would mix them up.
_ONE_AT_A_TIME = threading.Lock()

Decorate = Callable[[Canvas, int], None]  # the canvas, and the number of the page


def _registered(name: str) -> TTFont:
    """A font that is shipped with the shop; all drawing goes by its name."""
    font = TTFont(name, FONTS / f"{name}.ttf")
    pdfmetrics.registerFont(font)
    return font


_FACES = {name: _registered(name).face for name in (REGULAR, BOLD)}


def printable(text: str) -> str:
    """The text as it can be set: composed accents, single spaces, no unknown characters."""
    glyphs = _FACES[REGULAR].charToGlyph
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(letter if ord(letter) in glyphs else UNKNOWN for letter in plain)


def style(size: float, *, bold: bool = False, quiet: bool = False, **also: Any) -> ParagraphStyle:
    """A paragraph's looks; `size` in points. A word longer than the line is broken."""
    looks: dict[str, Any] = {
        "name": f"{size}",
        "fontName": BOLD if bold else REGULAR,
        "fontSize": size,
        "leading": size * 1.3,
        "textColor": QUIET if quiet else INK,
        "splitLongWords": 1,
        "allowWidows": 0,
        "allowOrphans": 0,
    }
    return ParagraphStyle(**(looks | also))


def said(text: str, looks: ParagraphStyle) -> Paragraph:
    """A paragraph of plain text: nothing in it is markup."""
    return Paragraph(escape(printable(text)), looks)


def line(canvas: Canvas, x: float, y: float, text: str, size: float, *, bold: bool = False) -> None:
    """One line of text at a place, for what stands outside the flow."""
    canvas.setFont(BOLD if bold else REGULAR, size)
    canvas.drawString(x, y, printable(text))


def shortened(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """As much of a line as fits, with an ellipsis where it was cut."""
    font, whole = (BOLD if bold else REGULAR), printable(text)
    if pdfmetrics.stringWidth(whole, font, size) <= width:
        return whole
    while whole and pdfmetrics.stringWidth(f"{whole}…", font, size) > width:
        whole = whole[:-1]
    return f"{whole.rstrip()}…"


def pages(
    story: Sequence[Flowable],
    *,
    size: tuple[float, float],
    frame: tuple[float, float, float, float],
    title: str,
    decorate: Decorate,
) -> tuple[bytes, int]:
    """Set the story on pages of `size`; the PDF, and how many pages it took.

    `frame` is (x, y, width, height) of what the flow may use, all in points.
    """
    buffer = io.BytesIO()
    drawn: list[int] = []

    def on_page(canvas: Canvas, document: Any) -> None:
        drawn.append(document.page)
        canvas.saveState()
        decorate(canvas, document.page)
        canvas.restoreState()

    document = BaseDocTemplate(
        buffer,
        pagesize=size,
        title=title,
        author="",
        subject="",
        creator="Aftercare",
        lang="en-US",
        invariant=1,
        pageCompression=1,
    )
    area = Frame(*frame, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    document.addPageTemplates([PageTemplate(frames=[area], onPage=on_page)])
    with _ONE_AT_A_TIME:
        document.build(list(story))
    return buffer.getvalue(), len(drawn)


def day(value: date) -> str:
    """ "12 Dec 2026": the month in letters, so that nobody takes it for the day."""
    return f"{value.day} {value:%b %Y}"
