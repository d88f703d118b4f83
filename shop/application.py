"""The whole house put together: `create_app` reads like a table of contents."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Flask, has_request_context, request
from flask_migrate import Migrate

import shop.accounts.api
import shop.accounts.cli
import shop.accounts.pages
import shop.catalog.api
import shop.catalog.cli
import shop.catalog.pages
import shop.catalog.pages.imports
import shop.catalog.pages.pricing
import shop.charts.api
import shop.charts.pages
import shop.cli
import shop.clinic.pages
import shop.credit.api
import shop.credit.pages
import shop.demo.cli
import shop.discounts.api
import shop.discounts.pages
import shop.fhir.api
import shop.inventory.api
import shop.inventory.api.counts
import shop.inventory.cli
import shop.inventory.pages
import shop.inventory.pages.counts
import shop.inventory.pages.scanner
import shop.invoices.api
import shop.invoices.pages
import shop.merchant.api
import shop.merchant.pages
import shop.notifications.api
import shop.notifications.pages
import shop.orders.api
import shop.orders.pages
import shop.payments.api
import shop.payments.cli
import shop.payments.pages
import shop.planning.api
import shop.planning.pages
import shop.prescriptions.api
import shop.prescriptions.cli
import shop.prescriptions.pages
import shop.privacy.api
import shop.privacy.pages
import shop.purchasing.api
import shop.purchasing.pages
import shop.recalls.api
import shop.recalls.pages
import shop.replenishment.api
import shop.replenishment.cli
import shop.replenishment.pages
import shop.reports.api
import shop.reports.cli
import shop.reports.pages
import shop.reports.pages.managing
import shop.reports.pages.trails
import shop.returns.api
import shop.returns.pages
import shop.storefront.api
import shop.storefront.pages
import shop.tills.api
import shop.tills.pages
import shop.treatments.api
import shop.treatments.pages
import shop.vigilance.api
import shop.vigilance.pages
import shop.work.api
import shop.work.pages
from shop import reactions
from shop.accounts import access, passkeys
from shop.clinic.pages import shown_look
from shop.config import Config, from_environment
from shop.core import logs
from shop.core.cluster import SEARCH_PATH
from shop.core.db import db
from shop.core.money import dollars
from shop.core.sealed import keyring
from shop.core.signatures import ring
from shop.notifications.mailer import postbox
from shop.payments.gateway import Gateway
from shop.payments.stripe_gateway import StripeGateway
from shop.web import api, assets, compression, headers, health, limits, origin, problems, tongues
from shop.web.json import OrjsonProvider
from shop.web.portals import current, portal
from shop.web.problems import Retrying
from shop.web.statuses import status_of
from shop.web.tongues import NAMES
from shop.web.words import browser, day, moment, month, short_day


def create_app(config: Config | None = None, *, gateway: Gateway | None = None) -> Flask:
    """The web application. Raises config.Unconfigured where a secret is missing.

    `gateway` is the payment provider; without one, Stripe as configured.
    """
    config = config or from_environment()
    logs.configure()
    app = Retrying("shop")
    _settings(app, config)
    keyring.load(config.sealed_keys)
    ring.load(config.signing_keys)
    postbox.load(config)
    db.init_app(app)
    reactions.connect()
    Migrate(app, db, compare_type=True)
    compression.init_app(app)  # first here is last to see an answer
    assets.init_app(app)
    headers.init_app(app, secure=config.secure, pay_origins=config.pay_origins)
    limits.init_app(app)
    app.extensions["gateway"] = gateway or StripeGateway(
        config.stripe_secret_key, config.stripe_webhook_secrets, api_base=config.stripe_api_base
    )
    access.init_app(app)
    tongues.init_app(app, time_zone=config.clinic_time_zone, chosen=access.language)
    origin.init_app(app, base_url=config.base_url)
    problems.init_app(app, shapes={shop.fhir.api.PREFIX: shop.fhir.api.outcome})
    _resources(app)
    _pages(app)
    _commands(app)
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
        demo=config.demo,
        dollars=dollars,
        day=day,
        moment=moment,
        browser=browser,
        portal=portal,
        road_of=current,
        status_of=status_of,
        languages=NAMES,
        short_day=short_day,
        month=month,
    )


def _resources(app: Flask) -> None:
    """JSON, under /api/v1, the provider's webhook, and FHIR under /fhir/r4."""
    resources = api.init_app(app)
    for package in (
        shop.accounts,
        shop.catalog,
        shop.storefront,
        shop.charts,
        shop.treatments,
        shop.prescriptions,
        shop.inventory,
        shop.discounts,
        shop.orders,
        shop.credit,
        shop.merchant,
        shop.payments,
        shop.tills,
        shop.reports,
        shop.invoices,
        shop.returns,
        shop.vigilance,
        shop.recalls,
        shop.replenishment,
        shop.privacy,
        shop.purchasing,
        shop.planning,
        shop.work,
        shop.notifications,
    ):
        resources.register_blueprint(package.api.bp)
    resources.register_blueprint(shop.treatments.api.plans.bp)
    resources.register_blueprint(shop.treatments.api.feeds.bp)
    resources.register_blueprint(shop.treatments.api.reports.bp)
    resources.register_blueprint(shop.payments.api.cards)
    resources.register_blueprint(shop.payments.api.money_back)
    resources.register_blueprint(shop.returns.api.asked)
    resources.register_blueprint(shop.treatments.api.readiness.bp)
    resources.register_blueprint(shop.inventory.api.counts.bp)
    app.register_blueprint(shop.payments.api.webhooks)
    app.register_blueprint(shop.fhir.api.bp)


