"""Directions that physicians write again and again, kept under a name."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped


class DirectionsTemplate(Base):
    """One version of a template: the words a physician proposes to herself, never what was signed.

    `series_id` is the template through its versions, of which one at most is not ended. `owner_id`
    None: it is the clinic's, written by a medical director. `form` (as filed, upper case) and
    `active` (the beginning of a substance's name, upper case) say what it is offered for; empty:
    for any.
    """

    __tablename__ = "directions_templates"
    __table_args__ = (
        sa.UniqueConstraint("series_id", "version", name="directions_templates_version_key"),
        sa.Index(
            "directions_templates_name_is_free",
            "owner_id",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("ended_by_id IS NULL"),
        ),
        sa.CheckConstraint("version >= 1", name="directions_version_counts_from_one"),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 80 AND name = btrim(name)",
            name="directions_have_a_name",
        ),
        sa.CheckConstraint(
            "char_length(directions) BETWEEN 1 AND 2000 AND directions = btrim(directions)",
            name="directions_say_something",
        ),
        sa.CheckConstraint(
            "char_length(form) <= 80 AND form = upper(btrim(form))",
            name="directions_form_is_written_as_filed",
        ),
        sa.CheckConstraint(
            "char_length(active) <= 80 AND active = upper(btrim(active))",
            name="directions_active_is_written_as_filed",
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name="directions_ended_by_someone"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    series_id: Mapped[uuid.UUID]
    version: Mapped[int]
    owner_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    written_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    form: Mapped[str]
    active: Mapped[str]
    name: Mapped[str]
    directions: Mapped[str]
    written_at: Mapped[datetime] = stamped()
    ended_at: Mapped[datetime | None] = stamped()
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )

    written_by: Mapped[Person] = relationship(foreign_keys=[written_by_id])

    @property
    def of_the_clinic(self) -> bool:
        """Offered to every physician, not to its writer alone."""
        return self.owner_id is None
