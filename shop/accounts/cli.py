"""`flask accounts …`: the first manager, and whoever has to be set up without a browser."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import NoReturn

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from shop.accounts import duties, employing, licences
from shop.accounts.models import Duty, Person, Role
from shop.core.db import act_as, db
from shop.core.errors import Refusal

ACTOR = "system:command-line"
DAY = click.DateTime(formats=["%Y-%m-%d"])
EMPLOYED = [role.value for role in Role if role is not Role.CLIENT]

cli_group = AppGroup("accounts", help="People who work here, and their licences.")


@cli_group.command()
@click.option("--role", required=True, type=click.Choice(EMPLOYED))
@click.option("--email", required=True)
@click.option("--name", help="The mail address, unless given.")
@click.option("--npi", help="Needed for a physician.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(role: str, email: str, name: str | None, npi: str | None, password_stdin: bool) -> None:
    """Open the account of somebody who works here; asks for the password."""
    password = _password(password_stdin)
    act_as(ACTOR)
    try:
        person = employing.employ(
            email=email, name=name or email, role=Role(role), npi=npi, password=password
        )
    except Refusal as refusal:
        _refuse(refusal)
    db.session.commit()
    click.echo(f"{person.role} {person.email} {person.id}")


@cli_group.command()
@click.option("--email", required=True, help="Whose licence it is.")
@click.option(
    "--kind", required=True, help="MD, DO, NP, PA; esthetician, advanced_esthetician, RN."
)
@click.option("--state", required=True, help="Two letters, such as CA.")
@click.option("--number", required=True)
@click.option("--from", "valid_from", required=True, type=DAY)
@click.option("--until", "valid_until", required=True, type=DAY, help="First day it is no longer.")
@click.option("--verified-on", type=DAY, help="When it was looked up at the board.")
def licence(
    email: str,
    kind: str,
    state: str,
    number: str,
    valid_from: datetime,
    valid_until: datetime,
    verified_on: datetime | None,
) -> None:
    """Record a licence."""
    act_as(ACTOR)
    person = _somebody(email)
    try:
        recorded = licences.record(
            person,
            kind=kind,
            state=state,
            number=number,
            valid_from=valid_from.date(),
            valid_until=valid_until.date(),
            verified_on=verified_on.date() if verified_on else None,
        )
    except Refusal as refusal:
        _refuse(refusal)
    db.session.commit()
    click.echo(f"{recorded.kind} {recorded.state} {recorded.number} {recorded.id}")


@cli_group.command()
@click.option("--email", required=True, help="Who is charged with it.")
@click.option("--duty", required=True, type=click.Choice([duty.value for duty in Duty]))
@click.option("--from", "valid_from", required=True, type=DAY)
@click.option("--until", "valid_until", type=DAY, help="First day it is no longer, if known.")
@click.option("--by", "manager", required=True, help="The manager's mail address.")
def duty(
    email: str, duty: str, valid_from: datetime, valid_until: datetime | None, manager: str
) -> None:
    """Charge somebody with a duty, such as the medical director's."""
    act_as(ACTOR)
    person, by = _somebody(email), _somebody(manager)
    if by.role is not Role.MANAGER or not by.active:
        raise click.ClickException(f"{manager} is no manager.")
    try:
        granted = duties.grant(
            person,
            Duty(duty),
            valid_from=valid_from.date(),
            valid_until=valid_until.date() if valid_until else None,
            by=by,
        )
    except Refusal as refusal:
        _refuse(refusal)
    db.session.commit()
    click.echo(f"{granted.duty} {person.email} {granted.id}")


def _somebody(email: str) -> Person:
    person = db.session.scalars(sa.select(Person).where(Person.email == email)).one_or_none()
    if person is None:
        raise click.ClickException(f"Nobody has the mail address {email}.")
    return person


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _refuse(refusal: Refusal) -> NoReturn:
    db.session.rollback()
    lines = [refusal.text, *(f"{name}: {' '.join(why)}" for name, why in refusal.fields.items())]
    raise click.ClickException("\n".join(lines))
