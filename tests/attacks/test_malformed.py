"""Malformed input at every door of prescriptions, charts, FHIR and the papers of an order.

The doors are those of the app, so a new one is swept by itself. Nothing is answered with a failure
of ours, what is refused as input says where, and a refusal has written nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from shop.accounts import tokens
from shop.accounts.models import Person, Role
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.inventory.models import Reason
from shop.prescriptions import erring
from tests import people
from tests.architecture.doors import DOORS
from tests.architecture.test_doors import doors_of
from tests.attacks import malformed
from tests.attacks.malformed import IN_A_PATH, LONG
from tests.builders import a_cream
from tests.conftest import Database
from tests.inventory.counts import a_count, adjust
from tests.inventory.lots import a_lot
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
)
from tests.regime import SEED, SOAK
from tests.treatments.builders import (
    BLISTERS,
    a_booked_session,
    a_performed_session,
    a_photo,
    a_proposal,
    a_report,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)
from tests.treatments.builders import a_draft as a_draft_plan
from tests.vigilance.builders import a_reaction

SWEPT = (
    "prescriptions",
    "prescription_pages",
    "charts",
    "chart_pages",
    "fhir",
    "plans",
    "plan_pages",
    "calendar_feeds",
    "session_reports",
    "reactions",
    "reaction_pages",
    "planning",
    "counts",
    "count_pages",
    "returns",
    "return_pages",
)
PAPERS = ("label", "explanation", "why", "slip", "picks", "shortages", "tour")
EXAMPLES = 100 if SOAK else 2  # a door
# Written before anybody is refused, on purpose: who opened a record, who tried to sign in.
KEPT_OF_REFUSALS = {"accesses", "sign_in_attempts", "tokens"}  # a token: when it was last used


@dataclass
class World:
    """The app with somebody of each role, and what they could name."""

    app: Flask
    tokens: dict[Role, str]
    names: list[str]
    spec: dict[str, Any]
    forms: list[str]
    watch: psycopg.Connection[Any]
    tables: list[str] = field(default_factory=list)

    def doors(self) -> dict[str, Any]:
        return {
            door: rule
            for door, rule in sorted(doors_of(self.app).items())
            if rule.endpoint.partition(".")[0] in SWEPT
            or (rule.endpoint.startswith("order") and rule.rule.endswith(PAPERS))
        }

    def fingerprint(self) -> dict[str, tuple[int, int]]:
        """Of every table: how many rows, and what stands in them."""
        if not self.tables:
            found = self.watch.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
            self.tables = sorted({row[0] for row in found} - KEPT_OF_REFUSALS)
        parts = " UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(sum(hashtext(t::text)), 0) FROM {name} t"
            for name in self.tables
        )
        return {row[0]: (row[1], row[2]) for row in self.watch.execute(parts.encode())}


@pytest.fixture(scope="module")
def world(live: Database, live_app: Flask) -> Iterator[World]:
    live_app.config["WTF_CSRF_METHODS"] = set()  # a form without its token comes no further
    with live_app.app_context():
        act_as("system:test")
        cast, names = _scene()
        secrets = {role: _token(person) for role, person in cast.items()}
        db.session.commit()
        db.session.remove()
    spec = live_app.test_client().get("/api/openapi.json").json
    assert spec is not None
    with live.as_role() as watch:
        watch.autocommit = True
        yield World(live_app, secrets, names, spec, malformed.names_of_forms(), watch)


def _token(person: Person) -> str:
    _, secret = tokens.issue(person, name="sweep", scopes=None, at=now())
    return secret


def _scene() -> tuple[dict[Role, Person], list[str]]:
    """Requests and prescriptions in several states; the client's own and another's."""
    alice, chen = people.alice(), people.dr_chen()
    eva, sam, mona = people.eva(), people.sam(), people.mona()
    people.a_fresh_sign_in(chen)
    signed = a_prescription(alice, by=chen)
    reported = a_prescription(alice, by=chen)
    db.session.commit()
    erring.report(reported, reason="The wrong cream.", by=chen, at=now())
    requests = [
        a_draft(alice),
        a_request(alice),
        a_claimed_request(alice, by=chen),
        a_request(people.bob()),
    ]
    entry = charting.state(alice, Allergy("nickel"), by=alice, at=now())
    db.session.commit()
    people.a_licence(eva, kind="esthetician")
    plan = an_active_plan(alice, a_step(), a_step(starts=in_days(9)), by=eva, chen=chen)
    a_booked_session(plan)
    done = a_performed_session(an_active_plan(alice, a_step(starts=in_days(20)), by=eva, chen=chen))
    report = a_report(done, BLISTERS)
    photo = a_photo(report)
    things_happened = [a_reaction(alice).number, a_reaction(people.bob(), serious=False).number]
    things_happened += _on_the_shelf(sam)
    draft, others_plan = a_draft_plan(alice, by=eva), a_proposal(people.bob(), by=licensed_eva())
    plans = [plan.number, done.plan.number, draft.number, others_plan.number]
    sessions = [one.id for one in (*plan.sessions, *draft.sessions, *others_plan.sessions)]
    db.session.commit()
    cast = {
        Role.CLIENT: alice,
        Role.PHYSICIAN: chen,
        Role.ESTHETICIAN: eva,
        Role.STAFF: sam,
        Role.MANAGER: mona,
    }
    things = [signed.number, reported.number, *(one.number for one in requests)]
    things += plans + things_happened
    ids = [alice.id, chen.id, entry.id, done.id, report.id, photo.id, *sessions]
    others = [a_prescription(people.bob(state="CA"), by=chen).number, a_cream().sku]
    return cast, [*things, *map(str, ids), *others, "Patient", "MedicationRequest", "Task"]


def _on_the_shelf(sam: Person) -> list[str]:
    """A count under way, an adjustment that waits, and a lot."""
    lot = a_lot(a_cream(), 20)
    waiting = adjust(lot, -9, Reason.DAMAGED, by=sam)
    return [a_count(lot, by=sam).number, waiting.number, lot.number, "SHELF"]


def a_call(world: World, door: str, rule: Any, draw: Callable[[Any], Any]) -> dict[str, Any]:
    """A request to a door with at least one thing wrong in it."""
    method, _, path = door.partition(" ")
    words = st.sampled_from([*world.names, *world.names, *IN_A_PATH])
    for name in rule.arguments:
        kind = type(rule._converters[name]).__name__
        ids = [one for one in world.names if kind != "UUIDConverter" or len(one) == 36]
        chosen = draw(st.sampled_from(ids) if kind == "UUIDConverter" else words)
        path = path.replace(_argument(rule.rule, name), quote(chosen, safe=""))
    call: dict[str, Any] = {"method": method, "path": path}
    if method == "GET" or draw(st.integers(0, 4)) == 0:
        call["query_string"] = _query(world, rule, draw)
    if method != "GET":
        call |= _body(world, door, draw)
    return call


def _argument(path: str, name: str) -> str:
    start = next(
        at for at in range(len(path)) if path[at:].startswith("<") and _named(path, at) == name
    )
    return path[start : path.index(">", start) + 1]


def _named(path: str, at: int) -> str:
    return path[at + 1 : path.index(">", at)].rpartition(":")[2]


def _query(world: World, rule: Any, draw: Callable[[Any], Any]) -> str:
    """Of names that the shop knows and others, with values nobody should send."""
    names = [
        "after",
        "limit",
        "status",
        "sort",
        "since",
        "until",
        "history",
        "_count",
        "_lastUpdated",
    ]
    names += ["date", "patient", "sku", "q", "nothing", *world.forms[:8]]
    words = [word for word in malformed.WORDS if word != "\ud800"]
    pairs = draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(words)), min_size=0, max_size=3)
    )
    return "&".join(f"{name}={quote(value[:3000], safe='')}" for name, value in pairs)


def _body(world: World, door: str, draw: Callable[[Any], Any]) -> dict[str, Any]:
    method, _, path = door.partition(" ")
    if not path.startswith("/api/"):
        names = st.sampled_from([*world.forms, "", LONG[:300]])
        words = st.sampled_from([one for one in malformed.WORDS if one != "\ud800"])
        return {"data": dict(draw(st.lists(st.tuples(names, words), max_size=8)))}
    operation = world.spec["paths"].get(_as_openapi(path), {}).get(method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    named = world.spec["components"]["schemas"]
    body = malformed.fitting(content.get("schema", {"type": "object"}), named, draw)
    raw = json.dumps(
        malformed.broken(body, draw)
    )  # NaN and lone surrogates as a careless program does
    return {"data": raw, "content_type": "application/json"}


def _as_openapi(path: str) -> str:
    for name in [_named(path, at) for at, letter in enumerate(path) if letter == "<"]:
        path = path.replace(_argument(path, name), "{" + name + "}")
    return path


def test_there_are_doors_to_sweep(world: World) -> None:
    assert len(world.doors()) > 100


def test_nothing_malformed_breaks_a_door_or_writes_anything(world: World) -> None:
    wrong: list[str] = []
    for number, (door, rule) in enumerate(world.doors().items()):
        try:
            _sweep(world, door, rule, SEED + number)
        except AssertionError as found:
            wrong.append(f"{str(found)[:900]} {found.__cause__!r:.300}")
    assert wrong == []


def _sweep(world: World, door: str, rule: Any, number: int) -> None:
    before = world.fingerprint()

    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what is drawn is said whole; nothing is shrunk
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def sweep(data: st.DataObject) -> None:
        nonlocal before
        before = _swept(world, door, a_call(world, door, rule, data.draw), data.draw, before)

    sweep()


def _swept(
    world: World, door: str, call: dict[str, Any], draw: Callable[[Any], Any], before: Any
) -> Any:
    role = draw(st.sampled_from(sorted(DOORS.get(door) or Role)))
    headers = {
        "Authorization": f"Bearer {world.tokens[role]}",
        "Idempotency-Key": draw(st.uuids()).hex,
    }
    try:
        answer = world.app.test_client().open(headers=headers, **call)
    except Exception as error:
        raise AssertionError(f"{door} as {role}: {str(call)[:600]}") from error
    told = f"{door} as {role}: {answer.status} {answer.get_data()[:300]!r} for {str(call)[:600]}"
    assert answer.status_code < 500, told
    if answer.status_code >= 400:
        _is_clear(door, answer, told)
        after = world.fingerprint()
        moved = {name for name in after if after[name] != before[name]}
        assert not moved, f"{sorted(moved)} after {told}"
        return before
    return world.fingerprint()  # reading prints papers


def _is_clear(door: str, answer: Any, told: str) -> None:
    path = door.partition(" ")[2]
    if path.startswith("/fhir"):
        assert answer.content_type == "application/fhir+json", told
        assert answer.json["issue"][0]["details"]["text"], told
        return
    if path.startswith("/api/"):
        assert answer.content_type == "application/problem+json", told
        assert answer.json["status"] == answer.status_code, told
        assert answer.json["detail"], told
        if answer.status_code == 422:
            assert answer.json["errors"] or answer.json["facts"], told
        return
    assert answer.content_type.startswith("text/html"), told
    if answer.status_code == 422:
        assert "<h1" in answer.text, told
