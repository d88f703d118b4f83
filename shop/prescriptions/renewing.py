"""A client goes on with what she was prescribed: when she may ask for more, and in how few steps.

What she said before and still holds is not asked again, so that a renewal is often one click. A
physician decides about it as about every request.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shop.accounts.models import Person
from shop.core.errors import NotAllowed, Refusal
from shop.core.rules import Severity
from shop.prescriptions import licensing, requesting
from shop.prescriptions.errors import RenewalRefused
from shop.prescriptions.gate.answers import day
from shop.prescriptions.intake import carrying, composing
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening import checking
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.standing import FINAL, Standing
from shop.prescriptions.states import PrescriptionStatus, RequestStatus

EARLY = timedelta(days=30)  # before it ends, while it still gives fills

# Where it does not stand, and no renewal helps: what is said, and what helps.
NOT_STANDING = {
    Standing.ENTERED_IN_ERROR: ("It was entered in error.", "Ask a physician anew."),
    Standing.REVOKED: ("It was taken back.", "Ask a physician anew."),
    Standing.NOT_ACCEPTED: ("You have not accepted it.", "Look at your request."),
    Standing.NOT_YET: ("It has not begun.", "Order it when it has."),
    Standing.ON_HOLD: ("It is on hold.", "Ask the clinic what comes next."),
}


@dataclass(frozen=True)
class Reason:
    """Why it may not be renewed now, in words for the client, and what she can do."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True)
class Facts:
    """All that the answer rests on. `lives_in` is where the client lives today.

    `refusals` are what would refuse any request for the pack: no longer sold, an open request.
    `to_ask` are the ids of the questions that must be answered again.
    """

    number: str
    standing: Standing
    valid_until: datetime
    successor: str | None = None
    lives_in: str = ""
    states: frozenset[str] = frozenset()
    licensed_in: frozenset[str] = frozenset()
    prescriber: str = ""
    refusals: tuple[Refusal, ...] = ()
    hits: tuple[Hit, ...] = ()
    to_ask: tuple[str, ...] = ()


@dataclass(frozen=True)
class Eligibility:
    """Whether it may be renewed now. `from_on` is the first day on which its time has come."""

    reasons: tuple[Reason, ...]
    from_on: date | None = None
    to_ask: tuple[str, ...] = ()

    @property
    def eligible(self) -> bool:
        return not self.reasons


def eligibility(prescription: Prescription, *, at: datetime) -> Eligibility:
    """Whether the client may ask for more now, with every reason why not. Changes nothing."""
    return judge(_facts(prescription, at), at)


def judge(facts: Facts, at: datetime) -> Eligibility:
    """The same, purely.

    Its time has come when no fill is left, when it ends within 30 days, and when it has ended.
    """
    begins = renewable_from(facts.standing, facts.valid_until)
    return Eligibility(tuple(_reasons(facts, begins, at)), begins, facts.to_ask)


def renewable_from(standing: Standing, valid_until: datetime) -> date | None:
    """The day on which its time comes; None where it has come, or never will."""
    if standing is not Standing.ACTIVE:
        return None
    return (valid_until - EARLY).date()


def renew(
    prescription: Prescription,
    *,
    consent: bool,
    by: Person,
    at: datetime,
    answers: Mapping[str, Any] | None = None,
) -> ApprovalRequest:
    """Ask to go on with a prescription, on its quantity and to its state.

    The request is handed in at once where she consents and nothing is left to ask, or she answers
    it here; else it is a draft that asks what is missing. Raises NotAllowed, RenewalRefused,
    AlreadyAsked, AnswersRefused.
    """
    if by.id != prescription.client_id:
        raise NotAllowed("Only the client asks for more of what is hers.")
    found = eligibility(prescription, at=at)
    if not found.eligible:
        raise RenewalRefused(
            found.reasons[0].text,
            prescription=prescription.number,
            renewable_from=found.from_on and found.from_on.isoformat(),
            reasons=[vars(reason) for reason in found.reasons],
        )
    request = requesting.start(
        prescription.client,
        prescription.variant,
        quantity=prescription.quantity_per_fill,
        ship_to_state=prescription.request.ship_to_state,
        by=by,
        at=at,
        renews=prescription,
    )
    if answers:
        requesting.answer(request, answers, by=by, at=at)
    if consent and (answers or not found.to_ask):
        requesting.submit(request, consent=True, by=by, at=at)
    return request


