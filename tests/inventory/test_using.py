"""Packs that a session opened: one ledger for the shelf and the treatment room."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import (
    locations,
    putting_away,
    queries,
    releasing,
    stock,
    using,
    verifying,
)
from shop.inventory.errors import LotNotUsable, NotEnoughStock
from shop.inventory.models import Lot, Movement, MovementKind
from shop.inventory.states import LotStatus
from shop.treatments.models import Performance, Session
from shop.treatments.states import SessionStatus
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    a_booked_session,
    a_step,
    an_active_plan,
    licensed_eva,
)


def a_session() -> Session:
    """Booked for this moment."""
    return a_booked_session(an_active_plan(alice(), a_step(starts=now())))


def perform(session: Session, *used: tuple[Lot, int]) -> Performance:
    who, at = session.plan.drafted_by, now()
    return using.perform(
        session, used=used, performer=who, performed_at=at, today=today(), by=who, at=at
    )


def test_what_a_session_opened_leaves_the_shelf_and_is_found_by_its_lot(app: Flask) -> None:
    mask, serum = a_lot(a_variant(), 5), a_lot(a_variant(), 3)
    first, second = a_session(), a_session()

    perform(first, (mask, 2), (serum, 1))
    perform(second, (mask, 1))
    db.session.commit()

    assert (mask.on_hand, serum.on_hand) == (2, 2)
    assert [(use.client, use.session, use.units) for use in queries.uses_of(mask)] == [
        (first.plan.client, first, 2),
        (second.plan.client, second, 1),
    ]
    used = queries.used_in([first.id, second.id])
    assert {use.lot: use.units for use in used[first.id]} == {mask: 2, serum: 1}
    assert [one.kind for one in queries.movements(mask)][1:] == [MovementKind.TREATMENT_USE] * 2
    assert list(verifying.verify()) == []


def _kept_back(act: str) -> Callable[[], Lot]:
    def make() -> Lot:
        lot = a_lot(a_variant(), 5)
        getattr(releasing, act)(lot, reason="Broken seal", by=sam(), at=now())
        return lot

    return make


def _promised() -> Lot:
    lot = a_lot(a_variant(), 5)
    stock.reserve([(lot.variant_id, 4)], today=today())
    return lot


@pytest.mark.parametrize(
    ("make", "units", "refused"),
    [
        (lambda: a_lot(a_variant(), 5, days=-2), 1, LotNotUsable),
        (_kept_back("quarantine"), 1, LotNotUsable),
        (_kept_back("hold"), 1, LotNotUsable),
        (lambda: a_lot(a_variant(), 5), 6, NotEnoughStock),
        (lambda: a_lot(a_variant(), 5), 0, NotEnoughStock),
        (_promised, 2, NotEnoughStock),
    ],
    ids=["expired", "in quarantine", "on hold", "more than there is", "none", "promised to orders"],
)
def test_what_is_not_sold_is_not_used_and_then_nothing_was_done(
    app: Flask, make: Callable[[], Lot], units: int, refused: type[Exception]
) -> None:
    lot, good, session = make(), a_lot(a_variant(), 5), a_session()
    db.session.commit()
    for used in ([(good, 1), (lot, units)], [(good, 1), (good, 1)]):
        with pytest.raises(refused if lot in dict(used) else LotNotUsable):
            perform(session, *used)
        db.session.rollback()
        assert (session.status, good.on_hand, lot.on_hand) == (SessionStatus.BOOKED, 5, 5)
        kinds = sa.select(Movement.kind).where(Movement.kind == MovementKind.TREATMENT_USE)
        assert db.session.scalars(kinds).all() == []


def test_a_recalled_lot_is_not_used(app: Flask) -> None:
    lot, session = a_lot(a_variant(), 5), a_session()
    lot.status = LotStatus.RECALLED
    with pytest.raises(LotNotUsable, match="recalled"):
        perform(session, (lot, 1))


def test_who_treats_names_the_lots_and_a_recall_finds_the_clients(app: Flask) -> None:
    eva, chen, client = somebody(licensed_eva), dr_chen(), alice()
    plan = an_active_plan(client, a_step(starts=now()), a_step(starts=now()), by=eva, chen=chen)
    first, second = plan.sessions
    a_booked_session(plan)
    lot = a_lot(a_variant(), 5)
    db.session.commit()
    caller, path = Browser(app, eva), f"/plans/{plan.number}/sessions/{first.id}/performance"

    for wrong in ({"lot": "L-NONE", "units": 1}, {"lot": lot.number, "units": 0}):
        refused = caller.post(path, {"used": [wrong]})
        assert refused.status_code == 422
        assert min(refused.json["errors"]).startswith("used")
    assert caller.post(path, {"used": [{"lot": lot.number, "units": 2}]}).status_code == 201

    reader = Reader(app, eva)
    reader.get(f"/plans/{plan.number}")
    assert lot.lot_number in reader.text
    session = f"/plans/{plan.number}/sessions/{second.id}"
    reader.send(f"{session}/booking", performer=str(eva.id))
    wrong = f"{lot.number} two"
    assert "such as L-123 1" in reader.send(f"{session}/performance", used=wrong)
    reader.send(f"{session}/performance", used=lot.number)  # as a scanner types it: one pack
    assert "It is written down as done." in reader.text

    found = Browser(app, somebody(mona)).get(f"/lots/{lot.number}/uses").json["items"]
    assert [(one["client"], one["units"], one["plan"]) for one in found] == [
        (client.name, 2, plan.number),
        (client.name, 1, plan.number),
    ]
    opened = db.session.scalars(sa.select(Access.record).where(Access.client_id == client.id))
    assert f"lot {lot.number}" in opened.all()
    assert caller.get(f"/lots/{lot.number}/uses").status_code == 403


def test_packs_are_chosen_from_what_lies_in_the_treatment_rooms(app: Flask) -> None:
    eva, client = somebody(licensed_eva), somebody(alice)
    plan = an_active_plan(client, a_step(starts=now()), by=eva)
    session = a_booked_session(plan)
    there, spent, sold = (a_lot(a_variant(), 6) for _ in range(3))
    for lot in (there, spent):
        putting_away.put_away(
            lot,
            4,
            from_=locations.location("SHELF"),
            to=locations.location("BACKBAR"),
            reference_id=uuid.uuid4(),
            by=sam(),
            at=now(),
        )
    db.session.commit()
    rooms = dict(queries.in_treatment_rooms(today=today()))
    assert rooms[there] == 4
    assert sold not in rooms
    assert there not in dict(queries.in_treatment_rooms(today=there.expires_on + timedelta(days=1)))

    reader = Reader(app, eva)
    text = reader.get(f"/plans/{plan.number}")
    assert f'name="use.{there.number}"' in text
    assert f'name="use.{sold.number}"' not in text
    where = f"/plans/{plan.number}/sessions/{session.id}/performance"
    chosen = {f"use.{there.number}": "2", f"use.{spent.number}": "0"}
    refused = reader.send(where, **{f"use.{there.number}": "nine"})
    assert "such as L-123 1" in refused
    text = reader.send(where, **chosen, used=sold.number)
    assert "It is written down as done." in text
    assert there.lot_number in text
    now_there = [db.session.get_one(Lot, one.id).on_hand for one in (there, spent, sold)]
    assert now_there == [4, 6, 5]
