"""A saved card is charged for an order while its owner is away."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, Refused
from shop.payments import charging, queries, removing
from shop.payments.errors import CardRemoved, PaymentUnderWay
from shop.payments.models import Payment, SavedCard
from shop.prescriptions import revoking
from tests.payments.orders_to_pay import a_cream_order, an_order, begun
from tests.payments.saved_cards import a_saved_card
from tests.people import alice, bob


def charged(order_id: object, card: SavedCard) -> Payment:
    payment = charging.charge(queries.locked_order(order_id), card, at=now())  # type: ignore[arg-type]
    db.session.commit()
    return payment


def test_a_charge_is_planned_once(app: Flask) -> None:
    client = alice()
    order, card = an_order(client), a_saved_card(client)

    payment = charged(order.id, card)

    assert charged(order.id, card) is payment
    assert (payment.page_ends_at, payment.url, payment.card_id) == (None, None, card.id)


def test_only_its_owners_orders_are_charged(app: Flask) -> None:
    order, card = an_order(alice()), a_saved_card(bob())
    with pytest.raises(NotAllowed):
        charged(order.id, card)


def test_a_removed_card_is_not_charged(app: Flask) -> None:
    client = alice()
    order, card = an_order(client), a_saved_card(client)
    removing.remove(card, by=client, at=now())
    db.session.commit()

    with pytest.raises(CardRemoved):
        charged(order.id, card)
    assert queries.payments_of(order.id) == []
    assert queries.cards_of(client) == []


def test_the_gate_is_asked_again(app: Flask) -> None:
    client = alice()
    (order, prescription), card = a_cream_order(client), a_saved_card(client)
    revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())
    with pytest.raises(Refused):
        charged(order.id, card)


def test_a_card_is_not_charged_beside_an_open_page(app: Flask) -> None:
    client = alice()
    order, card = an_order(client), a_saved_card(client)
    begun(order)
    with pytest.raises(PaymentUnderWay):
        charged(order.id, card)
