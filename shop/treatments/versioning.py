"""What a plan says becomes its next version: canonical JSON, sealed, with its hash."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

from shop.accounts.models import Person
from shop.core import events
from shop.core.canonical import JSON, canonical
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments import regimens
from shop.treatments.models import Plan, PlanVersion, Session
from shop.treatments.states import SessionStatus
from shop.treatments.templates import Step


def write(
    plan: Plan,
    *,
    goal: str,
    more: Sequence[Step] = (),
    regimen: Sequence[regimens.Step] | None = None,
    by: Person,
) -> list[Session]:
    """Write the next version: `goal`, what is planned and not cancelled, and `more` sessions.

    Without a `regimen` it says the one that the version before said. Returns the sessions that are
    new. The caller has locked the plan and refused what is unfit.
    """
    added = [_session(plan, step) for step in more]
    standing = [one for one in plan.sessions if one.status is not SessionStatus.CANCELLED]
    content: JSON = {
        "plan": plan.number,
        "client": str(plan.client_id),
        "state": plan.state,
        "zone": plan.zone,
        "template": plan.template and f"{plan.template} {plan.template_version}",
        "goal": goal,
        "sessions": [
            {"id": str(one.id), "procedure": one.procedure, "area": one.area}
            for one in [*standing, *added]
        ],
        "regimen": [one.as_json() for one in (_regimen(plan) if regimen is None else regimen)],
    }
    version = PlanVersion(
        id=uuid.uuid4(),
        number=len(plan.versions) + 1,
        content_hash=hashlib.sha256(canonical(content)).digest(),
        written_by=by,
    )
    version.content = content
    plan.versions.append(version)
    db.session.flush()  # sessions point at it
    for one in added:
        one.version = version.number
        db.session.add(one)
        db.session.flush()  # the row goes before its event
        events.record(Kind.SESSION_PROPOSED, one)
    plan.sessions.extend(added)
    plan.sessions.sort(key=lambda one: (one.starts_at, one.id))  # as they are read afresh
    return added


def _regimen(plan: Plan) -> Sequence[regimens.Step]:
    return regimens.read(plan.version.content) if plan.versions else ()


def _session(plan: Plan, step: Step) -> Session:
    return Session(
        id=uuid.uuid4(),
        plan_id=plan.id,
        client_id=plan.client_id,
        procedure=step.procedure,
        area=step.area,
        starts_at=step.starts,
        ends_at=step.ends,
        status=SessionStatus.PROPOSED,
    )
