"""`flask catalog …`: register files in, the catalogue out."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from shop.accounts.models import Person, Role
from shop.catalog import (
    dictionary,
    editing,
    importing,
    lawbook,
    listing,
    loading,
    profiles,
    queries,
    report,
)
from shop.catalog.importing import File
from shop.catalog.mapping import from_text
from shop.catalog.report import Outcome, RowReport
from shop.catalog.spool import Spool
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from shop.core.rules import Rule
from shop.treatments import rulebook
from shop.treatments.reading import BadRow

cli_group = AppGroup("catalog", help="Import and export the catalogue.")
rules_group = AppGroup("rules", help="The rules of law, policy and medicine the shop comes with.")


@rules_group.command("load")
@click.option("--by", "email", required=True, help="The manager who becomes author and owner.")
@click.option(
    "--scope",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only this file of who may do what, in the format of the shop's own.",
)
@click.option(
    "--windows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only this file of windows around procedures, in the format of the shop's own.",
)
def load_rules(email: str, scope: Path | None, windows: Path | None) -> None:
    """Draft the rules that are not there yet. They hold nowhere until two people activate them."""
    query = sa.select(Person).where(Person.email == email, Person.role == Role.MANAGER)
    author = db.session.scalars(query).one_or_none()
    if author is None or not author.active:
        click.echo(f"Nothing was loaded. No manager has the address {email}.", err=True)
        sys.exit(1)
    act_as(author.actor)
    try:
        drafted = _drafted(author, scope, windows)
    except BadRow as bad:
        db.session.rollback()
        click.echo(f"Nothing was loaded. {bad}", err=True)
        sys.exit(1)
    db.session.commit()
    click.echo(
        f"{len(drafted)} rules drafted. Review and activate them: /manage/rules, or POST"
        " /api/v1/rules/{id}/review."
    )


def _drafted(author: Person, scope: Path | None, windows: Path | None) -> list[Rule]:
    """From the files that are named, or from all that the shop comes with. Raises BadRow."""
    at = now()
    if scope is None and windows is None:
        return [*lawbook.load(by=author, at=at), *rulebook.load_all(by=author, at=at)]
    of_scope = [] if scope is None else rulebook.load_scope(by=author, at=at, file=scope)
    of_windows = [] if windows is None else rulebook.load_windows(by=author, at=at, file=windows)
    return [*of_scope, *of_windows]


@cli_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    type=click.Choice(importing.SOURCES),
    required=True,
    help="ndc: a file of the FDA (products, packages, unfinished drugs, labels, approvals), told "
    "apart by its columns; lnhpd: Canadian licences, JSON Lines; csv: an export of this shop; "
    "obf: Open Beauty Facts.",
)
@click.option(
    "--map",
    "map_file",
    type=click.File("r", encoding="utf-8"),
    help="How a supplier's sheet is read (source csv): our columns by theirs, JSON.",
)
@click.option("--profile", default="", help="The same, as it was kept under a name.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Every row as JSON.")
def import_file(
    file: Path, source: str, map_file: IO[str] | None, profile: str, dry_run: bool, as_json: bool
) -> None:
    """Import FILE; every row is accounted for. Products come before their packages.

    Some hundred rows are committed at a time. Broken off, the same command goes on behind them.
    """
    act_as("system:catalog-import")
    with ExitStack() as opened:
        try:
            mapping = _mapping(map_file, profile)
            stream = _opened(file, opened)
            checked = importing.checked(stream, source, name=file.name, mapping=mapping)
            counts, rows = _rehearsed(checked, opened) if dry_run else _loaded(checked)
        except Refusal as refusal:
            db.session.rollback()
            _refused(refusal, as_json=as_json)
        tell = _write if as_json else _show
        tell(counts, rows, dry_run=dry_run)


@cli_group.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True), default="-")
def export_file(file: IO[str]) -> None:
    """Write the catalogue as CSV to FILE (or standard output); `import --source csv` takes it."""
    file.writelines(listing.written(queries.everything(), now()))


@cli_group.command("dictionary")
def load_dictionary() -> None:
    """Bring the dictionary of substances in line with the shipped files; match what is filed."""
    act_as("system:catalog-dictionary")
    _say(dictionary.load())


@cli_group.command("match")
def match_names() -> None:
    """Match every filed name anew that no person resolved."""
    act_as("system:catalog-dictionary")
    _say({"matched": dictionary.match_filed()})


def _say(counts: dict[str, int]) -> None:
    db.session.commit()
    click.echo(", ".join(f"{count} {what} new or changed" for what, count in counts.items()))


@cli_group.command("uses")
def fill_uses() -> None:
    """Give products without concerns and skin types those that actives, purposes and name give."""
    act_as("system:catalog-uses")
    filled = editing.fill_uses(at=now())
    db.session.commit()
    click.echo(f"{filled} products have concerns or skin types now.")


def _mapping(map_file: IO[str] | None, profile: str) -> object:
    if map_file is not None:
        return from_text(map_file.read())
    return profiles.mapping_of(profile) if profile else None


def _loaded(file: File) -> tuple[dict[str, int], Iterable[RowReport]]:
    with _Line(file.rows) as line:
        record = loading.load(file, by=None, progress=line.moved)
    return record.counts, map(report.of, queries.every_row_of(record.id))


def _rehearsed(file: File, opened: ExitStack) -> tuple[dict[str, int], Iterable[RowReport]]:
    spool = opened.enter_context(Spool())
    with _Line(file.rows) as line:
        loading.rehearse(file, spool, by=None, progress=line.moved)
    return spool.counts, spool


def _opened(path: Path, opened: ExitStack) -> IO[bytes]:
    """The file, where it can be read twice; of a pipe, a copy that can."""
    stream: IO[bytes] = opened.enter_context(path.open("rb"))
    if stream.seekable():
        return stream
    copy = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (the stack closes it)
    shutil.copyfileobj(stream, copy)
    return copy


class _Line:
    """How far it is, on one line of a terminal; silent where nobody looks."""

    def __init__(self, rows: int) -> None:
        hidden = not sys.stderr.isatty()
        self._bar = click.progressbar(length=rows, label="rows", file=sys.stderr, hidden=hidden)
        self._done = 0

    def __enter__(self) -> _Line:
        self._bar.__enter__()
        return self

    def __exit__(self, *how: object) -> None:
        self._bar.render_finish()

    def moved(self, done: int, _total: int) -> None:
        """So many rows are done."""
        self._bar.update(done - self._done)
        self._done = done


def _write(counts: dict[str, int], rows: Iterable[RowReport], *, dry_run: bool) -> None:
    """One JSON object, row by row: a long report is never held as a whole."""
    beginning = json.dumps({"dry_run": dry_run, "counts": counts})
    click.echo(f'{beginning[:-1]}, "rows": [', nl=False)
    for comma, row in zip(chain([""], iter(lambda: ",\n", None)), rows, strict=False):
        click.echo(comma + json.dumps(row.as_json(), ensure_ascii=False), nl=False)
    click.echo("]}")


def _show(counts: dict[str, int], rows: Iterable[RowReport], *, dry_run: bool) -> None:
    for row in rows:
        if row.outcome is Outcome.QUARANTINED or (
            row.reasons and row.outcome is not Outcome.UNCHANGED
        ):
            click.echo(f"row {row.row} {row.key}: {row.outcome}: {'; '.join(row.reasons)}")
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    click.echo(f"{told}, {sum(counts.values())} rows{' (nothing written)' if dry_run else ''}")


def _refused(refusal: Refusal, *, as_json: bool) -> None:
    if as_json:
        error = {"code": refusal.code, "detail": refusal.text, "facts": refusal.facts}
        click.echo(json.dumps(error | {"errors": refusal.fields}, default=str))
    click.echo(f"Nothing was imported. {refusal.text}", err=True)
    sys.exit(1)
