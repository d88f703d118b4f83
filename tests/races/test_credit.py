"""Credit is spent once, a card is redeemed once, and what comes back meets what is spent."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.credit import redeeming
from shop.credit.models import CreditAccount, CreditEntry
from shop.orders import checkout
from shop.prescriptions.gate import Wish
from tests.at_once import Act
from tests.builders import a_product, a_variant
from tests.credit.builders import a_card, with_credit
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, placed
from tests.people import alice
from tests.races.acts import cancel, either_first
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
TOTAL, HELD = 3269, 50_00  # one pays an order whole and a part of another
NOBODY_COUNTS = (
    "ALTER TABLE credit_entries DROP CONSTRAINT credit_is_never_negative",
    "ALTER TABLE credit_entries DROP CONSTRAINT entry_follows_the_one_before",
    "ALTER TABLE credit_accounts DROP CONSTRAINT account_head_is_its_last_entry",
    "DROP TRIGGER account_shows_its_ledger ON credit_accounts",
)


def test_one_account_pays_what_it_holds(race: Race) -> None:
    """I18: twenty orders at once, of as many packs, so that no shelf makes them wait."""
    packs = race.made(a_shelf)

    def one_round() -> None:
        client = race.made(lambda: with_credit(HELD).id)
        met = race.met([spend(client, pack) for pack in packs])
        assert met == {str(TOTAL): 1, str(HELD - TOTAL): 1, "0": RACE_THREADS - 2}
        assert held(race, client) == 0

    race.rounds("credit: one account, many orders", one_round)


def test_without_the_lock_the_database_still_overdraws_nothing(race: Race) -> None:
    packs = race.made(a_shelf)
    client = race.made(lambda: with_credit(HELD).id)

    met = race.carelessly(
        [spend(client, pack) for pack in packs], before="INSERT INTO credit_entries"
    )

    assert met == {str(TOTAL): 1, "credit_is_never_negative": OTHERS}
    assert held(race, client) == HELD - TOTAL
    assert race.wrongs() == []


def test_without_lock_and_rules_it_is_spent_twenty_times(unguarded: Callable[..., Race]) -> None:
    """The planted bug: the judge sees it."""
    race = unguarded(*NOBODY_COUNTS)
    packs = race.made(a_shelf)
    client = race.made(lambda: with_credit(HELD).id)

    met = race.carelessly(
        [spend(client, pack) for pack in packs], before="INSERT INTO credit_entries"
    )

    assert met == {str(TOTAL): RACE_THREADS}
    assert [wrong for wrong in race.wrongs() if wrong.startswith("I18 an account is what")]


def test_a_card_is_redeemed_once(race: Race) -> None:
    clients = race.made(lambda: [alice().id for _ in range(RACE_THREADS)])

    def one_round() -> None:
        card, code = race.made(a_code)
        met = race.met([redeem(code, client) for client in clients])
        assert met == {"redeemed": 1, "gift_card_code_refused": OTHERS}
        assert booked(race, card) == 1

    race.rounds("credit: one card, many clients", one_round, rounds=SOME)


def test_a_double_click_redeems_once(race: Race) -> None:
    client = race.made(lambda: alice().id)

    def one_round() -> None:
        card, code = race.made(a_code)
        assert race.met([redeem(code, client)] * RACE_THREADS) == {"redeemed": RACE_THREADS}
        assert booked(race, card) == 1

    race.rounds("credit: one card, a double click", one_round, rounds=FEW)


def test_without_the_lock_the_database_still_redeems_it_once(race: Race) -> None:
    """The trail refuses who writes beside the first: a card that was issued was redeemed by one event
    or by another. Who is late, and writes after its commit, meets the card's own rule.
    """
    clients = race.made(lambda: [alice().id for _ in range(RACE_THREADS)])
    card, code = race.made(a_code)

    met = race.carelessly([redeem(code, one) for one in clients], before="INSERT INTO events")

    assert met["redeemed"] == 1
    assert met["events_pkey"] + met["gift_card_ends_once"] == OTHERS
    assert booked(race, card) == 1
    assert race.wrongs() == []


def test_what_comes_back_is_there_for_who_spends(race: Race) -> None:
    """An order is cancelled while ten others would like its credit: at most one is served."""
    packs = race.made(a_shelf)

    def one_round() -> None:
        def before() -> tuple[uuid.UUID, uuid.UUID]:
            client = with_credit(HELD - 20_00)
            pack = db.session.get_one(Variant, packs[0])
            order = placed(client, {pack: 1}, use_credit=True)
            assert order.credit_cents == HELD - 20_00
            return client.id, order.id

        client, order = race.made(before)
        spends = iter(packs)

        def spend_another() -> str:
            return str(spend(client, next(spends))())

        acts = either_first(cancel(order), spend_another)
        met = race.met(acts)
        assert met["cancelled"] == 1
        assert met["wrong_state"] == RACE_THREADS // 2 - 1
        spent = sum(int(answer) * times for answer, times in met.items() if answer.isdigit())
        assert spent + held(race, client) == HELD - 20_00

    race.rounds("credit: spent against given back", one_round, rounds=FEW)


def a_shelf() -> list[uuid.UUID]:
    """A pack for every thread, with many units."""
    product = a_product()
    packs = [a_variant(product, cents=2400) for _ in range(RACE_THREADS)]
    for pack in packs:
        a_lot(pack, 100_000)
    return [pack.id for pack in packs]


def a_code() -> tuple[uuid.UUID, str]:
    made = a_card(50_00)
    assert made.code is not None
    return made.card.id, made.code


def spend(client_id: uuid.UUID, pack_id: uuid.UUID) -> Act:
    """An order of a pack that her credit pays as far as it goes; how much it paid.

    Placed past the cart, whose lock would let one order after the other through.
    """

    def act() -> str:
        client, pack = db.session.get_one(Person, client_id), db.session.get_one(Variant, pack_id)
        order = checkout.promise(
            client,
            [Wish(pack.id, pack.sku, 1)],
            address=HOME,
            shipping_method="standard",
            expect_total_cents=TOTAL,
            by=client,
            at=now(),
            use_credit=True,
        )
        return str(order.credit_cents)

    return act


def redeem(code: str, client_id: uuid.UUID) -> Act:
    def act() -> str:
        client = db.session.get_one(Person, client_id)
        redeeming.redeem(code, address=str(client_id), by=client, at=now())
        return "redeemed"

    return act


def held(race: Race, client_id: uuid.UUID) -> int:
    return race.row(CreditAccount, client_id).balance_cents


def booked(race: Race, card_id: uuid.UUID) -> int:
    return race.count(sa.select(CreditEntry).where(CreditEntry.card_id == card_id))
