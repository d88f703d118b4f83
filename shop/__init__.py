"""Aftercare: the online shop of a medical spa. `create_app` reads like a table of contents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate

from shop import reactions
from shop.accounts import access
from shop.accounts import api as accounts_api
from shop.accounts import cli as accounts_cli
from shop.accounts import pages as accounts_pages
from shop.config import Config, from_environment
from shop.core import logs
from shop.core.cluster import SEARCH_PATH
from shop.core.db import db
from shop.core.money import dollars
from shop.core.sealed import keyring
from shop.notifications.mailer import postbox
from shop.payments.gateway import Gateway
from shop.payments.stripe_gateway import StripeGateway
from shop.web import api, headers, health, limits, origin, problems
from shop.web.json import OrjsonProvider
from shop.web.problems import Retrying
from shop.web.words import day, moment


def create_app(config: Config | None = None, *, gateway: Gateway | None = None) -> Flask:
    """The web application. Raises config.Unconfigured where a secret is missing.

    `gateway` is the payment provider; without one, Stripe as configured.
    """
    config = config or from_environment()
    logs.configure()
    app = Retrying(__name__)
    _settings(app, config)
    keyring.load(config.sealed_keys)
    postbox.load(config)
    db.init_app(app)
    reactions.connect()
    Migrate(app, db, compare_type=True)
    headers.init_app(app, secure=config.secure, pay_origins=config.pay_origins)
    limits.init_app(app)
    app.extensions["gateway"] = gateway or StripeGateway(
        config.stripe_secret_key, config.stripe_webhook_secrets, api_base=config.stripe_api_base
    )
    access.init_app(app)
    origin.init_app(app, base_url=config.base_url)
    problems.init_app(app)
    _resources(app)
    _pages(app)
    _guard_every_door(app)
    return app


def _settings(app: Flask, config: Config) -> None:
    app.config.from_mapping(
        SHOP=config,
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(),
        TESTING=config.testing,
    )
    app.json = OrjsonProvider(app)
    app.jinja_env.globals.update(
        clinic_name=config.clinic_name, demo=config.demo, dollars=dollars, day=day, moment=moment
    )


def _resources(app: Flask) -> None:
    """JSON, under /api/v1."""
    resources = api.init_app(app)
    resources.register_blueprint(accounts_api.bp)


def _pages(app: Flask) -> None:
    """HTML, at plain paths."""
    app.register_blueprint(health.bp)
    app.register_blueprint(accounts_pages.bp)
    app.cli.add_command(accounts_cli.cli_group)

    @app.context_processor
    def who() -> dict[str, object]:
        return {"viewer": access.visitor()}


def _guard_every_door(app: Flask) -> None:
    """A route that does not say who may call it does not open."""
    described: Any = app.view_functions["api-docs.openapi_json"]
    app.view_functions["api-docs.openapi_json"] = access.allow()(described)
    if silent := access.unguarded(app):
        raise Unguarded(f"These routes do not say who may call them: {', '.join(silent)}")


class Unguarded(RuntimeError):
    """A route lacks @allow."""


def engine_options() -> dict[str, object]:
    """Every connection speaks UTC, finds the job queue, and waits for nobody for long."""
    settings = {
        "search_path": SEARCH_PATH.replace(" ", ""),
        "timezone": "UTC",
        "lock_timeout": "2s",
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "10s",
    }
    options = " ".join(f"-c{name}={value}" for name, value in settings.items())
    return {
        "connect_args": {"options": options},
        "pool_pre_ping": True,
        "hide_parameters": True,  # an error that is logged names no values
        "isolation_level": "READ COMMITTED",
    }


def load_models() -> sa.MetaData:
    """Every table of the shop, for migrations and for the test that compares the two."""
    import shop.accounts.models
    import shop.catalog.models
    import shop.charts.models
    import shop.core.events
    import shop.inventory.models
    import shop.notifications.models
    import shop.orders.models
    import shop.payments.models
    import shop.prescriptions.models
    import shop.web.models  # noqa: F401

    return db.metadata
