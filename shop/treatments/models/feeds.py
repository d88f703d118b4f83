"""Private addresses at which a client's calendar program reads her plan."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.treatments.agenda import Words


class CalendarFeed(Base):
    """An address that answers without a sign-in while it lives. Here is its secret's hash only.

    A client has one at a time. It is ended, never changed: another address or other words are
    another row.
    """

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="calendar_secret_is_hashed"),
        sa.CheckConstraint(one_of("words", Words), name="calendar_words_are_known"),
        sa.Index(
            "calendar_feeds_one_at_a_time",
            "client_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    words: Mapped[Words] = mapped_column(Word(Words))
    made_at: Mapped[datetime] = stamped()
    ended_at: Mapped[datetime | None] = stamped()

    client: Mapped[Person] = relationship(foreign_keys=[client_id])
