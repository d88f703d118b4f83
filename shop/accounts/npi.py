"""The check digit of a National Provider Identifier; pure.

Source: CMS, "Requirements for National Provider Identifier (NPI) and NPI Check Digit": the Luhn
formula (ISO/IEC 7812-1) over the number with the prefix 80840.
"""

from __future__ import annotations

import re

PREFIX = "80840"


def valid(npi: str) -> bool:
    """Whether `npi` is ten ASCII digits, begins with 1 or 2, and has its check digit."""
    if not re.fullmatch(r"[12][0-9]{9}", npi):
        return False
    digits = [int(digit) for digit in reversed(PREFIX + npi)]
    return (sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0
