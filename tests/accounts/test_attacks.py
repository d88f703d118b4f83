"""What the application's own role cannot do by direct SQL, and what two do at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg import errors

from shop.accounts import confirming, once, opening, passwords, throttling
from shop.accounts.errors import LinkNotUsable, WrongPassword
from shop.accounts.models import Person, SignInAttempt
from shop.accounts.signing_in import prove
from shop.core.clock import now
from shop.core.cluster import APP, WORKER
from shop.core.db import db
from shop.core.errors import TooMany
from tests import people
from tests.conftest import Database

TODAY = date(2026, 6, 15)
Rows = dict[str, uuid.UUID]


@pytest.fixture(scope="module")
def rows(live: Database, live_app: Flask) -> Rows:
    """One row of everything, written as the application writes."""
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        chen, alice, mona = people.dr_chen(states=("CA", "NV")), people.alice(), people.mona()
        proof = people.a_fresh_sign_in(chen)
        confirming.issue_link(alice, now())
        db.session.commit()
        found = {"chen": chen.id, "alice": alice.id, "mona": mona.id, "proof": proof.id}
        found["licence"], found["ended"] = (licence.id for licence in chen.licences)
    with live.as_role(APP) as app:
        app.execute(
            "UPDATE licences SET ended_on = '2026-01-01', ended_by_id = %(mona)s"
            " WHERE id = %(ended)s",
            found,
        )
        for table, more in (("sign_ins", ""), ("tokens", ", name, scopes")):
            for state in ("live", "gone"):
                found[f"{table}_{state}"] = uuid.uuid4()
                app.execute(
                    f"INSERT INTO {table} (id, secret_hash, person_id, epoch, ends_at{more}) VALUES"
                    f" (%s, sha256(%s), %s, 1, shop_now() + '1 day'{more and ', %s, %s'})",
                    [
                        found[f"{table}_{state}"],
                        f"{table}{state}".encode(),
                        found["chen"],
                        *(["till", ["read"]] if more else []),
                    ],
                )
            app.execute(
                f"UPDATE {table} SET revoked_at = shop_now() WHERE id = %s",
                [found[f"{table}_gone"]],
            )
    return found


DENIED = "permission denied"
ATTACKS: dict[str, tuple[str, str]] = {
    # proofs
    "backdate a proof": (
        (
            "INSERT INTO auth_events (id, person_id, kind, factors, at)"
            " VALUES (gen_random_uuid(), %(chen)s, 'fresh', '{password}', now() - interval '1 h')"
        ),
        DENIED,
    ),
    "postpone a proof": ("UPDATE auth_events SET at = now()", DENIED),
    "remove a proof": ("DELETE FROM auth_events", DENIED),
    "invent a kind of proof": (
        (
            "INSERT INTO auth_events (id, person_id, kind, factors)"
            " VALUES (gen_random_uuid(), %(chen)s, 'trusted', '{password}')"
        ),
        "auth_event_kind_is_known",
    ),
    "borrow somebody's proof for a session": (
        (
            "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at, fresh_id) VALUES"
            " (gen_random_uuid(), sha256('x'), %(alice)s, 1, now() + interval '1 d', %(proof)s)"
        ),
        "fresh_is_own",
    ),
    "borrow somebody's proof for a token": (
        (
            "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at, fresh_id)"
            " VALUES (gen_random_uuid(), sha256('y'), %(alice)s, 1, 'n', '{read}',"
            " now() + interval '1 d', %(proof)s)"
        ),
        "fresh_is_own",
    ),
    # sessions and tokens
    "bring a session back": (
        "UPDATE sign_ins SET revoked_at = NULL WHERE id = %(sign_ins_gone)s",
        "revoked_once",
    ),
    "bring a token back": (
        "UPDATE tokens SET revoked_at = NULL WHERE id = %(tokens_gone)s",
        "revoked_once",
    ),
    "say a session ended earlier": (
        "UPDATE sign_ins SET revoked_at = '2020-01-01' WHERE id = %(sign_ins_gone)s",
        "revoked_once",
    ),
    "prolong a session": ("UPDATE sign_ins SET ends_at = ends_at + interval '1 y'", DENIED),
    "prolong a token": ("UPDATE tokens SET ends_at = ends_at + interval '1 y'", DENIED),
    "widen a token": ("UPDATE tokens SET scopes = '{read,manage}'", DENIED),
    "hand a session over": ("UPDATE sign_ins SET person_id = %(mona)s", DENIED),
    "lift a session over a new epoch": ("UPDATE sign_ins SET epoch = 2", DENIED),
    "swap a session's secret": ("UPDATE sign_ins SET secret_hash = sha256('z')", DENIED),
    "keep a secret in clear": (
        (
            "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at) VALUES"
            " (gen_random_uuid(), 'plain', %(chen)s, 1, now())"
        ),
        "secret_is_hashed",
    ),
    "a token without a scope": (
        (
            "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at) VALUES"
            " (gen_random_uuid(), sha256('s'), %(chen)s, 1, 'n', '{}', now())"
        ),
        "token_has_a_scope",
    ),
    "remove a session": ("DELETE FROM sign_ins", DENIED),
    "remove failed tries": ("DELETE FROM sign_in_attempts", DENIED),
    "move failed tries away": ("UPDATE sign_in_attempts SET at = '2020-01-01'", DENIED),
    # people
    "become a manager": ("UPDATE people SET role = 'manager' WHERE id = %(alice)s", DENIED),
    "take an NPI": ("UPDATE people SET npi = '1234567893' WHERE id = %(alice)s", DENIED),
    "grow older": ("UPDATE people SET birth_date = '1980-01-01' WHERE id = %(alice)s", DENIED),
    "take an address over": ("UPDATE people SET email = 'x@example.test'", DENIED),
    "turn an epoch back": (
        "UPDATE people SET session_epoch = 0 WHERE id = %(alice)s",
        "epoch_moves_on",
    ),
    "disable without ending sessions": (
        "UPDATE people SET disabled_at = now() WHERE id = %(alice)s",
        "disabled_ends_sessions",
    ),
    "remove a person": ("DELETE FROM people WHERE id = %(alice)s", DENIED),
    "a physician without an NPI": (
        (
            "INSERT INTO people (id, email, name, role, password_hash) VALUES"
            " (gen_random_uuid(), 'q@example.test', 'Q', 'physician', 'x')"
        ),
        "physician_has_an_npi",
    ),
    "an NPI without its check digit": (
        (
            "INSERT INTO people (id, email, name, role, password_hash, npi) VALUES"
            " (gen_random_uuid(), 'q@example.test', 'Q', 'physician', 'x', '1234567890')"
        ),
        "npi_has_its_check_digit",
    ),
    "a role nobody knows": (
        (
            "INSERT INTO people (id, email, name, role, password_hash) VALUES"
            " (gen_random_uuid(), 'q@example.test', 'Q', 'owner', 'x')"
        ),
        "role_is_known",
    ),
    # licences
    "widen a licence": ("UPDATE licences SET valid_until = '2090-01-01'", DENIED),
    "move a licence": ("UPDATE licences SET state = 'TX'", DENIED),
    "bring a licence back": (
        "UPDATE licences SET ended_on = NULL, ended_by_id = NULL WHERE id = %(ended)s",
        "licences_are_only_ended",
    ),
    "end a licence twice": (
        "UPDATE licences SET ended_on = '2026-02-01' WHERE id = %(ended)s",
        "licences_are_only_ended",
    ),
    "end a licence by nobody": (
        "UPDATE licences SET ended_on = '2026-02-01' WHERE id = %(licence)s",
        "licence_ended_by_someone",
    ),
    "a second licence for the same days": (
        (
            "INSERT INTO licences (id, person_id, kind, state, number, valid_from, valid_until)"
            " SELECT gen_random_uuid(), person_id, kind, state, 'X', valid_from, valid_until"
            " FROM licences WHERE id = %(licence)s"
        ),
        "licences_do_not_overlap",
    ),
    "remove a licence": ("DELETE FROM licences WHERE id = %(licence)s", DENIED),
    # mailed links
    "remove a link that lives": ("DELETE FROM mail_links", "only_expired_links_go"),
    "prolong a link": ("UPDATE mail_links SET ends_at = ends_at + interval '1 y'", DENIED),
    "hand a link over": ("UPDATE mail_links SET person_id = %(mona)s", DENIED),
}


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("attack", ATTACKS)
def test_is_refused(live: Database, rows: Rows, attack: str, role: str) -> None:
    statement, why = ATTACKS[attack]
    with live.as_role(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement, rows)

    if isinstance(refused.value, errors.InsufficientPrivilege):
        assert role == WORKER or why == DENIED
    else:
        assert refused.value.diag.constraint_name == why


OWNERS = {
    "alter a proof": ("UPDATE auth_events SET factors = '{key}'", "auth_events_are_kept"),
    "remove a proof": ("DELETE FROM auth_events", "auth_events_are_kept"),
    "remove all proofs": ("TRUNCATE auth_events CASCADE", "auth_events_are_kept"),
    "widen a licence": (
        "UPDATE licences SET valid_until = '2090-01-01'",
        "licences_are_only_ended",
    ),
    "remove a licence": ("DELETE FROM licences", "licences_are_only_ended"),
}


@pytest.mark.parametrize("attack", OWNERS)
def test_is_refused_to_the_owner_too(live: Database, rows: Rows, attack: str) -> None:
    statement, why = OWNERS[attack]
    with live.as_role() as connection, pytest.raises(errors.CheckViolation) as refused:
        connection.execute(statement, rows)

    assert refused.value.diag.constraint_name == why


ALLOWED = {
    "confirm an address": "UPDATE people SET email_confirmed_at = shop_now() WHERE id = %(alice)s",
    "change a password": "UPDATE people SET password_hash = 'x' WHERE id = %(alice)s",
    "change a name": "UPDATE people SET name = 'Alice M.' WHERE id = %(alice)s",
    "move to another state": "UPDATE people SET state = 'NV' WHERE id = %(alice)s",
    "disable": "UPDATE people SET disabled_at = shop_now(), session_epoch = session_epoch + 1"
    " WHERE id = %(alice)s",
    "note a session as seen": "UPDATE sign_ins SET seen_at = shop_now() WHERE id = %(sign_ins_live)s",
    "note a token as used": "UPDATE tokens SET used_at = shop_now() WHERE id = %(tokens_live)s",
    "keep a proof": "UPDATE sign_ins SET fresh_id = %(proof)s WHERE id = %(sign_ins_live)s",
    "end a session": "UPDATE sign_ins SET revoked_at = shop_now() WHERE id = %(sign_ins_live)s",
    "end a token": "UPDATE tokens SET revoked_at = shop_now() WHERE id = %(tokens_live)s",
    "end a licence": "UPDATE licences SET ended_on = '2026-03-01', ended_by_id = %(mona)s"
    " WHERE id = %(licence)s",
    "use a link": "UPDATE mail_links SET used_at = shop_now() WHERE person_id = %(alice)s",
    "count a failure": "INSERT INTO sign_in_attempts (id, who_hash)"
    " VALUES (gen_random_uuid(), sha256('who'))",
}


@pytest.mark.parametrize("act", ALLOWED)
def test_is_allowed(live: Database, rows: Rows, act: str) -> None:
    with live.as_role(APP) as connection:
        done = connection.execute(ALLOWED[act], rows)
        assert done.rowcount == 1
        connection.rollback()


def test_an_expired_link_may_go(live: Database, rows: Rows) -> None:
    with live.as_role(APP) as connection:
        connection.execute(
            "INSERT INTO mail_links (id, secret_hash, person_id, purpose, ends_at) VALUES"
            " (gen_random_uuid(), sha256('old'), %(alice)s, 'confirm', shop_now())",
            rows,
        )
        done = connection.execute("DELETE FROM mail_links WHERE secret_hash = sha256('old')")
        assert done.rowcount == 1


def test_a_revocation_is_stamped_by_the_database(live: Database, rows: Rows) -> None:
    with live.as_role(APP) as connection:
        connection.execute(
            "UPDATE tokens SET revoked_at = '2020-01-01' WHERE id = %(tokens_live)s", rows
        )
        (age,) = connection.execute(
            "SELECT extract(epoch FROM shop_now() - revoked_at) FROM tokens"
            " WHERE id = %(tokens_live)s",
            rows,
        ).fetchone() or (None,)
        assert age is not None
        assert 0 <= age < 60
        connection.rollback()


def at_once(app: Flask, times: int, work: Any) -> list[Any]:
    """What each of `times` threads gets from `work`, all starting together."""
    gate = threading.Barrier(times)

    def one(number: int) -> Any:
        with app.app_context():
            db.session.info["actor"] = "system:test"
            gate.wait(timeout=20)
            try:
                return work(number)
            except (LinkNotUsable, TooMany, WrongPassword) as refusal:
                db.session.commit()
                return type(refusal)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


@pytest.fixture
def context(live_app: Flask) -> Iterator[None]:
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        yield


def test_a_link_redeemed_by_two_at_once_works_once(live_app: Flask, context: None) -> None:
    """I29."""
    bob = people.bob()
    secret = confirming.issue_link(bob, now())
    db.session.commit()
    bob_id = bob.id

    def redeem(_number: int) -> uuid.UUID:
        person = confirming.redeem(secret, at=now())
        db.session.commit()
        return person.id

    assert sorted(at_once(live_app, 4, redeem), key=str) == sorted(
        [bob_id, LinkNotUsable, LinkNotUsable, LinkNotUsable], key=str
    )


def test_an_account_opened_by_two_at_once_is_one(live_app: Flask, context: None) -> None:
    def open_one(_number: int) -> bool:
        made = opening.open_account(
            email="twice@example.test",
            password="gray plum 12",
            name="Twice",
            birth_date=TODAY.replace(year=1990),
            state="CA",
            at=now(),
            today=TODAY,
        )
        db.session.commit()
        return made is not None

    assert sorted(at_once(live_app, 4, open_one)) == [False, False, False, True]
    query = sa.select(sa.func.count()).where(Person.email == "twice@example.test")
    assert db.session.scalar(query) == 1


def test_twelve_guesses_four_at_a_time_are_ten(live_app: Flask, context: None) -> None:
    """Else a thousand guesses sent together would all count as the first."""
    carla = people.alice(password_hash=passwords.hash_of("gray plum 12"))
    db.session.commit()
    email = carla.email

    def guess(number: int) -> Any:
        return prove(email, f"wrong plum {number}", address=f"192.0.2.{number}", at=now())

    answers = (
        at_once(live_app, 4, guess) + at_once(live_app, 4, guess) + at_once(live_app, 4, guess)
    )

    assert (answers.count(WrongPassword), answers.count(TooMany)) == (10, 2)
    counted = sa.select(sa.func.count()).where(
        SignInAttempt.who_hash == throttling.account_key(email)
    )
    assert db.session.scalar(counted) == 10


ADDRESSES = {
    "two addresses of one household": ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    "two households": ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    "two IPv4 addresses": ("192.0.2.1", "192.0.2.2", False),
    "no address": ("", "unix", False),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_where_tries_come_from(case: str) -> None:
    one, other, same = ADDRESSES[case]

    assert (throttling.address_key(one) == throttling.address_key(other)) is same


def test_secrets_are_long_and_different() -> None:
    made = {once.new_secret() for _ in range(100)}

    assert len(made) == 100
    assert min(map(len, made)) >= 43  # 32 bytes in base 64
