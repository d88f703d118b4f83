"""Attacks on what a physician waives before a session: who may, of what, for which time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.treatments.models import SessionWaiver
from tests.attacks.acts import insert, row
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import alice, dr_chen
from tests.treatments.builders import (
    a_booked_session,
    a_performed_session,
    a_step,
    an_active_plan,
    licensed_eva,
)
from tests.treatments.rules import a_window

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HARD = {"severity": "hard_stop", "when": {}}


def scene() -> dict[str, Any]:
    """A peel and a facial that are booked, a waiver of the peel, a session of another client that
    was done. Of microneedling, and in other procedures and states, some hard stops are in force.
    """
    chen, eva, client = dr_chen(), licensed_eva(), alice()
    plan = an_active_plan(
        client, a_step(), a_step("facial", starts=now() + timedelta(days=9)), by=eva, chen=chen
    )
    peel = a_booked_session(plan)
    waiver = a_waiver(peel, chen)
    done = a_performed_session(
        an_active_plan(alice(), a_step("facial"), by=licensed_eva(), chen=chen)
    )
    a_window(subject="isotretinoin", **HARD)
    a_window(subject="sun", jurisdiction="CA", **HARD)
    a_window(subject="heat", jurisdiction="NV", **HARD)
    a_window(subject="wax", valid_from=now().date() + timedelta(days=300), **HARD)
    a_window(subject="other_procedure", procedure="facial", **HARD)
    a_window(subject="scrub", procedure="facial", **HARD)
    a_window(subject="aha", when={})
    a_window(subject="bha", **(HARD | {"when": {"fitzpatrick_from": 4}}))
    facts = {
        "client": client.id,
        "stranger": done.client_id,
        "chen": chen.id,
        "eva": eva.id,
        "elsewhere": dr_chen(states=("NV",)).id,
        "gone": dr_chen(disabled_at=now()).id,
        "peel": peel.id,
        "done": done.id,
        "proposed": plan.sessions[1].id,
        "waiver": waiver.id,
    }
    db.session.commit()
    return facts


def a_waiver(session: Any, chen: Any) -> SessionWaiver:
    """Of retinoids that she was told of too late; as the verb writes it."""
    made = SessionWaiver(
        id=uuid.uuid4(),
        session_id=session.id,
        client_id=session.client_id,
        physician_id=chen.id,
        starts_at=session.starts_at,
        findings=["told_late:retinoid"],
    )
    made.reason = "Her skin bears it."
    db.session.add(made)
    db.session.flush()  # scenes point at it
    return made


ATTACKS = Attacks(scene)


def _waive(attacker: Sql, *findings: Any, session: str = "peel", **given: Any) -> Any:
    one = row(attacker, "sessions", attacker.facts[session])
    kept = row(attacker, "session_waivers", attacker.facts["waiver"])
    values = {
        "id": uuid.uuid4(),
        "session_id": one["id"],
        "client_id": one["client_id"],
        "physician_id": attacker.facts["chen"],
        "starts_at": one["starts_at"],
        "findings": list(findings) or ["told_late:retinoid"],
        "reason_sealed": kept["reason_sealed"],
    } | given
    insert(attacker, "session_waivers", values)
    return values["id"]


@ATTACKS.passes(APP, OWNER)
def _what_no_hard_stop_speaks_of(attacker: Sql) -> None:
    """Of another state, of a day that is far, of another procedure; and a soft one."""
    _waive(attacker, "used:heat", "used:wax", "used:scrub", "told_late:aha", "not_known:melasma")


@ATTACKS.passes(APP, WORKER)
def _waivers_are_read(attacker: Sql) -> None:
    attacker.run("SELECT FROM session_waivers")


def _moved(attacker: Sql) -> None:
    starts = row(attacker, "sessions", attacker.facts["peel"])["starts_at"]
    _waive(attacker, starts_at=starts + timedelta(hours=1))


ATTACKS.each(
    {
        "for what is not booked": (
            lambda a: _waive(a, session="proposed"),
            "only_what_is_booked_is_waived_for",
        ),
        "for what was done": (
            lambda a: _waive(a, session="done"),
            "only_what_is_booked_is_waived_for",
        ),
        "for another time": (_moved, "waiver_is_for_the_time_it_names"),
        "by an esthetician": (
            lambda a: _waive(a, physician_id=a.facts["eva"]),
            "waiver_is_by_a_licensed_physician",
        ),
        "by a physician of another state": (
            lambda a: _waive(a, physician_id=a.facts["elsewhere"]),
            "waiver_is_by_a_licensed_physician",
        ),
        "by whoever left": (
            lambda a: _waive(a, physician_id=a.facts["gone"]),
            "waiver_is_by_a_licensed_physician",
        ),
        "over a hard stop": (
            lambda a: _waive(a, "told_late:retinoid", "still_used:isotretinoin"),
            "no_waiver_over_a_hard_stop",
        ),
        "over a hard stop under another name": (
            lambda a: _waive(a, "not_known:isotretinoin"),
            "no_waiver_over_a_hard_stop",
        ),
        "over the fact that a hard stop asks for": (
            lambda a: _waive(a, "not_known:fitzpatrick"),
            "no_waiver_over_a_hard_stop",
        ),
        "over a hard stop of the state": (
            lambda a: _waive(a, "used:sun"),
            "no_waiver_over_a_hard_stop",
        ),
        "over a hard stop of the session beside it": (
            lambda a: _waive(a, "too_near:other_procedure"),
            "no_waiver_over_a_hard_stop",
        ),
        "over a report that waits": (
            lambda a: _waive(a, "report_waits:x"),
            "waiver_names_what_may_be_waived",
        ),
        "over nothing that has a name": (
            lambda a: _waive(a, findings=["told_late:retinoid", None]),
            "waiver_names_what_may_be_waived",
        ),
        "without a subject": (lambda a: _waive(a, "used:"), "waiver_names_what_may_be_waived"),
        "for another client": (
            lambda a: _waive(a, client_id=a.facts["stranger"]),
            "waiver_is_of_its_sessions_client",
        ),
        "one that is changed": (
            "UPDATE session_waivers SET findings = '{used:aha}' WHERE id = %(waiver)s",
            "permission denied for table session_waivers",
        ),
    }
)
ATTACKS.each(
    {"by the worker": (_waive, "permission denied for table session_waivers")},
    WORKER,
)


@ATTACKS.undone("session_waiver_guard", OWNER)
def _waived_long_ago(attacker: Sql) -> bool:
    key = _waive(attacker, waived_at=LONG_AGO)
    return bool(row(attacker, "session_waivers", key)["waived_at"] > LONG_AGO)
