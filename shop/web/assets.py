"""Static files: their address holds their content's hash, so that a browser asks for each once.

A changed file has another address. What is asked for without a hash, or with an old one, is given,
and asked for again the next time.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from shop.web.compression import read

FOREVER = "public, max-age=31536000, immutable"
DIGITS = 12  # of the hash: enough to tell a file from its former self
_URL = re.compile(r'url\("([^":?#]+)"\)')


def init_app(app: Flask) -> None:
    """Every `url_for("static", …)` names the file's hash; a stylesheet names those of its fonts."""
    home = Path(app.static_folder or "")

    @app.url_defaults
    def name_the_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            values["v"] = _hash_of(home, values["filename"])

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code not in (200, 304):
            return response
        name = (request.view_args or {})["filename"]
        if request.args.get("v") == _hash_of(home, name):
            response.headers["Cache-Control"] = FOREVER
        if response.status_code == 200 and name.endswith(".css"):
            read(response)
            response.set_data(_stylesheet(home, name))
        return response


def _hash_of(home: Path, name: str) -> str:
    """Of what is sent for it: a stylesheet changes with the fonts it names."""
    path = home / name
    try:
        return _hashed(home, name, path.stat().st_mtime_ns)
    except OSError:  # no such file: the address answers 404
        return "none"


@lru_cache(maxsize=1024)
def _hashed(home: Path, name: str, _changed: int) -> str:
    content = _stylesheet(home, name) if name.endswith(".css") else (home / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _stylesheet(home: Path, name: str) -> bytes:
    """The file, with the hash of each file that it names by a relative address."""
    folder = Path(name).parent

    def hashed(found: re.Match[str]) -> str:
        return f'url("{found[1]}?v={_hash_of(home, str(folder / found[1]))}")'

    return _URL.sub(hashed, (home / name).read_text(encoding="utf-8")).encode()
