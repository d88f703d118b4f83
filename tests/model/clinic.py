"""The real clinic that the model is held against: the shop's own verbs on a PostgreSQL of its own.

Every act is one request: a session of its own, the verb, one real commit (or, refused, a rollback).
People, variants and lots are made once; between two examples everything else is removed by a
superuser with the triggers off, so that the database stays as small as the model.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import psycopg
import sqlalchemy as sa
from flask import Flask

from shop.accounts import licences
from shop.accounts.models import Licence, Person
from shop.catalog.models import LegalClass, Variant
from shop.core.clock import now
from shop.core.db import act_as, db, locked
from shop.core.errors import Refusal
from shop.inventory import expiring as lots_expiring
from shop.inventory import releasing
from shop.inventory.models import Lot
from shop.orders import cancelling, checkout, expiring, queries, revoking, shipping
from shop.orders import cart as carts
from shop.orders.models import Order
from shop.payments import calls, chasing, following, settling, webhook
from shop.payments.gateway import ProviderEvent
from shop.payments.models import Payment, Refund
from shop.prescriptions import expiring as requests_expiring
from shop.prescriptions import holding, requesting, reviewing, signing
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.practice import rules as practice
from tests.builders import a_cream, a_known_active, a_product, a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot
from tests.model import machine
from tests.model.bank import Bank
from tests.model.trade import Shop
from tests.orders.things import HOME
from tests.people import a_fresh_sign_in, a_licence, alice, bob, dr_chen, mona
from tests.prescriptions.builders import ANSWERS, read_the_leaflet, the_terms

BEGAN = datetime(2031, 3, 3, tzinfo=UTC) + timedelta(minutes=machine.BEGINS)
HOMES = {"alice": "CA", "bob": "NV"}
LICENCES = {("chen", "CA"): 400, ("chen", "NV"): 40, ("ruiz", "CA"): 400}  # their last day and one
# Lots by variant: units and the last day.
SHELF = {"cream": [(1, 20), (2, 200)], "gel": [(3, 90)], "soap": [(2, 60), (2, 400)]}
DOCTOR_ONLY = frozenset({"cream", "gel"})
KEPT = {
    "people",
    "licences",
    "brands",
    "products",
    "product_ingredients",
    "ingredients",
    "ingredient_names",
    "variants",
    "prices",
    "lots",
    "receipt_lines",
    "shop_clock",
    "legal_transitions",
    "alembic_version",
    "examination_rules",
    "signing_keys",
    "supervision_rules",
}

LOOK = """
SELECT 'request', id, status, coalesce(claimed_by_id::text, ''), '' FROM approval_requests
UNION ALL
SELECT 'prescription', p.id, p.status, (p.fills_allowed - (SELECT count(*) FROM fills f
        WHERE f.prescription_id = p.id AND f.status <> 'released'))::text, '' FROM prescriptions p
UNION ALL
SELECT 'cart', c.client_id, l.variant_id::text, l.quantity::text, ''
    FROM carts c JOIN cart_lines l ON l.cart_id = c.id
UNION ALL
SELECT 'order', id, status, '', '' FROM orders
UNION ALL
SELECT 'line', l.order_id, l.position || ' ' || l.status || ' ' || l.quantity,
        coalesce(f.status || ' ' || f.number || ' ' || f.prescription_id, ''),
        coalesce((SELECT string_agg(part.lot_id || ' ' || part.units, ',' ORDER BY part.lot_id)
                  FROM reservation_parts part
                  WHERE part.reservation_id = l.reservation_id AND part.ended_at IS NULL), '')
    FROM order_lines l LEFT JOIN fills f ON f.id = l.fill_id
UNION ALL
SELECT 'payment', id, status, (captured_cents > 0)::text, (refunded_cents > 0)::text FROM payments
UNION ALL
SELECT 'refund', payment_id, request_key, status, '' FROM refunds
UNION ALL
SELECT 'lot', id, status, on_hand::text, reserved::text FROM lots
"""
LOTS_AS_THEY_CAME = """
UPDATE lots SET status = 'available', state_seq = 1, reserved = 0, ledger_seq = 1,
    on_hand = (SELECT balance FROM movements WHERE lot_id = lots.id)
