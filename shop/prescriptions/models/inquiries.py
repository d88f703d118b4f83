"""What a physician asks a client before she decides, and what the client answers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped
from shop.core.sealed import Sealed

if TYPE_CHECKING:
    from shop.prescriptions.models.requests import ApprovalRequest

# Version byte, key id, nonce and tag round at least one step of padded text.
_SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"


class Inquiry(Base):
    """One question about a request, with the answers as they were when it was put; kept for good.

    The request waits until it is answered, once. `said` holds the version of the answers it is
    about (`answers`, and `answered_on`, their days), `answers_hash` the hash that version was
    frozen with: whatever the client says anew, what she handed in before can be read and proved.
    """

    __tablename__ = "inquiries"
    __table_args__ = (
        sa.CheckConstraint(
            f"{_SEALED.format('question_sealed')} AND {_SEALED.format('said_sealed')}"
            f" AND (reply_sealed IS NULL OR {_SEALED.format('reply_sealed')})",
            name="inquiry_is_sealed",
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (reply_sealed IS NULL)", name="inquiry_is_answered_by_a_reply"
        ),
        sa.Index(
            "inquiries_one_open",
            "request_id",
            unique=True,
            postgresql_where=sa.text("answered_at IS NULL"),
        ),
        sa.Index("inquiries_request_idx", "request_id", "asked_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    request_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("approval_requests.id"))
    asked_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    question_sealed: Mapped[bytes]
    said_sealed: Mapped[bytes]
    answers_hash: Mapped[bytes]
    due_at: Mapped[datetime | None]  # of the request when its clock stopped
    asked_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    reply_sealed: Mapped[bytes | None] = mapped_column(
        server_default=sa.FetchedValue()
    )  # empty words where she only answered anew
    answered_at: Mapped[datetime | None] = stamped()

    question = Sealed("question_sealed")
    said = Sealed("said_sealed")
    reply = Sealed("reply_sealed")

    request: Mapped[ApprovalRequest] = relationship(back_populates="inquiries")
    asked_by: Mapped[Person] = relationship()

    @property
    def open(self) -> bool:
        """Nobody has answered."""
        return self.reply_sealed is None
