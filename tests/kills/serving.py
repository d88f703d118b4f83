"""How a request reaches an application, and what a minute's turn starts: in a victim or not."""

from __future__ import annotations

import base64
from typing import Any

from flask import Flask

from shop.cli import periodic
from shop.core import jobs
from shop.core.db import act_as, db

Json = dict[str, Any]


def answered(app: Flask, command: Json) -> Json:
    """Serve the request of a command: status, and the body where it is JSON."""
    body = command.get("body")
    came = app.test_client().open(
        command["path"],
        method=command["method"],
        headers=command.get("headers", {}),
        data=None if body is None else base64.b64decode(body),
    )
    return {"status": came.status_code, "json": came.get_json(silent=True)}


def start_periodic(worker: Flask) -> None:
    """What a minute's turn starts: every periodic job of the house, once."""
    with worker.app_context():
        act_as("system:test")
        for name in periodic():
            jobs.defer(name)
        db.session.commit()
        db.session.remove()
