"""`python -m benchmarks.receiving`: what a delivery of 500 lines takes, verb and commit.

A PostgreSQL of its own with 500 packs, a third of them prescription-only (their units go to
quarantine). Booked are: a delivery of a new lot of each, the same for a purchase order of 500
lines, and 500 lines more into lots that are here. Told are the seconds of each, the best and the
worst of five.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks.importing import fixed_loop, shop
from shop import create_app
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.config import from_environment
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.inventory import receiving
from shop.inventory.receiving import ReceiptLineIn
from shop.purchasing import arriving, drafting, sending, supplying
from shop.purchasing.drafting import Wanted
from tests.builders import a_cream, a_variant
from tests.people import mona, sam

ALLOWED = 5.0  # seconds


def main(arguments: list[str] | None = None) -> int:
    """0 when every delivery is booked within what is allowed."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.receiving", description=__doc__)
    reader.add_argument("--lines", type=int, default=500)
    reader.add_argument("--times", type=int, default=5)
    given = reader.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="aftercare-receiving-") as place,
        shop(Path(place)) as (_, environment),
    ):
        app = create_app(from_environment(environment))
        with app.app_context():
            act_as("system:benchmark")
            packs = [a_variant() if place % 3 else a_cream() for place in range(given.lines)]
            staff, manager = sam(), mona()
            db.session.commit()
            print(f"{given.lines} lines; a fixed loop before: {fixed_loop():.0f} ms", flush=True)
            worst = max(
                _measured("new lots", given.times, lambda n: _receive(packs, f"N{n}", staff)),
                _measured("more of them", given.times, lambda _: _receive(packs, "N0", staff)),
                _measured(
                    "for an order", given.times, lambda n: _arrive(packs, f"P{n}", staff, manager)
                ),
            )
            print(f"a fixed loop after: {fixed_loop():.0f} ms")
            db.session.remove()
            db.engine.dispose()
    return 0 if worst <= ALLOWED else 1


def _measured(title: str, times: int, act: Callable[[int], Callable[[], object]]) -> float:
    """The longest of several, in seconds; what `act` prepares is not counted."""
    taken = []
    for number in range(times):
        booked = act(number)
        db.session.commit()
        began = time.perf_counter()
        booked()
        db.session.commit()
        taken.append(time.perf_counter() - began)
        db.session.expunge_all()
    print(f"{title}: {min(taken):.2f} to {max(taken):.2f} s (asked for: {ALLOWED:.0f})", flush=True)
    return max(taken)


def _lines(packs: Sequence[Variant], lot_number: str) -> list[ReceiptLineIn]:
    expires_on = now().date() + timedelta(days=500)
    return [ReceiptLineIn(pack.sku, lot_number, expires_on, 12) for pack in packs]


def _receive(packs: Sequence[Variant], lot_number: str, by: Person) -> Callable[[], object]:
    lines = _lines(packs, lot_number)
    return lambda: receiving.receive(lines, by=by, at=now(), today=now().date())


def _arrive(
    packs: Sequence[Variant], lot_number: str, by: Person, manager: Person
) -> Callable[[], object]:
    supplier = supplying.add(f"Supplier {lot_number}", lead_days=5, by=manager, at=now())
    wanted = [Wanted(pack.sku, 12, 900) for pack in packs]
    order = drafting.draft(supplier, wanted, by=by, at=now())
    sending.send(order, by=manager, at=now())
    lines = _lines(packs, lot_number)
    return lambda: arriving.arrive(order, lines, by=by, at=now(), today=now().date())


if __name__ == "__main__":
    sys.exit(main())
