"""Pictures of products and bundles: add one, say what it shows, put them in order, remove one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts.models import Person
from shop.catalog import queries
from shop.catalog.errors import BadOrder, BadPicture, NoSuchPicture
from shop.catalog.models import (
    Bundle,
    Picture,
    PictureFile,
    PictureSize,
    Product,
    Variant,
)
from shop.catalog.renditions import Rendition
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

MOST_PICTURES = 12
LONGEST_ALT = 300


def add(
    thing: Product | Bundle,
    made: Sequence[Rendition],
    *,
    alt: str,
    variant: Variant | None = None,
    by: Person | None,
    at: datetime,
) -> Picture:
    """A picture more, the last in line. `thing` is locked. Raises BadPicture."""
    alt = _described(alt)
    if variant is not None and variant.product_id != thing.id:
        raise BadPicture(
            "That pack is not of this product.", fields={"sku": ["Not a pack of this product."]}
        )
    shown = queries.pictures(thing)
    if len(shown) >= MOST_PICTURES:
        raise BadPicture(f"There are {MOST_PICTURES} pictures already. Remove one first.")
    picture = Picture(
        id=uuid.uuid4(),
        product_id=thing.id if isinstance(thing, Product) else None,
        bundle_id=thing.id if isinstance(thing, Bundle) else None,
        variant_id=variant.id if variant else None,
        alt=alt,
        position=1 + max((one.position for one in shown), default=0),
    )
    db.session.add(picture)
    db.session.flush()  # its sizes point at it
    _keep(picture, made)
    events.record(Kind.PICTURE_ADDED, thing, picture=str(picture.id), files=_names(made))
    return picture


def describe(picture: Picture, thing: Product | Bundle, alt: str, *, by: Person | None) -> Picture:
    """Say in other words what it shows. Raises BadPicture."""
    alt = _described(alt)
    if picture.alt != alt:
        picture.alt = alt
        events.record(Kind.PICTURE_CHANGED, thing, picture=str(picture.id), fields=["alt"])
    return picture


def arrange(thing: Product | Bundle, ids: Sequence[uuid.UUID], *, by: Person | None) -> None:
    """Put the pictures in this order; each is named once. Raises BadOrder."""
    shown = {one.id: one for one in queries.pictures(thing)}
    if sorted(ids) != sorted(shown):
        raise BadOrder(
            "Name every picture once, in the order wanted.",
            fields={"pictures": ["Each of the pictures, once."]},
            pictures=[str(one) for one in shown],
        )
    if list(ids) != list(shown):
        for position, picture_id in enumerate(ids, start=1):
            shown[picture_id].position = position
        events.record(Kind.PICTURE_CHANGED, thing, fields=["order"])


def remove(picture: Picture, thing: Product | Bundle, *, by: Person | None, at: datetime) -> None:
    """Show it no longer. Its row and files stay, and nobody is sent them."""
    picture.ended_at = at
    events.record(Kind.PICTURE_REMOVED, thing, picture=str(picture.id))


def one_of(thing: Product | Bundle, picture_id: uuid.UUID) -> Picture:
    """A picture that is shown of this thing. Raises NoSuchPicture."""
    for picture in queries.pictures(thing):
        if picture.id == picture_id:
            return picture
    raise NoSuchPicture("There is no such picture here.")


def _described(alt: str) -> str:
    alt = " ".join(alt.split())
    if not 1 <= len(alt) <= LONGEST_ALT:
        raise BadPicture(
            "Say what the picture shows, for those who do not see it.",
            fields={"alt": [f"1 to {LONGEST_ALT} characters."]},
        )
    return alt


def _keep(picture: Picture, made: Sequence[Rendition]) -> None:
    """The files, once each whoever shows them, and which of them are this picture's."""
    rows = [
        {"digest": one.digest, "data": one.data, "width": one.width, "height": one.height}
        for one in made
    ]
    db.session.execute(insert(PictureFile).on_conflict_do_nothing(), rows)
    sizes = [{"picture_id": picture.id, "digest": one.digest} for one in made]
    db.session.execute(sa.insert(PictureSize), sizes)


def _names(made: Sequence[Rendition]) -> list[str]:
    return [one.digest.hex() for one in made]
