"""A catalogue that was there before products had a life cycle gets one, with its history intact."""

from __future__ import annotations

from collections.abc import Callable

from alembic import command

from shop import create_app
from shop.core import events
from shop.core.db import db
from shop.core.migrating import alembic_config, upgrade
from tests.conftest import Database, config_for

BEFORE = """
SELECT set_config('app.actor', 'system:test', true);
INSERT INTO brands (id, name, slug) VALUES ('00000000-0000-0000-0000-00000000000b', 'B', 'b');
INSERT INTO products (id, slug, source, source_key, name, brand_id, legal_class, doctor_only,
    published_at)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'p-' || n, 'csv', 'p-' || n, 'P',
    '00000000-0000-0000-0000-00000000000b', 'cosmetic', false,
    CASE WHEN n = 2 THEN now() END
FROM generate_series(1, 3) AS n;
INSERT INTO events (subject_id, kind) VALUES
    ('00000000-0000-0000-0000-000000000001', 'product_created'),
    ('00000000-0000-0000-0000-000000000002', 'product_created'),
    ('00000000-0000-0000-0000-000000000002', 'product_published');
"""


def test_what_was_there_is_draft_or_published_and_its_trail_holds(
    clone: Callable[[], Database],
) -> None:
    database = clone()
    command.downgrade(alembic_config(database.owner), "0013")
    with database.as_role() as connection:
        connection.execute(BEFORE)

    upgrade(database.owner)

    with database.as_role() as connection:
        found = connection.execute(
            "SELECT slug, status, state_seq, published_at IS NOT NULL FROM products ORDER BY slug"
        ).fetchall()
    assert found == [
        ("p-1", "draft", 2, False),
        ("p-2", "published", 4, True),
        ("p-3", "draft", 1, False),
    ]
    app = create_app(config_for(database))
    with app.app_context():
        wrong = list(events.verify())
        db.session.remove()
        db.engine.dispose()
    assert wrong == []
