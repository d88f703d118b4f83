"""Questions to clients, on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from shop.prescriptions.intake import versions
from shop.prescriptions.models import ApprovalRequest
from shop.web.api import Moment, Schema, Text, Whole


class QuestionIn(Schema):
    """What the client is asked, in words for her."""

    text = Text(required=True, shortest=1)
    claim = Whole(least=1, most=1_000_000, load_default=None)


class ReplyIn(Schema):
    """Her words, answers that she gives anew, or both; `question` is the one she read."""

    text = Text(load_default="")
    answers = fields.Dict(
        keys=Text(longest=80), load_default=dict, validate=validate.Length(max=100)
    )
    question = fields.UUID(load_default=None)


class AnswerChangeOut(Schema):
    """An answer that is not what it was; null where there is none."""

    question = fields.String()
    before = fields.Raw(allow_none=True)
    after = fields.Raw(allow_none=True)


class InquiryOut(Schema):
    """A question and its reply. `answers` and `answers_hash` are what was handed in before it,
    `changes` what the client answered otherwise with her reply.
    """

    id = fields.UUID()
    question = fields.String()
    asked_by = fields.String()
    asked_at = Moment()
    reply = fields.String(allow_none=True)
    answered_at = Moment(allow_none=True)
    answers = fields.Dict()
    answers_hash = fields.String()
    changes = fields.List(fields.Nested(AnswerChangeOut))


def exchanged(request: ApprovalRequest) -> list[dict[str, Any]]:
    """Each question, oldest first, as InquiryOut shows it."""
    return [
        {
            "id": inquiry.id,
            "question": inquiry.question,
            "asked_by": inquiry.asked_by.name,
            "asked_at": inquiry.asked_at,
            "reply": inquiry.reply,
            "answered_at": inquiry.answered_at,
            "answers": inquiry.said["answers"],
            "answers_hash": bytes(inquiry.answers_hash).hex(),
            "changes": changes,
        }
        for inquiry, changes in versions.exchange(request)
    ]
