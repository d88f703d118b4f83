"""The dictionary of substances, and the names they are filed by."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base, Word, one_of


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
