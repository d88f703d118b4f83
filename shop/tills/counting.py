"""The end of a drawer: counted blind, explained where it is off, signed where it is off by much."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.core.money import dollars
from shop.tills import money, opening
from shop.tills.errors import CountRefused, NotExplained, NotYourDrawer, SecondPersonNeeded
from shop.tills.limits import LIMIT_CENTS
from shop.tills.models import LONGEST_EXPLANATION, Counting, Drawer
from shop.tills.money import Pieces
from shop.tills.states import DrawerStatus


def count(
    drawer: Drawer,
    pieces: Pieces,
    *,
    terminal_cents: int,
    cheque_cents: int,
    by: Person,
    at: datetime,
) -> Drawer:
    """Write down what lies in a (locked) open drawer; from now on it takes nothing more.

    Blind: what should be there is told to nobody before. `terminal_cents` and `cheque_cents` are
    the sums of the papers, those of money given back taken off. Where all adds up the drawer is
    closed at once. Raises WrongState, NotYourDrawer, CountRefused.
    """
    _insist_mine(drawer, by)
    opening.insist_pieces(pieces)
    drawer.status = DrawerStatus.COUNTED
    drawer.counted_by_id = by.id
    drawer.counted_cash_cents = money.worth(pieces)
    drawer.counted_terminal_cents, drawer.counted_cheque_cents = terminal_cents, cheque_cents
    opening.write_pieces(drawer, Counting.CLOSING, pieces)
    events.record(Kind.DRAWER_COUNTED, drawer)
    db.session.flush()  # a trigger stamps what should have been there
    db.session.refresh(drawer)
    assert drawer.difference is not None
    if drawer.difference.off_by == 0:
        _close(drawer)
    return drawer


def explain(drawer: Drawer, explanation: str, *, by: Person, at: datetime) -> Drawer:
    """Say why a (locked) counted drawer is off. Closed at once, unless it takes a second person.

    Said again before somebody signs, the last word counts. Raises WrongState, NotYourDrawer,
    CountRefused.
    """
    difference = _insist_counted(drawer)
    _insist_mine(drawer, by)
    words = explanation.strip()
    if not 1 <= len(words) <= LONGEST_EXPLANATION:
        text = f"Say why, in up to {LONGEST_EXPLANATION} characters."
        raise CountRefused(text, fields={"explanation": [text]})
    drawer.explanation = words
    events.record(Kind.DRAWER_EXPLAINED, drawer, explanation=words)
    db.session.flush()
    if not difference.takes_two:
        _close(drawer)
    return drawer


def sign(drawer: Drawer, *, by: Person, at: datetime) -> Drawer:
    """A second person has looked into a (locked) drawer's difference, and closes it.

    Raises WrongState, NotExplained, SecondPersonNeeded.
    """
    _insist_counted(drawer)
    if by.id in (drawer.opened_by_id, drawer.counted_by_id):
        raise SecondPersonNeeded(
            f"A difference over {dollars(LIMIT_CENTS)} is signed by somebody else than who opened"
            " or counted the drawer."
        )
    if drawer.explanation is None:
        raise NotExplained("Whoever counted it says first why it is off.")
    drawer.signed_by_id = by.id
    _close(drawer)
    return drawer


def _close(drawer: Drawer) -> None:
    difference = drawer.difference
    assert difference is not None
    drawer.status = DrawerStatus.CLOSED
    events.record(
        Kind.DRAWER_CLOSED,
        drawer,
        cash_cents=difference.cash,
        terminal_cents=difference.terminal,
        cheque_cents=difference.cheque,
    )
    db.session.flush()
    db.session.refresh(drawer)


def _insist_counted(drawer: Drawer) -> money.Sums:
    if drawer.status is not DrawerStatus.COUNTED or drawer.difference is None:
        raise WrongState(
            f"A drawer that is {drawer.status} waits for no explanation.", status=drawer.status
        )
    return drawer.difference


def _insist_mine(drawer: Drawer, by: Person) -> None:
    if by.id != drawer.opened_by_id and by.role is not Role.MANAGER:
        raise NotYourDrawer(
            f"{drawer.opened_by.name} opened this drawer, and counts it; or a manager does."
        )
