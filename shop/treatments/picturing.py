"""The picture of one plan, read from the rows: its sessions, what they ask at home, its home care.

Who shows it to somebody else than the client writes down that her record was opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts.queries import chart_of
from shop.core.clock import day_in
from shop.treatments import knowing, priming, regimens, ribbons, rulebook, windows
from shop.treatments.models import Plan, Session
from shop.treatments.regimens import Step
from shop.treatments.ribbons import Ribbon, Visit
from shop.treatments.states import SessionStatus

OUT = frozenset({SessionStatus.CANCELLED, SessionStatus.NO_SHOW})
AGREED = frozenset({SessionStatus.BOOKED, SessionStatus.PERFORMED})


def ribbon_of(plan: Plan, *, at: datetime) -> Ribbon | None:
    """What the plan asks when, as it stands at `at`; None of a plan without a session.

    Sessions that are only proposed count too: the picture is what she would agree to. A fixed
    number of statements. Raises sealed.NotOpened where a key of her chart or plan is missing.
    """
    sessions = [one for one in plan.sessions if one.status not in OUT]
    rules = rulebook.window_rules(plan.state, on=at.astimezone(UTC).date()) if sessions else ()
    facts = knowing.facts(
        chart_of(plan.client, at=at),
        states=frozenset({plan.state, plan.client.state or plan.state}),
        priming=priming.of_each([plan.client_id]).get(plan.client_id, priming.NONE),
    )
    visits = [_visit(one) for one in sessions]
    calendar = windows.calendar(
        [_asked(one, visit) for one, visit in zip(sessions, visits, strict=True)],
        rules,
        facts=facts,
        zone=plan.tz,
    )
    steps = regimens.read(plan.version.content)
    return ribbons.draw(
        calendar,
        visits,
        steps=steps,
        classes=_classes(steps),
        today=day_in(plan.zone, at),
    )


def _visit(one: Session) -> Visit:
    return Visit(
        key=str(one.id),
        procedure=one.procedure,
        area=one.area,
        starts=one.performed_at or one.starts_at,
        settled=one.status in AGREED,
        done=one.status is SessionStatus.PERFORMED,
    )


def _asked(one: Session, visit: Visit) -> windows.Session:
    ends = visit.starts + (one.ends_at - one.starts_at)
    return windows.Session(visit.key, one.procedure, visit.starts, ends)


def _classes(steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """The kinds of active in each pack, by SKU."""
    found = catalog.active_classes(Variant.sku, {step.sku for step in steps})
    return {sku: frozenset(one.value for one in held) for sku, held in found.items()}
