"""The files of procedures and windows: whole, pinned, and a broken row says where it is broken."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from shop.core.rules import Grade, Severity
from shop.treatments import procedures
from shop.treatments.procedures import LIBRARY, Depth, Family, Sign
from shop.treatments.reading import BadRow
from shop.treatments.windows import Action, Conduct, When, WindowRule, rules
from shop.treatments.windows.rules import seed

# The fingerprint of every file that was ever shipped: a change is a new file.
SHIPPED = {
    "procedures_2026-1.json": "8a0ce6776046dbb07c2a07380b14c73f406bdd063d7b2bdc3a571b80959c7fb7",
    "window_rules_2026-1.json": "0381de3197a2aa1c4bf08b0a85635c131b8aaace26772b059a511a1b76c25068",
}


def test_a_file_that_was_shipped_is_never_edited() -> None:
    found = {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in procedures.FOLDER.glob("*.json")
        if path.name.startswith((procedures.PREFIX, rules.PREFIX))
    }
    assert found == SHIPPED


@pytest.mark.parametrize("shelf", [procedures.library, rules.seed])
def test_a_version_that_was_never_shipped_is_not_found(shelf: Callable[[str], Any]) -> None:
    with pytest.raises(KeyError):
        shelf("../../catalog")


# Procedures --------------------------------------------------------------------------------------


def test_the_library_has_what_a_clinic_does() -> None:
    assert set(LIBRARY) == {
        *("facial", "acne_facial", "hydradermabrasion", "microdermabrasion", "dermaplaning"),
        *("mechanical_dermabrasion", "superficial_peel", "medium_peel", "deep_peel"),
        *("microneedling", "rf_microneedling", "ipl_bbl", "vascular_laser", "laser_hair_removal"),
        *("light_fractional", "non_ablative_fractional", "ablative_fractional", "full_ablative"),
        *("botulinum_toxin", "filler", "deoxycholic_acid", "waxing"),
    }
    for code, procedure in LIBRARY.items():
        assert procedure.code == code
        assert procedure.source
        assert procedure.published


def test_downtime_and_signs_are_those_that_were_published() -> None:
    peel = LIBRARY["superficial_peel"]
    assert (peel.family, peel.depth, peel.downtime) == (Family.PEEL, Depth.SUPERFICIAL, (0, 5))
    assert set(peel.signs) == {Sign.REDNESS, Sign.PEELING}
    assert peel.recovered(date(2026, 12, 12)) == (date(2026, 12, 12), date(2026, 12, 17))
    downtimes = {
        code: LIBRARY[code].downtime
        for code in (
            *("facial", "medium_peel", "deep_peel", "microneedling", "rf_microneedling"),
            *("ipl_bbl", "vascular_laser", "light_fractional", "non_ablative_fractional"),
            *("ablative_fractional", "botulinum_toxin", "filler", "deoxycholic_acid"),
        )
    }
    assert downtimes == {
        "facial": (0, 1),
        "medium_peel": (5, 10),
        "deep_peel": (14, 21),
        "microneedling": (1, 3),
        "rf_microneedling": (2, 7),
        "ipl_bbl": (1, 3),
        "vascular_laser": (1, 3),
        "light_fractional": (0, 2),
        "non_ablative_fractional": (3, 7),
        "ablative_fractional": (5, 10),
        "botulinum_toxin": (0, 1),
        "filler": (1, 14),
        "deoxycholic_acid": (3, 5),
    }


def test_the_library_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        LIBRARY["another"] = LIBRARY["facial"]  # type: ignore[index]


PROCEDURE: dict[str, Any] = {
    "code": "facial",
    "name": "Facial",
    "family": "facial",
    "depth": None,
    "areas": ["face"],
    "downtime": [0, 1],
    "signs": ["redness"],
    "ablative": False,
    "published": "None",
    "source": "somebody",
    "grade": "U",
}


def test_a_row_is_a_procedure() -> None:
    assert procedures.read([PROCEDURE])["facial"].grade is Grade.U


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"code": "Gesichts pflege"}, "Gesichts pflege: code: 'Gesichts pflege' is no code"),
        ({"code": ""}, "a row without a code: code: '' is no text."),
        ({"name": None}, "facial: name: None is no text."),
        ({"family": "massage"}, "facial: family: 'massage' is none of facial, exfoliation, peel"),
        ({"depth": "very"}, "facial: depth: 'very' is none of superficial, medium, deep."),
        ({"areas": []}, "facial: areas: names no area."),
        ({"areas": ["face", "face"]}, "facial: areas: names a word twice."),
        ({"areas": "face"}, "facial: areas: 'face' is no list."),
        ({"downtime": [3]}, "facial: downtime: [3] is no range; it is [fewest, most] days."),
        ({"downtime": [3, 1]}, "facial: downtime: [3, 1] ends before it begins."),
        ({"downtime": [0, 999]}, "facial: downtime: 999 is not between 0 and 120."),
        ({"downtime": [0, True]}, "facial: downtime: True is no whole number."),
        ({"signs": ["pain"]}, "facial: signs: 'pain' is none of redness"),
        ({"ablative": "no"}, "facial: ablative: 'no' is neither true nor false."),
        ({"grade": "E"}, "facial: grade: 'E' is none of A, B, C, D, U."),
        ({"colour": "red"}, "facial: colour: is not a column."),
    ],
)
def test_a_broken_procedure_says_where(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRow) as refused:
        procedures.read([PROCEDURE | broken])
    assert str(refused.value).startswith(said)


# Windows -----------------------------------------------------------------------------------------


def rule(number: str) -> WindowRule:
    (found,) = [one for one in seed() if one.number == number]
    return found


def test_every_rule_says_what_was_published_where_and_how_well_it_is_founded() -> None:
    for one in seed():
        assert one.version == 1
        assert one.published
        assert len(one.source) > 20
        assert (one.jurisdiction, one.valid_from) == ("US", date(2026, 1, 1))


def test_a_row_speaks_of_one_procedure_one_subject_and_one_action() -> None:
    """And of two rows about the same only one holds for a client, or they follow each other."""
    seen: dict[tuple[Any, ...], list[WindowRule]] = {}
    for one in seed():
        seen.setdefault((one.procedure, one.subject, one.action, one.when), []).append(one)
    for same in seen.values():
        same.sort(key=lambda one: one.from_day)
        for one, after in itertools.pairwise(same):
            assert one.to_day <= after.from_day, (one.number, after.number)


@pytest.mark.parametrize(
    ("procedure", "from_day", "to_day"),
    [
        ("superficial_peel", -5, 7),
        ("medium_peel", -7, 14),
        ("microneedling", -3, 7),
        ("ipl_bbl", -5, 5),
        ("laser_hair_removal", -5, 5),
        ("non_ablative_fractional", -7, 7),
        ("ablative_fractional", -7, 14),
        ("dermaplaning", -5, 5),
    ],
)
def test_retinoids_and_acids_stop_as_proposed(procedure: str, from_day: int, to_day: int) -> None:
    for subject in ("retinoid", "aha", "bha", "scrub"):
        one = rule(f"WR-{procedure}-{subject}-stop".upper().replace("_", "-"))
        assert (one.from_day, one.to_day, one.when) == (from_day, to_day, When())
        assert one.severity is (Severity.WARN if subject == "scrub" else Severity.SOFT_STOP)


def test_darker_skin_and_melasma_stop_earlier_before_a_deeper_peel() -> None:
    for procedure in ("MEDIUM-PEEL", "DEEP-PEEL"):
        darker = rule(f"WR-{procedure}-RETINOID-STOP-DARKER")
        melasma = rule(f"WR-{procedure}-RETINOID-STOP-MELASMA")
        assert (darker.from_day, darker.when) == (-14, When(fitzpatrick_from=4))
        assert (melasma.from_day, melasma.when) == (-14, When(melasma=True))


def test_isotretinoin_is_taken_as_asds_and_the_label_say() -> None:
    found = {
        one.procedure: (one.severity, one.grade)
        for one in seed()
        if one.subject == Conduct.ISOTRETINOIN
    }
    hard, soft = (Severity.HARD_STOP, Grade.A), (Severity.SOFT_STOP, Grade.B)
    info, warn = (Severity.INFO, Grade.B), (Severity.WARN, Grade.B)
    assert found == {
        "mechanical_dermabrasion": hard,
        "full_ablative": hard,
        **dict.fromkeys(("ablative_fractional", "medium_peel", "deep_peel", "waxing"), soft),
        **dict.fromkeys(("superficial_peel", "non_ablative_fractional", "light_fractional"), info),
        **dict.fromkeys(("vascular_laser", "laser_hair_removal"), info),
        **dict.fromkeys(("microneedling", "rf_microneedling", "ipl_bbl"), warn),
    }


def test_only_guidelines_stop_for_good() -> None:
    hard = [one for one in seed() if one.severity is Severity.HARD_STOP]
    assert hard
    assert {one.grade for one in hard} == {Grade.A}


ROW: dict[str, Any] = {
    "number": "W-1",
    "version": 1,
    "procedure": "superficial_peel",
    "subject": "retinoid",
    "anchor": "start",
    "from_day": -5,
    "to_day": 7,
    "action": "stop",
    "severity": "soft_stop",
    "published": "-3 to -7",
    "grade": "D",
    "source": "somebody",
    "when": {"fitzpatrick_from": 4},
    "valid_from": "2026-01-01",
    "valid_until": None,
    "jurisdiction": "US",
}


def test_a_row_is_a_rule() -> None:
    (one,) = rules.read([ROW])
    assert (one.action, one.severity) == (Action.STOP, Severity.SOFT_STOP)
    assert one.when == When(fitzpatrick_from=4)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"number": " "}, "a row without a number: number: ' ' is no text."),
        ({"version": 0}, "W-1: version: 0 is not between 1 and 10000."),
        ({"procedure": "haircut"}, "W-1: procedure: 'haircut' is no procedure of the library."),
        ({"subject": "tea"}, "W-1: subject: 'tea' is neither a class of active nor a word of"),
        ({"anchor": "middle"}, "W-1: anchor: 'middle' is none of start, end."),
        ({"from_day": 7}, "W-1: to_day 7 is not after from_day 7."),
        ({"from_day": -401}, "W-1: from_day: -401 is not between -400 and 400."),
        ({"from_day": -5.0}, "W-1: from_day: -5.0 is no whole number."),
        ({"action": "pause"}, "W-1: action: 'pause' is none of stop, avoid, require, prime"),
        ({"action": "allow"}, "W-1: allow stops nothing, so it is told: info or warn."),
        (
            {"severity": "SOFT"},
            "W-1: severity: 'SOFT' is none of info, warn, soft_stop, hard_stop.",
        ),
        ({"severity": []}, "W-1: severity: [] is no text."),
        ({"procedure": {}}, "W-1: procedure: {} is no text."),
        ({"subject": []}, "W-1: subject: [] is no text."),
        ({"jurisdiction": []}, "W-1: jurisdiction: [] is no text."),
        ({"when": None}, "W-1: when: None is no condition; it is an object, empty for none."),
        ({"when": {"age": 3}}, "W-1: when: does not know age."),
        ({"when": {"fitzpatrick_from": 7}}, "W-1: when: 7 is not between 1 and 6."),
        (
            {"when": {"melasma": False}},
            "W-1: when: False is not true; leave out what is not asked.",
        ),
        ({"valid_from": "yesterday"}, "W-1: valid_from: Invalid isoformat string"),
        ({"valid_from": 20260101}, "W-1: valid_from: 20260101 is no text."),
        ({"valid_until": "2025-01-01"}, "W-1: valid_until 2025-01-01 is before 2026-01-01."),
        ({"jurisdiction": "XX"}, "W-1: jurisdiction: 'XX' is no USPS code of a state, and not US."),
        ({"owner": "me"}, "W-1: owner: is not a column."),
    ],
)
def test_a_broken_rule_says_where(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRow) as refused:
        rules.read([ROW | broken])
    assert str(refused.value).startswith(said)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(BadRow, match="W-1: source: is missing"):
        rules.read([{name: value for name, value in ROW.items() if name != "source"}])


def test_a_number_stands_once_in_a_file() -> None:
    with pytest.raises(BadRow, match="W-1: number: stands twice"):
        rules.read([ROW, ROW | {"subject": "aha"}])


@pytest.mark.parametrize("row", [None, [], "text", 7])
def test_what_is_no_row_is_refused(row: Any) -> None:
    with pytest.raises(BadRow, match="is no row"):
        rules.read([row])


def test_the_files_say_what_they_are() -> None:
    for path in procedures.FOLDER.glob("*_2026-1.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        assert said["version"] == "2026-1"
        assert "medical" in said["about"]
