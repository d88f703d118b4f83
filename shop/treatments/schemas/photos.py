"""Photos of reports on the wire. The picture itself is at an address of its own."""

from __future__ import annotations

import uuid

from flask_smorest.fields import Upload
from marshmallow import fields

from shop.accounts.models import Person
from shop.catalog import renditions
from shop.catalog.renditions import Rendition
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import queries
from shop.treatments.models import SessionReport
from shop.web import uploads
from shop.web.api import Moment, Schema


class PhotoIn(Schema):
    """`consent` to the statement that GET …/reports shows."""

    consent = fields.Boolean(load_default=False)


class PhotoFileIn(Schema):
    file = Upload(required=True)


class PhotoOut(Schema):
    id = fields.UUID()
    number = fields.Integer()
    statement = fields.String()
    added_at = Moment()
    erased_at = Moment(allow_none=True)


def sent_photo(
    reader: Person, number: str, report_id: uuid.UUID
) -> tuple[SessionReport, Rendition]:
    """The report, its plan locked, and the picture that this request sends for it, made anew.

    Made while no transaction waits, and not at all for a report that is not there. Raises NotFound,
    BadPicture.
    """
    queries.report_of(queries.plan_for(reader, number, at=now()), report_id)
    db.session.rollback()
    *_, largest = renditions.of(uploads.sent(renditions.MOST_BYTES))
    plan = queries.plan_for(reader, number, at=now(), lock=True)
    return queries.report_of(plan, report_id), largest


def chosen_photo() -> Rendition | None:
    """The picture that a form sends beside something else, made anew; None where none was chosen.

    Made while no transaction waits. Raises BadPicture.
    """
    picture = uploads.sent(renditions.MOST_BYTES)
    if not picture:
        return None
    db.session.rollback()
    *_, largest = renditions.of(picture)
    return largest
