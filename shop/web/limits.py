"""Coarse limits by network address; sign-in has its own, in the database."""

from __future__ import annotations

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from shop.core.errors import TooMany
from shop.web import problems

MIB = 1024 * 1024
limiter = Limiter(get_remote_address, default_limits=["1200/minute"], storage_uri="memory://")


def init_app(app: Flask) -> None:
    """A body of at most 1 MiB (imports raise their own), forms of at most 200 fields."""
    app.config["MAX_CONTENT_LENGTH"] = MIB
    app.config["MAX_FORM_PARTS"] = 400
    app.config["RATELIMIT_ENABLED"] = not app.testing
    limiter.init_app(app)

    @app.errorhandler(429)
    def too_many(error: Exception) -> Response:
        refusal = TooMany("Too many requests from here. Wait a minute.", retry_after=60)
        return problems.from_refusal(refusal)
