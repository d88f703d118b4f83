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
from shop.prescriptions import asking, licensing
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Explained, Wish
from shop.prescriptions.models import ApprovalRequest, Prescription, Screening
from shop.prescriptions.screening import checking, judging
from shop.prescriptions.screening.checking import Case
from shop.prescriptions.screening.judging import UNKNOWN, Hit
from shop.prescriptions.screening.rules import CURRENT, rules
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
    "skin_is_in_course": Meaning(
        "Does the skin do as expected after a treatment, or has a physician answered?",
        "The client's reports, and the rules of their course",
    ),
    "treatment_window": Meaning(
        "Is it free of a treatment that stops it today?",
        "The client's treatment plan, and the rules of treatment windows",
    ),
    "it_is_in_stock": Meaning("Is there enough on the shelf?", "The stock ledger"),
    "in_error": Meaning("Is it one that should be, not entered in error?", TERMS),
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
    "succeeded": Meaning("Is what is new taken of the latest one?", TERMS),
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
        screened=_kept(one.request.screening),
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
    if request.screening is not None or request.prescription is not None:
        return _kept(request.screening)
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


def _kept(screening: Screening | None) -> Screened | None:
    """What was found when it was decided; None of what was decided before that was kept."""
    if screening is None:
        return None
    checks = screening.checks
    told = {rule.number: rule.client_text for rule in rules(checks["rules"])}
    findings = [
        Finding(
            rule=hit["rule"],
            version=hit["version"],
            severity=hit["severity"],
            client_text=UNKNOWN[hit["unknown"]][0] if hit["unknown"] else told[hit["rule"]],
            text=hit["text"],
            source=hit["source"],
            grade=hit["grade"],
            fired_by=tuple(hit["fired_by"]),
            reason=hit["reason"],
        )
        for hit in checks["hits"]
    ]
    return Screened(checks["rules"], screening.screened_at, tuple(findings))
