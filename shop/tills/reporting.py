"""A day at the desk: what was taken and paid out, drawer by drawer, and what did not add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shop.tills import money, queries
from shop.tills.models import Drawer, DrawerMove, MoneyMove
from shop.tills.money import Sums
from shop.tills.states import DrawerStatus


@dataclass(frozen=True)
class Share:
    """What one drawer took and paid out on the day (paid out: positive), in cents."""

    drawer: Drawer
    tenders: int
    taken: Sums
    paid_out: Sums


@dataclass(frozen=True)
class Day:
    """The day's report. A drawer that is still open is named and its money is not told: it is to
    be counted blind, so it is not in the sums either, until it is counted.
    """

    day: date
    shares: tuple[Share, ...]
    still_open: tuple[Drawer, ...]

    @property
    def taken(self) -> Sums:
        return _together([share.taken for share in self.shares])

    @property
    def paid_out(self) -> Sums:
        return _together([share.paid_out for share in self.shares])

    @property
    def difference(self) -> Sums:
        """Of the drawers that were counted, whichever day they were opened."""
        return _together(
            [one for share in self.shares if (one := share.drawer.difference) is not None]
        )

    @property
    def waiting(self) -> tuple[Drawer, ...]:
        """Counted and not closed."""
        drawers = (share.drawer for share in self.shares)
        return tuple(one for one in drawers if one.status is DrawerStatus.COUNTED)


def report(day: date, *, zone: str) -> Day:
    """A day by the clinic's clock."""
    begin, end = queries.day_bounds(day, zone)
    drawers = queries.drawers_between(begin, end)
    moves = queries.moves_between(begin, end)
    counted = [one for one in drawers if one.status is not DrawerStatus.OPEN]
    return Day(
        day,
        shares=tuple(_share(one, moves) for one in counted),
        still_open=tuple(one for one in drawers if one.status is DrawerStatus.OPEN),
    )


def _share(drawer: Drawer, moves: Sequence[DrawerMove]) -> Share:
    mine = [move for move in moves if move.drawer_id == drawer.id]
    tenders = [move for move in mine if move.kind is MoneyMove.TENDER]
    return Share(
        drawer,
        tenders=len(tenders),
        taken=money.added((move.tender, move.cents) for move in tenders),
        paid_out=money.added(
            (move.tender, -move.cents) for move in mine if move.kind is MoneyMove.PAY_OUT
        ),
    )


def _together(sums: Sequence[Sums]) -> Sums:
    return Sums(
        sum(one.cash for one in sums),
        sum(one.terminal for one in sums),
        sum(one.cheque for one in sums),
    )
