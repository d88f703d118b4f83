"""Attacks on renewal, supersession, entry in error and what is told once: I1, I6, I22, I30."""

from __future__ import annotations

import uuid
from typing import Any

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions import erring, filling, holding, revoking
from tests.attacks import prescriptions as signing
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream
from tests.people import alice, dr_chen, eva, mona
from tests.prescriptions.builders import a_claimed_request, a_prescription, an_examination

LONG_AGO = signing.LONG_AGO


def scene() -> dict[str, Any]:
    """Of one client and physician: packs with prescriptions at every turn of their life.

    `owing` is replaced by `latest` and has a fill under way; `over` was replaced by `after_over`;
    `alone` stands by itself; `before` stands, and `claimed` asks for its pack again.
    """
    client, chen, boss = alice(), dr_chen(state="CA"), mona()
    pack, other_pack, asked_pack = a_cream(), a_cream(), a_cream()
    owing = a_prescription(client, pack, by=chen)
    under_way = filling.reserve(owing.id, state="CA", quantity=1, at=now())
    latest = a_prescription(client, pack, by=chen)
    over = a_prescription(client, other_pack, by=chen)
    after_over = a_prescription(client, other_pack, by=chen)
    alone, doubted, wrong, revoked = (a_prescription(client, by=chen) for _ in range(4))
    revoking.revoke(revoked, reason="No.", by=chen, at=now())
    held = a_prescription(client, by=chen)
    holding.hold(held, reason="Wait.", by=chen, at=now())
    said = erring.report(doubted, reason="Wrong.", by=chen, at=now())
    confirmed = erring.report(wrong, reason="Wrong.", by=chen, at=now())
    erring.confirm(confirmed, by=boss, at=now())
    dismissed = erring.report(alone, reason="Wrong.", by=chen, at=now())
    erring.dismiss(dismissed, by=boss, at=now())
    events.record(Kind.PRESCRIPTION_ENDING, alone)
    before = a_prescription(client, asked_pack, by=chen)
    facts = {
        "alice": client.id,
        "stranger": alice().id,
        "chen": chen.id,
        "other": dr_chen().id,
        "boss": boss.id,
        "eva": eva().id,
        "disabled": dr_chen(disabled_at=now()).id,
        "licence": next(one.id for one in chen.licences if one.state == "CA"),
        "owing": owing.id,
        "under_way": under_way.id,
        "latest": latest.id,
        "over": over.id,
        "after_over": after_over.id,
        "alone": alone.id,
        "doubted": doubted.id,
        "wrong": wrong.id,
        "revoked": revoked.id,
        "held": held.id,
        "said": said.id,
        "confirmed": confirmed.id,
        "dismissed": dismissed.id,
        "before": before.id,
        "signed": alone.id,  # whose columns a forged prescription copies
        "queued": alone.request_id,
        "pack": pack.id,
        "another_cream": a_cream().id,
        "claimed": a_claimed_request(client, asked_pack, by=chen).id,
        "seen": an_examination(client, by=chen).id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _replace(attacker: Sql, replaced: str, successor: Any, **given: Any) -> None:
    one = row(attacker, "prescriptions", attacker.facts[replaced])
    values = {
        "prescription_id": one["id"],
        "successor_id": attacker.facts.get(successor, successor),
        "client_id": one["client_id"],
        "variant_id": one["variant_id"],
    }
    insert(attacker, "supersessions", values | given)


def _move(attacker: Sql, which: str, to: str, **also: Any) -> None:
    key = attacker.facts[which]
    seq = attacker.tell("prescription", key, to)
    update(attacker, "prescriptions", key, status=to, state_seq=seq, **also)


def _sign_again(attacker: Sql) -> Any:
    """Another prescription for the pack of `before`, and nothing about `before`."""
    return signing._prescribe(attacker)


def _report(attacker: Sql, which: str = "latest", **given: Any) -> Any:
    one = row(attacker, "prescriptions", attacker.facts[which])
    values = {
        "id": uuid.uuid4(),
        "prescription_id": one["id"],
        "client_id": one["client_id"],
        "reported_by_id": attacker.facts["chen"],
        "reason_sealed": b"x",
    }
    insert(attacker, "error_reports", values | given)
    return (values | given)["id"]


def _decide(attacker: Sql, report: str, by: str, *, confirmed: bool = True, **given: Any) -> None:
    values = {"decided_by_id": attacker.facts[by], "confirmed": confirmed} | given
    update(attacker, "error_reports", attacker.facts[report], **values)


def _renew(attacker: Sql, which: str, **given: Any) -> Any:
    one = row(attacker, "prescriptions", attacker.facts[which])
    values = {"variant_id": one["variant_id"], "renews_id": one["id"]}
    return signing._ask(attacker, **(values | given))


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _a_signature_that_takes_the_place_of_another(attacker: Sql) -> None:
    successor = _sign_again(attacker)
    _replace(attacker, "before", successor)
    _move(attacker, "before", "superseded")


@ATTACKS.passes()
def _a_renewal_asked_for(attacker: Sql) -> None:
    _renew(attacker, "alone")


@ATTACKS.passes()
def _an_error_reported_and_confirmed(attacker: Sql) -> None:
    _decide(attacker, "said", "other")
    _move(attacker, "doubted", "entered_in_error", reason_sealed=b"x")


@ATTACKS.passes()
def _an_error_dismissed_by_who_reported_it(attacker: Sql) -> None:
    _decide(attacker, "said", "chen", confirmed=False)


@ATTACKS.passes(APP, WORKER)
def _the_last_fill_given_back(attacker: Sql) -> None:
    attacker.move("fill", attacker.facts["under_way"], "released")
    _move(attacker, "owing", "superseded")


@ATTACKS.passes(APP, WORKER)
def _what_was_promised_before_is_paid_for(attacker: Sql) -> None:
    attacker.move("fill", attacker.facts["under_way"], "consumed")


@ATTACKS.passes(APP, WORKER)
def _what_was_replaced_is_read(attacker: Sql) -> None:
    attacker.run("SELECT FROM supersessions, error_reports")


# Renewal.

ATTACKS.each(
    {
        "renewal of what was revoked": (
            lambda a: _renew(a, "revoked"),
            "only_an_active_prescription_is_renewed",
        ),
        "renewal of what was replaced": (
            lambda a: _renew(a, "owing"),
            "only_an_active_prescription_is_renewed",
        ),
        "renewal of what nobody signed": (
            lambda a: _renew(a, "alone", renews_id=uuid.uuid4()),
            "only_an_active_prescription_is_renewed",
        ),
        "renewal of another pack": (
            lambda a: _renew(a, "alone", variant_id=a.facts["another_cream"]),
            "request_renews_a_prescription_of_its_client_and_pack",
        ),
        "renewal of another client's": (
            lambda a: _renew(a, "alone", client_id=a.facts["stranger"]),
            "request_renews_a_prescription_of_its_client_and_pack",
        ),
    }
)
ATTACKS.each(
    {
        "request that renews something else afterwards": (
            "UPDATE approval_requests SET renews_id = %(before)s WHERE id = %(claimed)s",
            "request_keeps_what_it_renews",
        ),
    },
    OWNER,
)


def _renewal_of_what_is_taken_back_meanwhile(attacker: Sql) -> None:
    attacker.run("ALTER TABLE approval_requests DISABLE TRIGGER renewal_is_kept")
    attacker.run("UPDATE approval_requests SET renews_id = %(before)s WHERE id = %(claimed)s")
    attacker.run("ALTER TABLE approval_requests ENABLE TRIGGER renewal_is_kept")
    _move(attacker, "before", "revoked", revoked_by_id=attacker.facts["chen"])
    _sign_again(attacker)


ATTACKS.each(
    {
        "signature on a renewal of what was taken back": (
            _renewal_of_what_is_taken_back_meanwhile,
            "what_was_taken_back_is_not_renewed",
        ),
    },
    OWNER,
)


# Supersession.


def _fill_of(attacker: Sql, which: str) -> None:
    terms = row(attacker, "prescriptions", attacker.facts[which])
    signing._take(attacker, which, number=2, fills_allowed=terms["fills_allowed"])


def _held_while_another_is_signed(attacker: Sql) -> None:
    _move(attacker, "before", "on_hold", held_by_id=attacker.facts["chen"])
    _sign_again(attacker)


def _replaced_while_it_owes(attacker: Sql) -> None:
    _move(attacker, "owing", "superseded")


def _left_active(attacker: Sql) -> None:
    _replace(attacker, "before", _sign_again(attacker))


def _given_back_and_left_active(attacker: Sql) -> None:
    attacker.move("fill", attacker.facts["under_way"], "released")


ATTACKS.each(
    {
        "a second prescription for a pack beside the first": (
            _sign_again,
            "new_prescription_replaces_the_others",
        ),
        "a second prescription for a pack while the first is on hold": (
            _held_while_another_is_signed,
            "new_prescription_replaces_the_others",
        ),
        "new fill of what was replaced": (
            lambda a: _fill_of(a, "owing"),
            "replaced_prescription_gives_no_new_fill",
        ),
        "what was replaced, taken elsewhere": (
            (
                "INSERT INTO prescriptions_taken_away (prescription_id, fills)"
                " SELECT id, fills_allowed - (SELECT count(*) FROM fills"
                " WHERE prescription_id = prescriptions.id AND status <> 'released')"
                " FROM prescriptions WHERE id = %(owing)s"
            ),
            "replaced_prescription_gives_no_new_fill",
        ),
        "replaced, and left active": (
            _left_active,
            "replaced_prescription_ends_with_what_it_owes",
        ),
        "replaced by an earlier one": (
            lambda a: _replace(a, "latest", "owing"),
            "successor_is_signed_later",
        ),
        "replaced by itself": (
            lambda a: _replace(a, "alone", "alone"),
            "successor_is_signed_later",
        ),
        "replaced though it is on hold": (
            lambda a: _replace(a, "held", "latest"),
            "only_an_active_prescription_is_replaced",
        ),
        "replaced though it was revoked": (
            lambda a: _replace(a, "revoked", "latest"),
            "only_an_active_prescription_is_replaced",
        ),
        "replaced by one of another pack": (
            lambda a: _replace(a, "before", "latest"),
            "successor_is_signed_later",
        ),
        "replaced by a later one of another pack": (
            lambda a: _replace(a, "owing", "before"),
            "supersessions_pkey",
        ),
        "replaced a second time": (
            lambda a: _replace(a, "owing", "latest"),
            "supersessions_pkey",
        ),
        "replaced by a later one, of another pack": (
            lambda a: _replace(a, "alone", "before"),
            "successor_is_of_this_client_and_pack",
        ),
        "replaced under another client's name": (
            lambda a: _replace(a, "alone", "before", client_id=a.facts["stranger"]),
            "superseded_is_of_this_client_and_pack",
        ),
    }
)
ATTACKS.each(
    {
        "superseded by nobody": (
            lambda a: _move(a, "alone", "superseded"),
            "superseded_prescription_has_a_successor",
        ),
        "superseded while a fill is under way": (
            _replaced_while_it_owes,
            "superseded_prescription_owes_nothing",
        ),
        "last fill given back, and left active": (
            _given_back_and_left_active,
            "replaced_prescription_ends_with_what_it_owes",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("supersession_guard", OWNER)
def _a_supersession_of_another_day(attacker: Sql) -> bool:
    _replace(attacker, "before", _sign_again(attacker), superseded_at=LONG_AGO)
    _move(attacker, "before", "superseded")
    found = attacker.run(
        "SELECT superseded_at FROM supersessions WHERE prescription_id = %(before)s"
    )
    return bool(found["superseded_at"] > LONG_AGO)


# Entered in error.


def _confirmed_and_left(attacker: Sql) -> None:
    _decide(attacker, "said", "other")


ATTACKS.each(
    {
        "entered in error by one": (
            lambda a: _move(a, "alone", "entered_in_error"),
            "entered_in_error_by_two_people",
        ),
        "entered in error before anybody agrees": (
            lambda a: _move(a, "doubted", "entered_in_error"),
            "entered_in_error_by_two_people",
        ),
        "back from an error": (
            lambda a: _move(a, "wrong", "active"),
            "event_is_a_legal_transition",
        ),
        "confirmed by who reported it": (
            lambda a: _decide(a, "said", "chen"),
            "error_is_confirmed_by_another",
        ),
        "confirmed by an esthetician": (
            lambda a: _decide(a, "said", "eva"),
            "error_is_decided_by_a_physician_or_manager",
        ),
        "confirmed by the client": (
            lambda a: _decide(a, "said", "alice"),
            "error_is_decided_by_a_physician_or_manager",
        ),
        "confirmed by who was disabled": (
            lambda a: _decide(a, "said", "disabled"),
            "error_is_decided_by_a_physician_or_manager",
        ),
        "confirmed by nobody": (
            "UPDATE error_reports SET confirmed = true WHERE id = %(said)s",
            "error_is_decided_by_a_physician_or_manager",
        ),
        "confirmed, and the prescription left as it is": (
            _confirmed_and_left,
            "confirmed_error_ends_its_prescription",
        ),
        "confirmed after it was dismissed": (
            lambda a: _decide(a, "dismissed", "other"),
            "error_report_is_decided_once",
        ),
        "dismissed after it was confirmed": (
            lambda a: _decide(a, "confirmed", "other", confirmed=False),
            "error_report_is_decided_once",
        ),
        "reported by a manager": (
            lambda a: _report(a, reported_by_id=a.facts["boss"]),
            "error_is_reported_by_a_physician",
        ),
        "reported by the client": (
            lambda a: _report(a, reported_by_id=a.facts["alice"]),
            "error_is_reported_by_a_physician",
        ),
        "reported by who was disabled": (
            lambda a: _report(a, reported_by_id=a.facts["disabled"]),
            "error_is_reported_by_a_physician",
        ),
        "reported twice": (lambda a: _report(a, "doubted"), "error_reports_one_live"),
        "reported though it is an error": (
            lambda a: _report(a, "wrong"),
            "error_reports_one_live",
        ),
        "reported under another client's name": (
            lambda a: _report(a, client_id=a.facts["stranger"]),
            "error_is_in_a_prescription_of_this_client",
        ),
        "reported and confirmed at once": (
            lambda a: _report(a, decided_by_id=a.facts["other"], confirmed=True),
            "error_report_begins_undecided",
        ),
    }
)


@ATTACKS.undone("error_report_guard", OWNER)
def _a_report_of_another_day(attacker: Sql) -> bool:
    made = _report(attacker, reported_at=LONG_AGO)
    _decide(attacker, "said", "other", confirmed=False, decided_at=LONG_AGO)
    reported = row(attacker, "error_reports", made)["reported_at"]
    decided = row(attacker, "error_reports", attacker.facts["said"])["decided_at"]
    return bool(reported > LONG_AGO and decided > LONG_AGO)


# What is told once.


@ATTACKS.refused("prescription_notices_once", APP, WORKER)
def _an_end_told_again(attacker: Sql) -> None:
    attacker.run(
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (%(alone)s, 'prescription', 'prescription_ending', 'active')"
    )
