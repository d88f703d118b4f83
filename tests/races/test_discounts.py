"""I18: a code with ten uses left is used ten times, whoever wants it at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.discounts import ending, queries
from shop.discounts.models import Discount
from shop.orders import cart as carts
from tests.at_once import Act
from tests.discounts.builders import a_discount, a_serum
from tests.orders.things import a_cart, placed
from tests.people import alice, mona
from tests.races.acts import against_two, cancel, either_first, place
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS

LEFT = 10
FORTY = 40


def test_a_code_with_ten_left_is_used_ten_times(race: Race) -> None:
    buyers = some_buyers(race, RACE_THREADS)

    def one_round() -> None:
        code = a_code(race)
        met = race.met([buy(client, serum, code) for client, serum in buyers])
        assert met == {"placed": LEFT, "discount_used_up": RACE_THREADS - LEFT}
        assert numbers(race, code) == list(range(1, LEFT + 1))

    race.rounds("discounts, a code with ten left", one_round)


def test_forty_want_ten(race: Race) -> None:
    buyers = some_buyers(race, FORTY)

    def one_round() -> None:
        code = a_code(race)
        met = race.met([buy(client, serum, code) for client, serum in buyers])
        assert met == {"placed": LEFT, "discount_used_up": FORTY - LEFT}
        assert numbers(race, code) == list(range(1, LEFT + 1))

    race.rounds("discounts, forty want ten", one_round, rounds=FEW)


def test_a_client_uses_it_once(race: Race) -> None:
    ((client, serum),) = some_buyers(race, 1)

    def one_round() -> None:
        code = a_code(race)
        met = race.met([buy(client, serum, code)] * RACE_THREADS)
        assert met == {"placed": 1, "discount_used_by_client": RACE_THREADS - 1}

    race.rounds("discounts, one client", one_round, rounds=FEW)


def test_what_is_given_back_is_taken_by_others_and_never_twice(race: Race) -> None:
    """A code that is used up: ten of its orders are cancelled while ten clients want it."""
    holders, others = some_buyers(race, LEFT), some_buyers(race, LEFT)

    def one_round() -> None:
        code = a_code(race)
        held = [race.made(lambda b=buyer: order_at(*b, code)) for buyer in holders]  # type: ignore[misc]
        acts = [
            act
            for order, buyer in zip(held, others, strict=True)
            for act in either_first(cancel(order), buy(*buyer, code))[:2]
        ]
        met = race.met(acts)
        assert met["cancelled"] == LEFT
        assert met["placed"] + met["discount_used_up"] == LEFT
        assert len(numbers(race, code)) == met["placed"]

    race.rounds("discounts, given back", one_round, rounds=FEW, tell=["placed"])


def test_nobody_orders_with_a_code_that_was_ended(race: Race) -> None:
    buyers = some_buyers(race, RACE_THREADS)

    def one_round() -> None:
        code = a_code(race, uses=RACE_THREADS)
        manager = race.made(lambda: mona().id)
        late = against_two(buy(*buyers[0], code), end(code, manager))[:2]
        met = race.met([*late, *[buy(*buyer, code) for buyer in buyers[2:]]])
        assert (met["ended"], met["no longer there"]) == (1, 1)
        assert met["placed"] + met["discount_unknown"] == RACE_THREADS - 2
        assert len(numbers(race, code)) == met["placed"]

    race.rounds("discounts, ended", one_round, rounds=FEW, tell=["placed"])


def test_without_the_lock_the_database_still_gives_each_number_once(race: Race) -> None:
    buyers, code = some_buyers(race, RACE_THREADS), a_code(race)

    met = race.carelessly(
        [buy(client, serum, code) for client, serum in buyers], before="INSERT INTO discount_uses"
    )

    assert met == {"placed": 1, "discount_uses_number_key": RACE_THREADS - 1}
    assert numbers(race, code) == [1]


def test_without_lock_and_index_all_have_it(unguarded: Callable[..., Race]) -> None:
    """The bug that the race is there for, planted: each finds number one free."""
    race = unguarded("DROP INDEX discount_uses_number_key")
    buyers, code = some_buyers(race, RACE_THREADS), a_code(race)

    met = race.carelessly(
        [buy(client, serum, code) for client, serum in buyers], before="INSERT INTO discount_uses"
    )

    assert met == {"placed": RACE_THREADS}
    assert numbers(race, code) == [1] * RACE_THREADS
    assert [wrong.split(":")[0] for wrong in race.wrongs()] == [
        "I18 a discount has no more uses than it may",
        "I18 a number of a discount is used once",
    ]


def some_buyers(race: Race, many: int) -> list[tuple[UUID, UUID]]:
    """Clients, each with a pack of her own to buy: nothing but the code is wanted by two."""
    return race.made(lambda: [(alice().id, a_serum(100_000).id) for _ in range(many)])


def a_code(race: Race, uses: int = LEFT) -> str:
    return race.made(lambda: a_discount(most_uses=uses).code)


def buy(client_id: UUID, serum_id: UUID, code: str) -> Act:
    """She puts it into her cart and orders it with the code."""
    placing = place(client_id, discount_code=code)

    def act() -> str:
        cart = carts.cart_of(db.session.get_one(Person, client_id), lock=True)
        carts.put(cart, db.session.get_one(Variant, serum_id), 1)
        return str(placing())

    return act


def order_at(client_id: UUID, serum_id: UUID, code: str) -> UUID:
    client, serum = db.session.get_one(Person, client_id), db.session.get_one(Variant, serum_id)
    cart = a_cart(client, {serum: 1})
    return placed(client, {}, cart=cart, discount_code=code).id


def end(code: str, manager_id: UUID) -> Act:
    """The manager ends it, in one of two tabs."""

    def act() -> str:
        discount = queries.of_code(code, lock=True)
        if discount is None:
            return "no longer there"
        ending.end(discount, by=db.session.get_one(Person, manager_id), at=now())
        return "ended"

    return act


def numbers(race: Race, code: str) -> list[int]:
    """The numbers that stand."""
    with race.app.app_context():
        query = sa.select(Discount).where(Discount.code == code)
        standing = db.session.scalars(queries.standing(db.session.scalars(query).one())).all()
        return sorted(use.number for use in standing)
