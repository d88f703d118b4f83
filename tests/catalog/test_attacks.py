"""Direct SQL in the application's role: what the verbs refuse, the database refuses too."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from flask import Flask

from shop.catalog.models import LegalClass
from shop.core.cluster import APP, WORKER
from shop.core.db import db
from tests.builders import a_product, a_variant
from tests.conftest import Database


@pytest.fixture(scope="module")
def ids(live_app: Flask) -> dict[str, Any]:
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        raw = a_product(LegalClass.CLINIC_USE, finished=False, published_at=None)
        otc, rx = a_product(), a_product(LegalClass.RX)
        found = {
            "raw": raw.id,
            "raw_pack": a_variant(raw).id,
            "otc": otc.id,
            "otc_pack": a_variant(otc).id,
            "rx": rx.id,
            "rx_pack": a_variant(rx).id,
        }
        found["price"] = a_variant(otc).prices[0].id
        db.session.commit()
        db.session.remove()
    return found


ATTACKS = {
    "publish an unfinished drug": (
        "UPDATE products SET published_at = now() WHERE id = %(raw)s",
        "unfinished_is_never_published",
    ),
    "sell an unfinished drug": (
        "UPDATE variants SET for_sale = true WHERE id = %(raw_pack)s",
        "unfinished_is_never_sold",
    ),
    "call an unfinished drug finished": (
        "UPDATE products SET finished = true WHERE id = %(raw)s",
        "weaker_class_needs_two_people",
    ),
    "add a pack of an unfinished drug for sale": (
        (
            "INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name, for_sale) "
            "VALUES (gen_random_uuid(), %(raw)s, 'clinic_use', false, 'X-1', 'x', true)"
        ),
        "unfinished_is_never_sold",
    ),
    "unfinish a drug on sale": (
        "UPDATE products SET finished = false, published_at = NULL WHERE id = %(otc)s",
        "unfinished_is_never_sold",
    ),
    "lower a class": (
        "UPDATE products SET legal_class = 'cosmetic', doctor_only = false WHERE id = %(rx)s",
        "weaker_class_needs_two_people",
    ),
    "clear doctor-only": (
        "UPDATE products SET doctor_only = false WHERE id = %(rx)s",
        "weaker_class_needs_two_people",
    ),
    "a prescription drug that is not doctor-only": (
        (
            "INSERT INTO products (id, slug, source, source_key, name, brand_id, legal_class, "
            "doctor_only) SELECT gen_random_uuid(), 'x', 'csv', 'x', 'x', brand_id, 'rx', false "
            "FROM products WHERE id = %(rx)s"
        ),
        "rx_is_doctor_only",
    ),
    "a pack that hides its product's class": (
        (
            "INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name, for_sale) "
            "VALUES (gen_random_uuid(), %(rx)s, 'otc_drug', false, 'X-2', 'x', true)"
        ),
        "variant_is_of_its_products_class",
    ),
    "offer what is on sale as clinic use": (
        "UPDATE products SET legal_class = 'clinic_use' WHERE id = %(otc)s",
        "clinic_use_is_never_sold",
    ),
    "end a price in the past": (
        "UPDATE prices SET valid_until = now() - interval '1 hour' WHERE id = %(price)s",
        "price_is_only_ended",
    ),
    "a second price at the same time": (
        (
            "INSERT INTO prices (id, variant_id, cents, valid_from) "
            "VALUES (gen_random_uuid(), %(otc_pack)s, 1, now())"
        ),
        "prices_do_not_overlap",
    ),
    "an absurd price": (
        (
            "INSERT INTO prices (id, variant_id, cents, valid_from, valid_until) VALUES "
            "(gen_random_uuid(), %(otc_pack)s, -1, '2020-01-01', '2020-01-02')"
        ),
        "price_is_sane",
    ),
    "a price that ends before it begins": (
        (
            "INSERT INTO prices (id, variant_id, cents, valid_from, valid_until) VALUES "
            "(gen_random_uuid(), %(otc_pack)s, 1, '2020-01-02', '2020-01-02')"
        ),
        "price_range_is_forward",
    ),
}


@pytest.mark.parametrize(("sql", "constraint"), ATTACKS.values(), ids=ATTACKS.keys())
def test_the_database_refuses(
    live: Database, ids: dict[str, Any], sql: str, constraint: str
) -> None:
    with live.as_role(APP) as connection, pytest.raises(psycopg.IntegrityError) as refused:
        connection.execute(sql, ids)

    assert refused.value.diag.constraint_name == constraint


def test_a_price_is_ended_once(live: Database, ids: dict[str, Any]) -> None:
    end = "UPDATE prices SET valid_until = now() + %(when)s::interval WHERE id = %(price)s"
    with live.as_role(APP) as connection:
        connection.execute(end, ids | {"when": "1 day"})
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            connection.execute(end, ids | {"when": "2 days"})
        connection.rollback()

    assert refused.value.diag.constraint_name == "price_is_only_ended"


FORBIDDEN = [
    "UPDATE prices SET cents = 1",
    "DELETE FROM prices",
    "DELETE FROM products",
    "DELETE FROM variants",
    "UPDATE products SET search = NULL",
    "UPDATE products SET slug = 'x'",
    "UPDATE products SET source_key = 'x'",
    "UPDATE products SET created_at = now()",
    "UPDATE variants SET product_id = gen_random_uuid()",
    "UPDATE variants SET legal_class = 'cosmetic'",
    "UPDATE variants SET sku = 'x'",
    "UPDATE brands SET name = 'x'",
    "UPDATE ingredients SET name = 'x'",
    "UPDATE product_ingredients SET percent = 1",
    "TRUNCATE prices",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
@pytest.mark.parametrize("role", [APP, WORKER])
def test_the_role_may_not(live: Database, role: str, sql: str) -> None:
    with live.as_role(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql)


def test_not_even_the_owner_rewrites_a_price(live: Database, ids: dict[str, Any]) -> None:
    with psycopg.connect(live.owner) as connection:
        for sql in ("UPDATE prices SET cents = 1", "DELETE FROM prices", "TRUNCATE prices CASCADE"):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(sql)
            connection.rollback()


def test_a_job_may_lock_a_variant(live: Database, ids: dict[str, Any]) -> None:
    with live.as_role(WORKER) as connection:
        rows = connection.execute("SELECT id FROM variants FOR UPDATE").fetchall()

    assert (ids["otc_pack"],) in rows


SEARCHED = {
    "the brand": "UPDATE brands SET name = 'Zephyrine' WHERE id = (SELECT brand_id FROM products "
    "WHERE id = %(otc)s)",
    "an ingredient": "WITH made AS (INSERT INTO ingredients (id, name) VALUES "
    "(gen_random_uuid(), 'ZEPHYRINE') RETURNING id) INSERT INTO product_ingredients "
    "(product_id, position, ingredient_id, active, raw, strength_text) "
    "SELECT %(otc)s, 90, id, true, 'x', '' FROM made",
    "a pack": "INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name) "
    "VALUES (gen_random_uuid(), %(otc)s, 'otc_drug', false, 'Zephyrine', 'x')",
    "the name, with an accent": "UPDATE products SET name = 'Zéphyrine' WHERE id = %(otc)s",
}


@pytest.mark.parametrize("change", SEARCHED.values(), ids=SEARCHED.keys())
def test_what_a_product_is_found_by_follows(
    live: Database, ids: dict[str, Any], change: str
) -> None:
    found = (
        "SELECT search @@ (to_tsquery('english', 'zephyrine') || 'zephyrine'::tsquery) "
        "FROM products WHERE id = %(otc)s"
    )
    with psycopg.connect(live.owner) as connection:
        assert connection.execute(found, ids).fetchone() == (False,)
        connection.execute(change, ids)
        assert connection.execute(found, ids).fetchone() == (True,)
        connection.rollback()
