"""Attacks on plans and their sessions: who starts what, what is ahead, what was done and when."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.treatments import booking, cancelling, completing, holding, moving, revoking
from tests.attacks.acts import insert, later, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import a_fresh_sign_in, alice, dr_chen, eva, sam
from tests.treatments.builders import (
    CLINIC,
    a_booked_session,
    a_draft,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Of several clients: a plan in each state.

    `active` has a session of each kind, `held` a booked one, `done` was performed and is all that
    `finishing` had; `begun` is booked for this moment.
    """
    chen, esthetician = dr_chen(), licensed_eva()
    client = alice()
    draft = a_draft(client, by=esthetician)
    proposed, waiting = (a_proposal(alice(), by=esthetician) for _ in range(2))
    active = an_active_plan(
        alice(), *(a_step(starts=in_days(n)) for n in range(3, 8)), by=esthetician, chen=chen
    )
    planned, booked, cancelled, moved, _left = active.sessions
    booking.book(booked, performer=esthetician, by=esthetician, at=now())
    cancelling.cancel(cancelled, reason="Ill.", by=esthetician, at=now())
    moving.move(moved, starts=in_days(20), reason="Away.", by=esthetician, at=now())
    held = an_active_plan(alice(), by=licensed_eva(), chen=chen)
    held_booked = a_booked_session(held)
    holding.hold(held, reason="Wait.", by=chen, at=now())
    finishing = an_active_plan(alice(), by=licensed_eva(), chen=chen)
    done = a_performed_session(finishing)
    begun = an_active_plan(alice(), a_step(starts=now()), by=licensed_eva(), chen=chen)
    begun_session = a_booked_session(begun)
    revoked = a_proposal(alice(), by=esthetician)
    revoking.revoke(revoked, reason="No.", by=esthetician, at=now())
    completed = an_active_plan(alice(), by=licensed_eva(), chen=chen)
    a_performed_session(completed)
    completing.complete(completed, by=chen, at=now())
    fresh = a_fresh_sign_in(chen)
    stranger = dr_chen(states=("NV",))
    facts = {
        "alice": client.id,
        "stranger": alice().id,
        "chen": chen.id,
        "eva": esthetician.id,
        "unlicensed": eva().id,
        "sam": sam().id,
        "gone": licensed_eva(disabled_at=now()).id,
        "elsewhere": stranger.id,
        "elsewhere_fresh": a_fresh_sign_in(stranger).id,
        "fresh": fresh.id,
        "draft": draft.id,
        "proposed": proposed.id,
        "waiting": waiting.id,
        "active": active.id,
        "held": held.id,
        "finishing": finishing.id,
        "revoked": revoked.id,
        "completed": completed.id,
        "planned": planned.id,
        "proposed_session": proposed.sessions[0].id,
        "draft_session": draft.sessions[0].id,
        "booked": booked.id,
        "cancelled": cancelled.id,
        "moved": moved.id,
        "held_booked": held_booked.id,
        "done": done.id,
        "begun": begun_session.id,
        "begun_plan": begun.id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)

# Acts, honest but for what is `given`.


def _draft(attacker: Sql, *, says: bool = True, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"P-{key.hex[:8]}",
        "client_id": attacker.facts["stranger"],
        "drafted_by_id": attacker.facts["eva"],
        **CLINIC,
        "status": "draft",
    } | given
    seq = attacker.tell("plan", key, values["status"])
    insert(attacker, "plans", values | {"state_seq": seq})
    if says:
        _say(attacker, key)
    return key


def _say(attacker: Sql, plan: Any, **given: Any) -> int:
    """Write its next version; the number of it."""
    key = attacker.facts.get(plan, plan)
    said = attacker.run("SELECT count(*) AS n FROM plan_versions WHERE plan_id = %(k)s", k=key)
    sealed = attacker.run("SELECT content_sealed AS it FROM plan_versions LIMIT 1")["it"]
    values = {
        "id": uuid.uuid4(),
        "plan_id": key,
        "number": said["n"] + 1,
        "content_sealed": sealed,
        "content_hash": bytes(32),
        "written_by_id": attacker.facts["eva"],
    } | given
    insert(attacker, "plan_versions", values)
    return int(values["number"])


