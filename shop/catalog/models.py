"""What the spa sells: brands, products (a formula), variants (a pack), ingredients, prices."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.states import IMPORT_ARROWS, ImportStatus
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


class ProductSource(StrEnum):
    """Where a product was filed; its key is unique there."""

    NDC = "ndc"  # the FDA's directory of listings
    LNHPD = "lnhpd"  # Canadian licences
    CSV = "csv"  # entered by the clinic
    OPENFDA = "openfda"  # labels of 2018: for reference only
    DRUGSFDA = "drugsfda"  # approvals: for reference only


class Brand(Base):
    """Who stands behind a product: the labeler or company, as filed."""

    __tablename__ = "brands"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    slug: Mapped[str] = mapped_column(unique=True)


class Product(Base):
    """A formula in one strength and form, keyed by the product NDC or NPN it was filed under."""

    __tablename__ = "products"
    __table_args__ = (
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
    published_at: Mapped[datetime | None]
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
    """What a variant costs for a stretch of time. Never changed; a new price ends the old one."""

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


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"import": IMPORT_ARROWS}
