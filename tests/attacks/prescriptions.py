"""Attacks on approval requests, refusals, prescriptions and fills: I1 to I6, I22."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import filling, holding, revoking
from tests.attacks.acts import as_owner, insert, later, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream
from tests.people import a_licence, alice, dr_chen
from tests.prescriptions.builders import (
    ANSWERS,
    a_claimed_request,
    a_draft,
    a_prescription,
    a_request,
    an_examination,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2100, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Requests, prescriptions and fills of one client and one physician, in every state.

    `signed` has five fills: dispensed, consumed, reserved, released, and one never taken.
    """
    client, chen = alice(), dr_chen(state="CA")
    seen = an_examination(client, by=chen)
    signed, held, revoked = (a_prescription(client, by=chen, fills=5) for _ in range(3))
    holding.hold(held, reason="Wait.", by=chen, at=now())
    revoking.revoke(revoked, reason="No.", by=chen, at=now())
    fills = [filling.reserve(signed.id, state="CA", quantity=1, at=now()) for _ in range(4)]
    for fill in fills[:2]:
        filling.consume(fill, at=now())
    filling.dispense(fills[0], at=now())
    filling.release(fills[3], at=now())
    two_states = a_prescription(client, by=chen, ship_to_state="NV")
    facts = {
        "alice": client.id,
        "seen": seen.id,
        "stranger": alice().id,
        "signed": signed.id,
        "held": held.id,
        "revoked": revoked.id,
        "two_states": two_states.id,
        "dispensed": fills[0].id,
        "consumed": fills[1].id,
        "reserved": fills[2].id,
        "released": fills[3].id,
        "another_cream": a_cream().id,
    }
    facts |= _physicians(chen) | _requests(client, chen)
    db.session.commit()
    return facts


def _physicians(chen: Any) -> dict[str, Any]:
    today = now().date()
    a_year_ago = {
        "valid_from": today - timedelta(days=900),
        "valid_until": today - timedelta(days=500),
    }
    other, soon = dr_chen(), dr_chen(states=())
    a_licence(soon, valid_from=today + timedelta(days=3))
    return {
        "chen": chen.id,
        "other": other.id,
        "only_ca": dr_chen(states=("CA",)).id,
        "only_nv": dr_chen(states=("NV",)).id,
        "disabled": dr_chen(disabled_at=now()).id,
        "soon": soon.id,
        "licence": next(one.id for one in chen.licences if one.state == "CA"),
        "licence_nv": next(one.id for one in chen.licences if one.state == "NV"),
        "others_licence": next(one.id for one in other.licences if one.state == "CA"),
        "lapsed": a_licence(chen, **a_year_ago).id,
        "of_a_nurse": a_licence(chen, state="AZ", kind="RN").id,
        "next_week": a_licence(chen, state="OR", valid_from=today + timedelta(days=7)).id,
        "in_texas": a_licence(chen, state="TX").id,
    }


def _requests(client: Any, chen: Any) -> dict[str, Any]:
    answered = a_draft(client)
    answered.answers = ANSWERS
    return {
        "draft": a_draft(client).id,
        "answered": answered.id,
        "queued": a_request(client).id,
        "queued_for_nv": a_request(client, ship_to_state="NV").id,
        "claimed": a_claimed_request(client, a_cream(), by=chen).id,
        "claimed_for_nv": a_claimed_request(client, a_cream(), by=chen, ship_to_state="NV").id,
    }


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _ask(attacker: Sql, **given: Any) -> Any:
    """A draft like the queued one, for another cream."""
    like = row(attacker, "approval_requests", attacker.facts["queued"])
    names = ("client_id", "requested_by_id", "quantity", "ship_to_state", "questionnaire_version")
    values = {name: like[name] for name in names} | {
        "id": attacker.facts["new"],
        "number": f"Q-{attacker.facts['new'].hex[:8]}",
        "variant_id": attacker.facts["another_cream"],
        "status": "draft",
    }
    values |= given
    attacker.tell("approval_request", values["id"], "draft")
    insert(attacker, "approval_requests", values)
    return values["id"]


def _move_request(attacker: Sql, request: str, to: str, **also: Any) -> None:
    key = attacker.facts[request]
    seq = attacker.tell("approval_request", key, to)
    update(attacker, "approval_requests", key, status=to, state_seq=seq, **also)


def _submit(attacker: Sql, **given: Any) -> None:
    values = {"answers_hash": bytes(32), "consented_at": now_in(attacker)} | given
    _move_request(attacker, "answered", "queued", **values)


def now_in(attacker: Sql) -> Any:
    """The shop's moment."""
    return attacker.run("SELECT shop_now() AS now")["now"]


def _claim(attacker: Sql, by: str, request: str = "queued", **given: Any) -> None:
    _move_request(attacker, request, "in_review", claimed_by_id=attacker.facts[by], **given)


def _keep_the_claim(attacker: Sql, request: str) -> None:
    update(attacker, "approval_requests", attacker.facts[request], claimed_until=FAR_OFF)


def _decide(attacker: Sql, to: str, request: str = "claimed") -> None:
    _move_request(attacker, request, to, claimed_by_id=None, claimed_until=None)


def _refuse(attacker: Sql, **given: Any) -> None:
    facts = attacker.facts
    values = {
        "id": uuid.uuid4(),
        "request_id": facts["claimed"],
        "client_id": facts["alice"],
        "refused_by_id": facts["chen"],
        "reason": "minor",
    }
    values |= given
    insert(attacker, "refusals", values)
    screen(attacker, values["request_id"])


def _sign_in_afresh(attacker: Sql, kind: str = "fresh", person: str = "chen") -> dict[str, Any]:
    proof: dict[str, Any] = attacker.run(
        "INSERT INTO auth_events (id, person_id, kind, factors)"
        " VALUES (gen_random_uuid(), %(person)s, %(kind)s, '{password}') RETURNING id, at",
        person=attacker.facts[person],
        kind=kind,
    )
    return {"fresh_id": proof["id"], "fresh_at": proof["at"]}


