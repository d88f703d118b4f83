"""A recall races with whoever promises and ships from its lot: quarantine wins, nobody is left out."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import stock
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.orders import shipping, stranding
from shop.orders.models import Order, OrderLine, ShipmentLine
from shop.orders.states import LineStatus
from shop.recalls import following, listing, recalling
from shop.recalls.errors import AlreadyRecalled
from shop.recalls.models import Recall, RecallClient, RecallLot
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.orders.things import packed, paid, way
from tests.people import alice, mona, sam
from tests.races.acts import chance
from tests.races.race import FEW, Race
from tests.recalls.builders import NOTICE
from tests.regime import RACE_THREADS, counted

BUYERS = 6  # whose orders are shipped at once


def test_a_recall_wins_over_whoever_promises_and_ships(race: Race) -> None:
    """F28: what left before is on the list, what did not leave stays, in any order."""
    staff, manager = race.made(sam), race.made(mona)
    met: Counter[str] = Counter()

    def sold() -> tuple[Variant, Lot, list[Order]]:
        soap = a_variant()
        lot = a_lot(soap, 50)
        orders = [paid(alice(), {soap: 2}) for _ in range(BUYERS)]
        for order in orders:
            packed(order)
        return soap, lot, orders

    def one_round() -> None:
        soap, lot, orders = race.made(sold)
        acts = [
            *(ship(order, staff) for order in orders),
            *[reserve(soap)] * (RACE_THREADS - 2 - BUYERS),
            *[recall(lot, manager)] * 2,
        ]
        chance.shuffle(acts)

        met.update(race.met(acts))

        assert race.row(Lot, lot.id).status is LotStatus.RECALLED
        assert race.count(sa.select(RecallLot).where(RecallLot.lot_id == lot.id)) == 1
        follow(race, lot, manager)

    race.rounds("recall against ship and reserve", one_round, rounds=FEW)
    assert met["recalled"] == met["already_recalled"] == FEW
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
