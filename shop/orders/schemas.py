"""Carts and orders on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from marshmallow import fields, post_load, validate

from shop.core.events import Kind
from shop.core.money import CURRENCY
from shop.inventory.models import MAX_RECEIVED_UNITS
from shop.inventory.receiving import LONGEST_LOT_NUMBER
from shop.invoices.history import Happened
from shop.merchant.routes import Route
from shop.orders import carriers
from shop.orders.cancelling import ClientReason, StaffReason
from shop.orders.checkout import Address, Via
from shop.orders.explaining import CartExplained, LineExplained, OrderExplained
from shop.orders.handing_over import Met
from shop.orders.models import MAX_QUANTITY, Order
from shop.orders.pricing import SHIPPING_METHODS
from shop.orders.standing import Standing, standing
from shop.orders.states import LineStatus, OrderStatus
from shop.payments.models import Payment
from shop.prescriptions.schemas import ExplainedOut, GateOut, LawOut, told_gate, told_law
from shop.web.api import Cents, Moment, PageQuery, Schema, State, Text, Whole

LONGEST_SKU = 60
LONGEST_CODE = 60  # of a discount, as typed
MOST_LINES = 100
LONGEST_SCAN = 500
STANDING = {"type": "string", "enum": [word.value for word in Standing]}
OF_CARRIERS = f"One of {', '.join(carriers.CARRIERS)}."
CANCELLATION_REASONS = sorted({*ClientReason, *StaffReason})
POSTAL_CODE = validate.Regexp(
    r"\A[0-9]{5}(-[0-9]{4})?\Z", error="Must be a ZIP code such as 94607 or 94607-1234."
)


class QuantityIn(Schema):
    quantity = Whole(required=True, least=1, most=MAX_QUANTITY)


class CartLineOut(Schema):
    sku = fields.String(attribute="line.variant.sku")
    name = fields.String(attribute="line.variant.name")
    product = fields.String(attribute="line.variant.product.name")
    slug = fields.String(attribute="line.variant.product.slug")
    quantity = fields.Integer(attribute="line.quantity")
    unit_price_cents = fields.Integer(attribute="price.cents", allow_none=True, dump_default=None)
    total_cents = fields.Integer(allow_none=True)
    gate = fields.Nested(GateOut, attribute="decision")


class CartOut(Schema):
    """The client's cart. A wish: nothing is held, prices are today's."""

    lines = fields.List(fields.Nested(CartLineOut))
    subtotal_cents = fields.Integer()
    currency = fields.String()


class LeftOutOut(Schema):
    sku = fields.String()
    name = fields.String()
    why = fields.String()


class BundledCartOut(CartOut):
    """The cart after a bundle was put into it; `left_out` is what is not for sale now."""

    left_out = fields.List(fields.Nested(LeftOutOut))


class AddressForm(Schema):
    """An address, field by field."""

    name = Text(required=True, shortest=1, longest=100)
    line1 = Text(required=True, shortest=1, longest=100)
    line2 = Text(load_default="", longest=100)
    city = Text(required=True, shortest=1, longest=60)
    state = State(required=True)
    postal_code = fields.String(required=True, validate=POSTAL_CODE)
    country = fields.String(
        load_default="US", validate=validate.OneOf(["US"], error="We ship within the US only.")
    )
    phone = Text(load_default="", longest=30)


class AddressIn(AddressForm):
    @post_load
    def _address(self, data: dict[str, Any], **_: object) -> Address:
        data.pop("country")
        return Address(**data)


class OrderIn(Schema):
    lines = fields.List(
        Text(shortest=1, longest=LONGEST_SKU),
        load_default=None,
        validate=validate.Length(min=1, max=MOST_LINES),
        metadata={"description": "SKUs in the cart; all of it where left out."},
    )
    shipping_address = fields.Nested(AddressIn, required=True)
    shipping_method = fields.String(required=True, validate=validate.OneOf(list(SHIPPING_METHODS)))
    expect_total_cents = Cents(load_default=None, allow_none=True)
    payment_route = fields.Enum(Route, by_value=True, load_default=Route.ONLINE)
    discount_code = Text(load_default=None, allow_none=True, longest=LONGEST_CODE)
    use_credit = fields.Boolean(
        load_default=False,
        metadata={"description": "Whether my store credit pays what it can."},
    )


class QuoteIn(Schema):
    """A cart, or named lines of it, to a state: no order, nothing is held."""

    lines = fields.List(
        Text(shortest=1, longest=LONGEST_SKU),
        load_default=None,
        validate=validate.Length(min=1, max=MOST_LINES),
        metadata={"description": "SKUs in the cart; all of it where left out."},
    )
    state = State(required=True)
    shipping_method = fields.String(required=True, validate=validate.OneOf(list(SHIPPING_METHODS)))
    discount_code = Text(load_default=None, allow_none=True, longest=LONGEST_CODE)
    use_credit = fields.Boolean(
        load_default=False,
        metadata={"description": "Whether my store credit pays what it can."},
    )


class QuotedLineOut(Schema):
    """A line with its shares of discount and tax."""

    sku = fields.Function(lambda line: line[0].variant.sku)
    quantity = fields.Function(lambda line: line[0].quantity)
    unit_price_cents = fields.Function(lambda line: line[0].price.cents)
    total_cents = fields.Function(lambda line: line[0].item.cents)
    discount_cents = fields.Function(lambda line: line[1].discount_cents)
    tax_cents = fields.Function(lambda line: line[1].tax_cents)


class WayOut(Schema):
    """A way to ship, with what it would cost."""

    code = fields.Function(lambda way: way[0].code)
    name = fields.Function(lambda way: way[0].name)
    cents = fields.Function(lambda way: way[1])


class QuoteOut(Schema):
    """What it would cost now. Send `total_cents` as `expect_total_cents` when it is ordered."""

    lines = fields.List(fields.Nested(QuotedLineOut))
    subtotal_cents = fields.Integer(attribute="totals.subtotal_cents")
    discount_cents = fields.Integer(attribute="totals.discount_cents")
    discount_code = fields.String(allow_none=True)
    shipping_cents = fields.Integer(attribute="totals.shipping_cents")
    tax_cents = fields.Integer(attribute="totals.tax_cents")
    total_cents = fields.Integer(attribute="totals.total_cents")
    credit_cents = fields.Integer(attribute="totals.credit_cents")
    due_cents = fields.Integer(attribute="totals.due_cents")
    currency = fields.Constant(CURRENCY)
    shipping_methods = fields.List(fields.Nested(WayOut), attribute="ways")


class OrdersQuery(PageQuery):
    status = fields.Enum(OrderStatus, by_value=True, load_default=None)


class CancellationIn(Schema):
    """A word of a closed list: what is typed freely could say something of her health.

    Clients: asked_for, changed_mind, mistake, takes_too_long. Who works here: asked_for,
    cannot_be_delivered, damaged, not_paid_for, ordered_twice, suspected_fraud, wrong_price.
    """

    reason = fields.String(load_default="asked_for", validate=validate.OneOf(CANCELLATION_REASONS))


class LineCancellationIn(CancellationIn):
    """Some lines of a paid order that have not left."""

    lines = fields.List(
        Text(shortest=1, longest=LONGEST_SKU),
        required=True,
        validate=validate.Length(min=1, max=MOST_LINES),
        metadata={"description": "SKUs of the order."},
    )


class AgainOut(Schema):
    """A pack of an earlier order: `added` to the cart, or why not. `decision` is the gate's answer,
    or "not_sold" where the shop does not sell it to her.
    """

    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    added = fields.Boolean()
    decision = fields.String()
    sentence = fields.String()


class ReorderedOut(Schema):
    lines = fields.List(fields.Nested(AgainOut))


class TakenWishIn(Schema):
    sku = Text(required=True, shortest=1, longest=LONGEST_SKU)
    quantity = Whole(required=True, least=1, most=MAX_QUANTITY)


class TakenIn(Schema):
    """What a client wishes, as whoever takes her order writes it down."""

    wishes = fields.List(
        fields.Nested(TakenWishIn), required=True, validate=validate.Length(min=1, max=MOST_LINES)
    )
    shipping_address = fields.Nested(AddressIn, required=True)
    shipping_method = fields.String(required=True, validate=validate.OneOf(list(SHIPPING_METHODS)))
    expect_total_cents = Cents(load_default=None, allow_none=True)
    via = fields.Enum(
        Via,
        by_value=True,
        required=True,
        validate=validate.NoneOf([Via.ONLINE], error="Must be one of: telephone, desk."),
    )


class TakenQuoteIn(Schema):
    wishes = fields.List(
        fields.Nested(TakenWishIn), required=True, validate=validate.Length(min=1, max=MOST_LINES)
    )
    state = State(required=True)
    shipping_method = fields.String(required=True, validate=validate.OneOf(list(SHIPPING_METHODS)))


class TakenQuoteLineOut(Schema):
    """`text` says nothing of the client's health: she reads the reasons in her own cart."""

    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    unit_cents = fields.Integer()
    open = fields.Boolean()
    decision = fields.String()
    text = fields.String()


