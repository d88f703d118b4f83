"""How each session of a plan stands: what speaks against it, and the ways out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from shop.core.rules import Severity
from shop.treatments.procedures import LIBRARY
from shop.treatments.windows.days import day_of
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.reckoning import Conflict, Piece, Unknown
from shop.treatments.windows.risks import Reason, Seen
from shop.treatments.windows.rules import Action, Conduct
from shop.treatments.windows.ways_out import Option, ways_out


@dataclass(frozen=True)
class Outlook:
    """A session, what speaks against it, and what can be done. `recovered`: (soonest, latest)."""

    key: str
    day: date
    reasons: tuple[Reason, ...]
    options: tuple[Option, ...]
    recovered: tuple[date, date] | None

    @property
    def at_risk(self) -> bool:
        return any(reason.severity >= Severity.SOFT_STOP for reason in self.reasons)


def outlooks(
    sessions: Sequence[Session],
    found: Sequence[Piece],
    conflicts: Sequence[Conflict],
    unknown: Sequence[Unknown],
    *,
    facts: Facts,
    zone: ZoneInfo,
) -> tuple[Outlook, ...]:
    """Every session, in the order of time."""
    days = {session.key: day_of(session.starts, zone) for session in sessions}
    asked: dict[tuple[str, Action], list[Piece]] = defaultdict(list)
    for piece in found:
        asked[piece.rule.subject, piece.action].append(piece)
    near = [piece for piece in found if piece.rule.subject == Conduct.OTHER_PROCEDURE]
    made = []
    for session in sessions:
        others = {one.key: days[one.key] for one in sessions if one.procedure != session.procedure}
        own = [piece for piece in found if piece.session.key == session.key]
        seen = Seen(session, days[session.key], own, others, near, asked, facts, zone)
        made.append(_outlook(seen, seen.reasons(conflicts, unknown)))
    return tuple(sorted(made, key=lambda one: (one.day, one.key)))


def _outlook(seen: Seen, reasons: tuple[Reason, ...]) -> Outlook:
    procedure = LIBRARY.get(seen.session.procedure)
    ended = day_of(seen.session.ends, seen.zone)
    return Outlook(
        key=seen.session.key,
        day=seen.day,
        reasons=reasons,
        options=tuple(ways_out(seen, reasons)),
        recovered=procedure.recovered(ended) if procedure else None,
    )
