"""The shop's shelves for a measurement: the real register files, and variations of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from shop.accounts import employing
from shop.accounts.models import Person, Role
from shop.catalog import importing
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.demo.story import DATA, FILES
from shop.inventory import receiving, releasing
from shop.inventory.models import MAX_RECEIVED_UNITS, Lot
from shop.inventory.receiving import MAX_LINES, ReceiptLineIn
from shop.inventory.states import LotStatus

PASSWORD = "for-the-benchmark-only"
FEW = 200  # for these the two short files will do: prescription creams, and over the counter
MADE_UP = ("Plus", "Light", "Sheer", "Sport", "Daily", "Night", "Gentle", "Active", "Pure", "Soft")


def fill(admin: psycopg.Connection[Any], products: int) -> None:
    """So many products on sale, each with a price and a lot. Commits.

    The register files come in by the shop's own import; what is on sale, prices and the variations
    are made here, by SQL, as the superuser: thousands of verbs would only take longer.
    """
    act_as("system:benchmark")
    mona = employing.employ(
        email="mona@example.test", name="Mona Reyes", role=Role.MANAGER, npi=None, password=PASSWORD
    )
    for source, name in FILES if products > FEW else FILES[:3:2]:
        with (DATA / name).open("rb") as file:
            importing.run(file, source, by=mona, at=now())
    db.session.commit()
    with admin.transaction():
        admin.execute("SELECT set_config('app.actor', 'system:benchmark', true)")
        admin.execute(ONE_PACK_AT_LEAST)
        admin.execute(SELLABLE)
        psycopg.ClientCursor(admin).execute(
            VARIATIONS, {"products": products, "words": list(MADE_UP)}
        )
        admin.execute(COPIES)
        psycopg.ClientCursor(admin).execute(CHOSEN, {"products": products})
        admin.execute(ON_SALE)
    sam = employing.employ(
        email="sam@example.test", name="Sam Ortiz", role=Role.STAFF, npi=None, password=PASSWORD
    )
    _shelve(mona, sam)
    admin.execute("VACUUM ANALYZE")


def _shelve(mona: Person, sam: Person) -> None:
    """One lot of everything, far more than will be sold."""
    today = now().date()
    skus = list(
        db.session.scalars(sa.select(Variant.sku).where(Variant.for_sale).order_by(Variant.sku))
    )
    for first in range(0, len(skus), MAX_LINES):
        lines = [
            ReceiptLineIn(sku, "BENCH1", today + timedelta(days=400), MAX_RECEIVED_UNITS)
            for sku in skus[first : first + MAX_LINES]
        ]
        receiving.receive(lines, by=mona, at=now(), today=today)
        db.session.commit()
        db.session.expunge_all()
    for lot in db.session.scalars(sa.select(Lot).where(Lot.status == LotStatus.QUARANTINE)):
        releasing.check(lot, by=sam, at=now())
        releasing.release(lot, by=mona, at=now())
    db.session.commit()


ONE_PACK_AT_LEAST = """
INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name, net_content, net_unit)
SELECT gen_random_uuid(), id, legal_class, doctor_only, 'PACK-' || row_number() OVER (ORDER BY id),
       '50 mL', 50, 'mL'
FROM products WHERE NOT EXISTS (SELECT FROM variants WHERE product_id = products.id)
"""

SELLABLE = """
CREATE TEMPORARY TABLE sellable AS
SELECT id, row_number() OVER (ORDER BY source, source_key) AS place FROM products
WHERE finished AND legal_class <> 'clinic_use' AND marketing_ends_on IS NULL
  AND NOT flags && '{licence_inactive,unapproved}'
"""

# More than the files hold are copies under other names; fewer are the first of them.
VARIATIONS = """
CREATE TEMPORARY TABLE copies AS
SELECT gen_random_uuid() AS id, original.id AS original_id, number,
       (%(words)s::text[])[1 + (number / total) %% cardinality(%(words)s::text[])]
       || ' ' || number AS word
FROM (SELECT count(*) AS total FROM sellable) AS counted
CROSS JOIN LATERAL generate_series(total + 1, %(products)s) AS number
JOIN sellable AS original ON original.place = 1 + (number - 1) %% total
"""

COPIES = """
INSERT INTO events (subject_id, machine, kind, to_state)
SELECT id, 'product', 'product_created', 'draft' FROM copies;
INSERT INTO products (id, slug, source, source_key, name, brand_id, legal_class, doctor_only,
    category, dosage_form, route, marketing_category, application_number, description,
    strength_text, flags, status)
SELECT copies.id, slug || '-' || number, 'csv', source || source_key || '-' || number,
    name || ' ' || word, brand_id, legal_class, doctor_only, category, dosage_form, route,
    marketing_category, application_number, description, strength_text, flags, 'draft'
FROM copies JOIN products ON products.id = original_id;
INSERT INTO product_ingredients (product_id, position, name_id, active, raw, strength_text,
    percent)
SELECT copies.id, position, name_id, active, raw, strength_text, percent
FROM copies JOIN product_ingredients ON product_id = original_id;
INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name, net_content, net_unit)
SELECT gen_random_uuid(), copies.id, legal_class, doctor_only,
    'COPY-' || number || '-' || row_number() OVER (PARTITION BY copies.id ORDER BY variants.id),
    name, net_content, net_unit
FROM copies JOIN variants ON product_id = original_id
"""

CHOSEN = """
CREATE TEMPORARY TABLE on_sale AS
SELECT id FROM sellable WHERE place <= %(products)s UNION SELECT id FROM copies
"""

ON_SALE = """
UPDATE variants SET for_sale = true WHERE product_id IN (SELECT id FROM on_sale);
INSERT INTO prices (id, variant_id, cents, valid_from)
SELECT gen_random_uuid(), id, 900 + abs(hashtext(sku)) % 9000, shop_now() - interval '1 day'
FROM variants WHERE for_sale;
INSERT INTO events (subject_id, machine, kind, to_state)
SELECT id, 'product', 'product_published', 'published' FROM on_sale;
UPDATE products SET status = 'published',
    state_seq = (SELECT max(seq) FROM events WHERE subject_id = products.id),
    published_at = shop_now() - (abs(hashtext(slug)) % 1000) * interval '1 hour'
WHERE id IN (SELECT id FROM on_sale)
"""
