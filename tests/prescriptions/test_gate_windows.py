"""What holds a pack, drawn at random beside a naive reading, and the mistakes it must see."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.rules import Severity
from shop.prescriptions import gate
from shop.prescriptions.gate import Answer, Facts, Window, Wish, decide, questions, windows
from shop.treatments.windows import Action, Interval
from tests.prescriptions.test_gate import (
    AT,
    CREAM,
    HELD,
    MIDNIGHT,
    SOAP,
    a_prescription,
    a_window,
    the_facts,
)
from tests.treatments.test_windows import World, reckoned, worlds

DAY = timedelta(days=1)


@st.composite
def asked(draw: st.DrawFn) -> tuple[Window, ...]:
    """Of one or two actives, in the order in which they begin; none is over."""
    drawn = draw(
        st.lists(
            st.builds(
                lambda begins, days, severity, stops, subject: a_window(
                    begins,
                    begins + days,
                    severity,
                    stops=stops,
                    subject=subject,
                    rules=((f"WR-{subject}-{begins}", 1),),
                ),
                st.integers(-9, 12),
                st.integers(1, 9),
                st.sampled_from(Severity),
                st.sampled_from([True, True, False]),
                st.sampled_from(["retinoid", "aha"]),
            ),
            max_size=6,
        )
    )
    ahead = [one for one in drawn if one.until > AT]
    return tuple(sorted(ahead, key=lambda one: (one.begins, one.subject)))


@st.composite
def known(draw: st.DrawFn) -> Facts:
    """A pack that a physician answers for, or one that anybody may buy; wished for, or placed."""
    pack = draw(st.sampled_from([CREAM, SOAP]))
    wish = draw(
        st.sampled_from(
            [
                Wish(pack.variant_id, "SKU", 1),
                Wish(pack.variant_id, "SKU", 1, HELD.id, placed=True),
            ]
        )
    )
    fills = (HELD,) if wish.placed else ()
    return the_facts(
        wishes=(wish,),
        prescriptions=(a_prescription(fills=fills),),
        windows={pack.variant_id: draw(asked())},
    )


def naive(facts: Facts) -> date | None:
    """Day by day: the first from today on that no stop covers; None where today is free."""
    (wish,) = facts.wishes
    soft = facts.packs[wish.variant_id].needs_prescription
    stops = [
        one
        for one in facts.windows[wish.variant_id]
        if one.stops and one.severity in (Severity.HARD_STOP, *([Severity.SOFT_STOP] * soft))
    ]
    if wish.placed:
        return None
    moment = AT
    while any(one.begins <= moment < one.until for one in stops):
        moment = MIDNIGHT + DAY * ((moment - MIDNIGHT).days + 1)
    return None if moment == AT else moment.date()


def differs(facts: Facts) -> bool:
    (decision,) = decide(facts)
    free = naive(facts)
    answer = Answer.OPEN if free is None else Answer.HOLD_UNTIL
    return (decision.answer, decision.until) != (answer, free)


@given(known())
@settings(max_examples=500, deadline=None)
def test_a_pack_is_held_until_the_first_day_that_nothing_stops(facts: Facts) -> None:
    assert not differs(facts)


@given(known())
@settings(deadline=None)
def test_a_reason_names_the_rules_that_hold_and_no_other(facts: Facts) -> None:
    (decision,) = decide(facts)
    if decision.open:
        return
    (reason,) = decision.reasons
    named = {one["rule"] for one in reason.facts["rules"]}  # type: ignore[attr-defined]
    stops = [one for each in facts.windows.values() for one in each if one.stops]
    covering = {
        number for one in stops if one.begins.date() < decision.until for number, _ in one.rules
    }
    assert named
    assert named <= covering
    assert reason.text in {one.text for one in stops}


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_of_one_active_it_is_what_the_calendar_says(world: World) -> None:
    """`Calendar.held_until`, which everybody else asks."""
    calendar = reckoned(world)
    for subject in {one.subject for one in calendar.intervals}:
        intervals = calendar.of(subject)
        for moment in [intervals[0].begins, *(one.until - DAY for one in intervals)]:
            stretches = tuple(as_window(one) for one in intervals if moment < one.until)
            held = windows.holding(stretches, moment, least=Severity.SOFT_STOP)
            until = held[-1].until if held else None
            assert until == calendar.held_until(subject, moment)


def as_window(one: Interval) -> Window:
    stops = one.action is Action.STOP
    drawn = a_window(0, 1, one.severity, stops=stops)
    return replace(drawn, begins=one.begins, until=one.until)


# --- mistakes that must be seen ------------------------------------------------------------------


def _first_only(asked: Sequence[Window], at: datetime, *, least: Severity) -> tuple[Window, ...]:
    return windows.holding(asked, at, least=least)[:1]


def _whatever_severity(
    asked: Sequence[Window], at: datetime, *, least: Severity
) -> tuple[Window, ...]:
    return windows.holding(asked, at, least=Severity.INFO)


def _also_avoided(asked: Sequence[Window], at: datetime, *, least: Severity) -> tuple[Window, ...]:
    return tuple(one for one in asked if one.begins <= at and one.severity >= least)


def _what_begins_later(
    asked: Sequence[Window], at: datetime, *, least: Severity
) -> tuple[Window, ...]:
    return windows.holding(asked, at + DAY, least=least)


def _no_question(facts: Facts, wish: Wish) -> None:
    return None


def _placed_too(facts: Facts, wish: Wish) -> Any:
    return questions.treatment_window(facts, Wish(wish.variant_id, wish.sku, wish.quantity))


def asking(question: Callable[..., Any]) -> tuple[Any, ...]:
    return tuple(
        question if one is questions.treatment_window else one for one in questions.QUESTIONS
    )


class _Planted:
    """The pure half of the gate's windows, with one mistake."""

    def __init__(self, holding: Callable[..., Any]) -> None:
        self.holding, self.told = holding, windows.told


DECIDING = "shop.prescriptions.gate.deciding.QUESTIONS"
HOLDING = "shop.prescriptions.gate.questions.windows"
PLANTED: dict[str, tuple[str, Any]] = {
    "nobody asks": (DECIDING, asking(_no_question)),
    "what was placed is held": (DECIDING, asking(_placed_too)),
    "only the first stop counts": (HOLDING, _Planted(_first_only)),
    "a warning holds": (HOLDING, _Planted(_whatever_severity)),
    "what is better avoided holds": (HOLDING, _Planted(_also_avoided)),
    "what begins tomorrow holds today": (HOLDING, _Planted(_what_begins_later)),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_naive_reading_sees(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, wrong = PLANTED[mistake]
    monkeypatch.setattr(where, wrong)

    seen = hypothesis.find(
        known(),
        differs,
        settings=settings(
            max_examples=2_000, database=None, phases=[hypothesis.Phase.generate], deadline=None
        ),
        random=random.Random(7),
    )

    assert differs(seen)


def test_the_planted_question_is_one_of_the_gates() -> None:
    assert questions.treatment_window in gate.QUESTIONS
    assert asking(_no_question) != questions.QUESTIONS
