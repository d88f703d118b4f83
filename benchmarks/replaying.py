"""`python -m benchmarks.replaying`: what it takes to say whom a draft rule would have blocked.

A PostgreSQL of its own is filled by the shop's own verbs: requests that were signed, each of a
client of its own, and orders. Printed: seconds for the whole replay, milliseconds for each case,
and how many cases the most that may be asked for (20,000) would take at that rate.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.importing import fixed_loop, shop
from shop import create_app
from shop.catalog.models import LegalClass
from shop.config import from_environment
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.replays import Replay
from shop.orders import replaying as law
from shop.prescriptions.screening import replaying as screening
from tests.catalog.rules import a_serum
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, tretinoin
from tests.prescriptions.test_replaying import a_row

MOST = 20_000


def main(arguments: list[str] | None = None) -> int:
    """0 when the draft said something of every case."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.replaying", description=__doc__)
    reader.add_argument("--cases", type=int, default=1_000)
    given = reader.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="aftercare-replay-") as place,
        shop(Path(place)) as (_cluster, environment),
    ):
        app = create_app(from_environment(environment))
        with app.app_context():
            act_as("system:benchmark")
            _fill(given.cases)
            print(f"{given.cases} cases each; a fixed loop before: {fixed_loop():.0f} ms")
            print("draft | seconds, first | again | ms a case | s for 20,000")
            said = [
                _measured("screening", _screening, given.cases),
                _measured("law", _law, given.cases),
            ]
            print(f"a fixed loop after: {fixed_loop():.0f} ms")
            db.session.remove()
            db.engine.dispose()
    return 0 if all(said) else 1


def _fill(cases: int) -> None:
    chen, cream, serum = dr_chen(), a_formula(tretinoin()), a_serum("2", "ZEPHYRINE")
    a_lot(serum, cases)
    db.session.commit()
    for _ in range(cases):
        client = alice()
        a_prescription(client, cream, by=chen)
        placed(client, {serum: 1})  # commits


def _screening() -> Replay:
    return screening.replay(screening.drafted(a_row()), days=90, most=MOST, at=now())


def _law() -> Replay:
    says = {"active": "ZEPHYRINE", "legal_class": LegalClass.RX}
    return law.replay(law.Draft(says, "US", None), days=90, most=MOST, at=now())


def _measured(title: str, replay: Callable[[], Replay], cases: int) -> bool:
    taken = []
    for _ in range(2):
        db.session.rollback()
        db.session.expunge_all()
        began = time.perf_counter()
        found = replay()
        taken.append(time.perf_counter() - began)
    each = 1000 * taken[-1] / cases
    print(
        f"{title} | {taken[0]:.2f} | {taken[1]:.2f} | {each:.2f} | {each * MOST / 1000:.0f}",
        flush=True,
    )
    return found.cases == len(found.replayed) == cases


if __name__ == "__main__":
    sys.exit(main())
