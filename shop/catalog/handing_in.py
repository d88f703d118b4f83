"""Hand in a file, look at it, say how it is read, try it, and only then take it in.

The file is kept from the first step, so that nobody sends it twice: what was tried and what is
taken in are the same bytes, read in the same way.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts.models import Person
from shop.catalog import importing, listing, loading, mapping, mending, queries, reading
from shop.catalog.errors import NotTried
from shop.catalog.importing import File
from shop.catalog.mapping import BadMapping, Columns
from shop.catalog.models import LARGEST_SHEET, Import, ImportSheet
from shop.catalog.reading import NO_TEXT, BadFile
from shop.catalog.states import ImportStatus
from shop.core.db import db

KEPT = timedelta(days=30)
SAMPLES = 3  # rows
LONGEST_SAMPLE = 80  # characters

# What a row of a product needs, and which of our columns say it.
NEEDED: Mapping[str, str] = {
    "name": "the product's name",
    "brand": "the brand",
    "legal_class": "the legal class",
    "sku": "the SKU of the pack",
    "pack_name": "what the pack is called, such as 50 ml",
}


@dataclass(frozen=True)
class Theirs:
    """A column of the file: its name, what stands in it at first, and which of ours it may be."""

    name: str
    samples: tuple[str, ...]
    guess: str


def hand_in(content: bytes, *, name: str, source: str, by: Person) -> ImportSheet:
    """Keep a file to be looked at; the same file is the same sheet. Raises BadFile, FileTooLarge.

    A register's file is read to its end at once; of a sheet only its shape, for nobody has said
    yet what its columns mean.
    """
    stream = io.BytesIO(content)
    measured = reading.measured(stream, most_bytes=LARGEST_SHEET)
    if source == listing.SOURCE:
        header_of(stream)
    else:
        importing.checked(stream, source, most_bytes=LARGEST_SHEET)
    kept = {
        "id": uuid.uuid4(),
        "name": NO_TEXT.sub("", name)[:300],
        "source": source,
        "sha256": measured.sha256,
        "content": content,
        "handed_in_by_id": by.id,
    }
    known = ["sha256", "source"]
    db.session.execute(
        insert(ImportSheet).values(kept).on_conflict_do_nothing(index_elements=known)
    )
    return db.session.scalars(
        sa.select(ImportSheet).where(
            ImportSheet.sha256 == measured.sha256, ImportSheet.source == source
        )
    ).one()


def header_of(stream: io.BytesIO) -> list[str]:
    """The columns of a sheet. Raises BadFile, where it has none or no row beneath them."""
    separator = reading.delimiter(stream)
    names = reading.header(stream, delimiter=separator)
    first = next(_rows(stream, separator), None)
    if first is None:
        said = "The file has a first row and nothing beneath it."
        raise BadFile(said, fields={"file": [said]}, row=1)
    return names


def is_ours(names: Sequence[str]) -> bool:
    """A list that this shop wrote: its columns need no saying."""
    return set(names) <= {*listing.COLUMNS, *mending.COLUMNS} and set(listing.REQUIRED) <= set(
        names
    )


def columns(sheet: ImportSheet) -> list[Theirs]:
    """Every column of the sheet with its first cells and our guess. Raises BadFile."""
    stream = io.BytesIO(sheet.content)
    names = header_of(stream)
    first = list(islice(_rows(stream, reading.delimiter(stream)), SAMPLES))
    guesses = mapping.guessed(names)
    return [
        Theirs(
            name,
            tuple(str(row.cells.get(name) or "")[:LONGEST_SAMPLE] for row in first),
            guesses.get(name, ""),
        )
        for name in names
    ]


def _rows(stream: io.BytesIO, separator: str) -> Iterator[reading.Row]:
    return reading.rows(stream, (), longest=listing.LONGEST_CELL, delimiter=separator)


def chosen(
    theirs: Sequence[Theirs],
    choices: Sequence[str],
    constants: Mapping[str, str],
    *,
    decimal_comma: bool,
) -> Columns:
    """A mapping from what was chosen for each of their columns, in their order, "" for none.

    `constants` hold for every row. Without a product's key of its own, the SKU is its key. Raises
    BadMapping, whose fields are "column-<place>" or the name of ours that nobody gave.
    """
    ours, wrong = _of_columns(theirs, choices)
    constant = {name: {"const": text} for name, text in constants.items() if text}
    said: dict[str, object] = {**constant, **ours}
    if "sku" in ours:
        said.setdefault("source_key", ours["sku"])
    for name, words in NEEDED.items():
        if name not in said:
            wrong[name] = [f"Say which column is {words}, or give what holds for every row."]
    if wrong:
        raise BadMapping("The columns do not make a product yet.", fields=wrong)
    return mapping.read({"columns": said, "decimal_comma": decimal_comma})


def _of_columns(
    theirs: Sequence[Theirs], choices: Sequence[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Theirs by ours, and by "column-<place>" what cannot be so."""
    ours: dict[str, str] = {}
    wrong: dict[str, list[str]] = {}
    for place, (column, choice) in enumerate(zip(theirs, choices, strict=True)):
        if not choice:
            continue
        if choice not in mapping.OURS:
            wrong[f"column-{place}"] = ["Choose one of the list."]
        elif choice in ours:
            wrong[f"column-{place}"] = [f"{ours[choice]} is {choice} already. Choose one of them."]
        else:
            ours[choice] = column.name
    return ours, wrong


def file_of(sheet: ImportSheet, said: object) -> File:
    """The sheet read to its end in this way. Raises BadFile, BadMapping."""
    stream = io.BytesIO(sheet.content)
    return importing.checked(
        stream, sheet.source, name=sheet.name, mapping=said or None, most_bytes=LARGEST_SHEET
    )


def try_out(sheet: ImportSheet, said: object, *, by: Person) -> Import:
    """Let it be seen what the file would do. Raises BadFile, BadMapping."""
    return loading.queue(file_of(sheet, said), by=by, dry_run=True)


def start(trial: Import, *, by: Person) -> Import:
    """Take in what was tried, as it was tried. Raises NotTried, NoSuchSheet."""
    if not trial.dry_run or trial.status is not ImportStatus.DONE:
        raise NotTried("Wait until the dry run is over, then start.", status=trial.status)
    return loading.queue(file_of(queries.sheet_of(trial), trial.mapping), by=by)


def forget_old(*, at: datetime) -> int:
    """Files handed in more than KEPT ago; how many."""
    old = sa.delete(ImportSheet).where(ImportSheet.handed_in_at < at - KEPT)
    return len(db.session.scalars(old.returning(ImportSheet.id)).all())
