"""Good-faith examinations: recorded, voided, and asked for before somebody prescribes.

Who was examined, how, when, by whom and for what is a record of its own (FHIR Encounter). Which
one a state asks for says `practice/rules.py`. An examination counts for a request when its mode is
one that the state accepts, it has not run out, and it covers the families of actives asked about.
An earlier visit that still counts lets a physician go on from written answers everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.charts.queries import lock_chart
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.core.usps import STATES
from shop.prescriptions import licensing, reviewing
from shop.prescriptions.errors import (
    ExaminationNeeded,
    ExaminationVoided,
    SelfPrescription,
    TermsRefused,
)
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription
from shop.prescriptions.practice import rules
from shop.prescriptions.practice.rules import ExaminationRule, Mode
from shop.prescriptions.statements import EXAMINED, Terms
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
    return [one for one in _of(client.id) if counts(one, rule, day=day)]


def counts(examination: Examination, rule: ExaminationRule, *, day: date) -> bool:
    """Whether it meets a state's rule on a day; the database's `examination_suffices`."""
    lasts = day < rule.until(examination.examined_on)
    return examination.in_force(day) and lasts and examination.mode in rule.modes


def covers(examination: Examination, request: ApprovalRequest) -> bool:
    """Whether it is about the families of actives that are asked for."""
    return families(request) <= set(examination.scope)


def families(request: ApprovalRequest) -> set[str]:
    """What a request asks about: the parts of its questionnaire, but the general one."""
    parts = request.questionnaire_version.split("+")
    return {part.partition("-")[0] for part in parts} - {"general"}


def newest(request: ApprovalRequest, *, day: date) -> Examination | None:
    """What a physician may rest on without more: the newest on record that counts in each state."""
    asked = _asked(request, day)
    for one in request.examinations:
        if covers(one, request) and all(counts(one, rule, day=day) for rule in asked):
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
    known = [one for one in _of(request.client_id) if covers(one, request)]
    return [rule for rule in visits if not any(counts(one, rule, day=_day(at)) for one in known)]


def visits_asked(request: ApprovalRequest, *, at: datetime) -> list[ExaminationRule]:
    """The rules by which a client must be seen, whether she was or not."""
    asked = _asked(request, _day(at))
    return [rule for rule in asked if Mode.ASYNCHRONOUS not in rule.modes]


def in_words(rule: ExaminationRule) -> str:
    """Where and how: "in person or by video (TX)"."""
    ways = [EXAMINED[mode] for mode in rule.modes if mode is not Mode.ASYNCHRONOUS]
    return f"{' or '.join(ways)} ({rule.jurisdiction})"


@dataclass(frozen=True)
class Ground:
    """What lets somebody prescribe in a state: its rule, and the examination that meets it."""

    rule: ExaminationRule
    recorded: Examination | None  # None: the one of the terms, which is recorded when signed

    def until(self, examined: Examined) -> date | None:
        """The first day after the last on which a prescription may rest on it, if it ends so."""
        if not self.rule.ends_with_it:
            return None
        one = self.recorded or examined
        return min(one.valid_until, self.rule.until(one.examined_on))


@dataclass(frozen=True)
class Examined:
    """The examination a signature names, on record or recorded with it, and what it is for."""

    mode: Mode
    examined_on: date
    examiner_name: str
    scope: tuple[str, ...]
    valid_until: date
    recorded: Examination | None
    grounds: Mapping[str, Ground]  # by state

    def last_day(self, wanted: date | None, default: date) -> date:
        """The prescription's: the one wanted, or the default as far as the examinations reach.

        Raises TermsRefused.
        """
        ends = [end for ground in self.grounds.values() if (end := ground.until(self)) is not None]
        latest = min(ends, default=date.max) - timedelta(days=1)
        if wanted is not None and wanted > latest:
            raise TermsRefused(
                "A prescription does not outlive the examination here.",
                fields={
                    "valid_until": [
                        f"Choose a day up to {latest.isoformat()}, or examine the client again."
                    ]
                },
            )
        return wanted or min(default, latest)

    def said(self) -> str:
        """For the statement: what each state asked, and what met it."""
        return said(
            (state, one.rule.number, one.rule.version, one.recorded or self)
            for state, one in self.grounds.items()
        )

    def copied(self, state: str, examination: Examination) -> dict[str, object]:
        """The columns of the state that is covered; `examination` is the one of the terms."""
        ground = self.grounds[state]
        return {
            "examination_rule": ground.rule.number,
            "examination_rule_version": ground.rule.version,
            "examination_id": (ground.recorded or examination).id,
        }


def said(grounds: Iterable[tuple[str, str, int, Examination | Examined]]) -> str:
    """What each state asked and what met it, as it is signed."""
    lines = [
        f"  {state}: rule {number} version {version}, met {EXAMINED[seen.mode]}"
        f" on {seen.examined_on.isoformat()} by {seen.examiner_name}"
        for state, number, version, seen in sorted(grounds, key=lambda ground: ground[0])
    ]
    return "\n".join(["Examined as each state asks:", *lines])


def require(request: ApprovalRequest, terms: Terms, *, by: Person, at: datetime) -> Examined:
    """The examination that the terms name, and what meets each state's rule. Changes nothing.

    What is on record is held until the transaction ends: nobody voids it meanwhile. Raises
    TermsRefused, ExaminationNeeded.
    """
    day = _day(at)
    on_record = [one for one in _of(request.client_id) if covers(one, request)]
    named = _named(request, terms, on_record, by=by, day=day)
    grounds, missing = {}, []
    for state in sorted(reviewing.states_of(request)):
        rule = rules.examination_in(state, day)
        if named.mode in rule.modes and day < rule.until(named.examined_on):
            grounds[state] = Ground(rule, named.recorded)
        elif earlier := [one for one in on_record if counts(one, rule, day=day)]:
            grounds[state] = Ground(rule, earlier[0])
        else:
            missing.append(rule)
    if missing:
        raise _needed(missing)
    return Examined(
        mode=named.mode,
        examined_on=named.examined_on,
        examiner_name=named.examiner_name,
        scope=named.scope,
        valid_until=named.valid_until,
        recorded=named.recorded,
        grounds=grounds,
    )


def settle(
    request: ApprovalRequest, examined: Examined, *, by: Person, at: datetime
) -> Examination:
    """The examination on record; the one that the terms name is recorded with the signature."""
    return examined.recorded or record(
        request.client,
        mode=examined.mode,
        on=examined.examined_on,
        scope=examined.scope,
        by=by,
        at=at,
    )


def copy(prescription: Prescription, examination: Examination) -> None:
    """Put the examination on what is signed, as it is."""
    prescription.examination_id = examination.id
    prescription.examiner_id = examination.examiner_id
    prescription.examiner_name = examination.examiner_name
    prescription.examination_scope = examination.scope
    prescription.examination_until = examination.valid_until


def _named(
    request: ApprovalRequest,
    terms: Terms,
    on_record: Sequence[Examination],
    *,
    by: Person,
    day: date,
) -> Examined:
    """The examination of the terms: one on record, or a new one by who signs."""
    mode, on = _mode(terms.examination_mode), terms.examined_on
    _refuse_day(on, day, field="examination.date")
    for one in on_record:
        if (one.mode, one.examined_on) == (mode, on) and one.in_force(day):
            scope = tuple(one.scope)
            return Examined(mode, on, one.examiner_name, scope, one.valid_until, one, {})
    state = request.client.state or ""
    until = rules.examination_in(state, day).until(on)
    if day >= until:
        raise _wrong("examination.date", "Must be within the past year.")
    _require_licence(by, state, on, field="examination.date")
    asked = tuple(sorted(families(request))) or (Family.OTHER.value,)
    return Examined(mode, on, by.name, asked, until, None, {})


def _mode(word: str) -> Mode:
    if word not in EXAMINED:
        raise _wrong("examination.mode", f"Choose one of: {', '.join(EXAMINED)}.")
    return Mode(word)


def _needed(missing: Sequence[ExaminationRule]) -> ExaminationNeeded:
    asked = " and ".join(in_words(rule) for rule in missing)
    named = ", ".join(f"{rule.number} version {rule.version}" for rule in missing)
    remedy = f"Record an examination {asked}, or refer the client to a visit. Asked by {named}."
    return ExaminationNeeded(
        f"The client must have been examined {asked} first.",
        fields={"examination.mode": [remedy]},
        states=[rule.jurisdiction for rule in missing],
        rules=[rule.number for rule in missing],
    )


def _refuse_unfit(
    client: Person, *, mode: Mode, on: date, scope: Collection[str], by: Person, at: datetime
) -> None:
    if by.id == client.id:
        raise SelfPrescription("Nobody examines themselves.")
    strangers = set(scope) - set(HOME_CARE)
    if strangers or not scope:
        raise _wrong("scope", f"Choose among {', '.join(HOME_CARE)}.")
    _refuse_day(on, _day(at), field="date")
    if _day(at) >= rules.examination_in(client.state or "", _day(at)).until(on):
        raise _wrong("date", "Must be within the past year.")
    _require_licence(by, client.state or "", on, field="date")


def _refuse_day(on: date, today: date, *, field: str) -> None:
    if on > today:
        raise _wrong(field, "Must be today or earlier.")


def _require_licence(by: Person, state: str, on: date, *, field: str) -> None:
    if state not in licensing.in_force([by.id], day=on)[by.id]:
        where = state if state in STATES else "the client's state"
        raise _wrong(field, f"You held no licence in {where} on that day.")


def _wrong(field: str, text: str) -> TermsRefused:
    return TermsRefused("This examination cannot be used.", fields={field: [text]})


def _asked(request: ApprovalRequest, day: date) -> list[ExaminationRule]:
    return [rules.examination_in(state, day) for state in sorted(reviewing.states_of(request))]


def _of(client_id: uuid.UUID) -> list[Examination]:
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
    seen = examination.mode is not Mode.ASYNCHRONOUS and covers(examination, request)
    asked = _asked(request, _day(at))
    return seen and all(counts(examination, rule, day=_day(at)) for rule in asked)


def _queue(request: ApprovalRequest, *, at: datetime) -> None:
    request.status = RequestStatus.QUEUED
    request.due_at = at + reviewing.ANSWERED_WITHIN
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_EXAMINED, request)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
