"""A query string is read strictly, and never with an error of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.fhir.errors import BadSearch
from shop.fhir.parameters import Kind, Numbered, Search, Span, read
from shop.fhir.resources import RESOURCES
from tests.fhir.world import BASE

TASK = RESOURCES["Task"]


def understood(*sent: tuple[str, str], lenient: bool = False) -> Search:
    return read(sent, TASK.parameters, sorts=TASK.sorts, base=BASE, lenient=lenient)


def span(text: str) -> Span:
    ((_, (value,)),) = understood(("authored-on", text)).conditions
    assert isinstance(value, Span)
    return value


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


DATES = {
    "2026": (at(2026, 1, 1), at(2027, 1, 1)),
    "2026-12": (at(2026, 12, 1), at(2027, 1, 1)),
    "2024-02": (at(2024, 2, 1), at(2024, 3, 1)),
    "2024-02-29": (at(2024, 2, 29), at(2024, 3, 1)),
    "2026-03-31T10:15": (at(2026, 3, 31, 10, 15), at(2026, 3, 31, 10, 16)),
    "2026-03-31T10:15Z": (at(2026, 3, 31, 10, 15), at(2026, 3, 31, 10, 16)),
    "2026-03-31T10:15:09Z": (at(2026, 3, 31, 10, 15, 9), at(2026, 3, 31, 10, 15, 10)),
    "2026-03-31T10:15:09.25Z": (
        at(2026, 3, 31, 10, 15, 9, 250_000),
        at(2026, 3, 31, 10, 15, 9, 260_000),
    ),
    "2026-03-31T23:30:00-02:00": (at(2026, 4, 1, 1, 30), at(2026, 4, 1, 1, 30, 1)),
    "2026-03-31T23:30:00+02:00": (at(2026, 3, 31, 21, 30), at(2026, 3, 31, 21, 30, 1)),
    "2026-03-31T23:30:00 02:00": (at(2026, 3, 31, 21, 30), at(2026, 3, 31, 21, 30, 1)),
}


@pytest.mark.parametrize("text", DATES)
def test_a_part_of_a_date_is_all_of_it(text: str) -> None:
    assert span(text) == Span("eq", *DATES[text])
    assert span(f"ge{text}") == Span("ge", *DATES[text])


BAD_DATES = ["2026-00", "2026-02-30", "2026-1", "26", "0000", "9999", "2026-01-01T25:00", "gt",
             "2026-01-01T10", "0001-01-01T00:00:00+14:00", "2026-01-01T10:00:00+99:00", "٢٠٢٦",
             "2026-01-01T10:00:61Z", " 2026", "sa2026", "2026-01-01t10:00Z"]  # fmt: skip


@pytest.mark.parametrize("text", BAD_DATES)
def test_no_date_is_refused_by_its_parameters_name(text: str) -> None:
    with pytest.raises(BadSearch) as refused:
        span(text)
    assert list(refused.value.fields) == ["authored-on"]


@settings(deadline=None, database=None)
@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_a_whole_moment_is_in_its_own_span(moment: datetime, minutes: int) -> None:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    found = span(f"{moment.isoformat(timespec='microseconds')}{sign}{hours:02}:{rest:02}")
    there = moment.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    assert (found.start, found.end - found.start) == (there, timedelta(microseconds=1))


def test_a_comma_means_either_and_twice_means_both() -> None:
    search = understood(("status", "draft,ready"), ("status", "ready"))
    assert [values for _, values in search.conditions] == [["draft", "ready"], ["ready"]]
    (_, numbers) = understood(("identifier", "a\\,b,http://x|c,|d")).conditions[0]
    assert numbers == [Numbered(None, "a,b"), Numbered("http://x", "c"), Numbered(None, "d")]


def test_a_reference_is_read_in_its_three_spellings() -> None:
    one = "5b0d8b7a-8d6f-4f0c-9d4b-0d5f3f8f4a11"
    for text in (one, f"Patient/{one}", f"{BASE}/Patient/{one}"):
        (_, (found,)) = understood(("patient", text)).conditions[0]
        assert str(found) == one
    for text in (one.upper(), f"Task/{one}", f"http://other/Patient/{one}", "Patient/", "me"):
        assert understood(("patient", text)).conditions[0][1] == [None]


def test_what_is_not_known_is_refused_or_passed_over() -> None:
    with pytest.raises(BadSearch) as refused:
        understood(("status", "draft"), ("colour", "red"))
    assert list(refused.value.fields) == ["colour"]

    search = understood(("status", "draft"), ("colour", "red"), lenient=True)
    assert search.used == [("status", "draft")]
    with pytest.raises(BadSearch):  # a slip that would widen what is found is never passed over
        understood(("status", "red"), lenient=True)


def test_there_is_a_limit_to_everything() -> None:
    assert understood(("_count", "999999")).count == 100
    for sent in (("status", "draft," * 101 + "draft"), ("identifier", "x" * 401)):
        with pytest.raises(BadSearch):
            understood(sent)


NAMES = sorted({name for one in RESOURCES.values() for name in one.parameters})


@settings(deadline=None, database=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*NAMES, "_count", "_sort", "_page", "_format", "nonsense"]), st.text()
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_whatever_is_sent_is_understood_or_refused_by_name(
    sent: list[tuple[str, str]], lenient: bool
) -> None:
    try:
        search = understood(*sent, lenient=lenient)
    except BadSearch as refused:
        assert set(refused.fields) & {name for name, _ in sent}  # noqa: PT017  (either is right)
    else:
        assert 1 <= search.count <= 100
        assert {parameter.name for parameter, _ in search.conditions} <= set(TASK.parameters)


def test_every_parameter_looks_at_a_column_of_its_kind() -> None:
    for one in RESOURCES.values():
        for parameter in one.parameters.values():
            assert (parameter.kind is Kind.CODE) == bool(parameter.words)
            assert (parameter.kind is Kind.REFERENCE) == bool(parameter.of)
