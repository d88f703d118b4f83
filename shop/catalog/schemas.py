"""The catalogue on the wire, for those who keep it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from shop.catalog import importing
from shop.catalog.models import Import, LegalClass, Outcome
from shop.catalog.states import ImportStatus
from shop.web.api import Cents, Moment, PageQuery, Schema, StrictBoolean, Text

SKU = validate.Regexp(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z",
    error="Use 1 to 40 letters, digits, dots, hyphens or underscores.",
)


class IngredientIn(Schema):
    name = Text(required=True, shortest=1, longest=300)
    active = StrictBoolean(load_default=False)
    strength = Text(load_default="", longest=60)


class ProductIn(Schema):
    key = Text(load_default=None, allow_none=True, shortest=1, longest=60)
    name = Text(required=True, shortest=1, longest=300)
    brand = Text(required=True, shortest=1, longest=300)
    legal_class = fields.Enum(LegalClass, by_value=True, required=True)
    doctor_only = StrictBoolean(load_default=False)
    category = Text(load_default="", longest=100)
    dosage_form = Text(load_default="", longest=100)
    route = Text(load_default="", longest=100)
    description = Text(load_default="")
    ingredients = fields.List(
        fields.Nested(IngredientIn), load_default=list, validate=validate.Length(max=400)
    )


class ProductChanges(Schema):
    name = Text(shortest=1, longest=300)
    category = Text(longest=100)
    dosage_form = Text(longest=100)
    route = Text(longest=100)
    description = Text()
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = StrictBoolean()


class Content(fields.Decimal):
    """How much a pack holds: above 0, at most six places."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(places=6, allow_nan=False, as_string=True, **kwargs)
        self.validators.insert(0, validate.Range(min=0, min_inclusive=False, max=10**9))


class VariantIn(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    name = Text(required=True, shortest=1, longest=200)
    gtin = Text(load_default=None, allow_none=True, longest=14)
    net_content = Content(load_default=None, allow_none=True)
    net_unit = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(["g", "mL"])
    )
    for_sale = StrictBoolean(load_default=False)


class VariantChanges(Schema):
    name = Text(shortest=1, longest=200)
    gtin = Text(allow_none=True, longest=14)
    net_content = Content(allow_none=True)
    net_unit = fields.String(allow_none=True, validate=validate.OneOf(["g", "mL"]))
    for_sale = StrictBoolean()


class PriceIn(Schema):
    cents = Cents(required=True)
    # The name of the wire is a word of Python.
    valid_from = Moment(data_key="from", load_default=None, allow_none=True)


class ImportIn(Schema):
    source = fields.String(required=True, validate=validate.OneOf(importing.SOURCES))
    dry_run = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=False)

    profile = Text(load_default="", longest=60)
    mapping = Text(load_default="", longest=20_000)


class ProfileIn(Schema):
    """How a supplier's sheet is read: our columns by theirs."""

    columns = fields.Dict(keys=Text(longest=60), required=True)
    decimal_comma = StrictBoolean(load_default=False)


class ProfileOut(ma.Schema):
    name = fields.String()
    mapping = fields.Dict()


class ImportFile(Schema):
    file = Upload(required=True)


class PriceOut(ma.Schema):
    sku = fields.String(attribute="variant.sku")
    cents = fields.Integer()
    currency = fields.Constant("usd")
    valid_from = Moment(data_key="from")
    valid_until = Moment(data_key="until", allow_none=True)


class KeptVariantOut(ma.Schema):
    sku = fields.String()
    name = fields.String()
    package_ndc = fields.String(allow_none=True)
    gtin = fields.String(allow_none=True)
    net_content = fields.Decimal(as_string=True, allow_none=True)
    net_unit = fields.String(allow_none=True)
    for_sale = fields.Boolean()
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = fields.Boolean()


class KeptProductOut(ma.Schema):
    """A product as its keeper sees it."""

    slug = fields.String()
    source = fields.String()
    key = fields.String(attribute="source_key")
    name = fields.String()
    brand = fields.String(attribute="brand.name")
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = fields.Boolean()
    finished = fields.Boolean()
    category = fields.String()
    dosage_form = fields.String()
    route = fields.String()
    description = fields.String()
    flags = fields.List(fields.String())
    published_at = Moment(allow_none=True)
    variants = fields.List(fields.Nested(KeptVariantOut))


class ImportCounts(ma.Schema):
    created = fields.Integer()
    changed = fields.Integer()
    unchanged = fields.Integer()
    quarantined = fields.Integer()


class ImportRow(ma.Schema):
    row = fields.Integer()
    key = fields.String()
    outcome = fields.String()
    reasons = fields.List(fields.String())
    raw = fields.Dict()


class ImportReport(ma.Schema):
    """What became of every row; the counts add up to the rows of the file."""

    id = fields.UUID(allow_none=True)
    dry_run = fields.Boolean()
    counts = fields.Nested(ImportCounts)
    rows = fields.List(fields.Nested(ImportRow))


class ImportOut(ma.Schema):
    """How far an import is. The counts add up to the rows done, those to the file's in the end."""

    id = fields.UUID()
    source = fields.String()
    name = fields.String()
    dry_run = fields.Boolean()
    status = fields.Enum(ImportStatus, by_value=True)
    rows_total = fields.Integer()
    rows_done = fields.Integer()
    counts = fields.Nested(ImportCounts)
    seconds_left = fields.Float(allow_none=True)
    error = fields.String()
    started_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)

    @staticmethod
    def of(record: Import, at: datetime) -> dict[str, Any]:
        """With how long it will take, seen from `at`."""
        kept = {name: getattr(record, name) for name in ImportOut().fields if hasattr(record, name)}
        return kept | {"seconds_left": record.seconds_to_go(at)}


class ImportRowsQuery(PageQuery):
    outcome = fields.Enum(Outcome, by_value=True, load_default=None)


class ImportRows(ma.Schema):
    items = fields.List(fields.Nested(ImportRow))
    next = fields.String(allow_none=True)
