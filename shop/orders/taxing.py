"""The sales tax on what is paid for goods, by legal class and the state an order ships to. Pure.

`TAXES` is whom the shop asks. A service of a tax office or a vendor is another `TaxService`: what
it needs is given, what it answers is what each of the goods bears. It would be asked before the
transaction that places an order, never in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from shop.catalog.models import LegalClass
from shop.core.errors import Refused
from shop.core.money import allocated, share

RATES = Path(__file__).parent / "data" / "sales_tax.csv"
TREATED_AS: Mapping[LegalClass, str] = {  # clinic_use is never sold
    LegalClass.COSMETIC: "general",
    LegalClass.OTC_DRUG: "otc",
    LegalClass.RX: "rx",
    LegalClass.RX_UNAPPROVED: "rx",
    LegalClass.CLINIC_USE: "rx",
}


class StateNotServed(Refused):
    """The tax of this state or territory is not known, so nothing is sold into it."""

    code = "state_not_served"


@dataclass(frozen=True)
class Taxed:
    """Goods, and what is paid for them in cents: their price less what was taken off it."""

    legal_class: LegalClass
    cents: int


class TaxService(Protocol):
    """Who knows what tax is due."""

    def borne(self, goods: Sequence[Taxed], *, state: str, on: date) -> list[int]:
        """The cents that each of the goods bears of the tax of one order, in their order.

        Raises StateNotServed.
        """


@dataclass(frozen=True)
class Version:
    """A rate (a fraction) from a day on, until a day (exclusive)."""

    rate: Decimal
    valid_from: date
    valid_until: date | None
    source: str

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)


class TaxTable:
    """The rates of a file: the state's part of the tax.

    Each class is taxed on its sum over the order and rounded half up to the cent, once; its goods
    bear that in proportion (largest remainder).
    """

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.versions: dict[tuple[str, str], list[Version]] = {}
        for row in rows:
            versions = self.versions.setdefault((row["state"], row["treated_as"]), [])
            until = row["valid_until"]
            versions.append(
                Version(
                    rate=Decimal(row["percent"]) / 100,
                    valid_from=date.fromisoformat(row["valid_from"]),
                    valid_until=date.fromisoformat(until) if until else None,
                    source=row["source"],
                )
            )

    @classmethod
    def read(cls, path: Path) -> TaxTable:
        with path.open(encoding="utf-8", newline="") as file:
            return cls(csv.DictReader(file))

    @property
    def states(self) -> list[str]:
        return sorted({state for state, _ in self.versions})

    def rate(self, kind: LegalClass, *, state: str, on: date) -> Decimal:
        """The rate of a legal class on a day, as a fraction. Raises StateNotServed."""
        for version in self.versions.get((state, TREATED_AS[kind]), []):
            if version.holds(on):
                return version.rate
        raise StateNotServed(
            f"We do not ship to {state} yet.",
            fields={"state": ["Choose one of the 50 states or DC."]},
            state=state,
        )

    def borne(self, goods: Sequence[Taxed], *, state: str, on: date) -> list[int]:
        """As TaxService says."""
        borne = [0 for _ in goods]
        for kind in {each.legal_class for each in goods}:
            taxed = [place for place, each in enumerate(goods) if each.legal_class is kind]
            weights = [goods[place].cents for place in taxed]
            due = share(sum(weights), self.rate(kind, state=state, on=on))
            for place, cents in zip(taxed, allocated(due, weights), strict=True):
                borne[place] = cents
        return borne


TABLE = TaxTable.read(RATES)
TAXES: TaxService = TABLE  # chosen here, and nowhere else
