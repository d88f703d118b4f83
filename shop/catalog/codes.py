"""The numbers a pack is known by, however they are written: GTIN (the bar code), NDC (the FDA's).

Pure. A code comes with hyphens, spaces or neither, with leading zeros or without; `keys` brings
every way of writing one to the same few forms, and a product is found by those:

- a GTIN as 14 digits (GS1 General Specifications 3.3: shorter ones are filled with zeros),
- a package NDC as 11 digits, 5-4-2 (45 CFR 162.1002), a product NDC as 9 digits, 5-4.

Ten digits without hyphens do not say where they are cut (21 CFR 207.33), so they have three keys.
A UPC-A that begins with 3 carries an NDC: 3, its ten digits, the check digit (GS1 US, NDC in GTIN).
"""

from __future__ import annotations

import re

from biip.checksums import gs1_standard_check_digit

LENGTHS = (8, 12, 13, 14)
SHORTEST = 8
_GAPS = re.compile(r"[\s\u2010-\u2015-]+")
_DIGITS = re.compile(r"[0-9]+")
_PACKAGE = re.compile(
    r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-(?:[0-9]{3}-[0-9]{2}|[0-9]{4}-[0-9]{1,2})"
)
_PRODUCT = re.compile(r"[0-9]{4}-[0-9]{4}|[0-9]{5}-[0-9]{3,4}")
_CUTS = ((4, 4), (5, 3), (5, 4))  # labeler and product; the rest is the package


class BadCode(ValueError):
    """Not a code. `expected` is the check digit that would have been right, where one is wrong."""

    def __init__(self, text: str, expected: int | None = None) -> None:
        super().__init__(text)
        self.expected = expected


def gtin(text: str) -> str:
    """The GTIN-8, -12, -13 or -14 in `text` as plain digits of that length. Raises BadCode."""
    digits = bare(text)
    if not _DIGITS.fullmatch(digits) or len(digits) not in LENGTHS:
        raise BadCode("A GTIN has 8, 12, 13 or 14 digits.")
    right = expected(digits)
    if int(digits[-1]) != right:
        raise BadCode(f"Its check digit is {digits[-1]}, expected {right}.", right)
    return digits


def spellings(digits: str) -> list[str]:
    """The GTINs of other lengths that name the same thing: zeros before it change nothing."""
    significant = digits.lstrip("0")
    return [significant.zfill(length) for length in LENGTHS if len(significant) <= length]


def expected(digits: str) -> int:
    """The mod-10 check digit that `digits` should end with (GS1 General Specifications 7.9)."""
    return gs1_standard_check_digit(digits[:-1])


def misread(text: str) -> int | None:
    """The check digit expected of what can only be a bar code (12 to 14 digits) and is wrong."""
    digits = bare(text)
    if not _DIGITS.fullmatch(digits) or len(digits) not in LENGTHS[1:]:
        return None
    right = expected(digits)
    return None if int(digits[-1]) == right else right


def keys(text: str) -> tuple[str, ...]:
    """Every key that `text` may mean, none where it is no code at all."""
    hyphened = _GAPS.sub("-", text.strip())
    if _PACKAGE.fullmatch(hyphened):
        return (_ndc11(*hyphened.split("-")),)
    if _PRODUCT.fullmatch(hyphened):
        return (_ndc9(*hyphened.split("-")),)
    digits = bare(text)
    if not _DIGITS.fullmatch(digits) or not SHORTEST <= len(digits) <= LENGTHS[-1]:
        return ()
    return tuple(dict.fromkeys([*_as_gtin(digits), *_as_ndc(digits)]))


def bare(text: str) -> str:
    """Without hyphens, dashes and spaces."""
    return _GAPS.sub("", text)


def _as_gtin(digits: str) -> list[str]:
    """Leading zeros are lost in many a spreadsheet, so the length says nothing here."""
    whole = digits.zfill(LENGTHS[-1])
    if int(whole[-1]) != expected(whole):
        return []
    # An outer case (its first digit 1 to 9) carries the NDC of what is in it.
    return [whole, *(_as_ndc(whole[3:13]) if whole[1:3] == "03" else [])]


def _as_ndc(digits: str) -> list[str]:
    match len(digits):
        case 8:  # a product, 4-4 or 5-3
            return [_ndc9(digits[:cut], digits[cut:]) for cut in (4, 5)]
        case 9:  # a product, 5-4, or a package of which two leading zeros are lost
            return [digits, digits.zfill(11)]
        case 10:
            return [
                _ndc11(digits[:labeler], digits[labeler : labeler + item], digits[labeler + item :])
                for labeler, item in _CUTS
            ]
        case 11:
            return [digits]
        case _:
            return []


def _ndc11(labeler: str, item: str, pack: str) -> str:
    return labeler.zfill(5) + item.zfill(4) + pack.zfill(2)


def _ndc9(labeler: str, item: str) -> str:
    return labeler.zfill(5) + item.zfill(4)
