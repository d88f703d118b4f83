"""The history of an order in plain words, for its client and for who works here.

Every kind of event that can be in one has its words (a test knows when one lacks them). None says
anything of health; reasons are for who works here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shop.core.events import Kind
from shop.core.money import dollars

K = Kind


class Words(NamedTuple):
    """`client` is "" where the event is the clinic's own business. `{name}`s are facts of it."""

    staff: str
    client: str = ""


def same(text: str) -> Words:
    return Words(text, text)


WORDS: dict[Kind, Words] = {
    K.ORDER_PLACED: same("The order was placed"),
    K.ORDER_PAID: same("The order is paid: {cents}"),
    K.ORDER_CANCELLED: same("The order was cancelled"),
    K.ORDER_EXPIRED: same("It was not paid in time"),
    K.ORDER_CLOSED: same("Everything has left"),
    K.ORDER_HELD: same("Part of the order waits"),
    K.ORDER_RESUMED: same("What waited goes on"),
    K.ORDER_REDUCED: same("Part of the order was cancelled"),
    K.LINE_PLACED: Words("Set aside", "Set aside for you"),
    K.LINE_READY: same("Ready to pack"),
    K.LINE_HELD: same("On hold"),
    K.LINE_RESUMED: same("Goes on"),
    K.LINE_PACKED: same("Packed"),
    K.LINE_SHIPPED: same("Left with parcel {shipment}"),
    K.LINE_DELIVERED: same("Delivered"),
    K.LINE_CANCELLED: same("Cancelled"),
    K.LINE_RETURNED: same("All of it came back"),
    K.UNITS_PICKED: Words("Packs picked: {units}"),
    K.UNITS_PUT_BACK: Words("Packs put back: {units}"),
    K.PAYMENT_BEGUN: Words("A payment was begun: {cents}"),
    K.PAYMENT_OPENED: Words("The payment page is open", "Your payment page is open"),
    K.PAYMENT_FAILED: Words("A card was declined ({code})", "A card was declined"),
    K.PAYMENT_SUCCEEDED: same("A payment came: {cents}"),
    K.PAYMENT_CANCELLED: Words("A payment was given up ({why})", "A payment was not completed"),
    K.PAYMENT_QUESTIONED: Words("A payment does not fit: somebody has to look at it"),
    K.REFUND_PLANNED: Words("{cents} is to go back", "{cents} is on its way back to you"),
    K.REFUND_DONE: Words("{cents} went back", "{cents} was sent back to you"),
    K.REFUND_FAILED: Words(
        "{cents} did not go back ({why}): somebody has to see to it",
        "{cents} could not be sent back; we see to it",
    ),
    K.REFUND_PROPOSED: Words("Somebody wants {cents} sent back"),
    K.REFUND_DECLINED: Words("{cents} is not sent back"),
    K.DISPUTE_OPENED: Words("A bank disputes the payment, or asks about it"),
    K.DISPUTE_MOVED: Words("The dispute went on"),
    K.DISPUTE_LOST: Words("The dispute was lost: the bank keeps the money"),
    K.DISPUTE_WON: Words("The dispute is over, and the money is the clinic's"),
    K.EVIDENCE_PLANNED: Words("What speaks for the clinic goes to the bank"),
    K.FRAUD_WARNED: Words("A bank warns of the payment"),
    K.FRAUD_REVIEWED: Words("The warning was looked at"),
    K.RETURN_ASKED: Words("She asks to send something back", "You asked to send something back"),
    K.RETURN_AUTHORISED: Words("It may be sent back", "You may send it back"),
    K.RETURN_REFUSED: Words("It is not taken back ({refusal})", "We cannot take it back"),
    K.RETURN_WITHDRAWN: Words("She keeps it after all", "You keep it after all"),
    K.RETURN_EXPIRED: same("It was not sent back in time"),
    K.RETURN_ARRIVED: same("What was sent back has arrived"),
    K.RETURN_LOOKED_AT: same("What was sent back was looked at"),
    K.RETURN_LOOKED_AT_AGAIN: Words("What was sent back is looked at again"),
    K.RETURN_SETTLED: same("What was sent back is dealt with"),
    K.RETURN_REFUNDED: same("{cents} goes back for it"),
    K.RETURN_RECEIVED: same("Packs that came back: {units}"),
    K.RETURN_INSPECTED: Words("What came back was looked at: {condition}"),
    K.RETURN_SENT_BACK: Words("What came back is to be looked at again"),
    K.RETURN_DISPOSED: Words("What came back is dealt with: {disposition}"),
    K.INVOICE_ISSUED: same("Invoice {number}"),
    K.RECEIPT_ISSUED: same("Receipt {number}"),
    K.CREDIT_NOTE_ISSUED: same("Credit note {number}"),
    K.CREDIT_NOTE_REVERSED: same("Reversal {number} of a credit note"),
}

# Why, where an event gives a reason as a word: for who works here.
REASONS = {
    "asked_for": "the client asked for it",
    "changed_mind": "she changed her mind",
    "mistake": "it was a mistake",
    "takes_too_long": "it took too long",
    "cannot_be_delivered": "it cannot be delivered",
    "damaged": "it was damaged",
    "ordered_twice": "it was ordered twice",
    "wrong_price": "the price was wrong",
    "not_paid_for": "it was not paid for",
    "suspected_fraud": "fraud is suspected",
    "not_deliverable": "it could not be delivered any more when the money came",
    "desk": "at the desk",
    "telephone": "by telephone",
}


def told(kind: Kind, facts: Mapping[str, object], *, inside: bool) -> str:
    """What happened, in words; "" where it is not for who asks.

    A kind that nobody has worded yet is told to who works here by its name.
    """
    words = WORDS.get(kind, Words(kind.replace("_", " ").capitalize()))
    return (words.staff if inside else words.client).format_map(_Facts(facts))


def why(facts: Mapping[str, object]) -> str:
    """The reason that an event gives; "" where it gives none."""
    word = facts.get("reason") or facts.get("via")
    if not isinstance(word, str) or word == "online":
        return ""
    return REASONS.get(word) or word.replace("_", " ")


class _Facts(dict[str, object]):
    """Facts as a sentence takes them: money in dollars, words without underscores."""

    def __missing__(self, _name: str) -> str:
        return "?"

    def __getitem__(self, name: str) -> object:
        value = super().__getitem__(name) if name in self else self.__missing__(name)
        if name == "cents" and isinstance(value, int):
            return dollars(value)
        return value.replace("_", " ") if isinstance(value, str) and name in _WORDS else value


_WORDS = {"condition", "disposition", "why", "code", "refusal"}
