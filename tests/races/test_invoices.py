"""Many orders are paid at once: their papers are numbered 1 to n; a line is cancelled as it ships."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refused
from shop.invoices.models import Paper, Series
from shop.orders import cancelling
from shop.orders import queries as orders
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus, OrderStatus
from shop.payments.models import Refund
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.invoices.builders import a_paid_order, follow, issued, sent_back
from tests.people import sam
from tests.races import money
from tests.races.acts import boxed, chance, either_first, ship
from tests.races.money import Attempt, learn
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

HALF = RACE_THREADS // 2
EACH = 4  # acts about one order


class Died(Refused):
    """Somebody dies after the paper was written and before the commit."""

    code = "died"


def a_shop(race: Race) -> UUID:
    def made() -> UUID:
        soap = a_variant()
        a_lot(soap, 5_000)
        return soap.id

    return race.made(made)


def paid_and_papered(attempt: Attempt, *, dies: bool = False) -> Act:
    """Its money comes and its papers are written, all in one transaction: the worst there is."""

    def act() -> str:
        learn(attempt)()
        new = issued(attempt.order_id)
        if dies:
            raise Died("No commit.")
        return f"{len(new)} new"

    return act


def test_orders_paid_at_once_are_numbered_without_a_gap(race: Race) -> None:
    soap = a_shop(race)
    made: list[UUID] = []

    def one_round() -> None:
        attempts = [race.made(lambda: money.an_attempt(soap)) for _ in range(RACE_THREADS // EACH)]
        acts = [
            paid_and_papered(attempt, dies=nth == 0) for attempt in attempts for nth in range(EACH)
        ]
        chance.shuffle(acts)
        met = race.met(acts)
        assert met["died"] == len(attempts)
        assert met["2 new"] == len(attempts)
        assert met["0 new"] == len(attempts) * (EACH - 2)
        made.extend(attempt.order_id for attempt in attempts)

    race.rounds("papers numbered without a gap", one_round, rounds=SOME, tell=["died"])
    for series in (Series.INVOICE, Series.RECEIPT):
        assert numbers(race, series) == list(range(1, len(made) + 1))


def numbers(race: Race, series: Series) -> list[int]:
    with race.app.app_context():
        query = sa.select(Paper.n).where(Paper.series == series).order_by(Paper.n)
        return list(db.session.scalars(query))


def test_a_number_that_is_reckoned_without_its_counter_is_seen(
    unguarded: Callable[..., Race],
) -> None:
    """Planted: the next number is one more than the largest that can be seen, as so many shops do;
    the key and the chain that would refuse it are gone.
    """
    race = unguarded(
        "ALTER TABLE paper_counters DROP CONSTRAINT counter_is_the_last_number",
        "ALTER TABLE papers DROP CONSTRAINT number_follows_the_one_before",
        "ALTER TABLE papers DROP CONSTRAINT papers_numbered_once",
        """DO $$ DECLARE body text := pg_get_functiondef('paper_guard()'::regprocedure); BEGIN
            body := regexp_replace(body, 'UPDATE paper_counters SET last.*?;',
                'NEW.n := 1 + (SELECT coalesce(max(n), 0) FROM papers
                               WHERE series = NEW.series AND year = NEW.year);');
            body := regexp_replace(body, 'INSERT INTO paper_counters.*?;', '');
            EXECUTE body; END $$""",
    )
    soap = a_shop(race)
    attempts = [race.made(lambda: money.an_attempt(soap)) for _ in range(RACE_THREADS)]

    race.at_once([paid_and_papered(attempt) for attempt in attempts])

    assert len(numbers(race, Series.INVOICE)) == RACE_THREADS
    assert any(wrong.startswith("papers are numbered") for wrong in race.wrongs())


@pytest.fixture
def packer(race: Race) -> UUID:
    return race.made(lambda: sam().id)


def a_packed_order() -> tuple[UUID, str]:
    """A paid order of two lines, both in their box; and the sku of its second."""
    order = a_paid_order(1, 1)
    boxed(order.id)
    return order.id, orders.locked_order(order.id).lines[1].sku


def line_cancelled(order_id: UUID, sku: str) -> Act:
    def act() -> str:
        order = db.session.get_one(Order, order_id)
        terms = {"reason": "changed_mind", "by": order.client, "at": now()}
        cancelling.cancel_lines(order, [sku], **terms)
        return "cancelled"

    return act


def test_a_line_is_cancelled_as_its_order_ships(race: Race, packer: UUID) -> None:
    """Either it leaves and is kept, or it stays and its money goes back once; the order closes."""

    def one_round() -> None:
        order_id, sku = race.made(a_packed_order)
        met = race.met(either_first(ship(order_id, packer), line_cancelled(order_id, sku)))
        assert met["shipped"] == 1
        assert met["not_paid"] + met["line_not_ready"] == RACE_THREADS - 1 - met["cancelled"]
        race.at_once([followed(order_id)] * 2)
        with race.app.app_context():
            order = db.session.get_one(Order, order_id)
            assert order.status is OrderStatus.CLOSED
            statuses = [line.status for line in order.lines]
            assert statuses == [
                LineStatus.SHIPPED,
                LineStatus.CANCELLED if met["cancelled"] else LineStatus.SHIPPED,
            ]
            assert refunded(order) == ([order.lines[1].paid_cents] if met["cancelled"] else [])

    race.rounds("a line cancelled against its parcel", one_round, rounds=FEW, tell=["cancelled"])


def followed(order_id: UUID) -> Act:
    def act() -> None:
        follow(db.session.get_one(Order, order_id))

    return act


def refunded(order: Order) -> list[int]:
    keys = [f"line:{line.id}" for line in order.lines]
    query = sa.select(Refund.amount_cents).where(Refund.request_key.in_(keys))
    return list(db.session.scalars(query))


def test_a_refund_told_many_times_is_credited_once(race: Race) -> None:
    def one_round() -> None:
        def made() -> UUID:
            order = a_paid_order(1, 1)
            order = orders.locked_order(order.id)
            line_cancelled(order.id, order.lines[0].sku)()
            follow(order)
            sent_back(order)
            return order.id

        order_id = race.made(made)
        met = race.met([papered(order_id)] * RACE_THREADS)
        assert met == {"3 new": 1, "0 new": RACE_THREADS - 1}
        lines = sa.select(OrderLine).where(OrderLine.order_id == order_id)
        assert race.count(lines) == 2

    race.rounds("one credit note for a refund", one_round, rounds=FEW)


def papered(order_id: UUID) -> Act:
    return lambda: f"{len(issued(order_id))} new"
