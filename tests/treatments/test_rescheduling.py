"""A session is moved: what is told, in words, and what stays as it was."""

from __future__ import annotations

import pytest

from shop.core.rules import Severity
from shop.treatments.windows import (
    Action,
    Calendar,
    Session,
    calendar,
    changes,
    settled,
    wording,
)
from shop.treatments.windows.rules import seed
from tests.treatments.sessions import KNOWN, PACIFIC, a_moment, a_rule, a_session

PEEL = "superficial_peel"
STOP = a_rule("retinoid", Action.STOP, -5, 7)
NEED = a_rule("spf", Action.REQUIRE, 1, 28)


def told(*sessions: Session, rules: tuple[object, ...] = (STOP,)) -> Calendar:
    return calendar(sessions, rules, facts=KNOWN, zone=PACIFIC)  # type: ignore[arg-type]


def peel(day: str, key: str = "peel") -> Session:
    return a_session(PEEL, day, key=key)


# day of the change → new day of a peel that was to be on 12 December → what is said
MOVED = {
    ("2026-12-01", "2026-12-20"): [
        "Retinoids: stop by 15 Dec, from 27 Dec again (before: stop by 7 Dec, from 19 Dec again)."
    ],
    ("2026-12-01", "2026-12-10"): [
        "Retinoids: stop by 5 Dec, from 17 Dec again (before: stop by 7 Dec, from 19 Dec again)."
    ],
    # She has stopped already; nobody says when that began.
    ("2026-12-09", "2026-12-13"): [
        "Retinoids: still stopped, from 20 Dec again (before: still stopped, from 19 Dec again)."
    ],
    ("2026-12-09", "2026-12-20"): [
        "Retinoids: stop by 15 Dec, from 27 Dec again (before: still stopped, from 19 Dec again)."
    ],
    ("2026-12-20", "2026-12-12"): [],
    ("2026-12-09", "2026-12-12"): [],
    ("2026-12-01", "2027-01-04"): [
        "Retinoids: stop by 30 Dec, from 11 Jan 2027 again (before: stop by 7 Dec, from 19 Dec again)."
    ],
}


@pytest.mark.parametrize(("on", "to"), MOVED)
def test_what_is_told_of_a_peel_that_is_moved(on: str, to: str) -> None:
    found = changes(told(peel("2026-12-12")), told(peel(to)), at=a_moment(on))
    assert [wording.changed(one) for one in found] == MOVED[on, to]


def test_a_session_that_is_cancelled_gives_back_what_is_to_come() -> None:
    before = told(peel("2026-12-12"), rules=(STOP, NEED))
    found = changes(before, told(rules=(STOP, NEED)), at=a_moment("2026-12-09"))
    assert [wording.changed(one) for one in found] == [
        "Retinoids: nothing any more (before: still stopped, from 19 Dec again).",
        "Sunscreen: nothing any more (before: needed from 13 Dec to 8 Jan 2027).",
    ]


def test_a_session_more_is_told() -> None:
    before = told(peel("2026-12-12"))
    after = told(peel("2026-12-12"), peel("2026-12-26", "second"))
    found = changes(before, after, at=a_moment("2026-12-01"))
    assert [wording.changed(one) for one in found] == [
        "Retinoids: stop by 21 Dec, from 2 Jan 2027 again."
    ]


def test_of_a_series_only_what_changed_is_told() -> None:
    series = ["2026-09-05", "2026-09-26", "2026-10-17", "2026-11-07"]
    before = told(*(peel(day, str(place)) for place, day in enumerate(series)))
    series[2] = "2026-10-20"
    after = told(*(peel(day, str(place)) for place, day in enumerate(series)))
    found = changes(before, after, at=a_moment("2026-09-10"))
    assert [wording.changed(one) for one in found] == [
        "Retinoids: stop by 15 Oct, from 27 Oct again (before: stop by 12 Oct, from 24 Oct again)."
    ]


def test_the_stop_that_was_told_stays_in_the_settled_calendar() -> None:
    at = a_moment("2026-12-09")
    found = settled(told(peel("2026-12-12")), told(peel("2026-12-20")), at=at)
    assert [(one.begins, one.until) for one in found.of("retinoid")] == [
        (a_moment("2026-12-07", "00:00"), at),
        (a_moment("2026-12-15", "00:00"), a_moment("2026-12-27", "00:00")),
    ]


# One sentence everywhere -------------------------------------------------------------------------


def test_the_sentence_of_a_peel() -> None:
    sessions = [peel("2026-12-12")]
    (stop,) = told(*sessions).intervals
    assert wording.sentence(stop, sessions) == (
        "Superficial peel on 12 Dec: stop by 7 Dec, from 19 Dec again."
    )
    assert wording.titled(stop, sessions) == (
        "Retinoids. Superficial peel on 12 Dec: stop by 7 Dec, from 19 Dec again."
    )


def test_the_sentence_of_a_series_names_the_sessions_that_it_is_about() -> None:
    sessions = [
        peel("2026-12-24", "a"),
        peel("2026-12-31", "b"),
        peel("2027-01-07", "c"),
        a_session("microneedling", "2027-01-13", key="d"),
        peel("2027-03-01", "e"),
    ]
    found = calendar(sessions, seed(), facts=KNOWN, zone=PACIFIC)
    stop = found.of("retinoid")[0]
    assert wording.sentence(stop, sessions) == (
        "Superficial peel on 24 Dec, 31 Dec and 7 Jan 2027, Microneedling on 13 Jan 2027: "
        "stop by 19 Dec, from 20 Jan 2027 again."
    )


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.STOP, "stop by 7 Dec, from 19 Dec again"),
        (Action.AVOID, "avoid from 7 Dec to 18 Dec"),
        (Action.REQUIRE, "needed from 7 Dec to 18 Dec"),
        (Action.PRIME, "use from 7 Dec to 18 Dec, as your physician says"),
        (Action.ALLOW, "may be used from 7 Dec to 18 Dec"),
    ],
)
def test_each_action_has_its_words(action: Action, said: str) -> None:
    rule = a_rule("retinoid", action, -5, 7, severity=Severity.INFO)
    sessions = [peel("2026-12-12")]
    (interval,) = told(*sessions, rules=(rule,)).intervals
    assert wording.sentence(interval, sessions) == f"Superficial peel on 12 Dec: {said}."


def test_nobody_is_told_to_stop_a_medicine_without_asking_a_physician() -> None:
    rule = a_rule("isotretinoin", Action.STOP, -183, 1)
    sessions = [peel("2026-12-12")]
    before = told(rules=(rule,))
    after = told(*sessions, rules=(rule,))
    (stop,) = after.intervals
    (change,) = changes(before, after, at=a_moment("2026-01-01"))
    for said in (wording.sentence(stop, sessions), wording.changed(change)):
        assert said.endswith(
            "stop by 12 Jun, from 13 Dec again. Ask your physician before you change it."
        )