def same_terms(earlier: Prescription) -> dict[str, Any]:
    """What the physician would most likely sign again: a proposal, by the names of the form."""
    return {
        "fills": earlier.fills_allowed,
        "days_supply": earlier.days_supply,
        "interval_days": earlier.interval_days,
        "directions": earlier.directions,
        "indication": earlier.indication,
    }


def _reasons(facts: Facts, begins: date | None, at: datetime) -> Iterator[Reason]:
    if facts.standing is Standing.SUPERSEDED:
        successor = facts.successor or "Another prescription"
        yield Reason("superseded", f"{successor} has taken its place.", f"Look at {successor}.")
    elif facts.standing in NOT_STANDING:
        yield Reason(facts.standing.value, *NOT_STANDING[facts.standing])
    elif begins is not None and (today := at.astimezone(UTC).date()) < begins:
        yield Reason(
            "too_early",
            f"It still gives fills. It may be renewed from {day(begins, today)}.",
            "Order what it gives until then.",
        )
    yield from _of_the_states(facts)
    for refusal in facts.refusals:
        yield Reason(refusal.code, refusal.text, "Ask the clinic what comes next.")
    for hit in facts.hits:
        if hit.severity is Severity.HARD_STOP:
            yield Reason(f"screening:{hit.rule}", hit.client_text, "Talk to the clinic.")


def _of_the_states(facts: Facts) -> Iterator[Reason]:
    if facts.standing in FINAL.values():
        return
    if facts.lives_in not in facts.states:
        covered = " and ".join(sorted(facts.states))
        yield Reason(
            "other_state",
            f"It covers {covered}, and you live in {facts.lives_in or 'another state'} now.",
            "Ask a physician anew.",
        )
    elif missing := sorted(facts.states - facts.licensed_in):
        yield Reason(
            "licence_lapsed",
            f"{facts.prescriber} can no longer prescribe in {' and '.join(missing)}.",
            "Ask another physician.",
        )


def _standing(prescription: Prescription, at: datetime) -> Standing:
    """How it stands; where it has ended, what else keeps it from being renewed is said first."""
    word = prescription.standing(at)
    if word is Standing.EXPIRED and prescription.status is PrescriptionStatus.ON_HOLD:
        return Standing.ON_HOLD
    if word is Standing.EXPIRED and prescription.replaced:
        return Standing.SUPERSEDED
    return word


def _facts(prescription: Prescription, at: datetime) -> Facts:
    standing = _standing(prescription, at)
    replaced = prescription.supersession
    plain = Facts(
        number=prescription.number,
        standing=standing,
        valid_until=prescription.valid_until,
        successor=replaced.successor.number if replaced else None,
    )
    if standing in FINAL.values() or replaced:
        return plain
    today = at.astimezone(UTC).date()
    prescriber = prescription.prescriber_id
    held = licensing.in_force([prescriber], day=today)[prescriber]
    asked, to_ask = _as_if_asked(prescription, at)
    return Facts(
        number=prescription.number,
        standing=standing,
        valid_until=prescription.valid_until,
        lives_in=prescription.client.state or "",
        states=frozenset(covered.state for covered in prescription.states),
        licensed_in=frozenset(held),
        prescriber=prescription.prescriber_name,
        refusals=tuple(_refusals(asked, at)),
        hits=checking.check(asked, at=at, days=prescription.days_supply),
        to_ask=to_ask,
    )


def _refusals(asked: ApprovalRequest, at: datetime) -> Iterator[Refusal]:
    for refuse in requesting.refusing(asked.client, asked.variant, asked.ship_to_state, at=at):
        try:
            refuse()
        except Refusal as refusal:
            yield refusal


def _as_if_asked(
    prescription: Prescription, at: datetime
) -> tuple[ApprovalRequest, tuple[str, ...]]:
    """The request as it would be today, kept nowhere, and the questions it would ask again."""
    today = at.astimezone(UTC).date()
    asked = ApprovalRequest(
        id=uuid.uuid4(),
        client=prescription.client,
        client_id=prescription.client_id,
        variant=prescription.variant,
        variant_id=prescription.variant_id,
        quantity=prescription.quantity_per_fill,
        ship_to_state=prescription.request.ship_to_state,
        status=RequestStatus.DRAFT,
        questionnaire_version=composing.version_for(prescription.variant.product_id),
        created_at=at,
    )
    sheet = carrying.sheet(asked, {}, today=today)
    asked.answers = sheet.answers
    asked.answered_on = {name: said.on.isoformat() for name, said in sheet.carried.items()}
    to_ask = (one.id for one in sheet.asked.values() if one.required and one.shown(sheet.answers))
    return asked, tuple(to_ask)
