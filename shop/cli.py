"""Commands of the whole house: `flask audit verify`, `flask worker`. Each package adds its own."""

from __future__ import annotations

import json
import sys

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from shop.core import events, jobs
from shop.core.db import db

audit = AppGroup("audit", help="The trail of events.")


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def verify(as_json: bool) -> None:
    """Walk the events' chains, the answers and the signed statements; exit 1 at the first break."""
    from shop.prescriptions import verifying

    broken = [*events.verify(), *verifying.verify()]
    count = db.session.query(events.Event).count()
    if as_json:
        places = [
            {"subject": str(place.subject_id), "seq": place.seq, "why": place.why}
            for place in broken
        ]
        click.echo(json.dumps({"events": count, "broken": places}))
    elif broken:
        first = broken[0]
        click.echo(
            f"Broken at subject {first.subject_id}, event {first.seq}: {first.why}. "
            f"{len(broken)} place(s) in all, {count} events.",
            err=True,
        )
    else:
        click.echo(f"{count} events, every chain and every signed statement as it was written.")
    sys.exit(1 if broken else 0)


def periodic() -> dict[str, str]:
    """What the worker starts by itself, over all packages: the job's name → its cron line."""
    from shop import reactions
    from shop.accounts import jobs as accounts
    from shop.catalog import jobs as catalog
    from shop.inventory import jobs as inventory
    from shop.invoices import jobs as invoices
    from shop.merchant import jobs as merchant
    from shop.orders import jobs as orders
    from shop.payments import jobs as payments
    from shop.prescriptions import jobs as prescriptions
    from shop.privacy import jobs as privacy
    from shop.recalls import jobs as recalls
    from shop.replenishment import jobs as replenishment
    from shop.reports import jobs as reports
    from shop.returns import jobs as returns
    from shop.work import jobs as work

    schedules = (
        *(
            jobs,
            accounts,
            catalog,
            inventory,
            invoices,
            merchant,
            orders,
            payments,
            prescriptions,
            privacy,
            recalls,
            replenishment,
            reports,
            returns,
            work,
        ),
        reactions,
    )
    return {name: cron for each in schedules for name, cron in each.PERIODIC.items()}


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run background jobs until stopped."""
    jobs.every(periodic())
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    jobs.drain(app, app.config["SHOP"].worker_database_url, wait=True)
