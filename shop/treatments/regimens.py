"""Home care as steps: what is put on when, in which order, how much, and how long a pack lasts.

Pure. A step is part of what a version of a plan says (`PlanVersion`), so its words are plain JSON.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any

MOST_STEPS = 30
LEAST, MOST = Decimal("0.01"), Decimal(50)  # g or mL of one use
MOST_SPARING = 7  # days from one use to the next
PEA_SIZED = Decimal("0.25")  # g: what a face takes of a cream, as leaflets of retinoids say


class Slot(StrEnum):
    """When: each morning, each evening, or on days of the week (any time of these)."""

    MORNING = "morning"
    EVENING = "evening"
    WEEKLY = "weekly"


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Unit(StrEnum):
    GRAM = "g"
    MILLILITRE = "mL"


class Layer(StrEnum):
    """In the order in which they are put on, thin before thick, sunscreen last."""

    CLEANSER = "cleanser"
    TREATMENT = "treatment"
    SERUM = "serum"
    MOISTURISER = "moisturiser"
    SUNSCREEN = "sunscreen"


ORDER = {layer: place for place, layer in enumerate(Layer)}
# The default: the first row of which a word stands in the product's form, category or name.
BY_WORD: tuple[tuple[Layer, tuple[str, ...]], ...] = (
    (Layer.CLEANSER, ("cleans", "wash", "soap", "shampoo")),
    (Layer.SUNSCREEN, ("sunscreen", "spf", "sunblock")),
    (Layer.SERUM, ("serum", "essence", "ampoule")),
    (Layer.MOISTURISER, ("moisturi", "emollient", "barrier", "hydrating")),
)
BY_FORM: Mapping[str, Layer] = {
    "cream": Layer.MOISTURISER,
    "lotion": Layer.MOISTURISER,
    "ointment": Layer.MOISTURISER,
    "liquid": Layer.SERUM,
    "solution": Layer.SERUM,
}
CHOSEN, ACTIVE, OTHERWISE = "chosen", "has an active", "nothing else fits"


@dataclass(frozen=True)
class Step:
    """One product in one slot. `product` is what it was called when this was written.

    `every`: days from one use to the next, in the morning or evening; `days`: of a weekly step.
    `amount` of one use in `unit`; None where nobody said. `until` is the first day after it.
    `layer_by` names the rule by which `layer` was found, or says that it was chosen. `priming`: a
    physician orders it to prepare skin for a procedure, so windows let it go on longer.
    """

    sku: str
    product: str
    slot: Slot
    layer: Layer
    layer_by: str
    days: tuple[Weekday, ...] = ()
    every: int = 1
    amount: Decimal | None = None
    unit: Unit = Unit.GRAM
    since: date | None = None
    until: date | None = None
    doctor_only: bool = False
    priming: bool = False

    @property
    def uses_a_day(self) -> Decimal:
        """On average."""
        if self.slot is Slot.WEEKLY:
            return Decimal(len(self.days)) / 7
        return Decimal(1) / self.every

    @property
    def frequency(self) -> str:
        """In words."""
        if self.slot is Slot.WEEKLY:
            return ", ".join(day.value.capitalize() for day in self.days)
        named = {1: f"every {self.slot}", 2: f"every other {self.slot}"}
        return named.get(self.every, f"every {self.every} days, in the {self.slot}")

    @property
    def dose(self) -> str:
        """In words; empty where nobody said."""
        if self.amount is None:
            return ""
        plain = f"{self.amount.normalize():f} {self.unit}"
        pea = self.unit is Unit.GRAM and self.amount == PEA_SIZED
        return f"pea-sized, {plain}" if pea else plain

    def as_json(self) -> dict[str, Any]:
        """As a version of a plan says it: see `core.canonical`."""
        return {
            "sku": self.sku,
            "product": self.product,
            "slot": self.slot.value,
            "layer": self.layer.value,
            "layer_by": self.layer_by,
            "days": [day.value for day in self.days],
            "every": self.every,
            "amount": None if self.amount is None else f"{self.amount.normalize():f}",
            "unit": self.unit.value,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "doctor_only": self.doctor_only,
            "priming": self.priming,
        }


@dataclass(frozen=True)
class Pack:
    """What is in a pack; None where the filing does not say."""

    content: Decimal | None
    unit: str | None


@dataclass(frozen=True)
class Supply:
    """For how many whole days one pack lasts, or why that is not known."""

    days: int | None
    why: str = field(default="")


def read(content: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps that a version says, in order; one from before there were steps says none."""
    return ordered(_step(row) for row in content.get("regimen", ()))


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """By slot, then layer; of one layer as they were given."""
    slots = list(Slot)
    return tuple(sorted(steps, key=lambda one: (slots.index(one.slot), ORDER[one.layer])))


def layer_of(*, form: str, category: str, name: str, active: bool) -> tuple[Layer, str]:
    """Where a product goes unless somebody says otherwise, and the rule that says so."""
    told = f"{form} {category} {name}".casefold()
    for layer, words in BY_WORD:
        found = next((word for word in words if word in told), None)
        if found:
            return layer, f"said to be “{found}…”"
    if active:
        return Layer.TREATMENT, ACTIVE
    for word, layer in BY_FORM.items():
        if word in form.casefold():
            return layer, f"form {word}"
    return Layer.TREATMENT, OTHERWISE


def supplies(steps: Sequence[Step], packs: Mapping[str, Pack]) -> dict[str, Supply]:
    """By SKU: how long a pack lasts in all of its steps (net content by dose and uses a day)."""
    by_sku: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_sku[step.sku].append(step)
    return {sku: _supply(used, packs.get(sku, Pack(None, None))) for sku, used in by_sku.items()}


def _supply(steps: Sequence[Step], pack: Pack) -> Supply:
    if pack.content is None or pack.unit is None:
        return Supply(None, "What is in the pack is not known.")
    a_day = Decimal(0)
    for step in steps:
        if step.amount is None:
            return Supply(None, "No dose was said.")
        if step.unit.value.casefold() != pack.unit.casefold():
            return Supply(None, f"The pack is filed in {pack.unit}, the dose is in {step.unit}.")
        a_day += step.amount * step.uses_a_day
    # A hair more, so that thirds and sevenths do not cost a day.
    lasts = pack.content / a_day + Decimal("1e-9")
    return Supply(int(lasts.to_integral_value(ROUND_FLOOR)))


def _step(row: Mapping[str, Any]) -> Step:
    dates = {name: row[name] and date.fromisoformat(row[name]) for name in ("since", "until")}
    return Step(
        sku=row["sku"],
        product=row["product"],
        slot=Slot(row["slot"]),
        layer=Layer(row["layer"]),
        layer_by=row["layer_by"],
        days=tuple(Weekday(day) for day in row["days"]),
        every=row["every"],
        amount=None if row["amount"] is None else Decimal(row["amount"]),
        unit=Unit(row["unit"]),
        doctor_only=row["doctor_only"],
        priming=row.get("priming", False),  # steps from before there was priming do not say
        **dates,
    )
