"""The floor of a view: the bytes the shop answered, from a Flask that does nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response

app = Flask("bare")
_answers = Path(os.environ["BARE_ANSWERS"])
_kept: dict[str, bytes] = {}


@app.route("/<name>", methods=["GET", "POST", "PUT"])
def ready(name: str) -> Response:
    """The bytes kept under `name`; read once."""
    if name not in _kept:
        path = _answers / Path(name).name
        if not path.exists():
            return Response(status=404)
        _kept[name] = path.read_bytes()
    return Response(_kept[name], content_type="application/json")
