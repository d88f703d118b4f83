"""Attacks on passkeys and their challenges, on copies of records, and on accounts that are closed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from shop.core.clock import now
from shop.core.db import db
from shop.privacy import closing, exporting
from shop.privacy.models import RecordExport
from tests.attacks.acts import as_owner, insert, later, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.people import a_fresh_sign_in, alice, bob, sam

PASSKEY = (
    "INSERT INTO passkeys (id, person_id, credential_id, public_key, sign_count, name, transports,"
    " backed_up) VALUES (:id, :person, :word, 'key', :count, 'Phone', '{internal}', false)"
)
SIGNED_IN = (
    "INSERT INTO sign_ins (id, secret_hash, person_id, epoch, ends_at)"
    " VALUES (:id, sha256(:word), :person, 1, shop_now() + interval '30 days')"
)
TOKEN = (
    "INSERT INTO tokens (id, secret_hash, person_id, epoch, name, scopes, ends_at)"
    " VALUES (:id, sha256(:word), :person, 1, 'till', '{read}', shop_now() + interval '1 day')"
)
CHALLENGE = (
    "INSERT INTO passkey_challenges (id, secret_hash, challenge, purpose, sign_in_id)"
    " VALUES (:id, sha256(:word), sha256(:word), 'fresh', :sign_in)"
)


def scene() -> Mapping[str, Any]:
    """Alice with passkeys, challenges and a closure she asked for; copies in every state."""
    client, other, staff = alice(), bob(), sam()
    facts: dict[str, Any] = {"alice": client.id, "bob": other.id, "sam": staff.id}
    db.session.flush()
    facts["live"] = _made(PASSKEY, person=client.id, count=5)
    facts["mute"] = _made(PASSKEY, person=client.id, count=0)
    facts["removed"] = _made(PASSKEY, person=client.id, count=1)
    _run(
        "UPDATE passkeys SET sign_count = 2, used_at = shop_now() WHERE id = :id", facts["removed"]
    )
    _run("UPDATE passkeys SET removed_at = shop_now() WHERE id = :id", facts["removed"])
    facts["sign_in"] = _made(SIGNED_IN, person=client.id)
    facts["alone"] = _made(SIGNED_IN, person=other.id)
    facts["token"] = _made(TOKEN, person=client.id)
    facts["open"] = _made(CHALLENGE, sign_in=facts["sign_in"])
    facts["used"] = _made(CHALLENGE, sign_in=facts["sign_in"])
    _run("UPDATE passkey_challenges SET used_at = shop_now() WHERE id = :id", facts["used"])
    _run(
        "INSERT INTO auth_events (id, person_id, kind, factors, passkey_id)"
        f" VALUES (:id, '{client.id}', 'fresh', '{{passkey}}', '{facts['live']}')",
        uuid.uuid4(),
    )
    facts["proof"] = a_fresh_sign_in(client).id
    facts["bobs_proof"] = a_fresh_sign_in(other).id
    facts["closure"] = closing.ask(client, by=client, at=now()).id
    withdrawn = closing.ask(other, by=other, at=now())
    closing.withdraw(withdrawn, by=other, at=now())
    facts["withdrawn"] = withdrawn.id
    busy = alice()
    pack = a_variant()
    a_lot(pack)
    placed(busy, {pack: 1})
    facts["busy"] = busy.id
    facts |= _copies()
    for number in ("making", "waiting", "failed", "fetched", "lapsed"):
        facts[f"of_{number}"] = db.session.get_one(RecordExport, facts[number]).client_id
    facts["waiting_proof"] = a_fresh_sign_in(_client_of(facts["waiting"])).id
    db.session.commit()
    return facts


def _client_of(export_id: uuid.UUID) -> Any:
    return db.session.get_one(RecordExport, export_id).client


def _copies() -> dict[str, uuid.UUID]:
    made = {}
    for name in ("making", "waiting", "failed", "fetched", "lapsed"):
        owner = alice()
        export = exporting.ask(owner, by=owner, at=now())
        db.session.flush()
        export.parts_total = 2
        if name not in ("making", "failed"):
            _file(export)
            exporting.ready(export, at=now())
        if name == "failed":
            exporting.fail(export, at=now())
        if name == "fetched":
            exporting.fetch(export, by=owner, proof=a_fresh_sign_in(owner), at=now())
        if name == "lapsed":
            owner.disabled_at, owner.session_epoch = now(), owner.session_epoch + 1
            db.session.flush()
            exporting.lapse(export, at=now())
        made[name] = export.id
    return made


def _file(export: RecordExport) -> None:
    exporting.add(export, [("orders.json", b"[]")])


def _made(statement: str, **more: Any) -> uuid.UUID:
    key = uuid.uuid4()
    given = {"id": key, "word": key.bytes, **more}
    db.session.execute(sa.text(statement), given)
    return key


def _run(statement: str, key: uuid.UUID) -> None:
    db.session.execute(sa.text(statement), {"id": key})


ATTACKS = Attacks(scene)


def _passkey(attacker: Sql, **given: Any) -> None:
    values = {
        "id": uuid.uuid4(),
        "person_id": attacker.facts["alice"],
        "credential_id": uuid.uuid4().bytes,
        "public_key": b"key",
        "sign_count": 0,
        "name": "Mallory's",
        "transports": [],
        "backed_up": False,
    }
    insert(attacker, "passkeys", values | given)


def _twenty_one(attacker: Sql) -> None:
    for _ in range(21):
        _passkey(attacker, person_id=attacker.facts["bob"])


def _of_who_left(attacker: Sql) -> None:
    attacker.run(
        "UPDATE people SET disabled_at = shop_now(), session_epoch = session_epoch + 1"
        " WHERE id = %(alice)s"
    )
    _passkey(attacker)


def _export(attacker: Sql, owner: str = "bob", **given: Any) -> uuid.UUID:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"X-{key.hex[:8]}",
        "client_id": attacker.facts[owner],
        "status": "asked",
    } | given
    attacker.tell("record_export", key, "asked")
    insert(attacker, "record_exports", values)
    return key


def _closure(attacker: Sql, owner: str = "bob", **given: Any) -> uuid.UUID:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"C-{key.hex[:8]}",
        "client_id": attacker.facts[owner],
        "status": "asked",
    } | given
    attacker.tell("account_closure", key, "asked")
    insert(attacker, "account_closures", values)
    return key


def _to(attacker: Sql, machine: str, which: Any, status: str, **also: Any) -> None:
    key = attacker.facts.get(which, which)
    table = {"record_export": "record_exports", "account_closure": "account_closures"}[machine]
    seq = attacker.tell(machine, key, status)
    update(attacker, table, key, status=status, state_seq=seq, **also)


def _fetch(attacker: Sql, proof: str = "waiting_proof") -> None:
    _to(attacker, "record_export", "waiting", "fetched", proof_id=attacker.facts[proof])
    attacker.run("DELETE FROM export_files WHERE export_id = %(waiting)s")


def _add_file(attacker: Sql, export: Any, name: str = "more.json") -> None:
    values = {
        "id": uuid.uuid4(),
        "export_id": attacker.facts.get(export, export),
        "name": name,
        "content_sealed": b"\x01" + bytes(96),
    }
    insert(attacker, "export_files", values)


def _done(attacker: Sql) -> None:
    _to(attacker, "account_closure", "closure", "done", kept="{}")


def _erased(attacker: Sql, **given: Any) -> None:
    key = attacker.facts["alice"]
    values = {
        "email": f"erased-{key}@erased.invalid",
        "name": "Former client",
        "password_hash": "-",
        "disabled_at": now_of(attacker),
        "session_epoch": 99,
        "erased_at": now_of(attacker),
    }
    update(attacker, "people", key, **(values | given))


def now_of(attacker: Sql) -> Any:
    return attacker.run("SELECT shop_now() AS at")["at"]


def _gone(attacker: Sql) -> None:
    for statement in (
        "DELETE FROM passkey_challenges WHERE sign_in_id = %(sign_in)s",
        "DELETE FROM sign_ins WHERE person_id = %(alice)s",
        "DELETE FROM tokens WHERE person_id = %(alice)s",
        (
            "UPDATE passkeys SET removed_at = shop_now() WHERE person_id = %(alice)s"
            " AND removed_at IS NULL"
        ),
    ):
        attacker.run(statement)


@ATTACKS.passes(WORKER)
def _closed_after_a_week(attacker: Sql) -> None:
    later(attacker, "8 days")
    _done(attacker)
    _erased(attacker)
    _gone(attacker)


@ATTACKS.refused("done_closure_has_erased", WORKER)
def _closed_and_nothing_erased(attacker: Sql) -> None:
    later(attacker, "8 days")
    _done(attacker)


@ATTACKS.refused("done_closure_has_erased", WORKER)
def _closed_and_still_signed_in(attacker: Sql) -> None:
    later(attacker, "8 days")
    _done(attacker)
    _erased(attacker)


@ATTACKS.refused("erased_stays_erased", WORKER)
def _called_by_her_name_again(attacker: Sql) -> None:
    later(attacker, "8 days")
    _done(attacker)
    _erased(attacker)
    _gone(attacker)
    attacker.run("UPDATE people SET state = 'NV' WHERE id = %(alice)s")


@ATTACKS.undone("erasing_guard", WORKER)
def _erased_long_ago(attacker: Sql) -> object:
    later(attacker, "8 days")
    _done(attacker)
    _erased(attacker, erased_at="2001-01-01T00:00:00+00:00")
    _gone(attacker)
    return attacker.run(
        "SELECT erased_at > shop_now() - interval '1 minute' AS it FROM people WHERE id = %(alice)s"
    )["it"]


@ATTACKS.refused("closure_waits_for_what_is_open", WORKER)
def _closed_with_an_order_open(attacker: Sql) -> None:
    as_owner(attacker, "ALTER TABLE account_closures DISABLE TRIGGER closure_guard")
    as_owner(
        attacker,
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (%(new)s, 'account_closure', 'attack', 'asked')",
    )
    as_owner(
        attacker,
        "INSERT INTO account_closures (id, number, client_id, status, asked_at, runs_from, due_at)"
        " VALUES (%(new)s, 'C-BUSY', %(busy)s, 'asked', '2020-01-01', '2020-01-08', '2020-02-01')",
    )
    attacker.settle()
    as_owner(attacker, "ALTER TABLE account_closures ENABLE TRIGGER closure_guard")
    _to(attacker, "account_closure", attacker.facts["new"], "done", kept="{}")


@ATTACKS.passes(APP)
def _asked_fetched_and_begun(attacker: Sql) -> None:
    _passkey(attacker)
    _export(attacker)
    _closure(attacker)
    _fetch(attacker)
    _to(attacker, "account_closure", "closure", "withdrawn")


@ATTACKS.passes(WORKER)
def _made_and_lapsed(attacker: Sql) -> None:
    _add_file(attacker, "making")
    _to(attacker, "record_export", "making", "ready")
    _to(attacker, "record_export", "failed", "asked")
    later(attacker, "8 days")
    _to(attacker, "record_export", "waiting", "lapsed")
    attacker.run("DELETE FROM export_files WHERE export_id = %(waiting)s")


ATTACKS.each_passes(
    {
        "use a passkey": (
            "UPDATE passkeys SET sign_count = 6, used_at = shop_now() WHERE id = %(live)s"
        ),
        "use one that does not count": (
            "UPDATE passkeys SET used_at = shop_now() WHERE id = %(mute)s"
        ),
        "answer a challenge": (
            "UPDATE passkey_challenges SET used_at = shop_now() WHERE id = %(open)s"
        ),
        "prove by a passkey": (
            "INSERT INTO auth_events (id, person_id, kind, factors, passkey_id)"
            " VALUES (%(new)s, %(alice)s, 'fresh', '{passkey}', %(live)s)"
        ),
    }
)

ATTACKS.each(
    {
        # passkeys
        "a passkey of who left": (_of_who_left, "passkey_is_of_somebody_who_signs_in"),
        "a twenty-first passkey": (_twenty_one, "passkeys_are_few"),
        "turn a count back": (
            "UPDATE passkeys SET sign_count = 4 WHERE id = %(live)s",
            "passkey_count_moves_on",
        ),
        "use it again with the same count": (
            "UPDATE passkeys SET used_at = shop_now() WHERE id = %(live)s",
            "passkey_count_moves_on",
        ),
        "bring a removed passkey back": (
            "UPDATE passkeys SET removed_at = NULL WHERE id = %(removed)s",
            "removed_passkey_stays_removed",
        ),
        "use a removed passkey": (
            "UPDATE passkeys SET used_at = shop_now() WHERE id = %(removed)s",
            "removed_passkey_stays_removed",
        ),
        "prove by a removed passkey": (
            (
                "INSERT INTO auth_events (id, person_id, kind, factors, passkey_id)"
                " VALUES (%(new)s, %(alice)s, 'fresh', '{passkey}', %(removed)s)"
            ),
            "removed_passkey_proves_nothing",
        ),
        "prove by another's passkey": (
            (
                "INSERT INTO auth_events (id, person_id, kind, factors, passkey_id)"
                " VALUES (%(new)s, %(bob)s, 'fresh', '{passkey}', %(live)s)"
            ),
            "passkey_proof_is_her_own",
        ),
        "prove by no passkey at all": (
            (
                "INSERT INTO auth_events (id, person_id, kind, factors)"
                " VALUES (%(new)s, %(bob)s, 'fresh', '{passkey}')"
            ),
            "passkey_proof_names_its_passkey",
        ),
        # challenges
        "answer a challenge twice": (
            "UPDATE passkey_challenges SET used_at = shop_now() WHERE id = %(used)s",
            "challenge_works_once",
        ),
        # copies
        "a copy born ready": (lambda a: _export(a, status="ready"), "export_begins_asked"),
        "a copy for staff": (lambda a: _export(a, "sam"), "export_is_of_a_client"),
        "a second copy at a time": (lambda a: _export(a, "of_waiting"), "one_export_at_a_time"),
        "a copy that is empty": (
            lambda a: _to(a, "record_export", "making", "ready"),
            "ready_export_has_files",
        ),
        "a copy fetched with another's proof": (
            lambda a: _fetch(a, "bobs_proof"),
            "export_is_fetched_with_a_fresh_proof",
        ),
        "a copy fetched twice": (
            lambda a: _to(
                a, "record_export", "fetched", "fetched", proof_id=a.facts["waiting_proof"]
            ),
            "export_moves_by_its_events",
        ),
        "a copy that lapses before its day": (
            lambda a: _to(a, "record_export", "waiting", "lapsed"),
            "export_waits_for_its_client",
        ),
        "a copy fetched and kept": (
            lambda a: _to(
                a, "record_export", "waiting", "fetched", proof_id=a.facts["waiting_proof"]
            ),
            "ended_export_keeps_no_files",
        ),
        "a copy back to its making": (
            (
                "UPDATE record_exports SET status = 'asked', state_seq = 1, proof_id = NULL"
                " WHERE id = %(fetched)s"
            ),
            "export_goes_along_an_arrow",
        ),
        "files taken from a copy that waits": (
            "DELETE FROM export_files WHERE export_id = %(waiting)s",
            "ready_export_keeps_its_files",
        ),
        # closures
        "a closure born done": (lambda a: _closure(a, status="done"), "closure_begins_asked"),
        "an account of staff closed": (lambda a: _closure(a, "sam"), "closure_is_of_a_client"),
        "a closure with an order open": (
            lambda a: _closure(a, "busy"),
            "closure_waits_for_what_is_open",
        ),
        "a second closure": (lambda a: _closure(a, "alice"), "one_closure_at_a_time"),
        "a closure on the first day": (_done, "closure_has_its_seven_days"),
        "what is kept, told otherwise": (
            "UPDATE account_closures SET kept = '{}' WHERE id = %(closure)s",
            "closure_moves_by_its_events",
        ),
        "a closure asked for again": (
            (
                "UPDATE account_closures SET status = 'asked', state_seq = 1"
                " WHERE id = %(withdrawn)s"
            ),
            "closure_goes_along_an_arrow",
        ),
    }
)

ATTACKS.each(
    {
        "erase somebody who did not ask": (_erased, "erased_by_a_closure_that_is_done"),
        "change an address": (
            "UPDATE people SET email = 'mallory@example.test' WHERE id = %(alice)s",
            "address_goes_with_the_account",
        ),
        "take away where somebody is signed in": (
            "DELETE FROM sign_ins WHERE id = %(alone)s",
            "sign_in_goes_with_its_person",
        ),
        "take away a token": (
            "DELETE FROM tokens WHERE id = %(token)s",
            "token_goes_with_its_person",
        ),
        "clear a challenge that lives": (
            "DELETE FROM passkey_challenges WHERE id = %(open)s",
            "only_expired_challenges_go",
        ),
        "a file added to a copy that waits": (
            lambda a: _add_file(a, "waiting"),
            "files_are_added_while_it_is_made",
        ),
    },
    WORKER,
)

ATTACKS.each(
    {
        "alter a file": (
            "UPDATE export_files SET name = 'x.json' WHERE export_id = %(waiting)s",
            "export_files_are_never_changed",
        ),
        "hand a copy to another": (
            "UPDATE record_exports SET client_id = %(bob)s WHERE id = %(making)s",
            "export_stays_as_it_was_asked",
        ),
        "shorten the week": (
            "UPDATE account_closures SET runs_from = '2001-01-01' WHERE id = %(closure)s",
            "closure_stays_as_it_was_asked",
        ),
        "remove a passkey's row": ("DELETE FROM passkeys", "passkeys_are_kept"),
        "remove a copy's row": ("DELETE FROM record_exports", "record_exports_are_kept"),
        "remove a closure's row": ("DELETE FROM account_closures", "account_closures_are_kept"),
    },
    OWNER,
)


@ATTACKS.refused("challenge_is_answered_in_time")
def _answer_a_challenge_after_its_end(attacker: Sql) -> None:
    later(attacker, "6 minutes")
    attacker.run("UPDATE passkey_challenges SET used_at = shop_now() WHERE id = %(open)s")


@ATTACKS.refused("export_is_fetched_in_time")
def _fetch_a_copy_after_its_end(attacker: Sql) -> None:
    later(attacker, "8 days")
    _fetch(attacker)


@ATTACKS.undone("passkey_guard")
def _backdate_a_passkeys_use(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE passkeys SET sign_count = 6, used_at = '2001-01-01' WHERE id = %(live)s"
        " RETURNING used_at > shop_now() - interval '1 minute' AS it"
    )["it"]


@ATTACKS.undone("passkey_guard")
def _remove_a_passkey_and_keep_its_key(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE passkeys SET removed_at = '2001-01-01' WHERE id = %(live)s"
        " RETURNING public_key IS NULL AND removed_at > shop_now() - interval '1 minute' AS it"
    )["it"]


@ATTACKS.undone("challenge_guard", OWNER)
def _a_challenge_for_ever(attacker: Sql) -> object:
    return attacker.run(
        "INSERT INTO passkey_challenges (id, secret_hash, challenge, purpose, ends_at)"
        " VALUES (%(new)s, sha256('a'), sha256('b'), 'sign_in', '2099-01-01')"
        " RETURNING ends_at < shop_now() + interval '6 minutes' AS it"
    )["it"]


@ATTACKS.undone("challenge_guard")
def _backdate_an_answer(attacker: Sql) -> object:
    return attacker.run(
        "UPDATE passkey_challenges SET used_at = '2001-01-01' WHERE id = %(open)s"
        " RETURNING used_at > shop_now() - interval '1 minute' AS it"
    )["it"]


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _after_long_ago(attacker: Sql, table: str, key: Any, column: str) -> object:
    return bool(row(attacker, table, key)[column] > LONG_AGO)


@ATTACKS.undone("closure_guard", OWNER)
def _a_closure_asked_for_long_ago(attacker: Sql) -> object:
    key = _closure(attacker, asked_at=LONG_AGO)
    return _after_long_ago(attacker, "account_closures", key, "asked_at")


@ATTACKS.undone("closure_guard", OWNER)
def _a_closure_that_runs_at_once(attacker: Sql) -> object:
    key = _closure(attacker, runs_from=LONG_AGO)
    return _after_long_ago(attacker, "account_closures", key, "runs_from")


@ATTACKS.undone("closure_guard", OWNER)
def _a_closure_due_long_ago(attacker: Sql) -> object:
    key = _closure(attacker, due_at=LONG_AGO)
    return _after_long_ago(attacker, "account_closures", key, "due_at")


@ATTACKS.undone("export_guard", OWNER)
def _a_copy_asked_for_long_ago(attacker: Sql) -> object:
    key = _export(attacker, asked_at=LONG_AGO)
    return _after_long_ago(attacker, "record_exports", key, "asked_at")


@ATTACKS.undone("export_guard", OWNER)
def _a_copy_due_long_ago(attacker: Sql) -> object:
    key = _export(attacker, due_at=LONG_AGO)
    return _after_long_ago(attacker, "record_exports", key, "due_at")


def _ready(attacker: Sql, **given: Any) -> Any:
    _add_file(attacker, "making")
    _to(attacker, "record_export", "making", "ready", **given)
    return attacker.facts["making"]


@ATTACKS.undone("export_guard", OWNER)
def _a_copy_ready_long_ago(attacker: Sql) -> object:
    key = _ready(attacker, ready_at=LONG_AGO)
    return _after_long_ago(attacker, "record_exports", key, "ready_at")


@ATTACKS.undone("export_guard", OWNER)
def _a_copy_that_ended_long_ago(attacker: Sql) -> object:
    key = _ready(attacker, ends_at=LONG_AGO)
    return _after_long_ago(attacker, "record_exports", key, "ends_at")
