"""Attacks on signing keys, signatures, what was checked, and holds by a rule: I3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shop.core.db import db
from tests.attacks.acts import insert, later, row
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.prescriptions import (
    _cover,
    _decide,
    _end_licence,
    _hold,
    _keep_the_claim,
    _move_prescription,
    _refuse,
    _sign,
    now_in,
    screen,
    seal,
)
from tests.attacks.prescriptions import scene as prescribed
from tests.keys import KEY_ID

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2300, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """The requests and prescriptions of `prescriptions`, and the key they were signed with."""
    facts = prescribed() | {"key": KEY_ID}
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _a_key(attacker: Sql, **given: Any) -> Any:
    """A key that begins when the clinic's ends."""
    values = {
        "id": uuid.uuid4(),
        "public_key": uuid.uuid4().bytes * 2,
        "valid_from": row(attacker, "signing_keys", KEY_ID)["valid_until"],
        "valid_until": FAR_OFF,
    } | given
    insert(attacker, "signing_keys", values)
    return values["id"]


def _retire(attacker: Sql, key: Any = KEY_ID) -> None:
    attacker.run("UPDATE signing_keys SET retired_at = shop_now() WHERE id = %(key)s", key=key)


def _rotate(attacker: Sql, **given: Any) -> Any:
    """The clinic's key retires, another begins."""
    _retire(attacker)
    return _a_key(attacker, **({"valid_from": now_in(attacker)} | given))


def _of(attacker: Sql, key: Any) -> dict[str, Any]:
    """What a signature copies of a key."""
    held = row(attacker, "signing_keys", key)
    return {"key_id": key, "key_from": held["valid_from"], "key_until": held["valid_until"]}


def _whole(attacker: Sql, prescription: Any) -> None:
    _cover(attacker, prescription)
    _decide(attacker, "approved")


def _sealed_with(**given: Any) -> Callable[[Sql], None]:
    def attack(attacker: Sql) -> None:
        prescription = _sign(attacker, sealed=False)
        screen(attacker, attacker.facts["claimed"])
        seal(attacker, prescription, **given)
        _whole(attacker, prescription)

    return attack


# The honest ways.


@ATTACKS.passes()
def _the_next_key(attacker: Sql) -> None:
    _a_key(attacker)


@ATTACKS.passes()
def _a_key_that_takes_anothers_place_and_signs(attacker: Sql) -> None:
    key = _rotate(attacker)
    prescription = _sign(attacker, sealed=False)
    screen(attacker, attacker.facts["claimed"])
    seal(attacker, prescription, **_of(attacker, key))
    _whole(attacker, prescription)


@ATTACKS.passes()
def _a_signature_put_by_itself(attacker: Sql) -> None:
    _sealed_with()(attacker)


@ATTACKS.passes(APP, WORKER)
def _a_prescription_held_for_a_lapsed_licence_and_on_again(attacker: Sql) -> None:
    later(attacker, "200 days")
    _move_prescription(attacker, "signed", "on_hold", held_for="licence_lapsed")
    later(attacker, "0")
    _move_prescription(attacker, "signed", "active", held_for=None)


# Keys.


def _key_changed(column: str, value: str) -> str:
    return f"UPDATE signing_keys SET {column} = {value} WHERE id = %(key)s"


def _retired_twice(attacker: Sql) -> None:
    _retire(attacker)
    _retire(attacker)


ATTACKS.each(
    {
        "a key beside the one that signs": (
            lambda a: _a_key(a, valid_from=now_in(a)),
            "signing_keys_do_not_overlap",
        ),
        "a key of yesterday": (
            lambda a: _rotate(a, valid_from=LONG_AGO),
            "key_begins_now_or_later",
        ),
        "a key that ends before it begins": (
            lambda a: _a_key(a, valid_until=LONG_AGO),
            "key_range_is_forward",
        ),
        "a public key that is none": (
            lambda a: _a_key(a, public_key=b"short"),
            "public_key_is_ed25519",
        ),
        "another key by the same id": (lambda a: _a_key(a, id=KEY_ID), "signing_keys_pkey"),
        "the same public key again": (
            lambda a: _a_key(a, public_key=row(a, "signing_keys", KEY_ID)["public_key"]),
            "signing_keys_public_key_key",
        ),
        "a key retired twice": (_retired_twice, "key_is_retired_once"),
        "a key back from retirement": (
            lambda a: (_retire(a), a.run(_key_changed("retired_at", "NULL"))),
            "key_is_retired_once",
        ),
    }
)


@ATTACKS.undone("signing_key_guard", OWNER)
def _a_key_born_retired_of_another_day(attacker: Sql) -> bool:
    made = row(
        attacker, "signing_keys", _a_key(attacker, recorded_at=LONG_AGO, retired_at=LONG_AGO)
    )
    return bool(made["recorded_at"] > LONG_AGO and made["retired_at"] is None)


@ATTACKS.undone("signing_key_guard")
def _a_key_that_retires_later(attacker: Sql) -> bool:
    """Or never: whatever is said, it retires now."""
    attacker.run(_key_changed("retired_at", "'2290-01-01Z'"))
    return bool(row(attacker, "signing_keys", KEY_ID)["retired_at"] < FAR_OFF.replace(year=2290))


# Signatures.


def _signed_by_a_retired_key(attacker: Sql) -> None:
    prescription = _sign(attacker, sealed=False)
    screen(attacker, attacker.facts["claimed"])
    _retire(attacker)
    seal(attacker, prescription)


def _signed_by_the_next_key(attacker: Sql) -> None:
    prescription = _sign(attacker, sealed=False)
    screen(attacker, attacker.facts["claimed"])
    seal(attacker, prescription, **_of(attacker, _a_key(attacker)))


