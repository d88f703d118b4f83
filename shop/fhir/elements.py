"""The small parts that FHIR resources are made of, as plain JSON values (R4, datatypes.html)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

Element = dict[str, Any]

NDC = "http://hl7.org/fhir/sid/ndc"
NPI = "http://hl7.org/fhir/sid/us-npi"
UCUM = "http://unitsofmeasure.org"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"


@dataclass(frozen=True)
class Place:
    """Where the façade stands: `base` is its address, without a slash at the end.

    Our own numbers and words are named under it, too: they are this clinic's.
    """

    base: str

    def numbers(self, of: str) -> str:
        """The system of our numbers of one kind, such as "prescription"."""
        return f"{self.base}/NamingSystem/{of}"

    def words(self, of: str) -> str:
        """The system of a closed vocabulary of ours."""
        return f"{self.base}/CodeSystem/{of}"

    def extension(self, name: str) -> str:
        """The definition of something that FHIR has no element for."""
        return f"{self.base}/StructureDefinition/{name}"


def said(members: Mapping[str, Any]) -> Element:
    """The members that say something: FHIR knows no null and no empty list or object."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def instant(at: datetime) -> str:
    """A moment, in UTC, as exact as it is kept."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(at: datetime | None) -> str | None:
    """The same, where there may be none."""
    return None if at is None else instant(at)


def meta(updated: datetime) -> Element:
    """`updated` is the moment of the newest event of what is shown."""
    return {"lastUpdated": instant(updated)}


def reference(kind: str, one: UUID | str, display: str | None = None) -> Element:
    """A pointer to another resource of the façade."""
    return said({"reference": f"{kind}/{one}", "display": display})


def coding(system: str, code: str, display: str | None = None) -> Element:
    return said({"system": system, "code": code, "display": display})


def concept(*codings: Element, text: str | None = None) -> Element:
    return said({"coding": list(codings), "text": text})


def identifier(system: str, value: str) -> Element:
    return {"system": system, "value": value}


def days(count: int | None) -> Element | None:
    """A stretch of whole days."""
    if count is None:
        return None
    return {"value": count, "unit": "days", "system": UCUM, "code": "d"}


def packs(count: int, of: str) -> Element:
    """So many of a pack: `of` is its name, "20 g tube"."""
    return {"value": count, "unit": of}
