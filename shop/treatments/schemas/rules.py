"""What rules of scope and of windows say, for the desk on which rules are made.

Shapes only: whether the words mean something together, the row's `said` knows.
"""

from __future__ import annotations

from typing import ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from shop.accounts.models import LicenceKind
from shop.core.rules import Severity
from shop.treatments.procedures import LIBRARY
from shop.treatments.scope import Verdict
from shop.treatments.windows import SUBJECTS, Action, Anchor
from shop.treatments.windows.rules import CONDITIONS, FURTHEST
from shop.web.api import Schema, Text, Whole


class ScopeSays(Schema):
    """Who may do a procedure."""

    NEEDED: ClassVar[tuple[str, ...]] = ("procedure", "licence", "verdict")
    procedure = fields.String(validate=validate.OneOf(sorted(LIBRARY)))
    licence = fields.String(validate=validate.OneOf(list(LicenceKind)))
    verdict = fields.String(validate=validate.OneOf(list(Verdict)))
    supervision = Text(longest=300)


class WindowSays(Schema):
    """What a procedure asks of home care."""

    NEEDED: ClassVar[tuple[str, ...]] = (
        *("procedure", "subject", "anchor", "from_day", "to_day"),
        *("action", "severity", "published"),
    )
    procedure = fields.String(validate=validate.OneOf(sorted(LIBRARY)))
    subject = fields.String(validate=validate.OneOf(sorted(SUBJECTS)))
    anchor = fields.String(validate=validate.OneOf(list(Anchor)))
    from_day = Whole(least=-FURTHEST, most=FURTHEST)
    to_day = Whole(least=-FURTHEST, most=FURTHEST)
    action = fields.String(validate=validate.OneOf(list(Action)))
    severity = fields.String(validate=validate.OneOf([one.word for one in Severity]))
    published = Text(shortest=1, longest=1_000)
    when = fields.Dict(keys=Text(longest=40), validate=validate.Length(max=len(CONDITIONS)))


class ScopeTold(ma.Schema):
    """The same on the way out; null in a rule of another kind."""

    procedure = fields.String(dump_default=None, allow_none=True)
    licence = fields.String(dump_default=None, allow_none=True)
    verdict = fields.String(dump_default=None, allow_none=True)
    supervision = fields.String(dump_default=None, allow_none=True)


class WindowTold(ma.Schema):
    procedure = fields.String(dump_default=None, allow_none=True)
    subject = fields.String(dump_default=None, allow_none=True)
    anchor = fields.String(dump_default=None, allow_none=True)
    from_day = fields.Integer(dump_default=None, allow_none=True)
    to_day = fields.Integer(dump_default=None, allow_none=True)
    action = fields.String(dump_default=None, allow_none=True)
    severity = fields.String(dump_default=None, allow_none=True)
    published = fields.String(dump_default=None, allow_none=True)
    when = fields.Dict(attribute="condition", dump_default=None, allow_none=True)
