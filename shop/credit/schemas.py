"""Credit on the wire, and its history in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from marshmallow import fields, validate

from shop.core.money import cents
from shop.credit import queries
from shop.credit.limits import (
    LEAST_CARD_CENTS,
    LONGEST_NOTE,
    MOST_CARD_CENTS,
    MOST_CORRECTED_CENTS,
)
from shop.credit.models import CreditEntry, EntryKind, Origin
from shop.credit.states import CardStatus, CorrectionStatus
from shop.orders import queries as orders
from shop.web.api import Cents, Moment, PageQuery, Schema, Text, Whole

LONGEST_CODE = 60  # with whatever is typed between its groups


class Dollars(fields.String):
    """An amount that a person types, in cents."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        read = cents(super()._deserialize(value, attr, data, **kwargs))
        if read is None:
            raise self.make_error("invalid")
        return read

    default_error_messages = {"invalid": "Enter an amount, such as 50 or 49.95."}


class CreditQuery(PageQuery):
    """Which page of the history."""


class CardCodeIn(Schema):
    """However it is typed: capitals, spaces and hyphens do not matter."""

    code = Text(required=True, shortest=1, longest=LONGEST_CODE)


class CreditEntryOut(Schema):
    at = Moment()
    kind = fields.Enum(EntryKind, by_value=True)
    delta_cents = fields.Integer(metadata={"description": "Positive comes in."})
    balance_cents = fields.Integer()
    order = fields.String(allow_none=True)
    text = fields.String()


class CreditOut(Schema):
    """What a client has, and how it came and went, newest first."""

    client = fields.UUID()
    balance_cents = fields.Integer()
    currency = fields.String()
    items = fields.List(fields.Nested(CreditEntryOut))
    next = fields.String(allow_none=True)


class CardRedeemedOut(Schema):
    redeemed_cents = fields.Integer(attribute="delta_cents")
    balance_cents = fields.Integer()


class CreditClientIn(Schema):
    email = Text(required=True, shortest=3, longest=254)


class GiftCardIn(Schema):
    """`note` names the receipt of what was sold, or says why it is given: for the clinic alone.

    `id`, if sent, makes a repeat refused.
    """

    id = fields.UUID(load_default=None)
    cents = Cents(required=True, least=LEAST_CARD_CENTS, most=MOST_CARD_CENTS)
    origin = fields.Enum(Origin, by_value=True, required=True)
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class GiftCardForm(Schema):
    """The same as it is typed at the desk."""

    id = fields.UUID(load_default=None)
    origin = fields.Enum(Origin, by_value=True, required=True)
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)
    cents = Dollars(
        required=True,
        validate=validate.Range(
            LEAST_CARD_CENTS, MOST_CARD_CENTS, error="A gift card is of $5.00 to $1,000.00."
        ),
    )


class GiftCardsQuery(PageQuery):
    status = fields.Enum(CardStatus, by_value=True, load_default=None)


class GiftCardOut(Schema):
    number = fields.String()
    cents = fields.Integer()
    origin = fields.Enum(Origin, by_value=True)
    note = fields.String()
    status = fields.Enum(CardStatus, by_value=True)
    large = fields.Boolean()
    last4 = fields.String(allow_none=True)
    proposed_by = fields.String(attribute="proposed_by.name")
    proposed_at = Moment()
    decided_by = fields.String(attribute="decided_by.name", dump_default=None)
    issued_at = Moment(allow_none=True)
    redeemed_by = fields.String(attribute="redeemed_by.name", dump_default=None)
    voided_by = fields.String(attribute="voided_by.name", dump_default=None)
    void_reason = fields.String(allow_none=True)
    ended_at = Moment(allow_none=True)


class GiftCardMadeOut(GiftCardOut):
    """`code` is told this once; null while a second person has to agree."""

    code = fields.String(allow_none=True)


class GiftCardsOut(Schema):
    items = fields.List(fields.Nested(GiftCardOut))
    next = fields.String(allow_none=True)


class GiftCardVoidIn(Schema):
    reason = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class CreditCorrectionIn(Schema):
    """`cents` above nought are given, below are taken back. `note` is for the clinic alone."""

    cents = Whole(required=True, least=-MOST_CORRECTED_CENTS, most=MOST_CORRECTED_CENTS)
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class CreditCorrectionForm(Schema):
    cents = Dollars(required=True)
    way = fields.String(required=True, validate=validate.OneOf(["give", "take_back"]))
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class CreditCorrectionsQuery(PageQuery):
    status = fields.Enum(CorrectionStatus, by_value=True, load_default=None)


class CreditCorrectionOut(Schema):
    number = fields.String()
    client = fields.UUID(attribute="client_id")
    cents = fields.Integer(attribute="delta_cents")
    note = fields.String()
    status = fields.Enum(CorrectionStatus, by_value=True)
    large = fields.Boolean()
    proposed_by = fields.String(attribute="proposed_by.name")
    proposed_at = Moment()
    decided_by = fields.String(attribute="decided_by.name", dump_default=None)


class CreditCorrectionsOut(Schema):
    items = fields.List(fields.Nested(CreditCorrectionOut))
    next = fields.String(allow_none=True)


class Told(NamedTuple):
    """An entry as people read it."""

    at: datetime
    kind: EntryKind
    delta_cents: int
    balance_cents: int
    order: str | None
    text: str


def told(entries: Sequence[CreditEntry]) -> list[Told]:
    """Entries of one account, in plain words."""
    numbers = orders.numbers_of(one.order_id for one in entries if one.order_id)
    cards = queries.last4s(one.card_id for one in entries if one.card_id)
    return [
        Told(
            one.at,
            one.kind,
            one.delta_cents,
            one.balance_cents,
            number := numbers.get(one.order_id) if one.order_id else None,
            WORDS[one.kind].format(
                order=number, last4=cards.get(one.card_id) if one.card_id else None
            ),
        )
        for one in entries
    ]


WORDS = {
    EntryKind.ISSUED: "Given by the clinic",
    EntryKind.REDEEMED: "Gift card ending in {last4}",
    EntryKind.SPENT: "Order {order}",
    EntryKind.RETURNED: "Back from order {order}",
    EntryKind.TAKEN_BACK: "Corrected by the clinic",
}
