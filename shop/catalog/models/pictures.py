"""Pictures of products and bundles, and the files they come in."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base


class PictureFile(Base):
    """One file of a picture, as the shop made it; named by the SHA-256 of its bytes. Kept."""

    __tablename__ = "picture_files"
    __table_args__ = (
        sa.CheckConstraint("digest = sha256(data)", name="file_is_named_by_its_content"),
        sa.CheckConstraint("width BETWEEN 1 AND 1280 AND height > 0", name="file_has_a_size"),
        sa.CheckConstraint("octet_length(data) <= 10485760", name="file_is_not_too_large"),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(deferred=True)  # WebP
    width: Mapped[int]  # pixels
    height: Mapped[int]


class Picture(Base):
    """A picture of a product (perhaps of one pack of it) or of a bundle, until it is removed."""

    __tablename__ = "pictures"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["variant_id", "product_id"],
            ["variants.id", "variants.product_id"],
            name="pictured_variant_is_of_the_product",
        ),
        sa.CheckConstraint(
            "num_nonnulls(product_id, bundle_id) = 1", name="picture_is_of_one_thing"
        ),
        sa.CheckConstraint(
            "variant_id IS NULL OR product_id IS NOT NULL", name="bundle_has_no_pictured_variant"
        ),
        sa.CheckConstraint("alt ~ '[^[:space:]]'", name="picture_is_described"),
        sa.Index(
            "pictures_product_idx", "product_id", postgresql_where=sa.text("ended_at IS NULL")
        ),
        sa.Index("pictures_bundle_idx", "bundle_id", postgresql_where=sa.text("ended_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    product_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("products.id"))
    bundle_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("bundles.id"))
    variant_id: Mapped[uuid.UUID | None]
    alt: Mapped[str]  # what it shows, for who does not see it
    position: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    ended_at: Mapped[datetime | None]

    sizes: Mapped[list[PictureFile]] = relationship(
        secondary="picture_sizes", order_by=PictureFile.width
    )


class PictureSize(Base):
    """One of the files a picture comes in."""

    __tablename__ = "picture_sizes"
    __table_args__ = (sa.PrimaryKeyConstraint("picture_id", "digest"),)

    picture_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("pictures.id"))
    digest: Mapped[bytes] = mapped_column(sa.ForeignKey("picture_files.digest"), index=True)
