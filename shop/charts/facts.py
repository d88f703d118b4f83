"""What can be said in a chart: a small closed form per kind of fact, and what makes one usable.

Pure. Names follow HL7 FHIR R4: AllergyIntolerance (substance, reaction, severity), Condition,
MedicationStatement, RelatedPerson. Whatever a person wrote is kept as she wrote it; what the
dictionary made of it stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints
from uuid import UUID

from shop.catalog.concerns import Concern
from shop.catalog.models import Way
from shop.charts.errors import FactRefused

LONGEST_NAME = 200  # characters of a substance, a medicine, a name
LONGEST_WORDS = 500  # characters of what happened, or of a condition in her own words
LONGEST_PHONE = 40
OVERDUE = timedelta(days=21)  # a due date may lie so far back,
TERM = timedelta(days=300)  # or so far ahead: 42 weeks and a few days

Problems = dict[str, str]  # field → what is wrong with it


class FactKind(StrEnum):
    """The kinds of facts. Of SINGULAR ones at most one stands."""

    ALLERGY = "allergy"
    CONDITION = "condition"
    PREGNANCY = "pregnancy"
    MEDICINE = "medicine"
    FITZPATRICK = "fitzpatrick"
    CONCERN = "concern"
    GUARDIAN = "guardian"


SINGULAR = (FactKind.PREGNANCY, FactKind.FITZPATRICK)
ASKED_FOR_NONE = (FactKind.ALLERGY, FactKind.CONDITION, FactKind.MEDICINE)


class Severity(StrEnum):
    """Of a reaction (FHIR reaction-event-severity)."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class ConditionCode(StrEnum):
    """Conditions that rules know; the rest is OTHER, in words."""

    ECZEMA = "eczema"
    PSORIASIS = "psoriasis"
    ROSACEA = "rosacea"
    COLD_SORES = "cold_sores"
    OPEN_SKIN = "open_skin"  # open or infected
    SUNBURN = "sunburn"
    MELASMA = "melasma"
    KELOIDS = "keloids"
    ASTHMA = "asthma"
    OTHER = "other"


class PregnancyStatus(StrEnum):
    NONE = "none"
    PREGNANT = "pregnant"
    TRYING = "trying"
    BREASTFEEDING = "breastfeeding"


class Phototype(StrEnum):
    """Fitzpatrick's skin phototypes."""

    I = "I"  # noqa: E741  # always burns, never tans
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"
    VI = "VI"

    @property
    def number(self) -> int:
        """1 to 6, for comparing."""
        return list(Phototype).index(self) + 1


class Relationship(StrEnum):
    """Who a guardian is to the client (FHIR RelatedPerson.relationship)."""

    MOTHER = "mother"
    FATHER = "father"
    GRANDPARENT = "grandparent"
    LEGAL_GUARDIAN = "legal_guardian"
    OTHER = "other"


# Oral isotretinoin by its US brand names (FDA, iPLEDGE REMS); the dictionary knows substances only.
ISOTRETINOIN = frozenset(
    {
        *("isotretinoin", "accutane", "roaccutane", "absorica", "absorica ld", "amnesteem"),
        *("claravis", "myorisan", "sotret", "zenatane"),
    }
)


@dataclass(frozen=True)
class Allergy:
    """What she reacts to, in her words, and the substance of the dictionary where it is one."""

    kind: ClassVar = FactKind.ALLERGY
    substance: str  # as she wrote it
    reaction: str = ""  # what happened (FHIR reaction.manifestation)
    severity: Severity | None = None
    ingredient_id: UUID | None = None
    inci_name: str | None = None
    way: Way = Way.NONE  # how the dictionary understood it

    @property
    def about(self) -> str:
        """Two allergies to one substance are one fact, where it is sure that it is one."""
        return _known(self.inci_name, self.way) or self.substance.casefold()

    def problems(self, today: date) -> Problems:
        """What is wrong with it, by field."""
        return _words(self, substance=LONGEST_NAME) | _words(
            self, needed=False, reaction=LONGEST_WORDS
        )


@dataclass(frozen=True)
class Condition:
    """An illness or a state of the skin."""

    kind: ClassVar = FactKind.CONDITION
    code: ConditionCode
    text: str = ""  # in her words

    @property
    def about(self) -> str:
        """A coded condition stands once; others by their words."""
        return self.text.casefold() if self.code is ConditionCode.OTHER else self.code

    def problems(self, today: date) -> Problems:
        """What is wrong with it, by field."""
        return _words(self, needed=self.code is ConditionCode.OTHER, text=LONGEST_WORDS)


@dataclass(frozen=True)
class Pregnancy:
    """Whether she is pregnant, trying or breastfeeding.

    `said_on` is the day she said so, where it is not the entry's.
    """

    kind: ClassVar = FactKind.PREGNANCY
    status: PregnancyStatus
    due_on: date | None = None
    said_on: date | None = None

    about: ClassVar = ""

    def problems(self, today: date) -> Problems:
        """What is wrong with it, by field."""
        if self.due_on is None:
            return {}
        if self.status is not PregnancyStatus.PREGNANT:
            return {"due_on": "Only a pregnancy has a due date."}
        if not today - OVERDUE <= self.due_on <= today + TERM:
            return {"due_on": "Give a day within the next ten months."}
        return {}


