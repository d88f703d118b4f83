"""Attacks on places, on what travels between clinics, and on opened packs.

Nothing on its way gets lost in silence, and no unit is a tester or on a transfer that no row tells of.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from shop.core.clock import now
from shop.inventory import arranging, locations, testers, transferring
from shop.inventory.states import LotStatus
from shop.planning import setting
from tests.attacks.acts import insert, update
from tests.attacks.attack import APP, OWNER, Attacks, Sql
from tests.builders import a_cream, a_variant
from tests.inventory.clinics import a_bin, a_clinic, a_transfer, the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam

PLACES = ("SHELF", "QUARANTINE", "TESTERS", "TRANSIT")


def scene() -> Mapping[str, Any]:
    """A transfer on its way, one that is short, one that is there; a tester, and one that was."""
    soap, sender, other = a_variant(), sam(), mona()
    good = a_lot(soap, 30)
    (site, shelf), (closed, _old) = a_clinic(), a_clinic()
    sent, short, there = (a_transfer(good, 4, site, by=sender) for _ in range(3))
    for one, units in ((short, 1), (there, 4)):
        counted = {one.lines[0].id: units}
        transferring.arrive(one, counted, into=shelf, by=other, at=now())
    arranging.close_location(_old, by=other, at=now())
    arranging.close_site(closed, by=other, at=now())
    tester, over = (
        testers.open_tester(good, origin=the_shelf(), months=6, by=sender, at=now(), today=today())
        for _ in range(2)
    )
    testers.end(over, reason="Its time is over.", by=sender, at=now())
    setting.set_policy(soap, lead_days=9, safety_days=3, by=other, at=now())
    return {
        **{code.lower(): locations.location(code).id for code in PLACES},
        "home": the_shelf().site_id,
        "site": site.id,
        "far": shelf.id,
        "far_rooms": a_bin().id,
        "empty": a_bin().id,
        "closed": closed.id,
        "closed_place": _old.id,
        "soap": soap.id,
        "good": good.id,
        "kept_back": a_lot(soap, 5, status=LotStatus.QUARANTINE).id,
        "cream": a_lot(a_cream(), 5).id,
        "sent": sent.id,
        "sent_line": sent.lines[0].id,
        "short": short.id,
        "short_line": short.lines[0].id,
        "there": there.id,
        "there_line": there.lines[0].id,
        "tester": tester.id,
        "over": over.id,
        "sam": sender.id,
        "mona": other.id,
        "day": today(),
    }


ATTACKS = Attacks(scene)


def _move(
    attacker: Sql, kind: str, from_: str, to: str | None, units: int, ref: Any, **g: Any
) -> None:
    fact = attacker.facts
    values = {
        "id": uuid.uuid4(),
        "lot_id": fact[g.get("lot", "good")],
        "kind": kind,
        "units": units,
        "from_id": fact[from_],
        "to_id": fact[to] if to else None,
        "reference_id": ref,
    }
    insert(attacker, "movements", values)


def _send(
    attacker: Sql, *, moved: int | None = 2, from_: str = "shelf", lot: str = "good", **given: Any
) -> Any:
    """Two of a lot to the other clinic, as the shop does it."""
    key, line, fact = uuid.uuid4(), uuid.uuid4(), attacker.facts
    values = {
        "id": key,
        "number": f"T-{key.hex[:8]}",
        "from_site_id": fact["home"],
        "to_site_id": fact["site"],
        "status": "sent",
        "sent_by_id": fact["sam"],
    } | given
    seq = attacker.tell("transfer", key, values["status"])
    insert(attacker, "transfers", values | {"state_seq": seq})
    if moved is None:
        return key
    row = {
        "id": line,
        "transfer_id": key,
        "lot_id": fact[lot],
        "from_id": fact[from_],
        "units": 2,
    }
    insert(attacker, "transfer_lines", row)
    if moved:
        _move(attacker, "transfer", from_, "transit", moved, line, lot=lot)
    return key


def _arrive(
    attacker: Sql,
    which: str,
    units: int,
    *,
    to: str | None = "far",
    by: str = "mona",
    moved: bool = True,
    status: str | None = None,
) -> None:
    """So many of a transfer arrive, or are given up; it becomes `status`."""
    key, fact = uuid.uuid4(), attacker.facts
    values = {
        "id": key,
        "line_id": fact[f"{which}_line"],
        "to_id": fact[to] if to else None,
        "units": units,
        "by_id": fact[by],
    }
    insert(attacker, "transfer_arrivals", values)
    if moved:
        _move(attacker, "transfer" if to else "destroy", "transit", to, units, key)
    if status:
        attacker.move("transfer", fact[which], status)


def _open(attacker: Sql, *, lot: str = "good", moved: int = 1, **given: Any) -> Any:
    key, fact = uuid.uuid4(), attacker.facts
    values = {
        "id": key,
        "number": f"TS-{key.hex[:8]}",
        "lot_id": fact[lot],
        "opened_on": fact["day"],
        "months_after_opening": 6,
        "opened_by_id": fact["sam"],
    } | given
    insert(attacker, "testers", values)
    if moved:
        _move(attacker, "transfer", "shelf", "testers", moved, key, lot=lot)
    return key


def _end(attacker: Sql, which: str = "tester", *, moved: bool = True, **given: Any) -> None:
    key = attacker.facts[which]
    values = {
        "ended_at": now_ish(attacker),
        "ended_by_id": attacker.facts["sam"],
        "reason": "Over.",
    }
    update(attacker, "testers", key, **(values | given))
    if moved:
        _move(attacker, "destroy", "testers", None, 1, key)


def now_ish(attacker: Sql) -> Any:
    return attacker.run("SELECT now() AS it")["it"]


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _sent_short_and_given_up_by_another(attacker: Sql) -> None:
    _send(attacker)
    _arrive(attacker, "sent", 3, status="short")
    _arrive(attacker, "sent", 1, to=None, status="received")


@ATTACKS.passes(APP)
def _opened_and_thrown_away(attacker: Sql) -> None:
    _open(attacker)
    _end(attacker)


@ATTACKS.passes(APP)
def _an_empty_place_is_closed_and_opened_again(attacker: Sql) -> None:
    update(attacker, "locations", attacker.facts["empty"], closed_at=now_ish(attacker))
    update(attacker, "locations", attacker.facts["empty"], closed_at=None)


ATTACKS.each(
    {
        # places
        "close a place in which something lies": (
            "UPDATE locations SET closed_at = now() WHERE id = %(far)s",
            "closed_place_is_empty",
        ),
        "close a clinic with a place in it": (
            "UPDATE sites SET closed_at = now() WHERE id = %(site)s",
            "closed_site_has_no_open_place",
        ),
        "open a place in a closed clinic": (
            (
                "INSERT INTO locations (id, site_id, code, name, kind)"
                " VALUES (%(new)s, %(closed)s, 'NEW', 'New', 'retail')"
            ),
            "nothing_opens_in_a_closed_site",
        ),
        "open a place of a closed clinic again": (
            "UPDATE locations SET closed_at = NULL WHERE id = %(closed_place)s",
            "nothing_opens_in_a_closed_site",
        ),
        # what is sent
        "send nothing": (lambda a: _send(a, moved=None), "transfer_carries_something"),
        "send to oneself": (
            lambda a: _send(a, to_site_id=a.facts["home"]),
            "transfer_goes_elsewhere",
        ),
        "send what never left": (lambda a: _send(a, moved=0), "what_is_transferred_has_moved"),
        "send more than left": (lambda a: _send(a, moved=1), "what_is_transferred_has_moved"),
        "send from another clinic": (
            lambda a: _send(a, from_="far"),
            "transfer_leaves_a_shelf_of_its_site",
        ),
        "send from the quarantine": (
            lambda a: _send(a, from_="quarantine", moved=0),
            "transfer_leaves_a_shelf_of_its_site",
        ),
        "send what is kept back": (lambda a: _send(a, lot="kept_back"), "lot_is_available"),
        "begin received": (lambda a: _send(a, status="received"), "event_is_a_legal_transition"),
        "add to what has arrived": (
            (
                "INSERT INTO transfer_lines (id, transfer_id, lot_id, from_id, units)"
                " VALUES (%(new)s, %(short)s, %(good)s, %(far_rooms)s, 1)"
            ),
            "nothing_is_added_to_what_has_arrived",
        ),
        "name a lot twice": (
            (
                "INSERT INTO transfer_lines (id, transfer_id, lot_id, from_id, units)"
                " VALUES (%(new)s, %(sent)s, %(good)s, %(shelf)s, 1)"
            ),
            "transfer_names_a_lot_once",
        ),
        # what arrives
        "say that it is there": (
            lambda a: a.move("transfer", a.facts["sent"], "received"),
            "transfer_says_what_arrived",
        ),
        "let something arrive and not say so": (
            lambda a: _arrive(a, "sent", 1),
            "transfer_says_what_arrived",
        ),
        "let all arrive and call it short": (
            lambda a: _arrive(a, "sent", 4, status="short"),
            "transfer_says_what_arrived",
        ),
        "let more arrive than was sent": (
            lambda a: _arrive(a, "short", 4, moved=False),
            "no_more_arrives_than_was_sent",
        ),
        "let more arrive of what is there": (
            lambda a: _arrive(a, "there", 1, moved=False),
            "no_more_arrives_than_was_sent",
        ),
        "let it arrive where it came from": (
            lambda a: _arrive(a, "sent", 4, to="shelf", status="received"),
            "transfer_arrives_where_it_was_sent",
        ),
        "let it arrive in the quarantine": (
            lambda a: _arrive(a, "sent", 4, to="quarantine", moved=False),
            "transfer_arrives_where_it_was_sent",
        ),
        "let it arrive on paper": (
            lambda a: _arrive(a, "sent", 4, moved=False, status="received"),
            "what_is_transferred_has_moved",
        ),
        "give it up on paper": (
            lambda a: _arrive(a, "sent", 4, to=None, moved=False, status="received"),
            "what_is_transferred_has_moved",
        ),
        "give up what one sent oneself": (
            lambda a: _arrive(a, "sent", 4, to=None, by="sam", status="received"),
            "loss_is_confirmed_by_another",
        ),
        "go back to sent": (
            lambda a: a.move("transfer", a.facts["short"], "sent"),
            "event_is_a_legal_transition",
        ),
        # the ledger
        "put on the way what no transfer names": (
            lambda a: _move(a, "transfer", "shelf", "transit", 1, uuid.uuid4()),
            "what_is_on_its_way_is_on_a_transfer",
        ),
        "take off the way what no arrival names": (
            lambda a: _move(a, "transfer", "transit", "shelf", 1, a.facts["sent_line"]),
            "what_is_on_its_way_is_on_a_transfer",
        ),
        "lose on the way what nobody gave up": (
            lambda a: _move(a, "destroy", "transit", None, 1, uuid.uuid4()),
            "what_is_on_its_way_is_on_a_transfer",
        ),
        "carry to the testers what is none": (
            lambda a: _move(a, "transfer", "shelf", "testers", 1, uuid.uuid4()),
            "what_goes_to_the_testers_is_one",
        ),
        # testers
        "open a tester of what is prescribed": (
            lambda a: _open(a, lot="cream"),
            "doctor_only_has_no_tester",
        ),
        "open a tester of what is kept back": (
            lambda a: _open(a, lot="kept_back"),
            "lot_is_available",
        ),
        "open a tester on paper": (lambda a: _open(a, moved=0), "tester_is_one_pack_that_moved"),
        "open two packs as one": (lambda a: _open(a, moved=2), "tester_is_one_pack_that_moved"),
        "throw a tester away on paper": (
            lambda a: _end(a, moved=False),
            "tester_is_one_pack_that_moved",
        ),
        "throw a tester away twice": (
            lambda a: _end(a, "over", moved=False, reason="Again."),
            "tester_ends_once",
        ),
        "give a tester a reason and leave it open": (
            "UPDATE testers SET reason = 'x' WHERE id = %(tester)s",
            "tester_only_ends",
        ),
        "open a tester of an expired day": (
            lambda a: _open(a, opened_on="2090-01-01"),
            "tester_is_opened_while_it_is_good",
        ),
    }
)

ATTACKS.each(
    {
        "send it elsewhere afterwards": (
            "UPDATE transfers SET to_site_id = %(closed)s WHERE id = %(sent)s",
            "transfer_stays_as_it_was_sent",
        ),
        "make a tester younger while it ends": (
            (
                "UPDATE testers SET ended_at = now(), ended_by_id = %(sam)s, reason = 'x',"
                " use_by = use_by + 1 WHERE id = %(tester)s"
            ),
            "tester_only_ends",
        ),
        "a transfer rewound to the day it was sent": (
            "UPDATE transfers SET state_seq = 1, status = 'sent' WHERE id = %(short)s",
            "transfer_goes_along_an_arrow",
        ),
    },
    OWNER,
)


@ATTACKS.undone("transfer_sent", OWNER)
def _backdate_a_transfer(attacker: Sql) -> object:
    key = _send(attacker, sent_at="2001-01-01")
    return _stamped(attacker, "transfers", "sent_at", key)


@ATTACKS.undone("transfer_arrival_guard", OWNER)
def _backdate_an_arrival(attacker: Sql) -> object:
    key = uuid.uuid4()
    fact = attacker.facts
    values = {
        "id": key,
        "line_id": fact["sent_line"],
        "to_id": fact["far"],
        "units": 4,
        "by_id": fact["mona"],
        "at": "2001-01-01",
    }
    insert(attacker, "transfer_arrivals", values)
    _move(attacker, "transfer", "transit", "far", 4, key)
    attacker.move("transfer", fact["sent"], "received")
    return _stamped(attacker, "transfer_arrivals", "at", key)


@ATTACKS.undone("tester_opened", OWNER)
def _backdate_a_tester(attacker: Sql) -> object:
    return _stamped(attacker, "testers", "opened_at", _open(attacker, opened_at="2001-01-01"))


@ATTACKS.undone("tester_opened", OWNER)
def _make_a_tester_good_for_ever(attacker: Sql) -> object:
    key = _open(attacker, use_by="2099-01-01")
    return attacker.run("SELECT use_by < '2099-01-01' AS it FROM testers WHERE id = %(k)s", k=key)[
        "it"
    ]


@ATTACKS.undone("tester_ended")
def _backdate_the_end_of_a_tester(attacker: Sql) -> object:
    _end(attacker, ended_at="2001-01-01")
    return _stamped(attacker, "testers", "ended_at", attacker.facts["tester"])


@ATTACKS.undone("location_closed")
def _backdate_the_end_of_a_place(attacker: Sql) -> object:
    update(attacker, "locations", attacker.facts["empty"], closed_at="2001-01-01")
    return _stamped(attacker, "locations", "closed_at", attacker.facts["empty"])


@ATTACKS.undone("site_closed")
def _backdate_the_end_of_a_clinic(attacker: Sql) -> object:
    update(attacker, "sites", attacker.facts["closed"], closed_at="2001-01-01")
    return _stamped(attacker, "sites", "closed_at", attacker.facts["closed"])


@ATTACKS.undone("stock_policy_set", OWNER)
def _backdate_a_policy(attacker: Sql) -> object:
    attacker.run("UPDATE stock_policies SET set_at = '2001-01-01' WHERE variant_id = %(soap)s")
    return _recent(attacker, "stock_policies", "set_at", "variant_id", attacker.facts["soap"])


@ATTACKS.undone("stock_policy_set", OWNER)
def _backdate_the_first_policy(attacker: Sql) -> object:
    attacker.run(
        "WITH made AS (INSERT INTO stock_policies"
        " (variant_id, lead_days, safety_days, set_by_id, set_at)"
        " SELECT variant_id, 9, 9, %(sam)s, '2001-01-01' FROM lots WHERE id = %(cream)s"
        " RETURNING variant_id) SELECT FROM made"
    )
    variant = attacker.run("SELECT variant_id AS it FROM lots WHERE id = %(cream)s")["it"]
    return _recent(attacker, "stock_policies", "set_at", "variant_id", variant)


def _stamped(attacker: Sql, table: str, column: str, key: Any) -> object:
    return _recent(attacker, table, column, "id", key)


def _recent(attacker: Sql, table: str, column: str, named: str, key: Any) -> object:
    """Whether the database put its own time there."""
    return attacker.run(
        f"SELECT {column} > now() - interval '1 hour' AS it FROM {table} WHERE {named} = %(key)s",
        key=key,
    )["it"]
