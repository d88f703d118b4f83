"""On one lot a recall, parcels, promises and counts at once: the recall wins, nobody is left out."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import counting, locations, moving, stock, stocktaking
from shop.inventory.models import LocationKind, Lot, Reason
from shop.inventory.states import LotStatus
from shop.orders import queries as orders_of
from shop.orders import shipping, stranding
from shop.orders.models import Order, OrderLine, ShipmentLine
from shop.orders.states import LineStatus
from shop.recalls import following, listing, recalling
from shop.recalls.errors import AlreadyRecalled
from shop.recalls.models import Recall, RecallClient, RecallLot
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.counts import a_count
from tests.inventory.lots import a_lot, today
from tests.orders.things import packed, paid, way
from tests.people import alice, mona, sam
from tests.races.acts import chance
from tests.races.race import Race
from tests.recalls.builders import NOTICE
from tests.regime import RACE_ROUNDS, RACE_THREADS, counted

BUYERS, COUNTERS = 4, 3  # whose orders are shipped, and who counts, at once


def test_a_recall_wins_over_whoever_promises_ships_and_counts(race: Race) -> None:
    """F28: what left before is on the list, what did not leave stays, in any order."""
    staff, manager = race.made(sam), race.made(mona)
    met: Counter[str] = Counter()

    def sold() -> tuple[Variant, Lot, list[Order], list[str]]:
        soap = a_variant()
        lot = a_lot(soap, 50)
        orders = [paid(alice(), {soap: 2}) for _ in range(BUYERS)]
        for order in orders:
            packed(order)
        return soap, lot, orders, [a_count(lot, by=staff).number for _ in range(COUNTERS)]

    def one_round() -> None:
        soap, lot, orders, counts = race.made(sold)
        acts = [
            *(ship(order, staff) for order in orders),
            *(count(number, lot, staff, manager) for number in counts),
            *[reserve(soap)] * (RACE_THREADS - 2 - BUYERS - COUNTERS),
            *[recall(lot, manager)] * 2,
        ]
        chance.shuffle(acts)

        met.update(race.met(acts))

        assert race.row(Lot, lot.id).status is LotStatus.RECALLED
        assert race.count(sa.select(RecallLot).where(RecallLot.lot_id == lot.id)) == 1
        follow(race, lot, manager)

    race.rounds("ship, recall, count, reserve on one lot", one_round)
    assert met["recalled"] == met["already_recalled"] == RACE_ROUNDS
    assert met["posted"]
    counted("races: recalls", **{word.replace("_", " "): n for word, n in sorted(met.items())})


def follow(race: Race, lot: Lot, manager: Person) -> None:
    """List and strand as the edges do; then everybody who got units is listed, and no one else."""

    def act() -> None:
        recall = db.session.scalars(
            sa.select(Recall).join(RecallLot).where(RecallLot.lot_id == lot.id)
        ).one()
        listing.draw_up(recall, by=manager, at=now())
        list(following.strand(recall, at=now()))
        got = dict(
            db.session.execute(
                sa.select(OrderLine.client_id, sa.func.sum(ShipmentLine.units))
                .join(ShipmentLine, ShipmentLine.order_line_id == OrderLine.id)
                .where(ShipmentLine.lot_id == lot.id)
                .group_by(OrderLine.client_id)
            ).all()
        )
        listed = dict(
            db.session.execute(
                sa.select(RecallClient.client_id, RecallClient.retail_units).where(
                    RecallClient.recall_id == recall.id
                )
            ).all()
        )
        assert listed == got
        held = sa.select(OrderLine.status).where(OrderLine.variant_id == lot.variant_id)
        assert set(db.session.scalars(held)) <= {LineStatus.SHIPPED, LineStatus.ON_HOLD}
        assert stranding.holding([lot.id]) == []

    race.made(act)


def ship(order: Order, staff: Person) -> Act:
    def act() -> str:
        mine = db.session.get_one(Order, order.id)
        shipping.ship(mine, skus=None, **way(mine), by=staff, at=now())
        return "shipped"

    return act


def count(number: str, lot: Lot, staff: Person, manager: Person) -> Act:
    """Two look, and one pack lacks; who is second counts something else than the first."""

    def act() -> str:
        mine = stocktaking.count(number, lock=True)
        here = db.session.get_one(Lot, lot.id, with_for_update=True)
        shelf = locations.home(LocationKind.RETAIL)
        boxed = orders_of.aside([here.variant_id]).get((here.id, shelf.id), 0)
        found = max(0, moving.lies(here, shelf) - boxed - 1)
        counting.enter(mine, [(here, found)], by=staff, at=now())
        counting.finish(mine, by=staff, at=now())
        for line in mine.varying:
            counting.explain(line, reason=Reason.THEFT_OR_LOSS, note="Gone", by=staff, at=now())
        counting.approve(mine, by=manager, at=now())
        counting.post(mine, today=today(), by=manager, at=now())
        return "posted"

    return act


def reserve(soap: Variant) -> Act:
    """Promised to nobody: given back in the same transaction."""

    def act() -> str:
        stock.release(stock.reserve([(soap.id, 1)], today=today()), at=now())
        return "reserved"

    return act


def recall(lot: Lot, manager: Person) -> Act:
    def act() -> str:
        mine = db.session.get_one(Lot, lot.id)
        try:
            recalling.begin([mine], NOTICE, drill=False, by=manager, at=now())
        except AlreadyRecalled:
            return "already_recalled"
        return "recalled"

    return act
