"""How well the search answers what people type, over the whole catalogue that the shop ships."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import importing
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.demo.story import DATA, FILES
from tests.conftest import Database
from tests.storefront.queries import HELD_OUT, TUNED

LOOKED_AT = 10  # a first right hit behind these counts nothing

# What is on sale: everything finished that may be; what has no pack gets one.
ON_SALE = (
    "SELECT set_config('app.actor', 'system:test', true)",
    """
    INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name)
    SELECT gen_random_uuid(), id, legal_class, doctor_only, 'PACK-' || source_key, '50 mL'
    FROM products WHERE NOT EXISTS (SELECT FROM variants WHERE product_id = products.id)
    """,
    """
    UPDATE variants SET for_sale = true FROM products
    WHERE products.id = product_id AND finished AND products.legal_class <> 'clinic_use'
        AND NOT flags && '{licence_inactive,unapproved}'
    """,
    """
    INSERT INTO prices (id, variant_id, cents, valid_from)
    SELECT gen_random_uuid(), id, 900 + abs(hashtext(sku)) % 9000, shop_now() - interval '1 day'
    FROM variants WHERE for_sale
    """,
    """
    INSERT INTO events (subject_id, machine, kind, to_state)
    SELECT id, 'product', 'product_published', 'published' FROM products
    WHERE EXISTS (SELECT FROM variants WHERE product_id = products.id AND for_sale)
    """,
    """
    UPDATE products SET status = 'published', published_at = shop_now(),
        state_seq = (SELECT max(seq) FROM events WHERE subject_id = products.id)
    WHERE EXISTS (SELECT FROM variants WHERE product_id = products.id AND for_sale)
    """,
)


@pytest.fixture(scope="module")
def catalogue(live: Database, live_app: Flask) -> Iterator[Any]:
    """A visitor to a shop that sells all it can of the register files."""
    with live_app.app_context():
        act_as("system:test")
        for source, name in FILES:
            at = now()
            db.session.commit()  # no transaction waits while the file is read
            with (DATA / name).open("rb") as file:
                importing.run(file, source, by=None, at=at)
            db.session.commit()
        with live.as_role() as admin:
            for statement in ON_SALE:
                admin.execute(statement)
            admin.commit()
            admin.autocommit = True
            admin.execute("VACUUM ANALYZE")
        yield live_app.test_client()
        db.session.execute(sa.text("SELECT 1"))


def _rank(client: Any, typed: str, right: str) -> tuple[int, list[str]]:
    """The place of the first right hit (0: none among those looked at), and what came."""
    answer = client.get(
        "/api/v1/products", query_string={"q": typed, "limit": LOOKED_AT, "facets": "false"}
    )
    assert answer.status_code == 200, answer.text
    lines = [
        f"{item['name']} | {item['brand']['name']} | {item['strength']} | {item['slug']}"
        for item in answer.json["items"]
    ]
    places = [place for place, line in enumerate(lines, start=1) if re.search(right, line)]
    return (places[0] if places else 0), lines


@pytest.mark.parametrize("table", [TUNED, HELD_OUT], ids=["tuned", "held out"])
def test_the_first_hit_is_what_was_meant(catalogue: Any, table: dict[str, str]) -> None:
    assert len(table) >= 40
    ranks = {typed: _rank(catalogue, typed, right) for typed, right in table.items()}
    mean = sum(1 / rank for rank, _ in ranks.values() if rank) / len(ranks)
    told = [
        f"{rank or '-'}  {typed!r}: {lines[:3]}"
        for typed, (rank, lines) in ranks.items()
        if rank != 1
    ]
    report = "\n".join([f"mean reciprocal rank {mean:.3f} of {len(ranks)} queries", *told])
    sys.stdout.write(report)  # seen with `pytest -s`
    assert mean >= 0.9, report
