"""Open a drawer at a register with a counted float."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.payments.states import Tender
from shop.tills import money, queries
from shop.tills.errors import CountRefused, DrawerTaken, RegisterRefused
from shop.tills.models import (
    LONGEST_NAME,
    Counting,
    Drawer,
    DrawerMove,
    DrawerPieces,
    MoneyMove,
    Register,
)
from shop.tills.money import Pieces
from shop.tills.states import DrawerStatus

OPENING = 5_150_051  # the advisory lock of who opens a drawer


def add_register(name: str, *, by: Person | None) -> Register:
    """A place at the desk where money is taken. Raises RegisterRefused."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        text = f"Call it something, in up to {LONGEST_NAME} characters."
        raise RegisterRefused(text, fields={"name": [text]})
    _in_turn()
    same = sa.func.lower(Register.name) == name.lower()
    if db.session.scalar(sa.select(sa.exists().where(same))):
        text = "There is a register of this name. Choose another."
        raise RegisterRefused(text, fields={"name": [text]})
    made = Register(id=uuid.uuid4(), name=name)
    db.session.add(made)
    db.session.flush()  # the row goes before its event
    events.record(Kind.REGISTER_ADDED, made, name=name)
    return made


def open_drawer(register: Register, pieces: Pieces, *, by: Person, at: datetime) -> Drawer:
    """A drawer with these coins and notes in it, for whoever opens it alone.

    One open drawer at a register, and one of a person. Raises CountRefused, DrawerTaken.
    """
    insist_pieces(pieces)
    _in_turn()
    _insist_free(register, by)
    made = Drawer(
        id=uuid.uuid4(),
        number=numbers.fresh("D"),
        register_id=register.id,
        status=DrawerStatus.OPEN,
        opened_by_id=by.id,
        float_cents=money.worth(pieces),
    )
    db.session.add(made)
    db.session.flush()  # its pieces and its ledger point at it
    write_pieces(made, Counting.OPENING, pieces)
    db.session.add(
        DrawerMove(
            id=uuid.uuid4(),
            drawer_id=made.id,
            kind=MoneyMove.FLOAT,
            tender=Tender.CASH,
            cents=made.float_cents,
            by_id=by.id,
        )
    )
    events.record(Kind.DRAWER_OPENED, made, register=register.name, cents=made.float_cents)
    db.session.flush()
    db.session.refresh(made)
    return made


def insist_pieces(pieces: Pieces) -> None:
    """Raises CountRefused."""
    if wrong := money.wrong_pieces(pieces):
        raise CountRefused("This is no count of cash.", fields={"pieces": wrong})


def write_pieces(drawer: Drawer, counting: Counting, pieces: Pieces) -> None:
    """What was counted, but for kinds of which there was none."""
    db.session.add_all(
        DrawerPieces(
            drawer_id=drawer.id, counting=counting, denomination_cents=denomination, pieces=number
        )
        for denomination, number in sorted(pieces.items())
        if number
    )


def _in_turn() -> None:
    """Who opens drawers or adds registers does it one after the other, until the commit."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(OPENING)))


def _insist_free(register: Register, by: Person) -> None:
    mine = queries.open_drawer_of(by)
    if mine is not None:
        raise DrawerTaken(
            f"You have drawer {mine.number} open. Count and close it first.", drawer=mine.number
        )
    there = queries.open_drawer_at(register)
    if there is not None:
        raise DrawerTaken(
            f"{there.opened_by.name} has a drawer open at {register.name}.",
            fields={"register": ["Choose another, or have that drawer closed first."]},
            drawer=there.number,
        )
