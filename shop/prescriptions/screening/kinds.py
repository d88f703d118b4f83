"""The kinds of screening rules: each a question to the facts, with what its row fills in.

Pure. A kind yields what it found: the products concerned, what fired it, and, where it needs a fact
that nobody knows, the name of that fact. What a finding weighs is said by its rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from shop.catalog.models import ActiveClass, Pregnancy
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.prescriptions.screening.facts import (
    Active,
    Allergy,
    Dispensed,
    Facts,
    Product,
    Taking,
)
from shop.treatments.windows import Action

_WORD = re.compile(r"[^\W_]+")
LONGEST_SHOWN = 120  # characters of somebody's own words


@dataclass(frozen=True)
class Found:
    """`about`: keys of products, sorted. `until`: the first day on which it is over, if known.

    `unknown`: the fact that is missing, a key of screening.UNKNOWN; empty where nothing is.
    """

    about: tuple[str, ...]
    fired_by: tuple[str, ...]
    until: date | None = None
    unknown: str = ""


class Kind(Protocol):
    """A question, with the parameters of one row."""

    def look(self, facts: Facts, on: date) -> Iterator[Found]: ...


@dataclass(frozen=True)
class Actives:
    """Which actives a rule speaks of: by class, by substance, or by the dictionary's word."""

    classes: frozenset[ActiveClass] = frozenset()
    substances: frozenset[str] = frozenset()
    pregnancy: Pregnancy | None = None
    but_not: frozenset[str] = frozenset()  # substances
    but_not_classes: frozenset[ActiveClass] = frozenset()

    def among(self, product: Product) -> tuple[Active, ...]:
        """Those of the product's actives that are meant."""
        return tuple(active for active in product.actives if self._means(active))

    def _means(self, active: Active) -> bool:
        if active.name in self.but_not or active.active_class in self.but_not_classes:
            return False
        listed = active.active_class in self.classes or active.name in self.substances
        warned = self.pregnancy is not None and active.pregnancy is self.pregnancy
        return listed or warned


def _in(product: Product, actives: Iterable[Active]) -> tuple[str, ...]:
    return tuple(f"{active.name} in {product.name}" for active in actives)


def _concerned(facts: Facts, actives: Actives) -> Iterator[tuple[Product, tuple[str, ...]]]:
    """The candidates that hold such an active, with the words for it."""
    for product in facts.candidates:
        if found := actives.among(product):
            yield product, _in(product, found)


# --- the client ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WhilePregnant:
    """An active, and a client who is (or may be) one of `statuses`.

    A "none" is believed for `good_for_days` after she said it.
    """

    actives: Actives
    statuses: frozenset[PregnancyStatus]
    good_for_days: int

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        client = facts.client
        day = f", said on {client.pregnancy_on.isoformat()}" if client.pregnancy_on else ""
        unknown = "pregnancy" if self._unknown(facts, on) else ""
        if client.pregnancy in self.statuses or unknown:
            for product, words in _concerned(facts, self.actives):
                status = f"pregnancy: {client.pregnancy or 'unknown'}{day}"
                yield Found((product.key,), (*words, status), unknown=unknown)

    def _unknown(self, facts: Facts, on: date) -> bool:
        status, said_on = facts.client.pregnancy, facts.client.pregnancy_on
        if status is not PregnancyStatus.NONE:
            return status is None
        return said_on is None or (on - said_on).days > self.good_for_days


@dataclass(frozen=True)
class YoungerThan:
    """An active, and a client younger than `years`."""

    actives: Actives
    years: int

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        age = facts.client.age_on(on)
        if age is not None and age >= self.years:
            return
        told = "age: unknown" if age is None else f"age: {age}"
        for product, words in _concerned(facts, self.actives):
            yield Found((product.key,), (*words, told), unknown="" if age is not None else "age")


