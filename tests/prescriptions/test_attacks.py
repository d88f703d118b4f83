"""What the database itself refuses, whatever the code does: I1 to I6 and I22."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import filling, holding, revoking
from tests.builders import a_cream
from tests.conftest import Database
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_draft, a_prescription, a_request

APP, WORKER, OWNER = "aftercare_app", "aftercare_worker", "aftercare_owner"
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class World:
    """Ids of what stands in the database before each attack."""

    alice: UUID
    chen: UUID
    other: UUID  # another physician
    texan: UUID  # licensed in TX only
    stranger: UUID  # another client
    fresh: UUID  # Dr Chen's fresh sign-in
    signed: UUID  # a prescription with one dispensed, one consumed and one reserved fill of four
    held: UUID
    revoked: UUID
    draft: UUID
    queued: UUID
    claimed: UUID  # by Dr Chen, for one tube
    licence: UUID  # of Dr Chen in CA
    reserved: UUID
    consumed: UUID
    dispensed: UUID


Attack = Callable[[Connection, World], Any]


@pytest.fixture(scope="module")
def world(live_app: Flask) -> World:
    with live_app.app_context():
        act_as("system:test")
        client, chen, other = alice(), dr_chen(), dr_chen()
        texan = dr_chen(states=("TX",))
        signed, held, revoked = (a_prescription(client, by=chen, fills=4) for _ in range(3))
        holding.hold(held, reason="Wait.", by=chen, at=now())
        revoking.revoke(revoked, reason="No.", by=chen, at=now())
        fills = [filling.reserve(signed.id, state="CA", quantity=1, at=now()) for _ in range(3)]
        filling.consume(fills[0], at=now())
        filling.dispense(fills[0], at=now())
        filling.consume(fills[1], at=now())
        made = World(
            alice=client.id,
            chen=chen.id,
            other=other.id,
            texan=texan.id,
            stranger=alice().id,
            fresh=a_fresh_sign_in(chen).id,
            signed=signed.id,
            held=held.id,
            revoked=revoked.id,
            draft=a_draft(client).id,
            queued=a_request(client).id,
            claimed=a_claimed_request(client, a_cream(), by=chen).id,
            licence=next(one.id for one in chen.licences if one.state == "CA"),
            dispensed=fills[0].id,
            consumed=fills[1].id,
            reserved=fills[2].id,
        )
        db.session.commit()
        return made


@contextmanager
def as_role(live: Database, role: str) -> Iterator[Connection]:
    """A transaction that never lasts, with an actor and every check made at once."""
    with live.as_role(role) as connection:
        connection.execute("SELECT set_config('app.actor', 'person:attacker', true)")
        yield connection
        connection.rollback()


def settle(connection: Connection) -> None:
    """Make the checks of a commit."""
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def committing(act: Attack, connection: Connection, world: World) -> None:
    """Do it, and make the checks of a commit."""
    act(connection, world)
    settle(connection)


def insert(connection: Connection, table: str, **values: Any) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )


def update(connection: Connection, table: str, key: UUID, **values: Any) -> None:
    connection.execute(
        sql.SQL("UPDATE {} SET {} WHERE id = %s").format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values),
        ),
        [*values.values(), key],
    )


def tell(connection: Connection, subject: UUID, machine: str, to_state: str) -> int:
    """Write the event that a change of status needs; answers its number."""
    row = connection.execute(
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (%s, %s, 'attack', %s) RETURNING seq",
        [subject, machine, to_state],
    ).fetchone()
    assert row is not None
    return int(row[0])


def move(
    connection: Connection, table: str, machine: str, key: UUID, status: str, **also: Any
) -> None:
    """Change a status with its event, as the application would."""
    update(
        connection,
        table,
        key,
        status=status,
        state_seq=tell(connection, key, machine, status),
        **also,
    )


def take_fill(connection: Connection, prescription: UUID, **given: Any) -> UUID:
    """Insert a fill, honest but for `given`."""
    row = connection.execute(
        "SELECT client_id, variant_id, fills_allowed, quantity_per_fill FROM prescriptions"
        " WHERE id = %s",
        [prescription],
    ).fetchone()
    assert row is not None
    values = {
        "id": uuid4(),
        "prescription_id": prescription,
        "number": 4,
        "client_id": row[0],
        "variant_id": row[1],
        "fills_allowed": row[2],
        "quantity": row[3],
        "state": "CA",
        "status": "reserved",
    } | given
    tell(connection, values["id"], "fill", "reserved")
    insert(connection, "fills", **values)
    return values["id"]


SIGNED_COLUMNS = [
    "number",
    "request_id",
    "client_id",
    "variant_id",
    "quantity_per_fill",
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
    "statement_sealed",
    "statement_hash",
    "fresh_id",
    "fresh_kind",
    "fresh_at",
    "factors",
    "status",
]


def sign(connection: Connection, world: World, **given: Any) -> UUID:
    """Insert a prescription for the claimed request, honest but for `given`."""
    row = connection.execute(
        sql.SQL("SELECT {} FROM prescriptions WHERE id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, SIGNED_COLUMNS))
        ),
        [world.signed],
    ).fetchone()
    asked = connection.execute(
        "SELECT variant_id, quantity FROM approval_requests WHERE id = %s", [world.claimed]
    ).fetchone()
    proof = connection.execute("SELECT at FROM auth_events WHERE id = %s", [world.fresh]).fetchone()
    assert row is not None
    assert asked is not None
    assert proof is not None
    values = (
        dict(zip(SIGNED_COLUMNS, row, strict=True))
        | {
            "id": uuid4(),
            "number": f"RX-{uuid4().hex[:8]}",
            "request_id": world.claimed,
            "variant_id": asked[0],
            "quantity_per_fill": asked[1],
            "fresh_id": world.fresh,
            "fresh_at": proof[0],
        }
        | given
    )
    tell(connection, values["id"], "prescription", "active")
    insert(connection, "prescriptions", **values)
    return values["id"]


def cover(connection: Connection, prescription: UUID, *, state: str = "CA", **given: Any) -> None:
    """Add a state under its prescriber's licence there, honest but for `given`."""
    row = connection.execute(
        "SELECT prescriber_id, licences.id, licences.number, licences.valid_from,"
        " licences.valid_until FROM prescriptions JOIN licences"
        " ON licences.person_id = prescriber_id AND licences.state = %s"
        " WHERE prescriptions.id = %s",
        [state, prescription],
    ).fetchone()
    assert row is not None
    names = ("prescriber_id", "licence_id", "licence_number", "licence_from", "licence_until")
    values = {"prescription_id": prescription, "state": state}
    values |= dict(zip(names, row, strict=True))
    insert(connection, "prescription_states", **(values | given))


