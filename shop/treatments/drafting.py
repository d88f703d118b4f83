"""A plan is drafted: by who treats, from a template or session by session."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.queries import lock_chart
from shop.core import events, numbers
from shop.core.clock import day_in
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments import planning, versioning
from shop.treatments.errors import AlreadyPlanned, OwnPlan, PlanRefused
from shop.treatments.models import Plan
from shop.treatments.states import OPEN, PlanStatus
from shop.treatments.templates import Step, Template


def draft(
    client: Person,
    *,
    goal: str,
    steps: Sequence[Step] = (),
    state: str,
    zone: str,
    by: Person,
    at: datetime,
) -> Plan:
    """Begin a plan for `client`, which nobody else sees yet. `state` and `zone` are the clinic's.

    Raises OwnPlan, PlanRefused.
    """
    return _drafted(client, goal, steps, None, state=state, zone=zone, by=by, at=at)


def from_template(
    client: Person,
    template: Template,
    *,
    first: datetime,
    goal: str | None = None,
    state: str,
    zone: str,
    by: Person,
    at: datetime,
) -> Plan:
    """The same from a template, its first session at `first`; the client has one open plan of it.

    Raises OwnPlan, PlanRefused, AlreadyPlanned.
    """
    planning.refuse_time(first, zone=zone, at=at)
    earliest = day_in(zone, at) + timedelta(days=template.lead_days)
    if day_in(zone, first) < earliest:
        raise PlanRefused(
            "The first session comes too soon for this template.",
            fields={"starts": [f"It needs {template.lead_days} days: from {earliest} on."]},
        )
    lock_chart(client)
    _refuse_another(client, template)
    steps = template.steps(first, zone=zone)
    words = goal or template.goal
    return _drafted(client, words, steps, template, state=state, zone=zone, by=by, at=at)


def _drafted(
    client: Person,
    goal: str,
    steps: Sequence[Step],
    template: Template | None,
    *,
    state: str,
    zone: str,
    by: Person,
    at: datetime,
) -> Plan:
    if by.id == client.id:
        raise OwnPlan("Nobody plans for themselves.")
    planning.refuse_goal(goal)
    planning.refuse_many(len(steps))
    for place, step in enumerate(steps):
        planning.refuse_step(step, zone=zone, at=at, row=f"sessions.{place}.")
    plan = Plan(
        id=uuid.uuid4(),
        number=numbers.fresh("P"),
        client=client,
        client_id=client.id,
        drafted_by=by,
        state=state,
        zone=zone,
        template=template.code if template else None,
        template_version=template.version if template else None,
        status=PlanStatus.DRAFT,
    )
    db.session.add(plan)
    db.session.flush()  # the row goes before its event, and its version after it
    events.record(Kind.PLAN_DRAFTED, plan)
    versioning.write(plan, goal=goal, more=steps, by=by)
    return plan


def _refuse_another(client: Person, template: Template) -> None:
    """Under the lock on the client's chart, so that two at once are told, too."""
    query = sa.select(Plan.number).where(
        Plan.client_id == client.id, Plan.template == template.code, Plan.status.in_(OPEN)
    )
    if number := db.session.scalar(query):
        raise AlreadyPlanned("She has an open plan of this kind.", number=number)
