"""Attacks on people, proofs, sessions, tokens, licences and mailed links.

What the application has no privilege for at all (a role, an NPI, a session's end ...) is attacked
column by column in generated.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from shop.accounts import throttling
from shop.core.cluster import APP, WORKER
from shop.core.db import db
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.people import a_fresh_sign_in, alice, dr_chen, mona

SIGNED_IN = (
    "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at)"
    " VALUES (:id, sha256(:word), :person, 1, shop_now() + interval '1 day')"
)
TOKEN = (
    "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at)"
    " VALUES (:id, sha256(:word), :person, 1, 'till', '{read}', shop_now() + interval '1 day')"
)
LINK = (
    "INSERT INTO mail_links (id, secret_hash, person_id, purpose, ends_at)"
    " VALUES (:id, sha256(:word), :person, 'confirm', shop_now() + :left * interval '1 day')"
)


def scene() -> Mapping[str, Any]:
    """Dr Chen with a proof, a licence that ended, sessions and tokens; Alice with mailed links."""
    chen, client, manager = dr_chen(states=("CA", "NV")), alice(), mona()
    licence, ended = chen.licences
    ended.ended_on, ended.ended_by_id = ended.valid_from, manager.id
    throttling.count_failure(throttling.account_key(client.email))
    facts = {
        "chen": chen.id,
        "alice": client.id,
        "mona": manager.id,
        "proof": a_fresh_sign_in(chen).id,
        "licence": licence.id,
        "ended": ended.id,
    }
    db.session.flush()  # the rows before what is written of them by hand
    for name, statement in (("sign_in", SIGNED_IN), ("token", TOKEN)):
        for state in ("live", "gone"):
            facts[f"{name}_{state}"] = _written(statement, chen.id)
        db.session.execute(
            sa.text(f"UPDATE {name}s SET revoked_at = shop_now() WHERE id = :id"),
            {"id": facts[f"{name}_gone"]},
        )
        db.session.execute(
            sa.text(f"UPDATE {name}s SET fresh_id = :proof WHERE id = :id"),
            {"id": facts[f"{name}_live"], "proof": facts["proof"]},
        )
    for state, left in (("live", 1), ("used", 1), ("over", 0)):
        facts[f"link_{state}"] = _written(LINK, client.id, left=left)
    db.session.execute(
        sa.text("UPDATE mail_links SET used_at = shop_now() WHERE id = :id"),
        {"id": facts["link_used"]},
    )
    return facts


def _written(statement: str, person: uuid.UUID, **more: Any) -> uuid.UUID:
    made = uuid.uuid4()
    given = {"id": made, "word": made.bytes, "person": person, **more}
    db.session.execute(sa.text(statement), given)
    return made


ATTACKS = Attacks(scene)

A_PERSON = (
    "INSERT INTO people (id, email, name, role, password_hash{}) VALUES (%(new)s, 'q@x', 'Q', "
)
A_LICENCE = (
    "INSERT INTO licences (id, person_id, kind, state, number, valid_from, valid_until)"
    " SELECT %(new)s, person_id, kind, state, 'X', {} FROM licences WHERE id = %({})s"
)

ATTACKS.each(
    {
        # people
        "turn an epoch back": (
            "UPDATE people SET session_epoch = 0 WHERE id = %(alice)s",
            "epoch_moves_on",
        ),
        "disable somebody who stays signed in": (
            "UPDATE people SET disabled_at = now() WHERE id = %(alice)s",
            "disabled_ends_sessions",
        ),
        "a physician without an NPI": (
            A_PERSON.format("") + "'physician', 'x')",
            "physician_has_an_npi",
        ),
        "an NPI without its check digit": (
            A_PERSON.format(", npi") + "'physician', 'x', '1234567890')",
            "npi_has_its_check_digit",
        ),
        "another's NPI": (
            (
                "INSERT INTO people (id, email, name, role, password_hash, npi)"
                " SELECT %(new)s, 'q@x', 'Q', 'physician', 'x', npi FROM people WHERE id = %(chen)s"
            ),
            "people_npi_key",
        ),
        "an address in other letters": (
            (
                "INSERT INTO people (id, email, name, role, password_hash)"
                " SELECT %(new)s, upper(email::text), 'Q', 'staff', 'x' FROM people"
                " WHERE id = %(alice)s"
            ),
            "people_email_key",
        ),
        "a role nobody knows": (A_PERSON.format("") + "'owner', 'x')", "role_is_known"),
        "a client without an age": (
            A_PERSON.format(", state") + "'client', 'x', 'CA')",
            "client_has_an_age",
        ),
        "a client without a state": (
            A_PERSON.format(", birth_date") + "'client', 'x', '1990-01-01')",
            "client_has_a_state",
        ),
        "move to nowhere": (
            "UPDATE people SET state = 'Calif' WHERE id = %(alice)s",
            "state_is_a_usps_code",
        ),
        # licences
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
            A_LICENCE.format("valid_from, valid_until", "licence"),
            "licences_do_not_overlap",
        ),
        "a second licence for the last of its days": (
            A_LICENCE.format("valid_until - 1, valid_until + 90", "licence"),
            "licences_do_not_overlap",
        ),
        "a licence that ends before it begins": (
            A_LICENCE.format("valid_until, valid_from", "licence"),
            "licence_range_is_forward",
        ),
        # mailed links
        "remove a link that lives": (
            "DELETE FROM mail_links WHERE id = %(link_live)s",
            "only_expired_links_go",
        ),
        "use a link again": (
            "UPDATE mail_links SET used_at = shop_now() WHERE id = %(link_used)s",
            "link_works_once",
        ),
        "have never used a link": (
            "UPDATE mail_links SET used_at = NULL WHERE id = %(link_used)s",
            "link_works_once",
        ),
        "use a link after its end": (
            "UPDATE mail_links SET used_at = shop_now() WHERE id = %(link_over)s",
            "link_used_in_time",
        ),
        "use a link after its end, backdated": (
            "UPDATE mail_links SET used_at = '2001-01-01' WHERE id = %(link_over)s",
            "link_used_in_time",
        ),
    },
    APP,
    WORKER,
)

ATTACKS.each(
    {
        "invent a kind of proof": (
            (
                "INSERT INTO auth_events (id, person_id, kind, factors)"
                " VALUES (%(new)s, %(chen)s, 'trusted', '{password}')"
            ),
            "auth_event_kind_is_known",
        ),
        "borrow somebody's proof for a new session": (
            (
                "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at, fresh_id) VALUES"
                " (%(new)s, sha256('x'), %(alice)s, 1, now() + interval '1 d', %(proof)s)"
            ),
            "fresh_is_own",
        ),
        "borrow somebody's proof for a new token": (
            (
                "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at,"
                " fresh_id) VALUES (%(new)s, sha256('y'), %(alice)s, 1, 'n', '{read}',"
                " now() + interval '1 d', %(proof)s)"
            ),
            "fresh_is_own",
        ),
        "a proof of signing in as a fresh one": (
            (
                (
                    "INSERT INTO auth_events (id, person_id, kind, factors)"
                    " VALUES (%(new)s, %(chen)s, 'sign_in', '{password}')"
                ),
                "UPDATE sign_ins SET fresh_id = %(new)s WHERE id = %(sign_in_live)s",
            ),
            "fresh_is_own",
        ),
        "a proof of signing in as a token's fresh one": (
            (
                (
                    "INSERT INTO auth_events (id, person_id, kind, factors)"
                    " VALUES (%(new)s, %(chen)s, 'sign_in', '{password}')"
                ),
                "UPDATE tokens SET fresh_id = %(new)s WHERE id = %(token_live)s",
            ),
            "fresh_is_own",
        ),
        "bring a session back": (
            "UPDATE sign_ins SET revoked_at = NULL WHERE id = %(sign_in_gone)s",
            "revoked_once",
        ),
        "bring a token back": (
            "UPDATE tokens SET revoked_at = NULL WHERE id = %(token_gone)s",
            "revoked_once",
        ),
        "say a session ended earlier": (
            "UPDATE sign_ins SET revoked_at = '2020-01-01' WHERE id = %(sign_in_gone)s",
            "revoked_once",
        ),
        "keep a session's secret in clear": (
            (
                "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at) VALUES"
                " (%(new)s, 'plain', %(chen)s, 1, now())"
            ),
            "secret_is_hashed",
        ),
        "a token without a scope": (
            (
                "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at)"
                " VALUES (%(new)s, sha256('s'), %(chen)s, 1, 'n', '{}', now())"
            ),
            "token_has_a_scope",
        ),
        "a second session of one secret": (
            (
                "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at)"
                " SELECT %(new)s, secret_hash, %(alice)s, 1, now() FROM sign_ins"
                " WHERE id = %(sign_in_live)s"
            ),
            "sign_ins_secret_hash_key",
        ),
    }
)

ATTACKS.each(
    {
        "alter a proof": ("UPDATE auth_events SET factors = '{key}'", "auth_events_are_kept"),
        "widen a licence": (
            "UPDATE licences SET valid_until = '2090-01-01' WHERE id = %(licence)s",
            "licences_are_only_ended",
        ),
        "widen a licence while ending it": (
            (
                "UPDATE licences SET valid_until = '2090-01-01', ended_on = '2080-01-01',"
                " ended_by_id = %(mona)s WHERE id = %(licence)s"
            ),
            "licences_are_only_ended",
        ),
        "remove a licence": (
            "DELETE FROM licences WHERE id = %(licence)s",
            "licences_are_only_ended",
        ),
    },
    OWNER,
)


@ATTACKS.undone("revoked_once")
def _backdate_the_end_of_a_session(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE sign_ins SET revoked_at = '2020-01-01' WHERE id = %(sign_in_live)s"
        " RETURNING revoked_at > now() - interval '1 minute' AS stamped"
    )["stamped"]


@ATTACKS.undone("revoked_once")
def _backdate_the_end_of_a_token(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE tokens SET revoked_at = '2020-01-01' WHERE id = %(token_live)s"
        " RETURNING revoked_at > now() - interval '1 minute' AS stamped"
    )["stamped"]


@ATTACKS.undone("person_guarded", APP, WORKER)
def _backdate_a_disabling(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE people SET disabled_at = '2020-01-01', session_epoch = session_epoch + 1"
        " WHERE id = %(alice)s RETURNING disabled_at > now() - interval '1 minute' AS stamped"
    )["stamped"]


ATTACKS.each_passes(
    {
        "confirm an address": "UPDATE people SET email_confirmed_at = shop_now() WHERE id = %(alice)s",
        "change a password": "UPDATE people SET password_hash = 'x' WHERE id = %(alice)s",
        "move to another state": "UPDATE people SET state = 'NV' WHERE id = %(alice)s",
        "disable": (
            "UPDATE people SET disabled_at = shop_now(), session_epoch = session_epoch + 1"
            " WHERE id = %(alice)s"
        ),
        "note a session as seen": (
            "UPDATE sign_ins SET seen_at = shop_now() WHERE id = %(sign_in_live)s"
        ),
        "note a token as used": "UPDATE tokens SET used_at = shop_now() WHERE id = %(token_live)s",
        "note a revoked token as used": (
            "UPDATE tokens SET used_at = shop_now() WHERE id = %(token_gone)s"
        ),
        "keep a proof": "UPDATE sign_ins SET fresh_id = %(proof)s WHERE id = %(sign_in_live)s",
        "end a session": "UPDATE sign_ins SET revoked_at = shop_now() WHERE id = %(sign_in_live)s",
        "end a token": "UPDATE tokens SET revoked_at = shop_now() WHERE id = %(token_live)s",
        "end a licence": (
            "UPDATE licences SET ended_on = '2026-03-01', ended_by_id = %(mona)s"
            " WHERE id = %(licence)s"
        ),
        "a licence that follows on": A_LICENCE.format("valid_until, valid_until + 90", "licence"),
        "a licence beside one that was ended": A_LICENCE.format("valid_from, valid_until", "ended"),
        "use a link": "UPDATE mail_links SET used_at = shop_now() WHERE id = %(link_live)s",
        "clear a link that is over": "DELETE FROM mail_links WHERE id = %(link_over)s",
        "count a failure": (
            "INSERT INTO sign_in_attempts (id, who_hash) VALUES (%(new)s, sha256('who'))"
        ),
    }
)
