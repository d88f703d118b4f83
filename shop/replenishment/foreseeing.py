"""Look ahead for one auto-refill: begin its next cycle, announce it, move it with its run-out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shop.core import events
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.events import Kind
from shop.replenishment import blocking, lapsing, noticing, queries
from shop.replenishment.models import AutoRefill, RefillCycle, RefillNotice
from shop.replenishment.states import AHEAD, CycleStatus, Obstacle, RefillStatus
from shop.replenishment.supplying import Supply
from shop.replenishment.timing import STANDS, due_on, to_tell


class Move(StrEnum):
    """What is to be done for an auto-refill today."""

    BEGIN = "begin"
    LAPSE = "lapse"  # she has the next pack already
    TELL_AGAIN = "tell_again"  # what she was told is too old
    SHIFT = "shift"


@dataclass(frozen=True)
class Step:
    move: Move
    due: date


def foreseen(refill: AutoRefill, supply: Supply, today: date) -> Step | None:
    """What is to be done, from what was read; nothing where it can wait."""
    if refill.status is not RefillStatus.ACTIVE or supply.run_out is None:
        return None
    due = max(due_on(supply.run_out.on), today)
    cycle = refill.cycle
    if cycle is None:
        return _begins(refill, supply, due, today)
    if cycle.status not in AHEAD:
        return None
    if cycle.after_line_id != supply.line_id:
        return Step(Move.LAPSE, due)
    if supply.run_out.held:
        return None  # it moves on day by day; what holds it is asked on its day
    return _moves(refill, cycle, due, today)


def _begins(refill: AutoRefill, supply: Supply, due: date, today: date) -> Step | None:
    followed = any(
        one.after_line_id == supply.line_id and one.status is not CycleStatus.LAPSED
        for one in refill.cycles
    )
    return None if followed or not to_tell(due, today) else Step(Move.BEGIN, due)


def _moves(refill: AutoRefill, cycle: RefillCycle, due: date, today: date) -> Step | None:
    if cycle.status is CycleStatus.BLOCKED:
        # Not before it is needed; and what waited for a day may be free before, if that moved.
        sooner = due < cycle.act_on and cycle.obstacle is Obstacle.TOO_SOON
        return Step(Move.SHIFT, due) if due > cycle.act_on or sooner else None
    notice = cycle.notice
    assert notice is not None  # who is noticed has one
    if due > notice.charge_on + STANDS and to_tell(due, today):
        return Step(Move.TELL_AGAIN, due)
    goal = due if _agreed_to(refill, notice) else max(due, notice.charge_on)
    return Step(Move.SHIFT, goal) if goal != cycle.act_on else None


def _agreed_to(refill: AutoRefill, notice: RefillNotice) -> bool:
    """She was told of a higher price, and has agreed to it since: it need not wait for its day."""
    consent = refill.consent
    return (
        notice.rises
        and consent.consented_at > notice.told_at
        and consent.total_cents >= notice.total_cents
    )


def foresee(refill: AutoRefill, supply: Supply, *, today: date, at: datetime) -> Step | None:
    """Do it, for a (locked) auto-refill. Safe to repeat: what is done is not to be done again."""
    step = foreseen(refill, supply, today)
    if step is None:
        return None
    if step.move is Move.BEGIN:
        return step if _begun(refill, supply, step.due, today, at) else None
    cycle = refill.cycle
    assert cycle is not None
    if step.move is Move.LAPSE:
        lapsing.lapse(cycle, why="bought", at=at)
    elif step.move is Move.TELL_AGAIN:
        _told(cycle, step.due, today, at)
    else:
        _shifted(cycle, step.due)
    return step


def _begun(
    refill: AutoRefill, supply: Supply, due: date, today: date, at: datetime
) -> RefillCycle | None:
    if queries.is_refilled(supply.line_id):
        return None  # by an auto-refill that was cancelled since
    cycle = RefillCycle(
        id=uuid.uuid4(),
        auto_refill_id=refill.id,
        client_id=refill.client_id,
        after_line_id=supply.line_id,
        act_on=due,
        status=CycleStatus.NOTICED,
        auto_refill=refill,
    )
    db.session.add(cycle)
    try:
        total = noticing.quoted(refill, at=at).total_cents
    except Refusal as refusal:
        _begun_blocked(cycle, refusal, today)
        return cycle
    events.record(Kind.REFILL_BEGUN, cycle)
    db.session.flush()  # the notice points at it
    noticing.tell(cycle, due=due, total_cents=total, today=today, at=at)
    return cycle


def _begun_blocked(cycle: RefillCycle, refusal: Refusal, today: date) -> None:
    cycle.status, cycle.obstacle = CycleStatus.BLOCKED, blocking.obstacle(refusal)
    blocking.said(cycle, refusal, today=today)
    events.record(Kind.REFILL_BLOCKED, cycle, why=cycle.obstacle.value)
    db.session.flush()


def _told(cycle: RefillCycle, due: date, today: date, at: datetime) -> None:
    try:
        total = noticing.quoted(cycle.auto_refill, at=at).total_cents
    except Refusal as refusal:
        blocking.block(cycle, refusal, today=today, at=at)
    else:
        noticing.tell(cycle, due=due, total_cents=total, today=today, at=at)


def _shifted(cycle: RefillCycle, to: date) -> None:
    before, cycle.act_on = cycle.act_on, to
    if cycle.status is CycleStatus.NOTICED:
        events.record(Kind.REFILL_MOVED, cycle, before=before.isoformat(), to=to.isoformat())
