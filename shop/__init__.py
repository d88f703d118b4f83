"""Aftercare: the online shop of a medical spa.

The application itself is shop/application.py. It is imported when it is asked for, so that programs
that need none (the demo's launcher, the Stripe sandbox) do not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa
    from flask import Flask

    from shop.config import Config
    from shop.payments.gateway import Gateway


def create_app(config: Config | None = None, *, gateway: Gateway | None = None) -> Flask:
    """The web application. Raises config.Unconfigured where a secret is missing.

    `gateway` is the payment provider; without one, Stripe as configured.
    """
    from shop import application

    return application.create_app(config, gateway=gateway)


def load_models() -> sa.MetaData:
    """Every table of the shop, for migrations and for the test that compares the two."""
    from shop import application

    return application.load_models()
