"""Who opens whose record is written down first, and stays."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg import errors

from shop.charts import queries, reading
from shop.charts.models import Access
from shop.core.cluster import APP, WORKER
from shop.core.db import db
from tests import people
from tests.conftest import Database


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


@pytest.fixture(scope="module")
def written(live: Database, live_app: Flask) -> dict[str, object]:
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        alice, chen = people.alice(), people.dr_chen()
        reading.open_record(chen, alice, record="approval_request Q-1", purpose=reading.TREATMENT)
        db.session.commit()
        return {"alice": alice.id, "chen": chen.id}


INSERT = (
    "INSERT INTO accesses (id, reader_id, client_id, record, purpose) VALUES (gen_random_uuid(), "
)
ATTACKS = {
    "hide an opening": ("DELETE FROM accesses", "permission denied"),
    "say it was another": ("UPDATE accesses SET reader_id = client_id", "permission denied"),
    "say it was earlier": ("UPDATE accesses SET at = '2020-01-01'", "permission denied"),
    "backdate an opening": (
        (
            "INSERT INTO accesses (id, reader_id, client_id, record, purpose, at) VALUES"
            " (gen_random_uuid(), %(chen)s, %(alice)s, 'r', 'treatment', '2020-01-01')"
        ),
        "permission denied",
    ),
    "give no good reason": (
        INSERT + "%(chen)s, %(alice)s, 'r', 'curiosity')",
        "access_purpose_is_known",
    ),
    "open the own": (INSERT + "%(alice)s, %(alice)s, 'r', 'treatment')", "access_is_by_another"),
}


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("attack", ATTACKS)
def test_is_refused(live: Database, written: dict[str, object], attack: str, role: str) -> None:
    statement, why = ATTACKS[attack]
    with live.as_role(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement, written)

    if why == "permission denied":
        assert isinstance(refused.value, errors.InsufficientPrivilege)
    else:
        assert refused.value.diag.constraint_name == why


@pytest.mark.parametrize("statement", ["UPDATE accesses SET record = 'x'", "DELETE FROM accesses"])
def test_not_even_the_owner_alters_it(
    live: Database, written: dict[str, object], statement: str
) -> None:
    with live.as_role() as connection, pytest.raises(errors.CheckViolation) as refused:
        connection.execute(statement)

    assert refused.value.diag.constraint_name == "accesses_are_kept"
