"""A client says something of her health while her order is placed, paid, sent, resumed or signed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.catalog.models import Variant
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.core.clock import now
from shop.core.db import db
from shop.orders import jobs, rechecking
from shop.orders.models import Order, OrderLine
from shop.payments.models import Refund
from shop.prescriptions import queries as prescriptions
from shop.prescriptions import signing
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.rechecking import news_of
from tests.at_once import Act
from tests.orders.things import a_cart
from tests.people import a_fresh_sign_in, alice
from tests.prescriptions.builders import a_claimed_request, a_prescription, the_terms
from tests.races import money
from tests.races.acts import either_first, place, ship
from tests.races.money import Prescribed, learn, receive
from tests.races.race import FEW, SOME, Race
from tests.races.test_revoking import JUDGEMENT, a_clinic
from tests.regime import RACE_THREADS

HALF = RACE_THREADS // 2
# Nobody has read these words: soft stops for every product (SC-ALLERGY-TEXT).
PLASTER, BERRY = Allergy("the blue plaster of my aunt"), Allergy("a red berry from the garden")
WRITE = "UPDATE|INSERT"
HELD, SENT = ("paid", "on_hold"), ("closed", "shipped")


def test_news_against_ship(race: Race) -> None:
    """What has left has left; nothing leaves after."""
    chen, cream, packer = a_clinic(race)

    def one_round() -> None:
        scene = race.made(lambda: money.paid(chen, cream))
        client = of(race, scene).client_id
        met = race.met(either_first(ship(scene.order_id, packer), says(client)))
        assert met["said"] == HALF
        assert met["shipped"] in (0, 1)
        assert end_of(race, scene) == (SENT if met["shipped"] else HELD)
        assert of(race, scene).held_for == "health_news"
        if met["shipped"]:
            assert left_before_the_news(race, scene)

    race.rounds("health news against ship", one_round, rounds=SOME, tell=["shipped"])


def test_news_against_pay(race: Race) -> None:
    """Money that comes first leaves the line on hold; that comes second, goes back."""
    chen, cream, _ = a_clinic(race)

    def one_round() -> None:
        scene = race.made(lambda: money.prescribed(chen, cream))
        client = of(race, scene).client_id
        met = race.met(either_first(learn(scene.attempt), says(client)))
        assert met == {"learnt": HALF, "said": HALF}
        paid = end_of(race, scene)[0] == "paid"
        assert end_of(race, scene) == (HELD if paid else ("cancelled", "cancelled"))
        assert refunds(race, scene) == (0 if paid else 1)
        race.met_so_far["paid first"] += paid

    race.rounds("health news against pay", one_round, rounds=SOME, tell=["paid first"])


def test_news_against_place(race: Race) -> None:
    """Nothing is promised under what is being held."""
    chen, cream, _ = a_clinic(race)

    def one_round() -> None:
        client = race.made(lambda: a_full_cart(chen, cream)).client_id
        met = race.met(either_first(place(client), says(client)))
        assert met["said"] == HALF
        assert met["placed"] in (0, 1)
        assert orders_of(race, client) == ["cancelled"] * met["placed"]

    race.rounds("health news against place", one_round, rounds=FEW, tell=["placed"])


def test_news_against_a_physician_who_lets_it_go(race: Race) -> None:
    """She has seen what stands when it goes on, or it waits again."""
    chen, cream, _ = a_clinic(race)

    def one_round() -> None:
        scene = held(race, chen, cream)
        client = of(race, scene).client_id
        met = race.met(either_first(lets_go(scene.prescription_id), says(client, BERRY)))
        assert met["said"] == HALF
        assert met["goes on"] in (1, 2)  # and again, where it was held again
        one = of(race, scene)
        seen = one.status == "active"
        assert (not unseen(race, one)) is seen
        assert end_of(race, scene) == (("paid", "ready") if seen else HELD)
        race.met_so_far["seen in time"] += seen

    race.rounds("health news against a review", one_round, rounds=FEW, tell=["seen in time"])


def test_news_against_a_signature(race: Race) -> None:
    """It is in what is signed, or it holds what was signed."""
    chen, cream, _ = a_clinic(race)

    def one_round() -> None:
        client, request, proof = race.made(lambda: a_case(chen, cream))
        met = race.met(either_first(signs(request, chen, proof), says(client)))
        assert met["said"] == HALF
        assert met["signed"] in (0, 1)
        with race.app.app_context():
            query = sa.select(Prescription.held_for).where(Prescription.client_id == client)
            assert list(db.session.scalars(query)) == ["health_news"] * met["signed"]

    race.rounds("health news against a signature", one_round, rounds=FEW, tell=["signed"])


# The controls: who looked before the news goes on afterwards.


@pytest.mark.parametrize("stage", ["pay", "ship"])
def test_without_locks_the_database_lets_nothing_leave(race: Race, stage: str) -> None:
    chen, cream, packer = a_clinic(race)
    scene = race.made(lambda: (money.prescribed if stage == "pay" else money.paid)(chen, cream))
    act = receive(scene.attempt) if stage == "pay" else ship(scene.order_id, packer)

    met = race.carelessly([act] * HALF, before=WRITE, overtaken_by=says(of(race, scene).client_id))

    assert met.total() == HALF
    assert not met["shipped"] + met["learnt"], met
    assert end_of(race, scene) == (("cancelled", "cancelled") if stage == "pay" else HELD)


def test_without_locks_the_database_promises_nothing(race: Race) -> None:
    chen, cream, _ = a_clinic(race)
    client = race.made(lambda: a_full_cart(chen, cream)).client_id

    met = race.carelessly([place(client)], before="INSERT INTO fills", overtaken_by=says(client))

    assert met == {"prescription_not_held": 1}
    assert orders_of(race, client) == []


def test_without_locks_and_belts_it_is_promised(unguarded: Callable[..., Race]) -> None:
    race = unguarded()
    chen, cream, _ = a_clinic(race)
    signed = race.made(lambda: a_full_cart(chen, cream))
    race.ddl(JUDGEMENT)

    met = race.carelessly(
        [place(signed.client_id)], before="INSERT INTO fills", overtaken_by=says(signed.client_id)
    )

    assert met == {"placed": 1}
    assert orders_of(race, signed.client_id) == ["awaiting_payment"]
    assert race.row(Prescription, signed.id).held_for == "health_news"


def test_news_that_locks_nothing_overlooks_an_order(race: Race) -> None:
    """The lock on what it holds makes it see what was placed meanwhile; paying is refused anyway."""
    chen, cream, _ = a_clinic(race)
    signed = race.made(lambda: a_full_cart(chen, cream))

    met = race.carelessly(
        [says(signed.client_id)],
        before="UPDATE prescriptions",
        overtaken_by=place(signed.client_id),
    )

    assert met == {"said": 1}
    assert orders_of(race, signed.client_id) == ["awaiting_payment"]
    with race.app.app_context():
        query = sa.select(Order.id).where(Order.client_id == signed.client_id)
        order = db.session.scalars(query).one()
    assert race.met([money.pay(order)] * 2) == {"line_blocked": 2}


def test_a_review_that_locks_nothing_overlooks_news(race: Race) -> None:
    """The lock on the chart is what makes her see it; the job that follows the news holds it again."""
    chen, cream, _ = a_clinic(race)
    scene = held(race, chen, cream)
    client = of(race, scene).client_id

    met = race.carelessly(
        [lets_go(scene.prescription_id)],
        before="INSERT INTO health_reviews",
        overtaken_by=says(client, BERRY),
    )

    assert met == {"goes on": 1}
    assert of(race, scene).status == "active"
    assert unseen(race, of(race, scene))
    race.made(lambda: jobs.recheck_client(client_id=str(client)))
    assert of(race, scene).held_for == "health_news"


# What they do, and what is there afterwards.


def says(client_id: UUID, fact: Allergy = PLASTER) -> Act:
    def act() -> str:
        client = db.session.get_one(Person, client_id)
        with rechecking.following(client, at=now()):
            charting.state(client, fact, by=client, at=now())
        return "said"

    return act


def lets_go(prescription_id: UUID) -> Act:
    def act() -> str:
        one = db.session.get_one(Prescription, prescription_id)
        reason = "She uses it on her legs only."
        rechecking.resume(one, reason=reason, by=one.prescriber, at=now())
        return "goes on"

    return act


def signs(request_id: UUID, chen_id: UUID, proof_id: int) -> Act:
    def act() -> str:
        chen = db.session.get_one(Person, chen_id)
        number = db.session.get_one(ApprovalRequest, request_id).number
        request = prescriptions.request_for(chen, number, at=now(), lock=True)
        proof = db.session.get_one(AuthEvent, proof_id)
        signing.sign(request, the_terms(), by=chen, proof=proof, at=now())
        return "signed"

    return act


def held(race: Race, chen_id: UUID, cream_id: UUID) -> Prescribed:
    """Paid, then held by what she said."""
    scene = race.made(lambda: money.paid(chen_id, cream_id))
    race.made(says(of(race, scene).client_id))
    return scene


def a_full_cart(chen_id: UUID, cream_id: UUID) -> Prescription:
    """A prescription, and its pack in the client's cart."""
    client, cream = alice(), db.session.get_one(Variant, cream_id)
    signed = a_prescription(client, cream, by=db.session.get_one(Person, chen_id))
    a_cart(client, {cream: 1})
    return signed


