"""What goes together: bundles of packs, products that are shown beside another."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.catalog.models.products import Displayed, Variant
from shop.core.db import Base
from shop.core.events import Stateful, state_key


class Bundle(Stateful, Displayed, Base):
    """Packs that go together, put into the cart in one act; each stays a line of its own."""

    machine = "bundle"
    __tablename__ = "bundles"
    __table_args__ = (
        state_key("bundle"),
        sa.CheckConstraint(
            "(published_at IS NOT NULL) = (status = 'published')",
            name="bundle_published_at_some_time",
        ),
        sa.CheckConstraint(
            "(retired_at IS NOT NULL) = (status = 'retired')", name="bundle_retired_at_some_time"
        ),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 160",
            name="bundle_slug_fits_an_address",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    items: Mapped[list[BundleItem]] = relationship(
        order_by="BundleItem.position", cascade="all, delete-orphan"
    )


class BundleItem(Base):
    """So many of a variant in a bundle."""

    __tablename__ = "bundle_items"
    __table_args__ = (
        sa.PrimaryKeyConstraint("bundle_id", "variant_id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name="bundle_quantity_is_sane"),
    )

    bundle_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("bundles.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"), index=True)
    quantity: Mapped[int]
    position: Mapped[int]

    variant: Mapped[Variant] = relationship()


class RelatedProduct(Base):
    """What a manager set beside a product, in order."""

    __tablename__ = "related_products"
    __table_args__ = (
        sa.PrimaryKeyConstraint("product_id", "related_id"),
        sa.CheckConstraint("product_id <> related_id", name="related_to_another"),
    )

    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    related_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"), index=True)
    position: Mapped[int]
