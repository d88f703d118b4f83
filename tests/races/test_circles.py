"""Nobody waits in a circle: everything at once over the same shelf, papers and orders."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg
import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.cluster import APP
from shop.core.db import db
from shop.inventory import receiving, stock
from shop.inventory.models import Lot, Reservation
from shop.inventory.receiving import ReceiptLineIn
from shop.orders import cart as carts
from shop.orders.models import Order
from shop.payments import queries, settling
from shop.payments.models import Payment
from shop.prescriptions.models import Prescription
from tests.at_once import WAITING, Act
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot, today
from tests.people import alice, dr_chen, sam
from tests.prescriptions.builders import a_prescription
from tests.races import money
from tests.races.acts import boxed, cancel, place, revoke, ship
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_ROUNDS, RACE_THREADS, SEED, SOAK

CLIENTS = 4
FILLS = 12


def test_orders_never_wait_in_a_circle(race: Race) -> None:
    """Placing, paying, shipping, cancelling, revoking and receiving; any refusal is an answer."""
    clinic = race.made(Clinic.opened)
    chance = random.Random(SEED)

    def one_round() -> None:
        race.made(clinic.prescribe_again)
        acts = race.made(lambda: clinic.day(chance))
        race.met(chance.sample(acts, RACE_THREADS))
        race.made(clinic.follow_ends)

    did = ["placed", "paid", "shipped", "cancelled", "revoked", "received"]
    race.rounds("everything at once", one_round, rounds=SOME // 2, tell=did)
    assert race.met_so_far["placed"] > 0


@dataclass
class Clinic:
    """Four clients who buy the same three things, day after day."""

    physician: UUID
    packer: UUID
    clients: list[UUID]
    creams: list[UUID]
    soap: UUID

    @classmethod
    def opened(cls) -> Clinic:
        creams, soap = [a_cream(), a_cream()], a_variant()
        for variant in (*creams, soap):
            a_lot(variant, 50_000), a_lot(variant, 50_000, days=200)
        clients = [alice() for _ in range(CLIENTS)]
        return cls(
            dr_chen().id,
            sam().id,
            [client.id for client in clients],
            [cream.id for cream in creams],
            soap.id,
        )

    def prescribe_again(self) -> None:
        """What was revoked or used up is prescribed again."""
        chen = db.session.get_one(Person, self.physician)
        for client_id in self.clients:
            for cream_id in self.creams:
                if not self._can_fill(client_id, cream_id):
                    client = db.session.get_one(Person, client_id)
                    cream = db.session.get_one(Variant, cream_id)
                    a_prescription(client, cream, by=chen, fills=FILLS, days_supply=1)

    def follow_ends(self) -> None:
        """What the worker does for orders that were cancelled after they were paid."""
        kept = sa.select(Payment.order_id).where(Payment.captured_cents > Payment.refunded_cents)
        query = sa.select(Order.id).where(Order.status == "cancelled", Order.id.in_(kept))
        for order_id in db.session.scalars(query).all():
            settling.wind_up(queries.locked_order(order_id), at=now())

    def _can_fill(self, client_id: UUID, cream_id: UUID) -> bool:
        papers = db.session.scalars(
            sa.select(Prescription).where(
                Prescription.client_id == client_id,
                Prescription.variant_id == cream_id,
                Prescription.status == "active",
            )
        )
        return any(
            sum(fill.status != "released" for fill in paper.fills) < FILLS for paper in papers
        )

    def day(self, chance: random.Random) -> list[Act]:
        """At least as many acts as threads."""
        waiting = self._orders("awaiting_payment")
        ready = self._orders("paid")
        for order in ready:
            boxed(order)
        papers = db.session.scalars(
            sa.select(Prescription.id).where(Prescription.status == "active")
        ).all()
        wishes = [*self.creams, self.soap]
        acts = [self._order(client, chance.sample(wishes, 3)) for client in self.clients * 2]
        acts += [act(order) for order in waiting for act in (money.pay, money.pay, cancel)]
        acts += [act(order) for order in ready for act in (self._ship, self._ship, cancel)]
        acts += [revoke(paper) for paper in chance.sample(papers, 2)]
        acts += [self._receive(variant) for variant in wishes]
        while len(acts) < RACE_THREADS:
            acts.append(self._order(chance.choice(self.clients), chance.sample(wishes, 2)))
        return acts

    def _orders(self, status: str) -> list[UUID]:
        """The latest of this status."""
        query = sa.select(Order.id).where(Order.status == status)
        return list(db.session.scalars(query.order_by(Order.placed_at.desc()).limit(4)))

    def _ship(self, order_id: UUID) -> Act:
        return ship(order_id, self.packer)

    def _order(self, client_id: UUID, variants: list[UUID]) -> Act:
        placing = place(client_id)

        def act() -> str:
            cart = carts.cart_of(db.session.get_one(Person, client_id), lock=True)
            for variant_id in variants:
                carts.put(cart, db.session.get_one(Variant, variant_id), 1)
            return str(placing())

        return act

    def _receive(self, variant_id: UUID) -> Act:
        def act() -> str:
            variant = db.session.get_one(Variant, variant_id)
            lot = db.session.scalars(sa.select(Lot).where(Lot.variant_id == variant_id)).first()
            assert lot is not None
            line = ReceiptLineIn(variant.sku, lot.lot_number, lot.expires_on, 1)
            packer = db.session.get_one(Person, self.packer)
            receiving.receive([line], by=packer, at=now(), today=today())
            return "received"

        return act


def test_lots_never_wait_in_a_circle(race: Race) -> None:
    """Promising, shipping, giving back and receiving over the same lots, in every order."""
    person = race.made(sam)
    chance = random.Random(SEED)

    def one_round() -> None:
        variants = race.made(lambda: [a_variant() for _ in range(3)])
        lots = [race.made(_a_lot_of(each)) for each in variants for _ in "ab"]
        to_ship = race.made(_promising([(each.id, 40) for each in variants]))
        to_give_back = race.made(_promising([(each.id, 10) for each in variants]))
        acts = [
            _promising([(each.id, 1) for each in chance.sample(variants, 3)]) for _ in range(10)
        ]
        acts += [_shipping(each) for each in to_ship]
        acts += [_giving_back(chance.sample(to_give_back, 3)) for _ in range(4)]
        acts += [
            _receiving(person, each, lot) for each, lot in zip(variants, lots[::2], strict=True)
        ]

        race.at_once(chance.sample(acts, len(acts)))

        assert sum(race.row(Lot, lot.id).on_hand for lot in lots) == 180 - 120 + 3

    race.rounds("lots in every order", one_round, rounds=RACE_ROUNDS if SOAK else FEW)


def test_locking_lots_in_any_order_would_wait_in_a_circle(race: Race) -> None:
    """The control: without the order of ids, the database has to end one of two transactions."""
    one, two = race.made(lambda: [a_lot(a_variant(), 1), a_lot(a_variant(), 1)])
    first, answers = threading.Barrier(2), []

    def lock(order: list[UUID]) -> None:
        with race.database.as_role(APP) as connection:
            try:
                connection.execute("SELECT 1 FROM lots WHERE id = %s FOR UPDATE", [order[0]])
                first.wait(timeout=WAITING)
                connection.execute("SELECT 1 FROM lots WHERE id = %s FOR UPDATE", [order[1]])
                answers.append("locked")
            except psycopg.errors.DeadlockDetected:
                answers.append("deadlock")
            connection.rollback()

    threads = [
        threading.Thread(target=lock, args=(order,))
        for order in ([one.id, two.id], [two.id, one.id])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["deadlock", "locked"]


def _a_lot_of(variant: Variant) -> Callable[[], Lot]:
    return lambda: a_lot(variant, 30)


def _promising(demand: list[tuple[UUID, int]]) -> Act:
    return lambda: stock.reserve(demand, today=today())


def _giving_back(promises: list[Reservation]) -> Act:
    return lambda: stock.release(promises, at=now())


def _receiving(person: Person, variant: Variant, lot: Lot) -> Act:
    lines = [ReceiptLineIn(variant.sku, lot.lot_number, lot.expires_on, 1)]
    return lambda: receiving.receive(lines, by=person, at=now(), today=today())


def _shipping(promise: Reservation) -> Act:
    return lambda: stock.ship(promise, reference_id=promise.id, today=today())
