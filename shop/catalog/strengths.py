"""Strengths as filed ("`.25 mg/g`", "`2 g/100mL`", "`37.5 mg/.25g`") made comparable, in percent.

People's sheets write them in more ways: "`50 mg per gram`", "`0,5 %`", "`1:1000`", "`2-4 % w/w`".

Pure. The filed text is always kept beside the figure; what is filed in a wrong unit is flagged by
`implausible`, never corrected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

# A figure: at most 12 digits on either side, so that nothing filed can stall the arithmetic.
_FIGURE = r"(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_STRENGTH = re.compile(
    rf"^(?P<amount>{_FIGURE})\s*(?P<unit>%|[A-Za-zµμ]+)"
    rf"(?:\s*/\s*(?P<per>{_FIGURE})?\s*(?P<per_unit>[A-Za-z]+)?)?$"
)
_ACTIVE = re.compile(rf"^(?P<name>.*\S)\s+(?P<strength>{_FIGURE}\s*\S+)$", re.DOTALL)

_RANGE = re.compile(rf"^(?P<low>{_FIGURE})\s*(?P<unit>\S.*?)?\s*(?:-|\bto\b)\s*(?P<high>\S.*)$")
_RATIO = re.compile(rf"^(?P<part>{_FIGURE})\s*:\s*(?P<whole>{_FIGURE})$")

# Words of people's sheets for what registers write short, in this order.
_SHORT = tuple(
    (re.compile(pattern, flags), by)
    for pattern, flags, by in (
        ("[\u2010-\u2015\u2212]", 0, "-"),
        # A decimal comma; "1,000" may be a thousand and stays unclear.
        (r"(?<=\b0),(?=\d)|(?<=\d),(?=\d{1,2}(?!\d))", 0, "."),
        (r"\s*\(?\b[wvm]\s*/\s*[wvm]\b\)?$", re.IGNORECASE, ""),
        (r"\bppm\b", re.IGNORECASE, "mg/kg"),
        (r"\bper cent\b", re.IGNORECASE, "percent"),
        (r"\s*\bper\b\s*", re.IGNORECASE, "/"),
        (r"\bmilligram(?:me)?s?\b|\bMG\b", re.IGNORECASE, "mg"),
        (r"\bmicrogram(?:me)?s?\b", re.IGNORECASE, "ug"),
        (r"\bkilogram(?:me)?s?\b", re.IGNORECASE, "kg"),
        (r"\bgram(?:me)?s?\b|\bgm\b|\bG\b", re.IGNORECASE, "g"),
        (r"\bmillilit(?:er|re)s?\b|\bml\b", re.IGNORECASE, "mL"),
    )
)

_GRAMS = {
    "kg": Decimal(1000),
    "g": Decimal(1),
    "mg": Decimal("0.001"),
    "ug": Decimal("0.000001"),
    "mcg": Decimal("0.000001"),
    "µg": Decimal("0.000001"),
    "μg": Decimal("0.000001"),
    "ng": Decimal("0.000000001"),
}
_MILLILITRES = {"L": Decimal(1000), "l": Decimal(1000), "mL": Decimal(1), "ml": Decimal(1)}
_PERCENT = {"%", "percent"}


@dataclass(frozen=True)
class Active:
    """One active ingredient as filed, and its strength in percent where that is clear."""

    name: str
    strength_text: str
    percent: Decimal | None


def actives(text: str) -> list[Active]:
    """Read "`NAME number unit; NAME number unit`", the FDA's form. Empty text has no actives.

    An entry without a readable strength keeps its whole text as the name.
    """
    return [_active(entry.strip()) for entry in text.split(";") if entry.strip()]


def percent(text: str) -> Decimal | None:
    """ "`.25 mg/g`" as 0.025: grams per 100 g or per 100 mL (w/w, w/v), or millilitres per 100 mL.

    A range counts as its upper end: rules ask how strong it may be. None where the text is not a
    share of a whole: per piece ("10 mg/1"), other units, zero per.
    """
    text = _shortened(text)
    if ratio := _RATIO.match(text):
        whole = Decimal(ratio["whole"])
        return plain(Decimal(ratio["part"]) / whole * 100) if whole else None
    if (span := _RANGE.match(text)) is not None:
        return _upper_end(span)
    return _share(text)


def _shortened(text: str) -> str:
    text = text.strip()
    for pattern, by in _SHORT:
        text = pattern.sub(by, text)
    return text


def _upper_end(span: re.Match[str]) -> Decimal | None:
    """ "2-4 %" is 4; None where the ends do not rise or are not both shares."""
    high = _share(span["high"])
    unit = span["unit"] or span["high"].lstrip("0123456789. ")
    low = _share(f"{span['low']} {unit}")
    return high if high is not None and low is not None and low < high else None


def _share(text: str) -> Decimal | None:
    read = _STRENGTH.match(text)
    if read is None:
        return None
    amount, unit = Decimal(read["amount"]), read["unit"]
    if read["per"] is None and read["per_unit"] is None:
        return plain(amount) if unit in _PERCENT and "/" not in text else None
    part, whole = _part_and_whole(unit, read["per_unit"] or "")
    if part is None or whole is None:
        return None
    per = Decimal(read["per"] or 1) * whole
    return plain(amount * part / per * 100) if per else None


def plain(figure: Decimal) -> Decimal:
    """At most six places, no trailing zeros, no exponent: 0.0250 as 0.025, 1E+1 as 10."""
    rounded = figure.quantize(Decimal("0.000001")).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral() else rounded


def _active(entry: str) -> Active:
    read = _ACTIVE.match(entry)
    if read is None or not _STRENGTH.match(read["strength"]):
        return Active(entry, "", None)
    return Active(read["name"].strip(), read["strength"], percent(read["strength"]))


def _part_and_whole(unit: str, per_unit: str) -> tuple[Decimal | None, Decimal | None]:
    if unit in _GRAMS:
        return _GRAMS[unit], _GRAMS.get(per_unit) or _MILLILITRES.get(per_unit)
    return _MILLILITRES.get(unit), _MILLILITRES.get(per_unit)