def _pages(app: Flask) -> None:
    """HTML, at plain paths."""
    app.register_blueprint(health.bp)
    for package in (
        shop.accounts,
        shop.catalog,
        shop.storefront,
        shop.clinic,
        shop.charts,
        shop.treatments,
        shop.prescriptions,
        shop.inventory,
        shop.discounts,
        shop.orders,
        shop.credit,
        shop.merchant,
        shop.payments,
        shop.invoices,
        shop.tills,
        shop.returns,
        shop.vigilance,
        shop.recalls,
        shop.replenishment,
        shop.privacy,
        shop.purchasing,
        shop.planning,
        shop.reports,
        shop.work,
        shop.notifications,
    ):
        app.register_blueprint(package.pages.bp)
    app.register_blueprint(shop.credit.pages.desk)
    app.register_blueprint(shop.payments.pages.cards)
    app.register_blueprint(shop.payments.pages.money_back)
    app.register_blueprint(shop.returns.pages.asked)
    app.register_blueprint(shop.catalog.pages.entry)
    app.register_blueprint(shop.inventory.pages.counts.bp)
    app.register_blueprint(shop.inventory.pages.scanner.bp)
    app.register_blueprint(shop.catalog.pages.names)
    app.register_blueprint(shop.catalog.pages.rules)
    app.register_blueprint(shop.catalog.pages.imports.bp)
    app.register_blueprint(shop.catalog.pages.pricing.bp)
    app.register_blueprint(shop.reports.pages.managing.bp)
    app.register_blueprint(shop.reports.pages.trails.bp)

    @app.context_processor
    def who() -> dict[str, object]:
        config: Config = app.config["SHOP"]
        inside = has_request_context()
        look = shown_look()
        return {
            "viewer": access.visitor(),
            "passkey_at": partial(passkeys.shown_at, access.visitor(), config.base_url, look.name),
            "here": request.path if inside else "",
            "here_and_query": request.full_path.rstrip("?") if inside else "",
            "look": look,
            "clinic_name": look.name,
        }


def _commands(app: Flask) -> None:
    """What can be asked of the shop in a shell, as `flask …`."""
    for command in (
        shop.cli.audit,
        shop.cli.worker,
        shop.accounts.cli.cli_group,
        shop.catalog.cli.cli_group,
        shop.catalog.cli.rules_group,
        shop.inventory.cli.inventory,
        shop.payments.cli.reconcile,
        shop.replenishment.cli.replenishment,
        shop.reports.cli.takings,
        shop.prescriptions.cli.signing_keys_group,
        shop.demo.cli.demo_story,
    ):
        app.cli.add_command(command)


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
        "hide_parameters": True,  # an error that is logged names no values
        "isolation_level": "READ COMMITTED",
    }


def load_models() -> sa.MetaData:
    """Every table of the shop, for migrations and for the test that compares the two."""
    import shop.accounts.models
    import shop.catalog.models
    import shop.charts.models
    import shop.clinic.models
    import shop.core.events
    import shop.discounts.models
    import shop.inventory.models
    import shop.merchant.models
    import shop.notifications.models
    import shop.orders.models
    import shop.payments.models
    import shop.planning.models
    import shop.prescriptions.models
    import shop.privacy.models
    import shop.purchasing.models
    import shop.recalls.models
    import shop.replenishment.models
    import shop.returns.models
    import shop.tills.models
    import shop.treatments.models
    import shop.vigilance.models
    import shop.web.models
    import shop.work.models  # noqa: F401

    return db.metadata
