"""Reads for reports."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from shop.core.events import Event

NEWEST_FIRST = (Event.at, Event.subject_id, Event.seq)


def events(subject_id: uuid.UUID | None = None) -> sa.Select[Event]:
    """What happened, to one subject or to all."""
    query = sa.select(Event)
    return query if subject_id is None else query.where(Event.subject_id == subject_id)
