"""Explain an answer: what each question asks and rests on, which rules fired, what screening found.

Words for the gate's own trace, and the rows behind it; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Licence
from shop.catalog.models import LegalClassRule
from shop.core.db import db
from shop.prescriptions import asking, licensing, statements
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Explained, Wish
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking, judging
from shop.prescriptions.screening.checking import Case
from shop.prescriptions.screening.judging import UNKNOWN, Hit
from shop.prescriptions.screening.rules import CURRENT, rules, versions
from shop.prescriptions.states import RequestStatus

HANDED_IN = frozenset(RequestStatus) - {
    RequestStatus.DRAFT,
    RequestStatus.WITHDRAWN,
    RequestStatus.EXPIRED,
}


class Meaning(NamedTuple):
    """What a question of the gate asks, in words for anybody, and where it comes from."""

    asks: str
    source: str


POLICY = "Policy of the clinic"
TERMS = "What was signed in the prescription"

# Of every question and every test of a prescription, by its name in the gate.
MEANINGS: Mapping[str, Meaning] = {
    "client_is_active": Meaning("Is the account open?", POLICY),
    "pack_is_known": Meaning("Is it in our catalogue?", "The catalogue"),
    "client_is_old_enough": Meaning(
        "Is the client of age, where a prescription is needed?", POLICY
    ),
    "pack_is_offered": Meaning(
        "Is it sold, and may it be sold where it goes?",
        "The catalogue, and the rules of law of the state",
    ),
    "pack_is_named_once": Meaning("Is it in the list only once?", POLICY),
    "prescription_covers_it": Meaning(
        "Does a prescription cover it, where one is needed?",
        "Federal Food, Drug, and Cosmetic Act, section 503(b)(1); the rules of law of the state",
    ),
    "leaflet_is_read": Meaning(
        "Has the client read the leaflet, before the first time?",
        POLICY,
    ),
    "it_is_in_stock": Meaning("Is there enough on the shelf?", "The stock ledger"),
    "replaced": Meaning("Is it the latest, replaced by no other?", TERMS),
    "revoked": Meaning("Does it stand, taken back by nobody?", TERMS),
    "not_accepted": Meaning("Has the client taken it, where it is not what she asked for?", TERMS),
    "over": Meaning("Is its last day still to come, or today?", TERMS),
    "not_begun": Meaning("Has it begun?", TERMS),
    "held": Meaning("Is it free of a hold?", TERMS),
    "licence_lapsed": Meaning(
        "May the physician still prescribe where the client lives, and where it goes?",
        "Medical practice acts: a prescriber is licensed where the patient is",
    ),
    "taken_away": Meaning("Is it here, not taken to another pharmacy?", TERMS),
    "used_up": Meaning("Is a fill left?", TERMS),
    "other_quantity": Meaning("Is it for this quantity?", TERMS),
    "too_soon": Meaning("Has enough time passed since the last fill?", TERMS),
    "other_state": Meaning("Does it cover the state where it goes?", TERMS),
    "holds_no_live_fill": Meaning("Does the line hold a fill of it?", TERMS),
}


@dataclass(frozen=True)
class Finding:
    """A rule of screening that fired. `reason`: why it was signed all the same."""

    rule: str
    version: int
    severity: str
    client_text: str
    text: str  # for the physician
    source: str
    grade: str
    fired_by: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Screened:
    """What screening found at a moment, by an edition of its rules."""

    edition: str
    at: datetime
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class PrescriptionExplained:
    """The gate's answer to a fill of it now, and what it was signed on. `licences`: today's."""

    prescription: Prescription
    gate: Explained
    laws: Mapping[UUID, LegalClassRule]
    licences: Mapping[str, Licence]
    screened: Screened | None


@dataclass(frozen=True)
class RequestExplained:
    """How a request stands; the gate's answer to its wish now; what screening found of it."""

    request: ApprovalRequest
    gate: Explained
    laws: Mapping[UUID, LegalClassRule]
    screened: Screened | None


def of_prescription(one: Prescription, *, at: datetime) -> PrescriptionExplained:
    """Why it lets its client have a fill now, or why not."""
    wish = Wish(one.variant_id, one.variant.sku, one.quantity_per_fill)
    (gate,) = asking.explain(
        one.client, [wish], ship_to_state=one.request.ship_to_state, at=at, stage=Stage.BROWSE
    )
    day = at.astimezone(UTC).date()
    return PrescriptionExplained(
        prescription=one,
        gate=gate,
        laws=laws_behind([gate]),
        licences=licensing.in_force([one.prescriber_id], day=day)[one.prescriber_id],
        screened=_when_signed(one),
    )


def of_request(request: ApprovalRequest, *, at: datetime) -> RequestExplained:
    """Why it waits, was approved or was declined."""
    wish = Wish(request.variant_id, request.variant.sku, request.quantity)
    (gate,) = asking.explain(
        request.client, [wish], ship_to_state=request.ship_to_state, at=at, stage=Stage.BROWSE
    )
    return RequestExplained(request, gate, laws_behind([gate]), screened(request, at=at))


def laws_behind(
    explained: Iterable[Explained], *, also: Iterable[UUID | None] = ()
) -> dict[UUID, LegalClassRule]:
    """The rules of law that these answers speak of, by id. One statement, or none."""
    ids = {one.decision.rule_id for one in explained} | set(also)
    wanted = ids - {None}
    if not wanted:
        return {}
    query = sa.select(LegalClassRule).where(LegalClassRule.id.in_(wanted))
    return {rule.id: rule for rule in db.session.scalars(query)}


def screened(request: ApprovalRequest, *, at: datetime) -> Screened | None:
    """What screening found when it was decided, or finds now; None where it was not handed in."""
    if request.status not in HANDED_IN:
        return None
    if request.prescription is not None:
        return _when_signed(request.prescription)
    if request.refusal is not None:
        return _as_of(Case(request, request.refusal.refused_at, past=True))
    return _as_of(Case(request, at))


def _as_of(case: Case) -> Screened:
    (facts,) = checking.facts_of([case])
    hits = judging.screen(facts, rules(), on=case.at.astimezone(UTC).date())
    return Screened(CURRENT, case.at, tuple(_finding(hit) for hit in hits))


def _finding(hit: Hit) -> Finding:
    return Finding(
        rule=hit.rule,
        version=hit.version,
        severity=hit.severity.word,
        client_text=hit.client_text,
        text=hit.physician_text,
        source=hit.source,
        grade=hit.grade.value,
        fired_by=hit.fired_by,
    )


def _when_signed(one: Prescription) -> Screened | None:
    """What the signed statement says was found; None of one that was signed before screening."""
    said = statements.screening_in(one.statement)
    if said is None or said.edition not in versions():
        return None
    known = {(rule.number, rule.version): rule for rule in rules(said.edition)}
    findings = [
        Finding(
            rule=each.rule,
            version=each.version,
            severity=each.severity,
            client_text=_asked_of_client(each.text) or rule.client_text,
            text=each.text,
            source=rule.source,
            grade=rule.grade.value,
            fired_by=(each.fired_by,),
            reason=each.reason,
        )
        for each in said.findings
        if (rule := known.get((each.rule, each.version))) is not None
    ]
    return Screened(said.edition, one.signed_at, tuple(findings))


def _asked_of_client(physician_text: str) -> str | None:
    """What she was asked, where the rule fired for a fact that nobody knew."""
    return next(
        (asks for asks, missing in UNKNOWN.values() if physician_text.startswith(missing)), None
    )
