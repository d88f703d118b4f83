"""The languages that the shop speaks."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """What the shop speaks: an ISO 639-1 code."""

    ENGLISH = "en"
    SPANISH = "es"
