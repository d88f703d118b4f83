"""Two at once: one request has one decision, and the last fill goes to one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import AuthEvent, Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db, locked
from shop.core.errors import Refusal
from shop.prescriptions import asking, filling, queries, requesting, reviewing, revoking, signing
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import AlreadyAsked, AlreadyClaimed, NoPrescription
from shop.prescriptions.gate import Wish
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription
from shop.prescriptions.models import Refusal as Refused
from shop.prescriptions.reviewing import RefusalReason
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_prescription, a_request, the_terms

ROUNDS = 5


def at_once(app: Flask, *acts: Callable[[], object]) -> list[object]:
    """Run each in a thread and a transaction of its own; answers results and refusals."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        with app.app_context():
            act_as("system:test")
            ready.wait(timeout=10)
            try:
                result = act()
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                return refusal
            return result

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def person(key: UUID) -> Person:
    found = db.session.get(Person, key)
    assert found is not None
    return found


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_physicians_claim_one_request_and_one_holds_it(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        physicians = [dr_chen().id for _ in range(3)]
        number = a_request(alice()).number
        db.session.commit()

    def claim(who: UUID) -> Callable[[], object]:
        def act() -> str:
            request = queries.request_for(person(who), number, at=now(), lock=True)
            reviewing.claim(request, by=person(who), at=now())
            return "claimed"

        return act

    results = at_once(live_app, *(claim(who) for who in physicians))

    assert results.count("claimed") == 1
    assert sum(isinstance(one, AlreadyClaimed) for one in results) == 2


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_one_request_gets_one_decision(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        request = a_claimed_request(alice(), by=chen)
        number, chen_id, proof_id = request.number, chen.id, a_fresh_sign_in(chen).id
        db.session.commit()

    def sign() -> str:
        who = person(chen_id)
        asked = queries.request_for(who, number, at=now(), lock=True)
        proof = db.session.get(AuthEvent, proof_id)
        signing.sign(asked, the_terms(), by=who, proof=proof, at=now())
        return "signed"

    def refuse() -> str:
        who = person(chen_id)
        asked = queries.request_for(who, number, at=now(), lock=True)
        reviewing.refuse(asked, reason=RefusalReason.MINOR, message="No.", by=who, at=now())
        return "refused"

    results = at_once(live_app, sign, sign, refuse)

    assert len([one for one in results if one in ("signed", "refused")]) == 1
    with live_app.app_context():
        asked_id = db.session.scalar(
            sa.select(ApprovalRequest.id).where(ApprovalRequest.number == number)
        )
        decisions = sum(
            db.session.scalar(
                sa.select(sa.func.count()).select_from(kind).where(kind.request_id == asked_id)
            )
            or 0
            for kind in (Prescription, Refused)
        )
    assert decisions == 1


def _taking(client_id: UUID, variant_id: UUID) -> Callable[[], object]:
    def act() -> int:
        client = person(client_id)
        variant = db.session.get(Variant, variant_id)
        assert variant is not None
        (decision,) = asking.ask(
            client,
            [Wish(variant.id, variant.sku, 1)],
            ship_to_state=None,
            at=now(),
            stage=Stage.PLACE,
            lock=True,
        )
        if decision.prescription_id is None:
            raise NoPrescription(decision.sentence, sku=variant.sku)
        fill = filling.reserve(decision.prescription_id, state="CA", quantity=1, at=now())
        return fill.number

    return act


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_the_last_fill_goes_to_one(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        signed = a_prescription(client, cream, fills=1)
        ids = client.id, cream.id, signed.id
        db.session.commit()

    results = at_once(live_app, *(_taking(*ids[:2]) for _ in range(4)))

    assert sorted(one for one in results if isinstance(one, int)) == [1]
    assert sum(isinstance(one, NoPrescription) for one in results) == 3
    with live_app.app_context():
        fills = db.session.scalars(sa.select(Fill).where(Fill.prescription_id == ids[2])).all()
    assert [fill.number for fill in fills] == [1]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_no_fill_is_taken_after_a_revocation(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, cream, chen = alice(), a_cream(), dr_chen()
        signed = a_prescription(client, cream, by=chen)
        ids = client.id, cream.id, signed.id, chen.id
        db.session.commit()

    def revoke() -> str:
        row = db.session.scalars(
            locked(sa.select(Prescription).where(Prescription.id == ids[2]))
        ).one()
        revoking.revoke(row, reason="No.", by=person(ids[3]), at=now())
        return "revoked"

    results = at_once(live_app, revoke, _taking(*ids[:2]))

    assert results[0] == "revoked"
    with live_app.app_context():
        row = db.session.get(Prescription, ids[2])
        assert row is not None
        late = [fill for fill in row.fills if fill.reserved_at > row.revoked_at]  # type: ignore[operator]
    assert late == []
    assert isinstance(results[1], NoPrescription) or results[1] == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_double_click_begins_one_request(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        ids = alice().id, a_cream().id
        db.session.commit()

    def start() -> str:
        variant = db.session.get(Variant, ids[1])
        assert variant is not None
        client = person(ids[0])
        requesting.start(client, variant, quantity=1, ship_to_state="CA", by=client, at=now())
        return "started"

    results = at_once(live_app, start, start, start)

    assert results.count("started") == 1
    assert sum(isinstance(one, AlreadyAsked) for one in results) == 2
