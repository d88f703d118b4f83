"""What a manager types about the clinic's look."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from shop.clinic.models import LONGEST_NAME, LONGEST_TITLE, LONGEST_WORDS


class LookIn(ma.Schema):
    """A look. Colours as #rrggbb."""

    name = fields.String(
        required=True,
        validate=validate.Length(1, LONGEST_NAME),
        error_messages={"required": "Say how the clinic is called."},
    )
    hero_title = fields.String(load_default="", validate=validate.Length(max=LONGEST_TITLE))
    hero_text = fields.String(load_default="", validate=validate.Length(max=LONGEST_WORDS))
    accent = fields.String(
        load_default="",
        validate=validate.Regexp(
            "^#[0-9A-Fa-f]{6}$", error="A colour is # and six digits, such as #0e5e5a."
        ),
    )
    keep_logo = fields.Boolean(load_default=False)
