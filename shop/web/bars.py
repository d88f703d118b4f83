"""A text as the bars of Code 128, for labels that a page prints: what a scanner types again."""

from __future__ import annotations

from dataclasses import dataclass

from reportlab.graphics.barcode.code128 import Code128Auto

QUIET = 10  # modules of white on either side (ISO/IEC 15417)


@dataclass(frozen=True)
class Bars:
    """The black bars as (from, width) in modules, and how wide all of it is."""

    text: str
    black: tuple[tuple[int, int], ...]
    width: int


def of(text: str) -> Bars:
    """The bars of a text of ASCII. Pure."""
    code = Code128Auto(text)
    code.validate()
    code.encode()
    code.decompose()
    black, place = [], QUIET
    for sign in code.decomposed:  # capitals are bars, small letters gaps; A is one module
        width = ord(sign.upper()) - ord("A") + 1
        if sign.isupper():
            black.append((place, width))
        place += width
    return Bars(text, tuple(black), place + QUIET)