def approve(connection: Connection, world: World) -> None:
    move(
        connection,
        "approval_requests",
        "approval_request",
        world.claimed,
        "approved",
        claimed_by_id=None,
        claimed_until=None,
    )


def refuse(connection: Connection, world: World, **given: Any) -> None:
    values = {
        "id": uuid4(),
        "request_id": world.claimed,
        "client_id": world.alice,
        "refused_by_id": world.chen,
        "reason": "minor",
    }
    insert(connection, "refusals", **(values | given))


def decline(connection: Connection, world: World) -> None:
    move(
        connection,
        "approval_requests",
        "approval_request",
        world.claimed,
        "declined",
        claimed_by_id=None,
        claimed_until=None,
    )


# The honest ways pass: otherwise the attacks would prove nothing.


def test_an_honest_fill_passes(live: Database, world: World) -> None:
    with as_role(live, APP) as connection:
        fill = take_fill(connection, world.signed)
        for status in ("consumed", "dispensed"):
            move(connection, "fills", "fill", fill, status)
        settle(connection)
        stamps = connection.execute(
            "SELECT reserved_at <= consumed_at, consumed_at <= dispensed_at, released_at"
            " FROM fills WHERE id = %s",
            [fill],
        ).fetchone()
    assert stamps == (True, True, None)


def test_an_honest_signature_passes(live: Database, world: World) -> None:
    with as_role(live, APP) as connection:
        prescription = sign(connection, world)
        cover(connection, prescription)
        approve(connection, world)
        settle(connection)
        stands = connection.execute(
            "SELECT prescription_stands(%s, 'CA', shop_now()),"
            " prescription_stands(%s, 'NV', shop_now()),"
            " prescription_stands(gen_random_uuid(), 'CA', shop_now())",
            [prescription, prescription],
        ).fetchone()
    assert stands == (True, False, False)


def test_an_honest_refusal_passes(live: Database, world: World) -> None:
    with as_role(live, APP) as connection:
        refuse(connection, world)
        decline(connection, world)
        settle(connection)


