"""Counted money: pieces by what each is worth, and what a drawer is off by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.payments.states import Tender
from shop.tills.limits import LIMIT_CENTS

# Coins and notes of the United States, in cents.
DENOMINATIONS = (100_00, 50_00, 20_00, 10_00, 5_00, 2_00, 1_00, 50, 25, 10, 5, 1)
MOST_PIECES = 2_000  # of one kind

Pieces = Mapping[int, int]  # worth in cents → how many


def worth(pieces: Pieces) -> int:
    """What so many of each are worth together, in cents."""
    return sum(denomination * number for denomination, number in pieces.items())


def wrong_pieces(pieces: Pieces) -> list[str]:
    """What cannot be of a count; empty where nothing is wrong."""
    odd = sorted(set(pieces) - set(DENOMINATIONS))
    told = [f"There is no coin or note of {cents} cents." for cents in odd]
    if any(not 0 <= number <= MOST_PIECES for number in pieces.values()):
        told.append(f"Up to {MOST_PIECES} of each.")
    return told


@dataclass(frozen=True)
class Sums:
    """Cash, card slips and cheques, each in cents. Slips given back count against those taken."""

    cash: int = 0
    terminal: int = 0
    cheque: int = 0

    def of(self, tender: Tender) -> int:
        return {
            Tender.CASH: self.cash,
            Tender.TERMINAL: self.terminal,
            Tender.CHEQUE: self.cheque,
        }[tender]

    def __sub__(self, other: Sums) -> Sums:
        return Sums(
            self.cash - other.cash, self.terminal - other.terminal, self.cheque - other.cheque
        )

    @property
    def off_by(self) -> int:
        """How much is wrong together; too much here does not make up for too little there."""
        return abs(self.cash) + abs(self.terminal) + abs(self.cheque)

    @property
    def takes_two(self) -> bool:
        """A difference this large is signed by a second person."""
        return self.off_by > LIMIT_CENTS


def added(moves: Iterable[tuple[Tender, int]]) -> Sums:
    """The sums of what went in (positive) and out (negative), in cents."""
    sums = dict.fromkeys(Tender, 0)
    for tender, cents in moves:
        sums[tender] += cents
    return Sums(sums[Tender.CASH], sums[Tender.TERMINAL], sums[Tender.CHEQUE])
