"""A session at risk says what speaks against it, and which ways out there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from shop.core.rules import Severity
from shop.treatments.windows import (
    Action,
    Code,
    Facts,
    Option,
    Outlook,
    Reason,
    Session,
    Way,
    calendar,
    wording,
)
from shop.treatments.windows.rules import seed
from tests.treatments.sessions import KNOWN, PACIFIC, a_moment, a_rule, a_session

PEEL = "superficial_peel"
RETINOID = replace(KNOWN, uses=frozenset({"retinoid"}))


def outlook(*sessions: Session, facts: Facts = RETINOID, key: str = "") -> Outlook:
    """Of the session with this key, or the only one."""
    found = calendar(sessions, seed(), facts=facts, zone=PACIFIC).sessions
    return next(one for one in found if not key or one.key == key)


def plain(reasons: tuple[Reason, ...]) -> list[tuple[Any, ...]]:
    return [(one.code, one.subject, one.severity, one.since, one.short) for one in reasons]


# Told too late -----------------------------------------------------------------------------------


def test_a_date_that_is_told_in_time_is_no_risk() -> None:
    told = a_moment("2026-12-07", "00:00")  # the stop begins
    found = outlook(a_session(PEEL, "2026-12-12", told_at=told))
    assert (found.at_risk, found.reasons, found.options) == (False, (), ())
    assert found.recovered == (date(2026, 12, 12), date(2026, 12, 17))


def test_a_date_that_is_told_within_the_stop_is_a_risk_with_ways_out() -> None:
    told = a_moment("2026-12-10", "15:00")  # from the 11th she can do without
    found = outlook(a_session(PEEL, "2026-12-12", told_at=told))

    assert found.at_risk
    assert plain(found.reasons) == [
        (Code.TOLD_LATE, "retinoid", Severity.SOFT_STOP, date(2026, 12, 7), 4)
    ]
    assert found.options == (
        Option(Way.MOVE, to=date(2026, 12, 16)),  # 11 + 5
        Option(Way.SKIP, "retinoid", date(2026, 12, 19)),
        Option(Way.WAIVE),
    )


def test_the_day_that_is_proposed_is_free_and_the_one_before_is_not() -> None:
    told = a_moment("2026-12-10", "15:00")
    assert not outlook(a_session(PEEL, "2026-12-16", told_at=told)).at_risk
    assert outlook(a_session(PEEL, "2026-12-15", told_at=told)).at_risk


def test_what_she_does_not_use_she_need_not_have_stopped() -> None:
    told = a_moment("2026-12-10", "15:00")
    peel = a_session(PEEL, "2026-12-12", told_at=told)
    assert not outlook(peel, facts=KNOWN).at_risk
    unknown = outlook(peel, facts=replace(KNOWN, uses=None))
    assert {"retinoid", "aha", "bha", "hydroquinone"} <= {one.subject for one in unknown.reasons}


def test_what_another_session_had_her_stop_already_is_not_late() -> None:
    first = a_session(PEEL, "2026-12-12", key="first")  # stopped from the 7th to the 19th
    told = a_moment("2026-12-17", "09:00")  # the second stop, from the 15th, goes on from there
    assert not outlook(first, a_session(PEEL, "2026-12-20", key="2", told_at=told), key="2").at_risk


def test_of_a_stop_that_another_covers_in_part_the_rest_is_short() -> None:
    first = a_session(PEEL, "2026-12-12", key="first")  # to the 18th
    told = a_moment("2026-12-21", "09:00")
    second = a_session(PEEL, "2026-12-23", key="2", told_at=told)  # from the 18th

    found = outlook(first, second, key="2")

    assert plain(found.reasons) == [
        # The 18th was covered; the 19th, 20th and 21st were not.
        (Code.TOLD_LATE, "retinoid", Severity.SOFT_STOP, date(2026, 12, 18), 3)
    ]
    assert found.options[0] == Option(Way.MOVE, to=date(2026, 12, 27))


def test_a_medicine_that_is_required_beforehand_can_be_late_too() -> None:
    herpes = replace(KNOWN, cold_sores=True)
    peel = a_session(PEEL, "2026-12-12", told_at=a_moment("2026-12-11", "08:00"))

    found = outlook(peel, facts=herpes)

    assert plain(found.reasons) == [
        (Code.TOLD_LATE, "antiviral", Severity.SOFT_STOP, date(2026, 12, 10), 2)
    ]
    assert found.options == (Option(Way.MOVE, to=date(2026, 12, 14)), Option(Way.WAIVE))


# Used --------------------------------------------------------------------------------------------


def test_what_was_used_within_the_stop_is_a_risk() -> None:
    used = replace(RETINOID, last_used={"retinoid": date(2026, 12, 9)})
    found = outlook(a_session(PEEL, "2026-12-12"), facts=used)
    assert plain(found.reasons) == [
        (Code.USED, "retinoid", Severity.SOFT_STOP, date(2026, 12, 7), 3)
    ]
    assert found.options[0] == Option(Way.MOVE, to=date(2026, 12, 15))  # off from the 10th
    before = replace(RETINOID, last_used={"retinoid": date(2026, 12, 6)})
    assert not outlook(a_session(PEEL, "2026-12-12"), facts=before).at_risk


def test_isotretinoin_blocks_full_face_resurfacing_and_nobody_waives_that() -> None:
    facts = replace(KNOWN, isotretinoin_last=date(2026, 6, 1))
    found = outlook(a_session("full_ablative", "2026-09-01"), facts=facts)
    assert plain(found.reasons) == [
        (Code.USED, "isotretinoin", Severity.HARD_STOP, date(2026, 3, 2), 92)
    ]
    assert found.options == (Option(Way.MOVE, to=date(2026, 12, 2)),)  # 184 days after
    moved = outlook(a_session("full_ablative", "2026-12-02"), facts=facts)
    assert not moved.at_risk


def test_isotretinoin_that_is_still_taken_has_no_first_free_day() -> None:
    facts = replace(KNOWN, isotretinoin_now=True)
    found = outlook(a_session("full_ablative", "2026-09-01"), facts=facts)
    assert [(one.code, one.severity) for one in found.reasons] == [
        (Code.STILL_USED, Severity.HARD_STOP)
    ]
    assert found.options == (Option(Way.MOVE, to=None),)


def test_isotretinoin_before_a_superficial_peel_is_told_and_stops_nothing() -> None:
    facts = replace(KNOWN, isotretinoin_now=True)
    found = outlook(a_session(PEEL, "2026-09-01"), facts=facts)
    assert [(one.code, one.severity) for one in found.reasons] == [(Code.STILL_USED, Severity.INFO)]
    assert (found.at_risk, found.options) == (False, ())


# Other procedures, contradictions, facts ---------------------------------------------------------


def test_another_procedure_too_near_is_told_of_both() -> None:
    peel = a_session(PEEL, "2026-12-12", key="peel")
    light = a_session("ipl_bbl", "2026-12-05", key="light")

    near = outlook(peel, light, facts=KNOWN, key="peel")
    other = outlook(peel, light, facts=KNOWN, key="light")

    assert plain(near.reasons) == [
        (Code.TOO_NEAR, "light", Severity.WARN, date(2026, 11, 28), None)
    ]
    assert [(one.code, one.subject) for one in other.reasons] == [(Code.TOO_NEAR, "peel")]
    assert not near.at_risk
    assert near.options == (Option(Way.MOVE, to=date(2026, 12, 20)), Option(Way.WAIVE))
    assert (
        outlook(peel, a_session(PEEL, "2026-12-05", key="s"), facts=KNOWN, key="peel").reasons == ()
    )


def test_a_day_is_proposed_that_is_free_of_other_procedures_too() -> None:
    told = a_moment("2026-12-10", "15:00")
    peel = a_session(PEEL, "2026-12-12", key="peel", told_at=told)
    light = a_session("ipl_bbl", "2026-12-20", key="light")  # not within 14 days before a peel
    found = outlook(peel, light, key="peel")
    # From the 16th on she is ready, and on the 16th to 19th the light would come after the peel;
    # from the 20th on it would lie within the 14 days before.
    assert found.options[0] == Option(Way.MOVE, to=date(2026, 12, 16))
    sooner = a_session("ipl_bbl", "2026-12-11", key="light")
    found = outlook(peel, sooner, key="peel")
    assert found.options[0] == Option(Way.MOVE, to=date(2026, 12, 26))


def test_a_fact_that_nobody_knows_is_asked_for() -> None:
    facts = replace(KNOWN, fitzpatrick=None, cold_sores=None)
    found = outlook(a_session("medium_peel", "2026-12-12"), facts=facts)
    assert [(one.code, one.subject, one.severity) for one in found.reasons] == [
        (Code.NOT_KNOWN, "cold_sores", Severity.SOFT_STOP),
        (Code.NOT_KNOWN, "fitzpatrick", Severity.SOFT_STOP),
    ]
    assert found.options == (
        Option(Way.ASK, "cold_sores"),
        Option(Way.ASK, "fitzpatrick"),
        Option(Way.WAIVE),
    )


def test_what_nobody_knows_is_said_with_the_calendar() -> None:
    """What forbids holds meanwhile, what asks for something waits."""
    facts = replace(KNOWN, fitzpatrick=None, cold_sores=None)
    found = calendar([a_session("medium_peel", "2026-12-12")], seed(), facts=facts, zone=PACIFIC)
    assert {(one.fact, one.applied) for one in found.unknown} == {
        ("cold_sores", False),
        ("fitzpatrick", True),
    }


def test_a_hard_stop_that_rests_on_what_nobody_knows_is_a_soft_one() -> None:
    facts = replace(KNOWN, isotretinoin_now=None)
    found = outlook(a_session("full_ablative", "2026-09-01"), facts=facts)
    assert [(one.code, one.severity) for one in found.reasons] == [
        (Code.NOT_KNOWN, Severity.SOFT_STOP)
    ]
    assert Option(Way.WAIVE) in found.options


def test_rules_of_a_state_hold_there_only() -> None:
    rule = a_rule("retinoid", Action.STOP, -9, 9, jurisdiction="NV")
    peel = a_session(PEEL, "2026-12-12")
    there = calendar([peel], [rule], facts=replace(KNOWN, states=frozenset({"NV"})), zone=PACIFIC)
    assert len(there.intervals) == 1
    assert calendar([peel], [rule], facts=KNOWN, zone=PACIFIC).intervals == ()


def test_the_rule_of_the_sessions_day_is_asked() -> None:
    old = a_rule("retinoid", Action.STOP, -3, 3, valid_until=date(2026, 12, 1))
    new = a_rule("retinoid", Action.STOP, -5, 5, valid_from=date(2026, 12, 1))
    for day, first in (("2026-11-30", 27), ("2026-12-01", 26)):
        found = calendar([a_session(PEEL, day)], [old, new], facts=KNOWN, zone=PACIFIC)
        (stop,) = found.intervals
        assert stop.begins.day == first


# In words ----------------------------------------------------------------------------------------


def test_reasons_and_ways_out_are_said() -> None:
    told = a_moment("2026-12-10", "15:00")
    found = outlook(a_session(PEEL, "2026-12-12", told_at=told))
    assert [wording.against(one, 2026) for one in found.reasons] == [
        "retinoids: asked for from 7 Dec, and told too late (4 days short)"
    ]
    assert [wording.way(one, 2026) for one in found.options] == [
        "move it to 16 Dec or later",
        "leave off retinoids from now on, until 19 Dec",
        "go on, if a physician says so and why",
    ]
