"""A client says whether she wants to be reminded of what runs out."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.replenishment.models import ReminderChoice


def choose(client: Person, *, wanted: bool, at: datetime) -> ReminderChoice:
    """From now on she is reminded, or is not. Her word is kept."""
    choice = ReminderChoice(id=uuid.uuid4(), client_id=client.id, wanted=wanted)
    db.session.add(choice)
    db.session.flush()  # the event points at it
    events.record(Kind.REMINDERS_CHOSEN, choice, wanted=wanted)
    return choice
