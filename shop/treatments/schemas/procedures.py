"""Procedures, and who may do them, on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from shop.accounts.models import LicenceKind
from shop.core.rules import Grade
from shop.core.usps import STATES
from shop.treatments.procedures import Depth, Family
from shop.treatments.scope import Verdict
from shop.web.api import QueryBoolean, Schema

STATE = validate.OneOf(sorted(STATES), error="Use the two-letter code of a US state, such as CA.")


class ProceduresQuery(Schema):
    """With `state`, each is answered for the licence that the reader holds there."""

    state = fields.String(load_default=None, validate=STATE)
    supervised = QueryBoolean(load_default=False)


class ScopeQuery(Schema):
    """`kind` is that of a licence; without it, of the one that the reader holds in the state."""

    state = fields.String(required=True, validate=STATE)
    kind = fields.String(load_default=None, validate=validate.OneOf(list(LicenceKind)))
    supervised = QueryBoolean(load_default=False)


class DecidingRuleOut(ma.Schema):
    number = fields.String()
    version = fields.Integer()
    jurisdiction = fields.String()
    verdict = fields.Enum(Verdict, by_value=True)
    supervision = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date(allow_none=True)
    source = fields.String()
    grade = fields.Enum(Grade, by_value=True)


class ScopeOut(ma.Schema):
    """`kind` is null where the reader holds no licence in the state."""

    procedure = fields.String()
    state = fields.String()
    kind = fields.String(allow_none=True)
    supervised = fields.Boolean()
    on = fields.Date()
    verdict = fields.Enum(Verdict, by_value=True)
    why = fields.String()
    rules = fields.List(fields.Nested(DecidingRuleOut))


class ProcedureOut(ma.Schema):
    """Downtime in days, the fewest and the most; `scope` is null where no state was given."""

    code = fields.String()
    name = fields.String()
    family = fields.Enum(Family, by_value=True)
    depth = fields.Enum(Depth, by_value=True, allow_none=True)
    areas = fields.List(fields.String())
    downtime = fields.List(fields.Integer())
    signs = fields.List(fields.String())
    ablative = fields.Boolean()
    published = fields.String()
    source = fields.String()
    grade = fields.Enum(Grade, by_value=True)
    scope = fields.Nested(ScopeOut, allow_none=True)


class ProceduresOut(ma.Schema):
    items = fields.List(fields.Nested(ProcedureOut))
