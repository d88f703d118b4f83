"""The real clinic that the model is held against: the shop's own verbs on a PostgreSQL of its own.

Every act is one request: a session of its own, the verb, one real commit (or, refused, a rollback).
People, variants and lots are made once; between two examples everything else is removed by a
superuser with the triggers off, so that the database stays as small as the model.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from tests.builders import a_cream, a_known_active, a_product, a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot
from tests.model import machine
from tests.model.bank import Bank
from tests.model.trade import Shop
from tests.model.trade_edges import TradeEdges
from tests.people import a_licence, alice, bob, dr_chen, mona, sam

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
    "sites",
    "locations",
    "shop_clock",
    "merchant_permissions",
    "discount_bars",
    "legal_transitions",
    "alembic_version",
    "examination_rules",
    "signing_keys",
    "supervision_rules",
}

# When a physician is due to answer is told in tens of minutes: steps take seconds of their own.
LOOK = f"""
SELECT 'request', id, status, coalesce(claimed_by_id::text, ''),
    coalesce(floor(extract(epoch FROM due_at - '{BEGAN.isoformat()}') / 600)::text, '')
    FROM approval_requests
UNION ALL
SELECT 'examination', client_id, mode, (examined_on - '{BEGAN.date()}')::text, '' FROM examinations
UNION ALL
SELECT 'report', id, prescription_id::text, reported_by_id::text, coalesce(confirmed::text, '')
    FROM error_reports
UNION ALL
SELECT 'prescription', p.id, p.status || ' ' || coalesce(p.held_for, ''),
    (p.fills_allowed - (SELECT count(*) FROM fills f
        WHERE f.prescription_id = p.id AND f.status <> 'released'))::text,
    concat_ws(' ',
        (SELECT 'replaced' FROM supersessions s WHERE s.prescription_id = p.id),
        (SELECT 'taken_away' FROM prescriptions_taken_away t WHERE t.prescription_id = p.id))
    FROM prescriptions p
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
    on_hand = (SELECT balance FROM movements WHERE lot_id = lots.id),
    on_shelf = (SELECT balance FROM movements WHERE lot_id = lots.id)
"""
PLACES_AS_THEY_CAME = """
INSERT INTO holdings (lot_id, location_id, on_hand)
    SELECT lot_id, to_id, to_balance FROM movements
"""
Row = tuple[str, ...]


@dataclass(kw_only=True)
class Clinic(TradeEdges):
    """The shop, its database, the bank, and the ids of who and what there is, by the model's names."""

    app: Flask
    database: Database
    watch: psycopg.Connection[Any]
    empty: str = ""
    first_licences: dict[tuple[str, str], uuid.UUID] = field(default_factory=dict)

    def look(self) -> set[Row]:
        """Every state as the database has it, in one statement."""
        rows = self.watch.execute(LOOK).fetchall()
        return {(row[0], str(row[1]), *row[2:]) for row in rows}

    def set_out(self) -> None:
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
        self.licence_ids = dict(self.first_licences)
        self.bank.__init__(BEGAN)  # type: ignore[misc]
        self.set_out()
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


@contextmanager
def opened(app: Flask, database: Database) -> Iterator[Clinic]:
    """The clinic with its people and its shelf, on an empty database."""
    with (
        app.app_context(),
        psycopg.connect(
            database.url(), autocommit=True, options="-csearch_path=public,jobs"
        ) as watch,
    ):
        sa.event.listen(db.engine, "connect", _plans_are_kept)
        clinic = Clinic(app=app, database=database, bank=Bank(BEGAN), watch=watch)
        clinic.set_out()
        act_as("system:model")
        _peopled(clinic)
        db.session.commit()
        db.session.remove()
        clinic.empty = _emptying(clinic)
        try:
            yield clinic
        finally:
            db.session.remove()


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
        "sam": sam(),
    }
    for (name, state), until in LICENCES.items():
        licence = a_licence(who[name], state=state, valid_until=today + timedelta(days=until))
        clinic.first_licences[name, state] = licence.id
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
    first = ", ".join(f"'{known}'" for known in clinic.first_licences.values())
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
            PLACES_AS_THEY_CAME,
            f"DELETE FROM licences WHERE id NOT IN ({first})",
            "UPDATE licences SET ended_on = NULL, ended_by_id = NULL WHERE ended_on IS NOT NULL",
            "COMMIT",
        ]
    )
