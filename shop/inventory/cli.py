"""`flask inventory verify`."""

from __future__ import annotations

import json
import sys

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from shop.core.db import db
from shop.inventory import verifying
from shop.inventory.models import Lot

inventory = AppGroup("inventory", help="The shelf.")


@inventory.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def verify(as_json: bool) -> None:
    """Add up movements and reservations of every lot; exit 1 at the first that does not fit."""
    broken = list(verifying.verify())
    lots = db.session.scalar(sa.select(sa.func.count()).select_from(Lot))
    if as_json:
        places = [{"place": each.place, "why": each.why} for each in broken]
        click.echo(json.dumps({"lots": lots, "broken": places}))
    elif broken:
        first = broken[0]
        click.echo(
            f"Broken at {first.place}: {first.why}. {len(broken)} place(s) in all, {lots} lots.",
            err=True,
        )
    else:
        click.echo(f"{lots} lots, every one holds what its movements and reservations say.")
    sys.exit(1 if broken else 0)