"""
Row = tuple[str, ...]


@dataclass
class Clinic:
    """The shop, its database, the bank, and the ids of who and what there is, by the model's names."""

    app: Flask
    database: Database
    bank: Bank
    watch: psycopg.Connection[Any]
    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    licence_ids: dict[tuple[str, str], uuid.UUID] = field(default_factory=dict)
    empty: str = ""

    def look(self) -> set[Row]:
        """Every state as the database has it, in one statement."""
        rows = self.watch.execute(LOOK).fetchall()
        return {(row[0], str(row[1]), *row[2:]) for row in rows}

    def begin(self) -> None:
        """Set the shop's clock, and the bank's, to the beginning."""
        self.watch.execute("UPDATE shop_clock SET time_offset = %s - clock_timestamp()", [BEGAN])
        self.bank.travel(BEGAN)

    def travel(self, minutes: int) -> None:
        """Move both on. What the steps themselves take stays on the shop's clock, so that a time of
        exactly so many minutes is over after as many minutes, as in the model.
        """
        on = timedelta(minutes=minutes)
        self.watch.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [on])
        self.bank.travel(self.bank.now + on)

    def forget(self) -> Shop:
        """Nothing has happened yet; and the model of that."""
        self.watch.execute(self.empty)
        self.bank.__init__(BEGAN)  # type: ignore[misc]
        self.begin()
        return Shop(
            homes=HOMES,
            doctor_only=DOCTOR_ONLY,
            lots={
                str(self.ids[f"{variant}{place}"]): machine.Lot(
                    str(self.ids[f"{variant}{place}"]), variant, last, units
                )
                for variant, lots in SHELF.items()
                for place, (units, last) in enumerate(lots)
            },
            licences=dict(LICENCES),
        )

    def act(self, act: Callable[[], Any]) -> tuple[str, Any]:
        """One request: its refusal's code ("" for a success), and what it answered."""
        act_as("system:model")
        try:
            answer = act()
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            return refusal.code, None
        else:
            return "", answer
        finally:
            db.session.remove()

    # Rows

    def person(self, name: str) -> Person:
        return db.session.get_one(Person, self.ids[name])

    def variant(self, name: str) -> Variant:
        return db.session.get_one(Variant, self.ids[name])

    def request(self, r: str) -> ApprovalRequest:
        return db.session.scalars(locked(one(ApprovalRequest, r))).one()  # type: ignore[no-any-return]

    def prescription(self, p: str) -> Prescription:
        return db.session.scalars(locked(one(Prescription, p))).one()  # type: ignore[no-any-return]

    # Verbs, as an edge would call them

    def start(self, client: str, variant: str, quantity: int, state: str) -> str:
        who = self.person(client)
        begun = requesting.start(
            who, self.variant(variant), quantity=quantity, ship_to_state=state, by=who, at=now()
        )
        return str(begun.id)

    def answer(self, r: str, by: str) -> None:
        requesting.answer(self.request(r), ANSWERS, by=self.person(by), at=now())

    def submit(self, r: str, by: str, consent: bool) -> None:
        requesting.submit(self.request(r), consent=consent, by=self.person(by), at=now())

    def withdraw(self, r: str, by: str) -> None:
        requesting.withdraw(self.request(r), by=self.person(by), at=now())

    def claim(self, r: str, by: str) -> None:
        reviewing.claim(self.request(r), by=self.person(by), at=now())

    def release(self, r: str, by: str) -> None:
        reviewing.release(self.request(r), by=self.person(by), at=now())

    def refuse(self, r: str, by: str) -> None:
        reviewing.refuse(
            self.request(r),
            reason=reviewing.RefusalReason.EXAM_REQUIRED,
            message="Come and see us.",
            by=self.person(by),
            at=now(),
        )

    def sign(
        self,
        r: str,
        by: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        fresh: bool,
    ) -> str:
        physician = self.person(by)
        proof = a_fresh_sign_in(physician) if fresh else None
        at = now()
        terms = the_terms(
            quantity_per_fill=quantity,
            fills=fills,
            interval_days=interval,
            valid_until=at.date() + timedelta(days=days - 1),
        )
        signed = signing.sign(self.request(r), terms, by=physician, proof=proof, at=at)
        read_the_leaflet(signed.client, signed.variant)  # the model knows no leaflets
        return str(signed.id)

    def hold(self, p: str, by: str) -> None:
        holding.hold(self.prescription(p), reason="wait", by=self.person(by), at=now())

    def resume(self, p: str, by: str) -> None:
        holding.resume(self.prescription(p), by=self.person(by), at=now())

    def revoke(self, p: str, by: str) -> None:
        signed = db.session.scalars(one(Prescription, p)).one()  # orders are locked before it
        revoking.revoke(signed, reason="no longer", by=self.person(by), at=now())

    def end_licence(self, physician: str, state: str) -> None:
        licence = db.session.get_one(Licence, self.licence_ids[physician, state])
        licences.end(licence, on=now().date(), by=self.person("mona"))

    def move_lot(self, lot: str, to: str) -> None:
        held = db.session.scalars(locked(one(Lot, lot))).one()
        verb: Any = {
            "available": releasing.release,
            "quarantine": releasing.quarantine,
            "on_hold": releasing.hold,
        }[to]
        more = {} if to == "available" else {"reason": "looks odd"}
        verb(held, by=self.person("mona"), at=now(), **more)

    def put(self, client: str, variant: str, quantity: int) -> None:
        cart = carts.cart_of(self.person(client), lock=True)
        carts.put(cart, self.variant(variant), quantity)

    def place(self, client: str, variants: list[str] | None, state: str) -> str:
        who = self.person(client)
        cart = carts.cart_of(who, lock=True)
        skus = None if variants is None else [self.variant(each).sku for each in variants]
        order = checkout.place(
            cart,
            skus=skus,
            address=ADDRESSES[state],
            shipping_method="standard",
            expect_total_cents=None,
            by=who,
            at=now(),
        )
        return str(order.id)

    def order(self, o: str) -> Order:
        return queries.locked_order(uuid.UUID(o))

    def begin_to_pay(self, o: str, by: str) -> str:
        payment = settling.begin(
            self.order(o), by=self.person(by), at=now(), base_url="http://localhost"
        )
        return str(payment.id)

    def cancel(self, o: str) -> None:
        order = self.order(o)
        cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())

    def expire(self, o: str) -> None:
        expiring.expire(self.order(o), at=now())

    def ship(self, o: str, places: list[int] | None) -> None:
        order = self.order(o)
        skus = None if places is None else [order.lines[place].sku for place in places]
        shipping.ship(
            order, skus=skus, carrier="UPS", tracking="1Z", by=self.person("mona"), at=now()
        )

    # What the worker does; these commit as they go

    def send(self, o: str) -> None:
        calls.send_for(uuid.UUID(o), self.bank)

    def follow_end(self, o: str) -> None:
        chasing.order_ended(uuid.UUID(o), self.bank)

    def chase(self, o: str) -> None:
        chasing.overdue_order(uuid.UUID(o), self.bank)

    def reconcile(self, payment: str) -> None:
        for order_id in following.payment(uuid.UUID(payment), self.bank):
            calls.send_for(order_id, self.bank)

    def deliver(self, event: ProviderEvent) -> None:
        """The webhook, and the job it queues; one that came before queues none."""
        new = webhook.remember(event)
        db.session.commit()
        if new:
            webhook.follow(event.id, self.bank)

    def night(self) -> None:
        requests_expiring.expire(at=now())
        lots_expiring.expire(today=now().date())

    # The bank's side

    def pay(self, payment: str, declined: bool) -> None:
        session = db.session.get_one(Payment, uuid.UUID(payment)).provider_session_id
        assert session is not None
        self.bank.pay(session, declined=declined)

    def fail_refund(self, payment: str, key: str) -> None:
        query = one(Refund, payment, Refund.payment_id).where(Refund.request_key == key)
        name = db.session.scalars(query).one().provider_refund_id
        assert name is not None
        self.bank.fail_refund(name)


