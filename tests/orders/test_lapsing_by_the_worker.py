"""The worker's own login holds and resumes: a licence ends, is renewed, and jobs do the rest."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.accounts import licences
from shop.accounts.models import Licence
from shop.cli import periodic
from shop.core import jobs
from shop.core.clock import now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.notifications.models import Letter, Template
from shop.orders.models import Order
from shop.prescriptions.models import Prescription
from tests.builders import a_cream
from tests.conftest import Database, config_for
from tests.inventory.lots import a_lot
from tests.orders.things import paid
from tests.people import a_licence, alice, dr_chen, mona
from tests.prescriptions.builders import a_prescription


def test_the_worker_follows_a_licence_and_tells_of_one(live_app: Flask, live: Database) -> None:
    periodic()  # imports every package's jobs, as a worker does
    worker = create_app(config_for(live, database_url=live.url(WORKER)))
    with live_app.app_context():
        act_as("system:test")
        chen, client, cream, manager = dr_chen(), alice(), a_cream(), mona()
        a_lot(cream, 5)
        one = a_prescription(client, cream, by=chen)
        order = paid(client, {cream: 1})
        held = sa.select(Licence).where(Licence.person_id == chen.id, Licence.state == "CA")
        licences.end(db.session.scalars(held).one(), on=_today(), by=manager)
        db.session.commit()
        ids = one.id, order.id

    jobs.drain(worker, live.url(WORKER))
    assert _states(live_app, *ids) == ("on_hold", ["on_hold"])

    with live_app.app_context():
        act_as("system:test")
        licences.record(
            chen,
            kind="MD",
            state="CA",
            number="CA-2",
            valid_from=_today(),
            valid_until=_today() + timedelta(days=20),
            verified_on=None,
        )
        a_licence(chen, state="AZ", valid_until=_today() + timedelta(days=20))
        db.session.commit()
    jobs.drain(worker, live.url(WORKER))
    assert _states(live_app, *ids) == ("active", ["ready"])

    with live_app.app_context():
        act_as("system:test")
        jobs.defer("tell_of_expiring_licences")
        jobs.defer("tell_of_expiring_keys")
        db.session.commit()
    jobs.drain(worker, live.url(WORKER))
    with live_app.app_context():
        query = sa.select(Letter.recipient_id).where(Letter.template == Template.LICENCE_EXPIRING)
        told = list(db.session.scalars(query))
    assert {chen.id, manager.id} <= set(told)
    assert told.count(chen.id) == told.count(manager.id) == 2
    with worker.app_context():
        db.engine.dispose()


def _today() -> date:
    return now().date()


def _states(app: Flask, prescription: UUID, order: UUID) -> tuple[str, list[str]]:
    with app.app_context():
        status = db.session.get_one(Prescription, prescription).status.value
        lines = [line.status.value for line in db.session.get_one(Order, order).lines]
        return status, lines
