"""Who may read what, and that it is written down before it is shown."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import once
from shop.accounts.models import Person, Role, Token
from shop.accounts.scopes import Scope
from shop.charts import reading
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.sealed import keyring
from tests.fhir.world import BASE, TYPES, World
from tests.people import a_person


def accesses() -> list[tuple[str, str, str]]:
    """(reader, client, record), oldest first."""
    client = sa.orm.aliased(Person)
    query = (
        sa.select(Person.name, client.name.label("client"), Access.record)
        .join(Person, Person.id == Access.reader_id)
        .join(client, client.id == Access.client_id)
        .order_by(Access.at)
    )
    return [tuple(row) for row in db.session.execute(query)]


def a_token(person: Person, *scopes: Scope) -> dict[str, str]:
    """The header of a program of this person."""
    secret = secrets.token_urlsafe(32)
    act_as("system:test")
    db.session.add(
        Token(
            id=uuid.uuid4(),
            secret_hash=once.hashed(secret),
            person_id=person.id,
            epoch=person.session_epoch,
            name="a chart viewer",
            scopes=[scope.value for scope in scopes],
            ends_at=now() + timedelta(hours=1),
        )
    )
    db.session.commit()
    return {"Authorization": f"Bearer {secret}"}


def whose(resource: dict[str, Any]) -> str | None:
    for name in ("subject", "for", "patient"):
        if name in resource:
            return str(resource[name]["reference"])
    return f"Patient/{resource['id']}" if resource["resourceType"] == "Patient" else None


def test_a_client_sees_all_of_her_own_and_nothing_else(world: World) -> None:
    for client in (world.alice, world.bob):
        browser = world.browser(client)
        shown = [one for kind in TYPES for one in browser.every(kind)]
        assert {whose(one) for one in shown} == {f"Patient/{client.id}", None}
        about = {one["id"] for one in shown if one["resourceType"] == "Practitioner"}
        took_part = (
            {str(world.chen.id), str(world.eva.id)}
            if client is world.alice
            else {str(world.tess.id)}
        )
        assert about == took_part
    assert len(world.browser(world.alice).every("MedicationRequest")) == 14
    assert len(world.browser(world.bob).every("MedicationRequest")) == 2


def test_a_physician_sees_what_she_signed_and_the_requests_she_may_decide(world: World) -> None:
    def count(reader: Person, path: str) -> int:
        return len(world.browser(reader).every(path))

    orders, proposals = "MedicationRequest?intent=order", "MedicationRequest?intent=proposal"
    # Of ten requests of Alice's one is a draft, which is hers alone.
    assert (count(world.chen, orders), count(world.chen, proposals)) == (4, 9)
    assert (count(world.lee, orders), count(world.lee, proposals)) == (0, 9)
    assert (count(world.tess, orders), count(world.tess, proposals)) == (1, 1)
    assert count(world.lee, "MedicationDispense") == count(world.lee, "Provenance") == 0
    assert str(world.draft.id) in world.browser(world.alice).ids("Task?_count=100")
    assert world.browser(world.chen).answer(f"Task/{world.draft.id}").status_code == 404


def test_an_esthetician_sees_what_she_asked_for_and_her_plans(world: World) -> None:
    eva = world.browser(world.eva)
    (task,) = eva.every("Task")
    assert task["requester"]["reference"] == f"Practitioner/{world.eva.id}"
    assert [len(eva.every(kind)) for kind in TYPES] == [1, 0, 1, 0, 0, 1, 2, 4, 8, 1]


@pytest.mark.parametrize("role", [Role.STAFF, Role.MANAGER])
def test_who_does_not_treat_sees_nothing(world: World, role: Role) -> None:
    act_as("system:test")
    browser = world.browser(a_person(role))
    for path in ("Patient", f"Patient/{world.alice.id}"):
        answer = browser.answer(path)
        assert answer.status_code == 403
        assert answer.json["issue"][0]["code"] == "forbidden"


def test_another_ones_id_is_as_if_it_were_not_there(world: World) -> None:
    shown = [one for kind in TYPES for one in world.browser(world.alice).every(kind)]
    bob, before = world.browser(world.bob), accesses()
    for one in shown:
        told = bob.answer(f"{one['resourceType']}/{one['id']}")
        nobody = bob.answer(f"{one['resourceType']}/{uuid.uuid4()}")
        assert (told.status_code, told.json) == (404, nobody.json)
        found = bob.get(f"{one['resourceType']}?_id={one['id']}")
        assert (found["total"], "entry" in found) == (0, False)
    assert bob.ids(f"MedicationRequest?patient={world.alice.id}") == []
    assert accesses() == before


def test_an_id_of_one_type_is_none_of_another(world: World) -> None:
    alice = world.browser(world.alice)
    for kind in ("Patient", "Practitioner", "MedicationDispense", "Task"):
        assert alice.answer(f"{kind}/{world.signed.id}").status_code == 404
    for odd in ("x", f"{world.signed.id}.1", str(world.signed.id).upper(), "é" * 70, "."):
        assert alice.answer(f"MedicationRequest/{odd}").status_code == 404
    for odd in (f"{world.signed.id}.0", f"{world.signed.id}.99", str(world.signed.id)):
        assert alice.answer(f"DetectedIssue/{odd}").status_code == 404


# --- written down --------------------------------------------------------------------------------


def test_a_read_is_written_down(world: World) -> None:
    before = accesses()

    world.browser(world.chen).get(f"MedicationRequest/{world.signed.id}")

    record = f"FHIR MedicationRequest/{world.signed.id}"
    assert accesses()[len(before) :] == [("Dr Wei Chen", "Alice Moreno", record)]


def test_a_search_is_written_down_once_for_each_client(world: World, live_app: Flask) -> None:
    act_as("system:test")
    before = accesses()

    found = world.browser(world.tess).found("MedicationRequest")
    world.browser(world.chen).found("Task?_count=3")

    assert len(found) == 2
    assert accesses()[len(before) :] == [
        ("Dr Tess", "Bob Ito", "FHIR MedicationRequest, a search"),
        ("Dr Wei Chen", "Alice Moreno", "FHIR Task, a search"),
    ]


def test_nothing_is_written_for_her_own_for_nothing_found_and_for_physicians(world: World) -> None:
    before = accesses()

    for kind in TYPES:
        world.browser(world.alice).every(kind)
    chen = world.browser(world.chen)
    chen.every("Practitioner")
    chen.found(f"Task?patient={world.bob.id}")
    chen.answer(f"Task/{world.draft.id}")

    assert accesses() == before


def test_what_cannot_be_written_down_is_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("INSERT INTO accesses", {}, Exception("disk full"))

    chen = world.browser(world.chen)
    monkeypatch.setattr(reading, "open_record", broken)

    for path in ("Task", f"MedicationRequest/{world.signed.id}"):
        answer = chen.answer(path)
        assert answer.status_code == 503
        assert answer.json["resourceType"] == "OperationOutcome"
        assert "Alice" not in answer.text


def test_what_cannot_be_opened_is_not_shown_half(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = world.browser(world.alice)
    monkeypatch.setattr(keyring, "keys", {2: bytes(32)})

    for path in ("MedicationRequest", f"DetectedIssue/{world.signed.id}.1"):
        answer = alice.answer(path)
        assert (answer.status_code, answer.json["issue"][0]["code"]) == (503, "transient")


# --- how one signs in ----------------------------------------------------------------------------


def test_a_program_reads_with_a_token_of_its_person(world: World) -> None:
    client = world.app.test_client()
    header = a_token(world.alice, Scope.READ)
    assert client.get(f"{BASE}/Task", headers=header).status_code == 200

    narrow = client.get(f"{BASE}/Task", headers=a_token(world.alice, Scope.SHOP))
    assert (narrow.status_code, narrow.json["issue"][0]["diagnostics"]) == (403, "not_allowed")


def test_nobody_reads_without_signing_in_but_the_statement(world: World) -> None:
    client = world.app.test_client()
    for path in (*TYPES, f"Patient/{world.alice.id}", "Nothing"):
        answer = client.get(f"{BASE}/{path}")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json["issue"][0]["code"] == "login"
    assert client.get(f"{BASE}/metadata").status_code == 200
