"""The last fill of a prescription is used once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders import cart as carts
from shop.orders import judging
from shop.prescriptions import filling
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Wish
from shop.prescriptions.models import Fill, Prescription
from tests.at_once import Act
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.races.acts import place
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1


def test_the_last_fill_is_taken_once(race: Race) -> None:
    """I2: what placing does between the gate and the order, without the cart that would part them."""
    with_one_fill = a_clinic(race)

    def one_round() -> None:
        signed = with_one_fill()
        met = race.met([take(signed.client_id, signed.variant_id)] * RACE_THREADS)
        assert met == {"taken": 1, "no_prescription": OTHERS}
        assert live_fills(race, signed) == 1

    race.rounds("last fill", one_round)


def test_the_last_fill_carries_one_order(race: Race) -> None:
    """The whole road, at twenty tills of one client, each of which fills the cart again."""
    with_one_fill = a_clinic(race)

    def one_round() -> None:
        signed = with_one_fill()
        met = race.met([order_again(signed.client_id, signed.variant_id)] * RACE_THREADS)
        assert met == {"placed": 1, "no_prescription": OTHERS}
        assert live_fills(race, signed) == 1

    race.rounds("last fill, by placing", one_round, rounds=FEW)


def test_without_the_lock_the_database_still_gives_it_once(race: Race) -> None:
    signed = a_clinic(race)()

    met = race.carelessly(
        [take(signed.client_id, signed.variant_id)] * RACE_THREADS, before="INSERT INTO fills"
    )

    assert met == {"taken": 1, "fills_one_per_number": OTHERS}
    assert live_fills(race, signed) == 1


def test_without_lock_and_index_it_is_given_to_all(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP INDEX fills_one_per_number")
    signed = a_clinic(race)()

    met = race.carelessly(
        [take(signed.client_id, signed.variant_id)] * RACE_THREADS, before="INSERT INTO fills"
    )

    assert met == {"taken": RACE_THREADS}
    assert live_fills(race, signed) == RACE_THREADS
    assert [wrong.split(":")[0] for wrong in race.wrongs()] == [
        "I2 no more live fills than were authorised",
        "I2 a number of a fill is live once",
    ]


def a_clinic(race: Race) -> Callable[[], Prescription]:
    """Signs, at every call, a prescription of one fill for a new client."""

    def open_it() -> tuple[UUID, UUID]:
        chen, cream = dr_chen(), a_cream()
        a_lot(cream, 1000)
        return chen.id, cream.id

    chen_id, cream_id = race.made(open_it)

    def sign() -> Prescription:
        chen, cream = db.session.get_one(Person, chen_id), db.session.get_one(Variant, cream_id)
        return a_prescription(alice(), cream, by=chen, fills=1)

    return lambda: race.made(sign)


def take(client_id: UUID, variant_id: UUID) -> Act:
    def act() -> str:
        client = db.session.get_one(Person, client_id)
        wish = Wish(variant_id, "the cream", 1)
        (decision,) = judging.insist(
            client, [wish], ship_to_state="CA", at=now(), stage=Stage.PLACE
        )
        assert decision.prescription_id is not None
        filling.reserve(decision.prescription_id, state="CA", quantity=1, at=now())
        return "taken"

    return act


def order_again(client_id: UUID, variant_id: UUID) -> Act:
    placing = place(client_id)

    def act() -> str:
        cart = carts.cart_of(db.session.get_one(Person, client_id), lock=True)
        if not cart.lines:
            carts.put(cart, db.session.get_one(Variant, variant_id), 1)
        return str(placing())

    return act


def live_fills(race: Race, signed: Prescription) -> int:
    return race.count(
        sa.select(Fill).where(Fill.prescription_id == signed.id, Fill.status != "released")
    )
