"""How fast physicians decide, and why they, or a rule, say no. Counts only; nobody is named."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.core.events import Event, Kind
from shop.prescriptions.models import ApprovalRequest, Refusal
from shop.reports.figures import Cell, Column, Figures, Unit, share
from shop.reports.periods import Period, calendar

DECIDED = (Kind.REQUEST_APPROVED, Kind.REQUEST_CHANGES_PROPOSED, Kind.REQUEST_DECLINED)
PROMISE = 24 * 60  # minutes: what a client is told
REASONS = {
    "contraindicated": _("Not safe with what she told"),
    "insufficient_information": _("Not enough was told"),
    "exam_required": _("An examination comes first"),
    "outside_scope": _("Outside the physician's scope"),
    "out_of_state": _("Not licensed in her state"),
    "duplicate_therapy": _("She has the same already"),
    "misuse_suspected": _("Misuse suspected"),
    "better_alternative": _("Something else is better"),
    "product_unavailable": _("Not to be had"),
    "identity_unverified": _("Not known who she is"),
    "minor": _("Under age"),
}


def times(*, since: datetime, until: datetime, zone: str) -> Figures:
    """By week of the decision: from handing in to a physician's first answer, in minutes.

    The first answer is an approval, changes proposed, or a no. What a rule declined at once is left
    out: nobody waited. Median and 90th percentile by nearest rank, so that each is a wait that
    somebody had.
    """
    first = sa.func.min(Event.at)
    rows = db.session.execute(
        sa.select(ApprovalRequest.submitted_at, first)
        .join(Event, Event.subject_id == ApprovalRequest.id)
        .where(
            Event.kind.in_(DECIDED),
            ApprovalRequest.submitted_at.is_not(None),
            sa.func.coalesce(Event.facts["by"].as_string(), "") != "rule",
        )
        .group_by(ApprovalRequest.id, ApprovalRequest.submitted_at)
        .having(first >= since, first < until)
    )
    weeks = calendar(since, until, zone, Period.WEEK)
    waits: dict[date, list[int]] = defaultdict(list)
    for submitted_at, decided_at in rows:
        assert submitted_at is not None  # asked for above
        minutes = max(0, int((decided_at - submitted_at).total_seconds() // 60))
        waits[weeks.of(decided_at)].append(minutes)
    told: list[tuple[Cell, ...]] = []
    for week in weeks:
        found = sorted(waits[week])
        within = sum(each <= PROMISE for each in found)
        told.append(
            (
                week.isoformat(),
                len(found),
                rank(found, 50),
                rank(found, 90),
                share(within, len(found)),
            )
        )
    return Figures(
        columns=(
            Column("week", _("Week from"), Unit.WEEK),
            Column("decided", _("Decided"), Unit.COUNT),
            Column("median_minutes", _("Half within"), Unit.MINUTES),
            Column("p90_minutes", _("Nine of ten within"), Unit.MINUTES),
            Column("percent_in_a_day", _("Within 24 hours"), Unit.PERCENT),
        ),
        rows=told if any(waits.values()) else [],
        drawn="median_minutes",
        over=("median_minutes", "p90_minutes"),
        notes=(
            _(
                "From handing in to a physician's first answer; the time a client took for"
                " questions counts. What a safety rule declined at once is left out."
            ),
        ),
    )


def rank(found: list[int], percent: int) -> int | None:
    """The smallest of these (sorted) that so many percent of them do not exceed; None of none."""
    if not found:
        return None
    return found[max(1, -(-percent * len(found) // 100)) - 1]


def reasons(*, since: datetime, until: datetime) -> Figures:
    """Why requests were declined in that time, the most frequent reason first."""
    by_rule = Refusal.refused_by_id.is_(None)
    rows = db.session.execute(
        sa.select(Refusal.reason, by_rule, sa.func.count())
        .where(Refusal.refused_at >= since, Refusal.refused_at < until)
        .group_by(Refusal.reason, by_rule)
    )
    people: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for reason, ruled, count in rows:
        (rules if ruled else people)[reason] += count
    both = people + rules
    told: list[tuple[Cell, ...]] = [
        (
            str(REASONS.get(reason, reason.replace("_", " "))),
            count,
            share(count, both.total()),
            people[reason],
            rules[reason],
        )
        for reason, count in sorted(both.items(), key=lambda one: (-one[1], one[0]))
    ]
    return Figures(
        columns=(
            Column("reason", _("Reason")),
            Column("declined", _("Declined"), Unit.COUNT),
            Column("percent", _("Of all"), Unit.PERCENT),
            Column("by_physician", _("By a physician"), Unit.COUNT),
            Column("by_rule", _("By a safety rule"), Unit.COUNT),
        ),
        rows=told,
        drawn="declined",
        notes=(_("Reasons as they were coded. What was written to the client is hers alone."),),
    )
