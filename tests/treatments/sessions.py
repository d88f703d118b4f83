"""Sessions and rules that are valid by default, and facts that are all known."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shop.core.rules import Grade, Severity
from shop.treatments.windows import Action, Anchor, Facts, Session, When, WindowRule

PACIFIC = ZoneInfo("America/Los_Angeles")
KNOWN = Facts(
    fitzpatrick=2, isotretinoin_now=False, cold_sores=False, melasma=False, uses=frozenset()
)


def a_moment(day: str, at: str = "10:00", zone: ZoneInfo = PACIFIC) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(at), zone)


def a_session(
    procedure: str,
    day: str,
    at: str = "10:00",
    *,
    key: str = "",
    hours: int = 1,
    told_at: datetime | None = None,
    zone: ZoneInfo = PACIFIC,
) -> Session:
    starts = a_moment(day, at, zone)
    return Session(
        key=key or f"{procedure} {day}",
        procedure=procedure,
        starts=starts,
        ends=starts + timedelta(hours=hours),
        told_at=told_at,
    )


def a_rule(subject: str, action: Action, from_day: int, to_day: int, **given: Any) -> WindowRule:
    severity = Severity.SOFT_STOP if action.forbids else Severity.WARN
    row: dict[str, Any] = {
        "number": f"{subject}-{action}-{from_day}-{to_day}",
        "version": 1,
        "procedure": "superficial_peel",
        "anchor": Anchor.START,
        "severity": severity,
        "published": "as somebody published it",
        "grade": Grade.D,
        "source": "somebody",
        "when": When(),
        "valid_from": date(2000, 1, 1),
        "valid_until": None,
        "jurisdiction": "US",
    }
    return WindowRule(
        subject=subject, action=action, from_day=from_day, to_day=to_day, **(row | given)
    )
