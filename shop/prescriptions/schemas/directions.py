"""Templates for directions, on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from shop.prescriptions.directing import LONGEST, LONGEST_NAME, Wording
from shop.web.api import Moment, Schema, StrictBoolean, Text, Whole


class DirectionsWordsIn(Schema):
    """What a version says. `form` and `active` as filed; empty: offered for any."""

    name = Text(required=True, shortest=1, longest=LONGEST_NAME)
    directions = Text(required=True, shortest=1, longest=LONGEST)
    form = Text(load_default="", longest=LONGEST_NAME)
    active = Text(load_default="", longest=LONGEST_NAME)


class DirectionsIn(DirectionsWordsIn):
    """A new one; `clinic`: offered to every physician, which a medical director may say."""

    clinic = StrictBoolean(load_default=False)


class DirectionsRewriteIn(DirectionsWordsIn):
    """`version` is the one that was read."""

    version = Whole(least=1, most=1_000_000, required=True)


class DirectionsEndIn(Schema):
    """The version that was read."""

    version = Whole(least=1, most=1_000_000, required=True)


class DirectionsOut(Schema):
    """A version of a template; `id` is the template's through all of them."""

    id = fields.UUID(attribute="series_id")
    version = fields.Integer()
    clinic = fields.Boolean(attribute="of_the_clinic")
    name = fields.String()
    directions = fields.String()
    form = fields.String()
    active = fields.String()
    by = fields.String(attribute="written_by.name")
    written_at = Moment()
    ended_at = Moment(allow_none=True)


class DirectionsListOut(Schema):
    items = fields.List(fields.Nested(DirectionsOut))


def wording(given: dict[str, Any]) -> Wording:
    """What a body asks to keep."""
    return Wording(given["name"], given["directions"], given["form"], given["active"])
