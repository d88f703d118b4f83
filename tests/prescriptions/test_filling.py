"""Asking the gate with facts from the database, and taking fills."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound, WrongState
from shop.prescriptions import asking, filling, holding, revoking
from shop.prescriptions.asking import Stage
from shop.prescriptions.errors import NoFillLeft
from shop.prescriptions.gate import Answer, Decision, Wish
from shop.prescriptions.models import Fill
from shop.prescriptions.states import FillStatus
from tests.builders import a_cream, a_product, a_variant
from tests.people import alice, bob, dr_chen, sam
from tests.prescriptions.builders import a_draft, a_prescription

pytestmark = pytest.mark.usefixtures("app")


def the_answer(client: Person, variant: Variant, **given: object) -> Decision:
    fill_id = given.pop("fill_id", None)
    wish = Wish(variant.id, variant.sku, 1, fill_id, placed=fill_id is not None)  # type: ignore[arg-type]
    fields: dict[str, object] = {"ship_to_state": None, "at": now(), "stage": Stage.PLACE}
    (decision,) = asking.ask(client, [wish], **(fields | given))  # type: ignore[arg-type]
    return decision


def test_a_prescription_opens_the_gate_for_its_client_only() -> None:
    client, cream = alice(), a_cream()
    signed = a_prescription(client, cream)

    mine, other = the_answer(client, cream), the_answer(bob(state="CA"), cream)

    assert (mine.answer, mine.prescription_id, mine.fills_left) == (Answer.OPEN, signed.id, 3)
    assert (other.answer, other.prescription_id) == (Answer.NEEDS_REQUEST, None)


def test_a_prescription_covers_the_states_that_were_signed() -> None:
    client, cream = alice(), a_cream()
    a_prescription(client, cream)

    assert the_answer(client, cream, ship_to_state="CA").open
    assert the_answer(client, cream, ship_to_state="NV").reasons[0].code == "other_state"


def test_an_open_request_is_named() -> None:
    client, cream = alice(), a_cream()
    request = a_draft(client, cream)

    reason = the_answer(client, cream).reasons[0]

    assert (reason.code, dict(reason.facts)) == (
        "request_pending",
        {"request": request.number, "status": "draft"},
    )


def test_staff_have_no_wishes() -> None:
    assert the_answer(sam(), a_variant()).reasons[0].code == "client_not_active"


OFFERED = {
    "not for sale": {"for_sale": False},
    "not published": {"published_at": None},
    "off the market": {"marketing_ends_on": date(2020, 1, 1)},
}


@pytest.mark.parametrize("case", OFFERED)
def test_what_left_the_shop_is_not_sold_but_still_delivered(case: str) -> None:
    given = OFFERED[case]
    product = a_product(**{name: value for name, value in given.items() if name != "for_sale"})
    soap = a_variant(product, **({"for_sale": False} if case == "not for sale" else {}))
    client = alice()

    assert the_answer(client, soap).reasons[0].code == "not_for_sale"
    assert the_answer(client, soap, stage=Stage.SHIP).open


def test_what_is_off_the_shelf_is_blocked() -> None:
    soap = a_variant()
    assert the_answer(alice(), soap, out_of_stock=[soap.id]).reasons[0].code == "out_of_stock"


def test_clinic_use_is_blocked_at_every_stage() -> None:
    peel = a_variant(a_product(LegalClass.CLINIC_USE))
    client = alice()

    codes = {the_answer(client, peel, stage=stage).reasons[0].code for stage in Stage}

    assert codes == {"never_sold"}


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("lock", [False, True])
def test_asking_takes_eight_queries_however_many_wishes(lock: bool) -> None:
    client, chen = alice(), dr_chen()
    creams = [a_cream() for _ in range(3)]
    for cream in creams:
        a_prescription(client, cream, by=chen)
    wishes = [Wish(cream.id, cream.sku, 1) for cream in creams] + [
        Wish(soap.id, soap.sku, 2) for soap in (a_variant(), a_variant())
    ]
    at = now()
    db.session.commit()

    counts = []
    for some in (wishes[:1], wishes, []):
        with counted_queries() as statements:
            asking.ask(client, some, ship_to_state=None, at=at, stage=Stage.PLACE, lock=lock)
        counts.append(
            len([one for one in statements if one.startswith("SELECT") and "FROM" in one])
        )

    assert counts == [8, 8, 8]


def test_fills_are_taken_from_the_lowest_number_and_a_released_one_again() -> None:
    signed = a_prescription(alice())
    taken = [filling.reserve(signed.id, state="CA", quantity=1, at=now()) for _ in range(3)]
    with pytest.raises(NoFillLeft):
        filling.reserve(signed.id, state="CA", quantity=1, at=now())

    filling.release(taken[1], at=now())
    again = filling.reserve(signed.id, state="CA", quantity=1, at=now())
    db.session.commit()

    assert [fill.number for fill in taken] == [1, 2, 3]
    assert (again.number, again.id != taken[1].id) == (2, True)


def test_a_fill_goes_from_reserved_to_dispensed_and_each_step_is_stamped() -> None:
    fill = filling.reserve(a_prescription(alice()).id, state="CA", quantity=1, at=now())
    before = now()
    filling.consume(fill, at=now())
    filling.dispense(fill, at=now())
    db.session.commit()

    assert fill.status is FillStatus.DISPENSED
    assert fill.consumed_at is not None
    assert fill.dispensed_at is not None
    assert before <= fill.consumed_at <= fill.dispensed_at
    assert [event.kind for event in events.of(fill.id)] == [
        "fill_reserved",
        "fill_consumed",
        "fill_dispensed",
    ]
    with pytest.raises(WrongState):
        filling.release(fill, at=now())


def test_a_fill_holds_the_next_one_back() -> None:
    client, cream = alice(), a_cream()
    signed = a_prescription(client, cream, interval_days=23)
    fill = filling.reserve(signed.id, state="CA", quantity=1, at=now())

    decision = the_answer(client, cream)
    assert decision.answer is Answer.HOLD_UNTIL
    assert decision.until == now().date() + timedelta(days=23)

    filling.release(fill, at=now())
    assert the_answer(client, cream).open


def test_a_line_that_holds_a_fill_goes_on_until_it_is_revoked() -> None:
    client, cream, chen = alice(), a_cream(), dr_chen()
    signed = a_prescription(client, cream, by=chen, fills=1)
    fill = filling.reserve(signed.id, state="CA", quantity=1, at=now())
    assert the_answer(client, cream, fill_id=fill.id, stage=Stage.PAY).open

    holding.hold(signed, reason="A rash was reported.", by=chen, at=now())
    assert the_answer(client, cream, fill_id=fill.id).reasons[0].code == "on_hold"
    holding.resume(signed, by=chen, at=now())
    assert the_answer(client, cream, fill_id=fill.id).open
    revoking.revoke(signed, reason="An allergy became known.", by=chen, at=now())
    db.session.commit()
    assert the_answer(client, cream, fill_id=fill.id).reasons[0].code == "revoked"

    assert (signed.reason, signed.revoked_by_id) == ("An allergy became known.", chen.id)
    assert signed.revoked_at is not None
    assert [event.kind for event in events.of(signed.id)][-3:] == [
        "prescription_held",
        "prescription_resumed",
        "prescription_revoked",
    ]


def test_there_is_no_fill_of_a_prescription_nobody_signed(app: Flask) -> None:
    with pytest.raises(NotFound):
        filling.reserve(uuid4(), state="CA", quantity=1, at=now())
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Fill)) == 0
