"""`flask takings`: what came and went in money, by day, for a shell or a timer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click
import marshmallow as ma
from flask import current_app
from flask.cli import with_appcontext

from shop.core.clock import now
from shop.reports import naming, schemas, tabulating


@click.command("takings")
@click.option("--since", metavar="DAY", help="The first of the clinic's days, as 2026-11-30.")
@click.option("--until", metavar="DAY", help="The last.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_appcontext
def takings(since: str | None, until: str | None, *, as_csv: bool, as_json: bool) -> None:
    """Takings, fees, refunds, disputes and payouts by the clinic's day: the last thirty."""
    first, last, zone, at = _days({"since": since, "until": until})
    figures = naming.report("takings").make(schemas.asked_for(first, last, zone=zone, at=at))
    if as_json:
        told = {"since": str(first), "until": str(last), "days": figures.records()}
        click.echo(json.dumps(told, indent=2))
    elif as_csv:
        click.echo("".join(tabulating.written(figures)), nl=False)
    else:
        for row in figures.rows:
            said = zip(figures.columns, row, strict=True)
            click.echo("  ".join(f"{one.title}: {one.said(cell)}" for one, cell in said))
        for note in figures.notes:
            click.echo(note)


def _days(given: dict[str, str | None]) -> tuple[Any, Any, str, datetime]:
    try:
        asked = schemas.FiguresQuery().load({name: day for name, day in given.items() if day})
    except ma.ValidationError as wrong:
        raise click.UsageError(str(wrong.messages)) from None
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    return *schemas.span(asked, zone=zone, at=at), zone, at