@pytest.mark.parametrize("role", [APP, WORKER])
def test_both_roles_move_fills_and_lock_what_they_must(
    live: Database, world: World, role: str
) -> None:
    with as_role(live, role) as connection:
        connection.execute(
            "SELECT 1 FROM approval_requests WHERE id = %s FOR UPDATE", [world.queued]
        )
        connection.execute("SELECT 1 FROM prescriptions WHERE id = %s FOR UPDATE", [world.signed])
        connection.execute("SELECT 1 FROM fills WHERE id = %s FOR UPDATE", [world.reserved])
        connection.execute("SELECT 1 FROM prescription_states, refusals")
        move(connection, "fills", "fill", world.consumed, "released")
        move(connection, "fills", "fill", world.reserved, "consumed")
        move(
            connection,
            "prescriptions",
            "prescription",
            world.held,
            "revoked",
            held_by_id=None,
            revoked_by_id=world.chen,
        )
        move(connection, "approval_requests", "approval_request", world.draft, "expired")
        settle(connection)


def _state_after(connection: Connection, world: World) -> None:
    cover(connection, world.signed, state="NV")


def _unlicensed_state(connection: Connection, world: World) -> None:
    row = connection.execute(
        "SELECT id, number, valid_from, valid_until FROM licences WHERE person_id = %s",
        [world.texan],
    ).fetchone()
    assert row is not None
    cover(
        connection,
        sign(connection, world),
        licence_id=row[0],
        licence_number=row[1],
        licence_from=row[2],
        licence_until=row[3],
    )


def _ended_licence(connection: Connection, world: World) -> None:
    update(
        connection, "licences", world.licence, ended_on=now_date(connection), ended_by_id=world.chen
    )
    cover(connection, sign(connection, world))


def now_date(connection: Connection) -> Any:
    row = connection.execute("SELECT (shop_now() AT TIME ZONE 'UTC')::date").fetchone()
    assert row is not None
    return row[0]


def _decided_twice(connection: Connection, world: World) -> None:
    prescription = sign(connection, world)
    cover(connection, prescription)
    refuse(connection, world)
    approve(connection, world)


def _approved_without(connection: Connection, world: World) -> None:
    approve(connection, world)


def _signed_and_left(connection: Connection, world: World) -> None:
    cover(connection, sign(connection, world))


def _signed_without_state(connection: Connection, world: World) -> None:
    sign(connection, world)
    approve(connection, world)


def _second_prescription(connection: Connection, world: World) -> None:
    cover(connection, sign(connection, world))
    sign(connection, world)


def _take_over(connection: Connection, world: World) -> None:
    update(connection, "approval_requests", world.claimed, claimed_by_id=world.other)


def _claim_by(who: str) -> Attack:
    def attack(connection: Connection, world: World) -> None:
        move(
            connection,
            "approval_requests",
            "approval_request",
            world.queued,
            "in_review",
            claimed_by_id=getattr(world, who),
        )

    return attack


def _licence_ended(connection: Connection, world: World) -> None:
    update(
        connection, "licences", world.licence, ended_on=now_date(connection), ended_by_id=world.chen
    )
    take_fill(connection, world.signed)


def _prescriber_disabled(connection: Connection, world: World) -> None:
    connection.execute(
        "UPDATE people SET disabled_at = shop_now(), session_epoch = session_epoch + 1"
        " WHERE id = %s",
        [world.chen],
    )
    move(connection, "fills", "fill", world.reserved, "consumed")


def _used_after(status: str, fill: str, to: str) -> Attack:
    def attack(connection: Connection, world: World) -> None:
        by = {"revoked": "revoked_by_id", "on_hold": "held_by_id"}[status]
        move(
            connection,
            "prescriptions",
            "prescription",
            world.signed,
            status,
            **{by: world.chen},
        )
        move(connection, "fills", "fill", getattr(world, fill), to)

    return attack


def _silently(table: str, key: str, status: str) -> Attack:
    return lambda connection, world: update(connection, table, getattr(world, key), status=status)


def _rewound(connection: Connection, world: World) -> None:
    update(connection, "fills", world.consumed, status="reserved", state_seq=1)


def _given_back_after_leaving(connection: Connection, world: World) -> None:
    update(connection, "fills", world.dispensed, status="released")


