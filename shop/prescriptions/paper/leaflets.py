"""What a client reads before her first fill: a leaflet for each family of actives, as data.

`texts/` holds versioned files. One that was shipped is never edited, a change is a new file: an
acknowledgement names the version that was read. A product has the leaflets of all its actives; the
versions, joined by "+", are the version of its leaflet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from shop.catalog.models import ActiveClass

FOLDER = Path(__file__).parent / "texts"
VERSION = re.compile(r"[a-z]+(-[a-z]+)*-[0-9]{4}-[0-9]{1,2}")
HEADINGS = {  # every leaflet says all of this, in this order
    "what_it_does": "What it does",
    "how_to_use": "How to use it",
    "do_not_use": "Do not use it",
    "pregnancy": "Pregnancy and breastfeeding",
    "sun": "Sun",
    "side_effects": "What you may notice",
    "call": "When to call us",
}
KEYS = {"version", "title", "cautions", "sources", *HEADINGS}
LONGEST_CAUTION = 90  # characters: it stands on a label


class Subject(StrEnum):
    """What a leaflet is about; in the order in which they are read."""

    RETINOID = "retinoid"
    HYDROQUINONE = "hydroquinone"
    ANTIBIOTIC = "antibiotic"
    STEROID = "steroid"
    AZELAIC = "azelaic"
    LASH = "lash"
    GENERAL = "general"


SUBJECTS = {
    ActiveClass.RETINOID: Subject.RETINOID,
    ActiveClass.HYDROQUINONE: Subject.HYDROQUINONE,
    ActiveClass.ANTIBIOTIC: Subject.ANTIBIOTIC,
    ActiveClass.CORTICOSTEROID: Subject.STEROID,
    ActiveClass.AZELAIC_ACID: Subject.AZELAIC,
    ActiveClass.PROSTAGLANDIN: Subject.LASH,
}

# What is read now; what was read before keeps its own.
CURRENT = {
    Subject.RETINOID: "retinoid-2026-1",
    Subject.HYDROQUINONE: "hydroquinone-2026-1",
    Subject.ANTIBIOTIC: "antibiotic-2026-1",
    Subject.STEROID: "steroid-2026-1",
    Subject.AZELAIC: "azelaic-2026-1",
    Subject.LASH: "lash-2026-1",
    Subject.GENERAL: "general-2026-1",
}
CHOICE = "pharmacy-choice-2026-1"  # shown with every leaflet, confirmed in the same act


class BrokenLeaflet(ValueError):
    """A file that cannot be read from."""


@dataclass(frozen=True)
class Part:
    """One file. `sections` are (heading, paragraphs); `cautions` stand on the dispensing label."""

    version: str
    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    cautions: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Leaflet:
    """What is read about one product: a part for each family of its actives."""

    version: str
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return " · ".join(part.title for part in self.parts)

    @property
    def cautions(self) -> tuple[str, ...]:
        """Of all parts, each once."""
        return tuple(dict.fromkeys(one for part in self.parts for one in part.cautions))


@dataclass(frozen=True)
class Choice:
    """That a client may have her prescription filled where she likes (Cal. B&P 4170(a)(7))."""

    version: str
    title: str
    paragraphs: tuple[str, ...]
    sources: tuple[str, ...]


def version_for(classes: Collection[str | None]) -> str:
    """The leaflet of a product with actives of these classes; never none."""
    known = {ActiveClass(one) for one in classes if one is not None}
    about = {SUBJECTS[one] for one in known if one in SUBJECTS} or {Subject.GENERAL}
    return "+".join(CURRENT[one] for one in Subject if one in about)


@cache
def leaflet(version: str) -> Leaflet:
    """A leaflet by its version. Raises KeyError for one that was never shipped."""
    versions = version.split("+")
    if len(set(versions)) < len(versions):
        raise KeyError(version)
    return Leaflet(version, tuple(part(one) for one in versions))


@cache
def part(version: str) -> Part:
    """One file by its version. Raises KeyError, BrokenLeaflet."""
    raw = _raw(version)
    if set(raw) != KEYS:
        wrong = sorted(set(raw) ^ KEYS)
        raise BrokenLeaflet(f"{version}: say each of {sorted(KEYS)} once; look at {wrong}.")
    sections = tuple((name, _texts(version, raw, key)) for key, name in HEADINGS.items())
    cautions = _texts(version, raw, "cautions")
    if any(len(one) > LONGEST_CAUTION for one in cautions):
        raise BrokenLeaflet(f"{version}: a caution has {LONGEST_CAUTION} characters at most.")
    return Part(version, str(raw["title"]), sections, cautions, _texts(version, raw, "sources"))


@cache
def choice(version: str = CHOICE) -> Choice:
    """The disclosure of her free choice of pharmacy. Raises KeyError, BrokenLeaflet."""
    raw = _raw(version)
    if set(raw) != {"version", "title", "paragraphs", "sources"}:
        raise BrokenLeaflet(f"{version}: it is no disclosure.")
    texts = _texts(version, raw, "paragraphs")
    return Choice(version, str(raw["title"]), texts, _texts(version, raw, "sources"))


def shipped() -> set[str]:
    """The versions of all files."""
    return {path.stem for path in FOLDER.glob("*.json")}


def _raw(version: str) -> dict[str, Any]:
    if not VERSION.fullmatch(version) or version not in shipped():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.get("version") != version:
        raise BrokenLeaflet(f"{version}: the file is named for another version.")
    return raw


def _texts(version: str, raw: dict[str, Any], key: str) -> tuple[str, ...]:
    texts = raw[key]
    fit = isinstance(texts, list) and texts and all(isinstance(one, str) and one for one in texts)
    if not fit:
        raise BrokenLeaflet(f"{version}: {key} must be a list of texts.")
    return tuple(texts)