@dataclass(frozen=True)
class WithCondition:
    """An active, and a client who has `condition`."""

    actives: Actives
    condition: ConditionCode

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        has = self.condition in facts.client.has
        if not has and self.condition in facts.client.has_not:
            return
        told = f"condition: {self.condition}" + ("" if has else " not known")
        for product, words in _concerned(facts, self.actives):
            unknown = "" if has else f"condition_{self.condition}"
            yield Found((product.key,), (*words, told), unknown=unknown)


@dataclass(frozen=True)
class OnIsotretinoin:
    """An active, and a client who swallows isotretinoin or stopped within `within_days`."""

    actives: Actives
    within_days: int

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        told = self._told(facts, on)
        if told:
            for product, words in _concerned(facts, self.actives):
                unknown = "isotretinoin" if facts.client.isotretinoin is None else ""
                yield Found((product.key,), (*words, told), unknown=unknown)

    def _told(self, facts: Facts, on: date) -> str:
        taken = facts.client.isotretinoin
        if taken is None:
            return "isotretinoin: unknown"
        if taken.taking is Taking.NEVER:
            return ""
        if taken.taking is Taking.NOW:
            return "isotretinoin: now"
        last = taken.last_day
        if last is not None and (on - last).days > self.within_days:
            return ""
        return f"isotretinoin: last on {last.isoformat() if last else 'an unknown day'}"


@dataclass(frozen=True)
class WithMedicine:
    """An active, and a client whose words about her medicines name one of `words`."""

    actives: Actives
    words: tuple[str, ...]

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        medicines = facts.client.medicines
        told = {word for text in medicines or () for word in said(text, self.words)}
        if medicines is not None and not told:
            return
        fired = tuple(f"medicine: {word}" for word in sorted(told)) or ("medicines: unknown",)
        for product, words in _concerned(facts, self.actives):
            unknown = "medicines" if medicines is None else ""
            yield Found((product.key,), words + fired, unknown=unknown)


@dataclass(frozen=True)
class OnSkinType:
    """An active, and skin of one of these Fitzpatrick types."""

    actives: Actives
    types: frozenset[int]

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        skin = facts.client.fitzpatrick
        if skin is not None and skin not in self.types:
            return
        told = f"Fitzpatrick type: {'unknown' if skin is None else skin}"
        for product, words in _concerned(facts, self.actives):
            yield Found((product.key,), (*words, told), unknown="skin_type" if skin is None else "")


# --- allergies -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AllergyToIngredient:
    """An allergy to a substance that the product holds, by any name the dictionary knows."""

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        allergies = facts.client.allergies
        for product in facts.candidates:
            if allergies is None:
                yield Found((product.key,), ("allergies: unknown",), unknown="allergies")
            for allergy in allergies or ():
                yield from self._held(product, allergy)

    def _held(self, product: Product, allergy: Allergy) -> Iterator[Found]:
        held = sorted(allergy.substances & product.names)
        if held:
            fired = tuple(f"{name} in {product.name}" for name in held)
            yield Found((product.key,), (*fired, _told(allergy)))
        elif not product.complete:
            yield Found((product.key,), (_told(allergy),), unknown="ingredients")


@dataclass(frozen=True)
class AllergyNotRead:
    """An allergy in which the dictionary reads no substance: a person has to."""

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for product in facts.candidates:
            for allergy in facts.client.allergies or ():
                if not allergy.substances:
                    yield Found((product.key,), (_told(allergy),))


@dataclass(frozen=True)
class Family:
    """Related substances, by the `words` that their names and people's own texts have in common.

    `products`: words of a product's name by which it is known to hold one. `likely_in`: actives,
    and `likely_forms` of them (none is every form), that hold one often without its being filed.
    """

    words: tuple[str, ...]
    products: tuple[str, ...] = ()
    likely_in: Actives = Actives()
    likely_forms: frozenset[str] = frozenset()

    def held_by(self, product: Product) -> tuple[str, ...]:
        """What of the family the product is known to hold."""
        held = sorted(name for name in product.names if named(name, self.words))
        known = named(product.name, self.products)
        return tuple(f"{name} in {product.name}" for name in held or known)

    def likely(self, product: Product) -> bool:
        """Nobody knows all that is in it, and one of the family is usual in its like."""
        forms = not self.likely_forms or not product.form or product.form in self.likely_forms
        return not product.complete and forms and bool(self.likely_in.among(product))

    def meant_by(self, allergy: Allergy) -> bool:
        """Whether the allergy is to one of the family, in her words or the dictionary's."""
        read = any(named(name, self.words) for name in allergy.substances)
        return read or bool(said(allergy.text, self.words))


