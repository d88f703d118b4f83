"""What every answer carries: a request id, and headers that leave a browser little to be abused."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, g, request

from shop.core.db import db

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
YEAR = 31_536_000  # seconds

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(),"
    " publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def init_app(app: Flask, *, secure: bool, pay_origins: tuple[str, ...]) -> None:
    """Set the headers. `pay_origins` are where the pay form may lead (redirects count)."""
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            " ".join(("form-action 'self'", *pay_origins)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
    app.extensions["content_policy"] = policy

    @app.before_request
    def name_the_request() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        db.session.info["request_id"] = g.request_id

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("Content-Security-Policy", policy)
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)  # a page may be stricter
        if secure:
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def policy_of(app: Flask, *, frame_src: str) -> str:
    """Every page's policy, for one that frames something of our own as well."""
    return f"{app.extensions['content_policy']}; frame-src {frame_src}"
