"""What becomes of a stranger's picture file: the shop's own files, or a refusal that helps."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image, ImageCms

from shop.catalog import renditions
from shop.catalog.errors import BadPicture
from tests.catalog import picture_files
from tests.catalog.picture_files import BLUE, RED, a_file, chunks, opened

TOLERANCE = 14  # of 255: WebP loses a little


def _near(one: object, other: tuple[int, ...]) -> bool:
    assert isinstance(one, tuple)
    return all(abs(a - b) <= TOLERANCE for a, b in zip(one[:3], other, strict=True))


@pytest.mark.parametrize(
    ("size", "widths"),
    {(1600, 1000): [320, 640, 1280], (500, 400): [320, 500], (200, 900): [200]}.items(),
)
def test_sizes_are_made_and_none_is_larger_than_the_picture(
    size: tuple[int, int], widths: list[int]
) -> None:
    made = renditions.of(a_file(size=size))

    assert [one.width for one in made] == widths
    assert [one.height for one in made] == [round(size[1] * width / size[0]) for width in widths]
    assert [opened(one.data).size for one in made] == [(one.width, one.height) for one in made]
    assert len({one.digest for one in made}) == len(made)


KINDS = {
    "PNG": a_file("PNG"),
    "JPEG": a_file("JPEG"),
    "WebP": a_file("WEBP"),
    "palette": a_file("PNG", mode="P"),
    "CMYK": a_file("JPEG", mode="CMYK", quality=95),
    "transparent": a_file("PNG", mode="RGBA"),
    "progressive": a_file("JPEG", progressive=True),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_every_kind_becomes_webp_with_the_same_colours(data: bytes) -> None:
    largest = opened(renditions.of(data)[-1].data)

    assert largest.format == "WEBP"
    assert largest.mode in ("RGB", "RGBA")
    assert _near(largest.getpixel((20, 20)), RED)
    assert _near(largest.getpixel((20, largest.height - 20)), BLUE)


def test_sixteen_bits_are_scaled_not_cut() -> None:
    pixel = opened(renditions.of(picture_files.sixteen_bits(40_000))[-1].data).getpixel((5, 5))

    assert _near(pixel, (156, 156, 156))


def test_black_and_white_and_grey_are_taken() -> None:
    for mode in ("1", "L", "LA"):
        assert renditions.of(a_file("PNG", mode=mode))


def test_transparency_is_kept() -> None:
    clear = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    clear.paste((*RED, 255), (0, 0, 200, 300))
    made = io.BytesIO()
    clear.save(made, "PNG")
    largest = opened(renditions.of(made.getvalue())[-1].data)

    assert largest.getpixel((10, 10))[3] == 255
    assert largest.getpixel((390, 10))[3] == 0


def test_a_picture_on_its_side_is_turned_upright() -> None:
    made = renditions.of(picture_files.with_gps())
    largest = opened(made[-1].data)

    assert largest.size == (1000, 1600)
    # Turned clockwise, what was above is to the right.
    assert _near(largest.getpixel((980, 800)), RED)
    assert _near(largest.getpixel((20, 800)), BLUE)


def test_nothing_but_pixels_is_left() -> None:
    """Place, maker, comments, XMP and markup are gone from every byte of every file."""
    for data, secrets in (
        (picture_files.with_gps(), [b"SecretMaker", b"SecretComment", b"SecretPlace"]),
        (picture_files.with_markup(), [b"<script>", b"alert", b"html"]),
    ):
        assert all(secret in data for secret in secrets)
        for one in renditions.of(data):
            assert not any(secret in one.data for secret in secrets)
            assert set(chunks(one.data)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
            picture = opened(one.data)
            assert dict(picture.getexif()) == {}
            assert {"exif", "icc_profile", "xmp"} & picture.info.keys() == set()


def test_a_broken_profile_is_left_aside() -> None:
    pixel = opened(renditions.of(a_file("PNG", icc_profile=b"nonsense"))[-1].data).getpixel((9, 9))

    assert _near(pixel, RED)


def test_colours_are_brought_to_srgb() -> None:
    plain = a_file("PNG", size=(400, 300))
    meant = a_file("PNG", size=(400, 300), icc_profile=_wide_profile())

    as_filed = opened(renditions.of(plain)[-1].data).getpixel((9, 9))
    as_meant = opened(renditions.of(meant)[-1].data).getpixel((9, 9))

    assert as_meant != as_filed


def _wide_profile() -> bytes:
    """A profile of another space than sRGB: red and blue change places."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


