"""Attacks on what clients ask to send back: decided by staff, no more than left, paid as it came."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from shop.core.db import db
from shop.payments.proposing import Wanted
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.orders.things import paid
from tests.payments.money_back import on_the_shelf, propose, sent, units
from tests.people import alice, sam
from tests.returns.asked import arrived, asked, authorised, looked_at, refused, repaid

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """Requests in every state, of orders that left; one that is here; refunds that fit and do not."""
    staff = sam()
    order = sent({on_the_shelf(1_000): 9})
    client = order.client
    waits, yes = asked(order), authorised(order, 2)
    no = refused(order)
    came = authorised(order, 2)
    received = arrived(came)
    seen = authorised(order, 2)
    looked_at(arrived(seen))
    paid_back = authorised(order)
    looked_at(arrived(paid_back))
    repaid(paid_back)
    fits, wrong = propose(order, units(order, 1)), propose(order, Wanted(other_cents=3))
    other, here = sent(), paid(alice(), {on_the_shelf(): 1})
    facts = {
        "sam": staff.id,
        "client": client.id,
        "alice": alice().id,
        "order": order.id,
        "line": order.lines[0].id,
        "other_order": other.id,
        "other_line": other.lines[0].id,
        "here_order": here.id,
        "here_client": here.client_id,
        "here_line": here.lines[0].id,
        "waits": waits.id,
        "yes": yes.id,
        "no": no.id,
        "came": came.id,
        "seen": seen.id,
        "paid_back": paid_back.id,
        "return": received.id,
        "parcel": received.shipment_line_id,
        "lot": received.lot_id,
        "fits": fits.id,
        "wrong": wrong.id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _ask(attacker: Sql, units: int = 1, line: str = "line", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"RR-{key.hex[:8]}",
        "order_id": attacker.facts["order"],
        "client_id": attacker.facts["client"],
        "reason": "other",
        "status": "requested",
    } | given
    attacker.tell("return_request", key, "requested")
    insert(attacker, "return_requests", values)
    _line(attacker, key, units, line)
    return key


def _line(attacker: Sql, request: Any, units: int = 1, line: str = "line") -> None:
    values = {"request_id": attacker.facts.get(request, request), "units": units}
    insert(attacker, "return_request_lines", values | {"order_line_id": attacker.facts[line]})


def _to(attacker: Sql, which: Any, status: str, **also: Any) -> None:
    key = attacker.facts.get(which, which)
    seq = attacker.tell("return_request", key, status)
    update(attacker, "return_requests", key, status=status, state_seq=seq, **also)


def _comes(attacker: Sql, request: str, units: int = 1) -> None:
    key = uuid.uuid4()
    values = {
        "id": key,
        "number": f"R-{key.hex[:8]}",
        "shipment_line_id": attacker.facts["parcel"],
        "order_line_id": attacker.facts["line"],
        "lot_id": attacker.facts["lot"],
        "units": units,
        "reason": "other",
        "status": "received",
        "received_by_id": attacker.facts["sam"],
        "request_id": attacker.facts[request],
    }
    attacker.tell("return", key, "received")
    insert(attacker, "returns", values)


def _authorise(attacker: Sql, **given: Any) -> None:
    also = {"decided_by_id": attacker.facts["sam"], "send_by": date(2099, 1, 1)} | given
    _to(attacker, "waits", "authorised", **also)


@ATTACKS.passes(APP, WORKER)
def _asked_and_authorised(attacker: Sql) -> None:
    _ask(attacker)
    _authorise(attacker)


@ATTACKS.passes(APP, WORKER)
def _asked_and_taken_back(attacker: Sql) -> None:
    _to(attacker, "waits", "withdrawn")


@ATTACKS.passes(APP, WORKER)
def _what_came_is_refunded(attacker: Sql) -> None:
    update(attacker, "return_requests", attacker.facts["seen"], refund_id=attacker.facts["fits"])


ATTACKS.each(
    {
        "asked for another's order": (
            lambda a: _ask(a, client_id=a.facts["alice"]),
            "return_is_asked_by_the_orders_client",
        ),
        "born authorised": (
            lambda a: _ask(a, status="authorised"),
            "return_request_begins_requested",
        ),
        "more than left": (lambda a: _ask(a, 2), "no_more_is_asked_back_than_left"),
        "a line of another order": (
            lambda a: _ask(a, line="other_line"),
            "asked_line_is_of_its_order",
        ),
        "a line that is here": (
            lambda a: _ask(
                a,
                line="here_line",
                order_id=a.facts["here_order"],
                client_id=a.facts["here_client"],
            ),
            "only_what_left_comes_back",
        ),
        "units named later": (
            lambda a: insert(
                a,
                "return_request_lines",
                {"request_id": a.facts["no"], "order_line_id": a.facts["other_line"], "units": 1},
            ),
            "units_are_named_when_asked",
        ),
        "decided by a client": (
            lambda a: _authorise(a, decided_by_id=a.facts["alice"]),
            "return_request_is_decided_by_staff",
        ),
        "more time than was given": (
            "UPDATE return_requests SET send_by = send_by + 1 WHERE id = %(yes)s",
            "return_request_is_decided_once",
        ),
        "expired too early": (
            lambda a: _to(a, "yes", "expired"),
            "return_expires_after_its_last_day",
        ),
        "received, and nothing came": (
            lambda a: _to(a, "yes", "received"),
            "return_is_received_when_something_came",
        ),
        "inspected, and nobody looked": (
            lambda a: _to(a, "came", "inspected"),
            "return_is_inspected_when_all_is",
        ),
        "disposed, and it is here": (
            lambda a: _to(a, "seen", "disposed"),
            "return_is_disposed_when_all_is",
        ),
        "authorised after it was refused": (
            lambda a: _to(a, "no", "authorised"),
            "event_is_a_legal_transition",
        ),
        "back to its first state": (
            (
                "UPDATE return_requests SET status = 'requested', state_seq = 1, decided_by_id ="
                " decided_by_id WHERE id = %(yes)s"
            ),
            "return_request_goes_along_an_arrow",
        ),
        "refunded before anybody looked": (
            "UPDATE return_requests SET refund_id = %(fits)s WHERE id = %(came)s",
            "return_is_refunded_after_inspection",
        ),
        "refunded by another amount": (
            "UPDATE return_requests SET refund_id = %(wrong)s WHERE id = %(seen)s",
            "what_came_back_is_refunded",
        ),
        "refunded twice": (
            "UPDATE return_requests SET refund_id = %(fits)s WHERE id = %(paid_back)s",
            "return_is_refunded_once",
        ),
        "two requests for one refund": (
            (
                "UPDATE return_requests SET refund_id = (SELECT refund_id FROM return_requests"
                " WHERE id = %(paid_back)s) WHERE id = %(seen)s"
            ),
            "return_requests_refund_key",
        ),
    },
    APP,
    WORKER,
)
ATTACKS.each(
    {
        "comes, and was refused": (
            lambda a: _comes(a, "no"),
            "return_comes_when_it_was_authorised",
        ),
        "more comes than was authorised": (
            lambda a: _comes(a, "came", 2),
            "no_more_comes_back_than_was_authorised",
        ),
    }
)
ATTACKS.each(
    {
        f"another {column} of a request": (
            f"UPDATE return_requests SET {column} = {value} WHERE id = %(waits)s",
            "return_request_keeps_what_was_asked",
        )
        for column, value in {
            "id": "%(new)s",
            "number": "'RR-MINE'",
            "order_id": "%(other_order)s",
            "client_id": "%(alice)s",
            "reason": "'damaged'",
            "words_sealed": "NULL",
            "asked_at": "asked_at - interval '1 day'",
        }.items()
    }
    | {
        "a return for another request": (
            "UPDATE returns SET request_id = %(yes)s WHERE id = %(return)s",
            "return_stays_with_its_request",
        ),
        "change return_request_lines": (
            "UPDATE return_request_lines SET units = 9",
            "return_request_lines_are_kept",
        ),
    }
    | {
        f"{verb} {table}": (statement.format(table), f"{table}_are_kept")
        for table in ("return_requests", "return_request_lines")
        for verb, statement in {"remove": "DELETE FROM {}", "empty": "TRUNCATE {} CASCADE"}.items()
    },
    OWNER,
)


@ATTACKS.undone("return_request_guard", OWNER)
def _asked_long_ago(attacker: Sql) -> bool:
    key = _ask(attacker, asked_at=LONG_AGO)
    return bool(row(attacker, "return_requests", key)["asked_at"] > LONG_AGO)
