"""One text for one JSON value: what RFC 8785 says, and what we take no number of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.canonical import LARGEST, canonical

CASES: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "{}"),
    "literals": ([None, True, False], "[null,true,false]"),
    "numbers": ([0, -1, LARGEST, -LARGEST], f"[0,-1,{LARGEST},-{LARGEST}]"),
    "names in order": ({"b": 1, "a": {"d": 2, "c": []}}, '{"a":{"c":[],"d":2},"b":1}'),
    # RFC 8785, 3.2.3: by UTF-16 code units, so the emoji (D83D DE00) stands before U+FB33.
    "names by their code units": (
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7},
        '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
    ),
    # RFC 8785, 3.2.2.2.
    "what is escaped": ('€$\x0f\nA\'B"\\\\"/\x7f', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'),
    "short escapes": ("\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
}


@pytest.mark.parametrize("case", CASES)
def test_a_value_has_one_text(case: str) -> None:
    value, text = CASES[case]
    assert canonical(value).decode() == text


WITHOUT = {
    "a fraction": 0.5,
    "a whole float": 1.0,
    "too large": LARGEST + 1,
    "too small": -LARGEST - 1,
    "half a character": "\ud800",
    "half a character as a name": {"\ud800": 1},
    "bytes": b"x",
    "a set": {1},
    "a name that is no text": {1: 2},
}


@pytest.mark.parametrize("case", WITHOUT)
@pytest.mark.parametrize("deep", [False, True])
def test_what_has_no_one_text_is_refused(case: str, deep: bool) -> None:
    value: Any = WITHOUT[case]
    with pytest.raises(ValueError, match=r"reader|surrogates|form|name"):
        canonical([{"a": value}] if deep else value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_it_says_the_value_and_the_order_of_names_says_nothing(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    if isinstance(value, dict):
        assert canonical(dict(reversed(value.items()))) == text
