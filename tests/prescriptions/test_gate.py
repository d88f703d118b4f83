"""The gate, as a table: what a client may have, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from shop.catalog.models import LegalClass
from shop.core.rules import Severity
from shop.prescriptions.gate import (
    Answer,
    Asked,
    Authority,
    Client,
    Decision,
    Facts,
    Leaflet,
    Pack,
    Taken,
    Window,
    Wish,
    decide,
)
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = AT.date()
MIDNIGHT = datetime(2026, 3, 2, tzinfo=ZoneInfo("America/Los_Angeles"))  # of the clinic's day
SOFT, HARD = Severity.SOFT_STOP, Severity.HARD_STOP
ALICE = Client(id=uuid4(), active=True, age=35)
CREAM = Pack(uuid4(), uuid4(), "20 g tube", LegalClass.RX, doctor_only=True, offered=True)
BIG_CREAM = replace(CREAM, variant_id=uuid4(), name="45 g tube")
SOAP = Pack(uuid4(), uuid4(), "bar", LegalClass.COSMETIC, doctor_only=False, offered=True)
READ, UNREAD = Leaflet("retinoid-2026-1", read=True), Leaflet("retinoid-2026-1", read=False)
WISH = Wish(CREAM.variant_id, "TRET-20", 1)


def a_prescription(**given: Any) -> Authority:
    """For one tube of the cream, three fills of 30 days, in CA and NV; nothing taken yet."""
    fields: dict[str, Any] = {
        "id": uuid4(),
        "number": "RX-1",
        "client_id": ALICE.id,
        "variant_id": CREAM.variant_id,
        "product_id": CREAM.product_id,
        "pack_name": CREAM.name,
        "quantity": 1,
        "fills_allowed": 3,
        "interval_days": 23,
        "valid_from": AT - timedelta(days=60),
        "valid_until": AT + timedelta(days=60),
        "status": PrescriptionStatus.ACTIVE,
        "client_state": "CA",
        "states": frozenset({"CA", "NV"}),
        "prescriber_name": "Dr Wei Chen",
        "licensed_in": frozenset({"CA", "NV"}),
    }
    return Authority(**(fields | given))


def a_fill(**given: Any) -> Taken:
    fields: dict[str, Any] = {
        "id": uuid4(),
        "state": "CA",
        "quantity": 1,
        "status": FillStatus.CONSUMED,
        "on": DAY - timedelta(days=40),
    }
    return Taken(**(fields | given))


def a_window(
    begins: int, until: int, severity: Severity = SOFT, *, stops: bool = True, **given: Any
) -> Window:
    """Of retinoids, from so many days after today's midnight to so many."""
    fields: dict[str, Any] = {
        "subject": "retinoid",
        "forbids": True,
        "stops": stops,
        "severity": severity,
        "begins": MIDNIGHT + timedelta(days=begins),
        "until": MIDNIGHT + timedelta(days=until),
        "text": f"Peel: stop by {begins}, from {until} again.",
        "titled": f"Retinoids. Peel: stop by {begins}, from {until} again.",
        "rules": (("WR-PEEL-RETINOID", 1),),
    }
    return Window(**(fields | given))


def asks(pack: Pack, *windows: Window) -> dict[str, Any]:
    return {"windows": {pack.variant_id: windows}}


def the_facts(**given: Any) -> Facts:
    fields: dict[str, Any] = {
        "client": ALICE,
        "wishes": (WISH,),
        "packs": {pack.variant_id: pack for pack in (CREAM, BIG_CREAM, SOAP)},
        "prescriptions": (a_prescription(),),
        "requests": {},
        "leaflets": {CREAM.product_id: READ, BIG_CREAM.product_id: READ},
        "ship_to_state": "CA",
        "out_of_stock": frozenset(),
        "at": AT,
        "day": DAY,
    }
    return Facts(**(fields | given))


def the_answer(**given: Any) -> Decision:
    (decision,) = decide(the_facts(**given))
    return decision


def of(**given: Any) -> dict[str, Any]:
    """Facts with one prescription that differs so."""
    return {"prescriptions": (a_prescription(**given),)}


SOAPS = {"wishes": (Wish(SOAP.variant_id, "SOAP", 1),), "prescriptions": ()}
HELD = a_fill(status=FillStatus.RESERVED, on=DAY)
HOLDING_LINE = {"wishes": (replace(WISH, fill_id=HELD.id, placed=True),)}
SECOND = timedelta(seconds=1)

