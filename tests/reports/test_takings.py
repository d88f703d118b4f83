"""Takings by the clinic's day, from the provider's movements; and what the provider told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from shop.core.clock import now
from shop.core.db import db
from shop.payments import taking_in, webhook
from shop.payments.gateway import Movement
from shop.payments.models import MoneyMovement
from shop.reports import listening, takings
from shop.tills import counting, paying_out
from tests.payments.test_settling_webhooks import an_event
from tests.people import a_browser, alice, mona, sam
from tests.tills import builders as tills

ZONE = "America/Los_Angeles"
NOON = datetime(2026, 3, 10, 19, 0, tzinfo=UTC)  # in the clinic


def moved(kind: str, amount: int, fee: int = 0, **told: Any) -> Movement:
    at = told.pop("at", NOON)
    facts: dict[str, Any] = {
        "id": f"txn_{kind}_{amount}_{fee}_{at:%d%H%M}",
        "kind": kind,
        "category": kind,
        "source_id": None,
        "intent_id": None,
    }
    return Movement(
        **(facts | told),
        amount_cents=amount,
        fee_cents=fee,
        net_cents=amount - fee,
        created=at,
        available_on=at,
    )


class Account:
    """A provider of which only the account is asked."""

    def __init__(self, *movements: Movement) -> None:
        self.movements = list(movements)
        self.asked_since: list[datetime] = []

    def movements_since(self, since: datetime) -> Iterator[Movement]:
        assert not db.session().in_transaction()
        self.asked_since.append(since)
        return iter([one for one in self.movements if one.created >= since])


def taken_in(*movements: Movement) -> int:
    return taking_in.take_in(Account(*movements), at=now())  # type: ignore[arg-type]


def of_the_month() -> list[dict[str, Any]]:
    begins = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    return takings.by_day(since=begins, until=begins + timedelta(days=31), zone=ZONE).records()


@pytest.fixture
def from_the_beginning(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is asked for everything, as if the first payment were long ago."""
    monkeypatch.setattr(taking_in, "OVERLAP", timedelta(days=3650))


@pytest.mark.usefixtures("from_the_beginning")
def test_a_day_is_the_clinics_and_everything_on_it_adds_up() -> None:
    late = datetime(2026, 3, 11, 6, 59, tzinfo=UTC)  # a minute before the clinic's midnight
    taken_in(
        moved("charge", 4800, 169),
        moved("charge", 1000, 59, at=late),
        moved("refund", -300),
        moved("refund_failure", 300),
        moved("refund", -1000),
        moved("adjustment", -4800, 1500, category="dispute"),
        moved("adjustment", 4800, 0, category="dispute_reversal"),
        moved("adjustment", 7),
        moved("stripe_fee", -50),
        moved("payout", -2000),
        moved("charge", 100, 33, at=late + timedelta(minutes=1)),
    )

    second, first = of_the_month()

    assert first == {
        "day": "2026-03-10",
        "takings_cents": 5800,
        "payments": 2,
        "refunds_cents": -1000,
        "disputes_cents": 0,
        "fees_cents": -(169 + 59 + 1500 + 50),
        "other_cents": 7,
        "net_cents": 5800 - 1000 - 1778 + 7,
        "payouts_cents": 2000,
        "desk_cents": 0,
        "desk_back_cents": 0,
    }
    assert (second["day"], second["takings_cents"], second["net_cents"]) == ("2026-03-11", 100, 67)


def test_what_the_desk_took_is_told_once_its_drawer_was_counted(app: Flask) -> None:
    staff = sam()
    drawer = tills.a_drawer(staff)
    order = tills.taken(staff)
    paying_out.pay_out(tills.waiting(staff), reference=None, by=staff, at=now())

    def today() -> list[dict[str, Any]]:
        since = now() - timedelta(days=1)
        days = takings.by_day(since=since, until=since + timedelta(days=2), zone=ZONE)
        return days.records()

    assert today() == []
    cash = tills.fitting(tills.FLOAT_CENTS + order.due_cents)
    terms = {"terminal_cents": 0, "cheque_cents": 0, "by": staff, "at": now()}
    counting.count(tills.locked(drawer), cash, **terms)
    given = [(day["desk_cents"], day["desk_back_cents"]) for day in today()]
    assert sum(taken for taken, _ in given) + sum(back for _, back in given) == order.due_cents
    assert sum(back for _, back in given) < 0
    assert all(day["net_cents"] == 0 for day in today())


