"""I22, I23: who goes past every trigger and key as a superuser is seen by `flask audit verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg import sql

from shop import create_app
from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.cluster import APP
from shop.core.db import act_as, db
from shop.core.signatures import public_key_of
from shop.prescriptions import inquiring
from shop.prescriptions.models import Inquiry
from tests.builders import a_cream
from tests.conftest import Database, config_for, undone
from tests.inventory.lots import a_lot
from tests.keys import KEY_ID
from tests.orders.things import paid
from tests.people import alice, bob
from tests.prescriptions.builders import a_claimed_request, a_prescription


@pytest.fixture(scope="module")
def world(live: Database) -> dict[str, Any]:
    """A paid order for a prescribed cream, in the module's own database."""
    app = create_app(config_for(live))
    with app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        lot = a_lot(cream, 5)
        prescription = a_prescription(client, cream)
        order = paid(client, {cream: 1})
        known = {
            "prescription": prescription.id,
            "request": prescription.request_id,
            "question": _answered(client).id,
            "fill": order.lines[0].fill_id,
            "line": order.lines[0].id,
            "order": order.id,
            "lot": lot.id,
            "bob": bob().id,
            "key": KEY_ID,
            "stranger_key": public_key_of(bytes(32)),
        }
        other = a_prescription(client, a_cream())
        known["other"] = other.id
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return known


def _answered(client: Person) -> Inquiry:
    """A question about another request, answered with words and with other answers."""
    request = a_claimed_request(client, a_cream())
    assert request.claimed_by is not None
    asked = inquiring.inquire(request, "Since when?", by=request.claimed_by, at=now())
    anew = {"goal": "Even skin."}
    inquiring.reply(request, "Since May.", answers=anew, by=client, at=now())
    return asked


@pytest.fixture(scope="module")
def shop(live: Database, world: dict[str, Any]) -> Iterator[Flask]:
    """Where no CHECK and no key stands in a tamperer's way."""
    assert world
    with live.as_role() as connection:
        for table, name in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE (contype = 'c' OR conname = 'signatures_one_per_prescription') AND connamespace = 'public'::regnamespace AND conrelid <> 0"
        ).fetchall():
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(table), sql.Identifier(name)
                )
            )
    app = create_app(config_for(live, database_url=live.url()))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def superuser(shop: Flask) -> Iterator[sa.Connection]:
    """The connection all is done on: first as the superuser, then verified as the application."""
    with undone(shop) as connection:
        yield connection


def verified(shop: Flask, superuser: sa.Connection, *options: str) -> Any:
    """What `flask audit verify` says, with the application's rights."""
    superuser.exec_driver_sql(f"SET LOCAL ROLE {APP}")
    return shop.test_cli_runner().invoke(args=["audit", "verify", *options])


def test_what_was_left_alone_verifies(shop: Flask, superuser: sa.Connection) -> None:
    for options in ([], ["--json"]):
        said = verified(shop, superuser, *options)
        assert said.exit_code == 0, said.output


NOT_SIGNED = "the prescription does not say what was signed"
NOT_TOLD = "is not what its last event says"
PRESCRIPTION = "UPDATE prescriptions SET {} WHERE id = %(prescription)s"
SIGNATURE = "UPDATE signatures SET {} WHERE prescription_id = %(prescription)s"
NOT_HANDED_IN = "the answers are not those that were handed in"
QUESTION = "UPDATE inquiries SET {} WHERE id = %(question)s"
REQUEST = "UPDATE approval_requests SET {} WHERE id = %(request)s"
EVENT = "UPDATE events SET {} WHERE subject_id = %(line)s AND seq = 2"
FLIPPED = (
    "text = set_byte(text, octet_length(text) - 1, 255 - get_byte(text, octet_length(text) - 1))"
)
LAST = "subject_id = %(line)s AND seq = (SELECT max(seq) FROM events WHERE subject_id = %(line)s)"

