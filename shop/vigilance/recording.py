"""A reaction is written down, and whatever becomes known of it later."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date, datetime, timedelta

from shop.accounts.models import Person, Role
from shop.catalog.models import Variant
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory.models import Lot
from shop.vigilance import clock
from shop.vigilance.errors import OwnReaction, ReactionRefused
from shop.vigilance.models import Outcome, Reaction, ReactionAccount, Teller
from shop.vigilance.states import ReactionStatus

LONGEST = 4_000  # characters of an account
OLDEST = timedelta(days=3 * 366)


def record(
    client: Person,
    variant: Variant,
    *,
    lot: Lot | None,
    what: str,
    outcomes: Collection[Outcome],
    told_by: Teller,
    received_on: date,
    today: date,
    by: Person,
    at: datetime,
) -> Reaction:
    """Open it with its first account. Raises ReactionRefused, OwnReaction."""
    if client.role is not Role.CLIENT:
        raise _wrong("client", "Name a client.")
    if lot is not None and lot.variant_id != variant.id:
        raise _wrong("lot", f"Lot {lot.number} is of another product.")
    _refuse(client.id, what, received_on, today, by)
    reaction = Reaction(
        id=uuid.uuid4(),
        number=numbers.fresh("AR"),
        client=client,
        variant=variant,
        lot_id=lot.id if lot else None,
        status=ReactionStatus.OPEN,
    )
    db.session.add(reaction)
    events.record(Kind.REACTION_OPENED, reaction)
    db.session.flush()
    _write(reaction, what, outcomes, told_by, received_on, by)
    return reaction


def tell(
    reaction: Reaction,
    *,
    what: str,
    outcomes: Collection[Outcome],
    told_by: Teller,
    received_on: date,
    today: date,
    by: Person,
    at: datetime,
) -> None:
    """More became known: another account, with a clock of its own. What was closed opens again.

    Raises ReactionRefused, OwnReaction.
    """
    _refuse(reaction.client_id, what, received_on, today, by)
    _write(reaction, what, outcomes, told_by, received_on, by)
    if reaction.status is ReactionStatus.OPEN:
        events.record(Kind.REACTION_TOLD_MORE, reaction)
        return
    reaction.status = ReactionStatus.OPEN
    reaction.reason = None
    db.session.flush()
    events.record(Kind.REACTION_TOLD_MORE, reaction)


def refuse_own(client_id: uuid.UUID, by: Person) -> None:
    if by.id == client_id:
        raise OwnReaction("Somebody else keeps the record of what happened to you.")


def _refuse(client_id: uuid.UUID, what: str, received_on: date, today: date, by: Person) -> None:
    refuse_own(client_id, by)
    if not what.strip() or len(what) > LONGEST:
        raise _wrong("what", f"Say in up to {LONGEST} characters what happened.")
    if not today - OLDEST <= received_on <= today:
        raise _wrong("received_on", f"Choose a day from {today - OLDEST} to {today}.")


def _write(
    reaction: Reaction,
    what: str,
    outcomes: Collection[Outcome],
    told_by: Teller,
    received_on: date,
    by: Person,
) -> None:
    account = ReactionAccount(
        id=uuid.uuid4(),
        reaction_id=reaction.id,
        serious=bool(outcomes),
        received_on=received_on,
        due_on=clock.due(received_on) if outcomes else None,
        recorded_by_id=by.id,
    )
    account.told = {"what": what, "outcomes": sorted(set(outcomes)), "told_by": told_by}
    db.session.add(account)
    db.session.flush()
    db.session.refresh(reaction, ["accounts"])


def _wrong(field: str, text: str) -> ReactionRefused:
    return ReactionRefused("This cannot be recorded as it is.", fields={field: [text]})