@dataclass(frozen=True)
class AllergyToFamily:
    """An allergy to a family of substances, and a product that holds one of them."""

    family: Family

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        allergies = facts.client.allergies
        meant = tuple(sorted(_told(one) for one in allergies or () if self.family.meant_by(one)))
        if allergies is not None and not meant:
            return
        told = meant or ("allergies: unknown",)
        unknown = "allergies" if allergies is None else ""
        for product in facts.candidates:
            held = self.family.held_by(product)
            if held:
                yield Found((product.key,), held + told, unknown=unknown)
            elif self.family.likely(product):
                yield Found((product.key,), told, unknown=unknown or "ingredients")


@dataclass(frozen=True)
class ConditionWithFamily:
    """A condition in which a family of substances harms (asthma and sulfites)."""

    family: Family
    condition: ConditionCode

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        has = self.condition in facts.client.has
        if not has and self.condition in facts.client.has_not:
            return
        told = f"condition: {self.condition}" + ("" if has else " not known")
        unknown = "" if has else f"condition_{self.condition}"
        for product in facts.candidates:
            held = self.family.held_by(product)
            if held:
                yield Found((product.key,), (*held, told), unknown=unknown)
            elif self.family.likely(product):
                yield Found((product.key,), (told,), unknown=unknown or "ingredients")


# --- the product alone ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ActiveNotKnown:
    """A product without a known active, or with one the dictionary does not know."""

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for product in facts.candidates:
            strangers = [active for active in product.actives if not active.known]
            if strangers or not product.actives:
                words = _in(product, strangers) or (f"no active of {product.name} is filed",)
                yield Found((product.key,), words)


@dataclass(frozen=True)
class StrongerThan:
    """An active of more than `percent`."""

    actives: Actives
    percent: Decimal

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for product in facts.candidates:
            for active in self.actives.among(product):
                words = _in(product, [active])
                if active.percent is None:
                    yield Found((product.key,), (*words, "strength: unknown"), unknown="strength")
                elif active.percent > self.percent:
                    yield Found(
                        (product.key,), (*words, f"strength: {active.percent.normalize():f} %")
                    )


# --- products together ---------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoOf:
    """Two products that hold actives of one kind, across brands."""

    actives: Actives

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for one, other in facts.pairs():
            first = self.actives.among(one) if one.key < other.key else ()
            second = first and self.actives.among(other)
            if second:
                yield _pair(one, first, other, second)


@dataclass(frozen=True)
class Together:
    """Two actives in two products that should not meet on the skin.

    `apart`: morning and evening make it right. `leave_on`: only what stays on the skin counts,
    of `others`; what nobody knows stays on.
    """

    actives: Actives
    others: Actives
    apart: bool
    leave_on: bool

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for one, other in facts.pairs():
            first = self.actives.among(one)
            second = first and self.others.among(other)
            if second and not self._cleared(one, other):
                yield _pair(one, first, other, second)

    def _cleared(self, one: Product, other: Product) -> bool:
        rinsed = self.leave_on and other.leave_on is False
        return rinsed or (self.apart and one.apart_from(other))


def _pair(
    one: Product, first: tuple[Active, ...], other: Product, second: tuple[Active, ...]
) -> Found:
    about = tuple(sorted((one.key, other.key)))
    return Found(about, tuple(sorted(_in(one, first) + _in(other, second))))


