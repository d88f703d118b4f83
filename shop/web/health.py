"""Is the shop alive, is it ready, and where the description of its API is shown."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from shop.core.db import db
from shop.core.sealed import keyring

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return jsonify(status="alive")


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """The database, the job queue and the keys for health data are within reach."""
    checks = {"database": False, "queue": False, "sealed_keys": bool(keyring.keys)}
    try:
        db.session.execute(sa.text("SELECT shop_now()"))
        checks["database"] = True
        db.session.execute(sa.text("SELECT 1 FROM procrastinate_jobs LIMIT 1"))
        checks["queue"] = True
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
    ok = all(checks.values())
    return jsonify(status="ready" if ok else "not ready", checks=checks), 200 if ok else 503


@bp.get("/api/docs")
def docs() -> str:
    """The API, to read and to try."""
    return render_template("api_docs.html")


for view in (alive, ready, docs):
    view.allowed = ()  # type: ignore[attr-defined]  # anyone
