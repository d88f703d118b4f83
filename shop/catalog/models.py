"""What the spa sells: brands, products (a formula), variants (a pack), ingredients, prices; and how
it is shown: pictures, bundles, what goes well together."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.states import SHOP_ARROWS, ShopStatus
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key


class LegalClass(StrEnum):
    """What a product is in law, as filed."""

    COSMETIC = "cosmetic"
    OTC_DRUG = "otc_drug"
    RX = "rx"
    RX_UNAPPROVED = "rx_unapproved"
    CLINIC_USE = "clinic_use"

    @property
    def prescription_only(self) -> bool:
        """Always doctor-only, whatever anybody sets."""
        return self in (LegalClass.RX, LegalClass.RX_UNAPPROVED)


class Displayed:
    """A row with the life cycle draft → published → retired, and its evidence."""

    status: Mapped[ShopStatus] = mapped_column(Word(ShopStatus))
    published_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ShopStatus) -> ShopStatus:
        if new not in SHOP_ARROWS[self.status]:
            raise WrongState(
                f"What is {self.status} cannot become {new}.", status=self.status, wanted=new
            )
        return new

    def publish(self, *, at: datetime) -> None:
        """Put it before clients. The caller records the event; so for all four."""
        self.status, self.published_at = ShopStatus.PUBLISHED, at

    def withdraw(self) -> None:
        """Take it back to be worked on."""
        self.status, self.published_at = ShopStatus.DRAFT, None

    def retire(self, *, at: datetime) -> None:
        """Sell it no longer."""
        self.status, self.published_at, self.retired_at = ShopStatus.RETIRED, None, at

    def restore(self) -> None:
        """Bring it back from retirement, to be worked on first."""
        self.status, self.retired_at = ShopStatus.DRAFT, None


class Brand(Base):
    """Who stands behind a product: the labeler or company, as filed."""

    __tablename__ = "brands"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    slug: Mapped[str] = mapped_column(unique=True)


class Product(Stateful, Displayed, Base):
    """A formula in one strength and form, keyed by the product NDC or NPN it was filed under."""

    machine = "product"
    __tablename__ = "products"
    __table_args__ = (
        state_key("product"),
        sa.CheckConstraint(
            "(published_at IS NOT NULL) = (status = 'published')",
            name="product_published_at_some_time",
        ),
        sa.CheckConstraint(
            "(retired_at IS NOT NULL) = (status = 'retired')", name="product_retired_at_some_time"
        ),
        sa.UniqueConstraint("source", "source_key", name="products_source_key"),
        sa.UniqueConstraint("id", "legal_class", "doctor_only", name="products_class_key"),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="legal_class_is_known"),
        sa.CheckConstraint(
            "doctor_only OR legal_class NOT IN ('rx', 'rx_unapproved')", name="rx_is_doctor_only"
        ),
        sa.CheckConstraint("source IN ('ndc', 'lnhpd', 'csv')", name="source_is_known"),
        sa.CheckConstraint(
            "finished OR published_at IS NULL", name="unfinished_is_never_published"
        ),
        sa.Index("products_search_idx", "search", postgresql_using="gin"),
        sa.Index(
            "products_name_trgm_idx",
            "name",
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops"},
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    source_key: Mapped[str]
    name: Mapped[str]
    brand_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("brands.id"), index=True)
    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    doctor_only: Mapped[bool]
    finished: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    category: Mapped[str] = mapped_column(server_default="")
    dosage_form: Mapped[str] = mapped_column(server_default="")
    route: Mapped[str] = mapped_column(server_default="")
    marketing_category: Mapped[str] = mapped_column(server_default="")
    application_number: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    strength_text: Mapped[str] = mapped_column(server_default="")  # as filed
    flags: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))  # e.g. odd strengths
    marketing_ends_on: Mapped[date | None]  # ends the product
    listing_expires_on: Mapped[date | None]  # only warns
    filed: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    # Kept by triggers; the application may not write it.
    search: Mapped[str | None] = mapped_column(
        TSVECTOR, deferred=True, server_default=sa.FetchedValue()
    )

    brand: Mapped[Brand] = relationship()
    variants: Mapped[list[Variant]] = relationship(back_populates="product", order_by="Variant.sku")
    ingredients: Mapped[list[ProductIngredient]] = relationship(
        back_populates="product",
        order_by="ProductIngredient.position",
        cascade="all, delete-orphan",
    )


class Variant(Base):
    """One pack of a product: what is priced, stocked, prescribed and ordered."""

    __tablename__ = "variants"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["product_id", "legal_class", "doctor_only"],
            ["products.id", "products.legal_class", "products.doctor_only"],
            onupdate="CASCADE",
            name="variant_is_of_its_products_class",
        ),
        sa.UniqueConstraint("id", "product_id", name="variants_product_key"),
        sa.CheckConstraint(
            "NOT for_sale OR legal_class <> 'clinic_use'", name="clinic_use_is_never_sold"
        ),
        sa.CheckConstraint("net_content > 0", name="net_content_is_positive"),
        sa.CheckConstraint("sku ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'", name="sku_fits_an_address"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    product_id: Mapped[uuid.UUID] = mapped_column(index=True)
    legal_class: Mapped[LegalClass] = mapped_column(
        Word(LegalClass)
    )  # truthful copies of the product's
    doctor_only: Mapped[bool]
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]  # "20 g tube"
    package_ndc: Mapped[str | None] = mapped_column(unique=True)
    package_ndc11: Mapped[str | None]
    gtin: Mapped[str | None] = mapped_column(unique=True)
    net_content: Mapped[Decimal | None]  # in `net_unit`
    net_unit: Mapped[str | None]  # "g", "mL"
    for_sale: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    filed: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))

    product: Mapped[Product] = relationship(back_populates="variants")
    prices: Mapped[list[Price]] = relationship(
        back_populates="variant", order_by="Price.valid_from"
    )

    def price_at(self, at: datetime) -> Price | None:
        """The price in force at a moment, if any."""
        for price in self.prices:
            if price.valid_from <= at and (price.valid_until is None or at < price.valid_until):
                return price
        return None


class Price(Base):
    """What a variant costs for a stretch of time; the next price ends it.

    Once begun it is never changed. Its end may move while it lies ahead; before it begins it may be
    withdrawn.
    """

    __tablename__ = "prices"
    __table_args__ = (
        sa.UniqueConstraint("id", "variant_id", "cents", name="prices_terms_key"),
        sa.CheckConstraint("cents BETWEEN 0 AND 10000000", name="price_is_sane"),
        sa.CheckConstraint("valid_until > valid_from", name="price_range_is_forward"),
        ExcludeConstraint(
            ("variant_id", "="),
            (sa.text("tstzrange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="prices_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    cents: Mapped[int]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]

    variant: Mapped[Variant] = relationship(back_populates="prices")

    def when(self, at: datetime) -> str:
        """Past, current or future."""
        if self.valid_from > at:
            return "future"
        return "past" if self.valid_until is not None and self.valid_until <= at else "current"


class Ingredient(Base):
    """A substance, by the name it was filed under, normalised."""

    __tablename__ = "ingredients"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)  # upper case, single spaces


class ProductIngredient(Base):
    """A substance in a product: raw text kept beside what was understood of it."""

    __tablename__ = "product_ingredients"
    __table_args__ = (sa.PrimaryKeyConstraint("product_id", "position"),)

    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    position: Mapped[int]
    ingredient_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("ingredients.id"), index=True)
    active: Mapped[bool]
    raw: Mapped[str]
    strength_text: Mapped[str] = mapped_column(server_default="")  # "0.25 mg/g", as filed
    percent: Mapped[Decimal | None]  # comparable strength in % w/w or w/v; None where not clear

    product: Mapped[Product] = relationship(back_populates="ingredients")
    ingredient: Mapped[Ingredient] = relationship()


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


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"product": SHOP_ARROWS, "bundle": SHOP_ARROWS}
