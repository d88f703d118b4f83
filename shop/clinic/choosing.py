"""Choose how the clinic looks."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

from PIL import Image, UnidentifiedImageError
from sqlalchemy.dialects.postgresql import insert

from shop.accounts.models import Person
from shop.clinic import colours, queries
from shop.clinic.errors import BadLook
from shop.clinic.models import LARGEST_LOGO, Look
from shop.core import events
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.events import Kind

HIGHEST = 400  # pixels of a logo, either way
FORMATS = {"PNG": "image/png", "WEBP": "image/webp"}


def choose(
    *,
    name: str,
    hero_title: str = "",
    hero_text: str = "",
    accent: str = "",
    logo: bytes = b"",
    keep_logo: bool = True,
    by: Person,
    at: datetime,
) -> Look:
    """Show the clinic so from now on. `accent` is #rrggbb or nothing; a new `logo` replaces the old
    one, which stays unless `keep_logo` is false. Raises BadLook, and StartAgain.
    """
    accent = accent.strip().lower()
    if accent and colours.contrast(accent, colours.LIGHT_PAPER) < colours.READABLE:
        raise BadLook(
            "White words could not be read on this accent. Choose a darker one.",
            fields={"accent": ["Too light: its contrast with the paper must be 4.5 at least."]},
        )
    before = queries.latest()
    shown: tuple[bytes | None, str | None] = (None, None)
    if logo:
        shown = (logo, _type_of(logo))
    elif before is not None and keep_logo:
        shown = (before.logo, before.logo_type)
    number = db.session.scalar(
        insert(Look)
        .values(
            number=before.number + 1 if before else 1,
            name=" ".join(name.split()),
            hero_title=hero_title.strip(),
            hero_text=hero_text.strip(),
            accent=accent,
            logo=shown[0],
            logo_type=shown[1],
            chosen_by_id=by.id,
        )
        .on_conflict_do_nothing()
        .returning(Look.number)
    )
    if number is None:
        raise StartAgain  # another manager chose one meanwhile
    look = db.session.get_one(Look, number)
    events.record(Kind.CLINIC_LOOK_CHOSEN, by, look=look.number, fields=_changed(before, look))
    return look


def _changed(before: Look | None, look: Look) -> list[str]:
    told = ("name", "hero_title", "hero_text", "accent", "logo")
    return [
        one for one in told if (getattr(before, one, None) or None) != (getattr(look, one) or None)
    ]


def _type_of(logo: bytes) -> str:
    """Of a picture small enough to stand in a header. Only its head is read."""
    if len(logo) > LARGEST_LOGO:
        raise _bad(f"Larger than {LARGEST_LOGO // 1000} kB. Save it smaller.")
    try:
        with Image.open(BytesIO(logo), formats=tuple(FORMATS)) as picture:
            wide, high, kind = picture.width, picture.height, str(picture.format)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise _bad("This is no PNG or WebP picture. Save it as one of these.") from None
    if max(wide, high) > HIGHEST:
        raise _bad(f"{wide} by {high} pixels. At most {HIGHEST} either way.")
    return FORMATS[kind]


def _bad(why: str) -> BadLook:
    return BadLook("The logo cannot be used.", fields={"file": [why]})
