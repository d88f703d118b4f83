"""Who may go through which door: the table, the guards and the answers say the same."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from shop.accounts import once
from shop.accounts.access import allow
from shop.accounts.models import Role, Token
from shop.accounts.scopes import Scope
from shop.core.clock import now
from shop.core.db import act_as, db
from tests.architecture.doors import ANYONE, DOORS, Roles
from tests.people import a_person


@pytest.fixture(autouse=True)
def _no_csrf(live_app: Flask) -> None:
    """A form without its token is turned away before anybody is asked for: tests/web tries that."""
    live_app.config["WTF_CSRF_METHODS"] = set()


UNSAID = {"HEAD", "OPTIONS"}  # come with every GET, guarded by the same function


@functools.cache
def doors_of(app: Flask) -> dict[str, Rule]:
    """ "METHOD /path" → rule; static files are open by nature."""
    return {
        f"{method} {rule.rule}": rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[2] != "static"
        for method in (rule.methods or set()) - UNSAID
    }


def guards_of(app: Flask, door: str) -> Roles:
    """The roles its @allow names."""
    view = app.view_functions[doors_of(app)[door].endpoint]
    inner = getattr(view, "view_class", None)
    if inner is not None:  # one class for several methods of a path
        view = getattr(inner, door.partition(" ")[0].lower())
    return frozenset(view.allowed)


def test_every_door_is_in_the_table_and_every_line_is_a_door(live_app: Flask) -> None:
    known = set(doors_of(live_app))
    assert {"without a line": known - set(DOORS), "without a door": set(DOORS) - known} == {
        "without a line": set(),
        "without a door": set(),
    }


@pytest.mark.parametrize("door", DOORS)
def test_the_door_opens_for_the_tables_roles_only(live_app: Flask, door: str) -> None:
    assert guards_of(live_app, door) == DOORS[door]

    everybody = (None, *Role)
    found = {role: verdict(knock(live_app, door, role)) for role in everybody}
    assert found == {role: expected(DOORS[door], role) for role in everybody}


def expected(roles: Roles, role: Role | None) -> str:
    """What somebody of this role is to be told."""
    if roles == ANYONE or role in roles:
        return "open"
    return "sign in first" if role is None else "not yours"


def verdict(answer: TestResponse) -> str:
    """An answer's status, as the door's word: 404 and 422 are said behind it."""
    if answer.status_code == 401:
        return "sign in first"
    if answer.status_code == 403:
        return "not yours"
    return "open" if answer.status_code < 500 else "broken"


def knock(app: Flask, door: str, role: Role | None) -> TestResponse:
    """Call a route as somebody of this role, with nothing in hand that exists."""
    method, _, path = door.partition(" ")
    rule = doors_of(app)[door]
    values = {name: _nothing(rule, name) for name in rule.arguments}
    with app.test_request_context():
        built = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
    body = {} if path.startswith("/api/") and method != "GET" else None

    def knocked() -> TestResponse:
        headers = {"Authorization": f"Bearer {_token(app, role)}"} if role else {}
        headers["Idempotency-Key"] = uuid.uuid4().hex
        client: FlaskClient = app.test_client()
        return client.open(built, method=method, json=body, headers=headers)

    answer = knocked()
    if role and answer.status_code == 401:  # a door before this one may have ended the sign-in
        _token.cache_clear()
        answer = knocked()
    return answer


def _nothing(rule: Rule, name: str) -> object:
    """A value the path takes and nothing is named by."""
    kind = type(rule._converters[name]).__name__
    return {"UUIDConverter": uuid.uuid4(), "IntegerConverter": 0}.get(kind, "NOTHING")


@functools.cache
def _token(app: Flask, role: Role) -> str:
    """A token of somebody of this role, good for everything the role may do."""
    with app.app_context():
        act_as("system:test")
        person = a_person(role)
        secret = once.new_secret()
        db.session.add(
            Token(
                id=uuid.uuid4(),
                secret_hash=once.hashed(secret),
                person_id=person.id,
                epoch=person.session_epoch,
                name="test",
                scopes=[scope.value for scope in Scope],
                ends_at=now() + timedelta(hours=1),
            )
        )
        db.session.commit()
        db.session.remove()
    return secret


# The checks themselves: a wrong guard is seen.


@pytest.fixture
def guarded(live_app: Flask) -> Iterator[Flask]:
    """A shop whose /healthz is for managers now."""
    before = live_app.view_functions["health.alive"]
    live_app.view_functions["health.alive"] = allow(Role.MANAGER)(lambda: "alive")
    yield live_app
    live_app.view_functions["health.alive"] = before


WHO = {None: "sign in first", Role.CLIENT: "not yours", Role.MANAGER: "open"}


@pytest.mark.parametrize("role", WHO)
def test_another_guard_would_be_seen(guarded: Flask, role: Role | None) -> None:
    assert guards_of(guarded, "GET /healthz") == {Role.MANAGER} != DOORS["GET /healthz"]
    assert verdict(knock(guarded, "GET /healthz", role)) == WHO[role]
