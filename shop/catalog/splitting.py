"""A list of ingredients in one cell, as people write it, taken apart with care.

Pure. Commas within brackets and within names ("1,2-hexanediol") separate nothing. What shows no
separator is one text: it is kept whole and flagged, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(
    r"^\s*(?:(?:inactive|other|active)\s+)?(?:ingredients?|inci)(?:\s*\(inci\))?\s*:\s*",
    re.IGNORECASE,
)
_MARKS = ",;·•|\n\r\t"
_OPEN, _CLOSE = "([{", ")]}"
_AND = re.compile(r"(?:^|\s+)(?:and|&)\s+", re.IGNORECASE)
_ENDS = " .,;·•|*\u00a0"


@dataclass(frozen=True)
class Split:
    """The parts of a list. `whole`: it seems more than a name, but nothing separates it."""

    parts: tuple[str, ...]
    whole: bool = False


LONGEST_NAME = 80  # characters of one name; a longer text without a separator is a list


def split(text: str) -> Split:
    """The ingredients of a text, in its order, without heading and full stop."""
    listed = _HEADING.sub("", text, count=1)
    parts = [part for part in (_bare(part) for part in _cut(listed)) if part]
    if len(parts) == 1:
        pair = [_bare(part) for part in _AND.split(parts[0])]
        if len(pair) == 2 and all(pair) and not _bracketed(parts[0]):
            return Split(tuple(pair))
        return Split(tuple(parts), whole=len(parts[0]) > LONGEST_NAME)
    return Split(tuple(_last_and(parts)) if parts else ())


def _cut(text: str) -> list[str]:
    """At every mark outside brackets. Brackets that do not match bracket nothing."""
    matched = _balanced(text)
    parts, begins, depth = [], 0, 0
    for place, letter in enumerate(text):
        if matched and letter in _OPEN:
            depth += 1
        elif matched and letter in _CLOSE:
            depth -= 1
        elif depth == 0 and letter in _MARKS and not _in_a_number(text, place):
            parts.append(text[begins:place])
            begins = place + 1
    return [*parts, text[begins:]]


def _in_a_number(text: str, place: int) -> bool:
    """A comma with a digit close on either side: "1,2-hexanediol", "0,5 %"."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return text[place] == "," and before.isdigit() and after.isdigit()


def _balanced(text: str) -> bool:
    waiting: list[str] = []
    for letter in text:
        if letter in _OPEN:
            waiting.append(_CLOSE[_OPEN.index(letter)])
        elif letter in _CLOSE and (not waiting or waiting.pop() != letter):
            return False
    return not waiting


def _last_and(parts: list[str]) -> list[str]:
    """ "a, b and c", "a, b, and c": the last of a list may hold the word."""
    *others, last = parts
    pair = [_bare(part) for part in _AND.split(last, maxsplit=1)]
    return others + [part for part in pair if part] if not _bracketed(last) else parts


def _bracketed(text: str) -> bool:
    return any(letter in text for letter in _OPEN + _CLOSE)


def _bare(part: str) -> str:
    return " ".join(part.split()).strip(_ENDS)
