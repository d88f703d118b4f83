"""Which letters a reader wants. Reminders of what runs out are `replenishment`'s to keep."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.core.db import db
from shop.notifications.models import MailChoice, Template, Topic, Way
from shop.notifications.topics import ENDABLE
from shop.replenishment import choosing as reminders
from shop.replenishment import queries as replenishment
from shop.replenishment.models import ReminderChoice


@dataclass(frozen=True)
class Choice:
    """One word of hers, when she said it, and how."""

    topic: Topic
    wanted: bool
    at: datetime
    way: Way


def topics_of(reader: Person) -> list[Topic]:
    """What she may choose: nobody but clients gets letters that can be ended."""
    return list(Topic) if reader.role is Role.CLIENT else []


def wants(reader_id: uuid.UUID, template: Template) -> bool:
    """Whether a letter of this template is to be written to her. Without a word of hers, it is."""
    topic = ENDABLE.get(template)
    return topic is None or _wanted(reader_id, topic)


def wanted(reader: Person) -> dict[Topic, bool]:
    """How she has chosen."""
    return {topic: _wanted(reader.id, topic) for topic in topics_of(reader)}


def choose(reader: Person, topic: Topic, *, wanted: bool, way: Way, at: datetime) -> bool:
    """From now on she gets letters of this topic, or none; whether that changed anything.

    Saying the same again is no new word. What waits to be sent is held back as well.
    """
    if _wanted(reader.id, topic) == wanted:
        return False
    if topic is Topic.RUNS_OUT:
        reminders.choose(reader, wanted=wanted, at=at)
        return True
    db.session.add(
        MailChoice(id=uuid.uuid4(), person_id=reader.id, topic=topic, wanted=wanted, via=way)
    )
    db.session.flush()  # the database stamps when
    return True


def history(reader: Person) -> list[Choice]:
    """Every word of hers, the newest first."""
    said = db.session.scalars(sa.select(MailChoice).where(MailChoice.person_id == reader.id))
    words = [Choice(one.topic, one.wanted, one.chosen_at, one.via) for one in said]
    reminded = sa.select(ReminderChoice).where(ReminderChoice.client_id == reader.id)
    words += [
        Choice(Topic.RUNS_OUT, one.wanted, one.chosen_at, Way.PAGE)
        for one in db.session.scalars(reminded)
    ]
    return sorted(words, key=lambda one: one.at, reverse=True)


def _wanted(reader_id: uuid.UUID, topic: Topic) -> bool:
    if topic is Topic.RUNS_OUT:
        return replenishment.reminded([reader_id]).get(reader_id, True)
    last = (
        sa.select(MailChoice.wanted)
        .where(MailChoice.person_id == reader_id, MailChoice.topic == topic)
        .order_by(MailChoice.number.desc())
    )
    said = db.session.scalar(last.limit(1))
    return True if said is None else said
