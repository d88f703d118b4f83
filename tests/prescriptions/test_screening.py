"""Screening: worked cases, what holds for all facts, and what a signature asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.catalog.models import ActiveClass
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.core.rules import Severity
from shop.prescriptions.screening.facts import (
    Action,
    Active,
    Allergy,
    Client,
    Dispensed,
    Facts,
    Isotretinoin,
    Product,
    Slot,
    Taking,
    Window,
)
from shop.prescriptions.screening.judging import (
    UNKNOWN,
    Hit,
    may_be_signed,
    screen,
    unresolved,
    worst,
)
from shop.prescriptions.screening.rules import Rule, rules
from tests.prescriptions.screening_cases import (
    DAY,
    FIRES,
    HQ_SULFITE,
    KNOWN,
    SPARES,
    a_product,
    a_window,
    allergic,
    an_active,
    in_the,
    status,
    the_facts,
)

REASON = "Discussed with her on the phone."


def screened(facts: Facts, *, on: date = DAY) -> tuple[Hit, ...]:
    return screen(facts, rules(), on=on)


def told(hits: tuple[Hit, ...]) -> dict[str, str]:
    """Rule without its SC- → the worst that it said."""
    said: dict[str, Severity] = {}
    for hit in hits:
        number = hit.rule.removeprefix("SC-")
        said[number] = max(hit.severity, said.get(number, hit.severity))
    return {number: severity.word for number, severity in said.items()}


# --- cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", FIRES)
def test_a_case_sets_off_exactly_its_rules(case: str) -> None:
    facts, expected = FIRES[case]
    assert told(screened(facts)) == expected


@pytest.mark.parametrize("case", SPARES)
def test_a_near_miss_sets_off_nothing_of_the_rule(case: str) -> None:
    number, facts = SPARES[case]
    assert number not in told(screened(facts))


def test_every_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    numbers = {rule.number.removeprefix("SC-") for rule in rules()}
    fired = {number for _facts, expected in FIRES.values() for number in expected}
    spared = {number for number, _facts in SPARES.values()}
    assert (numbers - fired, numbers - spared) == (set(), set())


def test_every_rule_that_asks_has_a_case_in_which_nobody_knows() -> None:
    asked = {hit.rule for facts, _ in FIRES.values() for hit in screened(facts) if hit.unknown}
    nobody = the_facts(
        *(a_product(name, actives=(an_active(name),), complete=False) for name in KNOWN),
        pregnancy=None,
        birth_date=None,
        has_not=frozenset(),
        allergies=None,
        medicines=None,
        isotretinoin=None,
        dispensed=None,
    )
    asked |= {hit.rule for hit in screened(nobody) if hit.unknown}
    assert {rule.number for rule in rules() if rule.asks} == asked


def test_what_is_not_known_is_said_and_may_be_overridden() -> None:
    (hit,) = screened(the_facts("TAZAROTENE", pregnancy=None))
    assert (hit.unknown, hit.severity) == ("pregnancy", Severity.SOFT_STOP)
    assert hit.client_text == UNKNOWN["pregnancy"][0]
    assert hit.physician_text.startswith("Pregnancy is not known")


def test_a_hit_says_what_fired_it_and_where_it_is_from() -> None:
    (hit,) = screened(the_facts("TAZAROTENE", **status("pregnant")))
    assert hit.fired_by == ("TAZAROTENE in Tazarotene", "pregnancy: pregnant, said on 2026-11-27")
    assert (hit.rule, hit.version, hit.grade) == ("SC-TAZAROTENE-PREGNANCY", 2, "B")
    assert "JCAD 2020;13(9):E59" in hit.source
    assert hit.about == ("TAZAROTENE",)


def test_a_course_names_its_brands_and_days() -> None:
    facts, _ = FIRES["three months over two brands"]
    cap = next(hit for hit in screened(facts) if hit.rule == "SC-HYDROQUINONE-COURSE-CAP")
    assert cap.fired_by[1:] == (
        "course: 90 days used, 1 asked for",
        "dispensed: Brand 0",
        "dispensed: Brand 1",
    )


def test_a_stop_window_holds_until_the_last_of_those_that_meet() -> None:
    meeting = (a_window("stop", -2, 3), a_window("stop", 3, 9), a_window("stop", 12, 20))
    (stop, ahead, also) = screened(the_facts("TRETINOIN", windows=meeting))
    assert stop.until == DAY + timedelta(days=9)
    assert [ahead.rule, also.rule] == ["SC-WINDOW-AHEAD", "SC-WINDOW-AHEAD"]


def test_a_rule_holds_in_its_jurisdiction_between_its_days() -> None:
    facts = the_facts("TAZAROTENE", states=frozenset({"NV"}), **status("pregnant"))
    (rule,) = (rule for rule in rules() if rule.number == "SC-TAZAROTENE-PREGNANCY")
    begins = replace(rule, valid_from=DAY, valid_until=DAY + timedelta(days=1))

    assert [len(screen(facts, [begins], on=DAY + timedelta(days=at))) for at in (-1, 0, 1)] == [
        0,
        1,
        0,
    ]
    assert screen(facts, [replace(rule, jurisdiction="NV")], on=DAY)
    assert not screen(facts, [replace(rule, jurisdiction="CA")], on=DAY)


def test_nothing_of_a_long_text_but_its_beginning_is_repeated() -> None:
    hits = screened(the_facts("NIACINAMIDE", **allergic("soap " * 400)))
    assert all(len(fired) < 140 for hit in hits for fired in hit.fired_by)


# --- signing -------------------------------------------------------------------------------------

HARD_HITS = screened(the_facts("HYDROQUINONE", **status("pregnant")))
SOFT_HITS = screened(the_facts("TRETINOIN", **status("pregnant")))
MILD_HITS = screened(the_facts("TRETINOIN", beside=(a_product("GLYCOLIC ACID"),)))
SOFT, HARD = "SC-RETINOID-PREGNANCY", "SC-HYDROQUINONE-PREGNANCY"

OVERRIDES: dict[str, tuple[tuple[Hit, ...], dict[str, str], dict[str, str]]] = {
    "no hits": ((), {}, {}),
    "only mild ones": (MILD_HITS, {}, {}),
    "a mild one with a remark": (MILD_HITS, {"SC-RETINOID-AHA": REASON}, {}),
    "a soft stop without a reason": (SOFT_HITS, {}, {SOFT: "Say why"}),
    "a soft stop with a short reason": (SOFT_HITS, {SOFT: "fine by me"}, {SOFT: "at least 10"}),
    "a soft stop with dots": (SOFT_HITS, {SOFT: "." * 40}, {SOFT: "at least 10"}),
    "a soft stop with ten letters": (SOFT_HITS, {SOFT: "discussed it"}, {}),
    "a hard stop": (HARD_HITS, {}, {HARD: "Nobody may"}),
    "a hard stop with a reason": (HARD_HITS, {HARD: REASON}, {HARD: "Nobody may"}),
    "a rule that did not fire": (SOFT_HITS, {SOFT: REASON, HARD: REASON}, {HARD: "did not fire"}),
    "a rule that never was": ((), {"SC-NONSENSE": REASON}, {"SC-NONSENSE": "did not fire"}),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_a_signature_needs_its_reasons(case: str) -> None:
    hits, overrides, expected = OVERRIDES[case]
    found = unresolved(hits, overrides)
    assert set(found) == {f"overrides.{rule}" for rule in expected}
    assert all(text in found[f"overrides.{rule}"][0] for rule, text in expected.items())
    assert may_be_signed(hits, overrides) is not expected or not expected
    assert may_be_signed(hits, overrides) == (expected == {})


def test_the_worst_of_a_rule_decides_what_may_be_overridden() -> None:
    listed = a_product("NIACINAMIDE", key="listed", complete=False)
    facts = the_facts(listed, "NIACINAMIDE", **allergic("zinc", "AQUA"))
    holds = replace(facts, candidates=(listed, replace(HQ_SULFITE, complete=True)))
    assert {hit.severity for hit in screened(holds) if hit.rule == "SC-ALLERGY"} == {
        Severity.HARD_STOP
    }
    bare = replace(listed, ingredients=frozenset())
    both = screened(replace(facts, candidates=(bare, a_product("NIACINAMIDE"))))
    assert [hit.severity for hit in both] == [Severity.HARD_STOP, Severity.SOFT_STOP]
    assert list(unresolved(both, {"SC-ALLERGY": REASON})) == ["overrides.SC-ALLERGY"]


def test_the_worst_of_nothing_is_nothing() -> None:
    assert worst(()) is None
    assert worst(MILD_HITS) is Severity.WARN
    assert worst(SOFT_HITS + HARD_HITS) is Severity.HARD_STOP


# --- what holds for all facts --------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "",
        "sulfites",
        "fish",
        "sulfa",
        "aspirin",
        "doxycycline",
        "Retin-A",
        "obagi",
        "\x00",
        "é" * 300,
    ]
) | st.text(max_size=20)
NAMES = st.sampled_from([*KNOWN, "SODIUM METABISULFITE", "FISH OIL", "AQUA"])
DAYS = st.dates()
NEAR = st.integers(-400, 400).map(lambda days: DAY + timedelta(days=days))
PERCENTS = st.none() | st.decimals(0, 100, places=2)
ACTIVES = st.builds(an_active, st.sampled_from(list(KNOWN)), percent=PERCENTS) | st.builds(
    Active, WORDS, st.none(), known=st.just(False)
)
PRODUCTS = st.builds(
    Product,
    key=st.sampled_from("abcdefgh"),
    name=WORDS | st.just("Atralin"),
    actives=st.lists(ACTIVES, max_size=3).map(tuple),
    ingredients=st.frozensets(NAMES | WORDS, max_size=5),
    complete=st.booleans(),
    slots=st.frozensets(st.sampled_from(Slot)),
    leave_on=st.none() | st.booleans(),
    form=st.sampled_from(["", "GEL", "CREAM"]),
    days=st.none() | st.integers(-5, 10**9),
)
ALLERGIES = st.builds(Allergy, WORDS, st.frozensets(NAMES, max_size=2))
ISOTRETINOIN = st.builds(Isotretinoin, st.sampled_from(Taking), st.none() | NEAR | DAYS)
CLIENTS = st.builds(
    Client,
    birth_date=st.none() | NEAR | DAYS,
    pregnancy=st.none() | st.sampled_from(PregnancyStatus),
    pregnancy_on=st.none() | NEAR | DAYS,
    allergies=st.none() | st.lists(ALLERGIES, max_size=3).map(tuple),
    has=st.frozensets(st.sampled_from(ConditionCode)),
    has_not=st.frozensets(st.sampled_from(ConditionCode)),
    medicines=st.none() | st.lists(WORDS, max_size=3).map(tuple),
    isotretinoin=st.none() | ISOTRETINOIN,
    fitzpatrick=st.none() | st.integers(-1, 7),
)
SUPPLIES = st.builds(
    Dispensed, st.sampled_from(ActiveClass), st.integers(-10, 200), NEAR | DAYS, WORDS
) | st.builds(Dispensed, st.just(ActiveClass.HYDROQUINONE), st.integers(1, 90), NEAR)
WINDOWS = st.builds(
    Window, st.sampled_from(ActiveClass), st.sampled_from(Action), NEAR | DAYS, NEAR | DAYS
)
FACTS = st.builds(
    Facts,
    client=CLIENTS,
    candidates=st.lists(PRODUCTS, max_size=3).map(tuple),
    regimen=st.lists(PRODUCTS, max_size=4).map(tuple),
    dispensed=st.none() | st.lists(SUPPLIES, max_size=6).map(tuple),
    windows=st.lists(WINDOWS, max_size=3).map(tuple),
    states=st.frozensets(st.sampled_from(["CA", "NV"])),
)


@given(facts=FACTS, on=NEAR | DAYS)
@settings(max_examples=200, deadline=None)
def test_any_facts_on_any_day_get_an_answer(facts: Facts, on: date) -> None:
    hits = screened(facts, on=on)

    assert hits == screened(facts, on=on)
    assert list(hits) == sorted(hits, key=lambda hit: hit.order)
    assert worst(hits) == max((hit.severity for hit in hits), default=None)
    reasons = {hit.rule: REASON for hit in hits if hit.severity is not Severity.HARD_STOP}
    hard = any(hit.severity is Severity.HARD_STOP for hit in hits)
    assert may_be_signed(hits, reasons) is not hard
    keys = {product.key for product in facts.together()}
    assert all(set(hit.about) <= keys and hit.fired_by for hit in hits)


@given(facts=FACTS, chance=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_in_which_facts_are_told_does_not_matter(facts: Facts, chance: object) -> None:
    def shuffled(things: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(chance.sample(things, len(things)))  # type: ignore[attr-defined]

    client = facts.client
    other = replace(
        facts,
        client=replace(
            client,
            allergies=client.allergies and shuffled(client.allergies),
            medicines=client.medicines and shuffled(client.medicines),
        ),
        candidates=shuffled(facts.candidates),
        regimen=shuffled(facts.regimen),
        dispensed=facts.dispensed and shuffled(facts.dispensed),
        windows=shuffled(facts.windows),
    )
    assert screened(other) == screened(facts)


More = Callable[[Facts], Facts]


def _client(**changes: Callable[[Client], object]) -> More:
    return lambda facts: replace(
        facts,
        client=replace(
            facts.client, **{name: change(facts.client) for name, change in changes.items()}
        ),
    )


def _first(facts: Facts, **more: Callable[[Product], object]) -> Facts:
    """The same with something more known to be in the first candidate."""
    if not facts.candidates:
        return facts
    one, *others = facts.candidates
    fuller = replace(one, **{name: change(one) for name, change in more.items()})
    return replace(facts, candidates=(fuller, *others))


# A fact more: something else is true as well. None of these takes anything back.
MORE: st.SearchStrategy[More] = st.one_of(
    ALLERGIES.map(lambda one: _client(allergies=lambda c: (*(c.allergies or ()), one))),
    st.sampled_from(ConditionCode).map(lambda one: _client(has=lambda c: c.has | {one})),
    st.sampled_from(ConditionCode).map(lambda one: _client(has_not=lambda c: c.has_not | {one})),
    WORDS.map(lambda one: _client(medicines=lambda c: (*(c.medicines or ()), one))),
    NEAR.map(lambda day: _client(birth_date=lambda c: c.birth_date or day)),
    PRODUCTS.map(lambda one: lambda facts: replace(facts, regimen=(*facts.regimen, one))),
    PRODUCTS.map(
        lambda one: (
            lambda facts: replace(facts, candidates=(*facts.candidates, replace(one, key="new")))
        )
    ),
    SUPPLIES.map(
        lambda one: lambda facts: replace(facts, dispensed=(*(facts.dispensed or ()), one))
    ),
    WINDOWS.map(lambda one: lambda facts: replace(facts, windows=(*facts.windows, one))),
    NAMES.map(lambda one: lambda facts: _first(facts, ingredients=lambda p: p.ingredients | {one})),
    ACTIVES.map(lambda one: lambda facts: _first(facts, actives=lambda p: (*p.actives, one))),
)

# Raised to hard stops, all rules but those about what is missing: a sunscreen, a known active.
ABOUT_WHAT_IS_MISSING = ("companion", "active_unknown")
RAISED = tuple(
    replace(rule, severity=Severity.HARD_STOP, asks=False)
    for rule in rules()
    if rule.kind not in ABOUT_WHAT_IS_MISSING
)


def hard_stops(facts: Facts, among: tuple[Rule, ...]) -> set[str]:
    hits = screen(facts, among, on=DAY)
    return {hit.rule for hit in hits if hit.severity is Severity.HARD_STOP}


@given(facts=FACTS, more=MORE)
@settings(max_examples=400, deadline=None)
def test_a_fact_more_never_takes_a_hard_stop_away(facts: Facts, more: More) -> None:
    for among in (rules(), RAISED):
        assert hard_stops(facts, among) <= hard_stops(more(facts), among)


@given(facts=FACTS, slot=st.sampled_from(Slot))
@settings(max_examples=200, deadline=None)
def test_only_interactions_are_cleared_by_when_a_product_is_used(facts: Facts, slot: Slot) -> None:
    timed = replace(
        facts, candidates=tuple(replace(p, slots=frozenset({slot})) for p in facts.candidates)
    )
    cleared = hard_stops(facts, RAISED) - hard_stops(timed, RAISED)
    apart = {rule.number for rule in rules() if rule.kind == "interaction"}
    assert cleared <= apart


def test_morning_and_evening_clear_an_interaction_and_nothing_else_does() -> None:
    for slots in (("morning", "evening"), ("evening", "morning")):
        one, other = in_the(slots[0], "TRETINOIN"), in_the(slots[1], "BENZOYL PEROXIDE")
        assert told(screened(the_facts(one, beside=(other,)))) == {}
    twice = a_product("BENZOYL PEROXIDE", slots=frozenset({Slot.MORNING, Slot.EVENING}))
    assert "TRETINOIN-BENZOYL-PEROXIDE" in told(screened(the_facts("TRETINOIN", beside=(twice,))))


def test_every_fact_that_may_be_missing_has_its_question() -> None:
    assert {f"condition_{one}" for one in ConditionCode} <= set(UNKNOWN)
    assert all(client.endswith(".") and physician for client, physician in UNKNOWN.values())


def test_percents_are_told_as_people_write_them() -> None:
    strong = a_product(
        "HYDROQUINONE", actives=(an_active("HYDROQUINONE", percent=Decimal("10.00")),)
    )
    (hit,) = screened(the_facts(strong))
    assert hit.fired_by[-1] == "strength: 10 %"
