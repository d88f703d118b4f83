"""Make rules: draft, review, activate, end. No rule is rewritten, and none is one person's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range

from shop.accounts.models import Person
from shop.catalog.errors import BadRule, RuleOverlaps, SamePerson
from shop.catalog.filings import normalised
from shop.catalog.models import KINDS, AnyRule, LegalClassRule
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.core.rules import ACTIVATED, JURISDICTIONS, Grade, RuleStatus

_INTERVAL = re.compile(r"\s*([\[(])\s*([0-9.]*)\s*,\s*([0-9.]*)\s*([\])])\s*")


def draft(
    kind: type[AnyRule],
    says: Mapping[str, Any],
    *,
    jurisdiction: str,
    valid_from: date,
    source: str,
    grade: Grade,
    review_by: date,
    by: Person,
    at: datetime,
    valid_until: date | None = None,
    owner_id: UUID | None = None,
    number: str | None = None,
) -> AnyRule:
    """Write a rule down; it holds nowhere yet. `says` are the columns of its kind.

    With the `number` of a rule it is that rule's next version. The owner is its author unless
    named. Raises BadRule.
    """
    if jurisdiction not in JURISDICTIONS:
        raise BadRule(
            "This is no state.", fields={"jurisdiction": ['Use "US" or a state\'s code.']}
        )
    if valid_until is not None and valid_until <= valid_from:
        raise BadRule(
            "It ends before it begins.", fields={"valid_until": ["Must be after valid_from."]}
        )
    version = 1
    if number is not None:
        last = sa.select(sa.func.max(kind.version)).where(kind.number == number)
        version = (db.session.scalar(last) or 0) + 1
    rule = kind(
        number=number or numbers.fresh("R"),
        version=version,
        jurisdiction=jurisdiction,
        valid_from=valid_from,
        valid_until=valid_until,
        source=source,
        grade=grade,
        review_by=review_by,
        owner_id=owner_id or by.id,
        authored_by_id=by.id,
        status=RuleStatus.DRAFT,
        **_said(kind, says),
    )
    db.session.add(rule)
    db.session.flush()  # the event needs its id
    events.record(Kind.RULE_DRAFTED, rule, number=rule.number, version=version)
    return rule


def review(rule: AnyRule, *, by: Person, at: datetime) -> None:
    """Somebody else has checked it against its source. Raises SamePerson, WrongState."""
    _another(by, rule.authored_by_id, "reviewed")
    rule.status = RuleStatus.REVIEWED
    rule.reviewed_by_id = by.id
    events.record(Kind.RULE_REVIEWED, rule, number=rule.number, version=rule.version)


def activate(rule: AnyRule, *, by: Person, at: datetime) -> None:
    """Let it hold between its days; the version before it holds until then. `rule` is locked.

    Raises SamePerson, WrongState, BadRule (a version cannot replace another in the past) and
    RuleOverlaps.
    """
    _another(by, rule.authored_by_id, "activated")
    if rule.status is not RuleStatus.REVIEWED:
        raise WrongState(f"A rule that is {rule.status} is not activated.", status=rule.status)
    _supersede(rule, today=_day(at))
    _refuse_overlap(rule)
    rule.status = RuleStatus.ACTIVE
    rule.activated_by_id = by.id
    events.record(Kind.RULE_ACTIVATED, rule, number=rule.number, version=rule.version)
    db.session.flush()  # what the database refuses is refused here


def propose_end(rule: AnyRule, *, on: date, by: Person, at: datetime) -> None:
    """Ask somebody else to agree that it holds until `on` only. Raises WrongState, BadRule."""
    _require_active(rule)
    if on < _day(at) or (rule.valid_until is not None and on >= rule.valid_until):
        raise BadRule(
            "A rule ends today or later, and earlier than it would.",
            fields={"on": ["Choose today or a later day, before its last."]},
        )
    rule.end_on, rule.end_proposed_by_id = on, by.id
    events.record(Kind.RULE_END_PROPOSED, rule, number=rule.number, on=on.isoformat())


def end(rule: AnyRule, *, by: Person, at: datetime) -> None:
    """Agree to the end that somebody else proposed. Raises WrongState, SamePerson, BadRule."""
    _require_active(rule)
    if rule.end_on is None or rule.end_proposed_by_id is None:
        raise WrongState("Nobody has proposed that it ends.", status=rule.status)
    _another(by, rule.end_proposed_by_id, "ended")
    if rule.end_on < _day(at):
        raise BadRule("The proposed day has passed. Propose another.", on=rule.end_on.isoformat())
    rule.valid_until, rule.ended_by_id = max(rule.end_on, rule.valid_from), by.id
    if rule.valid_from > rule.end_on:
        rule.end_on = rule.valid_from  # it had not begun, and never does
    events.record(Kind.RULE_ENDED, rule, number=rule.number, on=rule.valid_until.isoformat())
    db.session.flush()  # what the database refuses is refused here


def percents(interval: str) -> Range[Decimal]:
    """Strengths in % as an interval: "[2.5,10]", "(0.1,)", "(,)" for any. Raises BadRule."""
    found = _INTERVAL.fullmatch(interval)
    low = high = None
    try:
        if found is not None:
            low, high = (Decimal(text) if text else None for text in found.group(2, 3))
    except ArithmeticError:
        found = None  # "1.2.3"
    if found is None or (low is not None and high is not None and low > high):
        raise BadRule(
            "This is no range of strengths.",
            fields={"percents": ['Use "[2.5,10]", "(0.1,)" or "(,)": brackets include the end.']},
        )
    brackets: Any = found[1] + found[4]
    return Range(low, high, bounds=brackets)


def says(rule: LegalClassRule) -> dict[str, Any]:
    """What a rule of law says, as `draft` takes it."""
    return {
        "active": rule.active,
        "percents": interval(rule.percents),
        "route": rule.route,
        "dosage_form": rule.dosage_form,
        "except_with": rule.except_with,
        "legal_class": rule.legal_class,
    }


def interval(strengths: Range[Decimal]) -> str:
    """A range of strengths as `percents` reads it."""
    low, high = ("" if end is None else f"{end:f}" for end in (strengths.lower, strengths.upper))
    return f"{strengths.bounds[0]}{low},{high}{strengths.bounds[1]}"


def _said(kind: type[AnyRule], says: Mapping[str, Any]) -> dict[str, Any]:
    said = dict(says)
    if kind is LegalClassRule:
        said["active"] = normalised(said["active"])
        said["percents"] = percents(said.get("percents") or "(,)")
        said["except_with"] = sorted(normalised(name) for name in said.get("except_with") or ())
    return said


def _supersede(rule: AnyRule, *, today: date) -> None:
    kind = type(rule)
    before: Sequence[Any] = db.session.scalars(
        locked(
            sa.select(kind).where(
                kind.number == rule.number,
                kind.id != rule.id,
                kind.status == RuleStatus.ACTIVE,
                sa.or_(kind.valid_until.is_(None), kind.valid_until > rule.valid_from),
            )
        )
    ).all()
    if before and rule.valid_from < today:
        raise BadRule(
            "A version that replaces another begins today or later. Draft it anew.",
            fields={"valid_from": ["Must be today or later."]},
        )
    for one in before:
        one.valid_until = max(one.valid_from, rule.valid_from)
        one.status = RuleStatus.SUPERSEDED
        events.record(Kind.RULE_SUPERSEDED, one, number=one.number, by_version=rule.version)
    db.session.flush()  # their days are free before its successor takes them


def _refuse_overlap(rule: AnyRule) -> None:
    kind = type(rule)
    same = [getattr(kind, name).op(operator)(getattr(rule, name)) for name, operator in kind.KEY]
    days = sa.func.daterange(kind.valid_from, kind.valid_until)
    query = sa.select(kind.number, kind.version).where(
        kind.id != rule.id,
        kind.status.in_(ACTIVATED),
        kind.jurisdiction == rule.jurisdiction,
        *same,
        days.op("&&")(sa.func.daterange(rule.valid_from, sa.cast(rule.valid_until, sa.Date()))),
    )
    other = db.session.execute(query).first()
    if other is not None:
        raise RuleOverlaps(
            f"Rule {other.number}, version {other.version}, speaks of the same. End it, or draft "
            "its next version.",
            number=other.number,
            version=other.version,
        )


def _another(by: Person, first: UUID, what: str) -> None:
    if by.id == first:
        raise SamePerson(f"This is {what} by somebody else: ask a physician or another manager.")


def _require_active(rule: AnyRule) -> None:
    if rule.status is not RuleStatus.ACTIVE or rule.ended_by_id is not None:
        raise WrongState(f"A rule that is {rule.status} cannot be ended.", status=rule.status)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def kind_named(word: str) -> type[AnyRule]:
    """The kind of rule by its name on the wire. Raises BadRule."""
    if word not in KINDS:
        raise BadRule(
            "There is no such kind of rule.", fields={"kind": [f"One of {', '.join(KINDS)}."]}
        )
    return KINDS[word]
