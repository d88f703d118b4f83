"""Text goes out compressed, where the browser takes it.

A page holds a secret (the form's token) beside what an address may have put there, so the length
of its compressed form could tell of it (the BREACH attack). Every answer that is compressed anew is
lengthened by a random number of bytes, as Django does it: the name of the compressed file, which
nobody reads. https://ieeexplore.ieee.org/document/9754554
"""

from __future__ import annotations

import gzip
import io
import secrets
from functools import lru_cache

from flask import Flask, Response, request

TEXTS = frozenset(
    {
        "text/html",
        "text/css",
        "text/csv",
        "text/javascript",
        "application/javascript",
        "application/json",
        "application/problem+json",
        "image/svg+xml",
    }
)
LEAST = 500  # bytes: below, there is nothing to gain
LEVEL = 6
MOST_ADDED = 100  # bytes


def init_app(app: Flask) -> None:
    """Compress what an answer says, last of all that is done to it."""

    @app.after_request
    def compress(response: Response) -> Response:
        if response.mimetype not in TEXTS:
            return response
        response.vary.add("Accept-Encoding")
        static = request.endpoint == "static"
        if response.status_code == 206 or (response.is_streamed and not static) or _taken(response):
            return response
        text = read(response)
        if len(text) >= LEAST:
            response.set_data(_kept(text) if static else _compressed(text, _a_name()))
            response.headers["Content-Encoding"] = "gzip"
            etag, _ = response.get_etag()
            if etag is not None:  # the same thing, not the same bytes
                response.set_etag(etag, weak=True)
        return response


def read(response: Response) -> bytes:
    """What it says; where that lies in a file, the file is closed."""
    response.direct_passthrough = False
    source = response.response
    text: bytes = response.get_data()
    if close := getattr(source, "close", None):
        close()
    return text


def _taken(response: Response) -> bool:
    """Whether it is to stay as it is: compressed already, or for somebody who cannot read that."""
    return "Content-Encoding" in response.headers or not request.accept_encodings["gzip"]


@lru_cache(maxsize=256)
def _kept(text: bytes) -> bytes:
    """A static file holds no secret: it is compressed once, as well as can be."""
    return gzip.compress(text, 9, mtime=0)


def _compressed(text: bytes, name: str) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", LEVEL, packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()


def _a_name() -> str:
    return "a" * (1 + secrets.randbelow(MOST_ADDED))
