"""Photos that clients add to their reports."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.core import sealed
from shop.core.db import Base, stamped
from shop.treatments.models.checks import is_sealed

MOST = 3  # photos of one report
LARGEST = 4 * 1024 * 1024  # bytes, sealed


class ReportPhoto(Base):
    """A photo of a report, sealed, with the statement by which she agreed to it (FHIR Media).

    She may take it back: the picture is erased for good, and that there was one is kept.
    """

    __tablename__ = "report_photos"
    __table_args__ = (
        sa.UniqueConstraint("report_id", "number", name="report_photos_number_key"),
        sa.CheckConstraint(f"number BETWEEN 1 AND {MOST}", name=f"report_takes_{MOST}_photos"),
        sa.CheckConstraint("statement <> ''", name="photo_names_what_was_agreed_to"),
        sa.CheckConstraint(
            "(picture_sealed IS NULL) = (erased_at IS NOT NULL)", name="photo_is_there_or_erased"
        ),
        sa.CheckConstraint(is_sealed("picture_sealed"), name="photo_is_sealed"),
        sa.CheckConstraint(f"octet_length(picture_sealed) <= {LARGEST}", name="photo_is_small"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    report_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("session_reports.id"))
    number: Mapped[int] = stamped()
    statement: Mapped[str]  # the version of what she agreed to
    picture_sealed: Mapped[bytes | None] = mapped_column(deferred=True)  # WebP, pixels only
    added_at: Mapped[datetime] = stamped()
    erased_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())

    @property
    def picture(self) -> bytes | None:
        """WebP; None once it is erased. Raises sealed.NotOpened."""
        if self.picture_sealed is None:
            return None
        return sealed.unseal(bytes(self.picture_sealed), **self._place)

    @picture.setter
    def picture(self, data: bytes) -> None:
        self.picture_sealed = sealed.seal(data, **self._place)

    @property
    def _place(self) -> sealed.Place:
        return {"table": self.__tablename__, "row": self.id, "column": "picture_sealed"}
