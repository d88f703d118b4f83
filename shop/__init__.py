"""Aftercare: the online shop of a medical spa.

The application itself is shop/application.py. It is imported when it is asked for, so that programs
that need none (the demo's launcher, the Stripe sandbox) do not pay for it.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import sqlalchemy as sa
    from flask import Flask

    from shop.config import Config
    from shop.payments.gateway import Gateway


def create_app(config: Config | None = None, *, gateway: Gateway | None = None) -> Flask:
    """The web application. Raises config.Unconfigured where a secret is missing.

    `gateway` is the payment provider; without one, Stripe as configured.
    """
    app: Flask = _application().create_app(config, gateway=gateway)
    return app


def load_models() -> sa.MetaData:
    """Every table of the shop, for migrations and for the test that compares the two."""
    models: sa.MetaData = _application().load_models()
    return models


def _application() -> ModuleType:
    """The application's module.

    It brings half a million objects that stay: the collector, which would look through them again
    and again, rests while they come (a quarter of the time) and never looks at them afterwards.
    """
    if "shop.application" not in sys.modules and gc.isenabled():
        gc.disable()
        try:
            from shop import application
        finally:
            gc.enable()
        gc.freeze()
        return application
    from shop import application

    return application
