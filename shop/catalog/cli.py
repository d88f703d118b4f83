"""`flask catalog …`: register files in, the catalogue out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from shop.accounts.models import Person, Role
from shop.catalog import dictionary, editing, importing, lawbook, listing, queries
from shop.catalog.report import Outcome, Report
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal

cli_group = AppGroup("catalog", help="Import and export the catalogue.")
rules_group = AppGroup("rules", help="The rules of law and policy that the shop comes with.")


@rules_group.command("load")
@click.option("--by", "email", required=True, help="The manager who becomes author and owner.")
def load_rules(email: str) -> None:
    """Draft the rules that are not there yet. They hold nowhere until two people activate them."""
    query = sa.select(Person).where(Person.email == email, Person.role == Role.MANAGER)
    author = db.session.scalars(query).one_or_none()
    if author is None or not author.active:
        click.echo(f"Nothing was loaded. No manager has the address {email}.", err=True)
        sys.exit(1)
    act_as(author.actor)
    drafted = lawbook.load(by=author, at=now())
    db.session.commit()
    click.echo(
        f"{len(drafted)} rules drafted. Review and activate them: POST /api/v1/rules/{{id}}/review."
    )


@cli_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source",
    type=click.Choice(importing.SOURCES),
    required=True,
    help="ndc: products, packages or unfinished drugs of the FDA, told apart by their columns; "
    "lnhpd: Canadian licences, JSON Lines; csv: an export of this shop.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Every row as JSON.")
def import_file(file: Path, source: str, dry_run: bool, as_json: bool) -> None:
    """Import FILE; every row is accounted for. Products come before their packages."""
    act_as("system:catalog-import")
    try:
        with file.open("rb") as stream:
            report = importing.run(stream, source, by=None, at=now(), dry_run=dry_run)
        if dry_run:
            db.session.rollback()
        else:
            db.session.commit()
    except Refusal as refusal:
        db.session.rollback()
        _refused(refusal, as_json=as_json)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        _show(report)


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


def _show(report: Report) -> None:
    for row in report.rows:
        if row.outcome is Outcome.QUARANTINED or (
            row.reasons and row.outcome is not Outcome.UNCHANGED
        ):
            click.echo(f"row {row.row} {row.key}: {row.outcome}: {'; '.join(row.reasons)}")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items())
    click.echo(f"{counts}, {len(report.rows)} rows{' (nothing written)' if report.dry_run else ''}")


def _refused(refusal: Refusal, *, as_json: bool) -> None:
    if as_json:
        error = {"code": refusal.code, "detail": refusal.text, "facts": refusal.facts}
        click.echo(json.dumps(error | {"errors": refusal.fields}, default=str))
    click.echo(f"Nothing was imported. {refusal.text}", err=True)
    sys.exit(1)
