"""Recalls at every stage, through the verbs; saved, not committed."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.inventory import using
from shop.inventory.models import Lot
from shop.orders.models import Order
from shop.recalls import answering, listing, notifying, queries, recalling
from shop.recalls.answering import Said
from shop.recalls.models import Channel, HazardClass, Recall, RecallClient, Source
from shop.recalls.recalling import Notice
from shop.treatments.models import Performance
from tests.inventory.lots import today
from tests.orders.things import leave, paid
from tests.people import mona
from tests.treatments.builders import a_booked_session, a_step, an_active_plan

NOTICE = Notice(
    source=Source.MAKER,
    hazard_class=HazardClass.II,
    reference="M-2026-17",
    reason="A canary grew in it.",
    instructions="Stop using it and bring it back.",
)


def a_recall(*lots: Lot, drill: bool = False, by: Person | None = None, **given: Any) -> Recall:
    """Opened, and unless it is a drill its lots are locked."""
    notice = given.pop("notice", NOTICE)
    return recalling.begin(lots, notice, drill=drill, by=by or mona(), at=now())


def a_listed_recall(*lots: Lot, **given: Any) -> Recall:
    recall = a_recall(*lots, **given)
    listing.draw_up(recall, by=mona(), at=now())
    return recall


def a_notified_recall(*lots: Lot, **given: Any) -> Recall:
    recall = a_listed_recall(*lots, **given)
    notifying.notify(recall, by=mona(), at=now())
    return recall


def bought(client: Person, variant: Variant, units: int = 1) -> Order:
    """Paid, and left today."""
    order = paid(client, {variant: units})
    leave(order)
    return order


def treated_with(client: Person, lot: Lot, units: int = 1) -> Performance:
    """Packs of the lot were opened for a session of hers today."""
    session = a_booked_session(an_active_plan(client, a_step(starts=now())))
    who, at = session.plan.drafted_by, now()
    return using.perform(
        session, used=[(lot, units)], performer=who, performed_at=at, today=today(), by=who, at=at
    )


def listed(recall: Recall, client: Person) -> RecallClient:
    """The client's row on the list."""
    (one,) = (one for one in listed_all(recall) if one.client_id == client.id)
    return one


def listed_all(recall: Recall) -> list[RecallClient]:
    from shop.core.db import db

    query = queries.listed(mona(), recall).order_by(RecallClient.id)
    return list(db.session.scalars(query).unique())


def answer(recall: Recall, client: Person, **said: Any) -> None:
    """She answers on her page."""
    one = listed(recall, client)
    answering.answer(one, Said(**said), channel=Channel.PAGE, by=client, at=now())
