"""What the spa sells: brands, products (a formula), variants (a pack), ingredients, prices; and how
it is shown: pictures, bundles, what goes well together."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, NUMRANGE, TSVECTOR, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.states import (
    IMPORT_ARROWS,
    RELEASE_ARROWS,
    SHOP_ARROWS,
    ImportStatus,
    ReleaseStatus,
    ShopStatus,
)
from shop.core import rules
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.rules import RULE_ARROWS, Rule


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


class ActiveClass(StrEnum):
    """What rules, facets and treatment windows call a substance by; one class each."""

    RETINOID = "retinoid"
    AHA = "aha"
    BHA = "bha"
    PHA = "pha"
    BENZOYL_PEROXIDE = "benzoyl_peroxide"
    HYDROQUINONE = "hydroquinone"
    VITAMIN_C = "vitamin_c"
    AZELAIC_ACID = "azelaic_acid"
    NIACINAMIDE = "niacinamide"
    BRIGHTENER = "brightener"  # kojic and tranexamic acid, arbutin
    SULFUR = "sulfur"
    RESORCINOL = "resorcinol"
    PEPTIDE = "peptide"
    UV_FILTER = "uv_filter"
    SKIN_PROTECTANT = "skin_protectant"
    CORTICOSTEROID = "corticosteroid"
    ANTIBIOTIC = "antibiotic"
    ANTIFUNGAL = "antifungal"
    ANTIPARASITIC = "antiparasitic"
    ANTISEPTIC = "antiseptic"
    CALCINEURIN_INHIBITOR = "calcineurin_inhibitor"
    PDE4_INHIBITOR = "pde4_inhibitor"
    JAK_INHIBITOR = "jak_inhibitor"
    ANTIMITOTIC = "antimitotic"  # fluorouracil
    IMMUNE_MODIFIER = "immune_modifier"  # imiquimod
    ANTIANDROGEN = "antiandrogen"
    VASOCONSTRICTOR = "vasoconstrictor"
    PROSTAGLANDIN = "prostaglandin"
    LOCAL_ANESTHETIC = "local_anesthetic"


class Pregnancy(StrEnum):
    """Whether a substance may be used on the skin in pregnancy; unknown is no answer, not safe."""

    SAFE = "safe"
    CAUTION = "caution"
    AVOID = "avoid"


class Irritancy(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Ingredient(Base):
    """A substance of the dictionary. What is not known of it is None, never a guess."""

    __tablename__ = "ingredients"
    __table_args__ = (
        sa.CheckConstraint(one_of("active_class", ActiveClass), name="active_class_is_known"),
        sa.CheckConstraint(one_of("pregnancy", Pregnancy), name="pregnancy_is_known"),
        sa.CheckConstraint(one_of("irritancy", Irritancy), name="irritancy_is_known"),
        sa.CheckConstraint(
            "ph_low >= 0 AND ph_low <= ph_high AND ph_high <= 14", name="ph_is_sane"
        ),
        sa.Index("ingredients_active_class_idx", "active_class"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    inci_name: Mapped[str] = mapped_column(unique=True)  # upper case, single spaces
    common_name: Mapped[str] = mapped_column(server_default="")  # "Tretinoin"; for people
    cas_numbers: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))
    ec_numbers: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))
    unii: Mapped[str | None] = mapped_column(unique=True)  # FDA's code of the substance
    functions: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))  # CosIng's words
    active_class: Mapped[ActiveClass | None] = mapped_column(Word(ActiveClass))
    pregnancy: Mapped[Pregnancy | None] = mapped_column(Word(Pregnancy))
    irritancy: Mapped[Irritancy | None] = mapped_column(Word(Irritancy))
    ph_low: Mapped[Decimal | None]  # where it works
    ph_high: Mapped[Decimal | None]
    source: Mapped[str]  # the file of the dictionary that brought it

    @property
    def name(self) -> str:
        """What people call it."""
        return self.common_name or self.inci_name


class Way(StrEnum):
    """How a name was matched to its substance."""

    INCI = "inci"  # it is the INCI name, but for spelling
    SYNONYM = "synonym"  # another name of the substance
    FUZZY = "fuzzy"  # a typing error away from a name
    RESOLVED = "resolved"  # a person said so
    NONE = "none"  # not matched: waits for a person


FILED = "filed"  # the source of a name that a product brought


class IngredientName(Base):
    """A spelling of a substance: from the dictionary, or as somebody filed it.

    A name without a substance is the staff's worklist. What a person resolved is never matched
    anew; it may be that the name is of no substance at all.
    """

    __tablename__ = "ingredient_names"
    __table_args__ = (
        sa.CheckConstraint(one_of("way", Way), name="way_is_known"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence_is_a_share"),
        sa.CheckConstraint(
            "way = 'resolved' OR (way = 'none') = (ingredient_id IS NULL)",
            name="matched_to_a_substance_or_not_at_all",
        ),
        sa.CheckConstraint(
            "(way = 'resolved') = (resolved_by_id IS NOT NULL)"
            " AND (way = 'resolved') = (resolved_at IS NOT NULL)",
            name="resolved_by_someone",
        ),
        sa.CheckConstraint(
            "source = 'filed' OR way IN ('inci', 'synonym')", name="dictionary_names_are_matched"
        ),
        sa.Index(
            "ingredient_names_unmatched_idx",
            "name",
            postgresql_where=sa.text("way = 'none'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)  # upper case, single spaces
    ingredient_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("ingredients.id"), index=True
    )
    way: Mapped[Way] = mapped_column(Word(Way), server_default=Way.NONE.value, default=Way.NONE)
    confidence: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    source: Mapped[str] = mapped_column(server_default=FILED, default=FILED)
    resolved_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    resolved_at: Mapped[datetime | None]  # stamped by the database

    ingredient: Mapped[Ingredient | None] = relationship()


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


# Kept by triggers when a transaction commits; the application may not write them.


sa.Sequence("product_search_place_seq", data_type=sa.Integer(), metadata=Base.metadata)


class ProductSearch(Base):
    """What a product is found by, apart from it: narrow rows are read by the thousand."""

    __tablename__ = "product_search"
    __table_args__ = tuple(
        sa.Index(
            f"product_search_{name}_idx",
            name,
            postgresql_using="gin",
            postgresql_with=waiting,
        )
        for name, waiting in {
            "named": {"fastupdate": "off"},
            "main": {"fastupdate": "off"},
            "other": {"fastupdate": "on", "gin_pending_list_limit": 256},
            "codes": {"fastupdate": "off"},
        }.items()
    )

    product_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("products.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int] = mapped_column(  # a short name for it
        unique=True, server_default=sa.text("nextval('product_search_place_seq')")
    )
    named: Mapped[str] = mapped_column(TSVECTOR)  # words of the name
    main: Mapped[str] = mapped_column(TSVECTOR)  # brand, actives, strengths, uses, form
    other: Mapped[str] = mapped_column(TSVECTOR)  # the other ingredients, the description
    codes: Mapped[str] = mapped_column(TSVECTOR)  # numbers of its packs, as codes.keys has them
    actives: Mapped[list[str]]  # the dictionary's names, upper case, or as filed
    percents: Mapped[list[Decimal | None]] = mapped_column(sa.ARRAY(sa.Numeric()))  # of `actives`
    active_classes: Mapped[list[str]]  # ActiveClass
    pregnancy_safe: Mapped[bool]  # every active is known to be, and nothing is known not to be


class SearchWord(Base):
    """A word that stands in some product, so that a typing error finds what was meant."""

    __tablename__ = "search_words"
    __table_args__ = (
        sa.Index(
            "search_words_trgm_idx",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )

    word: Mapped[str] = mapped_column(primary_key=True)


class CatalogueVersion(Base):
    """Another one after every commit that changed what is found, filtered or priced."""

    __tablename__ = "catalogue_version"
    __table_args__ = (sa.CheckConstraint("one", name="there_is_one_version"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=sa.true())
    version: Mapped[uuid.UUID] = mapped_column(server_default=sa.func.gen_random_uuid())


# Within a transaction only: the products each statement touched. Without a key, so not a model.
sa.Table(
    "catalogue_touched",
    Base.metadata,
    sa.Column("product_ids", sa.ARRAY(sa.Uuid()), nullable=True),
)


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


class LegalClassRule(Rule, Stateful, Base):
    """What holding an active in some strength makes of a product in law, in one jurisdiction.

    The filed class of a product is a fact; where a rule says more, the stricter of the two counts.
    """

    machine = "legal_class_rule"
    KEY = (("active", "="), ("route", "="), ("dosage_form", "="), ("percents", "&&"))
    __tablename__ = "legal_class_rules"
    __table_args__ = (
        *rules.table_args("legal_class_rules", machine, *KEY),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="ruled_class_is_known"),
        sa.CheckConstraint("NOT isempty(percents)", name="rule_is_about_some_strength"),
        sa.CheckConstraint("active = upper(active) AND active <> ''", name="active_is_normalised"),
    )

    active: Mapped[str]  # a substance by its normalised name, as in `ingredients`
    percents: Mapped[Range[Decimal]] = mapped_column(NUMRANGE)  # "(,)" is any strength
    route: Mapped[str] = mapped_column(server_default="", default="")  # "" is any
    dosage_form: Mapped[str] = mapped_column(
        server_default="", default=""
    )  # "CREAM" is its kinds too
    # Not for a product that holds all of these as actives too: another rule speaks of that.
    except_with: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"), default=list)
    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))


class Visibility(StrEnum):
    """Who sees it: nobody; all but the price; who bought before; who was prescribed it; all."""

    HIDDEN = "hidden"
    TEASER = "teaser"
    ESTABLISHED = "established"
    PLAN = "plan"
    OPEN = "open"


class VisibilityRule(Rule, Stateful, Base):
    """Who sees the products of a legal class in one jurisdiction."""

    machine = "visibility_rule"
    KEY = (("legal_class", "="),)
    __tablename__ = "visibility_rules"
    __table_args__ = (
        *rules.table_args("visibility_rules", machine, *KEY),
        sa.CheckConstraint(one_of("legal_class", LegalClass), name="shown_class_is_known"),
        sa.CheckConstraint(one_of("visibility", Visibility), name="visibility_is_known"),
    )

    legal_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    visibility: Mapped[Visibility] = mapped_column(Word(Visibility))


AnyRule = LegalClassRule | VisibilityRule
KINDS: dict[str, type[AnyRule]] = {"legal_class": LegalClassRule, "visibility": VisibilityRule}


class Release(Stateful, Base):
    """Two people let a product become easier to sell: one proposes, another agrees.

    It says exactly what the product is before and after. `released_xid` and `applied_at` are the
    database's: a release lets through one change, in the transaction it was approved in.
    """

    machine = "release"
    __tablename__ = "releases"
    __table_args__ = (
        state_key("release"),
        sa.CheckConstraint(
            "approved_by_id <> proposed_by_id", name="release_is_approved_by_another"
        ),
        sa.CheckConstraint(
            "(approved_by_id IS NOT NULL) = (status = 'released')",
            name="release_is_approved_by_someone",
        ),
        sa.CheckConstraint("reason <> ''", name="release_has_a_reason"),
        sa.CheckConstraint(one_of("to_class", LegalClass), name="released_class_is_known"),
        sa.CheckConstraint(
            "applied_at IS NULL OR status = 'released'", name="only_a_release_is_applied"
        ),
        sa.Index(
            "releases_one_open_per_product",
            "product_id",
            unique=True,
            postgresql_where=sa.text("status = 'proposed'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    status: Mapped[ReleaseStatus] = mapped_column(Word(ReleaseStatus))
    from_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    from_doctor_only: Mapped[bool]
    from_finished: Mapped[bool]
    to_class: Mapped[LegalClass] = mapped_column(Word(LegalClass))
    to_doctor_only: Mapped[bool]
    to_finished: Mapped[bool]
    reason: Mapped[str]
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    approved_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    released_xid: Mapped[str | None] = mapped_column(server_default=sa.FetchedValue())
    applied_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())

    product: Mapped[Product] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ReleaseStatus) -> ReleaseStatus:
        if new not in RELEASE_ARROWS[self.status]:
            raise WrongState(
                f"A release that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class Outcome(StrEnum):
    """What became of a row of an imported file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"  # set aside, nothing of it was taken


