"""A prescription is taken back, or a licence ends, while its order is placed, paid for or shipped."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from shop.accounts import employing, licences
from shop.accounts.models import Licence, Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.cluster import APP
from shop.core.db import db, locked
from shop.orders import judging, queries
from shop.orders.models import Order, OrderLine
from shop.payments.models import Refund
from shop.prescriptions import revoking
from shop.prescriptions.asking import Stage
from shop.prescriptions.models import Prescription
from tests.at_once import Act
from tests.builders import a_cream
from tests.inventory.lots import a_lot, today
from tests.orders.things import a_cart
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.races import money
from tests.races.acts import against_two, either_first, place, revoke, ship
from tests.races.money import Prescribed, learn, receive
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

HALF = RACE_THREADS // 2
# Every judgement of the database whether a prescription stands.
JUDGEMENT = """
CREATE OR REPLACE FUNCTION prescription_shortcoming(prescription uuid, for_state text,
                                                    moment timestamptz)
RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text'"""
WRITE = "UPDATE|INSERT"


def test_revoke_against_pay(race: Race) -> None:
    """I6: money that comes first leaves the line on hold; that comes second, goes back."""
    chen, cream, _ = a_clinic(race)

    def one_round() -> None:
        scene = race.made(lambda: money.prescribed(chen, cream))
        met = race.met(either_first(learn(scene.attempt), revoke(scene.prescription_id)))
        assert met == {"learnt": HALF, "revoked": 1, "wrong_state": HALF - 1}
        then = end_of(race, scene)
        assert then in (("paid", "on_hold", 0), ("cancelled", "cancelled", 1))
        race.met_so_far["paid first"] += then[0] == "paid"

    race.rounds("revoke against pay", one_round, rounds=SOME, tell=["paid first"])


def test_revoke_against_ship(race: Race) -> None:
    """I6: what has left has left; nothing leaves after."""
    chen, cream, packer = a_clinic(race)

    def one_round() -> None:
        scene = race.made(lambda: money.paid(chen, cream))
        met = race.met(either_first(ship(scene.order_id, packer), revoke(scene.prescription_id)))
        assert (met["revoked"], met["wrong_state"]) == (1, HALF - 1)
        assert end_of(race, scene) == (
            ("closed", "shipped", 0) if met["shipped"] else ("paid", "on_hold", 0)
        )
        assert met["shipped"] in (0, 1)

    race.rounds("revoke against ship", one_round, rounds=SOME, tell=["shipped"])


def test_revoke_against_place(race: Race) -> None:
    """Nothing is promised under what is being revoked."""
    chen, cream, _ = a_clinic(race)

    def asked() -> tuple[UUID, UUID]:
        client, pack = alice(), db.session.get_one(Variant, cream)
        signed = a_prescription(client, pack, by=db.session.get_one(Person, chen))
        a_cart(client, {pack: 1})
        return client.id, signed.id

    def one_round() -> None:
        client, signed = race.made(asked)
        met = race.met(either_first(place(client), revoke(signed)))
        assert (met["revoked"], met["wrong_state"]) == (1, HALF - 1)
        assert met["placed"] in (0, 1)
        with race.app.app_context():
            orders = db.session.scalars(sa.select(Order.status).where(Order.client_id == client))
            assert list(orders) == ["cancelled"] * met["placed"]

    race.rounds("revoke against place", one_round, rounds=FEW)


def test_a_licence_ends_against_pay(race: Race) -> None:
    """What was paid for before stays paid, and does not leave."""
    _, cream, packer = a_clinic(race)
    boss = race.made(lambda: mona().id)

    def one_round() -> None:
        chen, licence = race.made(a_physician)
        scene = race.made(lambda: money.prescribed(chen, cream))
        met = race.met(against_two(learn(scene.attempt), end(licence, boss)))
        assert met == {"learnt": RACE_THREADS - 2, "ended": 1, "licence_ended": 1}
        then = end_of(race, scene)
        assert then in (("paid", "ready", 0), ("cancelled", "cancelled", 1))
        race.met_so_far["paid first"] += then[0] == "paid"
        after = race.at_once([ship(scene.order_id, packer)])[0]
        assert after.code == ("no_prescription" if then[0] == "paid" else "not_paid")

    race.rounds("a licence ends against pay", one_round, rounds=FEW, tell=["paid first"])


def test_a_licence_ends_against_ship(race: Race) -> None:
    """The database's clock decides: what leaves, leaves before the licence has ended."""
    _, cream, packer = a_clinic(race)
    boss = race.made(lambda: mona().id)

    def one_round() -> None:
        chen, licence = race.made(a_physician)
        scene = race.made(lambda: money.paid(chen, cream))
        met = race.met(against_two(ship(scene.order_id, packer), end(licence, boss)))
        assert (met["ended"], met["licence_ended"]) == (1, 1)
        assert end_of(race, scene) == (
            ("closed", "shipped", 0) if met["shipped"] else ("paid", "ready", 0)
        )
        if met["shipped"]:
            assert shipped_before_the_end(race, scene, licence)

    race.rounds("a licence ends against ship", one_round, rounds=FEW, tell=["shipped"])


def test_a_physician_is_disabled_against_ship(race: Race) -> None:
    """Whoever packs is answered, never met with an error of the database."""
    _, cream, packer = a_clinic(race)
    boss = race.made(lambda: mona().id)

    def one_round() -> None:
        chen, _ = race.made(a_physician)
        scene = race.made(lambda: money.paid(chen, cream))
        met = race.met(against_two(ship(scene.order_id, packer), disable(chen, boss)))
        assert met["disabled"] == 2
        assert end_of(race, scene) == (
            ("closed", "shipped", 0) if met["shipped"] else ("paid", "ready", 0)
        )
        assert met["shipped"] or met["no_prescription"]

    race.rounds("a physician is disabled against ship", one_round, rounds=FEW, tell=["shipped"])


