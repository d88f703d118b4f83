"""The versions of what a client handed in: the first, and one more for each question she answered.

Each is frozen with a hash over it and over all that was asked and said before it, so that the hash
of the latest, which the physician signs, vouches for the whole exchange.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shop.prescriptions.intake.forms import Answers
from shop.prescriptions.models import ApprovalRequest, Inquiry


@dataclass(frozen=True)
class Version:
    """Answers, the day each was first said, and the questions that were answered before it.

    Requests of before the days were kept have no days.
    """

    answers: Answers
    answered_on: Mapping[str, str] | None
    after: tuple[Inquiry, ...] = ()


@dataclass(frozen=True)
class Change:
    """An answer that is not what it was; None where there is none."""

    question: str
    before: Any
    after: Any


def current(request: ApprovalRequest, answers: Answers | None = None) -> Version:
    """What counts now; with these answers, if they are given."""
    said = request.answers or {} if answers is None else answers
    after = tuple(one for one in request.inquiries if not one.open)
    return Version(said, request.answered_on, after)


def version_before(inquiry: Inquiry) -> Version:
    """What the question is about."""
    said = inquiry.said
    earlier = inquiry.request.inquiries[: inquiry.request.inquiries.index(inquiry)]
    return Version(said["answers"], said["answered_on"], tuple(earlier))


def exchange(request: ApprovalRequest) -> Iterator[tuple[Inquiry, list[Change]]]:
    """Each question, oldest first, with what the client answered otherwise after it."""
    versions = [version_before(one) for one in request.inquiries] + [current(request)]
    for inquiry, before, after in zip(request.inquiries, versions, versions[1:], strict=False):
        yield inquiry, changes(before.answers, after.answers)


def changes(before: Answers, after: Answers) -> list[Change]:
    """What differs, in the order in which it is said now; what is gone comes last."""
    names = [*after, *(name for name in before if name not in after)]
    return [
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def hash_of(request: ApprovalRequest, version: Version) -> bytes:
    """SHA-256 of canonical JSON: the answers and their days, the versions of the questions, pack,
    quantity and state, and what was asked and said before.
    """
    submitted: dict[str, Any] = {
        "request": request.number,
        "questionnaire": request.questionnaire_version,
        "answers": dict(version.answers),
        "sku": request.variant.sku,
        "quantity": request.quantity,
        "ship_to_state": request.ship_to_state,
    }
    if version.answered_on is not None:
        submitted["answered_on"] = version.answered_on
    if version.after:
        submitted["exchange"] = [_exchanged(inquiry) for inquiry in version.after]
    text = json.dumps(submitted, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _exchanged(inquiry: Inquiry) -> dict[str, str | None]:
    return {
        "answers": bytes(inquiry.answers_hash).hex(),
        "asked_by": str(inquiry.asked_by_id),
        "asked_at": _iso(inquiry.asked_at),
        "question": inquiry.question,
        "reply": inquiry.reply,
        "answered_at": _iso(inquiry.answered_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
