"""Ready, at risk, not ready: each reason of each kind, and that a bad fact never makes it readier."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.rules import Severity
from shop.treatments import readiness
from shop.treatments.course import Course
from shop.treatments.readiness import (
    Booked,
    Care,
    Given,
    Judged,
    Known,
    Readiness,
    Reported,
    Waived,
    judging,
)
from shop.treatments.windows import Action, Option, Way, When
from tests.treatments.sessions import KNOWN, PACIFIC, a_moment, a_rule, a_session

PEEL, DAY = "superficial_peel", "2026-12-12"
NOW = a_moment("2026-11-27", "16:00")
SESSION = a_session(PEEL, DAY, key="peel", told_at=a_moment("2026-11-01"))
STOP = a_rule("retinoid", Action.STOP, -5, 7)  # from 7 to 18 Dec
ANTIVIRAL = a_rule("antiviral", Action.REQUIRE, -2, 5, severity=Severity.SOFT_STOP)
TOOK = When(isotretinoin_days=183)
HARD = a_rule("isotretinoin", Action.STOP, -183, 1, severity=Severity.HARD_STOP, when=TOOK)
CREAM = Care("P-1", "TRET", "Tretinoin cream", "tret", frozenset({"retinoid"}), doctor_only=True)
SOAP = Care("P-1", "SOAP", "Mild soap", "soap")
BAD = Reported("r1", date(2026, 11, 20), 1, Course.OUT_OF_COURSE, waits=True)
WATCHED = replace(BAD, course=Course.WATCHED)
R, N, A = Readiness.READY, Readiness.NOT_READY, Readiness.AT_RISK


def known(**given: Any) -> Known:
    """A peel in two weeks, told in time, of whom everything is known; nothing asked of her."""
    fields: dict[str, Any] = {
        "zone": PACIFIC,
        "sessions": (SESSION,),
        "booked": {"peel": Booked("P-1")},
        "facts": KNOWN,
    }
    return Known(**(fields | given))


def judged(**given: Any) -> Judged:
    at = given.pop("at", NOW)
    return readiness.judge(known(**given), at=at)["peel"]


def given_on(day: str, product: str = "tret", *classes: str) -> Given:
    return Given(product, frozenset(classes or ("retinoid",)), date.fromisoformat(day))


def late(at: str, **given: Any) -> dict[str, Any]:
    return {"sessions": (replace(SESSION, told_at=a_moment(at)),), **given}


CASES: list[tuple[str, dict[str, Any], Readiness, set[str]]] = [
    ("nothing is asked", {}, R, set()),
    ("a stop that she was told of in time", {"rules": (STOP,)}, R, set()),
    # windows
    (
        "booked within a stop, and nobody knows what she uses",
        late("2026-12-10", rules=(STOP,)),
        A,
        {"told_late:retinoid"},
    ),
    (
        "booked within a stop of what she does not use",
        late("2026-12-10", rules=(STOP,), care=(SOAP,)),
        R,
        {"not_dispensed:SOAP"},
    ),
    (
        "given to her within the stop",
        {"rules": (STOP,), "given": (given_on("2026-12-08"),), "at": a_moment("2026-12-09")},
        A,
        {"used:retinoid:2"},
    ),
    (
        "given to her the day before it begins",
        {"rules": (STOP,), "given": (given_on("2026-12-06"),), "at": a_moment("2026-12-09")},
        R,
        set(),
    ),
    (
        "her home care begins it within the stop",
        {
            "rules": (STOP,),
            "care": (replace(CREAM, since=date(2026, 12, 8)),),
            "given": (given_on("2026-11-20"),),
        },
        A,
        {"planned_use:retinoid:TRET"},
    ),
    (
        "her home care ends it the day before the session",
        {
            "rules": (STOP,),
            "care": (replace(CREAM, until=date(2026, 12, 12)),),
            "given": (given_on("2026-11-20"),),
        },
        A,
        {"planned_use:retinoid:TRET"},
    ),
    (
        "her home care goes on with it: it rests by itself",
        {"rules": (STOP,), "care": (CREAM,), "given": (given_on("2026-11-20"),)},
        R,
        {"planned_use:retinoid:TRET"},
    ),
    (
        "one rule requires what another forbids",
        {"rules": (STOP, a_rule("retinoid", Action.REQUIRE, -3, 0)), "care": (SOAP,)},
        A,
        {"conflict:retinoid", "not_dispensed:SOAP"},
    ),
    (
        "another treatment is too near",
        {
            "sessions": (SESSION, a_session("facial", "2026-12-10", key="facial")),
            "rules": (a_rule("other_procedure", Action.STOP, -7, 7),),
        },
        A,
        {"too_near:other_procedure:facial"},
    ),
    (
        "she swallows isotretinoin, and that is a hard stop",
        {"rules": (HARD,), "facts": replace(KNOWN, isotretinoin_now=True)},
        N,
        {"still_used:isotretinoin"},
    ),
    # facts of the chart
    (
        "nobody knows of cold sores",
        {
            "rules": (replace(ANTIVIRAL, when=When(cold_sores=True)),),
            "facts": replace(KNOWN, cold_sores=None),
        },
        N,
        {"not_known:cold_sores"},
    ),
    # dispenses
    ("an antiviral that she has not", {"rules": (ANTIVIRAL,)}, N, {"not_dispensed:antiviral"}),
    (
        "an antiviral that she takes",
        {"rules": (ANTIVIRAL,), "taken": frozenset({"antiviral"})},
        R,
        set(),
    ),
    ("doctor-only and not prescribed", {"care": (CREAM,)}, N, {"not_prescribed:TRET"}),
    (
        "prescribed and not dispensed",
        {"care": (replace(CREAM, prescribed=True),)},
        N,
        {"not_dispensed:TRET"},
    ),
    ("dispensed", {"care": (CREAM,), "given": (given_on("2026-11-20"),)}, R, set()),
    (
        "dispensed too long ago",
        {"care": (CREAM,), "given": (given_on("2026-05-01"),)},
        N,
        {"not_prescribed:TRET"},
    ),
    ("what anybody may buy is told alone", {"care": (SOAP,)}, R, {"not_dispensed:SOAP"}),
    ("of another plan", {"care": (replace(CREAM, plan="P-2"),)}, R, set()),
    ("a step that begins after", {"care": (replace(CREAM, since=date(2026, 12, 12)),)}, R, set()),
    ("a step that is over", {"care": (replace(CREAM, until=date(2026, 11, 27)),)}, R, set()),
    (
        "a step that rests from today to the session",
        {"care": (CREAM,), "rules": (STOP,), "at": a_moment("2026-12-08")},
        R,
        {"planned_use:retinoid:TRET"},
    ),
    # reports
    ("out of course and not answered", {"reports": (BAD,)}, N, {"report_waits:r1"}),
    ("watched and not answered", {"reports": (WATCHED,)}, A, {"report_watched:r1"}),
    (
        "answered, and her last word is out of course",
        {"reports": (replace(BAD, waits=False),)},
        A,
        {"report_bad:r1"},
    ),
    (
        "answered, and she is well since",
        {
            "reports": (
                replace(BAD, waits=False),
                Reported("r2", date(2026, 11, 22), 2, Course.EXPECTED, waits=False),
            )
        },
        R,
        set(),
    ),
    # the plan
    (
        "the plan is on hold",
        {"booked": {"peel": Booked("P-1", waits="The plan is on hold")}},
        N,
        {"plan_waits:P-1"},
    ),
]


@pytest.mark.parametrize(("case"), CASES, ids=[case[0] for case in CASES])
def test_a_session_stands_as_its_facts_say(
    case: tuple[str, dict[str, Any], Readiness, set[str]],
) -> None:
    _, facts, comes_to, names = case
    found = judged(**facts)
    assert {one.name for one in found.findings} == names
    assert found.readiness is comes_to
    assert bool(found.lacking) is (comes_to is not R)
    assert all(one.text for one in found.findings)


def test_a_late_booking_can_be_moved_to_the_first_clean_day_or_waived() -> None:
    found = judged(**late("2026-12-10", rules=(STOP,)))
    assert found.options[0] == Option(Way.MOVE, to=date(2026, 12, 16))
    assert found.options[-1] == Option(Way.WAIVE)
    assert found.todos == ("Leave off retinoids from now on, and tell us when you last used any.",)


# Waivers -----------------------------------------------------------------------------------------

LATE = late("2026-12-10", rules=(STOP, HARD))


def waived(*names: str, **given: Any) -> dict[str, Any]:
    one = Waived(frozenset(names), SESSION.starts, "Dr Chen", a_moment("2026-12-10", "12:00"))
    moved = given.pop("moved_at", None)
    return {"booked": {"peel": Booked("P-1", moved_at=moved, waivers=(replace(one, **given),))}}


def test_what_is_waived_is_shown_by_whom_and_holds_nothing_up() -> None:
    found = judged(**LATE, **waived("told_late:retinoid"))
    assert found.readiness is R
    assert [one.waived and one.waived.by for one in found.findings] == ["Dr Chen"]
    assert (found.lacking, found.todos, found.waivable, found.options) == ((), (), (), ())


@pytest.mark.parametrize(
    "other",
    [
        waived("used:retinoid:2"),
        waived("told_late:retinoid", starts=a_moment(DAY, "11:00")),
        waived("told_late:retinoid", moved_at=a_moment("2026-12-11")),  # away, and back again
    ],
    ids=["of something else", "of another time", "of before it was moved"],
)
def test_a_waiver_waives_what_it_names_at_the_time_it_names(other: dict[str, Any]) -> None:
    assert judged(**LATE, **other).readiness is A


@pytest.mark.parametrize("known_of", [True, None])
def test_nobody_waives_a_hard_stop_also_where_its_fact_is_not_known(known_of: bool | None) -> None:
    facts = replace(KNOWN, isotretinoin_now=known_of)
    (name,) = judged(rules=(HARD,), facts=facts).lacking
    found = judged(rules=(HARD,), facts=facts, **waived(name))
    assert (found.readiness, found.waivable, found.findings[0].waived) == (N, (), None)
    assert Option(Way.WAIVE) not in found.options


def test_nobody_waives_a_report_that_waits_for_a_physician() -> None:
    assert judged(reports=(BAD,), **waived("report_waits:r1")).readiness is N


# The order of what is known, and what is bad -----------------------------------------------------

RECEIVED = given_on("2026-11-20")
BASE = known(
    rules=(STOP, ANTIVIRAL, HARD),
    care=(SOAP, CREAM),
    facts=replace(KNOWN, isotretinoin_now=False),
    given=(RECEIVED,),
    taken=frozenset({"antiviral"}),
)
Worse = Callable[[Known], Known]
WORSE: list[Worse] = [
    lambda one: replace(one, reports=(*one.reports, BAD)),
    lambda one: replace(one, reports=(*one.reports, replace(WATCHED, key="r3"))),
    lambda one: replace(one, reports=(*one.reports, replace(BAD, key="r4", waits=False))),
    lambda one: replace(one, given=(*one.given, given_on("2026-12-08"))),
    # What she rightly received she did not; that something was given in the stop stays.
    lambda one: replace(one, given=tuple(each for each in one.given if each != RECEIVED)),
    lambda one: replace(one, taken=frozenset()),
    lambda one: replace(one, care=(*one.care, replace(CREAM, sku="AZ", product="az"))),
    lambda one: replace(one, care=(*one.care, replace(CREAM, since=date(2026, 12, 9)))),
    lambda one: replace(one, facts=replace(one.facts, isotretinoin_now=True)),
    lambda one: replace(one, facts=replace(one.facts, isotretinoin_now=None)),
    lambda one: replace(one, sessions=(replace(SESSION, told_at=a_moment("2026-12-10")),)),
    lambda one: replace(one, booked={"peel": Booked("P-1", waits="The plan is on hold")}),
]


def _orders_agree(facts: Known, shuffle: random.Random) -> None:
    def mixed(things: Any) -> Any:
        return tuple(shuffle.sample(things, len(things)))

    names = ("sessions", "rules", "care", "given", "reports")
    other = replace(facts, **{name: mixed(getattr(facts, name)) for name in names})
    assert readiness.judge(other, at=NOW) == readiness.judge(facts, at=NOW)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(range(len(WORSE))), max_size=5, unique=True),
    st.sampled_from(WORSE),
    st.integers(0, 14),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter_and_a_bad_fact_never_makes_it_readier(
    before: list[int], one_more: Worse, days: int, shuffle: random.Random
) -> None:
    facts, at = BASE, NOW + timedelta(days=days)
    for number in before:
        facts = WORSE[number](facts)
    _orders_agree(facts, shuffle)
    then = readiness.judge(facts, at=at)["peel"].readiness
    assert readiness.judge(one_more(facts), at=at)["peel"].readiness >= then


def test_the_property_sees_a_pack_that_makes_up_for_being_given_in_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted: whatever was given counts as received, also in the days that ask for none."""
    facts = replace(BASE, given=())
    worse = WORSE[3](facts)
    assert _of(worse) >= _of(facts) is N
    monkeypatch.setattr(judging._One, "_received", lambda self, step: bool(self.known.given))
    assert _of(worse) < _of(facts)


def _of(facts: Known) -> Readiness:
    return readiness.judge(facts, at=NOW)["peel"].readiness