@dataclass(frozen=True)
class Medicine:
    """Something she takes or uses, or took: without a last day she takes it now."""

    kind: ClassVar = FactKind.MEDICINE
    name: str  # as she wrote it
    dose: str = ""
    last_taken_on: date | None = None
    ingredient_id: UUID | None = None
    inci_name: str | None = None
    way: Way = Way.NONE

    @property
    def about(self) -> str:
        """One medicine, whatever its dose."""
        return _known(self.inci_name, self.way) or self.name.casefold()

    @property
    def isotretinoin(self) -> bool:
        """By its substance, or by a word of its name that is one of its brands."""
        if self.inci_name == "ISOTRETINOIN":
            return True
        said = " ".join(self.name.casefold().replace("-", " ").replace(",", " ").split())
        return any(f" {name} " in f" {said} " for name in ISOTRETINOIN)

    def problems(self, today: date) -> Problems:
        """What is wrong with it, by field."""
        found = _words(self, name=LONGEST_NAME) | _words(self, needed=False, dose=LONGEST_NAME)
        if self.last_taken_on is not None and self.last_taken_on > today:
            found["last_taken_on"] = "This day lies ahead. Leave it out while it is taken."
        elif self.last_taken_on is not None and self.last_taken_on.year < 1900:
            found["last_taken_on"] = "Give the year with four figures."
        return found


@dataclass(frozen=True)
class Fitzpatrick:
    """How her skin answers to the sun."""

    kind: ClassVar = FactKind.FITZPATRICK
    phototype: Phototype

    about: ClassVar = ""

    def problems(self, today: date) -> Problems:
        """A word of a closed vocabulary is always usable."""
        return {}


@dataclass(frozen=True)
class SkinConcern:
    """What she would like to be better, in the catalogue's words."""

    kind: ClassVar = FactKind.CONCERN
    concern: Concern

    @property
    def about(self) -> str:
        """Each concern stands once."""
        return self.concern

    def problems(self, today: date) -> Problems:
        """A word of a closed vocabulary is always usable."""
        return {}


@dataclass(frozen=True)
class Guardian:
    """Who answers for her: for a minor; an adult may have one, too."""

    kind: ClassVar = FactKind.GUARDIAN
    name: str
    relationship: Relationship
    phone: str = ""

    @property
    def about(self) -> str:
        """One person."""
        return self.name.casefold()

    def problems(self, today: date) -> Problems:
        """What is wrong with it, by field."""
        return _words(self, name=LONGEST_NAME) | _words(self, needed=False, phone=LONGEST_PHONE)


@dataclass(frozen=True)
class NoneKnown:
    """She was asked and knows of none: another answer than never having been asked."""

    kind: FactKind

    about: ClassVar = ""

    def problems(self, today: date) -> Problems:
        """Of these kinds only there is something to be known."""
        if self.kind in ASKED_FOR_NONE:
            return {}
        return {"none_known": f"Choose one of: {', '.join(ASKED_FOR_NONE)}."}


Fact = Allergy | Condition | Pregnancy | Medicine | Fitzpatrick | SkinConcern | Guardian | NoneKnown
FORMS: dict[FactKind, type[Any]] = {
    form.kind: form
    for form in (Allergy, Condition, Pregnancy, Medicine, Fitzpatrick, SkinConcern, Guardian)
}


def check(fact: Fact, *, today: date) -> None:
    """Raises FactRefused, naming every field that is wrong as "<kind>.<field>"."""
    wrong = fact.problems(today)
    if wrong:
        raise FactRefused(
            "Some of this cannot be kept.",
            fields={
                name if name == "none_known" else f"{fact.kind}.{name}": [why]
                for name, why in wrong.items()
            },
        )


def written(fact: Fact) -> dict[str, Any]:
    """The fact as JSON, to be sealed; what was not said is left out."""
    if isinstance(fact, NoneKnown):
        return {"none_known": True}
    return {name: str(value) for name, value in vars(fact).items() if value not in (None, "")}


def read(kind: FactKind, content: Mapping[str, Any]) -> Fact:
    """The fact that `written` wrote."""
    if content.get("none_known"):
        return NoneKnown(kind)
    form = FORMS[kind]
    hints = get_type_hints(form)
    fact: Fact = form(**{name: _value(hints[name], text) for name, text in content.items()})
    return fact


def _value(hint: Any, text: str) -> Any:
    (form,) = [one for one in get_args(hint) or (hint,) if one is not NoneType]
    return date.fromisoformat(text) if form is date else form(text)


def _known(inci_name: str | None, way: Way) -> str | None:
    """A typing error is assumed, not known: it must not push aside what another word means."""
    return None if way is Way.FUZZY else inci_name


def _words(fact: object, *, needed: bool = True, **longest: int) -> Problems:
    """What is wrong with fields that hold words of a person."""
    found = {}
    for name, most in longest.items():
        text = getattr(fact, name)
        if needed and not text.strip():
            found[name] = "Write some words."
        elif len(text) > most:
            found[name] = f"Use at most {most} characters."
    return found
