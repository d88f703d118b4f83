"""Bring a database to the newest schema, as its owner."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

SCRIPTS = Path(__file__).parents[2] / "migrations"


def alembic_config(owner_url: str) -> Config:
    """Alembic's settings for the database at `owner_url`."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Apply the migrations up to `revision`. Safe to repeat."""
    command.upgrade(alembic_config(owner_url), revision)
