"""A physician's question to a client, and her answer, over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.orders import rechecking
from shop.prescriptions import inquiring, queries, schemas
from shop.prescriptions.api.blueprint import bp, committed_request


@bp.post("/approval-requests/<number>/question")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.QuestionIn)
@bp.response(201, schemas.RequestOut)
def ask(given: dict[str, Any], number: str) -> Response:
    """Ask the client something; the request waits for her answer."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    inquiring.inquire(request, given["text"], by=actor(), at=now(), fence=given["claim"])
    return committed_request(request, 201)


@bp.post("/approval-requests/<number>/answers")
@allow(Role.CLIENT)
@bp.arguments(schemas.ReplyIn)
@bp.response(201, schemas.RequestOut)
def reply(given: dict[str, Any], number: str) -> Response:
    """Answer the physician's question, in words, with new answers, or both."""
    with rechecking.following(actor(), at=now()):
        request = queries.request_for(actor(), number, at=now(), lock=True)
        inquiring.reply(
            request,
            given["text"],
            answers=given["answers"],
            inquiry_id=given["question"],
            by=actor(),
            at=now(),
        )
    return committed_request(request, 201)
