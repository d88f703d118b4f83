"""Attacks on counts, adjustments and returns: no second person, no reason, no movement, or two.

What is lost or found moves by a count or an adjustment as it was approved; what came back goes where
was inspected and witnessed, and nothing that needs a prescription or was opened is sold again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import adjusting, counting, limits, locations
from shop.inventory.models import Reason
from shop.returns import disposing
from shop.returns.models import Disposition
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.builders import a_cream, a_variant
from tests.inventory.counts import a_count, adjust, counted
from tests.inventory.lots import a_lot, today
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.returns.builders import came_back, inspected, left

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LARGE = limits.LIMIT_UNITS + 1


def scene() -> Mapping[str, Any]:
    """Counts, adjustments and returns in every state."""
    client, staff, manager = alice(), sam(), mona()
    cheap = a_variant(cents=1)
    lots = {name: a_lot(cheap, 20) for name in ("good", "open", "small", "large", "agreed")}
    small = counted({lots["small"]: 19}, by=staff)
    large = counted({lots["large"]: 20 - LARGE}, by=staff, why=Reason.THEFT_OR_LOSS)
    agreed = counted({lots["agreed"]: 19}, by=staff, why=Reason.THEFT_OR_LOSS)
    counting.approve(agreed, by=manager, at=now())
    waiting, declined = (
        adjust(lots["good"], -LARGE, Reason.DAMAGED, by=staff),
        adjust(lots["good"], -LARGE, Reason.DAMAGED, by=staff),
    )
    adjusting.decline(declined, by=manager, at=now())
    booked = adjust(lots["good"], -1, Reason.DAMAGED, by=manager)
    facts = {
        "alice": client.id,
        "sam": staff.id,
        "mona": manager.id,
        "gone": mona(disabled_at=now()).id,
        "shelf": locations.location("SHELF").id,
        "returns": locations.location("RETURNS").id,
        **{name: lot.id for name, lot in lots.items()},
        "old": a_lot(cheap, 5, days=-5).id,
        "planned": counting.plan(
            locations.location("SHELF"), [lots["good"]], by=staff, at=now()
        ).id,
        "counting": a_count(lots["open"], by=staff).id,
        "small_count": small.id,
        "large_count": large.id,
        "agreed_count": agreed.id,
        "agreed_line": agreed.lines[0].id,
        "waiting": waiting.id,
        "declined": declined.id,
        "booked": booked.id,
    }
    db.session.commit()
    return facts | _returned(client, staff, manager)


def _returned(client: Any, staff: Any, manager: Any) -> dict[str, Any]:
    """Packs that came back: to be looked at, waiting for a witness, gone; and a prescription's."""
    cream = a_cream()
    a_lot(cream)
    a_prescription(client, cream, by=dr_chen())
    order, rx = left(units=5, client=client), left(cream, 1, client)
    received = came_back(order, 1)
    seen = inspected(came_back(order, 1), Disposition.RESTOCK, by=staff)
    wasted = inspected(came_back(order, 1), Disposition.DESTROY, by=staff)
    disposing.witness(wasted, today=today(), by=manager, at=now())
    returned_rx = came_back(rx, 1)
    facts = {
        "received": received.id,
        "seen": seen.id,
        "wasted": wasted.id,
        "rx": returned_rx.id,
        "parcel": received.shipment_line_id,
        "line": received.order_line_id,
        "lot_back": received.lot_id,
        "rx_lot": returned_rx.lot_id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _plan(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"C-{key.hex[:8]}",
        "location_id": attacker.facts["shelf"],
        "cause": "asked",
        "status": "planned",
        "planned_by_id": attacker.facts["sam"],
    } | given
    seq = attacker.tell("count", key, "planned")
    insert(attacker, "counts", values | {"state_seq": seq})
    return key


def _line(attacker: Sql, count: Any, lot: Any = "good") -> Any:
    key = uuid.uuid4()
    values = {"id": key, "count_id": attacker.facts.get(count, count)}
    insert(attacker, "count_lines", values | {"lot_id": attacker.facts.get(lot, lot)})
    return key


def _enter(attacker: Sql, line: Any, units: int = 20, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "line_id": line,
        "units": units,
        "counted_by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "count_entries", values)
    return values["id"]


def _line_of(attacker: Sql, count: str) -> Any:
    return attacker.run(
        "SELECT id FROM count_lines WHERE count_id = %(it)s", it=attacker.facts[count]
    )["id"]


def _to(attacker: Sql, machine: str, which: Any, to: str, **given: Any) -> None:
    """Change a status with its event, and other columns with it."""
    key = attacker.facts.get(which, which)
    seq = attacker.tell(machine, key, to)
    table = {"count": "counts", "adjustment": "adjustments", "return": "returns"}[machine]
    update(attacker, table, key, status=to, state_seq=seq, **given)


def _move(
    attacker: Sql, kind: str, units: int, reference: Any, lot: Any = "good", place: str = "shelf"
) -> None:
    """Units leave a place, or come to it where they are more than none."""
    there = attacker.facts[place]
    values = {
        "id": uuid.uuid4(),
        "kind": kind,
        "units": abs(units),
        "lot_id": attacker.facts.get(lot, lot),
        "reference_id": attacker.facts.get(reference, reference),
        "to_id" if units > 0 else "from_id": there,
    }
    insert(attacker, "movements", values)


def _release(attacker: Sql, which: str) -> None:
    values = {
        "id": uuid.uuid4(),
        "kind": "release",
        "units": 1,
        "lot_id": attacker.facts["lot_back"],
        "reference_id": attacker.facts[which],
        "from_id": attacker.facts["returns"],
        "to_id": attacker.facts["shelf"],
    }
    insert(attacker, "movements", values)


def _propose(attacker: Sql, delta: int = -1, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"ADJ-{key.hex[:8]}",
        "lot_id": attacker.facts["open"],
        "location_id": attacker.facts["shelf"],
        "delta": delta,
        "reason": "theft_or_loss",
        "note": "Not there.",
        "status": "proposed",
        "proposed_by_id": attacker.facts["mona"],
    } | given
    seq = attacker.tell("adjustment", key, "proposed")
    insert(attacker, "adjustments", values | {"state_seq": seq})
    return key


def _come_back(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"R-{key.hex[:8]}",
        "shipment_line_id": attacker.facts["parcel"],
        "order_line_id": attacker.facts["line"],
        "lot_id": attacker.facts["lot_back"],
        "units": 1,
        "reason": "other",
        "status": "received",
        "received_by_id": attacker.facts["sam"],
    } | given
    seq = attacker.tell("return", key, "received")
    insert(attacker, "returns", values | {"state_seq": seq})
    return key


def _inspect(attacker: Sql, which: Any, disposition: str = "restock", **given: Any) -> None:
    found = {
        "inspected_by_id": attacker.facts["sam"],
        "condition": "unopened",
        "storage": "as_labelled",
        "disposition": disposition,
    }
    _to(attacker, "return", which, "inspected", **(found | given))


# The honest ways.


@ATTACKS.passes()
def _counted_approved_and_posted(attacker: Sql) -> None:
    count = _plan(attacker)
    line = _line(attacker, count, "open")
    _to(attacker, "count", count, "counting")
    _enter(attacker, line, 12)
    _to(attacker, "count", count, "investigating")
    update(attacker, "count_lines", line, reason="theft_or_loss", note="Not there.")
    _to(attacker, "count", count, "approved", approved_by_id=attacker.facts["mona"])
    _to(attacker, "count", count, "posted")
    _move(attacker, "count_adjust", -8, line, "open")


@ATTACKS.passes()
def _a_small_variance_approved_by_who_counted(attacker: Sql) -> None:
    line = _line_of(attacker, "small_count")
    update(attacker, "count_lines", line, reason="theft_or_loss", note="Not there.")
    _to(attacker, "count", "small_count", "approved", approved_by_id=attacker.facts["sam"])


@ATTACKS.passes()
def _counted_again(attacker: Sql) -> None:
    _to(attacker, "count", "agreed_count", "counting", approved_by_id=None)
    _enter(attacker, attacker.facts["agreed_line"], 20)


@ATTACKS.passes()
def _adjusted(attacker: Sql) -> None:
    small = _propose(attacker)
    _to(attacker, "adjustment", small, "booked")
    _move(attacker, "count_adjust", -1, small, "open")
    _to(attacker, "adjustment", "waiting", "booked", decided_by_id=attacker.facts["mona"])
    _move(attacker, "damage", -LARGE, "waiting")


@ATTACKS.passes()
def _written_off_because_it_expired(attacker: Sql) -> None:
    old = _propose(attacker, -4, lot_id=attacker.facts["old"], reason="expired")
    _to(attacker, "adjustment", old, "booked")
    _move(attacker, "expire", -4, old, "old")


@ATTACKS.passes()
def _came_back_and_went_on(attacker: Sql) -> None:
    key = _come_back(attacker, units=2)
    _move(attacker, "return_in", 2, key, "lot_back", "returns")
    _inspect(attacker, key, "destroy", condition="opened", note="Half empty.")
    _to(attacker, "return", key, "disposed", witness_id=attacker.facts["mona"])
    _move(attacker, "destroy", -2, key, "lot_back", "returns")
    _to(attacker, "return", "seen", "disposed", witness_id=attacker.facts["mona"])
    _release(attacker, "seen")


# Counts.

ATTACKS.each(
    {
        "planned by a client": (
            lambda a: _plan(a, planned_by_id=a.facts["alice"]),
            "count_is_by_who_keeps_the_shelf",
        ),
        "planned by whoever left": (
            lambda a: _plan(a, planned_by_id=a.facts["gone"]),
            "count_is_by_who_keeps_the_shelf",
        ),
        "counted by a client": (
            lambda a: _enter(a, _line_of(a, "counting"), counted_by_id=a.facts["alice"]),
            "count_is_by_who_keeps_the_shelf",
        ),
        "approved by a client": (
            lambda a: _to(a, "count", "agreed_count", "counting", approved_by_id=a.facts["alice"]),
            "approval_is_not_rewritten",
        ),
        "finished though not all was counted": (
            lambda a: _to(a, "count", "counting", "investigating"),
            "every_lot_is_counted",
        ),
        "approved without a reason": (
            lambda a: _to(a, "count", "small_count", "approved", approved_by_id=a.facts["mona"]),
            "variance_has_its_reason",
        ),
        "a large one approved by who counted": (
            lambda a: _to(a, "count", "large_count", "approved", approved_by_id=a.facts["sam"]),
            "large_variance_is_approved_by_another",
        ),
        "a large one approved by a client": (
            lambda a: _to(a, "count", "large_count", "approved", approved_by_id=a.facts["alice"]),
            "count_is_by_who_keeps_the_shelf",
        ),
        "said to be approved by another": (
            lambda a: update(a, "counts", a.facts["agreed_count"], approved_by_id=a.facts["sam"]),
            "approval_is_not_rewritten",
        ),
        "posted without a movement": (
            lambda a: _to(a, "count", "agreed_count", "posted"),
            "posted_count_moved_its_variances",
        ),
        "put on the sheet when all was counted": (
            lambda a: _line(a, "small_count", "open"),
            "lot_is_put_on_the_sheet_before_all_is_counted",
        ),
        "explained before all was counted": (
            lambda a: update(
                a, "count_lines", _line_of(a, "counting"), reason="found", note="Behind."
            ),
            "variance_is_explained_when_all_is_counted",
        ),
        "entered before it began": (
            lambda a: _enter(a, _line_of(a, "planned")),
            "units_are_entered_while_counting",
        ),
        "entered when all was counted": (
            lambda a: _enter(a, _line_of(a, "large_count")),
            "units_are_entered_while_counting",
        ),
        "begun anew": (
            "UPDATE counts SET status = 'planned', state_seq = 1 WHERE id = %(counting)s",
            "count_goes_along_an_arrow",
        ),
    }
)


@ATTACKS.refused("count_begins_planned", OWNER)
def _a_count_that_begins_under_way(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("count", key, "planned")
    seq = attacker.tell("count", key, "counting")
    values = {"id": key, "number": "C-X", "cause": "asked", "status": "counting", "state_seq": seq}
    values |= {"location_id": attacker.facts["shelf"], "planned_by_id": attacker.facts["sam"]}
    insert(attacker, "counts", values)


@ATTACKS.undone("count_guard", OWNER)
def _planned_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "counts", _plan(attacker, planned_at=LONG_AGO))
    return bool(kept["planned_at"] > LONG_AGO)


@ATTACKS.undone("count_entry_stamped", OWNER)
def _what_should_be_there_made_up(attacker: Sql) -> bool:
    line = _line_of(attacker, "counting")
    forged = {"number": 7, "expected": 3, "ledger_seq": 99, "counted_at": LONG_AGO}
    kept = row(attacker, "count_entries", _enter(attacker, line, 3, **forged))
    told = (kept["number"], kept["expected"], kept["ledger_seq"])
    return told == (1, 20, 1) and bool(kept["counted_at"] > LONG_AGO)


# Adjustments.


def _booked(delta: int = -1, move: Callable[[Sql, Any], None] | None = None, **given: Any) -> Any:
    """Propose a small one, book it, and move as told."""

    def act(attacker: Sql) -> None:
        key = _propose(attacker, delta, **given)
        _to(attacker, "adjustment", key, "booked")
        if move:
            move(attacker, key)

    return act


ATTACKS.each(
    {
        "proposed by a client": (
            lambda a: _propose(a, proposed_by_id=a.facts["alice"]),
            "adjustment_is_by_who_keeps_the_shelf",
        ),
        "confirmed by a client": (
            lambda a: _to(a, "adjustment", "waiting", "booked", decided_by_id=a.facts["alice"]),
            "adjustment_is_by_who_keeps_the_shelf",
        ),
        "confirmed by nobody": (
            lambda a: _to(a, "adjustment", "waiting", "booked"),
            "large_adjustment_is_confirmed",
        ),
        "confirmed by who proposed it": (
            lambda a: _to(a, "adjustment", "waiting", "booked", decided_by_id=a.facts["sam"]),
            "adjustment_is_decided_by_another",
        ),
        "one too many in small steps": (
            lambda a: [_booked(move=_gone)(a) for _ in range(LARGE)],
            "large_adjustment_is_confirmed",
        ),
        "said to be declined by another": (
            lambda a: update(a, "adjustments", a.facts["declined"], decided_by_id=a.facts["gone"]),
            "adjustment_is_decided_once",
        ),
        "what is good written off as expired": (
            lambda a: _propose(a, reason="expired"),
            "only_what_expired_is_written_off_as_expired",
        ),
        "booked without a movement": (_booked(), "booked_adjustment_moved_its_units"),
        "proposed again": (
            (
                "UPDATE adjustments SET status = 'proposed', state_seq = 1, decided_by_id = NULL"
                " WHERE id = %(declined)s"
            ),
            "adjustment_goes_along_an_arrow",
        ),
        "booked back to proposed": (
            "UPDATE adjustments SET status = 'proposed', state_seq = 1 WHERE id = %(booked)s",
            "adjustment_goes_along_an_arrow",
        ),
    }
)


def _gone(attacker: Sql, key: Any) -> None:
    _move(attacker, "count_adjust", -1, key, "open")


@ATTACKS.refused("adjustment_begins_proposed", OWNER)
def _an_adjustment_that_begins_booked(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("adjustment", key, "proposed")
    seq = attacker.tell("adjustment", key, "booked")
    values = {"id": key, "number": "ADJ-X", "delta": -1, "reason": "damaged", "note": "Fell."}
    values |= {"status": "booked", "state_seq": seq, "proposed_by_id": attacker.facts["sam"]}
    values |= {"lot_id": attacker.facts["open"], "location_id": attacker.facts["shelf"]}
    insert(attacker, "adjustments", values)


@ATTACKS.undone("adjustment_guard", OWNER)
def _said_to_be_small_and_old(attacker: Sql) -> bool:
    forged = {"large": False, "value_cents": 0, "proposed_at": LONG_AGO}
    kept = row(attacker, "adjustments", _propose(attacker, -LARGE, **forged))
    return bool(kept["large"] and kept["value_cents"] == LARGE and kept["proposed_at"] > LONG_AGO)


# The ledger.

ATTACKS.each(
    {
        "lost without a word": (
            lambda a: _move(a, "count_adjust", -1, uuid.uuid4()),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "broken before it was confirmed": (
            lambda a: _move(a, "damage", -LARGE, "waiting"),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "more lost than was adjusted": (
            _booked(move=lambda a, key: _move(a, "count_adjust", -2, key, "open")),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "found where it was lost": (
            _booked(move=lambda a, key: _move(a, "count_adjust", 1, key, "open")),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "lost from another lot": (
            _booked(move=lambda a, key: _move(a, "count_adjust", -1, key, "good")),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "lost, but booked as broken": (
            _booked(move=lambda a, key: _move(a, "damage", -1, key, "open")),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "counted, but not posted": (
            lambda a: _move(a, "count_adjust", -1, "agreed_line", "agreed"),
            "correction_is_of_a_count_or_an_adjustment",
        ),
        "came back from nowhere": (
            lambda a: _move(a, "return_in", 1, uuid.uuid4(), "lot_back", "returns"),
            "what_comes_back_is_a_return",
        ),
        "more came back than was booked": (
            lambda a: _move(a, "return_in", 2, _come_back(a), "lot_back", "returns"),
            "what_comes_back_is_a_return",
        ),
        "back on the shelf without a witness": (
            lambda a: _release(a, "seen"),
            "returned_units_go_as_was_witnessed",
        ),
        "destroyed without a witness": (
            lambda a: _move(a, "destroy", -1, "received", "lot_back", "returns"),
            "returned_units_go_as_was_witnessed",
        ),
        "destroyed, but sent back instead": (
            lambda a: _move(a, "return_to_vendor", -1, "wasted", "lot_back", "returns"),
            "returned_units_go_as_was_witnessed",
        ),
    }
)


@ATTACKS.refused("correction_is_of_a_count_or_an_adjustment")
def _more_posted_than_was_counted(attacker: Sql) -> None:
    _to(attacker, "count", "agreed_count", "posted")
    _move(attacker, "count_adjust", -2, "agreed_line", "agreed")


@ATTACKS.refused("nothing_is_corrected_twice")
def _lost_once_and_corrected_twice(attacker: Sql) -> None:
    lost = _propose(attacker, lot_id=attacker.facts["agreed"])
    _to(attacker, "adjustment", lost, "booked")
    _move(attacker, "count_adjust", -1, lost, "agreed")
    _to(attacker, "count", "agreed_count", "posted")
    _move(attacker, "count_adjust", -1, "agreed_line", "agreed")


# Returns.


def _witnessed(which: str, **given: Any) -> Callable[[Sql], None]:
    return lambda a: _to(
        a, "return", which, "disposed", **({"witness_id": a.facts["mona"]} | given)
    )


ATTACKS.each(
    {
        "booked by a client": (
            lambda a: _come_back(a, received_by_id=a.facts["alice"]),
            "return_is_by_who_keeps_the_shelf",
        ),
        "looked at by a client": (
            lambda a: _inspect(a, "received", inspected_by_id=a.facts["alice"]),
            "return_is_by_who_keeps_the_shelf",
        ),
        "witnessed by whoever left": (
            lambda a: _witnessed("seen", witness_id=a.facts["gone"])(a),
            "return_is_by_who_keeps_the_shelf",
        ),
        "witnessed by who looked at it": (
            lambda a: _witnessed("seen", witness_id=a.facts["sam"])(a),
            "witness_is_another",
        ),
        "witnessed by nobody": (
            _witnessed("seen", witness_id=None),
            "disposal_has_a_witness",
        ),
        "more comes back than left": (
            lambda a: _come_back(a, units=3),
            "no_more_comes_back_than_left",
        ),
        "of another order's parcel": (
            lambda a: _come_back(a, lot_id=a.facts["rx_lot"]),
            "return_is_of_a_parcel",
        ),
        "came back without a movement": (_come_back, "return_moved_its_units"),
        "witnessed without a movement": (_witnessed("seen"), "return_moved_its_units"),
        "something else witnessed than was inspected": (
            _witnessed("seen", disposition="destroy"),
            "witness_sees_what_was_inspected",
        ),
        "rewritten when it was gone": (
            lambda a: update(a, "returns", a.facts["wasted"], note="It was whole."),
            "witness_sees_what_was_inspected",
        ),
        "another named as the witness afterwards": (
            lambda a: update(a, "returns", a.facts["wasted"], witness_id=a.facts["gone"]),
            "witness_is_not_rewritten",
        ),
        "a prescription's pack back on the shelf": (
            lambda a: _inspect(a, "rx"),
            "prescription_goods_are_not_restocked",
        ),
        "opened and back on the shelf": (
            lambda a: _inspect(a, "received", condition="opened"),
            "opened_goods_are_not_restocked",
        ),
        "warm and back on the shelf": (
            lambda a: _inspect(a, "received", storage="cold"),
            "opened_goods_are_not_restocked",
        ),
        "back to the start": (
            (
                "UPDATE returns SET status = 'received', state_seq = 1, inspected_by_id = NULL,"
                " condition = NULL, storage = NULL, disposition = NULL WHERE id = %(seen)s"
            ),
            "return_goes_along_an_arrow",
        ),
    }
)


@ATTACKS.refused("only_a_sellable_lot_is_restocked")
def _of_a_recalled_lot_back_on_the_shelf(attacker: Sql) -> None:
    attacker.move("lot", attacker.facts["lot_back"], "recalled")
    _inspect(attacker, "received")


@ATTACKS.refused("return_begins_received", OWNER)
def _a_return_that_begins_inspected(attacker: Sql) -> None:
    key = uuid.uuid4()
    attacker.tell("return", key, "received")
    seq = attacker.tell("return", key, "inspected")
    kept = row(attacker, "returns", attacker.facts["seen"])
    names = ("shipment_line_id", "order_line_id", "lot_id", "units", "reason", "received_by_id")
    more = ("inspected_by_id", "condition", "storage", "disposition")
    values = {name: kept[name] for name in (*names, *more)}
    insert(
        attacker,
        "returns",
        values | {"id": key, "number": "R-X", "status": "inspected", "state_seq": seq},
    )


@ATTACKS.undone("return_guard", OWNER)
def _came_back_long_ago(attacker: Sql) -> bool:
    kept = row(attacker, "returns", _come_back(attacker, received_at=LONG_AGO))
    _move(attacker, "return_in", 1, kept["id"], "lot_back", "returns")
    return bool(kept["received_at"] > LONG_AGO)
