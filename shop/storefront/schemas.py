"""The shop on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models import ActiveClass, LegalClass
from shop.catalog.states import ShopStatus
from shop.prescriptions.schemas import GateOut
from shop.storefront.searching import SORTS, Found
from shop.web.api import Moment, PageQuery, QueryBoolean, Schema, State, Text, WholeQuery
from shop.web.paging import bad_cursor, values, written

HIGHEST_CENTS = 10_000_000
MOST_CHOICES = 20  # of one facet, in one request
LONGEST_CURSOR = 1_000


class Choices(fields.List[Any]):
    """Choices of a facet: the name repeated, `brand=a&brand=b`. Any of them will do."""

    def __init__(self, each: fields.Field[Any]) -> None:
        super().__init__(each, load_default=list, validate=validate.Length(max=MOST_CHOICES))


class ProductsQuery(PageQuery):
    """What to look for. Every facet named must be met, by any of its choices."""

    after = Text(longest=LONGEST_CURSOR, load_default=None)
    q = Text(load_default="", longest=200)
    category = Choices(Text(longest=100))
    brand = Choices(Text(longest=160))
    concern = Choices(fields.Enum(Concern, by_value=True))
    skin_type = Choices(fields.Enum(SkinType, by_value=True))
    active = Choices(Text(longest=300))
    active_class = Choices(fields.Enum(ActiveClass, by_value=True))
    strength = Choices(Text(longest=340))
    legal_class = Choices(fields.Enum(LegalClass, by_value=True))
    price = Choices(Text(longest=30))
    doctor_only = QueryBoolean(load_default=None)
    pregnancy_safe = QueryBoolean(
        load_default=None,
        metadata={"description": "Every active is known to be, and nothing is known not to be."},
    )
    min_price = WholeQuery(least=0, most=HIGHEST_CENTS, load_default=None)
    max_price = WholeQuery(least=0, most=HIGHEST_CENTS, load_default=None)
    in_stock = QueryBoolean(load_default=None)
    suitable = QueryBoolean(
        load_default=False,
        metadata={"description": "Only what the gate opens to you today; for clients."},
    )
    sort = fields.String(load_default=None, validate=validate.OneOf(SORTS))
    facets = QueryBoolean(
        load_default=True, metadata={"description": "false: without counts, a little faster."}
    )


def key_of(found: Found, cursor: str | None) -> tuple[Any, ...] | None:
    """The key that a page begins behind. Raises BadCursor for one of another order."""
    if cursor is None:
        return None
    sort, *key = values(cursor, (str, *found.kinds))
    if sort != found.sort:
        raise bad_cursor()
    return tuple(key)


def cursor_of(found: Found, key: tuple[Any, ...] | None) -> str | None:
    """What a page hands out so that the next one begins behind this key."""
    return None if key is None else written((found.sort, *key))


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
    teaser = fields.Boolean(metadata={"description": "Its price is told by the physician."})
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
    """A substance: `inci_name` null where the dictionary does not know it, `percent` (w/w or w/v)
    null where the filed strength is no clear share.
    """

    name = fields.String()
    inci_name = fields.String(attribute="ingredient.inci_name", dump_default=None, allow_none=True)
    active_class = fields.Enum(
        ActiveClass,
        by_value=True,
        attribute="ingredient.active_class",
        dump_default=None,
        allow_none=True,
    )
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
    """How many products each choice would leave, the choices of its own facet set aside."""

    category = fields.List(fields.Nested(ChoiceOut))
    brand = fields.List(fields.Nested(ChoiceOut))
    concern = fields.List(fields.Nested(ChoiceOut))
    skin_type = fields.List(fields.Nested(ChoiceOut))
    active = fields.List(fields.Nested(ChoiceOut))
    active_class = fields.List(fields.Nested(ChoiceOut))
    strength = fields.List(fields.Nested(ChoiceOut))
    legal_class = fields.List(fields.Nested(ChoiceOut))
    doctor_only = fields.List(fields.Nested(ChoiceOut))
    pregnancy_safe = fields.List(fields.Nested(ChoiceOut))
    price = fields.List(fields.Nested(ChoiceOut))


class PriceRangeOut(ma.Schema):
    """The lowest and the highest price, in cents, the choice of a price set aside."""

    min = fields.Integer(allow_none=True)
    max = fields.Integer(allow_none=True)


class MendedOut(ma.Schema):
    """A word that nothing is called, and what was looked for instead."""

    typed = fields.String()
    used = fields.String()


class HitOut(ProductOut):
    """A product in a list; `gate` for a signed-in client, for the pack that comes furthest."""

    gate = fields.Nested(GateOut, allow_none=True)


class ProductsOut(ma.Schema):
    """A page of products.

    `count` is before the gate: with `suitable` it is the most there can be. `partly`: no product
    has all the words, these have the most of them. `unmatched`: words that stand nowhere.
    """

    items = fields.List(fields.Nested(HitOut))
    next = fields.String(allow_none=True)
    count = fields.Integer()
    facets = fields.Nested(FacetsOut, allow_none=True)
    prices = fields.Nested(PriceRangeOut, allow_none=True)
    mended = fields.List(fields.Nested(MendedOut))
    unmatched = fields.List(fields.String())
    partly = fields.Boolean()
    check_digit_expected = fields.Integer(
        allow_none=True, metadata={"description": "Of a bar code that was typed and is not right."}
    )


class PackGateOut(GateOut):
    """The gate's answer for one pack."""

    sku = fields.String(attribute="wish.sku")
    quantity = fields.Integer(attribute="wish.quantity")


class ProductGateOut(PackGateOut):
    """The answer for the pack that comes furthest, and for every pack."""

    slug = fields.String()
    variants = fields.List(fields.Nested(PackGateOut))