SIGNED_COLUMNS = (
    "client_id",
    "fills_allowed",
    "days_supply",
    "interval_days",
    "directions_sealed",
    "indication_sealed",
    "client_state",
    "valid_from",
    "valid_until",
    "prescriber_id",
    "prescriber_name",
    "prescriber_npi",
    "examination_mode",
    "examined_on",
    "examination_id",
    "examiner_id",
    "examiner_name",
    "examination_scope",
    "examination_until",
    "statement_sealed",
    "statement_hash",
    "fresh_kind",
    "factors",
)


def _write(attacker: Sql, request: str = "claimed", *, sealed: bool = True, **given: Any) -> Any:
    """The row of a prescription for a claimed request; its claim and sign-in are what they are.

    With what comes with it: what was checked, and the signature.
    """
    like = row(attacker, "prescriptions", attacker.facts["signed"])
    asked = row(attacker, "approval_requests", attacker.facts[request])
    key = uuid.uuid4()
    values = {name: like[name] for name in SIGNED_COLUMNS} | {
        "id": key,
        "number": f"RX-{key.hex[:8]}",
        "request_id": asked["id"],
        "variant_id": asked["variant_id"],
        "quantity_per_fill": asked["quantity"],
        "status": "active",
    }
    values |= given
    attacker.tell("prescription", key, "active")
    insert(attacker, "prescriptions", values)
    if sealed:
        screen(attacker, values["request_id"])
        seal(attacker, key)
    return key


def screen(attacker: Sql, request: Any) -> None:
    """What was checked of a request, unless that is there."""
    attacker.run(
        "INSERT INTO screenings (id, request_id, checks_sealed)"
        " SELECT gen_random_uuid(), %(asked)s, checks_sealed FROM screenings LIMIT 1"
        " ON CONFLICT (request_id) DO NOTHING",
        asked=request,
    )


def seal(attacker: Sql, prescription: Any, **given: Any) -> None:
    """The clinic's signature under a prescription."""
    like = attacker.run(
        "SELECT document_sealed, document_hash, signature, key_id, key_from, key_until"
        " FROM signatures LIMIT 1"
    )
    values = like | {"id": uuid.uuid4(), "prescription_id": prescription}
    insert(attacker, "signatures", values | given)


def _sign(attacker: Sql, request: str = "claimed", **given: Any) -> Any:
    """A prescription for a claimed request, right after a fresh sign-in."""
    _keep_the_claim(attacker, request)
    return _write(attacker, request, **(_sign_in_afresh(attacker) | given))


def _cover(attacker: Sql, prescription: Any, licence: str = "licence", **given: Any) -> None:
    """Add the state of a licence to what is signed."""
    held = row(attacker, "licences", attacker.facts[licence])
    values = {
        "prescription_id": prescription,
        "state": held["state"],
        "prescriber_id": attacker.facts["chen"],
        "licence_id": held["id"],
        "licence_number": held["number"],
        "licence_from": held["valid_from"],
        "licence_until": held["valid_until"],
        "examination_rule": f"EX-{given.get('state', held['state'])}",
        "examination_rule_version": 1,
        "examination_id": attacker.facts["seen"],
    }
    insert(attacker, "prescription_states", values | given)


def _prescribe(attacker: Sql, **given: Any) -> Any:
    """The whole signature: prescription, its state, the request approved."""
    prescription = _sign(attacker, **given)
    _cover(attacker, prescription)
    _decide(attacker, "approved")
    return prescription


def _move_prescription(attacker: Sql, which: str, to: str, **also: Any) -> None:
    key = attacker.facts[which]
    seq = attacker.tell("prescription", key, to)
    update(attacker, "prescriptions", key, status=to, state_seq=seq, **also)


def _hold(attacker: Sql, which: str = "signed", **also: Any) -> None:
    _move_prescription(attacker, which, "on_hold", held_by_id=attacker.facts["chen"], **also)


def _revoke(attacker: Sql, which: str = "signed", **also: Any) -> None:
    _move_prescription(attacker, which, "revoked", revoked_by_id=attacker.facts["chen"], **also)


def _take(attacker: Sql, prescription: str = "signed", **given: Any) -> Any:
    """A fill of a prescription: the one that nobody has taken."""
    terms = row(attacker, "prescriptions", attacker.facts[prescription])
    values = {
        "id": attacker.facts["new"],
        "prescription_id": terms["id"],
        "number": 5,
        "client_id": terms["client_id"],
        "variant_id": terms["variant_id"],
        "fills_allowed": terms["fills_allowed"],
        "quantity": terms["quantity_per_fill"],
        "state": "CA",
        "status": "reserved",
    } | given
    attacker.tell("fill", values["id"], "reserved")
    insert(attacker, "fills", values)
    return values["id"]


def _use(attacker: Sql, fill: str, to: str) -> None:
    attacker.move("fill", attacker.facts[fill], to)


def _end_licence(attacker: Sql, licence: str) -> None:
    update(
        attacker,
        "licences",
        attacker.facts[licence],
        ended_on=now_in(attacker).astimezone(UTC).date(),
        ended_by_id=attacker.facts["chen"],
    )


def _disable(attacker: Sql, person: str) -> None:
    attacker.run(
        "UPDATE people SET disabled_at = shop_now(), session_epoch = session_epoch + 1"
        " WHERE id = %(who)s",
        who=attacker.facts[person],
    )


def _after(interval: str, act: Callable[[Sql], object]) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        later(attacker, interval)
        act(attacker)

    return attack


# The honest ways: otherwise the attacks would prove nothing.


@ATTACKS.passes()
def _a_request_from_draft_to_review(attacker: Sql) -> None:
    _ask(attacker)
    _submit(attacker)
    _claim(attacker, by="other", request="answered")
    _move_request(attacker, "answered", "queued", claimed_by_id=None, claimed_until=None)


