"""What taking a prescription back would do is told before, all of it, and is what then happens."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import revoking
from shop.prescriptions.models import Prescription
from shop.replenishment import foretelling
from shop.replenishment.foretelling import Foretold
from shop.treatments import instructing
from shop.treatments.schemas import StepIn
from tests.accounts.test_api import somebody
from tests.orders.things import paid, placed
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_pages import Reader
from tests.replenishment.builders import a_retinoid, an_auto_refill, handed_out
from tests.treatments.builders import an_active_plan

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def cream(app: Flask) -> Variant:
    return a_retinoid()


@pytest.fixture
def chen(app: Flask) -> Person:
    return somebody(dr_chen)


@pytest.fixture
def signed(cream: Variant, chen: Person) -> Prescription:
    act_as("system:test")
    return a_prescription(somebody(alice), cream, by=chen, fills=6)


def told(one: Prescription) -> Foretold:
    db.session.flush()
    return foretelling.revocation(one)


def with_a_refill(signed: Prescription, cream: Variant) -> str:
    handed_out(signed.client, cream)
    return an_auto_refill(signed.client, cream).number


def test_of_nothing_there_is_nothing_to_tell(signed: Prescription) -> None:
    what = told(signed)
    assert (what.orders.cancelled, what.orders.held, list(what.orders.left)) == ([], [], [])
    assert (list(what.refills), list(what.steps)) == ([], [])
    assert (list(what.letters.cancelled), list(what.letters.held)) == ([], [])


def test_letters_are_those_that_then_go_out(
    signed: Prescription, cream: Variant, chen: Person
) -> None:
    here, unpaid = paid(signed.client, {cream: 1}), placed(signed.client, {cream: 1})
    what = told(signed)
    assert list(what.letters.cancelled) == [unpaid.number]
    assert list(what.letters.held) == [here.number]
    revoking.revoke(signed, reason="A rash.", by=chen, at=now())
    kinds = {one.number: {event.kind for event in events.of(one.id)} for one in (here, unpaid)}
    assert "order_held" in kinds[here.number]
    assert "order_cancelled" in kinds[unpaid.number]


def test_a_refill_finds_no_prescription_any_more(signed: Prescription, cream: Variant) -> None:
    number = with_a_refill(signed, cream)
    assert [one.number for one in told(signed).refills] == [number]


def test_steps_of_running_plans_are_named(
    signed: Prescription, cream: Variant, chen: Person
) -> None:
    plan = an_active_plan(signed.client, chen=chen)
    step: Any = StepIn().load({"sku": cream.sku, "slot": "evening"})
    instructing.instruct(plan, [step], by=chen, at=now())
    assert [(one.plan, one.frequency) for one in told(signed).steps] == [
        (plan.number, "every evening")
    ]


def test_the_fingerprint_is_of_what_is_told(signed: Prescription, cream: Variant) -> None:
    before = told(signed).fingerprint
    assert told(signed).fingerprint == before
    placed(signed.client, {cream: 1})
    assert told(signed).fingerprint != before


def test_who_confirms_has_read_these_and_no_others(
    app: Flask, signed: Prescription, cream: Variant, chen: Person
) -> None:
    with_a_refill(signed, cream)
    db.session.commit()
    reader = Reader(app, chen)
    where = f"/prescriptions/{signed.number}/revocation"
    assert "Auto-refill" in reader.get(where)
    assert "No letter goes out" in reader.text
    act_as("system:test")
    unpaid = placed(signed.client, {cream: 1})
    db.session.commit()
    text = reader.send(where, reason="A rash.")
    assert reader.status == 409
    assert f"Order {unpaid.number} is cancelled" in text
    assert "In force" in reader.get(f"/prescriptions/{signed.number}")
    reader.get(where)
    assert "Taken back" in reader.send(where, reason="A rash.")


def test_a_client_reads_it_too_and_nobody_else(app: Flask, signed: Prescription) -> None:
    db.session.commit()
    where = f"/prescriptions/{signed.number}/revocation"
    assert "It is for good" in Reader(app, signed.client).get(where)
    stranger = Reader(app, somebody(dr_chen))
    stranger.get(where)
    assert stranger.status == 404
