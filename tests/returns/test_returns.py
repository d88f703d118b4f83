"""What came back: back to its line, looked at by one, sent on its way before another."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.inventory import locations, releasing, stock, verifying
from shop.inventory.models import Location, LocationKind, Lot, Movement, MovementKind
from shop.orders import queries
from shop.orders.models import Order
from shop.orders.states import LineStatus
from shop.returns import disposing, receiving
from shop.returns.errors import NotRestocked, ReturnRefused, WitnessNeeded
from shop.returns.models import Condition, Disposition, Return, ReturnReason, Storage
from shop.returns.states import ReturnStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.counts import lying
from tests.inventory.lots import a_lot, today
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_pages import Reader
from tests.returns.builders import came_back, inspected, left


def returns() -> Location:
    return locations.home(LocationKind.RETURNS)


def lot_of(order: Order) -> Lot:
    return order.shipments[0].lines[0].lot


def test_what_came_back_is_sold_to_nobody_until_two_have_seen_it(app: Flask) -> None:
    order = left()
    lot = lot_of(order)
    found, who = came_back(order, 2), sam()
    db.session.commit()
    assert (lying(lot), lying(lot, returns())) == (7, 2)
    assert stock.available([lot.variant_id], today=today()) == {lot.variant_id: 7}

    inspected(found, Disposition.RESTOCK, by=who)
    with pytest.raises(WitnessNeeded):
        disposing.witness(found, today=today(), by=who, at=now())
    assert (lying(lot), lying(lot, returns())) == (7, 2)
    disposing.witness(found, today=today(), by=mona(), at=now())
    db.session.commit()

    assert (lying(lot), lying(lot, returns())) == (9, 0)
    assert stock.available([lot.variant_id], today=today()) == {lot.variant_id: 9}
    assert [event.to_state for event in events.of(found.id)] == [
        "received",
        "inspected",
        "disposed",
    ]
    assert list(verifying.verify()) == []


@pytest.mark.parametrize("disposition", [Disposition.DESTROY, Disposition.RETURN_TO_VENDOR])
def test_it_is_destroyed_or_sent_back_before_a_witness(
    app: Flask, disposition: Disposition
) -> None:
    order = left()
    found = inspected(
        came_back(order), disposition, condition=Condition.OPENED, storage=Storage.UNKNOWN
    )
    disposing.witness(found, today=today(), by=mona(), at=now())
    db.session.commit()
    moved = db.session.scalars(sa.select(Movement).where(Movement.reference_id == found.id))
    assert [one.kind for one in moved.all()] == [
        MovementKind.RETURN_IN,
        MovementKind(disposition.value),
    ]
    assert lying(lot_of(order), returns()) == 0
    with pytest.raises(WrongState):
        disposing.witness(found, today=today(), by=mona(), at=now())


def test_a_line_is_returned_when_all_of_it_came_back_and_no_more_does(app: Flask) -> None:
    order = left(units=3)
    (line,) = order.lines
    came_back(order, 1)
    db.session.commit()
    assert line.status is LineStatus.SHIPPED
    for units in (0, 3):
        with pytest.raises(ReturnRefused, match="2 units are still out"):
            came_back(order, units)
    came_back(order, 2)
    db.session.commit()
    assert line.status is LineStatus.RETURNED
    with pytest.raises(ReturnRefused):
        came_back(order, 1)
    assert db.session.scalar(sa.select(sa.func.sum(Return.units))) == 3


def _held(order: Order) -> None:
    lot = lot_of(order)
    db.session.refresh(lot)
    releasing.hold(lot, reason="Complaints", by=sam(), at=now())


def test_what_may_not_be_sold_again_is_not_restocked(app: Flask) -> None:
    order = left()
    found = came_back(order)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("opened", {"condition": Condition.OPENED}),
        ("opened", {"condition": Condition.DAMAGED}),
        ("storage", {"storage": Storage.COLD}),
        ("storage", {"storage": Storage.UNKNOWN}),
        ("lot", {}),
    ]
    for why, given in cases:
        if why == "lot":
            _held(order)
        with pytest.raises(NotRestocked) as refused:
            inspected(found, Disposition.RESTOCK, **given)
        assert refused.value.facts["why"] == why
        assert (found.status, lying(lot_of(order), returns())) == (ReturnStatus.RECEIVED, 1)


def test_what_needs_a_prescription_never_goes_back_on_the_shelf(app: Flask) -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    a_lot(cream)
    a_prescription(client, cream, by=chen)
    found = came_back(left(cream, 1, client), 1)
    with pytest.raises(NotRestocked) as refused:
        inspected(found, Disposition.RESTOCK)
    assert refused.value.facts["why"] == "prescription"
    inspected(found, Disposition.DESTROY)
    disposing.witness(found, today=today(), by=mona(), at=now())
    db.session.commit()


def test_a_lot_that_was_held_since_is_not_restocked_by_the_witness(app: Flask) -> None:
    order = left()
    found = inspected(came_back(order), Disposition.RESTOCK)
    _held(order)
    db.session.commit()
    with pytest.raises(NotRestocked):
        disposing.witness(found, today=today(), by=mona(), at=now())
    assert found.status is ReturnStatus.INSPECTED

    with pytest.raises(ReturnRefused):
        disposing.send_back(found, reason=" ", by=mona(), at=now())
    disposing.send_back(found, reason="The lot is held.", by=mona(), at=now())
    inspected(found, Disposition.DESTROY)
    db.session.commit()


def test_what_left_for_another_order_does_not_come_back_with_this_one(app: Flask) -> None:
    pack = a_variant()
    a_lot(pack)
    mine, other = left(pack, 1), left(pack, 1)
    with pytest.raises(ReturnRefused):
        receiving.receive(
            queries.locked_order(mine.id),
            other.lines[0].parcels[0],
            1,
            reason=ReturnReason.OTHER,
            by=sam(),
            at=now(),
        )


def test_over_http_and_on_the_pages(app: Flask) -> None:
    one, other = somebody(sam), somebody(mona)
    order = left(units=3)
    lot = lot_of(order)
    mine, reader = Browser(app, one), Reader(app, other)
    path = f"/orders/{order.number}/returns"
    body = {"lot": lot.number, "units": 1, "reason": "undeliverable"}
    assert mine.post(path, body | {"lot": "L-NONE"}).status_code == 404
    assert list(mine.post(path, body | {"units": 4}).json["errors"]) == ["units"]
    made = mine.post(path, body)
    assert (made.status_code, made.json["order"]) == (201, order.number)
    found = f"/returns/{made.json['number']}"
    look = {"condition": "opened", "storage": "unknown", "disposition": "restock"}
    refused = mine.post(f"{found}/inspection", look)
    assert (refused.status_code, refused.json["code"]) == (422, "not_restocked")
    mine.post(f"{found}/inspection", look | {"disposition": "destroy"})
    assert mine.post(f"{found}/disposal").json["code"] == "witness_needed"
    reader.get(f"/stock{found}")
    reader.send(f"/stock{found}/second-look", reason="Is it ours?")
    reader.send(f"/stock{found}/inspection", **look | {"disposition": "destroy"})
    assert "Somebody else has to see" in reader.text
    done = mine.post(f"{found}/disposal").json
    assert (done["status"], done["witness"]) == ("disposed", one.name)

    reader.get("/stock/returns")
    typed = {"order": order.number, "lot": lot.lot_number, "units": "9", "reason": "other"}
    assert "2 units are still out" in reader.send("/stock/returns", **typed)
    assert "It is booked" in reader.send("/stock/returns", **(typed | {"units": "2"}))
    assert [each["units"] for each in mine.get("/returns?status=received").json["items"]] == [2]
    assert mine.get(found).json["makers_lot"] == lot.lot_number
