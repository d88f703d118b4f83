"""What does not agree is told, and what is safe is set right."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from shop import create_app
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import calls, chasing, following, queries, reconciling
from shop.payments.gateway import Gateway
from shop.payments.models import Payment
from shop.payments.sandbox.in_process import Visitor
from tests.builders import a_variant
from tests.conftest import Database, config_for
from tests.credit import builders as credit
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import (
    OutsideTransactions,
    a_cream_order,
    an_order,
    begun,
    how,
    opened,
)


@pytest.fixture
def fresh(clone: Any) -> Database:
    """A database of the test's own: what is planted stays out of the next test."""
    database: Database = clone()
    return database


@pytest.fixture
def shop(fresh: Database, gateway: Gateway) -> Iterator[Flask]:
    app = create_app(config_for(fresh), gateway=gateway)
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


def plant(fresh: Database, statement: str, **known: Any) -> None:
    """Past every trigger and key, as only a superuser can."""
    db.session.commit()
    with fresh.as_role() as connection:
        connection.execute("SET session_replication_role = replica")
        changed = connection.execute(statement, known).rowcount
        assert changed > 0
        connection.commit()


def ran(shop: Flask, *flags: str) -> Result:
    db.session.commit()
    return shop.test_cli_runner().invoke(args=["reconcile", *flags])


def found(shop: Flask) -> set[str]:
    """The kinds of difference the command prints."""
    result = ran(shop, "--json")
    told = json.loads(result.stdout)["differences"]
    assert result.exit_code == (1 if told else 0), result.output
    act_as("system:test")
    return {one["kind"] for one in told}


def paid(order: Order, gateway: Gateway, visitor: Visitor) -> Payment:
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    following.payment(payment.id, gateway)
    return queries.payment(payment.id)


def sent_back(order: Order, gateway: Gateway) -> None:
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    chasing.order_ended(order.id, gateway)


@pytest.fixture
def world(shop: Flask, gateway: Gateway, visitor: Visitor) -> dict[str, Any]:
    return a_world(gateway, visitor)


def a_world(gateway: Gateway, visitor: Visitor) -> dict[str, Any]:
    """An order that is paid, one that waits on its page, one sent back, one for a cream."""
    done, waiting, over = an_order(), an_order(), an_order()
    cream, prescription = a_cream_order()
    known: dict[str, Any] = {
        "paid": done.id,
        "payment": paid(done, gateway, visitor).id,
        "waiting": waiting.id,
        "tried": opened(waiting, gateway).id,
        "over": over.id,
        "returned": paid(over, gateway, visitor).id,
        "cream": cream.id,
        "creamed": paid(cream, gateway, visitor).id,
        "prescription": prescription.id,
    }
    sent_back(over, gateway)
    return known | {"credited": _credited()}


def _credited() -> uuid.UUID:
    """An order that credit pays a part of; a card that nobody has redeemed yet."""
    client, soap = credit.with_credit(10_00), a_variant()
    a_lot(soap)
    credit.a_card(20_00)
    return placed(client, {soap: 1}, use_credit=True).id


def test_everything_agrees(shop: Flask, world: dict[str, Any]) -> None:
    result = ran(shop)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Everything agrees.")


LATE = "interval '1 hour'"


def test_an_event_that_never_came_is_made_good(
    shop: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    visitor.pay(opened(order, gateway).url or "")
    assert found(shop) == {"money_not_booked", "money_for_nobody"}

    result = ran(shop, "--repair")

    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Everything agrees.")
    assert how(order) == ("paid", ["succeeded"])


def test_a_page_whose_answer_was_lost_is_found_by_its_order(
    shop: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    payment = begun(order)
    [call_id] = db.session.scalars(sa.text("SELECT id FROM provider_calls"))
    lease = calls._leased(call_id)
    db.session.commit()
    assert lease is not None
    calls._asked(lease, gateway)
    assert found(shop) == {"page_nobody_asked_for"}

    ran(shop, "--repair")

    assert queries.payment(payment.id).provider_session_id is not None
    assert how(order) == ("awaiting_payment", ["open"])


def test_what_is_overdue_is_ended(
    shop: Flask, fresh: Database, gateway: Gateway, world: dict[str, Any]
) -> None:
    plant(fresh, f"UPDATE orders SET pay_by = shop_now() - {LATE} WHERE id = %(waiting)s", **world)

    assert ran(shop, "--repair").exit_code == 0

    assert db.session.get_one(Order, world["waiting"], populate_existing=True).status == "expired"


def test_money_that_nobody_sent_back_goes_back(
    shop: Flask, fresh: Database, gateway: Gateway, visitor: Visitor
) -> None:
    order = an_order()
    payment = paid(order, gateway, visitor)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    plant(fresh, f"UPDATE orders SET ended_at = shop_now() - {LATE} WHERE id = %(id)s", id=order.id)
    assert found(shop) == {"money_of_an_ended_order"}

    assert ran(shop, "--repair").exit_code == 0

    assert queries.payment(payment.id).refunded_cents == order.total_cents


def test_what_is_not_safe_is_left_to_people(
    shop: Flask, fresh: Database, world: dict[str, Any]
) -> None:
    plant(
        fresh,
        "UPDATE orders SET status = 'paid', paid_at = shop_now() WHERE id = %(waiting)s",
        **world,
    )

    result = ran(shop, "--repair")

    assert result.exit_code == 1
    assert "paid_order_without_money" in result.output


def test_a_provider_that_is_away_is_no_difference(
    shop: Flask, world: dict[str, Any], control: Control
) -> None:
    control.post("faults", mode="429", times=1)
    result = ran(shop)
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_nothing_is_asked_inside_a_transaction(
    shop: Flask, gateway: Gateway, world: dict[str, Any]
) -> None:
    watched = OutsideTransactions(gateway)
    reconciling.repair(watched)  # type: ignore[arg-type]
    assert reconciling.differences(watched) == []  # type: ignore[arg-type]
