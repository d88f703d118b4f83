"""Of prints at once one is the original; a prescription is filled here or taken elsewhere, not both."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import queries, taking_away, writing
from shop.prescriptions.models import DocumentIssued, Prescription, TakenAway
from shop.prescriptions.paper.clinic import Clinic
from tests.at_once import Act
from tests.races.race import FEW, Race
from tests.races.test_fills import a_clinic, live_fills, take
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2
CLINIC = Clinic("Luminescence", "1400 Grand Avenue, Oakland", "+1 510 555 0142")


def test_of_prints_at_once_one_is_the_original(race: Race) -> None:
    sign = a_clinic(race)

    def one_round() -> None:
        signed = sign()
        met = race.met([print_it(signed.client_id, signed.number)] * RACE_THREADS)
        assert met == {"original": 1, "copy": OTHERS}
        assert numbers(race, signed) == list(range(1, RACE_THREADS + 1))

    race.rounds("prints at once", one_round, rounds=FEW)


def test_without_the_lock_the_database_lets_one_be_the_first(race: Race) -> None:
    signed = a_clinic(race)()

    met = race.carelessly(
        [print_it(signed.client_id, signed.number)] * RACE_THREADS,
        before="INSERT INTO documents_issued",
    )

    # Whoever comes after the first's commit is refused by its number, the others by the key.
    refused = met["documents_one_per_number"] + met["documents_are_numbered_in_turn"]
    assert (met["original"], refused) == (1, OTHERS)
    assert numbers(race, signed) == [1]


def test_the_last_fill_is_used_here_or_taken_away(race: Race) -> None:
    sign = a_clinic(race)

    def one_round() -> None:
        signed = sign()
        here = [take(signed.client_id, signed.variant_id)] * HALF
        there = [take_away(signed.client_id, signed.number)] * (RACE_THREADS - HALF)
        met = race.met([*here, *there])
        assert met["taken"] + met["taken away"] == 1
        gone = race.count(sa.select(TakenAway).where(TakenAway.prescription_id == signed.id))
        assert live_fills(race, signed) + gone == 1

    race.rounds("here or elsewhere", one_round, rounds=FEW, tell=("taken", "taken away"))


def test_without_the_lock_the_database_keeps_the_two_apart(race: Race) -> None:
    signed = a_clinic(race)()

    met = race.carelessly(
        [take_away(signed.client_id, signed.number)] * RACE_THREADS,
        before="INSERT INTO prescriptions_taken_away",
    )

    assert met == {"taken away": 1, "prescriptions_taken_away_pkey": OTHERS}


def test_without_lock_and_trigger_it_is_used_twice(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP TRIGGER fill_may_begin ON fills")
    signed = a_clinic(race)()

    met = race.carelessly(
        [take(signed.client_id, signed.variant_id)],
        before="INSERT INTO fills",
        overtaken_by=take_away(signed.client_id, signed.number),
    )

    assert met["taken"] == 1
    gone = race.count(sa.select(TakenAway).where(TakenAway.prescription_id == signed.id))
    assert live_fills(race, signed) + gone == 2


def print_it(client_id: UUID, number: str) -> Act:
    def act() -> str:
        client = db.session.get_one(Person, client_id)
        signed = queries.prescription_for(client, number, lock=True)
        writing.document(signed, clinic=CLINIC, address="", zone="UTC", by=client, at=now())
        latest = sa.select(sa.func.max(DocumentIssued.number)).where(
            DocumentIssued.subject_id == signed.id
        )
        return "original" if db.session.scalar(latest) == 1 else "copy"

    return act


def take_away(client_id: UUID, number: str) -> Act:
    def act() -> str:
        client = db.session.get_one(Person, client_id)
        signed = queries.prescription_for(client, number, lock=True)
        taking_away.take_away(signed, by=client, at=now())
        return "taken away"

    return act


def numbers(race: Race, signed: Prescription) -> list[int]:
    with race.app.app_context():
        query = sa.select(DocumentIssued.number).where(DocumentIssued.subject_id == signed.id)
        return sorted(db.session.scalars(query))
