"""What screening may know of a client, of products and of a course; nothing else counts.

Pure. What nobody knows is None (or in neither of two sets), never "no". Names of substances are in
upper case with single spaces, as in the dictionary; a text somebody wrote stays as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shop.catalog.models import ActiveClass, Pregnancy
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.treatments.windows import Action


class Slot(StrEnum):
    """When a product is put on. Weekly may fall on any evening."""

    MORNING = "morning"
    EVENING = "evening"
    WEEKLY = "weekly"


class Taking(StrEnum):
    """Whether somebody swallows a medicine."""

    NEVER = "never"
    NOW = "now"
    PAST = "past"


@dataclass(frozen=True)
class Active:
    """A substance that does the work. `percent` None where the strength is not clear.

    `known`: the dictionary knows the substance; without it neither class nor pregnancy is known.
    `filed`: how it is called on the product, where that is known.
    """

    name: str
    active_class: ActiveClass | None
    percent: Decimal | None = None
    pregnancy: Pregnancy | None = None
    known: bool = True
    filed: str = ""


@dataclass(frozen=True)
class Product:
    """A product that is asked for, or that the client uses already.

    `ingredients` has every name of every substance in it, as filed and as the dictionary has it;
    `complete` says that nothing else is in it (registers of drugs often list actives only).
    No `slots` and no `leave_on`: not known. `days` of supply that are asked for, where known.
    """

    key: str
    name: str
    actives: tuple[Active, ...]
    ingredients: frozenset[str] = frozenset()
    complete: bool = False
    slots: frozenset[Slot] = frozenset()
    leave_on: bool | None = None
    form: str = ""  # dosage form as filed, upper case
    days: int | None = None

    def apart_from(self, other: Product) -> bool:
        """Never on the skin in the same part of a day, as far as both are known."""
        daily = Slot.WEEKLY not in self.slots | other.slots
        known = bool(self.slots) and bool(other.slots)
        return known and daily and not self.slots & other.slots

    @property
    def names(self) -> frozenset[str]:
        """Every substance that is known to be in it."""
        return self.ingredients | {active.name for active in self.actives}


@dataclass(frozen=True)
class Allergy:
    """What a client is allergic to: her words, and the substances the dictionary reads in them."""

    text: str
    substances: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Isotretinoin:
    """By mouth. `last_day` is the latest that it can have been; None where it is not known."""

    taking: Taking
    last_day: date | None = None


@dataclass(frozen=True)
class Client:
    """A client's health. `has_not` is what she said she has not; `fitzpatrick` 1 to 6."""

    birth_date: date | None = None
    pregnancy: PregnancyStatus | None = None
    pregnancy_on: date | None = None  # the day she said so
    allergies: tuple[Allergy, ...] | None = None
    has: frozenset[ConditionCode] = frozenset()
    has_not: frozenset[ConditionCode] = frozenset()
    medicines: tuple[str, ...] | None = None  # as written
    isotretinoin: Isotretinoin | None = None
    fitzpatrick: int | None = None

    def age_on(self, day: date) -> int | None:
        """Full years."""
        born = self.birth_date
        if born is None:
            return None
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True)
class Dispensed:
    """A supply of an active that the client was given: `days` from `on`, whatever the brand."""

    active_class: ActiveClass
    days: int
    on: date
    product: str = ""


@dataclass(frozen=True)
class Window:
    """A stretch around a treatment; `until` is the first day after it."""

    active_class: ActiveClass
    action: Action
    begins: date
    until: date


@dataclass(frozen=True)
class Facts:
    """All that screening may know. `candidates` are asked about, `regimen` is used beside them.

    `states`: where the client lives and where it is sent. `dispensed` None: not known.
    """

    client: Client
    candidates: tuple[Product, ...]
    regimen: tuple[Product, ...] = ()
    dispensed: tuple[Dispensed, ...] | None = None
    windows: tuple[Window, ...] = ()
    states: frozenset[str] = frozenset()

    def pairs(self) -> Iterator[tuple[Product, Product]]:
        """Each candidate with every other product, in both orders; a product is no pair."""
        asked = {product.key for product in self.candidates}
        beside = [product for product in self.regimen if product.key not in asked]
        for one in self.candidates:
            for other in self.candidates:
                if one.key != other.key:
                    yield one, other
            for other in beside:
                yield one, other
                yield other, one

    def together(self) -> tuple[Product, ...]:
        """Everything that is on the skin if she gets what is asked for."""
        return self.candidates + self.regimen
