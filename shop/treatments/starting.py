"""A physician starts a plan: the version she read, after a fresh sign-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shop.accounts.models import AuthEvent, Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.treatments import permitting, proposing
from shop.treatments.errors import (
    NotLicensedHere,
    OutsideScope,
    OwnPlan,
    PlanChanged,
    StaleSignIn,
)
from shop.treatments.models import Plan, PlanStart
from shop.treatments.states import PlanStatus

FRESH_FOR = timedelta(minutes=5)


def start(plan: Plan, *, version: int, by: Person, proof: AuthEvent | None, at: datetime) -> None:
    """Let it begin as `version` says, which must be its last, all of it within her own scope.

    Raises NotAllowed, OwnPlan, NotLicensedHere, WrongState, PlanChanged, OutsideScope, StaleSignIn.
    """
    _refuse_who(plan, by=by, at=at)
    if plan.status not in (PlanStatus.PROPOSED, PlanStatus.AWAITING_PHYSICIAN):
        raise WrongState(f"A plan that is {plan.status} is not started.", status=plan.status)
    if version != plan.version.number:
        raise PlanChanged(
            "It says something else than when you read it. Read it again.",
            version=plan.version.number,
        )
    _refuse_outside(plan, by=by, at=at)
    fresh = _require_fresh(proof, by=by, at=at)
    db.session.add(
        PlanStart(
            plan_id=plan.id,
            client_id=plan.client_id,
            version=version,
            content_hash=plan.version.content_hash,
            physician_id=by.id,
            fresh_id=fresh.id,
            fresh_at=fresh.at,
        )
    )
    db.session.flush()  # only what was started is active
    plan.status = PlanStatus.ACTIVE
    db.session.flush()  # the row goes before its event
    db.session.refresh(plan, ["start"])
    events.record(Kind.PLAN_STARTED, plan, version=version, hash=plan.version.content_hash.hex())


def _refuse_who(plan: Plan, *, by: Person, at: datetime) -> None:
    if by.role is not Role.PHYSICIAN:
        raise NotAllowed("A physician starts a plan.")
    if by.id == plan.client_id:
        raise OwnPlan("Nobody starts a plan of their own.")
    if permitting.licence_of(by, plan.state, at.astimezone(UTC).date()) is None:
        raise NotLicensedHere(f"You hold no licence in force in {plan.state}.", state=plan.state)


def _refuse_outside(plan: Plan, *, by: Person, at: datetime) -> None:
    """Who works under another physician herself does not start what she may not do alone."""
    beyond = proposing.outside(plan, by=by, at=at, lock=True)
    if beyond:
        raise OutsideScope(
            " ".join(answer.why for answer in beyond.values()), procedures=sorted(beyond)
        )


def _require_fresh(proof: AuthEvent | None, *, by: Person, at: datetime) -> AuthEvent:
    fresh = (
        proof is not None
        and proof.kind == "fresh"
        and proof.person_id == by.id
        and timedelta(0) <= at - proof.at <= FRESH_FOR
    )
    if proof is None or not fresh:
        raise StaleSignIn("Sign in again first: a plan is started within five minutes of it.")
    return proof
