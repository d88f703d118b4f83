"""Attacks on examinations, referrals to a visit, and who stands behind a nurse practitioner."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import examining, referring, requesting, supervising
from shop.prescriptions.practice.rules import Mode
from tests.attacks.acts import as_owner, insert, later, row, update
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.attacks.prescriptions import (
    _cover,
    _decide,
    _move_request,
    _sign,
    _sign_in_afresh,
)
from tests.builders import a_cream
from tests.people import a_licence, alice, bob, dr_chen, mona
from tests.prescriptions.builders import (
    a_claimed_request,
    a_draft,
    a_prescription,
    an_examination,
    answers_to,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SEALED = b"\x01" + bytes(96)


def scene() -> dict[str, Any]:
    """Alice of California was seen in every way; Bob of Texas was not. A nurse prescribes, too."""
    client, texan, chen, manager = alice(), bob(), dr_chen(), mona()
    today = now().date()
    facts = {
        "alice": client.id,
        "bob": texan.id,
        "chen": chen.id,
        "mona": manager.id,
        "licence": next(one.id for one in chen.licences if one.state == "CA"),
        "licence_nv": next(one.id for one in chen.licences if one.state == "NV"),
        **_examined(client, chen),
        **_supervised(client, chen, manager),
        "signed": a_prescription(client, by=chen).id,
        "claimed": a_claimed_request(client, a_cream(), by=chen).id,
        "claimed_for_nv": a_claimed_request(client, a_cream(), by=chen, ship_to_state="NV").id,
        **_referred(client, texan, chen),
        "tomorrow": today + timedelta(days=1),
        "before_her_licence": today - timedelta(days=200),
    }
    db.session.commit()
    return facts


def _examined(client: Any, chen: Any) -> dict[str, Any]:
    old_hand = dr_chen(states=())
    a_licence(old_hand, valid_from=now().date() - timedelta(days=800))
    voided = an_examination(client, by=chen)
    examining.void(voided, reason="It was somebody else.", by=chen, at=now())
    ages_ago = now().date() - timedelta(days=300)
    return {
        "voided": voided.id,
        "of_long_ago": an_examination(client, by=old_hand, on=ages_ago).id,
        "of_steroids": an_examination(client, by=chen, scope=["steroid"]).id,
        "written": an_examination(client, by=chen, mode=Mode.ASYNCHRONOUS).id,
        "seen": an_examination(client, by=chen).id,
    }


def _supervised(client: Any, chen: Any, manager: Any) -> dict[str, Any]:
    nurse, elsewhere = dr_chen(states=()), dr_chen(states=("TX",))
    licence = a_licence(nurse, kind="NP")
    today = now().date()
    days = {"valid_from": today - timedelta(days=9), "valid_until": today + timedelta(days=90)}
    how = {"state": "CA", "by": manager, "at": now()}
    under = supervising.enter(nurse, chen, **how, **days)
    ended = supervising.enter(nurse, dr_chen(), **how, **days)
    supervising.end(ended, on=today, by=manager, at=now())
    return {
        "nurse": nurse.id,
        "nurses_licence": licence.id,
        "texas_licence": elsewhere.licences[0].id,
        "under": under.id,
        "ended": ended.id,
        "signed_by_nurse": a_prescription(client, by=nurse).id,
        "claimed_by_nurse": a_claimed_request(client, a_cream(), by=nurse).id,
    }


def _referred(client: Any, texan: Any, chen: Any) -> dict[str, Any]:
    told = a_claimed_request(client, a_cream(), by=chen)
    reason = referring.ReferralReason.EXAM_REQUIRED
    referring.refer(told, reason=reason, message="Come.", by=chen, at=now())
    by_law = a_draft(texan)
    for one in (by_law, draft := a_draft(texan)):
        answers = answers_to(one.questionnaire_version)
        requesting.answer(one, answers, by=texan, at=now())
    requesting.submit(by_law, consent=True, by=texan, at=now())
    return {"told": told.id, "by_law": by_law.id, "answered": draft.id}


ATTACKS = Attacks(scene)


# Examinations.


def _examine(attacker: Sql, **given: Any) -> dict[str, Any]:
    """An examination like the honest one."""
    like = row(attacker, "examinations", attacker.facts["seen"])
    names = ("client_id", "examiner_id", "examiner_name", "state", "mode", "examined_on")
    values = {name: like[name] for name in (*names, "scope", "valid_until")}
    insert(attacker, "examinations", values | {"id": attacker.facts["new"]} | given)
    return row(attacker, "examinations", attacker.facts["new"])


def _examining(**given: Any) -> Callable[[Sql], object]:
    """Values that begin with ":" are names of the scene."""
    return lambda attacker: _examine(attacker, **_named(attacker, given))


def _named(attacker: Sql, given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: attacker.facts[value[1:]] if isinstance(value, str) and value[:1] == ":" else value
        for name, value in given.items()
    }


def _void(attacker: Sql, which: str = "seen", by: str = "chen", **also: Any) -> None:
    values = {"voided_by_id": attacker.facts[by], "void_reason_sealed": SEALED} | also
    update(attacker, "examinations", attacker.facts[which], **values)


def _too_long(attacker: Sql) -> None:
    like = row(attacker, "examinations", attacker.facts["seen"])
    _examine(attacker, valid_until=like["examined_on"] + timedelta(days=366))


@ATTACKS.passes()
def _an_examination_and_its_voiding(attacker: Sql) -> None:
    _examine(attacker)
    _void(attacker)


ATTACKS.each(
    {
        "examine who works here": (
            _examining(client_id=":nurse"),
            "examination_is_of_a_client",
        ),
        "examine in another state than she lives in": (
            _examining(state="NV"),
            "examination_is_where_the_client_lives",
        ),
        "examine tomorrow": (_examining(examined_on=":tomorrow"), "examined_today_or_before"),
        "examine as the manager": (_examining(examiner_id=":mona"), "examiner_was_licensed"),
        "examine before one had a licence": (
            _examining(examined_on=":before_her_licence"),
            "examiner_was_licensed",
        ),
        "an examination that lasts longer than its state says": (
            _too_long,
            "examination_lasts_as_its_state_says",
        ),
        "void it twice": (lambda a: _void(a, "voided"), "examination_is_voided_once"),
        "let it count again": (
            (
                "UPDATE examinations SET voided_by_id = NULL, void_reason_sealed = NULL"
                " WHERE id = %(voided)s"
            ),
            "examination_is_voided_once",
        ),
        "void it as the client": (
            lambda a: _void(a, by="alice"),
            "examination_is_voided_by_a_physician",
        ),
        "void it as the manager": (
            lambda a: _void(a, by="mona"),
            "examination_is_voided_by_a_physician",
        ),
        "void it without a reason": (
            lambda a: _void(a, void_reason_sealed=None),
            "examination_voided_by_someone",
        ),
    }
)


@ATTACKS.undone("examination_recorded", OWNER)
def _an_examination_recorded_long_ago_and_voided_already(attacker: Sql) -> bool:
    made = _examine(attacker, recorded_at=LONG_AGO, voided_at=LONG_AGO)
    return bool(made["recorded_at"] > LONG_AGO and made["voided_at"] is None)


@ATTACKS.undone("examination_voided", OWNER)
def _an_examination_voided_long_ago(attacker: Sql) -> bool:
    _void(attacker, voided_at=LONG_AGO)
    voided = row(attacker, "examinations", attacker.facts["seen"])
    return bool(voided["voided_at"] > LONG_AGO)


# Into the queue only once examined.


def _seen_by_video(attacker: Sql, client: str, state: str) -> None:
    """As the owner lets it, by somebody who is licensed there for a moment."""
    as_owner(
        attacker,
        "INSERT INTO licences (id, person_id, kind, state, number, valid_from, valid_until)"
        " VALUES (gen_random_uuid(), %(chen)s, 'MD', 'TX', 'T-1', current_date - 9,"
        " current_date + 90)",
    )
    _examine(attacker, client_id=attacker.facts[client], state=state)


@ATTACKS.passes()
def _wait_for_a_physician_once_examined_as_texas_asks(attacker: Sql) -> None:
    _seen_by_video(attacker, "bob", "TX")
    _move_request(attacker, "by_law", "queued")


@ATTACKS.passes()
def _wait_for_a_physician_once_seen_as_she_asked(attacker: Sql) -> None:
    _examine(attacker)
    _move_request(attacker, "told", "queued")


def _written_after_the_referral(attacker: Sql) -> None:
    _examine(attacker, mode="asynchronous")
    _move_request(attacker, "told", "queued")


def _hand_in_unseen(attacker: Sql) -> None:
    moment = attacker.run("SELECT shop_now() AS now")["now"]
    values = {"answers_hash": bytes(32), "consented_at": moment}
    _move_request(attacker, "answered", "queued", **values)


ATTACKS.each(
    {
        "wait for a physician unseen where the law asks for a visit": (
            lambda a: _move_request(a, "by_law", "queued"),
            "request_is_queued_once_examined",
        ),
        "hand in unseen where the law asks for a visit": (
            _hand_in_unseen,
            "request_is_queued_once_examined",
        ),
        "wait again without the visit that a physician asked for": (
            lambda a: _move_request(a, "told", "queued"),
            "request_is_queued_once_examined",
        ),
        "wait again after answers only": (
            _written_after_the_referral,
            "request_is_queued_once_examined",
        ),
    }
)


# Referrals.


def _refer(attacker: Sql, **given: Any) -> dict[str, Any]:
    values = {
        "id": attacker.facts["new"],
        "request_id": attacker.facts["claimed"],
        "client_id": attacker.facts["alice"],
        "referred_by_id": attacker.facts["chen"],
        "reason": "exam_required",
        "message_sealed": SEALED,
    }
    insert(attacker, "referrals", values | _named(attacker, given))
    return row(attacker, "referrals", attacker.facts["new"])


@ATTACKS.passes()
def _a_referral(attacker: Sql) -> None:
    _refer(attacker)
    _decide(attacker, "referred")


ATTACKS.each(
    {
        "refer what another holds": (
            lambda a: _refer(a, referred_by_id=":nurse"),
            "referred_under_a_claim",
        ),
        "refer what nobody holds": (
            lambda a: _refer(a, request_id=":told"),
            "referred_under_a_claim",
        ),
        "refer without words": (
            lambda a: _decide(a, "referred"),
            "request_is_referred_with_words",
        ),
        "words that refer nothing": (_refer, "referral_refers_its_request"),
        "refer twice under one claim": (
            lambda a: (_refer(a), _refer(a, id=uuid.uuid4())),
            "referrals_one_per_claim",
        ),
        "a referral of another client": (
            lambda a: _refer(a, client_id=":bob"),
            "referral_is_of_its_request",
        ),
    }
)


@ATTACKS.undone("referral_guard", OWNER)
def _a_referral_of_long_ago_under_another_claim(attacker: Sql) -> bool:
    made = _refer(attacker, claim=77, referred_at=LONG_AGO)
    _decide(attacker, "referred")
    return bool(made["claim"] == 1 and made["referred_at"] > LONG_AGO)


# Supervisions.


def _supervise(attacker: Sql, **given: Any) -> dict[str, Any]:
    like = row(attacker, "supervisions", attacker.facts["under"])
    names = ("prescriber_id", "supervisor_id", "valid_from", "valid_until", "entered_by_id")
    values = {name: like[name] for name in names} | {"id": attacker.facts["new"], "state": "NV"}
    insert(attacker, "supervisions", values | _named(attacker, given))
    return row(attacker, "supervisions", attacker.facts["new"])


def _end(attacker: Sql, which: str = "under", by: str = "mona") -> None:
    day = attacker.run("SELECT (shop_now() AT TIME ZONE 'UTC')::date AS day")["day"]
    key = attacker.facts[which]
    update(attacker, "supervisions", key, ended_on=day, ended_by_id=attacker.facts[by])


@ATTACKS.passes()
def _a_supervision_and_its_end(attacker: Sql) -> None:
    _supervise(attacker)
    _end(attacker)


ATTACKS.each(
    {
        "supervision entered by who is supervised": (
            lambda a: _supervise(a, entered_by_id=":nurse"),
            "supervision_is_entered_by_a_manager",
        ),
        "supervision by the manager herself": (
            lambda a: _supervise(a, supervisor_id=":mona"),
            "supervision_is_between_prescribers",
        ),
        "supervision of a client": (
            lambda a: _supervise(a, prescriber_id=":alice"),
            "supervision_is_between_prescribers",
        ),
        "the same supervision twice": (
            lambda a: _supervise(a, state="CA"),
            "supervisions_do_not_overlap",
        ),
        "supervision ended twice": (
            lambda a: _end(a, "ended"),
            "supervision_is_ended_once",
        ),
        "supervision ended by who is supervised": (
            lambda a: _end(a, by="nurse"),
            "supervision_is_ended_by_a_manager",
        ),
    }
)


@ATTACKS.undone("supervision_entered", OWNER)
def _a_supervision_entered_long_ago(attacker: Sql) -> bool:
    return bool(_supervise(attacker, entered_at=LONG_AGO)["entered_at"] > LONG_AGO)


# Signatures.


def _sign_on(attacker: Sql, which: str) -> Any:
    """A prescription that names this examination, as it is."""
    seen = row(attacker, "examinations", attacker.facts[which])
    return _sign(
        attacker,
        examination_id=seen["id"],
        examiner_id=seen["examiner_id"],
        examiner_name=seen["examiner_name"],
        examination_mode=seen["mode"],
        examined_on=seen["examined_on"],
        examination_scope=seen["scope"],
        examination_until=seen["valid_until"],
    )


NO_EXAMINATION = dict.fromkeys(
    (
        "examination_id",
        "examiner_id",
        "examiner_name",
        "examination_scope",
        "examination_until",
    )
)


def _sign_after_it_ran_out(attacker: Sql) -> None:
    later(attacker, "100 days")
    _sign_on(attacker, "of_long_ago")


def _covered(attacker: Sql, licence: str = "licence", **given: Any) -> None:
    request = "claimed_for_nv" if licence == "licence_nv" else "claimed"
    prescription = _sign(attacker, request)
    _cover(attacker, prescription, licence, **_named(attacker, given))


def _nevada_beyond_the_visit(attacker: Sql) -> None:
    """In Nevada a prescription ends with the examination; this one goes on."""
    prescription = _sign(attacker, "claimed_for_nv")
    _cover(
        attacker,
        prescription,
        "licence_nv",
        examination_id=attacker.facts["of_long_ago"],
    )


ATTACKS.each(
    {
        "sign with no examination": (
            lambda a: _sign(a, **NO_EXAMINATION),
            "prescription_names_an_examination",
        ),
        "sign on a voided examination": (
            lambda a: _sign_on(a, "voided"),
            "examination_is_not_voided",
        ),
        "sign on an examination that ran out": (
            _sign_after_it_ran_out,
            "examination_is_in_force",
        ),
        "sign on an examination of something else": (
            lambda a: _sign_on(a, "of_steroids"),
            "examination_covers_what_is_prescribed",
        ),
        "say that one saw her who only read": (
            lambda a: _sign(a, examination_mode="in_person"),
            "prescription_says_its_examination",
        ),
        "say that another examined her": (
            lambda a: _sign(a, examiner_id=a.facts["nurse"]),
            "prescription_says_its_examination",
        ),
        "cover a state by another's rule": (
            lambda a: _covered(a, "licence_nv", examination_rule="EX-CA"),
            "state_names_the_rule_that_decided",
        ),
        "cover a state by no rule": (
            lambda a: _covered(a, examination_rule=None, examination_rule_version=None),
            "state_names_the_rule_that_decided",
        ),
        "cover a state that asks for a visit by answers": (
            lambda a: _covered(a, "licence_nv", examination_id=":written"),
            "examined_as_the_state_asks",
        ),
        "cover a state by a voided examination": (
            lambda a: _covered(a, examination_id=":voided"),
            "examined_as_the_state_asks",
        ),
        "cover a state by no examination": (
            lambda a: _covered(a, examination_id=None),
            "examined_as_the_state_asks",
        ),
        "cover a state for longer than the examination lasts": (
            _nevada_beyond_the_visit,
            "prescription_ends_with_its_examination",
        ),
    }
)


def _sign_as_the_nurse(attacker: Sql, **given: Any) -> None:
    """As the nurse signs it, under Dr Chen."""
    facts = attacker.facts
    update(attacker, "approval_requests", facts["claimed_by_nurse"], claimed_until=LONG_AGO)
    like = row(attacker, "prescriptions", facts["signed_by_nurse"])
    prescription = _sign(
        attacker,
        "claimed_by_nurse",
        prescriber_id=facts["nurse"],
        prescriber_name=like["prescriber_name"],
        prescriber_npi=like["prescriber_npi"],
        **_sign_in_afresh(attacker, person="nurse"),
    )
    chens = row(attacker, "licences", facts["licence"])
    under = {
        "prescriber_id": facts["nurse"],
        "supervision_id": facts["under"],
        "supervisor_id": facts["chen"],
        "supervisor_name": "Dr Wei Chen",
        "supervisor_licence_id": chens["id"],
        "supervisor_licence_number": chens["number"],
    }
    _cover(attacker, prescription, "nurses_licence", **(under | _named(attacker, given)))
    _decide(attacker, "approved", "claimed_by_nurse")


ALONE = dict.fromkeys(
    (
        "supervision_id",
        "supervisor_id",
        "supervisor_name",
        "supervisor_licence_id",
        "supervisor_licence_number",
    )
)


@ATTACKS.passes()
def _a_signature_under_a_physician(attacker: Sql) -> None:
    _sign_as_the_nurse(attacker)


def _under_one_whose_licence_ended(attacker: Sql) -> None:
    day = attacker.run("SELECT (shop_now() AT TIME ZONE 'UTC')::date AS day")["day"]
    key = attacker.facts["licence"]
    update(attacker, "licences", key, ended_on=day, ended_by_id=attacker.facts["mona"])
    _sign_as_the_nurse(attacker)


def _under_an_ended_one(attacker: Sql) -> None:
    ended = row(attacker, "supervisions", attacker.facts["ended"])
    _sign_as_the_nurse(attacker, supervision_id=ended["id"], supervisor_id=ended["supervisor_id"])


def _under_one_that_ended_just_now(attacker: Sql) -> None:
    _end(attacker)
    _sign_as_the_nurse(attacker)


ATTACKS.each(
    {
        "a nurse signs alone where the state asks for a physician": (
            lambda a: _sign_as_the_nurse(a, **ALONE),
            "supervised_where_the_state_asks",
        ),
        "a nurse signs under a supervision that ended": (
            _under_an_ended_one,
            "supervision_is_in_force",
        ),
        "a nurse signs under one that ended just now": (
            _under_one_that_ended_just_now,
            "supervision_is_in_force",
        ),
        "a nurse signs under a licence of another state": (
            lambda a: _sign_as_the_nurse(a, supervisor_licence_id=":texas_licence"),
            "supervisor_is_licensed",
        ),
        "a nurse signs under her own licence": (
            lambda a: _sign_as_the_nurse(a, supervisor_licence_id=":nurses_licence"),
            "supervisor_is_licensed",
        ),
        "a nurse signs under one whose licence ended": (
            _under_one_whose_licence_ended,
            "supervisor_is_licensed",
        ),
        "a nurse signs under a number that is not the licence's": (
            lambda a: _sign_as_the_nurse(a, supervisor_licence_number="X-1"),
            "supervisor_has_this_licence",
        ),
        "a nurse names another supervisor": (
            lambda a: _sign_as_the_nurse(
                a,
                supervisor_id=row(a, "supervisions", a.facts["ended"])["supervisor_id"],
                supervisor_licence_id=row_of_licence(a)["id"],
                supervisor_licence_number=row_of_licence(a)["number"],
            ),
            "state_is_under_this_supervision",
        ),
    }
)


def row_of_licence(attacker: Sql) -> dict[str, Any]:
    """The licence in California of the supervisor whose supervision ended."""
    other = row(attacker, "supervisions", attacker.facts["ended"])["supervisor_id"]
    found: dict[str, Any] = attacker.run(
        "SELECT * FROM licences WHERE person_id = %(who)s AND state = 'CA'", who=other
    )
    return found