TAMPERING = {
    "facts of an event": (EVENT.format("facts = '{}'"), "the event was altered"),
    "who did it": (EVENT.format("actor = 'person:x'"), "the event was altered"),
    "when it was done": (EVENT.format("at = at + interval '1 s'"), "the event was altered"),
    "its hash": (EVENT.format("hash = decode(repeat('00', 32), 'hex')"), "the event was altered"),
    "an event removed": (
        "DELETE FROM events WHERE subject_id = %(line)s AND seq = 1",
        "an event is missing",
    ),
    "the last event removed": (f"DELETE FROM events WHERE {LAST}", NOT_TOLD),
    "all events of a row removed": (
        "DELETE FROM events WHERE subject_id = %(line)s",
        "has no event that says how it came to be",
    ),
    "a row removed": ("DELETE FROM order_lines WHERE id = %(line)s", "it tells of is gone"),
    "an order closed": ("UPDATE orders SET status = 'closed' WHERE id = %(order)s", NOT_TOLD),
    "a line shipped": ("UPDATE order_lines SET status = 'shipped' WHERE id = %(line)s", NOT_TOLD),
    "a payment undone": ("UPDATE payments SET status = 'cancelled'", NOT_TOLD),
    "a lot kept back": ("UPDATE lots SET status = 'quarantine' WHERE id = %(lot)s", NOT_TOLD),
    "a fill given back": ("UPDATE fills SET status = 'released' WHERE id = %(fill)s", NOT_TOLD),
    "a request declined": (
        "UPDATE approval_requests SET status = 'declined' WHERE id = %(request)s",
        NOT_TOLD,
    ),
    "answers": (
        REQUEST.format(FLIPPED.replace("text", "answers_sealed")),
        "the answers that were handed in cannot be opened",
    ),
    "a question": (
        QUESTION.format(FLIPPED.replace("text", "question_sealed")),
        "a question to the client, or what was said before it, cannot be opened",
    ),
    "the answers before a question": (
        QUESTION.format("said_sealed = question_sealed"),
        "a question to the client, or what was said before it, cannot be opened",
    ),
    "when it was asked": (QUESTION.format("asked_at = asked_at - interval '1 day'"), NOT_HANDED_IN),
    "who asked": (QUESTION.format("asked_by_id = %(bob)s"), NOT_HANDED_IN),
    "the hash of the answers before": (
        QUESTION.format("answers_hash = decode(repeat('00', 32), 'hex')"),
        "the answers before a question are not those that were handed in",
    ),
    "a question removed": (
        "DELETE FROM inquiries WHERE id = %(question)s",
        "a question to the client is missing, or was slipped in",
    ),
    "no days of the answers": (REQUEST.format("answered_on_sealed = NULL"), NOT_HANDED_IN),
    "more than was asked for": (REQUEST.format("quantity = quantity + 1"), NOT_HANDED_IN),
    "other questions": (
        REQUEST.format("questionnaire_version = 'general-2026-1'"),
        NOT_HANDED_IN,
    ),
    "a hash that the signature does not name": (
        REQUEST.format("answers_hash = decode(repeat('00', 32), 'hex')"),
        NOT_SIGNED,
    ),
    "a prescription revoked": (PRESCRIPTION.format("status = 'revoked'"), NOT_TOLD),
    "a state of long ago": (
        "UPDATE orders SET status = 'awaiting_payment', state_seq = 1 WHERE id = %(order)s",
        NOT_TOLD,
    ),
    "more fills": (PRESCRIPTION.format("fills_allowed = 9"), NOT_SIGNED),
    "more in a fill": (PRESCRIPTION.format("quantity_per_fill = 9"), NOT_SIGNED),
    "a longer supply": (PRESCRIPTION.format("days_supply = 90"), NOT_SIGNED),
    "no days between": (PRESCRIPTION.format("interval_days = 1"), NOT_SIGNED),
    "a longer validity": (
        PRESCRIPTION.format("valid_until = valid_until + interval '1 day'"),
        NOT_SIGNED,
    ),
    "another prescriber": (PRESCRIPTION.format("prescriber_npi = '2000000000'"), NOT_SIGNED),
    "another examination": (PRESCRIPTION.format("examined_on = examined_on - 1"), NOT_SIGNED),
    "another state of the client": (PRESCRIPTION.format("client_state = 'TX'"), NOT_SIGNED),
    "one more state": (
        (
            "INSERT INTO prescription_states (prescription_id, state, prescriber_id, licence_id,"
            " licence_number, licence_from, licence_until) SELECT prescription_id, 'TX',"
            " prescriber_id, licence_id, licence_number, licence_from, licence_until"
            " FROM prescription_states WHERE prescription_id = %(prescription)s LIMIT 1"
        ),
        NOT_SIGNED,
    ),
    "another client": (
        PRESCRIPTION.format("client_id = %(bob)s"),
        "the prescription is not for who asked",
    ),
    "another statement hash": (
        PRESCRIPTION.format("statement_hash = decode(repeat('00', 32), 'hex')"),
        "the signed statement was altered",
    ),
    "another statement": (
        PRESCRIPTION.format(FLIPPED.replace("text", "statement_sealed")),
        "the signed statement cannot be opened",
    ),
    "another document hash": (
        SIGNATURE.format("document_hash = decode(repeat('00', 32), 'hex')"),
        "the signed document was altered",
    ),
    "a byte of the document": (
        SIGNATURE.format(FLIPPED.replace("text", "document_sealed")),
        "the signed document cannot be opened",
    ),
    "a byte of the signature": (
        SIGNATURE.format(FLIPPED.replace("text", "signature")),
        "the signature does not hold",
    ),
    "another's signature": (
        SIGNATURE.format(
            "signature = (SELECT signature FROM signatures WHERE prescription_id = %(other)s)"
        ),
        "the signature does not hold",
    ),
    "another's signature with its document": (
        SIGNATURE.format(
            "document_sealed = o.document_sealed, document_hash = o.document_hash,"
            " signature = o.signature FROM signatures o WHERE o.prescription_id = %(other)s"
            " AND signatures.prescription_id = %(prescription)s --"
        ),
        "the signed document cannot be opened",
    ),
    "two signatures swapped, rows and all": (
        (
            "UPDATE signatures SET prescription_id = CASE prescription_id"
            " WHEN %(prescription)s THEN %(other)s::uuid ELSE %(prescription)s::uuid END"
            " WHERE prescription_id IN (%(prescription)s, %(other)s)"
        ),
        "the document is not the one that was signed",
    ),
    "another moment of the signature": (
        SIGNATURE.format("signed_at = '1999-01-01Z'"),
        "the key was not valid when it signed",
    ),
    "another moment of the prescription": (
        PRESCRIPTION.format("signed_at = signed_at - interval '1 second'"),
        "the document says otherwise than the rows: signed_at",
    ),
    "another fresh sign-in": (
        PRESCRIPTION.format("fresh_at = fresh_at + interval '1 second'"),
        "the document says otherwise than the rows: sign_in",
    ),
    "another number of a licence": (
        (
            "UPDATE prescription_states SET licence_number = 'A1'"
            " WHERE prescription_id = %(prescription)s"
        ),
        "the document says otherwise than the rows: states",
    ),
    "no signature": (
        "DELETE FROM signatures WHERE prescription_id = %(prescription)s",
        "the signature is gone",
    ),
    "no checks": (
        "DELETE FROM screenings WHERE request_id = %(request)s",
        "the document says otherwise than the rows: screening",
    ),
    "other checks": (
        (
            f"UPDATE screenings SET {FLIPPED.replace('text', 'checks_sealed')}"
            " WHERE request_id = %(request)s"
        ),
        "what the document is compared with cannot be opened",
    ),
    "another public key": (
        "UPDATE signing_keys SET public_key = %(stranger_key)s WHERE id = %(key)s",
        "the signing key is not the one that was recorded",
    ),
    "a key that ended before": (
        "UPDATE signing_keys SET valid_until = '2001-01-01Z' WHERE id = %(key)s",
        "the key was not valid when it signed",
    ),
    "a key that was retired before": (
        "UPDATE signing_keys SET retired_at = '2001-01-01Z' WHERE id = %(key)s",
        "the key was not valid when it signed",
    ),
    "other directions": (
        PRESCRIPTION.format(FLIPPED.replace("text", "directions_sealed")),
        "the signed statement cannot be opened",
    ),
    "the directions of another field": (
        PRESCRIPTION.format("directions_sealed = indication_sealed"),
        "the signed statement cannot be opened",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_by_a_superuser_is_seen(
    shop: Flask, superuser: sa.Connection, world: dict[str, Any], how: str
) -> None:
    statement, why = TAMPERING[how]
    superuser.exec_driver_sql("SET LOCAL session_replication_role = replica")  # past triggers, keys
    assert superuser.exec_driver_sql(statement, world).rowcount > 0
    superuser.exec_driver_sql("SET LOCAL session_replication_role = origin")

    said, listed = (verified(shop, superuser, *more) for more in ([], ["--json"]))

    assert (said.exit_code, listed.exit_code) == (1, 1)
    broken = json.loads(listed.output)["broken"]
    assert any(place["why"].endswith(why) for place in broken), broken
    assert said.output.startswith(f"Broken at subject {broken[0]['subject']}")
