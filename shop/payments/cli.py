"""`flask reconcile`: does everything agree, and what can safely be set right."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from shop.core.db import act_as, db
from shop.core.money import dollars
from shop.payments import reconciling
from shop.payments.gateway import GatewayError
from shop.payments.jobs import gateway


@click.command("reconcile")
@click.option("--repair", is_flag=True, help="First do what is safe to set things right.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@with_appcontext
def reconcile(repair: bool, as_json: bool) -> None:
    """Compare payments, orders and the provider, shelves and orders, prescriptions and fills.

    To the cent: what moved on the account at the provider in the last 48 hours is compared with
    every charge and refund, and each payout with what it was made of.

    Exit 0 when everything agrees, 1 when differences remain, 2 when the provider is out of reach.
    """
    act_as("system:reconcile")
    try:
        if repair:
            reconciling.repair(gateway())
        compared = reconciling.compared(gateway())
    except GatewayError as error:
        db.session.rollback()
        click.echo(f"The payment provider cannot be read ({error.code}): {error}", err=True)
        sys.exit(2)
    found, noted = compared.differences, compared.noted
    if as_json:
        shown = [{"kind": one.kind, "subject": one.subject, "text": one.text} for one in found]
        click.echo(json.dumps({"differences": shown, "noted": asdict(noted)}, indent=2))
    else:
        for one in found:
            click.echo(f"{one.kind}: {one.subject}: {one.text}")
        click.echo(
            f"At the provider {noted.movements} movements, fees of {dollars(noted.fees_cents)},"
            f" {noted.payouts} payouts of {dollars(noted.payouts_cents)}."
        )
        click.echo(f"{len(found)} differences." if found else "Everything agrees.")
    sys.exit(1 if found else 0)
