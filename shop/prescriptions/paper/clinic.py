"""Who issues the paper."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clinic:
    """As the settings name it; `address` is one line."""

    name: str
    address: str
    phone: str
