"""An accent that can be read: contrast as WCAG 2.2 reckons it, and its lighter twin for the dark.

https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

import colorsys

LIGHT_PAPER, DARK_PAPER = "#faf7f2", "#14191a"
WHITE, BLACK = "#ffffff", "#08201f"
READABLE = 4.5  # of text against what is behind it (1.4.3)


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white); colours as #rrggbb."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def for_the_dark(accent: str) -> str:
    """The same hue, as light as it must be to be read on the dark paper."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(accent))
    while lightness < 1:
        lighter = _hex(colorsys.hls_to_rgb(hue, lightness, min(saturation, 0.6)))
        if contrast(lighter, DARK_PAPER) >= READABLE + 2:
            return lighter
        lightness += 0.02
    return WHITE


def soft(accent: str, paper: str, part: float) -> str:
    """A little of the accent over the paper, for what is chosen or hovered."""
    mixed = zip(_parts(accent), _parts(paper), strict=True)
    return _hex(tuple(part * a + (1 - part) * b for a, b in mixed))


def stylesheet(accent: str) -> str:
    """The custom properties that an accent changes, light and dark."""
    dark = for_the_dark(accent)
    return (
        f":root {{ --accent: {accent}; --on-accent: {WHITE};"
        f" --accent-soft: {soft(accent, LIGHT_PAPER, 0.14)}; }}\n"
        "@media (prefers-color-scheme: dark) { :root {"
        f" --accent: {dark}; --on-accent: {BLACK}; --accent-soft: {soft(dark, DARK_PAPER, 0.2)};"
        " } }\n"
    )


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _hex(parts: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
