"""What a client need not say again: answers of her earlier requests that still hold.

An answer is taken over while it is fresh, the question is asked in the same words, and the answers
it hangs on are what they were. She sees it with the day when she first said it, and confirms it by
handing the request in. From then on it is an answer of this request, with that day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

import sqlalchemy as sa

from shop.core.db import db
from shop.core.sealed import NotOpened
from shop.prescriptions.intake import questioning
from shop.prescriptions.intake.forms import Answers, Question, Questionnaire, questionnaire
from shop.prescriptions.models import ApprovalRequest, Inquiry

LOOKED_AT = 20  # of the client's latest requests


@dataclass(frozen=True)
class Said:
    """An answer handed in before: the question as it was, the day it was first said, the others."""

    question: Question
    answer: Any
    on: date
    beside: Answers  # all answers of that request


@dataclass(frozen=True)
class Sheet:
    """What is known and what is to be asked, for one draft.

    `answers` are those that would be handed in now; `carried` are the ones taken over, also those
    that apply only if a question still open is answered as before.
    """

    form: Questionnaire
    answers: dict[str, Any]
    carried: dict[str, Said] = field(default_factory=dict)
    asked: dict[str, Question] = field(default_factory=dict)


# A question, what was said, the answers so far, the questions still open, the day → what holds.
Holds = Callable[[Question, Said | None, Answers, set[str], date], Said | None]


def sheet(request: ApprovalRequest, answers: Answers, *, today: date) -> Sheet:
    """The sheet of a draft that would have these answers of its own. Changes nothing."""
    form = questionnaire(request.questionnaire_version)
    return lay_out(form, answers, said_before(request), today=today)


def without_orphans(request: ApprovalRequest, answers: Answers, *, today: date) -> dict[str, Any]:
    """The draft's own answers but for those to questions that no longer apply. Changes nothing."""
    form, before = questionnaire(request.questionnaire_version), said_before(request)
    kept = dict(answers)
    for question in form.questions:  # what hangs on an orphan comes after it, and goes with it
        laid = lay_out(form, kept, before, today=today)
        if question.id in kept and not question.shown(laid.answers):
            del kept[question.id]
    return kept


def sheet_anew(request: ApprovalRequest, answers: Answers, *, today: date) -> Sheet:
    """The sheet of a request that was handed in, where these answers are given anew: the others
    stay, but for those that hang on them. Changes nothing.
    """
    form = questionnaire(request.questionnaire_version)
    return lay_out(form, answers, _said(request), today=today, holds=_stays)


def lay_out(
    form: Questionnaire,
    answers: Answers,
    before: Mapping[str, Said],
    *,
    today: date,
    holds: Holds | None = None,
) -> Sheet:
    """The same, purely: `before` is what was said last, by the question's id; `holds` gives what
    may be taken over of it.
    """
    holds = holds or _holds
    laid = Sheet(form, dict(answers))
    open_ids: set[str] = set()  # nobody knows yet what will be answered
    for question in form.questions:
        may_be = not open_ids.isdisjoint(question.parents)
        shown = question.shown(laid.answers)
        if question.id in answers:
            laid.asked[question.id] = question
        elif not shown and not may_be:
            continue
        elif said := holds(question, before.get(question.id), laid.answers, open_ids, today):
            laid.carried[question.id] = said
            if shown:
                laid.answers[question.id] = said.answer
            else:
                open_ids.add(question.id)
        else:
            laid.asked[question.id] = question
            open_ids.add(question.id)
    return laid


def fresh(question: Question, on: date, *, today: date) -> bool:
    """Whether what was said `on` a day still holds: on the last of `stale_after_days` it does."""
    days = question.stale_after_days
    return days is None or (today - on).days <= days


def _holds(
    question: Question, said: Said | None, answers: Answers, open_ids: set[str], today: date
) -> Said | None:
    """The earlier answer, where it may be taken over into another request."""
    if said is None or question.stale_after_days == 0:
        return None
    asked_alike = question.meaning == said.question.meaning
    if not asked_alike or not fresh(question, said.on, today=today):
        return None
    return _stays(question, said, answers, open_ids, today)


def _stays(
    question: Question, said: Said | None, answers: Answers, open_ids: set[str], today: date
) -> Said | None:
    """The answer, where it may stay one of the same request."""
    if said is None:
        return None
    stays = questioning.problem_with(question, said.answer, today=today) is None and all(
        parent in open_ids or answers.get(parent) == said.beside.get(parent)
        for parent in question.parents
    )
    return said if stays else None


def said_earlier(request: ApprovalRequest) -> dict[str, date]:
    """Of a request that was handed in: the answers first said before that day, and when."""
    if request.submitted_at is None:
        return {}
    handed_in = request.submitted_at.astimezone(UTC).date()
    days = {name: date.fromisoformat(day) for name, day in (request.answered_on or {}).items()}
    return {name: day for name, day in days.items() if day < handed_in}


def said_before(request: ApprovalRequest) -> dict[str, Said]:
    """What the client said last, in a request that was handed in, to each question."""
    replied = (
        sa.select(sa.func.max(Inquiry.answered_at))
        .where(Inquiry.request_id == ApprovalRequest.id)
        .correlate(ApprovalRequest)
        .scalar_subquery()
    )
    said_last = sa.func.coalesce(replied, ApprovalRequest.submitted_at)
    query = (
        sa.select(ApprovalRequest)
        .where(
            ApprovalRequest.client_id == request.client_id,
            ApprovalRequest.submitted_at.is_not(None),
        )
        .order_by(said_last.desc(), ApprovalRequest.id)
        .limit(LOOKED_AT)
    )
    asked: set[str] = set()
    before: dict[str, Said] = {}
    for earlier in db.session.scalars(query):
        said = _said(earlier)
        before |= {name: one for name, one in said.items() if name not in asked}
        asked |= set(questionnaire(earlier.questionnaire_version).by_id) if said else set()
    return before


def _said(earlier: ApprovalRequest) -> dict[str, Said]:
    """The answers of one request; none where they cannot be opened, so that all is asked again."""
    try:
        form = questionnaire(earlier.questionnaire_version)
        answers, days = earlier.answers or {}, earlier.answered_on or {}
    except (KeyError, NotOpened):
        return {}
    assert earlier.submitted_at is not None
    handed_in = earlier.submitted_at.astimezone(UTC).date()
    return {
        name: Said(
            question=form.by_id[name],
            answer=answer,
            on=date.fromisoformat(days[name]) if name in days else handed_in,
            beside=answers,
        )
        for name, answer in answers.items()
        if name in form.by_id
    }
