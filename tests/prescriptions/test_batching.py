"""Renewals that change nothing are signed beside others, each for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import ActiveClass, Pregnancy, Variant
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import Severity
from shop.prescriptions import batching, renewing, reviewing
from shop.prescriptions.batching import Facts
from shop.prescriptions.errors import ClaimLost, NotARoutineRenewal
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.risk import Risk
from shop.prescriptions.screening.rules import rules
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import Browser, somebody
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_prescription, a_request
from tests.prescriptions.test_api import fresh
from tests.prescriptions.test_checking import a_formula, a_substance

FINE = Facts(renews=True, waits=True)


def a_hit(severity: Severity) -> Hit:
    rule = rules()[0]
    return Hit("SC-X", 1, severity, "", "Look.", "", rule.grade, (), ())


WHY_NOT: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, []),
    "a first request": ({"renews": False}, ["not_a_renewal"]),
    "decided": ({"waits": False}, ["not_waiting"]),
    "another's": ({"held_by": "Dr Okoye"}, ["already_claimed"]),
    "raised": ({"risk": Risk.RAISED}, ["not_routine"]),
    "more of it": ({"same_quantity": False}, ["other_quantity"]),
    "moved": ({"same_states": False}, ["other_state"]),
    "asked": ({"talked_about": True}, ["talked_about"]),
    "a warning": ({"hits": (a_hit(Severity.WARN),)}, []),
    "a soft stop": ({"hits": (a_hit(Severity.SOFT_STOP),)}, ["screening:SC-X"]),
    "a hard stop": ({"hits": (a_hit(Severity.HARD_STOP),)}, ["screening:SC-X"]),
    "cannot be signed": ({"refusal": ClaimLost("Gone.")}, ["claim_lost"]),
    "two": ({"risk": Risk.HIGH, "same_states": False}, ["not_routine", "other_state"]),
}


@pytest.mark.parametrize("how", WHY_NOT)
def test_why_it_is_not_signed_with_others(how: str) -> None:
    given, expected = WHY_NOT[how]
    reasons = batching.eligible(replace(FINE, **given))
    assert [reason.code for reason in reasons] == expected
    assert all(reason.text for reason in reasons)


def calm_cream() -> Variant:
    """A prescription cream of which screening has nothing to say."""
    active = a_substance(
        "AZELAIC ACID", active_class=ActiveClass.AZELAIC_ACID, pregnancy=Pregnancy.CAUTION
    )
    return a_formula(active, a_substance("WATER"))


def a_renewal(
    pack: Variant, by: Person, client: Person | None = None, **terms: Any
) -> ApprovalRequest:
    """Of a prescription that ends in some days; handed in."""
    client = client or alice()
    ends = now().date() + timedelta(days=20)
    earlier = a_prescription(client, pack, by=by, valid_until=ends, **terms)
    news = {"used_before": True, "used_before_result": "Well.", "goal": "More of it."}
    return renewing.renew(earlier, consent=True, answers=news, by=client, at=now())


@pytest.fixture
def chen(app: Flask) -> Person:
    return somebody(dr_chen)


def shown(request: ApprovalRequest, by: Person) -> bytes:
    (one,) = batching.prepare([request], by=by, at=now())
    assert one.draft is not None, one.reasons
    return one.draft.statement.hash


def test_a_renewal_that_changes_nothing_is_proposed_on_its_earlier_terms(chen: Person) -> None:
    pack = calm_cream()
    first, other = a_renewal(pack, chen), a_renewal(pack, chen, fills=2)
    a_request(alice(), pack)  # no renewal
    db.session.commit()

    found = batching.waiting(chen, at=now())
    proposals = batching.prepare(found, by=chen, at=now())

    assert {one.request.number for one in proposals} == {first.number, other.number}
    assert all(one.eligible for one in proposals)
    texts = [one.draft.statement.text for one in proposals if one.draft]
    assert "A pea-sized amount at night." in texts[0]
    assert texts[0] != texts[1]


def test_what_differs_from_before_is_not_eligible(chen: Person) -> None:
    pack = calm_cream()
    request = a_renewal(pack, chen)
    request.client.state = "NV"
    db.session.flush()
    (one,) = batching.prepare([request], by=chen, at=now())
    assert [reason.code for reason in one.reasons] == ["other_state", "examination_needed"]
    with pytest.raises(NotARoutineRenewal):
        batching.take(request, by=chen, at=now())
    assert request.status is RequestStatus.QUEUED


def test_signing_a_second_time_answers_the_same_prescription(chen: Person) -> None:
    request = a_renewal(calm_cream(), chen)
    read = shown(request, chen)
    proof = a_fresh_sign_in(chen)
    one = batching.sign(request, shown=read, by=chen, proof=proof, at=now())
    db.session.commit()
    assert batching.sign(request, shown=read, by=chen, proof=proof, at=now()) is one
    assert one.statement_hash == read


def test_two_physicians_sign_the_same_renewal(app: Flask, chen: Person) -> None:
    other = somebody(dr_chen, name="Dr Ada Okoye")
    number, asked = both(chen)
    one = fresh(Browser(app, chen)).post(SIGNATURES, {"items": [asked(chen)]})
    two = fresh(Browser(app, other)).post(SIGNATURES, {"items": [asked(other)]})
    assert one.json["items"][0]["signed"] is True
    (told,) = two.json["items"]
    assert (told["signed"], told["code"]) == (False, "already_decided")
    assert told["facts"]["by"] == "Dr Wei Chen"
    assert signed_for(number) == 1


SIGNATURES = "/approval-requests/signatures"


def both(chen: Person) -> tuple[str, Any]:
    """A renewal's number, and what is sent to sign it."""
    request = a_renewal(calm_cream(), chen)
    number, read = request.number, shown(request, chen).hex()
    db.session.commit()
    return number, lambda _by: {"number": number, "statement_hash": read}