# What differs from a case that is open, the answer, and the first reason's code.
CASES: dict[str, tuple[dict[str, Any], Answer, str | None]] = {
    "covered": ({}, Answer.OPEN, None),
    "covered in the other state": ({"ship_to_state": "NV"}, Answer.OPEN, None),
    "nothing doctor-only": (
        {"wishes": (Wish(SOAP.variant_id, "SOAP", 9),), "prescriptions": ()},
        Answer.OPEN,
        None,
    ),
    "a leaflet that was not read": (
        {"leaflets": {CREAM.product_id: UNREAD}},
        Answer.NEEDS_CLIENT_ACTION,
        "leaflet_not_read",
    ),
    "a leaflet not read, and a fill before": (
        {"leaflets": {CREAM.product_id: UNREAD}} | of(fills=(a_fill(),)),
        Answer.OPEN,
        None,
    ),
    "a leaflet not read, and a fill given back": (
        {"leaflets": {CREAM.product_id: UNREAD}} | of(fills=(a_fill(status=FillStatus.RELEASED),)),
        Answer.NEEDS_CLIENT_ACTION,
        "leaflet_not_read",
    ),
    "a leaflet not read, of what was placed": (
        {"leaflets": {CREAM.product_id: UNREAD}} | HOLDING_LINE | of(fills=(HELD,)),
        Answer.OPEN,
        None,
    ),
    "taken to another pharmacy": (of(taken_away_on=DAY), Answer.NEEDS_REQUEST, "taken_away"),
    "taken to another pharmacy after it was placed": (
        HOLDING_LINE | of(fills=(HELD,), taken_away_on=DAY),
        Answer.OPEN,
        None,
    ),
    "an account that was closed": (
        {"client": replace(ALICE, active=False)},
        Answer.BLOCKED,
        "client_not_active",
    ),
    "a product nobody knows": (
        {"wishes": (Wish(uuid4(), "?", 1),)},
        Answer.BLOCKED,
        "unknown_product",
    ),
    "seventeen": ({"client": replace(ALICE, age=17)}, Answer.BLOCKED, "minor"),
    "eighteen": ({"client": replace(ALICE, age=18)}, Answer.OPEN, None),
    "of unknown age": ({"client": replace(ALICE, age=None)}, Answer.BLOCKED, "minor"),
    "seventeen, and soap": (
        {"client": replace(ALICE, age=17), "wishes": (Wish(SOAP.variant_id, "SOAP", 1),)},
        Answer.OPEN,
        None,
    ),
    "no longer offered": (
        {"packs": {CREAM.variant_id: replace(CREAM, offered=False)}},
        Answer.BLOCKED,
        "not_for_sale",
    ),
    "for use in the clinic": (
        {"packs": {CREAM.variant_id: replace(CREAM, legal_class=LegalClass.CLINIC_USE)}},
        Answer.BLOCKED,
        "never_sold",
    ),
    "prescription class, mark forgotten": (
        {"packs": {CREAM.variant_id: replace(CREAM, doctor_only=False)}, "prescriptions": ()},
        Answer.NEEDS_REQUEST,
        "no_prescription",
    ),
    "doctor-only by the shop's choice": (
        {
            "packs": {SOAP.variant_id: replace(SOAP, doctor_only=True)},
            "wishes": (Wish(SOAP.variant_id, "SOAP", 1),),
        },
        Answer.NEEDS_REQUEST,
        "no_prescription",
    ),
    "no prescription": ({"prescriptions": ()}, Answer.NEEDS_REQUEST, "no_prescription"),
    "no prescription, asked already": (
        {
            "prescriptions": (),
            "requests": {CREAM.variant_id: Asked("Q-1", RequestStatus.QUEUED, date(2026, 3, 1))},
        },
        Answer.NEEDS_REQUEST,
        "request_pending",
    ),
    "somebody else's": (of(client_id=uuid4()), Answer.NEEDS_REQUEST, "no_prescription"),
    "for another pack of the product": (
        of(variant_id=BIG_CREAM.variant_id, pack_name=BIG_CREAM.name),
        Answer.NEEDS_REQUEST,
        "other_pack",
    ),
    "for another pack, and over": (
        of(variant_id=BIG_CREAM.variant_id, valid_until=AT),
        Answer.NEEDS_REQUEST,
        "no_prescription",
    ),
    "for another product": (
        of(variant_id=SOAP.variant_id, product_id=SOAP.product_id),
        Answer.NEEDS_REQUEST,
        "no_prescription",
    ),
    "replaced": (of(status=PrescriptionStatus.SUPERSEDED), Answer.NEEDS_REQUEST, "superseded"),
    "revoked": (of(status=PrescriptionStatus.REVOKED), Answer.NEEDS_REQUEST, "revoked"),
    "ran out this moment": (of(valid_until=AT), Answer.NEEDS_REQUEST, "expired"),
    "runs out in a second": (of(valid_until=AT + SECOND), Answer.OPEN, None),
    "begins in a second": (of(valid_from=AT + SECOND), Answer.HOLD_UNTIL, "not_yet_valid"),
    "begins this moment": (of(valid_from=AT), Answer.OPEN, None),
    "on hold": (of(status=PrescriptionStatus.ON_HOLD), Answer.BLOCKED, "on_hold"),
    "licence lapsed where it goes": (
        of(licensed_in=frozenset({"NV"})),
        Answer.NEEDS_REQUEST,
        "licence_lapsed",
    ),
    "licence lapsed where she lives": (
        of(licensed_in=frozenset({"NV"})) | {"ship_to_state": "NV"},
        Answer.NEEDS_REQUEST,
        "licence_lapsed",
    ),
    "licence lapsed elsewhere": (of(licensed_in=frozenset({"CA"})), Answer.OPEN, None),
    "all fills used": (
        of(fills_allowed=1, fills=(a_fill(),)),
        Answer.NEEDS_REQUEST,
        "fills_used_up",
    ),
    "a fill given back counts for nothing": (
        of(fills_allowed=1, fills=(a_fill(status=FillStatus.RELEASED, on=DAY),)),
        Answer.OPEN,
        None,
    ),
    "two at once": (
        {"wishes": (replace(WISH, quantity=2),)},
        Answer.NEEDS_CLIENT_ACTION,
        "other_quantity",
    ),
    "named twice": ({"wishes": (WISH, WISH)}, Answer.NEEDS_CLIENT_ACTION, "named_twice"),
    "a day too soon": (
        of(fills=(a_fill(on=DAY - timedelta(days=22)),)),
        Answer.HOLD_UNTIL,
        "refill_too_soon",
    ),
    "just soon enough": (of(fills=(a_fill(on=DAY - timedelta(days=23)),)), Answer.OPEN, None),
    "too soon after another prescription's fill": (
        {"prescriptions": (a_prescription(), a_prescription(fills=(a_fill(on=DAY),)))},
        Answer.HOLD_UNTIL,
        "refill_too_soon",
    ),
    "to a state it does not cover": (
        {"ship_to_state": "TX"},
        Answer.NEEDS_CLIENT_ACTION,
        "other_state",
    ),
    "nothing on the shelf": (
        {"out_of_stock": frozenset({CREAM.variant_id})},
        Answer.BLOCKED,
        "out_of_stock",
    ),
    "the best of several decides": (
        {"prescriptions": (a_prescription(valid_until=AT), a_prescription())},
        Answer.OPEN,
        None,
    ),
    "the nearest of several explains": (
        {
            "prescriptions": (
                a_prescription(status=PrescriptionStatus.REVOKED),
                a_prescription(quantity=3),
                a_prescription(valid_until=AT),
            )
        },
        Answer.NEEDS_CLIENT_ACTION,
        "other_quantity",
    ),
    # What a report out of course holds.
    "a report waits": ({"report_waits": True}, Answer.BLOCKED, "report_waits"),
    "a report waits, sold freely": ({"report_waits": True} | SOAPS, Answer.OPEN, None),
    "a report waits since it was placed": (
        {"report_waits": True} | of(fills=(HELD,)) | HOLDING_LINE,
        Answer.OPEN,
        None,
    ),
    # What a treatment stops.
    "stopped today": (asks(CREAM, a_window(-1, 11)), Answer.HOLD_UNTIL, "treatment_window"),
    "stopped from today": (asks(CREAM, a_window(0, 12)), Answer.HOLD_UNTIL, "treatment_window"),
    "stopped from tomorrow": (asks(CREAM, a_window(1, 12)), Answer.OPEN, None),
    "stopped hard": (asks(CREAM, a_window(-1, 2, HARD)), Answer.HOLD_UNTIL, "treatment_window"),
    "better stopped": (asks(CREAM, a_window(-1, 11, Severity.WARN)), Answer.OPEN, None),
    "told to stop": (asks(CREAM, a_window(-1, 11, Severity.INFO)), Answer.OPEN, None),
    "better avoided": (asks(CREAM, a_window(-1, 11, stops=False)), Answer.OPEN, None),
    "another pack is stopped": (asks(BIG_CREAM, a_window(-1, 11)), Answer.OPEN, None),
    "sold freely, and stopped": (asks(SOAP, a_window(-1, 11)) | SOAPS, Answer.OPEN, None),
    "sold freely, and stopped hard": (
        asks(SOAP, a_window(-1, 11, HARD)) | SOAPS,
        Answer.HOLD_UNTIL,
        "treatment_window",
    ),
    "stopped, and no prescription": (
        asks(CREAM, a_window(-1, 11)) | {"prescriptions": ()},
        Answer.NEEDS_REQUEST,
        "no_prescription",
    ),
    "stopped, and nothing on the shelf": (
        asks(CREAM, a_window(-1, 11)) | {"out_of_stock": frozenset({CREAM.variant_id})},
        Answer.HOLD_UNTIL,
        "treatment_window",
    ),
    "stopped since it was placed": (
        asks(CREAM, a_window(-1, 11, HARD)) | of(fills=(HELD,)) | HOLDING_LINE,
        Answer.OPEN,
        None,
    ),
    # A placed line that holds its fill.
    "holds a live fill": (of(fills_allowed=1, fills=(HELD,)) | HOLDING_LINE, Answer.OPEN, None),
    "holds a paid fill": (
        of(fills=(replace(HELD, status=FillStatus.CONSUMED),)) | HOLDING_LINE,
        Answer.OPEN,
        None,
    ),
    "holds a fill that was given back": (
        of(fills=(replace(HELD, status=FillStatus.RELEASED),)) | HOLDING_LINE,
        Answer.BLOCKED,
        "fill_not_held",
    ),
    "holds a fill that has left already": (
        of(fills=(replace(HELD, status=FillStatus.DISPENSED),)) | HOLDING_LINE,
        Answer.BLOCKED,
        "fill_not_held",
    ),
    "holds a fill nobody knows": (HOLDING_LINE, Answer.BLOCKED, "fill_not_held"),
    "holds no fill, though she has a prescription": (
        of(fills=()) | {"wishes": (replace(WISH, placed=True),)},
        Answer.BLOCKED,
        "fill_not_held",
    ),
    "holds a fill for another state": (
        of(fills=(HELD,)) | HOLDING_LINE | {"ship_to_state": "NV"},
        Answer.BLOCKED,
        "fill_not_held",
    ),
    "holds a fill of another quantity": (
        of(fills=(replace(HELD, quantity=2),)) | HOLDING_LINE,
        Answer.BLOCKED,
        "fill_not_held",
    ),
    "holds a fill of one revoked since": (
        of(fills=(HELD,), status=PrescriptionStatus.REVOKED) | HOLDING_LINE,
        Answer.NEEDS_REQUEST,
        "revoked",
    ),
    "holds a fill of one that ran out": (
        of(fills=(HELD,), valid_until=AT) | HOLDING_LINE,
        Answer.NEEDS_REQUEST,
        "expired",
    ),
    "holds a fill of one on hold": (
        of(fills=(HELD,), status=PrescriptionStatus.ON_HOLD) | HOLDING_LINE,
        Answer.BLOCKED,
        "on_hold",
    ),
    "holds a fill, licence lapsed since": (
        of(fills=(HELD,), licensed_in=frozenset()) | HOLDING_LINE,
        Answer.NEEDS_REQUEST,
        "licence_lapsed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gate_answers(case: str) -> None:
    given, answer, code = CASES[case]

    decision = decide(the_facts(**given))[0]

    assert decision.answer is answer
    assert next((reason.code for reason in decision.reasons), None) == code


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][1] is not Answer.OPEN])
def test_a_no_says_why_and_names_no_prescription_as_cover(case: str) -> None:
    decision = decide(the_facts(**CASES[case][0]))[0]

    assert all(reason.text.endswith(".") and reason.rule for reason in decision.reasons)
    assert decision.prescription_id is None
    assert decision.sentence == decision.reasons[0].text
    assert (decision.until is not None) == (decision.answer is Answer.HOLD_UNTIL)


