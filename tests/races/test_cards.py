"""A saved card is charged while its owner pays on the page, or takes the card back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.payments import calls, charging, following, queries, removing, settling
from shop.payments.gateway import Gateway, IntentState
from shop.payments.models import Payment, SavedCard
from shop.payments.sandbox.in_process import Visitor
from tests.at_once import Act
from tests.payments.orders_to_pay import SHOP, an_order
from tests.payments.refill_orders import a_cycle, asked
from tests.payments.saved_cards import a_card_at_the_bank, a_saved_card
from tests.payments.test_settling_faults import STARTED
from tests.people import alice
from tests.races.acts import either_first
from tests.races.race import FEW, Race
from tests.races.test_money import HALF, WRITE, a_shop


@dataclass(frozen=True)
class Scene:
    """An order that waits for its money, and a card of its client's."""

    order_id: UUID
    number: str
    card_id: UUID
    client_id: UUID


def a_scene(soap: UUID, gateway: Gateway | None = None, visitor: Visitor | None = None) -> Scene:
    client, pack = alice(), db.session.get_one(Variant, soap)
    if gateway is None or visitor is None:
        card = a_saved_card(client)
    else:
        card = a_card_at_the_bank(client, gateway, visitor)
    cycle = a_cycle(client, pack, card)
    db.session.commit()
    order = asked(cycle, an_order(client, pack))
    return Scene(order.id, order.number, card.id, client.id)


def plan_charge(scene: Scene) -> Act:
    def act() -> str:
        card = db.session.get_one(SavedCard, scene.card_id)
        charging.charge(queries.locked_order(scene.order_id), card, at=now())
        return "charged"

    return act


def charge(scene: Scene, gateway: Gateway) -> Act:
    """A job charges the card, from the plan to the provider's answer."""

    def act() -> str:
        plan_charge(scene)()
        db.session.commit()
        calls.send_for(scene.order_id, gateway)
        return "charged"

    return act


def begin_page(scene: Scene) -> Act:
    def act() -> str:
        order = queries.locked_order(scene.order_id)
        settling.begin(order, by=order.client, at=now(), base_url=SHOP)
        return "begun"

    return act


def pay_on_page(scene: Scene, gateway: Gateway, visitor: Visitor) -> Act:
    """The client goes to the page, pays there, and comes back."""

    def act() -> str:
        begin_page(scene)()
        db.session.commit()
        calls.send_for(scene.order_id, gateway)
        payment = queries.live_payment(scene.order_id)
        if payment is None or payment.url is None:
            return "no page"
        url, payment_id = payment.url, payment.id
        db.session.commit()
        visitor.pay(url)
        following.payment(payment_id, gateway)
        return "paid on the page"

    return act


def remove(scene: Scene) -> Act:
    def act() -> str:
        card = db.session.get_one(SavedCard, scene.card_id)
        removing.remove(card, by=db.session.get_one(Person, scene.client_id), at=now())
        return "removed"

    return act


def test_a_charge_against_paying_on_the_page(
    race: Race, gateway: Gateway, visitor: Visitor
) -> None:
    """I14: whichever comes first takes the money, once, here and at the provider."""
    soap = a_shop(race)

    def one_round() -> None:
        scene = race.made(lambda: a_scene(soap, gateway, visitor))
        race.met(either_first(charge(scene, gateway), pay_on_page(scene, gateway, visitor)))
        taken = [
            one
            for one in gateway.intents_since(STARTED)
            if one.order_ref == scene.number and one.state is IntentState.SUCCEEDED
        ]
        assert (len(taken), race.row(Order, scene.order_id).status) == (1, "paid")
        paid = sa.select(Payment).where(
            Payment.order_id == scene.order_id, Payment.captured_cents > 0
        )
        assert race.count(paid) == 1

    race.rounds(
        "charge against paying by hand", one_round, rounds=FEW, tell=["charged", "paid on the page"]
    )


def test_a_charge_against_removing_the_card(race: Race) -> None:
    """No charge is planned of a card that was removed."""
    soap = a_shop(race)

    def one_round() -> None:
        scene = race.made(lambda: a_scene(soap))
        met = race.met(either_first(plan_charge(scene), remove(scene)))
        assert met["removed"] == HALF
        assert met["charged"] + met["card_removed"] == HALF
        late = sa.select(Payment).join(SavedCard, SavedCard.id == Payment.card_id)
        assert race.count(late.where(Payment.created_at > SavedCard.removed_at)) == 0

    race.rounds("charge against removal", one_round, rounds=FEW, tell=["charged", "card_removed"])


OVERTAKEN: dict[str, tuple[Any, str]] = {
    "by the page": (begin_page, "payments_one_live"),
    "by the removal": (remove, "removed_card_is_not_charged"),
}


@pytest.mark.parametrize("how", OVERTAKEN)
def test_without_the_lock_the_database_refuses_the_charge(race: Race, how: str) -> None:
    soap = a_shop(race)
    scene = race.made(lambda: a_scene(soap))
    other, by = OVERTAKEN[how]

    met = race.carelessly([plan_charge(scene)] * HALF, before=WRITE, overtaken_by=other(scene))

    assert met == {by: HALF}
