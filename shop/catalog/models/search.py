"""What products are found by.

Kept by triggers when a transaction commits; the application may not write it.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from shop.core.db import Base

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