class Import(Stateful, Base):
    """One file taken into the catalogue: how far it came, and what became of its rows."""

    machine = "import"
    __tablename__ = "imports"
    __table_args__ = (
        state_key("import"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="import_is_hashed"),
        sa.CheckConstraint("size > 0", name="imported_file_is_not_empty"),
        sa.CheckConstraint(
            "rows_done BETWEEN 0 AND rows_total AND rows_before BETWEEN 0 AND rows_done",
            name="import_stays_within_its_file",
        ),
        sa.CheckConstraint(
            "created >= 0 AND changed >= 0 AND unchanged >= 0 AND quarantined >= 0"
            " AND created + changed + unchanged + quarantined = rows_done",
            name="import_adds_up",
        ),
        sa.CheckConstraint(
            "status <> 'done' OR rows_done = rows_total", name="done_import_is_whole"
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('done', 'failed', 'stopped'))",
            name="import_ends_once_it_is_over",
        ),
        sa.Index("imports_sha256_idx", "sha256"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    source: Mapped[str]  # which reader: a word of importing.SOURCES
    name: Mapped[str]  # the file's, as given
    sha256: Mapped[bytes]
    size: Mapped[int]  # bytes
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    dry_run: Mapped[bool]
    by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))  # None: a shell
    status: Mapped[ImportStatus] = mapped_column(Word(ImportStatus))
    fence: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # of who carries it
    rows_total: Mapped[int]
    rows_done: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    rows_before: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # this run
    created: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    changed: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    unchanged: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    quarantined: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    error: Mapped[str] = mapped_column(server_default="", default="")  # why it failed
    asked_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ImportStatus) -> ImportStatus:
        if new not in IMPORT_ARROWS[self.status]:
            raise WrongState(
                f"An import that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome, so far."""
        return {outcome.value: getattr(self, outcome.value) for outcome in Outcome}

    def seconds_to_go(self, at: datetime) -> float | None:
        """At the pace of this run; None while nothing can be said."""
        taken = self.rows_done - self.rows_before
        if self.status is not ImportStatus.RUNNING or self.started_at is None or not taken:
            return None
        pace = (at - self.started_at).total_seconds() / taken
        return round(pace * (self.rows_total - self.rows_done), 1)


class ImportRow(Base):
    """What became of one row of an imported file. Kept as it was written."""

    __tablename__ = "import_rows"
    __table_args__ = (
        sa.PrimaryKeyConstraint("import_id", "number"),
        sa.CheckConstraint(one_of("outcome", Outcome), name="row_outcome_is_known"),
        sa.CheckConstraint(
            "outcome <> 'quarantined' OR (cardinality(reasons) > 0 AND raw IS NOT NULL)",
            name="row_set_aside_says_why",
        ),
        sa.CheckConstraint("number > 0", name="rows_are_counted_from_one"),
        sa.Index("import_rows_outcome_idx", "import_id", "outcome", "number"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("imports.id"))
    number: Mapped[int]  # its line in the file
    key: Mapped[str]
    outcome: Mapped[Outcome] = mapped_column(Word(Outcome))
    reasons: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))
    raw: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # if set aside


