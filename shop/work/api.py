"""Long work over HTTP: /work."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.web.api import Blueprint, committed
from shop.web.downloads import as_attachment
from shop.web.paging import page
from shop.work import carrying, queries, schemas
from shop.work.models import Work

bp = Blueprint("work", __name__, url_prefix="/api/v1/work", description="Work that takes long")


@bp.get("")
@allow(*Role)
@bp.arguments(schemas.WorksQuery, location="query")
@bp.response(200, schemas.WorksOut)
def list_work(asked: dict[str, Any]) -> dict[str, Any]:
    """List what you asked for, the newest first; a manager sees everybody's."""
    query = queries.works(actor(), status=asked.pop("status"))
    return page(query, queries.NEWEST_FIRST, descending=True, **asked)


@bp.get("/<uuid:work_id>")
@allow(*Role)
@bp.response(200, schemas.WorkOut)
def show(work_id: uuid.UUID) -> Work:
    """How far it is, and how it ended."""
    return queries.work_for(actor(), work_id)


@bp.post("/<uuid:work_id>/resumption")
@allow(*Role)
@bp.response(200, schemas.WorkOut)
def resume(work_id: uuid.UUID) -> Response:
    """Queue work that failed or was stopped again."""
    work = queries.work_for(actor(), work_id)
    carrying.resume(work)
    return committed(schemas.WorkOut, work)


@bp.get("/<uuid:work_id>/file")
@allow(*Role)
@bp.response(200)
def fetch(work_id: uuid.UUID) -> Response:
    """The file it made: for whoever asked, for a day."""
    file, content = queries.file_for(actor(), work_id, at=now())
    return as_attachment(content, file.media_type, name=file.name.removesuffix(".csv"))
