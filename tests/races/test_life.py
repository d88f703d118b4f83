"""A prescription is replaced, renewed, taken back or an error, with something under way of it."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db, locked
from shop.orders import revoking
from shop.orders.models import OrderLine
from shop.prescriptions import erring, noticing, renewing, reviewing, signing
from shop.prescriptions.models import ApprovalRequest, ErrorReport, Fill, Prescription
from tests.at_once import Act
from tests.inventory.lots import today
from tests.orders.things import a_cart
from tests.people import a_fresh_sign_in, alice, mona
from tests.prescriptions.builders import ANSWERS, a_claimed_request, a_prescription, the_terms
from tests.races import money
from tests.races.acts import against_two, either_first, place, revoke, ship
from tests.races.race import FEW, SOME, Race
from tests.races.test_revoking import a_clinic
from tests.regime import RACE_THREADS

HALF = RACE_THREADS // 2


def test_sign_a_successor_against_place(race: Race) -> None:
    """The last fill of the old one is reserved, or the first of the new one: never one too many."""
    chen, cream, _ = a_clinic(race)

    def made() -> tuple[UUID, UUID, UUID, UUID]:
        client, pack, by = alice(), db.session.get_one(Variant, cream), person(chen)
        old = a_prescription(client, pack, by=by, fills=1)
        a_cart(client, {pack: 1})
        asked = a_claimed_request(client, pack, by=by)
        return client.id, old.id, asked.id, a_fresh_sign_in(by).id

    def one_round() -> None:
        client, old, asked, proof = race.made(made)
        met = race.met(either_first(place(client), sign(asked, proof)))
        assert met["signed"] == 1
        assert met["placed"] == 1
        with race.app.app_context():
            (fill,) = db.session.scalars(sa.select(Fill).where(Fill.client_id == client))
            status = db.session.get_one(Prescription, old).status
        of_the_old = fill.prescription_id == old
        assert status == ("active" if of_the_old else "superseded")
        race.met_so_far["of the old"] += of_the_old

    race.rounds("sign a successor against place", one_round, rounds=SOME, tell=["of the old"])


def test_sign_a_successor_against_ship(race: Race) -> None:
    """What is paid for leaves under the old one, which is superseded either way."""
    chen, cream, packer = a_clinic(race)

    def made() -> tuple[money.Prescribed, UUID, UUID]:
        scene = money.paid(chen, cream)
        old, by = db.session.get_one(Prescription, scene.prescription_id), person(chen)
        asked = a_claimed_request(old.client, old.variant, by=by)
        return scene, asked.id, a_fresh_sign_in(by).id

    def one_round() -> None:
        scene, asked, proof = race.made(made)
        met = race.met(either_first(ship(scene.order_id, packer), sign(asked, proof)))
        assert (met["signed"], met["shipped"]) == (1, 1)
        with race.app.app_context():
            line = db.session.scalars(
                sa.select(OrderLine).where(OrderLine.order_id == scene.order_id)
            ).one()
            assert line.status == "shipped"
            old = db.session.get_one(Prescription, scene.prescription_id)
            assert old.status == "superseded"

    race.rounds("sign a successor against ship", one_round, rounds=FEW)


def test_sign_a_renewal_against_revoke(race: Race) -> None:
    """Either it is taken back and not renewed, or it is replaced and the successor stands."""
    chen, cream, _ = a_clinic(race)

    def made() -> tuple[UUID, UUID, UUID]:
        client, pack, by = alice(), db.session.get_one(Variant, cream), person(chen)
        old = a_prescription(client, pack, by=by, valid_until=today())
        asked = renewing.renew(old, consent=True, answers=ANSWERS, by=client, at=now())
        reviewing.claim(asked, by=by, at=now())
        return old.id, asked.id, a_fresh_sign_in(by).id

    def one_round() -> None:
        old, asked, proof = race.made(made)
        met = race.met(either_first(sign(asked, proof), revoke(old)))
        assert met["signed"] + met["revoked"] == 1
        with race.app.app_context():
            one = db.session.get_one(Prescription, old)
            assert one.status == ("superseded" if met["signed"] else "revoked")
        race.met_so_far["signed first"] += met["signed"]

    race.rounds("renew against revoke", one_round, rounds=SOME, tell=["signed first"])


def test_two_who_confirm_an_error_do_it_once(race: Race) -> None:
    chen, cream, packer = a_clinic(race)
    boss = race.made(lambda: mona().id)

    def made() -> tuple[money.Prescribed, UUID]:
        scene = money.paid(chen, cream)
        old = db.session.get_one(Prescription, scene.prescription_id)
        return scene, erring.report(old, reason="Wrong.", by=person(chen), at=now()).id

    def one_round() -> None:
        scene, said = race.made(made)
        met = race.met(against_two(confirm(said, boss), ship(scene.order_id, packer)))
        assert met["confirmed"] == 1
        assert met["wrong_state"] == RACE_THREADS - 3
        with race.app.app_context():
            one = db.session.get_one(Prescription, scene.prescription_id)
            assert one.status == "entered_in_error"
            line = db.session.scalars(
                sa.select(OrderLine).where(OrderLine.order_id == scene.order_id)
            ).one()
            assert line.status == ("shipped" if met["shipped"] else "on_hold")
        race.met_so_far["left before"] += met["shipped"]

    race.rounds("confirm an error", one_round, rounds=FEW, tell=["left before"])


def test_what_ends_is_told_once_however_many_look(race: Race) -> None:
    chen, cream, _ = a_clinic(race)

    def made() -> UUID:
        pack = db.session.get_one(Variant, cream)
        return a_prescription(alice(), pack, by=person(chen), valid_until=today()).id

    def look() -> str:
        return str(noticing.notice(at=now()))

    race.made(lambda: noticing.notice(at=now()))  # of other tests

    def one_round() -> None:
        race.made(made)
        assert race.met([look] * RACE_THREADS) == {"1": 1, "0": RACE_THREADS - 1}

    race.rounds("tell of an end", one_round, rounds=FEW)


def person(key: UUID) -> Person:
    return db.session.get_one(Person, key)


def sign(request_id: UUID, proof_id: UUID) -> Act:
    """Her physician signs; who comes second reads that it is decided."""

    def act() -> str:
        query = sa.select(ApprovalRequest).where(ApprovalRequest.id == request_id)
        asked = db.session.scalars(locked(query)).one()
        proof = db.session.get_one(AuthEvent, proof_id)
        by = person(proof.person_id)
        signing.sign(asked, the_terms(), by=by, proof=proof, at=now())
        return "signed"

    return act


def confirm(report_id: UUID, boss_id: UUID) -> Act:
    def act() -> str:
        said = db.session.get_one(ErrorReport, report_id)
        revoking.enter_in_error(said, by=person(boss_id), at=now())
        return "confirmed"

    return act
