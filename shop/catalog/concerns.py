"""What products are used for: two closed vocabularies, and a first answer from what is known.

`derived` is pure: it reads the actives, the purposes a register filed and the name, and says for
which concerns and skin types a product is usually used. It is where the shipped catalogue starts;
what a manager sets stays. It says what people look for, it promises nothing and judges nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class Concern(StrEnum):
    ACNE = "acne"
    POST_ACNE_MARKS = "post_acne_marks"
    HYPERPIGMENTATION = "hyperpigmentation"
    MELASMA = "melasma"
    REDNESS = "redness"
    ROSACEA = "rosacea"
    FINE_LINES = "fine_lines"
    TEXTURE = "texture"
    DRYNESS = "dryness"
    DULLNESS = "dullness"
    OILINESS = "oiliness"
    SENSITIVITY = "sensitivity"
    SUN_PROTECTION = "sun_protection"
    POST_PROCEDURE = "post_procedure"
    DARK_CIRCLES = "dark_circles"
    SCARRING = "scarring"
    ECZEMA = "eczema"
    SUN_DAMAGE = "sun_damage"
    INFECTION = "infection"
    WARTS = "warts"
    HAIR_LASH = "hair_lash"

    @property
    def label(self) -> str:
        """For people."""
        return _LABELS.get(self, self.value.replace("_", " ").capitalize())


class SkinType(StrEnum):
    DRY = "dry"
    OILY = "oily"
    COMBINATION = "combination"
    NORMAL = "normal"
    SENSITIVE = "sensitive"
    ACNE_PRONE = "acne_prone"
    MATURE = "mature"

    @property
    def label(self) -> str:
        """For people."""
        return self.value.replace("_", "-").capitalize()


_LABELS = {
    Concern.POST_ACNE_MARKS: "Post-acne marks",
    Concern.POST_PROCEDURE: "After a treatment",
    Concern.HAIR_LASH: "Hair and lashes",
}


@dataclass(frozen=True)
class Uses:
    """For whom and for what, in the order of the vocabularies."""

    concerns: tuple[Concern, ...]
    skin_types: tuple[SkinType, ...]


def derived(*, name: str, purposes: str, actives: Iterable[str]) -> Uses:
    """The uses that the table of `data/concerns.json` gives; `actives` are normalised names."""
    table = _table()
    found: set[str] = set()
    for active in actives:
        found |= table.of_active.get(active, frozenset())
    for expression, words in table.of_words:
        if expression.search(name) or expression.search(purposes):
            found |= words
    return Uses(
        tuple(word for word in Concern if word in found),
        tuple(word for word in SkinType if f"skin:{word}" in found),
    )


@dataclass(frozen=True)
class _Table:
    of_active: dict[str, frozenset[str]]
    of_words: tuple[tuple[re.Pattern[str], frozenset[str]], ...]


@cache
def _table() -> _Table:
    kept = json.loads((Path(__file__).parent / "data" / "concerns.json").read_text())
    return _Table(
        {active: _words(group) for group in kept["actives"] for active in group["names"]},
        tuple(
            (re.compile(rf"\b(?:{group['words']})", re.IGNORECASE), _words(group))
            for group in kept["words"]
        ),
    )


def _words(group: dict[str, list[str]]) -> frozenset[str]:
    """A word that is in neither vocabulary is a mistake of the table's."""
    concerns = {Concern(word).value for word in group.get("concerns", [])}
    return frozenset(concerns | {f"skin:{SkinType(word)}" for word in group.get("skin_types", [])})
