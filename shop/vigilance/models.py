"""Adverse reactions, what was told of each and when, and what was reported to whom."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.core.sealed import Sealed
from shop.inventory.models import Lot
from shop.vigilance.states import REACTION_ARROWS, ReactionStatus

SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"


class Outcome(StrEnum):
    """What makes a reaction serious: 21 U.S.C. 364(5), as added by MoCRA. One is enough."""

    DEATH = "death"
    LIFE_THREATENING = "life_threatening"
    HOSPITALISATION = "hospitalisation"  # as an inpatient
    DISABILITY = "disability"  # or incapacity, persistent or significant
    CONGENITAL_ANOMALY = "congenital_anomaly"  # or birth defect
    INFECTION = "infection"
    # Serious and persistent rashes, second- or third-degree burns, significant hair loss, a
    # persistent or significant alteration of appearance, other than as intended.
    DISFIGUREMENT = "disfigurement"
    INTERVENTION = "intervention"  # medical or surgical, to prevent one of the above


class Teller(StrEnum):
    """Who told us."""

    CLIENT = "client"
    CLINICIAN = "clinician"
    MAKER = "maker"
    OTHER = "other"


class Reaction(Stateful, Base):
    """Something bad happened to a client with a product (FHIR AdverseEvent), of a lot if known."""

    machine = "reaction"
    __tablename__ = "reactions"
    __table_args__ = (
        state_key("reaction"),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="reaction_is_to_a_lot_of_its_product",
        ),
        sa.CheckConstraint(
            "(status = 'closed') = (reason_sealed IS NOT NULL)", name="closed_reaction_says_why"
        ),
        sa.CheckConstraint(SEALED.format("reason_sealed"), name="reaction_reason_is_sealed"),
        sa.Index("reactions_lot_idx", "lot_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    lot_id: Mapped[uuid.UUID | None]
    status: Mapped[ReactionStatus] = mapped_column(Word(ReactionStatus))
    reason_sealed: Mapped[bytes | None] = mapped_column(server_default=sa.FetchedValue())
    created_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())

    reason = Sealed("reason_sealed")  # why it is closed

    client: Mapped[Person] = relationship()
    variant: Mapped[Variant] = relationship()
    lot: Mapped[Lot | None] = relationship(
        primaryjoin="foreign(Reaction.lot_id) == Lot.id", viewonly=True
    )
    accounts: Mapped[list[ReactionAccount]] = relationship(
        order_by="ReactionAccount.number", viewonly=True
    )
    filings: Mapped[list[ReactionFiling]] = relationship(
        primaryjoin="Reaction.id == foreign(ReactionFiling.reaction_id)",
        order_by="ReactionFiling.through",
        viewonly=True,
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ReactionStatus) -> ReactionStatus:
        if new not in REACTION_ARROWS[self.status]:
            raise WrongState(
                f"A reaction that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def serious(self) -> bool:
        """Something that was told makes it so; what is told later takes nothing back."""
        return any(one.serious for one in self.accounts)

    @property
    def due_on(self) -> date | None:
        """By when what is serious and not reported yet has to be; None where nothing is."""
        through = max((one.through for one in self.filings), default=0)
        days = (one.due_on for one in self.accounts if one.due_on and one.number > through)
        return min(days, default=None)


class ReactionAccount(Base):
    """What was told of a reaction, one time. Kept; more or better knowledge is another account."""

    __tablename__ = "reaction_accounts"
    __table_args__ = (
        sa.UniqueConstraint("reaction_id", "number", name="reaction_accounts_number_key"),
        sa.CheckConstraint("serious = (due_on IS NOT NULL)", name="serious_account_is_due"),
        sa.CheckConstraint(
            "due_on BETWEEN received_on + 15 AND received_on + 40",
            name="account_is_due_in_weeks",
        ),
        sa.CheckConstraint(SEALED.format("told_sealed"), name="account_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    reaction_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("reactions.id"))
    number: Mapped[int] = stamped()
    serious: Mapped[bool]
    received_on: Mapped[date]  # in the clinic's zone: when the clock began
    due_on: Mapped[date | None]
    told_sealed: Mapped[bytes]
    recorded_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    recorded_at: Mapped[datetime] = stamped()

    told: Any = Sealed("told_sealed")  # {"what", "outcomes": [words], "told_by"}

    recorded_by: Mapped[Person] = relationship()


class ReactionFiling(Base):
    """All accounts up to number `through` were reported: when, and under which reference. Kept."""

    __tablename__ = "reaction_filings"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["reaction_id", "through"],
            ["reaction_accounts.reaction_id", "reaction_accounts.number"],
            name="filing_covers_what_was_told",
        ),
        sa.UniqueConstraint("reaction_id", "through", name="reaction_is_filed_once"),
        sa.CheckConstraint("length(reference) BETWEEN 1 AND 200", name="filing_has_its_reference"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    reaction_id: Mapped[uuid.UUID]
    through: Mapped[int]
    reference: Mapped[str]  # the receipt's number, or how the responsible person was told
    filed_on: Mapped[date]  # in the clinic's zone
    filed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    recorded_at: Mapped[datetime] = stamped()

    filed_by: Mapped[Person] = relationship()


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machine, for the test that compares it with the database."""
    return {"reaction": REACTION_ARROWS}
