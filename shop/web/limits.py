"""Coarse limits by network address; sign-in has its own, in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Response, request
from flask.sansio.blueprints import BlueprintSetupState
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from shop.core.errors import NotFound, Refused, TooMany
from shop.web import problems

MIB = 1024 * 1024
NUL = "\x00"  # the one character PostgreSQL keeps in no text
limiter = Limiter(get_remote_address, default_limits=["1200/minute"], storage_uri="memory://")


def _names_a_code() -> bool:
    sent = request.form if not request.path.startswith("/api/") else request.get_json(silent=True)
    return isinstance(sent, Mapping) and bool(sent.get("discount_code"))


# Whoever tries codes of discounts, one after the other, wherever one may be named.
codes_tried = limiter.shared_limit(
    "30/minute", scope="discount codes", exempt_when=lambda: not _names_a_code()
)


def init_app(app: Flask) -> None:
    """A body of at most 1 MiB (imports raise their own), forms of at most 200 fields."""
    app.config["MAX_CONTENT_LENGTH"] = MIB
    app.config["MAX_FORM_PARTS"] = 400
    app.config["RATELIMIT_ENABLED"] = not app.testing
    limiter.init_app(app)
    app.before_request(refuse_nul)

    @app.errorhandler(429)
    def too_many(error: Exception) -> Response:
        refusal = TooMany("Too many requests from here. Wait a minute.", retry_after=60)
        return problems.from_refusal(refusal)


def larger_bodies(most: Mapping[str, int]) -> Callable[[BlueprintSetupState], None]:
    """For `Blueprint.record_once`: these endpoints take bodies of so many bytes.

    Said before anything reads the body.
    """

    def record(state: BlueprintSetupState) -> None:
        def let_in() -> None:
            larger = most.get(request.endpoint or "")
            if larger is not None:
                request.max_content_length = larger

        state.app.before_request_funcs.setdefault(None, []).insert(0, let_in)

    return record


class Unreadable(Refused):
    """A form or an address holds something that no text can hold."""

    code = "unreadable"


def refuse_nul() -> None:
    """Refuse a NUL in the path, the query and, on pages, the form, before anybody looks it up."""
    if NUL in request.path:
        raise NotFound("Nothing has this address.")
    sent = [*request.args.items(multi=True)]
    if not request.path.startswith("/api/"):  # schemas refuse it there, with the place in the body
        sent += request.form.items(multi=True)
    wrong = {name for name, text in sent if NUL in name or NUL in text}
    if wrong:
        problem = ["Holds a character that cannot be kept."]
        raise Unreadable(
            "Some of what was sent cannot be used.", fields=dict.fromkeys(sorted(wrong), problem)
        )