class TakenQuoteOut(Schema):
    open = fields.Boolean()
    lines = fields.List(fields.Nested(TakenQuoteLineOut))
    subtotal_cents = fields.Integer(attribute="totals.subtotal_cents")
    discount_cents = fields.Integer(attribute="totals.discount_cents")
    shipping_cents = fields.Integer(attribute="totals.shipping_cents")
    tax_cents = fields.Integer(attribute="totals.tax_cents")
    total_cents = fields.Integer(attribute="totals.total_cents")


class FindClientQuery(Schema):
    q = Text(required=True, shortest=2, longest=100)


class FoundClientOut(Schema):
    """A client, as far as it takes to know whom an order is for."""

    id = fields.UUID()
    name = fields.String()
    email = fields.String()
    state = fields.String()


class FoundClientsOut(Schema):
    items = fields.List(fields.Nested(FoundClientOut))


class ToTakeOut(Schema):
    place = fields.String(attribute="location.code")
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    expires_on = fields.Date(attribute="lot.expires_on")
    units = fields.Integer()


class LineOut(Schema):
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    unit_price_cents = fields.Integer()
    total_cents = fields.Integer()
    discount_cents = fields.Integer()
    tax_cents = fields.Integer()
    status = fields.Enum(LineStatus, by_value=True)
    requires_prescription = fields.Boolean()
    prescription = fields.String(attribute="fill.prescription.number", dump_default=None)
    fill = fields.Integer(attribute="fill.number", dump_default=None)


