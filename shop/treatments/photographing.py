"""A client adds a photo to a report, with a consent of its own, and may take it back."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.catalog.renditions import Rendition
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, NotFound
from shop.core.events import Kind
from shop.treatments.errors import ReportRefused
from shop.treatments.models import ReportPhoto, SessionReport
from shop.treatments.models.photos import LARGEST, MOST

# What she agrees to, by version; one that was shown is never edited. Counsel reads it first.
STATEMENTS = {
    "2026-1": "I agree that this photo is kept with my report and seen by those who treat me here,"
    " for my treatment only. I can erase it at any time.",
}
CURRENT = "2026-1"


def add(
    report: SessionReport, picture: Rendition, *, consent: bool, by: Person, at: datetime
) -> ReportPhoto:
    """Keep a photo, sealed. Its plan is locked. Raises NotAllowed, ReportRefused."""
    if by.id != report.client_id:
        raise NotAllowed("A client adds photos of her own skin.")
    if not consent:
        raise ReportRefused(
            "A photo is kept only with your consent.",
            fields={"consent": ["Agree to it, or leave the photo out."]},
        )
    if len(report.photos) >= MOST:
        raise ReportRefused(
            f"A report takes {MOST} photos.", fields={"file": ["Add it to another report."]}
        )
    photo = ReportPhoto(id=uuid.uuid4(), report_id=report.id, statement=CURRENT)
    photo.picture = picture.data
    if len(photo.picture_sealed or b"") > LARGEST:
        raise ReportRefused(
            "This picture is too large.",
            fields={"file": ["Cut it to what matters, and send that."]},
        )
    db.session.add(photo)
    db.session.flush()
    db.session.expire(report, ["photos"])
    events.record(Kind.SKIN_PHOTO_ADDED, report, photo=photo.number)
    return photo


def erase(report: SessionReport, photo: ReportPhoto, *, by: Person, at: datetime) -> None:
    """Take the picture back, for good; erased before, nothing happens. Raises NotAllowed."""
    if by.id != report.client_id:
        raise NotAllowed("A photo is erased by whose it is.")
    if photo.erased_at is not None:
        return
    photo.picture_sealed = None
    db.session.flush()  # the database says when
    db.session.refresh(photo, ["erased_at"])
    events.record(Kind.SKIN_PHOTO_ERASED, report, photo=photo.number)


def photo_of(report: SessionReport, photo_id: uuid.UUID) -> ReportPhoto:
    """One that was added to this report. Raises NotFound."""
    for photo in report.photos:
        if photo.id == photo_id:
            return photo
    raise NotFound("There is no such photo.")
