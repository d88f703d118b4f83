"""Sessions, tokens and the guard on every route."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, jsonify
from flask.testing import FlaskClient

from shop import create_app
from shop.accounts import access, once
from shop.accounts.access import allow
from shop.accounts.models import Person, Role, SignIn, Token
from shop.accounts.scopes import Scope
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, NotSignedIn
from tests import people
from tests.conftest import Database, FreshClient, config_for


@pytest.fixture(scope="module")
def door_app(live: Database) -> Iterator[Flask]:
    """A bare application with a door of each kind."""
    app = create_app(config_for(live))
    app.test_client_class = FreshClient
    if not hasattr(app, "login_manager"):
        access.init_app(app)
    doors(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def doors(app: Flask) -> None:
    def who() -> Any:
        person = access.visitor()
        fresh = access.fresh_proof()
        return jsonify(
            person=str(person.id) if person else None,
            actor=db.session.scalar(sa.text("SELECT current_setting('app.actor', true)")),
            fresh=str(fresh.id) if fresh else None,
            by_token=access.by_token(),
        )

    app.add_url_rule("/t/open", "t_open", allow()(who), methods=["GET", "POST"])
    app.add_url_rule("/t/any", "t_any", allow(*Role)(who), methods=["GET", "POST"])
    app.add_url_rule("/t/clinic", "t_clinic", allow(Role.PHYSICIAN)(who), methods=["GET", "POST"])
    app.add_url_rule(
        "/t/own", "t_own", allow(*Role, scope=Scope.ACCOUNT)(who), methods=["GET", "POST"]
    )
    app.register_error_handler(NotSignedIn, lambda error: (error.code, 401))
    app.register_error_handler(NotAllowed, lambda error: (error.code, 403))


def a_session(app: Flask, person: Person, **given: Any) -> tuple[FlaskClient, SignIn]:
    """A browser whose cookie holds a session of `person`."""
    secret = once.new_secret()
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "secret_hash": once.hashed(secret),
        "person_id": person.id,
        "epoch": person.session_epoch,
        "ends_at": now() + timedelta(hours=1),
    }
    sign_in = SignIn(**(fields | given))
    db.session.add(sign_in)
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = secret
    return client, sign_in


def a_token(person: Person, scopes: list[str], **given: Any) -> dict[str, str]:
    """The header of a program that holds a token of `person`."""
    secret = once.new_secret()
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "secret_hash": once.hashed(secret),
        "person_id": person.id,
        "epoch": person.session_epoch,
        "name": "till",
        "scopes": scopes,
        "ends_at": now() + timedelta(hours=1),
    }
    db.session.add(Token(**(fields | given)))
    db.session.commit()
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def cast(door_app: Flask) -> Iterator[dict[str, Person]]:
    with door_app.app_context():
        db.session.info["actor"] = "system:test"
        yield {"alice": people.alice(), "chen": people.dr_chen()}


def test_a_session_names_the_person_and_the_actor(door_app: Flask, cast: dict[str, Person]) -> None:
    client, _ = a_session(door_app, cast["alice"])

    answer = client.get("/t/any").json

    assert answer == {
        "person": str(cast["alice"].id),
        "actor": cast["alice"].actor,
        "fresh": None,
        "by_token": False,
    }


def test_nobody_writes_as_nobody(door_app: Flask) -> None:
    bearer = {"Authorization": "Bearer of nothing"}
    answer = door_app.test_client().post("/t/open", headers=bearer).json

    assert (answer["person"], answer["actor"]) == (None, "system:signing-in")


def test_nobody_who_only_looks_is_not_named(door_app: Flask) -> None:
    """It costs a statement, and the database refuses what an unnamed one would write."""
    answer = door_app.test_client().get("/t/open").json

    assert (answer["person"], answer["actor"]) == (None, "")


@pytest.mark.parametrize(
    ("path", "status"), [("/t/open", 200), ("/t/any", 401), ("/t/clinic", 401), ("/t/own", 401)]
)
def test_strangers_get_through_open_doors_only(door_app: Flask, path: str, status: int) -> None:
    assert door_app.test_client().get(path).status_code == status


def test_a_role_opens_its_doors(door_app: Flask, cast: dict[str, Person]) -> None:
    alice, _ = a_session(door_app, cast["alice"])
    chen, _ = a_session(door_app, cast["chen"])

    assert [alice.get("/t/clinic").status_code, chen.get("/t/clinic").status_code] == [403, 200]


SECOND = timedelta(seconds=1)
IDLE = timedelta(hours=12)
ENDINGS: dict[str, tuple[dict[str, timedelta], int]] = {
    "ends in a moment": ({"ends_at": SECOND * 30}, 200),
    "ended a moment ago": ({"ends_at": -SECOND}, 401),
    "seen within the idle time": ({"seen_at": -IDLE + SECOND * 30}, 200),
    "idle for too long": ({"seen_at": -IDLE - SECOND}, 401),
    "revoked": ({"revoked_at": -SECOND}, 401),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_a_session_ends(
    live: Database, door_app: Flask, cast: dict[str, Person], case: str
) -> None:
    moved, status = ENDINGS[case]
    client, sign_in = a_session(door_app, cast["alice"])
    (column, by), *_ = moved.items()
    with live.as_role() as superuser:
        superuser.execute(
            f"UPDATE sign_ins SET {column} = shop_now() + %s WHERE id = %s", [by, sign_in.id]
        )

    assert client.get("/t/any").status_code == status


@pytest.mark.parametrize("held", ["session", "token"])
@pytest.mark.parametrize(
    "change",
    ["session_epoch = session_epoch + 1", "disabled_at = now(), session_epoch = session_epoch + 1"],
)
def test_a_person_who_is_disabled_or_signed_out_everywhere_is_refused_at_once(
    live: Database, door_app: Flask, cast: dict[str, Person], held: str, change: str
) -> None:
    client, headers = door_app.test_client(), {}
    if held == "session":
        client, _ = a_session(door_app, cast["alice"])
    else:
        headers = a_token(cast["alice"], ["read"])
    assert client.get("/t/any", headers=headers).status_code == 200

    with live.as_role() as superuser:
        superuser.execute(f"UPDATE people SET {change} WHERE id = %s", [cast["alice"].id])

    assert client.get("/t/any", headers=headers).status_code == 401


SCOPES = {
    "reading needs read": (["read"], "GET", "/t/clinic", 200),
    "a writing scope alone does not read": (["clinic"], "GET", "/t/clinic", 403),
    "reading does not write": (["read"], "POST", "/t/clinic", 403),
    "the role's scope writes": (["clinic"], "POST", "/t/clinic", 200),
    "another role's scope does not": (["shop"], "POST", "/t/clinic", 403),
    "a route may name its scope": (["account"], "POST", "/t/own", 200),
    "and then asks for it": (["read", "clinic"], "POST", "/t/own", 403),
}


@pytest.mark.parametrize("case", SCOPES)
def test_a_token_reaches_as_far_as_its_scopes(
    door_app: Flask, cast: dict[str, Person], case: str
) -> None:
    scopes, method, path, status = SCOPES[case]
    headers = a_token(cast["chen"], scopes)

    assert door_app.test_client().open(path, method=method, headers=headers).status_code == status


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer nonsense", "Bearer \udc80", "Basic YTpi", "bearer\tx", ""],
)
def test_a_wrong_header_is_nobody(door_app: Flask, header: str) -> None:
    answer = door_app.test_client().get("/t/any", environ_overrides={"HTTP_AUTHORIZATION": header})

    assert answer.status_code == 401


def test_beside_a_token_the_cookie_is_not_read(door_app: Flask, cast: dict[str, Person]) -> None:
    """Otherwise a header without meaning would lift the CSRF check from a cookie's call."""
    client, _ = a_session(door_app, cast["alice"])

    assert client.get("/t/any", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_a_cookie_holds_no_row_id(door_app: Flask, cast: dict[str, Person]) -> None:
    _, sign_in = a_session(door_app, cast["alice"])
    thief = door_app.test_client()
    with thief.session_transaction() as cookie:
        cookie["_user_id"] = str(sign_in.id)

    assert thief.get("/t/any").status_code == 401


def test_seen_is_written_once_a_minute(
    live: Database, door_app: Flask, cast: dict[str, Person]
) -> None:
    client, sign_in = a_session(door_app, cast["alice"])

    def seen_after(ago: timedelta) -> timedelta:
        with live.as_role() as superuser:
            superuser.execute(
                "UPDATE sign_ins SET seen_at = shop_now() - %s WHERE id = %s", [ago, sign_in.id]
            )
        client.get("/t/any")
        with live.as_role() as superuser:
            query = "SELECT shop_now() - seen_at FROM sign_ins WHERE id = %s"
            return superuser.execute(query, [sign_in.id]).fetchone()[0]

    assert seen_after(timedelta(seconds=50)) >= timedelta(seconds=50)
    assert seen_after(timedelta(seconds=61)) < timedelta(seconds=30)


def test_a_token_notes_its_first_use(
    live: Database, door_app: Flask, cast: dict[str, Person]
) -> None:
    headers = a_token(cast["alice"], ["read"])
    door_app.test_client().get("/t/any", headers=headers)

    used = db.session.scalars(
        sa.select(Token.used_at).where(Token.person_id == cast["alice"].id)
    ).one()
    assert used is not None


@pytest.mark.parametrize(("minutes", "fresh"), [(4.9, True), (5.1, False)])
def test_a_fresh_sign_in_lasts_five_minutes(
    live: Database, door_app: Flask, cast: dict[str, Person], minutes: float, fresh: bool
) -> None:
    with live.as_role() as superuser:  # only a superuser sets a proof's time
        proof = superuser.execute(
            "INSERT INTO auth_events (id, person_id, kind, factors, at) VALUES"
            " (gen_random_uuid(), %s, 'fresh', '{password}', shop_now() - %s) RETURNING id",
            [_saved(cast["chen"]), timedelta(minutes=minutes)],
        ).fetchone()[0]
    client, _ = a_session(door_app, cast["chen"], fresh_id=proof)

    assert client.get("/t/any").json["fresh"] == (str(proof) if fresh else None)


def _saved(person: Person) -> uuid.UUID:
    db.session.commit()
    return person.id


def test_a_fresh_sign_in_is_not_shared(door_app: Flask, cast: dict[str, Person]) -> None:
    """Each session proves itself: a proof in one browser signs nothing in another."""
    proof = people.a_fresh_sign_in(cast["chen"])
    a_session(door_app, cast["chen"], fresh_id=proof.id)
    other, _ = a_session(door_app, cast["chen"])

    assert other.get("/t/any").json["fresh"] is None


def test_one_select_finds_session_person_and_proof(
    door_app: Flask, cast: dict[str, Person]
) -> None:
    client, _ = a_session(door_app, cast["alice"])
    client.get("/t/open")
    asked: list[str] = []

    def note(*args: Any) -> None:
        asked.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        client.get("/t/open")
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert sum("FROM sign_ins" in statement for statement in asked) == 1
    assert not any("FROM people" in statement for statement in asked)


def test_unguarded_names_the_routes_that_say_nothing() -> None:
    app = Flask(__name__)
    app.add_url_rule("/guarded", "guarded", allow()(lambda: ""))
    app.add_url_rule("/bare", "bare", lambda: "", methods=["POST"])

    assert access.unguarded(app) == ["OPTIONS,POST /bare"]


def test_the_cookie_is_tied_to_the_host_where_clients_come_by_https(live: Database) -> None:
    app = Flask(__name__)
    app.config["SHOP"] = config_for(live, base_url="https://shop.example")
    access.init_app(app)

    names = ("NAME", "SECURE", "HTTPONLY", "SAMESITE", "PATH")
    assert [app.config[f"SESSION_COOKIE_{name}"] for name in names] == [
        "__Host-aftercare",
        True,
        True,
        "Lax",
        "/",
    ]
    assert not app.config.get("SESSION_COOKIE_DOMAIN")
