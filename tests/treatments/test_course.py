"""What a report comes to: every rule on both sides of its edge, and the drawing of the course."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.treatments import course, drawing
from shop.treatments.course import Alarm, Course, Level, Said
from shop.treatments.procedures import library
from tests.treatments.builders import said

DONE = date(2026, 12, 1)
PEEL = library()["medium_peel"]  # 5 to 10 days; redness, swelling, peeling, crusting
FACIAL = library()["facial"]  # to 1 day; redness
SEVERE, MODERATE, MILD, NONE = Level.SEVERE, Level.MODERATE, Level.MILD, Level.NONE
EXPECTED, WATCHED, OUT = Course.EXPECTED, Course.WATCHED, Course.OUT_OF_COURSE

# (procedure, days since, what was said, the rules that fire)
CASES = [
    (PEEL, 0, said(SEVERE, SEVERE, 4), []),
    (PEEL, 9, said(SEVERE, SEVERE), []),
    (PEEL, 10, said(SEVERE), ["severe_after_downtime"]),
    (PEEL, 10, said(NONE, SEVERE), ["severe_after_downtime"]),
    (PEEL, 10, said(MODERATE), ["moderate_after_downtime"]),
    (PEEL, 30, said(MILD, MILD), []),
    (FACIAL, 0, said(SEVERE, SEVERE), []),  # the day itself
    (FACIAL, 1, said(SEVERE), ["severe_after_downtime"]),
    (library()["filler"], 3, said(NONE, MODERATE), ["moderate_after_downtime"]),  # never peels
    (library()["filler"], 3, said(MODERATE), []),
    (PEEL, 1, said(comfort=4), []),
    (PEEL, 1, said(comfort=3), ["uncomfortable"]),
    (PEEL, 1, said(comfort=0), ["uncomfortable"]),
    (PEEL, 0, said(alarms=(Alarm.BLISTERING,)), ["blistering"]),
    (PEEL, 0, said(alarms=(Alarm.SPREADING,)), ["spreading"]),
    (PEEL, 0, said(alarms=(Alarm.FEVER,)), ["fever"]),
    (PEEL, 9, said(alarms=(Alarm.CRUSTING,)), []),
    (PEEL, 10, said(alarms=(Alarm.CRUSTING,)), ["crusting"]),
    (FACIAL, 1, said(alarms=(Alarm.CRUSTING,)), ["crusting"]),
    (PEEL, 12, said(SEVERE, MODERATE, 2), ["severe_after_downtime", "uncomfortable"]),
]


@pytest.mark.parametrize(("procedure", "days", "what", "fired"), CASES)
def test_what_a_report_comes_to(
    procedure: course.Procedure, days: int, what: Said, fired: list[str]
) -> None:
    rules = course.judge(
        what, on=DONE + timedelta(days=days), performed_on=DONE, procedure=procedure
    )
    assert [rule.code for rule in rules] == fired
    worst = OUT if set(fired) - {"moderate_after_downtime"} else WATCHED if fired else EXPECTED
    assert course.outcome(rules) is worst


def test_every_rule_was_worked_and_says_where_it_comes_from() -> None:
    assert {code for *_, fired in CASES for code in fired} == set(course.BY_CODE)
    assert all(rule.text and rule.source and rule.grade for rule in course.RULES)


WORDS = st.builds(
    Said,
    redness=st.sampled_from(Level),
    peeling=st.sampled_from(Level),
    comfort=st.integers(0, 10),
    alarms=st.frozensets(st.sampled_from(Alarm)),
)
GRAVITY = [EXPECTED, WATCHED, OUT]


@given(WORDS, st.sampled_from(sorted(library())), st.integers(0, 60), st.integers(0, 60))
def test_worse_or_longer_never_comes_to_less(what: Said, code: str, days: int, longer: int) -> None:
    procedure = library()[code]

    def weight(one: Said, day: int) -> int:
        on = DONE + timedelta(days=day)
        fired = course.judge(one, on=on, performed_on=DONE, procedure=procedure)
        return GRAVITY.index(course.outcome(fired))

    worse = Said(
        Level(min(3, what.redness + 1)),
        Level(min(3, what.peeling + 1)),
        max(0, what.comfort - 1),
        what.alarms | {Alarm.FEVER},
    )
    assert weight(what, days) <= weight(worse, days)
    assert weight(what, days) <= weight(what, days + longer)


def test_what_is_expected_is_said_of_every_procedure() -> None:
    assert course.expected(PEEL) == (
        "Medium peel: redness, swelling, peeling and crusting may show for 5 to 10 days, then fade."
    )
    for procedure in library().values():
        assert course.expected(procedure).startswith(procedure.name)


# The drawing


def test_the_lines_go_through_what_was_said() -> None:
    told = [(DONE, said(SEVERE, NONE, 0)), (DONE + timedelta(days=10), said(NONE, SEVERE, 10))]
    drawn = drawing.draw(told, performed_on=DONE, procedure=PEEL)
    assert drawn is not None
    assert {line.name: line.dots for line in drawn.lines} == {
        "redness": ((12, 12), (308, 108)),
        "peeling": ((12, 108), (308, 12)),
        "comfort": ((12, 108), (308, 12)),
    }
    assert (drawn.days, drawn.downtime) == (10, 308)
    assert drawn.lines[0].points == "12,12 308,108"


def test_of_a_day_the_last_word_counts_and_nothing_draws_nothing() -> None:
    told = [(DONE, said(SEVERE)), (DONE, said(NONE))]
    drawn = drawing.draw(told, performed_on=DONE, procedure=FACIAL)
    assert drawn is not None
    assert drawn.lines[0].dots == ((12, 108),)
    assert drawn.days == drawing.FEWEST_DAYS
    assert drawing.draw([], performed_on=DONE, procedure=FACIAL) is None