def a_case(chen_id: UUID, cream_id: UUID) -> tuple[UUID, UUID, int]:
    """A client, her request that the physician has claimed, and the physician's fresh sign-in."""
    client, chen = alice(), db.session.get_one(Person, chen_id)
    cream = db.session.get_one(Variant, cream_id)
    request = a_claimed_request(client, cream, by=chen, ship_to_state=client.state)
    return client.id, request.id, a_fresh_sign_in(chen).id


def of(race: Race, scene: Prescribed) -> Prescription:
    return race.row(Prescription, scene.prescription_id)


def unseen(race: Race, one: Prescription) -> bool:
    """Whether something speaks against it that no physician has seen."""
    with race.app.app_context():
        return bool(news_of([db.session.get_one(Prescription, one.id)], at=now())[one.id])


def end_of(race: Race, scene: Prescribed) -> tuple[str, str]:
    """How the order and its line stand."""
    order = race.row(Order, scene.order_id)
    return str(order.status), str(line_of(race, scene).status)


def line_of(race: Race, scene: Prescribed) -> OrderLine:
    with race.app.app_context():
        query = sa.select(OrderLine).where(OrderLine.order_id == scene.order_id)
        return db.session.scalars(query).one()


def left_before_the_news(race: Race, scene: Prescribed) -> bool:
    shipped, held_at = line_of(race, scene).shipped_at, of(race, scene).held_at
    return shipped is not None and held_at is not None and shipped < held_at


def orders_of(race: Race, client: UUID) -> list[str]:
    with race.app.app_context():
        return list(db.session.scalars(sa.select(Order.status).where(Order.client_id == client)))


def refunds(race: Race, scene: Prescribed) -> int:
    return race.count(sa.select(Refund).where(Refund.payment_id == scene.attempt.payment_id))
