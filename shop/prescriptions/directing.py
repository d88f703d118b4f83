"""Templates for directions are written, written anew, and ended; no version is ever lost.

They only fill a field in. What is signed stands in the prescription, word for word.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError

from shop.accounts import duties
from shop.accounts.models import Duty, Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.prescriptions.errors import TemplateChanged, TemplateNameTaken, TemplateRefused
from shop.prescriptions.models import DirectionsTemplate

LONGEST_NAME, LONGEST = 80, 2000  # characters


@dataclass(frozen=True)
class Wording:
    """What a version says. `form` and `active` as in DirectionsTemplate: empty means any."""

    name: str
    directions: str
    form: str = ""
    active: str = ""

    def tidied(self) -> Wording:
        """As it is kept."""
        return Wording(
            " ".join(self.name.split()),
            self.directions.replace("\r\n", "\n").strip(),
            self.form.strip().upper(),
            self.active.strip().upper(),
        )


def is_director(person: Person, *, at: datetime) -> bool:
    """Whether she is a medical director on the day (UTC), who writes for the whole clinic."""
    held = duties.held_by(Duty.MEDICAL_DIRECTOR, day=at.astimezone(UTC).date())
    return any(one.id == person.id for one in held)


def write(
    wording: Wording, *, for_the_clinic: bool, by: Person, at: datetime
) -> DirectionsTemplate:
    """A new template, of one's own or of the clinic.

    Raises NotAllowed, TemplateRefused, TemplateNameTaken.
    """
    if by.role is not Role.PHYSICIAN:
        raise NotAllowed("Physicians write templates for directions.")
    if for_the_clinic:
        _require_director(by, at)
    return _written(uuid.uuid4(), 1, None if for_the_clinic else by.id, wording, by=by)


def rewrite(
    current: DirectionsTemplate, wording: Wording, *, read: int, by: Person, at: datetime
) -> DirectionsTemplate:
    """Its next version; the one before ends with it. The caller holds the lock of `current`.

    `read` is the version that was read. Raises NotAllowed, TemplateChanged, TemplateRefused,
    TemplateNameTaken.
    """
    end(current, read=read, by=by, at=at, told=False)
    return _written(current.series_id, current.version + 1, current.owner_id, wording, by=by)


def end(
    current: DirectionsTemplate, *, read: int, by: Person, at: datetime, told: bool = True
) -> None:
    """It is offered no more; prescriptions signed with its words keep them.

    The caller holds its lock. Raises NotAllowed, TemplateChanged.
    """
    if current.owner_id is None:
        _require_director(by, at)
    elif current.owner_id != by.id:
        raise NotAllowed("This template is somebody else's.")
    if current.version != read or current.ended_by_id is not None:
        raise TemplateChanged(
            "The template says something else by now. Read it again.", version=current.version
        )
    current.ended_by_id = by.id
    db.session.flush()  # the database stamps when; the next version finds its place free
    if told:
        events.record(Kind.DIRECTIONS_ENDED, current, version=current.version)


def _written(
    series_id: uuid.UUID, version: int, owner_id: uuid.UUID | None, wording: Wording, *, by: Person
) -> DirectionsTemplate:
    tidy = wording.tidied()
    _check(tidy)
    template = DirectionsTemplate(
        id=uuid.uuid4(),
        series_id=series_id,
        version=version,
        owner_id=owner_id,
        written_by_id=by.id,
        form=tidy.form,
        active=tidy.active,
        name=tidy.name,
        directions=tidy.directions,
    )
    try:
        with db.session.begin_nested():  # the row goes before its event
            db.session.add(template)
    except IntegrityError as error:
        if "directions_templates_name_is_free" in str(error.orig):
            raise TemplateNameTaken(
                "Another template has this name.", fields={"name": ["Choose another name."]}
            ) from None
        raise
    events.record(Kind.DIRECTIONS_WRITTEN, template, version=version)
    return template


def _require_director(by: Person, at: datetime) -> None:
    if not is_director(by, at=at):
        raise NotAllowed("The medical director writes templates for the whole clinic.")


def _check(tidy: Wording) -> None:
    wrong = {}
    if not 1 <= len(tidy.name) <= LONGEST_NAME:
        wrong["name"] = [f"Give it a name of up to {LONGEST_NAME} characters."]
    if not 1 <= len(tidy.directions) <= LONGEST:
        wrong["directions"] = [f"Write up to {LONGEST} characters for the client."]
    for field in ("form", "active"):
        if len(getattr(tidy, field)) > LONGEST_NAME:
            wrong[field] = [f"Write up to {LONGEST_NAME} characters, or leave it empty."]
    if wrong:
        raise TemplateRefused("This template cannot be kept as it is.", fields=wrong)
