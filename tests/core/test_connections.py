"""Connections of the pool: what PostgreSQL keeps for them, and when they are given up."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog.models import Product
from shop.core.db import act_as, db
from shop.web.problems import end_reading
from tests.builders import a_product
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


def test_a_connection_that_was_closed_on_our_side_is_replaced(live_app: Flask) -> None:
    with live_app.app_context():
        first = _mine()
        lent = db.session.connection().connection.driver_connection
        db.session.rollback()
        lent.close()
        assert _mine() != first


@pytest.mark.parametrize("flushed", [False, True])
def test_what_a_reading_request_changed_is_not_kept(live_app: Flask, flushed: bool) -> None:
    with live_app.app_context():
        act_as("system:test")
        product = a_product(name="As it was")
        db.session.commit()
        db.session.remove()
        product = db.session.get_one(Product, product.id)
        product.name = "Changed"
        if flushed:
            db.session.flush()
        end_reading()
        db.session.remove()
        assert db.session.get_one(Product, product.id).name == "As it was"


def test_who_only_reads_leaves_what_was_prepared(live_app: Flask) -> None:
    """After a ROLLBACK psycopg would forget it, and PostgreSQL plan every statement anew."""
    client = live_app.test_client()
    for _ in range(10):
        client.get("/api/v1/products")

    with live_app.app_context():
        assert _prepared() > 0


def _prepared() -> Any:
    return db.session.scalar(sa.text("SELECT count(*) FROM pg_prepared_statements"))
