"""How a row of a shipped file is read: every column by its reader, and an error that says where.

Pure. Versioned data that the shop ships are JSON files, a row each; the rooms beside this one say
which columns there are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from shop.core.rules import JURISDICTIONS

Reader = Callable[[Any], Any]
Kind = TypeVar("Kind")


class BadRow(ValueError):
    """A row that cannot be used: `name` says which, `column` where (empty for the whole row)."""

    def __init__(self, name: str, column: str, fault: str) -> None:
        super().__init__(f"{name}: {column}: {fault}" if column else f"{name}: {fault}")
        self.name = name
        self.column = column
        self.fault = fault


def rows(
    kind: type[Kind], given: Iterable[Any], readers: Mapping[str, Reader], *, key: str
) -> tuple[Kind, ...]:
    """Rows as `kind`, in the order of `key`, which names a row and stands once. Raises BadRow."""
    found = sorted((row(kind, one, readers, key=key) for one in given), key=lambda x: _key(x, key))
    for one, after in itertools.pairwise(found):
        if _key(one, key) == _key(after, key):
            raise BadRow(_key(one, key), key, f"stands twice. A {key} has one row in a file.")
    return tuple(found)


def row(kind: type[Kind], given: Any, readers: Mapping[str, Reader], *, key: str) -> Kind:
    """One row as `kind`, a dataclass with a reader for each field. Raises BadRow."""
    if not isinstance(given, Mapping):
        raise BadRow(f"{given!r:.40}", "", "is no row; a row is an object with columns.")
    name = str(given.get(key) or "").strip() or f"a row without a {key}"
    columns = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    for column in sorted(set(given) ^ columns):
        raise BadRow(name, column, "is missing." if column in columns else "is not a column.")
    read = {column: _cell(name, column, readers[column], given[column]) for column in given}
    try:
        return kind(**read)
    except ValueError as error:  # what columns say together
        raise BadRow(name, "", str(error)) from None


def _key(made: Any, key: str) -> str:
    return str(getattr(made, key))


def _cell(name: str, column: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except (TypeError, ValueError) as error:
        raise BadRow(name, column, str(error)) from None


# Readers -----------------------------------------------------------------------------------------


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text.")
    return value


def whole(value: Any, *, least: int, most: int) -> int:
    """A whole number between two bounds, both allowed."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number.")
    if not least <= value <= most:
        raise ValueError(f"{value} is not between {least} and {most}.")
    return value


def number_of_version(value: Any) -> int:
    return whole(value, least=1, most=10_000)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false.")
    return value


def day(value: Any) -> date:
    return date.fromisoformat(text(value))


def last_day(value: Any) -> date | None:
    return None if value is None else day(value)


def jurisdiction(value: Any) -> str:
    if text(value) not in JURISDICTIONS:
        raise ValueError(f"{value!r} is no USPS code of a state, and not US.")
    return str(value)


Chosen = TypeVar("Chosen", bound=StrEnum)


def word(words: type[Chosen]) -> Callable[[Any], Chosen]:
    """A reader for one word of a vocabulary."""

    def read(value: Any) -> Chosen:
        try:
            return words(value)
        except ValueError:
            raise ValueError(f"{value!r} is none of {', '.join(words)}.") from None

    return read


def some_of(words: type[Chosen]) -> Callable[[Any], tuple[Chosen, ...]]:
    """A reader for a list of words, none of them twice; an empty list is none."""
    one = word(words)

    def read(values: Any) -> tuple[Chosen, ...]:
        if not isinstance(values, list):
            raise TypeError(f"{values!r} is no list.")
        found = tuple(one(value) for value in values)
        if len(set(found)) < len(found):
            raise ValueError("names a word twice.")
        return found

    return read
