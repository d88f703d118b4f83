"""JSON over HTTP: blueprints, the base of every schema, the fields all share, and `committed`.

OpenAPI 3.1 comes from the same declarations (flask-smorest), at /api/openapi.json and /api/docs.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import unicodedata
from collections.abc import Callable
from typing import Any

import flask_smorest
import marshmallow as ma
import orjson
from flask import Flask, Request, Response, current_app, g, request
from marshmallow import fields, validate
from webargs.core import is_json, missing
from webargs.flaskparser import FlaskParser, abort
from werkzeug.exceptions import HTTPException

from shop.core.db import db
from shop.core.usps import STATES
from shop.web import idempotency, problems

UNKNOWN = "Unknown field."
BETWEEN = "Must be a whole number from {min} to {max}."
LONGEST_TEXT = 2_000  # characters, where a field says nothing else


class Schema(ma.Schema):
    """The shape of something on the wire. Unknown fields are refused."""

    class Meta:
        unknown = ma.RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Say a gap in words that suit a form as well as a program."""
        if field_obj.error_messages["required"] == fields.Field.default_error_messages["required"]:
            field_obj.error_messages["required"] = "This is missing."


class Text(fields.String):
    """Text PostgreSQL can hold and a person can read: no NUL, no lone surrogate, bounded length."""

    def __init__(self, *, longest: int = LONGEST_TEXT, shortest: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.insert(0, validate.Length(min=shortest, max=longest))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        for character in text:
            odd = unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn")
            if odd and character not in "\n\r\t":
                raise ma.ValidationError("Holds a character that cannot be kept.")
        return text


class StrictBoolean(fields.Field[bool]):
    """JSON's own true or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError("Must be true or false.")
        return value


class Whole(fields.Integer):
    """A whole number between two bounds; "3", 3.0 and true are not numbers here."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)
        self.validators.insert(0, validate.Range(min=least, max=most, error=BETWEEN))

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ma.ValidationError("Must be a whole number.")
        return value


class WholeQuery(fields.Integer):
    """A whole number in a query string: ASCII digits, between two bounds."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.insert(0, validate.Range(min=least, max=most, error=BETWEEN))

    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,12}", str(value)):
            raise ma.ValidationError("Must be a whole number.")
        return int(value)


class Cents(Whole):
    """An amount of money in integer cents."""

    def __init__(self, *, least: int = 0, most: int = 10_000_000, **kwargs: Any) -> None:
        super().__init__(least=least, most=most, **kwargs)


class State(fields.String):
    """A US state: its two-letter USPS code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.insert(
            0, validate.OneOf(sorted(STATES), error="Must be a two-letter US state, such as CA.")
        )


class Moment(fields.AwareDateTime):
    """RFC 3339, in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat().replace("+00:00", "Z")


class QueryBoolean(fields.Boolean):
    """`true` or `false` in a query string, nothing else."""

    truthy = {"true"}
    falsy = {"false"}


class PageQuery(Schema):
    """The arguments every list takes."""

    limit = WholeQuery(least=1, most=100, load_default=24)
    after = Text(longest=400, load_default=None)


BODIES = frozenset({"json", "form", "files"})


class _Parser(FlaskParser):
    """Refuses what it was not told of, wherever it stands, and JSON that two readers could
    read in two ways: half characters, numbers that are none, a name that stands twice.
    """

    def _load_location_data(self, *, schema: Any, req: Request, location: str) -> Any:
        g.setdefault("read_locations", set()).add(location)
        return super()._load_location_data(schema=schema, req=req, location=location)

    DEFAULT_UNKNOWN_BY_LOCATION = dict.fromkeys(
        ("json", "query", "form", "files", "headers_strict"), ma.RAISE
    )

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not is_json(req.mimetype):
            abort(415, messages={"Content-Type": ["Must be application/json."]})
        try:
            orjson.loads(body)  # the strict one; it keeps the last of two equal names
            return json.loads(body, object_pairs_hook=_once_each)
        except (ValueError, RecursionError) as error:
            abort(400, exc=error, messages={"body": [f"Is not JSON we can read: {error}"]})


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object. Raises ValueError where a name stands twice."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"{name[:80]!r} stands twice in one object")
        members[name] = value
    return members


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A resource of the API."""

    ARGUMENTS_PARSER = _Parser()

    def arguments(self, schema: Any, **kwargs: Any) -> Any:
        """Declare what is read. The schema is made once, not for every request."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **kwargs)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Declare the answer. Nothing is answered to a request of which something was not read."""
        declared = super().response(*args, **kwargs)

        def decorate(view: Callable[..., Any]) -> Any:
            @functools.wraps(view)
            def all_was_read(*args: Any, **kwargs: Any) -> Any:
                _refuse_unread()
                return view(*args, **kwargs)

            return declared(all_was_read)

        return decorate

    def register_views_in_doc(self, api: Api, *args: Any, **kwargs: Any) -> None:
        """Describe the resource, once somebody asks."""
        api.undescribed.append(
            functools.partial(super().register_views_in_doc, api, *args, **kwargs)
        )


def _refuse_unread() -> None:
    """A query or a body where the resource takes none: whoever sent it means something by it."""
    read: set[str] = g.get("read_locations", set())
    if request.args and "query" not in read:
        abort(422, messages={"query": {name: [UNKNOWN] for name in request.args}})
    if read & BODIES or request.get_data(cache=True) in (b"", b"{}"):
        return
    sent = request.get_json(silent=True)
    if isinstance(sent, dict) and sent:
        abort(422, messages={"json": {name: [UNKNOWN] for name in sent}})
    abort(422, messages={"json": {"body": ["Nothing is taken here."]}})


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest, with problems instead of its own error bodies.

    The description is put together when it is first asked for: that takes as long as everything
    else in starting the application, and few processes are ever asked.
    """

    ERROR_SCHEMA = problems.ProblemSchema

    def __init__(self, app: Flask) -> None:
        self.undescribed: list[Callable[[], None]] = []
        self._describing = threading.Lock()
        super().__init__(app)

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        described = self.spec.to_dict

        def to_dict() -> Any:
            with self._describing:
                while self.undescribed:
                    self.undescribed[0]()
                    del self.undescribed[0]  # what failed fails again, and is not left out
                return described()

        self.spec.to_dict = to_dict

    def handle_http_exception(self, error: HTTPException) -> Response:
        return problems.from_http(error)


def init_app(app: Flask) -> Api:
    """Set up the API and its description."""
    app.config.update(
        API_TITLE="Aftercare",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme(
        "cookie", {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]}
    )
    return api


def committed(schema: type[ma.Schema] | None, thing: Any, status: int = 200) -> Response:
    """Answer with `thing` after committing; the answer is kept for the caller's Idempotency-Key.

    The answer is made and kept in the transaction of the effect, so that a repeat after a lost
    answer, even after a crash, gets the same one and no second effect.
    """
    db.session.flush()  # the database stamps times that the answer shows
    body = b"" if schema is None else current_app.json.dumps(schema().dump(thing)).encode()
    idempotency.keep(status, body)
    db.session.commit()
    return idempotency.answer(status, body)