def _add(attacker: Sql, plan: Any, **given: Any) -> Any:
    key = uuid.uuid4()
    one = row(attacker, "plans", attacker.facts.get(plan, plan))
    values = {
        "id": key,
        "plan_id": one["id"],
        "client_id": one["client_id"],
        "procedure": "superficial_peel",
        "area": "face",
        "starts_at": now_in(attacker, days=30),
        "ends_at": now_in(attacker, days=30) + timedelta(hours=1),
        "status": "proposed",
    } | given
    if "version" not in values:
        values["version"] = _say(attacker, one["id"])
    seq = attacker.tell("session", key, values["status"])
    insert(attacker, "sessions", values | {"state_seq": seq})
    return key


def now_in(attacker: Sql, *, days: float) -> datetime:
    found: datetime = attacker.run("SELECT date_trunc('hour', shop_now()) AS at")["at"]
    return found + timedelta(days=days)


def _to(attacker: Sql, machine: str, which: Any, to: str, **also: Any) -> None:
    key = attacker.facts.get(which, which)
    seq = attacker.tell(machine, key, to)
    table = "plans" if machine == "plan" else "sessions"
    update(attacker, table, key, status=to, state_seq=seq, **also)


def _begin(attacker: Sql, plan: str = "proposed", **given: Any) -> None:
    """The start alone; whoever is honest makes the plan active."""
    one = row(attacker, "plans", attacker.facts[plan])
    said = attacker.run(
        "SELECT number, content_hash FROM plan_versions WHERE plan_id = %(k)s"
        " ORDER BY number DESC LIMIT 1",
        k=one["id"],
    )
    values = {
        "plan_id": one["id"],
        "client_id": one["client_id"],
        "version": said["number"],
        "content_hash": said["content_hash"],
        "physician_id": attacker.facts["chen"],
        "fresh_id": attacker.facts["fresh"],
    } | given
    proof = row(attacker, "auth_events", values["fresh_id"])
    insert(attacker, "plan_starts", {"fresh_at": proof["at"]} | values)


def _start(attacker: Sql, plan: str = "proposed", **given: Any) -> None:
    _begin(attacker, plan, **given)
    _to(attacker, "plan", plan, "active")


def _put_off(attacker: Sql, session: str, **given: Any) -> Any:
    starts = now_in(attacker, days=40)
    values = {
        "id": uuid.uuid4(),
        "session_id": attacker.facts[session],
        "starts_at": starts,
        "ends_at": starts + timedelta(hours=1),
        "moved_by_id": attacker.facts["eva"],
    } | given
    insert(attacker, "session_moves", values)
    return values["id"]


def _record(attacker: Sql, session: str = "begun", **given: Any) -> Any:
    """What was done alone; whoever is honest says that the session is performed."""
    one = row(attacker, "sessions", attacker.facts[session])
    values = {
        "id": uuid.uuid4(),
        "session_id": one["id"],
        "client_id": one["client_id"],
        "performer_id": one["performer_id"],
        "performed_at": attacker.run("SELECT shop_now() AS at")["at"],
        "area": "face",
    } | given
    insert(attacker, "performances", values)
    return values["id"]


def _perform(attacker: Sql, session: str = "begun", **given: Any) -> Any:
    key = _record(attacker, session, **given)
    _to(attacker, "session", session, "performed")
    return key


def _book(attacker: Sql, session: str, **also: Any) -> None:
    values = {"performer_id": attacker.facts["eva"]} | also
    _to(attacker, "session", session, "booked", **values)


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _a_plan_drafted_proposed_and_started(attacker: Sql) -> None:
    plan = _draft(attacker)
    _add(attacker, plan)
    _to(attacker, "plan", plan, "proposed")
    attacker.facts["mine"] = plan
    _start(attacker, "mine")


@ATTACKS.passes()
def _a_session_more_of_what_the_plan_does(attacker: Sql) -> None:
    _add(attacker, "active")


@ATTACKS.passes()
def _another_procedure_by_a_physician(attacker: Sql) -> None:
    version = _say(attacker, "active", written_by_id=attacker.facts["chen"])
    _add(attacker, "active", procedure="microneedling", version=version)


@ATTACKS.passes()
def _another_procedure_before_the_start(attacker: Sql) -> None:
    _add(attacker, "proposed", procedure="microneedling")


@ATTACKS.passes()
def _a_session_booked_before_the_start(attacker: Sql) -> None:
    _book(attacker, "proposed_session")


@ATTACKS.passes(APP, OWNER)
def _a_session_moved_and_performed(attacker: Sql) -> None:
    _put_off(attacker, "begun")
    _perform(attacker)


@ATTACKS.passes()
def _a_client_who_did_not_come_comes_another_day(attacker: Sql) -> None:
    _to(attacker, "session", "begun", "no_show")
    _put_off(attacker, "begun")
    _to(attacker, "session", "begun", "booked")


