"""A program of its own: a picture file of a stranger in (stdin), the shop's own files out (stdout).

Whatever a file does to the decoder happens here, in a process with little memory, little time, no
right to write a file and nothing worth stealing. It imports nothing of the shop. `renditions`
starts it and reads what it answers: a line of JSON, then the files' bytes one after another.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import warnings
from collections.abc import Iterator

# All that is needed is loaded here, before the limits.
from PIL import (
    ExifTags,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

MEMORY_BYTES = 768 * 1024 * 1024  # of addresses; 40 million pixels fit, in all their copies
CPU_SECONDS = 10
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 16_000  # pixels; WebP itself ends at 16,383
WIDTHS = (320, 640, 1280)  # pixels; none is made wider than the picture is
QUALITY = 82
DECODERS = (PngImagePlugin, JpegImagePlugin, MpoImagePlugin, WebPImagePlugin)
FORMATS = ("PNG", "JPEG", "WEBP")
READ_NOT = (
    "This file cannot be read as a picture. Open it in an image program, save it as PNG, JPEG or "
    "WebP, and send that."
)
Made = tuple[int, int, bytes]  # width, height, WebP


class Unfit(Exception):
    """The file makes no picture; the text says what to do."""


def main() -> None:
    """Read, make, answer. A refusal is an answer too; a crash is none."""
    limit()
    data = sys.stdin.buffer.read()
    try:
        files = rendered(data)
    except Unfit as unfit:
        _answer({"refused": str(unfit)}, [])
    except MemoryError:
        _answer({"refused": "This picture takes too much memory. Send a smaller one."}, [])
    except Exception:  # noqa: BLE001  (a decoder may raise anything: it is the file's fault)
        _answer({"refused": READ_NOT}, [])
    else:
        told = [{"width": width, "height": height, "bytes": len(d)} for width, height, d in files]
        _answer({"files": told}, [made for _width, _height, made in files])


def limit() -> None:
    """From here on: this much memory and time, no new files, no core dump."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))


def rendered(data: bytes) -> list[Made]:
    """The picture in its sizes, smallest first. Raises Unfit, or whatever the decoder does."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    with opened:
        _refuse(opened)
        largest = _bare(opened)
    return [(*one.size, _webp(one)) for one in _sizes(largest)]


def _refuse(opened: ImageFile.ImageFile) -> None:
    if opened.width * opened.height > MOST_PIXELS or max(opened.size) > LONGEST_SIDE:
        raise _too_large()
    moves = getattr(opened, "n_frames", 1) > 1
    if moves and opened.format != "MPO":  # a phone's JPEG may carry a second view: the first counts
        raise Unfit("This picture moves. Save one of its frames, and send that.")


def _too_large() -> Unfit:
    return Unfit(
        f"This picture has more than {MOST_PIXELS // 1_000_000} million pixels, or a side of more "
        f"than {LONGEST_SIDE} pixels. Scale it down (2,000 pixels wide are plenty), and send that."
    )


def _bare(opened: ImageFile.ImageFile) -> Image.Image:
    """Upright, at most the largest width, in sRGB, and nothing but its pixels.

    Made small first: what follows then costs little.
    """
    profile = opened.info.get("icc_profile")
    if opened.format in ("JPEG", "MPO"):
        opened.draft(None, (2 * WIDTHS[-1], 2 * WIDTHS[-1]))  # decode no finer than is needed
    opened.load()
    turned = opened.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    across = min(opened.height if turned else opened.width, WIDTHS[-1])
    scale = across / (opened.height if turned else opened.width)
    size = tuple(max(1, round(side * scale)) for side in opened.size)
    small = _eight_bits(opened).resize((size[0], size[1]), reducing_gap=3.0)
    colours = _srgb(ImageOps.exif_transpose(small), profile)
    bare = Image.new(colours.mode, colours.size)
    bare.paste(colours)
    return bare


def _eight_bits(image: Image.Image) -> Image.Image:
    """Eight bits a channel, colours instead of a palette, its transparency kept."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda grey: grey * (1 / 257)).convert("L")
    if image.mode == "RGBA":
        return image
    if image.mode in ("LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as its profile means them; without a usable profile, as they are."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours: Image.Image = image.convert("RGB") if alpha is not None else image
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            meant = ImageCms.profileToProfile(
                colours,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            colours = meant or colours
    colours = colours.convert("RGB")
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _sizes(largest: Image.Image) -> Iterator[Image.Image]:
    for width in (width for width in WIDTHS if width < largest.width):
        yield largest.resize((width, _height(largest, width)), Image.Resampling.LANCZOS)
    yield largest


def _height(image: Image.Image, width: int) -> int:
    return max(1, round(image.height * width / image.width))


def _webp(image: Image.Image) -> bytes:
    made = io.BytesIO()
    image.save(made, "WEBP", quality=QUALITY, method=4)
    return made.getvalue()


def _answer(told: dict[str, object], files: list[bytes]) -> None:
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
    for data in files:
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
