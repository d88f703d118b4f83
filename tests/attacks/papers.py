"""Attacks on leaflets that were read, prints, and prescriptions taken to another pharmacy: I2."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import filling, holding, taking_away, writing
from shop.prescriptions.paper.clinic import Clinic
from tests.attacks.acts import insert, later, row
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_product
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> dict[str, Any]:
    """Prescriptions of three fills: one is taken of `begun`, none of the others.

    `begun` was printed once; the leaflet of `unread` was not read.
    """
    client, chen = alice(), dr_chen()
    begun, fresh, held, taken = (a_prescription(client, by=chen) for _ in range(4))
    unread = a_prescription(client, by=chen, read=False)
    filling.reserve(begun.id, state="CA", quantity=1, at=now())
    holding.hold(held, reason="Wait.", by=chen, at=now())
    taking_away.take_away(taken, by=client, at=now())
    clinic = Clinic("Luminescence", "1400 Grand Avenue", "+1 510 555 0142")
    writing.document(begun, clinic=clinic, address="", zone="UTC", by=client, at=now())
    facts = {
        "alice": client.id,
        "chen": chen.id,
        "begun": begun.id,
        "fresh": fresh.id,
        "held": held.id,
        "taken": taken.id,
        "unread": unread.id,
        "unread_product": unread.variant.product_id,
        "another_product": a_product().id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _read(attacker: Sql, **given: Any) -> Any:
    """The client reads the leaflet that she has not read."""
    values = {
        "id": uuid.uuid4(),
        "client_id": attacker.facts["alice"],
        "product_id": attacker.facts["unread_product"],
        "leaflet_version": "retinoid-2026-1",
        "choice_version": "pharmacy-choice-2026-1",
    } | given
    insert(attacker, "leaflet_acknowledgements", values)
    return values["id"]


def _print(attacker: Sql, **given: Any) -> Any:
    """The second print of the record that was printed once."""
    values = {
        "id": uuid.uuid4(),
        "kind": "prescription_record",
        "subject_id": attacker.facts["begun"],
        "number": 2,
        "facts_hash": bytes(32),
        "sha256": bytes(32),
        "issued_on": "2026-11-27",
        "issued_by_id": attacker.facts["alice"],
    } | given
    insert(attacker, "documents_issued", values)
    return values["id"]


def _take_away(attacker: Sql, which: str = "fresh", **given: Any) -> Any:
    key = attacker.facts[which]
    insert(attacker, "prescriptions_taken_away", {"prescription_id": key, "fills": 3} | given)
    return key


def _fill(attacker: Sql, which: str, number: int = 1) -> None:
    terms = row(attacker, "prescriptions", attacker.facts[which])
    key = uuid.uuid4()
    attacker.tell("fill", key, "reserved")
    values = {
        "id": key,
        "prescription_id": terms["id"],
        "number": number,
        "client_id": terms["client_id"],
        "variant_id": terms["variant_id"],
        "fills_allowed": terms["fills_allowed"],
        "quantity": terms["quantity_per_fill"],
        "state": "CA",
        "status": "reserved",
    }
    insert(attacker, "fills", values)


# The honest ways.


@ATTACKS.passes()
def _a_leaflet_and_the_first_fill(attacker: Sql) -> None:
    _read(attacker)
    _fill(attacker, "unread")


@ATTACKS.passes()
def _a_first_fill_whose_leaflet_was_read(attacker: Sql) -> None:
    _fill(attacker, "fresh")


@ATTACKS.passes()
def _two_prints_more(attacker: Sql) -> None:
    _print(attacker)
    _print(attacker, number=3)
    _print(attacker, kind="written_prescription", number=1)


@ATTACKS.passes()
def _what_is_left_is_taken_away(attacker: Sql) -> None:
    _take_away(attacker)
    _take_away(attacker, "begun", fills=2)


@ATTACKS.passes(APP, WORKER)
def _both_roles_look(attacker: Sql) -> None:
    attacker.run("SELECT FROM leaflet_acknowledgements, documents_issued, prescriptions_taken_away")


# The leaflet.


@ATTACKS.refused("leaflet_is_read_before_the_first_fill", APP, OWNER)
def _a_first_fill_without_its_leaflet(attacker: Sql) -> None:
    _fill(attacker, "unread")


@ATTACKS.refused("leaflet_is_read_before_the_first_fill")
def _the_leaflet_of_another_product(attacker: Sql) -> None:
    _read(attacker, product_id=attacker.facts["another_product"])
    _fill(attacker, "unread")


@ATTACKS.refused("leaflet_is_read_by_a_client", APP, OWNER)
def _the_physician_reads_it(attacker: Sql) -> None:
    _read(attacker, client_id=attacker.facts["chen"])


@ATTACKS.undone("leaflet_acknowledged", OWNER)
def _read_long_ago(attacker: Sql) -> bool:
    key = _read(attacker, acknowledged_at=LONG_AGO)
    return bool(row(attacker, "leaflet_acknowledgements", key)["acknowledged_at"] > LONG_AGO)


# Prints.


@ATTACKS.refused("documents_are_numbered_in_turn", APP, OWNER)
def _a_print_that_leaves_a_gap(attacker: Sql) -> None:
    _print(attacker, number=3)


@ATTACKS.refused("documents_are_numbered_in_turn")
def _a_second_original(attacker: Sql) -> None:
    _print(attacker, number=1)


@ATTACKS.undone("document_issued", OWNER)
def _printed_long_ago(attacker: Sql) -> bool:
    key = _print(attacker, issued_at=LONG_AGO)
    return bool(row(attacker, "documents_issued", key)["issued_at"] > LONG_AGO)


# To another pharmacy.


@ATTACKS.refused("prescription_was_not_taken_away", APP, OWNER)
def _a_fill_of_what_was_taken_away(attacker: Sql) -> None:
    _fill(attacker, "taken")


@ATTACKS.refused("prescription_was_not_taken_away")
def _a_fill_right_after(attacker: Sql) -> None:
    _take_away(attacker, "begun", fills=2)
    _fill(attacker, "begun", number=2)


@ATTACKS.refused("prescription_taken_away_is_in_force", APP, OWNER)
def _what_is_on_hold_is_taken_away(attacker: Sql) -> None:
    _take_away(attacker, "held")


@ATTACKS.refused("prescription_taken_away_is_in_force")
def _what_has_run_out_is_taken_away(attacker: Sql) -> None:
    later(attacker, "400 days")
    _take_away(attacker)


@ATTACKS.refused("fills_taken_away_are_what_is_left", APP, OWNER)
def _more_than_is_left_is_taken_away(attacker: Sql) -> None:
    _take_away(attacker, "begun", fills=3)


@ATTACKS.refused("fills_taken_away_are_what_is_left")
def _less_than_is_left_is_taken_away(attacker: Sql) -> None:
    _take_away(attacker, fills=1)


@ATTACKS.undone("prescription_taken_away", OWNER)
def _taken_away_long_ago(attacker: Sql) -> bool:
    key = _take_away(attacker, taken_at=LONG_AGO)
    taken = attacker.run(
        "SELECT taken_at FROM prescriptions_taken_away WHERE prescription_id = %(key)s", key=key
    )
    return bool(taken["taken_at"] > LONG_AGO)
