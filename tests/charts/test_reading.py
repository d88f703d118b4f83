"""Who opens whose record is written down first, and stays."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from shop.charts import queries, reading
from shop.charts.models import Access
from shop.core.db import db
from tests import people


def test_an_opening_is_written_down(app: Flask) -> None:
    alice, chen, bob = people.alice(), people.dr_chen(), people.bob()
    db.session.info["request_id"] = "request-1"

    reading.open_record(chen, alice, record="approval_request Q-1", purpose=reading.TREATMENT)
    db.session.flush()  # the row is read below

    (access,) = db.session.scalars(queries.accesses_of(alice)).all()
    assert (access.reader, access.record, access.purpose, access.request_id) == (
        chen,
        "approval_request Q-1",
        "treatment",
        "request-1",
    )
    assert db.session.scalars(queries.accesses_of(bob)).all() == []
    assert db.session.scalars(queries.accesses_of(chen)).all() == []


def test_nothing_is_written_where_a_client_reads_her_own(app: Flask) -> None:
    alice = people.alice()

    reading.open_record(alice, alice, record="approval_request Q-1", purpose=reading.TREATMENT)

    db.session.flush()  # nothing to write
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Access)) == 0