class ParcelLineOut(Schema):
    sku = fields.String(attribute="line.sku")
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    units = fields.Integer()


class ShipmentOut(Schema):
    number = fields.String()
    carrier = fields.String()
    tracking = fields.String()
    tracking_url = fields.Function(lambda one: carriers.link(one.carrier, one.tracking))
    handed_to = fields.String(allow_none=True)
    shipped_at = Moment()
    lines = fields.List(fields.Nested(ParcelLineOut))


class AddressOut(Schema):
    name = fields.String()
    line1 = fields.String()
    line2 = fields.String()
    city = fields.String()
    state = fields.String(attribute="ship_to_state")
    postal_code = fields.String()
    country = fields.String()
    phone = fields.String()


class OrderBriefOut(Schema):
    """An order in a list."""

    number = fields.String()
    status = fields.Enum(OrderStatus, by_value=True)
    standing = fields.Function(lambda order: standing(order).value, metadata=STANDING)
    lines = fields.List(fields.Nested(LineOut))
    subtotal_cents = fields.Integer()
    discount_cents = fields.Integer()
    shipping_cents = fields.Integer()
    tax_cents = fields.Integer()
    total_cents = fields.Integer()
    credit_cents = fields.Integer()
    due_cents = fields.Integer()
    currency = fields.String()
    shipping_method = fields.String()
    shipping_address = fields.Function(lambda order: AddressOut().dump(order))
    shipments = fields.List(fields.Nested(ShipmentOut))
    created_at = Moment(attribute="placed_at")
    payment_route = fields.Enum(Route, by_value=True)
    pay_by = Moment()
    paid_at = Moment(allow_none=True)


class OrdersOut(Schema):
    items = fields.List(fields.Nested(OrderBriefOut))
    next = fields.String(allow_none=True)


