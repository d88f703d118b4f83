"""The shop on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from shop.catalog.models import LegalClass
from shop.catalog.states import ShopStatus
from shop.prescriptions.schemas import GateOut
from shop.storefront.searching import SORTS
from shop.web.api import Moment, PageQuery, Schema, State, Text, WholeQuery

HIGHEST_CENTS = 10_000_000


class QueryBoolean(fields.Boolean):
    """`true` or `false` in a query string, nothing else."""

    truthy = {"true"}
    falsy = {"false"}


class ProductsQuery(PageQuery):
    q = Text(load_default="", longest=200)
    category = Text(load_default=None, longest=100)
    brand = Text(load_default=None, longest=160)
    active = Text(load_default=None, longest=300)
    legal_class = fields.Enum(LegalClass, by_value=True, load_default=None)
    doctor_only = QueryBoolean(load_default=None)
    min_price = WholeQuery(least=0, most=HIGHEST_CENTS, load_default=None)
    max_price = WholeQuery(least=0, most=HIGHEST_CENTS, load_default=None)
    in_stock = QueryBoolean(load_default=None)
    sort = fields.String(load_default=None, validate=validate.OneOf(SORTS))


class GateQuery(Schema):
    quantity = WholeQuery(least=1, most=20, load_default=1)
    ship_to_state = State(load_default=None)


class BrandOut(ma.Schema):
    name = fields.String()
    slug = fields.String()


class SizeOut(ma.Schema):
    """A file of a picture: WebP; pixels."""

    width = fields.Integer()
    height = fields.Integer()
    url = fields.String()


class PictureOut(ma.Schema):
    """A picture, smallest size first; `sku` where it shows one pack."""

    alt = fields.String()
    sku = fields.String(allow_none=True)
    sizes = fields.List(fields.Nested(SizeOut))


class ProductOut(ma.Schema):
    """A product in a list."""

    slug = fields.String(attribute="product.slug")
    name = fields.String(attribute="product.name")
    brand = fields.Nested(BrandOut, attribute="product.brand")
    legal_class = fields.Enum(LegalClass, by_value=True, attribute="product.legal_class")
    doctor_only = fields.Boolean(attribute="product.doctor_only")
    category = fields.String(attribute="product.category")
    dosage_form = fields.String(attribute="product.dosage_form")
    strength = fields.String(attribute="product.strength_text")
    from_price_cents = fields.Integer(attribute="from_cents", allow_none=True)
    currency = fields.Constant("usd")
    in_stock = fields.Boolean()
    # The drawing that stands for it where there are no pictures.
    picture = fields.Function(lambda shown: f"/static/placeholders/{shown.picture}.svg")
    pictures = fields.List(fields.Nested(PictureOut))


class VariantOut(ma.Schema):
    """A pack on offer."""

    sku = fields.String(attribute="variant.sku")
    name = fields.String(attribute="variant.name")
    package_ndc = fields.String(attribute="variant.package_ndc", allow_none=True)
    gtin = fields.String(attribute="variant.gtin", allow_none=True)
    net_content = fields.Decimal(as_string=True, attribute="variant.net_content", allow_none=True)
    net_unit = fields.String(attribute="variant.net_unit", allow_none=True)
    price_cents = fields.Integer(attribute="price.cents", dump_default=None, allow_none=True)
    currency = fields.Constant("usd")
    available = fields.Integer()


class IngredientOut(ma.Schema):
    """A substance; `percent` is w/w or w/v, null where the filed strength is no clear share."""

    name = fields.String(attribute="ingredient.name")
    filed = fields.String(attribute="raw")
    strength = fields.String(attribute="strength_text")
    percent = fields.Decimal(as_string=True, allow_none=True)


class WarningOut(ma.Schema):
    code = fields.Function(lambda warning: warning[0])
    text = fields.Function(lambda warning: warning[1])


class WholeProductOut(ProductOut):
    """A product with all that is known of it."""

    route = fields.String(attribute="product.route")
    description = fields.String(attribute="product.description")
    marketing_category = fields.String(attribute="product.marketing_category")
    application_number = fields.String(attribute="product.application_number")
    register = fields.String(attribute="product.source")
    register_key = fields.String(attribute="product.source_key")
    published_at = Moment(attribute="product.published_at", allow_none=True)
    actives = fields.List(fields.Nested(IngredientOut))
    ingredients = fields.List(fields.Nested(IngredientOut), attribute="inactives")
    warnings = fields.List(fields.Nested(WarningOut))
    variants = fields.List(fields.Nested(VariantOut), attribute="offers")
    status = fields.Enum(ShopStatus, by_value=True, attribute="product.status")
    related = fields.List(fields.Nested(ProductOut))


class BundleItemOut(ma.Schema):
    """A pack in a bundle; `orderable` as far as price and stock go, the gate says the rest."""

    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    name = fields.String(attribute="variant.name")
    quantity = fields.Integer()
    price_cents = fields.Integer(attribute="price.cents", dump_default=None, allow_none=True)
    doctor_only = fields.Boolean(attribute="variant.doctor_only")
    available = fields.Integer()
    orderable = fields.Boolean()


class BundleOut(ma.Schema):
    """A bundle; `total_cents` is the sum of its items now, null where one has no price."""

    slug = fields.String(attribute="bundle.slug")
    name = fields.String(attribute="bundle.name")
    description = fields.String(attribute="bundle.description")
    total_cents = fields.Integer(allow_none=True)
    currency = fields.Constant("usd")
    items = fields.List(fields.Nested(BundleItemOut))
    picture = fields.Function(lambda shown: f"/static/placeholders/{shown.picture}.svg")
    pictures = fields.List(fields.Nested(PictureOut))


class BundlesOut(ma.Schema):
    items = fields.List(fields.Nested(BundleOut))


class ChoiceOut(ma.Schema):
    value = fields.Raw()
    label = fields.Raw()
    count = fields.Integer()


class FacetsOut(ma.Schema):
    category = fields.List(fields.Nested(ChoiceOut))
    brand = fields.List(fields.Nested(ChoiceOut))
    active = fields.List(fields.Nested(ChoiceOut))
    legal_class = fields.List(fields.Nested(ChoiceOut))
    doctor_only = fields.List(fields.Nested(ChoiceOut))


class ProductsOut(ma.Schema):
    items = fields.List(fields.Nested(ProductOut))
    next = fields.String(allow_none=True)
    facets = fields.Nested(FacetsOut)


class PackGateOut(GateOut):
    """The gate's answer for one pack."""

    sku = fields.String(attribute="wish.sku")
    quantity = fields.Integer(attribute="wish.quantity")


class ProductGateOut(PackGateOut):
    """The answer for the pack that comes furthest, and for every pack."""

    slug = fields.String()
    variants = fields.List(fields.Nested(PackGateOut))
