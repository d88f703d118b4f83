"""Recalls, their lots, who got units of them, what these answered, and how the units left."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.models import Lot
from shop.recalls.states import RECALL_ARROWS, RecallStatus

LONGEST_TEXT = 2_000
LONGEST_REFERENCE = 200


class Source(StrEnum):
    """Who says that the lots must come back."""

    MAKER = "maker"
    FDA = "fda"
    CLINIC = "clinic"


class HazardClass(StrEnum):
    """How grave it is, as the FDA classifies recalls: 21 CFR 7.3(m), 7.41(b)."""

    I = "I"  # serious health consequences or death are reasonably probable  # noqa: E741
    II = "II"  # temporary or reversible ones, or serious ones that are remote
    III = "III"  # none are likely


class Channel(StrEnum):
    """How an answer came."""

    PAGE = "page"  # the client gave it herself
    PHONE = "phone"
    MAIL = "mail"
    IN_PERSON = "in_person"


class Outcome(StrEnum):
    """How collected units leave."""

    RETURN_TO_VENDOR = "return_to_vendor"
    DESTROY = "destroy"


class Recall(Stateful, Base):
    """Lots that must come back: who says so, why, and what whoever has units of them should do.

    What 21 CFR 7.49(c) asks a recall to say: the product, size and lots are those of its lots;
    `reason` names the hazard, `instructions` what to do. A drill is the same up to the list.
    """

    machine = "recall"
    __tablename__ = "recalls"
    __table_args__ = (
        state_key("recall"),
        sa.UniqueConstraint("id", "drill", name="recalls_drill_key"),
        sa.CheckConstraint(one_of("source", Source), name="recall_source_is_known"),
        sa.CheckConstraint(one_of("hazard_class", HazardClass), name="recall_class_is_known"),
        sa.CheckConstraint(
            f"length(reason) BETWEEN 1 AND {LONGEST_TEXT}"
            f" AND length(instructions) BETWEEN 1 AND {LONGEST_TEXT}"
            f" AND length(reference) <= {LONGEST_REFERENCE}",
            name="recall_says_why_and_what_to_do",
        ),
        sa.CheckConstraint(
            "NOT drill OR status IN ('opened', 'listed', 'closed')",
            name="drill_locks_nothing_and_writes_to_nobody",
        ),
        sa.CheckConstraint(
            "(status IN ('opened', 'locked')) = (listed_at IS NULL)",
            name="recall_listed_at_some_time",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "RC-…"
    drill: Mapped[bool]
    source: Mapped[Source] = mapped_column(Word(Source))
    hazard_class: Mapped[HazardClass | None] = mapped_column(Word(HazardClass))
    reference: Mapped[str] = mapped_column(server_default="")  # the notice's own number, if any
    reason: Mapped[str]
    instructions: Mapped[str]
    status: Mapped[RecallStatus] = mapped_column(Word(RecallStatus))
    opened_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    opened_at: Mapped[datetime] = stamped()
    listed_at: Mapped[datetime | None] = stamped()

    opened_by: Mapped[Person] = relationship()
    named: Mapped[list[RecallLot]] = relationship(
        back_populates="recall",
        primaryjoin="Recall.id == foreign(RecallLot.recall_id)",
        viewonly=True,
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RecallStatus) -> RecallStatus:
        if new not in RECALL_ARROWS[self.status]:
            raise WrongState(
                f"A recall that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def urgent(self) -> bool:
        """Marked so in what is written to people: 21 CFR 7.49(b), for classes I and II."""
        return self.hazard_class in (HazardClass.I, HazardClass.II)

    @property
    def took(self) -> timedelta | None:
        """From opening to the complete list of who got units; None while there is none."""
        return None if self.listed_at is None else self.listed_at - self.opened_at

    @property
    def seconds_to_list(self) -> float | None:
        """The same, for programs."""
        return None if self.took is None else round(self.took.total_seconds(), 1)


class RecallLot(Base):
    """A lot of a recall. A lot is recalled once; drills count for nothing."""

    __tablename__ = "recall_lots"
    __table_args__ = (
        sa.PrimaryKeyConstraint("recall_id", "lot_id"),
        sa.ForeignKeyConstraint(
            ["recall_id", "drill"], ["recalls.id", "recalls.drill"], name="lot_is_of_its_recall"
        ),
        sa.Index(
            "lot_is_recalled_once",
            "lot_id",
            "drill",
            unique=True,
            postgresql_where=sa.text("NOT drill"),
        ),
    )

    recall_id: Mapped[uuid.UUID]
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    drill: Mapped[bool]

    recall: Mapped[Recall] = relationship(
        back_populates="named",
        primaryjoin="foreign(RecallLot.recall_id) == Recall.id",
        viewonly=True,
    )
    lot: Mapped[Lot] = relationship()


class RecallClient(Base):
    """A client who got units of a recall's lots: bought packs, and packs used in her treatments.

    Written down by the list, all at once; never changed.
    """

    __tablename__ = "recall_clients"
    __table_args__ = (
        sa.UniqueConstraint("recall_id", "client_id", name="client_is_listed_once"),
        sa.UniqueConstraint("id", "retail_units", name="recall_clients_units_key"),
        sa.CheckConstraint(
            "retail_units >= 0 AND treatment_units >= 0 AND retail_units + treatment_units > 0",
            name="listed_client_got_something",
        ),
        sa.Index("recall_clients_client_idx", "client_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, server_default=sa.func.gen_random_uuid()
    )
    recall_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("recalls.id"))
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    retail_units: Mapped[int]
    treatment_units: Mapped[int]

    recall: Mapped[Recall] = relationship()
    client: Mapped[Person] = relationship()
    answers: Mapped[list[RecallAnswer]] = relationship(
        primaryjoin="RecallClient.id == foreign(RecallAnswer.recall_client_id)",
        order_by="RecallAnswer.number",
        viewonly=True,
    )

    @property
    def answer(self) -> RecallAnswer | None:
        """The last word; None while there is none."""
        return self.answers[-1] if self.answers else None


class RecallAnswer(Base):
    """What became of the packs a client bought, as said one time; the last word counts. Kept.

    Of every pack it says one thing. Who only was treated has none, and says that she read it.
    """

    __tablename__ = "recall_answers"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["recall_client_id", "retail_units"],
            ["recall_clients.id", "recall_clients.retail_units"],
            name="answer_is_about_what_she_got",
        ),
        sa.UniqueConstraint("recall_client_id", "number", name="recall_answers_number_key"),
        sa.CheckConstraint(one_of("channel", Channel), name="answer_channel_is_known"),
        sa.CheckConstraint(
            "least(has, used_up, returned, never_got) >= 0",
            name="answered_units_are_not_negative",
        ),
        sa.CheckConstraint(
            "has + used_up + returned + never_got"
            " = CASE WHEN unreachable THEN 0 ELSE retail_units END",
            name="answer_accounts_for_every_unit",
        ),
        sa.CheckConstraint(
            "NOT (unreachable AND channel = 'page')", name="who_answers_was_reached"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    recall_client_id: Mapped[uuid.UUID]
    retail_units: Mapped[int]  # copied
    number: Mapped[int] = stamped()
    has: Mapped[int]  # still has them, and uses them no more
    used_up: Mapped[int]
    returned: Mapped[int]
    never_got: Mapped[int]
    unreachable: Mapped[bool]  # nobody could be reached
    channel: Mapped[Channel] = mapped_column(Word(Channel))
    recorded_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    recorded_at: Mapped[datetime] = stamped()

    recorded_by: Mapped[Person] = relationship()


class RecallCollection(Base):
    """Units of a lot were taken to quarantine: the reference of `recall` movements. Kept."""

    __tablename__ = "recall_collections"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["recall_id", "lot_id"],
            ["recall_lots.recall_id", "recall_lots.lot_id"],
            name="collected_lot_is_of_the_recall",
        ),
        sa.CheckConstraint("units > 0", name="something_was_collected"),
        sa.Index("recall_collections_recall_idx", "recall_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    recall_id: Mapped[uuid.UUID]
    lot_id: Mapped[uuid.UUID]
    units: Mapped[int]
    collected_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    collected_at: Mapped[datetime] = stamped()

    collected_by: Mapped[Person] = relationship()
    lot: Mapped[Lot] = relationship(
        primaryjoin="foreign(RecallCollection.lot_id) == Lot.id", viewonly=True
    )


class RecallDisposition(Base):
    """Collected units go back to the vendor or are destroyed, before a witness.

    One writes down what is to leave; another sees it leave. Only then do the units go.
    """

    __tablename__ = "recall_dispositions"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["recall_id", "lot_id"],
            ["recall_lots.recall_id", "recall_lots.lot_id"],
            name="disposed_lot_is_of_the_recall",
        ),
        sa.CheckConstraint(one_of("outcome", Outcome), name="disposition_outcome_is_known"),
        sa.CheckConstraint("units > 0", name="something_is_disposed_of"),
        sa.CheckConstraint(
            f"length(reference) BETWEEN 1 AND {LONGEST_REFERENCE}",
            name="disposition_has_its_reference",
        ),
        sa.CheckConstraint(
            "witnessed_by_id <> planned_by_id", name="disposition_is_witnessed_by_another"
        ),
        sa.CheckConstraint(
            "(witnessed_by_id IS NULL) = (witnessed_at IS NULL)", name="witnessed_at_some_time"
        ),
        sa.Index("recall_dispositions_recall_idx", "recall_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    recall_id: Mapped[uuid.UUID]
    lot_id: Mapped[uuid.UUID]
    outcome: Mapped[Outcome] = mapped_column(Word(Outcome))
    units: Mapped[int]
    reference: Mapped[str]  # the vendor's authorisation, or who destroyed it and how
    planned_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    planned_at: Mapped[datetime] = stamped()
    witnessed_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    witnessed_at: Mapped[datetime | None] = stamped()

    planned_by: Mapped[Person] = relationship(foreign_keys=[planned_by_id])
    witnessed_by: Mapped[Person | None] = relationship(foreign_keys=[witnessed_by_id])
    lot: Mapped[Lot] = relationship(
        primaryjoin="foreign(RecallDisposition.lot_id) == Lot.id", viewonly=True
    )


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machine, for the test that compares it with the database."""
    return {"recall": RECALL_ARROWS}
