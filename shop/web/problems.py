"""Refusals as people and programs see them, and the one table of statuses.

RFC 9457 problem+json under /api/ and for programs; a page otherwise. Nothing a client can send
gets a 500, and a 500 says nothing of what went wrong inside.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

import marshmallow as ma
import sqlalchemy as sa
import structlog
from flask import Flask, Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import fields
from werkzeug.exceptions import HTTPException

from shop.core import errors
from shop.core.db import db, only_read
from shop.core.errors import Refusal, StartAgain
from shop.web.origin import SAFE
from shop.web.tongues import told

log = structlog.get_logger()

STATUS: dict[type[Refusal], int] = {
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Stale: 412,
    errors.Refused: 422,
    errors.Unversioned: 428,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal: its family's."""
    return next(status for family, status in STATUS.items() if isinstance(refusal, family))


RETRIED = {"40001", "40P01"}  # serialization failure, deadlock: nobody's fault, run again
BUSY = {"55P03", "57014", "25P03"}  # lock timeout, statement timeout, idle in transaction
TRIES = 5

Shape = Callable[[dict[str, Any]], Response]  # a problem, shown in the words of a protocol


class ProblemSchema(ma.Schema):
    """RFC 9457, with our stable `code`."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String()
    detail = fields.String()
    facts = fields.Dict()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    request_id = fields.String()


class Retrying(Flask):
    """Flask, except that a request the database gave up on runs again, whole."""

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view, at most five times; what it changed before a retry was rolled back."""
        for tried in range(1, TRIES + 1):
            try:
                return self._answered()
            except StartAgain:
                if tried == TRIES:
                    raise errors.Unavailable(
                        "Many people want the same thing. Try again."
                    ) from None
            except sa.exc.DBAPIError as error:
                if _sqlstate(error) not in RETRIED or tried == TRIES:
                    raise
            db.session.rollback()
            time.sleep(random.uniform(0.005, 0.02) * 2**tried)  # noqa: S311  (jitter, no secret)
        raise AssertionError("unreachable")

    def _answered(self) -> ResponseReturnValue:
        from shop.web import idempotency

        answer = idempotency.kept() or super().dispatch_request()
        if request.method in SAFE:
            end_reading()
        return answer


def end_reading() -> None:
    """End with COMMIT: after a ROLLBACK psycopg forgets what it has prepared, and PostgreSQL plans
    it anew. Rows that a reading request changed by mistake stay as they were.
    """
    if only_read():
        db.session.commit()


def init_app(app: Flask, *, shapes: Mapping[str, Shape]) -> None:
    """Every way a request can fail, and how it is shown.

    `shapes` are for parts of the shop that speak another protocol: the beginning of their paths,
    and what is made of a problem there.
    """
    app.extensions["problem_shapes"] = shapes
    app.register_error_handler(Refusal, from_refusal)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(sa.exc.DBAPIError, _from_database)
    app.register_error_handler(Exception, _from_bug)


def from_refusal(refusal: Refusal) -> Response:
    """A refusal with its family's status."""
    db.session.rollback()
    status = status_of(refusal)
    response = shown(
        status, code=refusal.code, detail=refusal.text, facts=refusal.facts, fields=refusal.fields
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in refusal.facts:
        response.headers["Retry-After"] = str(refusal.facts["retry_after"])
    return response


def from_http(error: HTTPException) -> Response:
    """What Flask, werkzeug and webargs refuse."""
    db.session.rollback()
    status = error.code or 500
    data: dict[str, Any] = getattr(error, "data", None) or {}
    messages = data.get("errors") or data.get("messages") or {}
    in_fields = _flat(messages)
    detail = "Some of what was sent cannot be used." if in_fields else error.description or ""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        detail = f"Too large: at most {request.max_content_length} bytes can be sent here."
        in_fields = {"body": [detail]}
    response = shown(status, code=_http_code(status), detail=detail, fields=in_fields)
    for name, value in [*error.get_headers(), *dict(data.get("headers") or {}).items()]:
        if name in ("Allow", "Retry-After", "WWW-Authenticate", "Location"):
            response.headers[name] = value
    if error.response is not None and isinstance(error.response, Response):
        return error.response
    return response


def shown(
    status: int,
    *,
    code: str,
    detail: str,
    facts: dict[str, object] | None = None,
    fields: dict[str, list[str]] | None = None,
) -> Response:
    """A problem, as JSON or as a page."""
    problem = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": told(detail),
        "facts": facts or {},
        "errors": {name: [told(one) for one in wrong] for name, wrong in (fields or {}).items()},
        "request_id": g.get("request_id", ""),
    }
    for beginning, shape in current_app.extensions["problem_shapes"].items():
        if request.path.startswith(f"{beginning}/"):
            return cast("Shape", shape)(problem)
    if _wants_json():
        body = current_app.json.dumps(problem)
        return Response(body, status, content_type="application/problem+json")
    back = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return Response(render_template("problem.html", problem=problem, back=back), status)


def _wants_json() -> bool:
    if request.path.startswith(("/api/", "/webhooks/")):
        return True
    accepted = request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"]) == "application/json"


def _from_database(error: sa.exc.DBAPIError) -> Response:
    db.session.rollback()
    state = _sqlstate(error)
    if state in BUSY | RETRIED:
        return _later("Somebody is working on the same thing. Try again in a moment.")
    if error.connection_invalidated or isinstance(error, sa.exc.OperationalError):
        log.error("database_out_of_reach", sqlstate=state)
        return _later("The shop cannot reach its records. Nothing was changed. Try again soon.")
    return _from_bug(error)


def _later(detail: str) -> Response:
    response = shown(503, code="unavailable", detail=detail)
    response.headers["Retry-After"] = "1"
    return response


def _path() -> str:
    """The path for the log. Where it holds a secret, its rule: who reads the log may not use it."""
    rule = request.url_rule
    return rule.rule if rule and "secret" in rule.arguments else request.path


def _from_bug(error: Exception) -> Response:
    db.session.rollback()
    log.error("bug", path=_path(), exc_info=error)
    if current_app.testing:
        raise error
    return shown(
        500,
        code="bug",
        detail="Something went wrong on our side. Nothing was changed. "
        "If it stays so, tell us the request id.",
    )


def _sqlstate(error: sa.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _http_code(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("'", "")


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """webargs' nested messages as {"lines.0.quantity": ["Must be …"]}."""
    if isinstance(messages, str):
        return {prefix: [messages]}
    if isinstance(messages, list):
        return {prefix: [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for key, value in dict(messages).items():
        name = str(key)
        if not prefix and name in ("json", "query", "form", "files"):
            flat |= _flat(value)
        elif not prefix and name == "_schema":
            flat |= _flat(value, "body")
        else:
            flat |= _flat(value, f"{prefix}.{name}" if prefix else name)
    return flat