def _sealed_at_another_time(attacker: Sql) -> None:
    attacker.run("ALTER TABLE signatures DISABLE TRIGGER USER")
    prescription = _sign(attacker, sealed=False)
    seal(attacker, prescription, signed_at=LONG_AGO)


ATTACKS.each(
    {
        "a prescription without its signature": (
            lambda a: (
                (made := _sign(a, sealed=False)),
                screen(a, a.facts["claimed"]),
                _whole(a, made),
            ),
            "prescription_has_its_signature",
        ),
        "a prescription without what was checked": (
            lambda a: ((made := _sign(a, sealed=False)), seal(a, made), _whole(a, made)),
            "decision_has_its_screening",
        ),
        "a signature added later": (
            lambda a: seal(a, a.facts["signed"]),
            "signed_with_its_prescription",
        ),
        "a signature by a key that was retired": (
            _signed_by_a_retired_key,
            "key_was_not_retired_when_signed",
        ),
        "a signature by a key that has not begun": (
            _signed_by_the_next_key,
            "key_was_valid_when_signed",
        ),
        "a signature by a key with a longer range": (
            _sealed_with(key_until=FAR_OFF),
            "key_is_as_it_was_recorded",
        ),
        "a signature by a key with an earlier range": (
            _sealed_with(key_from=datetime(1999, 1, 1, tzinfo=UTC)),
            "key_is_as_it_was_recorded",
        ),
        "a signature by no key": (_sealed_with(key_id=uuid.uuid4()), "key_is_as_it_was_recorded"),
        "a document in plain words": (_sealed_with(document_sealed=b"{}"), "document_is_sealed"),
        "a signature of another kind": (_sealed_with(signature=b"x"), "signature_is_ed25519"),
        "a document without a hash": (_sealed_with(document_hash=b"x"), "document_is_hashed"),
        "a second signature": (
            lambda a: seal(a, _sign(a)),
            "signatures_one_per_prescription",
        ),
        "a screening of a request that waits": (
            lambda a: screen(a, a.facts["queued"]),
            "screened_when_it_is_decided",
        ),
        "a screening of a request that nobody made": (
            lambda a: screen(a, a.facts["new"]),
            "screened_when_it_is_decided",
        ),
        "a screening for no decision": (
            lambda a: screen(a, a.facts["claimed"]),
            "screening_is_of_a_decision",
        ),
    }
)


def _refuse_unchecked(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    insert(
        attacker,
        "refusals",
        {
            "id": uuid.uuid4(),
            "request_id": attacker.facts["claimed"],
            "client_id": attacker.facts["alice"],
            "refused_by_id": attacker.facts["chen"],
            "reason": "minor",
        },
    )


@ATTACKS.refused("decision_has_its_screening")
def _a_refusal_without_what_was_checked(attacker: Sql) -> None:
    _refuse_unchecked(attacker)
    _decide(attacker, "declined")


@ATTACKS.refused("screenings_one_per_request")
def _checked_twice(attacker: Sql) -> None:
    _keep_the_claim(attacker, "claimed")
    _refuse(attacker)
    like = attacker.run("SELECT checks_sealed FROM screenings LIMIT 1")
    values = like | {"id": uuid.uuid4(), "request_id": attacker.facts["claimed"]}
    insert(attacker, "screenings", values)


@ATTACKS.refused("signature_is_of_its_prescription", OWNER)
def _a_signature_of_another_moment(attacker: Sql) -> None:
    _sealed_at_another_time(attacker)


@ATTACKS.undone("signature_guard", OWNER)
def _a_signature_of_another_day(attacker: Sql) -> bool:
    prescription = _sign(attacker, sealed=False)
    screen(attacker, attacker.facts["claimed"])
    seal(attacker, prescription, signed_at=LONG_AGO)
    _whole(attacker, prescription)
    kept = attacker.run(
        "SELECT signed_at FROM signatures WHERE prescription_id = %(made)s", made=prescription
    )
    return bool(kept["signed_at"] > LONG_AGO)


@ATTACKS.undone("screening_guard", OWNER)
def _checks_of_another_day(attacker: Sql) -> bool:
    _refuse_unchecked(attacker)
    attacker.run(
        "INSERT INTO screenings (id, request_id, checks_sealed, screened_at)"
        " SELECT gen_random_uuid(), %(claimed)s, checks_sealed, '2000-01-01Z'"
        " FROM screenings LIMIT 1"
    )
    _decide(attacker, "declined")
    kept = attacker.run("SELECT screened_at FROM screenings WHERE request_id = %(claimed)s")
    return bool(kept["screened_at"] > LONG_AGO)


# Holds by a rule.


def _resumed_without_a_licence(attacker: Sql) -> None:
    _end_licence(attacker, "licence")
    _move_prescription(attacker, "signed", "on_hold", held_for="licence_lapsed")
    _move_prescription(attacker, "signed", "active", held_for=None)


ATTACKS.each(
    {
        "held for a licence that is in force": (
            lambda a: _move_prescription(a, "signed", "on_hold", held_for="licence_lapsed"),
            "licence_has_lapsed",
        ),
        "resumed while the licence is gone": (
            _resumed_without_a_licence,
            "licence_is_in_force_again",
        ),
        "held by somebody and for a reason": (
            lambda a: (_end_licence(a, "licence"), _hold(a, held_for="licence_lapsed")),
            "held_by_someone",
        ),
        "held for no known reason": (
            lambda a: _move_prescription(a, "signed", "on_hold", held_for="mood"),
            "held_for_a_known_reason",
        ),
        "a hold that changes its reason": (
            "UPDATE prescriptions SET held_for = 'licence_lapsed' WHERE id = %(held)s",
            "what_was_signed_never_changes",
        ),
    },
    APP,
    WORKER,
)