@ATTACKS.passes()
def _a_claim_for_two_states_by_who_is_licensed_in_both(attacker: Sql) -> None:
    _claim(attacker, by="other", request="queued_for_nv")


@ATTACKS.passes()
def _a_signature(attacker: Sql) -> None:
    _prescribe(attacker)


@ATTACKS.passes(OWNER)
def _a_signature_in_the_hand_of_the_owner(attacker: Sql) -> None:
    _prescribe(attacker)


@ATTACKS.passes()
def _a_signature_for_two_states(attacker: Sql) -> None:
    prescription = _sign(attacker, request="claimed_for_nv")
    _cover(attacker, prescription)
    _cover(attacker, prescription, licence="licence_nv")
    _decide(attacker, "approved", request="claimed_for_nv")


@ATTACKS.passes()
def _a_signature_late_but_in_time(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    proof = _sign_in_afresh(attacker)
    later(attacker, "4 minutes")
    _cover(attacker, _write(attacker, **proof))
    _decide(attacker, "approved")


@ATTACKS.passes()
def _a_refusal(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    _refuse(attacker)
    _decide(attacker, "declined")


@ATTACKS.passes()
def _a_fill_reserved_consumed_and_dispensed(attacker: Sql) -> None:
    fill = _take(attacker)
    for status in ("consumed", "dispensed"):
        attacker.move("fill", fill, status)


@ATTACKS.passes()
def _a_fill_with_the_number_of_one_given_back(attacker: Sql) -> None:
    _take(attacker, number=4)


@ATTACKS.passes()
def _a_fill_for_the_second_state(attacker: Sql) -> None:
    _take(attacker, "two_states", state="NV", number=1)


@ATTACKS.passes()
def _a_fill_near_the_end_of_the_licence(attacker: Sql) -> None:
    later(attacker, "170 days")
    _take(attacker)


@ATTACKS.passes()
def _a_prescription_held_and_resumed_and_used(attacker: Sql) -> None:
    _hold(attacker)
    _move_prescription(attacker, "signed", "active", held_by_id=None)
    _use(attacker, "reserved", "consumed")


@ATTACKS.passes(APP, WORKER)
def _what_both_roles_lock_and_move(attacker: Sql) -> None:
    for table, which in (
        ("approval_requests", "queued"),
        ("prescriptions", "signed"),
        ("fills", "reserved"),
    ):
        attacker.run(f"SELECT FROM {table} WHERE id = %({which})s FOR UPDATE")
    attacker.run("SELECT FROM prescription_states, refusals")
    _use(attacker, "consumed", "released")
    _use(attacker, "reserved", "consumed")
    _revoke(attacker, "held", held_by_id=None)
    _move_request(attacker, "draft", "expired")


# What the answer is of one who asks whether a prescription stands.


@ATTACKS.undone("prescription_stands", APP, WORKER)
def _a_prescription_stands_where_it_should_not(attacker: Sql) -> bool:
    answers = attacker.run(
        "SELECT prescription_stands(%(signed)s, 'CA', shop_now()) AS here,"
        " prescription_stands(%(signed)s, 'NV', shop_now()) AS elsewhere,"
        " prescription_stands(%(held)s, 'CA', shop_now()) AS held,"
        " prescription_stands(%(revoked)s, 'CA', shop_now()) AS revoked,"
        " prescription_stands(%(new)s, 'CA', shop_now()) AS unknown"
    )
    return list(answers.values()) == [True, False, False, False, False]


# Requests.


def _claimed_in_a_time_zone_ahead(attacker: Sql) -> None:
    """Six days and a half ahead: as far as PostgreSQL lets a session go."""
    attacker.run("SET LOCAL TIME ZONE 160")
    _claim(attacker, "soon")


ATTACKS.each(
    {
        "request born queued": (
            lambda a: _ask(a, status="queued"),
            "request_begins_as_a_draft",
        ),
        "a second live request for a pack": (
            lambda a: _ask(
                a, variant_id=row(a, "approval_requests", a.facts["queued"])["variant_id"]
            ),
            "approval_requests_one_live",
        ),
        "handed in without consent": (
            lambda a: _submit(a, consented_at=None),
            "submitted_with_consent_and_answers",
        ),
        "handed in without answers": (
            lambda a: _submit(a, answers_hash=None),
            "submitted_with_consent_and_answers",
        ),
        "claimed by a client": (lambda a: _claim(a, "alice"), "reviewer_is_licensed"),
        "claimed without a licence here": (lambda a: _claim(a, "only_nv"), "reviewer_is_licensed"),
        "claimed by who was disabled": (lambda a: _claim(a, "disabled"), "reviewer_is_licensed"),
        "claimed with a licence where it goes and none where the client lives": (
            lambda a: _claim(a, "only_nv", "queued_for_nv"),
            "reviewer_is_licensed",
        ),
        "claimed with a licence where the client lives and none where it goes": (
            lambda a: _claim(a, "only_ca", "queued_for_nv"),
            "reviewer_is_licensed",
        ),
        "claimed in a time zone where the licence has begun": (
            _claimed_in_a_time_zone_ahead,
            "reviewer_is_licensed",
        ),
        "claimed when the licence has run out": (
            _after("200 days", lambda a: _claim(a, "chen")),
            "reviewer_is_licensed",
        ),
    }
)
ATTACKS.each(
    {
        "claim taken over": (
            lambda a: update(
                a, "approval_requests", a.facts["claimed"], claimed_by_id=a.facts["other"]
            ),
            "claim_is_not_taken_over",
        ),
        "answers changed after they were handed in": (
            "UPDATE approval_requests SET answers_sealed = 'x' WHERE id = %(queued)s",
            "answers_are_frozen_once_submitted",
        ),
        "hash changed in review": (
            "UPDATE approval_requests SET answers_hash = 'x' WHERE id = %(claimed)s",
            "answers_are_frozen_once_submitted",
        ),
        "quantity changed in review": (
            "UPDATE approval_requests SET quantity = 9 WHERE id = %(claimed)s",
            "answers_are_frozen_once_submitted",
        ),
        "state changed after it was handed in": (
            "UPDATE approval_requests SET ship_to_state = 'TX' WHERE id = %(queued)s",
            "answers_are_frozen_once_submitted",
        ),
        "questions changed after they were answered": (
            "UPDATE approval_requests SET questionnaire_version = 'x' WHERE id = %(queued)s",
            "answers_are_frozen_once_submitted",
        ),
        "consent changed afterwards": (
            "UPDATE approval_requests SET consented_at = shop_now() WHERE id = %(queued)s",
            "answers_are_frozen_once_submitted",
        ),
        "request that jumps the review": (
            "UPDATE approval_requests SET status = 'approved' WHERE id = %(queued)s",
            "request_goes_along_an_arrow",
        ),
        "request rewound to an old event": (
            "UPDATE approval_requests SET state_seq = 1 WHERE id = %(queued)s",
            "request_goes_along_an_arrow",
        ),
        "request moved without a word": (
            "UPDATE approval_requests SET status = 'withdrawn' WHERE id = %(queued)s",
            "approval_request_status_has_its_event",
        ),
        "approved without a prescription": (
            lambda a: _decide(a, "approved"),
            "approved_by_a_prescription",
        ),
        "left to the client without a prescription": (
            lambda a: _decide(a, "pending_client"),
            "approved_by_a_prescription",
        ),
        "declined without a refusal": (
            lambda a: _decide(a, "declined"),
            "declined_by_a_refusal",
        ),
        "declined as a draft without a refusal": (
            lambda a: _move_request(
                a, "answered", "declined", answers_hash=b"x", consented_at=FAR_OFF
            ),
            "declined_by_a_refusal",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} of a request": (
            f"UPDATE approval_requests SET {column} = {value} WHERE id = %(draft)s",
            "request_keeps_who_and_what",
        )
        for column, value in {
            "id": "%(new)s",
            "number": "'Q-OTHER'",
            "client_id": "%(stranger)s",
            "requested_by_id": "%(stranger)s",
            "variant_id": "%(another_cream)s",
            "created_at": "created_at - interval '1 day'",
        }.items()
    },
    OWNER,
)


ATTACKS.each(
    {
        f"days of the answers of a request that is {request}": (
            f"UPDATE approval_requests SET answered_on_sealed = {value} WHERE id = %({request})s",
            "answer_days_are_frozen_once_submitted",
        )
        for request, value in {"queued": "'x'", "claimed": "NULL"}.items()
    },
    APP,
    OWNER,
)
ATTACKS.each_passes(
    {
        "days of a draft's answers": (
            "UPDATE approval_requests SET answered_on_sealed = 'x' WHERE id = %(draft)s"
        )
    }
)


@ATTACKS.refused("nobody_reviews_their_own_request")
def _a_physician_reviews_her_own_request(attacker: Sql) -> None:
    own = _ask(attacker, client_id=attacker.facts["chen"])
    attacker.facts["own"] = own
    hand_in = {"answers_hash": bytes(32), "consented_at": LONG_AGO}
    _move_request(attacker, "own", "queued", **hand_in)
    _claim(attacker, by="chen", request="own")


@ATTACKS.refused("nobody_reviews_what_they_asked_for")
def _a_physician_reviews_what_she_asked_for_another(attacker: Sql) -> None:
    attacker.facts["own"] = _ask(attacker, requested_by_id=attacker.facts["chen"])
    hand_in = {"answers_hash": bytes(32), "consented_at": LONG_AGO}
    _move_request(attacker, "own", "queued", **hand_in)
    _claim(attacker, by="chen", request="own")


@ATTACKS.undone("request_guard")
def _consent_of_another_day(attacker: Sql) -> bool:
    _submit(attacker, consented_at=LONG_AGO)
    stamped = row(attacker, "approval_requests", attacker.facts["answered"])
    return bool(stamped["consented_at"] == stamped["submitted_at"] > LONG_AGO)


@ATTACKS.undone("request_guard")
def _a_claim_without_end(attacker: Sql) -> bool:
    _claim(attacker, by="chen", claimed_until=FAR_OFF)
    return _ends_within_15_minutes(attacker, "queued")


@ATTACKS.undone("request_guard", APP, WORKER)
def _a_claim_made_endless(attacker: Sql) -> bool:
    _keep_the_claim(attacker, "claimed")
    return _ends_within_15_minutes(attacker, "claimed")


def _ends_within_15_minutes(attacker: Sql, request: str) -> bool:
    until = row(attacker, "approval_requests", attacker.facts[request])["claimed_until"]
    return bool(until <= now_in(attacker) + timedelta(minutes=15))


@ATTACKS.undone("request_guard", OWNER)
def _a_request_with_a_past(attacker: Sql) -> bool:
    past = {"created_at": LONG_AGO, "submitted_at": LONG_AGO, "claim_count": 7}
    made = row(attacker, "approval_requests", _ask(attacker, **past))
    return made["created_at"] > LONG_AGO and (made["submitted_at"], made["claim_count"]) == (
        None,
        0,
    )


@ATTACKS.undone("request_guard", OWNER)
def _a_request_handed_in_long_ago(attacker: Sql) -> bool:
    _submit(attacker, submitted_at=LONG_AGO)
    attacker.run("UPDATE approval_requests SET submitted_at = NULL WHERE id = %(queued)s")
    return all(
        row(attacker, "approval_requests", attacker.facts[one])["submitted_at"] > LONG_AGO
        for one in ("answered", "queued")
    )


@ATTACKS.undone("request_guard", OWNER)
def _a_fence_set_back(attacker: Sql) -> bool:
    attacker.run("UPDATE approval_requests SET claim_count = 0 WHERE id = %(claimed)s")
    _claim(attacker, by="chen", claim_count=9)
    counts = [
        row(attacker, "approval_requests", attacker.facts[one])["claim_count"]
        for one in ("claimed", "queued")
    ]
    return counts == [1, 1]


# Refusals.


def _refuse_and_decline(attacker: Sql, **given: Any) -> None:
    _keep_the_claim(attacker, "claimed")
    _refuse(attacker, **given)
    _decide(attacker, "declined")


def _refused_and_left(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    _refuse(attacker)


def _refused_twice(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    _refuse(attacker)
    _refuse(attacker)


ATTACKS.each(
    {
        "refusal without a claim": (
            lambda a: _refuse(a, request_id=a.facts["queued"]),
            "refused_under_a_claim",
        ),
        "refusal under another's claim": (
            lambda a: _refuse_and_decline(a, refused_by_id=a.facts["other"]),
            "refused_under_a_claim",
        ),
        "refusal when the claim has run out": (
            _after("1 day", _refuse),
            "refused_under_a_claim",
        ),
        "refusal, request left open": (
            _refused_and_left,
            "refusal_declines_its_request",
        ),
        "a second refusal": (_refused_twice, "refusals_one_per_request"),
        "refusal to another client": (
            lambda a: _refuse_and_decline(a, client_id=a.facts["stranger"]),
            "refusal_is_of_its_request",
        ),
        "refusal of oneself": (
            lambda a: _refuse_and_decline(a, client_id=a.facts["chen"]),
            "nobody_refuses_themselves",
        ),
        "refusal for no known reason": (
            lambda a: _refuse_and_decline(a, reason="mood"),
            "refusal_reason_is_known",
        ),
    }
)


@ATTACKS.refused("request_has_one_decision")
def _a_prescription_and_a_refusal(attacker: Sql) -> None:
    _cover(attacker, _sign(attacker))
    _refuse(attacker)
    _decide(attacker, "approved")


@ATTACKS.undone("refusal_guard", OWNER)
def _a_refusal_of_another_day(attacker: Sql) -> bool:
    _refuse_and_decline(attacker, id=attacker.facts["new"], refused_at=LONG_AGO)
    return bool(row(attacker, "refusals", attacker.facts["new"])["refused_at"] > LONG_AGO)


# Signatures.


def _signed_when_the_claim_ran_out(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    later(attacker, "16 minutes")
    _write(attacker, **_sign_in_afresh(attacker))


def _signed_on_a_stale_sign_in(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    proof = _sign_in_afresh(attacker)
    later(attacker, "6 minutes")
    _write(attacker, **proof)


def _signed_before_signing_in(attacker: Sql) -> None:
    later(attacker, "1 minute")
    proof = _sign_in_afresh(attacker)
    later(attacker, "0")
    _keep_the_claim(attacker, "claimed")
    _write(attacker, **proof)


def _signed_twice(attacker: Sql) -> None:
    _cover(attacker, _sign(attacker))
    _sign(attacker)


def _signed_without_its_states(attacker: Sql) -> None:
    _sign(attacker)
    _decide(attacker, "approved")


def _signed_without_where_it_goes(attacker: Sql) -> None:
    _cover(attacker, _sign(attacker, "claimed_for_nv"))
    _decide(attacker, "approved", "claimed_for_nv")


ATTACKS.each(
    {
        "prescription without a claim": (
            lambda a: _prescribe(a, request_id=a.facts["queued"]),
            "signed_under_a_claim",
        ),
        "prescription under another's claim": (
            lambda a: _prescribe(a, prescriber_id=a.facts["other"]),
            "signed_under_a_claim",
        ),
        "prescription when the claim has run out": (
            _signed_when_the_claim_ran_out,
            "signed_under_a_claim",
        ),
        "prescription of another quantity": (
            lambda a: _prescribe(a, quantity_per_fill=2),
            "changes_are_accepted_by_the_client",
        ),
        "prescription of another cream": (
            lambda a: _prescribe(a, variant_id=a.facts["another_cream"]),
            "changes_are_accepted_by_the_client",
        ),
        "prescription as requested that waits for the client": (
            lambda a: (_cover(a, _sign(a)), _decide(a, "pending_client")),
            "only_a_change_waits_for_the_client",
        ),
        "prescription for another client": (
            lambda a: _prescribe(a, client_id=a.facts["stranger"]),
            "prescription_is_for_the_requesting_client",
        ),
        "prescription for oneself": (
            lambda a: _prescribe(a, client_id=a.facts["chen"]),
            "no_self_prescription",
        ),
        "prescription for who lives elsewhere": (
            lambda a: _prescribe(a, client_state="NV"),
            "client_lives_in_this_state",
        ),
        "prescription with another's NPI": (
            lambda a: _prescribe(a, prescriber_npi="1234567893"),
            "prescriber_has_this_npi",
        ),
        "prescription that begins on hold": (
            lambda a: _prescribe(a, status="on_hold"),
            "prescription_begins_active",
        ),
        "prescription for two years": (
            lambda a: _prescribe(a, valid_until=FAR_OFF),
            "valid_for_a_year_at_most",
        ),
        "prescription without end of fills": (
            lambda a: _prescribe(a, fills_allowed=13),
            "fills_allowed_is_sane",
        ),
        "prescription without a hash": (
            lambda a: _prescribe(a, statement_hash=b"short"),
            "statement_is_hashed",
        ),
        "prescription after an ordinary sign-in": (
            lambda a: _prescribe(a, **_sign_in_afresh(a, "sign_in"), fresh_kind="sign_in"),
            "signed_after_a_fresh_sign_in",
        ),
        "an ordinary sign-in passed off as fresh": (
            lambda a: _prescribe(a, **_sign_in_afresh(a, "sign_in")),
            "signed_after_this_fresh_sign_in",
        ),
        "another's fresh sign-in": (
            lambda a: _prescribe(a, **_sign_in_afresh(a, person="other")),
            "signed_after_this_fresh_sign_in",
        ),
        "a sign-in that never was": (
            lambda a: _prescribe(a, fresh_id=uuid.uuid4()),
            "signed_after_this_fresh_sign_in",
        ),
        "a stale sign-in": (_signed_on_a_stale_sign_in, "sign_in_was_fresh_when_signed"),
        "a sign-in yet to come": (_signed_before_signing_in, "sign_in_was_fresh_when_signed"),
        "factors that nobody proved": (
            lambda a: _prescribe(a, factors=["password", "webauthn"]),
            "signed_with_these_factors",
        ),
        "two prescriptions for a request": (_signed_twice, "prescriptions_one_per_request"),
        "prescription, request left open": (
            lambda a: _cover(a, _sign(a)),
            "prescription_approves_its_request",
        ),
        "prescription without its states": (
            _signed_without_its_states,
            "prescription_covers_the_clients_state",
        ),
        "prescription without the state it goes to": (
            _signed_without_where_it_goes,
            "prescription_covers_the_ship_to_state",
        ),
    }
)


@ATTACKS.refused("sign_in_was_fresh_when_signed")
def _a_stale_sign_in_passed_off_as_fresh(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    proof = _sign_in_afresh(attacker)
    later(attacker, "14 minutes")
    _write(attacker, **proof, factors=["password"])


@ATTACKS.refused("signed_after_this_fresh_sign_in")
def _a_stale_sign_in_with_another_time(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    proof = _sign_in_afresh(attacker)
    later(attacker, "14 minutes")
    _write(attacker, **(proof | {"fresh_at": now_in(attacker)}))


@ATTACKS.undone("prescription_signed")
def _a_prescription_born_with_a_reason(attacker: Sql) -> bool:
    made = _prescribe(attacker, reason_sealed=b"x")
    return row(attacker, "prescriptions", made)["reason_sealed"] is None


@ATTACKS.undone("prescription_signed", OWNER)
def _a_prescription_of_another_day(attacker: Sql) -> bool:
    past = dict.fromkeys(("signed_at", "held_at", "revoked_at"), LONG_AGO)
    made = row(attacker, "prescriptions", _prescribe(attacker, **past, signed_on=LONG_AGO.date()))
    stamped = made["signed_at"] > LONG_AGO and made["signed_on"] > LONG_AGO.date()
    return stamped and made["held_at"] is None and made["revoked_at"] is None


# The states that are signed with it.


def _covered(licence: str = "licence", **given: Any) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        _cover(attacker, _sign(attacker), licence, **given)

    return attack


def _covered_twice(attacker: Sql) -> None:
    prescription = _sign(attacker)
    _cover(attacker, prescription)
    _cover(attacker, prescription)


def _covered_under_what_ended(attacker: Sql) -> None:
    _end_licence(attacker, "licence")
    _cover(attacker, _sign(attacker))


def _covered_for_another_prescriber(attacker: Sql) -> None:
    _cover(attacker, _sign(attacker), "others_licence", prescriber_id=attacker.facts["other"])


ATTACKS.each(
    {
        "state added after signing": (
            lambda a: _cover(a, a.facts["signed"], "licence_nv"),
            "states_are_signed_with_it",
        ),
        "state of a prescription that nobody signed": (
            lambda a: _cover(a, a.facts["new"]),
            "states_are_signed_with_it",
        ),
        "state under a licence that was ended": (
            _covered_under_what_ended,
            "licence_was_not_ended_when_signed",
        ),
        "state under a nurse's licence": (
            _covered("of_a_nurse"),
            "licence_was_not_ended_when_signed",
        ),
        "state under a licence that begins next week": (
            _covered("next_week"),
            "licence_was_not_ended_when_signed",
        ),
        "state under a licence that lapsed, beside one in force": (
            _covered("lapsed"),
            "licensed_when_signed",
        ),
        "state under a licence begun earlier than it did": (
            _covered(licence_from=LONG_AGO.date()),
            "licence_is_the_prescribers",
        ),
        "state under a licence that lasts longer than it does": (
            _covered(licence_until=FAR_OFF.date()),
            "licence_is_the_prescribers",
        ),
        "state under a licence of another number": (
            _covered(licence_number="A000000"),
            "licence_has_this_number",
        ),
        "state under another's licence": (
            _covered("others_licence"),
            "licence_is_the_prescribers",
        ),
        "state under the licence of another state": (
            _covered("licence_nv", state="CA"),
            "licence_is_the_prescribers",
        ),
        "state in another prescriber's name": (
            _covered_for_another_prescriber,
            "state_is_of_its_prescription",
        ),
        "a state twice": (
            _covered_twice,
            "prescription_states_pkey",
        ),
    }
)


@ATTACKS.undone("state_signed", OWNER)
def _a_state_signed_on_another_day(attacker: Sql) -> bool:
    prescription = _sign(attacker)
    _cover(attacker, prescription, signed_on=LONG_AGO.date())
    _decide(attacker, "approved")
    kept = attacker.run(
        "SELECT signed_on FROM prescription_states WHERE prescription_id = %(rx)s", rx=prescription
    )
    return bool(kept["signed_on"] > LONG_AGO.date())


# What was signed stays.

ATTACKS.each(
    {
        "prescription held without a word": (
            (
                "UPDATE prescriptions SET status = 'on_hold', held_by_id = %(chen)s"
                " WHERE id = %(signed)s"
            ),
            "prescription_status_has_its_event",
        ),
        "revoked prescription brought back": (
            (
                "UPDATE prescriptions SET status = 'active', revoked_by_id = NULL"
                " WHERE id = %(revoked)s"
            ),
            "prescription_goes_along_an_arrow",
        ),
        "revoked prescription rewound to its signature": (
            "UPDATE prescriptions SET state_seq = 1 WHERE id = %(revoked)s",
            "prescription_goes_along_an_arrow",
        ),
        "held prescription rewound to its signature": (
            (
                "UPDATE prescriptions SET status = 'active', state_seq = 1, held_by_id = NULL"
                " WHERE id = %(held)s"
            ),
            "prescription_goes_along_an_arrow",
        ),
        "revoked by nobody": (
            lambda a: _move_prescription(a, "signed", "revoked"),
            "revoked_by_someone",
        ),
        "held by nobody": (
            lambda a: _move_prescription(a, "signed", "on_hold"),
            "held_by_someone",
        ),
        "reason changed later": (
            "UPDATE prescriptions SET reason_sealed = 'x' WHERE id = %(revoked)s",
            "what_was_signed_never_changes",
        ),
        "revoked by somebody else": (
            "UPDATE prescriptions SET revoked_by_id = %(other)s WHERE id = %(revoked)s",
            "what_was_signed_never_changes",
        ),
        "held by somebody else": (
            "UPDATE prescriptions SET held_by_id = %(other)s WHERE id = %(held)s",
            "what_was_signed_never_changes",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} under the signature": (
            f"UPDATE prescriptions SET {column} = {value} WHERE id = %(signed)s",
            "what_was_signed_never_changes",
        )
        for column, value in {
            "number": "'RX-OTHER'",
            "client_id": "%(stranger)s",
            "variant_id": "%(another_cream)s",
            "quantity_per_fill": "2",
            "fills_allowed": "12",
            "days_supply": "1",
            "interval_days": "1",
            "directions_sealed": "'x'",
            "indication_sealed": "'x'",
            "client_state": "'NV'",
            "valid_from": "valid_from - interval '1 day'",
            "valid_until": "valid_until + interval '1 day'",
            "prescriber_id": "%(other)s",
            "prescriber_name": "'Somebody'",
            "prescriber_npi": "'1234567893'",
            "examined_on": "examined_on - 1",
            "statement_sealed": "'x'",
            "statement_hash": "sha256('x')",
            "signed_at": "signed_at - interval '1 day'",
            "fresh_id": "%(new)s",
            "factors": "'{}'",
        }.items()
    },
    OWNER,
)


@ATTACKS.undone("prescription_kept", OWNER)
def _a_revocation_of_another_day(attacker: Sql) -> bool:
    _revoke(attacker, revoked_at=LONG_AGO)
    _hold(attacker, "two_states", held_at=LONG_AGO)
    revoked = row(attacker, "prescriptions", attacker.facts["signed"])
    held = row(attacker, "prescriptions", attacker.facts["two_states"])
    return bool(revoked["revoked_at"] > LONG_AGO and held["held_at"] > LONG_AGO)


# Fills.


def _fill_of_one_superseded(attacker: Sql) -> None:
    _move_prescription(attacker, "signed", "superseded")
    _take(attacker)  # before the commit that would ask for its successor


def _fill_of_one_in_a_state_nobody_foresaw(attacker: Sql) -> None:
    as_owner(attacker, "INSERT INTO legal_transitions VALUES ('prescription', 'active', 'odd')")
    _move_prescription(attacker, "signed", "odd")
    _take(attacker)


def _fill_with_the_licence_ended(attacker: Sql) -> None:
    _end_licence(attacker, "licence")
    _take(attacker)


def _fill_with_the_licence_ended_where_it_goes(attacker: Sql) -> None:
    _end_licence(attacker, "licence_nv")
    _take(attacker, "two_states", state="NV", number=1)


def _fill_with_the_licence_ended_where_the_client_lives(attacker: Sql) -> None:
    _end_licence(attacker, "licence")
    _take(attacker, "two_states", state="NV", number=1)


def _fill_consumed_when_the_prescriber_is_disabled(attacker: Sql) -> None:
    _disable(attacker, "chen")
    _use(attacker, "reserved", "consumed")


def _used_once(change: Callable[[Sql], None], fill: str, to: str) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        change(attacker)
        _use(attacker, fill, to)

    return attack


ATTACKS.each(
    {
        "fill of a revoked one": (lambda a: _take(a, "revoked"), "prescription_not_revoked"),
        "fill of one on hold": (lambda a: _take(a, "held"), "prescription_not_held"),
        "fill of one superseded": (_fill_of_one_superseded, "prescription_not_superseded"),
        "fill of one in a state nobody foresaw": (
            _fill_of_one_in_a_state_nobody_foresaw,
            "prescription_is_active",
        ),
        "fill of one that ran out": (_after("367 days", _take), "prescription_in_time"),
        "fill of one that has not begun": (_after("-2 days", _take), "prescription_in_time"),
        "fill of a prescription nobody signed": (
            lambda a: _take(a, prescription_id=uuid.uuid4()),
            "prescription_exists",
        ),
        "fill for a state not covered": (
            lambda a: _take(a, state="NV"),
            "prescription_covers_the_state",
        ),
        "fill with the licence ended": (_fill_with_the_licence_ended, "prescriber_licensed_now"),
        "fill with the licence ended where it goes": (
            _fill_with_the_licence_ended_where_it_goes,
            "prescriber_licensed_now",
        ),
        "fill with the licence ended where the client lives": (
            _fill_with_the_licence_ended_where_the_client_lives,
            "prescriber_licensed_now",
        ),
        "fill when the licence ran out": (_after("200 days", _take), "prescriber_licensed_now"),
        "fill of another client": (
            lambda a: _take(a, client_id=a.facts["stranger"]),
            "fill_is_on_its_prescriptions_terms",
        ),
        "fill of another cream": (
            lambda a: _take(a, variant_id=a.facts["another_cream"]),
            "fill_is_on_its_prescriptions_terms",
        ),
        "fill of another quantity": (
            lambda a: _take(a, quantity=2),
            "fill_is_on_its_prescriptions_terms",
        ),
        "fill with a larger allowance": (
            lambda a: _take(a, number=6, fills_allowed=6),
            "fill_is_on_its_prescriptions_terms",
        ),
        "fill beyond the allowance": (lambda a: _take(a, number=6), "fill_within_allowance"),
        "fill number nought": (lambda a: _take(a, number=0), "fill_within_allowance"),
        "fill number taken": (lambda a: _take(a, number=3), "fills_one_per_number"),
        "fill number paid for": (lambda a: _take(a, number=2), "fills_one_per_number"),
        "fill number of one that left": (lambda a: _take(a, number=1), "fills_one_per_number"),
        "fill born consumed": (lambda a: _take(a, status="consumed"), "fill_begins_reserved"),
    }
)
ATTACKS.each(
    {
        "fill consumed when the prescriber is disabled": (
            _fill_consumed_when_the_prescriber_is_disabled,
            "prescriber_licensed_now",
        ),
        "fill consumed after revocation": (
            _used_once(_revoke, "reserved", "consumed"),
            "prescription_not_revoked",
        ),
        "fill dispensed after revocation": (
            _used_once(_revoke, "consumed", "dispensed"),
            "prescription_not_revoked",
        ),
        "fill consumed on hold": (
            _used_once(_hold, "reserved", "consumed"),
            "prescription_not_held",
        ),
        "fill dispensed on hold": (
            _used_once(_hold, "consumed", "dispensed"),
            "prescription_not_held",
        ),
        "fill consumed when it ran out": (
            _after("367 days", lambda a: _use(a, "reserved", "consumed")),
            "prescription_in_time",
        ),
        "fill dispensed when it ran out": (
            _after("367 days", lambda a: _use(a, "consumed", "dispensed")),
            "prescription_in_time",
        ),
        "fill moved without a word": (
            "UPDATE fills SET status = 'consumed' WHERE id = %(reserved)s",
            "fill_status_has_its_event",
        ),
        "fill that skips being paid": (
            "UPDATE fills SET status = 'dispensed' WHERE id = %(reserved)s",
            "fill_goes_along_an_arrow",
        ),
        "fill given back after it left": (
            "UPDATE fills SET status = 'released' WHERE id = %(dispensed)s",
            "fill_goes_along_an_arrow",
        ),
        "fill given back that comes back": (
            "UPDATE fills SET status = 'reserved' WHERE id = %(released)s",
            "fill_goes_along_an_arrow",
        ),
        "fill rewound to an old event": (
            "UPDATE fills SET status = 'reserved', state_seq = 1 WHERE id = %(consumed)s",
            "fill_goes_along_an_arrow",
        ),
        "fill rewound as it is": (
            "UPDATE fills SET state_seq = 1 WHERE id = %(consumed)s",
            "fill_goes_along_an_arrow",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        f"another {column} of a fill": (
            f"UPDATE fills SET {column} = {value} WHERE id = %(consumed)s",
            "fill_keeps_its_terms",
        )
        for column, value in {
            "id": "%(new)s",
            "prescription_id": "%(held)s",
            "number": "5",
            "client_id": "%(stranger)s",
            "variant_id": "%(another_cream)s",
            "state": "'NV'",
            "quantity": "2",
            "fills_allowed": "6",
            "reserved_at": "reserved_at - interval '1 day'",
            "consumed_at": "consumed_at - interval '1 day'",
            "dispensed_at": "consumed_at",
            "released_at": "consumed_at",
        }.items()
    },
    OWNER,
)


@ATTACKS.refused("dispensed_fill_is_never_given_back", OWNER)
def _a_fill_given_back_along_an_arrow_that_somebody_added(attacker: Sql) -> None:
    attacker.run("INSERT INTO legal_transitions VALUES ('fill', 'dispensed', 'released')")
    _use(attacker, "dispensed", "released")


@ATTACKS.refused("fill_is_for_a_covered_state", OWNER)
def _a_fill_for_a_state_not_covered_past_the_guard(attacker: Sql) -> None:
    attacker.run("ALTER TABLE fills DISABLE TRIGGER fill_guard")
    _take(attacker, state="NV")


@ATTACKS.undone("fill_guard", OWNER)
def _a_fill_with_a_past(attacker: Sql) -> bool:
    past = ("reserved_at", "consumed_at", "dispensed_at", "released_at")
    given: dict[str, Any] = dict.fromkeys(past, LONG_AGO)
    made = row(attacker, "fills", _take(attacker, **given))
    return made["reserved_at"] > LONG_AGO and all(made[name] is None for name in past[1:])


@ATTACKS.undone("fill_guard", APP, WORKER)
def _a_fill_whose_times_are_not_stamped(attacker: Sql) -> bool:
    before = now_in(attacker)
    _use(attacker, "reserved", "consumed")
    _use(attacker, "reserved", "dispensed")
    _use(attacker, "consumed", "released")
    used = row(attacker, "fills", attacker.facts["reserved"])
    back = row(attacker, "fills", attacker.facts["consumed"])
    return bool(
        before <= used["consumed_at"] <= used["dispensed_at"]
        and used["released_at"] is None
        and back["consumed_at"] < before <= back["released_at"]
    )


# Kept, even from the owner.

ATTACKS.each(
    {
        f"{verb} {table}": (statement.format(table), kept)
        for table, kept in {
            "approval_requests": "requests_are_kept",
            "refusals": "refusals_are_kept",
            "prescriptions": "prescriptions_are_kept",
            "prescription_states": "prescription_states_are_kept",
            "fills": "fills_are_kept",
        }.items()
        for verb, statement in {
            "remove": "DELETE FROM {}",
            "empty": "TRUNCATE {} CASCADE",
        }.items()
    }
    | {
        "another refusal": ("UPDATE refusals SET reason = 'minor'", "refusals_are_kept"),
        "another state": (
            "UPDATE prescription_states SET state = 'TX'",
            "prescription_states_are_kept",
        ),
    },
    OWNER,
)
