"""One text for one JSON value (RFC 8785, JSON Canonicalization Scheme): what is hashed and signed.

Members are sorted by the UTF-16 code units of their names, nothing stands between tokens, and
strings are escaped as ECMAScript does. Of numbers only whole ones are taken that every reader holds
exactly (2^53): amounts travel as integers, strengths as text, moments as RFC 3339.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

JSON = Mapping[str, "JSON"] | Sequence["JSON"] | str | int | bool | None

LARGEST = 2**53 - 1


def canonical(value: JSON) -> bytes:
    """The one text of `value`, in UTF-8. Raises ValueError where it has none."""
    text = json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()  # a lone surrogate is no Unicode text: UnicodeEncodeError, a ValueError


def _sorted(value: JSON) -> JSON:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise ValueError(f"{value} is not a number that every reader of JSON holds exactly.")
        return value
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value, key=_code_units)}
    if isinstance(value, list | tuple):
        return [_sorted(one) for one in value]
    raise ValueError(f"A {type(value).__name__} has no canonical form here.")


def _code_units(name: object) -> bytes:
    if not isinstance(name, str):
        raise ValueError(f"The name of a member is text, not {type(name).__name__}.")  # noqa: TRY004
    return name.encode("utf-16-be")
