"""Accounts of store credit, their ledger, gift cards, and corrections by people."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.credit.limits import (
    LEAST_CARD_CENTS,
    LONGEST_NOTE,
    MOST_CARD_CENTS,
    MOST_CORRECTED_CENTS,
)
from shop.credit.states import CARD_ARROWS, CORRECTION_ARROWS, CardStatus, CorrectionStatus

LATER = sa.FetchedValue()  # filled in when its time has come


class CreditAccount(Base):
    """What the shop owes one client. It never expires.

    Balance and head are the ledger's: a trigger keeps them, the application may not.
    """

    __tablename__ = "credit_accounts"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["client_id", "ledger_seq", "balance_cents"],
            ["credit_entries.client_id", "credit_entries.seq", "credit_entries.balance_cents"],
            name="account_head_is_its_last_entry",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.CheckConstraint("balance_cents >= 0", name="account_is_never_overdrawn"),
    )

    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), primary_key=True)
    balance_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))
    ledger_seq: Mapped[int | None] = mapped_column(server_default=LATER)
    opened_at: Mapped[datetime] = stamped()

    client: Mapped[Person] = relationship()


class EntryKind(StrEnum):
    """What moved the credit."""

    ISSUED = "issued"  # the clinic gave it
    REDEEMED = "redeemed"  # a gift card
    SPENT = "spent"  # an order
    RETURNED = "returned"  # of what an order spent
    TAKEN_BACK = "taken_back"  # the clinic corrected it


class CreditEntry(Base):
    """A line of the ledger of one account. Append-only; each follows the one before.

    Number, balances, actor and time are the database's.
    """

    __tablename__ = "credit_entries"
    __table_args__ = (
        sa.PrimaryKeyConstraint("client_id", "seq"),
        sa.UniqueConstraint("client_id", "seq", "balance_cents", name="credit_entries_balance_key"),
        sa.ForeignKeyConstraint(
            ["client_id", "previous_seq", "previous_cents"],
            ["credit_entries.client_id", "credit_entries.seq", "credit_entries.balance_cents"],
            name="entry_follows_the_one_before",
        ),
        # The whole card, into the account of whom it says; and so once.
        sa.ForeignKeyConstraint(
            ["card_id", "client_id", "delta_cents"],
            ["gift_cards.id", "gift_cards.redeemed_by_id", "gift_cards.cents"],
            name="card_is_redeemed_whole",
        ),
        sa.UniqueConstraint(
            "card_id", "client_id", "delta_cents", name="gift_card_is_redeemed_once"
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="credit_is_of_the_orders_client",
        ),
        sa.Index(
            "order_spends_credit_once",
            "order_id",
            unique=True,
            postgresql_where=sa.text("kind = 'spent'"),
        ),
        sa.UniqueConstraint("order_id", "request_key", name="credit_is_returned_once_a_request"),
        sa.ForeignKeyConstraint(
            ["correction_id", "client_id", "delta_cents"],
            [
                "credit_corrections.id",
                "credit_corrections.client_id",
                "credit_corrections.delta_cents",
            ],
            name="entry_is_what_was_corrected",
        ),
        sa.UniqueConstraint("correction_id", name="correction_is_booked_once"),
        sa.CheckConstraint(one_of("kind", EntryKind), name="entry_kind_is_known"),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('spent', 'taken_back') THEN delta_cents < 0"
            " ELSE delta_cents > 0 END",
            name="entry_goes_its_kinds_way",
        ),
        sa.CheckConstraint(
            "balance_cents = previous_cents + delta_cents AND balance_cents >= 0",
            name="credit_is_never_negative",
        ),
        sa.CheckConstraint("seq > 1 OR previous_cents = 0", name="credit_begins_at_zero"),
        sa.CheckConstraint(
            "(kind = 'redeemed') = (card_id IS NOT NULL)"
            " AND (kind IN ('spent', 'returned')) = (order_id IS NOT NULL)"
            " AND (kind IN ('issued', 'taken_back')) = (correction_id IS NOT NULL)",
            name="entry_says_what_it_is_of",
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'returned' THEN num_nonnulls(request_key, reason) = 2"
            " ELSE num_nonnulls(request_key, reason) = 0 END"
            " AND reason ~ '^[a-z_]{1,40}$' AND char_length(request_key) BETWEEN 1 AND 100",
            name="returned_credit_says_why",
        ),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name="entry_has_an_actor"),
    )

    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("credit_accounts.client_id"))
    # The trigger fills whatever says FetchedValue.
    seq: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    previous_seq: Mapped[int | None] = mapped_column(
        sa.Integer, sa.Computed("nullif(seq - 1, 0)", persisted=True)
    )
    kind: Mapped[EntryKind] = mapped_column(Word(EntryKind))
    delta_cents: Mapped[int]  # positive comes in
    previous_cents: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    balance_cents: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    card_id: Mapped[uuid.UUID | None]
    order_id: Mapped[uuid.UUID | None]
    correction_id: Mapped[uuid.UUID | None]
    request_key: Mapped[str | None]  # which request gave it back: one is applied once
    reason: Mapped[str | None]  # why it came back, in a word
    actor: Mapped[str] = mapped_column(server_default=sa.FetchedValue())
    at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())


class Origin(StrEnum):
    SOLD = "sold"  # paid at the desk; the note names the receipt
    GIVEN = "given"  # the note says why


class GiftCard(Stateful, Base):
    """Money behind a code. It never expires and costs nothing (15 U.S.C. 1693l-1 asks for less).

    Only the hash of the code is kept, and its last four characters to tell cards apart.
    """

    machine = "gift_card"
    __tablename__ = "gift_cards"
    __table_args__ = (
        state_key("gift_card"),
        sa.UniqueConstraint("id", "redeemed_by_id", "cents", name="gift_cards_redeemed_key"),
        sa.ForeignKeyConstraint(
            ["id", "redeemed_by_id", "cents"],
            [
                "credit_entries.card_id",
                "credit_entries.client_id",
                "credit_entries.delta_cents",
            ],
            name="redeemed_card_is_in_the_account",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.CheckConstraint(
            f"cents BETWEEN {LEAST_CARD_CENTS} AND {MOST_CARD_CENTS}",
            name="gift_card_amount_is_sane",
        ),
        sa.CheckConstraint(one_of("origin", Origin), name="gift_card_origin_is_known"),
        sa.CheckConstraint(
            f"char_length(note) BETWEEN 1 AND {LONGEST_NOTE}", name="gift_card_says_more"
        ),
        sa.CheckConstraint(
            "CASE WHEN status IN ('proposed', 'declined')"
            " THEN num_nonnulls(code_hash, last4, issued_at) = 0"
            " ELSE num_nonnulls(code_hash, last4, issued_at) = 3 END",
            name="issued_card_has_a_code",
        ),
        sa.CheckConstraint("octet_length(code_hash) = 32", name="card_code_is_hashed"),
        sa.CheckConstraint("last4 ~ '^[0-9A-HJKMNP-TV-Z]{4}$'", name="card_shows_four_characters"),
        sa.CheckConstraint(
            "status IN ('proposed', 'declined') OR NOT large OR decided_by_id IS NOT NULL",
            name="large_gift_card_is_confirmed",
        ),
        sa.CheckConstraint(
            "decided_by_id <> proposed_by_id", name="gift_card_is_decided_by_another"
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'proposed' THEN decided_by_id IS NULL"
            " WHEN 'declined' THEN decided_by_id IS NOT NULL ELSE true END",
            name="gift_card_is_decided_by_someone",
        ),
        sa.CheckConstraint(
            "(status = 'redeemed') = (redeemed_by_id IS NOT NULL)",
            name="redeemed_card_says_by_whom",
        ),
        sa.CheckConstraint(
            "num_nonnulls(voided_by_id, void_reason) = CASE status WHEN 'voided' THEN 2 ELSE 0 END"
            f" AND char_length(void_reason) BETWEEN 1 AND {LONGEST_NOTE}",
            name="voided_card_says_why",
        ),
        sa.CheckConstraint(
            "(status IN ('redeemed', 'voided')) = (ended_at IS NOT NULL)",
            name="card_ended_at_some_time",
        ),
        sa.Index("gift_cards_proposed_idx", "proposed_at", "id"),
        sa.Index("gift_cards_proposer_idx", "proposed_by_id", "proposed_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    cents: Mapped[int]
    origin: Mapped[Origin] = mapped_column(Word(Origin))
    note: Mapped[str]  # the receipt of a sale, or why it is given; for the clinic alone
    status: Mapped[CardStatus] = mapped_column(Word(CardStatus))
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    large: Mapped[bool] = mapped_column(server_default=LATER)
    proposed_at: Mapped[datetime] = stamped()
    code_hash: Mapped[bytes | None] = mapped_column(unique=True, server_default=LATER)
    last4: Mapped[str | None] = mapped_column(server_default=LATER)
    issued_at: Mapped[datetime | None] = stamped()
    redeemed_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    voided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    void_reason: Mapped[str | None] = mapped_column(server_default=LATER)
    ended_at: Mapped[datetime | None] = stamped()

    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    redeemed_by: Mapped[Person | None] = relationship(foreign_keys=[redeemed_by_id])
    voided_by: Mapped[Person | None] = relationship(foreign_keys=[voided_by_id])

    @validates("status")
    def _along_an_arrow(self, _key: str, new: CardStatus) -> CardStatus:
        if new not in CARD_ARROWS[self.status]:
            raise WrongState(
                f"A gift card that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class CreditCorrection(Stateful, Base):
    """Credit that the clinic gives a client, or takes back: with a reason, and often by two."""

    machine = "credit_correction"
    __tablename__ = "credit_corrections"
    __table_args__ = (
        state_key("credit_correction"),
        sa.UniqueConstraint("id", "client_id", "delta_cents", name="credit_corrections_terms_key"),
        sa.CheckConstraint(
            f"delta_cents <> 0 AND abs(delta_cents) <= {MOST_CORRECTED_CENTS}",
            name="corrected_credit_is_sane",
        ),
        sa.CheckConstraint(
            f"char_length(note) BETWEEN 1 AND {LONGEST_NOTE}", name="credit_correction_says_more"
        ),
        sa.CheckConstraint(
            "status <> 'booked' OR NOT large OR decided_by_id IS NOT NULL",
            name="large_credit_correction_is_confirmed",
        ),
        sa.CheckConstraint("large OR delta_cents > 0", name="credit_is_taken_back_by_two"),
        sa.CheckConstraint(
            "decided_by_id <> proposed_by_id", name="credit_correction_is_decided_by_another"
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'proposed' THEN decided_by_id IS NULL"
            " WHEN 'declined' THEN decided_by_id IS NOT NULL ELSE true END",
            name="credit_correction_is_decided_by_someone",
        ),
        sa.Index("credit_corrections_client_idx", "client_id"),
        sa.Index("credit_corrections_proposer_idx", "proposed_by_id", "proposed_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("credit_accounts.client_id"))
    delta_cents: Mapped[int]  # positive is given
    note: Mapped[str]  # for the clinic alone
    status: Mapped[CorrectionStatus] = mapped_column(Word(CorrectionStatus))
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    large: Mapped[bool] = mapped_column(server_default=LATER)
    proposed_at: Mapped[datetime] = stamped()

    client: Mapped[Person] = relationship(
        primaryjoin="foreign(CreditCorrection.client_id) == Person.id", viewonly=True
    )
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])

    @validates("status")
    def _along_an_arrow(self, _key: str, new: CorrectionStatus) -> CorrectionStatus:
        if new not in CORRECTION_ARROWS[self.status]:
            raise WrongState(
                f"A correction that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"gift_card": CARD_ARROWS, "credit_correction": CORRECTION_ARROWS}
