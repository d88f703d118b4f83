"""The desk on the wire. What an open drawer should hold is told to nobody."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from shop.merchant.routes import Route
from shop.payments.states import Tender
from shop.tills.models import (
    LONGEST_EXPLANATION,
    LONGEST_NAME,
    LONGEST_NUMBER,
    MoneyMove,
)
from shop.tills.money import DENOMINATIONS, MOST_PIECES
from shop.tills.states import DrawerStatus
from shop.tills.taking import Given
from shop.web.api import Cents, Moment, PageQuery, Schema, Text, Whole

MOST_CENTS = 10_000_000


class RegisterIn(Schema):
    name = Text(required=True, shortest=1, longest=LONGEST_NAME)


class RegisterOut(Schema):
    name = fields.String()


class RegistersOut(Schema):
    items = fields.List(fields.Nested(RegisterOut))


class PiecesIn(Schema):
    """So many of a coin or a note, by what one is worth in cents."""

    denomination_cents = fields.Integer(
        strict=True, required=True, validate=ma.validate.OneOf(DENOMINATIONS)
    )
    pieces = Whole(least=0, most=MOST_PIECES, required=True)


class CashIn(Schema):
    """Counted cash, a line a kind; what is left out is none."""

    cash = fields.List(
        fields.Nested(PiecesIn),
        required=True,
        validate=ma.validate.Length(max=len(DENOMINATIONS)),
    )

    @ma.validates_schema
    def _each_once(self, data: dict[str, Any], **_: object) -> None:
        named = [one["denomination_cents"] for one in data.get("cash", ())]
        if len(named) != len(set(named)):
            raise ma.ValidationError("Count each coin and note in one line.", "cash")

    @ma.post_load
    def _as_pieces(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        cash = data.pop("cash")
        return data | {"pieces": {one["denomination_cents"]: one["pieces"] for one in cash}}


class DrawerIn(CashIn):
    register = Text(required=True, shortest=1, longest=LONGEST_NAME)


class DrawerCountIn(CashIn):
    """`terminal_cents`, `cheque_cents`: the sums of the papers, less those given back."""

    terminal_cents = Whole(least=-MOST_CENTS, most=MOST_CENTS, required=True)
    cheque_cents = Whole(least=-MOST_CENTS, most=MOST_CENTS, required=True)


class DrawerExplanationIn(Schema):
    explanation = Text(required=True, shortest=1, longest=LONGEST_EXPLANATION)


class TenderIn(Schema):
    """`expect_cents` is what was due when it was looked at, `reference` the slip's or cheque's."""

    tender = fields.Enum(Tender, by_value=True, required=True)
    expect_cents = Cents(required=True)
    tendered_cents = Cents(load_default=None, allow_none=True)
    reference = Text(longest=LONGEST_NUMBER, load_default=None, allow_none=True)

    @ma.post_load
    def _as_given(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        given = Given(data.pop("tender"), data.pop("tendered_cents"), data.pop("reference"))
        return data | {"given": given}


class PayOutIn(Schema):
    reference = Text(longest=LONGEST_NUMBER, load_default=None, allow_none=True)


class DrawersQuery(PageQuery):
    pass


class DeskOrdersQuery(Schema):
    sought = Text(longest=80, load_default="")


class DeskDayQuery(Schema):
    day = fields.Date(load_default=None)


class SumsOut(Schema):
    """In cents. `terminal` and `cheque` are the sums of their papers."""

    cash = fields.Integer()
    terminal = fields.Integer()
    cheque = fields.Integer()


class PiecesOut(Schema):
    counting = fields.String()
    denomination_cents = fields.Integer()
    pieces = fields.Integer()


class DrawerOut(Schema):
    """What was found, what should have been, and the difference: once it was counted."""

    number = fields.String()
    register = fields.String(attribute="register.name")
    status = fields.Enum(DrawerStatus, by_value=True)
    opened_by = fields.String(attribute="opened_by.name")
    opened_at = Moment()
    float_cents = fields.Integer()
    counted_by = fields.String(attribute="counted_by.name", dump_default=None)
    counted_at = Moment(allow_none=True)
    counted = fields.Nested(SumsOut, allow_none=True)
    expected = fields.Nested(SumsOut, allow_none=True)
    difference = fields.Nested(SumsOut, allow_none=True)
    pieces = fields.List(fields.Nested(PiecesOut))
    explanation = fields.String(allow_none=True)
    signed_by = fields.String(attribute="signed_by.name", dump_default=None)
    closed_at = Moment(allow_none=True)


class DrawersOut(Schema):
    items = fields.List(fields.Nested(DrawerOut))
    next = fields.String(allow_none=True)


class MoneyMoveOut(Schema):
    """An entry of a drawer's ledger."""

    id = fields.UUID()
    drawer = fields.String(attribute="drawer.number")
    kind = fields.Enum(MoneyMove, by_value=True)
    tender = fields.Enum(Tender, by_value=True)
    cents = fields.Integer()
    tendered_cents = fields.Integer(allow_none=True)
    change_cents = fields.Integer()
    reference = fields.String(allow_none=True)
    by = fields.String(attribute="by.name")
    moved_at = Moment()


class DeskOrderOut(Schema):
    number = fields.String()
    client = fields.String(attribute="client.name")
    due_cents = fields.Integer()
    payment_route = fields.Enum(Route, by_value=True)
    placed_at = Moment()
    pay_by = Moment()


class DeskOrdersOut(Schema):
    items = fields.List(fields.Nested(DeskOrderOut))


class DeskRefundOut(Schema):
    """Money that waits for its client: to be paid out the way it came."""

    id = fields.UUID()
    order = fields.String(attribute="payment.order.number")
    client = fields.String(attribute="payment.order.client.name")
    tender = fields.Enum(Tender, by_value=True, attribute="payment.tender")
    amount_cents = fields.Integer()
    planned_at = Moment()


class DeskRefundsOut(Schema):
    items = fields.List(fields.Nested(DeskRefundOut))


class DeskShareOut(Schema):
    drawer = fields.Nested(DrawerOut)
    tenders = fields.Integer()
    taken = fields.Nested(SumsOut)
    paid_out = fields.Nested(SumsOut)


class DeskDayOut(Schema):
    """A day at the desk by the clinic's clock; `still_open` drawers are in no sum yet."""

    day = fields.Date()
    taken = fields.Nested(SumsOut)
    paid_out = fields.Nested(SumsOut)
    difference = fields.Nested(SumsOut)
    drawers = fields.List(fields.Nested(DeskShareOut), attribute="shares")
    still_open = fields.List(fields.String(attribute="number"), dump_only=True)
