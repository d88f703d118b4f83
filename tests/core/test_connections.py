"""Connections of the pool: what PostgreSQL keeps for them, and when they are given up."""

from __future__ import annotations

from typing import Any

import psycopg
import sqlalchemy as sa
from flask import Flask

from shop.core.db import db
from tests.conftest import Database


def _mine() -> int:
    """The server process behind the session's connection."""
    process: int = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
    return process


def test_a_connection_that_the_server_closed_is_replaced_unasked(
    live_app: Flask, live: Database
) -> None:
    with live_app.app_context():
        first = _mine()
        db.session.rollback()
        with psycopg.connect(live.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert _mine() != first


def test_a_connection_that_lives_is_kept(live_app: Flask) -> None:
    with live_app.app_context():
        first = _mine()
        db.session.rollback()
        assert _mine() == first


def test_who_only_reads_leaves_what_was_prepared(live_app: Flask) -> None:
    """After a ROLLBACK psycopg would forget it, and PostgreSQL plan every statement anew."""
    client = live_app.test_client()
    for _ in range(10):
        client.get("/api/v1/products")

    with live_app.app_context():
        assert _prepared() > 0


def _prepared() -> Any:
    return db.session.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements"))
