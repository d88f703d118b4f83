"""Permissions on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.catalog.models import LegalClass
from shop.merchant.models import LONGEST_DOCUMENT
from shop.merchant.routes import Route
from shop.web.api import Moment, Schema, Text


class PermissionIn(Schema):
    """`document`: a certificate's number or a processor's letter, never a secret of theirs."""

    route = fields.Enum(Route, by_value=True, load_default=Route.ONLINE)
    legal_class = fields.Enum(LegalClass, by_value=True, required=True)
    document = Text(required=True, shortest=1, longest=LONGEST_DOCUMENT)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(required=True)


class PermissionEndIn(Schema):
    ended_on = fields.Date(required=True)


class PermissionOut(Schema):
    """In force from `valid_from` until, not including, `valid_until` or `ended_on`."""

    id = fields.UUID()
    route = fields.Enum(Route, by_value=True)
    legal_class = fields.Enum(LegalClass, by_value=True)
    document = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date()
    recorded_by = fields.String(attribute="recorded_by.name", dump_default=None)
    recorded_at = Moment()
    ended_on = fields.Date(allow_none=True)
    ended_by = fields.String(attribute="ended_by.name", dump_default=None)


class PermissionsOut(Schema):
    items = fields.List(fields.Nested(PermissionOut))
