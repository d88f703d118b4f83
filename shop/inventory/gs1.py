"""What a scanner reads from a pack: GTIN, lot number, expiry and serial number, by GS1's rules.

Pure. `read` takes an element string as scanners send it (GS1 DataMatrix, GS1-128, GS1 QR), the same
with brackets as it is printed below the bars, or a bare GTIN. It is all right or it is refused: a
lot that is half a lot would be recalled by half.

GS1 General Specifications 3 (application identifiers), 7.8 (separators), 7.9 (check digit),
7.12 (the century of a year: as biip reckons it). Parts are checked by the tests of GS1's Barcode
Syntax Dictionary under the names these have there.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_application_identifiers import GS1ApplicationIdentifier
from biip.gs1_element_strings import GS1ElementString
from biip.symbology import GS1Symbology, SymbologyIdentifier

from shop.inventory.errors import BadScan

FNC1 = "\x1d"
# What stands for FNC1 where a keyboard or a font has no such sign; no element may hold these.
STAND_INS = ("\u241d", "^]")
LONGEST = 500  # characters
GTIN, LOT, EXPIRY, SERIAL = "01", "10", "17", "21"
NAMES = {GTIN: "GTIN", LOT: "lot number", EXPIRY: "expiry", SERIAL: "serial number"}
GTIN_LENGTHS = (8, 12, 13, 14)
LENGTHS = "8, 12, 13 or 14"
BRACKETS = re.compile(r"\(([0-9]{2,4})\)")
# An expiry inside another element: what is left where its FNC1 got lost.
SWALLOWED = re.compile(r"(?=17([0-9]{6})(?:$|10|21))")

REMEDY = "Scan the pack's own code again, or type what is printed below it, with the brackets."


@dataclass(frozen=True)
class Scan:
    """What a code says. A bare GTIN says no more than that.

    `gtin` has 14 digits. `precision` is that of the expiry: "day", or "month" where the label names
    no day and the last one of the month counts (day 00).
    """

    gtin: str
    lot_number: str | None = None
    expires_on: date | None = None
    precision: str | None = None
    serial: str | None = None

    @property
    def is_case(self) -> bool:
        """The code of an outer case, which holds packs (indicator digits 1 to 8)."""
        return self.gtin[0] not in "09"


def read(text: str) -> Scan:
    """Read one code. Raises BadScan; its fact `part` is the application identifier at fault."""
    said = text.strip(" \t\r\n")
    if not said or len(said) > LONGEST:
        raise _bad("code", f"a code has 1 to {LONGEST} characters", part="")
    for sign in STAND_INS:
        said = said.replace(sign, FNC1)
    said, bare = _without_symbology(said)
    if bare:
        return Scan(gtin=_bare(said))
    if said.startswith("("):
        return _scan(_bracketed(said))
    elements = _whole(_split(said.lstrip(FNC1)))
    _refuse_swallowed(elements)
    return _scan(elements)


def _without_symbology(said: str) -> tuple[str, bool]:
    """Without the scanner's prefix (ISO/IEC 15424), and whether it is a bare GTIN."""
    if not said.startswith("]"):
        return said, said.isdigit() and len(said) in GTIN_LENGTHS
    try:
        symbology = SymbologyIdentifier.extract(said)
    except (ParseError, IndexError, ValueError):
        raise _bad("symbology", f"no bar code begins with {said[:3]!r}", part=said[:3]) from None
    rest = said[len(symbology) :]
    if symbology.gs1_symbology in GS1Symbology.with_gtin():
        return rest, True
    if symbology.gs1_symbology in GS1Symbology.with_gs1_messages():
        return rest, False
    raise _bad("symbology", f"{symbology} is a bar code without the rules of GS1", part=said[:3])


def _bare(said: str) -> str:
    if len(said) not in GTIN_LENGTHS:
        raise _bad(GTIN, f"it has {len(said)} characters; a GTIN has {LENGTHS} digits")
    return _checked(GTIN, said.zfill(GTIN_LENGTHS[-1]))


def _split(rest: str) -> Iterable[tuple[str, str]]:
    """The elements: some are as long as their identifier says, FNC1 or the end ends the others."""
    while rest:
        known = _identifier(rest)
        data = rest[len(known.ai) :]
        if known.separator_required:
            value, _, rest = data.partition(FNC1)
        else:
            length = int(known.format.rpartition("N")[2])
            value, rest = data[:length], data[length:]
        yield known.ai, value
        rest = rest.lstrip(FNC1)  # it may stand where none is needed (7.8.6)


def _bracketed(said: str) -> dict[str, str]:
    """The elements as people write them: brackets around every identifier."""
    before, *parts = BRACKETS.split(said)
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if before or not pairs:
        raise _bad("code", "it has a bracket and no application identifier in it", part="")
    for ai, _ in pairs:
        if _identifier(ai).ai != ai:
            raise _unknown(ai)
    return _whole((ai, value.strip(" ").rstrip(FNC1)) for ai, value in pairs)


