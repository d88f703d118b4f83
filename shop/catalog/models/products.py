"""What the spa sells: brands, products (a formula), what is in them, variants (a pack), prices."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models.ingredients import Ingredient, IngredientName
from shop.catalog.states import SHOP_ARROWS, ShopStatus
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key

USUAL_GRAMS = 150  # of a pack whose weight nobody has said, as it is packed
MOST_GRAMS = 30_000


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


class ProductSource(StrEnum):
    """Where a product was filed; its key is unique there."""

    NDC = "ndc"  # the FDA's directory of listings
    LNHPD = "lnhpd"  # Canadian licences
    CSV = "csv"  # entered by the clinic
    OPENFDA = "openfda"  # labels of 2018: for reference only
    DRUGSFDA = "drugsfda"  # approvals: for reference only


def _among(column: str, words: type[StrEnum]) -> str:
    """The text of a CHECK that closes the vocabulary of a list."""
    return f"{column} <@ ARRAY[{', '.join(repr(word.value) for word in words)}]"


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
        sa.CheckConstraint(one_of("source", ProductSource), name="source_is_known"),
        sa.CheckConstraint(
            "source NOT IN ('openfda', 'drugsfda') OR NOT finished",
            name="reference_is_never_finished",
        ),
        sa.CheckConstraint(
            "finished OR published_at IS NULL", name="unfinished_is_never_published"
        ),
        sa.CheckConstraint(_among("concerns", Concern), name="concerns_are_known"),
        sa.CheckConstraint(_among("skin_types", SkinType), name="skin_types_are_known"),
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
    concerns: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))  # Concern
    skin_types: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))  # SkinType
    flags: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))  # e.g. odd strengths
    marketing_ends_on: Mapped[date | None]  # ends the product
    listing_expires_on: Mapped[date | None]  # only warns
    filed: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    brand: Mapped[Brand] = relationship()
    variants: Mapped[list[Variant]] = relationship(back_populates="product", order_by="Variant.sku")
    ingredients: Mapped[list[ProductIngredient]] = relationship(
        back_populates="product",
        order_by="ProductIngredient.position",
        cascade="all, delete-orphan",
    )


class ProductIngredient(Base):
    """A substance in a product: raw text kept beside what was understood of it."""

    __tablename__ = "product_ingredients"
    __table_args__ = (sa.PrimaryKeyConstraint("product_id", "position"),)

    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    position: Mapped[int]
    name_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("ingredient_names.id"), index=True)
    active: Mapped[bool]
    raw: Mapped[str]
    strength_text: Mapped[str] = mapped_column(server_default="")  # "0.25 mg/g", as filed
    percent: Mapped[Decimal | None]  # comparable strength in % w/w or w/v; None where not clear

    product: Mapped[Product] = relationship(back_populates="ingredients")
    named: Mapped[IngredientName] = relationship()

    @property
    def ingredient(self) -> Ingredient | None:
        """The substance, where the name was matched."""
        return self.named.ingredient

    @property
    def name(self) -> str:
        """What it is called on the product: as filed, in upper case."""
        return self.named.name


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
        sa.CheckConstraint("days_of_use BETWEEN 0 AND 730", name="days_of_use_are_sane"),
        sa.CheckConstraint(
            f"weight_grams BETWEEN 1 AND {MOST_GRAMS}", name="variant_weight_is_sane"
        ),
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
    # For how long the pack is used once it is opened; a lot is sold while it outlasts that. 0: not
    # known.
    days_of_use: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    weight_grams: Mapped[int | None]  # as it is packed; None: nobody has said
    for_sale: Mapped[bool] = mapped_column(server_default=sa.false(), default=False)
    filed: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))

    product: Mapped[Product] = relationship(back_populates="variants")
    prices: Mapped[list[Price]] = relationship(
        back_populates="variant", order_by="Price.valid_from"
    )

    @property
    def packed_grams(self) -> int:
        """What it weighs in a parcel, or what a pack usually weighs."""
        return USUAL_GRAMS if self.weight_grams is None else self.weight_grams

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
