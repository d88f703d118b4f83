"""Files of other people, read with suspicion: size, encoding, shape; every error says where.

Two kinds of wrong. A file that is not what it should be (encoding, broken quoting or JSON, missing
columns) is refused whole with BadFile. A single row that cannot be used is handed on as a Row with
`faults`, so that the report can set it aside and nothing is dropped.

Files are read as streams, from their beginning each time, and never held as a whole: what is in
memory at once is a row, and no row is longer than LONGEST_ROW.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import IO, Any, NoReturn

from shop.catalog.filings import LONGEST_TEXT
from shop.core.errors import Refused

MOST_BYTES = 200 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 200
LONGEST_ROW = 4_000_000  # characters
DEEPEST = 20  # lists and objects within each other
_PIECE = 1024 * 1024
NO_TEXT = re.compile("[\x00\ud800-\udfff]")
csv.field_size_limit(1_000_000)

Check = Callable[[str, object], Iterable[str]]


class BadFile(Refused):
    """The file as a whole cannot be read. Facts name the row and field, or the byte."""

    code = "bad_file"


class FileTooLarge(BadFile):
    """Longer than it may be; read no further than that."""

    code = "file_too_large"


@dataclass(frozen=True)
class Row:
    """A row of a file: its line as people count (the header of a CSV is 1), its cells by name."""

    number: int
    cells: dict[str, Any]
    faults: tuple[str, ...] = field(default=())
    weight: int = 0  # characters


@dataclass(frozen=True)
class Measured:
    """What a file weighs, and the fingerprint by which it is known again."""

    size: int  # bytes
    sha256: bytes


def measured(stream: IO[bytes], *, most_bytes: int = MOST_BYTES) -> Measured:
    """Read `stream` once as bytes: it is UTF-8 text, with or without byte order mark.

    Raises BadFile naming byte and row, FileTooLarge after `most_bytes`, having kept nothing.
    """
    seen = _Bytes()
    while piece := stream.read(_PIECE):
        if seen.size + len(piece) > most_bytes:
            raise _too_large(most_bytes)
        seen.take(piece)
    seen.end()
    return Measured(seen.size, seen.digest.digest())


class _Bytes:
    """Bytes going by: counted, hashed, decoded and forgotten."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._lines = 0
        self._open = 0  # bytes since the last end of a line
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, piece: bytes) -> None:
        if self.size == 0:
            _refuse_wide(piece)
        if (zero := piece.find(b"\0")) >= 0:
            at, row = self.size + zero, self._row(piece[:zero])
            said = f"Byte {at} (row {row}) is NUL: the file is not UTF-8 text. Save it as UTF-8."
            _refuse(said, byte=at, row=row)
        self._decode(piece)
        self._refuse_endless_line(piece)
        self.size += len(piece)
        self._lines += piece.count(b"\n")
        self.digest.update(piece)

    def end(self) -> None:
        self._decode(b"", final=True)

    def _row(self, before: bytes) -> int:
        return self._lines + before.count(b"\n") + 1

    def _decode(self, piece: bytes, *, final: bool = False) -> None:
        waiting = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            at = self.size - waiting + error.start
            row = self._row(piece[: max(0, error.start - waiting)])
            _refuse(
                f"Byte {at} (row {row}) is not UTF-8; the file looks like Windows-1252 or Latin-1. "
                "Save it as UTF-8.",
                byte=at,
                row=row,
            )

    def _refuse_endless_line(self, piece: bytes) -> None:
        last = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        self._open = self._open + len(piece) if last < 0 else len(piece) - last - 1
        if self._open > 4 * LONGEST_ROW:
            _refuse_long(self._row(piece))


def delimiter(stream: IO[bytes]) -> str:
    """What separates the cells of the first row: a comma, a semicolon or a tab."""
    with _text(stream) as lines:
        first = lines.readline(LONGEST_ROW)
    outside = re.sub(r'"[^"]*"?', "", first)
    return max(",;\t", key=outside.count)


def header(stream: IO[bytes], *, delimiter: str = ",") -> list[str]:
    """The column names of a CSV. Raises BadFile for an empty file or a name that stands twice."""
    with _text(stream) as lines:
        _, names = next(_records(lines, delimiter), (1, None))
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


def rows(
    stream: IO[bytes],
    required: Sequence[str] = (),
    *,
    longest: int = LONGEST_TEXT,
    delimiter: str = ",",
) -> Iterator[Row]:
    """The rows of a CSV, one by one. Raises BadFile naming missing columns or broken quoting."""
    names = header(stream, delimiter=delimiter)
    missing = [name for name in required if name not in names]
    if missing:
        _refuse(
            f"The first row lacks the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}.",
            row=1,
            field=missing[0],
            missing=missing,
        )
    with _text(stream) as lines:
        records = _records(lines, delimiter)
        next(records)  # the header
        for number, cells in records:
            if cells:
                yield _row(number, names, cells, longest)


