"""The catalogue on the wire, for those who keep it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from shop.catalog import bulk_editing, bundling, importing, picturing, relating
from shop.catalog.models import LegalClass
from shop.catalog.queries import picture_url
from shop.catalog.states import ShopStatus
from shop.web.api import Cents, Moment, Schema, StrictBoolean, Text, Whole

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


class RelatedIn(Schema):
    related = fields.List(
        Text(longest=160), required=True, validate=validate.Length(max=relating.MOST_RELATED)
    )


class PriceListQuery(Schema):
    on = fields.Date(load_default=None)


class PictureIn(Schema):
    """Beside the file of a picture: what it shows, and which pack, if one."""

    alt = Text(required=True, shortest=1, longest=picturing.LONGEST_ALT)
    sku = Text(load_default=None, longest=40)


class PictureFileIn(Schema):
    file = Upload(required=True)


class PictureChanges(Schema):
    alt = Text(required=True, shortest=1, longest=picturing.LONGEST_ALT)


class PictureOrderIn(Schema):
    pictures = fields.List(
        fields.UUID(), required=True, validate=validate.Length(max=picturing.MOST_PICTURES)
    )


class BundleItemIn(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    quantity = Whole(least=1, most=bundling.MOST_UNITS, load_default=1)


SLUG = validate.Regexp(
    r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z", error="Use lower-case letters and digits, hyphens between."
)


def _items() -> fields.List[Any]:
    most = validate.Length(max=bundling.MOST_ITEMS)
    return fields.List(fields.Nested(BundleItemIn), validate=most)


class BundleIn(Schema):
    slug = Text(required=True, shortest=1, longest=160, validate=SLUG)
    name = Text(required=True, shortest=1, longest=300)
    description = Text(load_default="")
    items = _items()


class BundleChanges(Schema):
    name = Text(shortest=1, longest=300)
    description = Text()
    items = _items()


class BulkPrice(Schema):
    cents = Cents(required=True)
    valid_from = Moment(data_key="from", load_default=None, allow_none=True)


class BulkVariant(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    name = Text(shortest=1, longest=200)
    gtin = Text(allow_none=True, longest=14)
    for_sale = StrictBoolean()
    price = fields.Nested(BulkPrice)


class BulkChanges(ProductChanges):
    """What is to become of a product; `for_sale` is said of all its packs."""

    status = fields.Enum(ShopStatus, by_value=True)
    for_sale = StrictBoolean()


class BulkItemChanges(BulkChanges):
    variants = fields.List(fields.Nested(BulkVariant), validate=validate.Length(max=100))


class BulkItem(Schema):
    slug = Text(required=True, longest=160)
    changes = fields.Nested(BulkItemChanges, required=True)


class BulkWhere(Schema):
    """Products that fit all that is named; at least one thing is."""

    category = Text(longest=100)
    brand = Text(longest=160)
    legal_class = fields.Enum(LegalClass, by_value=True)
    status = fields.Enum(ShopStatus, by_value=True)
    source = fields.String(validate=validate.OneOf(importing.SOURCES))

    @ma.validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not data:
            raise ma.ValidationError("Name at least one thing: not everything at once.")


class BulkIn(Schema):
    """Either `items`, each with its changes, or `where` and the `changes` of all that fit."""

    items = fields.List(
        fields.Nested(BulkItem), validate=validate.Length(min=1, max=bulk_editing.MOST_PRODUCTS)
    )
    where = fields.Nested(BulkWhere)
    changes = fields.Nested(BulkChanges)
    dry_run = StrictBoolean(load_default=False)

    @ma.validates_schema
    def _one_way(self, data: dict[str, Any], **_: object) -> None:
        if ("items" in data) == ("where" in data) or ("where" in data) != ("changes" in data):
            raise ma.ValidationError("Send items, or where and changes.", "items")


class ImportIn(Schema):
    source = fields.String(required=True, validate=validate.OneOf(importing.SOURCES))
    dry_run = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=False)


class ImportFile(Schema):
    file = Upload(required=True)


class PriceOut(ma.Schema):
    id = fields.UUID()
    sku = fields.String(attribute="variant.sku")
    cents = fields.Integer()
    currency = fields.Constant("usd")
    valid_from = Moment(data_key="from")
    valid_until = Moment(data_key="until", allow_none=True)


class ListedPriceOut(ma.Schema):
    """A price, and whether it is past, current or future."""

    id = fields.String()
    sku = fields.String()
    cents = fields.Integer()
    currency = fields.String()
    begins = fields.String(attribute="from", data_key="from")
    until = fields.String(allow_none=True)
    when = fields.String()


class PricesOut(ma.Schema):
    items = fields.List(fields.Nested(ListedPriceOut))


class KeptSizeOut(ma.Schema):
    width = fields.Integer()
    height = fields.Integer()
    url = fields.Function(lambda size: picture_url(size.digest))


class KeptPictureOut(ma.Schema):
    """A picture as its keeper sees it; `sizes` are WebP, smallest first."""

    id = fields.UUID()
    alt = fields.String()
    sizes = fields.List(fields.Nested(KeptSizeOut))


class KeptPicturesOut(ma.Schema):
    items = fields.List(fields.Nested(KeptPictureOut))


class RelatedOut(ma.Schema):
    slug = fields.String()
    name = fields.String()
    status = fields.Enum(ShopStatus, by_value=True)


class RelationsOut(ma.Schema):
    items = fields.List(fields.Nested(RelatedOut))


class KeptItemOut(ma.Schema):
    sku = fields.String(attribute="variant.sku")
    quantity = fields.Integer()


class KeptBundleOut(ma.Schema):
    """A bundle as its keeper sees it."""

    slug = fields.String()
    name = fields.String()
    description = fields.String()
    status = fields.Enum(ShopStatus, by_value=True)
    published_at = Moment(allow_none=True)
    retired_at = Moment(allow_none=True)
    items = fields.List(fields.Nested(KeptItemOut))


class EditedOut(ma.Schema):
    """What changed of a product, and of its packs by SKU."""

    slug = fields.String()
    changed = fields.List(fields.String())
    variants = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class BulkOut(ma.Schema):
    dry_run = fields.Boolean()
    items = fields.List(fields.Nested(EditedOut))


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
    status = fields.Enum(ShopStatus, by_value=True)
    published_at = Moment(allow_none=True)
    retired_at = Moment(allow_none=True)
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
