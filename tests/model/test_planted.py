"""Bugs planted in the shop, one at a time: the model finds each within one shard.

Those that need a rare turn of events are planted in the soak only, whose shards are longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase

from shop.inventory import picking, stock
from shop.orders import ending, paying, revoking
from shop.orders.paying import Outcome
from shop.orders.states import LineStatus
from shop.prescriptions import gate, reviewing
from shop.prescriptions.gate import covering
from tests import regime
from tests.model.clinic import Clinic
from tests.model.walk import walk

Plant = Callable[[pytest.MonkeyPatch], None]


def revoking_forgets_paid_lines(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(revoking, "_hold", lambda line, order, at: None)


def revoking_forgets_to_give_units_back(patch: pytest.MonkeyPatch) -> None:
    def hold(line: Any, order: Any, at: Any) -> None:
        line.status = LineStatus.ON_HOLD
        revoking.events.record(revoking.Kind.LINE_HELD, line)

    patch.setattr(revoking, "_hold", hold)


def cancelling_forgets_the_fill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ending.filling, "release", lambda fill, at: None)


def late_money_is_kept(patch: pytest.MonkeyPatch) -> None:
    honest = paying.mark_paid

    def mark_paid(order: Any, *, at: Any) -> Outcome:
        outcome = honest(order, at=at)
        return Outcome.PAID if outcome is Outcome.TOO_LATE else outcome

    patch.setattr(paying, "mark_paid", mark_paid)


def a_fill_given_back_stays_used(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gate.Taken, "live", property(lambda taken: True))


def a_hold_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    kept = tuple(test for test in covering.STANDING if test.__name__ != "_held")
    patch.setattr(covering, "STANDING", kept)


def a_lapsed_licence_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    kept = tuple(test for test in covering.STANDING if test.__name__ != "_licence_lapsed")
    patch.setattr(covering, "STANDING", kept)


def a_claim_never_runs_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reviewing, "release_if_run_out", lambda request, at: None)


def the_last_to_expire_goes_first(patch: pytest.MonkeyPatch) -> None:
    honest = picking.pick

    def pick(lots: Any, units: int, **given: Any) -> Any:
        shelf = [lot for lot in lots if picking.fit(lot, today=given["today"])]
        latest = max(shelf, key=lambda lot: lot.expires_on, default=None)
        if latest is not None and latest.free >= units:
            return [picking.Pick(latest, units)]
        return honest(shelf, units, **given)

    patch.setattr(stock, "pick", pick)


PLANTED: tuple[Plant, ...] = (
    revoking_forgets_paid_lines,
    cancelling_forgets_the_fill,
    late_money_is_kept,
    the_last_to_expire_goes_first,
)
AT_LENGTH: tuple[Plant, ...] = (
    a_fill_given_back_stays_used,
    a_lapsed_licence_is_overlooked,
    revoking_forgets_to_give_units_back,
    a_hold_is_overlooked,
    a_claim_never_runs_out,
)


@pytest.mark.parametrize(
    "plant", PLANTED + (AT_LENGTH if regime.SOAK else ()), ids=lambda plant: plant.__name__
)
def test_a_planted_bug_is_found(
    clinic: Clinic, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    counts: Counter[tuple[str, str]] = Counter()
    with pytest.raises(Exception):  # noqa: B017, PT011 - a difference, or the database's own refusal
        walk(
            clinic,
            seed=regime.SEED,
            examples=regime.MODEL_EXAMPLES,
            steps=regime.MODEL_STEPS,
            counts=counts,
            phases=[Phase.generate],
        )
    regime.counted("model, planted bugs", planted=1, found=1, walks=counts["walk", ""])
