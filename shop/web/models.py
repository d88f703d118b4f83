"""What the web layer itself remembers: answers already given under an Idempotency-Key."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.core.db import Base


class KeptAnswer(Base):
    """The answer to an unsafe request, kept in the transaction of its effect."""

    __tablename__ = "kept_answers"
    __table_args__ = (
        sa.PrimaryKeyConstraint("actor", "key"),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name="idempotency_key_fits"),
        sa.CheckConstraint("octet_length(request_hash) = 32", name="request_is_hashed"),
    )

    actor: Mapped[str]
    key: Mapped[str]
    request_hash: Mapped[bytes]  # SHA-256 of method, path and body
    status: Mapped[int]
    body: Mapped[bytes]
    subject_id: Mapped[uuid.UUID | None]
    kept_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
