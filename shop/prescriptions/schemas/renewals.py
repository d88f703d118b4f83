"""Renewals that are signed beside others, on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.prescriptions import batching
from shop.prescriptions.batching import Proposal, Read
from shop.web.api import Schema, Text, Whole


class ReadIn(Schema):
    """A renewal and the hash of the statement that was read; `claim` where it was claimed."""

    number = Text(required=True, shortest=1, longest=40)
    claim = Whole(least=1, most=1_000_000, load_default=None)
    statement_hash = fields.String(
        required=True,
        validate=validate.Regexp("^[0-9a-f]{64}$", error="Must be 64 hexadecimal digits."),
    )


def _once(items: list[dict[str, Any]]) -> None:
    if len({one["number"] for one in items}) != len(items):
        raise ValidationError("Name each request once.")


class SignaturesIn(Schema):
    items = fields.List(
        fields.Nested(ReadIn),
        required=True,
        validate=[
            validate.Length(min=1, max=batching.MOST, error=f"Sign 1 to {batching.MOST} at once."),
            _once,
        ],
    )


class TickedIn(Schema):
    """The renewals whose statements are to be read."""

    number = fields.List(
        Text(shortest=1, longest=40),
        required=True,
        validate=validate.Length(min=1, max=batching.MOST, error=f"Tick 1 to {batching.MOST}."),
    )


class OutcomeOut(Schema):
    """What became of one: the prescription, or the code and the words of the refusal."""

    number = fields.String()
    signed = fields.Boolean()
    prescription = fields.String(allow_none=True)
    status = fields.Integer()  # what it alone would have been answered with
    code = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    facts = fields.Dict()


class SignaturesOut(Schema):
    items = fields.List(fields.Nested(OutcomeOut))


class RenewalProposalOut(Schema):
    """A renewal as it would be signed: on the terms of what it renews."""

    number = fields.String()
    renews = fields.String()
    statement = fields.String()
    statement_hash = fields.String()


class RenewalProposalsOut(Schema):
    items = fields.List(fields.Nested(RenewalProposalOut))


def proposed(one: Proposal) -> dict[str, Any]:
    """An eligible proposal as RenewalProposalOut shows it."""
    assert one.draft is not None  # or it would not be eligible
    assert one.request.renews is not None
    return {
        "number": one.request.number,
        "renews": one.request.renews.number,
        "statement": one.draft.statement.text,
        "statement_hash": one.draft.statement.hash.hex(),
    }


def items_read(given: dict[str, Any]) -> list[Read]:
    """What SignaturesIn names, for `batching`."""
    return [
        Read(one["number"], bytes.fromhex(one["statement_hash"]), one["claim"])
        for one in given["items"]
    ]