def one(entity: Any, of: str, column: Any = None) -> sa.Select[Any]:
    """The query for the row whose id (or whose `column`) is this."""
    return sa.select(entity).where((entity.id if column is None else column) == uuid.UUID(of))


ADDRESSES = {
    state: checkout.Address(
        name=HOME.name, line1=HOME.line1, city=HOME.city, state=state, postal_code=HOME.postal_code
    )
    for state in HOMES.values()
}


@contextmanager
def opened(app: Flask, database: Database) -> Iterator[Clinic]:
    """The clinic with its people and its shelf, on an empty database."""
    with (
        ExitStack() as seen,
        app.app_context(),
        psycopg.connect(
            database.url(), autocommit=True, options="-csearch_path=public,jobs"
        ) as watch,
    ):
        sa.event.listen(db.engine, "connect", _plans_are_kept)
        clinic = Clinic(app, database, Bank(BEGAN), watch)
        clinic.begin()
        seen.enter_context(_nevada_asks_no_more_than_california(watch))
        act_as("system:model")
        _peopled(clinic)
        db.session.commit()
        db.session.remove()
        clinic.empty = _emptying(clinic)
        try:
            yield clinic
        finally:
            db.session.remove()


@contextmanager
def _nevada_asks_no_more_than_california(watch: psycopg.Connection[Any]) -> Iterator[None]:
    """The model knows no visits: who was examined how is held by tests of its own."""
    watch.execute(
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE examination_rules"
        " SET modes = like_ca.modes, ends_with_it = false FROM examination_rules AS like_ca"
        " WHERE examination_rules.jurisdiction = 'NV' AND like_ca.jurisdiction = 'CA'; COMMIT"
    )
    in_state = practice.examination_in

    def like_california(state: str, day: date) -> practice.ExaminationRule:
        rule = in_state(state, day)
        if state != "NV":
            return rule
        return replace(rule, modes=in_state("CA", day).modes, ends_with_it=False)

    with patch.object(practice, "examination_in", like_california):
        yield


