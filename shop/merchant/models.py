"""Permissions to take money for a legal class on a route. Never changed; ended by a date."""

from __future__ import annotations

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.catalog.models import LegalClass
from shop.core.db import Base, Word, one_of, stamped
from shop.merchant.routes import ROUTES, Route

LONGEST_DOCUMENT = 80
LATER = sa.FetchedValue()  # filled in when its time has come
PERMITTED = [route.value for route, terms in ROUTES.items() if terms.needs_permission]


class MerchantPermission(Base):
    """Somebody outside lets us take money for a class on a route, from a day until another.

    `document` is what they call it: a certificate's number, a processor's letter. In force on a
    day (UTC) from `valid_from` on, until, not including, `valid_until` or `ended_on`.
    """

    __tablename__ = "merchant_permissions"
    __table_args__ = (
        sa.CheckConstraint(
            f"route IN ({', '.join(map(repr, PERMITTED))})",
            name="permission_is_for_a_route_that_asks",
        ),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="permitted_class_is_known"),
        sa.CheckConstraint("legal_class <> 'clinic_use'", name="permitted_class_is_sold"),
        sa.CheckConstraint(
            f"char_length(document) BETWEEN 1 AND {LONGEST_DOCUMENT}"
            " AND document = btrim(document)",
            name="permission_names_its_document",
        ),
        sa.CheckConstraint("valid_from < valid_until", name="permission_range_is_forward"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name="permission_ended_by_someone"
        ),
        sa.Index("merchant_permissions_class_idx", "route", "legal_class"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    route: Mapped[Route] = mapped_column(Word(Route))
    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    document: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    # None: set up with the shop itself; the event says by what.
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    recorded_at: Mapped[datetime] = stamped()
    ended_on: Mapped[date | None] = mapped_column(server_default=LATER)
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )

    recorded_by: Mapped[Person | None] = relationship(foreign_keys=[recorded_by_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])

    @property
    def last(self) -> date:
        """The first day on which it does not count any more."""
        return self.valid_until if self.ended_on is None else min(self.valid_until, self.ended_on)

    def in_force(self, day: date) -> bool:
        """Whether it counts on a day."""
        return self.valid_from <= day < self.last
