"""Attacks on what is bought and released: nothing arrives that was not sent for, lines that were
sent stay as they were, and prescription units leave quarantine by two.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import certifying, releasing
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.purchasing.arriving import Damaged
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.people import alice, mona, sam
from tests.purchasing.builders import a_draft, a_purchase, arrive, good

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAPER = b"%PDF-1.7 what the maker found"


def scene() -> dict[str, Any]:
    """An order of each kind, one partly arrived; lots that were checked, released, neither."""
    soap, balm = a_variant(), a_variant()
    draft, empty, sent = a_draft({soap: 5}), a_draft({}), a_purchase({soap: 5})
    part = a_purchase({soap: 5, balm: 5})
    receipt = arrive(part, good(soap, 2), damaged=[Damaged(soap.sku, 1, "Wet")])
    unchecked, seen, again = (a_lot(a_cream(), 5, status=LotStatus.QUARANTINE) for _ in "abc")
    one, other = sam(), mona()
    of_seen = releasing.check(seen, by=one, at=now())
    releasing.check(again, by=one, at=now())
    releasing.release(again, by=other, at=now())
    releasing.quarantine(again, reason="Leaks", by=other, at=now())
    certifying.certify(seen, PAPER, name="Analysis", by=one, at=now())
    booked = next(each for each in receipt.arrivals if each.receipt_line_id)
    facts = {
        "sam": one.id,
        "mona": other.id,
        "alice": alice().id,
        "soap": soap.id,
        "balm": balm.id,
        "supplier": draft.supplier_id,
        "draft": draft.id,
        "draft_line": draft.lines[0].id,
        "empty": empty.id,
        "sent": sent.id,
        "sent_line": sent.lines[0].id,
        "part": part.id,
        "part_line": part.lines[0].id,
        "balm_line": part.lines[1].id,
        "receipt": receipt.id,
        "booked": booked.receipt_line_id,
        "lot": booked.lot_id,
        "balm_lot": a_lot(balm).id,
        "unchecked": unchecked.id,
        "seen": seen.id,
        "check": of_seen.id,
        "again": again.id,
        "free": a_lot(a_variant(), 5, status=LotStatus.QUARANTINE).id,
        "on_sale": a_lot(a_cream(), 5).id,
        "held": _held().id,
    }
    db.session.commit()
    return facts


def _held() -> Lot:
    lot = a_lot(a_cream(), 5)
    releasing.hold(lot, reason="Looks odd", by=sam(), at=now())
    return lot


ATTACKS = Attacks(scene)


def _receive_into(attacker: Sql, lot: str) -> None:
    shelf = attacker.run("SELECT id FROM locations WHERE code = 'SHELF'")["id"]
    values = {"id": uuid.uuid4(), "lot_id": attacker.facts[lot], "kind": "receive", "units": 1}
    insert(attacker, "movements", values | {"to_id": shelf, "reference_id": uuid.uuid4()})


def _ordered(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"PO-{key.hex[:8]}",
        "supplier_id": attacker.facts["supplier"],
        "status": "draft",
        "drafted_by_id": attacker.facts["sam"],
    } | given
    seq = attacker.tell("purchase_order", key, values["status"])
    insert(attacker, "purchase_orders", values | {"state_seq": seq})
    return key


def _line(attacker: Sql, order: Any, **given: Any) -> None:
    values = {
        "id": uuid.uuid4(),
        "purchase_order_id": attacker.facts.get(order, order),
        "variant_id": attacker.facts["balm"],
        "position": 9,
        "units": 3,
        "unit_cost_cents": 100,
    }
    insert(attacker, "purchase_lines", values | given)


def _to(attacker: Sql, which: Any, to: str) -> None:
    attacker.move("purchase_order", attacker.facts.get(which, which), to)


def _receipt(attacker: Sql, order: str, **given: Any) -> Any:
    values = {
        "id": uuid.uuid4(),
        "purchase_order_id": attacker.facts[order],
        "received_by_id": attacker.facts["sam"],
    } | given
    insert(attacker, "receipts", values)
    return values["id"]


def _arrival(attacker: Sql, **given: Any) -> None:
    """Damaged units of the order that is partly here, unless said otherwise."""
    facts = attacker.facts
    values = {
        "id": uuid.uuid4(),
        "receipt_id": facts["receipt"],
        "purchase_order_id": facts["part"],
        "purchase_line_id": facts["part_line"],
        "variant_id": facts["soap"],
        "units": 1,
        "damage": "Wet",
    }
    insert(attacker, "arrivals", values | given)


def _check(attacker: Sql, lot: str, by: str = "sam", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {"id": key, "lot_id": attacker.facts[lot], "checked_by_id": attacker.facts[by]}
    insert(attacker, "lot_checks", values | given)
    return key


def _release(attacker: Sql, lot: str) -> None:
    attacker.move("lot", attacker.facts[lot], "available")


# The honest ways


@ATTACKS.passes()
def _an_order_written_sent_and_received(attacker: Sql) -> None:
    order = _ordered(attacker)
    _line(attacker, order)
    _to(attacker, order, "sent")
    attacker.facts["new"] = order
    _receipt(attacker, "new")
    _to(attacker, order, "partly_received")
    _to(attacker, order, "closed")


@ATTACKS.passes()
def _a_draft_loses_a_line(attacker: Sql) -> None:
    attacker.run("DELETE FROM purchase_lines WHERE id = %(draft_line)s")


@ATTACKS.passes()
def _more_of_it_is_damaged(attacker: Sql) -> None:
    _arrival(attacker)


@ATTACKS.passes()
def _checked_by_one_and_released_by_another(attacker: Sql) -> None:
    update(attacker, "lot_checks", attacker.facts["check"], released_by_id=attacker.facts["mona"])
    _release(attacker, "seen")


@ATTACKS.passes()
def _what_is_sold_freely_is_released_by_one(attacker: Sql) -> None:
    _release(attacker, "free")


ATTACKS.each(
    {
        "more of a prescription lot on hold": (
            lambda a: _receive_into(a, "held"),
            "prescription_lot_on_hold_takes_no_more",
        ),
        "send an empty order": (
            lambda a: _to(a, "empty", "sent"),
            "purchase_that_is_sent_has_lines",
        ),
        "receive without a receipt": (
            lambda a: _to(a, "sent", "partly_received"),
            "received_purchase_has_its_receipt",
        ),
        "close what is awaited": (
            lambda a: _to(a, "sent", "closed"),
            "event_is_a_legal_transition",
        ),
        "begin as sent": (
            lambda a: _ordered(a, status="sent"),
            "event_is_a_legal_transition",
        ),
        "be a draft again": (
            "UPDATE purchase_orders SET status = 'draft', state_seq = 1 WHERE id = %(sent)s",
            "purchase_order_goes_along_an_arrow",
        ),
        "add a line to what was sent": (
            lambda a: _line(a, "sent"),
            "purchase_lines_are_fixed_once_sent",
        ),
        "take a line out of what was sent": (
            "DELETE FROM purchase_lines WHERE id = %(sent_line)s",
            "purchase_lines_are_fixed_once_sent",
        ),
        "receive a draft": (lambda a: _receipt(a, "draft"), "what_arrives_is_awaited"),
        "arrive at another's order": (
            lambda a: _arrival(a, purchase_order_id=a.facts["sent"]),
            "arrival_is_of_its_receipts_order",
        ),
        "arrive for another's line": (
            lambda a: _arrival(a, purchase_line_id=a.facts["sent_line"]),
            "arrival_is_of_a_line_of_its_order",
        ),
        "arrive as another pack": (
            lambda a: _arrival(a, variant_id=a.facts["balm"]),
            "arrival_is_of_a_line_of_its_order",
        ),
        "arrive once more": (
            lambda a: _arrival(
                a, units=2, receipt_line_id=a.facts["booked"], lot_id=a.facts["lot"], damage=None
            ),
            "booked_units_arrive_once",
        ),
        "release what nobody checked": (
            lambda a: _release(a, "unchecked"),
            "lot_is_released_by_two",
        ),
        "release what one person checked": (
            lambda a: _release(a, "seen"),
            "lot_is_released_by_two",
        ),
        "check and release alone": (
            lambda a: update(a, "lot_checks", a.facts["check"], released_by_id=a.facts["sam"]),
            "lot_is_released_by_another",
        ),
        "release by a client": (
            lambda a: update(a, "lot_checks", a.facts["check"], released_by_id=a.facts["alice"]),
            "lot_is_checked_by_who_keeps_the_shelf",
        ),
        "a check by a client": (
            lambda a: _check(a, "unchecked", "alice"),
            "lot_is_checked_by_who_keeps_the_shelf",
        ),
        "check what is on sale": (
            lambda a: _check(a, "on_sale"),
            "lot_is_checked_in_quarantine",
        ),
        "release by the check of an earlier stay": (
            lambda a: _release(a, "again"),
            "lot_is_released_by_two",
        ),
        "check the same twice": (
            lambda a: [_check(a, "unchecked") for _ in "ab"],
            "lot_is_checked_once_by_each",
        ),
    }
)


@ATTACKS.refused("lot_is_released_by_two")
def _release_what_came_in_since(attacker: Sql) -> None:
    update(attacker, "lot_checks", attacker.facts["check"], released_by_id=attacker.facts["mona"])
    attacker.run(
        "INSERT INTO movements (id, lot_id, kind, units, to_id, reference_id)"
        " SELECT gen_random_uuid(), %(seen)s, 'receive', 3, id, gen_random_uuid()"
        " FROM locations WHERE kind = 'quarantine'"
    )
    _release(attacker, "seen")


@ATTACKS.refused("check_only_releases_once")
def _release_by_a_check_twice(attacker: Sql) -> None:
    for who in ("mona", "mona"):
        update(attacker, "lot_checks", attacker.facts["check"], released_by_id=attacker.facts[who])


@ATTACKS.refused("check_only_releases_once")
def _take_a_release_back(attacker: Sql) -> None:
    update(attacker, "lot_checks", attacker.facts["check"], released_by_id=None)


@ATTACKS.refused("arrival_is_what_was_booked", OWNER)
def _arrive_with_more_than_was_booked(attacker: Sql) -> None:
    attacker.run("ALTER TABLE arrivals DISABLE TRIGGER arrivals_are_kept")
    attacker.run("UPDATE arrivals SET units = 4 WHERE receipt_line_id = %(booked)s")


@ATTACKS.refused("arrived_lot_is_of_the_variant_ordered", OWNER)
def _arrive_in_a_lot_of_something_else(attacker: Sql) -> None:
    attacker.run("ALTER TABLE arrivals DISABLE TRIGGER arrivals_are_kept")
    attacker.run(
        "UPDATE arrivals SET variant_id = %(balm)s, purchase_line_id = %(balm_line)s"
        " WHERE receipt_line_id = %(booked)s"
    )


@ATTACKS.refused("lot_keeps_a_certificate_once")
def _the_same_paper_twice(attacker: Sql) -> None:
    _paper(attacker, "seen")


def _paper(attacker: Sql, lot: str, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "lot_id": attacker.facts[lot],
        "name": "Analysis",
        "media_type": "application/pdf",
        "sha256": hashlib.sha256(PAPER).digest(),
        "content": PAPER,
        "added_by_id": attacker.facts["sam"],
    }
    insert(attacker, "lot_certificates", values | given)
    return key


ATTACKS.each(
    {
        "check a lot in a job": (
            "INSERT INTO lot_checks (id) VALUES (gen_random_uuid())",
            "permission denied for table lot_checks",
        )
    },
    WORKER,
)


@ATTACKS.undone("supplier_stamped", OWNER)
def _known_for_ever(attacker: Sql) -> bool:
    key = uuid.uuid4()
    insert(
        attacker,
        "suppliers",
        {"id": key, "number": "SU-X", "name": "Old", "lead_days": 1, "added_at": LONG_AGO},
    )
    return bool(row(attacker, "suppliers", key)["added_at"] > LONG_AGO)


@ATTACKS.undone("certificate_stamped", OWNER)
def _certified_long_ago(attacker: Sql) -> bool:
    key = _paper(attacker, "unchecked", added_at=LONG_AGO)
    return bool(row(attacker, "lot_certificates", key)["added_at"] > LONG_AGO)


@ATTACKS.undone("purchase_order_guard", OWNER)
def _ordered_long_ago(attacker: Sql) -> bool:
    key = _ordered(attacker, drafted_at=LONG_AGO)
    return bool(row(attacker, "purchase_orders", key)["drafted_at"] > LONG_AGO)


@ATTACKS.undone("receipt_guard", OWNER)
def _received_long_ago(attacker: Sql) -> bool:
    key = _receipt(attacker, "sent", received_at=LONG_AGO)
    return bool(row(attacker, "receipts", key)["received_at"] > LONG_AGO)


@ATTACKS.refused("what_arrives_is_awaited", OWNER)
def _arrive_for_what_is_closed(attacker: Sql) -> None:
    _to(attacker, "part", "closed")
    _arrival(attacker)


@ATTACKS.undone("lot_check_guard", OWNER)
def _checked_and_released_at_once(attacker: Sql) -> bool:
    """A check says of which lot it is, when, and nothing of a release."""
    facts = attacker.facts
    key = _check(
        attacker,
        "unchecked",
        state_seq=99,
        ledger_seq=99,
        checked_at=LONG_AGO,
        released_by_id=facts["mona"],
        released_at=LONG_AGO,
    )
    kept, lot = row(attacker, "lot_checks", key), row(attacker, "lots", facts["unchecked"])
    return bool(
        (kept["state_seq"], kept["ledger_seq"]) == (lot["state_seq"], lot["ledger_seq"])
        and kept["checked_at"] > LONG_AGO
        and (kept["released_by_id"], kept["released_at"]) == (None, None)
    )


@ATTACKS.undone("lot_check_guard", OWNER)
def _released_long_ago(attacker: Sql) -> bool:
    check, by = attacker.facts["check"], attacker.facts["mona"]
    update(attacker, "lot_checks", check, released_by_id=by, released_at=LONG_AGO)
    return bool(row(attacker, "lot_checks", check)["released_at"] > LONG_AGO)