class ImportPart(Base):
    """A piece of a file that waits for the worker. Removed once the import is over."""

    __tablename__ = "import_parts"
    __table_args__ = (
        sa.PrimaryKeyConstraint("import_id", "place"),
        sa.CheckConstraint(
            "octet_length(bytes) BETWEEN 1 AND 1048576", name="import_part_is_a_piece"
        ),
        sa.CheckConstraint("place >= 0", name="import_parts_are_counted_from_zero"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("imports.id"))
    place: Mapped[int]
    bytes: Mapped[bytes]


class ImportProfile(Base):
    """How a supplier's sheet is read: our columns by theirs."""

    __tablename__ = "import_profiles"
    __table_args__ = (
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name="profile_has_a_plain_name"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)


class BeautyFact(Base):
    """A product of Open Beauty Facts (ODbL 1.0). Share-alike: it stays in a table of its own.

    No row of another table is made of it, and no export of the catalogue holds it.
    """

    __tablename__ = "beauty_facts"
    __table_args__ = (
        sa.CheckConstraint("code ~ '^([0-9]{8}|[0-9]{12,14})$'", name="beauty_fact_has_a_bar_code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)  # GTIN-8, -12, -13 or -14
    name: Mapped[str]
    ingredients_text: Mapped[str]  # as entered
    ingredients: Mapped[list[str]]  # the text, split


# The view `rulings`: which activated rule speaks of which product, whatever the day.
RULINGS = sa.table(
    "rulings",
    sa.column("product_id", sa.Uuid()),
    sa.column("rule_id", sa.Uuid()),
    sa.column("rule_number", sa.Text()),
    sa.column("rule_version", sa.Integer()),
    sa.column("jurisdiction", sa.Text()),
    sa.column("legal_class", Word(LegalClass)),
    sa.column("valid_from", sa.Date()),
    sa.column("valid_until", sa.Date()),
)


def law_over(product_id: Any, state: Any, day: Any) -> sa.FromClause:
    """The strictest rule over a product in a state on a day, to join: one row or none.

    PostgreSQL's own `legal_class_in`, so that code and triggers cannot judge differently.
    """
    return (
        sa.func.legal_class_in(product_id, state, day)
        .table_valued(
            sa.column("rule_id", sa.Uuid()),
            sa.column("rule_number", sa.Text()),
            sa.column("rule_version", sa.Integer()),
            sa.column("jurisdiction", sa.Text()),
            sa.column("legal_class", Word(LegalClass)),
        )
        .lateral("law")
    )


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {
        "legal_class_rule": RULE_ARROWS,
        "visibility_rule": RULE_ARROWS,
        "release": RELEASE_ARROWS,
        "product": SHOP_ARROWS,
        "bundle": SHOP_ARROWS,
        "import": IMPORT_ARROWS,
    }
