"""Who may do what where: pure, by the rules alone."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.accounts.models import LicenceKind
from shop.core.rules import EVERYWHERE
from shop.treatments import rulebook
from shop.treatments.procedures import LIBRARY
from shop.treatments.reading import BadRow
from shop.treatments.scope import WORDS, ScopeAnswer, ScopeRule, Verdict, may, read
from tests.treatments.rules import A_ROW, TODAY, a_rule

A, S, F = Verdict.ALLOWED, Verdict.NEEDS_SUPERVISION, Verdict.FORBIDDEN
BOOK = read(json.loads(rulebook.SCOPE.read_text(encoding="utf-8"))["rules"])
NEEDLING = LIBRARY["microneedling"]


# The fingerprint of every file that was ever shipped: a change is a new file.
SHIPPED = {
    "scope_rules_2026-1.json": "139d381a0eba1a18d66bf0b1c4c9ce88bf95d049c56583e65e652298e2f57519",
}


def asked(*rules: ScopeRule, **given: Any) -> ScopeAnswer:
    """An esthetician in Nevada asks about microneedling, today and alone."""
    fields: dict[str, Any] = {
        "kind": "esthetician",
        "state": "NV",
        "supervised": False,
        "rules": rules,
        "on": TODAY,
    }
    return may(given.pop("procedure", NEEDLING), **(fields | given))


def by_the_book(code: str, kind: str, state: str, *, supervised: bool = False) -> ScopeAnswer:
    return asked(*BOOK, procedure=LIBRARY[code], kind=kind, state=state, supervised=supervised)


def test_the_states_own_rule_decides_alone() -> None:
    strict = a_rule(jurisdiction=EVERYWHERE, number="SC-US", verdict=F)

    answer = asked(a_rule(verdict=A), strict)

    assert answer.verdict is A
    assert answer.why == "In NV, an esthetician may do microneedling."
    assert [rule.number for rule in answer.rules] == ["SC-TEST"]


def test_where_a_state_has_none_the_countrys_does() -> None:
    answer = asked(a_rule(jurisdiction="US", verdict=F), a_rule(jurisdiction="TX", verdict=A))

    assert answer.verdict is F
    assert answer.why == (
        "In NV, an esthetician may not do microneedling. No rule of NV itself is in force; this is"
        " the default, the strictest."
    )


def test_what_nobody_has_ruled_on_is_not_done() -> None:
    answer = asked(a_rule(licence=LicenceKind.RN), a_rule(procedure="facial"))

    assert (answer.verdict, answer.rules) == (F, ())
    assert answer.why.startswith("No rule in force on 2026-11-27 lets an esthetician")


def test_supervision_is_asked_for_and_named() -> None:
    alone, watched = (asked(a_rule(), supervised=supervised) for supervised in (False, True))

    assert alone.verdict is S
    assert alone.why == (
        "In NV, an esthetician may do, only under supervision, microneedling: a physician is"
        " within call."
    )
    assert watched.verdict is A
    assert watched.why == "In NV, an esthetician may do microneedling: a physician is within call."


def test_supervision_allows_nothing_that_is_forbidden() -> None:
    assert asked(a_rule(verdict=F), supervised=True).verdict is F


def test_without_a_licence_nobody_does_anything() -> None:
    answer = asked(a_rule(verdict=A), kind=None, supervised=True)

    assert (answer.verdict, answer.rules) == (F, ())
    assert answer.why == "Nobody does microneedling in NV without a licence in force there."


def test_a_licence_of_no_known_kind_is_no_licence() -> None:
    assert asked(a_rule(verdict=A), kind="barber", supervised=True).verdict is F


@pytest.mark.parametrize(
    ("day", "verdict"),
    [
        (date(2025, 12, 31), F),
        (date(2026, 1, 1), A),
        (date(2026, 6, 30), A),
        (date(2026, 7, 1), F),
    ],
)
def test_a_rule_counts_on_its_days(day: date, verdict: Verdict) -> None:
    rule = a_rule(verdict=A, valid_from=date(2026, 1, 1), valid_until=date(2026, 7, 1))

    assert asked(rule, on=day).verdict is verdict


# What the shipped book says: state, procedure, licence → alone, supervised.
GOLDEN = {
    "an esthetician needles in Texas": ("TX", "microneedling", "esthetician", F, F),
    "an esthetician needles in Nevada": ("NV", "microneedling", "esthetician", F, F),
    "an advanced esthetician needles in Nevada": (
        *("NV", "microneedling", "advanced_esthetician"),
        *(S, A),
    ),
    "a medium peel in Nevada": ("NV", "medium_peel", "advanced_esthetician", S, A),
    "a laser in Nevada": ("NV", "non_ablative_fractional", "advanced_esthetician", S, A),
    "an ablative laser in Nevada": ("NV", "ablative_fractional", "advanced_esthetician", F, F),
    "dermaplaning in Nevada": ("NV", "dermaplaning", "esthetician", A, A),
    "dermaplaning in California": ("CA", "dermaplaning", "esthetician", A, A),
    "dermaplaning in Texas": ("TX", "dermaplaning", "esthetician", F, F),
    "laser hair removal in California": ("CA", "laser_hair_removal", "esthetician", F, F),
    "laser hair removal in Texas": ("TX", "laser_hair_removal", "esthetician", F, F),
    "light in Washington": ("WA", "ipl_bbl", "esthetician", F, F),
    "light in Washington by a master": ("WA", "ipl_bbl", "advanced_esthetician", S, A),
    "a master needles in Utah": ("UT", "microneedling", "advanced_esthetician", S, A),
    "a nurse needles in New York": ("NY", "microneedling", "RN", F, F),
    "a nurse needles in California": ("CA", "microneedling", "RN", S, A),
    "a nurse injects in Texas": ("TX", "botulinum_toxin", "RN", S, A),
    "an esthetician injects in Washington": ("WA", "filler", "esthetician", F, F),
    "a physician injects where nothing is known": ("WY", "filler", "MD", A, A),
    "a superficial peel where nothing is known": ("WY", "superficial_peel", "esthetician", A, A),
    "an acne facial where nothing is known": ("WY", "acne_facial", "esthetician", A, A),
    "a medium peel where nothing is known": ("WY", "medium_peel", "advanced_esthetician", F, F),
    "light where nothing is known": ("WY", "ipl_bbl", "esthetician", F, F),
    "a deep peel by a nurse practitioner": ("CA", "deep_peel", "NP", F, F),
}


@pytest.mark.parametrize(("state", "code", "kind", "alone", "watched"), GOLDEN.values(), ids=GOLDEN)
def test_the_book_says(state: str, code: str, kind: str, alone: Verdict, watched: Verdict) -> None:
    assert by_the_book(code, kind, state).verdict is alone
    assert by_the_book(code, kind, state, supervised=True).verdict is watched


def test_texas_and_nevada_cite_their_own_rules() -> None:
    texas = by_the_book("microneedling", "esthetician", "TX")
    nevada = by_the_book("microneedling", "advanced_esthetician", "NV")

    assert texas.why == "In TX, an esthetician may not do microneedling."
    assert (texas.rules[0].number, texas.rules[0].version) == ("SC-TX-MICRONEEDLING-ESTHETICIAN", 1)
    assert "TDLR" in texas.rules[0].source
    assert "within 60 miles or 60 minutes" in nevada.why
    assert nevada.rules[0].jurisdiction == "NV"


def test_a_file_that_was_shipped_is_never_edited() -> None:
    found = {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in rulebook.FOLDER.glob("scope_rules_*.json")
    }
    assert found == SHIPPED


def test_the_book_has_a_default_for_every_procedure_and_licence() -> None:
    spoken = {(rule.procedure, rule.licence) for rule in BOOK if rule.jurisdiction == EVERYWHERE}

    assert spoken == set(itertools.product(LIBRARY, LicenceKind))


def test_the_default_lets_an_esthetician_do_what_is_superficial_only() -> None:
    for kind in ("esthetician", "advanced_esthetician"):
        done = {code for code in LIBRARY if by_the_book(code, kind, "WY").verdict is A}
        assert done == {
            *("facial", "acne_facial", "hydradermabrasion", "microdermabrasion"),
            *("superficial_peel", "waxing"),
        }


def test_who_may_do_less_never_may_do_more() -> None:
    """No esthetician may what an advanced one may not, no RN what an NP may not, no NP what an MD."""
    order = [F, S, A]
    for less, more in (
        ("esthetician", "advanced_esthetician"),
        ("RN", "NP"),
        ("RN", "PA"),
        ("NP", "MD"),
        ("PA", "MD"),
    ):
        for state, code in itertools.product(("CA", "NV", "NY", "TX", "UT", "WA", "WY"), LIBRARY):
            little, much = (by_the_book(code, kind, state).verdict for kind in (less, more))
            assert order.index(little) <= order.index(much), (state, code, less, more)


def test_every_row_of_the_book_says_where_from() -> None:
    assert all(len(rule.source) > 20 for rule in BOOK)
    assert {rule.jurisdiction for rule in BOOK} == {"US", "CA", "NV", "NY", "TX", "UT", "WA"}


def test_every_kind_of_licence_has_words() -> None:
    assert set(WORDS) == set(LicenceKind)


RULES = st.builds(
    a_rule,
    number=st.sampled_from(["SC-1", "SC-2", "SC-3"]),
    jurisdiction=st.sampled_from(["US", "NV", "TX"]),
    procedure=st.sampled_from(["microneedling", "facial"]),
    licence=st.sampled_from([LicenceKind.ESTHETICIAN, LicenceKind.RN]),
    verdict=st.sampled_from([A, F]) | st.just(S),
    valid_from=st.dates(TODAY - timedelta(days=3), TODAY + timedelta(days=3)),
    valid_until=st.none() | st.dates(TODAY - timedelta(days=3), TODAY + timedelta(days=3)),
)


@given(rules=st.lists(RULES, max_size=6), data=st.data(), supervised=st.booleans())
def test_the_order_of_the_rules_says_nothing(
    rules: list[ScopeRule], data: st.DataObject, supervised: bool
) -> None:
    numbered = [
        a_rule(**(vars(rule) | {"number": f"SC-{place}"})) for place, rule in enumerate(rules)
    ]
    shuffled = data.draw(st.permutations(numbered))

    first, second = (asked(*some, supervised=supervised) for some in (numbered, shuffled))

    assert first == second
    for rule in first.rules:
        assert rule.jurisdiction in ("NV", "US")
        assert rule.in_force(TODAY)
        assert (rule.procedure, rule.licence) == ("microneedling", "esthetician")
    if not first.rules:
        assert first.verdict is F


@given(rules=st.lists(RULES, max_size=6))
def test_supervision_never_takes_away(rules: list[ScopeRule]) -> None:
    order = [F, S, A]
    alone, watched = (asked(*rules, supervised=some).verdict for some in (False, True))

    assert order.index(alone) <= order.index(watched)
    assert watched is not S


BAD = {
    "no procedure": ({"procedure": "haircut"}, "procedure: 'haircut' is no procedure"),
    "no licence": ({"licence": "barber"}, "licence: 'barber' is none of"),
    "no verdict": ({"verdict": "perhaps"}, "verdict: 'perhaps' is none of"),
    "no state": ({"jurisdiction": "ZZ"}, "jurisdiction: 'ZZ'"),
    "no grade": ({"grade": "E"}, "grade: 'E' is none of"),
    "no source": ({"source": " "}, "source: ' ' is no text"),
    "no day": ({"valid_from": "soon"}, "valid_from: "),
    "no version": ({"version": 0}, "version: 0 is not between"),
    "another column": ({"colour": "red"}, "colour: is not a column"),
    "supervision where none is needed": ({"verdict": "allowed"}, "supervision is described"),
    "no supervision where it is needed": ({"supervision": ""}, "supervision is described"),
}


@pytest.mark.parametrize(("changed", "fault"), BAD.values(), ids=BAD)
def test_a_bad_row_names_itself_and_its_column(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadRow) as refused:
        read([A_ROW | changed])

    assert f"SC-TEST: {fault}" in str(refused.value)


def test_a_row_without_a_column_says_which() -> None:
    with pytest.raises(BadRow, match="SC-TEST: verdict: is missing"):
        read([{name: value for name, value in A_ROW.items() if name != "verdict"}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(column=st.sampled_from(sorted(A_ROW)), value=JSON)
def test_whatever_stands_in_a_cell_is_read_or_refused(column: str, value: Any) -> None:
    try:
        (rule,) = read([A_ROW | {column: value}])
    except BadRow:
        return
    assert isinstance(rule, ScopeRule)
    assert rule.procedure in LIBRARY
