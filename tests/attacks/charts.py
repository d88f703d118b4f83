"""Attacks on the record of who opened whose chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.charts import reading
from shop.core.db import db
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import alice, dr_chen


def scene() -> Mapping[str, Any]:
    """Dr Chen has opened a record of Alice's."""
    client, chen = alice(), dr_chen()
    reading.open_record(chen, client, record="prescription P-1", purpose=reading.TREATMENT)
    db.session.flush()  # the row goes with the facts
    return {"alice": client.id, "chen": chen.id}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "read for a purpose nobody knows": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(chen)s, %(alice)s, 'x', 'curiosity')"
            ),
            "access_purpose_is_known",
        ),
        "write down that she read her own": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(alice)s, %(alice)s, 'x', 'treatment')"
            ),
            "access_is_by_another",
        ),
        "read as nobody": (
            (
                "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
                " VALUES (%(new)s, %(new)s, %(alice)s, 'x', 'treatment')"
            ),
            "accesses_reader_id_fkey",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.passes(APP, WORKER)
def _write_a_reading_down(attacker: Sql) -> None:
    attacker.run(
        "INSERT INTO accesses (id, reader_id, client_id, record, purpose)"
        " VALUES (%(new)s, %(chen)s, %(alice)s, 'prescription P-1', 'treatment')"
    )


@ATTACKS.refused("accesses_are_kept", OWNER)
def _say_it_was_somebody_else(attacker: Sql) -> None:
    attacker.run("UPDATE accesses SET reader_id = %(new)s WHERE client_id = %(alice)s")