def test_a_yes_names_the_prescription_and_what_is_left() -> None:
    one = a_prescription(fills=(a_fill(),))

    decision = the_answer(prescriptions=(one,))

    assert decision.prescription_id == one.id
    assert (decision.valid_until, decision.fills_left) == (one.valid_until, 2)
    assert decision.sentence == "Approved by Dr Wei Chen until Fri 1 May, 2 of 3 fills left."


def test_of_several_the_one_that_ends_first_is_used() -> None:
    late = a_prescription(number="RX-LATE", valid_until=AT + timedelta(days=90))
    soon = a_prescription(number="RX-SOON", valid_until=AT + timedelta(days=9))

    assert the_answer(prescriptions=(late, soon)).prescription_number == "RX-SOON"


def test_the_next_fill_is_named_by_its_day() -> None:
    decision = the_answer(**of(fills=(a_fill(on=DAY),)))

    assert decision.until == DAY + timedelta(days=23)
    assert decision.reasons[0].text == (
        "You still have enough. The next fill is ready on Wed 25 Mar."
    )


def test_a_stop_says_the_sentence_the_first_free_day_and_the_rules() -> None:
    decision = the_answer(**asks(CREAM, a_window(-1, 11)))

    assert decision.until == date(2026, 3, 13)
    (reason,) = decision.reasons
    assert (reason.text, reason.rule) == ("Peel: stop by -1, from 11 again.", "treatment_window")
    assert reason.facts == {
        "from": "2026-03-13",
        "severity": "soft_stop",
        "rules": [{"rule": "WR-PEEL-RETINOID", "version": 1}],
    }
    assert decision.notes == ()  # said already


