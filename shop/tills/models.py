"""Registers, the drawers opened at them, what was counted, and the ledger of a drawer's money."""

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
from shop.payments.models import Payment, Refund
from shop.payments.states import Tender
from shop.tills.money import DENOMINATIONS, MOST_PIECES, Sums
from shop.tills.states import DRAWER_ARROWS, DrawerStatus

LONGEST_NAME = 40
LONGEST_NUMBER = 40
LONGEST_EXPLANATION = 500
LATER = sa.FetchedValue()  # filled in when its time has come
COUNTED = (
    "counted_by_id, counted_cash_cents, counted_terminal_cents, counted_cheque_cents,"
    " expected_cash_cents, expected_terminal_cents, expected_cheque_cents"
)


class Counting(StrEnum):
    """When the cash of a drawer is counted."""

    OPENING = "opening"
    CLOSING = "closing"


class MoneyMove(StrEnum):
    """Why money goes into a drawer or out of it."""

    FLOAT = "float"  # what lay in it when it was opened
    TENDER = "tender"  # a client paid
    PAY_OUT = "pay_out"  # a client got her money back


class Register(Base):
    """A place at the desk where money is taken."""

    __tablename__ = "registers"
    __table_args__ = (
        sa.CheckConstraint(
            f"char_length(name) BETWEEN 1 AND {LONGEST_NAME} AND name = btrim(name)",
            name="register_has_a_name",
        ),
        sa.Index("registers_name_key", sa.text("lower(name)"), unique=True),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]


