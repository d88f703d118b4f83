"""Counts and adjustments while units leave, and two who decide at once."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import adjusting, counting, limits, stocktaking
from shop.inventory.models import Lot, Reason
from tests.builders import a_variant
from tests.inventory.counts import adjust, counted
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam
from tests.races.race import FEW, Race
from tests.races.test_shelf import heads, promising, ship
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
LARGE = limits.LIMIT_UNITS + 1


def test_what_leaves_while_a_count_is_posted_is_counted_once(race: Race) -> None:
    """One lacks by count, the others are shipped meanwhile."""
    staff, manager = race.made(sam), race.made(mona)

    def an_approved_count() -> tuple[Lot, str]:
        lot = a_lot(a_variant(cents=1), 30)
        count = counted({lot: 29}, by=staff, why=Reason.THEFT_OR_LOSS)
        counting.approve(count, by=manager, at=now())
        assert lot.variant  # read before its session ends
        return lot, count.number

    def one_round() -> None:
        lot, number = race.made(an_approved_count)
        promises = race.made(promising(lot.variant, [1] * OTHERS))

        def post() -> str:
            counting.post(stocktaking.count(number, lock=True), today=today(), by=manager, at=now())
            return "posted"

        assert race.met([post, *map(ship, promises)]) == {"posted": 1, "shipped": OTHERS}

        assert heads(race, lot) == (30 - 1 - OTHERS, 0)

    race.rounds("a count while units leave", one_round, rounds=FEW)


def test_a_large_adjustment_is_booked_once(race: Race) -> None:
    manager = race.made(mona)

    def waiting() -> tuple[Lot, str]:
        lot = a_lot(a_variant(cents=1), 20)
        return lot, adjust(lot, -LARGE, Reason.DAMAGED).number

    def one_round() -> None:
        lot, number = race.made(waiting)

        def confirm() -> str:
            found = stocktaking.adjustment(number, lock=True)
            adjusting.confirm(found, today=today(), by=manager, at=now())
            return "booked"

        met = race.met([confirm] * RACE_THREADS)
        assert met == {"booked": 1, "wrong_state": OTHERS}
        assert heads(race, lot) == (20 - LARGE, 0)

    race.rounds("one adjustment, many second persons", one_round, rounds=FEW)


def test_small_steps_at_once_are_judged_in_turn(race: Race) -> None:
    """Of twenty by one person at once, as many as one may book alone are booked."""
    staff = race.made(sam)

    def one_round() -> None:
        lot = race.made(lambda: a_lot(a_variant(cents=1), 30))

        def act() -> str:
            mine = db.session.get_one(Lot, lot.id)
            return adjust(mine, -1, Reason.DAMAGED, by=staff).status.value

        met = race.met([act] * RACE_THREADS)
        assert met == {"booked": limits.LIMIT_UNITS, "proposed": RACE_THREADS - limits.LIMIT_UNITS}
        assert heads(race, lot) == (30 - limits.LIMIT_UNITS, 0)

    race.rounds("small steps at once", one_round, rounds=FEW)
