"""Every kind of difference at the desk, planted past every guard, is found by the reconciler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.payments import queries as payments
from shop.payments import reconciling
from shop.payments.states import Tender
from shop.tills import counting, paying_out
from tests.conftest import Database
from tests.invariants import broken
from tests.people import sam
from tests.tills.builders import FLOAT_CENTS, a_drawer, fitting, locked, on_paper, taken, waiting


@pytest.fixture(scope="module")
def world(live: Database, live_app: Flask) -> dict[str, Any]:
    """An honest day: a drawer with every kind of entry, one that was counted and is off."""
    with live_app.app_context():
        act_as("system:test")
        staff = sam()
        drawer = a_drawer(staff)
        order = taken(staff)
        slip = waiting(staff, on_paper(Tender.TERMINAL))
        refund = waiting(staff)
        paying_out.pay_out(refund, reference=None, by=staff, at=now())
        other = a_drawer()
        counting.count(
            locked(other),
            fitting(FLOAT_CENTS - 1),
            terminal_cents=0,
            cheque_cents=0,
            by=other.opened_by,
            at=now(),
        )
        (payment,) = payments.payments_of(order.id)
        known = {
            "drawer": drawer.id,
            "counted": other.id,
            "payment": payment.id,
            "refund": refund.id,
            "slip": slip.id,
        }
        db.session.commit()
        return known


@pytest.fixture
def superuser(live: Database, world: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Whoever plants: in a transaction that is undone, without triggers, keys and CHECKs."""
    with live.as_role() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        checks = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid::regclass::text IN ('drawers', 'drawer_moves', 'payments', 'refunds')"
        ).fetchall()
        for table, name in checks:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")  # type: ignore[arg-type]
        yield connection
        connection.rollback()


def found(connection: psycopg.Connection[Any]) -> set[str]:
    """The kinds of difference, as of the database's own clock."""
    kinds = set()
    for kind, check in reconciling.CHECKS.items():
        statement = check.replace("%", "%%").replace(":at", "shop_now()")
        if connection.execute(statement, ()).fetchall():  # type: ignore[arg-type]
            kinds.add(kind)
    return kinds


PLANTED: dict[str, tuple[str, set[str]]] = {
    "an entry removed": (
        "DELETE FROM drawer_moves WHERE payment_id = %(payment)s",
        {"tender_is_in_no_drawer", "drawer_does_not_add_up"},
    ),
    "an entry of less": (
        "UPDATE drawer_moves SET cents = cents - 1 WHERE payment_id = %(payment)s",
        {"tender_is_in_no_drawer", "drawer_has_money_of_no_tender", "drawer_does_not_add_up"},
    ),
    "cash made a slip": (
        "UPDATE payments SET tender = 'terminal' WHERE id = %(payment)s",
        {"tender_is_in_no_drawer", "drawer_has_money_of_no_tender"},
    ),
    "a refund said to be paid out": (
        "UPDATE refunds SET status = 'done' WHERE id = %(slip)s",
        {"pay_out_is_not_its_refund"},
    ),
    "a pay-out of a refund that still waits": (
        "UPDATE refunds SET status = 'planned' WHERE id = %(refund)s",
        {"pay_out_is_not_its_refund"},
    ),
    "a sum rewritten": (
        "UPDATE drawer_moves SET balance_cents = balance_cents - 1 WHERE refund_id = %(refund)s",
        {"drawer_does_not_add_up"},
    ),
    "a gap in the numbers": (
        "UPDATE drawer_moves SET seq = seq + 100 WHERE refund_id = %(refund)s",
        {"drawer_does_not_add_up"},
    ),
    "counted against another sum": (
        "UPDATE drawers SET expected_cash_cents = counted_cash_cents WHERE id = %(counted)s",
        {"drawer_was_counted_against_another_sum"},
    ),
    "left open": (
        "UPDATE drawers SET opened_at = opened_at - interval '25 hours' WHERE id = %(drawer)s",
        {"drawer_left_open"},
    ),
    "nobody closes it": (
        "UPDATE drawers SET counted_at = counted_at - interval '25 hours' WHERE id = %(counted)s",
        {"drawer_waits_to_be_closed"},
    ),
}


def test_an_honest_day_has_none(superuser: psycopg.Connection[Any]) -> None:
    assert found(superuser) == set()
    assert broken(superuser) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found(
    planted: str, superuser: psycopg.Connection[Any], world: dict[str, Any]
) -> None:
    statement, kinds = PLANTED[planted]
    assert superuser.execute(statement, world).rowcount == 1  # type: ignore[arg-type]
    assert found(superuser) == kinds


def test_every_kind_of_the_desk_is_planted() -> None:
    ours = {kind for kind in reconciling.CHECKS if "drawer" in kind or "tender" in kind}
    assert ours | {"pay_out_is_not_its_refund"} == set().union(*(k for _, k in PLANTED.values()))
