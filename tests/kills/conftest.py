"""A world to kill in, with a database, a provider's process and a victim of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop import create_app
from shop.core.cluster import SANDBOX, ensure_database
from shop.core.db import db
from shop.demo import mail
from shop.payments.stripe_gateway import StripeGateway
from tests.conftest import Database, FreshClient, config_for
from tests.kills.world import Victim, World
from tests.payments.conftest import SECRET_KEY, WEBHOOK_SECRET
from tests.payments.test_sandbox_process import running as running_sandbox
from tests.ports import a_free_port


def a_bank(server: str) -> str:
    """Where a provider's process keeps its state: its own, so that nobody empties it under it, and
    that no clock is set but by the test.
    """
    database = Database(server, f"aftercare_sandbox_{uuid.uuid4().hex[:12]}")
    ensure_database(server, database.name)
    return database.url(SANDBOX)


@pytest.fixture(scope="module")
def bank_database_url(server: str, template: Database) -> str:
    return a_bank(server)


@pytest.fixture(scope="module")
def world(
    live: Database, bank_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Nothing is asked of the provider but over a socket; its webhooks wait for the test."""
    scratch: Path = tmp_path_factory.mktemp("kills")
    bank, post = a_free_port(), a_free_port()
    with running_sandbox(bank_database_url, bank), mail.caught(scratch / "mail", post):
        config = config_for(
            live,
            stripe_secret_key=SECRET_KEY,
            stripe_webhook_secrets=(WEBHOOK_SECRET,),
            stripe_api_base=f"http://127.0.0.1:{bank}",
            smtp_port=post,
        )
        gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), api_base=config.stripe_api_base)
        app, worker = (
            create_app(replace(config, database_url=url), gateway=gateway)
            for url in (config.database_url, config.worker_database_url)
        )
        app.test_client_class = FreshClient
        victim = Victim(config, scratch / "victim.log")
        world = World(
            app,
            worker,
            live,
            config.stripe_api_base or "",
            bank_database_url,
            victim,
            WEBHOOK_SECRET,
        )
        world.cast()
        yield world
        world.close()
        for each in (app, worker):
            with each.app_context():
                db.session.remove()
                db.engine.dispose()
