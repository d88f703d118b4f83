"""`flask replenishment run`: the day's run, by hand; it does what is to be done, and no more."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from shop.core.db import act_as
from shop.payments.jobs import gateway
from shop.replenishment.jobs import run


@click.group()
def replenishment() -> None:
    """Reminders and auto-refills."""


@replenishment.command("run")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@with_appcontext
def run_today(as_json: bool) -> None:
    """Remind, announce, and charge what is due today. Safe to repeat, and beside the worker.

    Exit 1 where something failed: it was logged, and the next run tries it again.
    """
    act_as("system:replenishment")
    done = run(gateway())
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        click.echo(
            f"{done.clients} clients looked at, {done.reminded} reminded, {done.foreseen} refills"
            f" begun or moved, {done.charged} charged, {done.failed} failed."
        )
    sys.exit(1 if done.failed else 0)
