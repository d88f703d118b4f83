"""How soon a physician should look at a request: its risk, with the reasons.

Pure. As in triage 1 comes first. The word orders the desk and nothing else: what may be signed is
screening's to say, and what decides is the physician's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from shop.catalog.models import ActiveClass
from shop.core.rules import Severity
from shop.prescriptions.screening.facts import Facts, Product, Taking
from shop.prescriptions.screening.judging import Hit, worst

OF_AGE = 18  # years
# Begun for the first time, these want a look at dose, pace and sun (labels of tretinoin [TR2] and
# of hydroquinone 4 % [HQ1]: irritation first, effect later; review after two months).
BEGUN_WITH_CARE = (ActiveClass.RETINOID, ActiveClass.HYDROQUINONE)


class Risk(IntEnum):
    """What comes first on the desk; on the wire by its name in lower case."""

    HIGH = 1
    RAISED = 2
    ROUTINE = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Reason:
    """Why a request is more than routine, in words for the physician."""

    risk: Risk
    text: str


@dataclass(frozen=True)
class Weighed:
    """A request's risk, the gravest of its reasons; without one it is routine."""

    risk: Risk
    reasons: tuple[Reason, ...]


def weigh(hits: Sequence[Hit], facts: Facts, *, on: date, declined_lately: bool = False) -> Weighed:
    """The risk of what is asked for, for this client, on this day; the gravest reasons first.

    `declined_lately`: a rule has declined something she asked for, so that what she says now may
    be what lets her through.
    """
    reasons = list(_reasons(hits, facts, on))
    if declined_lately:
        reasons.append(Reason(Risk.HIGH, "A safety rule declined a request of hers lately."))
    found = sorted(reasons, key=lambda reason: (reason.risk, reason.text))
    risk = min((reason.risk for reason in found), default=Risk.ROUTINE)
    return Weighed(risk, tuple(found))


def _reasons(hits: Sequence[Hit], facts: Facts, on: date) -> Iterator[Reason]:
    gravest = worst(hits)
    if gravest is Severity.HARD_STOP:
        yield Reason(Risk.HIGH, "Screening found what cannot be signed.")
    elif gravest is Severity.SOFT_STOP:
        yield Reason(Risk.RAISED, "Screening found what needs a reason.")
    yield from _of_the_client(facts, on)
    for active_class in _first_time(facts):
        yield Reason(Risk.RAISED, f"The first {active_class.value} that we know of.")


def _of_the_client(facts: Facts, on: date) -> Iterator[Reason]:
    isotretinoin = facts.client.isotretinoin
    if isotretinoin is not None and isotretinoin.taking is Taking.NOW:
        yield Reason(Risk.HIGH, "Isotretinoin is being taken.")
    age = facts.client.age_on(on)
    if age is None:
        yield Reason(Risk.HIGH, "The age is not known.")
    elif age < OF_AGE:
        yield Reason(Risk.HIGH, f"A minor, {age} years old.")


def _first_time(facts: Facts) -> Iterator[ActiveClass]:
    """Classes to begin with care that are asked for, and that she has not had as far as we know."""
    had = {one.active_class for one in facts.dispensed or ()} | _classes(facts.regimen)
    asked = _classes(facts.candidates)
    yield from (one for one in BEGUN_WITH_CARE if one in asked and one not in had)


def _classes(products: Iterable[Product]) -> set[ActiveClass]:
    return {
        active.active_class
        for product in products
        for active in product.actives
        if active.active_class is not None
    }
