"""The run is killed between any two of its steps, and two run at once: nobody is charged twice,
nobody is forgotten.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shop.core.db import act_as, db
from shop.payments import calls
from shop.replenishment import jobs, queries, refilling
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.queries import Share
from shop.replenishment.states import CycleStatus
from tests.at_once import at_once
from tests.invariants import broken
from tests.people import dr_chen
from tests.replenishment.bank import Killed
from tests.replenishment.builders import a_retinoid, an_announced_cream
from tests.replenishment.conftest import Clinic


@contextmanager
def killed_at(commit: int, *, after: bool) -> Iterator[None]:
    """The process ends at its so-manieth commit: before it holds, or just after."""
    counted, commits = itertools.count(1), db.session.commit

    def dying() -> None:
        last = next(counted) == commit
        if last and not after:
            raise Killed
        commits()
        if last:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db.session, "commit", dying)
        yield


def refills(clinic: Clinic, many: int) -> list[AutoRefill]:
    """Announced for a week from now."""

    def announced() -> list[AutoRefill]:
        cream, chen = a_retinoid(), dr_chen()
        return [an_announced_cream(cream, by=chen) for _ in range(many)]

    return clinic.made(announced)


def charged_once_each(clinic: Clinic, those: list[AutoRefill]) -> None:
    ids = [one.id for one in those]
    cycles = db.session.scalars(
        sa.select(RefillCycle)
        .where(RefillCycle.auto_refill_id.in_(ids))
        .execution_options(populate_existing=True)
    ).all()
    assert [one.status for one in cycles] == [CycleStatus.CHARGED] * len(those)
    orders = [one.order for one in cycles if one.order]
    assert [clinic.bank.took(one.number) for one in orders] == [one.total_cents for one in orders]
    assert len(clinic.bank.intents) == len(those)
    with clinic.database.as_role() as connection:
        assert broken(connection) == []


def test_killed_at_any_step_and_started_again(clinic: Clinic) -> None:
    those = refills(clinic, 4)
    clinic.travel(7)
    kills = 0
    db.session.commit()
    for commit, after in itertools.product(range(1, 60), (False, True)):
        with killed_at(commit, after=after):
            try:
                clinic.run()
                break
            except Killed:
                kills += 1
    assert kills > 12
    the_worker_sends_what_was_left(clinic)
    charged_once_each(clinic, those)


def test_killed_while_the_provider_answers(clinic: Clinic) -> None:
    """The money was taken, and nobody heard of it."""
    those = refills(clinic, 1)
    clinic.travel(7)
    with pytest.raises(Killed):
        clinic.run(dies=True)
    assert len(clinic.bank.intents) == 1

    assert clinic.run().charged == 0
    the_worker_sends_what_was_left(clinic)

    charged_once_each(clinic, those)


def the_worker_sends_what_was_left(clinic: Clinic) -> None:
    """As its job does, once the lease of who died is over; then what became of it is followed."""
    with clinic.database.as_role("aftercare_owner") as connection:
        connection.execute(
            "UPDATE shop_clock SET time_offset = time_offset + %s", [timedelta(minutes=2)]
        )
    with clinic.worker.app_context():
        act_as("system:worker")
        calls.send_due(clinic.bank)  # type: ignore[arg-type]
        db.session.remove()
    assert clinic.run().failed == 0


def test_two_workers_at_once(clinic: Clinic) -> None:
    those = refills(clinic, 4)
    clinic.travel(7)
    db.session.commit()

    at_once(clinic.worker, [lambda: jobs.run(clinic.bank) for _ in "ab"])  # type: ignore[arg-type]

    the_worker_sends_what_was_left(clinic)
    charged_once_each(clinic, those)


def test_the_shares_of_a_run_leave_nobody_out(clinic: Clinic) -> None:
    """Each by a worker of its own, at once; whoever is in one share is in no other."""
    those = refills(clinic, 6)
    clinic.travel(7)
    shares = [Share(number, 3) for number in range(3)]
    found = [queries.to_charge(clinic.today, share) for share in shares]
    assert sorted(one for each in found for one in each) == sorted(one.id for one in those)
    db.session.commit()

    runs = [lambda share=share: jobs.run(clinic.bank, share) for share in shares]
    at_once(clinic.worker, runs)

    the_worker_sends_what_was_left(clinic)
    charged_once_each(clinic, those)


def test_who_cannot_be_charged_holds_up_nobody(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug that one meets leaves the others alone."""
    good, bad = refills(clinic, 2)
    clinic.travel(7)
    charge = refilling.refill

    def fails(refill: AutoRefill, supply: Any, **given: Any) -> Any:
        if refill.id == bad.id:
            raise RuntimeError
        return charge(refill, supply, **given)

    monkeypatch.setattr(refilling, "refill", fails)
    assert clinic.run().failed == 1
    assert clinic.run().failed == 1
    charged_once_each(clinic, [good])


def test_a_call_that_cannot_be_sent_holds_up_nobody(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What locks its payment, say, lets go too late: it is sent when its lease is over."""
    those = refills(clinic, 2)
    clinic.travel(7)
    send, asked = calls.send_for, list[Any]()

    def fails_first(order_id: Any, provider: Any) -> Any:
        asked.append(order_id)
        if len(asked) == 1:
            raise sa.exc.OperationalError("SELECT", {}, Exception("lock timeout"))
        return send(order_id, provider)

    monkeypatch.setattr(calls, "send_for", fails_first)
    done = clinic.run()
    assert (done.charged, done.failed, len(clinic.bank.intents)) == (2, 1, 1)
    the_worker_sends_what_was_left(clinic)
    charged_once_each(clinic, those)