def _whole(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    elements: dict[str, str] = {}
    for ai, value in pairs:
        if elements.setdefault(ai, _checked(ai, value)) != value:
            raise _bad(ai, "it stands there twice and says two things")
    return elements


def _identifier(text: str) -> GS1ApplicationIdentifier:
    try:
        return GS1ApplicationIdentifier.extract(text)
    except ParseError:
        raise _unknown(text) from None


def _checked(ai: str, value: str) -> str:
    """A value that is what its identifier promises."""
    if strange := next((sign for sign in value if not "!" <= sign <= "~"), None):
        raise _bad(ai, f"it holds {strange!r}; labels hold plain letters, digits and marks")
    for linter, start, end in LINTED.get(ai, ()):
        if complaint := LINTERS[linter](value[start:end]):
            raise _bad(ai, complaint)
    known = _identifier(ai)
    if not re.fullmatch(known.pattern, ai + value):
        raise _bad(ai, _why_not(known, value))
    return value


def _why_not(known: GS1ApplicationIdentifier, value: str) -> str:
    if not value:
        return "it is empty"
    most = known.format.rpartition("..")[2]
    if most.isdigit() and len(value) > int(most):
        return (
            f"it has {len(value)} characters, {most} are the most; or the FNC1 that ends it is "
            "missing"
        )
    return f"{value!r} is not of its form ({known.format.partition('+')[2]})"


def _refuse_swallowed(elements: Mapping[str, str]) -> None:
    """A lot number with an expiry in its tail, where none stands elsewhere, has lost its FNC1."""
    if EXPIRY in elements:
        return
    for ai, value in elements.items():
        for tail in SWALLOWED.finditer(value) if _identifier(ai).separator_required else ():
            if _yymmd0(tail[1]) is None:
                raise _bad(
                    ai, f"it runs into the expiry 17{tail[1]}: the FNC1 between them is missing"
                )


def _scan(elements: Mapping[str, str]) -> Scan:
    if GTIN not in elements:
        raise _bad(GTIN, "it is missing; the rest says nothing without it")
    expiry = elements.get(EXPIRY)
    return Scan(
        gtin=elements[GTIN],
        lot_number=elements.get(LOT),
        expires_on=GS1ElementString.parse(EXPIRY + expiry).date if expiry else None,
        precision=("month" if expiry.endswith("00") else "day") if expiry else None,
        serial=elements.get(SERIAL),
    )


def _csum(text: str) -> str | None:
    if not _digits(text):
        return "it holds more than digits"
    right = gs1_standard_check_digit(text[:-1]) if len(text) > 1 else None
    return None if int(text[-1]) == right else f"its check digit is {text[-1]}, expected {right}"


def _yymmd0(text: str) -> str | None:
    """A date whose day may be 00: the last of the month."""
    if len(text) != 6 or not _digits(text):
        return "a date is six digits, YYMMDD"
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    if not 1 <= month <= 12:
        return f"there is no month {text[2:4]}"
    # A year that ends in 00 is 2000 here, a leap year, for as long as 7.12 allows.
    if day > monthrange(2000 + year, month)[1]:
        return f"month {text[2:4]} has no day {text[4:]}"
    return None


def _yymmdd(text: str) -> str | None:
    return _yymmd0(text) or ("there is no day 00" if text.endswith("00") else None)


def _hasnondigit(text: str) -> str | None:
    return "it holds nothing but digits" if not text or _digits(text) else None


def _zero(text: str) -> str | None:
    return "it does not begin with 0" if text.strip("0") else None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


# What is wrong with a text, if anything, by the tests' names in the Syntax Dictionary.
LINTERS: dict[str, Callable[[str], str | None]] = {
    "csum": _csum,
    "yymmd0": _yymmd0,
    "yymmdd": _yymmdd,
    "hasnondigit": _hasnondigit,
    "zero": _zero,
}
# Which part of which identifier they judge: from, and up to. Patterns do the rest.
LINTED: dict[str, tuple[tuple[str, int, int | None], ...]] = {
    **dict.fromkeys(("00", "01", "02", "03"), (("csum", 0, None),)),
    **dict.fromkeys(("11", "12", "13", "15", "16", "17"), (("yymmd0", 0, None),)),
    **dict.fromkeys(("4326", "7003", "7006", "7007", "7011", "8008"), (("yymmdd", 0, 6),)),
    "8003": (("zero", 0, 1), ("csum", 0, 14)),
    "8014": (("hasnondigit", 0, None),),
}


def _unknown(text: str) -> BadScan:
    return _bad(
        "code",
        f"{text[:16]!r} begins with no application identifier of GS1, nor is it a GTIN of "
        f"{LENGTHS} digits",
        part=text[:4] if text[:4].isascii() else "",
    )


def _bad(ai: str, why: str, *, part: str | None = None) -> BadScan:
    """`part` is the application identifier, unless there is none to name."""
    named = f"({ai}) {NAMES.get(ai) or _identifier(ai).data_title}" if part is None else ai
    text = f"{named[0].upper()}{named[1:]}: {why}. {REMEDY}"
    return BadScan(text, part=ai if part is None else part, fields={"scan": [text]})