# By the application's own role: what is tried, and the constraint that refuses it.
ATTACKS: dict[str, tuple[Attack, str]] = {
    "fill of a revoked one": (lambda c, w: take_fill(c, w.revoked), "prescription_not_revoked"),
    "fill of one on hold": (lambda c, w: take_fill(c, w.held), "prescription_not_held"),
    "fill for a state not covered": (
        lambda c, w: take_fill(c, w.signed, state="NV"),
        "prescription_covers_the_state",
    ),
    "fill of a prescription nobody signed": (
        lambda c, w: take_fill(c, w.signed, prescription_id=uuid4()),
        "prescription_exists",
    ),
    "fill by another client": (
        lambda c, w: take_fill(c, w.signed, client_id=w.stranger),
        "fill_is_on_its_prescriptions_terms",
    ),
    "fill of another quantity": (
        lambda c, w: take_fill(c, w.signed, quantity=2),
        "fill_is_on_its_prescriptions_terms",
    ),
    "fill beyond the allowance": (
        lambda c, w: take_fill(c, w.signed, number=5),
        "fill_within_allowance",
    ),
    "fill number nought": (
        lambda c, w: take_fill(c, w.signed, number=0),
        "fill_within_allowance",
    ),
    "fill with a larger allowance": (
        lambda c, w: take_fill(c, w.signed, number=5, fills_allowed=5),
        "fill_is_on_its_prescriptions_terms",
    ),
    "fill number taken": (lambda c, w: take_fill(c, w.signed, number=3), "fills_one_per_number"),
    "fill number of one that left": (
        lambda c, w: take_fill(c, w.signed, number=1),
        "fills_one_per_number",
    ),
    "fill born consumed": (
        lambda c, w: take_fill(c, w.signed, status="consumed"),
        "fill_begins_reserved",
    ),
    "fill with the licence ended": (_licence_ended, "prescriber_licensed_now"),
    "fill consumed, prescriber disabled": (_prescriber_disabled, "prescriber_licensed_now"),
    "fill consumed after revocation": (
        _used_after("revoked", "reserved", "consumed"),
        "prescription_not_revoked",
    ),
    "fill dispensed after revocation": (
        _used_after("revoked", "consumed", "dispensed"),
        "prescription_not_revoked",
    ),
    "fill dispensed on hold": (
        _used_after("on_hold", "consumed", "dispensed"),
        "prescription_not_held",
    ),
    "fill moved without a word": (
        _silently("fills", "reserved", "consumed"),
        "fill_status_has_its_event",
    ),
    "fill that skips being paid": (
        _silently("fills", "reserved", "dispensed"),
        "fill_goes_along_an_arrow",
    ),
    "fill given back after it left": (_given_back_after_leaving, "fill_goes_along_an_arrow"),
    "fill rewound to an old event": (_rewound, "fill_goes_along_an_arrow"),
    "prescription without a claim": (
        lambda c, w: sign(c, w, request_id=w.queued),
        "signed_under_a_claim",
    ),
    "prescription under another's claim": (
        lambda c, w: sign(c, w, prescriber_id=w.other),
        "signed_under_a_claim",
    ),
    "prescription of another quantity": (
        lambda c, w: sign(c, w, quantity_per_fill=2),
        "prescribed_as_requested",
    ),
    "prescription for another client": (
        lambda c, w: sign(c, w, client_id=w.stranger),
        "prescription_is_for_the_requesting_client",
    ),
    "prescription for another state": (
        lambda c, w: sign(c, w, client_state="NV"),
        "client_lives_in_this_state",
    ),
    "prescription with another's NPI": (
        lambda c, w: sign(c, w, prescriber_npi="1234567893"),
        "prescriber_has_this_npi",
    ),
    "prescription that begins on hold": (
        lambda c, w: sign(c, w, status="on_hold"),
        "prescription_begins_active",
    ),
    "prescription for two years": (
        lambda c, w: sign(c, w, valid_until=datetime(2100, 1, 1, tzinfo=UTC)),
        "valid_for_a_year_at_most",
    ),
    "prescription without end of fills": (
        lambda c, w: sign(c, w, fills_allowed=13),
        "fills_allowed_is_sane",
    ),
    "prescription without a hash": (
        lambda c, w: sign(c, w, statement_hash=b"short"),
        "statement_is_hashed",
    ),
    "prescription after an ordinary sign-in": (
        lambda c, w: sign(c, w, fresh_kind="sign_in"),
        "signed_after_a_fresh_sign_in",
    ),
    "prescription without a sign-in": (
        lambda c, w: sign(c, w, fresh_id=uuid4()),
        "signed_after_this_fresh_sign_in",
    ),
    "two prescriptions for a request": (_second_prescription, "prescriptions_one_per_request"),
    "prescription and refusal": (_decided_twice, "request_has_one_decision"),
    "prescription, request left open": (_signed_and_left, "prescription_approves_its_request"),
    "prescription without its states": (
        _signed_without_state,
        "prescription_covers_the_clients_state",
    ),
    "approved without a prescription": (_approved_without, "approved_by_a_prescription"),
    "declined without a refusal": (decline, "declined_by_a_refusal"),
    "refusal, request left open": (refuse, "refusal_declines_its_request"),
    "refusal without a claim": (
        lambda c, w: refuse(c, w, request_id=w.queued),
        "refused_under_a_claim",
    ),
    "refusal under another's claim": (
        lambda c, w: refuse(c, w, refused_by_id=w.other),
        "refused_under_a_claim",
    ),
    "refusal for no known reason": (
        lambda c, w: refuse(c, w, reason="mood"),
        "refusal_reason_is_known",
    ),
    "state added after signing": (_state_after, "states_are_signed_with_it"),
    "state under another's licence": (_unlicensed_state, "licence_is_the_prescribers"),
    "state under a licence that ended": (_ended_licence, "licence_was_not_ended_when_signed"),
    "prescription held without a word": (
        lambda c, w: update(c, "prescriptions", w.signed, status="on_hold", held_by_id=w.chen),
        "prescription_status_has_its_event",
    ),
    "revoked prescription brought back": (
        _silently("prescriptions", "revoked", "active"),
        "prescription_goes_along_an_arrow",
    ),
    "revocation by nobody": (
        lambda c, w: move(c, "prescriptions", "prescription", w.signed, "revoked"),
        "revoked_by_someone",
    ),
    "reason changed later": (
        lambda c, w: update(c, "prescriptions", w.revoked, reason_sealed=b"x"),
        "what_was_signed_never_changes",
    ),
    "answers changed after submission": (
        lambda c, w: update(c, "approval_requests", w.queued, answers_sealed=b"x"),
        "answers_are_frozen_once_submitted",
    ),
    "quantity changed after submission": (
        lambda c, w: update(c, "approval_requests", w.claimed, quantity=9),
        "answers_are_frozen_once_submitted",
    ),
    "handed in without consent": (
        lambda c, w: move(
            c, "approval_requests", "approval_request", w.draft, "queued", answers_hash=b"x"
        ),
        "submitted_with_consent_and_answers",
    ),
    "claim by somebody without a licence": (_claim_by("texan"), "reviewer_is_licensed"),
    "claim by the client": (_claim_by("alice"), "reviewer_is_licensed"),
    "claim taken over": (_take_over, "claim_is_not_taken_over"),
    "request that jumps the review": (
        _silently("approval_requests", "queued", "approved"),
        "request_goes_along_an_arrow",
    ),
    "request moved without a word": (
        _silently("approval_requests", "queued", "withdrawn"),
        "approval_request_status_has_its_event",
    ),
    "second live request for a pack": (
        lambda c, w: _copy_request(c, w, status="draft"),
        "approval_requests_one_live",
    ),
    "request born queued": (
        lambda c, w: _copy_request(c, w, status="queued"),
        "request_begins_as_a_draft",
    ),
}


