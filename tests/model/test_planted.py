"""Bugs planted in the shop, one at a time: the model finds each within one shard.

Those that need a rare turn of events are planted in the soak only, whose shards are longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase

from shop.core.clock import now
from shop.inventory import picking, stock
from shop.orders import ending, paying, revoking
from shop.orders.paying import Outcome
from shop.orders.states import LineStatus
from shop.prescriptions import erring, gate, inquiring, lapsing, requesting, reviewing
from shop.prescriptions.gate import covering
from tests import regime
from tests.model.clinic import Clinic
from tests.model.walk import walk

Plant = Callable[[pytest.MonkeyPatch], None]


def without(patch: pytest.MonkeyPatch, tests: str, name: str) -> None:
    """The gate, but for one of its tests of a prescription."""
    kept = tuple(test for test in getattr(covering, tests) if test.__name__ != name)
    assert len(kept) == len(getattr(covering, tests)) - 1
    patch.setattr(covering, tests, kept)


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
    without(patch, "STANDING", "_held")


def a_lapsed_licence_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    without(patch, "STANDING", "_licence_lapsed")


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


def an_unaccepted_change_is_sold(patch: pytest.MonkeyPatch) -> None:
    without(patch, "STANDING", "_not_accepted")


def what_was_replaced_goes_on_giving(patch: pytest.MonkeyPatch) -> None:
    without(patch, "TAKING", "_succeeded")


def what_was_taken_away_goes_on_giving(patch: pytest.MonkeyPatch) -> None:
    without(patch, "TAKING", "_taken_away")


def the_clock_runs_on_while_a_client_is_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inquiring, "_left", lambda inquiry: inquiry.due_at - now())


def a_reply_reopens_what_is_over(patch: pytest.MonkeyPatch) -> None:
    honest = inquiring._open

    def latest(request: Any, inquiry_id: Any) -> Any:
        return request.inquiries[-1] if request.inquiries else honest(request, inquiry_id)

    patch.setattr(inquiring, "_open", latest)


def who_reports_an_error_confirms_it(patch: pytest.MonkeyPatch) -> None:
    honest = erring.confirm

    def confirm(said: Any, *, by: Any, at: Any) -> Any:
        if by.id != said.reported_by_id:
            return honest(said, by=by, at=at)
        return erring._decide(said, confirmed=True, by=by)

    patch.setattr(erring, "confirm", confirm)


def a_visit_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(requesting.examining, "unmet", lambda request, at: [])


def what_was_replaced_comes_back_with_the_licence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lapsing.superseding, "finish", lambda prescription_id, at: None)


PLANTED: tuple[Plant, ...] = (
    revoking_forgets_paid_lines,
    cancelling_forgets_the_fill,
    the_last_to_expire_goes_first,
    who_reports_an_error_confirms_it,
    the_clock_runs_on_while_a_client_is_asked,
    a_visit_is_not_asked_for,
)
AT_LENGTH: tuple[Plant, ...] = (
    late_money_is_kept,
    an_unaccepted_change_is_sold,
    a_fill_given_back_stays_used,
    a_lapsed_licence_is_overlooked,
    revoking_forgets_to_give_units_back,
    a_hold_is_overlooked,
    a_claim_never_runs_out,
    what_was_replaced_goes_on_giving,
    what_was_taken_away_goes_on_giving,
    a_reply_reopens_what_is_over,
    what_was_replaced_comes_back_with_the_licence,
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
