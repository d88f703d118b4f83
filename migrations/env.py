"""Alembic's environment: migrations run as the owner role (`MIGRATION_DATABASE_URL`)."""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context

from shop import load_models
from shop.core.cluster import SEARCH_PATH
from shop.core.db import Citext, UtcDateTime, Word


def _ours(name: str | None, type_: str, parents: dict[str, str | None]) -> bool:
    """The job queue's tables are its library's; the clock is the owner's and has no model."""
    others = ("procrastinate_", "alembic_", "shop_clock")
    return not (type_ == "table" and (name or "").startswith(others))


def _plain(type_: str, item: object, context: object) -> str | bool:
    """A migration is written in the database's own types, not in classes that may change."""
    if type_ == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if type_ == "type" and isinstance(item, Citext):
        return "postgresql.CITEXT()"
    if type_ == "type" and isinstance(item, Word):
        return "sa.Text()"
    return False


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["MIGRATION_DATABASE_URL"]
    options = f"-csearch_path={SEARCH_PATH.replace(' ', '')}"
    engine = sa.create_engine(url, connect_args={"options": options}, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=load_models(),
            compare_type=True,
            include_name=_ours,
            render_item=_plain,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
