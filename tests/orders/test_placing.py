"""From cart to order."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from shop.inventory.errors import NotEnoughStock
from shop.orders import cart as carts
from shop.orders import checkout
from shop.orders.errors import (
    BadQuantity,
    CartEmpty,
    NotForSale,
    NotInCart,
    PriceChanged,
    TotalTooSmall,
)
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart, history, placed, shelf
from tests.people import alice


def test_a_cart_keeps_the_last_quantity_and_lets_go(app: Flask) -> None:
    client, soap = alice(), a_variant()
    cart = carts.cart_of(client, lock=True)

    carts.put(cart, soap, 2)
    carts.put(cart, soap, 5)
    db.session.commit()
    assert [(line.variant.sku, line.quantity) for line in carts.cart_of(client).lines] == [
        (soap.sku, 5)
    ]

    carts.remove(carts.cart_of(client, lock=True), soap.sku)
    db.session.commit()
    assert carts.cart_of(client).lines == []


def test_looking_at_a_cart_that_is_not_there_keeps_none(app: Flask) -> None:
    client = alice()

    assert carts.cart_of(client).lines == []

    db.session.commit()
    assert db.session.scalar(sa.text("SELECT count(*) FROM carts")) == 0


@pytest.mark.parametrize("quantity", [0, -1, 21])
def test_a_cart_takes_sane_quantities_only(app: Flask, quantity: int) -> None:
    with pytest.raises(BadQuantity) as refused:
        carts.put(carts.cart_of(alice(), lock=True), a_variant(), quantity)
    assert refused.value.facts == {"quantity": quantity, "most": 20}


@pytest.mark.parametrize("why", ["not for sale", "not published"])
def test_a_cart_takes_only_what_is_sold(app: Flask, why: str) -> None:
    product = a_product(published_at=None) if why == "not published" else a_product()
    soap = a_variant(product, for_sale=why != "not for sale")

    with pytest.raises(NotForSale) as refused:
        carts.put(carts.cart_of(alice(), lock=True), soap, 1)
    assert refused.value.facts == {"sku": soap.sku}


def test_an_order_fixes_prices_reserves_stock_and_empties_the_cart(app: Flask) -> None:
    client, soap = alice(), a_variant(a_product(LegalClass.COSMETIC), cents=2400)
    lot = a_lot(soap, 5)

    order = placed(client, {soap: 2}, expect_total_cents=4800 + 695 + 348)

    assert (order.subtotal_cents, order.shipping_cents, order.tax_cents) == (4800, 695, 348)
    assert (order.total_cents, order.discount_cents) == (5843, 0)
    assert order.status is OrderStatus.AWAITING_PAYMENT
    assert order.pay_by - order.placed_at > timedelta(minutes=59)
    (line,) = order.lines
    assert (line.sku, line.quantity, line.total_cents) == (soap.sku, 2, 4800)
    assert (line.status, line.requires_prescription) == (LineStatus.PLACED, False)
    assert shelf(lot) == (5, 2)
    assert carts.cart_of(client).lines == []
    assert history(order) == ["order_placed"]
    assert history(line) == ["line_placed"]


def test_named_lines_are_placed_and_the_others_stay(app: Flask) -> None:
    client, soap, balm = alice(), a_variant(), a_variant()
    a_lot(soap), a_lot(balm)

    order = placed(client, {soap: 1, balm: 1}, skus=[balm.sku])

    assert [line.sku for line in order.lines] == [balm.sku]
    assert [line.variant.sku for line in carts.cart_of(client).lines] == [soap.sku]


def test_one_short_line_places_nothing(app: Flask) -> None:
    client, soap, balm = alice(), a_variant(), a_variant()
    lots = [a_lot(soap, 5), a_lot(balm, 1)]
    cart = a_cart(client, {soap: 1, balm: 2})
    db.session.commit()

    with pytest.raises(NotEnoughStock) as refused:
        placed(client, {}, cart=cart)
    db.session.rollback()

    assert refused.value.facts == {"sku": balm.sku, "wanted": 2, "available": 1}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0
    assert [shelf(lot) for lot in lots] == [(5, 0), (1, 0)]
    assert len(carts.cart_of(client).lines) == 2


def test_a_total_that_is_not_the_one_shown_places_nothing(app: Flask) -> None:
    client, soap = alice(), a_variant(a_product(LegalClass.COSMETIC), cents=2400)
    lot = a_lot(soap)
    cart = a_cart(client, {soap: 1})
    db.session.commit()

    with pytest.raises(PriceChanged) as refused:
        placed(client, {}, cart=cart, expect_total_cents=100)
    db.session.rollback()

    assert refused.value.facts == {"expected_cents": 100, "total_cents": 2400 + 695 + 174}
    assert shelf(lot) == (10, 0)
    assert len(carts.cart_of(client).lines) == 1


def test_an_empty_cart_cannot_be_placed(app: Flask) -> None:
    with pytest.raises(CartEmpty):
        placed(alice(), {})


def test_only_what_is_in_the_cart_can_be_named(app: Flask) -> None:
    soap = a_variant()
    with pytest.raises(NotInCart) as refused:
        placed(alice(), {soap: 1}, skus=[soap.sku, "SKU-NONE"])
    assert refused.value.facts == {"skus": ["SKU-NONE"]}


def test_a_pack_without_a_price_cannot_be_placed(app: Flask) -> None:
    soap = a_variant()
    a_lot(soap)
    soap.prices[0].valid_until = now() - timedelta(minutes=2)
    db.session.flush()

    with pytest.raises(NotForSale) as refused:
        placed(alice(), {soap: 1})
    assert refused.value.facts == {"sku": soap.sku}


def test_a_card_takes_fifty_cents_at_least(app: Flask) -> None:
    sample = a_variant(a_product(LegalClass.COSMETIC), cents=10)
    a_lot(sample)
    cart = a_cart(alice(), {sample: 1})

    with pytest.raises(TotalTooSmall) as refused:
        checkout.place(
            cart,
            skus=None,
            address=HOME,
            shipping_method="pickup",
            expect_total_cents=None,
            by=cart.client,
            at=now(),
        )
    assert refused.value.facts == {"total_cents": 11, "least_cents": 50}
