"""Who carries parcels, what their tracking numbers look like, and where a parcel is looked up.

Pure. A number is taken when one of its carrier's forms fits and its check digit is right: what was
mistyped leads to nobody's parcel, or to somebody else's. Forms and check digits: USPS Publication
199 (IMpb, mod 10) and UPU S10; UPS's 1Z number; FedEx Express (mod 11) and Ground (mod 10); DHL
Express (mod 7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shop.orders.errors import BadTracking

Right = Callable[[str], bool]


@dataclass(frozen=True)
class Carrier:
    """`forms`: what a whole number looks like, and whether its check digit is right."""

    name: str
    example: str
    page: str  # where a number is looked up, with {} in its place
    forms: tuple[tuple[str, Right], ...]

    def knows(self, number: str) -> bool:
        """Whether this can be one of its numbers."""
        return any(re.fullmatch(form, number) and right(number) for form, right in self.forms)


def checked(carrier: str, tracking: str) -> tuple[str, str]:
    """The carrier's name and the number as they are written down: capitals, no spaces.

    Where no carrier is named, the number tells: the forms of no two carriers fit the same one.
    Raises BadTracking; `fields` names what to change.
    """
    number = _number(tracking)
    carrier = carrier or recognised(number) or ""
    if carrier not in CARRIERS:
        raise _bad("carrier", f"Must be one of {', '.join(CARRIERS)}.{_untold(number)}")
    one = CARRIERS[carrier]
    if not number:
        raise _bad("tracking", f"Type the parcel's tracking number, such as {one.example}.")
    if not one.knows(number):
        raise _bad(
            "tracking",
            f"This is no tracking number of {one.name}: look for a missing or mistyped digit"
            f" (they look like {one.example}), or choose another carrier.",
        )
    return carrier, number


def recognised(tracking: str) -> str | None:
    """Whose number this is, by its form and check digit; None where it is nobody's."""
    number = _number(tracking)
    return next((one.name for one in CARRIERS.values() if one.knows(number)), None)


def link(carrier: str, tracking: str) -> str | None:
    """The carrier's page about a parcel; None where it is not known."""
    one = CARRIERS.get(carrier)
    return one.page.format(tracking) if one and one.knows(tracking) else None


def _number(tracking: str) -> str:
    """As it is written down; of what a scanner reads from a USPS label, the parcel's number alone.

    That bar code is a GS1-128 whose first element is the ZIP code it goes to (USPS Publication 199:
    420, five or nine digits, FNC1), which people do not write.
    """
    said = re.sub(r"[ \t\r\n-]", "", tracking).upper().removeprefix("]C1").replace("^]", "\x1d")
    return re.sub(r"^\x1d?420(?:[0-9]{5}|[0-9]{9})\x1d?(?=9[1-5][0-9]{20}$)", "", said)


def _untold(number: str) -> str:
    return f" {number[:40]} is no number of theirs: look for a mistyped digit." if number else ""


def _bad(field: str, text: str) -> BadTracking:
    return BadTracking(text, fields={field: [text]})


def _mod_10(number: str) -> bool:
    """Weights 3 and 1 from the right, modulo 10: as GS1 reckons."""
    *digits, check = (int(sign) for sign in number)
    total = sum(digit * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return -total % 10 == check


def _ups(number: str) -> bool:
    """Letters count as UPS counts them: A is 2, B is 3, and so on, modulo 10."""
    values = [int(sign) if sign.isdigit() else (ord(sign) - 63) % 10 for sign in number[2:]]
    total = sum(values[0:15:2]) + 2 * sum(values[1:15:2])
    return -total % 10 == values[15]


def _express(number: str) -> bool:
    """FedEx Express: weights 1, 3, 7 from the right, modulo 11, 10 counts as 0."""
    *digits, check = (int(sign) for sign in number)
    total = sum(digit * (1, 3, 7)[place % 3] for place, digit in enumerate(reversed(digits)))
    return total % 11 % 10 == check


def _dhl(number: str) -> bool:
    return int(number[:-1]) % 7 == int(number[-1])


def _s10(number: str) -> bool:
    """UPU S10: weights 8 6 4 2 3 5 9 7, 11 less the rest; 10 is 0, 11 is 5."""
    digits = zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)
    check = 11 - sum(int(digit) * weight for digit, weight in digits) % 11
    return {10: 0, 11: 5}.get(check, check) == int(number[10])


CARRIERS: Mapping[str, Carrier] = MappingProxyType(
    {
        one.name: one
        for one in (
            Carrier(
                "USPS",
                "9400 1112 0108 0805 4830 16",
                "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
                (
                    (r"9[1-5][0-9]{20}", _mod_10),
                    (r"[0-9]{20}", _mod_10),
                    (r"[A-Z]{2}[0-9]{9}US", _s10),
                ),
            ),
            Carrier(
                "UPS",
                "1Z999AA10123456784",
                "https://www.ups.com/track?tracknum={}",
                ((r"1Z[0-9A-Z]{15}[0-9]", _ups),),
            ),
            Carrier(
                "FedEx",
                "9865 7878 8855",
                "https://www.fedex.com/fedextrack/?trknbr={}",
                ((r"[0-9]{12}", _express), (r"[0-9]{15}", _mod_10)),
            ),
            Carrier(
                "DHL",
                "3318 8100 25",
                "https://www.dhl.com/us-en/home/tracking.html?tracking-id={}",
                ((r"[0-9]{10}", _dhl),),
            ),
        )
    }
)