def test_stops_that_follow_each_other_are_one() -> None:
    """Until the last ends, and only where none is free between them."""
    acid = {"subject": "aha", "rules": (("WR-PEEL-AHA", 2),)}
    stops = (a_window(-1, 4), a_window(2, 9, HARD, **acid), a_window(9, 11), a_window(12, 20))

    decision = the_answer(**asks(CREAM, *stops))

    assert decision.until == date(2026, 3, 13)
    (reason,) = decision.reasons
    assert reason.facts["severity"] == "hard_stop"
    assert [one["rule"] for one in reason.facts["rules"]] == ["WR-PEEL-RETINOID", "WR-PEEL-AHA"]  # type: ignore[attr-defined]


def test_the_last_moment_before_a_day_in_the_clinic_is_still_that_day() -> None:
    window = a_window(-1, 1)
    assert the_answer(**asks(CREAM, window), at=window.until - SECOND).answer is Answer.HOLD_UNTIL
    assert the_answer(**asks(CREAM, window), at=window.until).answer is Answer.OPEN


def test_what_is_coming_is_told_and_opens_or_closes_nothing() -> None:
    coming = asks(CREAM, a_window(3, 15))
    assert the_answer(**coming).notes == ("Peel: stop by 3, from 15 again.",)
    assert the_answer(**coming, prescriptions=()).notes == ("Peel: stop by 3, from 15 again.",)
    assert the_answer(**asks(CREAM, a_window(61, 70))).notes == ()  # too far away to be told


