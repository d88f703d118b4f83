"""Attacks on recalls: lists that leave somebody out, answers for others, units that vanish."""

from __future__ import annotations

import uuid
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import locations
from shop.inventory.models import LocationKind
from shop.orders import stranding
from shop.recalls import closing, collecting, disposing
from shop.recalls.models import Outcome
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, Attacks, Sql
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import paid
from tests.people import alice, bob, mona, sam
from tests.recalls.builders import (
    a_listed_recall,
    a_notified_recall,
    a_recall,
    bought,
    listed,
    treated_with,
)


def scene() -> dict[str, Any]:
    """A recall at each stage, a drill, a lot nobody recalled, and an order that waits."""
    client, treated, manager, staff = alice(), bob(), mona(), sam()
    soap = a_variant()
    lots = {name: a_lot(a_variant(), 5) for name in ("free", "mine", "here")}
    sold = a_lot(soap, 9)
    bought(client, soap, 2)
    treated_with(treated, sold)
    locked = a_recall(sold)
    drill = a_listed_recall(lots["free"], drill=True)
    told_of = a_variant()
    told_lot = a_lot(told_of, 7)
    bought(client, told_of, 2)
    notified = a_notified_recall(told_lot, lots["here"])
    collected = collecting.collect(notified, lots["here"], by=staff, at=now())
    planned = disposing.plan(
        notified, lots["here"], outcome=Outcome.DESTROY, reference="Burned", by=staff, at=now()
    )
    listed_only = a_listed_recall(lots["mine"])
    reconciled = a_notified_recall(a_lot(a_variant(), 3))
    closing.reconcile(reconciled, by=manager, at=now())
    facts = {
        "alice": client.id,
        "bob": treated.id,
        "mona": manager.id,
        "sam": staff.id,
        "gone": sam(disabled_at=now()).id,
        "shelf": locations.home(LocationKind.RETAIL).id,
        "cage": locations.home(LocationKind.QUARANTINE).id,
        "bar": locations.home(LocationKind.BACK_BAR).id,
        "free": lots["free"].id,
        "sold": sold.id,
        "told_lot": told_lot.id,
        "here": lots["here"].id,
        "locked": locked.id,
        "drill": drill.id,
        "listed": listed_only.id,
        "notified": notified.id,
        "reconciled": reconciled.id,
        "hers": listed(notified, client).id,
        "collected": collected.id,
        "planned": planned.id,
        **_waiting(client),
    }
    db.session.commit()
    return facts


def _waiting(client: Any) -> dict[str, Any]:
    """A line that waits for units since a recall, one that holds its own, and more units."""
    soap = a_variant()
    lot = a_lot(soap, 2)
    order = paid(client, {soap: 2})
    a_recall(lot)
    stranding.strand(order.id, [lot.id], reason="recalled", at=now())
    plenty = a_lot(soap, 9)
    other = paid(client, {soap: 2})
    return {
        "soap": soap.id,
        "waits": order.lines[0].id,
        "goes": other.lines[0].id,
        "soaps": plenty.id,
    }


ATTACKS = Attacks(scene)


def _begin(attacker: Sql, lot: str | None = "free", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"RC-{key.hex[:8]}",
        "drill": False,
        "source": "maker",
        "reason": "Mould.",
        "instructions": "Stop.",
        "status": "opened",
        "opened_by_id": attacker.facts["sam"],
    } | given
    seq = attacker.tell("recall", key, values["status"])
    insert(attacker, "recalls", values | {"state_seq": seq})
    if lot:
        _name(attacker, key, lot, drill=values["drill"])
    return key


def _name(attacker: Sql, which: Any, lot: str, *, drill: bool = False) -> None:
    key = attacker.facts.get(which, which)
    values = {"recall_id": key, "lot_id": attacker.facts[lot], "drill": drill}
    insert(attacker, "recall_lots", values)


def _to(attacker: Sql, which: Any, to: str) -> None:
    key = attacker.facts.get(which, which)
    attacker.move("recall", key, to)


def _list(attacker: Sql, which: Any, *rows: tuple[str, int, int]) -> None:
    for client, retail, treatment in rows:
        insert(
            attacker,
            "recall_clients",
            {
                "recall_id": attacker.facts.get(which, which),
                "client_id": attacker.facts[client],
                "retail_units": retail,
                "treatment_units": treatment,
            },
        )


TRUE = (("alice", 2, 0), ("bob", 0, 1))


def _listing(*rows: tuple[str, int, int]) -> Any:
    def act(attacker: Sql) -> None:
        _list(attacker, "locked", *rows)
        _to(attacker, "locked", "listed")

    return act


