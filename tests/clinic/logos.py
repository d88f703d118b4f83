"""Small pictures for the clinic's header."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def a_logo(wide: int = 120, high: int = 40, kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (wide, high), "#0e5e5a").save(file, kind)
    return file.getvalue()