@ATTACKS.passes()
def _a_plan_completed(attacker: Sql) -> None:
    _to(attacker, "plan", "finishing", "completed")


@ATTACKS.passes()
def _a_held_plan_goes_on(attacker: Sql) -> None:
    _to(attacker, "plan", "held", "active", reason_sealed=None)


@ATTACKS.passes()
def _a_plan_revoked_with_what_is_ahead(attacker: Sql) -> None:
    sealed = row(attacker, "sessions", attacker.facts["cancelled"])["reason_sealed"]
    _to(attacker, "plan", "proposed", "revoked", reason_sealed=sealed)
    _to(attacker, "session", "proposed_session", "cancelled", reason_sealed=sealed)


@ATTACKS.passes(APP, WORKER)
def _plans_are_read(attacker: Sql) -> None:
    attacker.run("SELECT FROM plans, plan_versions, plan_starts, sessions, session_moves")
    attacker.run("SELECT FROM performances")


# Plans and what they say.

ATTACKS.each(
    {
        "a plan that begins active": (
            lambda a: _draft(a, status="active"),
            "event_is_a_legal_transition",
        ),
        "a plan for a colleague": (
            lambda a: _draft(a, client_id=a.facts["sam"]),
            "plan_is_of_a_client",
        ),
        "a plan drafted by staff": (
            lambda a: _draft(a, drafted_by_id=a.facts["sam"]),
            "plan_is_drafted_by_a_clinician",
        ),
        "a plan drafted by whoever left": (
            lambda a: _draft(a, drafted_by_id=a.facts["gone"]),
            "plan_is_drafted_by_a_clinician",
        ),
        "a plan that says nothing": (lambda a: _draft(a, says=False), "plan_has_a_version"),
        "a plan active without a start": (
            lambda a: _to(a, "plan", "proposed", "active"),
            "active_plan_was_started",
        ),
        "a plan back on its way": (
            "UPDATE plans SET status = 'proposed' WHERE id = %(finishing)s",
            "plan_goes_along_an_arrow",
        ),
        "a version left out": (
            lambda a: _say(a, "active", number=99),
            "plan_versions_follow_one_another",
        ),
        "a version of an ended plan": (lambda a: _say(a, "revoked"), "ended_plan_says_no_more"),
        "a version of a completed plan": (
            lambda a: _say(a, "completed"),
            "ended_plan_says_no_more",
        ),
        "a version by staff": (
            lambda a: _say(a, "active", written_by_id=a.facts["sam"]),
            "plan_is_written_by_a_clinician",
        ),
        "a version by whoever left": (
            lambda a: _say(a, "active", written_by_id=a.facts["gone"]),
            "plan_is_written_by_a_clinician",
        ),
    }
)


