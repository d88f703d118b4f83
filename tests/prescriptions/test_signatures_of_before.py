"""Prescriptions of before the clinic had signing keys, as a migrated database holds them."""

from __future__ import annotations

from flask import Flask

from shop.core.db import act_as, db
from shop.prescriptions import verifying
from tests.accounts.test_api import Browser, somebody
from tests.conftest import Database
from tests.people import alice
from tests.prescriptions.builders import a_prescription


def test_they_have_no_signature_and_verify(live_app: Flask, live: Database) -> None:
    with live_app.app_context():
        act_as("system:test")
        client = somebody(alice)
        made = a_prescription(client)
        number, prescription_id = made.number, made.id
        db.session.commit()
    _as_of_before(live, prescription_id)

    with live_app.app_context():
        answer = Browser(live_app, client).get(f"/prescriptions/{number}/signature")
        assert answer.status_code == 404
        assert "before the clinic had signing keys" in answer.json["detail"]
    with live_app.app_context():
        assert list(verifying.verify()) == []


def _as_of_before(live: Database, prescription_id: object) -> None:
    with live.as_role() as connection:
        connection.execute("SET session_replication_role = replica")  # past every trigger and key
        for statement in (
            "DELETE FROM signatures WHERE prescription_id = %s",
            (
                "DELETE FROM screenings s USING prescriptions p"
                " WHERE p.request_id = s.request_id AND p.id = %s"
            ),
            (
                "UPDATE events SET facts = facts - 'document' - 'key'"
                " WHERE kind = 'prescription_signed' AND subject_id = %s"
            ),
        ):
            assert connection.execute(statement, [prescription_id]).rowcount == 1