def objects(stream: IO[bytes]) -> Iterator[Row]:
    """The objects of a JSON Lines text, one by one.

    Raises BadFile naming row and column of broken JSON.
    """
    with _text(stream) as lines:
        for number, line in enumerate(_whole_lines(lines), start=1):
            if len(line) > LONGEST_ROW:
                _refuse_long(number)
            if line.strip():
                yield _object(number, line)


def counted(found: Iterable[Row]) -> int:
    """Read a file to its end; how many rows it has. Raises BadFile where it has none, or too many.

    Nothing may be written before this has been through: a file is refused whole or not at all.
    """
    count = 0
    for count, row in enumerate(found, start=1):
        if count > MOST_ROWS:
            _refuse(f"The file has more than {MOST_ROWS} rows. Split it.", row=row.number)
    if not count:
        _refuse("The file has no rows.", row=1)
    return count


@contextmanager
def _text(stream: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """The stream from its beginning, as text. It stays open, and its place is nobody's."""
    stream.seek(0)
    words = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        yield words
    finally:
        words.detach()


def _whole_lines(lines: io.TextIOWrapper) -> Iterator[str]:
    """Lines ended by a line feed: a carriage return within JSON is white space, not an end."""
    lines.reconfigure(newline="\n")
    return iter(lines)


class _Watched:
    """The lines of a CSV. A quotation mark left open would gather them all into one row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.held = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.held += len(line)
        if self.held > LONGEST_ROW:
            raise csv.Error(f"it is longer than {LONGEST_ROW} characters")
        return line


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line they begin on. A quoted cell may hold line breaks."""
    watched = _Watched(lines)
    reader = csv.reader(watched, strict=True, delimiter=delimiter)
    begins = 1
    try:
        for cells in reader:
            watched.held = 0
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        _refuse(
            f"Row {begins} is not CSV: {error}. Look for a quotation mark that is not closed.",
            row=begins,
        )


def _row(number: int, names: list[str], cells: list[str], longest: int) -> Row:
    named: dict[str, Any] = dict(zip(names, cells, strict=False))
    weight = sum(map(len, cells))
    if len(cells) != len(names):
        fault = f"row has {len(cells)} cells, the first row names {len(names)} columns"
        return Row(number, named, (fault,), weight)
    if weight <= longest:  # the bytes were looked through before: it can only be too long
        return Row(number, named, (), weight)
    return Row(number, named, tuple(faults(named, longest)), weight)


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
        return Row(number, {"value": _shown(item)}, ("row is not an object",))
    twice = [f"{ascii(name)[1:-1][:60]}: stands twice in the object" for name in repeated]
    return Row(number, item, (*twice, *faults(item, LONGEST_TEXT)), len(line))


def _shown(item: object) -> str:
    try:
        return str(item)[:200]
    except (RecursionError, ValueError):  # deeper, or longer, than can be said
        return "…"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def faults(cells: Mapping[str, Any], longest: int) -> list[str]:
    """What no database takes, or is longer or deeper than any field should be."""
    found = []
    for name, value in cells.items():
        if NO_TEXT.search(name):
            found.append(f"{ascii(name)[:60]}: holds characters that are not text")
        found += [f"{ascii(name)[1:-1][:60]}: {odd}" for odd in oddities(value, longest)]
    return list(dict.fromkeys(found))


def oddities(value: object, longest: int) -> Iterator[str]:
    """Why PostgreSQL or a person could not take this text, or these texts within each other."""
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEEPEST:
            yield f"nested deeper than {DEEPEST}"
        elif isinstance(part, str):
            yield from _odd_text(part, longest)
        elif isinstance(part, list):
            waiting += [(item, depth + 1) for item in part]
        elif isinstance(part, dict):
            waiting += [(item, depth + 1) for pair in part.items() for item in pair]


def _odd_text(text: str, longest: int) -> Iterator[str]:
    if len(text) > longest:
        yield f"longer than {longest} characters"
    elif NO_TEXT.search(text):
        yield "holds characters that are not text"


def _too_large(most_bytes: int) -> FileTooLarge:
    megabytes = most_bytes // (1024 * 1024)
    return FileTooLarge(
        f"The file is larger than {megabytes} MB. Split it and import the parts.",
        fields={"file": [f"larger than {megabytes} MB"]},
        limit_bytes=most_bytes,
    )


def _refuse_wide(beginning: bytes) -> None:
    if beginning[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        _refuse("The file is UTF-32, not UTF-8. Save it as UTF-8.", byte=0, row=1)
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        _refuse("The file is UTF-16, not UTF-8. Save it as UTF-8.", byte=0, row=1)


def _refuse_long(number: int) -> NoReturn:
    _refuse(f"Row {number} is longer than {LONGEST_ROW} characters.", row=number)


def _refuse(said: str, *, row: int, field: str | None = None, **facts: object) -> NoReturn:
    facts = {"row": row, "field": field} | facts
    raise BadFile(said, fields={field or "file": [said]}, **facts)