class Drawer(Stateful, Base):
    """The money of one person at one register, from a counted float to a blind count.

    What should be there (`expected_…`) is stamped from the ledger when it is counted, in cents.
    """

    machine = "drawer"
    __tablename__ = "drawers"
    __table_args__ = (
        state_key("drawer"),
        sa.CheckConstraint("float_cents BETWEEN 0 AND 1000000", name="float_is_sane"),
        sa.CheckConstraint(
            f"num_nonnulls({COUNTED}) = CASE status WHEN 'open' THEN 0 ELSE 7 END",
            name="counted_drawer_says_what_was_found",
        ),
        sa.CheckConstraint("counted_cash_cents >= 0", name="counted_cash_is_there"),
        sa.CheckConstraint(
            f"char_length(explanation) BETWEEN 1 AND {LONGEST_EXPLANATION}",
            name="drawer_explanation_is_short",
        ),
        sa.CheckConstraint(
            "explanation IS NULL OR status <> 'open'", name="drawer_is_explained_when_counted"
        ),
        sa.CheckConstraint(
            "signed_by_id IS NULL OR status = 'closed'", name="signature_closes_a_drawer"
        ),
        sa.CheckConstraint(
            "signed_by_id NOT IN (opened_by_id, counted_by_id)", name="drawer_is_signed_by_another"
        ),
        sa.Index(
            "drawers_one_open_at_a_register",
            "register_id",
            unique=True,
            postgresql_where=sa.text("status = 'open'"),
        ),
        sa.Index(
            "drawers_one_open_of_a_person",
            "opened_by_id",
            unique=True,
            postgresql_where=sa.text("status = 'open'"),
        ),
        sa.Index("drawers_opened_idx", "opened_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    register_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("registers.id"))
    status: Mapped[DrawerStatus] = mapped_column(Word(DrawerStatus))
    opened_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    opened_at: Mapped[datetime] = stamped()
    float_cents: Mapped[int]
    counted_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    counted_at: Mapped[datetime | None] = stamped()
    counted_cash_cents: Mapped[int | None] = mapped_column(server_default=LATER)
    counted_terminal_cents: Mapped[int | None] = mapped_column(server_default=LATER)
    counted_cheque_cents: Mapped[int | None] = mapped_column(server_default=LATER)
    expected_cash_cents: Mapped[int | None] = stamped()
    expected_terminal_cents: Mapped[int | None] = stamped()
    expected_cheque_cents: Mapped[int | None] = stamped()
    explanation: Mapped[str | None] = mapped_column(server_default=LATER)
    signed_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    closed_at: Mapped[datetime | None] = stamped()

    register: Mapped[Register] = relationship()
    opened_by: Mapped[Person] = relationship(foreign_keys=[opened_by_id])
    counted_by: Mapped[Person | None] = relationship(foreign_keys=[counted_by_id])
    signed_by: Mapped[Person | None] = relationship(foreign_keys=[signed_by_id])
    moves: Mapped[list[DrawerMove]] = relationship(
        back_populates="drawer", order_by="DrawerMove.seq"
    )
    pieces: Mapped[list[DrawerPieces]] = relationship(
        order_by="DrawerPieces.denomination_cents.desc()"
    )

    @property
    def counted(self) -> Sums | None:
        """What was found, once it was counted."""
        return _sums(
            self.counted_cash_cents, self.counted_terminal_cents, self.counted_cheque_cents
        )

    @property
    def expected(self) -> Sums | None:
        """What the ledger said should be there, once it was counted. Nobody sees it before."""
        return _sums(
            self.expected_cash_cents, self.expected_terminal_cents, self.expected_cheque_cents
        )

    @property
    def difference(self) -> Sums | None:
        """Found over expected: negative where something is missing."""
        found, expected = self.counted, self.expected
        return None if found is None or expected is None else found - expected

    @validates("status")
    def _along_an_arrow(self, _key: str, new: DrawerStatus) -> DrawerStatus:
        if new not in DRAWER_ARROWS[self.status]:
            raise WrongState(
                f"A drawer that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class DrawerPieces(Base):
    """So many coins or notes of one kind, counted. Never changed."""

    __tablename__ = "drawer_pieces"
    __table_args__ = (
        sa.PrimaryKeyConstraint("drawer_id", "counting", "denomination_cents"),
        sa.CheckConstraint(one_of("counting", Counting), name="counting_is_known"),
        sa.CheckConstraint(
            f"denomination_cents IN ({', '.join(map(str, DENOMINATIONS))})",
            name="denomination_is_known",
        ),
        sa.CheckConstraint(f"pieces BETWEEN 1 AND {MOST_PIECES}", name="pieces_are_some"),
    )

    drawer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("drawers.id"))
    counting: Mapped[Counting] = mapped_column(Word(Counting))
    denomination_cents: Mapped[int]
    pieces: Mapped[int]


class DrawerMove(Base):
    """An entry of a drawer's ledger: money that went in (positive) or out. Never changed.

    `seq` counts from 1 in its drawer, `balance_cents` is what its kind of money adds up to with
    this entry; both are stamped under the drawer's lock.
    """

    __tablename__ = "drawer_moves"
    __table_args__ = (
        sa.UniqueConstraint("drawer_id", "seq", name="drawer_moves_seq_key"),
        sa.UniqueConstraint("payment_id", name="drawer_moves_payment_key"),
        sa.UniqueConstraint("refund_id", name="drawer_moves_refund_key"),
        sa.ForeignKeyConstraint(
            ["payment_id", "tender", "cents"],
            ["payments.id", "payments.tender", "payments.amount_cents"],
            name="move_is_what_the_payment_took",
        ),
        sa.CheckConstraint(one_of("kind", MoneyMove), name="money_move_kind_is_known"),
        sa.CheckConstraint(one_of("tender", Tender), name="moved_tender_is_known"),
        sa.CheckConstraint(
            "(kind = 'tender') = (payment_id IS NOT NULL)"
            " AND (kind = 'pay_out') = (refund_id IS NOT NULL)",
            name="money_move_has_its_reason",
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'float' THEN cents >= 0 AND tender = 'cash'"
            " WHEN 'tender' THEN cents > 0 ELSE cents < 0 END",
            name="money_goes_the_way_it_says",
        ),
        sa.CheckConstraint(
            "(tender = 'cash') = (reference IS NULL)", name="slip_or_cheque_has_its_number"
        ),
        sa.CheckConstraint(
            f"char_length(reference) BETWEEN 1 AND {LONGEST_NUMBER}"
            " AND reference = btrim(reference)",
            name="slip_number_is_short",
        ),
        sa.CheckConstraint(
            "(tendered_cents IS NOT NULL) = (kind = 'tender' AND tender = 'cash')",
            name="cash_says_what_was_given",
        ),
        sa.CheckConstraint("tendered_cents >= cents", name="cash_given_covers_what_is_due"),
        sa.CheckConstraint("tender <> 'cash' OR balance_cents >= 0", name="cash_is_there"),
        sa.Index(
            "drawer_moves_one_slip",
            "drawer_id",
            "kind",
            "reference",
            unique=True,
            postgresql_where=sa.text("tender = 'terminal'"),
        ),
        sa.Index("drawer_moves_moved_idx", "moved_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    drawer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("drawers.id"))
    seq: Mapped[int] = stamped()
    kind: Mapped[MoneyMove] = mapped_column(Word(MoneyMove))
    tender: Mapped[Tender] = mapped_column(Word(Tender))
    cents: Mapped[int]
    balance_cents: Mapped[int] = stamped()
    payment_id: Mapped[uuid.UUID | None]
    refund_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("refunds.id"))
    reference: Mapped[str | None]  # the number on the slip or the cheque
    tendered_cents: Mapped[int | None]  # cash as it was handed over, change not yet given
    by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    moved_at: Mapped[datetime] = stamped()

    drawer: Mapped[Drawer] = relationship(back_populates="moves")
    by: Mapped[Person] = relationship(foreign_keys=[by_id])
    payment: Mapped[Payment | None] = relationship(
        primaryjoin="foreign(DrawerMove.payment_id) == Payment.id", viewonly=True
    )
    refund: Mapped[Refund | None] = relationship(foreign_keys=[refund_id])

    @property
    def change_cents(self) -> int:
        """What was given back of the cash."""
        return 0 if self.tendered_cents is None else self.tendered_cents - self.cents


def _sums(cash: int | None, terminal: int | None, cheque: int | None) -> Sums | None:
    if cash is None or terminal is None or cheque is None:
        return None
    return Sums(cash, terminal, cheque)


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"drawer": DRAWER_ARROWS}
