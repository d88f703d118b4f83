"""Files of other people, read with suspicion: size, encoding, shape; every error says where.

Two kinds of wrong. A file that is not what it should be (encoding, broken quoting or JSON, missing
columns) is refused whole with BadFile. A single row that cannot be used is handed on as a Row with
`faults`, so that the report can set it aside and nothing is dropped.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO, Any, NoReturn

from shop.catalog.filings import LONGEST_TEXT
from shop.core.errors import Refused

MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 200
_CHUNK = 1024 * 1024
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
csv.field_size_limit(1_000_000)  # beyond it a row is set aside, not the file refused


class BadFile(Refused):
    """The file as a whole cannot be read. Facts name the row and field, or the byte."""

    code = "bad_file"


class FileTooLarge(BadFile):
    """Longer than MOST_BYTES; read no further than that."""

    code = "file_too_large"


@dataclass(frozen=True)
class Row:
    """A row of a file: its line as people count (the header of a CSV is 1), its cells by name."""

    number: int
    cells: dict[str, Any]
    faults: tuple[str, ...] = field(default=())


def whole(stream: IO[bytes], *, limit: int = MOST_BYTES) -> bytes:
    """Everything in `stream`. Raises FileTooLarge after `limit` bytes, having kept no more."""
    held = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        if held.tell() + len(chunk) > limit:
            megabytes = limit // (1024 * 1024)
            raise FileTooLarge(
                f"The file is larger than {megabytes} MB. Split it and import the parts.",
                fields={"file": [f"larger than {megabytes} MB"]},
                limit_bytes=limit,
            )
        held.write(chunk)
    return held.getvalue()


def text(data: bytes) -> str:
    """UTF-8 text, with or without byte order mark. Raises BadFile naming byte and row."""
    if data[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        _refuse("The file is UTF-32, not UTF-8. Save it as UTF-8.", byte=0, row=1)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        _refuse("The file is UTF-16, not UTF-8. Save it as UTF-8.", byte=0, row=1)
    if (zero := data.find(b"\0")) >= 0:
        row = data.count(b"\n", 0, zero) + 1
        _refuse(
            f"Byte {zero} (row {row}) is NUL: the file is not UTF-8 text. Save it as UTF-8.",
            byte=zero,
            row=row,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
        row = data.count(b"\n", 0, at) + 1
        _refuse(
            f"Byte {at} (row {row}) is not UTF-8; the file looks like Windows-1252 or Latin-1. "
            "Save it as UTF-8.",
            byte=at,
            row=row,
        )


def header(words: str) -> list[str]:
    """The column names of a CSV. Raises BadFile for an empty file or a name that stands twice."""
    names = next(_records(words), None)
    if names is None or not any(name.strip() for name in names):
        _refuse("The file is empty. Its first row should name the columns.", row=1)
    if len(names) > MOST_COLUMNS:
        said = f"The first row names {len(names)} columns; at most {MOST_COLUMNS} make sense."
        _refuse(said, row=1)
    names = [name.strip() for name in names]
    for name, times in Counter(names).items():
        if times > 1:
            _refuse(f"Column {name!r} stands twice in the first row.", row=1, field=name)
    return names


def rows(words: str, required: Sequence[str], *, longest: int = LONGEST_TEXT) -> list[Row]:
    """The rows of a CSV. Raises BadFile naming missing columns, broken quoting, or no rows."""
    names = header(words)
    missing = [name for name in required if name not in names]
    if missing:
        _refuse(
            f"The first row lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}.",
            row=1,
            field=missing[0],
            missing=missing,
        )
    records = _numbered(words)
    next(records)  # the header
    found = [_row(number, names, cells, longest) for number, cells in records if cells]
    return _some(found)


def objects(words: str) -> list[Row]:
    """The objects of a JSON Lines text. Raises BadFile naming row and column of broken JSON."""
    found = [
        _object(number, line)
        for number, line in enumerate(words.split("\n"), start=1)
        if line.strip()
    ]
    return _some(found)


def _some(found: list[Row]) -> list[Row]:
    if not found:
        _refuse("The file has no rows.", row=1)
    if len(found) > MOST_ROWS:
        _refuse(f"The file has more than {MOST_ROWS} rows. Split it.", row=MOST_ROWS + 2)
    return found


def _records(words: str) -> Iterator[list[str]]:
    return (cells for _, cells in _numbered(words))


def _numbered(words: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line they begin on. A quoted cell may hold line breaks."""
    reader = csv.reader(io.StringIO(words, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        _refuse(
            f"Row {begins} is not CSV: {error}. Look for a quotation mark that is not closed.",
            row=begins,
        )


def _row(number: int, names: list[str], cells: list[str], longest: int) -> Row:
    named = dict(zip(names, cells, strict=False))
    if len(cells) != len(names):
        fault = f"row has {len(cells)} cells, the first row names {len(names)} columns"
        return Row(number, named, (fault,))
    return Row(number, named, tuple(_faults(named, longest)))


def _object(number: int, line: str) -> Row:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, times in counts.items() if times > 1)
        return dict(pairs)

    try:
        item = json.loads(
            line, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=once
        )
    except json.JSONDecodeError as error:
        _refuse(
            f"Row {number} is not JSON: {error.msg} at column {error.colno}. "
            "Each line should be one object.",
            row=number,
            column=error.colno,
        )
    except (ValueError, RecursionError) as error:
        _refuse(f"Row {number} is not JSON that can be read: {str(error)[:120]}", row=number)
    if not isinstance(item, dict):
        return Row(number, {"value": str(item)[:200]}, ("row is not an object",))
    twice = [f"{name[:60]}: stands twice in the object" for name in repeated]
    return Row(number, item, (*twice, *_faults(item, LONGEST_TEXT)))


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _faults(cells: dict[str, Any], longest: int) -> list[str]:
    """Texts no database takes, or longer than any field should be."""
    faults = []
    for name, value in cells.items():
        for part in _texts(value):
            if len(part) > longest:
                faults.append(f"{name[:60]}: longer than {longest} characters")
            elif _NO_TEXT.search(part):
                faults.append(f"{ascii(name)[:60]}: holds characters that are not text")
    return list(dict.fromkeys(faults))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(name)
            yield from _texts(part)


def _refuse(said: str, *, row: int, field: str | None = None, **facts: object) -> NoReturn:
    facts = {"row": row, "field": field} | facts
    raise BadFile(said, fields={field or "file": [said]}, **facts)