def test_of_one_active_the_next_is_told_of_several_each_by_its_name() -> None:
    same = asks(CREAM, a_window(3, 15), a_window(24, 36))
    assert the_answer(**same).notes == ("Peel: stop by 3, from 15 again.",)

    other = a_window(5, 9, subject="aha", titled="AHAs. Peel: stop by 5, from 9 again.")
    assert the_answer(**asks(CREAM, a_window(3, 15), other)).notes == (
        "Retinoids. Peel: stop by 3, from 15 again.",
        "AHAs. Peel: stop by 5, from 9 again.",
    )


def test_who_packs_reads_nothing_of_a_treatment() -> None:
    placed = asks(CREAM, a_window(-1, 11)) | of(fills=(HELD,)) | HOLDING_LINE
    decision = the_answer(**placed)
    assert (decision.answer, decision.notes) == (Answer.OPEN, ())


def test_an_error_is_a_no() -> None:
    broken = replace(a_prescription(), states=None)  # type: ignore[arg-type]

    decision = the_answer(prescriptions=(broken,), requests={UUID(int=0): None})

    assert decision.answer is Answer.BLOCKED
    assert decision.reasons[0].code == "not_decided"


def test_every_wish_gets_its_own_answer_in_order() -> None:
    soap = Wish(SOAP.variant_id, "SOAP", 1)
    big = Wish(BIG_CREAM.variant_id, "TRET-45", 1)

    decisions = decide(the_facts(wishes=(big, soap, WISH)))

    assert [one.wish for one in decisions] == [big, soap, WISH]
    assert [one.open for one in decisions] == [False, True, True]


def test_a_leaflet_that_nobody_looked_up_is_a_no() -> None:
    decision = the_answer(leaflets={})

    assert (decision.answer, decision.reasons[0].code) == (Answer.BLOCKED, "not_decided")