@dataclass(frozen=True)
class Without:
    """An active, and nothing that it needs beside it (a sunscreen)."""

    actives: Actives
    needs: Actives

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        if any(self.needs.among(product) for product in facts.together()):
            return
        for product, words in _concerned(facts, self.actives):
            yield Found((product.key,), words)


# --- time ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CourseOver:
    """More than `most_days` of a class in one course, all brands together.

    A course ends when a supply has been used up for `pause_days`. What is asked for counts too;
    where nobody says how much that is, as one day.
    """

    active_class: ActiveClass
    most_days: int
    pause_days: int

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        meant = Actives(frozenset({self.active_class}))
        for product, words in _concerned(facts, meant):
            if facts.dispensed is None:
                yield Found((product.key,), (*words, "course: unknown"), unknown="course")
                continue
            used, brands = self._course(facts.dispensed, on)
            wanted = max(1, product.days or 1)
            if used + wanted > self.most_days:
                told = f"course: {used} days used, {wanted} asked for"
                yield Found((product.key,), (*words, told, *brands))

    def _course(self, dispensed: tuple[Dispensed, ...], on: date) -> tuple[int, tuple[str, ...]]:
        """Days of the course that runs on `on`, and what they were of. Days as ordinals."""
        today, used, ends = on.toordinal(), 0, 0
        brands: set[str] = set()
        for supply in self._supplies(dispensed, today):
            begins = max(supply.on.toordinal(), ends)
            if begins - ends >= self.pause_days:
                used, brands = 0, set()
            used, ends = used + supply.days, begins + supply.days
            brands |= {supply.product} if supply.product else set()
        if today - ends >= self.pause_days:
            return 0, ()
        return used, tuple(f"dispensed: {brand}" for brand in sorted(brands))

    def _supplies(self, dispensed: tuple[Dispensed, ...], today: int) -> list[Dispensed]:
        return sorted(
            (
                supply
                for supply in dispensed
                if supply.active_class is self.active_class
                and supply.days > 0
                and supply.on.toordinal() <= today
            ),
            key=lambda supply: (supply.on, supply.days, supply.product),
        )


@dataclass(frozen=True)
class InWindow:
    """A product whose class a planned treatment forbids on the day, or from within `ahead_days`.

    With `ahead_days` 0 the window has begun, and `until` is the first day free of such windows.
    """

    actions: frozenset[Action]
    ahead_days: int

    def look(self, facts: Facts, on: date) -> Iterator[Found]:
        for product in facts.candidates:
            classes = {one.active_class for one in product.actives if one.active_class}
            for active_class in sorted(classes):
                yield from self._windows(facts, product, active_class, on)

    def _windows(
        self, facts: Facts, product: Product, active_class: ActiveClass, on: date
    ) -> Iterator[Found]:
        windows = sorted(
            (window.begins, window.until)
            for window in facts.windows
            if window.active_class is active_class and window.action in self.actions
        )
        told = f"{active_class} in {product.name}"
        if self.ahead_days:
            for begins, until in windows:
                if 0 < (begins - on).days <= self.ahead_days and begins < until:
                    stretch = f"window: {begins.isoformat()} to {until.isoformat()}"
                    yield Found((product.key,), (told, stretch), until=until)
            return
        free = on
        for begins, until in windows:  # one may begin before the other ends
            free = until if begins <= free < until else free
        if free > on:
            yield Found((product.key,), (told, f"window until {free.isoformat()}"), until=free)


# --- words ---------------------------------------------------------------------------------------


def said(text: str, words: Iterable[str]) -> list[str]:
    """Which of `words` a text says, as whole words: "sulfa" does not say "sulfite"."""
    spaced = _spaced(text)
    return [word for word in words if _known(word) in spaced]


@lru_cache(maxsize=32_768)
def named(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The same of a name of the catalogue, which comes again and again."""
    return tuple(said(name, words))


def _spaced(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


_known = lru_cache(maxsize=1024)(_spaced)  # the rules' words, never a client's


def _told(allergy: Allergy) -> str:
    text = allergy.text
    shown = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return f"allergy: {shown}"