def _copy_request(connection: Connection, world: World, *, status: str) -> None:
    connection.execute(
        "INSERT INTO approval_requests (id, number, client_id, requested_by_id, variant_id,"
        " quantity, ship_to_state, status, questionnaire_version)"
        " SELECT gen_random_uuid(), 'Q-COPY', client_id, requested_by_id, variant_id, quantity,"
        " ship_to_state, %s, questionnaire_version FROM approval_requests WHERE id = %s",
        [status, world.queued],
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_refuses(live: Database, world: World, attack: str) -> None:
    act, constraint = ATTACKS[attack]

    with as_role(live, APP) as connection:
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            committing(act, connection, world)

    assert refused.value.diag.constraint_name == constraint


@contextmanager
def later(live: Database, interval: str) -> Iterator[None]:
    """The shop's clock moved on, for everybody, and back again."""
    with live.as_role() as clock:
        clock.execute("UPDATE shop_clock SET time_offset = %s::interval", [interval])
        clock.commit()
        try:
            yield
        finally:
            clock.execute("UPDATE shop_clock SET time_offset = '0'")
            clock.commit()


LATER: dict[str, tuple[str, Attack, str]] = {
    "fill of one that ran out": (
        "366 days",
        lambda c, w: take_fill(c, w.signed),
        "prescription_in_time",
    ),
    "fill consumed when it ran out": (
        "366 days",
        lambda c, w: move(c, "fills", "fill", w.reserved, "consumed"),
        "prescription_in_time",
    ),
    "fill dispensed when it ran out": (
        "366 days",
        lambda c, w: move(c, "fills", "fill", w.consumed, "dispensed"),
        "prescription_in_time",
    ),
    "fill when the licence ran out": (
        "200 days",
        lambda c, w: take_fill(c, w.signed),
        "prescriber_licensed_now",
    ),
    "signature when the sign-in is stale": (
        "6 minutes",
        sign,
        "sign_in_was_fresh_when_signed",
    ),
    "signature when the claim ran out": (
        "16 minutes",
        sign,
        "signed_under_a_claim",
    ),
    "refusal when the claim ran out": (
        "16 minutes",
        refuse,
        "refused_under_a_claim",
    ),
}


@pytest.mark.parametrize("attack", LATER)
def test_the_database_refuses_later(live: Database, world: World, attack: str) -> None:
    interval, act, constraint = LATER[attack]

    with later(live, interval), as_role(live, APP) as connection:
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            committing(act, connection, world)

    assert refused.value.diag.constraint_name == constraint


# Not even the owner of the tables, who has every privilege.
BY_THE_OWNER: dict[str, tuple[Attack, str]] = {
    "longer": (
        lambda c, w: c.execute("UPDATE prescriptions SET valid_until = valid_until + '1 day'"),
        "what_was_signed_never_changes",
    ),
    "more": (
        lambda c, w: update(c, "prescriptions", w.signed, fills_allowed=12),
        "what_was_signed_never_changes",
    ),
    "another statement": (
        lambda c, w: update(c, "prescriptions", w.signed, statement_hash=bytes(32)),
        "what_was_signed_never_changes",
    ),
    "no prescription": (
        lambda c, w: c.execute("DELETE FROM prescriptions"),
        "prescriptions_are_kept",
    ),
    "no fills": (lambda c, w: c.execute("DELETE FROM fills"), "fills_are_kept"),
    "no requests": (lambda c, w: c.execute("DELETE FROM approval_requests"), "requests_are_kept"),
    "no refusals": (lambda c, w: c.execute("DELETE FROM refusals"), "refusals_are_kept"),
    "another refusal": (
        lambda c, w: c.execute("UPDATE refusals SET reason = 'minor'"),
        "refusals_are_kept",
    ),
    "another state": (
        lambda c, w: c.execute("UPDATE prescription_states SET state = 'TX'"),
        "prescription_states_are_kept",
    ),
    "empty tables": (
        lambda c, w: c.execute("TRUNCATE fills CASCADE"),
        "fills_are_kept",
    ),
    "another fill": (
        lambda c, w: update(c, "fills", w.reserved, number=4),
        "fill_keeps_its_terms",
    ),
    "an earlier fill": (
        lambda c, w: update(c, "fills", w.consumed, consumed_at=None),
        "fill_keeps_its_terms",
    ),
    "another client": (
        lambda c, w: update(c, "approval_requests", w.queued, client_id=w.stranger),
        "request_keeps_who_and_what",
    ),
}


@pytest.mark.parametrize("attack", BY_THE_OWNER)
def test_not_even_the_owner_changes_what_was_done(
    live: Database, world: World, attack: str
) -> None:
    act, constraint = BY_THE_OWNER[attack]

    with as_role(live, OWNER) as connection:
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            committing(act, connection, world)

    assert refused.value.diag.constraint_name == constraint


STAMPED = {
    "prescriptions": (
        "signed_at",
        "signed_on",
        "held_at",
        "revoked_at",
        "valid_until",
        "fills_allowed",
    ),
    "fills": ("reserved_at", "consumed_at", "dispensed_at", "released_at", "number", "state"),
    "approval_requests": ("submitted_at", "created_at", "claim_count", "client_id", "variant_id"),
    "refusals": ("reason", "refused_at"),
    "prescription_states": ("state", "licence_until"),
}


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("table", STAMPED)
def test_nobody_at_work_writes_what_the_database_writes(
    live: Database, world: World, role: str, table: str
) -> None:
    for column in STAMPED[table]:
        with as_role(live, role) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"UPDATE {table} SET {column} = {column}")
    with as_role(live, role) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "table", ["approval_requests", "refusals", "prescriptions", "prescription_states", "fills"]
)
def test_the_worker_signs_nothing(live: Database, world: World, table: str) -> None:
    with as_role(live, WORKER) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"INSERT INTO {table} DEFAULT VALUES")