def _plans_are_kept(connection: psycopg.Connection[Any], _record: object) -> None:
    """The same few hundred statements run thousands of times: each is planned once."""
    connection.prepare_threshold, connection.prepared_max = 1, 1000


def _peopled(clinic: Clinic) -> None:
    today = now().date()
    who = {
        "alice": alice(state=HOMES["alice"]),
        "bob": bob(state=HOMES["bob"]),
        "chen": dr_chen(states=()),
        "ruiz": dr_chen(states=(), name="Dr Ana Ruiz"),
        "mona": mona(),
    }
    for (name, state), until in LICENCES.items():
        licence = a_licence(who[name], state=state, valid_until=today + timedelta(days=until))
        clinic.licence_ids[name, state] = licence.id
    gel = a_product(LegalClass.OTC_DRUG, doctor_only=True)
    a_known_active(gel)
    variants = {
        "cream": a_cream(),
        "gel": a_variant(gel),
        "soap": a_variant(),
    }
    clinic.ids |= {name: row.id for name, row in (who | variants).items()}
    for name, lots in SHELF.items():
        for place, (units, last) in enumerate(lots):
            clinic.ids[f"{name}{place}"] = a_lot(variants[name], units, days=last).id


def _emptying(clinic: Clinic) -> str:
    """The statements that make nothing to have happened, as one."""
    tables = clinic.watch.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname IN ('public', 'jobs') ORDER BY 1"
    ).fetchall()
    gone = [name for (name,) in tables if name.split(".")[1] not in KEPT]
    keep = {"public.events", "public.movements"}
    removed = [f"DELETE FROM {name}" for name in gone if name not in keep]
    return "; ".join(
        [
            "BEGIN",
            "SET LOCAL session_replication_role = replica",
            *removed,
            (
                "DELETE FROM events WHERE seq > 1 OR subject_id NOT IN"
                " (SELECT id FROM lots UNION ALL SELECT id FROM signing_keys)"
            ),
            "DELETE FROM movements WHERE seq > 1",
            LOTS_AS_THEY_CAME,
            "UPDATE licences SET ended_on = NULL, ended_by_id = NULL WHERE ended_on IS NOT NULL",
            "COMMIT",
        ]
    )
