"""`flask signing-keys …`: the keys that the clinic signs prescriptions with."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import click
from flask.cli import AppGroup

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from shop.core.signatures import new_private_key, public_key_of, ring, written
from shop.prescriptions import signing_keys
from shop.prescriptions.models import SigningKey

ACTOR = "system:command-line"
DAY = click.DateTime(formats=["%Y-%m-%d"])

signing_keys_group = AppGroup("signing-keys", help="The keys that prescriptions are signed with.")


@signing_keys_group.command()
@click.option(
    "--from", "valid_from", type=DAY, help="Its first day, UTC, unless it follows the last."
)
@click.option(
    "--days",
    default=signing_keys.LASTS.days,
    show_default=True,
    type=click.IntRange(1, signing_keys.LONGEST.days),
)
@click.option(
    "--from-environment",
    is_flag=True,
    help="Record the key of SIGNING_KEYS that is not recorded yet; make none.",
)
def new(valid_from: datetime | None, days: int, from_environment: bool) -> None:
    """Make a key, record its public half, and print what to put into the environment.

    It begins when the last one ends.
    """
    act_as(ACTOR)
    at = now()
    begins = _after_the_last(at) if valid_from is None else valid_from.replace(tzinfo=UTC)
    private = None if from_environment else new_private_key()
    public = _unrecorded() if private is None else public_key_of(private)
    try:
        key = signing_keys.record(
            public, valid_from=begins, valid_until=begins + timedelta(days=days), at=at
        )
    except Refusal as refusal:
        _refuse(refusal)
    db.session.commit()
    click.echo(_line(key, at))
    if private is not None:
        click.echo(
            "Add this private key to SIGNING_KEYS of the web server (a comma between keys) and"
            " start it again. It is shown once and kept nowhere else:\n"
            f"{written([private])}"
        )


@signing_keys_group.command("list")
def list_keys() -> None:
    """Every key there ever was, with its public half."""
    at = now()
    for key in signing_keys.all_keys():
        click.echo(_line(key, at))


@signing_keys_group.command()
@click.argument("key_id", type=click.UUID)
def retire(key_id: uuid.UUID) -> None:
    """Let a key sign no more. What it signed stays proven; its private half may be destroyed."""
    act_as(ACTOR)
    at = now()
    try:
        key = signing_keys.retire(key_id, at=at)
    except Refusal as refusal:
        _refuse(refusal)
    db.session.commit()
    click.echo(_line(key, at))
    click.echo("Take its private half out of SIGNING_KEYS.")


def _after_the_last(at: datetime) -> datetime:
    return max([at, *(key.ends_at for key in signing_keys.all_keys())])


def _unrecorded() -> bytes:
    known = {bytes(key.public_key) for key in signing_keys.all_keys()}
    waiting = [public for public in ring.keys if public not in known]
    if len(waiting) != 1:
        raise click.ClickException(
            f"SIGNING_KEYS holds {len(waiting)} keys that are not recorded: it must be one."
        )
    return waiting[0]


def _line(key: SigningKey, at: datetime) -> str:
    state = _state(key, at)
    here = "private half here" if bytes(key.public_key) in ring.keys else "private half not here"
    public = base64.b64encode(bytes(key.public_key)).decode()
    days = f"{key.valid_from.date().isoformat()} to {key.ends_at.date().isoformat()}"
    return f"{key.id}  {state:8} {days}  {public}  {here}"


def _state(key: SigningKey, at: datetime) -> str:
    if key.retired_at is not None:
        return "retired"
    if at < key.valid_from:
        return "waits"
    return "signs" if key.signs(at) else "ended"


def _refuse(refusal: Refusal) -> NoReturn:
    more = "".join(f" {name}: {' '.join(texts)}" for name, texts in refusal.fields.items())
    raise click.ClickException(f"{refusal.text}{more}")
