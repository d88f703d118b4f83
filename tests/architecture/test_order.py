"""The order of the gate: it names files that are there, and changes nothing but the order."""

from __future__ import annotations

from pathlib import Path

from tests import order

CHECKOUT = Path(__file__).parents[2]


def test_every_file_it_names_is_there() -> None:
    named = {*order.PLACES, *order.TOGETHER}
    assert {file for file in named if not (CHECKOUT / file).is_file()} == set()


def test_files_stay_whole_and_their_tests_in_order() -> None:
    long, short = "tests/demo/test_clinic.py", "tests/accounts/test_access.py"
    given = [f"{short}::b", f"{short}::a", f"{long}::b[x::y]", f"{long}::a"]

    assert sorted(given, key=order.place) == [*given[2:], *given[:2]]
    assert {order.file_of(test) for test in given} == {long, short}