def as_it_is(number: str) -> ApprovalRequest:
    """Read anew: the requests of the browser had sessions of their own."""
    query = sa.select(ApprovalRequest).where(ApprovalRequest.number == number)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def signed_for(number: str) -> int:
    query = (
        sa.select(sa.func.count())
        .select_from(Prescription)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .where(ApprovalRequest.number == number)
    )
    return db.session.scalar(query) or 0


def test_each_is_signed_or_refused_by_itself(app: Flask, chen: Person) -> None:
    pack = calm_cream()
    good, changed, moved = (a_renewal(pack, chen) for _ in range(3))
    first = a_request(alice(), pack)
    held = a_renewal(pack, chen)
    other = somebody(dr_chen, name="Dr Ada Okoye")
    reviewing.claim(held, by=other, at=now())
    moved.client.state = "NV"
    elsewhere = alice(state="TX")
    hidden = a_renewal(pack, somebody(dr_chen, states=("TX",)), elsewhere)
    db.session.commit()
    names = [good.number, changed.number, moved.number, first.number, held.number, hidden.number]
    browser = Browser(app, chen)
    read = {one["number"]: one for one in browser.get("/approval-requests/renewals").json["items"]}
    assert set(read) == {good.number, changed.number}
    assert "pea-sized" in read[good.number]["statement"]
    opened = set(db.session.scalars(sa.select(Access.record)))
    assert opened == {f"approval_request {number}" for number in read}

    hashes = {name: read.get(name, {}).get("statement_hash", "0" * 64) for name in names}
    hashes[changed.number] = "1" * 64
    items = [{"number": name, "statement_hash": hashes[name]} for name in names]
    told = fresh(browser).post(SIGNATURES, {"items": items})

    assert told.status_code == 200
    assert [(one["status"], one["code"]) for one in told.json["items"]] == [
        (201, None),
        (409, "statement_changed"),
        (422, "not_a_routine_renewal"),
        (422, "not_a_routine_renewal"),
        (409, "already_claimed"),
        (404, "not_found"),
    ]
    assert [signed_for(name) for name in names] == [1, 0, 0, 0, 0, 0]
    assert [as_it_is(name).status for name in names[:5]] == [
        RequestStatus.APPROVED,
        RequestStatus.QUEUED,
        RequestStatus.QUEUED,
        RequestStatus.QUEUED,
        RequestStatus.IN_REVIEW,
    ]
    assert as_it_is(names[4]).claimed_by_id == other.id


def test_what_was_claimed_and_not_signed_goes_back(app: Flask, chen: Person) -> None:
    request = a_renewal(calm_cream(), chen)
    batching.take(request, by=chen, at=now())
    fence = request.claim_count
    db.session.commit()
    item = {"number": request.number, "claim": fence, "statement_hash": "1" * 64}
    told = fresh(Browser(app, chen)).post(SIGNATURES, {"items": [item]})
    assert told.json["items"][0]["code"] == "statement_changed"
    assert as_it_is(request.number).status is RequestStatus.QUEUED


def test_an_old_claim_signs_nothing(app: Flask, chen: Person) -> None:
    request = a_renewal(calm_cream(), chen)
    read = shown(request, chen).hex()
    reviewing.claim(request, by=chen, at=now())
    db.session.commit()
    item = {"number": request.number, "claim": request.claim_count + 1, "statement_hash": read}
    told = fresh(Browser(app, chen)).post(SIGNATURES, {"items": [item]})
    assert told.json["items"][0]["code"] == "claim_lost"
    assert signed_for(request.number) == 0


def test_without_a_fresh_sign_in_none_is_signed(app: Flask, chen: Person) -> None:
    number, asked = both(chen)
    told = Browser(app, chen).post(SIGNATURES, {"items": [asked(chen)]})
    assert (told.status_code, told.json["code"]) == (403, "stale_sign_in")
    assert signed_for(number) == 0


def test_at_most_twenty_at_once_and_each_once(app: Flask, chen: Person) -> None:
    number, asked = both(chen)
    browser = fresh(Browser(app, chen))
    many = [asked(chen) | {"number": f"Q-{turn}"} for turn in range(20)] + [asked(chen)]
    for items in (many, [asked(chen), asked(chen)], []):
        told = browser.post(SIGNATURES, {"items": items})
        assert told.status_code == 422
        assert "items" in told.json["errors"]
    assert signed_for(number) == 0
