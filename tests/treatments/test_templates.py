"""The file of templates: whole, cited, of procedures that the library knows."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from shop.treatments import templates
from shop.treatments.errors import PlanRefused
from shop.treatments.procedures import library
from shop.treatments.templates import FOLDER, PREFIX, template_of

PINNED = {"2026-1": "ec8953a2a6614693"}


def test_a_file_that_was_used_is_never_edited() -> None:
    found = {
        path.stem.removeprefix(PREFIX): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in FOLDER.glob(f"{PREFIX}*.json")
    }
    assert found == PINNED


def test_each_says_what_is_done_when_and_why() -> None:
    told = {
        code: (one.lead_days, [(step.procedure, step.day) for step in one.sessions])
        for code, one in templates.templates().items()
    }
    peel, needles = "superficial_peel", "microneedling"
    assert told == {
        "acne_peels": (7, [(peel, 0), (peel, 14), (peel, 28)]),
        "melasma_primed_peels": (28, [(peel, 0), (peel, 28), (peel, 56)]),
        "scar_microneedling": (5, [(needles, 0), (needles, 21), (needles, 42), (needles, 63)]),
    }
    for one in templates.templates().values():
        assert one.why.endswith(".")
        assert len(one.source) > 20
        assert {step.procedure for step in one.sessions} <= set(library())


ROW: dict[str, Any] = {
    "code": "one",
    "name": "One",
    "goal": "One.",
    "lead_days": 0,
    "sessions": [{"procedure": "facial", "area": "face", "day": 0, "minutes": 45}],
    "why": "Because.",
    "source": "A book.",
    "grade": "D",
}
BROKEN = {
    "no such procedure": ([{"procedure": "magic", "area": "face", "day": 0, "minutes": 5}], "magic"),
    "not done there": ([{"procedure": "facial", "area": "legs", "day": 0, "minutes": 5}], "legs"),
    "begins late": ([{"procedure": "facial", "area": "face", "day": 1, "minutes": 5}], "days"),
    "no sessions": ([], "days"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_names_what_is_wrong(case: str) -> None:
    assert templates._template(ROW, "x").version == "x"
    sessions, said = BROKEN[case]
    with pytest.raises(ValueError, match=said):
        templates._template(ROW | {"sessions": sessions}, "x")


def test_what_was_never_shipped_is_refused() -> None:
    with pytest.raises(KeyError):
        templates.templates("1999-1")
    with pytest.raises(PlanRefused) as refused:
        template_of("wishes")
    assert list(refused.value.fields) == ["template"]