@pytest.mark.parametrize("what", ["licences", "people"])
def test_who_prescribes_waits_while_the_gates_answer_counts(race: Race, what: str) -> None:
    """Or what the gate opened for is refused by the database, as an error instead of an answer."""
    _, cream, _ = a_clinic(race)
    chen, licence = race.made(a_physician)
    scene = race.made(lambda: money.paid(chen, cream))
    held = {"licences": licence, "people": chen}[what]

    with race.app.app_context():
        order = queries.locked_order(scene.order_id)
        judging.of_lines(order, order.lines, at=now(), stage=Stage.SHIP)
        with (
            race.database.as_role(APP) as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute(f"SELECT FROM {what} WHERE id = %s FOR NO KEY UPDATE NOWAIT", [held])
        db.session.rollback()


# The controls: who looked before the prescription fell goes on afterwards.

FALLS = ("revoked", "licence_ended")


@pytest.mark.parametrize("falls", FALLS)
@pytest.mark.parametrize("stage", ["pay", "ship"])
def test_without_locks_the_database_refuses(race: Race, stage: str, falls: str) -> None:
    acts, fall, scene = a_fall(race, stage, falls)
    before = end_of(race, scene)

    met = race.carelessly(acts, before=WRITE, overtaken_by=fall)

    assert met == {REFUSED_BY[falls]: len(acts)}
    assert end_of(race, scene) == before


REFUSED_BY = {"revoked": "prescription_not_revoked", "licence_ended": "prescriber_licensed_now"}


@pytest.mark.parametrize("falls", FALLS)
@pytest.mark.parametrize("stage", ["pay", "ship"])
def test_without_locks_and_belts_it_goes_on(
    unguarded: Callable[..., Race], stage: str, falls: str
) -> None:
    race = unguarded()
    acts, fall, scene = a_fall(race, stage, falls, hands=1)
    race.ddl(JUDGEMENT)

    met = race.carelessly(acts, before=WRITE, overtaken_by=fall)

    assert met.total() == met["learnt"] + met["shipped"] == 1
    assert end_of(race, scene)[:2] == (
        ("paid", "ready") if stage == "pay" else ("closed", "shipped")
    )
    assert race.wrongs() != [] or (stage, falls) == ("pay", "licence_ended")  # not judged by SQL


def a_fall(
    race: Race, stage: str, falls: str, *, hands: int = HALF
) -> tuple[list[Act], Act, Prescribed]:
    """Hands that pay for or ship one order, and what takes its prescription's ground away."""
    _, cream, packer = a_clinic(race)
    chen, licence = race.made(a_physician)
    if stage == "pay":
        scene = race.made(lambda: money.prescribed(chen, cream))
        act = receive(scene.attempt)
    else:
        scene = race.made(lambda: money.paid(chen, cream))
        act = ship(scene.order_id, packer)
    boss = race.made(lambda: mona().id)
    fall = revoke_alone(scene.prescription_id) if falls == "revoked" else end(licence, boss)
    return [act] * hands, fall, scene


def revoke_alone(prescription_id: UUID) -> Act:
    """The prescription falls, and its orders are forgotten."""

    def act() -> str:
        query = sa.select(Prescription).where(Prescription.id == prescription_id)
        prescription = db.session.scalars(locked(query)).one()
        revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())
        return "revoked"

    return act


def end(licence_id: UUID, boss_id: UUID) -> Act:
    def act() -> str:
        licence, boss = db.session.get_one(Licence, licence_id), db.session.get_one(Person, boss_id)
        licences.end(licence, on=today(), by=boss)
        return "ended"

    return act


def disable(physician_id: UUID, boss_id: UUID) -> Act:
    def act() -> str:
        people = db.session.get_one(Person, physician_id), db.session.get_one(Person, boss_id)
        employing.disable(people[0], by=people[1], at=now())
        return "disabled"

    return act


def a_clinic(race: Race) -> tuple[UUID, UUID, UUID]:
    """A physician, a cream on the shelf, who packs it."""

    def make() -> tuple[UUID, UUID, UUID]:
        cream = a_cream()
        a_lot(cream, 100_000)
        return dr_chen().id, cream.id, sam().id

    return race.made(make)


def a_physician() -> tuple[UUID, UUID]:
    """Of one licence: her id and the licence's."""
    chen = dr_chen(states=("CA",))
    return chen.id, chen.licences[0].id


def end_of(race: Race, scene: Prescribed) -> tuple[str, str, int]:
    """How the order and its line stand, and how many refunds are planned."""
    with race.app.app_context():
        order = db.session.get_one(Order, scene.order_id)
        (line,) = db.session.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id))
        refunds = db.session.scalars(
            sa.select(Refund).where(Refund.payment_id == scene.attempt.payment_id)
        ).all()
        return str(order.status), str(line.status), len(refunds)


def shipped_before_the_end(race: Race, scene: Prescribed, licence_id: UUID) -> bool:
    with race.app.app_context():
        (line,) = db.session.scalars(
            sa.select(OrderLine).where(OrderLine.order_id == scene.order_id)
        )
        (ended,) = [each for each in events.of(licence_id) if each.kind == "licence_ended"]
        return line.shipped_at is not None and line.shipped_at < ended.at
