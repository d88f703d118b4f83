"""Requests and prescriptions, by the verbs that people use; saved, not committed."""

from __future__ import annotations

from datetime import date
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import acknowledging, examining, requesting, reviewing, signing
from shop.prescriptions.intake.forms import questionnaire
from shop.prescriptions.models import ApprovalRequest, Examination, Prescription
from shop.prescriptions.practice.rules import Mode
from shop.prescriptions.screening import checking
from shop.prescriptions.statements import Terms
from shop.treatments.models import Plan
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, dr_chen

ANSWERS: dict[str, Any] = {
    "pregnancy": "none",
    "has_allergies": False,
    "skin_conditions": ["none"],
    "takes_medicines": False,
    "isotretinoin": "never",
    "used_before": True,
    "used_before_result": "Some peeling in the first week.",
    "sunburns": "sometimes_burns",
    "goal": "Fewer breakouts.",
}

# What is answered where a product's family is asked about.
FAMILY_ANSWERS: dict[str, dict[str, Any]] = {
    "retinoid": {
        "contraception": "prevented",
        "other_retinoids": ["none"],
        "skin_today": False,
        "much_sun": False,
    },
    "hydroquinone": {
        "asthma": False,
        "sulfite_reaction": False,
        "hydroquinone_used": "never",
        "skin_today": False,
        "daily_sunscreen": True,
        "much_sun": False,
    },
    "antibiotic": {
        "antibiotic_reaction": False,
        "antibiotic_conditions": ["none"],
        "antibiotic_lately": False,
    },
    "steroid": {
        "treated_area": ["face"],
        "steroid_conditions": ["none"],
        "steroid_lately": False,
    },
    "other": {},
}


# What is asked only of some.
WHEN_ASKED: dict[str, Any] = {
    "allergens": ["none"],
    "isotretinoin_ended": "2020-01-31",
    "skin_darkened": False,
}


def answers_to(version: str) -> dict[str, Any]:
    """Answers that complete this questionnaire: nothing the matter, as far as it asks."""
    answers = dict(ANSWERS)
    for part in version.split("+"):
        answers |= FAMILY_ANSWERS.get(part.partition("-")[0], {})
    return answers


def completed(version: str, **said: Any) -> dict[str, Any]:
    """The same with these said: what they hide is left out, what they ask for is filled in."""
    full = answers_to(version) | WHEN_ASKED | said
    heard: dict[str, Any] = {}
    for question in questionnaire(version).questions:
        if question.id in full and question.shown(heard):
            heard[question.id] = full[question.id]
    return heard


def the_terms(**given: Any) -> Terms:
    """Three fills of 30 days of one tube, examined today."""
    fields: dict[str, Any] = {
        "quantity_per_fill": 1,
        "fills": 3,
        "days_supply": 30,
        "directions": "A pea-sized amount at night.",
        "indication": "Acne vulgaris",
        "examination_mode": "asynchronous",
        "examined_on": date.fromordinal(now().toordinal()),
    }
    return Terms(**(fields | given))


def an_examination(client: Person, *, by: Person | None = None, **given: Any) -> Examination:
    """By video, today, of all home care, by somebody licensed where the client lives."""
    by = by or dr_chen(states=(client.state or "CA",))
    fields: dict[str, Any] = {"mode": Mode.VIDEO, "on": now().date(), "by": by, "at": now()}
    return examining.record(client, **(fields | given))


def a_draft(
    client: Person | None = None, variant: Variant | None = None, **given: Any
) -> ApprovalRequest:
    """Begun, not answered."""
    client = client or alice()
    fields: dict[str, Any] = {"quantity": 1, "ship_to_state": client.state, "by": client}
    return requesting.start(client, variant or a_cream(), at=now(), **(fields | given))


def a_request(
    client: Person | None = None, variant: Variant | None = None, **given: Any
) -> ApprovalRequest:
    """Answered and handed in; seen by a physician first where a state asks for that."""
    request = a_draft(client, variant, **given)
    answers = answers_to(request.questionnaire_version)
    requesting.answer(request, answers, by=request.client, at=now())
    if examining.unmet(request, at=now()):
        an_examination(request.client)
    requesting.submit(request, consent=True, by=request.client, at=now())
    return request


def a_claimed_request(
    client: Person | None = None,
    variant: Variant | None = None,
    *,
    by: Person | None = None,
    **given: Any,
) -> ApprovalRequest:
    """In review with a physician."""
    request = a_request(client, variant, **given)
    reviewing.claim(request, by=by or dr_chen(), at=now())
    return request


def a_prescription(
    client: Person | None = None,
    variant: Variant | None = None,
    *,
    by: Person | None = None,
    quantity: int = 1,
    ship_to_state: str | None = None,
    read: bool = True,
    plan: Plan | None = None,
    **terms: Any,
) -> Prescription:
    """Asked for, reviewed and signed: `terms` as of `the_terms`. She has `read` the leaflet."""
    client = client or alice()
    state = ship_to_state or client.state
    asked: dict[str, Any] = {"quantity": quantity, "ship_to_state": state, "plan": plan}
    request = a_claimed_request(client, variant, by=by, **asked)
    physician = request.claimed_by
    assert physician is not None
    proof = a_fresh_sign_in(physician)
    reasons = {"overrides": _label_read(request)}
    signed = signing.sign(
        request,
        the_terms(**({"quantity_per_fill": quantity} | reasons | terms)),
        by=physician,
        proof=proof,
        at=now(),
    )
    db.session.flush()
    if read:
        read_the_leaflet(signed.client, signed.variant)
    return signed


def read_the_leaflet(client: Person, variant: Variant) -> None:
    """The client reads and confirms what comes before the first fill."""
    version = acknowledging.of_product(client.id, variant.product_id).version
    acknowledging.acknowledge(client, variant.product_id, version=version, by=client, at=now())


def _label_read(request: ApprovalRequest) -> dict[str, str]:
    """Products of tests may hold what no dictionary knows: the physician has read the label."""
    fired = {hit.rule for hit in checking.check(request, at=now())}
    return dict.fromkeys(fired & {"SC-ACTIVE-UNKNOWN"}, "I have read the label.")
