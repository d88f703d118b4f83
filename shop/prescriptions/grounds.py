"""What lets somebody sign: the examination she names, and what meets the rule of each state.

The examination named in the terms is one on record, or is recorded with the signature, by who
signs. In a state that asks for more than it is, an earlier one that still counts will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shop.accounts.models import Person
from shop.prescriptions import examining, reviewing
from shop.prescriptions.errors import ExaminationNeeded, TermsRefused
from shop.prescriptions.intake.composing import Family
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription
from shop.prescriptions.practice import rules
from shop.prescriptions.practice.rules import ExaminationRule, Mode
from shop.prescriptions.statements import EXAMINED, Terms


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


def require(
    request: ApprovalRequest, terms: Terms, *, families: Set[str], by: Person, at: datetime
) -> Examined:
    """The examination that the terms name, and what meets each state's rule. Changes nothing.

    `families` of actives are prescribed.

    What is on record is held until the transaction ends: nobody voids it meanwhile. Raises
    TermsRefused, ExaminationNeeded.
    """
    day = at.astimezone(UTC).date()
    on_record = [
        one for one in examining.standing(request.client_id) if examining.covers(one, families)
    ]
    named = _named(request, terms, on_record, families=families, by=by, day=day)
    grounds, missing = {}, []
    for state in sorted(reviewing.states_of(request)):
        rule = rules.examination_in(state, day)
        if named.mode in rule.modes and day < rule.until(named.examined_on):
            grounds[state] = Ground(rule, named.recorded)
        elif earlier := [one for one in on_record if examining.counts(one, rule, day=day)]:
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
    return examined.recorded or examining.record(
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
    families: Set[str],
    by: Person,
    day: date,
) -> Examined:
    """The examination of the terms: one on record, or a new one by who signs."""
    mode, on = _mode(terms.examination_mode), terms.examined_on
    examining.refuse_day(on, day, field="examination.date")
    for one in on_record:
        if (one.mode, one.examined_on) == (mode, on) and one.in_force(day):
            scope = tuple(one.scope)
            return Examined(mode, on, one.examiner_name, scope, one.valid_until, one, {})
    state = request.client.state or ""
    until = rules.examination_in(state, day).until(on)
    if day >= until:
        raise examining.wrong("examination.date", "Must be within the past year.")
    examining.require_licence(by, state, on, field="examination.date")
    asked = tuple(sorted(families)) or (Family.OTHER.value,)
    return Examined(mode, on, by.name, asked, until, None, {})


def _mode(word: str) -> Mode:
    if word not in EXAMINED:
        raise examining.wrong("examination.mode", f"Choose one of: {', '.join(EXAMINED)}.")
    return Mode(word)


def _needed(missing: Sequence[ExaminationRule]) -> ExaminationNeeded:
    asked = " and ".join(examining.in_words(rule) for rule in missing)
    named = ", ".join(f"{rule.number} version {rule.version}" for rule in missing)
    remedy = f"Record an examination {asked}, or refer the client to a visit. Asked by {named}."
    return ExaminationNeeded(
        f"The client must have been examined {asked} first.",
        fields={"examination.mode": [remedy]},
        states=[rule.jurisdiction for rule in missing],
        rules=[rule.number for rule in missing],
    )