def _answer(attacker: Sql, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "recall_client_id": attacker.facts["hers"],
        "retail_units": 2,
        "has": 2,
        "used_up": 0,
        "returned": 0,
        "never_got": 0,
        "unreachable": False,
        "channel": "page",
        "recorded_by_id": attacker.facts["alice"],
    } | given
    insert(attacker, "recall_answers", values)
    return values["id"]


def _answer_to_what_is_only_listed(attacker: Sql) -> None:
    _listing(*TRUE)(attacker)
    found = attacker.run(
        "SELECT id FROM recall_clients WHERE recall_id = %(locked)s AND client_id = %(alice)s"
    )
    _answer(attacker, recall_client_id=found["id"])


def _collect(attacker: Sql, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "recall_id": attacker.facts["notified"],
        "lot_id": attacker.facts["told_lot"],
        "units": 3,
        "collected_by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "recall_collections", values)
    return values["id"]


def _move(attacker: Sql, **given: Any) -> None:
    values = {
        "id": uuid.uuid4(),
        "lot_id": attacker.facts["told_lot"],
        "kind": "recall",
        "units": 3,
        "from_id": attacker.facts["shelf"],
        "to_id": attacker.facts["cage"],
        "reference_id": uuid.uuid4(),
    } | given
    insert(attacker, "movements", values)


def _carry(attacker: Sql, **given: Any) -> None:
    _move(attacker, reference_id=_collect(attacker), **given)


def _plan(attacker: Sql, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "recall_id": attacker.facts["notified"],
        "lot_id": attacker.facts["here"],
        "outcome": "destroy",
        "units": 5,
        "reference": "Burned",
        "planned_by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "recall_dispositions", values)
    return values["id"]


def _witness(attacker: Sql, who: str = "mona", which: Any = "planned") -> None:
    key = attacker.facts.get(which, which)
    update(attacker, "recall_dispositions", key, witnessed_by_id=attacker.facts[who])


def _leave(attacker: Sql, **given: Any) -> None:
    values = {
        "lot_id": attacker.facts["here"],
        "kind": "destroy",
        "units": 5,
        "from_id": attacker.facts["cage"],
        "to_id": None,
        "reference_id": attacker.facts["planned"],
    } | given
    _move(attacker, **values)


def _left(**given: Any) -> Any:
    def act(attacker: Sql) -> None:
        _witness(attacker)
        told = {name: attacker.facts.get(value, value) for name, value in given.items()}
        _leave(attacker, **told)

    return act


def _promise(attacker: Sql) -> Any:
    """A live promise of two soaps to nobody."""
    key = uuid.uuid4()
    insert(attacker, "reservations", {"id": key, "variant_id": attacker.facts["soap"], "units": 2})
    insert(
        attacker,
        "reservation_parts",
        {
            "id": uuid.uuid4(),
            "reservation_id": key,
            "lot_id": attacker.facts["soaps"],
            "variant_id": attacker.facts["soap"],
            "units": 2,
        },
    )
    return key


def _go_on(attacker: Sql, line: str, to: str = "ready") -> None:
    key = attacker.facts[line]
    promised = _promise(attacker)
    seq = attacker.tell("order_line", key, to)
    update(attacker, "order_lines", key, status=to, state_seq=seq, reservation_id=promised)


def _hold_and_go_on_with_others(attacker: Sql) -> None:
    attacker.move("order_line", attacker.facts["goes"], "on_hold")
    _go_on(attacker, "goes")


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _locked_listed_and_written_to(attacker: Sql) -> None:
    _listing(*TRUE)(attacker)
    _to(attacker, "locked", "notified")


@ATTACKS.passes(APP, OWNER)
def _opened_and_locked(attacker: Sql) -> None:
    key = _begin(attacker)
    attacker.move("lot", attacker.facts["free"], "recalled")
    _to(attacker, key, "locked")


@ATTACKS.passes()
def _answered_and_reconciled(attacker: Sql) -> None:
    _answer(
        attacker, has=0, unreachable=True, channel="phone", recorded_by_id=attacker.facts["sam"]
    )
    _answer(attacker)
    _to(attacker, "notified", "reconciled")


@ATTACKS.passes()
def _collected_and_destroyed(attacker: Sql) -> None:
    _carry(attacker)
    _left()(attacker)


@ATTACKS.passes()
def _a_drill_is_closed(attacker: Sql) -> None:
    _to(attacker, "drill", "closed")


@ATTACKS.passes()
def _what_waited_takes_other_units(attacker: Sql) -> None:
    _go_on(attacker, "waits")


ATTACKS.each(
    {
        # opening
        "opened by a client": (
            lambda a: _begin(a, opened_by_id=a.facts["alice"]),
            "recall_is_opened_by_who_keeps_the_shelf",
        ),
        "opened by whoever left": (
            lambda a: _begin(a, opened_by_id=a.facts["gone"]),
            "recall_is_opened_by_who_keeps_the_shelf",
        ),
        "a lot recalled again": (lambda a: _begin(a, "sold"), "lot_is_recalled_once"),
        "a lot slipped in later": (
            lambda a: _name(a, "locked", "free"),
            "lots_are_named_at_the_opening",
        ),
        "a drill whose lot is no drill's": (
            lambda a: _name(a, _begin(a, None, drill=True), "free"),
            "lot_is_of_its_recall",
        ),
        "locked without its lots": (
            lambda a: _to(a, _begin(a), "locked"),
            "locked_recall_locks_its_lots",
        ),
        "locked of nothing": (lambda a: _to(a, _begin(a, None), "locked"), "recall_names_a_lot"),
        "listed while it is sold": (
            lambda a: _to(a, _begin(a), "listed"),
            "lots_are_locked_before_the_list",
        ),
        "a drill that locks": (
            lambda a: (
                a.move("lot", a.facts["free"], "recalled"),
                _to(a, _begin(a, drill=True), "locked"),
            ),
            "drill_locks_nothing_and_writes_to_nobody",
        ),
        "a drill that writes": (
            lambda a: _to(a, "drill", "notified"),
            "drill_locks_nothing_and_writes_to_nobody",
        ),
        # the list
        "nobody is listed": (_listing(), "recall_lists_everybody"),
        "who bought is left out": (_listing(TRUE[1]), "recall_lists_everybody"),
        "who was treated is left out": (_listing(TRUE[0]), "recall_lists_everybody"),
        "fewer packs than she bought": (
            _listing(("alice", 1, 0), TRUE[1]),
            "recall_lists_everybody",
        ),
        "more packs than were used": (
            _listing(TRUE[0], ("bob", 0, 2)),
            "recall_lists_everybody",
        ),
        "somebody who got nothing": (_listing(*TRUE, ("mona", 1, 0)), "recall_lists_everybody"),
        "added to a list that is made": (
            lambda a: _list(a, "notified", ("bob", 1, 0)),
            "recall_is_listed_once",
        ),
        "opened again": (
            "UPDATE recalls SET status = 'opened' WHERE id = %(listed)s",
            "recall_goes_along_an_arrow",
        ),
        # the end
        "closed though nobody was written to": (
            lambda a: _to(a, "listed", "closed"),
            "recall_is_reconciled_before_it_is_closed",
        ),
        "reconciled without an answer": (
            lambda a: _to(a, "notified", "reconciled"),
            "everybody_answered_or_was_not_reached",
        ),
        "closed with units here": (
            lambda a: _to(a, "reconciled", "closed"),
            "closed_recall_left_nothing_here",
        ),
        # answers
        "an answer before the letter": (
            _answer_to_what_is_only_listed,
            "answers_come_after_the_letter",
        ),
        "an answer by another client": (
            lambda a: _answer(a, recorded_by_id=a.facts["bob"]),
            "client_answers_for_herself",
        ),
        "an answer by staff as if by her": (
            lambda a: _answer(a, recorded_by_id=a.facts["sam"]),
            "client_answers_for_herself",
        ),
        "a telephone call with whoever left": (
            lambda a: _answer(a, channel="phone", recorded_by_id=a.facts["gone"]),
            "answer_is_written_down_by_who_works_here",
        ),
        "a telephone call by a client": (
            lambda a: _answer(a, channel="phone"),
            "answer_is_written_down_by_who_works_here",
        ),
        "an answer about other packs": (
            lambda a: _answer(a, retail_units=3, has=3),
            "answer_is_about_what_she_got",
        ),
        # coming back
        "collected by a client": (
            lambda a: _collect(a, collected_by_id=a.facts["alice"]),
            "collected_by_who_keeps_the_shelf",
        ),
        "collected for a drill": (
            lambda a: _collect(a, recall_id=a.facts["drill"], lot_id=a.facts["free"]),
            "only_what_is_locked_is_collected",
        ),
        "collected of a lot that is not recalled": (
            lambda a: _collect(a, lot_id=a.facts["free"]),
            "collected_lot_is_of_the_recall",
        ),
        "collected and left where it was": (_collect, "collection_is_what_moved"),
        "collected fewer than it says": (
            lambda a: _carry(a, units=2),
            "collection_is_what_moved",
        ),
        "carried by nobody": (_move, "recall_movement_is_of_a_collection"),
        "carried as another lot": (
            lambda a: _move(a, reference_id=a.facts["collected"]),
            "recall_movement_is_of_a_collection",
        ),
        "planned by a client": (
            lambda a: _plan(a, planned_by_id=a.facts["alice"]),
            "disposition_is_planned_by_who_keeps_the_shelf",
        ),
        "planned for a drill": (
            lambda a: _plan(a, recall_id=a.facts["drill"], lot_id=a.facts["free"]),
            "only_what_is_locked_is_disposed_of",
        ),
        "planned for a lot that is not recalled": (
            lambda a: _plan(a, lot_id=a.facts["free"]),
            "disposed_lot_is_of_the_recall",
        ),
        "one's own witness": (
            lambda a: _witness(a, "sam"),
            "disposition_is_witnessed_by_another",
        ),
        "seen by a client": (lambda a: _witness(a, "alice"), "witness_keeps_the_shelf"),
        "seen by whoever left": (lambda a: _witness(a, "gone"), "witness_keeps_the_shelf"),
        "seen twice": (lambda a: [_witness(a) for _ in "ab"], "disposition_is_witnessed_once"),
        "gone without a witness": (_leave, "recalled_units_leave_before_a_witness"),
        "written off instead": (
            lambda a: _leave(a, kind="expire"),
            "recalled_units_leave_before_a_witness",
        ),
        "sent back though it was to be destroyed": (
            _left(kind="return_to_vendor"),
            "recalled_units_leave_before_a_witness",
        ),
        "fewer gone than were seen": (_left(units=4), "recalled_units_leave_before_a_witness"),
        "another lot gone instead": (
            _left(lot_id="told_lot", from_id="shelf"),
            "recalled_units_leave_before_a_witness",
        ),
        # orders
        "other units for a line that keeps waiting": (
            lambda a: _go_on(a, "waits", "on_hold"),
            "line_takes_new_units_when_it_goes_on",
        ),
        "other units for a line that never waited": (
            lambda a: _go_on(a, "goes", "ready"),
            "line_takes_new_units_when_it_goes_on",
        ),
        "other units beside its own": (
            _hold_and_go_on_with_others,
            "line_gave_its_units_back_before",
        ),
    }
)


@ATTACKS.undone("recall_guard", OWNER)
def _backdate_an_opening(attacker: Sql) -> object:
    key = _begin(attacker, opened_at="2000-01-01", listed_at="2000-01-01")
    kept = row(attacker, "recalls", key)
    return kept["opened_at"].year > 2000 and kept["listed_at"] is None


@ATTACKS.undone("recall_guard", OWNER)
def _say_when_it_was_listed(attacker: Sql) -> object:
    _list(attacker, "locked", *TRUE)
    attacker.run(
        "UPDATE recalls SET status = 'listed', listed_at = '2000-01-01', state_seq = %(seq)s"
        " WHERE id = %(locked)s",
        seq=attacker.tell("recall", attacker.facts["locked"], "listed"),
    )
    attacker.run("UPDATE recalls SET listed_at = '2001-01-01' WHERE id = %(notified)s")
    years = [
        row(attacker, "recalls", attacker.facts[name])["listed_at"].year
        for name in ("locked", "notified")
    ]
    return min(years) > 2001


@ATTACKS.undone("recall_answer_guard", OWNER)
def _renumber_an_answer(attacker: Sql) -> object:
    key = _answer(attacker, number=9, recorded_at="2000-01-01")
    kept = row(attacker, "recall_answers", key)
    return kept["number"] == 1 and kept["recorded_at"].year > 2000


@ATTACKS.undone("recall_collection_guard", OWNER)
def _backdate_a_collection(attacker: Sql) -> object:
    key = _collect(attacker, collected_at="2000-01-01")
    _move(attacker, reference_id=key)
    return row(attacker, "recall_collections", key)["collected_at"].year > 2000


@ATTACKS.undone("recall_disposition_guard", OWNER)
def _plan_what_was_witnessed(attacker: Sql) -> object:
    key = _plan(
        attacker,
        planned_at="2000-01-01",
        witnessed_by_id=attacker.facts["mona"],
        witnessed_at="2000-01-01",
    )
    kept = row(attacker, "recall_dispositions", key)
    unseen = kept["witnessed_by_id"] is None and kept["witnessed_at"] is None
    return unseen and kept["planned_at"].year > 2000


@ATTACKS.undone("recall_disposition_guard", OWNER)
def _backdate_a_witness(attacker: Sql) -> object:
    key = attacker.facts["planned"]
    mona_ = attacker.facts["mona"]
    update(attacker, "recall_dispositions", key, witnessed_by_id=mona_, witnessed_at="2000-01-01")
    return row(attacker, "recall_dispositions", key)["witnessed_at"].year > 2000
