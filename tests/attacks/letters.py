"""Attacks on the letters: one to each person about each version of a thing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from shop.core.cluster import APP, WORKER
from shop.core.db import db
from shop.notifications.models import Letter, Template
from tests.attacks.attack import Attacks, Sql
from tests.people import alice


def scene() -> Mapping[str, Any]:
    """A letter to Alice waits to be sent."""
    client, subject, letter = alice(), uuid.uuid4(), uuid.uuid4()
    db.session.execute(
        sa.insert(Letter).values(
            id=letter,
            template=Template.ORDER_PAID,
            subject_id=subject,
            version=1,
            recipient_id=client.id,
        )
    )
    return {"alice": client.id, "subject": subject, "letter": letter}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "write the same letter again": (
            (
                "INSERT INTO letters (id, template, subject_id, version, recipient_id)"
                " VALUES (%(new)s, 'order_paid', %(subject)s, 1, %(alice)s)"
            ),
            "letters_once_per_version",
        ),
        "write to nobody": (
            (
                "INSERT INTO letters (id, template, subject_id, version, recipient_id)"
                " VALUES (%(new)s, 'order_paid', %(subject)s, 2, %(new)s)"
            ),
            "letters_recipient_id_fkey",
        ),
        "send what was never tried": (
            "UPDATE letters SET sent_at = now() WHERE id = %(letter)s",
            "sent_letter_was_tried",
        ),
        "send and fail": (
            (
                "UPDATE letters SET tries = 1, sent_at = now(), failed_at = now(), error = 'x'"
                " WHERE id = %(letter)s"
            ),
            "letter_is_sent_or_has_failed",
        ),
        "fail without a word": (
            "UPDATE letters SET failed_at = now() WHERE id = %(letter)s",
            "failed_letter_says_why",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.passes(APP, WORKER)
def _send_a_letter(attacker: Sql) -> None:
    attacker.run("UPDATE letters SET tries = 1, sent_at = now() WHERE id = %(letter)s")
