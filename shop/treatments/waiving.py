"""A physician goes on with a session in spite of what speaks against it, and says why."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.treatments import permitting
from shop.treatments.errors import NotLicensedHere, OwnPlan, WaiverRefused
from shop.treatments.models import Session, SessionWaiver
from shop.treatments.readiness import Judged
from shop.treatments.states import SessionStatus

LONGEST = 2_000  # characters of a reason


def waive(
    session: Session,
    *,
    findings: Collection[str],
    judged: Judged,
    reason: str,
    by: Person,
    at: datetime,
) -> SessionWaiver:
    """Waive `findings`, by their names, for the time that the session has; a move ends it.

    `judged` is how it stands now; the caller has locked the plan. Raises NotAllowed, OwnPlan,
    NotLicensedHere, WrongState, WaiverRefused (a hard stop is waived by nobody).
    """
    _refuse_who(session, by, at)
    if session.status is not SessionStatus.BOOKED:
        raise WrongState(
            f"Nothing is waived for a session that is {session.status}.", status=session.status
        )
    _refuse_findings(findings, judged)
    if not reason.strip() or len(reason) > LONGEST:
        raise WaiverRefused(
            "A waiver says why.", fields={"reason": [f"Say why, in up to {LONGEST} characters."]}
        )
    made = SessionWaiver(
        id=uuid.uuid4(),
        session_id=session.id,
        client_id=session.client_id,
        physician_id=by.id,
        starts_at=session.starts_at,
        findings=sorted(set(findings)),
    )
    made.reason = reason
    db.session.add(made)
    db.session.flush()  # the row goes before its event
    events.record(Kind.SESSION_WAIVED, made, findings=len(made.findings))
    return made


def _refuse_who(session: Session, by: Person, at: datetime) -> None:
    if by.role is not Role.PHYSICIAN:
        raise NotAllowed("A physician waives what speaks against a session.")
    if by.id == session.client_id:
        raise OwnPlan("Nobody waives anything for themselves.")
    state = session.plan.state
    if permitting.licence_of(by, state, at.astimezone(UTC).date()) is None:
        raise NotLicensedHere(f"You hold no licence in force in {state}.", state=state)


def _refuse_findings(findings: Collection[str], judged: Judged) -> None:
    known = {one.name: one for one in judged.findings if one.bears}
    wrong = [
        f"{known[name].text}: nobody waives this." if name in known else f"{name} is not open."
        for name in sorted(set(findings))
        if name not in known or not known[name].waivable
    ]
    if wrong or not findings:
        raise WaiverRefused(
            "This is not waived.", fields={"findings": wrong or ["Say what you waive."]}
        )
