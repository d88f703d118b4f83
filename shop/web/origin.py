"""Writes that another site makes a visitor's browser send are refused.

Two belts: the browser's own word (Sec-Fetch-Site, else Origin), and a token in the form or the
X-CSRFToken header. Programs that sign in by Bearer token carry no cookie and need neither.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from shop.core.errors import NotAllowed

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1: they change nothing
# What is sent there is judged by its own signature and by no cookie: another site gains nothing.
SIGNED = ("/webhooks/", "/letters/end/")
csrf = CSRFProtect()


class CrossSite(NotAllowed):
    code = "cross_site"


class NoToken(NotAllowed):
    code = "csrf_token_missing_or_old"


def init_app(app: Flask, *, base_url: str) -> None:
    """Check every unsafe request that a browser could have been tricked into."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # we call it, once we know who asks how
    app.config["WTF_CSRF_SSL_STRICT"] = False  # the Origin is checked here, better
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # as long as the session
    csrf.init_app(app)
    home = urlsplit(base_url)

    @app.before_request
    def refuse_cross_site_writes() -> None:
        if request.method in SAFE or request.path.startswith(SIGNED):
            return
        _check_origin(home.netloc)
        by_cookie = app.config["SESSION_COOKIE_NAME"] in request.cookies
        if request.path.startswith("/api/") and not by_cookie:
            return  # a program, or a visitor without anything to abuse
        if request.headers.get("Authorization", "").startswith("Bearer "):
            return  # the token signs in, the cookie is not looked at
        request.get_data(cache=True)  # kept, or reading the form leaves no body to compare
        try:
            csrf.protect()
        except CSRFError as error:
            raise NoToken(
                "This form is too old, or it did not come from our page. Reload the page and send "
                "it again; programs send the token of GET /api/v1/me as X-CSRFToken."
            ) from error


def _check_origin(home: str) -> None:
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site in ("cross-site", "same-site"):
        raise CrossSite("Another site sent this. Open our page and do it there.")
    if site is None and origin and urlsplit(origin).netloc not in (home, request.host):
        raise CrossSite("Another site sent this. Open our page and do it there.", origin=origin)
