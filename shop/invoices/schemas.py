"""Papers on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.core.money import CURRENCY
from shop.invoices.models import Series
from shop.web.api import Moment, PageQuery, Schema


class PaperPeriod(Schema):
    """Days of the clinic's, both counted; left out, the month of today."""

    since = fields.Date(load_default=None)
    until = fields.Date(load_default=None)
    series = fields.Enum(Series, by_value=True, load_default=None)


class PapersQuery(PageQuery, PaperPeriod):
    pass


class PaperOut(Schema):
    """A paper; `total_cents` is positive whatever its series."""

    number = fields.String()
    series = fields.Enum(Series, by_value=True)
    order = fields.String(attribute="order.number")
    invoice = fields.Function(lambda paper: paper.invoice.number if paper.invoice else None)
    issued_on = fields.Date()
    issued_at = Moment()
    total_cents = fields.Integer()
    currency = fields.Constant(CURRENCY)


class PapersOut(Schema):
    items = fields.List(fields.Nested(PaperOut))
    next = fields.String(allow_none=True)


class OrderPapersOut(Schema):
    """Those of one order, in the order of their writing."""

    items = fields.List(fields.Nested(PaperOut))
