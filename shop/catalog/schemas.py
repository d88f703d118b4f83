"""The catalogue on the wire, for those who keep it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from shop.catalog import importing
from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models import LegalClass, Way
from shop.web.api import Cents, Moment, PageQuery, QueryBoolean, Schema, StrictBoolean, Text

SKU = validate.Regexp(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z",
    error="Use 1 to 40 letters, digits, dots, hyphens or underscores.",
)


class IngredientIn(Schema):
    name = Text(required=True, shortest=1, longest=300)
    active = StrictBoolean(load_default=False)
    strength = Text(load_default="", longest=60)


class Uses(fields.List[Any]):
    """Words of a vocabulary, in any order, each once."""

    def __init__(self, words: type[StrEnum], **kwargs: Any) -> None:
        self.words = words
        super().__init__(
            fields.Enum(words, by_value=True), validate=validate.Length(max=len(words)), **kwargs
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        said = super()._deserialize(value, attr, data, **kwargs)
        return [word.value for word in self.words if word in said]


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
    # Left out: what actives and name give.
    concerns = Uses(Concern, load_default=None, allow_none=True)
    skin_types = Uses(SkinType, load_default=None, allow_none=True)
    ingredients = fields.List(
        fields.Nested(IngredientIn), load_default=list, validate=validate.Length(max=400)
    )


class ProductChanges(Schema):
    name = Text(shortest=1, longest=300)
    category = Text(longest=100)
    dosage_form = Text(longest=100)
    route = Text(longest=100)
    description = Text()
    concerns = Uses(Concern)
    skin_types = Uses(SkinType)
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
    gtin = Text(load_default=None, allow_none=True, longest=40)
    net_content = Content(load_default=None, allow_none=True)
    net_unit = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(["g", "mL"])
    )
    for_sale = StrictBoolean(load_default=False)


class VariantChanges(Schema):
    name = Text(shortest=1, longest=200)
    gtin = Text(allow_none=True, longest=40)
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


class ImportFile(Schema):
    file = Upload(required=True)


class NamesQuery(PageQuery):
    matched = QueryBoolean(load_default=None)


class ResolutionIn(Schema):
    """The INCI name or a synonym of the substance; null: it is no substance."""

    ingredient = Text(required=True, allow_none=True, shortest=1, longest=300)


class IngredientNameOut(ma.Schema):
    """A spelling that products brought, and the substance that it was matched to."""

    id = fields.UUID(attribute="name.id")
    name = fields.String(attribute="name.name")
    ingredient = fields.String(
        attribute="name.ingredient.inci_name", dump_default=None, allow_none=True
    )
    way = fields.Enum(Way, by_value=True, attribute="name.way")
    confidence = fields.Decimal(as_string=True, attribute="name.confidence")
    resolved_at = Moment(attribute="name.resolved_at", allow_none=True)
    products = fields.Integer()
    nearest = fields.List(fields.String())


class IngredientNamesOut(ma.Schema):
    items = fields.List(fields.Nested(IngredientNameOut))
    next = fields.String(allow_none=True)


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
    concerns = fields.List(fields.String())
    skin_types = fields.List(fields.String())
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

    dry_run = fields.Boolean()
    counts = fields.Nested(ImportCounts)
    rows = fields.List(fields.Nested(ImportRow))
