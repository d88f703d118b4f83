"""Good-faith examinations: recorded, voided, and asked for before somebody prescribes.

Who was examined, how, when, by whom and for what is a record of its own (FHIR Encounter). Which
one a state asks for says `practice/rules.py`. An examination counts for a request when its mode is
one that the state accepts, it has not run out, and it covers the families of actives asked about.
An earlier visit that still counts lets a physician go on from written answers everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.charts.queries import lock_chart
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.core.usps import STATES
from shop.prescriptions import licensing, queueing, reviewing
from shop.prescriptions.clocks import POLICY
from shop.prescriptions.errors import (
    ExaminationVoided,
    SelfPrescription,
    TermsRefused,
)
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.models import ApprovalRequest, Examination
from shop.prescriptions.practice import rules
from shop.prescriptions.practice.rules import ExaminationRule, Mode
from shop.prescriptions.statements import EXAMINED
from shop.prescriptions.states import RequestStatus

HOME_CARE = tuple(family.value for family in Family)  # all that the shop asks physicians about


def record(
    client: Person,
    *,
    mode: Mode,
    on: date,
    by: Person,
    at: datetime,
    scope: Collection[str] = HOME_CARE,
    findings: str | None = None,
) -> Examination:
    """`by` examined a client; requests that waited for it go to the physicians.

    `scope` names the families of actives that it covers. It counts as long as the client's state
    says. Raises SelfPrescription, TermsRefused.
    """
    _refuse_unfit(client, mode=mode, on=on, scope=scope, by=by, at=at)
    lock_chart(client)
    waiting = _referred(client)
    examination = Examination(
        id=uuid.uuid4(),
        client_id=client.id,
        examiner_id=by.id,
        examiner_name=by.name,
        state=client.state,
        mode=mode,
        examined_on=on,
        scope=sorted(scope),
        valid_until=rules.examination_in(client.state or "", _day(at)).until(on),
    )
    examination.findings = findings
    db.session.add(examination)
    db.session.flush()  # the requests that waited look for it
    events.record(Kind.EXAMINATION_RECORDED, examination, mode=mode.value, on=on.isoformat())
    for request in waiting:
        if _ends_the_wait(examination, request, at=at):
            _queue(request, at=at)
    return examination


def void(examination: Examination, *, reason: str, by: Person, at: datetime) -> None:
    """It was recorded by mistake and counts no more; what was signed on it stays as it is.

    Raises ExaminationVoided, NotAllowed, TermsRefused.
    """
    if by.role is not Role.PHYSICIAN or by.id == examination.client_id:
        raise NotAllowed("Only a physician voids an examination, and not her own.")
    if not reason.strip():
        raise TermsRefused(
            "An examination is voided with a reason.", fields={"reason": ["Say what was wrong."]}
        )
    fresh = db.session.scalars(
        locked(sa.select(Examination).where(Examination.id == examination.id))
    ).one()
    if fresh.voided_at is not None:
        raise ExaminationVoided("This was voided already.", at=fresh.voided_at.isoformat())
    fresh.void_reason, fresh.voided_by_id = reason, by.id
    db.session.flush()  # the database stamps when
    db.session.refresh(fresh, ["voided_at"])
    events.record(Kind.EXAMINATION_VOIDED, fresh)


def in_force(client: Person, state: str, at: datetime) -> list[Examination]:
    """The examinations that count in `state` for what they cover, newest first. Holds them."""
    day = _day(at)
    rule = rules.examination_in(state, day)
    return [one for one in standing(client.id) if counts(one, rule, day=day)]


def counts(examination: Examination, rule: ExaminationRule, *, day: date) -> bool:
    """Whether it meets a state's rule on a day; the database's `examination_suffices`."""
    lasts = day < rule.until(examination.examined_on)
    return examination.in_force(day) and lasts and examination.mode in rule.modes


def covers(examination: Examination, asked: Collection[str]) -> bool:
    """Whether it is about these families of actives."""
    return set(asked) <= set(examination.scope)


def families(request: ApprovalRequest) -> set[str]:
    """What a request asks about: the parts of its questionnaire, but the general one."""
    parts = request.questionnaire_version.split("+")
    return {part.partition("-")[0] for part in parts} - {"general"}


def newest(request: ApprovalRequest, *, day: date) -> Examination | None:
    """The visit that a physician may rest on without more: the newest that counts in each state.

    An examination from written answers was of the answers of that day.
    """
    asked = _asked(request, day)
    for one in request.examinations:
        seen = one.mode is not Mode.ASYNCHRONOUS and covers(one, families(request))
        if seen and all(counts(one, rule, day=day) for rule in asked):
            return one
    return None


def unmet(request: ApprovalRequest, *, at: datetime) -> list[ExaminationRule]:
    """The rules for which the client must be seen before a physician can decide.

    Where a state accepts an examination from written answers, those handed in will do. Where it
    does not, nobody records one before this transaction ends, so that none is missed.
    """
    visits = visits_asked(request, at=at)
    if not visits:
        return []
    lock_chart(request.client)
    known = [one for one in standing(request.client_id) if covers(one, families(request))]
    return [rule for rule in visits if not any(counts(one, rule, day=_day(at)) for one in known)]


def visits_asked(request: ApprovalRequest, *, at: datetime) -> list[ExaminationRule]:
    """The rules by which a client must be seen, whether she was or not."""
    asked = _asked(request, _day(at))
    return [rule for rule in asked if Mode.ASYNCHRONOUS not in rule.modes]


def in_words(rule: ExaminationRule) -> str:
    """Where and how: "in person or by video (TX)"."""
    ways = [EXAMINED[mode] for mode in rule.modes if mode is not Mode.ASYNCHRONOUS]
    return f"{' or '.join(ways)} ({rule.jurisdiction})"


def _refuse_unfit(
    client: Person, *, mode: Mode, on: date, scope: Collection[str], by: Person, at: datetime
) -> None:
    if by.id == client.id:
        raise SelfPrescription("Nobody examines themselves.")
    strangers = set(scope) - set(HOME_CARE)
    if strangers or not scope:
        raise wrong("scope", f"Choose among {', '.join(HOME_CARE)}.")
    refuse_day(on, _day(at), field="date")
    if _day(at) >= rules.examination_in(client.state or "", _day(at)).until(on):
        raise wrong("date", "Must be within the past year.")
    require_licence(by, client.state or "", on, field="date")


def refuse_day(on: date, today: date, *, field: str) -> None:
    if on > today:
        raise wrong(field, "Must be today or earlier.")


def require_licence(by: Person, state: str, on: date, *, field: str) -> None:
    if state not in licensing.in_force([by.id], day=on)[by.id]:
        where = state if state in STATES else "the client's state"
        raise wrong(field, f"You held no licence in {where} on that day.")


def wrong(field: str, text: str) -> TermsRefused:
    return TermsRefused("This examination cannot be used.", fields={field: [text]})


def _asked(request: ApprovalRequest, day: date) -> list[ExaminationRule]:
    return [rules.examination_in(state, day) for state in sorted(reviewing.states_of(request))]


def standing(client_id: uuid.UUID) -> list[Examination]:
    """A client's examinations that were not voided, newest first; none is voided meanwhile."""
    query = (
        sa.select(Examination)
        .where(Examination.client_id == client_id, Examination.voided_at.is_(None))
        .order_by(Examination.examined_on.desc(), Examination.recorded_at.desc())
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(query))


def _referred(client: Person) -> list[ApprovalRequest]:
    """Her requests that wait for an examination, locked before it is written."""
    query = sa.select(ApprovalRequest).where(
        ApprovalRequest.client_id == client.id,
        ApprovalRequest.status == RequestStatus.REFERRED,
    )
    return list(db.session.scalars(locked(query.order_by(ApprovalRequest.id))))


def _ends_the_wait(examination: Examination, request: ApprovalRequest, *, at: datetime) -> bool:
    """Whether a request waits no more: the states have what they ask, the physician her visit."""
    if not request.referrals:
        return not unmet(request, at=at)
    seen = examination.mode is not Mode.ASYNCHRONOUS and covers(examination, families(request))
    asked = _asked(request, _day(at))
    return seen and all(counts(examination, rule, day=_day(at)) for rule in asked)


def _queue(request: ApprovalRequest, *, at: datetime) -> None:
    queueing.lay(request, queueing.judge(request, at=at), at=at)
    request.status = RequestStatus.QUEUED
    request.due_at = at + POLICY.answered_within
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_EXAMINED, request)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
