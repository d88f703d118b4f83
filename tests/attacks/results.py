"""Attacks on what clients report after a session, and on who answers it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import day_in, now
from shop.core.db import db
from shop.treatments.course import Level
from shop.treatments.models import SessionReport
from tests.attacks.acts import insert, row
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import alice, dr_chen, sam
from tests.treatments.builders import (
    BLISTERS,
    CLINIC,
    a_booked_session,
    a_performed_session,
    a_photo,
    a_report,
    a_step,
    an_active_plan,
    licensed_eva,
    said,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """A session done now with a report of each outcome; one of another client; one not done yet."""
    chen, esthetician, client = dr_chen(), licensed_eva(), alice()
    done = a_performed_session(an_active_plan(client, by=esthetician, chen=chen))
    a_chin = an_active_plan(alice(), a_step("facial"), by=licensed_eva(), chen=chen)
    other = a_performed_session(a_chin)
    ahead = a_booked_session(an_active_plan(alice(), by=licensed_eva(), chen=chen))
    facts = {
        "alice": client.id,
        "stranger": other.client_id,
        "chen": chen.id,
        "eva": esthetician.id,
        "sam": sam().id,
        "gone": dr_chen(disabled_at=now()).id,
        "done": done.id,
        "other": other.id,
        "ahead": ahead.id,
        "expected": a_report(done).id,
        "grave": a_report(done, BLISTERS).id,
        "others": a_report(other, said(redness=Level.MILD)).id,
        "today": day_in(CLINIC["zone"], now()),
    }
    facts["photo"] = a_photo(db.session.get_one(SessionReport, facts["expected"])).id
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _report(attacker: Sql, session: str = "done", **given: Any) -> Any:
    one = row(attacker, "sessions", attacker.facts[session])
    kept = row(attacker, "session_reports", attacker.facts["expected"])
    values = {
        "id": uuid.uuid4(),
        "session_id": one["id"],
        "client_id": one["client_id"],
        "on_day": attacker.facts["today"],
        "said_sealed": kept["said_sealed"],
        "course": "watched",
        "rules_version": "2026-1",
    } | given
    insert(attacker, "session_reports", values)
    return values["id"]


def _answer(attacker: Sql, report: Any = "grave", **given: Any) -> Any:
    sealed = row(attacker, "session_reports", attacker.facts["expected"])["said_sealed"]
    values = {
        "id": uuid.uuid4(),
        "report_id": attacker.facts.get(report, report),
        "answered_by_id": attacker.facts["chen"],
        "message_sealed": sealed,
    } | given
    insert(attacker, "report_answers", values)
    return values["id"]


def _photo(attacker: Sql, report: str = "grave", **given: Any) -> Any:
    sealed = row(attacker, "session_reports", attacker.facts["expected"])["said_sealed"]
    values = {
        "id": uuid.uuid4(),
        "report_id": attacker.facts[report],
        "statement": "2026-1",
        "picture_sealed": sealed,
    } | given
    insert(attacker, "report_photos", values)
    return values["id"]


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _a_photo_added_and_erased(attacker: Sql) -> None:
    attacker.facts["mine"] = _photo(attacker)
    attacker.run("UPDATE report_photos SET picture_sealed = NULL WHERE id = %(mine)s")


@ATTACKS.passes(WORKER)
def _photos_are_there(attacker: Sql) -> None:
    attacker.run("SELECT FROM report_photos")


@ATTACKS.passes(APP, OWNER)
def _a_report_corrected_and_answered(attacker: Sql) -> None:
    _report(attacker, replaces_id=attacker.facts["expected"])
    _answer(attacker)


@ATTACKS.passes()
def _what_is_watched_answered_by_an_esthetician(attacker: Sql) -> None:
    _answer(attacker, _report(attacker), answered_by_id=attacker.facts["eva"])


@ATTACKS.passes(APP, WORKER)
def _reports_are_read(attacker: Sql) -> None:
    attacker.run("SELECT FROM session_reports, report_answers")


ATTACKS.each(
    {
        "reported of what was not done": (
            lambda a: _report(a, "ahead"),
            "only_what_was_performed_is_reported_of",
        ),
        "reported of the day before": (
            lambda a: _report(a, on_day=a.facts["today"] - timedelta(days=1)),
            "report_is_of_a_day_since_the_session",
        ),
        "reported of tomorrow": (
            lambda a: _report(a, on_day=a.facts["today"] + timedelta(days=1)),
            "report_is_of_a_day_since_the_session",
        ),
        "reported for another client": (
            lambda a: _report(a, client_id=a.facts["stranger"]),
            "report_is_of_its_sessions_client",
        ),
        "a report of another session corrected": (
            lambda a: _report(a, replaces_id=a.facts["others"]),
            "report_replaces_one_of_its_session",
        ),
        "corrected twice": (
            lambda a: [_report(a, replaces_id=a.facts["expected"]) for _ in "ab"],
            "report_is_replaced_once",
        ),
        "answered though nothing was asked": (
            lambda a: _answer(a, "expected"),
            "expected_report_needs_no_answer",
        ),
        "a grave one answered by an esthetician": (
            lambda a: _answer(a, answered_by_id=a.facts["eva"]),
            "report_is_answered_by_one_who_may",
        ),
        "answered by staff": (
            lambda a: _answer(a, _report(a), answered_by_id=a.facts["sam"]),
            "report_is_answered_by_one_who_may",
        ),
        "answered by whoever left": (
            lambda a: _answer(a, answered_by_id=a.facts["gone"]),
            "report_is_answered_by_one_who_may",
        ),
        "answered by the client": (
            lambda a: _answer(a, answered_by_id=a.facts["alice"]),
            "report_is_answered_by_one_who_may",
        ),
        "answered twice": (lambda a: [_answer(a) for _ in "ab"], "reports_are_answered_once"),
        "a fourth photo": (lambda a: [_photo(a) for _ in "abcd"], "report_takes_3_photos"),
        "a photo without a picture": (
            lambda a: _photo(a, picture_sealed=None),
            "photo_begins_with_a_picture",
        ),
        "a photo without consent": (
            lambda a: _photo(a, statement=""),
            "photo_names_what_was_agreed_to",
        ),
        "a photo that is not sealed": (lambda a: _photo(a, picture_sealed=b"x"), "photo_is_sealed"),
        "a photo of nothing": (
            lambda a: _photo(a, report_id=uuid.uuid4()),
            "report_photos_report_id_fkey",
        ),
        "another picture in its place": (
            lambda a: a.run(
                "UPDATE report_photos SET picture_sealed = (SELECT said_sealed FROM session_reports"
                " LIMIT 1) WHERE id = %(photo)s"
            ),
            "photo_is_only_erased",
        ),
        "a report made milder": (
            "UPDATE session_reports SET course = 'expected' WHERE id = %(grave)s",
            "permission denied for table session_reports",
        ),
    }
)
ATTACKS.each(
    {
        "reported by the worker": (_report, "permission denied for table session_reports"),
        "answered by the worker": (_answer, "permission denied for table report_answers"),
        "a photo added by the worker": (_photo, "permission denied for table report_photos"),
    },
    WORKER,
)


@ATTACKS.undone("session_report_guard", OWNER)
def _reported_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "session_reports", _report(attacker, number=77, reported_at=LONG_AGO))
    return bool(kept["number"] == 3 and kept["reported_at"] > LONG_AGO)


@ATTACKS.undone("report_answer_guard", OWNER)
def _answered_long_ago(attacker: Sql) -> bool:
    key = _answer(attacker, answered_at=LONG_AGO)
    return bool(row(attacker, "report_answers", key)["answered_at"] > LONG_AGO)


@ATTACKS.undone("report_photo_guard", OWNER)
def _photographed_long_ago(attacker: Sql) -> bool:
    key = _photo(attacker, number=3, added_at=LONG_AGO, erased_at=LONG_AGO)
    kept = row(attacker, "report_photos", key)
    return bool(kept["number"] == 1 and kept["added_at"] > LONG_AGO)


@ATTACKS.undone("report_photo_guard", OWNER)
def _erased_long_ago(attacker: Sql) -> bool:
    attacker.facts["then"] = LONG_AGO
    attacker.run(
        "UPDATE report_photos SET picture_sealed = NULL, erased_at = %(then)s WHERE id = %(photo)s"
    )
    return bool(row(attacker, "report_photos", attacker.facts["photo"])["erased_at"] > LONG_AGO)