KINDS = st.sampled_from(
    ("charge", "refund", "refund_failure", "adjustment", "stripe_fee", "payout")
)


@pytest.mark.usefixtures("from_the_beginning")
@given(
    st.lists(
        st.tuples(KINDS, st.integers(-(10**6), 10**6), st.integers(0, 900), st.integers(0, 9)),
        max_size=30,
    )
)
def test_no_cent_is_lost_between_the_columns(rows: list[tuple[str, int, int, int]]) -> None:
    told = [
        moved(kind, amount, fee, id=f"txn_{n}", at=NOON + timedelta(days=day))
        for n, (kind, amount, fee, day) in enumerate(rows)
    ]
    savepoint = db.session.begin_nested()
    db.session.add_all(MoneyMovement(**asdict(one)) for one in told)
    db.session.flush()

    days = of_the_month()

    savepoint.rollback()
    parts = ("takings", "refunds", "disputes", "fees", "other")
    for day in days:
        assert day["net_cents"] == sum(day[f"{part}_cents"] for part in parts)
    assert sum(day["net_cents"] - day["payouts_cents"] for day in days) == sum(
        one.net_cents for one in told
    )


@pytest.mark.usefixtures("app")
def test_movements_are_taken_in_once_and_read_again_a_little() -> None:
    account = Account(moved("charge", 4800, 169, at=now()), moved("refund", -1, at=now()))

    assert [taking_in.take_in(account, at=now()) for _ in range(2)] == [2, 0]  # type: ignore[arg-type]

    last = db.session.query(MoneyMovement).order_by(MoneyMovement.created.desc()).first()
    assert last is not None
    assert account.asked_since[1] == last.created - taking_in.OVERLAP
    account.movements.append(moved("charge", 5, at=last.created - timedelta(hours=40)))
    assert taking_in.take_in(account, at=now()) == 1  # type: ignore[arg-type]


@pytest.mark.usefixtures("app")
def test_what_nobody_follows_is_counted() -> None:
    for number, (kind, object_type) in enumerate(
        [("payment_intent.succeeded", "payment_intent")] + [("customer.created", "customer")] * 2
    ):
        webhook.remember(an_event(f"evt_{number}", kind, object_type, f"x_{number}"))
    figures = listening.told(since=now() - timedelta(hours=1), until=now() + timedelta(hours=1))

    assert [row[:4] for row in figures.rows] == [
        ("customer.created", "no", 2, 2),
        ("payment_intent.succeeded", "yes", 1, 1),
    ]
    assert figures.notes[0].startswith("2 events are of types")


def test_the_manager_reads_it_as_page_file_api_and_in_a_shell(live_app: Flask) -> None:
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        taken_in(moved("charge", 4800, 169, at=now()), moved("payout", -100, at=now()))
        manager = a_browser(live_app, mona())
        client = a_browser(live_app, alice())
    row = {"takings_cents": 4800, "fees_cents": -169, "net_cents": 4631, "payouts_cents": 100}

    page = manager.get("/reports/takings").text
    told = manager.get("/api/v1/reports/takings").json["rows"]
    file = manager.get("/reports/takings/table.csv").text
    shell = live_app.test_cli_runner().invoke(args=["takings", "--json"])
    plain = live_app.test_cli_runner().invoke(args=["takings"])
    wrong = live_app.test_cli_runner().invoke(args=["takings", "--since", "yesterday"])

    assert "$48.00" in page
    assert "<svg" in page
    assert "-$1.69" in page
    assert {name: told[0][name] for name in row} == row
    [read] = csv.DictReader(io.StringIO(file, newline=""))
    assert {name: int(read[name]) for name in row} == row
    [said] = json.loads(shell.output)["days"]
    assert {name: said[name] for name in row} == row
    assert "Together: $48.00 taken in 1 payments" in plain.output
    assert (wrong.exit_code, "since" in wrong.output) == (2, True)
    assert client.get("/reports/takings").status_code == 403