class PaymentBriefOut(Schema):
    """How paying stands: "none" before the first attempt."""

    status = fields.String()
    url = fields.String(allow_none=True)
    refunded_cents = fields.Integer()


class HappenedOut(Schema):
    """`why` is for who works here, and so are the facts of what is not the order's or a line's."""

    kind = fields.Enum(Kind, by_value=True)
    at = Moment()
    sku = fields.String(allow_none=True)
    what = fields.String()
    who = fields.String()
    why = fields.String()
    facts = fields.Dict()


class Told(NamedTuple):
    """An order with what is known of its money and its history."""

    order: Order
    payment: Payment | Mapping[str, object]
    history: list[Happened]
    treatments: Sequence[Mapping[str, object]] = ()


NO_PAYMENT: Mapping[str, object] = {"status": "none", "url": None, "refunded_cents": 0}


class TreatmentOut(Schema):
    """What her treatments ask of a line, now or next."""

    sku = fields.String()
    sentences = fields.List(fields.String())


class OrderOut(OrderBriefOut):
    """An order as a whole; dumps a `Told`. `treatments` is for the client who looks at it."""

    discount_code = fields.String(allow_none=True)
    payment = fields.Nested(PaymentBriefOut)
    history = fields.List(fields.Nested(HappenedOut))
    treatments = fields.List(fields.Nested(TreatmentOut))
    shipping_address = fields.Function(lambda told: AddressOut().dump(told.order))
    standing = fields.Function(lambda told: standing(told.order).value, metadata=STANDING)

    def get_attribute(self, obj: Told, attr: str, default: Any) -> Any:
        """From the order, unless it stands beside it."""
        source = obj if attr in Told._fields else obj.order
        return super().get_attribute(source, attr, default)


class PlacedUnderOut(Schema):
    """What a line was placed under: the rule of law that spoke of it then, its fill."""

    requires_prescription = fields.Boolean()
    law = fields.Nested(LawOut, allow_none=True)
    prescription = fields.String(allow_none=True)
    fill = fields.Integer(allow_none=True)


class LineExplanationOut(Schema):
    """`gate` is null for what has left or was cancelled: the gate is not asked about it again."""

    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    status = fields.Enum(LineStatus, by_value=True)
    gate = fields.Nested(ExplainedOut, allow_none=True)
    placed_under = fields.Nested(PlacedUnderOut)
    law_changed = fields.Boolean()


class OrderExplanationOut(Schema):
    """Why each line goes on or does not, beside what held when the order was placed."""

    number = fields.String()
    status = fields.Enum(OrderStatus, by_value=True)
    ship_to_state = fields.String()
    placed_at = Moment()
    lines = fields.List(fields.Nested(LineExplanationOut))


class WishExplanationOut(Schema):
    sku = fields.String()
    quantity = fields.Integer()
    gate = fields.Nested(ExplainedOut)


class CartExplanationOut(Schema):
    lines = fields.List(fields.Nested(WishExplanationOut))


def told_order(told: OrderExplained, *, inside: bool) -> dict[str, Any]:
    """As OrderExplanationOut shows it; `inside` is for who decides about rules."""
    order = told.order
    return {
        "number": order.number,
        "status": order.status,
        "ship_to_state": order.ship_to_state,
        "placed_at": order.placed_at,
        "lines": [_told_line(one, told, inside=inside) for one in told.lines],
    }


def told_cart(told: CartExplained) -> dict[str, Any]:
    """As CartExplanationOut shows it, to the client."""
    lines = [
        {
            "sku": gate.decision.wish.sku,
            "quantity": gate.decision.wish.quantity,
            "gate": told_gate(gate, told.laws, inside=False),
        }
        for gate in told.gates
    ]
    return {"lines": lines}


def _told_line(one: LineExplained, told: OrderExplained, *, inside: bool) -> dict[str, Any]:
    line = one.line
    law = told.laws.get(line.rule_id) if line.rule_id else None
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "status": line.status,
        "gate": told_gate(one.gate, told.laws, inside=inside) if one.gate else None,
        "placed_under": {
            "requires_prescription": line.requires_prescription,
            "law": told_law(law, inside=inside),
            "prescription": line.fill.prescription.number if line.fill else None,
            "fill": line.fill.number if line.fill else None,
        },
        "law_changed": one.law_changed,
    }


