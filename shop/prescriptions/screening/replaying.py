"""Try a draft rule of screening on the requests that were signed lately: whom would it stop?

Each request is screened with what was known when it was signed, by the rules that it was signed
under and those of today, with the draft and without. A hard stop blocks; a soft one asks for a
reason. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.catalog.models import Variant
from shop.core import replays
from shop.core.db import db
from shop.core.replays import Outcome, Replay, Replayed
from shop.core.rules import BadRule, Severity
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking, rules
from shop.prescriptions.screening import facts as known
from shop.prescriptions.screening.checking import Case
from shop.prescriptions.screening.judging import Hit, screen
from shop.prescriptions.screening.rules import BadRow, Rule

BATCH = 200  # requests whose facts are gathered at once
NOT_KNOWN = (
    "The draft is tried as if it had held throughout, whatever its own days.",
    "Only what was signed is tried: what was declined or still waits is not.",
    "Answers, chart, prescriptions and fills are taken as they were when it was signed.",
    "Products are taken as they are filed today, their substances as the dictionary has them now.",
    "Windows of treatments are left out: a plan says what is asked from now on.",
    "Her date of birth is taken as it is today.",
    "A prescription that has been replaced since counts as standing until its last day.",
)

_NEWEST = (
    sa.select(Prescription)
    .options(
        joinedload(Prescription.variant),
        joinedload(Prescription.request).options(
            joinedload(ApprovalRequest.client),
            joinedload(ApprovalRequest.screening),
            joinedload(ApprovalRequest.variant).joinedload(Variant.product),
        ),
    )
    .order_by(Prescription.signed_at.desc(), Prescription.id.desc())
    .limit(BATCH)
)


def drafted(row: Mapping[str, Any]) -> Rule:
    """A row as the files have them. Raises BadRule that names the column."""
    try:
        (rule,) = rules.read([row])
    except BadRow as bad:
        field = f"screening.{bad.column}" if bad.column else "screening"
        raise BadRule("This is no rule of screening.", fields={field: [bad.fault]}) from None
    return rule


def replay(draft: Rule, *, days: int, most: int, at: datetime) -> Replay:
    """The requests signed in the last `days`, newest first, `most` of them.

    Five statements for every two hundred. Raises sealed.NotOpened where a key is missing.
    """
    since = at - timedelta(days=days)
    draft = replace(draft, valid_from=date.min, valid_until=None)
    replayed: list[Replayed] = []
    cases = 0
    complete = True
    for signed in _batches(since, at):
        batch = signed[: most - cases]
        complete = len(batch) == len(signed)
        cases += len(batch)
        facts = checking.facts_of([_case(one) for one in batch])
        judged = (_judged(one, each, draft) for one, each in zip(batch, facts, strict=True))
        replayed += [one for one in judged if one is not None]
        if not complete:
            break
    return Replay(since, at, cases, complete, tuple(replayed), NOT_KNOWN)


def _batches(since: datetime, at: datetime) -> Iterator[Sequence[Prescription]]:
    query = _NEWEST.where(Prescription.signed_at > since, Prescription.signed_at <= at)
    batch = db.session.scalars(query).all()
    while batch:
        last = sa.tuple_(sa.literal(batch[-1].signed_at), sa.literal(batch[-1].id))
        yield batch
        earlier = sa.tuple_(Prescription.signed_at, Prescription.id) < last
        full = len(batch) == BATCH
        batch = db.session.scalars(query.where(earlier)).all() if full else []


def _case(one: Prescription) -> Case:
    """The request as it was when it was signed."""
    days = one.days_supply * one.fills_allowed
    return Case(
        one.request,
        one.signed_at,
        days,
        instead=one.variant.product_id,
        past=True,
        lives_in=one.client_state,
    )


def _judged(one: Prescription, facts: known.Facts, draft: Rule) -> Replayed | None:
    outcome = _outcome(one, facts, draft)
    if outcome is None:
        return None
    request = one.request
    return Replayed(
        outcome,
        request.number,
        one.client_id,
        request.ship_to_state,
        request.variant.product.slug,
    )


def _outcome(one: Prescription, facts: known.Facts, draft: Rule) -> Outcome | None:
    """What the draft makes of it: nothing, where neither it nor a version of it fires."""
    day = one.signed_at.astimezone(UTC).date()
    fired = set(screen(facts, [draft], on=day))
    if not fired and not screen(facts, _versions_of(draft.number), on=day):
        return None
    before = {hit for base in _editions(one) for hit in screen(facts, rules.rules(base), on=day)}
    after = fired | {hit for hit in before if hit.rule != draft.number}
    blocked = replays.outcome(
        before=bool(_stopped(before, Severity.HARD_STOP)),
        after=bool(_stopped(after, Severity.HARD_STOP)),
    )
    asks = _stopped(after, Severity.SOFT_STOP) - _stopped(before, Severity.SOFT_STOP)
    return blocked or (Outcome.NEEDS_REASON if asks else None)


def _versions_of(number: str) -> list[Rule]:
    """The rule of this number in every edition."""
    shipped = (rule for edition in rules.versions() for rule in rules.rules(edition))
    return [rule for rule in shipped if rule.number == number]


def _editions(one: Prescription) -> set[str]:
    """That by which it was signed, and today's."""
    kept = one.request.screening
    return {rules.CURRENT} | ({kept.checks["rules"]} if kept is not None else set())


def _stopped(hits: Collection[Hit], severity: Severity) -> set[str]:
    return {hit.rule for hit in hits if hit.severity is severity}
