"""How the clinic looks now, and looked."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from shop.clinic.models import Look
from shop.core.db import db


@dataclass(frozen=True)
class Shown:
    """A look as pages use it. Number 0: nobody has chosen yet, the settings' name is shown."""

    number: int
    name: str
    hero_title: str = ""
    hero_text: str = ""
    accent: str = ""
    logo_type: str | None = None


def latest() -> Look | None:
    """The last that was chosen."""
    return db.session.scalars(sa.select(Look).order_by(Look.number.desc()).limit(1)).one_or_none()


def looks() -> list[Look]:
    """All that were chosen, the last first."""
    return list(db.session.scalars(sa.select(Look).order_by(Look.number.desc()).limit(50)))


def shown(otherwise: str) -> Shown:
    """The look of now; before anybody has chosen one, the name `otherwise` and nothing else."""
    look = latest()
    if look is None:
        return Shown(0, otherwise)
    return Shown(
        look.number, look.name, look.hero_title, look.hero_text, look.accent, look.logo_type
    )
