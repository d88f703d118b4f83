"""Make rules: draft, review, activate, end. No rule is rewritten, and none is one person's.

The same for every kind of rule (`rules.kinds`), whoever keeps its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa

from shop.core import events, numbers, rules
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.core.rules import (
    ACTIVATED,
    JURISDICTIONS,
    BadRule,
    Grade,
    NoSuchRule,
    Rule,
    RuleOverlaps,
    RuleStatus,
    SamePerson,
)

AnyRule = TypeVar("AnyRule", bound=Rule)


class Somebody(Protocol):
    """Who decides: a person, of whom only the id counts here."""

    @property
    def id(self) -> UUID: ...


def draft(
    kind: type[AnyRule],
    says: Mapping[str, Any],
    *,
    jurisdiction: str,
    valid_from: date,
    source: str,
    grade: Grade,
    review_by: date,
    by: Somebody,
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
    row: Any = kind  # a mapped class takes its columns
    rule: AnyRule = row(
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
        **kind.said(says),
    )
    db.session.add(rule)
    db.session.flush()  # the event needs its id
    events.record(Kind.RULE_DRAFTED, rule, number=rule.number, version=version)
    return rule


def review(rule: Rule, *, by: Somebody, at: datetime) -> None:
    """Somebody else has checked it against its source. Raises SamePerson, WrongState."""
    _another(by, rule.authored_by_id, "reviewed")
    rule.status = RuleStatus.REVIEWED
    rule.reviewed_by_id = by.id
    events.record(Kind.RULE_REVIEWED, rule, number=rule.number, version=rule.version)


def activate(rule: Rule, *, by: Somebody, at: datetime) -> None:
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


def propose_end(rule: Rule, *, on: date, by: Somebody, at: datetime) -> None:
    """Ask somebody else to agree that it holds until `on` only. Raises WrongState, BadRule."""
    _require_active(rule)
    if on < _day(at) or (rule.valid_until is not None and on >= rule.valid_until):
        raise BadRule(
            "A rule ends today or later, and earlier than it would.",
            fields={"on": ["Choose today or a later day, before its last."]},
        )
    rule.end_on, rule.end_proposed_by_id = on, by.id
    events.record(Kind.RULE_END_PROPOSED, rule, number=rule.number, on=on.isoformat())


def end(rule: Rule, *, by: Somebody, at: datetime) -> None:
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


def found(rule_id: UUID, *, lock: bool = False) -> Rule:
    """A rule of any kind, in one of its versions. Raises NoSuchRule."""
    for kind in rules.kinds().values():
        query: sa.Select[Any] = sa.select(kind).where(kind.id == rule_id)
        one: Rule | None = db.session.scalars(locked(query) if lock else query).one_or_none()
        if one is not None:
            return one
    raise NoSuchRule("There is no such rule.", rule=str(rule_id))


def listed(
    kind: type[Rule], *, jurisdiction: str | None = None, status: RuleStatus | None = None
) -> sa.Select[Any]:
    """The rules of a kind, for a list."""
    query: sa.Select[Any] = sa.select(kind)
    if jurisdiction is not None:
        query = query.where(kind.jurisdiction == jurisdiction)
    return query if status is None else query.where(kind.status == status)


def _supersede(rule: Rule, *, today: date) -> None:
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


def _refuse_overlap(rule: Rule) -> None:
    kind = type(rule)
    days = sa.func.daterange(kind.valid_from, kind.valid_until)
    query = sa.select(kind.number, kind.version).where(
        kind.id != rule.id,
        kind.status.in_(ACTIVATED),
        kind.jurisdiction == rule.jurisdiction,
        *rule.same(),
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


def _another(by: Somebody, first: UUID, what: str) -> None:
    if by.id == first:
        raise SamePerson(f"This is {what} by somebody else: ask a physician or another manager.")


def _require_active(rule: Rule) -> None:
    if rule.status is not RuleStatus.ACTIVE or rule.ended_by_id is not None:
        raise WrongState(f"A rule that is {rule.status} cannot be ended.", status=rule.status)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
