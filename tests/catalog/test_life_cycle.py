"""Draft, published, retired: what each means, and the ways between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import editing, publishing
from shop.catalog.errors import NotForSale, NotPublishable
from shop.catalog.models import Product
from shop.catalog.states import SHOP_ARROWS, ShopStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid
from tests.people import alice

DRAWN = """\
 > draft
draft > published
published > draft
published > retired
retired > draft"""


def test_the_arrows_are_drawn_like_this() -> None:
    drawn = sorted(
        f"{before or ''} > {after}" for before, then in SHOP_ARROWS.items() for after in then
    )
    assert "\n".join(drawn) == DRAWN


ACTS: dict[str, Callable[..., Any]] = {
    "publish": publishing.publish,
    "withdraw": publishing.withdraw,
    "retire": publishing.retire,
    "restore": publishing.restore,
}
# (state, act) → the state after it, or what is raised.
OUTCOMES: dict[tuple[str, str], str | type[Exception]] = {
    ("draft", "publish"): "published",
    ("draft", "withdraw"): "draft",
    ("draft", "retire"): WrongState,
    ("draft", "restore"): WrongState,
    ("published", "publish"): "published",
    ("published", "withdraw"): "draft",
    ("published", "retire"): "retired",
    ("published", "restore"): WrongState,
    ("retired", "publish"): NotPublishable,
    ("retired", "withdraw"): WrongState,
    ("retired", "retire"): "retired",
    ("retired", "restore"): "draft",
}


def _in_state(state: str) -> Product:
    product = a_product(published_at=None)
    if state != "draft":
        publishing.publish(product, by=None, at=now())
    if state == "retired":
        publishing.retire(product, by=None, at=now())
    db.session.commit()
    return product


@pytest.mark.parametrize(("case", "outcome"), OUTCOMES.items(), ids=map(str, OUTCOMES))
def test_every_act_in_every_state(
    app: Flask, case: tuple[str, str], outcome: str | type[Exception]
) -> None:
    state, act = case
    product = _in_state(state)
    told = len(events.of(product.id))

    if isinstance(outcome, str):
        ACTS[act](product, by=None, at=now())
    else:
        with pytest.raises(outcome):
            ACTS[act](product, by=None, at=now())
    db.session.commit()

    after = outcome if isinstance(outcome, str) else state
    assert product.status == after
    assert (product.published_at is not None, product.retired_at is not None) == (
        after == "published",
        after == "retired",
    )
    assert len(events.of(product.id)) == told + (after != state)


def test_a_status_goes_along_an_arrow_only(app: Flask) -> None:
    product = a_product(published_at=None)

    with pytest.raises(WrongState):
        product.status = ShopStatus.RETIRED

    assert product.status == "draft"


def test_retiring_takes_the_packs_off_sale_and_restoring_leaves_them_there(app: Flask) -> None:
    product = a_product()
    one, other = a_variant(product), a_variant(product, for_sale=False)

    publishing.retire(product, by=None, at=now())
    db.session.commit()

    assert (one.for_sale, other.for_sale) == (False, False)
    assert [event.kind for event in events.of(one.id)] == ["variant_changed"]
    assert events.of(other.id) == []
    assert events.of(product.id)[-1].facts == {"packs": [one.sku]}
    with pytest.raises(NotForSale, match="retired"):
        editing.change_variant(one, {"for_sale": True}, by=None, at=now())

    publishing.restore(product, by=None, at=now())
    publishing.publish(product, by=None, at=now())
    assert one.for_sale is False


def test_what_was_promised_is_delivered_after_its_product_retired(app: Flask) -> None:

    pack = a_variant()
    a_lot(pack)
    order = paid(alice(), {pack: 2})

    publishing.retire(pack.product, by=None, at=now())
    db.session.commit()
    leave(order)
    db.session.commit()

    assert [line.status for line in order.lines] == ["shipped"]


def test_the_database_sells_nothing_of_a_retired_product(app: Flask) -> None:
    pack = a_variant()
    db.session.commit()
    statements = {
        "retired_sells_nothing": (
            "UPDATE products SET status = 'retired', published_at = NULL, retired_at = now()"
            " WHERE id = :product"
        ),
        "product_published_at_some_time": (
            "UPDATE products SET published_at = NULL WHERE id = :product"
        ),
    }
    for name, statement in statements.items():
        with pytest.raises(sa.exc.IntegrityError) as refused, db.session.begin_nested():
            db.session.execute(sa.text(statement), {"product": pack.product_id})
        assert isinstance(refused.value.orig, psycopg.Error)
        assert refused.value.orig.diag.constraint_name == name
