"""Letters as the shop's role may write them: booked, then moved on."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.notifications.models import Letter, Template


def a_letter(
    reader: Person,
    template: Template = Template.ORDER_PAID,
    subject_id: uuid.UUID | None = None,
    **given: Any,
) -> Letter:
    """A letter to her that waits, moved on as `given` says."""
    letter_id = uuid.uuid4()
    db.session.execute(
        sa.insert(Letter).values(
            id=letter_id,
            template=template,
            subject_id=subject_id or uuid.uuid4(),
            version=1,
            recipient_id=reader.id,
        )
    )
    letter = db.session.get_one(Letter, letter_id)
    for name, value in given.items():
        setattr(letter, name, value)
    db.session.flush()
    return letter


def gave_up(reader: Person, code: str = "smtp_550", **given: Any) -> Letter:
    return a_letter(reader, **given, tries=1, failed_at=now(), error=code)
