"""ETag and If-Match: two who edit the same thing do not overwrite each other unawares.

The tag of a thing is a digest of what its keeper is shown of it. Whoever sends back the tag they
read (If-Match) is refused where the thing has changed since (RFC 9110, 13.1.1).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response, current_app, request

from shop.core.errors import Stale, Unversioned
from shop.web.api import committed


def tag_of(schema: type[ma.Schema], thing: Any) -> str:
    """The tag of a thing as it is now."""
    return _tag(current_app.json.dumps(schema().dump(thing)).encode())


def required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse who does not say which edition they mean: the answer would replace a whole list."""

    @functools.wraps(view)
    def with_match(*args: Any, **kwargs: Any) -> Any:
        if "If-Match" not in request.headers:
            raise Unversioned(
                "Send the ETag you read as If-Match, or * for whatever is there.",
                fields={"If-Match": ["Missing."]},
            )
        return view(*args, **kwargs)

    return with_match


def refuse_stale(schema: type[ma.Schema], thing: Any) -> None:
    """Raises Stale where If-Match names another edition. `thing` is locked and read afresh."""
    if "If-Match" not in request.headers:
        return
    if not request.if_match.contains(tag_of(schema, thing)):
        raise _stale()


def refuse_other(seen: str, schema: type[ma.Schema], thing: Any) -> None:
    """The same for a form, which carries the tag it was filled from. Raises Stale."""
    if seen != tag_of(schema, thing):
        raise _stale()


def tagged(schema: type[ma.Schema], thing: Any, status: int = 200) -> Response:
    """Commit, answer, and name the edition that stands now."""
    response = committed(schema, thing, status)
    response.set_etag(_tag(response.get_data()))
    return response


def shown(schema: type[ma.Schema], thing: Any) -> Response:
    """Answer a question with the thing and its tag; 304 to who has it already."""
    body = current_app.json.dumps(schema().dump(thing)).encode()
    response = Response(body, content_type="application/json")
    response.set_etag(_tag(body))
    response.make_conditional(request)
    return response


def _tag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def _stale() -> Stale:
    return Stale(
        "Somebody changed this since you read it. Nothing was changed now: read it again, then "
        "make your change."
    )
