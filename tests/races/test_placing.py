"""A double click places one order; the same Idempotency-Key gets the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from shop.accounts import tokens
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart
from tests.people import alice
from tests.races.acts import place
from tests.races.race import SOME, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
TOGETHER = "INSERT INTO reservations"
# Who deletes a cart's line a second time finds none.
TWICE_GONE = "ignore:DELETE statement on table 'cart_lines' expected to delete"


def test_a_double_click_places_one_order(race: Race) -> None:
    buy = a_shop(race)

    def one_round() -> None:
        client, _ = buy()
        assert race.met([place(client)] * RACE_THREADS) == {"placed": 1, "cart_empty": OTHERS}
        assert orders_of(race, client) == 1

    race.rounds("double click", one_round)


@pytest.mark.filterwarnings(TWICE_GONE)
def test_without_the_lock_it_places_twenty(race: Race) -> None:
    client, _ = a_shop(race)()

    met = race.carelessly([place(client)] * RACE_THREADS, before=TOGETHER)

    assert met == {"placed": RACE_THREADS}
    assert orders_of(race, client) == RACE_THREADS


def test_one_key_places_one_order_and_gets_one_answer(race: Race) -> None:
    """I21: twenty requests over HTTP; nineteen are told that theirs is a repeat."""
    buy = a_shop(race)

    def one_round() -> None:
        client, secret = buy()
        answers = race.at_once([post(race, secret, key=uuid4().hex)] * RACE_THREADS)
        assert Counter(answer.status_code for answer in answers) == {201: RACE_THREADS}
        assert len({answer.data for answer in answers}) == 1
        repeats = [answer.headers.get("Idempotent-Replayed") for answer in answers]
        assert Counter(repeats) == {None: 1, "true": OTHERS}
        assert orders_of(race, client) == 1

    race.rounds("double click, one key over HTTP", one_round, rounds=SOME)


@pytest.mark.filterwarnings(TWICE_GONE)
def test_without_locks_the_kept_answer_still_places_one(race: Race) -> None:
    """Nineteen have placed, cannot keep their answer, roll back and get the first one's."""
    client, secret = a_shop(race)()
    answers: list[Any] = []

    race.carelessly(gathered(answers, post(race, secret, key="again")), before=TOGETHER)

    assert Counter(answer.status_code for answer in answers) == {201: RACE_THREADS}
    assert len({answer.data for answer in answers}) == 1
    assert orders_of(race, client) == 1


@pytest.mark.filterwarnings(TWICE_GONE)
def test_without_locks_and_key_twenty_are_placed(unguarded: Callable[..., Race]) -> None:
    race = unguarded("ALTER TABLE kept_answers DROP CONSTRAINT kept_answers_pkey")
    client, secret = a_shop(race)()
    answers: list[Any] = []

    race.carelessly(gathered(answers, post(race, secret, key="again")), before=TOGETHER)

    assert Counter(answer.status_code for answer in answers) == {201: RACE_THREADS}
    assert len({answer.data for answer in answers}) == RACE_THREADS
    assert orders_of(race, client) == RACE_THREADS


def a_shop(race: Race) -> Callable[[], tuple[UUID, str]]:
    """A new client, at every call, with a soap in her cart: her id and her token."""

    def open_it() -> UUID:
        soap = a_variant()
        a_lot(soap, 100_000)
        return soap.id

    soap_id = race.made(open_it)

    def buyer() -> tuple[UUID, str]:
        client = alice()
        a_cart(client, {db.session.get_one(Variant, soap_id): 1})
        _, secret = tokens.issue(client, name="test", scopes=["read", "shop"], at=now())
        return client.id, secret

    return lambda: race.made(buyer)


def post(race: Race, secret: str, *, key: str) -> Act:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
    address = {name: text for name, text in asdict(HOME).items() if text}
    body = {"shipping_address": address, "shipping_method": "standard"}
    return lambda: race.app.test_client().post("/api/v1/orders", json=body, headers=headers)


def gathered(answers: list[Any], act: Act) -> list[Act]:
    """The act, twenty times; what each answered is put down in `answers`."""
    return [lambda: answers.append(act())] * RACE_THREADS


def orders_of(race: Race, client: UUID) -> int:
    return race.count(sa.select(Order).where(Order.client_id == client))