REFUSED = {
    "nothing": (b"", "empty"),
    "text": (b"GIF89a" + bytes(50), "no PNG, JPEG or WebP"),
    "a page": (b"<html></html>", "no PNG, JPEG or WebP"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or WebP"),
    "a sound": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "cannot be read"),
    "half a PNG": (a_file("PNG")[:2000], "cannot be read"),
    "half a JPEG": (a_file("JPEG")[:3000], "cannot be read"),
    "half a WebP": (a_file("WEBP")[:1000], "cannot be read"),
    "a head alone": (b"\x89PNG\r\n\x1a\n", "cannot be read"),
    "a bomb": (picture_files.bomb(), "million pixels"),
    "a thin bomb": (picture_files.bomb(20_000, 100), "million pixels"),
    "a moving PNG": (picture_files.moving("PNG"), "moves"),
    "a moving WebP": (picture_files.moving("WEBP"), "moves"),
    "too large a file": (b"\xff\xd8\xff" + bytes(10 * 1024 * 1024), "larger than 10 MB"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_picture_is_refused_with_words(data: bytes, why: str) -> None:
    with pytest.raises(BadPicture, match=why) as refused:
        renditions.of(data)

    assert refused.value.fields == {"file": [refused.value.text]}


def test_a_comment_that_blows_up_does_no_harm() -> None:
    """A zTXt chunk of 300 MB: left aside or refused, but nothing falls over."""
    try:
        made = renditions.of(picture_files.words_bomb())
    except BadPicture:
        return
    assert [one.width for one in made] == [320, 400]


def test_the_largest_picture_that_is_taken_fits_into_the_memory() -> None:
    made = renditions.of(a_file("PNG", mode="RGBA", size=(8000, 5000)))

    assert [one.width for one in made] == [320, 640, 1280]


def _program(text: str) -> tuple[str, ...]:
    """A decoder that misbehaves after the real one's limits."""
    limits = f"import sys; sys.path.insert(0, {str(renditions.PROGRAM.parent)!r})\n"
    return (sys.executable, "-I", "-c", f"{limits}import rendering; rendering.limit()\n{text}")


HARM = {
    "waits for ever": ("import time; time.sleep(3600)", "too long"),
    "counts for ever": ("while True: pass", "could not be read|too long"),
    "eats all memory": ("x = bytearray(8 * 1024**3)", "could not be read"),
    "dies": ("import os; os.kill(os.getpid(), 9)", "could not be read"),
    "talks nonsense": ("print('hello')", "could not be read"),
    "writes a file": ("open('/tmp/aftercare-planted', 'w').write('x' * 100)", "could not be read"),
}


@pytest.mark.parametrize(("text", "why"), HARM.values(), ids=HARM)
def test_a_decoder_that_does_harm_is_ended(
    monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setattr(renditions, "SECONDS", 3)

    with pytest.raises(BadPicture, match=why):
        renditions.of(a_file(size=(400, 300)), program=_program(text))


def test_the_decoder_sees_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    told = "import os, json; print(json.dumps({'refused': ' '.join(os.environ)}))"

    with pytest.raises(BadPicture) as refused:
        renditions.of(a_file(size=(400, 300)), program=_program(told))

    assert "SECRET_KEY" not in refused.value.text
