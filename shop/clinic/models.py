"""Looks of the clinic: each choice is a row, the last one is shown. Never changed."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped

LONGEST_NAME = 80
LONGEST_TITLE = 80
LONGEST_WORDS = 240
LARGEST_LOGO = 200_000  # bytes
LOGO_TYPES = ("image/png", "image/webp")


class Look(Base):
    """What a manager chose on a day. An empty accent is the house's own."""

    __tablename__ = "clinic_looks"
    __table_args__ = (
        sa.CheckConstraint(
            f"char_length(name) BETWEEN 1 AND {LONGEST_NAME} AND name = btrim(name)",
            name="clinic_has_a_name",
        ),
        sa.CheckConstraint(
            f"char_length(hero_title) <= {LONGEST_TITLE}", name="hero_title_is_short"
        ),
        sa.CheckConstraint(f"char_length(hero_text) <= {LONGEST_WORDS}", name="hero_text_is_short"),
        sa.CheckConstraint("accent ~ '^(#[0-9a-f]{6})?$'", name="accent_is_a_colour"),
        sa.CheckConstraint("(logo IS NULL) = (logo_type IS NULL)", name="logo_has_a_type"),
        sa.CheckConstraint("logo_type IN ('image/png', 'image/webp')", name="logo_type_is_known"),
        sa.CheckConstraint(
            f"octet_length(logo) BETWEEN 1 AND {LARGEST_LOGO}", name="logo_is_small"
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    hero_title: Mapped[str]
    hero_text: Mapped[str]
    accent: Mapped[str]
    logo: Mapped[bytes | None] = mapped_column(deferred=True)
    logo_type: Mapped[str | None]
    chosen_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    chosen_at: Mapped[datetime] = stamped()

    chosen_by: Mapped[Person] = relationship()