@ATTACKS.refused("plan_begins_as_a_draft", OWNER)
def _a_plan_that_begins_proposed(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("plan", key, "draft")
    seq = attacker.tell("plan", key, "proposed")
    values = {"id": key, "number": "P-X", "client_id": attacker.facts["stranger"]}
    values |= {"drafted_by_id": attacker.facts["eva"], **CLINIC}
    insert(attacker, "plans", values | {"status": "proposed", "state_seq": seq})
    _say(attacker, key)


# The start.

ATTACKS.each(
    {
        "a draft started": (lambda a: _start(a, "draft"), "plan_is_started_once_proposed"),
        "a plan started again": (lambda a: _begin(a, "active"), "plan_is_started_once_proposed"),
        "started by an esthetician": (
            lambda a: _start(a, physician_id=a.facts["eva"]),
            "plan_is_started_by_a_licensed_physician",
        ),
        "started by a physician of another state": (
            lambda a: _start(
                a, physician_id=a.facts["elsewhere"], fresh_id=a.facts["elsewhere_fresh"]
            ),
            "plan_is_started_by_a_licensed_physician",
        ),
        "started as it was": (
            lambda a: (_say(a, "proposed"), _start(a, version=1)),
            "plan_is_started_as_it_is_now",
        ),
        "started unread": (
            lambda a: _start(a, content_hash=bytes(32)),
            "start_is_of_what_was_read",
        ),
        "started and left": (_begin, "start_makes_its_plan_active"),
        "started for another client": (
            lambda a: _start(a, client_id=a.facts["stranger"]),
            "start_is_of_its_plans_client",
        ),
        "started after the sign-in of another": (
            lambda a: _start(a, fresh_id=a.facts["elsewhere_fresh"]),
            "started_after_this_fresh_sign_in",
        ),
    }
)


@ATTACKS.refused("sign_in_was_fresh_when_started")
def _started_long_after_the_sign_in(attacker: Sql) -> None:
    later(attacker, "6 minutes")
    _start(attacker)


# Sessions.

ATTACKS.each(
    {
        "a session that begins booked": (
            lambda a: _add(a, "active", status="booked", performer_id=a.facts["eva"]),
            "event_is_a_legal_transition",
        ),
        "a session of an old version": (
            lambda a: (_say(a, "active"), _add(a, "active", version=1)),
            "session_is_added_by_the_last_version",
        ),
        "another procedure by an esthetician": (
            lambda a: _add(a, "active", procedure="microneedling"),
            "new_procedure_is_added_by_a_physician",
        ),
        "a session of another client": (
            lambda a: _add(a, "active", client_id=a.facts["stranger"]),
            "session_is_of_its_plans_client",
        ),
        "booked under a draft": (
            lambda a: _book(a, "draft_session"),
            "session_is_booked_under_an_open_plan",
        ),
        "booked by nobody": (
            lambda a: _book(a, "planned", performer_id=None),
            "booked_session_has_a_performer",
        ),
        "missed before it began": (
            lambda a: _to(a, "session", "booked", "no_show"),
            "no_show_is_known_once_it_began",
        ),
        "a cancelled session booked": (
            "UPDATE sessions SET status = 'proposed' WHERE id = %(cancelled)s",
            "session_goes_along_an_arrow",
        ),
        "cancelled without a word": (
            lambda a: _to(a, "session", "planned", "cancelled"),
            "cancelled_session_says_why",
        ),
        "a session moved by hand": (
            "UPDATE sessions SET starts_at = starts_at + interval '1 day' WHERE id = %(planned)s",
            "permission denied for table sessions",
        ),
        "a performed session moved": (
            lambda a: _put_off(a, "done"),
            "only_what_was_not_performed_is_moved",
        ),
        "a cancelled session moved": (
            lambda a: _put_off(a, "cancelled"),
            "only_what_was_not_performed_is_moved",
        ),
        "moved into the past": (
            lambda a: _put_off(
                a, "planned", starts_at=now_in(a, days=-3), ends_at=now_in(a, days=-2.98)
            ),
            "session_is_moved_ahead",
        ),
        "moved onto another of hers": (
            lambda a: _onto(a, "active", performer_id=a.facts["unlicensed"]),
            "client_is_in_one_session_at_a_time",
        ),
        "one performer in two rooms": (
            lambda a: _onto(a, "proposed", performer_id=a.facts["eva"]),
            "performer_is_in_one_session_at_a_time",
        ),
    }
)


def _onto(attacker: Sql, plan: str, **given: Any) -> None:
    """Another session booked at the time of `booked`."""
    there = row(attacker, "sessions", attacker.facts["booked"])
    times = {name: there[name] for name in ("starts_at", "ends_at")}
    key = _add(attacker, plan, **times, **given)
    _to(attacker, "session", key, "booked")


@ATTACKS.refused("session_begins_proposed", OWNER)
def _a_session_that_begins_booked(attacker: Sql) -> None:
    key = uuid.uuid4()
    one = row(attacker, "plans", attacker.facts["active"])
    version = _say(attacker, one["id"])
    attacker.tell("session", key, "proposed")
    seq = attacker.tell("session", key, "booked")
    starts = now_in(attacker, days=60)
    values = {"id": key, "plan_id": one["id"], "client_id": one["client_id"], "version": version}
    values |= {"procedure": "superficial_peel", "area": "face", "starts_at": starts}
    values |= {"ends_at": starts + timedelta(hours=1), "performer_id": attacker.facts["eva"]}
    insert(attacker, "sessions", values | {"status": "booked", "state_seq": seq})


@ATTACKS.refused("session_is_booked_ahead")
def _booked_when_its_day_is_over(attacker: Sql) -> None:
    later(attacker, "20 days")
    _book(attacker, "planned")


# What has ended.


def _revoke_alone(attacker: Sql) -> None:
    """And leave what is ahead."""
    _to(attacker, "plan", "proposed", "revoked")


def _complete_what_was_never_done(attacker: Sql) -> None:
    sealed = row(attacker, "sessions", attacker.facts["cancelled"])["reason_sealed"]
    _to(attacker, "session", "begun", "cancelled", reason_sealed=sealed)
    _to(attacker, "plan", "begun_plan", "completed")


ATTACKS.each(
    {
        "revoked with sessions ahead": (_revoke_alone, "ended_plan_has_nothing_ahead"),
        "completed with sessions ahead": (
            lambda a: _to(a, "plan", "begun_plan", "completed"),
            "ended_plan_has_nothing_ahead",
        ),
        "completed though nothing was done": (
            _complete_what_was_never_done,
            "completed_plan_was_performed",
        ),
        "a session more of an ended plan": (
            lambda a: _add(a, "revoked", version=1),
            "ended_plan_has_nothing_ahead",
        ),
    }
)

# What was done.

ATTACKS.each(
    {
        "performed before it was booked": (
            lambda a: _record(a, "planned", performer_id=a.facts["eva"]),
            "only_what_is_booked_is_performed",
        ),
        "performed under a plan on hold": (
            lambda a: _perform(a, "held_booked"),
            "session_is_performed_under_an_active_plan",
        ),
        "performed before the plan was started": (
            lambda a: _perform(a, performed_at=LONG_AGO),
            "session_is_performed_once_its_plan_started",
        ),
        "performed without a licence": (
            lambda a: _perform(a, performer_id=a.facts["unlicensed"]),
            "session_is_performed_under_a_licence",
        ),
        "performed by whoever left": (
            lambda a: _perform(a, performer_id=a.facts["gone"]),
            "session_is_performed_under_a_licence",
        ),
        "performed tomorrow": (
            lambda a: _perform(a, performed_at=now_in(a, days=1)),
            "nothing_is_performed_ahead",
        ),
        "performed on another client": (
            lambda a: _perform(a, client_id=a.facts["stranger"]),
            "performance_is_of_its_sessions_client",
        ),
        "performed, and nobody says how": (
            lambda a: _to(a, "session", "begun", "performed"),
            "performed_session_has_its_record",
        ),
        "recorded, and still booked": (
            _record,
            "recorded_session_is_performed",
        ),
    }
)

ATTACKS.each(
    {
        "recorded by the worker": (
            _record,
            "permission denied for table performances",
        ),
        "drafted by the worker": (_draft, "permission denied for table plans"),
    },
    WORKER,
)

# Times that the database stamps, whatever is said.


@ATTACKS.undone("plan_guard", OWNER)
def _drafted_long_ago(attacker: Sql) -> bool:
    key = _draft(attacker, created_at=LONG_AGO)
    return bool(row(attacker, "plans", key)["created_at"] > LONG_AGO)


@ATTACKS.undone("plan_version_guard", OWNER)
def _written_long_ago(attacker: Sql) -> bool:
    key = uuid.uuid4()
    _say(attacker, "active", id=key, written_at=LONG_AGO)
    return bool(row(attacker, "plan_versions", key)["written_at"] > LONG_AGO)


@ATTACKS.undone("plan_start_guard", OWNER)
def _started_in_good_time(attacker: Sql) -> bool:
    proof = row(attacker, "auth_events", attacker.facts["fresh"])
    _start(attacker, started_at=proof["at"])
    found = attacker.run("SELECT started_at FROM plan_starts WHERE plan_id = %(proposed)s")
    return bool(found["started_at"] > proof["at"])


@ATTACKS.undone("session_guard", OWNER)
def _planned_long_ago(attacker: Sql) -> bool:
    key = _add(attacker, "active", created_at=LONG_AGO)
    return bool(row(attacker, "sessions", key)["created_at"] > LONG_AGO)


@ATTACKS.undone("session_moved", OWNER)
def _moved_from_where_it_never_was(attacker: Sql) -> bool:
    before = row(attacker, "sessions", attacker.facts["moved"])
    lies = dict.fromkeys(("from_starts_at", "from_ends_at", "moved_at"), LONG_AGO)
    key = _put_off(attacker, "moved", number=7, **lies)
    after, kept = (
        row(attacker, "sessions", attacker.facts["moved"]),
        row(attacker, "session_moves", key),
    )
    return bool(
        kept["number"] == 2
        and (kept["from_starts_at"], kept["from_ends_at"])
        == (before["starts_at"], before["ends_at"])
        and kept["moved_at"] > LONG_AGO
        and (after["starts_at"], after["ends_at"]) == (kept["starts_at"], kept["ends_at"])
    )


@ATTACKS.undone("performance_guard", OWNER)
def _recorded_tomorrow(attacker: Sql) -> bool:
    tomorrow = now_in(attacker, days=1)
    key = _perform(attacker, recorded_at=tomorrow)
    return bool(row(attacker, "performances", key)["recorded_at"] < tomorrow)
