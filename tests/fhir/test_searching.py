"""Searches over HTTP: what they find, how they page, and what they cost."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.fhir import parameters
from shop.fhir.api import searching
from shop.fhir.elements import Place
from shop.fhir.loading import Asked
from shop.fhir.resources import RESOURCES
from shop.fhir.standing import standing_in_sql
from shop.prescriptions.models import Prescription
from shop.prescriptions.standing import standing
from tests.benchmarks.test_statements import sent
from tests.builders import a_cream
from tests.fhir.world import BASE, TYPES, FhirBrowser, World, link, resources
from tests.prescriptions.builders import a_draft, a_prescription


@pytest.fixture
def alice(world: World) -> FhirBrowser:
    return world.browser(world.alice)


@pytest.fixture
def chen(world: World) -> FhirBrowser:
    return world.browser(world.chen)


# --- what is found -------------------------------------------------------------------------------

WORDS: dict[str, tuple[str, ...]] = {
    "MedicationRequest": ("status", "intent"),
    "MedicationDispense": ("status",),
    "Task": ("status",),
    "CarePlan": ("status",),
    "ServiceRequest": ("status",),
}


@pytest.mark.parametrize("kind", WORDS)
def test_a_search_by_a_word_finds_exactly_what_shows_it(alice: FhirBrowser, kind: str) -> None:
    every = alice.every(kind)
    for name in WORDS[kind]:
        shown = {one[name] for one in every}
        assert len(shown) > 1
        for word in RESOURCES[kind].parameters[name].words:
            found = {one["id"] for one in alice.every(f"{kind}?{name}={word}")}
            assert found == {one["id"] for one in every if one[name] == word}


def test_our_own_word_of_a_task_is_searched_too(alice: FhirBrowser) -> None:
    found = alice.found("Task?business-status=declined,withdrawn&status=rejected,cancelled")
    words = {one["businessStatus"]["coding"][0]["code"] for one in found}
    assert words == {"declined", "withdrawn"}


def test_a_patient_is_found_in_every_spelling(world: World, chen: FhirBrowser) -> None:
    for patient in (
        world.alice.id,
        f"Patient/{world.alice.id}",
        f"{BASE}/Patient/{world.alice.id}",
    ):
        for name in ("patient", "subject"):
            assert len(chen.found(f"MedicationRequest?{name}={patient}")) == 13
    assert chen.found(f"MedicationRequest?patient={world.bob.id}") == []
    assert chen.found(f"MedicationRequest?patient=Practitioner/{world.alice.id}") == []
    both = f"MedicationRequest?patient={world.alice.id}&subject={world.bob.id}"
    assert chen.found(both) == []
    assert len(chen.found(f"MedicationRequest?patient={world.bob.id},{world.alice.id}")) == 13


def test_numbers_are_found_with_their_system_or_without(world: World, alice: FhirBrowser) -> None:
    number, system = world.signed.number, f"{BASE}/NamingSystem/prescription"
    other = f"{BASE}/NamingSystem/approval-request"
    cases = {
        number: [str(world.signed.id)],
        f"{system}|{number}": [str(world.signed.id)],
        f"|{number}": [str(world.signed.id)],
        f"{other}|{number}": [],
        f"http://elsewhere|{number}": [],
        number.lower(): [],
    }
    for text, ids in cases.items():
        assert alice.ids(f"MedicationRequest?identifier={quote(text)}") == ids
    npi = f"http://hl7.org/fhir/sid/us-npi|{world.chen.npi}"
    assert alice.ids(f"Practitioner?identifier={quote(npi)}") == [str(world.chen.id)]
    assert len(alice.found(f"MedicationDispense?identifier={number}/1")) == 1


def test_ids_are_found_also_a_single_finding(world: World, alice: FhirBrowser) -> None:
    first, second = (f"{world.signed.id}.{place}" for place in (1, 2))
    assert alice.ids(f"DetectedIssue?_id={second}") == [second]
    assert alice.ids(f"DetectedIssue?_id={second},{first},nothing") == [first, second]
    assert alice.ids(f"MedicationRequest?_id={world.signed.id}") == [str(world.signed.id)]
    assert alice.ids("MedicationRequest?_id=nothing") == []


def test_what_belongs_to_a_prescription_is_found_by_it(world: World, alice: FhirBrowser) -> None:
    one = f"MedicationRequest/{world.signed.id}"
    assert len(alice.found(f"MedicationDispense?prescription={one}")) == 3
    assert len(alice.found(f"DetectedIssue?implicated={one}")) == 2
    assert alice.ids(f"Provenance?target={one}") == [str(world.signed.id)]


DATED = {
    "MedicationRequest": ("authoredon", ("authoredOn",)),
    "MedicationDispense": ("whenhandedover", ("whenHandedOver",)),
    "Task": ("authored-on", ("authoredOn",)),
    "DetectedIssue": ("identified", ("identifiedDateTime",)),
    "Provenance": ("recorded", ("recorded",)),
}
MEETS: dict[str, Any] = {
    "eq": lambda moment, start, end: start <= moment < end,
    "ne": lambda moment, start, end: not start <= moment < end,
    "gt": lambda moment, start, end: moment >= end,
    "lt": lambda moment, start, end: moment < start,
    "ge": lambda moment, start, end: moment >= start,
    "le": lambda moment, start, end: moment < end,
}


def _dates(one: dict[str, Any], path: tuple[str, ...]) -> datetime | None:
    value: Any = one
    for name in path:
        value = value.get(name)
    return datetime.fromisoformat(value) if value else None


@pytest.mark.parametrize("prefix", MEETS)
@pytest.mark.parametrize("kind", [*DATED, "_lastUpdated"])
def test_a_date_is_compared_as_r4_says(alice: FhirBrowser, kind: str, prefix: str) -> None:
    name, path = DATED.get(kind, ("_lastUpdated", ("meta", "lastUpdated")))
    kind = kind if kind in DATED else "Task"
    every = alice.every(kind)
    middle = sorted(filter(None, (_dates(one, path) for one in every)))[len(every) // 4]
    second = middle.replace(microsecond=0)
    spans = {
        middle.isoformat(): (middle, middle + timedelta(microseconds=1)),
        second.isoformat(): (second, second + timedelta(seconds=1)),
        f"{second:%Y-%m-%dT%H:%MZ}": (
            second.replace(second=0),
            second.replace(second=0) + timedelta(minutes=1),
        ),
    }
    for text, (start, end) in spans.items():
        found = {one["id"] for one in alice.every(f"{kind}?{name}={prefix}{quote(text)}")}
        meets = MEETS[prefix]
        assert found == {
            one["id"]
            for one in every
            if (moment := _dates(one, path)) is not None and meets(moment, start, end)
        }


def test_a_date_of_birth_is_found_by_its_parts(world: World, alice: FhirBrowser) -> None:
    born = world.alice.birth_date
    assert born is not None
    for text in (f"{born:%Y}", f"{born:%Y-%m}", f"{born}", f"ge{born}", f"le{born}", "lt2001"):
        assert len(alice.found(f"Patient?birthdate={text}")) == 1
    for text in (f"gt{born}", f"lt{born}", f"ne{born:%Y}", "2001"):
        assert alice.found(f"Patient?birthdate={text}") == []


def test_two_conditions_must_both_be_met(world: World, alice: FhirBrowser) -> None:
    start = world.signed.signed_at
    day = f"authoredon=ge{start:%Y-%m-%d}&authoredon=lt{start + timedelta(days=1):%Y-%m-%d}"
    assert len(alice.every(f"MedicationRequest?{day}&intent=order&status=stopped")) == 1


# --- the state at this moment --------------------------------------------------------------------


def test_the_clock_and_the_fills_decide_the_same_in_code_and_in_sql(world: World) -> None:
    """Whatever was done with it, at every moment of its life."""
    long_ago, later = now() - timedelta(days=1), now() + timedelta(days=400)
    seen = set()
    for at in (long_ago, now(), later):
        column = standing_in_sql(at=at).label("standing")
        for row, word in db.session.execute(sa.select(Prescription, column)):
            assert standing(row, at) == word
            seen.add(word)
    assert seen == {"active", "on_hold", "depleted", "revoked", "expired", "not_yet"}


def test_a_prescription_that_ran_out_is_stopped_and_found_as_such(world: World) -> None:
    """Its row has not changed: the moment has."""
    wanted = parameters.read(
        [("intent", "order"), ("status", "stopped")],
        RESOURCES["MedicationRequest"].parameters,
        sorts=(),
        base=BASE,
    )
    reader = db.session.get_one(Person, world.alice.id)
    asked = Asked(reader, now() + timedelta(days=400), Place(BASE))

    found = searching.search(RESOURCES["MedicationRequest"], wanted, asked).shown

    words = [one.resource["statusReason"]["coding"][0]["code"] for one in found]
    assert sorted(words) == ["expired", "expired", "expired", "revoked"]
    assert {one.resource["status"] for one in found} == {"stopped"}


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("kind", TYPES)
def test_pages_hold_everything_once(chen: FhirBrowser, kind: str, count: int) -> None:
    whole = [one["id"] for one in chen.every(f"{kind}?_count=100")]
    for sort in RESOURCES[kind].sorts:
        for sign in ("", "-"):
            paged = [one["id"] for one in chen.every(f"{kind}?_count={count}&_sort={sign}{sort}")]
            assert sorted(paged) == sorted(whole)
            assert len(set(paged)) == len(paged)
    bundle = chen.get(f"{kind}?_count={count}")
    if kind == "DetectedIssue":  # a page of prescriptions of which nothing was found is empty
        assert len(resources(bundle)) <= count
        return
    assert len(resources(bundle)) == min(count, len(whole))
    assert (link(bundle, "next") is None) == (count >= len(whole))
    assert bundle.get("total") == (len(whole) if count >= len(whole) else None)


@pytest.mark.parametrize("path", ["MedicationRequest?", "Task?_sort=authored-on&", "Task?"])
def test_each_row_is_visited_once_while_rows_are_added(
    world: World, alice: FhirBrowser, path: str
) -> None:
    before = {one["id"] for one in alice.every(f"{path}_count=100")}
    seen: list[str] = []
    added: set[str] = set()
    following: str | None = f"{path}_count=2"
    while following:
        bundle = alice.get(following)
        seen += [one["id"] for one in resources(bundle)]
        following = link(bundle, "next")
        if len(added) < 4:
            act_as("system:test")
            added.add(str(a_draft(db.session.get_one(Person, world.alice.id), a_cream()).id))
            db.session.commit()

    assert len(added) == 4
    assert len(seen) == len(set(seen))
    # The newest come first, so that new ones stand before the first page; else they are the last.
    assert set(seen) == (before | added if "_sort" in path else before)


def test_the_order_is_the_one_that_was_asked_for(alice: FhirBrowser) -> None:
    dates = [one["authoredOn"] for one in alice.every("Task?_count=4")]
    assert dates == sorted(dates, reverse=True)
    assert dates[::-1] == [one["authoredOn"] for one in alice.every("Task?_sort=authored-on")]
    changed = [one["meta"]["lastUpdated"] for one in alice.every("Task?_sort=_lastUpdated")]
    assert changed == sorted(changed)
    ids = alice.ids("Task?_sort=_id&_count=100")
    assert ids == sorted(ids)


def test_the_links_repeat_what_was_understood(world: World, alice: FhirBrowser) -> None:
    path = f"Task?status=requested,draft&colour=red&_count=1&patient=Patient%2F{world.alice.id}"
    answer = alice.answer(path, Prefer="handling=lenient")
    assert answer.status_code == 200
    own = link(answer.json, "self")
    assert (
        own == f"{BASE}/Task?status=requested%2Cdraft&_count=1&patient=Patient%2F{world.alice.id}"
    )
    following = link(answer.json, "next")
    assert following is not None
    assert following.startswith(f"{own}&_page=")
    assert link(alice.get(following), "self") == following


def test_a_cursor_of_another_search_is_refused_or_finds_no_more_than_it_may(
    world: World, chen: FhirBrowser
) -> None:
    stolen = link(chen.get("Task?_count=1"), "next")
    assert stolen is not None
    bob = world.browser(world.bob)
    assert {one["for"]["reference"] for one in bob.found(stolen)} <= {f"Patient/{world.bob.id}"}
    assert bob.answer(stolen.replace("_count=1", "_count=1&_sort=_id")).status_code == 400


# --- how it is answered --------------------------------------------------------------------------


def test_json_is_spoken_whatever_it_is_called(alice: FhirBrowser) -> None:
    for name in ("json", "application/json", "application/fhir%2Bjson", "application/fhir+json"):
        answer = alice.answer(f"Task?_format={name}")
        assert (answer.status_code, answer.content_type) == (200, "application/fhir+json")
        assert answer.headers["Cache-Control"] == "no-store"


def test_who_has_it_already_is_told_so(world: World, alice: FhirBrowser) -> None:
    path = f"MedicationRequest/{world.signed.id}"
    first = alice.answer(path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    updated = datetime.fromisoformat(first.json["meta"]["lastUpdated"]).replace(microsecond=0)
    assert first.last_modified == updated

    again = alice.answer(path, If_None_Match=tag)
    assert (again.status_code, again.data) == (304, b"")
    assert alice.answer(path, If_None_Match='W/"other"').status_code == 200
    # The clock may have changed how it stands since: the day alone proves nothing.
    since = {"If_Modified_Since": first.headers["Last-Modified"]}
    assert alice.answer(path, **since).status_code == 200


def test_the_statement_lists_every_parameter_that_works(alice: FhirBrowser) -> None:
    (rest,) = alice.get("metadata")["rest"]
    values = {"date": "2026", "reference": "x", "token": "x"}
    for one in rest["resource"]:
        known = RESOURCES[one["type"]].parameters
        assert {parameter["name"] for parameter in one["searchParam"]} == set(known)
        for parameter in one["searchParam"]:
            name = parameter["name"]
            value = next(iter(sorted(known[name].words)), values[parameter["type"]])
            alice.get(f"{one['type']}?{urlencode({name: value})}")


# --- what it costs -------------------------------------------------------------------------------


COST = {
    "MedicationRequest": 10,
    "MedicationDispense": 7,
    "Task": 7,
    "DetectedIssue": 9,
    "Provenance": 9,
    "Patient": 8,
    "Practitioner": 7,
    "CarePlan": 9,
    "ServiceRequest": 7,
    "Procedure": 7,
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_search_sends_as_many_statements_for_a_few_as_for_all(
    world: World, chen: FhirBrowser, kind: str
) -> None:
    """Signing in, the clock and the access row included; fewer only where there is nothing."""

    def cost(path: str) -> int:
        with sent(world.app) as statements:
            chen.get(path)
        return len(statements)

    cost(kind)  # the session was not seen for a minute
    assert cost(f"{kind}?_count=100") == COST[kind]
    assert all(cost(f"{kind}?_count={count}") <= COST[kind] + 1 for count in (1, 2, 5))


# --- whatever is sent ----------------------------------------------------------------------------

NAMES = sorted({name for one in RESOURCES.values() for name in one.parameters})
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["draft", "active", "2026", "ge2026-01-01", "order", "1", "-_id", "0.x", "a|b"]
    ),
    st.dates().map(lambda day: f"lt{day}"),
    st.uuids().map(str),
)


@pytest.fixture(scope="module")
def readers(world: World) -> list[FhirBrowser]:
    return [world.browser(one) for one in (world.alice, world.chen, world.eva)]


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(
    st.sampled_from([*RESOURCES, "Nothing"]),
    st.lists(
        st.tuples(st.sampled_from([*NAMES, "_count", "_sort", "_page", "_format", "x"]), VALUES),
        max_size=4,
    ),
    st.booleans(),
    st.integers(min_value=0, max_value=2),
)
def test_whatever_is_asked_there_is_an_answer(
    readers: list[FhirBrowser],
    kind: str,
    query: list[tuple[str, str]],
    lenient: bool,
    who: int,
) -> None:
    headers = {"Prefer": "handling=lenient"} if lenient else {}
    text = urlencode(query, errors="surrogatepass")
    answer = readers[who].answer(f"{kind}?{text}", **headers)
    assert answer.status_code in (200, 400, 404)
    expected = "Bundle" if answer.status_code == 200 else "OperationOutcome"
    assert answer.json["resourceType"] == expected


def test_whatever_follows_a_type_there_is_an_answer(readers: list[FhirBrowser]) -> None:
    chance = random.Random(5)
    for _ in range(60):
        noise = "".join(chr(chance.choice((*range(1, 0x2FF), 0x1F600))) for _ in range(12))
        answer = readers[0].answer(f"{chance.choice(list(RESOURCES))}/{quote(noise)}")
        assert answer.status_code in (308, 404)


def test_a_search_by_somebody_new_finds_an_empty_set(live_app: Flask, world: World) -> None:
    from tests.people import alice as a_client

    act_as("system:test")
    browser = world.browser(a_client(name="Nova"))
    for kind in RESOURCES:
        assert browser.get(kind)["total"] == (1 if kind == "Patient" else 0)


def test_a_new_signature_is_found_at_once(world: World, chen: FhirBrowser) -> None:
    since = now()
    act_as("system:test")
    signed = a_prescription(
        db.session.get_one(Person, world.alice.id), by=db.session.get_one(Person, world.chen.id)
    )
    db.session.commit()
    found = chen.ids(f"MedicationRequest?_lastUpdated=gt{quote(since.isoformat())}&intent=order")
    assert found == [str(signed.id)]
