"""The rows of screening: each founded, worded and read with care; files are never edited."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shop.prescriptions.screening import rules as screening_rules
from shop.prescriptions.screening.judging import screen
from shop.prescriptions.screening.rules import CURRENT, FOLDER, PREFIX, read, rules, versions
from tests.prescriptions.screening_cases import DAY, a_product, the_facts

# The fingerprint of every file that was ever shipped: a change is a new file.
SHIPPED = {
    "2026-1": "f3b4f51805abed624e1c49c22e5847e728ac5efafba47fb49c8ba797d7b9c9e1",
    "2026-2": "3c23793aa34d7552ab5c8e3d335e272ce18198627d97a877f3b192b138da91f7",
}
DATASET = Path(__file__).parents[1] / "data" / "compatibility_rules_v1.json"
MEMBERS = {
    "retinoids": "RETINOL",
    "vitamin_c_pure": "ASCORBIC ACID",
    "aha": "GLYCOLIC ACID",
    "bha": "SALICYLIC ACID",
    "benzoyl_peroxide": "BENZOYL PEROXIDE",
    "copper_peptides": "COPPER TRIPEPTIDE-1",
}


def test_a_file_that_was_shipped_is_never_edited() -> None:
    found = {
        version: sha256((FOLDER / f"{PREFIX}{version}.json").read_bytes()).hexdigest()
        for version in versions()
    }
    assert found == SHIPPED
    assert CURRENT in found


def test_a_version_that_was_never_shipped_is_not_found() -> None:
    with pytest.raises(KeyError):
        rules("../models")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.number)
def test_every_row_is_founded_and_worded(rule: screening_rules.Rule) -> None:
    assert rule.number.startswith("SC-")
    assert rule.source.strip()
    assert rule.valid_from <= date(2026, 11, 27)
    for text in (rule.client_text, rule.physician_text):
        assert text.endswith(".")
        assert len(text) <= 160
    words = rule.client_text.lower().split()
    assert not {"she", "her", "client", "patient"} & set(words), "a client is spoken to"


def test_every_kind_is_used() -> None:
    assert {rule.kind for rule in rules()} == set(screening_rules.KINDS)


def test_what_only_educates_stops_nothing() -> None:
    taught = [rule for rule in rules() if rule.source.startswith("skincare-ingredients-dataset")]
    assert {rule.severity.word for rule in taught} == {"info", "warn"}


def test_every_unwanted_pair_of_the_dataset_is_spoken_of() -> None:
    pairs = json.loads(DATASET.read_text(encoding="utf-8"))["rules"]
    unwanted = [pair for pair in pairs if pair["severity"] in ("avoid", "caution")]
    assert len(unwanted) == 9
    for pair in unwanted:
        one, other = a_product(MEMBERS[pair["a"]]), a_product(MEMBERS[pair["b"]])
        hits = screen(the_facts(one, beside=(other,)), rules(), on=DAY)
        assert any(f"{pair['a']} x {pair['b']}: {pair['severity']}" in hit.source for hit in hits)


def a_row(**given: Any) -> dict[str, Any]:
    raw = json.loads((FOLDER / f"{PREFIX}{CURRENT}.json").read_text(encoding="utf-8"))
    row = next(row for row in raw["rules"] if row["number"] == "SC-HYDROQUINONE-AGE")
    return deepcopy(row) | given


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no such kind": ({"kind": "hunch"}, "hunch"),
    "no such severity": ({"severity": "fatal"}, "FATAL"),
    "no such grade": ({"grade": "Z"}, "Z"),
    "no such jurisdiction": ({"jurisdiction": "UK"}, "UK"),
    "no source": ({"source": " "}, "no text"),
    "no client text": ({"client": None}, "no text"),
    "version is a word": ({"version": "one"}, "no count"),
    "version is true": ({"version": True}, "no count"),
    "a day that is none": ({"valid_from": "2026-02-30"}, "day"),
    "unknown is neither": ({"unknown": "maybe"}, "maybe"),
    "declines what a physician may sign": (
        {"severity": "soft_stop", "auto_decline": True},
        "only a hard stop declines",
    ),
    "declines perhaps": ({"auto_decline": "yes"}, "neither true nor false"),
    "a column too many": ({"colour": "red"}, "colour"),
    "a parameter is missing": ({"where": {"years": 13}}, "actives"),
    "a parameter too many": (
        {"where": {"actives": {"classes": ["aha"]}, "years": 1, "tears": 2}},
        "tears",
    ),
    "a class that is none": ({"where": {"actives": {"classes": ["magic"]}, "years": 13}}, "magic"),
    "actives that name nothing": ({"where": {"actives": {}, "years": 13}}, "name no class"),
    "a substance in lower case": (
        {"where": {"actives": {"substances": ["retinol"]}, "years": 13}},
        "upper case",
    ),
    "years below nothing": ({"where": {"actives": {"classes": ["aha"]}, "years": -1}}, "no count"),
    "classes are no list": ({"where": {"actives": {"classes": "aha"}, "years": 1}}, "no list"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_with_its_fault(case: str) -> None:
    changes, fault = BROKEN[case]
    with pytest.raises(ValueError, match=f"SC-HYDROQUINONE-AGE: .*{fault}"):
        read([a_row(**changes)])


def test_a_missing_column_is_named() -> None:
    row = a_row()
    del row["physician"]
    with pytest.raises(ValueError, match="physician"):
        read([row])


def test_a_flag_is_true_or_false() -> None:
    actives = {"classes": ["aha"]}
    where = {"actives": actives, "others": actives, "apart": "no", "leave_on": True}
    with pytest.raises(ValueError, match="neither true nor false"):
        read([a_row(kind="interaction", where=where)])


def test_a_number_stands_once_in_a_file() -> None:
    with pytest.raises(ValueError, match="SC-HYDROQUINONE-AGE: stands twice"):
        read([a_row(), a_row(version=2)])


def test_the_license_of_the_dataset_is_beside_its_rules() -> None:
    text = (FOLDER / "compatibility_rules_LICENSE.txt").read_text(encoding="utf-8")
    assert "MIT License" in text
    assert "Bayram Selim" in text
