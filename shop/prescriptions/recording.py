"""What screening said of a request that is decided becomes part of the record, either way."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from shop.core.canonical import JSON
from shop.core.db import db
from shop.prescriptions.models import ApprovalRequest, Screening
from shop.prescriptions.screening import rules
from shop.prescriptions.screening.judging import Hit


def keep(
    request: ApprovalRequest,
    hits: Iterable[Hit],
    *,
    overrides: Mapping[str, str] | None = None,
    at: datetime,
) -> Screening:
    """Keep what was found for a request that is about to be decided, sealed.

    `overrides` are the reasons to sign all the same, by rule; none at a refusal.
    """
    screening = Screening(id=uuid.uuid4(), request_id=request.id)
    screening.checks = told(request, hits, overrides=overrides or {}, at=at)
    db.session.add(screening)
    return screening


def told(
    request: ApprovalRequest, hits: Iterable[Hit], *, overrides: Mapping[str, str], at: datetime
) -> dict[str, JSON]:
    """The checks as they are kept and signed: the version, every rule asked, every hit."""
    states = frozenset({request.client.state or "", request.ship_to_state})
    day = at.astimezone(UTC).date()
    return {
        "rules": rules.CURRENT,
        "asked": [
            {"rule": rule.number, "version": rule.version}
            for rule in rules.rules()
            if rule.in_force(day, states)
        ],
        "hits": [_hit(hit, overrides.get(hit.rule)) for hit in hits],
    }


def _hit(hit: Hit, reason: str | None) -> dict[str, JSON]:
    return {
        "rule": hit.rule,
        "version": hit.version,
        "severity": hit.severity.word,
        "text": hit.physician_text,
        "source": hit.source,
        "grade": hit.grade.value,
        "fired_by": list(hit.fired_by),
        "until": hit.until.isoformat() if hit.until else None,
        "unknown": hit.unknown,
        "reason": reason,
    }
