"""An MD or DO stands behind a nurse practitioner or physician assistant, where the state asks.

A supervision is entered by the manager, with its days, and ended when it is over sooner. Which
state asks for one of whom says `practice/rules.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from shop.accounts.models import Licence, Person, Role
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.core.usps import STATES
from shop.prescriptions import licensing
from shop.prescriptions.errors import NotSupervised, SupervisionRefused
from shop.prescriptions.models import Supervision
from shop.prescriptions.practice import rules

SUPERVISORS = ("MD", "DO")


@dataclass(frozen=True)
class Supervisor:
    """Who stands behind a prescriber in a state, under which licence."""

    supervision: Supervision
    licence: Licence
    name: str

    @property
    def copied(self) -> dict[str, object]:
        """The columns of the state that is covered."""
        return {
            "supervision_id": self.supervision.id,
            "supervisor_id": self.supervision.supervisor_id,
            "supervisor_name": self.name,
            "supervisor_licence_id": self.licence.id,
            "supervisor_licence_number": self.licence.number,
        }


def enter(
    prescriber: Person,
    supervisor: Person,
    *,
    state: str,
    valid_from: date,
    valid_until: date,
    by: Person,
    at: datetime,
) -> Supervision:
    """`supervisor` stands behind `prescriber` in `state`, until, not including, `valid_until`.

    Raises NotAllowed, SupervisionRefused.
    """
    _require_manager(by)
    _refuse_unfit(prescriber, supervisor, state, valid_from, valid_until, at)
    db.session.execute(locked(sa.select(Person.id).where(Person.id == prescriber.id)))
    _refuse_overlap(prescriber, supervisor, state, valid_from, valid_until)
    supervision = Supervision(
        id=uuid.uuid4(),
        prescriber=prescriber,
        supervisor=supervisor,
        state=state,
        valid_from=valid_from,
        valid_until=valid_until,
        entered_by_id=by.id,
    )
    db.session.add(supervision)
    db.session.flush()  # the database stamps when
    events.record(
        Kind.SUPERVISION_ENTERED,
        supervision,
        prescriber=str(prescriber.id),
        supervisor=str(supervisor.id),
        state=state,
    )
    return supervision


def end(supervision: Supervision, *, on: date, by: Person, at: datetime) -> None:
    """From `on` it no longer counts; not before today. Raises NotAllowed, SupervisionRefused."""
    _require_manager(by)
    fresh = db.session.scalars(
        locked(sa.select(Supervision).where(Supervision.id == supervision.id), Supervision)
    ).one()
    if fresh.ended_on is not None:
        raise _refused("ended_on", f"It was ended already, on {fresh.ended_on.isoformat()}.")
    if not _day(at) <= on <= fresh.valid_until:
        raise _refused("ended_on", f"Choose a day from today to {fresh.valid_until.isoformat()}.")
    fresh.ended_on, fresh.ended_by_id = on, by.id
    db.session.flush()  # the row goes before its event
    events.record(Kind.SUPERVISION_ENDED, fresh, on=on.isoformat())


def require(by: Person, licences: Mapping[str, Licence], *, at: datetime) -> dict[str, Supervisor]:
    """Who stands behind `by` in each state that asks for somebody, by state.

    `licences` are those she signs under. A supervision and the supervisor's licence are held until
    the transaction ends. Raises NotSupervised.
    """
    day = _day(at)
    asking = [state for state, licence in licences.items() if _needed(state, licence.kind, day)]
    found = _in_force(by, asking, day) if asking else {}
    missing = sorted(set(asking) - set(found))
    if missing:
        raise NotSupervised(
            f"{licences[missing[0]].kind}s prescribe under a physician in {' and '.join(missing)}."
            " Ask the manager to enter your supervising physician, an MD or DO licensed there.",
            states=missing,
        )
    return found


def said(supervisors: Mapping[str, tuple[str, str]]) -> str:
    """For the statement: state → name and licence number; nothing where no state asks."""
    if not supervisors:
        return ""
    lines = [
        f"  {state}: {name}, licence {number}"
        for state, (name, number) in sorted(supervisors.items())
    ]
    return "\n".join(["\n\nSupervised, as the state asks, by", *lines])


def _needed(state: str, kind: str, day: date) -> bool:
    rule = rules.supervision_in(state, kind, day)
    return rule.needed if rule else kind not in SUPERVISORS


def _in_force(by: Person, states: list[str], day: date) -> dict[str, Supervisor]:
    query = (
        sa.select(Supervision)
        .where(
            Supervision.prescriber_id == by.id,
            Supervision.state.in_(states),
            Supervision.valid_from <= day,
            day < Supervision.valid_until,
            sa.or_(Supervision.ended_on.is_(None), Supervision.ended_on > day),
        )
        .order_by(Supervision.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    entered = list(db.session.scalars(query))
    held = licensing.in_force([one.supervisor_id for one in entered], day=day, lock=True)
    found: dict[str, Supervisor] = {}
    for one in entered:
        licence = held[one.supervisor_id].get(one.state)
        if licence is not None and licence.kind in SUPERVISORS:
            found.setdefault(one.state, Supervisor(one, licence, one.supervisor.name))
    return found


def _require_manager(by: Person) -> None:
    if by.role is not Role.MANAGER:
        raise NotAllowed("Only the manager enters and ends supervisions.")


def _refuse_unfit(
    prescriber: Person,
    supervisor: Person,
    state: str,
    valid_from: date,
    valid_until: date,
    at: datetime,
) -> None:
    wrong: dict[str, list[str]] = {}
    if prescriber.role is not Role.PHYSICIAN:
        wrong["prescriber"] = ["Only who prescribes is supervised."]
    if state not in STATES:
        wrong["state"] = ["Use the two-letter code of a US state, such as CA."]
    elif not _may_supervise(supervisor, state, _day(at)) or supervisor.id == prescriber.id:
        wrong["supervisor"] = [f"Name another, an MD or DO with a licence in force in {state}."]
    if valid_from >= valid_until:
        wrong["valid_until"] = ["Must be after its first day."]
    if wrong:
        raise SupervisionRefused("This supervision cannot be entered.", fields=wrong)


def _may_supervise(supervisor: Person, state: str, day: date) -> bool:
    licence = licensing.in_force([supervisor.id], day=day)[supervisor.id].get(state)
    return licence is not None and licence.kind in SUPERVISORS


def _refuse_overlap(
    prescriber: Person, supervisor: Person, state: str, valid_from: date, valid_until: date
) -> None:
    other = db.session.scalars(
        sa.select(Supervision).where(
            Supervision.prescriber_id == prescriber.id,
            Supervision.supervisor_id == supervisor.id,
            Supervision.state == state,
            Supervision.ended_on.is_(None),
            Supervision.valid_from < valid_until,
            Supervision.valid_until > valid_from,
        )
    ).first()
    if other is not None:
        raise _refused(
            "valid_from",
            f"One from {other.valid_from.isoformat()} to {other.valid_until.isoformat()} covers"
            " some of these days. End it first.",
        )


def _refused(field: str, text: str) -> SupervisionRefused:
    return SupervisionRefused("This supervision cannot be changed so.", fields={field: [text]})


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
