"""Windows of the shipped rules, worked by hand with a calendar on the table.

Each case: sessions, a subject, what is known of the client, and every interval of the subject as
"first day, first day after, action, severity". The clinic is in California.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shop.treatments.windows import Session, calendar
from shop.treatments.windows.rules import seed
from tests.treatments.sessions import KNOWN, PACIFIC, a_session


@dataclass(frozen=True)
class Case:
    sessions: str  # "procedure day [time]", by semicolons
    subject: str
    expected: list[str]
    facts: dict[str, Any] = field(default_factory=dict)


PEEL, MEDIUM, NEEDLES = "superficial_peel", "medium_peel", "microneedling"
DEC = f"{PEEL} 2026-12-12"
MED = f"{MEDIUM} 2026-12-12"
ABLATIVE = "ablative_fractional 2026-09-01"
STOP_7_TO_19 = ["2026-12-07 2026-12-19 stop soft_stop"]
LONGER = ["2026-11-28 2026-12-26 stop soft_stop"]
HAS_COLD_SORES = {"cold_sores": True}


def primed(subject: str, **more: Any) -> dict[str, Any]:
    return {"primed": frozenset({subject})} | more


def isotretinoin(last: str) -> dict[str, Any]:
    return {"isotretinoin_last": date.fromisoformat(last)}


CASES = {
    # A superficial peel on a Saturday in December.
    "peel, retinoid": Case(DEC, "retinoid", STOP_7_TO_19),
    "peel, AHA": Case(DEC, "aha", STOP_7_TO_19),
    "peel, BHA": Case(DEC, "bha", STOP_7_TO_19),
    "peel, scrub": Case(DEC, "scrub", ["2026-12-07 2026-12-19 stop warn"]),
    "peel, benzoyl peroxide": Case(DEC, "benzoyl_peroxide", ["2026-12-09 2026-12-17 stop warn"]),
    "peel, hydroquinone": Case(DEC, "hydroquinone", ["2026-12-09 2026-12-19 stop soft_stop"]),
    "peel, hydroquinone as priming": Case(
        DEC, "hydroquinone", ["2026-12-12 2026-12-19 stop soft_stop"], primed("hydroquinone")
    ),
    "peel, priming of something else": Case(
        DEC, "hydroquinone", ["2026-12-09 2026-12-19 stop soft_stop"], primed("retinoid")
    ),
    "peel, sunscreen": Case(DEC, "spf", ["2026-12-13 2027-01-09 require warn"]),
    "peel, sun": Case(DEC, "sun", ["2026-11-28 2027-01-09 avoid warn"]),
    "peel, wax": Case(DEC, "wax", ["2026-12-05 2026-12-13 avoid warn"]),
    "peel, exercise": Case(DEC, "exercise", ["2026-12-12 2026-12-14 avoid warn"]),
    "peel, other procedures": Case(DEC, "other_procedure", ["2026-11-28 2026-12-13 avoid warn"]),
    "peel, cold sores": Case(
        DEC, "antiviral", ["2026-12-10 2026-12-17 require soft_stop"], HAS_COLD_SORES
    ),
    "peel, no cold sores": Case(DEC, "antiviral", []),
    "peel, cold sores not known": Case(DEC, "antiviral", [], {"cold_sores": None}),
    "peel, type V: no longer stop was published": Case(
        DEC, "retinoid", STOP_7_TO_19, {"fitzpatrick": 5}
    ),
    "peel, isotretinoin in October: both views are shown": Case(
        DEC, "isotretinoin", ["2026-06-12 2026-12-13 stop info"], isotretinoin("2026-10-01")
    ),
    "peel, isotretinoin on the first of 183 days": Case(
        DEC, "isotretinoin", ["2026-06-12 2026-12-13 stop info"], isotretinoin("2026-06-12")
    ),
    "peel, isotretinoin a day earlier": Case(DEC, "isotretinoin", [], isotretinoin("2026-06-11")),
    # A medium peel on the same day.
    "medium, type II": Case(MED, "retinoid", ["2026-12-05 2026-12-26 stop soft_stop"]),
    "medium, type III": Case(
        MED, "retinoid", ["2026-12-05 2026-12-26 stop soft_stop"], {"fitzpatrick": 3}
    ),
    "medium, type IV": Case(MED, "retinoid", LONGER, {"fitzpatrick": 4}),
    "medium, type V": Case(MED, "retinoid", LONGER, {"fitzpatrick": 5}),
    "medium, type V, AHA": Case(MED, "aha", LONGER, {"fitzpatrick": 5}),
    "medium, type V, scrub": Case(
        MED, "scrub", ["2026-11-28 2026-12-26 stop warn"], {"fitzpatrick": 5}
    ),
    "medium, type not known: as the darker": Case(MED, "retinoid", LONGER, {"fitzpatrick": None}),
    "medium, melasma": Case(MED, "retinoid", LONGER, {"melasma": True}),
    "medium, primed with a retinoid": Case(
        MED,
        "retinoid",
        ["2026-10-31 2026-12-05 prime info", "2026-12-05 2026-12-26 stop soft_stop"],
        primed("retinoid"),
    ),
    "medium, primed, type V: the priming ends sooner": Case(
        MED,
        "retinoid",
        ["2026-10-31 2026-11-28 prime info", "2026-11-28 2026-12-26 stop soft_stop"],
        primed("retinoid", fitzpatrick=5),
    ),
    "medium, primed with hydroquinone": Case(
        MED,
        "hydroquinone",
        ["2026-11-14 2026-12-12 prime info", "2026-12-12 2026-12-19 stop soft_stop"],
        primed("hydroquinone"),
    ),
    "medium, sun for three months": Case(
        MED, "sun", ["2026-11-28 2027-01-09 avoid warn", "2027-01-09 2027-03-12 avoid info"]
    ),
    "medium, sunscreen once closed": Case(MED, "spf", ["2026-12-22 2027-01-09 require warn"]),
    "medium, cold sores": Case(
        MED, "antiviral", ["2026-12-10 2026-12-21 require soft_stop"], HAS_COLD_SORES
    ),
    "medium, isotretinoin in November": Case(
        MED, "isotretinoin", ["2026-06-12 2026-12-13 stop soft_stop"], isotretinoin("2026-11-01")
    ),
    "deep, to the end of its downtime": Case(
        "deep_peel 2026-12-12", "retinoid", ["2026-12-05 2027-01-02 stop soft_stop"]
    ),
    # Needles, in July.
    "needles, retinoid": Case(
        f"{NEEDLES} 2026-07-15", "retinoid", ["2026-07-12 2026-07-22 stop soft_stop"]
    ),
    "needles, ibuprofen": Case(
        f"{NEEDLES} 2026-07-15", "nsaid", ["2026-07-12 2026-07-16 avoid warn"]
    ),
    "needles, sauna": Case(f"{NEEDLES} 2026-07-15", "heat", ["2026-07-15 2026-07-17 avoid warn"]),
    "needles, hydroquinone": Case(
        f"{NEEDLES} 2026-07-15", "hydroquinone", ["2026-07-12 2026-07-22 stop soft_stop"]
    ),
    "needles with radio waves, retinoid": Case(
        "rf_microneedling 2026-07-15", "retinoid", ["2026-07-12 2026-07-22 stop soft_stop"]
    ),
    # Light and laser.
    "IPL, retinoid": Case(
        "ipl_bbl 2026-05-20", "retinoid", ["2026-05-15 2026-05-25 stop soft_stop"]
    ),
    "IPL, sun": Case("ipl_bbl 2026-05-20", "sun", ["2026-05-06 2026-06-17 avoid warn"]),
    "IPL, cold sores": Case(
        "ipl_bbl 2026-05-20",
        "antiviral",
        ["2026-05-19 2026-05-25 require soft_stop"],
        HAS_COLD_SORES,
    ),
    "vascular, isotretinoin": Case(
        "vascular_laser 2026-09-01",
        "isotretinoin",
        ["2026-03-02 2026-09-02 stop info"],
        isotretinoin("2026-08-31"),
    ),
    "hair, over the leap day": Case(
        "laser_hair_removal 2028-02-25", "retinoid", ["2028-02-20 2028-03-01 stop soft_stop"]
    ),
    "hair, wax": Case("laser_hair_removal 2028-02-25", "wax", ["2028-01-28 2028-02-26 avoid warn"]),
    "non-ablative, retinoid": Case(
        "non_ablative_fractional 2026-09-01", "retinoid", ["2026-08-25 2026-09-08 stop soft_stop"]
    ),
    "non-ablative, sun for a month before": Case(
        "non_ablative_fractional 2026-09-01",
        "sun",
        ["2026-08-04 2026-08-18 avoid info", "2026-08-18 2026-09-29 avoid warn"],
    ),
    "non-ablative, doxycycline": Case(
        "light_fractional 2026-09-01", "photosensitiser", ["2026-08-25 2026-09-02 avoid warn"]
    ),
    "ablative, retinoid": Case(ABLATIVE, "retinoid", ["2026-08-25 2026-09-15 stop soft_stop"]),
    "ablative, a clinician's release": Case(
        ABLATIVE, "release", ["2026-09-15 2026-09-16 require soft_stop"]
    ),
    "ablative, sunscreen once closed": Case(
        ABLATIVE, "spf", ["2026-09-11 2026-09-29 require warn"]
    ),
    "ablative, other procedures": Case(
        ABLATIVE, "other_procedure", ["2026-08-11 2026-09-02 avoid warn"]
    ),
    "ablative, cold sores": Case(
        ABLATIVE, "antiviral", ["2026-08-29 2026-09-05 require soft_stop"], HAS_COLD_SORES
    ),
    "ablative, isotretinoin in spring": Case(
        ABLATIVE,
        "isotretinoin",
        ["2026-03-02 2026-09-02 stop soft_stop"],
        isotretinoin("2026-05-01"),
    ),
    "full face, isotretinoin on the first of 183 days": Case(
        "full_ablative 2026-09-01",
        "isotretinoin",
        ["2026-03-02 2026-09-02 stop hard_stop"],
        isotretinoin("2026-03-02"),
    ),
    "full face, isotretinoin a day earlier": Case(
        "full_ablative 2026-09-01", "isotretinoin", [], isotretinoin("2026-03-01")
    ),
    "dermabrasion, isotretinoin now": Case(
        "mechanical_dermabrasion 2026-09-01",
        "isotretinoin",
        ["2026-03-02 2026-09-02 stop hard_stop"],
        {"isotretinoin_now": True},
    ),
    "dermabrasion, isotretinoin not known: a physician decides": Case(
        "mechanical_dermabrasion 2026-09-01",
        "isotretinoin",
        ["2026-03-02 2026-09-02 stop soft_stop"],
        {"isotretinoin_now": None},
    ),
    # By hand.
    "dermaplaning, over New Year": Case(
        "dermaplaning 2027-01-03", "retinoid", ["2026-12-29 2027-01-08 stop soft_stop"]
    ),
    "waxing, retinoid": Case("waxing 2027-01-03", "retinoid", ["2026-12-27 2027-01-04 avoid warn"]),
    "waxing, isotretinoin in autumn": Case(
        "waxing 2027-01-03",
        "isotretinoin",
        ["2026-07-04 2027-01-04 stop soft_stop"],
        isotretinoin("2026-10-01"),
    ),
    "a facial asks for nothing": Case("facial 2026-12-12", "retinoid", []),
    # Series.
    "peels two weeks apart": Case(
        f"{DEC}; {PEEL} 2026-12-26",
        "retinoid",
        [*STOP_7_TO_19, "2026-12-21 2027-01-02 stop soft_stop"],
    ),
    "peels a week apart are one stop": Case(
        f"{DEC}; {PEEL} 2026-12-19", "retinoid", ["2026-12-07 2026-12-26 stop soft_stop"]
    ),
    "peels whose stops touch are one stop": Case(
        f"{DEC}; {PEEL} 2026-12-24", "retinoid", ["2026-12-07 2026-12-31 stop soft_stop"]
    ),
    "four peels, three weeks apart": Case(
        "; ".join(
            f"{PEEL} {day}" for day in ("2026-09-05", "2026-09-26", "2026-10-17", "2026-11-07")
        ),
        "retinoid",
        [
            "2026-08-31 2026-09-12 stop soft_stop",
            "2026-09-21 2026-10-03 stop soft_stop",
            "2026-10-12 2026-10-24 stop soft_stop",
            "2026-11-02 2026-11-14 stop soft_stop",
        ],
    ),
    "a superficial peel, then a medium one": Case(
        f"{DEC}; {MEDIUM} 2026-12-20", "retinoid", ["2026-12-07 2027-01-03 stop soft_stop"]
    ),
    "the graver of two about isotretinoin": Case(
        f"{PEEL} 2026-09-01; full_ablative 2026-09-21",
        "isotretinoin",
        [
            "2026-03-02 2026-03-22 stop info",
            "2026-03-22 2026-09-22 stop hard_stop",
        ],
        isotretinoin("2026-08-01"),
    ),
    "a wax between: the stop wins over the caution": Case(
        f"{DEC}; waxing 2026-12-22",
        "retinoid",
        [*STOP_7_TO_19, "2026-12-19 2026-12-23 avoid warn"],
    ),
    "sunscreen over a series": Case(
        f"{DEC}; {NEEDLES} 2026-12-28", "spf", ["2026-12-13 2027-01-25 require warn"]
    ),
    # The clocks change on 8 March and 1 November, at two in the night.
    "over the spring change": Case(
        f"{PEEL} 2026-03-10", "retinoid", ["2026-03-05 2026-03-17 stop soft_stop"]
    ),
    "in the hour that is skipped": Case(
        f"{PEEL} 2026-03-08 02:30", "retinoid", ["2026-03-03 2026-03-15 stop soft_stop"]
    ),
    "over the autumn change": Case(
        f"{PEEL} 2026-11-03", "retinoid", ["2026-10-29 2026-11-10 stop soft_stop"]
    ),
    "in the hour that comes twice": Case(
        f"{NEEDLES} 2026-11-01 01:30", "retinoid", ["2026-10-29 2026-11-08 stop soft_stop"]
    ),
    "in the last half hour of a day, before": Case(f"{DEC} 23:30", "retinoid", STOP_7_TO_19),
    "in the last half hour of a day, after": Case(
        f"{DEC} 23:30", "spf", ["2026-12-14 2027-01-10 require warn"]
    ),
}


def sessions_of(case: Case) -> list[Session]:
    return [
        replace(a_session(*words.split()), key=str(place))
        for place, words in enumerate(case.sessions.split("; "))
    ]


def intervals_of(case: Case, zone: ZoneInfo = PACIFIC) -> list[str]:
    facts = replace(KNOWN, **case.facts)
    found = calendar(sessions_of(case), seed(), facts=facts, zone=zone)
    return [
        f"{one.begins.date()} {one.until.date()} {one.action} {one.severity.word}"
        for one in found.of(case.subject)
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_windows_are_those_worked_by_hand(name: str) -> None:
    assert intervals_of(CASES[name]) == CASES[name].expected


def test_there_are_forty_cases_and_more() -> None:
    assert len(CASES) >= 40


# To the hour -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "begins", "until"),
    [
        # Standard time is 8 hours behind UTC, summer time 7.
        ("2026-03-10", "2026-03-05T08:00", "2026-03-17T07:00"),
        ("2026-11-03", "2026-10-29T07:00", "2026-11-10T08:00"),
        ("2026-12-12", "2026-12-07T08:00", "2026-12-19T08:00"),
        ("2026-07-11", "2026-07-06T07:00", "2026-07-18T07:00"),
    ],
)
def test_a_stop_begins_and_ends_at_midnight_of_the_clinic(
    day: str, begins: str, until: str
) -> None:
    found = calendar([a_session(PEEL, day)], seed(), facts=KNOWN, zone=PACIFIC)

    (stop,) = found.of("retinoid")

    assert stop.begins == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert stop.until == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "begins", "until"),
    [
        ("America/Los_Angeles", "2026-12-07", "2026-12-19"),  # 21:00 on the 12th
        ("Europe/Berlin", "2026-12-08", "2026-12-20"),  # 6:00 on the 13th
        ("Asia/Kolkata", "2026-12-08", "2026-12-20"),  # 10:30
    ],
)
def test_the_day_is_the_clinics(zone: str, begins: str, until: str) -> None:
    starts = datetime(2026, 12, 13, 5, tzinfo=UTC)
    peel = Session("s1", PEEL, starts, starts + timedelta(hours=1))

    found = calendar([peel], seed(), facts=KNOWN, zone=ZoneInfo(zone))

    (stop,) = found.of("retinoid")
    assert (stop.begins.date().isoformat(), stop.until.date().isoformat()) == (begins, until)
    assert (stop.begins.hour, stop.until.hour) == (0, 0)


def test_every_reason_leads_to_its_rule_and_session() -> None:
    numbers = {(rule.number, rule.version) for rule in seed()}
    found = calendar(
        [
            a_session(PEEL, "2026-12-12", key="peel"),
            a_session(NEEDLES, "2026-12-20", key="needles"),
        ],
        seed(),
        facts=KNOWN,
        zone=PACIFIC,
    )
    (stop,) = found.of("retinoid")
    assert [ground.session for ground in stop.because] == ["needles", "peel"]
    assert {(one.number, one.version) for one in stop.because} <= numbers
