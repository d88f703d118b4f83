"""Who issues the paper."""

from __future__ import annotations

from dataclasses import dataclass

from shop.config import Config
from shop.core.errors import Unavailable


@dataclass(frozen=True)
class Clinic:
    """As the settings name it; `address` is one line."""

    name: str
    address: str
    phone: str

    @classmethod
    def of(cls, config: Config) -> Clinic:
        """Raises Unavailable where a setting that belongs on every paper is missing."""
        if not (config.clinic_address and config.clinic_phone):
            raise Unavailable(
                "Nothing can be printed before CLINIC_ADDRESS and CLINIC_PHONE are set."
            )
        return cls(config.clinic_name, config.clinic_address, config.clinic_phone)
