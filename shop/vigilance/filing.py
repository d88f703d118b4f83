"""A reaction was reported to whoever has to know, and at last it is closed."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.vigilance.errors import NotReported, ReactionRefused
from shop.vigilance.models import Reaction, ReactionFiling
from shop.vigilance.recording import refuse_own
from shop.vigilance.states import ReactionStatus

LONGEST_REFERENCE = 200
LONGEST_REASON = 2_000


def file(
    reaction: Reaction, *, reference: str, filed_on: date, today: date, by: Person, at: datetime
) -> ReactionFiling:
    """All that was told so far was reported, under this reference.

    Raises OwnReaction, WrongState, ReactionRefused.
    """
    refuse_own(reaction.client_id, by)
    if reaction.status is not ReactionStatus.OPEN:
        raise WrongState(
            f"A reaction that is {reaction.status} has nothing to report.", status=reaction.status
        )
    if not reference.strip() or len(reference) > LONGEST_REFERENCE:
        raise _wrong("reference", "Give the number of the receipt, or whom you told and how.")
    first = reaction.accounts[0].received_on
    if not first <= filed_on <= today:
        raise _wrong("filed_on", f"Choose a day from {first} to {today}.")
    made = ReactionFiling(
        id=uuid.uuid4(),
        reaction_id=reaction.id,
        through=reaction.accounts[-1].number,
        reference=reference,
        filed_on=filed_on,
        filed_by_id=by.id,
    )
    db.session.add(made)
    db.session.flush()
    db.session.refresh(reaction, ["filings"])
    reaction.status = ReactionStatus.REPORTED
    db.session.flush()  # the row goes before its event
    events.record(Kind.REACTION_REPORTED, reaction)
    return made


def close(reaction: Reaction, *, reason: str, by: Person, at: datetime) -> None:
    """Nothing is left to do, and why.

    Raises OwnReaction, WrongState, NotReported, ReactionRefused.
    """
    refuse_own(reaction.client_id, by)
    if reaction.due_on is not None:
        raise NotReported(
            f"It is serious: report it by {reaction.due_on}.", due_on=reaction.due_on.isoformat()
        )
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise _wrong("reason", f"Say in up to {LONGEST_REASON} characters why it is closed.")
    reaction.status = ReactionStatus.CLOSED
    reaction.reason = reason
    db.session.flush()  # the row goes before its event
    events.record(Kind.REACTION_CLOSED, reaction)


def _wrong(field: str, text: str) -> ReactionRefused:
    return ReactionRefused("This cannot be recorded as it is.", fields={field: [text]})