class PickedOut(Schema):
    """Units that were taken from the shelf for a line and scanned."""

    id = fields.UUID()
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    place = fields.String(attribute="location.code")
    units = fields.Integer()
    picked_at = Moment()
    put_back_at = Moment(allow_none=True)


class ToPickOut(Schema):
    """A line: `lots` are still to be taken, `picked` are taken; `packed`: only the parcel lacks.

    `stopped` is what was picked of lots that may not be sent any more: put it back.
    """

    sku = fields.String(attribute="line.sku")
    name = fields.String(attribute="line.name")
    quantity = fields.Integer(attribute="line.quantity")
    goes = fields.Boolean()
    short = fields.String(allow_none=True)
    gate = fields.Nested(GateOut, attribute="decision")
    lots = fields.List(fields.Nested(ToTakeOut), attribute="picks")
    picked = fields.List(fields.Nested(PickedOut))
    stopped = fields.List(fields.Nested(PickedOut))
    labelled = fields.Boolean()
    packed = fields.Boolean()


class PickingListOut(Schema):
    order = fields.String()
    lines = fields.List(fields.Nested(ToPickOut))


class PickIn(Schema):
    """What was scanned or typed: a SKU or GTIN, and the maker's lot number.

    `item` may hold what no text may (U+001D, as scanners send it); it is never kept.
    """

    item = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_SCAN))
    lot_number = Text(load_default="", longest=LONGEST_LOT_NUMBER)
    units = Whole(least=1, most=MAX_QUANTITY, load_default=1)


class ShortageIn(Schema):
    sku = Text(required=True, shortest=1, longest=LONGEST_SKU)
    lot_number = Text(required=True, shortest=1, longest=LONGEST_LOT_NUMBER)
    place = Text(required=True, shortest=1, longest=20)
    units = Whole(required=True, least=1, most=MAX_RECEIVED_UNITS)


class ShortageOut(Schema):
    """Units that should lie in a place and were not found there."""

    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    place = fields.String(attribute="location.code")
    units = fields.Integer()
    said_at = Moment()


class StopOut(Schema):
    place = fields.String(attribute="location.code")
    sku = fields.String()
    name = fields.String()
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    expires_on = fields.Date(attribute="lot.expires_on")
    units = fields.Integer()
    orders = fields.Function(
        lambda stop: [{"order": number, "units": units} for number, units in stop.wanted]
    )


class TourOut(Schema):
    """One walk for all orders that wait, place by place; `short` is what the shelf lacks."""

    stops = fields.List(fields.Nested(StopOut))
    short = fields.Function(
        lambda tour: [
            {"order": order.number, "sku": line.sku, "why": why} for order, line, why in tour.short
        ]
    )


class MetIn(Schema):
    """What the client says at the desk."""

    name = Text(required=True, shortest=1, longest=100)
    birth_date = fields.Date(required=True)

    @post_load
    def _met(self, data: dict[str, Any], **_: object) -> Met:
        return Met(**data)


class ParcelForm(Schema):
    """How it leaves: carrier and number, or name and day of birth where it is picked up."""

    carrier = Text(longest=60, load_default="")
    tracking = Text(longest=60, load_default="")
    name = Text(longest=100, load_default="")
    birth_date = fields.Date(load_default=None)


def way(typed: Mapping[str, Any]) -> dict[str, Any]:
    """How it leaves, as `shipping.ship` takes it."""
    named = typed["name"] and typed["birth_date"]
    met = Met(typed["name"], typed["birth_date"]) if named else None
    return {"carrier": typed["carrier"], "tracking": typed["tracking"], "met": met}


class ShipmentIn(Schema):
    lines = fields.List(
        Text(shortest=1, longest=LONGEST_SKU),
        load_default=None,
        validate=validate.Length(min=1, max=MOST_LINES),
        metadata={"description": "SKUs of the order; all that are ready where left out."},
    )
    carrier = Text(load_default="", longest=60, metadata={"description": OF_CARRIERS})
    tracking = Text(load_default="", longest=60)
    handed_to = fields.Nested(
        MetIn,
        load_default=None,
        metadata={"description": "Where the client picks it up: who she says she is."},
    )
