"""Attacks on files that were handed in: they are what their hash says, since when they say."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from shop.catalog import handing_in
from shop.core.db import db
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.people import mona

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CONTENT = b"Item;Title\n1;Balm\n"


def scene() -> dict[str, Any]:
    """A manager, and one file that she handed in."""
    manager = mona()
    sheet = handing_in.hand_in(CONTENT, name="acme.csv", source="csv", by=manager)
    facts = {"mona": manager.id, "sheet": sheet.id}
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _hand_in(attacker: Sql, content: bytes, hashed: bytes, **given: Any) -> Any:
    stamp = ", handed_in_at" if given else ""
    return attacker.run(
        "INSERT INTO import_sheets (id, name, source, sha256, content, handed_in_by_id"
        + stamp
        + ")"
        " VALUES (gen_random_uuid(), 'x.csv', 'csv', %(hashed)s, %(content)s, %(mona)s"
        + (", %(handed_in_at)s" if given else "")
        + ") RETURNING handed_in_at",
        content=content,
        hashed=hashed,
        mona=attacker.facts["mona"],
        **given,
    )


@ATTACKS.passes()
def _another_file(attacker: Sql) -> None:
    _hand_in(attacker, b"a;b\n1;2\n", hashlib.sha256(b"a;b\n1;2\n").digest())


@ATTACKS.refused("sheet_is_what_its_hash_says")
def _a_file_under_the_hash_of_another(attacker: Sql) -> None:
    _hand_in(attacker, b"a;b\n1;3\n", hashlib.sha256(b"a;b\n1;2\n").digest())


@ATTACKS.refused("import_sheets_are_one_per_file")
def _the_same_file_twice(attacker: Sql) -> None:
    _hand_in(attacker, CONTENT, hashlib.sha256(CONTENT).digest())


@ATTACKS.undone("sheet_stamped", OWNER)
def _handed_in_long_ago(attacker: Sql) -> bool:
    content = b"c;d\n1;2\n"
    made = _hand_in(attacker, content, hashlib.sha256(content).digest(), handed_in_at=LONG_AGO)
    return bool(made["handed_in_at"] > LONG_AGO)
