"""How the clinic looks now. Asked by every page, so a process remembers it for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from shop.clinic.models import Look
from shop.core.db import db

FRESH_FOR = 15  # seconds in which another process may still show the look before


@dataclass(frozen=True)
class Shown:
    """A look as pages use it. Number 0: nobody has chosen yet, the settings' name is shown."""

    number: int
    name: str
    hero_title: str = ""
    hero_text: str = ""
    accent: str = ""
    logo_type: str | None = None


def shown() -> Shown:
    """The look of now, at most 15 seconds old."""
    kept: tuple[float, Shown] | None = current_app.extensions.get("clinic_look")
    if kept is None or (time.monotonic() - kept[0] > FRESH_FOR and not current_app.testing):
        kept = (time.monotonic(), _read())
        current_app.extensions["clinic_look"] = kept
    return kept[1]


def forget() -> None:
    """Read it anew: it was changed."""
    current_app.extensions.pop("clinic_look", None)


def latest() -> Look | None:
    """The last that was chosen."""
    return db.session.scalars(sa.select(Look).order_by(Look.number.desc()).limit(1)).one_or_none()


def looks() -> list[Look]:
    """All that were chosen, the last first."""
    return list(db.session.scalars(sa.select(Look).order_by(Look.number.desc()).limit(50)))


def _read() -> Shown:
    look = latest()
    if look is None:
        return Shown(0, current_app.config["SHOP"].clinic_name)
    return Shown(
        look.number, look.name, look.hero_title, look.hero_text, look.accent, look.logo_type
    )
