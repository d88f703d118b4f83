"""Picture files made here: honest ones, odd ones, and those made to do harm."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, PngImagePlugin

RED, BLUE = (200, 30, 40), (30, 40, 200)


def a_file(
    kind: str = "PNG", *, mode: str = "RGB", size: tuple[int, int] = (1600, 1000), **given: Any
) -> bytes:
    """Red above, blue below (as far as the mode has colours)."""
    picture = Image.new("RGB", size, RED)
    picture.paste(BLUE, (0, size[1] // 2, *size))
    made = io.BytesIO()
    (picture.quantize(16) if mode == "P" else picture.convert(mode)).save(made, kind, **given)
    return made.getvalue()


def with_gps() -> bytes:
    """A JPEG as a phone takes it: place, maker and a comment in it, and lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn it by 90 degrees clockwise
    exif[0x010F] = "SecretMaker"
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 48.0, 16.0), 3: "W", 4: (122.0, 16.0, 12.0)})
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretPlace</x:xmpmeta>'
    return a_file("JPEG", exif=exif, comment=b"SecretComment", xmp=xmp, quality=95)


def with_markup() -> bytes:
    """A PNG that is a page too: HTML in a comment, and a script behind its end."""
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "<html><script>alert('polyglot')</script></html>")
    return a_file(pnginfo=words) + b"<script>alert('behind')</script>"


def moving(kind: str) -> bytes:
    """Two frames."""
    made = io.BytesIO()
    first, second = (Image.new("RGB", (400, 300), colour) for colour in (RED, BLUE))
    first.save(made, kind, save_all=True, append_images=[second], duration=100)
    return made.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few kilobytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND")


def words_bomb() -> bytes:
    """A PNG with a compressed comment of 300 MB."""
    words = b"Comment\x00\x00" + zlib.compress(bytes(300_000_000), 9)
    plain = a_file(size=(400, 300))
    return plain[:33] + _chunk(b"zTXt", words) + plain[33:]


def sixteen_bits(grey: int = 40_000) -> bytes:
    """A PNG with 16 bits a pixel, all of one grey."""
    made = io.BytesIO()
    Image.new("I;16", (400, 300), grey).save(made, "PNG")
    return made.getvalue()


def opened(data: bytes) -> Image.Image:
    """A file, decoded."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def chunks(webp: bytes) -> list[bytes]:
    """The names of a WebP file's parts."""
    assert webp[:4] == b"RIFF"
    assert webp[8:12] == b"WEBP"
    found, at = [], 12
    while at < len(webp):
        (length,) = struct.unpack("<I", webp[at + 4 : at + 8])
        found.append(webp[at : at + 4])
        at += 8 + length + length % 2
    return found


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
