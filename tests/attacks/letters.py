"""Attacks on the letters: one to each person about each version of a thing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from shop.core.clock import now
from shop.core.cluster import APP, OWNER, WORKER
from shop.core.db import db
from shop.notifications import choosing, resending
from shop.notifications.models import Letter, Template, Topic, Way
from shop.work import carrying
from shop.work.models import WorkKind
from tests.attacks.attack import Attacks, Sql
from tests.notifications.builders import a_letter, gave_up
from tests.people import alice, bob, sam

LONG_AGO = "2001-01-01T00:00:00+00:00"
WRITE = (
    "INSERT INTO letters (id, template, subject_id, version, recipient_id)"
    " VALUES (%(new)s, '{template}', %(new)s, 1, %({to})s)"
)
RESEND = (
    "INSERT INTO letter_resends (id, letter_id, by_id) VALUES (%(new)s, %({letter})s, %({by})s)"
)


def scene() -> Mapping[str, Any]:
    """A letter to Alice waits; one was sent, one given up, one resent; Bob ended what he may."""
    client, other, staff, subject = alice(), bob(), sam(), uuid.uuid4()
    waits = a_letter(client, subject_id=subject)
    recall = carrying.ask(WorkKind.RECALL_LETTERS, "RC-1", by=staff, total=1)
    sent = a_letter(client, tries=1, sent_at=now())
    lost, ended, resent = gave_up(client), gave_up(client, "ended"), gave_up(client)
    resending.resend(resent, by=staff, at=now())
    of_a_recall = uuid.uuid4()
    db.session.execute(
        sa.insert(Letter).values(
            id=of_a_recall,
            template=Template.RECALL_NOTICE,
            subject_id=subject,
            version=1,
            recipient_id=client.id,
            work_id=recall.id,
        )
    )
    for topic in Topic:
        choosing.choose(other, topic, wanted=False, way=Way.PAGE, at=now())
    made = {"waits": waits, "sent": sent, "lost": lost, "ended": ended, "resent": resent}
    return {
        "alice": client.id,
        "bob": other.id,
        "sam": staff.id,
        "subject": subject,
        "letter": waits.id,
    } | {name: letter.id for name, letter in made.items()}


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
        "write what he ended": (
            WRITE.format(template="prescription_renewable", to="bob"),
            "ended_letter_is_not_written",
        ),
        "remind him all the same": (
            WRITE.format(template="refill_due", to="bob"),
            "ended_reminder_is_not_written",
        ),
        "unsend a letter": (
            "UPDATE letters SET sent_at = NULL WHERE id = %(sent)s",
            "sent_letter_stays_sent",
        ),
        "try again what was given up, and nobody asked": (
            "UPDATE letters SET failed_at = NULL WHERE id = %(lost)s",
            "given_up_letter_is_resent_by_somebody",
        ),
        "say that somebody asked": (
            "UPDATE letters SET failed_at = NULL, resends = 1 WHERE id = %(lost)s",
            "letter_counts_its_resends",
        ),
        "forget a try": (
            "UPDATE letters SET tries = 0, sent_at = NULL, failed_at = NULL WHERE id = %(resent)s",
            "tries_only_grow",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        "resend what waits": (
            RESEND.format(letter="waits", by="sam"),
            "only_a_letter_given_up_is_resent",
        ),
        "resend what was sent": (
            RESEND.format(letter="sent", by="sam"),
            "only_a_letter_given_up_is_resent",
        ),
        "resend what its reader ended": (
            RESEND.format(letter="ended", by="sam"),
            "ended_letter_is_not_resent",
        ),
        "resend one's own letter as a client": (
            RESEND.format(letter="lost", by="alice"),
            "who_works_here_resends",
        ),
        "switch letters on by a link": (
            (
                "INSERT INTO mail_choices (id, person_id, topic, wanted, via)"
                " VALUES (%(new)s, %(bob)s, 'renewals', true, 'link')"
            ),
            "link_only_ends_letters",
        ),
    },
    APP,
)
ATTACKS.each_passes(
    {
        "a charge is announced to him who ended reminders": WRITE.format(
            template="refill_notice", to="bob"
        ),
        "she who ended nothing is reminded": WRITE.format(template="refill_due", to="alice"),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("letter_guard", OWNER)
def _resent_and_no_more_patience(attacker: Sql) -> bool:
    attacker.run(RESEND.format(letter="lost", by="sam"))
    kept = attacker.run(
        "UPDATE letters SET resends = 1, failed_at = NULL, error = '', due_since = %(then)s"
        " WHERE id = %(lost)s RETURNING due_since > now() - interval '1 day' AS fresh",
        then=LONG_AGO,
    )
    return bool(kept["fresh"])


@ATTACKS.undone("letter_resend_guard", OWNER)
def _resent_long_ago_for_no_reason(attacker: Sql) -> bool:
    kept = attacker.run(
        "INSERT INTO letter_resends (id, letter_id, by_id, number, error, asked_at)"
        " VALUES (%(new)s, %(lost)s, %(sam)s, 7, '', %(then)s)"
        " RETURNING number = 1 AND error = 'smtp_550'"
        " AND asked_at > now() - interval '1 day' AS true_",
        then=LONG_AGO,
    )
    return bool(kept["true_"])


@ATTACKS.undone("mail_choice_stamped", OWNER)
def _chosen_long_ago(attacker: Sql) -> bool:
    kept = attacker.run(
        "INSERT INTO mail_choices (id, person_id, topic, wanted, via, number, chosen_at)"
        " VALUES (%(new)s, %(bob)s, 'renewals', true, 'page', 7, %(then)s)"
        " RETURNING number = 2 AND chosen_at > now() - interval '1 day' AS true_",
        then=LONG_AGO,
    )
    return bool(kept["true_"])


@ATTACKS.passes(APP)
def _resend_a_letter(attacker: Sql) -> None:
    attacker.run(RESEND.format(letter="lost", by="sam"))
    attacker.run("UPDATE letters SET resends = 1, failed_at = NULL, error = '' WHERE id = %(lost)s")


@ATTACKS.passes(APP, WORKER)
def _send_a_letter(attacker: Sql) -> None:
    attacker.run("UPDATE letters SET tries = 1, sent_at = now() WHERE id = %(letter)s")
